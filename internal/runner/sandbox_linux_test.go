package runner

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/host"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/runner/image"
	"github.com/tachograph/tacho/internal/runner/isolate"
	"github.com/tachograph/tacho/internal/runner/isolate/fake"
	"github.com/tachograph/tacho/internal/runner/isolate/tiny"
)

// sandboxed runs one command of a driver in memory, and looks that no sandbox is left.
func sandboxed(t *testing.T, ctx context.Context, d *fake.Driver, p iterationParams) (iterationEnd, error) {
	t.Helper()
	m := &linuxMachine{driver: d, caps: d.Capabilities, root: fstest.MapFS{}, log: slog.New(slog.DiscardHandler)}
	img := &linuxImage{machine: m, image: &image.Image{RootFS: "/image", Config: image.Config{
		Env: []string{"PATH=/bin", "MODE=slow"}, WorkDir: "/work", User: "bench", Entrypoint: []string{"bench"},
	}}}
	p.name, p.cpu, p.memory, p.disk = "j1-1-0", 2, 64<<20, 1<<20
	if p.stdout == nil {
		p.stdout = io.Discard
	}
	p.stderr, p.started = io.Discard, func() {}
	if p.timeout == 0 {
		p.timeout = time.Minute
	}
	end, err := img.run(ctx, p)
	if left := d.Sandboxes(); len(left) > 0 {
		t.Errorf("sandboxes are left: %v", left)
	}
	return end, err
}

func program(p fake.Program) *fake.Driver {
	return &fake.Driver{
		Capabilities: isolate.Capabilities{Name: "fake", Level: host.GVisor, Notes: []string{"of the host"}},
		Programs:     map[string]fake.Program{"bench": p}, Notes: []string{"of the task"},
	}
}

func TestASandboxGetsWhatTheJobSaysAndNothingElse(t *testing.T) {
	t.Parallel()
	d := program(func(p *fake.Process) isolate.Exit { return isolate.Exit{} })
	end, err := sandboxed(t, t.Context(), d, iterationParams{cmd: []string{"-all"}, env: map[string]string{"MODE": "fast", "A": "1"}, network: true})
	if err != nil {
		t.Fatal(err)
	}
	want := []isolate.Task{{
		ID: "j1-1-0", RootFS: "/image", Args: []string{"bench", "-all"}, Env: []string{"PATH=/bin", "A=1", "MODE=fast"}, WorkDir: "/work", User: "bench",
		CPUs: 2, MemoryBytes: 64 << 20, DiskBytes: 1 << 20, PidsMax: limits.SandboxProcesses, Network: true,
		MaxWall: time.Minute + limits.HangMargin,
	}}
	if diff := cmp.Diff(want, d.Tasks()); diff != "" {
		t.Errorf("task (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"of the host", "of the task"}, end.notes); diff != "" || end.level != "gvisor" {
		t.Errorf("level %q, notes (-want +got):\n%s", end.level, diff)
	}
}

func TestACommandOverItsTimeIsAskedAndThenForced(t *testing.T) {
	t.Parallel()
	listens := func(p *fake.Process) isolate.Exit {
		<-p.Terminated
		time.Sleep(time.Second)
		io.WriteString(p.Stdout, "partial")
		return isolate.Exit{Code: 3}
	}
	deaf := func(p *fake.Process) isolate.Exit {
		io.WriteString(p.Stdout, "partial")
		<-p.Killed
		return isolate.Exit{}
	}
	for name, row := range map[string]struct {
		program   fake.Program
		interrupt time.Duration // 0: never
		code      int
		timedOut  bool
		wall      time.Duration
		stdout    string
	}{
		"it listens":                   {listens, 0, 3, true, 11 * time.Second, "partial"},
		"it does not":                  {deaf, 0, 137, true, 15 * time.Second, "partial"},
		"interrupted":                  {deaf, 4 * time.Second, 137, false, 4 * time.Second, "partial"},
		"interrupted while it listens": {listens, 10*time.Second + time.Millisecond, 137, true, 10*time.Second + time.Millisecond, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, interrupt := context.WithCancel(t.Context())
				defer interrupt()
				if row.interrupt > 0 {
					time.AfterFunc(row.interrupt, interrupt)
				}
				var stdout bytes.Buffer
				end, err := sandboxed(t, ctx, program(row.program), iterationParams{timeout: 10 * time.Second, grace: 5 * time.Second, stdout: &stdout})
				if err != nil || end.exitCode != row.code || end.timedOut != row.timedOut || end.wall != row.wall || stdout.String() != row.stdout {
					t.Errorf("code %d, timed out %t, after %s, %q, %v", end.exitCode, end.timedOut, end.wall, &stdout, err)
				}
			})
		})
	}
}

type collectedFile struct {
	bytes.Buffer
	closed bool
}

func (f *collectedFile) Close() error {
	f.closed = true
	return nil
}

func TestFilesAreCollectedWithinTheirLimit(t *testing.T) {
	t.Parallel()
	d := program(func(p *fake.Process) isolate.Exit {
		for name, text := range map[string]string{"small": "1234", "/large": "12345", "/dir/x": ""} {
			if p.WriteFile(name, []byte(text)) != nil {
				return isolate.Exit{Code: 9}
			}
		}
		return isolate.Exit{}
	})
	got := map[string]*collectedFile{}
	end, err := sandboxed(t, t.Context(), d, iterationParams{
		filePaths: []string{"/work/small", "/large", "/nothing", "/dir"}, fileLimit: 4,
		file: func(path string) (io.WriteCloser, error) {
			got[path] = &collectedFile{}
			return got[path], nil
		},
	})
	if err != nil || end.exitCode != 0 {
		t.Fatalf("%+v, %v", end, err)
	}
	want := []collected{{path: "/work/small", size: 4}, {path: "/large", size: 4, truncated: true}}
	if diff := cmp.Diff(want, end.files, cmp.AllowUnexported(collected{})); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"/nothing", "/dir"}, end.missing); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
	for path, text := range map[string]string{"/work/small": "1234", "/large": "1234"} {
		if f := got[path]; f == nil || f.String() != text || !f.closed {
			t.Errorf("%s: %+v", path, f)
		}
	}
}

func TestASandboxThatFailsIsToldByItsKind(t *testing.T) {
	t.Parallel()
	internal := errors.New("no loop device")
	for name, row := range map[string]struct {
		method fake.Method
		err    error
		reason api.Reason
	}{
		"the image's fault":   {fake.Prepare, fault.Invalidf("who is ghost"), api.ReasonImageInvalid},
		"not on this machine": {fake.Prepare, fault.New(fault.Unavailable, "9 CPUs"), api.ReasonHostUnfit},
		"cannot begin":        {fake.Start, fault.Invalidf("no such program"), api.ReasonImageInvalid},
		"ours, at first":      {fake.Prepare, internal, api.ReasonNone},
		"ours, at the start":  {fake.Start, internal, api.ReasonNone},
		"ours, at the end":    {fake.Wait, internal, api.ReasonNone},
	} {
		d := program(func(*fake.Process) isolate.Exit { return isolate.Exit{} })
		d.Fail = func(m fake.Method, _ isolate.Task) error {
			if m == row.method {
				return row.err
			}
			return nil
		}
		_, err := sandboxed(t, t.Context(), d, iterationParams{})
		if !errors.Is(err, row.err) {
			t.Errorf("%s: got %v, want %v", name, err, row.err)
		}
		if f, ok := errors.AsType[*failure](err); ok != (row.reason != api.ReasonNone) || ok && f.reason != row.reason {
			t.Errorf("%s: got %v, want reason %q", name, err, row.reason)
		}
	}
}

func TestAMachineIsProvenByACommandInASandbox(t *testing.T) {
	t.Parallel()
	if tiny.Proof(runtime.GOARCH) == nil {
		t.Skipf("no program for %s", runtime.GOARCH)
	}
	says := func(word, file string, code int) fake.Program {
		return func(p *fake.Process) isolate.Exit {
			_, _ = io.WriteString(p.Stdout, word)
			if file != "" {
				_ = p.WriteFile("/"+tiny.File, []byte(file))
			}
			return isolate.Exit{Code: code}
		}
	}
	good := says(tiny.Word, tiny.Word, 0)
	for name, row := range map[string]struct {
		program fake.Program
		fails   fake.Method
		want    string
	}{
		"it works":               {good, "", ""},
		"no sandbox can be made": {good, fake.Prepare, "boom"},
		"it does not start":      {good, fake.Start, "boom"},
		"it cannot be observed":  {good, fake.Wait, "boom"},
		"it fails":               {says(tiny.Word, tiny.Word, 1), "", "exit code 1"},
		"its output is lost":     {says("", tiny.Word, 0), "", `"" came by its stdout`},
		"its file is lost":       {says(tiny.Word, "", 0), "", `"" by its file`},
		"its file is another":    {says(tiny.Word, "x", 0), "", `"x" by its file`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &fake.Driver{Capabilities: isolate.Capabilities{Name: "fake", Level: host.Container},
				Programs: map[string]fake.Program{"/try": row.program}}
			d.Fail = func(m fake.Method, _ isolate.Task) error {
				if m == row.fails {
					return errors.New("boom")
				}
				return nil
			}
			m := &linuxMachine{dir: t.TempDir(), driver: d, caps: d.Capabilities, root: fstest.MapFS{}, log: slog.New(slog.DiscardHandler)}
			err := proven(m)
			if (err != nil) != (row.want != "") || err != nil && (!errors.Is(err, ErrNoSandbox) || !strings.Contains(err.Error(), row.want)) {
				t.Errorf("got %v, want %q", err, row.want)
			}
			if left, err := os.ReadDir(m.dir); err != nil || len(left) > 0 || len(d.Sandboxes()) > 0 {
				t.Errorf("left: %v, %v, %v", left, d.Sandboxes(), err)
			}
		})
	}
}

func TestACommandThatHangsProvesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &fake.Driver{Capabilities: isolate.Capabilities{Name: "fake", Level: host.Container}, Programs: map[string]fake.Program{
			"/try": func(p *fake.Process) isolate.Exit { <-p.Killed; return isolate.Exit{} },
		}}
		m := &linuxMachine{dir: t.TempDir(), driver: d, caps: d.Capabilities, root: fstest.MapFS{}, log: slog.New(slog.DiscardHandler)}
		if err := proven(m); !errors.Is(err, ErrNoSandbox) || !strings.Contains(err.Error(), "did not end within 1m0s") {
			t.Errorf("got %v", err)
		}
	})
}

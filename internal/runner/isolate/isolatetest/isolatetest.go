//go:build linux

// Package isolatetest is what every isolation driver must do, as tests: a driver's own tests call Run.
//
// The claims are played with a real program in a real sandbox, so they need what the driver needs; where it cannot work the test is skipped with
// the driver's own reason.
package isolatetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/runner/isolate"
)

// Subject is the driver under test.
type Subject struct {
	// New makes a driver that works in the folder; an Unavailable fault skips the test.
	New func(dir string) (isolate.Driver, error)
	// Level is what it must reach.
	Level isolate.Level
	// Refusal is how what the sandbox forbids fails in it, by the probe's word, where it is not as on Linux.
	Refusal map[string]string
	// Left lists what of a sandbox is still there after Close, beside mounts: folders, control groups.
	Left func(dir, id string) []string
}

// Run plays all claims.
func Run(t *testing.T, s Subject) {
	t.Helper()
	image, err := imageFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, claim := range []struct {
		name string
		test func(*bench)
	}{
		{"Exit code and streams are the commands", exitCodeAndStreamsAreTheCommands},
		{"A writer that fails ends nothing", aWriterThatFailsEndsNothing},
		{"A sandbox is apart", aSandboxIsApart},
		{"Memory is limited", memoryIsLimited},
		{"Disk is limited", diskIsLimited},
		{"A fork bomb stops", aForkBombStops},
		{"Kill asks and then forces", killAsksAndThenForces},
		{"Files of a command can be collected", filesOfACommandCanBeCollected},
		{"A failed start leaves nothing", aFailedStartLeavesNothing},
		{"Missing resources are refused", missingResourcesAreRefused},
		{"Sweep removes what a killed runner left", sweepRemovesWhatAKilledRunnerLeft},
	} {
		t.Run(claim.name, func(t *testing.T) {
			b := &bench{T: t, subject: s, image: image, dir: t.TempDir()}
			b.driver, err = s.New(b.dir)
			if fault.Is(err, fault.Unavailable) {
				t.Skip(fault.Message(err))
			}
			if err != nil {
				t.Fatal(err)
			}
			caps, err := b.driver.Probe(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if caps.Level != s.Level {
				t.Fatalf("it reaches %s, want %s", caps.Level, s.Level)
			}
			claim.test(b)
		})
	}
}

// bench is one claim's driver.
type bench struct {
	*testing.T
	subject Subject
	driver  isolate.Driver
	dir     string
	image   string
}

// imageFolder makes an image that holds the probe.
func imageFolder(parent string) (string, error) {
	dir := filepath.Join(parent, "image")
	for _, d := range []string{"etc", "tmp", "mnt", "proc", "sys", "dev"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return "", err
		}
	}
	for p := dir; len(p) > len(os.TempDir()); p = filepath.Dir(p) { // the benchmark's user must get there
		if err := os.Chmod(p, 0o755); err != nil {
			return "", err
		}
	}
	if err := os.Chmod(filepath.Join(dir, "tmp"), 0o777|os.ModeSticky); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "etc/passwd"), []byte("root:x:0:0::/:/sh\nbench:x:1234:77::/:/sh\n"), 0o644); err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "probe"), "github.com/tachograph/tacho/internal/runner/isolate/isolatetest/probe")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the probe: %w: %s", err, out)
	}
	return dir, nil
}

func (t *bench) task(args ...string) isolate.Task {
	return isolate.Task{
		ID: "t" + strconv.Itoa(os.Getpid()) + "-" + strconv.FormatInt(time.Now().UnixNano(), 36), RootFS: t.image, Args: append([]string{"/probe"}, args...),
		CPUs: 1, MemoryBytes: 128 << 20, DiskBytes: 32 << 20, PidsMax: 64,
	}
}

type result struct {
	exit           isolate.Exit
	stdout, stderr string
}

// run runs a task to its end.
func (t *bench) run(tk isolate.Task, meanwhile func(isolate.Sandbox, *output)) result {
	t.Helper()
	s, err := t.driver.Prepare(t.Context(), tk)
	if err != nil {
		t.Fatal(err)
	}
	defer t.nothingIsLeft(s, tk.ID)
	out, errs := newOutput(), newOutput()
	if err := s.Start(t.Context(), out, errs); err != nil {
		t.Fatal(err)
	}
	if meanwhile != nil {
		meanwhile(s, out)
	}
	exit, err := s.Wait()
	if err != nil {
		t.Fatal(err)
	}
	return result{exit, out.String(), errs.String()}
}

// nothingIsLeft closes a sandbox and looks for what it may have left behind.
func (t *bench) nothingIsLeft(s isolate.Sandbox, id string) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mounts), id) {
		t.Error("a mount is left")
	}
	if left := t.subject.Left(t.dir, id); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// output collects and tells when something came.
type output struct {
	mu  sync.Mutex
	b   bytes.Buffer
	got chan struct{}
}

func newOutput() *output { return &output{got: make(chan struct{}, 1)} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.got <- struct{}{}:
	default:
	}
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func exitCodeAndStreamsAreTheCommands(t *bench) {
	got := t.run(t.task("exit"), nil)
	if got.exit.Code != 7 || got.exit.Signal != "" || got.stdout != "to stdout\n" || got.stderr != "to stderr\n" || got.exit.Wall <= 0 {
		t.Errorf("got %+v", got)
	}
}

// closedPipe is a writer that takes nothing.
type closedPipe struct{}

func (closedPipe) Write([]byte) (int, error) { return 0, errors.New("nobody listens") }

func aWriterThatFailsEndsNothing(t *bench) {
	tk := t.task("exit")
	s, err := t.driver.Prepare(t.Context(), tk)
	if err != nil {
		t.Fatal(err)
	}
	defer t.nothingIsLeft(s, tk.ID)
	if err := s.Start(t.Context(), closedPipe{}, closedPipe{}); err != nil {
		t.Fatal(err)
	}
	if exit, err := s.Wait(); err != nil || exit.Code != 7 {
		t.Errorf("it ended %+v, %v", exit, err)
	}
}

func aSandboxIsApart(t *bench) {
	tk := t.task("look")
	tk.User, tk.WorkDir, tk.Env = "bench", "/tmp", []string{"GREETING=hello world"}
	t.Setenv("TACHO_SECRET_OF_HOST", "leaked")
	got := t.run(tk, nil)
	want := `uid 1234 gid 77
cwd /tmp
env GREETING=hello world HOME=/ PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
cpus 1
pid 1
interfaces up [lo]
network true
mount operation not permitted
unshare operation not permitted
ptrace operation not permitted
sysctl read-only file system
sys read-only file system
write ok
host file true
`
	for what, refusal := range t.subject.Refusal {
		want = regexp.MustCompile(`(?m)^`+what+` .*$`).ReplaceAllString(want, what+" "+refusal)
	}
	if diff := cmp.Diff(want, got.stdout); diff != "" {
		t.Errorf("what the command saw (-want +got):\n%s\nstderr: %s", diff, got.stderr)
	}
}

func memoryIsLimited(t *bench) {
	if got := t.run(t.task("eat"), nil); !got.exit.OOMKilled || got.exit.Code != 137 || got.exit.Signal != "SIGKILL" {
		t.Errorf("got %+v, want killed for memory", got.exit)
	}
}

func diskIsLimited(t *bench) {
	if got := t.run(t.task("fill"), nil); got.stdout != "write no space left on device\nbelow the limit: true\n" {
		t.Errorf("got %q %q", got.stdout, got.stderr)
	}
}

func aForkBombStops(t *bench) {
	if got := t.run(t.task("fork"), nil); got.stdout != "stopped: true error: true\n" {
		t.Errorf("got %q", got.stdout)
	}
}

func killAsksAndThenForces(t *bench) {
	wait := func(grace time.Duration) func(isolate.Sandbox, *output) {
		return func(s isolate.Sandbox, o *output) {
			<-o.got
			s.Kill(grace)
		}
	}
	if got := t.run(t.task("polite"), wait(time.Minute)); got.exit.Code != 3 || got.stdout != "ready\nbye\n" {
		t.Errorf("one that listens: %+v", got)
	}
	if got := t.run(t.task("stubborn"), wait(50*time.Millisecond)); got.exit.Code != 137 || got.exit.OOMKilled {
		t.Errorf("one that does not: %+v", got)
	}
	if got := t.run(t.task("polite"), wait(0)); got.exit.Code != 137 {
		t.Errorf("by force: %+v", got)
	}
}

func filesOfACommandCanBeCollected(t *bench) {
	s, err := t.driver.Prepare(t.Context(), t.task("look"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Start(t.Context(), io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Wait(); err != nil {
		t.Fatal(err)
	}
	r, size, err := s.Open("/tmp/file")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r)
	r.Close()
	if err != nil || string(body) != "kept" || size != 4 {
		t.Errorf("got %q, %d, %v", body, size, err)
	}
	for path, want := range map[string]fault.Kind{"/nothing": fault.Missing, "/tmp": fault.Invalid, "../../../../etc/shadow": fault.Missing} {
		if _, _, err := s.Open(path); !fault.Is(err, want) {
			t.Errorf("Open(%s) = %v, want %v", path, err, want)
		}
	}
	if _, err := os.Stat(filepath.Join(t.image, "tmp/file")); err == nil {
		t.Error("the command wrote into the image")
	}
}

func aFailedStartLeavesNothing(t *bench) {
	tk := t.task()
	tk.Args = []string{"/no/such/program"}
	s, err := t.driver.Prepare(t.Context(), tk)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context(), io.Discard, io.Discard); err == nil {
		t.Error("a missing program started")
	}
	t.nothingIsLeft(s, tk.ID)
}

func missingResourcesAreRefused(t *bench) {
	for name, change := range map[string]func(*isolate.Task){
		"cpu": func(k *isolate.Task) { k.CPUs = 0 }, "memory": func(k *isolate.Task) { k.MemoryBytes = 0 }, "disk": func(k *isolate.Task) { k.DiskBytes = 0 },
		"processes": func(k *isolate.Task) { k.PidsMax = 0 }, "command": func(k *isolate.Task) { k.Args = nil }, "a user that is not there": func(k *isolate.Task) { k.User = "ghost" },
	} {
		tk := t.task("exit")
		change(&tk)
		if _, err := t.driver.Prepare(t.Context(), tk); !fault.Is(err, fault.Invalid) {
			t.Errorf("without %s: %v", name, err)
		}
	}
	if left := t.subject.Left(t.dir, "tacho"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func sweepRemovesWhatAKilledRunnerLeft(t *bench) {
	tk := t.task("stubborn")
	s, err := t.driver.Prepare(t.Context(), tk)
	if err != nil {
		t.Fatal(err)
	}
	out := newOutput()
	if err := s.Start(t.Context(), out, io.Discard); err != nil {
		t.Fatal(err)
	}
	<-out.got
	if err := t.driver.Sweep(t.Context()); err != nil { // as the next runner does, which knows nothing of s
		t.Fatal(err)
	}
	if exit, err := s.Wait(); err != nil || exit.Code != 137 {
		t.Errorf("the command ended %+v, %v", exit, err)
	}
	t.nothingIsLeft(s, tk.ID)
}

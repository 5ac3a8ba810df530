package runner

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/imagepack"
)

// benchImage builds the test program once and packs it as an image.
var benchImage = sync.OnceValues(func() (layout string, err error) {
	dir := imageDir()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "bench"), "./testdata/bench")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", &exec.Error{Name: string(out), Err: err}
	}
	img, err := imagepack.Build(imagepack.Spec{Files: []imagepack.File{{Source: filepath.Join(dir, "bench"), Target: "/bench"}}, Entrypoint: []string{"/bench"}, Architecture: runtime.GOARCH})
	if err != nil {
		return "", err
	}
	layout = filepath.Join(dir, "layout")
	_, err = imagepack.WriteLayout(img, layout)
	return layout, err
})

// aRealShot is a run in a container, or a skip where there can be none.
func aRealShot(t *testing.T, cmd ...string) OneShot {
	t.Helper()
	return aShotWith(t, "", cmd...)
}

// testRunsc is gVisor's runtime, from where TACHO_TEST_RUNSC says or from the search path.
func testRunsc() string {
	if path := os.Getenv("TACHO_TEST_RUNSC"); path != "" {
		return path
	}
	return "runsc"
}

// aShotWith is a run with a runtime, or a skip where that cannot work.
func aShotWith(t *testing.T, runtime string, cmd ...string) OneShot {
	t.Helper()
	shot := aShot(t)
	shot.Machine.Runtime, shot.Machine.Keeper = runtime, testKeeper
	shot.StateDir, shot.OutputDir, shot.Cmd = stateDir(t), filepath.Join(t.TempDir(), "out"), cmd
	_, release, err := openMachine(shot.StateDir, shot.Machine, shot.Log)
	if fault.Is(err, fault.Unavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	release()
	if shot.Image, err = benchImage(); err != nil {
		t.Fatal(err)
	}
	return shot
}

// stateDir is a temporary folder that the benchmark's user may walk through.
func stateDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestRealContainerEndsAreTold(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		cmd    string
		change func(*OneShot)
		exit   int
		reason api.Reason
		stdout string
	}{
		{"prints", "print", nil, fault.ExitOK, api.ReasonNone, "BenchmarkIt 1 42 ns/op\n"},
		{"prints nothing", "nothing", nil, fault.ExitOK, api.ReasonNone, ""},
		{"exit code", "exit", nil, fault.ExitBenchmarkFailed, api.ReasonBenchmarkExit, "partial\n"},
		{"exit code allowed", "exit", func(o *OneShot) { o.AllowFailure = true }, fault.ExitOK, api.ReasonNone, "partial\n"},
		{"ignores SIGTERM", "stubborn", func(o *OneShot) { o.Timeout = time.Second }, fault.ExitTimedOut, api.ReasonBenchmarkTimeout, "ready\n"},
		{"exit 0 without its file", "nothing", func(o *OneShot) { o.Files = []string{"/result.json"} }, fault.ExitBenchmarkFailed, api.ReasonNoResult, ""},
		{"memory", "eat", nil, fault.ExitBenchmarkFailed, api.ReasonOutOfMemory, ""},
		{"no such command", "", func(o *OneShot) { o.Entrypoint = []string{"/nowhere"} }, fault.ExitInfrastructure, api.ReasonImageInvalid, ""},
		{"more CPUs than there are", "print", func(o *OneShot) { o.CPU = 10_000 }, fault.ExitInfrastructure, api.ReasonHostUnfit, ""},
		{"stronger isolation than there is", "print", func(o *OneShot) { o.Isolation = "microvm" }, fault.ExitInfrastructure, api.ReasonHostUnfit, ""},
		{"gVisor where it was not asked for", "print", func(o *OneShot) { o.Isolation = "gvisor" }, fault.ExitInfrastructure, api.ReasonHostUnfit, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			shot := aRealShot(t, tt.cmd)
			var stdout, stderr bytes.Buffer
			shot.Stdout, shot.Stderr = &stdout, &stderr
			if tt.change != nil {
				tt.change(&shot)
			}
			got, err := RunOnce(t.Context(), shot)
			if err != nil {
				t.Fatal(err)
			}
			if got.Exit() != tt.exit || got.Reason != tt.reason || stdout.String() != tt.stdout {
				t.Errorf("exit %d, reason %q %q, stdout %q, stderr %q", got.Exit(), got.Reason, got.Error, stdout.String(), stderr.String())
			}
			if left, err := filepath.Glob(filepath.Join(shot.StateDir, "isolate", "sandboxes", "*")); err != nil || len(left) != 0 {
				t.Errorf("sandboxes left: %v, %v", left, err)
			}
			if len(got.Results) > 0 && (got.Host.Isolation != "container" || got.Host.Kernel == "" || got.Results[0].WallNS <= 0) {
				t.Errorf("facts: %+v, results %+v", got.Host, got.Results)
			}
		})
	}
}

// TestARealCommandThatTheKernelRefusesIsTheImagesFault has a script whose interpreter is not in the image: the runtime starts it, the
// kernel does not.
func TestARealCommandThatTheKernelRefusesIsTheImagesFault(t *testing.T) {
	t.Parallel()
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte("#!/bin/interpreter\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	img, err := imagepack.Build(imagepack.Spec{Files: []imagepack.File{{Source: script, Target: "/script"}},
		Entrypoint: []string{"/script"}, Architecture: runtime.GOARCH})
	if err != nil {
		t.Fatal(err)
	}
	shot := aRealShot(t)
	shot.Image = filepath.Join(t.TempDir(), "layout")
	if _, err := imagepack.WriteLayout(img, shot.Image); err != nil {
		t.Fatal(err)
	}
	got, err := RunOnce(t.Context(), shot)
	if err != nil || got.Reason != api.ReasonImageInvalid || got.Exit() != fault.ExitInfrastructure ||
		!strings.Contains(got.Error, "no such file") {
		t.Errorf("exit %d, reason %q %q, %v", got.Exit(), got.Reason, got.Error, err)
	}
}

// TestRealGVisorIsReachedAndTold asks for it and for less; either way the result says what was reached, and at what price.
func TestRealGVisorIsReachedAndTold(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		isolation, cmd string
		exit           int
		reason         api.Reason
		stdout         string
	}{
		{"gvisor", "print", fault.ExitOK, api.ReasonNone, "BenchmarkIt 1 42 ns/op\n"},
		{"container", "exit", fault.ExitBenchmarkFailed, api.ReasonBenchmarkExit, "partial\n"},
		{"gvisor", "eat", fault.ExitBenchmarkFailed, api.ReasonOutOfMemory, ""},
		{"microvm", "print", fault.ExitInfrastructure, api.ReasonHostUnfit, ""},
	} {
		t.Run(row.isolation+" "+row.cmd, func(t *testing.T) {
			t.Parallel()
			shot := aShotWith(t, testRunsc(), row.cmd)
			var stdout bytes.Buffer
			shot.Isolation, shot.Stdout, shot.Stderr = row.isolation, &stdout, io.Discard
			got, err := RunOnce(t.Context(), shot)
			if err != nil || got.Exit() != row.exit || got.Reason != row.reason || stdout.String() != row.stdout {
				t.Fatalf("exit %d, reason %q %q, stdout %q, %v", got.Exit(), got.Reason, got.Error, stdout.String(), err)
			}
			if row.reason == api.ReasonHostUnfit {
				return
			}
			noted := strings.Join(got.Results[0].Host.IsolationNotes, "; ")
			if got.Host.Isolation != "gvisor" || got.Results[0].Host.Isolation != "gvisor" || !strings.Contains(noted, "gVisor's own kernel") {
				t.Errorf("it was told as %q, %q with the notes %q", got.Host.Isolation, got.Results[0].Host.Isolation, noted)
			}
		})
	}
}

func TestRealContainerIsFreshForEachIteration(t *testing.T) {
	t.Parallel()
	shot := aRealShot(t, "file")
	shot.Iterations, shot.Files = 2, []string{"/result.json"}
	got, err := RunOnce(t.Context(), shot)
	if err != nil || got.Reason != api.ReasonNone || len(got.Files) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	if text, err := os.ReadFile(got.Files[1]); err != nil || !strings.Contains(string(text), "latency") {
		t.Errorf("%s: %q, %v", got.Files[1], text, err)
	}
}

func TestRealContainerSeesItsEnvironmentAlone(t *testing.T) {
	t.Parallel()
	shot := aRealShot(t, "env")
	shot.Env = map[string]string{"B": "2", "A": "1 = one"}
	got, err := RunOnce(t.Context(), shot)
	if err != nil || got.Reason != api.ReasonNone {
		t.Fatalf("%+v, %v", got, err)
	}
	var names []string
	for line := range strings.Lines(*got.Results[0].Stdout) {
		name, _, _ := strings.Cut(line, "=")
		names = append(names, name)
	}
	if text := *got.Results[0].Stdout; !strings.Contains(text, "A=1 = one\nB=2\n") || strings.Contains(text, "TACHO") || len(names) > 4 {
		t.Errorf("environment:\n%s", text)
	}
}

// TestRealContainerHasTheImagesOwnersWithAUserNamespaceAndWithout runs an image twice in one state directory: as the machine is, and with
// a runtime that makes no user namespace, which each result and the log then say.
func TestRealContainerHasTheImagesOwnersWithAUserNamespaceAndWithout(t *testing.T) {
	t.Parallel()
	shot := aRealShot(t, "owner", "/secret")
	real, err := exec.LookPath("runc")
	if err != nil {
		t.Skip("runc is not installed: apt-get install runc")
	}
	shim := filepath.Join(t.TempDir(), "runc")
	script := `#!/bin/sh
for word do
	[ "$last" = --bundle ] && grep -q '"type":"user"' "$word/config.json" && exit 1
	last=$word
done
exec ` + real + ` "$@"
`
	if err := os.WriteFile(shim, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	shot.Image = ownedImage(t, filepath.Join(imageDir(), "bench"), 1234, 77)
	for _, row := range []struct {
		runtime string
		without bool
	}{{real, false}, {shim, true}, {real, false}} {
		var stdout, said bytes.Buffer
		shot.Machine.Runtime, shot.Log = row.runtime, slog.New(slog.NewTextHandler(&said, nil))
		shot.Stdout, shot.Stderr = &stdout, io.Discard
		got, err := RunOnce(t.Context(), shot)
		if err != nil || got.Exit() != fault.ExitOK {
			t.Fatalf("exit %d, %q %q, %v", got.Exit(), got.Reason, got.Error, err)
		}
		if stdout.String() != "1234 77 <nil> <nil>\n" {
			t.Errorf("with %s: the owner of the file was told as %q", row.runtime, stdout.String())
		}
		const note = "no user namespace"
		noted := strings.Contains(strings.Join(got.Results[0].Host.IsolationNotes, "\n"), note)
		if noted != row.without || strings.Contains(said.String(), note) != row.without {
			t.Errorf("with %s: notes %q, log %q", row.runtime, got.Results[0].Host.IsolationNotes, said.String())
		}
	}
}

// ownedImage is an image with a program that runs as a user, and a file that this user alone may read.
func ownedImage(t *testing.T, program string, uid, gid int) (at string) {
	t.Helper()
	img, err := imagepack.Build(imagepack.Spec{
		Files: []imagepack.File{{Source: program, Target: "/bench"}}, Entrypoint: []string{"/bench"}, Architecture: runtime.GOARCH,
	})
	if err != nil {
		t.Fatal(err)
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	err = errors.Join(w.WriteHeader(&tar.Header{Name: "secret", Typeflag: tar.TypeReg, Mode: 0o600, Uid: uid, Gid: gid}), w.Close())
	if err != nil {
		t.Fatal(err)
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(layer.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	if img, err = mutate.AppendLayers(img, l); err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config.Config.User = fmt.Sprintf("%d:%d", uid, gid)
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	at = filepath.Join(t.TempDir(), "layout")
	if _, err := imagepack.WriteLayout(img, at); err != nil {
		t.Fatal(err)
	}
	return at
}

// TestRealImageWithAUserThatNoSandboxHasIsRefused asks for one more than the last.
func TestRealImageWithAUserThatNoSandboxHasIsRefused(t *testing.T) {
	t.Parallel()
	shot := aRealShot(t, "print")
	shot.Image = ownedImage(t, filepath.Join(imageDir(), "bench"), limits.SandboxIDs, 0)
	got, err := RunOnce(t.Context(), shot)
	if err != nil || got.Reason != api.ReasonImageInvalid || !strings.Contains(got.Error, "user 65536") {
		t.Errorf("reason %q %q, %v", got.Reason, got.Error, err)
	}
}

func TestRealContainerFloodIsCut(t *testing.T) {
	t.Parallel()
	shot := aRealShot(t, "flood")
	var stdout countingWriter
	shot.Stdout, shot.Stderr = &stdout, io.Discard
	got, err := RunOnce(t.Context(), shot)
	if err != nil || got.Reason != api.ReasonLimit || int64(stdout) != limits.JobOutputBytes {
		t.Errorf("%d bytes, %q %q, %v", stdout, got.Reason, got.Error, err)
	}
}

type countingWriter int64

func (c *countingWriter) Write(p []byte) (int, error) {
	*c += countingWriter(len(p))
	return len(p), nil
}

func TestRealContainerIsKilledOnInterrupt(t *testing.T) {
	t.Parallel()
	shot := aRealShot(t, "stubborn")
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	shot.Stdout, shot.Stderr = writerFunc(func([]byte) { interrupt() }), io.Discard
	got, err := RunOnce(ctx, shot)
	if err != nil || got.Exit() != fault.ExitInterrupted {
		t.Errorf("%+v, %v", got, err)
	}
}

type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) {
	f(p)
	return len(p), nil
}

func TestStateDirectoryHasOneUser(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	release, err := lockState(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lockState(dir); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "in use") {
		t.Errorf("second user: %v", err)
	}
	release()
	again, err := lockState(dir)
	if err != nil {
		t.Fatalf("after release: %v", err)
	}
	again()
}

// TestRealDaemonPullsByDigestAndReports is the whole road of a job on the runner's side.
func TestRealDaemonPullsByDigestAndReports(t *testing.T) {
	t.Parallel()
	shot := aRealShot(t)
	images := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(images.Close)
	img, err := imagepack.Build(imagepack.Spec{Files: []imagepack.File{{Source: filepath.Join(filepath.Dir(shot.Image), "bench"), Target: "/bench"}}, Entrypoint: []string{"/bench"}, Architecture: runtime.GOARCH})
	if err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(images.URL, "http://")
	digest, err := imagepack.Push(t.Context(), img, imagepack.Target{Registry: host, Repository: "p/bench", Tag: "v1", PlainHTTP: true})
	if err != nil {
		t.Fatal(err)
	}
	m, release, err := openMachine(shot.StateDir, MachineConfig{Keeper: testKeeper}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	offered := m.offer().facts
	hub := newFakeHub(t, aJob("j1", func(j *api.ClaimedJob) {
		j.Spec.Architecture, j.Config.Registry, j.Config.Repository, j.Config.Digest, j.Config.Internal = offered.Architecture, host, "p/bench", digest, false
		j.Config.Listed = true // it is on loopback
		j.Config.Cmd, j.Config.Iter = []string{"print"}, 2
	}))
	if err := start(t, hub, m, openSpool(t, shot.StateDir), oneJob).wait(t); err != nil {
		t.Fatal(err)
	}
	end := hub.awaitEnd("j1", 1)
	if end.Event != api.MsgCompleted || len(end.Results) != 2 || hub.outputs["j1 1 stdout"] != "BenchmarkIt 1 42 ns/op\n" || hub.outputs["j1 1 stderr"] != "on stderr\n" {
		t.Errorf("end %+v, outputs %v", end, hub.outputs)
	}
}

// TestARealRunnerDoesNotStartWhereItsRuntimeMakesNoSandbox: the runtime is installed, says its version, and cannot make a container.
func TestARealRunnerDoesNotStartWhereItsRuntimeMakesNoSandbox(t *testing.T) {
	t.Parallel()
	shot := aRealShot(t)
	works, err := exec.LookPath("runc")
	if err != nil {
		t.Skip("runc is not installed: apt-get install runc")
	}
	broken := filepath.Join(t.TempDir(), "runc")
	script := "#!/bin/sh\n[ \"$1\" = --version ] && exec " + works + " --version\necho 'no loop device is left' >&2\nexit 1\n"
	if err := os.WriteFile(broken, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	start := func(runtime string) error {
		d, release, err := New(Config{
			Host: "http://127.0.0.1:1", Runner: "box", Key: "tacho_runner_x", StateDir: shot.StateDir, Log: shot.Log, // nothing is dialed before Run
			Machine: MachineConfig{Runtime: runtime, Keeper: testKeeper},
		})
		if d != nil {
			release()
		}
		return err
	}
	if err := start(broken); !errors.Is(err, ErrNoSandbox) || !strings.Contains(err.Error(), "no loop device is left") {
		t.Errorf("a broken runtime: %v", err)
	}
	if err := start(works); err != nil {
		t.Errorf("one that works, on the same folder: %v", err)
	}
}

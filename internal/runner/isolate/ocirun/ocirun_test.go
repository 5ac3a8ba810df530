//go:build linux

package ocirun

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/runner/isolate"
)

// probe builds the test program once and returns an image folder that holds it.
var probe = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "ocirun-image-")
	if err != nil {
		return "", err
	}
	for _, d := range []string{"etc", "tmp", "mnt", "proc", "sys", "dev"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return "", err
		}
	}
	if err := os.Chmod(filepath.Join(dir, "tmp"), 0o777|os.ModeSticky); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "etc/passwd"), []byte("root:x:0:0::/:/sh\nbench:x:1234:77::/:/sh\n"), 0o644); err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "probe"), "./testdata/probe")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", &exec.Error{Name: string(out), Err: err}
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := probe(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// driver opens a driver, or skips where there can be none. TACHO_TEST_RUNTIME names another runtime than runc.
func driver(t *testing.T) *Driver {
	t.Helper()
	d, err := New(Config{Runtime: os.Getenv("TACHO_TEST_RUNTIME"), Dir: t.TempDir()})
	if fault.Is(err, fault.Unavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

func task(t *testing.T, args ...string) isolate.Task {
	t.Helper()
	root, err := probe()
	if err != nil {
		t.Fatal(err)
	}
	return isolate.Task{
		ID: "t" + strconv.Itoa(os.Getpid()) + "-" + strconv.FormatInt(time.Now().UnixNano(), 36), RootFS: root, Args: append([]string{"/probe"}, args...),
		CPUs: 1, MemoryBytes: 128 << 20, DiskBytes: 32 << 20, PidsMax: 64,
	}
}

type result struct {
	exit           isolate.Exit
	stdout, stderr string
}

// run runs a task to its end.
func run(t *testing.T, d *Driver, tk isolate.Task, meanwhile func(isolate.Sandbox, *output)) result {
	t.Helper()
	s, err := d.Prepare(t.Context(), tk)
	if err != nil {
		t.Fatal(err)
	}
	defer nothingIsLeft(t, d, s, tk.ID)
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
func nothingIsLeft(t *testing.T, d *Driver, s isolate.Sandbox, id string) {
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
	groups, err := filepath.Glob("/sys/fs/cgroup/*/*/tacho-" + id)
	more, _ := filepath.Glob("/sys/fs/cgroup/*/tacho-" + id)
	if groups = append(groups, more...); err != nil || len(groups) > 0 {
		t.Errorf("control groups are left: %v", groups)
	}
	for _, dir := range []string{"sandboxes", "state"} {
		if left, _ := os.ReadDir(filepath.Join(d.dir, dir)); len(left) > 0 {
			t.Errorf("%s is not empty", dir)
		}
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

func TestExitCodeAndStreamsAreTheCommands(t *testing.T) {
	got := run(t, driver(t), task(t, "exit"), nil)
	if got.exit.Code != 7 || got.exit.Signal != "" || got.stdout != "to stdout\n" || got.stderr != "to stderr\n" || got.exit.Wall <= 0 {
		t.Errorf("got %+v", got)
	}
}

func TestASandboxIsApart(t *testing.T) {
	d := driver(t)
	tk := task(t, "look")
	tk.User, tk.WorkDir, tk.Env = "bench", "/tmp", []string{"GREETING=hello world"}
	t.Setenv("TACHO_SECRET_OF_HOST", "leaked")
	got := run(t, d, tk, nil)
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
	if diff := cmp.Diff(want, got.stdout); diff != "" {
		t.Errorf("what the command saw (-want +got):\n%s\nstderr: %s", diff, got.stderr)
	}
}

func TestMemoryIsLimited(t *testing.T) {
	if got := run(t, driver(t), task(t, "eat"), nil); !got.exit.OOMKilled || got.exit.Code != 137 || got.exit.Signal != "SIGKILL" {
		t.Errorf("got %+v, want killed for memory", got.exit)
	}
}

func TestDiskIsLimited(t *testing.T) {
	if got := run(t, driver(t), task(t, "fill"), nil); got.stdout != "write no space left on device\nbelow the limit: true\n" {
		t.Errorf("got %q %q", got.stdout, got.stderr)
	}
}

func TestAForkBombStops(t *testing.T) {
	if got := run(t, driver(t), task(t, "fork"), nil); got.stdout != "stopped: true error: true\n" {
		t.Errorf("got %q", got.stdout)
	}
}

func TestKillAsksAndThenForces(t *testing.T) {
	d := driver(t)
	wait := func(grace time.Duration) func(isolate.Sandbox, *output) {
		return func(s isolate.Sandbox, o *output) {
			<-o.got
			s.Kill(grace)
		}
	}
	if got := run(t, d, task(t, "polite"), wait(time.Minute)); got.exit.Code != 3 || got.stdout != "ready\nbye\n" {
		t.Errorf("one that listens: %+v", got)
	}
	if got := run(t, d, task(t, "stubborn"), wait(50*time.Millisecond)); got.exit.Code != 137 || got.exit.OOMKilled {
		t.Errorf("one that does not: %+v", got)
	}
	if got := run(t, d, task(t, "polite"), wait(0)); got.exit.Code != 137 {
		t.Errorf("by force: %+v", got)
	}
}

func TestFilesOfACommandCanBeCollected(t *testing.T) {
	d := driver(t)
	s, err := d.Prepare(t.Context(), task(t, "look"))
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
	root, _ := probe()
	if _, err := os.Stat(filepath.Join(root, "tmp/file")); err == nil {
		t.Error("the command wrote into the image")
	}
}

func TestAFailedStartLeavesNothing(t *testing.T) {
	d := driver(t)
	tk := task(t)
	tk.Args = []string{"/no/such/program"}
	s, err := d.Prepare(t.Context(), tk)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context(), io.Discard, io.Discard); err == nil {
		t.Error("a missing program started")
	}
	nothingIsLeft(t, d, s, tk.ID)
}

func TestMissingResourcesAreRefused(t *testing.T) {
	d := driver(t)
	for name, change := range map[string]func(*isolate.Task){
		"cpu": func(k *isolate.Task) { k.CPUs = 0 }, "memory": func(k *isolate.Task) { k.MemoryBytes = 0 }, "disk": func(k *isolate.Task) { k.DiskBytes = 0 },
		"processes": func(k *isolate.Task) { k.PidsMax = 0 }, "command": func(k *isolate.Task) { k.Args = nil }, "a user that is not there": func(k *isolate.Task) { k.User = "ghost" },
	} {
		tk := task(t, "exit")
		change(&tk)
		if _, err := d.Prepare(t.Context(), tk); !fault.Is(err, fault.Invalid) {
			t.Errorf("without %s: %v", name, err)
		}
	}
	if left, _ := os.ReadDir(filepath.Join(d.dir, "sandboxes")); len(left) > 0 {
		t.Errorf("%d sandboxes are left", len(left))
	}
}

func TestSweepRemovesWhatAKilledRunnerLeft(t *testing.T) {
	d := driver(t)
	tk := task(t, "stubborn")
	s, err := d.Prepare(t.Context(), tk)
	if err != nil {
		t.Fatal(err)
	}
	out := newOutput()
	if err := s.Start(t.Context(), out, io.Discard); err != nil {
		t.Fatal(err)
	}
	<-out.got
	if err := d.Sweep(t.Context()); err != nil { // as the next runner does, which knows nothing of s
		t.Fatal(err)
	}
	if exit, err := s.Wait(); err != nil || exit.Code != 137 {
		t.Errorf("the command ended %+v, %v", exit, err)
	}
	nothingIsLeft(t, d, s, tk.ID)
}

func TestParseCPUs(t *testing.T) {
	t.Parallel()
	got, err := parseCPUs("0-2,5,7-8")
	if diff := cmp.Diff([]int{0, 1, 2, 5, 7, 8}, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	for _, bad := range []string{"", "a", "3-1", "1-", "0-99999999"} {
		if got, err := parseCPUs(bad); err == nil {
			t.Errorf("parseCPUs(%q) = %v", bad, got)
		}
	}
}

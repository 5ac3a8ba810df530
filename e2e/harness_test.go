package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
)

// patience is how long a foreign process may take on a slow machine; it is a guard, not a measure.
const patience = 3 * time.Minute

// binary builds tacho once for all stories.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "tacho-e2e-")
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "tacho")
	build := exec.Command("go", "build", "-o", file, "./cmd/tacho")
	build.Dir = ".."
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build tacho: %w\n%s", err, out)
	}
	return file, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if file, err := binary(); err == nil && strings.Contains(file, "tacho-e2e-") {
		_ = os.RemoveAll(filepath.Dir(file))
	}
	os.Exit(code)
}

func tachoBinary(t testing.TB) string {
	t.Helper()
	file, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// needContainers skips where a container cannot be started.
func needContainers(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to start containers")
	}
	if _, err := exec.LookPath("runc"); err != nil {
		t.Skip("needs runc: apt-get install runc")
	}
}

func needProgram(t testing.TB, name string) string {
	t.Helper()
	file, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("needs %s: apt-get install %s", name, name)
	}
	return file
}

// until polls a foreign process or server until ok; it fails the test when patience ends or the process of the story died.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); ; {
		if ok() {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("waited %s for: %s", patience, what)
		}
		time.Sleep(20 * time.Millisecond) // another process: there is no event to wait for
	}
}

// process is a running tacho.
type process struct {
	cmd  *exec.Cmd
	out  *safeBuffer
	done chan struct{}
	err  error
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func start(t testing.TB, env []string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(tachoBinary(t), args...), out: &safeBuffer{}, done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	p.begin(t)
	return p
}

// begin starts the command, which goes with the test. What it said is shown if the test fails.
func (p *process) begin(t testing.TB) {
	t.Helper()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			text := p.out.String()
			t.Logf("tacho %s said:\n%s", strings.Join(p.cmd.Args[1:], " "), text[max(0, len(text)-6000):])
		}
	})
}

// kill is kill -9.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// stop is SIGTERM, and returns the exit code.
func (p *process) stop(t testing.TB) int {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(patience):
		t.Fatal("tacho did not end after SIGTERM")
	}
	return p.cmd.ProcessState.ExitCode()
}

// world is a server with its data folder; it can be killed and started again on the same port.
type world struct {
	t      testing.TB
	data   string
	listen string
	url    string
	key    string
	server *process
}

var keyLine = regexp.MustCompile(`tacho_user_[0-9A-Za-z]+`)

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, data: filepath.Join(t.TempDir(), "data"), listen: freePort(t)}
	w.url = "http://" + w.listen
	w.startServer()
	until(t, "the admin key", func() bool { w.key = keyLine.FindString(w.server.out.String()); return w.key != "" })
	return w
}

// freePort returns an address that stays free while its server is killed and started again. It lies below the ports that the kernel gives
// to outgoing connections and to whoever asks for any: one of these could be taken in between.
func freePort(t testing.TB) string {
	t.Helper()
	for range 200 {
		port := 10_000 + rand.IntN(20_000)
		if _, taken := ports.LoadOrStore(port, true); taken {
			continue
		}
		address := fmt.Sprintf("127.0.0.1:%d", port)
		if l, err := net.Listen("tcp", address); err == nil {
			l.Close()
			return address
		}
	}
	t.Fatal("no free port between 10000 and 30000")
	return ""
}

var ports sync.Map // those that this process has given out

func (w *world) startServer(env ...string) {
	w.t.Helper()
	w.server = start(w.t, env, "server", "--listen", w.listen, "--data", w.data)
	w.ready()
}

func (w *world) ready() {
	w.t.Helper()
	until(w.t, "the server to answer", func() bool {
		select {
		case <-w.server.done:
			w.t.Fatalf("the server ended: %v\n%s", w.server.err, w.server.out.String())
		default:
		}
		res, err := http.Get(w.url + "/readyz")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

func (w *world) env() []string { return []string{"TACHO_HOST=" + w.url, "TACHO_KEY=" + w.key} }

// tacho runs a command to its end and returns stdout and the exit code; stderr is logged on failure.
func (w *world) tacho(args ...string) (stdout string, code int) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, tachoBinary(w.t), args...)
	cmd.Env = append(os.Environ(), w.env()...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		code = ended.ExitCode()
	} else if err != nil {
		w.t.Fatalf("tacho %v: %v", args, err)
	}
	if code != 0 {
		w.t.Logf("tacho %s: exit code %d\n%s", strings.Join(args, " "), code, errs.String())
	}
	return out.String(), code
}

// must is tacho with exit code 0.
func (w *world) must(args ...string) string {
	w.t.Helper()
	out, code := w.tacho(args...)
	if code != 0 {
		w.t.Fatalf("tacho %s: exit code %d", strings.Join(args, " "), code)
	}
	return out
}

// get asks the API; it returns false while the server is away.
func (w *world) get(path string, out any) bool {
	w.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, w.url+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.do(req, out) == http.StatusOK
}

// post sends body and returns the status, 0 while the server is away.
func (w *world) post(path string, body, out any) int {
	w.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, w.url+path, bytes.NewReader(raw))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	return w.do(req, out)
}

func (w *world) do(req *http.Request, out any) int {
	req.Header.Set("Authorization", "Bearer "+w.key)
	res, err := (&http.Client{Timeout: 30 * time.Second}).Do(req)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return 0
	}
	if res.StatusCode >= 400 {
		w.t.Logf("%s %s: %d %s", req.Method, req.URL.Path, res.StatusCode, raw)
		return res.StatusCode
	}
	if out != nil {
		if err := json.Unmarshal(raw, out); err != nil {
			w.t.Fatalf("%s %s: %v in %.200s", req.Method, req.URL.Path, err, raw)
		}
	}
	return res.StatusCode
}

// newRunner registers a runner and returns what starts it.
func (w *world) newRunner(name string) (startRunner func() *process) {
	w.t.Helper()
	dir := w.t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // root of a sandbox passes through it
		w.t.Fatal(err)
	}
	key := filepath.Join(dir, "key")
	var made api.RunnerKey
	if status := w.post("/v0/runners", api.NewRunner{Name: name, Specs: []string{"default"}}, &made); status != http.StatusCreated {
		w.t.Fatalf("create runner: status %d", status)
	}
	if err := os.WriteFile(key, []byte(made.Key), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return func() *process {
		return start(w.t, []string{"TACHO_HOST=" + w.url}, "runner", "up", "--runner", name, "--key-file", key, "--state-dir",
			filepath.Join(dir, "state"))
	}
}

// pushEmit builds the emit program into an image and pushes it as repository, with more files if any are named (FILE:PATH).
func (w *world) pushEmit(repository string, more ...string) {
	w.t.Helper()
	file := filepath.Join(w.t.TempDir(), "emit")
	build := exec.Command("go", "build", "-o", file, "./testdata/emit")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		w.t.Fatalf("build emit: %v\n%s", err, out)
	}
	w.must(slices.Concat([]string{"image", "push", repository, file + ":/emit"}, more, []string{"--entrypoint", "/emit"})...)
}

// ended reports whether a job's state is final.
func ended(s api.JobStatus) bool {
	return s == api.JobProcessed || s == api.JobFailed || s == api.JobCanceled
}

func basic(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
}

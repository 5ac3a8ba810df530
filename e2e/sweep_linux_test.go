package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tachograph/tacho/api"
)

// sweeps is a server with the image of tacho-suite, and a folder for local machines.
type sweeps struct {
	*world
	machines string
	config   string
}

// newSweeps makes the world. Whatever a test leaves of its machines is killed behind it.
func newSweeps(t *testing.T) *sweeps {
	t.Helper()
	needContainers(t)
	s := &sweeps{world: newWorld(t), machines: filepath.Join(t.TempDir(), "machines")}
	for dir := filepath.Dir(s.machines); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) { // a sandbox's root passes through it
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "tacho-suite")
	build := exec.Command("go", "build", "-o", file, "../suites/tacho-suite")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build tacho-suite: %v\n%s", err, out)
	}
	s.must("image", "push", "app/tacho-suite:v1", file+":/bin/tacho-suite", "--env", "PATH=/bin", "--workdir", "/results")
	t.Cleanup(func() {
		for _, pid := range append(s.processesWith("environ"), s.processes()...) { // also what watches in the background
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		if t.Failed() {
			logs, _ := filepath.Glob(filepath.Join(s.machines, "*", "*", "log"))
			for _, name := range logs {
				text, _ := os.ReadFile(name)
				t.Logf("%s:\n%s", name, text[max(0, len(text)-2000):])
			}
		}
	})
	return s
}

// of writes the configuration: workload are words behind tacho-suite, types are kinds of local machines.
func (s *sweeps) of(hosts, repeats int, ttl, workload string, types ...string) {
	s.t.Helper()
	s.config = filepath.Join(s.t.TempDir(), "sweep.yaml")
	text := fmt.Sprintf("hosts: %d\nrepeats: %d\nttl: %s\nworkloads:\n  - {name: kernels, image: \"tacho-suite:v1\", cmd: [tacho-suite, %s], "+
		"adapter: go_bench, timeout: 50s, expect: 1s}\ntargets: [{provider: local, types: [%s]}]\n", hosts, repeats, ttl, workload,
		strings.Join(types, ", "))
	if err := os.WriteFile(s.config, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func (s *sweeps) env() []string {
	return append(s.world.env(), "TACHO_MACHINES="+s.machines, "TACHO_PROJECT=app")
}

// processes are those that have the folder of machines in their command line: guards and runners.
func (s *sweeps) processes() []int { return s.processesWith("cmdline") }

func (s *sweeps) processesWith(where string) (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/" + where)
	for _, name := range files {
		text, err := os.ReadFile(name)
		pid, bad := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err == nil && bad == nil && bytes.Contains(text, []byte(s.machines)) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// state is the sweep as the server has it; false while the server is away or does not know it.
func (s *sweeps) state(id string) (out api.Sweep, ok bool) {
	ok = s.get("/v0/projects/app/sweeps/"+id, &out)
	return out, ok
}

// ends waits for a command, and returns its exit code and the result in its last line.
func (s *sweeps) ends(p *process) (code int, result api.Sweep) {
	s.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		s.t.Fatal("the command does not end")
	}
	lines := strings.Split(strings.TrimSpace(p.out.String()), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &result); err != nil {
		s.t.Fatalf("last line %q: %v", lines[len(lines)-1], err)
	}
	return p.cmd.ProcessState.ExitCode(), result
}

// complete checks that each task of an ended sweep was counted once and that nothing is left.
func (s *sweeps) complete(id string, tasks int) {
	s.t.Helper()
	got, _ := s.state(id)
	if got.Outcome != "completed" || !got.Clean || got.Tasks.Done != tasks || got.Tasks.Total != tasks {
		s.t.Errorf("sweep %s ended as %s, clean %t, with %+v", id, got.Outcome, got.Clean, got.Tasks)
	}
	var rows []api.SweepTask
	if !s.get("/v0/projects/app/sweeps/"+id+"/tasks?per_page=100", &rows) || len(rows) != tasks {
		s.t.Fatalf("%d tasks, want %d", len(rows), tasks)
	}
	seen := map[string]bool{}
	for _, task := range rows {
		what := fmt.Sprintf("%s %s %d", task.Slot, task.Workload, task.Repeat)
		if seen[what] || task.Status != api.JobProcessed || task.Machine == nil {
			s.t.Errorf("%s: seen before %t, %s, machine %v", what, seen[what], task.Status, task.Machine)
		}
		seen[what] = true
		var report api.Report
		if !s.get("/v0/projects/app/reports/"+task.Report, &report) || len(report.Results) != 1 {
			s.t.Errorf("%s: report %s has %d results, want those of one run", what, task.Report, len(report.Results))
		}
	}
	if left := s.processes(); len(left) > 0 {
		s.t.Errorf("processes %v are left", left)
	}
}

// TestASweepIsTakenOverAfterKill: the command is killed with kill -9 while tasks run, and so is the server. 'resume' ends what was begun;
// each task counts once.
func TestASweepIsTakenOverAfterKill(t *testing.T) {
	t.Parallel()
	s := newSweeps(t)
	s.of(2, 2, "10m", "--seconds=1", "process.a", "process.b")
	run := start(t, s.env(), "sweep", "run", "-c", s.config, "--id", "killed", "--json")
	until(t, "the first task to be done", func() bool { w, ok := s.state("killed"); return ok && w.Tasks.Done > 0 })
	run.kill()
	s.server.kill()
	if len(s.processes()) == 0 {
		t.Error("the machines went with the command")
	}
	s.startServer()
	code, result := s.ends(start(t, s.env(), "sweep", "resume", "killed", "--json"))
	if code != 0 || result.ID != "killed" {
		t.Errorf("exit code %d for sweep %q", code, result.ID)
	}
	s.complete("killed", 8)
}

// TestASweepOutlivesItsServer: the server is killed and started in each phase, and the command goes on.
func TestASweepOutlivesItsServer(t *testing.T) {
	t.Parallel()
	s := newSweeps(t)
	s.of(2, 2, "10m", "--seconds=1", "process")
	run := start(t, s.env(), "sweep", "run", "-c", s.config, "--id", "away", "--json")
	for what, reached := range map[string]func(api.Sweep) bool{
		"machines": func(w api.Sweep) bool { return w.Machines > 0 },
		"results":  func(w api.Sweep) bool { return w.Tasks.Done > 0 },
		"an end":   func(w api.Sweep) bool { return w.Tasks.Done == 4 },
	} {
		until(t, what, func() bool { w, ok := s.state("away"); return ok && reached(w) })
		s.server.kill()
		s.startServer()
	}
	if code, result := s.ends(run); code != 0 || result.State != "ended" {
		t.Errorf("exit code %d, state %s", code, result.State)
	}
	s.complete("away", 4)
}

// TestMachinesEndWhenNobodyComesBack: command and server are killed and stay away. The machines end by themselves at their time.
func TestMachinesEndWhenNobodyComesBack(t *testing.T) {
	t.Parallel()
	s := newSweeps(t)
	in := api.NewSweep{ID: "alone", Repeats: 1, TTL: 75, Workloads: []api.SweepWorkload{{Name: "kernels", Image: "tacho-suite:v1",
		Cmd: []string{"tacho-suite", "--hang=yes"}, Adapter: "go_bench", Timeout: 75}},
		Pools: []api.NewPool{{Provider: "local", Type: "process", Arch: runtime.GOARCH, VCPUs: runtime.NumCPU(), Hosts: 2,
			Price: api.SweepPrice{Known: true, Source: "free"}}}} // no plan would give a machine so little time
	begun := time.Now()
	if status := s.post("/v0/projects/app/sweeps", in, nil); status != http.StatusCreated {
		t.Fatalf("status %d", status)
	}
	run := start(t, s.env(), "sweep", "resume", "alone", "--json")
	until(t, "a task to run", func() bool { w, ok := s.state("alone"); return ok && w.Tasks.Running > 0 })
	run.kill()
	s.server.kill()
	if len(s.processes()) < 4 {
		t.Errorf("processes %v: want a guard and a runner of each of two machines", s.processes())
	}
	until(t, "the machines to end", func() bool { return len(s.processes()) == 0 })
	if took := time.Since(begun); took > 2*time.Minute {
		t.Errorf("they lived for %s, and were to end after 75s", took)
	}
}

// TestASweepWithoutAServer: the command serves the store of this machine itself.
func TestASweepWithoutAServer(t *testing.T) {
	t.Parallel()
	s := newSweeps(t)
	s.of(1, 2, "10m", "--seconds=1", "process")
	if code := s.server.stop(t); code != 0 {
		t.Fatalf("the server ended with %d", code)
	}
	here := append(s.env(), "TACHO_HOST=local", "TACHO_KEY=", "TACHO_DATA="+s.data)
	run := start(t, here, "sweep", "run", "-c", s.config, "--id", "own", "--json")
	if code, result := s.ends(run); code != 0 || result.Tasks.Done != 2 {
		t.Errorf("exit code %d with %+v", code, result.Tasks)
	}
	s.startServer()
	s.complete("own", 2)
}

// terminalOf runs a command on a terminal of its own.
func terminalOf(t *testing.T, env []string, args ...string) (p *process, keyboard *os.File) {
	t.Helper()
	master, slave, err := pseudoTerminal()
	if err != nil {
		t.Skipf("needs a pseudo terminal: %v", err)
	}
	t.Cleanup(func() { master.Close() })
	defer slave.Close()
	if err := unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 100}); err != nil {
		t.Fatal(err)
	}
	p = &process{cmd: exec.Command(tachoBinary(t), args...), out: &safeBuffer{}, done: make(chan struct{})}
	p.cmd.Env = append(append(os.Environ(), env...), "TERM=xterm")
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = slave, slave, slave
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	p.begin(t)
	go func() {
		part := make([]byte, 4096)
		for {
			n, err := master.Read(part)
			_, _ = p.out.Write(part[:n])
			if err != nil {
				return
			}
		}
	}()
	return p, master
}

const ctrlC = "\x03"

func (s *sweeps) presses(p *process, keyboard *os.File, keys, awaited string) {
	s.t.Helper()
	before := len(p.out.String())
	if _, err := keyboard.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
	until(s.t, fmt.Sprintf("%q after %q", awaited, keys), func() bool { return strings.Contains(p.out.String()[before:], awaited) })
}

// TestCtrlCAsksWhatShallBecomeOfASweep plays the menu on a terminal: go on, stop now; leave at once; detach.
func TestCtrlCAsksWhatShallBecomeOfASweep(t *testing.T) {
	t.Parallel()
	s := newSweeps(t)
	runs := func(id string) (*process, *os.File) {
		p, keyboard := terminalOf(t, s.env(), "sweep", "run", "-c", s.config, "--id", id)
		until(t, "the table", func() bool { return strings.Contains(p.out.String(), "tasks  machines  now") })
		until(t, "a task to run", func() bool { w, ok := s.state(id); return ok && w.Tasks.Running > 0 })
		return p, keyboard
	}
	exits := func(p *process, want int) {
		t.Helper()
		select {
		case <-p.done:
		case <-time.After(patience):
			t.Fatal("the command does not end")
		}
		if code := p.cmd.ProcessState.ExitCode(); code != want {
			t.Errorf("exit code %d, want %d", code, want)
		}
	}
	s.of(1, 1, "10m", "--hang=yes", "process")

	p, keyboard := runs("stopped")
	s.presses(p, keyboard, ctrlC, "What shall become of it?")
	s.presses(p, keyboard, "c\n", "left")
	s.presses(p, keyboard, ctrlC, "What shall become of it?")
	s.presses(p, keyboard, "s\n", "was stopped")
	exits(p, 7)
	if w, _ := s.state("stopped"); w.Outcome != "stopped" || !w.Clean {
		t.Errorf("it ended as %s, clean %t", w.Outcome, w.Clean)
	}
	if left := s.processes(); len(left) > 0 {
		t.Errorf("processes %v are left", left)
	}

	p, keyboard = runs("left")
	s.presses(p, keyboard, ctrlC, "What shall become of it?")
	s.presses(p, keyboard, ctrlC, "1 machine may run, 1 of 1 task left")
	exits(p, 8)
	if w, _ := s.state("left"); w.State != "active" || len(s.processes()) == 0 {
		t.Errorf("who leaves at once changes nothing: %s, processes %v", w.State, s.processes())
	}
	if status := s.patch("/v0/projects/app/sweeps/left", api.UpdateSweep{Do: "stop_now"}); status != http.StatusOK {
		t.Fatalf("stop: status %d", status)
	}
	if code, _ := s.ends(start(t, s.env(), "sweep", "resume", "left", "--json")); code != 7 {
		t.Errorf("what was stopped ends with %d, want 7", code)
	}

	s.of(1, 2, "10m", "--seconds=1", "process")
	p, keyboard = runs("background")
	s.presses(p, keyboard, ctrlC, "What shall become of it?")
	s.presses(p, keyboard, "\n", "looks after it")
	exits(p, 8)
	until(t, "the background to end it", func() bool { w, ok := s.state("background"); return ok && w.State == "ended" && w.Clean })
	s.complete("background", 2)
}

func (w *world) patch(path string, body any) int {
	w.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPatch, w.url+path, bytes.NewReader(raw))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	return w.do(req, nil)
}

package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == testKeeper[0] { // this process is a sandbox's keeper
		if err := Keep(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if err := os.RemoveAll(imageDir()); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(code)
	}))
}

// testKeeper leads this program to Keep.
var testKeeper = []string{"keep-for-test"}

// imageDir is where the tests of this process build their image.
func imageDir() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("tacho-runner-image-%d", os.Getpid()))
}

func oneJob(c *Config) { c.MaxJobs = 1 }

func TestCompletedJobIsToldWithItsPhasesAndOutputs(t *testing.T) {
	t.Parallel()
	for _, transport := range []Transport{TransportWebSocket, TransportHTTP, TransportAuto} {
		t.Run(string(transport), func(t *testing.T) {
			t.Parallel()
			hub := newFakeHub(t, aJob("j1", func(j *api.ClaimedJob) {
				j.Config.Iter, j.Config.FilePaths, j.Config.BuildTime = 2, []string{"/out.json"}, true
			}))
			hub.noSocket = transport == TransportAuto // auto falls back
			spool := &memoryResults{}
			m := aMachine(func(_ context.Context, p iterationParams) iterationEnd {
				io.WriteString(p.stdout, "hello\n")
				io.WriteString(p.stderr, "warning\n")
				w, err := p.file("/out.json")
				if err != nil {
					t.Error(err)
				}
				io.WriteString(w, "{}")
				w.Close()
				return iterationEnd{files: []collected{{path: "/out.json", size: 2}}}
			})
			d := start(t, hub, m, spool, oneJob, func(c *Config) { c.Transport = transport })
			if err := d.wait(t); err != nil {
				t.Fatalf("Run: %v", err)
			}
			end := hub.awaitEnd("j1", 1)
			if end.Event != api.MsgCompleted || len(end.Results) != 2 || end.Host == nil || end.Host.Isolation != "container" {
				t.Errorf("end: %+v", end)
			}
			if r := end.Results[1]; r.Iteration != 1 || r.WallNS != 1_500_000_000 || r.ExitCode != 0 {
				t.Errorf("second iteration: %+v", r)
			}
			bmf := `{"bench -all":{"build-time":{"value":1.5}}}`
			want := map[string]string{
				"j1 0 stdout": "hello\n", "j1 0 stderr": "warning\n", "j1 0 file /out.json": "{}", "j1 0 file " + MeasuresPath: bmf,
				"j1 1 stdout": "hello\n", "j1 1 stderr": "warning\n", "j1 1 file /out.json": "{}", "j1 1 file " + MeasuresPath: bmf,
			}
			if diff := cmp.Diff(want, hub.outputs); diff != "" {
				t.Errorf("outputs (-want +got):\n%s", diff)
			}
			if spool.count() != 0 {
				t.Error("the spool entry is still there after the ack")
			}
			var story []string
			for _, e := range hub.events() {
				if e != "log" && e != "hello" && e != "drain" {
					story = append(story, e)
				}
			}
			wantStory := []string{"phase pull", "phase unpack", "phase run", "running", "phase collect", "phase run", "phase collect", "phase upload", "completed"}
			if diff := cmp.Diff(wantStory, story); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFailuresHaveTheirReason(t *testing.T) {
	t.Parallel()
	exit := func(end iterationEnd) func(context.Context, iterationParams) iterationEnd {
		return func(context.Context, iterationParams) iterationEnd { return end }
	}
	set := func(f func(*api.ClaimedJob)) func(*api.ClaimedJob) { return f }
	tests := []struct {
		name    string
		job     func(*api.ClaimedJob)
		pull    error
		command func(context.Context, iterationParams) iterationEnd
		want    api.Reason
		says    string
	}{
		{"exit code", nil, nil, exit(iterationEnd{exitCode: 3}), api.ReasonBenchmarkExit, "exit code 3"},
		{"signal", nil, nil, exit(iterationEnd{exitCode: 139, signal: "SIGSEGV"}), api.ReasonBenchmarkExit, "SIGSEGV"},
		{"exit code that is allowed", set(func(j *api.ClaimedJob) { j.Config.AllowFailure = true }), nil, exit(iterationEnd{exitCode: 3}), api.ReasonNone, ""},
		{"signal that is allowed", set(func(j *api.ClaimedJob) { j.Config.AllowFailure = true }), nil, exit(iterationEnd{exitCode: 139, signal: "SIGSEGV"}), api.ReasonNone, ""},
		{"memory, allowed or not", set(func(j *api.ClaimedJob) { j.Config.AllowFailure = true }), nil, exit(iterationEnd{exitCode: 137, oom: true}), api.ReasonOutOfMemory, "64 MiB"},
		{"timeout, allowed or not", set(func(j *api.ClaimedJob) { j.Config.AllowFailure = true }), nil, exit(iterationEnd{exitCode: 137, timedOut: true}), api.ReasonBenchmarkTimeout, "1m0s"},
		{"memory", nil, nil, exit(iterationEnd{exitCode: 137, oom: true}), api.ReasonOutOfMemory, "64 MiB"},
		{"sandbox limit", nil, nil, exit(iterationEnd{exitCode: 1, limit: "the disk is full"}), api.ReasonLimit, "the disk is full"},
		{"no file", set(func(j *api.ClaimedJob) { j.Config.FilePaths = []string{"/r"} }), nil, exit(iterationEnd{missing: []string{"/r"}}), api.ReasonNoResult, `"/r"`},
		{"file too large", set(func(j *api.ClaimedJob) { j.Config.FilePaths = []string{"/r"} }), nil, exit(iterationEnd{files: []collected{{path: "/r", truncated: true}}}), api.ReasonLimit, `"/r"`},
		{"pull", nil, failf(api.ReasonImagePull, "the registry is away"), nil, api.ReasonImagePull, "the registry is away"},
		{"image", nil, failf(api.ReasonImageInvalid, "no linux/amd64"), nil, api.ReasonImageInvalid, "no linux/amd64"},
		{"unclassified", nil, errors.New("mount: EPERM"), nil, api.ReasonSandbox, "runner's log"},
		{"panic", nil, nil, func(context.Context, iterationParams) iterationEnd { panic("boom") }, api.ReasonSandbox, "broke down"},
		{"no memory said", set(func(j *api.ClaimedJob) { j.Spec.Memory = 0 }), nil, nil, api.ReasonServer, "without memory"},
		{"nothing said", set(func(j *api.ClaimedJob) { j.Spec, j.Config, j.Timeout = api.Spec{}, api.JobConfig{}, 0 }), nil, nil, api.ReasonServer, "cpu, memory, disk, architecture, isolation level, timeout, iterations, image"},
		{"too many CPUs", set(func(j *api.ClaimedJob) { j.Spec.CPU = 5 }), nil, nil, api.ReasonHostUnfit, "4 CPUs"},
		{"too much memory", set(func(j *api.ClaimedJob) { j.Spec.Memory = 9 << 30 }), nil, nil, api.ReasonHostUnfit, "8 GiB"},
		{"architecture", set(func(j *api.ClaimedJob) { j.Spec.Architecture = "aarch64" }), nil, nil, api.ReasonHostUnfit, "aarch64"},
		{"isolation", set(func(j *api.ClaimedJob) { j.Spec.Isolation = "microvm" }), nil, nil, api.ReasonHostUnfit, "microvm"},
		{"unknown isolation", set(func(j *api.ClaimedJob) { j.Spec.Isolation = "magic" }), nil, nil, api.ReasonServer, "isolation level"},
		{"network", set(func(j *api.ClaimedJob) { j.Spec.Network = true }), nil, nil, api.ReasonHostUnfit, "have no network"},
		{"reserved path", set(func(j *api.ClaimedJob) { j.Config.FilePaths = []string{"./" + MeasuresPath} }), nil, nil, api.ReasonLimit, "cannot be collected"},
		{"NUL in the command", set(func(j *api.ClaimedJob) { j.Config.Cmd = []string{"a\x00b"} }), nil, nil, api.ReasonLimit, "NUL"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			job := aJob("j1")
			if tt.job != nil {
				tt.job(job)
			}
			hub := newFakeHub(t, job)
			m := aMachine(tt.command)
			if tt.pull != nil {
				m.pull = func(context.Context, prepareParams) error { return tt.pull }
			}
			if err := start(t, hub, m, &memoryResults{}, oneJob).wait(t); err != nil {
				t.Fatal(err)
			}
			end := hub.awaitEnd("j1", 1)
			if end.Reason != tt.want || !strings.Contains(end.Error, tt.says) {
				t.Errorf("want %q saying %q, got %q saying %q", tt.want, tt.says, end.Reason, end.Error)
			}
			if failed := end.Event == api.MsgFailed; failed != (tt.want != api.ReasonNone) {
				t.Errorf("event %s", end.Event)
			}
		})
	}
}

func TestSecretsOfTheEnvironmentAppearInNoOutput(t *testing.T) {
	t.Parallel()
	const secret, token = "hunter2-hunter2", "ghp_0123456789"
	hub := newFakeHub(t, aJob("j1", func(j *api.ClaimedJob) {
		j.Config.Env = map[string]string{"DB": secret, "GITHUB_TOKEN": token, "WORDS": "10000", "FILTER": "BenchmarkDecode"}
		j.Config.SecretEnv = []string{"DB"}
		j.Config.FilePaths, j.Config.BuildTime, j.Config.Cmd = []string{"/out.json"}, true, []string{"bench", "--db=" + secret}
	}))
	m := aMachine(func(_ context.Context, p iterationParams) iterationEnd {
		if p.env["DB"] != secret {
			t.Error("the command did not get the secret")
		}
		for _, part := range []string{"login " + secret[:5], secret[5:], " ok\nBenchmarkDecode 10000\n", token} { // cut where the pipe cuts it
			io.WriteString(p.stdout, part)
			io.WriteString(p.stderr, part)
		}
		w, err := p.file("/out.json")
		if err != nil {
			t.Error(err)
			return iterationEnd{}
		}
		io.WriteString(w, `{"db":"`+secret[:3])
		io.WriteString(w, secret[3:]+`"}`)
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		return iterationEnd{files: []collected{{path: "/out.json", size: int64(len(`{"db":""}`) + len(secret))}}}
	})
	if err := start(t, hub, m, &memoryResults{}, oneJob).wait(t); err != nil {
		t.Fatal(err)
	}
	hub.awaitEnd("j1", 1)
	stars := strings.Repeat("*", len(secret))
	text := "login " + stars + " ok\nBenchmarkDecode 10000\n" + strings.Repeat("*", len(token))
	for name, want := range map[string]string{"j1 0 stdout": text, "j1 0 stderr": text, "j1 0 file /out.json": `{"db":"` + stars + `"}`} {
		if got := hub.outputs[name]; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	var live string
	for _, msg := range hub.heard {
		live += msg.Text
	}
	for _, where := range []string{live, fmt.Sprint(hub.outputs)} {
		if strings.Contains(where, secret) || strings.Contains(where, token) {
			t.Errorf("a secret is in %q", where)
		}
	}
	if !strings.Contains(live, stars) {
		t.Errorf("live output %q", live)
	}
}

func TestMeasuresAreOfCommandsThatCount(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		end   iterationEnd
		allow bool
		want  bool
	}{
		{"success", iterationEnd{}, false, true},
		{"failure", iterationEnd{exitCode: 3}, false, false},
		{"failure that is allowed", iterationEnd{exitCode: 3}, true, true},
		{"signal", iterationEnd{exitCode: 139, signal: "SIGSEGV"}, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			hub := newFakeHub(t, aJob("j1", func(j *api.ClaimedJob) { j.Config.BuildTime, j.Config.AllowFailure = true, tt.allow }))
			m := aMachine(func(context.Context, iterationParams) iterationEnd { return tt.end })
			if err := start(t, hub, m, &memoryResults{}, oneJob).wait(t); err != nil {
				t.Fatal(err)
			}
			hub.awaitEnd("j1", 1)
			if text, has := hub.outputs["j1 0 file "+MeasuresPath]; has != tt.want {
				t.Errorf("measures %q, want them: %v", text, tt.want)
			}
		})
	}
}

func TestFileWithoutRoomInTheJobsBudgetIsCutAndFails(t *testing.T) {
	t.Parallel()
	run := &jobRun{job: aJob("j1"), budget: &budget{left: 5}, entry: &memoryEntry{of: &memoryResults{}, files: map[string]*bytes.Buffer{}}}
	cut, err := run.recordFiles(0, iterationEnd{files: []collected{{path: "/fits", size: 3}, {path: "/last", size: 2}, {path: "/over", size: 1}}})
	if err != nil || !strings.Contains(cut, `"/over"`) {
		t.Errorf("want a sentence about /over, got %q, %v", cut, err)
	}
	want := []output{{Kind: api.ArtifactFile, Path: "/fits", Size: 3}, {Kind: api.ArtifactFile, Path: "/last", Size: 2}}
	if diff := cmp.Diff(want, run.record.Outputs); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
}

func TestFailedIterationKeepsTheOutputsBeforeIt(t *testing.T) {
	t.Parallel()
	hub := newFakeHub(t, aJob("j1", func(j *api.ClaimedJob) { j.Config.Iter = 3 }))
	n := 0
	m := aMachine(func(_ context.Context, p iterationParams) iterationEnd {
		n++
		fmt.Fprintf(p.stdout, "run %d", n)
		return iterationEnd{exitCode: n - 1}
	})
	if err := start(t, hub, m, &memoryResults{}, oneJob).wait(t); err != nil {
		t.Fatal(err)
	}
	end := hub.awaitEnd("j1", 1)
	if len(end.Results) != 2 || end.Results[1].ExitCode != 1 || end.Reason != api.ReasonBenchmarkExit {
		t.Errorf("end: %+v", end)
	}
	want := map[string]string{"j1 0 stdout": "run 1", "j1 0 stderr": "", "j1 1 stdout": "run 2", "j1 1 stderr": ""}
	if diff := cmp.Diff(want, hub.outputs); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
}

func TestCancelStopsTheRunningJob(t *testing.T) {
	t.Parallel()
	for _, transport := range []Transport{TransportWebSocket, TransportHTTP} {
		t.Run(string(transport), func(t *testing.T) {
			t.Parallel()
			hub, running := newFakeHub(t, aJob("j1")), make(chan struct{}, 1)
			d := start(t, hub, aMachine(untilKilled(running)), &memoryResults{}, oneJob, func(c *Config) { c.Transport = transport })
			<-running
			hub.change(func() { hub.cancel["j1"] = true })
			end := hub.awaitEnd("j1", 1)
			if end.Event != api.MsgCanceled || end.Reason != api.ReasonCanceledByUser {
				t.Errorf("end: %+v", end)
			}
			if err := d.wait(t); err != nil {
				t.Error(err)
			}
			if hub.outputs["j1 0 stdout"] != "begun\n" {
				t.Errorf("partial output was not kept: %q", hub.outputs)
			}
		})
	}
}

func TestAbandonedJobIsStoppedAndForgotten(t *testing.T) {
	t.Parallel()
	hub, running, spool := newFakeHub(t, aJob("j1")), make(chan struct{}, 1), &memoryResults{}
	d := start(t, hub, aMachine(untilKilled(running)), spool, oneJob)
	<-running
	hub.change(func() { hub.abandon["j1"] = true })
	if err := d.wait(t); err != nil {
		t.Fatal(err)
	}
	if end, told := hub.end("j1", 1); told || spool.count() != 0 || len(hub.outputs) != 0 {
		t.Errorf("told: %t %+v; spool has %d entries; outputs %v", told, end, spool.count(), hub.outputs)
	}
}

func TestJobGoesOnWhileTheLinkIsDown(t *testing.T) {
	t.Parallel()
	hub, running, finish := newFakeHub(t, aJob("j1")), make(chan struct{}), make(chan struct{})
	m := aMachine(func(_ context.Context, p iterationParams) iterationEnd {
		running <- struct{}{}
		<-finish
		io.WriteString(p.stdout, "result")
		return iterationEnd{}
	})
	d := start(t, hub, m, &memoryResults{}, oneJob)
	<-running
	hub.await("first greeting", func() bool { return len(hub.conns) == 1 })
	hub.cut()
	hub.await("hello that names the job", func() bool {
		for _, msg := range hub.heard {
			if msg.Event == api.MsgHello && len(msg.Held) == 1 && msg.Held[0] == (api.HeldJob{Job: "j1", Epoch: 1}) {
				return true
			}
		}
		return false
	})
	close(finish)
	if end := hub.awaitEnd("j1", 1); end.Event != api.MsgCompleted {
		t.Errorf("end: %+v", end)
	}
	if err := d.wait(t); err != nil || hub.outputs["j1 0 stdout"] != "result" {
		t.Errorf("Run: %v; outputs %v", err, hub.outputs)
	}
}

func TestCancelReachesTheJobAfterReconnect(t *testing.T) {
	t.Parallel()
	hub, running := newFakeHub(t, aJob("j1")), make(chan struct{}, 1)
	d := start(t, hub, aMachine(untilKilled(running)), &memoryResults{}, oneJob)
	<-running
	hub.change(func() { hub.cancel["j1"] = true })
	hub.cut()
	if end := hub.awaitEnd("j1", 1); end.Event != api.MsgCanceled {
		t.Errorf("end: %+v", end)
	}
	if err := d.wait(t); err != nil {
		t.Error(err)
	}
}

func TestResultSurvivesTheProcessAndIsToldOnce(t *testing.T) {
	t.Parallel()
	hub, spool := newFakeHub(t, aJob("j1")), &memoryResults{}
	hub.deaf = func(msg api.Message) bool { return msg.Event == api.MsgCompleted } // it arrives nowhere
	first := start(t, hub, aMachine(prints("42 ns")), spool)
	hub.await("the result on the wire", func() bool {
		for _, msg := range hub.heard {
			if msg.Event == api.MsgCompleted {
				return true
			}
		}
		return false
	})
	first.Abort() // what is in the spool is what a killed process leaves
	if err := first.wait(t); !errors.Is(err, ErrAborted) {
		t.Errorf("Run: %v", err)
	}
	if spool.count() != 1 {
		t.Fatalf("spool has %d entries", spool.count())
	}
	hub.cut()
	hub.change(func() { hub.deaf, hub.outputs = nil, map[string]string{} })
	second := start(t, hub, aMachine(nil), spool, func(c *Config) { c.ExitWhenIdle = true })
	if err := second.wait(t); err != nil {
		t.Fatal(err)
	}
	if end, _ := hub.end("j1", 1); end.Event != api.MsgCompleted || hub.outputs["j1 0 stdout"] != "42 ns" || spool.count() != 0 || hub.doubles != 0 {
		t.Errorf("end %+v, outputs %v, %d in the spool, %d doubles", end, hub.outputs, spool.count(), hub.doubles)
	}
}

func TestUnfinishedJobOfAKilledProcessIsToldAsAborted(t *testing.T) {
	t.Parallel()
	hub, spool := newFakeHub(t), &memoryResults{}
	if _, err := spool.begin("j1", 3); err != nil {
		t.Fatal(err)
	}
	if err := start(t, hub, aMachine(nil), spool, func(c *Config) { c.ExitWhenIdle = true }).wait(t); err != nil {
		t.Fatal(err)
	}
	if end := hub.awaitEnd("j1", 3); end.Reason != api.ReasonRunnerAborted || spool.count() != 0 {
		t.Errorf("end %+v, %d in the spool", end, spool.count())
	}
}

func TestDrainFinishesAndDelivers(t *testing.T) {
	t.Parallel()
	hub, running, finish := newFakeHub(t, aJob("j1"), aJob("j2")), make(chan struct{}), make(chan struct{})
	d := start(t, hub, aMachine(func(context.Context, iterationParams) iterationEnd {
		running <- struct{}{}
		<-finish
		return iterationEnd{}
	}), &memoryResults{})
	<-running
	d.Drain()
	hub.await("drain", func() bool { return len(hub.heard) > 0 && hub.heard[len(hub.heard)-1].Event == api.MsgDrain })
	close(finish)
	if err := d.wait(t); err != nil {
		t.Fatalf("Run: %v", err)
	}
	if end := hub.awaitEnd("j1", 1); end.Event != api.MsgCompleted {
		t.Errorf("end: %+v", end)
	}
	if _, told := hub.end("j2", 1); told || len(hub.queue) != 1 {
		t.Error("a draining runner took another job")
	}
}

func TestAbortKillsTheJobAndSaysSo(t *testing.T) {
	t.Parallel()
	hub, running := newFakeHub(t, aJob("j1")), make(chan struct{}, 1)
	d := start(t, hub, aMachine(untilKilled(running)), &memoryResults{})
	<-running
	d.Drain()
	d.Abort()
	if err := d.wait(t); !errors.Is(err, ErrAborted) {
		t.Errorf("Run: %v", err)
	}
	if end, _ := hub.end("j1", 1); end.Event != api.MsgFailed || end.Reason != api.ReasonRunnerAborted {
		t.Errorf("end: %+v", end)
	}
}

func TestOutputFloodIsCutAndFails(t *testing.T) {
	t.Parallel()
	hub := newFakeHub(t, aJob("j1"))
	line := []byte(strings.Repeat("x", 1023) + "\n")
	m := aMachine(func(ctx context.Context, p iterationParams) iterationEnd {
		for ctx.Err() == nil {
			p.stdout.Write(line)
		}
		return iterationEnd{exitCode: 137, signal: "SIGKILL"}
	})
	if err := start(t, hub, m, &memoryResults{}, oneJob).wait(t); err != nil {
		t.Fatal(err)
	}
	end := hub.awaitEnd("j1", 1)
	if end.Reason != api.ReasonLimit || !strings.Contains(end.Error, "25 MiB") {
		t.Errorf("end: %q %q", end.Reason, end.Error)
	}
	if got := len(hub.outputs["j1 0 stdout"]); got != limits.JobOutputBytes {
		t.Errorf("stored %d bytes, want %d", got, limits.JobOutputBytes)
	}
	live, marker, last := 0, "", int64(0)
	for _, msg := range hub.heard {
		if msg.Event == api.MsgLog && msg.Seq > last { // a slow machine may send some again
			live, marker, last = live+len(msg.Text), msg.Text, msg.Seq
		}
	}
	if live > limits.LogTailBytes+1024 || !strings.Contains(marker, "live output ends") {
		t.Errorf("%d bytes live, last %q", live, marker)
	}
}

// TestPullWaitsForTheServersOwnRegistry: a restart of our server costs no retry, as with uploads. Another registry that is away does.
func TestPullWaitsForTheServersOwnRegistry(t *testing.T) {
	t.Parallel()
	pulling := func(kind fault.Kind) error {
		return imageFailure(fault.New(kind, "image p/app: the registry could not be reached"))
	}
	token := func(err error) error { return imageFailure(fmt.Errorf("refresh pull token: %w", err)) }
	for _, row := range []struct {
		name  string
		own   bool
		fails error
		tries int32
		event api.MessageEvent
	}{
		{"own registry away", true, pulling(fault.Unavailable), 4, api.MsgCompleted},
		{"own registry asks to wait", true, pulling(fault.TooMany), 4, api.MsgCompleted},
		{"no connection for a token", true, token(&net.OpError{Op: "dial", Err: errors.New("connection refused")}), 4, api.MsgCompleted},
		{"no token from a proxy whose server is away", true, token(&refusal{status: http.StatusBadGateway}), 4, api.MsgCompleted},
		{"own registry refuses", true, pulling(fault.Forbidden), 1, api.MsgFailed},
		{"own registry has no such image", true, pulling(fault.Missing), 1, api.MsgFailed},
		{"the job is not ours any more", true, token(&refusal{status: http.StatusConflict}), 1, api.MsgFailed},
		{"another registry away", false, pulling(fault.Unavailable), 1, api.MsgFailed},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var tries atomic.Int32
			m := aMachine(prints("1"))
			m.pull = func(context.Context, prepareParams) error {
				if tries.Add(1) < 4 {
					return row.fails
				}
				return nil
			}
			hub := newFakeHub(t, aJob("j1", func(j *api.ClaimedJob) { j.Config.Internal = row.own }))
			d := start(t, hub, m, &memoryResults{}, oneJob)
			if end := hub.awaitEnd("j1", 1); end.Event != row.event || tries.Load() != row.tries {
				t.Errorf("%s (%s) after %d tries, want %s after %d", end.Event, end.Error, tries.Load(), row.event, row.tries)
			}
			if err := d.wait(t); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCancelReachesAPullThatWaitsForTheServer(t *testing.T) {
	t.Parallel()
	waiting := make(chan struct{}, 100)
	m := aMachine(prints("1"))
	m.pull = func(context.Context, prepareParams) error {
		select {
		case waiting <- struct{}{}:
		default:
		}
		return imageFailure(fault.New(fault.Unavailable, "away"))
	}
	hub := newFakeHub(t, aJob("j1"))
	start(t, hub, m, &memoryResults{}, oneJob)
	<-waiting
	<-waiting
	hub.change(func() { hub.cancel["j1"] = true })
	if end := hub.awaitEnd("j1", 1); end.Event != api.MsgCanceled {
		t.Errorf("ended with %s, want canceled", end.Event)
	}
}

func TestUploadIsTriedAgain(t *testing.T) {
	t.Parallel()
	hub := newFakeHub(t, aJob("j1"))
	hub.onPut = func(n int) int {
		if n <= 2 {
			return http.StatusServiceUnavailable
		}
		return 0
	}
	if err := start(t, hub, aMachine(prints("ok")), &memoryResults{}, oneJob).wait(t); err != nil {
		t.Fatal(err)
	}
	if end := hub.awaitEnd("j1", 1); end.Event != api.MsgCompleted || hub.outputs["j1 0 stdout"] != "ok" || hub.puts != 4 {
		t.Errorf("end %+v, outputs %v, %d puts", end, hub.outputs, hub.puts)
	}
}

func TestRefusedUploadEndsTheJobOtherwise(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]api.Reason{http.StatusRequestEntityTooLarge: api.ReasonLimit, http.StatusBadRequest: api.ReasonServer} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			hub := newFakeHub(t, aJob("j1"))
			hub.onPut = func(int) int { return status }
			if err := start(t, hub, aMachine(prints("ok")), &memoryResults{}, oneJob).wait(t); err != nil {
				t.Fatal(err)
			}
			if end := hub.awaitEnd("j1", 1); end.Event != api.MsgFailed || end.Reason != want {
				t.Errorf("end: %+v", end)
			}
		})
	}
}

func TestForeignJobsUploadIsForgotten(t *testing.T) {
	t.Parallel()
	hub, spool := newFakeHub(t, aJob("j1")), &memoryResults{}
	hub.onPut = func(int) int { return http.StatusConflict }
	if err := start(t, hub, aMachine(prints("ok")), spool, oneJob).wait(t); err != nil {
		t.Fatal(err)
	}
	if end, told := hub.end("j1", 1); told || spool.count() != 0 {
		t.Errorf("end %+v; %d in the spool", end, spool.count())
	}
}

func TestPullTokenIsRefreshedWhenNearlyExpired(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		ttl       int64
		want      []Secret
		refreshes int
	}{
		{"fresh", 600, []Secret{"first-token", "first-token"}, 0},
		{"nearly expired", 30, []Secret{"fresh-token", "fresh-token"}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			hub := newFakeHub(t, aJob("j1", func(j *api.ClaimedJob) { j.TokenTTL = tt.ttl }))
			m := aMachine(prints("ok"))
			var got []Secret
			m.pull = func(ctx context.Context, p prepareParams) error {
				for range 2 {
					token, err := p.source.token(ctx)
					if err != nil {
						return err
					}
					got = append(got, token)
				}
				return nil
			}
			if err := start(t, hub, m, &memoryResults{}, oneJob).wait(t); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || hub.tokens != tt.refreshes {
				t.Errorf("%d refreshes, want %d; tokens (-want +got):\n%s", hub.tokens, tt.refreshes, diff)
			}
		})
	}
}

func TestSecretIsNotPrinted(t *testing.T) {
	t.Parallel()
	s := Secret("tacho_runner_x")
	if got := fmt.Sprintf("%v %s %q %#v", s, s, s, s); strings.Contains(got, "tacho_runner") {
		t.Errorf("printed as %s", got)
	}
}

package run_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/clitest"
	"github.com/tachograph/tacho/internal/cli/verbs"
	"github.com/tachograph/tacho/internal/core/fault"
)

const jobID = "01960000-0000-7000-8000-00000000000a"

// fakeServer knows one project with one job, whose events are told in advance.
type fakeServer struct {
	*httptest.Server
	hold chan struct{} // not nil: the stream stays open after the events until it is closed

	mu       sync.Mutex // guards what follows
	events   []string   // of the job, in order
	run      api.NewRun // what was submitted
	requests []string
	report   api.Report
	job      api.Job
}

func newFakeServer(t *testing.T, events ...string) *fakeServer {
	t.Helper()
	s := &fakeServer{events: events}
	s.report = api.Report{
		UUID: "01960000-0000-7000-8000-00000000000b", Project: api.Project{UUID: "01960000-0000-7000-8000-00000000000c", Slug: "app"},
		Branch: api.Branch{Name: "main", Head: api.Head{Version: &api.Version{Number: 3}}}, Testbed: api.Testbed{Name: "default"},
		Job:    new(jobID),
		Status: api.ReportProcessed, Results: [][]api.ReportResult{{{Benchmark: api.Benchmark{UUID: "x", Name: "BenchmarkA"},
			Measures: []api.ReportMeasure{{
				Measure:  api.Measure{UUID: "m", Name: "Latency", Units: "nanoseconds (ns)", Direction: api.LowerIsBetter},
				Metric:   api.Metric{UUID: "v", Value: 1500},
				Boundary: &api.Boundary{Baseline: new(1000.0), UpperLimit: new(1100.0)},
			}}}}},
	}
	s.job = api.Job{UUID: jobID, Status: api.JobProcessed, Outputs: []api.JobArtifact{{Kind: api.ArtifactStdout}, {Kind: api.ArtifactStderr},
		{Iteration: 1, Kind: api.ArtifactStdout, Truncated: true},
		{Kind: api.ArtifactFile, Path: "/out/a.json"}}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *fakeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, r.Method+" "+r.URL.Path)
	report, job, events := s.report, s.job, s.events
	s.mu.Unlock()
	const base = "/v0/projects/app/jobs/" + jobID
	switch path := r.URL.Path; {
	case path == "/v0/run":
		report.Status, report.Results = api.ReportPending, nil
		s.mu.Lock()
		_ = json.NewDecoder(r.Body).Decode(&s.run)
		s.mu.Unlock()
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(report)
	case path == base+"/events":
		for _, e := range events {
			_, _ = io.WriteString(w, e)
			w.(http.Flusher).Flush()
		}
		if s.hold != nil {
			select {
			case <-s.hold:
			case <-r.Context().Done():
			}
		}
	case strings.Contains(path, "/reports/"):
		_ = json.NewEncoder(w).Encode(report)
	case path == base && r.Method == http.MethodPatch:
		_ = json.NewDecoder(r.Body).Decode(&job)
		_ = json.NewEncoder(w).Encode(job)
	case path == base:
		_ = json.NewEncoder(w).Encode(job)
	case strings.Contains(path, "/outputs/"):
		_, _ = io.WriteString(w, strings.TrimPrefix(path, base+"/outputs/")+" "+r.FormValue("path")+"\n")
	default:
		w.WriteHeader(http.StatusNotFound)
		_ = json.NewEncoder(w).Encode(api.Error{Message: "nothing at " + path})
	}
}

func event(name string, data any) string {
	raw, err := json.Marshal(data)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("event: %s\ndata: %s\n\n", name, raw)
}

func state(s api.JobStatus, change func(*api.Job)) string {
	j := api.Job{UUID: jobID, Project: "app", Report: "r", Status: s, Spec: api.Spec{Slug: "default"}}
	if s != api.JobPending {
		j.Runner, j.RunnerName = new("r1"), "box"
	}
	if change != nil {
		change(&j)
	}
	name := api.EventStatus
	switch s {
	case api.JobProcessed, api.JobFailed, api.JobCanceled:
		name = api.EventEnd
	}
	return event(name, j)
}

func output(seq int, stream api.ArtifactKind, text string) string {
	return event(api.EventLog, api.JobLog{Seq: int64(seq), Epoch: 1, Stream: stream, Text: text})
}

// road is what a job that goes well tells.
var road = []string{
	state(api.JobPending, func(j *api.Job) { j.QueuePosition = new(2) }),
	state(api.JobPending, func(j *api.Job) { j.QueuePosition = new(1) }),
	state(api.JobPending, func(j *api.Job) { j.QueuePosition = new(1) }), // nothing new
	state(api.JobClaimed, func(j *api.Job) { j.Phase = "pull" }),
	state(api.JobRunning, func(j *api.Job) { j.Phase = "run" }),
	output(1, api.ArtifactStdout, "BenchmarkA 10\n"),
	output(2, api.ArtifactStderr, "warming up\n"),
	state(api.JobCompleted, nil),
	state(api.JobProcessed, nil),
}

func (s *fakeServer) world() *clitest.Process {
	w := clitest.New(verbs.All)
	w.Vars["TACHO_HOST"], w.Vars["TACHO_KEY"] = s.URL, "tacho_user_x"
	w.Dir = os.TempDir()
	return w
}

var runImage = []string{"run", "--project", "app", "--branch", "main", "--image", "bench:v1"}

func TestARemoteRunIsFollowedToItsReport(t *testing.T) {
	t.Parallel()
	s := newFakeServer(t, road...)
	w := s.world()
	if code := w.Tacho(t, runImage...); code != 0 {
		t.Errorf("exit code %d", code)
	}
	wantOut := `BenchmarkA 10
project app · branch main · version 3 · testbed default
benchmark   measure   value  baseline  change     limit
BenchmarkA  Latency  1.5 µs      1 µs  +50.0%  ≤ 1.1 µs  ok

report ` + s.URL + "/projects/app/reports/01960000-0000-7000-8000-00000000000b\n"
	if diff := cmp.Diff(wantOut, w.OutText.String()); diff != "" {
		t.Errorf("stdout (-want +got):\n%s", diff)
	}
	wantErr := `tacho: no git repository and no CI system; recorded on branch main
tacho: job ` + jobID + ` in project app
tacho: waiting for a runner with spec default, position 2 in the queue
tacho: waiting for a runner with spec default, position 1 in the queue
tacho: claimed by box: pull
tacho: running on box
warming up
tacho: completed on box, results are being read
tacho: processed on box
`
	if diff := cmp.Diff(wantErr, w.ErrText.String()); diff != "" {
		t.Errorf("stderr (-want +got):\n%s", diff)
	}
}

func TestARemoteRunAsJSONHasOnlyJSONOnStdout(t *testing.T) {
	t.Parallel()
	w := newFakeServer(t, road...).world()
	code := w.Tacho(t, append(runImage, "--format", "json")...)
	var report api.Report
	if err := json.Unmarshal(w.OutText.Bytes(), &report); code != 0 || err != nil || report.Status != api.ReportProcessed {
		t.Errorf("exit code %d, %v, %q", code, err, w.OutText.String())
	}
	if !strings.Contains(w.ErrText.String(), "BenchmarkA 10\n") {
		t.Errorf("stderr has no output: %q", w.ErrText.String())
	}
}

func TestAQuietRemoteRunIsQuiet(t *testing.T) {
	t.Parallel()
	w := newFakeServer(t, road...).world()
	if code := w.Tacho(t, append(runImage, "--quiet")...); code != 0 || w.ErrText.Len() != 0 ||
		strings.Contains(w.OutText.String(), "BenchmarkA 10") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, w.OutText.String(), w.ErrText.String())
	}
}

func TestAnAlertEndsWithItsOwnCodeOnlyOnRequest(t *testing.T) {
	t.Parallel()
	for _, asked := range []bool{false, true} {
		s := newFakeServer(t, road...)
		s.report.Alerts = []api.Alert{{Metric: api.Metric{UUID: "v", Value: 1500}, Limit: "upper", Status: api.AlertActive}}
		w := s.world()
		args, want := runImage, fault.ExitOK
		if asked {
			args, want = append(args, "--error-on-alert"), fault.ExitAlert
		}
		if code := w.Tacho(t, args...); code != want || !strings.Contains(w.OutText.String(), "ALERT") {
			t.Errorf("asked %v: exit code %d, %s", asked, code, w.OutText.String())
		}
	}
}

func TestAGateThatLookedAtNothingHasItsOwnCodeForJobsToo(t *testing.T) {
	t.Parallel()
	for name, judged := range map[string]*api.Boundary{"no threshold": nil, "too few values": {}} {
		for verb, args := range map[string][]string{"run": runImage, "watch": {"job", "watch", "app", jobID}} {
			s := newFakeServer(t, road...)
			m := &s.report.Results[0][0].Measures[0]
			if m.Boundary = judged; judged != nil {
				m.Threshold = &api.Threshold{Model: &api.ModelRow{Model: api.Model{Test: "t_test"}}}
			}
			w := s.world()
			if code := w.Tacho(t, append(slices.Clone(args), "--error-on-alert")...); code != fault.ExitNothingJudged ||
				!strings.Contains(w.ErrText.String(), "nothing was judged") {
				t.Errorf("%s, %s: exit code %d, %s", name, verb, code, w.ErrText.String())
			}
			if code := s.world().Tacho(t, args...); code != fault.ExitOK {
				t.Errorf("%s, %s, without the flag: exit code %d", name, verb, code)
			}
		}
	}
	w := newFakeServer(t, road...).world()
	if code := w.Tacho(t, append(slices.Clone(runImage), "--detach", "--error-on-alert")...); code != fault.ExitOK ||
		!strings.Contains(w.ErrText.String(), "--error-on-alert waits for nothing here; ask for the alerts with: tacho job watch app "+jobID+
			" --error-on-alert") {
		t.Errorf("detached: exit code %d, %s", code, w.ErrText.String())
	}
}

func TestEachReasonOfFailureHasItsExitCode(t *testing.T) {
	t.Parallel()
	for reason, want := range cli.ReasonExits {
		t.Run("reason "+string(reason), func(t *testing.T) {
			t.Parallel()
			w := newFakeServer(t, state(api.JobFailed, func(j *api.Job) { j.Reason, j.Error = reason, "so it was" })).world()
			if code := w.Tacho(t, runImage...); code != want || !strings.Contains(w.ErrText.String(), "so it was") ||
				!strings.Contains(w.ErrText.String(), string(reason)) {
				t.Errorf("exit code %d, want %d; %q", code, want, w.ErrText.String())
			}
		})
	}
	w := newFakeServer(t, state(api.JobCanceled, nil)).world()
	if code := w.Tacho(t, runImage...); code != fault.ExitCanceled {
		t.Errorf("canceled: exit code %d, %q", code, w.ErrText.String())
	}
}

func TestCtrlCDetachesAndSaysHowToComeBack(t *testing.T) {
	t.Parallel()
	s := newFakeServer(t, road[:5]...)
	s.hold = make(chan struct{})
	defer close(s.hold)
	w := s.world()
	signals, stopped := make(chan os.Signal, 1), false
	running := writerFunc(func(p []byte) (int, error) {
		if strings.Contains(string(p), "running on box") {
			signals <- os.Interrupt
		}
		return w.ErrText.Write(p)
	})
	w.Stderr = running
	w.Interrupts = func() (<-chan os.Signal, func()) { return signals, func() { stopped = true } }
	if code := w.Tacho(t, runImage...); code != fault.ExitInterrupted {
		t.Errorf("exit code %d", code)
	}
	want := "tacho: detached; the job goes on. Follow it: tacho job watch app " + jobID + " Stop it: tacho job cancel app " + jobID + "\n"
	if got := strings.Join(strings.Fields(w.ErrText.String()), " ") + "\n"; !strings.HasSuffix(got, want) {
		t.Errorf("stderr ends %q, want %q", got, want)
	}
	if !stopped {
		t.Error("a second Ctrl-C would be caught too")
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestDetachSubmitsAndLeaves(t *testing.T) {
	t.Parallel()
	s := newFakeServer(t)
	w := s.world()
	if code := w.Tacho(t, append(runImage, "--detach")...); code != 0 ||
		!strings.HasPrefix(w.OutText.String(), "job "+jobID+"\nreport "+s.URL+"/projects/app/reports/") {
		t.Errorf("exit code %d, %q", code, w.OutText.String())
	}
	if len(s.requests) != 1 {
		t.Errorf("requests %v", s.requests)
	}
}

func TestTheJobCarriesWhatTheFlagsSay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/vars", []byte("# comment\n\nA=from file\r\nB=b=c\nPASSED\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newFakeServer(t)
	w := s.world()
	w.Dir, w.Vars["PASSED"] = dir, "on"
	if code := w.Tacho(t, append(runImage, "--detach", "--spec", "intel", "--entrypoint", "/bench", "--cmd", "-a", "--env", "A=flag",
		"--env-file", "vars", "--timeout", "90s",
		"--file", "/out/x.json", "--iter", "3", "--allow-failure", "--backdate", "1700000000", "--adapter", "json", "--fold", "min", "--testbed",
		"t", "-q", "--", "-b", "c d")...); code != 0 {
		t.Fatalf("exit code %d, %s", code, w.ErrText.String())
	}
	at := time.Unix(1700000000, 0).UTC()
	want := api.NewRun{
		Project: "app", Branch: "main", Testbed: "t", IdempotencyKey: "01960000-0000-7000-8000-000000000001", StartTime: &at, EndTime: &at,
		Settings: &api.ReportSettings{Adapter: "json", Fold: "min"}, Context: s.run.Context,
		Job: &api.NewJob{Image: "bench:v1", Spec: "intel", Entrypoint: []string{"/bench"}, Cmd: []string{"-a", "-b", "c d"},
			Env:     map[string]string{"A": "flag", "B": "b=c", "PASSED": "on"},
			Timeout: new(int64(90)), FilePaths: []string{"/out/x.json"}, Iter: new(3), AllowFailure: new(true), Backdate: &at},
	}
	if diff := cmp.Diff(want, s.run, cmp.Comparer(func(a, b struct{}) bool { return true })); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
}

func TestAVariableThatIsNotSetIsRefused(t *testing.T) {
	t.Parallel()
	w := newFakeServer(t).world()
	if code := w.Tacho(t, append(runImage, "--env", "ABSENT")...); code != fault.ExitUsage ||
		!strings.Contains(w.ErrText.String(), "ABSENT is not set here") {
		t.Errorf("exit code %d, %q", code, w.ErrText.String())
	}
}

func TestJobCommands(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		args   []string
		code   int
		stdout string
		stderr string
	}{
		"watch": {[]string{"watch", "app", jobID, "-q"}, 0,
			"project app · branch main · version 3 · testbed default\nbenchmark   measure   value  baseline  change     limit\n" +
				"BenchmarkA  Latency  1.5 µs      1 µs  +50.0%  ≤ 1.1 µs  ok\n\nreport URL/projects/app/reports/01960000-0000-7000-8000-00000000000b\n",
			""},
		"logs of an ended job": {[]string{"logs", "app", jobID}, 0, "0/stdout \n1/stdout \n",
			"0/stderr \ntacho: stdout of iteration 1 was cut at its limit\n"},
		"logs of an iteration": {[]string{"logs", "app", jobID, "--iteration", "1"}, 0, "1/stdout \n",
			"tacho: stdout of iteration 1 was cut at its limit\n"},
		"logs of a stream": {[]string{"logs", "app", jobID, "--stream", "stderr"}, 0, "", "0/stderr \n"},
		"a file":           {[]string{"logs", "app", jobID, "--file", "/out/a.json"}, 0, "0/file /out/a.json\n", ""},
		"no such file": {[]string{"logs", "app", jobID, "--file", "/b"}, fault.ExitUsage, "", "tacho: job " + jobID +
			" left no such output; 'tacho job view app " + jobID +
			"' lists what there is\n"},
		"cancel": {[]string{"cancel", "app", jobID}, 0, "job " + jobID + " canceled\n", ""},
		"retry":  {[]string{"retry", "app", jobID}, 0, "job " + jobID + " waiting for a runner with spec\n", ""},
		"a job that is not there": {[]string{"view", "app", "01960000-0000-7000-8000-0000000000ff"}, fault.ExitRefused, "",
			"tacho: nothing at /v0/projects/app/jobs/01960000-0000-7000-8000-0000000000ff\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newFakeServer(t, road...)
			w := s.world()
			if code := w.Tacho(t, append([]string{"job"}, row.args...)...); code != row.code {
				t.Errorf("exit code %d, want %d", code, row.code)
			}
			got := strings.ReplaceAll(w.OutText.String(), s.URL, "URL")
			if diff := cmp.Diff(row.stdout, strings.ReplaceAll(got, "spec \n", "spec\n")); diff != "" {
				t.Errorf("stdout (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(row.stderr, w.ErrText.String()); diff != "" {
				t.Errorf("stderr (-want +got):\n%s", diff)
			}
		})
	}
}

func TestALostConnectionIsToldAndFollowedOn(t *testing.T) {
	t.Parallel()
	s := newFakeServer(t, state(api.JobRunning, nil), output(1, api.ArtifactStdout, "once\n")) // and the connection ends
	w := s.world()
	pauses := 0
	w.Wait = func(context.Context, time.Duration) error { // the server comes back while we wait
		pauses++
		s.mu.Lock()
		defer s.mu.Unlock()
		s.events = append(s.events, state(api.JobProcessed, nil))
		return nil
	}
	if code := w.Tacho(t, runImage...); code != 0 || pauses != 1 || strings.Count(w.OutText.String(), "once\n") != 1 {
		t.Errorf("exit code %d after %d pauses, stdout %q", code, pauses, w.OutText.String())
	}
	if !strings.Contains(w.ErrText.String(), " was lost: unexpected EOF; trying again in ") {
		t.Errorf("stderr %q", w.ErrText.String())
	}
}

func TestAServerThatCannotCheckARunBeforehandIsTolerated(t *testing.T) {
	t.Parallel()
	s := newFakeServer(t)
	w := s.world()
	w.Dir = t.TempDir()
	if code := w.Tacho(t, "run", "--project", "app", "--branch", "main", "echo 'BenchmarkA 10 5 ns/op'"); code != 0 {
		t.Errorf("exit code %d: %s", code, w.ErrText.String())
	}
	if len(s.run.Results) != 1 {
		t.Errorf("the server got %+v", s.run)
	}
	if want := []string{"POST /v0/run/check", "POST /v0/run"}; !cmp.Equal(want, s.requests[:2]) {
		t.Errorf("requests: want %v first, got %v", want, s.requests)
	}
}

func TestAServerThatKnowsNoMeasurementsIsToldOf(t *testing.T) {
	t.Parallel()
	for flags, want := range map[string]bool{"--jobs 2": true, "--base-image bench:v0 --base-branch main": true, "--iter 2": false} {
		w := newFakeServer(t, road...).world()
		code := w.Tacho(t, append(append(runImage, "--quiet"), strings.Fields(flags)...)...)
		if said := strings.Contains(w.ErrText.String(), "is older and ran one job of one image"); code != 0 || said != want {
			t.Errorf("%s: exit code %d, %q", flags, code, w.ErrText.String())
		}
	}
}

package server

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/config"
	"github.com/tachograph/tacho/internal/imagepack"
	"github.com/tachograph/tacho/internal/server/registry"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/testdb"
	"github.com/tachograph/tacho/internal/server/upkeep"
)

// fixture is a running server on loopback with its admin's key.
type fixture struct {
	t        *testing.T
	url, key string
	server   *Server
	stop     func()
}

func start(t *testing.T, data string) *fixture {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return startWith(t, data, l, func(*Config) {})
}

// settings are those of a server on a data folder, with the database that this run of the tests asks for.
func settings(t testing.TB, data string) (cfg Config) {
	t.Helper()
	if _, err := config.Load(&cfg, config.Sources{}); err != nil {
		t.Fatal(err)
	}
	where := testdb.Config(t, store.Config{Path: filepath.Join(data, upkeep.Database)})
	cfg.Data, cfg.Database, cfg.Rehearse = data, where.URL, where.Rehearse
	return cfg
}

func startWith(t *testing.T, data string, l net.Listener, change func(*Config)) *fixture {
	t.Helper()
	cfg := settings(t, data)
	cfg.URL, cfg.Version = URLOf(l), "test"
	change(&cfg)
	s, err := New(t.Context(), cfg, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	stopped := false
	key, err := s.FirstKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w := &fixture{t: t, url: cfg.URL, key: key, server: s}
	w.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	t.Cleanup(w.stop)
	return w
}

// call sends a request with a key and decodes the answer; it returns the status.
func (w *fixture) call(key, method, path string, in, out any) int {
	w.t.Helper()
	var body io.Reader
	switch v := in.(type) {
	case nil:
	case string:
		body = strings.NewReader(v)
	default:
		raw, err := json.Marshal(v)
		if err != nil {
			w.t.Fatal(err)
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if res.StatusCode >= 400 {
		w.t.Logf("%s %s: %d %s", method, path, res.StatusCode, raw)
	} else if out != nil {
		if err := json.Unmarshal(raw, out); err != nil {
			w.t.Fatalf("%s %s: %v in %.300s", method, path, err, raw)
		}
	}
	return res.StatusCode
}

func (w *fixture) must(status int, key, method, path string, in, out any) {
	w.t.Helper()
	if got := w.call(key, method, path, in, out); got != status {
		w.t.Fatalf("%s %s: status %d, want %d", method, path, got, status)
	}
}

// push puts a small image into the registry.
func (w *fixture) push(repository string) string {
	w.t.Helper()
	file := filepath.Join(w.t.TempDir(), "bench")
	if err := os.WriteFile(file, []byte("#!"), 0o755); err != nil {
		w.t.Fatal(err)
	}
	img, err := imagepack.Build(imagepack.Spec{Files: []imagepack.File{{Source: file, Target: "/bench"}}, Entrypoint: []string{"/bench"},
		Architecture: goArch()})
	if err != nil {
		w.t.Fatal(err)
	}
	digest, err := imagepack.Push(w.t.Context(), img, imagepack.Target{Registry: strings.TrimPrefix(w.url, "http://"), Repository: repository,
		Tag: "v1", PlainHTTP: true, Key: w.key})
	if err != nil {
		w.t.Fatal(err)
	}
	return digest
}

func goArch() string {
	_, _, _, arch := defaultSpec()
	return map[string]string{"x86_64": "amd64", "aarch64": "arm64"}[arch]
}

// TestTheRoadOfOneJob walks it as a runner without a WebSocket would: submit, claim, pull token, upload, completed, processed.
func TestTheRoadOfOneJob(t *testing.T) {
	t.Parallel()
	w := start(t, t.TempDir())
	digest := w.push("words/bench")
	var runner api.RunnerKey
	w.must(201, w.key, "POST", "/v0/runners", api.NewRunner{Name: "box", Specs: []string{"default"}}, &runner)

	var report api.Report
	w.must(201, w.key, "POST", "/v0/run", api.NewRun{
		Project: "words", Branch: "main", Hash: strings.Repeat("a", 40), Settings: &api.ReportSettings{Adapter: "json"},
		Job: &api.NewJob{Image: "bench:v1", Cmd: []string{"-x"}, Env: map[string]string{"SECRET": "hidden"}},
	}, &report)
	if report.Job == nil || report.Status != api.ReportPending {
		t.Fatalf("report %+v, want pending with a job", report)
	}
	here := "/v0/runners/box/jobs"
	var claimed api.ClaimedJob
	w.must(200, runner.Key, "POST", here, api.ClaimJob{PollTimeout: new(int64)}, &claimed)
	if claimed.UUID != *report.Job || claimed.Epoch != 1 || claimed.Config.Digest != digest || claimed.Config.Env["SECRET"] != "hidden" ||
		!claimed.Config.Internal {
		t.Errorf("claimed %+v", claimed)
	}
	if status := w.call(claimed.OCIToken, "GET", "/v2/words/bench/manifests/"+digest, nil, nil); status != 200 {
		t.Errorf("pull with the claim's token: %d", status)
	}
	if status := w.call(claimed.OCIToken, "GET", "/v0/projects/words/jobs", nil, nil); status != 401 {
		t.Errorf("a pull token opened the API: %d", status)
	}
	say := func(key string, msg api.Message) api.MessageEvent {
		t.Helper()
		msg.Epoch = max(msg.Epoch, 1)
		var reply api.Message
		w.call(key, "POST", here+"/"+claimed.UUID+"/events", msg, &reply)
		return reply.Event
	}
	if got := say(runner.Key, api.Message{Event: api.MsgRunning, Seq: 1}); got != api.MsgAck {
		t.Errorf("running: %s", got)
	}
	if got := say(runner.Key, api.Message{Event: api.MsgLog, Seq: 2, Stream: api.ArtifactStdout, Text: "measuring\n"}); got != api.MsgAck {
		t.Errorf("log: %s", got)
	}
	var running api.Job
	w.must(200, w.key, "GET", "/v0/projects/words/jobs/"+claimed.UUID, nil, &running)
	if running.Status != api.JobRunning || running.Runner == nil || running.RunnerName != "box" || running.Output == nil ||
		*running.Output.Results[0].Stdout != "measuring\n" {
		t.Errorf("running job %+v", running)
	}
	w.must(204, runner.Key, "PUT", here+"/"+claimed.UUID+"/outputs?epoch=1&iteration=0&kind=stdout", `{"bench":{"latency":{"value":42}}}`, nil)
	if got := say(runner.Key, api.Message{Event: api.MsgCompleted, Seq: 1 << 40, Results: []api.IterationOutput{{}}}); got != api.MsgAck {
		t.Errorf("completed: %s", got)
	}
	if got := say(runner.Key, api.Message{Event: api.MsgCompleted, Seq: 1 << 40, Results: []api.IterationOutput{{}}}); got != api.MsgAck {
		t.Errorf("completed again: %s", got)
	}
	ended := w.ended("words", claimed.UUID)
	if ended.Status != api.JobProcessed {
		t.Fatalf("job ended %s: %s %s", ended.Status, ended.Reason, ended.Error)
	}
	w.must(200, "", "GET", "/v0/projects/words/reports/"+report.UUID, nil, &report)
	if report.Status != api.ReportProcessed || report.Results[0][0].Measures[0].Metric.Value != 42 || report.Testbed.Name != "default" {
		t.Errorf("report %+v", report)
	}
	if status := w.call(claimed.OCIToken, "GET", "/v2/words/bench/manifests/"+digest, nil, nil); status != 401 {
		t.Errorf("the pull token outlived the job: %d", status)
	}
	raw, err := json.Marshal(ended)
	if err != nil || strings.Contains(string(raw), "hidden") {
		t.Errorf("the job shows its environment")
	}
}

// ended follows a job's events to its end.
func (w *fixture) ended(project, id string) api.Job {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", w.url+"/v0/projects/"+project+"/jobs/"+id+"/events", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body) // the stream ends with the job
	if err != nil {
		w.t.Fatal(err)
	}
	events := strings.Split(strings.TrimSpace(string(raw)), "\n\n")
	last := events[len(events)-1]
	data, ok := strings.CutPrefix(last, "event: end\ndata: ")
	if !ok {
		w.t.Fatalf("the last event is %q", last)
	}
	var job api.Job
	if err := json.Unmarshal([]byte(data), &job); err != nil {
		w.t.Fatal(err)
	}
	return job
}

func TestStrangersAndForeignRunnersChangeNothing(t *testing.T) {
	t.Parallel()
	w := start(t, t.TempDir())
	w.push("p/bench")
	var mine, other api.RunnerKey
	w.must(201, w.key, "POST", "/v0/runners", api.NewRunner{Name: "mine", Specs: []string{"default"}}, &mine)
	w.must(201, w.key, "POST", "/v0/runners", api.NewRunner{Name: "other", Specs: []string{"default"}}, &other)
	var report api.Report
	w.must(201, w.key, "POST", "/v0/run", api.NewRun{Project: "p", Branch: "main", Job: &api.NewJob{Image: "bench:v1"}}, &report)
	var job api.ClaimedJob
	w.must(200, mine.Key, "POST", "/v0/runners/mine/jobs", nil, &job)

	last := "x"
	if strings.HasSuffix(mine.Key, last) {
		last = "y"
	}
	forged := mine.Key[:len(mine.Key)-1] + last
	for name, row := range map[string]struct {
		key, path string
		want      int
	}{
		"no key":                {"", "/v0/runners/mine/jobs", 401},
		"a forged key":          {forged, "/v0/runners/mine/jobs", 401},
		"another runner's key":  {other.Key, "/v0/runners/mine/jobs", 403},
		"a runner's key on API": {mine.Key, "/v0/runners", 403},
	} {
		if got := w.call(row.key, "POST", row.path, `{"name":"x"}`, nil); got != row.want {
			t.Errorf("%s: status %d, want %d", name, got, row.want)
		}
	}
	var reply api.Message
	w.must(200, other.Key, "POST", "/v0/runners/other/jobs/"+job.UUID+"/events", api.Message{Event: api.MsgCompleted, Epoch: 1, Seq: 1},
		&reply)
	if reply.Event != api.MsgAbandon {
		t.Errorf("a foreign runner's completed: %s, want abandon", reply.Event)
	}
	if got := w.call(other.Key, "PUT", "/v0/runners/other/jobs/"+job.UUID+"/outputs?epoch=1&iteration=0&kind=stdout", "x", nil); got != 409 {
		t.Errorf("a foreign runner's output: %d, want 409", got)
	}
	if got := w.call(other.Key, "POST", "/v0/runners/other/jobs/"+job.UUID+"/token", nil, nil); got != 409 {
		t.Errorf("a foreign runner's token: %d, want 409", got)
	}
	var now api.Job
	w.must(200, w.key, "GET", "/v0/projects/p/jobs/"+job.UUID, nil, &now)
	if now.Status != api.JobClaimed || len(now.Outputs) != 0 {
		t.Errorf("the job is %s with %d outputs", now.Status, len(now.Outputs))
	}
}

func TestARestartKeepsTheJobAndItsLease(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	w := start(t, data)
	key := w.key
	w.push("p/bench")
	var runner api.RunnerKey
	w.must(201, key, "POST", "/v0/runners", api.NewRunner{Name: "box", Specs: []string{"default"}}, &runner)
	var report api.Report
	w.must(201, key, "POST", "/v0/run", api.NewRun{Project: "p", Branch: "main", Job: &api.NewJob{Image: "bench:v1"}}, &report)
	var job api.ClaimedJob
	w.must(200, runner.Key, "POST", "/v0/runners/box/jobs", nil, &job)
	w.must(204, runner.Key, "PUT", "/v0/runners/box/jobs/"+job.UUID+"/outputs?epoch=1&iteration=0&kind=stdout",
		`{"b":{"latency":{"value":1}}}`, nil)
	w.stop()

	w = start(t, data)
	if w.key != "" {
		t.Error("the second start made another admin key")
	}
	var reply api.Message
	w.must(200, runner.Key, "POST", "/v0/runners/box/jobs/"+job.UUID+"/events", api.Message{Event: api.MsgCompleted, Epoch: 1, Seq: 1 << 40},
		&reply)
	if reply.Event != api.MsgAck {
		t.Errorf("completed after the restart: %s", reply.Event)
	}
	if ended := w.ended("p", job.UUID); ended.Status != api.JobProcessed {
		t.Errorf("job ended %s: %s", ended.Status, ended.Error)
	}
}

func TestCancelAndRetry(t *testing.T) {
	t.Parallel()
	w := start(t, t.TempDir())
	w.push("p/bench")
	var runner api.RunnerKey
	w.must(201, w.key, "POST", "/v0/runners", api.NewRunner{Name: "box", Specs: []string{"default"}}, &runner)
	var report api.Report
	w.must(201, w.key, "POST", "/v0/run", api.NewRun{Project: "p", Branch: "main", Job: &api.NewJob{Image: "bench:v1"}}, &report)
	path := "/v0/projects/p/jobs/" + *report.Job
	var job api.Job
	w.must(200, w.key, "PATCH", path, api.UpdateJob{Status: api.JobCanceled}, &job)
	if job.Status != api.JobCanceled || job.Reason != api.ReasonCanceledByUser {
		t.Errorf("canceled job: %s %s", job.Status, job.Reason)
	}
	w.must(409, w.key, "PATCH", path, api.UpdateJob{Status: api.JobCanceled}, nil)
	w.must(401, "", "PATCH", path, api.UpdateJob{Status: api.JobPending}, nil)
	w.must(200, w.key, "PATCH", path, api.UpdateJob{Status: api.JobPending}, &job)
	if job.Status != api.JobPending || job.QueuePosition == nil || *job.QueuePosition != 1 {
		t.Errorf("retried job: %s %v", job.Status, job.QueuePosition)
	}
	var claimed api.ClaimedJob
	w.must(200, runner.Key, "POST", "/v0/runners/box/jobs", nil, &claimed)
	w.must(200, w.key, "PATCH", path, api.UpdateJob{Status: api.JobCanceled}, nil)
	var reply api.Message
	w.must(200, runner.Key, "POST", "/v0/runners/box/jobs/"+claimed.UUID+"/events", api.Message{Event: api.MsgHeartbeat, Epoch: 1, Seq: 1},
		&reply)
	if reply.Event != api.MsgCancel {
		t.Errorf("heartbeat of a job that is to end: %s, want cancel", reply.Event)
	}
	w.must(200, runner.Key, "POST", "/v0/runners/box/jobs/"+claimed.UUID+"/events", api.Message{Event: api.MsgCanceled, Epoch: 1, Seq: 2},
		&reply)
	if ended := w.ended("p", claimed.UUID); ended.Status != api.JobCanceled {
		t.Errorf("job ended %s", ended.Status)
	}
}

func TestProbesPagesAndTheDocumentAreServed(t *testing.T) {
	t.Parallel()
	w := start(t, t.TempDir())
	for path, want := range map[string]int{
		"/healthz": 200, "/readyz": 200, "/metrics": 200, "/openapi.json": 200, "/projects": 200, "/runners": 200, "/projects/none": 404,
		"/v0/projects/none": 404, "/v0/nothing": 404,
		"/v2/": 401, registry.TokenPath: 200,
	} {
		if got := w.call("", "GET", path, nil, nil); got != want {
			t.Errorf("GET %s: %d, want %d", path, got, want)
		}
	}
}

// TestTheDocumentIsInTheTree compares docs/openapi.json with what the server generates; UPDATE_OPENAPI=1 rewrites it.
func TestTheDocumentIsInTheTree(t *testing.T) {
	t.Parallel()
	w := start(t, t.TempDir())
	raw, err := w.server.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, raw, "", " "); err != nil {
		t.Fatal(err)
	}
	pretty.WriteByte('\n')
	const file = "../../docs/openapi.json"
	if os.Getenv("UPDATE_OPENAPI") != "" {
		if err := os.WriteFile(file, pretty.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), pretty.String()); diff != "" {
		t.Errorf("docs/openapi.json is not what the server serves (UPDATE_OPENAPI=1 go test ./internal/server rewrites it):\n%.2000s", diff)
	}
}

func TestTheDocumentAndTheServerHaveTheSameRoutes(t *testing.T) {
	t.Parallel()
	w := start(t, t.TempDir())
	raw, err := w.server.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Paths map[string]map[string]any
	}
	if err := json.Unmarshal(raw, &document); err != nil {
		t.Fatal(err)
	}
	if len(document.Paths["/v0/runners/{runner}/channel"]) == 0 {
		t.Error("the runner's channel is not in the document")
	}
	names := strings.NewReplacer("{project}", "x", "{runner}", "x", "{job}", "x", "{iteration}", "0", "{kind}", "stdout")
	for path, methods := range document.Paths {
		for _, method := range []string{"get", "post", "put", "patch", "delete"} {
			// Nobody is signed in: a route that is there asks who, misses the thing or refuses the body; one that is not says that there is no such
			// method.
			got := w.call("", strings.ToUpper(method), names.Replace(path), nil, nil)
			if _, documented := methods[method]; documented == (got == http.StatusMethodNotAllowed) {
				t.Errorf("%s %s: %d, in the document: %v", method, path, got, documented)
			}
		}
	}
}

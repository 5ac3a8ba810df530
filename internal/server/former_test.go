package server

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
)

// formerFixture is a server that speaks the earlier protocol on a project, with a run key of it.
type formerFixture struct {
	*fixture
	runKey string
}

func startFormer(t *testing.T) *formerFixture {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &formerFixture{fixture: startWith(t, t.TempDir(), l, func(cfg *Config) { cfg.CompatSweep = "shop" })}
	var run api.KeyCreated
	f.must(201, f.key, "POST", "/v0/projects", api.NewProject{Name: "shop"}, nil)
	f.must(201, f.key, "POST", "/v0/projects/shop/keys", api.NewKey{Name: "runners"}, &run)
	f.runKey = run.Secret
	return f
}

// assigned is the answer to a claim.
type assigned struct {
	Status string `json:"status"`
	Retry  int    `json:"retry_after_seconds"`
	Task   struct {
		ID      string `json:"id"`
		RunID   string `json:"run_id"`
		Number  int    `json:"run_number"`
		Version string `json:"ruby_version"`
		Alias   string `json:"instance_type_alias"`
	} `json:"task"`
	URLs struct {
		ResultURL string `json:"result_upload_url"`
		ErrorURL  string `json:"error_upload_url"`
		ResultKey string `json:"result_key"`
		ErrorKey  string `json:"error_key"`
	} `json:"presigned_urls"`
}

func (f *formerFixture) claim(runner, typ string) (out assigned) {
	f.t.Helper()
	f.must(200, f.runKey, "POST", "/claim", map[string]any{"provider": "aws", "instance_type": typ, "runner_id": runner}, &out)
	return out
}

// upload PUTs without any key, as a runner does.
func (f *formerFixture) upload(address, contentType string, body []byte) int {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), http.MethodPut, address, bytes.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

// packed is a tar.gz archive of files, given as name and content in turns.
func packed(t *testing.T, files ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for i := 0; i < len(files); i += 2 {
		if err := w.WriteHeader(&tar.Header{Name: files[i], Mode: 0o644, Size: int64(len(files[i+1]))}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, files[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// fetched are the names in an archive that is fetched without any key.
func (f *formerFixture) fetched(address string) (names []string) {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer res.Body.Close()
	z, err := gzip.NewReader(res.Body)
	if err != nil {
		f.t.Fatalf("archive: %d, %v", res.StatusCode, err)
	}
	for entries := tar.NewReader(z); ; {
		entry, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			f.t.Fatal(err)
		}
		names = append(names, entry.Name)
	}
}

// rubyBench is what ruby-bench left, in the form that the earlier runners upload.
func rubyBench(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile("../core/adapter/testdata/ruby_bench/two.json")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// runState is the answer to GET /run/ID.
type runState struct {
	RunID   string  `json:"run_id"`
	Status  string  `json:"status"`
	GzipURL *string `json:"gzip_url"`
	Tasks   struct{ Total, Pending, Claimed, Running, Completed, Failed, Cancelled, Late int }
}

// ended waits until a run has ended: a server reads what was delivered, and tells the sweep, by itself.
func (f *formerFixture) ended(run string) (out runState) {
	f.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; {
		f.must(200, f.runKey, "GET", "/run/"+run, nil, &out)
		if out.Status != "running" {
			return out
		}
		if time.Now().After(end) {
			f.t.Fatalf("run %s did not end: %+v", run, out)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

const formerRun = `{"ruby_version": "3.4.7", "runs_per_instance_type": 2, "run_id": 173500000012345679,
	"aws": ["c8g.medium", {"instance_type": "c8a.medium", "alias": "c8a"}]}`

func TestARunOfTheEarlierProtocol(t *testing.T) {
	t.Parallel()
	f := startFormer(t)
	var started, again struct {
		RunID   any              `json:"run_id"`
		Created int              `json:"tasks_created"`
		Tasks   []map[string]any `json:"tasks"`
	}
	f.must(403, f.runKey, "POST", "/run", json.RawMessage(formerRun), nil)
	f.must(401, "", "POST", "/run", json.RawMessage(formerRun), nil)
	f.must(201, f.key, "POST", "/run", json.RawMessage(formerRun), &started)
	f.must(201, f.key, "POST", "/runs", json.RawMessage(formerRun), &again)
	if started.RunID != "173500000012345679" || started.Created != 4 || len(started.Tasks) != 4 {
		t.Fatalf("started %+v", started)
	}
	if fmt.Sprint(started) != fmt.Sprint(again) {
		t.Errorf("the same run again: %v, want %v", again, started)
	}
	if task := started.Tasks[0]; task["provider"] != "aws" || task["instance_type"] != "c8a.medium" && task["instance_type"] != "c8g.medium" ||
		task["status"] != "pending" || task["id"] == "" {
		t.Errorf("task %v", task)
	}

	good := packed(t, "output.json", rubyBench(t), "output.txt", "as it was printed", "metadata.json", "{}")
	seen := map[string]bool{}
	for range 2 {
		got := f.claim("host-1", "c8g.medium")
		if got.Status != "assigned" || seen[got.Task.ID] || got.Task.RunID != "173500000012345679" || got.Task.Version != "3.4.7" {
			t.Fatalf("claimed %+v", got)
		}
		seen[got.Task.ID] = true
		if same := f.claim("host-1", "c8g.medium"); same.Task.ID != got.Task.ID { // its answer was lost
			t.Errorf("claimed again: %+v, want %s", same, got.Task.ID)
		}
		here := "/tasks/" + got.Task.ID
		done := map[string]any{"runner_id": "host-1", "s3_result_key": got.URLs.ResultKey}
		beat := func(runner, status string) map[string]any {
			return map[string]any{"runner_id": runner, "status": status, "current_benchmark": "mail", "progress_pct": 40}
		}
		var beaten struct {
			Cancel bool `json:"cancel"`
			URLs   struct {
				ResultURL string `json:"result_upload_url"`
			} `json:"urls"`
		}
		f.must(200, f.runKey, "POST", here+"/heartbeat", beat("host-1", "running"), &beaten)
		f.must(409, f.runKey, "POST", here+"/heartbeat", beat("host-2", "running"), nil)
		f.must(400, f.runKey, "POST", here+"/heartbeat", beat("host-1", "asleep"), nil)
		f.must(401, "", "POST", here+"/heartbeat", beat("host-1", "running"), nil)
		f.must(400, f.runKey, "POST", here+"/complete", done, nil) // nothing is there
		if code := f.upload(got.URLs.ResultURL, "text/plain", good); code != 403 {
			t.Errorf("another type: %d", code)
		}
		if code := f.upload(beaten.URLs.ResultURL, "application/gzip", good[:100]); code != 200 || beaten.Cancel {
			t.Errorf("to a renewed address: %d, cancel %v", code, beaten.Cancel)
		}
		f.must(400, f.runKey, "POST", here+"/complete", done, nil) // it is torn
		if code := f.upload(got.URLs.ResultURL, "application/gzip", good); code != 200 {
			t.Errorf("upload: %d", code)
		}
		f.must(409, f.runKey, "POST", here+"/complete", map[string]any{"runner_id": "host-2", "s3_result_key": got.URLs.ResultKey}, nil)
		f.must(400, f.runKey, "POST", here+"/complete", map[string]any{"runner_id": "host-1", "s3_result_key": "results/x"}, nil)
		f.must(200, f.runKey, "POST", here+"/complete", done, nil)
		f.must(200, f.runKey, "POST", here+"/complete", done, nil)
		f.must(409, f.runKey, "POST", here+"/fail", map[string]any{"runner_id": "host-1", "error_type": "timeout"}, nil)
		if code := f.upload(got.URLs.ResultURL, "application/gzip", good); code != 409 {
			t.Errorf("what was acknowledged was replaced: %d", code)
		}
	}
	if got := f.claim("host-1", "c8g.medium"); got.Status != "done" {
		t.Errorf("after the last task: %+v", got)
	}
	if got := f.claim("host-2", "m7i.large"); got.Status != "done" {
		t.Errorf("of a type that the run has not: %+v", got)
	}

	broken := f.claim("host-3", "c8a")
	if broken.Status != "assigned" || broken.Task.Alias != "c8a" {
		t.Fatalf("by its alias: %+v", broken)
	}
	if wait := f.claim("host-4", "c8a.medium"); wait.Status != "wait" || wait.Retry != 30 {
		t.Errorf("beside the only machine of its type: %+v", wait)
	}
	if code := f.upload(broken.URLs.ErrorURL, "application/gzip", packed(t, "error.txt", "it broke", "output.txt", "half")); code != 200 {
		t.Errorf("error archive: %d", code)
	}
	failure := map[string]any{"runner_id": "host-3", "error_type": "benchmark_failed", "error_message": "exit 1",
		"s3_error_key": broken.URLs.ErrorKey}
	f.must(200, f.runKey, "POST", "/tasks/"+broken.Task.ID+"/fail", failure, nil)
	f.must(200, f.runKey, "POST", "/tasks/"+broken.Task.ID+"/fail", failure, nil)
	f.must(409, f.runKey, "POST", "/tasks/"+broken.Task.ID+"/complete", map[string]any{"runner_id": "host-3",
		"s3_result_key": broken.URLs.ResultKey}, nil)
	var job api.Job
	f.must(200, f.key, "GET", "/v0/projects/shop/jobs/"+broken.Task.ID, nil, &job)
	if job.Status != api.JobFailed || job.Reason != api.ReasonBenchmarkExit || len(job.Outputs) != 3 {
		t.Errorf("the failed task is %s for %s with %+v, want its archive and two texts", job.Status, job.Reason, job.Outputs)
	}

	f.must(403, f.runKey, "POST", "/run/stop", nil, nil)
	var open runState
	f.must(200, f.runKey, "GET", "/run", nil, &open)
	if open.RunID != "173500000012345679" || open.Status != "running" || open.Tasks.Total != 4 || open.Tasks.Pending != 1 ||
		open.Tasks.Failed != 1 {
		t.Errorf("before the stop: %+v", open)
	}
	f.must(200, f.key, "POST", "/run/stop", nil, nil)
	f.must(200, f.key, "POST", "/runs/173500000012345679/stop", nil, nil)
	end := f.ended("173500000012345679")
	if end.Status != "cancelled" || end.Tasks.Completed != 2 || end.Tasks.Failed != 1 || end.Tasks.Cancelled != 1 {
		t.Errorf("after the stop: %+v", end)
	}
	if got := f.claim("host-3", "c8a.medium"); got.Status != "done" {
		t.Errorf("after the stop: %+v", got)
	}
	if end.GzipURL == nil {
		t.Fatal("no archive")
	}
	names := f.fetched(*end.GzipURL)
	for id := range seen {
		for _, name := range []string{"output.txt", "output.json", "metadata.json"} {
			if !slices.Contains(names, "host-1-"+id+"/"+name) {
				t.Errorf("the archive has %v, want host-1-%s/%s", names, id, name)
			}
		}
	}
	if !slices.Contains(names, "host-3-"+broken.Task.ID+"/error.txt") {
		t.Errorf("the archive has %v, want the failure of host-3", names)
	}
	f.must(404, f.key, "GET", "/run/none", nil, nil)

	var sweep api.Sweep
	f.must(200, f.key, "GET", "/v0/projects/shop/sweeps/173500000012345679", nil, &sweep)
	if !sweep.Clean || sweep.State != "ended" || sweep.Spent != 0 {
		t.Errorf("the sweep is %+v, want ended and clean, and nothing spent on machines of others", sweep)
	}
	var reports []api.Report
	f.must(200, f.key, "GET", "/v0/projects/shop/reports?branch=sweep/ruby-bench&testbed=aws/c8g.medium", nil, &reports)
	if len(reports) == 0 {
		t.Error("no report of what was delivered")
	}
	f.must(409, f.key, "POST", "/v0/projects/shop/sweeps/173500000012345679/controller", api.TakeSweep{Holder: "laptop"}, nil)
}

func TestWithoutTheFlagThereAreNoFormerPaths(t *testing.T) {
	t.Parallel()
	w := start(t, t.TempDir())
	for _, path := range []string{"/run", "/claim", "/tasks/claim", "/runs/1/stop", "/tasks/1/heartbeat"} {
		if code := w.call(w.key, "POST", path, map[string]any{}, nil); code != 404 && code != 405 {
			t.Errorf("POST %s: %d", path, code)
		}
	}
}

func TestWhatAFormerConfigurationMustNotBe(t *testing.T) {
	t.Parallel()
	f := startFormer(t)
	for name, row := range map[string]struct {
		body string
		want int
	}{
		"no JSON":               {`{`, 400},
		"nothing":               {``, 400},
		"no machines":           {`{"ruby_version": "3.4.7", "runs_per_instance_type": 1}`, 400},
		"an unknown key":        {`{"ruby_version": "3.4.7", "aws": ["c8g.medium"], "colour": 1}`, 400},
		"more than is read":     {`{"ruby_version": "` + strings.Repeat("3", 1<<20) + `"}`, 413},
		"more runs than any":    {`{"ruby_version": "3.4.7", "runs_per_instance_type": 100000, "aws": ["c8g.medium"]}`, 400},
		"an id that is a path":  {`{"run_id": "../x", "ruby_version": "3.4.7", "aws": ["c8g.medium"]}`, 400},
		"what is as it must be": {`{"ruby_version": "3.4.7", "azure": ["Standard_D2pls_v6"], "local": ["docker"]}`, 201},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.url+"/run/start", strings.NewReader(row.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+f.key)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if err := res.Body.Close(); err != nil {
			t.Error(err)
		}
		if err != nil || res.StatusCode != row.want || row.want != 201 && !strings.HasPrefix(string(body), `{"error":"`) {
			t.Errorf("%s: %d %s, %v; want %d", name, res.StatusCode, body, err, row.want)
		}
	}
}

// TestARunnerOfOthersInShell plays testdata/guest.sh, which knows this protocol and nothing of tacho.
func TestARunnerOfOthersInShell(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"sh", "curl", "tar", "sed"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not here; install it to play a runner in shell", tool)
		}
	}
	f := startFormer(t)
	f.must(201, f.key, "POST", "/run", map[string]any{"ruby_version": "3.4.7", "run_id": "7", "aws": []string{"c8g.medium", "c8a.medium"},
		"per_instance_type": map[string]int{"tasks": 2, "instances": 2}}, nil)
	result := t.TempDir() + "/output.json"
	if err := os.WriteFile(result, []byte(rubyBench(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	play := func(typ string, command ...string) string {
		args := append([]string{"testdata/guest.sh", f.url, f.runKey, "aws", typ}, command...)
		out, err := exec.CommandContext(t.Context(), "sh", args...).CombinedOutput()
		if err != nil {
			t.Errorf("guest.sh: %v\n%s", err, out)
		}
		return string(out)
	}
	var both sync.WaitGroup
	for range 2 { // each takes a slot of its own
		both.Go(func() {
			if out := play("c8g.medium", "cp", result, "."); strings.Count(out, "task ") != 1 {
				t.Errorf("a runner did\n%s\nwant one task", out)
			}
		})
	}
	both.Wait()
	play("c8a.medium", "false")
	play("c8a.medium", "cp", result, ".")
	end := f.ended("7")
	if end.Status != "completed" || end.Tasks.Completed != 3 || end.Tasks.Failed != 1 {
		t.Errorf("in the end: %+v, want three tasks completed and one failed", end)
	}
}

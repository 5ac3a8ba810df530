package server

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/ident"
)

// What Bencher's own clients (command line 0.6.12) check before they send anything, and what they cannot read otherwise.

func TestKeysOfBenchersFormOpenWhatOursOpen(t *testing.T) {
	t.Parallel()
	w := start(t, t.TempDir())
	var mine, run api.KeyCreated
	w.must(201, w.key, "POST", "/v0/users/admin/keys", api.NewKey{Name: "theirs", Form: "bencher"}, &mine)
	w.must(201, mine.Secret, "POST", "/v0/run", results("words"), nil)
	w.must(201, mine.Secret, "POST", "/v0/projects/words/keys", api.NewKey{Name: "ci", Form: "bencher"}, &run)
	w.must(201, run.Secret, "POST", "/v0/run", results("words"), nil)
	var runner, again api.RunnerKey
	w.must(201, mine.Secret, "POST", "/v0/runners", api.NewRunner{Name: "box", Specs: []string{"default"}, Form: "bencher"}, &runner)
	w.must(201, mine.Secret, "POST", "/v0/runners/box/key?form=bencher", nil, &again)
	for prefix, key := range map[string]string{"bencher_user_": mine.Secret, "bencher_run_": run.Secret, "bencher_runner_": again.Key} {
		if !regexp.MustCompile(`^` + prefix + `[0-9A-Za-z]{30}$`).MatchString(key) {
			t.Errorf("%q is not of the form that Bencher's clients want", key)
		}
	}
	if status := w.call(runner.Key, "POST", "/v0/runners/box/jobs", api.ClaimJob{PollTimeout: new(int64)}, nil); status != 401 {
		t.Errorf("the runner's old key: %d, want 401", status)
	}
	w.must(204, again.Key, "POST", "/v0/runners/box/jobs", api.ClaimJob{PollTimeout: new(int64)}, nil)
	w.must(204, w.key, "DELETE", "/v0/users/admin/keys/"+mine.UUID, nil, nil)
	if status := w.call(mine.Secret, "GET", "/v0/users/admin", nil, nil); status != 401 {
		t.Errorf("a revoked key: %d, want 401", status)
	}
	for _, body := range []string{`{"name":"x","form":"jwt"}`, `{"name":"x","form":""}`} {
		if status := w.call(w.key, "POST", "/v0/users/admin/keys", body, nil); status != 400 && status != 422 {
			t.Errorf("%s: %d", body, status)
		}
	}
	if kind, ok := ident.ParseKey(w.key); !ok || kind != ident.KeyUser || !strings.HasPrefix(w.key, "tacho_") {
		t.Error("a key is of our own form unless the other one is asked for")
	}
}

func results(project string) api.NewRun {
	return api.NewRun{Project: project, Branch: "main", Hash: strings.Repeat("a", 40), Testbed: "lab",
		Results:  []string{`{"bench a":{"latency":{"value":42}}}`},
		Settings: &api.ReportSettings{Adapter: "json"}}
}

func TestServerSaysWhatBenchersClientsAsk(t *testing.T) {
	t.Parallel()
	w := start(t, t.TempDir())
	var console map[string]string
	w.must(200, "", "GET", "/v0/server/config/console", nil, &console)
	if len(console) != 1 || console["url"] != w.url {
		t.Errorf("console %v, want url %s", console, w.url)
	}
	var version api.ServerVersion
	w.must(200, "", "GET", "/v0/server/version", nil, &version)
	if version.Version != "0.6.12" || version.Release != "test" {
		t.Errorf("version %+v", version)
	}
}

// raw is an answer with its shapes as they are, not as api would have them.
func (w *fixture) raw(path string) map[string]any {
	w.t.Helper()
	var out map[string]any
	w.must(200, w.key, "GET", path, nil, &out)
	return out
}

func TestSpecIsAnObjectAndARunnerAUUIDWhereBenchersClientsReadThem(t *testing.T) {
	t.Parallel()
	w := start(t, t.TempDir())
	w.push("words/bench")
	var runner api.RunnerKey
	w.must(201, w.key, "POST", "/v0/runners", api.NewRunner{Name: "box", Specs: []string{"default"}}, &runner)
	job := api.NewRun{Project: "words", Branch: "main", Testbed: "metal", Settings: &api.ReportSettings{Adapter: "json"},
		Job: &api.NewJob{Image: "bench:v1"}}
	upper := 0.5
	job.Thresholds = &api.ReportThresholds{Models: map[string]api.Model{"latency": {Test: "percentage", UpperBoundary: &upper}}}
	spec := w.raw("/v0/specs/default")
	same := func(where string, got any) {
		t.Helper()
		if has, ok := got.(map[string]any); !ok || has["uuid"] != spec["uuid"] || has["slug"] != "default" || has["cpu"] != spec["cpu"] ||
			has["created"] == nil {
			t.Errorf("%s: testbed.spec is %v, want the whole spec", where, got)
		}
	}
	testbed := func(of any) any { return of.(map[string]any)["testbed"].(map[string]any)["spec"] }
	for _, value := range []string{"10", "100"} {
		var report map[string]any
		w.must(201, w.key, "POST", "/v0/run", job, &report)
		same("POST /v0/run", testbed(report))
		var claimed api.ClaimedJob
		w.must(200, runner.Key, "POST", "/v0/runners/box/jobs", api.ClaimJob{PollTimeout: new(int64)}, &claimed)
		here := "/v0/runners/box/jobs/" + claimed.UUID
		w.must(204, runner.Key, "PUT", here+"/outputs?epoch=1&iteration=0&kind=stdout", `{"bench":{"latency":{"value":`+value+`}}}`, nil)
		w.must(200, runner.Key, "POST", here+"/events", api.Message{Event: api.MsgCompleted, Epoch: 1, Seq: 1 << 40,
			Results: []api.IterationOutput{{}}}, nil)
		w.ended("words", claimed.UUID)
		ended := w.raw("/v0/projects/words/jobs/" + claimed.UUID)
		if id, ok := ended["runner"].(string); !ok || !ident.IsUUID(id) || id != runner.UUID || ended["runner_name"] != "box" {
			t.Errorf("job's runner is %v, want its UUID %s", ended["runner"], runner.UUID)
		}
		same("report", testbed(w.raw("/v0/projects/words/reports/"+report["uuid"].(string))))
	}
	same("testbed", w.raw("/v0/projects/words/testbeds/metal")["spec"])
	for _, list := range []string{"thresholds", "alerts"} {
		var rows []map[string]any
		w.must(200, w.key, "GET", "/v0/projects/words/"+list, nil, &rows)
		if len(rows) != 1 {
			t.Fatalf("%s: %v", list, rows)
		}
		row := any(rows[0])
		if list == "alerts" {
			row = rows[0]["threshold"]
		}
		same(list, testbed(row))
	}
	var testbeds []map[string]any
	w.must(200, w.key, "GET", "/v0/projects/words/testbeds", nil, &testbeds)
	same("testbeds", testbeds[0]["spec"])
	perf := w.raw("/v0/projects/words/perf?branches=main&testbeds=metal&benchmarks=bench&measures=latency")
	same("perf", testbed(perf["results"].([]any)[0]))

	w.must(201, w.key, "POST", "/v0/run", results("words"), nil)
	var reports []map[string]any
	w.must(200, w.key, "GET", "/v0/projects/words/reports?sort=date_time&direction=desc", nil, &reports)
	if got, has := reports[0]["testbed"].(map[string]any)["spec"]; has {
		t.Errorf("a report from elsewhere ran on %v", got)
	}
}

func TestLinksThatBenchersClientsPrintLeadToPages(t *testing.T) {
	t.Parallel()
	w := start(t, t.TempDir())
	upper := 0.5
	run := results("words")
	run.Thresholds = &api.ReportThresholds{Models: map[string]api.Model{"latency": {Test: "percentage", UpperBoundary: &upper}}}
	w.must(201, w.key, "POST", "/v0/run", run, nil)
	run.Results = []string{`{"bench a":{"latency":{"value":420}}}`}
	var report api.Report
	w.must(201, w.key, "POST", "/v0/run", run, &report)
	if len(report.Alerts) != 1 {
		t.Fatalf("want an alert, got %+v", report.Alerts)
	}
	alert := report.Alerts[0]
	r := report.Results[0][0]
	var seen []string
	client := &http.Client{CheckRedirect: func(r *http.Request, _ []*http.Request) error { seen = append(seen, r.URL.Path); return nil }}
	for link, want := range map[string]string{
		"/perf": "/projects",
		"/perf/words?branches=" + report.Branch.UUID + "&heads=" + report.Branch.Head.UUID + "&testbeds=" + report.Testbed.UUID +
			"&benchmarks=" + r.Benchmark.UUID + "&measures=" + r.Measures[0].Measure.UUID + "&tab=branches": "/projects/words/perf",
		"/perf/words/reports/" + report.UUID:                   "/projects/words/reports/" + report.UUID,
		"/perf/words/alerts/" + alert.UUID:                     "/projects/words/reports/" + report.UUID,
		"/perf/words/thresholds/" + alert.Threshold.UUID:       "/projects/words/perf",
		"/perf/words/benchmarks/" + r.Benchmark.Slug:           "/projects/words/perf",
		"/perf/words/branches/main?head=" + report.Branch.UUID: "/projects/words/perf",
		"/perf/words/testbeds/lab":                             "/projects/words/perf",
		"/perf/words/measures/latency":                         "/projects/words/perf",
		"/console/projects/words/thresholds/add":               "/projects/words",
		"/console/projects/words/perf":                         "/projects/words/perf",
		"/console/projects/words/plots":                        "/projects/words/plots",
		"/perf/words/alerts":                                   "/projects/words/alerts",
	} {
		seen = nil
		res, err := client.Get(w.url + link)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != 200 || len(seen) != 1 || seen[0] != want {
			t.Errorf("%s: status %d by %v, want %s", link, res.StatusCode, seen, want)
		}
	}
	for _, link := range []string{"/perf/nothing/alerts/" + alert.UUID, "/perf/words/thresholds/" + report.UUID, "/perf/words/reports/" +
		alert.UUID} {
		res, err := client.Get(w.url + link)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != 404 {
			t.Errorf("%s: status %d, want 404", link, res.StatusCode)
		}
	}
	noFollow := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, link := range []string{"/perf/%2Fevil.example/reports", "/perf//evil.example/", "/console/projects/..%2F..%2Fevil/x"} {
		res, err := noFollow.Get(w.url + link)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if to := res.Header.Get("Location"); to != "" && (!strings.HasPrefix(to, "/p") || strings.HasPrefix(to, "//")) {
			t.Errorf("%s leads to %s", link, to)
		}
	}
	if raw, err := json.Marshal(report.Testbed); err != nil || strings.Contains(string(raw), `"spec"`) {
		t.Errorf("testbed without a spec: %s, %v", raw, err)
	}
}

package httpapi

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/blob"
	"github.com/tachograph/tacho/internal/server/chain"
	"github.com/tachograph/tacho/internal/server/event"
	"github.com/tachograph/tacho/internal/server/explore"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/plot"
	"github.com/tachograph/tacho/internal/server/policy"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/testdb"
	"github.com/tachograph/tacho/internal/server/sweep"
	"github.com/tachograph/tacho/internal/server/threshold"
)

// fixture is a server that takes reports, behind a real listener, and the key of its administrator.
type fixture struct {
	t         testing.TB
	url, key  string
	path      string // of the database
	submitted int
	db        *store.Store
	accounts  *account.Service
	queue     *job.Service
	fleet     *fleet.Service
	api       *API
}

func newFixture(t testing.TB, change ...func(*Config)) *fixture {
	t.Helper()
	s := &fixture{t: t, path: filepath.Join(t.TempDir(), "tacho.db")}
	db, err := testdb.Open(t, store.Config{Path: s.path})
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := blob.OpenDir(t.TempDir(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	s.db, s.accounts = db, account.New(db, rand.Reader, fleet.RunnerIDByKeyHash)
	if err := s.accounts.EnsureAdmin(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.key, err = s.accounts.FirstKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	door := project.NewDoor(db, func(id string) error { return s.api.cfg.Guard.Project(id) })
	views, log := explore.New(door, nil), slog.New(slog.DiscardHandler)
	s.queue = job.NewService(job.Config{Store: db, Door: door, Blobs: blobs, Reports: report.NewJudge(db, nil), Images: anyImage{},
		Log: log,
		Now: time.Now, KeepEnv: time.Hour})
	s.fleet = fleet.New(db, s.queue, rand.Reader, time.Now, nil)
	cfg := Config{Accounts: s.accounts, Version: "test", Log: log, Services: Services{
		Projects: project.NewService(db, door, s.accounts, "", s.queue),
		Policies: policy.NewService(door),
		Events:   event.NewService(event.Config{Store: db, Door: door}),
		Branches: series.NewBranches(door, threshold.Following{}),
		Testbeds: series.NewTestbeds(door), Benchmarks: series.NewBenchmarks(door), Measures: series.NewMeasures(door),
		Plots: plot.NewService(door), Thresholds: threshold.NewService(door), Explore: views, Queue: s.queue, Fleet: s.fleet,
		Sweeps: sweep.NewService(sweep.Config{Store: db, Door: door, Jobs: s.queue, Runners: s.fleet, Random: rand.Reader, Log: log,
			Branches: series.NewBranches(door, threshold.Following{})}),
		Reports: report.NewService(report.Config{Store: db, Door: door, Blobs: blobs, Queue: s.queue})}}
	for _, f := range change {
		f(&cfg)
	}
	s.api = New(cfg)
	server := httptest.NewServer(chain.Chain{Accounts: s.accounts, Log: log, Refuse: s.api.Refuse}.Wrap(s.api.Handler()))
	t.Cleanup(func() {
		server.Close()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	s.url = server.URL
	return s
}

// anyImage knows every image and its digest.
type anyImage struct{}

func (anyImage) Resolve(context.Context, project.Project, string) (job.Image, error) {
	return job.Image{Registry: "registry.example", Repository: "bench", Digest: "sha256:" + strings.Repeat("a", 64)}, nil
}

// call sends body as JSON (a string as it is) and decodes the answer into out. It returns the status and the error's message, if any.
func (s *fixture) call(method, path string, body, out any) (status int, header http.Header, message string) {
	s.t.Helper()
	return s.callAs(s.key, method, path, body, out)
}

func (s *fixture) callAs(key, method, path string, body, out any) (status int, header http.Header, message string) {
	s.t.Helper()
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		r = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			s.t.Fatal(err)
		}
		r = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, r)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if res.StatusCode >= 400 {
		var e api.Error
		if err := json.Unmarshal(text, &e); err != nil || e.Message == "" {
			s.t.Errorf("%s %s: %d without an error body: %.200s", method, path, res.StatusCode, text)
		}
		return res.StatusCode, res.Header, e.Message
	}
	if out != nil {
		if err := json.Unmarshal(text, out); err != nil {
			s.t.Errorf("%s %s: %v in %.200s", method, path, err, text)
		}
	}
	return res.StatusCode, res.Header, ""
}

// get is call for an answer that must be 200.
func get[T any](s *fixture, path string) (out T) {
	s.t.Helper()
	if status, _, message := s.call(http.MethodGet, path, nil, &out); status != http.StatusOK {
		s.t.Fatalf("GET %s: %d %s", path, status, message)
	}
	return out
}

// run posts a run that must be taken. Each begins a second after the last.
func (s *fixture) run(body map[string]any) (out api.Report) {
	s.t.Helper()
	if status, _, message := s.call(http.MethodPost, "/v0/run", s.newRun(body), &out); status != http.StatusCreated {
		s.t.Fatalf("POST /v0/run: %d %s", status, message)
	}
	return out
}

func (s *fixture) newRun(change map[string]any) map[string]any {
	s.submitted++
	start := time.Date(2026, 1, 1, 0, 0, s.submitted, 0, time.UTC)
	out := map[string]any{"project": "shop", "branch": "main", "testbed": "lab", "settings": map[string]any{"adapter": "json"},
		"start_time": start, "end_time": start}
	for k, v := range change {
		if v == nil {
			delete(out, k)
			continue
		}
		out[k] = v
	}
	return out
}

func latency(value float64) []string {
	return []string{fmt.Sprintf(`{"b":{"latency":{"value":%g}}}`, value)}
}

func results(value float64) map[string]any { return map[string]any{"results": latency(value)} }

func guard(test string, upper float64) map[string]any {
	return map[string]any{"models": map[string]any{"latency": map[string]any{"test": test, "upper_boundary": upper, "max_sample_size": 64}}}
}

func TestTenRunsThenARegressionRaiseAnAlert(t *testing.T) {
	t.Parallel()
	// Mean 100, Σ(x−100)² = 20, so s = √(20/9).
	values := []float64{98, 102, 99, 101, 100, 98, 102, 99, 101, 100}
	for _, tc := range []struct {
		test            string
		boundary, limit float64
		slow            float64
	}{
		{"percentage", 0.05, 105, 106},
		// qt(0.99, 9) = 2.8214379 in R; 100 + √(20/9)·√1.1·2.8214379 = 104.411239.
		{"t_test", 0.99, 104.411239, 105},
	} {
		t.Run(tc.test, func(t *testing.T) {
			t.Parallel()
			s := newFixture(t)
			for _, v := range values {
				if r := s.run(map[string]any{"results": latency(v), "thresholds": guard(tc.test, tc.boundary)}); len(r.Alerts) != 0 {
					t.Fatalf("an alert on %g: %+v", v, r.Alerts[0].Boundary)
				}
			}
			report := s.run(results(tc.slow))
			if len(report.Alerts) != 1 {
				t.Fatalf("want one alert, got %d, boundary %+v", len(report.Alerts), report.Results[0][0].Measures[0].Boundary)
			}
			a := report.Alerts[0]
			near := func(x *float64, want float64) bool { return x != nil && *x > want-1e-5 && *x < want+1e-5 }
			if !near(a.Boundary.Baseline, 100) || !near(a.Boundary.UpperLimit, tc.limit) || a.Limit != "upper" ||
				a.Metric.Value != tc.slow {
				t.Errorf("want %g over %g around 100, got %g, %g, %g", tc.slow, tc.limit, a.Metric.Value, *a.Boundary.UpperLimit,
					*a.Boundary.Baseline)
			}
			listed := get[[]api.Alert](s, "/v0/projects/shop/alerts?status=active")
			if diff := cmp.Diff([]api.Alert{a}, listed); diff != "" {
				t.Errorf("the list of alerts (-report +list):\n%s", diff)
			}
			var dismissed api.Alert
			if status, _, message := s.call(http.MethodPatch, "/v0/projects/shop/alerts/"+a.UUID, map[string]any{"status": "dismissed"},
				&dismissed); status != 200 ||
				dismissed.Status != api.AlertDismissed {
				t.Errorf("dismiss: %d %s %s", status, message, dismissed.Status)
			}
			if again := get[api.Report](s, "/v0/projects/shop/reports/"+report.UUID); again.Counts.Alerts != (api.AlertCount{Total: 1}) {
				t.Errorf("counts after dismissal: %+v", again.Counts.Alerts)
			}
		})
	}
}

// rows counts all rows of all tables that a submission may write to.
func (s *fixture) rows() map[string]int {
	s.t.Helper()
	db := testdb.Raw(s.t, s.path)
	defer db.Close()
	out := map[string]int{}
	for _, table := range []string{"project", "branch", "head", "version", "testbed", "benchmark", "measure", "report", "report_input",
		"series", "metric",
		"threshold", "model", "alert", "job", "account", "organization", "api_key", "spec", "runner", "runner_spec"} {
		var n int
		if err := db.QueryRowContext(s.t.Context(), "select count(*) from "+table).Scan(&n); err != nil {
			s.t.Fatal(err)
		}
		out[table] = n
	}
	return out
}

func TestBadRunsAreRefusedAndLeaveNothing(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	var million strings.Builder
	for i := range 1_000_000 {
		fmt.Fprintf(&million, `,"%d":{"l":{"value":1}}`, i)
	}
	before := s.rows()
	for _, tc := range []struct {
		name   string
		body   any
		status int
		says   string
	}{
		{"a body that is no JSON", `{"project":`, 400, ""},
		{"malformed BMF", s.newRun(map[string]any{"results": []string{`{"b":`}}), 400, ""},
		{"BMF with NaN", s.newRun(map[string]any{"results": []string{`{"b":{"latency":{"value":NaN}}}`}}), 400, ""},
		{"BMF with infinity", s.newRun(map[string]any{"results": []string{`{"b":{"latency":{"value":-1e400}}}`}}), 400, ""},
		{"10⁶ benchmarks", s.newRun(map[string]any{"results": []string{"{" + million.String()[1:] + "}"}}), 413, "100000"},
		{"an unknown adapter", s.newRun(map[string]any{"results": latency(1), "settings": map[string]any{"adapter": "cobol"}}), 400,
			"magic"},
		{"a bad hash", s.newRun(map[string]any{"results": latency(1), "hash": "zz"}), 400, "40 or 64"},
		{"no branch", s.newRun(map[string]any{"results": latency(1), "branch": nil}), 400, "--branch"},
		{"a body over the limit", `{"results":["` + strings.Repeat("x", limits.ReportBodyBytes) + `"]}`, 413, ""},
	} {
		status, _, message := s.call(http.MethodPost, "/v0/run", tc.body, nil)
		if status != tc.status || !strings.Contains(message, tc.says) {
			t.Errorf("%s: want %d that says %q, got %d %q", tc.name, tc.status, tc.says, status, message)
		}
	}
	if diff := cmp.Diff(before, s.rows()); diff != "" {
		t.Errorf("rows (-before +after):\n%s", diff)
	}
}

func TestRepeatedRunAnswers200WithTheFirstReport(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	body := s.newRun(map[string]any{"results": latency(1), "idempotency_key": ident.NewUUID()})
	var first, second api.Report
	if status, _, message := s.call(http.MethodPost, "/v0/run", body, &first); status != http.StatusCreated {
		t.Fatalf("%d %s", status, message)
	}
	if status, _, _ := s.call(http.MethodPost, "/v0/run", body, &second); status != http.StatusOK || first.UUID != second.UUID {
		t.Errorf("again: want 200 and %s, got %d and %s", first.UUID, status, second.UUID)
	}
	body["results"] = latency(2)
	if status, _, message := s.call(http.MethodPost, "/v0/run", body, nil); status != http.StatusConflict ||
		!strings.Contains(message, first.UUID) {
		t.Errorf("another body: want 409 that names the report, got %d %q", status, message)
	}
}

func TestStrangersReadButDoNotWrite(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	report := s.run(results(1))
	if status, _, _ := s.callAs("", http.MethodGet, "/v0/projects/shop/reports/"+report.UUID, nil, nil); status != 200 {
		t.Errorf("read a public report: %d", status)
	}
	for _, r := range []struct {
		method, path string
		body         any
	}{
		{http.MethodPost, "/v0/run", s.newRun(results(1))},
		{http.MethodPost, "/v0/run", s.newRun(map[string]any{"results": latency(1), "project": "new"})},
		{http.MethodPost, "/v0/projects/shop/reports", s.newRun(map[string]any{"results": latency(1), "project": nil})},
		{http.MethodDelete, "/v0/projects/shop/reports/" + report.UUID, nil},
		{http.MethodPost, "/v0/projects/shop/branches", map[string]any{"name": "x"}},
		{http.MethodDelete, "/v0/projects/shop/branches/main", nil},
		{http.MethodPost, "/v0/projects/shop/thresholds", map[string]any{"branch": "main", "testbed": "lab", "measure": "latency",
			"test": "t_test", "upper_boundary": 0.9}},
	} {
		if status, _, message := s.callAs("", r.method, r.path, r.body, nil); status != http.StatusUnauthorized {
			t.Errorf("%s %s: want 401, got %d %q", r.method, r.path, status, message)
		}
	}
}

func TestReportsOfAProject(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	var ids []string
	for i := range 3 {
		ids = append(ids, s.run(results(float64(i+1))).UUID)
	}
	var page []api.Report
	status, header, _ := s.call(http.MethodGet, "/v0/projects/shop/reports?per_page=2&branch=main&testbed=lab", nil, &page)
	if status != 200 || header.Get(api.TotalCountHeader) != "3" || len(page) != 2 || page[0].UUID != ids[2] || len(page[0].Results) != 0 {
		t.Errorf("page: %d, %s of them, %d rows", status, header.Get(api.TotalCountHeader), len(page))
	}
	if expanded := get[[]api.Report](s, "/v0/projects/shop/reports?expand=true&direction=asc"); len(expanded) != 3 ||
		expanded[0].UUID != ids[0] ||
		len(expanded[0].Results) != 1 {
		t.Error("expanded, oldest first: not so")
	}
	ms := time.Date(2026, 1, 1, 0, 0, 2, 0, time.UTC).UnixMilli()
	if one := get[[]api.Report](s, fmt.Sprintf("/v0/projects/shop/reports?start_time=%d&end_time=%d", ms, ms)); len(one) != 1 ||
		one[0].UUID != ids[1] {
		t.Errorf("by time: %d reports", len(one))
	}
	direct := s.newRun(map[string]any{"results": latency(9), "project": nil})
	var made api.Report
	if status, _, message := s.call(http.MethodPost, "/v0/projects/shop/reports", direct, &made); status != http.StatusCreated ||
		made.Status != api.ReportProcessed {
		t.Errorf("POST reports: %d %s", status, message)
	}
	if status, _, message := s.call(http.MethodDelete, "/v0/projects/shop/reports/"+ids[0], nil, nil); status != http.StatusNoContent {
		t.Errorf("DELETE: %d %s", status, message)
	}
	if status, _, _ := s.call(http.MethodGet, "/v0/projects/shop/reports/"+ids[0], nil, nil); status != http.StatusNotFound {
		t.Errorf("GET after DELETE: %d", status)
	}
}

func TestBranchesOfAProject(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	s.run(results(1))
	var pr api.Branch
	status, _, message := s.call(http.MethodPost, "/v0/projects/shop/branches",
		map[string]any{"name": "pr/1", "start_point": map[string]any{"branch": "main"}}, &pr)
	if status != http.StatusCreated || pr.Slug != "pr-1" || pr.Head.StartPoint == nil || pr.Head.Version == nil ||
		pr.Head.Version.Number != 0 {
		t.Fatalf("create: %d %s %+v", status, message, pr)
	}
	if status, _, _ := s.call(http.MethodPost, "/v0/projects/shop/branches", map[string]any{"name": "pr/1"},
		nil); status != http.StatusConflict {
		t.Errorf("the same again: %d", status)
	}
	for _, body := range []map[string]any{{"name": "a b"}, {"name": "x", "slug": "Not A Slug"},
		{"name": "x", "start_point": map[string]any{"branch": "nowhere"}}} {
		if status, _, _ := s.call(http.MethodPost, "/v0/projects/shop/branches", body, nil); status != http.StatusBadRequest {
			t.Errorf("%v: want 400, got %d", body, status)
		}
	}
	var renamed api.Branch
	if status, _, message := s.call(http.MethodPatch, "/v0/projects/shop/branches/pr-1", map[string]any{"name": "pr/2", "archived": true},
		&renamed); status != 200 ||
		renamed.Name != "pr/2" || renamed.Archived == nil || renamed.UUID != pr.UUID {
		t.Errorf("patch: %d %s %+v", status, message, renamed)
	}
	if all := get[[]api.Branch](s, "/v0/projects/shop/branches"); len(all) != 1 || all[0].Name != "main" {
		t.Errorf("list: %d", len(all))
	}
	if archived := get[[]api.Branch](s, "/v0/projects/shop/branches?archived=true"); len(archived) != 1 {
		t.Errorf("archived: %d", len(archived))
	}
	if got := get[api.Branch](s, "/v0/projects/shop/branches/"+pr.UUID+"?head="+pr.Head.UUID); got.Head.UUID != pr.Head.UUID {
		t.Error("by head: another one")
	}
	if status, _, _ := s.call(http.MethodDelete, "/v0/projects/shop/branches/main", nil, nil); status != http.StatusConflict {
		t.Errorf("delete a branch with reports: %d", status)
	}
	if status, _, message := s.call(http.MethodDelete, "/v0/projects/shop/branches/pr-1", nil, nil); status != http.StatusNoContent {
		t.Errorf("delete an empty branch: %d %s", status, message)
	}
}

func TestThresholdsOfAProject(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	s.run(results(100))
	place := map[string]any{"branch": "main", "testbed": "lab", "measure": "latency", "test": "percentage", "upper_boundary": 0.1}
	var made api.Threshold
	if status, _, message := s.call(http.MethodPost, "/v0/projects/shop/thresholds", place, &made); status != http.StatusCreated ||
		made.Branch.Name != "main" || made.Model == nil || *made.Model.UpperBoundary != 0.1 {
		t.Fatalf("create: %d %s %+v", status, message, made)
	}
	if status, _, _ := s.call(http.MethodPost, "/v0/projects/shop/thresholds", place, nil); status != http.StatusConflict {
		t.Errorf("the same again: %d", status)
	}
	if got := s.run(results(200)); len(got.Alerts) != 1 {
		t.Errorf("it judges nothing: %d alerts", len(got.Alerts))
	}
	one := "/v0/projects/shop/thresholds/" + made.UUID
	var changed api.Threshold
	if status, _, message := s.call(http.MethodPut, one, map[string]any{"test": "t_test", "lower_boundary": 0.9},
		&changed); status != 200 ||
		changed.Model.Test != "t_test" || changed.Model.UpperBoundary != nil || changed.Model.UUID == made.Model.UUID {
		t.Errorf("put: %d %s %+v", status, message, changed.Model)
	}
	if old := get[api.Threshold](s, one+"?model="+made.Model.UUID); old.Model.Test != "percentage" || old.Model.Replaced == nil {
		t.Errorf("the earlier model: %+v", old.Model)
	}
	var bare api.Threshold
	if status, _, message := s.call(http.MethodPut, one, `{"test":null}`, &bare); status != 200 || bare.Model != nil {
		t.Errorf("put null: %d %s %+v", status, message, bare.Model)
	}
	if status, _, _ := s.call(http.MethodPut, one, `{}`, nil); status != http.StatusBadRequest {
		t.Errorf("put without test: %d", status)
	}
	if status, _, _ := s.call(http.MethodPut, one, map[string]any{"test": "t_test", "upper_boundary": 2},
		nil); status != http.StatusBadRequest {
		t.Errorf("put a boundary out of range: %d", status)
	}
	if got := s.run(results(500)); got.Results[0][0].Measures[0].Boundary != nil {
		t.Error("a threshold without model judged")
	}
	if list := get[[]api.Threshold](s, "/v0/projects/shop/thresholds?measure=latency&branch=main"); len(list) != 1 ||
		list[0].UUID != made.UUID {
		t.Errorf("list: %d", len(list))
	}
	if status, _, message := s.call(http.MethodDelete, one, nil, nil); status != http.StatusNoContent {
		t.Errorf("delete: %d %s", status, message)
	}
}

func TestPerfAndMetricOfAProject(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	first := s.run(map[string]any{"results": []string{`{"b":{"latency":{"value":2,"samples":[1,2,3]}},"c":{"latency":{"value":9}}}`}})
	s.run(results(4))
	m := first.Results[0][0]
	q := url.Values{"branches": {first.Branch.UUID}, "heads": {""}, "testbeds": {first.Testbed.UUID}, "specs": {""},
		"benchmarks": {m.Benchmark.UUID + ",c"}, "measures": {"latency"}}
	perf := get[api.Perf](s, "/v0/projects/shop/perf?"+q.Encode())
	if len(perf.Results) != 2 || len(perf.Results[0].Metrics) != 2 || perf.Results[0].Metrics[1].Metric.Value != 4 ||
		perf.Results[1].Benchmark.Name != "c" {
		t.Errorf("perf: %+v", perf.Results)
	}
	one := get[api.OneMetric](s, "/v0/projects/shop/metrics/"+m.Measures[0].Metric.UUID)
	if diff := cmp.Diff([]float64{1, 2, 3}, one.Metric.Samples); diff != "" || one.Report != first.UUID {
		t.Errorf("samples (-want +got):\n%s", diff)
	}
	q.Set("start_time", fmt.Sprint(time.Date(2026, 1, 1, 0, 0, 2, 0, time.UTC).UnixMilli()))
	if later := get[api.Perf](s, "/v0/projects/shop/perf?"+q.Encode()); len(later.Results) != 1 || len(later.Results[0].Metrics) != 1 {
		t.Errorf("perf since: %d lines", len(later.Results))
	}
	q.Del("measures")
	if status, _, message := s.call(http.MethodGet, "/v0/projects/shop/perf?"+q.Encode(), nil, nil); status != 400 ||
		!strings.Contains(message, "measures") {
		t.Errorf("perf without measures: %d %q", status, message)
	}
	if status, _, _ := s.call(http.MethodGet, "/v0/projects/shop/metrics/"+ident.NewUUID(), nil, nil); status != 404 {
		t.Errorf("an unknown metric: %d", status)
	}
}

func TestRacingRunsOnANewProjectAndBranchAllSucceed(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	bodies := make([]map[string]any, 12)
	for i := range bodies {
		bodies[i] = s.newRun(results(float64(i)))
	}
	var wg sync.WaitGroup
	for _, body := range bodies {
		wg.Go(func() {
			if status, _, message := s.call(http.MethodPost, "/v0/run", body, nil); status != http.StatusCreated {
				t.Errorf("%d %s", status, message)
			}
		})
	}
	wg.Wait()
	rows := s.rows()
	if rows["project"] != 1 || rows["branch"] != 1 || rows["head"] != 1 || rows["testbed"] != 1 || rows["version"] != len(bodies) ||
		rows["metric"] != len(bodies) {
		t.Errorf("rows: %v", rows)
	}
}

package web

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/server/explore"
)

var update = flag.Bool("update", false, "rewrite golden files")

var now = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func ptr[T any](v T) *T { return &v }

// nasty is a name that breaks a page that forgets to escape.
const nasty = `<script>alert("1")</script>&'`

var (
	project = api.Project{UUID: "p", Name: "words", Slug: "words", Visibility: api.Public, Modified: now.Add(-time.Hour)}
	branch  = api.Branch{UUID: "b", Name: "main", Head: api.Head{Version: &api.Version{Number: 7,
		Hash: ptr("0123456789abcdef0123456789abcdef01234567")}}}
	testbed = api.Testbed{UUID: "t", Name: "laptop"}
	bench   = api.Benchmark{UUID: "x", Name: nasty}
	latency = api.Measure{UUID: "m", Name: "Latency", Units: "nanoseconds (ns)", Direction: api.LowerIsBetter}
	spec    = api.Spec{UUID: "s", Name: "default", OS: "linux", Architecture: "x86_64", CPU: 2, Memory: 4 << 30, Disk: 10 << 30,
		Isolation: "container", Fallback: &now}
	metric  = api.Metric{UUID: "v", Value: 1500, LowerValue: ptr(1400.0), UpperValue: ptr(1600.0)}
	bounded = api.Boundary{Baseline: ptr(1000.0), UpperLimit: ptr(1100.0)}
	alert   = api.Alert{
		UUID: "a", Report: "r", Benchmark: bench, Metric: metric, Boundary: bounded, Limit: "upper", Status: api.AlertActive,
		Created:   now.Add(-30 * time.Second),
		Threshold: api.Threshold{Branch: &branch, Testbed: &testbed, Measure: &latency},
	}
	report = api.Report{
		UUID: "r", Project: project, Branch: branch, Testbed: testbed, StartTime: now.Add(-90 * time.Second), EndTime: now.Add(-80 * time.Second),
		Adapter: "go_bench", Status: api.ReportProcessed, Recognised: "go_bench: 3 lines", Alerts: []api.Alert{alert}, Job: ptr("j"),
		Counts: api.ReportCounts{Results: []api.ResultCount{{Benchmarks: 1, Measures: 1}}, Alerts: api.AlertCount{Total: 1, Active: 1}},
		Results: [][]api.ReportResult{{{Benchmark: bench, Measures: []api.ReportMeasure{{Measure: latency, Metric: metric,
			Boundary: &bounded, Grade: "C", Identical: 30}}}}},
		Problems: []api.Problem{{Benchmark: "BenchmarkB", Message: "panic: " + nasty, Line: 3}},
		Host:     &api.HostFacts{CPUModel: "EPYC", Isolation: "container", CPUs: ptr(2)},
	}
	job = api.Job{
		UUID: "j", Report: "r", Status: api.JobRunning, Phase: "run", Image: "bench:v1", Digest: "sha256:" + strings.Repeat("ab", 32),
		Spec: spec, Attempt: 1,
		Runner: ptr("r"), RunnerName: "box", Created: now.Add(-2 * time.Minute), Claimed: ptr(now.Add(-time.Minute)),
		Started: ptr(now.Add(-50 * time.Second)),
		Events:  []api.JobEvent{{Time: now.Add(-time.Minute), Event: "claim", From: api.JobPending, To: api.JobClaimed}},
	}
	blocked = func() api.Job {
		j := job
		j.Status, j.Phase, j.Reason, j.QueuePosition, j.Runner, j.Claimed, j.Started = api.JobPending, "", api.ReasonSandbox, ptr(1), nil, nil,
			nil
		j.Blocked = "no runner may take it: box is drained " + nasty
		return j
	}()
	ended = func() api.Job {
		j := job
		j.Status, j.Reason, j.Error, j.Completed = api.JobFailed, api.ReasonBenchmarkExit, "the benchmark ended with exit code 1", ptr(now)
		j.Output = &api.JobOutput{Results: []api.IterationOutput{{Stdout: ptr("line\n" + nasty), Stderr: ptr("")}}}
		j.Outputs = []api.JobArtifact{{Kind: api.ArtifactStdout, SizeBytes: 1536},
			{Kind: api.ArtifactFile, Path: "a b.json", SizeBytes: 10, Truncated: true}}
		return j
	}()
	named = func(uuid, name string) explore.Named {
		return explore.Named{UUID: uuid, Name: name, Units: "nanoseconds (ns)"}
	}
	picture = explore.Picture{Branches: []explore.Named{named(branch.UUID, branch.Name)}, Testbeds: []explore.Named{named(testbed.UUID,
		testbed.Name)}, Benchmarks: []explore.Named{named(bench.UUID, bench.Name)}, Measures: []explore.Named{named(latency.UUID, latency.Name)},
		Lines: []explore.PictureLine{{Branch: named(branch.UUID, branch.Name), Testbed: named(testbed.UUID, testbed.Name),
			Benchmark: named(bench.UUID, bench.Name), Measure: explore.Named{UUID: latency.UUID, Name: latency.Name, Units: latency.Units},
			Count: 2, Newest: metric.Value, Lowest: min(1000, metric.Value), Highest: max(1000, metric.Value), Identical: 6,
			Points: []explore.PicturePoint{
				{Report: "r0", Number: 6, Start: now.Add(-time.Hour), Value: 1000},
				{Report: "r", Number: 7, Start: now, Value: metric.Value, Lower: bounded.LowerLimit, Upper: bounded.UpperLimit,
					Alert: api.AlertActive},
			}}}}
	runner = api.Runner{Name: "box", State: api.RunnerIdle, LastHeartbeat: ptr(now.Add(-3 * time.Second)), Specs: []api.Spec{spec},
		Host: report.Host, Version: "v1"}
	drained = api.Runner{
		Name: "Rack 1", Slug: "rack-1", State: api.RunnerDrained, LastHeartbeat: ptr(now.Add(-time.Second)), Specs: []api.Spec{spec},
		Version: "v1",
		Drained: ptr(now.Add(-time.Hour)), DrainedWhy: "it could not run 2 jobs in a row, the last because of sandbox: " + nasty,
	}
)

// answers is an API that knows one of everything.
// kept are plots of one measured thing: one as it is by itself, one whose things were deleted.
var kept = []api.Plot{
	{UUID: "one", Title: ptr(nasty), XAxis: api.PlotAxisVersion, YAxis: api.PlotAxisAuto, Window: 86_400, UpperBoundary: true,
		Branches: []string{"b"}, Testbeds: []string{"t"}, Benchmarks: []string{"x"}, Measures: []string{"m"}},
	{UUID: "two", XAxis: api.PlotAxisDateTime, YAxis: api.PlotAxisLog, Window: 60, Branches: []string{"b"}, Testbeds: []string{"t"},
		Benchmarks: []string{}, Measures: []string{"m"}},
}

func answers() map[string]any {
	return map[string]any{
		"/projects":                  []api.Project{project},
		"/projects/words":            project,
		"/projects/words/reports":    []api.Report{report},
		"/projects/words/reports/r":  report,
		"/projects/words/alerts":     []api.Alert{alert},
		"/projects/words/events":     []api.Event{happened, moved, outside},
		"/projects/words/events/e1":  happened,
		"/projects/words/events/e2":  moved,
		"/projects/words/events/e3":  outside,
		"/projects/words/events/e4":  checked,
		"/projects/words/events/e5":  running,
		"/projects/words/sight":      sight,
		"/projects/words/compare":    comparison,
		"/projects/words/changes":    changed,
		"/projects/words/sparks":     explore.Spark{Numbers: []int64{4, 5, 6, 7}, Values: []float64{1000, 1010, 1500, 1490}},
		"/projects/linked":           linked,
		"/projects/words/jobs":       []api.Job{job, ended},
		"/projects/words/jobs/j":     job,
		"/projects/words/jobs/e":     ended,
		"/projects/words/jobs/b":     blocked,
		"/projects/words/perf":       picture,
		"/projects/words/plots":      kept,
		"/projects/words/benchmarks": []api.Benchmark{bench},
		"/projects/words/branches":   []api.Branch{branch},
		"/projects/words/testbeds":   []api.Testbed{testbed},
		"/projects/words/measures":   []api.Measure{latency},
		"/runners":                   []api.Runner{runner, drained},
		"/specs":                     []api.Spec{spec},
	}
}

func pages(t *testing.T, answers map[string]any) *Pages {
	t.Helper()
	return New(Config{
		Version: "v1", Now: func() time.Time { return now }, Log: slog.New(slog.NewTextHandler(testWriter{t}, nil)),
		Source: &canned{answers: answers},
	})
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Helper()
	w.t.Errorf("logged: %s", p)
	return len(p), nil
}

func get(t *testing.T, h http.Handler, target string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil))
	return w
}

func TestPagesGolden(t *testing.T) {
	t.Parallel()
	full := pages(t, answers())
	empty := map[string]any{}
	for path, answer := range answers() {
		if strings.HasPrefix(fmt.Sprintf("%T", answer), "[]") {
			answer = []int{}
		}
		empty[path] = answer
	}
	none := pages(t, empty)
	for name, row := range map[string]struct {
		pages  *Pages
		target string
	}{
		"projects":       {full, "/projects"},
		"projects_empty": {none, "/projects"},
		"project":        {full, "/projects/words"},
		"project_empty":  {none, "/projects/words"},
		"plots":          {full, "/projects/words/plots"},
		"plots_empty":    {none, "/projects/words/plots"},
		"reports":        {full, "/projects/words/reports"},
		"report":         {full, "/projects/words/reports/r"},
		"events":         {full, "/projects/words/events"},
		"events_empty":   {none, "/projects/words/events?state=fixed&branch=main"},
		"event":          {full, "/projects/linked/events/e1"},
		"event_machine":  {full, "/projects/words/events/e2"},
		"event_outside":  {full, "/projects/words/events/e3"},
		"event_checked":  {full, "/projects/words/events/e4"},
		"event_checking": {full, "/projects/words/events/e5"},
		"compare":        {full, "/projects/words/compare?base=main&head=faster"},
		"compare_empty":  {full, "/projects/words/compare"},
		"compare_nobody": {full, "/projects/words/compare?head=nobody"},
		"alerts":         {full, "/projects/words/alerts?status=active"},
		"perf":           {full, "/projects/words/perf"},
		"perf_zoomed":    {full, "/projects/words/perf?branch=b&testbed=t&benchmark=x&measure=m&from=6&to=7&x=version"},
		"perf_empty":     {none, "/projects/words/perf"},
		"jobs":           {full, "/projects/words/jobs"},
		"jobs_empty":     {none, "/projects/words/jobs"},
		"job_running":    {full, "/projects/words/jobs/j"},
		"job_failed":     {full, "/projects/words/jobs/e"},
		"job_blocked":    {full, "/projects/words/jobs/b"},
		"runners":        {full, "/runners"},
		"runners_empty":  {none, "/runners"},
		"missing":        {full, "/projects/nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := get(t, row.pages, row.target).Body.String()
			soundHTML(t, got)
			file := filepath.Join("testdata", name+".golden.html")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("page (-want +got):\n%s", diff)
			}
		})
	}
}

// void elements of HTML have no end tag; with them closed a sound page is also sound XML.
var void = regexp.MustCompile(`<(meta|link|input|br|img)\b([^>]*)>`)

// soundHTML checks that tags nest, that nothing stands inline that the policy forbids, and that names are escaped.
func soundHTML(t *testing.T, page string) {
	t.Helper()
	text := strings.Replace(void.ReplaceAllString(page, "<$1$2/>"), "<!doctype html>", "", 1)
	for _, boolean := range []string{" defer", " checked", " selected", " required", " data-status", " data-note"} {
		text = regexp.MustCompile(boolean+`(\s|/?>)`).ReplaceAllString(text, boolean+`=""$1`)
	}
	dec := xml.NewDecoder(strings.NewReader(text))
	dec.Entity = xml.HTMLEntity
	for {
		if _, err := dec.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Errorf("tags do not nest: %v", err)
			break
		}
	}
	for _, bad := range []string{"<script>", "javascript:", " style=", " onclick=", "ZgotmplZ"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
}

func TestEveryPageHasThePolicyAndItsStatus(t *testing.T) {
	t.Parallel()
	p := pages(t, answers())
	for target, want := range map[string]int{"/projects": 200, "/projects/nothing": 404, "/projects/words/perf?from=x": 400, "/": 303} {
		got := get(t, p, target)
		if got.Code != want {
			t.Errorf("GET %s: status %d, want %d", target, got.Code, want)
		}
		if want != 303 && !strings.Contains(got.Header().Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("GET %s has no content security policy", target)
		}
	}
}

func TestAssetsAreForeverUnderTheirChecksum(t *testing.T) {
	t.Parallel()
	p := pages(t, answers())
	page := get(t, p, "/projects").Body.String()
	href := regexp.MustCompile(`/assets/style-[0-9a-f]+\.css`).FindString(page)
	got := get(t, p, href)
	if got.Code != 200 || !strings.Contains(got.Header().Get("Cache-Control"), "immutable") ||
		!bytes.Contains(got.Body.Bytes(), []byte("prefers-color-scheme")) {
		t.Errorf("GET %s: %d %v", href, got.Code, got.Header())
	}
	if got := get(t, p, "/assets/style.css"); got.Code != 404 {
		t.Errorf("an asset without checksum: %d", got.Code)
	}
}

func TestChangeSaysWorseByTheMeasuresDirection(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		value     float64
		direction api.Direction
		text      string
		class     string
	}{
		{110, api.LowerIsBetter, "+10.0 %", "up"},
		{90, api.LowerIsBetter, "-10.0 %", "down"},
		{110, api.HigherIsBetter, "+10.0 %", "down"},
		{90, api.HigherIsBetter, "-10.0 %", "up"},
		{110, api.DirectionUnknown, "+10.0 %", ""},
		{100.01, api.LowerIsBetter, "0.0 %", ""},
	} {
		if text, class := change(row.value, ptr(100.0), row.direction); text != row.text || class != row.class {
			t.Errorf("change(%v, %s) = %q, %q", row.value, row.direction, text, class)
		}
	}
}

func TestTimesAreShort(t *testing.T) {
	t.Parallel()
	for ago, want := range map[time.Duration]string{
		time.Second: "just now", 42 * time.Second: "42 s ago", 90 * time.Second: "1 min ago", 3 * time.Hour: "3 h ago",
		30 * time.Hour:       "3 Mar 06:00",
		100 * 24 * time.Hour: "24 Nov 2025 12:00",
	} {
		if got := momentOf(now.Add(-ago), now).Text; got != want {
			t.Errorf("%s ago: %q, want %q", ago, got, want)
		}
	}
}

// A plot draws ten lines; it says how many there may be.
func TestAPlotSaysThatItLeavesLinesOut(t *testing.T) {
	t.Parallel()
	many := answers()
	more := picture
	more.More = map[string]int{latency.UUID: 245}
	many["/projects/words/perf"] = more
	for target, want := range map[string]bool{"/projects/words/perf": true, "/projects/words/reports": false} {
		w := httptest.NewRecorder()
		pages(t, many).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil))
		if got := strings.Contains(w.Body.String(), "showing 1 of up to 246 lines; choose fewer to see the others"); got != want {
			t.Errorf("%s: it says so: %v, want %v", target, got, want)
		}
	}
}

// A report of several jobs says which, where each stands, and which results are of which; a report of one job needs no table of it.
func TestAReportShowsTheJobsOfItsMeasurement(t *testing.T) {
	t.Parallel()
	p := &Pages{cfg: Config{Now: func() time.Time { return now }}}
	several := report
	several.Measurement = &api.Measurement{UUID: "m", Jobs: []api.MeasurementJob{
		{UUID: "j1", Report: "r", Side: api.SideHead, Status: api.JobProcessed, Runner: ptr("box")},
		{UUID: "j2", Report: "other", Side: api.SideBase, Status: api.JobPending},
	}}
	several.Counts.Results = []api.ResultCount{{Job: "j1"}, {Job: "j1"}}
	several.Results = append(slices.Clone(report.Results), report.Results[0])
	view := p.reportView(project, several)
	want := []measurementRow{
		{Href: "/projects/words/jobs/j1", Title: "job 1, head", Runner: "box", Status: pill{"processed", "good"}},
		{Href: "/projects/words/jobs/j2", Title: "job 2, base", Runner: "–", Status: pill{"pending", ""},
			ReportHref: "/projects/words/reports/other"},
	}
	if diff := cmp.Diff(want, view.Jobs, cmp.AllowUnexported(measurementRow{}, pill{})); diff != "" {
		t.Errorf("jobs (-want +got):\n%s", diff)
	}
	if got := view.Iterations[1].Title; got != "Results of iteration 2 of 2, job 1" {
		t.Errorf("title %q", got)
	}
	if got := p.reportView(project, report); got.Jobs != nil {
		t.Errorf("a report of one job has a table of it: %v", got.Jobs)
	}
}

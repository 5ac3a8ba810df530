package web

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/server/event"
	"github.com/tachograph/tacho/internal/server/explore"
)

// A page asks for no more than it shows: projects have thousands of reports, and a report up to 400,000 metrics.
func TestPagesAskForABoundedPartOfReportsAndLines(t *testing.T) {
	t.Parallel()
	report := api.Report{UUID: "r", Status: api.ReportProcessed, Branch: api.Branch{UUID: "b"}, Testbed: api.Testbed{UUID: "t"},
		Results: [][]api.ReportResult{{{Benchmark: api.Benchmark{UUID: "e"}, Measures: []api.ReportMeasure{{Measure: api.Measure{UUID: "m"}}}}}},
		Counts:  api.ReportCounts{Results: []api.ResultCount{{Benchmarks: 5_000}}}}
	source := &canned{answers: map[string]any{"/projects/words": api.Project{UUID: "p", Slug: "words"}, "/projects/words/alerts": []int{},
		"/projects/words/events": []int{}, "/projects/words/sight": event.Sight{}, "/projects/words/sparks": explore.Spark{},
		"/projects/words/changes": []int{},
		"/projects/words/reports": []api.Report{report}, "/projects/words/reports/r": report, "/projects/words/perf": explore.Picture{},
		"/projects/words/benchmarks": []int{}, "/projects/words/branches": []int{}, "/projects/words/testbeds": []int{},
		"/projects/words/measures": []int{}}}
	pages := New(Config{Version: "test", Now: time.Now, Log: slog.New(slog.DiscardHandler), Source: source})
	get := func(path string) string {
		w := httptest.NewRecorder()
		pages.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d", path, w.Code)
		}
		return w.Body.String()
	}
	get("/projects/words")
	if source.most["r"] != resultsLookedAt {
		t.Errorf("the front page asks for %d results", source.most["r"])
	}
	get("/projects/words/perf?branch=b&testbed=t&measure=m&benchmark=e&x=time&from=5&to=9&limits=0")
	if q := source.drawn; q.Columns == 0 || q.Lines == 0 || q.Boundaries != 0 || !q.ByTime || *q.Visible[0] != 5 || *q.Visible[1] != 9 {
		t.Errorf("the page of plots asks for %+v", q)
	}
	text := get("/projects/words/reports/r")
	if source.most["r"] != 2000 || !strings.Contains(text, "Showing the first 1 of 5000 results") || !strings.Contains(text,
		"No alert is active.") {
		t.Errorf("the report asks for %d results and says:\n%s", source.most["r"], text)
	}
}

package web

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
)

// A page asks for no more than it shows: projects have thousands of reports, and a report up to 400,000 metrics.
func TestPagesAskForABoundedPartOfReportsAndLines(t *testing.T) {
	t.Parallel()
	report := api.Report{UUID: "r", Status: api.ReportProcessed, Branch: api.Branch{UUID: "b"}, Testbed: api.Testbed{UUID: "t"},
		Results: [][]api.ReportResult{{{Benchmark: api.Benchmark{UUID: "e"}, Measures: []api.ReportMeasure{{Measure: api.Measure{UUID: "m"}}}}}},
		Counts:  api.ReportCounts{Results: []api.ResultCount{{Benchmarks: 5_000}}}}
	asked := map[string]url.Values{}
	pages := New(Config{Version: "test", Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Get: func(_ *http.Request, path string, q url.Values, out any) (int, error) {
			asked[path] = q
			switch out := out.(type) {
			case *[]api.Report:
				*out = []api.Report{report}
			case *api.Report:
				*out = report
			}
			return 1, nil
		}})
	get := func(path string) string {
		w := httptest.NewRecorder()
		pages.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d", path, w.Code)
		}
		return w.Body.String()
	}
	get("/projects/shop")
	for path, parameter := range map[string]string{"/v0/projects/shop/perf": "columns", "/v0/projects/shop/reports/r": "max_results"} {
		if v := asked[path].Get(parameter); v == "" || v == "0" {
			t.Errorf("the overview asks %s with %q", path, asked[path].Encode())
		}
	}
	clear(asked)
	text := get("/projects/shop/reports/r")
	if asked["/v0/projects/shop/reports/r"].Get("max_results") != "2000" || !strings.Contains(text, "Showing the first 1 of 5000 results") ||
		!strings.Contains(text, "No alert is active.") {
		t.Errorf("the report asks %q and says:\n%s", asked["/v0/projects/shop/reports/r"].Encode(), text)
	}
}

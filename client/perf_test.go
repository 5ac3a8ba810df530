package client

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
)

// A line is the same, whatever way the server sends it.
func TestPerfReadsColumnsAndWhatOlderServersSend(t *testing.T) {
	t.Parallel()
	at, hash, two, row := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), "abc", 2.0, 0
	gone := -1
	threshold := api.Threshold{UUID: "t"}
	alert := api.PerfAlert{UUID: "a", Limit: "upper", Status: api.AlertActive}
	bench, measure := api.Benchmark{Name: "b"}, api.Measure{Name: "m"}
	branch := api.Branch{Name: "main"}
	points := api.Perf{Results: []api.PerfSeries{{Branch: branch, Benchmark: bench, Measure: measure, Metrics: []api.PerfMetric{
		{Report: "r0", StartTime: at, EndTime: at, Version: api.Version{Number: 4}, Metric: api.Metric{UUID: "m0", Value: 1}},
		{Report: "r1", Iteration: 1, StartTime: at, EndTime: at, Version: api.Version{Number: 5, Hash: &hash}, Threshold: &threshold,
			Metric: api.Metric{UUID: "m1", Value: 3, LowerValue: &two}, Boundary: &api.Boundary{UpperLimit: &two}, Alert: &alert},
		{Report: "r1", Iteration: 2, StartTime: at, EndTime: at, Version: api.Version{Number: 5, Hash: &hash},
			Metric: api.Metric{UUID: "m2", Value: 3}, Boundary: &api.Boundary{}},
	}}}}
	whole := func() api.PerfColumns {
		return api.PerfColumns{Thresholds: []api.Threshold{threshold}, Results: []api.PerfGroup{{Branch: branch,
			Reports: api.PerfReports{UUID: []string{"r0", "r1"}, StartTime: []time.Time{at, at}, EndTime: []time.Time{at, at},
				Number: []int64{4, 5}, Hash: []*string{nil, &hash}},
			Lines: []api.PerfLine{{Benchmark: bench, Measure: measure, Points: api.PerfPoints{Report: []int{0, 1, 1}, Iteration: []int{0, 1, 2},
				UUID: []string{"m0", "m1", "m2"}, Value: []float64{1, 3, 3}, LowerValue: []*float64{nil, &two, nil},
				Threshold: []*int{nil, &row, &gone}, UpperLimit: []*float64{nil, &two, nil},
				Alerts: []api.PerfPointAlert{{Point: 1, Alert: alert}}}}}}}}
	}
	ask := func(body any) (api.Perf, error) {
		c, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, body) })
		return c.Perf(t.Context(), "p", PerfQuery{})
	}
	for name, body := range map[string]any{"columns": whole(), "points": points} {
		if got, err := ask(body); err != nil || cmp.Diff(points, got) != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, cmp.Diff(points, got))
		}
	}
	for name, spoil := range map[string]func(*api.PerfGroup, *api.PerfPoints){
		"a list is short":            func(_ *api.PerfGroup, p *api.PerfPoints) { p.Value = p.Value[:1] },
		"an optional list is short":  func(_ *api.PerfGroup, p *api.PerfPoints) { p.UpperLimit = p.UpperLimit[:1] },
		"reports are short":          func(g *api.PerfGroup, _ *api.PerfPoints) { g.Reports.Hash = nil },
		"there is no such report":    func(_ *api.PerfGroup, p *api.PerfPoints) { p.Report[2] = 2 },
		"a report before the first":  func(_ *api.PerfGroup, p *api.PerfPoints) { p.Report[2] = -1 },
		"there is no such threshold": func(_ *api.PerfGroup, p *api.PerfPoints) { p.Threshold[0] = ptr(1) },
		"an alert of nothing":        func(_ *api.PerfGroup, p *api.PerfPoints) { p.Alerts[0].Point = 3 },
	} {
		c := whole()
		spoil(&c.Results[0], &c.Results[0].Lines[0].Points)
		if _, err := ask(c); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func ptr[T any](v T) *T { return &v }

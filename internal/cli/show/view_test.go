package show

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/limits"
)

var update = flag.Bool("update", false, "rewrite golden files")

var (
	latency    = api.Measure{UUID: "m1", Name: "Latency", Units: "nanoseconds (ns)", Direction: api.LowerIsBetter}
	throughput = api.Measure{UUID: "m2", Name: "Throughput", Units: "operations / second (ops/s)", Direction: api.HigherIsBetter}
)

func measured(m api.Measure, uuid string, value float64, change func(*api.ReportMeasure)) api.ReportMeasure {
	r := api.ReportMeasure{Measure: m, Metric: api.Metric{UUID: uuid, Value: value}}
	if change != nil {
		change(&r)
	}
	return r
}

func within(lower, upper float64) func(*api.ReportMeasure) {
	return func(r *api.ReportMeasure) { r.Metric.LowerValue, r.Metric.UpperValue = &lower, &upper }
}

func judged(base, lower, upper *float64) func(*api.ReportMeasure) {
	return func(r *api.ReportMeasure) {
		r.Boundary = &api.Boundary{Baseline: base, LowerLimit: lower, UpperLimit: upper}
	}
}

// graded has a grade by runs of identical code.
func graded(grade string, runs int) func(*api.ReportMeasure) {
	return func(r *api.ReportMeasure) { r.Grade, r.Identical = grade, runs }
}

func bench(name string, measures ...api.ReportMeasure) api.ReportResult {
	return api.ReportResult{Benchmark: api.Benchmark{UUID: name, Name: name}, Measures: measures}
}

func sample(iterations ...[]api.ReportResult) api.Report {
	hash := strings.Repeat("ab", 20)
	return api.Report{
		UUID: "r", Project: api.Project{Slug: "app"}, Branch: api.Branch{Name: "main",
			Head: api.Head{Version: &api.Version{Number: 4, Hash: &hash}}}, Testbed: api.Testbed{Name: "box"},
		Adapter: "go_bench", Status: api.ReportProcessed, StartTime: time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC), Results: iterations,
	}
}

func TestReportsGolden(t *testing.T) {
	t.Parallel()
	hostile := "Bench\x1b[2Jmark\n<b>"
	alerting := sample([]api.ReportResult{
		bench(hostile, measured(latency, "v1", 1500, judged(new(1000.0), nil, new(1100.0))),
			measured(throughput, "v2", 90, judged(new(100.0), new(95.0), nil))),
		bench("BenchmarkB", measured(latency, "v3", 1000, judged(new(1000.0), new(900.0), new(1100.0))), measured(throughput, "v4", 5, nil)),
		bench("BenchmarkC", measured(latency, "v5", 7, judged(nil, nil, nil))),
	})
	alerting.Alerts = []api.Alert{
		{Benchmark: api.Benchmark{Name: hostile}, Metric: api.Metric{UUID: "v1", Value: 1500},
			Boundary: api.Boundary{Baseline: new(1000.0), UpperLimit: new(1100.0)}, Limit: "upper",
			Status: api.AlertActive, Threshold: api.Threshold{Measure: &latency}},
		{Benchmark: api.Benchmark{Name: hostile}, Metric: api.Metric{UUID: "v2", Value: 90}, Boundary: api.Boundary{LowerLimit: new(95.0)},
			Limit:  "lower",
			Status: api.AlertSilenced, Threshold: api.Threshold{Measure: &throughput}},
	}
	alerting.Warnings = []string{"start point: nothing was copied"}
	alerting.Problems = []api.Problem{{Benchmark: "BenchmarkD", Line: 7, Message: "panic: oh"}, {Message: "cut"}}
	failed := sample()
	failed.Status, failed.Error = api.ReportFailed, "the output was not recognised"
	samples := func(values ...float64) func(*api.ReportMeasure) {
		return func(r *api.ReportMeasure) { r.Metric.Samples = values }
	}
	earlier := sample([]api.ReportResult{
		bench("BenchmarkA", measured(latency, "", 1000, samples(1000, 1001, 999, 1000))),
		bench("BenchmarkB", measured(throughput, "", 100, within(90, 110))),
		bench("BenchmarkC", measured(latency, "", 1000, samples(900, 1100, 1000, 950))),
		bench("BenchmarkD", measured(latency, "", 1000, samples(1000, 1001, 999, 1000))),
	})
	later := sample([]api.ReportResult{
		bench("BenchmarkA", measured(latency, "", 1200, samples(1200, 1201, 1199, 1200))),
		bench("BenchmarkB", measured(throughput, "", 95, within(85, 105)), measured(latency, "", 1, nil)),
		bench("BenchmarkC", measured(latency, "", 1010, samples(910, 1110, 1010, 960))),
		bench("BenchmarkD", measured(latency, "", 1000, samples(1000, 1001, 999, 1000))),
	})
	many := make([]api.ReportResult, limits.TableRows+5)
	for i := range many {
		many[i] = bench(fmt.Sprintf("Benchmark%03d", i), measured(latency, fmt.Sprint(i), float64(i), nil))
	}
	large := sample(many)
	large.Alerts = []api.Alert{{Benchmark: many[len(many)-1].Benchmark, Metric: many[len(many)-1].Measures[0].Metric, Limit: "upper",
		Status: api.AlertActive, Threshold: api.Threshold{Measure: &latency}}}
	many[len(many)-1].Measures[0].Boundary = &api.Boundary{Baseline: new(400.0), UpperLimit: new(450.0)}
	for name, v := range map[string]View{
		"alerts":   {Report: alerting},
		"failed":   {Report: failed},
		"compared": {Before: compare(earlier, later), Report: later},
		"iterations": {Report: sample([]api.ReportResult{bench("BenchmarkA", measured(latency, "", 1, nil))},
			[]api.ReportResult{bench("BenchmarkA", measured(latency, "", 2, nil))})},
		"large": {Report: large},
		"empty": {Report: sample()},
		"graded": {Report: sample([]api.ReportResult{bench("BenchmarkA", measured(latency, "", 1, graded("C", 30))),
			bench("BenchmarkB", measured(latency, "", 2, graded("", 7)), measured(throughput, "", 2, nil))})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v.Session = &cli.Session{Client: client.New(client.Config{Base: "https://bench.example.org"})}
			var out, errs bytes.Buffer
			if err := v.Write(&term.Screen{W: &out}, &term.Screen{W: &errs}); err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join("testdata", "report", name+".golden"), out.String()+"--- stderr\n"+errs.String())
		})
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func TestChangesAreRelativeToTheBase(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		base, value float64
		want        string
	}{{100, 110, "+10.0%"}, {100, 100, "0%"}, {0, 5, "from 0"}, {0, 0, "0%"}, {-100, -50, "+50.0%"}, {100, 50, "-50.0%"}} {
		if got := Change(row.base, row.value); got != row.want {
			t.Errorf("%g → %g: %q, want %q", row.base, row.value, got, row.want)
		}
	}
}

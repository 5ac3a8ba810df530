package show

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/judge"
)

// noisy is a report of benchmarks with count samples each, which deviate by 2 %.
func noisy(r *rand.Rand, benchmarks, count int, factor float64) api.Report {
	var results []api.ReportResult
	for i := range benchmarks {
		values := make([]float64, count)
		for k := range values {
			values[k] = 100 * float64(i+1) * factor * math.Exp(.02*r.NormFloat64())
		}
		results = append(results, bench(fmt.Sprint("Benchmark", i), measured(latency, "", values[0],
			func(m *api.ReportMeasure) { m.Metric.Samples = values })))
	}
	return sample(results)
}

// TestTheLastRunIsHeldToTheSameStandard: on identical code nothing is claimed of one sample and in 5 % of rows at most of more; 3 % are
// found in three quarters of rows with ten samples.
func TestTheLastRunIsHeldToTheSameStandard(t *testing.T) {
	t.Parallel()
	const rounds, benchmarks = 30, 40
	share := func(count int, factor float64) float64 {
		r := rand.New(rand.NewPCG(uint64(count), 5))
		changed := 0
		for range rounds {
			for _, c := range compare(noisy(r, benchmarks, count, 1), noisy(r, benchmarks, count, factor)).rows {
				if c.Verdict.Changed() {
					changed++
				}
			}
		}
		return float64(changed) / rounds / benchmarks
	}
	for _, count := range []int{1, 2, 3, 6, 10, 20} {
		if part := share(count, 1); part > .05 || count == 1 && part > 0 {
			t.Errorf("identical code, %d samples: a change is claimed in %.3f of rows", count, part)
		}
	}
	if ten, twenty := share(10, 1.03), share(20, 1.03); ten < .75 || twenty <= ten {
		t.Errorf("+3 %% is found in %.2f of rows with 10 samples, in %.2f with 20", ten, twenty)
	}
}

func TestIterationsOfAReportAreRuns(t *testing.T) {
	t.Parallel()
	iteration := func(value float64) []api.ReportResult {
		return []api.ReportResult{bench("A", measured(latency, "", value, nil))}
	}
	before := sample(iteration(100), iteration(101), iteration(99))
	after := sample(iteration(120), iteration(121), iteration(119))
	c, known := compare(before, after).of("A", latency.UUID)
	if !known || c.Level != judge.ByProcess || c.Units != [2]int{3, 3} || c.Verdict != judge.Worse {
		t.Errorf("%+v", c)
	}
	judgedBefore := sample([]api.ReportResult{bench("A", measured(latency, "", 100, judged(new(1.0), nil, nil)))})
	if c := compare(before, judgedBefore); len(c.rows) != 0 {
		t.Errorf("what a threshold judges is compared too: %+v", c.rows)
	}
}

func TestTheBaseOfAReportIsTheOtherSideOfItsMeasurement(t *testing.T) {
	t.Parallel()
	job := func(report string, side api.Side) api.MeasurementJob {
		return api.MeasurementJob{Report: report, Side: side}
	}
	for name, row := range map[string]struct {
		jobs []api.MeasurementJob
		want string
	}{
		"results that came with it": {nil, ""},
		"one image":                 {[]api.MeasurementJob{job("r", api.SideHead), job("r", api.SideHead)}, ""},
		"two images":                {[]api.MeasurementJob{job("other", api.SideBase), job("r", api.SideHead)}, "other"},
		"it is the base":            {[]api.MeasurementJob{job("r", api.SideBase), job("other", api.SideHead)}, ""},
	} {
		report := api.Report{UUID: "r"}
		if row.jobs != nil {
			report.Measurement = &api.Measurement{Jobs: row.jobs}
		}
		if got := Base(report); got != row.want {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
}

package explore

import (
	"context"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// PerfQuery asks for lines: every combination of the four dimensions, each named by UUID, slug or name. Heads go with the branches and
// specs with the testbeds, by position; an empty or absent one means the current head, or any spec.
type PerfQuery struct {
	Branches, Heads      []string
	Testbeds, Specs      []string
	Benchmarks, Measures []string
	From, To             *time.Time // start time of the reports, inclusive
	Columns              int        // of the picture that each line is for: points that it would not show are left out; 0: all points
}

func (q PerfQuery) check() error {
	permutations := 1
	for _, d := range []struct {
		name   string
		values []string
	}{{"branches", q.Branches}, {"testbeds", q.Testbeds}, {"benchmarks", q.Benchmarks}, {"measures", q.Measures}} {
		if len(d.values) == 0 {
			return fault.Invalidf("perf: the parameter %q is missing; give at least one UUID, slug or name", d.name)
		}
		if len(d.values) > limits.PerfDimensionValues {
			return fault.Invalidf("perf: %d %s, the limit is %d", len(d.values), d.name, limits.PerfDimensionValues)
		}
		permutations *= len(d.values)
	}
	switch {
	case permutations > limits.PerfSeriesMax:
		return fault.Invalidf("perf: %d branches × %d testbeds × %d benchmarks × %d measures are %d lines, the limit of one query is %d; ask "+
			"for fewer",
			len(q.Branches), len(q.Testbeds), len(q.Benchmarks), len(q.Measures), permutations, limits.PerfSeriesMax)
	case len(q.Heads) > len(q.Branches):
		return fault.Invalidf("perf: %d heads for %d branches; heads go with the branches by position", len(q.Heads), len(q.Branches))
	case len(q.Specs) > len(q.Testbeds):
		return fault.Invalidf("perf: %d specs for %d testbeds; specs go with the testbeds by position", len(q.Specs), len(q.Testbeds))
	case q.From != nil && q.To != nil && q.To.Before(*q.From):
		return fault.Invalidf("perf: end_time lies before start_time")
	}
	return nil
}

// dimensions are the rows that a query names.
type dimensions struct {
	branches   []api.Branch // with the head asked for
	testbeds   []series.Testbed
	specs      []string // by testbed; empty: any
	benchmarks []series.Benchmark
	measures   []series.Measure
}

func findDimensions(ctx context.Context, tx *store.Tx, project project.Project, q PerfQuery) (d dimensions, err error) {
	for i, ref := range q.Branches {
		head := ""
		if i < len(q.Heads) {
			head = q.Heads[i]
		}
		b, err := series.ViewBranch(ctx, tx, project.ID, ref, head)
		if err != nil {
			return d, err
		}
		d.branches = append(d.branches, b)
	}
	for i, ref := range q.Testbeds {
		t, err := series.TestbedByPath(ctx, tx, project.ID, ref)
		if err != nil {
			return d, err
		}
		spec := ""
		if i < len(q.Specs) && q.Specs[i] != "" {
			row, err := fleet.SpecByRef(ctx, tx, q.Specs[i])
			if err != nil {
				return d, err
			}
			spec = row.ID
		}
		d.testbeds, d.specs = append(d.testbeds, t), append(d.specs, spec)
	}
	for _, ref := range q.Benchmarks {
		b, err := series.BenchmarkByPath(ctx, tx, project.ID, ref)
		if err != nil {
			return d, err
		}
		d.benchmarks = append(d.benchmarks, b)
	}
	for _, ref := range q.Measures {
		m, err := series.MeasureByPath(ctx, tx, project.ID, ref)
		if err != nil {
			return d, err
		}
		d.measures = append(d.measures, m)
	}
	return d, nil
}

func tooManyPoints() error {
	return fault.Invalidf("perf: the lines have more than %d points, the limit of one query; narrow start_time and end_time or ask for "+
		"fewer lines",
		limits.PerfPointsMax)
}

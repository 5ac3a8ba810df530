package explore

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/present"
	"github.com/tachograph/tacho/internal/server/store"
)

// PerfQuery asks for lines: every combination of the four dimensions, each named by UUID, slug or name. Heads go with the branches and
// specs with the testbeds, by position; an empty or absent one means the current head, or any spec.
type PerfQuery struct {
	Branches, Heads      []string
	Testbeds, Specs      []string
	Benchmarks, Measures []string
	From, To             *time.Time // start time of the reports, inclusive
}

// Perf returns one entry for each combination that has metrics, its points in the order of version number, start time and iteration. A
// query for more than limits.PerfSeriesMax combinations or limits.PerfPointsMax points is an Invalid fault: nothing is left out.
func (s *Service) Perf(ctx context.Context, project store.Project, q PerfQuery) (out api.Perf, err error) {
	if err := q.check(); err != nil {
		return out, err
	}
	out = api.Perf{Project: present.Project(project), StartTime: q.From, EndTime: q.To, Results: []api.PerfSeries{}}
	err = s.store.View(ctx, func(tx *store.Tx) error {
		d, err := findDimensions(ctx, tx, project, q)
		if err != nil {
			return err
		}
		lines, err := readLines(ctx, tx, d, q)
		if err != nil {
			return err
		}
		out.Results, err = drawLines(ctx, tx, d, lines)
		return err
	})
	return out, err
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
		return fault.Invalidf("perf: %d branches × %d testbeds × %d benchmarks × %d measures are %d lines, the limit of one query is %d; ask for fewer",
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
	testbeds   []store.Testbed
	specs      []string // by testbed; empty: any
	benchmarks []store.Benchmark
	measures   []store.Measure
}

func findDimensions(ctx context.Context, tx *store.Tx, project store.Project, q PerfQuery) (d dimensions, err error) {
	for i, ref := range q.Branches {
		head := ""
		if i < len(q.Heads) {
			head = q.Heads[i]
		}
		b, err := oneBranch(ctx, tx, project, ref, head)
		if err != nil {
			return d, err
		}
		d.branches = append(d.branches, b)
	}
	for i, ref := range q.Testbeds {
		t, err := tx.TestbedByPath(ctx, project.ID, ref)
		if err != nil {
			return d, err
		}
		spec := ""
		if i < len(q.Specs) && q.Specs[i] != "" {
			row, err := tx.SpecByRef(ctx, q.Specs[i])
			if err != nil {
				return d, err
			}
			spec = row.ID
		}
		d.testbeds, d.specs = append(d.testbeds, t), append(d.specs, spec)
	}
	for _, ref := range q.Benchmarks {
		b, err := tx.BenchmarkByPath(ctx, project.ID, ref)
		if err != nil {
			return d, err
		}
		d.benchmarks = append(d.benchmarks, b)
	}
	for _, ref := range q.Measures {
		m, err := tx.MeasureByPath(ctx, project.ID, ref)
		if err != nil {
			return d, err
		}
		d.measures = append(d.measures, m)
	}
	return d, nil
}

// line is one combination with its points, in order.
type line struct {
	branch, testbed    int // indexes into dimensions
	benchmark, measure int
	reports            []store.LineReport // of the branch and the testbed, shared by its lines
	points             []linePoint
}

type linePoint struct {
	report int // index into reports
	store.Metric
}

// readLines reads the points of all combinations: for each branch and testbed the reports once, in order; for each series one scan of
// its metrics, joined with the reports here.
func readLines(ctx context.Context, tx *store.Tx, d dimensions, q PerfQuery) ([]line, error) {
	benchmarkIDs := make([]string, len(d.benchmarks))
	for i, b := range d.benchmarks {
		benchmarkIDs[i] = b.ID
	}
	var out []line
	budget := limits.PerfPointsMax
	for i, b := range d.branches {
		for j, t := range d.testbeds {
			reports, err := tx.LineReports(ctx, store.LineParams{HeadID: b.Head.UUID, TestbedID: t.ID, SpecID: d.specs[j], From: q.From, To: q.To,
				Limit: limits.PerfPointsMax + 1})
			if err != nil {
				return nil, err
			}
			if len(reports) > limits.PerfPointsMax {
				return nil, tooManyPoints()
			}
			place := make(map[int64]int, len(reports))
			for n, r := range reports {
				place[r.Seq] = n
			}
			measured := make([]map[string]store.Series, len(d.measures))
			for m := range d.measures {
				if measured[m], err = tx.SeriesOf(ctx, t.ID, d.measures[m].ID, benchmarkIDs); err != nil {
					return nil, err
				}
			}
			for k := range d.benchmarks {
				for m := range d.measures {
					series, has := measured[m][benchmarkIDs[k]]
					if !has || len(reports) == 0 {
						continue
					}
					points, err := readPoints(ctx, tx, series.ID, place, budget)
					if err != nil {
						return nil, err
					}
					if len(points) > 0 {
						budget -= len(points)
						out = append(out, line{i, j, k, m, reports, points})
					}
				}
			}
		}
	}
	return out, nil
}

func tooManyPoints() error {
	return fault.Invalidf("perf: the lines have more than %d points, the limit of one query; narrow start_time and end_time or ask for fewer lines",
		limits.PerfPointsMax)
}

func readPoints(ctx context.Context, tx *store.Tx, seriesID int64, place map[int64]int, budget int) ([]linePoint, error) {
	var points []linePoint
	over := false
	err := tx.SeriesMetrics(ctx, seriesID, func(m store.Metric) bool {
		report, within := place[m.ReportSeq]
		if !within {
			return true
		}
		if over = len(points) >= budget; over {
			return false
		}
		points = append(points, linePoint{report, m})
		return true
	})
	if err == nil && over {
		err = tooManyPoints()
	}
	slices.SortFunc(points, func(a, b linePoint) int {
		return cmp.Or(cmp.Compare(a.report, b.report), cmp.Compare(a.Iteration, b.Iteration))
	})
	return points, err
}

// drawLines builds the answer: models, thresholds and alerts of all points in bulk, then the points.
func drawLines(ctx context.Context, tx *store.Tx, d dimensions, lines []line) ([]api.PerfSeries, error) {
	var w wanted
	var outside []int64
	seen := map[string]bool{}
	for _, l := range lines {
		for _, p := range l.points {
			if p.ModelID != nil && !seen[*p.ModelID] {
				seen[*p.ModelID] = true
				w.models = append(w.models, *p.ModelID)
			}
			if _, broken := (judge.Boundary{Lower: p.LowerLimit, Upper: p.UpperLimit}).Broken(p.Value); broken {
				outside = append(outside, p.ID) // only these can have an alert
			}
		}
	}
	alerts, err := tx.AlertsByMetric(ctx, outside)
	if err != nil {
		return nil, err
	}
	c, err := load(ctx, tx, w)
	if err != nil {
		return nil, err
	}
	thresholds := make(map[string]*api.Threshold, len(w.models)) // shared by the points
	for _, id := range w.models {
		thresholds[id] = c.modelThreshold(&id)
	}
	out := make([]api.PerfSeries, len(lines))
	for i, l := range lines {
		out[i] = api.PerfSeries{Branch: d.branches[l.branch], Testbed: present.Testbed(d.testbeds[l.testbed]), Benchmark: present.Benchmark(d.benchmarks[l.benchmark]),
			Measure: present.Measure(d.measures[l.measure]), Metrics: make([]api.PerfMetric, len(l.points))}
		for n, p := range l.points {
			r := l.reports[p.report]
			point := api.PerfMetric{Report: r.ID, Iteration: p.Iteration, StartTime: r.StartTime, EndTime: r.EndTime,
				Version: api.Version{Number: r.Number, Hash: r.Hash}, Metric: metric(p.Metric), Boundary: boundary(p.Metric)}
			if p.ModelID != nil {
				point.Threshold = thresholds[*p.ModelID]
			}
			if a, has := alerts[p.ID]; has {
				point.Alert = perfAlert(a)
			}
			out[i].Metrics[n] = point
		}
	}
	return out, nil
}

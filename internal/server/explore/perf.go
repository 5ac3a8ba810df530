package explore

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/tachograph/tacho/internal/core/access"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/threshold"
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

// Perf returns one entry for each combination that has metrics, its points in the order of version number, start time and iteration. A
// query for more than limits.PerfSeriesMax combinations or limits.PerfPointsMax points is an Invalid fault: nothing is left out.
func (s *Service) Perf(ctx context.Context, actor access.Actor, ref string, q PerfQuery) (out api.Perf, err error) {
	pass, err := s.enterPerf(ctx, actor, ref, q)
	if err != nil {
		return out, err
	}
	defer pass.Leave()
	err = s.door.View(ctx, actor, ref, func(tx *store.Tx, project project.Project) error {
		out = api.Perf{Project: project.Wire(), StartTime: q.From, EndTime: q.To, Results: []api.PerfSeries{}}
		d, err := findDimensions(ctx, tx, project, q)
		if err != nil {
			return err
		}
		return eachLine(ctx, tx, d, q, func(l line) error {
			one := d.series(l)
			err := eachPoint(ctx, tx, l, func(p api.PerfMetric) error {
				one.Metrics = append(one.Metrics, p)
				return nil
			})
			out.Results = append(out.Results, one)
			return err
		})
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
		b, err := oneBranch(ctx, tx, project, ref, head)
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

// line is one combination with its points, in order.
type line struct {
	branch, testbed    int // indexes into dimensions
	benchmark, measure int
	reports            []LineReport // of the branch and the testbed, shared by its lines
	points             []linePoint
}

type linePoint struct {
	report int // index into reports
	report.Metric
}

// eachLine reads the points of all combinations and calls f with each: for each branch and testbed the reports once, in order; for each
// series one scan of its metrics, joined with the reports here.
func eachLine(ctx context.Context, tx *store.Tx, d dimensions, q PerfQuery, f func(line) error) error {
	benchmarkIDs := make([]string, len(d.benchmarks))
	for i, b := range d.benchmarks {
		benchmarkIDs[i] = b.ID
	}
	budget := limits.PerfPointsMax
	for i, b := range d.branches {
		for j, t := range d.testbeds {
			reports, err := LineReports(ctx, tx, LineParams{HeadID: b.Head.UUID, TestbedID: t.ID, SpecID: d.specs[j], From: q.From, To: q.To,
				Limit: limits.PerfPointsMax + 1})
			if err != nil {
				return err
			}
			if len(reports) > limits.PerfPointsMax {
				return tooManyPoints()
			}
			place := make(map[int64]int, len(reports))
			for n, r := range reports {
				place[r.Seq] = n
			}
			measured := make([]map[string]series.Series, len(d.measures))
			for m := range d.measures {
				if measured[m], err = series.Of(ctx, tx, t.ID, d.measures[m].ID, benchmarkIDs); err != nil {
					return err
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
						return err
					}
					if points = thin(points, reports, q.Columns); len(points) > 0 {
						budget -= len(points)
						if err := f(line{i, j, k, m, reports, points}); err != nil {
							return err
						}
					}
				}
			}
		}
	}
	return nil
}

// thin leaves out what cannot be seen of a line in a picture of so many columns: of each column it keeps the first, lowest, highest and
// last point (as package plot does), and of the points outside of their boundary, which are drawn whatever is around them, the newest.
func thin(points []linePoint, reports []LineReport, columns int) []linePoint {
	if columns == 0 || len(points) <= 4*columns {
		return points
	}
	number := func(i int) int64 { return reports[points[i].report].Number }
	first := number(0)
	span := number(len(points)-1) - first + 1
	keep := make([]bool, len(points))
	for from := 0; from < len(points); {
		column := (number(from) - first) * int64(columns) / span
		low, high, to := from, from, from
		for ; to < len(points) && (number(to)-first)*int64(columns)/span == column; to++ {
			if points[to].Value < points[low].Value {
				low = to
			}
			if points[to].Value > points[high].Value {
				high = to
			}
		}
		keep[from], keep[low], keep[high], keep[to-1] = true, true, true, true
		from = to
	}
	broken := 0
	for i := len(points) - 1; i >= 0 && broken < 4*columns; i-- {
		if len(outside([]report.Metric{points[i].Metric})) > 0 {
			keep[i] = true
			broken++
		}
	}
	kept := points[:0]
	for i, p := range points {
		if keep[i] {
			kept = append(kept, p)
		}
	}
	return kept
}

func tooManyPoints() error {
	return fault.Invalidf("perf: the lines have more than %d points, the limit of one query; narrow start_time and end_time or ask for "+
		"fewer lines",
		limits.PerfPointsMax)
}

func readPoints(ctx context.Context, tx *store.Tx, seriesID int64, place map[int64]int, budget int) ([]linePoint, error) {
	var points []linePoint
	over := false
	err := SeriesMetrics(ctx, tx, seriesID, func(m report.Metric) bool {
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

// series is the answer for a line, without its points.
func (d dimensions) series(l line) api.PerfSeries {
	return api.PerfSeries{Branch: d.branches[l.branch], Testbed: d.testbeds[l.testbed].Wire(), Benchmark: d.benchmarks[l.benchmark].Wire(),
		Measure: d.measures[l.measure].Wire(), Metrics: []api.PerfMetric{}}
}

// eachPoint calls f with the points of a line: models, thresholds and alerts of each chunk in bulk.
func eachPoint(ctx context.Context, tx *store.Tx, l line, f func(api.PerfMetric) error) error {
	for chunk := range slices.Chunk(l.points, limits.ReadChunk) {
		metrics := make([]report.Metric, len(chunk))
		thresholds := map[int64]*api.Threshold{} // shared by the points
		for i, p := range chunk {
			metrics[i] = p.Metric
			if p.ModelSeq != nil {
				thresholds[*p.ModelSeq] = nil
			}
		}
		alerts, err := threshold.AlertsByMetric(ctx, tx, outside(metrics))
		if err != nil {
			return err
		}
		var w wanted
		for id := range thresholds {
			w.judged = append(w.judged, id)
		}
		c, err := load(ctx, tx, w)
		if err != nil {
			return err
		}
		for id := range thresholds {
			thresholds[id] = c.modelThreshold(&id)
		}
		for _, p := range chunk {
			r := l.reports[p.report]
			point := api.PerfMetric{Report: r.ID, Iteration: p.Iteration, StartTime: r.StartTime, EndTime: r.EndTime,
				Version: api.Version{Number: r.Number, Hash: r.Hash}, Metric: metric(p.Metric), Boundary: boundary(p.Metric)}
			if p.ModelSeq != nil {
				point.Threshold = thresholds[*p.ModelSeq]
			}
			if a, has := alerts[p.ID]; has {
				point.Alert = perfAlert(a)
			}
			if err := f(point); err != nil {
				return err
			}
		}
	}
	return nil
}

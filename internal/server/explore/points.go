package explore

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/store"
)

// point is one metric of a line, in memory while the line is put in order. A number that is not there is NaN, which no metric is.
type point struct {
	report    int32 // its place among the reports of the line
	iteration int32
	id, model int64 // unjudged: no model judged it; 0: one that went with its threshold

	value, lower, upper, baseline, lowerLimit, upperLimit float64
}

const unjudged = -1

func (p point) outside() bool { return p.value < p.lowerLimit || p.value > p.upperLimit }

// row is a metric as the driver gives it: values of no fixed type cost no conversion and no pointer each.
type row struct {
	seq, id, packed                                       any
	value, lower, upper, baseline, lowerLimit, upperLimit any
}

// Each column of a row costs as much as the rest of it, so model and iteration are one number. There are never 2^20 iterations in a report.
const seriesPointsQuery = `select m.report_seq, m.id, (coalesce(m.model_seq, -1) + 1) * 1048576 + m.iteration, m.value, m.lower_value,
		m.upper_value, m.baseline, m.lower_limit, m.upper_limit from metric m where m.series_id = $1 and m.report_seq between $2 and $3`

// readPoints returns the points of a series in the reports of a line, in the order of the line, in the memory of buffer.
func readPoints(ctx context.Context, tx *store.Tx, seriesID int64, r *lineReports, budget int, buffer []point) ([]point, error) {
	rows, err := tx.Query(ctx, seriesPointsQuery, seriesID, r.low, r.high)
	if err != nil {
		return nil, fmt.Errorf("read series %d: %w", seriesID, err)
	}
	defer rows.Close()
	points := buffer[:0]
	sorted := true
	var in row
	into := []any{&in.seq, &in.id, &in.packed, &in.value, &in.lower, &in.upper, &in.baseline, &in.lowerLimit, &in.upperLimit}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, fmt.Errorf("read series %d: %w", seriesID, err)
		}
		at, within := r.at[integer(in.seq)]
		if !within {
			continue
		}
		if len(points) >= budget {
			return nil, tooManyPoints()
		}
		packed := integer(in.packed)
		p := point{report: at, iteration: int32(packed & (1<<20 - 1)), id: integer(in.id), model: packed>>20 - 1,
			value: real(in.value), lower: real(in.lower), upper: real(in.upper), baseline: real(in.baseline), lowerLimit: real(in.lowerLimit),
			upperLimit: real(in.upperLimit)}
		sorted = sorted && (len(points) == 0 || points[len(points)-1].compare(p) < 0)
		points = append(points, p)
	}
	if !sorted {
		slices.SortFunc(points, point.compare)
	}
	return points, rows.Err()
}

func (p point) compare(o point) int {
	return cmp.Or(cmp.Compare(p.report, o.report), cmp.Compare(p.iteration, o.iteration))
}

func integer(v any) int64 {
	n, _ := v.(int64)
	return n
}

func real(v any) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case int64: // SQLite's short form of a whole number
		return float64(v)
	}
	return math.NaN()
}

// lineReports are the reports of a branch and a testbed in the order of their points.
type lineReports struct {
	reports   []LineReport
	at        map[int64]int32 // by number
	low, high int64           // the smallest and the largest number
}

func lineReportsOf(ctx context.Context, tx *store.Tx, d dimensions, at permutation, q PerfQuery) (*lineReports, error) {
	reports, err := LineReports(ctx, tx, LineParams{HeadID: d.branches[at.branch].Head.UUID, TestbedID: d.testbeds[at.testbed].ID,
		SpecID: d.specs[at.testbed], From: q.From, To: q.To, Limit: limits.PerfPointsMax + 1})
	if err != nil {
		return nil, err
	}
	if len(reports) > limits.PerfPointsMax {
		return nil, tooManyPoints()
	}
	r := &lineReports{reports: reports, at: make(map[int64]int32, len(reports)), low: math.MaxInt64}
	for i, one := range reports {
		r.at[one.Seq] = int32(i) //nolint:gosec // at most PerfPointsMax
		r.low, r.high = min(r.low, one.Seq), max(r.high, one.Seq)
	}
	return r, nil
}

// line is one combination with its points, in order. The points are in memory that the next line takes.
type line struct {
	permutation
	*lineReports
	points []point
}

// eachLine reads the points of all combinations that have any and calls f with each: the reports once for a branch and a testbed, and one
// range of rows for each series.
func eachLine(ctx context.Context, tx *store.Tx, d dimensions, q PerfQuery, f func(line) error) error {
	budget := limits.PerfPointsMax
	var of [2]int
	var reports *lineReports
	var buffer []point
	return eachSeries(ctx, tx, d, func(at permutation, seriesID int64) (err error) {
		if pair := [2]int{at.branch, at.testbed}; reports == nil || pair != of {
			if reports, err = lineReportsOf(ctx, tx, d, at, q); err != nil {
				return err
			}
			of = pair
		}
		if buffer, err = readPoints(ctx, tx, seriesID, reports, budget, buffer); err != nil {
			return err
		}
		if points := reports.thin(buffer, q.Columns); len(points) > 0 {
			budget -= len(points)
			return f(line{at, reports, points})
		}
		return nil
	})
}

// thin leaves out what cannot be seen of a line in a picture of so many columns; 0: nothing.
func (r *lineReports) thin(points []point, columns int) []point {
	if columns == 0 || len(points) <= pointsPerColumn*columns {
		return points
	}
	x := func(i int32) float64 { return float64(r.reports[i].Number) }
	var s sketch
	s.reset(columns, x(0), x(int32(len(r.reports)-1))) //nolint:gosec // at most PerfPointsMax
	for _, p := range points {
		s.add(spot{report: p.report, iteration: p.iteration, outside: p.outside(), value: p.value}, x(p.report))
	}
	kept, left := points[:0], s.kept()
	for _, p := range points {
		if len(left) > 0 && left[0].report == p.report && left[0].iteration == p.iteration {
			kept, left = append(kept, p), left[1:]
		}
	}
	return kept
}

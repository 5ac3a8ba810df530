package explore

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/threshold"
)

// PictureQuery asks for what can be seen of the lines of a PerfQuery in a picture of Columns pixel columns. From and To of the PerfQuery
// bound the lines themselves, Visible the part of them that is drawn.
type PictureQuery struct {
	PerfQuery
	ByTime     bool        // x is the start time in Unix milliseconds, otherwise the version's number
	Visible    [2]*float64 // smallest and largest x, inclusive; nil: as far as the lines go
	Lines      int         // of each measure, that are read at most; 0: all
	Dots       int         // a line of up to so many points shows each, with its report; a longer one only those outside of their boundary
	Boundaries int         // up to so many lines of a measure are drawn with their boundaries
	Spreads    int         // up to so many with the spread of their samples
}

// Picture is what can be seen of lines.
type Picture struct {
	Branches, Testbeds, Benchmarks, Measures []Named        // that the query names
	Lines                                    []PictureLine  // those that have points
	More                                     map[string]int // by measure: how many lines were not looked at because of PictureQuery.Lines
}

// Named is a branch, testbed, …
type Named struct{ UUID, Name, Units string } // units of a measure

// PictureLine is one line: its visible points, and what is to be said of all of them.
type PictureLine struct {
	Branch, Testbed, Benchmark, Measure Named
	Points                              []PicturePoint // ascending x
	Count                               int            // of all points, visible or not
	Newest, Lowest, Highest             float64        // of all points
	Grade                               string         // how small a change can be seen; empty: not known
	Identical                           int            // runs of identical code that the grade is from; 0: there were none
}

// PicturePoint is one point. What is not drawn of it is not there.
type PicturePoint struct {
	Number       int64 // of the version
	Start        time.Time
	Value        float64
	Lower, Upper *float64        // limits of the boundary, if boundaries are drawn
	Low, High    *float64        // spread of the samples, if spreads are drawn
	Alert        api.AlertStatus // empty: no alert
	Report, Hash string          // of the report and its version, if the point has a dot; the hash may be unknown
}

// Picture reads the lines of a query as far as they can be seen. Of each pixel column it keeps the first, lowest, highest and last point
// (M4, as package chart draws them) and the newest four that are outside of their boundary. Lines are read row by row; what is in memory is
// a row for each report, and a few points for each column. The columns lie over what is visible of the reports of a branch and a testbed.
func (s *Service) Picture(ctx context.Context, actor access.Actor, ref string, q PictureQuery) (out Picture, err error) {
	if q.Columns <= 0 {
		q.Columns = 1
	}
	n := 0
	if err := s.door.View(ctx, actor, ref, func(tx *store.Tx, project project.Project) error {
		if err := q.check(); err != nil {
			return err
		}
		d, err := findDimensions(ctx, tx, project, q.PerfQuery)
		if err != nil {
			return err
		}
		n, err = countReports(ctx, tx, d)
		return err
	}); err != nil {
		return out, err
	}
	cost := int64(0)
	if n > limits.CheapReadMetrics {
		cost = int64(n) * limits.PlaceCost
	}
	pass, err := s.gate.Enter(ctx, cost)
	if err != nil {
		return out, err
	}
	defer pass.Leave()
	err = s.door.View(ctx, actor, ref, func(tx *store.Tx, project project.Project) error {
		d, err := findDimensions(ctx, tx, project, q.PerfQuery)
		if err != nil {
			return err
		}
		out, err = draw(ctx, tx, d, q)
		return err
	})
	return out, err
}

// countReports is how many reports are looked at, at most, for one line.
func countReports(ctx context.Context, tx *store.Tx, d dimensions) (most int, err error) {
	for _, t := range d.testbeds {
		for _, b := range d.branches {
			n, err := CountLineReports(ctx, tx, b.Head.UUID, t.ID)
			if err != nil {
				return 0, err
			}
			most = max(most, n)
		}
	}
	return most, nil
}

// sketched is a line with the places of what is kept of it.
type sketched struct {
	line     PictureLine
	seriesID int64
	spots    []spot
}

func draw(ctx context.Context, tx *store.Tx, d dimensions, q PictureQuery) (Picture, error) {
	out := Picture{More: map[string]int{}}
	for _, b := range d.branches {
		out.Branches = append(out.Branches, Named{UUID: b.UUID, Name: b.Name})
	}
	for _, t := range d.testbeds {
		out.Testbeds = append(out.Testbeds, Named{UUID: t.ID, Name: t.Name})
	}
	for _, b := range d.benchmarks {
		out.Benchmarks = append(out.Benchmarks, Named{UUID: b.ID, Name: b.Name})
	}
	for _, m := range d.measures {
		out.Measures = append(out.Measures, Named{UUID: m.ID, Name: m.Name, Units: m.Units})
	}
	lines := make([]int, len(d.measures)) // read of each measure
	var kept []sketched
	var keptOf []int // measure of each
	pairs := map[[2]int]*places{}
	var sketch sketch
	err := eachSeries(ctx, tx, d, func(at permutation, seriesID int64) error {
		if q.Lines > 0 && lines[at.measure] >= q.Lines {
			out.More[d.measures[at.measure].ID]++
			return nil
		}
		p := pairs[[2]int{at.branch, at.testbed}]
		if p == nil {
			clear(pairs) // they come one after the other
			var err error
			if p, err = placesOf(ctx, tx, d, at, q); err != nil {
				return err
			}
			pairs[[2]int{at.branch, at.testbed}] = p
		}
		if len(p.reports) == 0 {
			return nil
		}
		one := sketched{seriesID: seriesID, line: PictureLine{Branch: out.Branches[at.branch], Testbed: out.Testbeds[at.testbed],
			Benchmark: out.Benchmarks[at.benchmark], Measure: out.Measures[at.measure]}}
		sketch.reset(q.Columns, p.from, p.to)
		if err := p.read(ctx, tx, &one, &sketch); err != nil {
			return err
		}
		if one.line.Count > 0 {
			one.spots = sketch.kept()
			one.line.Points = p.points(one.spots)
			kept, keptOf = append(kept, one), append(keptOf, at.measure)
			lines[at.measure]++
		}
		return nil
	})
	if err != nil {
		return out, err
	}
	ids := make([]int64, len(kept))
	for i, k := range kept {
		ids[i] = k.seriesID
	}
	noise, err := report.NoiseOf(ctx, tx, ids)
	if err != nil {
		return out, err
	}
	for i := range kept {
		if n, has := noise[kept[i].seriesID]; has {
			kept[i].line.Grade, kept[i].line.Identical = string(n.Grade()), n.Units
		}
		n := lines[keptOf[i]]
		if err := kept[i].detail(ctx, tx, n <= q.Boundaries, n <= q.Spreads, len(kept[i].spots) <= q.Dots); err != nil {
			return out, err
		}
		out.Lines = append(out.Lines, kept[i].line)
	}
	return out, nil
}

// places are the reports of a branch and a testbed in the order of x.
type places struct {
	reports  []place
	at       map[int64]int32 // by the report's number
	low      int64           // the smallest and the largest of these numbers, between which the rows of a line lie
	high     int64
	byTime   bool
	from, to float64 // visible
}

type place struct {
	seq, number, start int64 // start in microseconds
}

func placesOf(ctx context.Context, tx *store.Tx, d dimensions, at permutation, q PictureQuery) (*places, error) {
	p := &places{byTime: q.ByTime}
	var err error
	p.reports, err = linePlaces(ctx, tx, LineParams{HeadID: d.branches[at.branch].Head.UUID, TestbedID: d.testbeds[at.testbed].ID,
		SpecID: d.specs[at.testbed], From: q.From, To: q.To, Limit: limits.PerfPointsMax + 1})
	if err != nil {
		return nil, err
	}
	if len(p.reports) > limits.PerfPointsMax {
		return nil, tooManyPoints()
	}
	if len(p.reports) == 0 {
		return p, nil
	}
	if q.ByTime {
		slices.SortStableFunc(p.reports, func(a, b place) int { return cmp.Compare(a.start, b.start) })
	}
	p.at = make(map[int64]int32, len(p.reports))
	p.low, p.high = p.reports[0].seq, p.reports[0].seq
	for i, r := range p.reports {
		p.at[r.seq] = int32(i) //nolint:gosec // at most PerfPointsMax
		p.low, p.high = min(p.low, r.seq), max(p.high, r.seq)
	}
	p.from, p.to = p.x(0), p.x(len(p.reports)-1)
	if q.Visible[0] != nil {
		p.from = *q.Visible[0]
	}
	if q.Visible[1] != nil {
		p.to = *q.Visible[1]
	}
	return p, nil
}

func (p *places) x(i int) float64 {
	if p.byTime {
		return float64(time.UnixMicro(p.reports[i].start).UnixMilli())
	}
	return float64(p.reports[i].number)
}

// read puts a line's points into the sketch and counts them.
func (p *places) read(ctx context.Context, tx *store.Tx, one *sketched, s *sketch) error {
	newest := spot{report: -1}
	return seriesSpots(ctx, tx, one.seriesID, p.low, p.high, func(seq int64, v spot) {
		report, within := p.at[seq]
		if !within {
			return
		}
		v.report = report
		l := &one.line
		if l.Count == 0 {
			l.Lowest, l.Highest = v.value, v.value
		}
		l.Count++
		l.Lowest, l.Highest = min(l.Lowest, v.value), max(l.Highest, v.value)
		if v.compare(newest) > 0 {
			newest, l.Newest = v, v.value
		}
		s.add(v, p.x(int(report)))
	})
}

// points are the kept spots as they are drawn, without what has to be read for it.
func (p *places) points(spots []spot) []PicturePoint {
	out := make([]PicturePoint, len(spots))
	for i, v := range spots {
		r := p.reports[v.report]
		out[i] = PicturePoint{Number: r.number, Start: store.TimeOf(r.start), Value: v.value}
		spots[i].seq = r.seq
	}
	return out
}

// detail reads what is drawn of some points only: limits, spread, alerts, and where a dot leads.
func (one *sketched) detail(ctx context.Context, tx *store.Tx, bounded, spread, dots bool) error {
	type key struct {
		seq       int64
		iteration int
	}
	var seqs []int64
	points := map[key]int{}
	for i, v := range one.spots {
		if bounded || spread || v.outside {
			points[key{v.seq, int(v.iteration)}] = i
			seqs = append(seqs, v.seq)
		}
	}
	alerted := map[int64]int{} // points by metric
	var ids []int64
	for chunk := range slices.Chunk(seqs, limits.ReadChunk) {
		if err := seriesMetricsAt(ctx, tx, one.seriesID, chunk, func(m report.Metric) {
			i, wanted := points[key{m.ReportSeq, m.Iteration}]
			if !wanted {
				return
			}
			if bounded {
				one.line.Points[i].Lower, one.line.Points[i].Upper = m.LowerLimit, m.UpperLimit
			}
			if spread {
				one.line.Points[i].Low, one.line.Points[i].High = m.Lower, m.Upper
			}
			if one.spots[i].outside {
				alerted[m.ID] = i
				ids = append(ids, m.ID)
			}
		}); err != nil {
			return err
		}
	}
	alerts, err := threshold.AlertsByMetric(ctx, tx, ids)
	if err != nil {
		return err
	}
	for id, a := range alerts {
		one.line.Points[alerted[id]].Alert = a.Status
	}
	lead := map[int64][]int{} // points with a dot, by report
	var leading []int64
	for i, v := range one.spots {
		if dots || one.line.Points[i].Alert != "" {
			if lead[v.seq] == nil {
				leading = append(leading, v.seq)
			}
			lead[v.seq] = append(lead[v.seq], i)
		}
	}
	for chunk := range slices.Chunk(leading, limits.ReadChunk) {
		names, err := reportNames(ctx, tx, chunk)
		if err != nil {
			return err
		}
		for _, n := range names {
			for _, i := range lead[n.seq] {
				one.line.Points[i].Report, one.line.Points[i].Hash = n.id, n.hash
			}
		}
	}
	return nil
}

// permutation is one combination: indexes into dimensions.
type permutation struct{ branch, testbed, benchmark, measure int }

// eachSeries calls f with the series of each combination that was ever measured, on any branch: by branch and testbed, then by benchmark.
func eachSeries(ctx context.Context, tx *store.Tx, d dimensions, f func(at permutation, seriesID int64) error) error {
	benchmarkIDs := make([]string, len(d.benchmarks))
	for i, b := range d.benchmarks {
		benchmarkIDs[i] = b.ID
	}
	for i := range d.branches {
		for j, t := range d.testbeds {
			measured := make([]map[string]series.Series, len(d.measures))
			for m := range d.measures {
				var err error
				if measured[m], err = series.Of(ctx, tx, t.ID, d.measures[m].ID, benchmarkIDs); err != nil {
					return err
				}
			}
			for k := range d.benchmarks {
				for m := range d.measures {
					if s, has := measured[m][benchmarkIDs[k]]; has {
						if err := f(permutation{i, j, k, m}, s.ID); err != nil {
							return err
						}
					}
				}
			}
		}
	}
	return nil
}

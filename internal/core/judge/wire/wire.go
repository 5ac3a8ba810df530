// Package wire writes what package judge found as the wire types of /v0 and reads it back, for the server, which compares what it has, and
// for the command line, which compares files and shows both. It decides nothing.
package wire

import (
	"math"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/unit"
)

// Row is a row with what is known of it, judged by the policy.
func Row(benchmark string, m unit.Measure, c judge.Comparison, policy judge.Policy) api.ComparisonRow {
	out := api.ComparisonRow{
		Benchmark: benchmark, Measure: m.Name, Units: m.Units, Direction: string(m.Direction), Verdict: api.ComparisonVerdict(c.Verdict),
		Why: string(c.Why), Reason: c.Because(policy), Old: Number(c.Old), New: Number(c.New), Ratio: Number(c.Ratio),
		Interval: Interval(c.Lower, c.Upper), Difference: Number(c.Difference), P: Number(c.P), Q: Number(c.Q), Exact: c.Exact,
		Detectable: Number(c.Detectable), AtLeast: c.AtLeast, Needed: c.Needed, Grade: string(c.Grade), Unit: string(c.Level), N: c.Units,
		Values: c.Values, RankP: Number(c.RankP), Shift: Interval(c.ShiftLower, c.ShiftHigh),
		Expected: Interval(c.Expected[0], c.Expected[1]), Between: Number(c.Between),
	}
	if m := c.Modes; m != nil {
		out.Modes = &api.ComparisonModes{Cut: m.Cut, Slow: m.Slow, Share: m.Share, P: m.P, Outliers: m.Outliers}
	}
	for _, n := range c.Notes {
		out.Notes = append(out.Notes, string(n))
	}
	return out
}

// Comparison is what a row says, as package judge has it. Numbers that the row does not have are NaN.
func Comparison(r api.ComparisonRow) judge.Comparison {
	out := judge.Comparison{
		Verdict: judge.Verdict(r.Verdict), Why: judge.Why(r.Why), Level: judge.Level(r.Unit), Old: value(r.Old), New: value(r.New),
		Units: r.N, Values: r.Values, Ratio: value(r.Ratio), Difference: value(r.Difference), DifferenceLower: math.NaN(),
		DifferenceUpper: math.NaN(), P: value(r.P), Q: value(r.Q), Exact: r.Exact, Detectable: value(r.Detectable), AtLeast: r.AtLeast,
		Needed: r.Needed, Grade: judge.Grade(r.Grade), RankP: value(r.RankP),
		Between: value(r.Between),
	}
	out.Lower, out.Upper = ends(r.Interval)
	out.ShiftLower, out.ShiftHigh = ends(r.Shift)
	out.Expected[0], out.Expected[1] = ends(r.Expected)
	if m := r.Modes; m != nil {
		out.Modes = &judge.ModeShift{Cut: m.Cut, Slow: m.Slow, Share: m.Share, P: m.P, Outliers: m.Outliers}
	}
	for _, n := range r.Notes {
		out.Notes = append(out.Notes, judge.Note(n))
	}
	return out
}

// Mean is a geomean on the wire.
func Mean(g judge.Geomean) api.ComparisonMean {
	return api.ComparisonMean{Measure: g.Measure, Benchmarks: g.Benchmarks, Ratio: Number(g.Ratio), Interval: Interval(g.Lower, g.Upper),
		N: g.Units}
}

// Geomean is a geomean as package judge has it.
func Geomean(m api.ComparisonMean) judge.Geomean {
	out := judge.Geomean{Measure: m.Measure, Benchmarks: m.Benchmarks, Units: m.N, Ratio: value(m.Ratio)}
	out.Lower, out.Upper = ends(m.Interval)
	return out
}

// Measure is the measure of a row.
func Measure(r api.ComparisonRow) unit.Measure {
	return unit.Measure{Name: r.Measure, Units: r.Units, Direction: unit.Direction(r.Direction), Exact: r.Exact}
}

// Number is a number that JSON can hold, or nil.
func Number(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// Interval is an interval that JSON can hold, or nil.
func Interval(lower, upper float64) *[2]float64 {
	if Number(lower) == nil || Number(upper) == nil {
		return nil
	}
	return &[2]float64{lower, upper}
}

func value(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}

func ends(interval *[2]float64) (lower, upper float64) {
	if interval == nil {
		return math.NaN(), math.NaN()
	}
	return interval[0], interval[1]
}

package judge

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"github.com/tachograph/tacho/internal/core/stats"
)

// Comparisons are the verdicts on two versions of a program, over all of its benchmarks.
type Comparisons struct {
	Rows     []Comparison // in the order that was given
	Geomeans []Geomean    // a measure each, in the order in which they come first
	Tests    int          // how many rows were tested, among which false claims are controlled
	Between  []Between    // a measure each that has rows of one process a side, in the order in which they come first
}

// Geomean is the typical ratio of a measure over its benchmarks, with the interval by unit: benchmarks of one process or host move
// together, so each unit's mean over the benchmarks is one value.
type Geomean struct {
	Measure             string
	Benchmarks          int // that count; those with zeros or only on one side do not
	Units               [2]int
	Ratio, Lower, Upper float64 // NaN where not known
}

// Compare judges all rows together: among the changes that it claims, a share of Alpha at most is false (Benjamini and Hochberg over all
// rows that have a test). Rows with exact values are no tests and stay outside.
func Compare(rows []Row, policy Policy) Comparisons {
	policy = policy.withDefaults()
	out := Comparisons{Rows: make([]Comparison, len(rows))}
	ps := make([]float64, len(rows))
	for i, row := range rows {
		out.Rows[i] = compare(row, policy)
	}
	out.between(rows, policy)
	for i := range rows {
		ps[i] = math.NaN()
		if out.Rows[i].comparable {
			ps[i] = out.Rows[i].P
			out.Tests++
		}
	}
	for i, q := range stats.BenjaminiHochberg(ps) {
		out.Rows[i].Q = q
		out.Rows[i].decide(rows[i].Measure, policy)
	}
	var names []string
	byMeasure := map[string][]Row{}
	for _, row := range rows {
		if byMeasure[row.Measure.Name] == nil {
			names = append(names, row.Measure.Name)
		}
		byMeasure[row.Measure.Name] = append(byMeasure[row.Measure.Name], row)
	}
	for _, name := range names {
		out.Geomeans = append(out.Geomeans, geomean(name, byMeasure[name], out.added(name)))
	}
	return out
}

// Overall is Verdict, but NothingJudged where no row was: that nothing was looked at is never taken for nothing having changed.
func (cs Comparisons) Overall() Verdict {
	if !slices.ContainsFunc(cs.Rows, func(c Comparison) bool { return c.Verdict.Judged() && c.Why != WhyNoData }) {
		return NothingJudged
	}
	return cs.Verdict()
}

// Verdict is what the comparison says as a whole: worse if a row is; else undecided if one is suspicious; else better or different if one
// is; else undecided if no row could be told to be the same, where exact rows only count if there are no others; else same.
func (cs Comparisons) Verdict() Verdict {
	count := map[Verdict]int{}
	exact := 0
	for _, c := range cs.Rows {
		if c.Exact && c.Verdict == Same {
			exact++
			continue
		}
		count[c.Verdict]++
	}
	switch {
	case count[Worse] > 0:
		return Worse
	case count[Verdict(Suspicious)] > 0:
		return Undecided
	}
	for _, v := range []Verdict{Better, Different, Same} {
		if count[v] > 0 {
			return v
		}
	}
	if count[Undecided]+count[Verdict(Learning)] > 0 || exact == 0 {
		return Undecided
	}
	return Same
}

// ByCertainty are the places of the rows, the surest first: exact changes, other changes by p-value, suspicions, other rows by p-value,
// then those without a test. Among equals the larger change comes first, then the order that was given.
func (cs Comparisons) ByCertainty() []int {
	order := make([]int, len(cs.Rows))
	for i := range order {
		order[i] = i
	}
	rank := func(c Comparison) (group int, p float64) {
		switch {
		case c.Verdict.Changed() && c.Exact:
			return 0, 0
		case c.Verdict.Changed():
			return 1, c.P
		case c.Verdict == Verdict(Suspicious):
			return 2, 0
		case c.comparable:
			return 3, c.P
		}
		return 4, 0
	}
	slices.SortStableFunc(order, func(i, j int) int {
		a, b := cs.Rows[i], cs.Rows[j]
		ga, pa := rank(a)
		gb, pb := rank(b)
		by := cmp.Or(cmp.Compare(ga, gb), cmp.Compare(pa, pb))
		if by == 0 && ga < 3 {
			by = cmp.Compare(b.size(), a.size())
		}
		return by
	})
	return order
}

// geomean is exp of the mean of log ratios over the benchmarks that both sides have. What the processes add it has whole: they have much of
// it in common for all rows.
func geomean(measure string, rows []Row, added stats.Excess) Geomean {
	out := Geomean{Measure: measure, Ratio: math.NaN(), Lower: math.NaN(), Upper: math.NaN()}
	level := commonLevel(rows)
	// A unit counts if it has every benchmark; without two of those a side there is no interval.
	var sums [2]map[string]float64
	var counts [2]map[string]int
	for side := range 2 {
		sums[side], counts[side] = map[string]float64{}, map[string]int{}
	}
	total := 0.0
	for _, row := range rows {
		before, _ := row.Old.finite()
		after, _ := row.New.finite()
		ua, ub := before.units(level), after.units(level)
		la, positive := stats.Logs(means(ua))
		lb, alsoPositive := stats.Logs(means(ub))
		if len(la) == 0 || len(lb) == 0 || !positive || !alsoPositive {
			continue
		}
		out.Benchmarks++
		total += stats.Mean(lb) - stats.Mean(la)
		for side, units := range [][]unit{ua, ub} {
			logs := [][]float64{la, lb}[side]
			for i, u := range units {
				name := u.name
				if level == ByIteration {
					name = strconv.Itoa(i)
				}
				sums[side][name] += logs[i]
				counts[side][name]++
			}
		}
	}
	if out.Benchmarks == 0 {
		return out
	}
	out.Ratio = math.Exp(total / float64(out.Benchmarks))
	var whole [2][]float64
	for side := range 2 {
		for name, n := range counts[side] {
			if n == out.Benchmarks {
				whole[side] = append(whole[side], sums[side][name]/float64(n))
			}
		}
		slices.Sort(whole[side]) // a map has no order, and sums round
		out.Units[side] = len(whole[side])
	}
	if w := stats.Welch(whole[0], whole[1]).Widened(added); w.Known() {
		lower, upper := w.Interval(0.95)
		out.Ratio, out.Lower, out.Upper = math.Exp(w.Estimate), math.Exp(lower), math.Exp(upper)
	}
	return out
}

// commonLevel is the level at which all rows have their units: hosts if each row has them, processes as soon as one has.
func commonLevel(rows []Row) Level {
	seen := map[Level]bool{}
	for _, row := range rows {
		before, _ := row.Old.finite()
		after, _ := row.New.finite()
		seen[row.level(before, after)] = true
	}
	switch {
	case seen[ByHost] && len(seen) == 1:
		return ByHost
	case seen[ByReport]:
		return ByReport
	case seen[ByHost], seen[ByProcess]:
		return ByProcess
	}
	return ByIteration
}

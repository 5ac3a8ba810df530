// Package rank puts kinds of machines in order by what was measured on several machines of each, and says which of them cannot be told
// apart.
//
// The unit is the machine, never the iteration: by iterations nearly all pairs of cloud machines differ, because two of one type do. The
// number of a machine is g, the mean over the common benchmarks of the logarithm of its mean; a benchmark that a machine lacks is common to
// none and is listed. Types are compared by Welch's t on g, all pairs by Holm, and those that are not separable share a letter (Piepho,
// Journal of Computational and Graphical Statistics 13, 2004). The package is pure; sweeps and their reports call it.
package rank

import (
	"cmp"
	"math"
	"slices"

	"github.com/tachograph/tacho/internal/core/stats"
)

// Machine is one machine with the mean of each benchmark on it. Means must be above zero; others count as missing.
type Machine struct {
	Kind  string // instance type
	Name  string
	Means map[string]float64
}

// Options say how to rank. The zero value of a field is its default.
type Options struct {
	Alpha  float64            // chance of any two kinds being separated by mistake; 0: 0.05
	Price  map[string]float64 // by kind, above zero: ranks by time × price; nil: by time
	Higher bool               // larger means are better
}

// Kind is one kind of machine.
type Kind struct {
	Name         string
	Machines     int
	Mean         float64 // the geometric mean over benchmarks and machines, times the price if there is one
	Lower, Upper float64 // of Mean, 95 % by machines; NaN for one machine
	SD           float64 // of g between machines, relative: the consistency of a kind; NaN for one machine
	SDLower      float64 // of SD, 95 % (stats.SDInterval); NaN for one machine
	SDUpper      float64
	Letters      string // kinds that share one are not separable; "" of more than LettersAtMost kinds
	Place        int    // 1 for the best; kinds that share a letter with the best of a place have the same
	Best, Worst  int    // the range of its rank: 1 + kinds that are surely better, all kinds − those that are surely worse
}

// Pair is two kinds compared, by their places in Ranking.Kinds.
type Pair struct {
	A, B      int
	Ratio     float64 // B over A
	P         float64 // Welch's; NaN if one of them has one machine
	Adjusted  float64 // by Holm over all pairs
	Separable bool
}

// Ranking is the kinds, best first.
type Ranking struct {
	Kinds      []Kind
	Pairs      []Pair
	Common     []string // benchmarks that every machine has
	LeftOut    []string // the others
	Unpriced   []string // kinds that have no price, where prices are asked for; they are not ranked
	Separation float64  // of the largest sd between machines: the ratio that this many machines a kind would separate in 80 % of cases
}

// Machines ranks machines. Without a common benchmark there is no ranking, and LeftOut has them all.
func Machines(machines []Machine, opts Options) Ranking {
	alpha := cmp.Or(opts.Alpha, 0.05)
	var out Ranking
	out.Common, out.LeftOut = common(machines)
	if len(out.Common) == 0 {
		return out
	}
	values := map[string][]float64{} // g by kind
	for _, m := range machines {
		g, n := 0.0, 0
		for _, b := range out.Common {
			g += math.Log(m.Means[b])
			n++
		}
		g /= float64(n)
		if opts.Price != nil {
			price := opts.Price[m.Kind]
			if !(price > 0) {
				if !slices.Contains(out.Unpriced, m.Kind) {
					out.Unpriced = append(out.Unpriced, m.Kind)
				}
				continue
			}
			if opts.Higher {
				price = 1 / price
			}
			g += math.Log(price)
		}
		values[m.Kind] = append(values[m.Kind], g)
	}
	for name, gs := range values {
		slices.Sort(gs) // machines have no order, and sums round
		k := Kind{Name: name, Machines: len(gs), Mean: math.Exp(stats.Mean(gs)), SD: stats.SampleSD(gs)}
		k.SDLower, k.SDUpper = stats.SDInterval(k.SD, k.Machines, 0.95)
		lower, upper := stats.OneSample(gs).Interval(0.95)
		k.Lower, k.Upper = math.Exp(lower), math.Exp(upper)
		out.Kinds = append(out.Kinds, k)
	}
	slices.SortFunc(out.Kinds, func(a, b Kind) int {
		by := cmp.Compare(a.Mean, b.Mean)
		if opts.Higher {
			by = -by
		}
		return cmp.Or(by, cmp.Compare(a.Name, b.Name))
	})
	out.compare(values, alpha)
	if len(out.Kinds) <= LettersAtMost {
		out.letter()
	}
	out.place()
	return out
}

// LettersAtMost is how many kinds get letters. There may be exponentially many groups, and nobody reads more than an alphabet of them: the
// ranges of ranks say it in two numbers.
const LettersAtMost = 26

// common are the benchmarks that all machines have, and those that some lack, both in order.
func common(machines []Machine) (all, left []string) {
	count := map[string]int{}
	for _, m := range machines {
		for b, mean := range m.Means {
			if mean > 0 && !math.IsInf(mean, 0) {
				count[b]++
			} else {
				count[b] += 0
			}
		}
	}
	for b, n := range count {
		if n == len(machines) {
			all = append(all, b)
		} else {
			left = append(left, b)
		}
	}
	slices.Sort(all)
	slices.Sort(left)
	return all, left
}

// compare tests all pairs.
func (r *Ranking) compare(values map[string][]float64, alpha float64) {
	var ps []float64
	for i, a := range r.Kinds {
		for j := i + 1; j < len(r.Kinds); j++ {
			b := r.Kinds[j]
			w := stats.Welch(values[a.Name], values[b.Name])
			p := w.P
			if w.SE == 0 { // neither varies: no test, and nothing is separated by it
				p = math.NaN()
			}
			r.Pairs = append(r.Pairs, Pair{A: i, B: j, Ratio: b.Mean / a.Mean, P: p})
			ps = append(ps, p)
			if n := min(a.Machines, b.Machines); w.Known() {
				sd := math.Max(a.SD, b.SD)
				r.Separation = math.Max(r.Separation, math.Expm1(stats.PlannedDetectable(sd, n)))
			}
		}
	}
	for i, q := range stats.Holm(ps) {
		r.Pairs[i].Adjusted, r.Pairs[i].Separable = q, q <= alpha
	}
}

// letter gives letters by insert and absorb: all kinds begin in one group; each separable pair splits the groups that hold both; a group
// within another one is dropped.
func (r *Ranking) letter() {
	n := len(r.Kinds)
	groups := [][]bool{make([]bool, n)}
	for i := range n {
		groups[0][i] = true
	}
	for _, p := range r.Pairs {
		if !p.Separable {
			continue
		}
		var next [][]bool
		for _, g := range groups {
			if !g[p.A] || !g[p.B] {
				next = append(next, g)
				continue
			}
			without := slices.Clone(g)
			g[p.A], without[p.B] = false, false
			next = append(next, g, without)
		}
		groups = absorbed(next)
	}
	first := func(g []bool) int { return slices.Index(g, true) }
	last := func(g []bool) (at int) {
		for i, in := range g {
			if in {
				at = i
			}
		}
		return at
	}
	slices.SortStableFunc(groups, func(a, b []bool) int { return cmp.Or(cmp.Compare(first(a), first(b)), cmp.Compare(last(a), last(b))) })
	for i, g := range groups {
		for k, in := range g {
			if in {
				r.Kinds[k].Letters += letterOf(i)
			}
		}
	}
}

// absorbed are the groups that are not within another one.
func absorbed(groups [][]bool) (out [][]bool) {
	within := func(a, b []bool) bool {
		for i := range a {
			if a[i] && !b[i] {
				return false
			}
		}
		return true
	}
	for i, g := range groups {
		drop := false
		for j, other := range groups {
			if i != j && within(g, other) && (!within(other, g) || j < i) { // of equal ones the first stays
				drop = true
			}
		}
		if !drop {
			out = append(out, g)
		}
	}
	return out
}

// letterOf is a, b, … z, and then with a number.
func letterOf(i int) string {
	text := string(rune('a' + i%26))
	for ; i >= 26; i -= 26 {
		text += "'"
	}
	return text
}

// place numbers the kinds: one that is not separable from the first of a place shares it. And it gives each the range of its rank.
func (r *Ranking) place() {
	for i := range r.Kinds {
		r.Kinds[i].Best, r.Kinds[i].Worst = 1, len(r.Kinds)
	}
	separable := map[[2]int]bool{}
	for _, p := range r.Pairs {
		separable[[2]int{p.A, p.B}] = p.Separable
		if p.Separable { // kinds are in order, so A is the better one
			r.Kinds[p.B].Best++
			r.Kinds[p.A].Worst--
		}
	}
	first := 0
	for i := range r.Kinds {
		if i > first && separable[[2]int{first, i}] {
			first = i
		}
		r.Kinds[i].Place = first + 1
	}
}

// MachinesNeeded is how many machines of each kind would separate a ratio of 1+effect in 80 % of cases where machines of a kind deviate by
// sd: more machines help, more iterations do not. 0: not known.
func MachinesNeeded(sd, effect float64) int { return stats.UnitsNeeded(sd, math.Log1p(effect)) }

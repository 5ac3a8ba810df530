package paired

import (
	"math"
	"slices"

	"github.com/tachograph/tacho/internal/core/stats"
)

// equalReruns is from how many equal pairs on a measure counts as exact although nothing says so.
const equalReruns = 12

// Rows are trials that run together: each pair gives a value to each of them, as a benchmark's output has many rows. "Same" is decided by
// each row alone. A difference is claimed when the row has passed its boundary at a look and holds among all rows by Benjamini and
// Hochberg over their repeated p-values, so that of all claims 5 % are false, however many rows there are. A row that has passed and does
// not hold yet runs on.
type Rows struct {
	plan  Plan
	rows  []*Row
	pairs int // that were measured
}

// Row is one trial among others.
type Row struct {
	trial  *Trial
	values [2][]float64 // of the pairs that count
	equal  [2]bool      // the values of a side are all equal
	zero   bool         // a value of zero or below has no ratio: only equality is looked at
	q      float64
}

// NewRows begins without a row.
func NewRows(plan Plan) (*Rows, error) {
	plan.Rule = Pocock
	plan, err := plan.checked()
	return &Rows{plan: plan}, err
}

// Join adds a row. Exact says that its measure is counted.
func (r *Rows) Join(exact bool) *Row { return r.JoinWithin(exact, r.plan.Effect) }

// JoinWithin adds a row for which "same" is a ratio surely within 1/(1+δ) … 1+δ, with a δ > 0 of its own.
func (r *Rows) JoinWithin(exact bool, effect float64) *Row {
	plan := r.plan
	plan.Exact, plan.Effect = exact, effect
	row := &Row{trial: &Trial{plan: plan, outcome: Running, looks: plan.Looks(), level: 1, held: true}, equal: [2]bool{true, true},
		q: math.NaN()}
	r.rows = append(r.rows, row)
	return row
}

// Take gives the row its values of the pair that was measured; NaN is a run that had none. A row that is decided takes no more.
func (row *Row) Take(a, b float64) {
	t := row.trial
	if t.outcome != Running {
		return
	}
	if math.IsNaN(a) || math.IsNaN(b) || math.IsInf(a, 0) || math.IsInf(b, 0) {
		t.pair(math.NaN())
		return
	}
	for side, v := range []float64{a, b} {
		row.equal[side] = row.equal[side] && (len(row.values[side]) == 0 || row.values[side][0] == v)
		row.values[side] = append(row.values[side], v)
	}
	still := row.equal[A] && row.equal[B]
	t.plan.Exact = t.plan.Exact || still && len(row.values[A]) >= equalReruns
	row.zero = row.zero || !(min(a, b) > 0) && a != b
	switch {
	case row.zero:
		row.countedOnly(still)
	case a == b:
		t.pair(0)
	default:
		t.pair(math.Log(b) - math.Log(a))
	}
}

// countedOnly decides a row with values that have no ratio.
func (row *Row) countedOnly(still bool) {
	t := row.trial
	switch n := len(row.values[A]); {
	case n < t.looks[0]:
	case still && t.plan.Exact:
		t.outcome = Different
	case !still || n >= t.plan.Pairs:
		t.outcome = Undecided
	}
}

// Settle ends a pair: it claims the differences that hold among all rows, and reports whether any row is still running.
func (r *Rows) Settle() (running bool) {
	r.pairs++
	ps := make([]float64, len(r.rows))
	for i, row := range r.rows {
		ps[i] = row.trial.level
		if row.zero || row.trial.plan.Exact && row.equal[A] && row.equal[B] {
			ps[i] = math.NaN() // there was no test
		}
	}
	for i, q := range stats.BenjaminiHochberg(ps) {
		t := r.rows[i].trial
		r.rows[i].q = q
		if q <= levels[0] && (t.outcome == Running || t.outcome == Undecided) {
			t.outcome = Different
		}
		running = running || t.outcome == Running
	}
	return running
}

// Pairs is how many were measured.
func (r *Rows) Pairs() int { return r.pairs }

// RowState is what is known of a row.
type RowState struct {
	State
	A, B    float64 // what is typical of a side: the geometric mean, or the mean where values are zero or below
	Exact   bool    // equality was looked at, no test was needed
	NoRatio bool    // a value of zero or below
	Q       float64 // the repeated p-value adjusted by Benjamini and Hochberg; 1 while no boundary at 5 % was passed
}

// State describes the row.
func (row *Row) State() RowState {
	t := row.trial
	s := RowState{NoRatio: row.zero, Q: row.q, A: Typical(row.values[A]), B: Typical(row.values[B]),
		Exact: t.plan.Exact && row.equal[A] && row.equal[B]}
	if !row.zero {
		s.State = t.State()
		return s
	}
	none := math.NaN()
	s.State = State{Outcome: t.outcome, Pairs: len(row.values[A]), Failed: t.failed, Most: t.plan.Pairs, Ratio: none, Lower: none, Upper: none,
		P: none, SignedRankP: none, LogEvidence: none, Detectable: none}
	return s
}

// Typical is what is typical of values: the geometric mean, or the mean where some are zero or below; NaN of none. Equal ones stay as they
// are, without rounding.
func Typical(xs []float64) float64 {
	if len(xs) == 0 {
		return math.NaN()
	}
	if !slices.ContainsFunc(xs, func(x float64) bool { return x != xs[0] }) {
		return xs[0]
	}
	if logs, positive := stats.Logs(xs); positive {
		return math.Exp(stats.Mean(logs))
	}
	return stats.Mean(xs)
}

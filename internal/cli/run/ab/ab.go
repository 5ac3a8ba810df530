// Package ab is `tacho run --ab BASE --ab HEAD`: two commands run in turns on this machine until each of their benchmarks is decided or
// the budget is used up (package core/paired), and the result is shown as `tacho compare` shows one. Nothing is stored or sent.
//
// How a command is run and read is the caller's: package run does it as for any local run.
package ab

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/show"
	"github.com/tachograph/tacho/internal/core/adapter"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/paired"
	"github.com/tachograph/tacho/internal/core/stats"
	"github.com/tachograph/tacho/internal/core/unit"
)

// Side is one of the two versions.
type Side struct {
	Name    string                                         // as the person reads it: the command, or the version
	Commit  string                                         // full object name; empty: not known
	Dirty   bool                                           // what is measured is not quite that commit
	Measure func(context.Context) (adapter.Results, error) // one run
}

// names are the sides in a sentence.
var names = [2]string{"base", "head"}

// Options say when to stop.
type Options struct {
	Plan    paired.Plan
	MaxTime time.Duration // no run begins after it; 0: no limit
	Seed    uint64        // of the order
	Command string        // that both sides run; empty: each has its own
	Same    bool          // both sides are the same code
	Notes   []string      // on the sides
	Now     func() time.Time
}

// Ended is why the runs ended.
type Ended string

// The ends.
const (
	Decided     Ended = "decided"
	MaxPairs    Ended = "max_pairs"
	MaxTime     Ended = "max_time"
	Interrupted Ended = "interrupted"
	Failed      Ended = "failed"
)

// Comparison is two versions and what is known of them so far.
type Comparison struct {
	sides [2]Side
	opts  Options
	rows  *paired.Rows
	ended Ended
	order strings.Builder // of the runs, a letter each

	known   map[key]*row
	ordered []*row
	seen    [2]map[string]bool // benchmarks
	lists   [2][]string        // the same in their order
	apart   map[key]string     // rows that are not compared, and why
	remarks []string
	adapter string
}

type key struct{ benchmark, measure string }

// row is a benchmark and a measure that both sides have.
type row struct {
	key
	measure unit.Measure
	trial   *paired.Row
}

// New prepares a comparison.
func New(base, head Side, opts Options) (*Comparison, error) {
	rows, err := paired.NewRows(opts.Plan)
	if err != nil {
		return nil, cli.Usage("%s", fault.Message(err))
	}
	return &Comparison{sides: [2]Side{base, head}, opts: opts, rows: rows, known: map[key]*row{}, apart: map[key]string{},
		seen: [2]map[string]bool{{}, {}}}, nil
}

// Run runs the versions in turns. told is called after each pair. When a command fails, what is known until then stays known.
func (c *Comparison) Run(ctx context.Context, told func(*Comparison)) error {
	order := paired.NewOrder(rand.New(rand.NewPCG(c.opts.Seed, 0)))
	begun, most := c.opts.Now(), c.opts.Plan.Looks()
	for c.rows.Pairs() < most[len(most)-1] {
		var pair [2]adapter.Results
		for range pair {
			if c.opts.MaxTime > 0 && c.opts.Now().Sub(begun) >= c.opts.MaxTime {
				c.ended = MaxTime
				return nil
			}
			arm := order.Next()
			results, err := c.sides[arm].Measure(ctx)
			switch {
			case cli.ExitCode(err) == fault.ExitInterrupted:
				c.ended = Interrupted
				return nil
			case err != nil:
				c.ended = Failed
				return cli.Fail(cli.ExitCode(err), "the %s failed in pair %d: %w", names[arm], c.rows.Pairs()+1, err)
			}
			order.Done()
			c.order.WriteString(arm.String())
			pair[arm] = results
		}
		if err := c.take(pair); err != nil {
			c.ended = Failed
			return err
		}
		running := c.rows.Settle()
		told(c)
		if !running && c.Pairs() < most[len(most)-1] {
			c.ended = Decided
			return nil
		}
	}
	c.ended = MaxPairs
	if !slices.ContainsFunc(c.ordered, func(r *row) bool {
		outcome := r.trial.State().Outcome
		return outcome == paired.Running || outcome == paired.Undecided
	}) {
		c.ended = Decided
	}
	return nil
}

// take reads the rows of a pair.
func (c *Comparison) take(pair [2]adapter.Results) error {
	var values [2]map[key]adapter.Metric
	for side, results := range pair {
		values[side] = map[key]adapter.Metric{}
		for _, b := range results.Benchmarks {
			if !c.seen[side][b.Name] {
				c.seen[side][b.Name] = true
				c.lists[side] = append(c.lists[side], b.Name)
			}
			for _, m := range b.Metrics {
				values[side][key{b.Name, m.Measure.Name}] = mean(values[side][key{b.Name, m.Measure.Name}], m)
			}
		}
	}
	if a, b := pair[paired.A].Adapter, pair[paired.B].Adapter; a != b {
		return cli.Fail(fault.ExitBenchmarkFailed, "the base printed %s output and the head %s output: only output of one tool can be compared; "+
			"if one was not recognised, use --adapter", a, b)
	}
	c.adapter = string(pair[paired.A].Adapter)
	for _, b := range pair[paired.A].Benchmarks {
		for _, m := range b.Metrics {
			k := key{b.Name, m.Measure.Name}
			if other, both := values[paired.B][k]; both && c.known[k] == nil && c.apart[k] == "" {
				c.join(k, m.Measure, other.Measure)
			}
		}
	}
	if len(c.ordered) == 0 {
		return cli.Fail(fault.ExitBenchmarkFailed, "no benchmark is on both sides: the base has %s, the head %s", show.Some(c.lists[paired.A]),
			show.Some(c.lists[paired.B]))
	}
	for _, r := range c.ordered {
		r.trial.Take(valueOf(values[paired.A], r.key), valueOf(values[paired.B], r.key))
	}
	return nil
}

// join begins the row of a benchmark and measure that both sides have, unless their numbers are of different things.
func (c *Comparison) join(k key, base, head *unit.Measure) {
	if base.Units != head.Units {
		c.apart[k] = k.benchmark + " " + k.measure + " is in " + base.Units + " on the base and in " + head.Units + " on the head: not compared"
		c.remarks = append(c.remarks, c.apart[k])
		return
	}
	counted := head.Exact || head.Units == unit.BytesPerOp || head.Units == unit.AllocsPerOp
	r := &row{key: k, measure: *head, trial: c.rows.Join(counted)}
	c.known[k] = r
	c.ordered = append(c.ordered, r)
}

// mean is the metric with the mean of all samples of its run, and of the metrics of that name before it.
func mean(before, m adapter.Metric) adapter.Metric {
	samples := m.Samples
	if len(samples) == 0 {
		samples = []float64{m.Value}
	}
	m.Samples = append(before.Samples[:len(before.Samples):len(before.Samples)], samples...)
	if m.Value = m.Samples[0]; slices.Min(m.Samples) != slices.Max(m.Samples) { // the mean of equal counts must not round
		m.Value = stats.Mean(m.Samples)
	}
	return m
}

func valueOf(values map[key]adapter.Metric, k key) float64 {
	if m, there := values[k]; there {
		return m.Value
	}
	return math.NaN()
}

// minimum is the size from which a change is claimed, as for other comparisons; a stricter limit of "same" lowers it.
const minimum = 0.01

// verdict is what a row's state means for its measure.
func (c *Comparison) verdict(r *row, s paired.RowState) (judge.Verdict, judge.Why) {
	effect := c.opts.Plan.Effect
	switch s.Outcome {
	case paired.Same:
		return judge.Same, judge.WhyNone
	case paired.Different:
		if size := math.Abs(math.Log(s.Ratio)); !s.Exact && size < math.Log1p(min(minimum, effect)) {
			if s.Lower > 1/(1+effect) && s.Upper < 1+effect {
				return judge.Same, judge.WhyBelow
			}
			return judge.Undecided, judge.WhyBelow
		}
		up := s.B > s.A
		switch {
		case r.measure.Direction != unit.Lower && r.measure.Direction != unit.Higher:
			return judge.Different, judge.WhyNone
		case up == (r.measure.Direction == unit.Lower):
			return judge.Worse, judge.WhyNone
		}
		return judge.Better, judge.WhyNone
	}
	if s.NoRatio {
		return judge.Undecided, judge.WhyNoData
	}
	return judge.Undecided, judge.WhyTooFew
}

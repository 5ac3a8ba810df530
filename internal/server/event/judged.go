package event

import (
	"context"

	"github.com/tachograph/tacho/internal/core/change"
	corepolicy "github.com/tachograph/tacho/internal/core/policy"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// judged says how series are judged along a head.
type judged struct {
	policy     corepolicy.Policy
	branch     series.Branch
	lines      map[int64]series.Series
	testbeds   map[string]series.Testbed
	benchmarks map[string]series.Benchmark
	measures   map[string]series.Measure
}

// judgedBy reads what a policy has to know of series. Names are read only if there are rules.
func judgedBy(ctx context.Context, tx *store.Tx, p corepolicy.Policy, headID string, seriesIDs []int64) (j judged, err error) {
	j.policy = p
	if j.lines, err = series.ByID(ctx, tx, seriesIDs); err != nil {
		return j, err
	}
	seen := map[string]bool{}
	var measures, benchmarks, testbeds []string
	add := func(to *[]string, id string) {
		if !seen[id] {
			seen[id] = true
			*to = append(*to, id)
		}
	}
	for _, s := range j.lines {
		add(&measures, s.MeasureID)
		add(&benchmarks, s.BenchmarkID)
		add(&testbeds, s.TestbedID)
	}
	if j.measures, err = series.MeasuresByID(ctx, tx, measures); err != nil || len(j.policy.Rules) == 0 {
		return j, err
	}
	if j.benchmarks, err = series.BenchmarksByID(ctx, tx, benchmarks); err != nil {
		return j, err
	}
	if j.testbeds, err = series.TestbedsByID(ctx, tx, testbeds); err != nil {
		return j, err
	}
	head, err := series.HeadByID(ctx, tx, headID)
	if err != nil {
		return j, err
	}
	branches, err := series.BranchesByID(ctx, tx, []string{head.BranchID})
	j.branch = branches[head.BranchID]
	return j, err
}

func (j judged) measure(seriesID int64) series.Measure {
	return j.measures[j.lines[seriesID].MeasureID]
}

// setting is how one series is judged.
func (j judged) setting(seriesID int64) corepolicy.Setting { return j.policy.Resolve(j.line(seriesID)) }

// line is a series as rules see it.
func (j judged) line(seriesID int64) corepolicy.Line {
	s, m := j.lines[seriesID], j.measure(seriesID)
	l := corepolicy.Line{Measure: corepolicy.Named{Name: m.Name, Slug: m.Slug}, Units: m.Units, Exact: m.Exact,
		Branch: corepolicy.Named{Name: j.branch.Name, Slug: j.branch.Slug}}
	if b, known := j.benchmarks[s.BenchmarkID]; known {
		l.Benchmark = corepolicy.Named{Name: b.Name, Slug: b.Slug}
	}
	if t, known := j.testbeds[s.TestbedID]; known {
		l.Testbed = corepolicy.Named{Name: t.Name, Slug: t.Slug}
	}
	return l
}

// tells says whether people are told of a change that is judged by s.
func (p Point) tells(s corepolicy.Setting) bool {
	return p.Settled && !p.Weak && s.Tells(corepolicy.Found{Scale: p.Scale, Before: p.Before, After: p.After, Effect: p.Effect}.Share())
}

// places are where changes are, as change.Same compares them.
func places(found []corepolicy.Found) (changes []change.Change, points []Point) {
	for _, f := range found {
		c := change.Change{Index: f.Index, First: f.First, Last: f.Last, Scale: change.Raw, Effect: f.Difference()}
		if f.Scale == change.Log.String() {
			c.Scale = change.Log
		}
		changes = append(changes, c)
		points = append(points, Point{Scale: f.Scale, Before: f.Before, After: f.After, Effect: f.Effect, Low: f.Lower, High: f.High, T: f.T,
			P: f.P, NBefore: f.NBefore, NAfter: f.NAfter, Settled: f.Settled, Weak: f.Weak})
	}
	return changes, points
}

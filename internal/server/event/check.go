package event

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	coreevent "github.com/tachograph/tacho/internal/core/event"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	corepolicy "github.com/tachograph/tacho/internal/core/policy"
	"github.com/tachograph/tacho/internal/server/policy"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// CheckPolicy says what would become of a project's events if a policy was set. It is what a look would find, by the code of looks: with
// marks, hardware specs, accepted levels and machine events, and against the events as they are. It changes nothing. A text that cannot be
// read is an Invalid fault with the place of each mistake, and so is too much history for one answer.
func (s *Service) CheckPolicy(ctx context.Context, actor access.Actor, ref string, asked api.CheckPolicy) (out api.CheckedPolicy,
	err error) {
	p, err := s.door.Find(ctx, actor, access.Submit, ref) // before the text is read, which may take most of a second
	if err != nil {
		return out, err
	}
	wanted, err := corepolicy.Parse([]byte(asked.Text))
	if found, wrong := errors.AsType[corepolicy.Mistakes](err); wrong {
		return out, found.Fault("policy")
	}
	if err := s.upToDate(ctx, actor, ref); err != nil {
		return out, err
	}
	select { // one at a time: each reads a whole history
	case s.checking <- struct{}{}:
		defer func() { <-s.checking }()
	case <-ctx.Done():
		return out, context.Cause(ctx)
	}
	err = s.store.View(ctx, func(tx *store.Tx) error {
		c := check{projectID: p.ID, after: wanted}
		err := c.run(ctx, tx, asked.Branches)
		out = c.out
		return err
	})
	return out, err
}

// check is a policy while it is tried.
type check struct {
	projectID     string
	before, after corepolicy.Policy
	values        int // that were read
	lines         []corepolicy.Line
	out           api.CheckedPolicy
}

// checkedHead is a head with what a look at it needs.
type checkedHead struct {
	head     series.Head
	branch   series.Branch
	testbeds []series.Testbed
}

func (c *check) run(ctx context.Context, tx *store.Tx, branches []string) (err error) {
	c.out = api.CheckedPolicy{Appear: []api.CheckedEvent{}, Vanish: []api.CheckedEvent{}, Differ: []api.CheckedEvent{},
		Notices: []api.PolicyNotice{}}
	if c.before, err = policy.Of(ctx, tx, c.projectID); err != nil {
		return err
	}
	heads, err := c.heads(ctx, tx, branches)
	if err != nil {
		return err
	}
	for _, h := range heads {
		if err := c.head(ctx, tx, h); err != nil {
			return err
		}
	}
	c.out.Lines = len(c.lines)
	for _, n := range slices.Concat(c.after.Unreached(), c.after.Unmatched(c.lines)) {
		c.out.Notices = append(c.out.Notices, api.PolicyNotice{Line: n.At.Line, Column: n.At.Column, Text: n.Text})
	}
	return nil
}

// heads are the current heads of the branches that are asked for, or of all, that have results.
func (c *check) heads(ctx context.Context, tx *store.Tx, branches []string) ([]checkedHead, error) {
	chosen := map[string]bool{}
	for _, ref := range branches {
		b, err := series.BranchByRef(ctx, tx, c.projectID, ref)
		if err != nil {
			return nil, err
		}
		chosen[b.ID] = true
	}
	lines, err := report.LinesOf(ctx, tx, c.projectID)
	if err != nil {
		return nil, err
	}
	var headIDs, branchIDs, testbedIDs []string
	for _, l := range lines {
		headIDs, testbedIDs = append(headIDs, l.HeadID), append(testbedIDs, l.TestbedID)
	}
	heads, err := series.HeadsByID(ctx, tx, headIDs)
	if err != nil {
		return nil, err
	}
	for _, h := range heads {
		branchIDs = append(branchIDs, h.BranchID)
	}
	named, err := series.BranchesByID(ctx, tx, branchIDs)
	if err != nil {
		return nil, err
	}
	testbeds, err := series.TestbedsByID(ctx, tx, testbedIDs)
	if err != nil {
		return nil, err
	}
	var out []checkedHead
	for _, l := range lines { // those of one head are together
		head := heads[l.HeadID]
		b := named[head.BranchID]
		if b.HeadID != head.ID || len(chosen) > 0 && !chosen[b.ID] {
			continue
		}
		if n := len(out); n == 0 || out[n-1].head.ID != head.ID {
			out = append(out, checkedHead{head: head, branch: b})
		}
		last := &out[len(out)-1]
		last.testbeds = append(last.testbeds, testbeds[l.TestbedID])
	}
	return out, nil
}

// head tries the policy on one head.
func (c *check) head(ctx context.Context, tx *store.Tx, h checkedHead) error {
	points, err := pointsOfHead(ctx, tx, h.head.ID)
	if err != nil {
		return err
	}
	lines, err := countLines(ctx, tx, h.head.ID)
	if err != nil {
		return err
	}
	stretches, err := series.Stretches(ctx, tx, h.head.ID)
	if err != nil {
		return err
	}
	is, again := slices.Clone(points), false
	for _, t := range h.testbeds {
		at := report.Line{HeadID: h.head.ID, TestbedID: t.ID}
		reports, err := reportsAfter(ctx, tx, at, stretches, -1)
		if err != nil {
			return err
		}
		seqs := make([]int64, len(reports))
		for i, r := range reports {
			seqs[i] = r.seq
		}
		if err := c.name(ctx, tx, h, seqs); err != nil {
			return err
		}
		if !corepolicy.Concern(c.before, c.after, corepolicy.Named{Name: h.branch.Name, Slug: h.branch.Slug},
			corepolicy.Named{Name: t.Name, Slug: t.Slug}) {
			continue // nobody looks again
		}
		if err := c.count(ctx, tx, seqs); err != nil {
			return err
		}
		// As after JudgeAgain: news that results went away.
		k := look{projectID: c.projectID, at: at, policy: c.after, news: []report.News{{}}, examined: map[lineKey]bool{}}
		if err := k.examine(ctx, tx); err != nil {
			return err
		}
		is, lines[t.ID], again = replaced(is, k.points), len(k.lines), true
	}
	rows, err := ofHead(ctx, tx, h.head.ID)
	if err != nil {
		return err
	}
	if !again {
		c.out.Same += len(slices.DeleteFunc(rows, func(e Event) bool { return !e.Significant }))
		return nil
	}
	before, err := groupingOf(ctx, tx, c.projectID, h.head.ID, points, lines, c.before)
	if err != nil {
		return err
	}
	after, err := groupingOf(ctx, tx, c.projectID, h.head.ID, is, lines, c.after)
	if err != nil {
		return err
	}
	now, gone, err := after.events(ctx, tx, rows)
	if err != nil {
		return err
	}
	return c.compare(ctx, tx, h, before, after, now, gone)
}

// replaced are the changes of a head after those that a look has found are written.
func replaced(points, changed []Point) []Point {
	place := map[string]int{}
	for i, p := range points {
		place[p.ID] = i
	}
	for _, p := range changed {
		if i, known := place[p.ID]; known {
			points[i] = p
			continue
		}
		p.ID = fmt.Sprintf("new %d", len(points))
		points = append(points, p)
	}
	return points
}

// count bounds how much one answer reads.
func (c *check) count(ctx context.Context, tx *store.Tx, seqs []int64) error {
	for chunk := range slices.Chunk(seqs, store.IDsPerQuery) {
		n, err := report.CountMetrics(ctx, tx, chunk...)
		if err != nil {
			return err
		}
		c.values += n
	}
	if c.values > limits.PolicyCheckValues {
		return fault.Invalidf("more than %d values are to be looked at; name some branches", limits.PolicyCheckValues)
	}
	return nil
}

// name notes the lines that reports have values of.
func (c *check) name(ctx context.Context, tx *store.Tx, h checkedHead, seqs []int64) error {
	ids, err := report.SeriesIn(ctx, tx, seqs)
	if err != nil {
		return err
	}
	if len(c.lines)+len(ids) > limits.PolicyCheckLines {
		return fault.Invalidf("more than %d lines are to be looked at; name some branches", limits.PolicyCheckLines)
	}
	j, err := judgedBy(ctx, tx, c.after, h.head.ID, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		c.lines = append(c.lines, j.line(id))
	}
	return nil
}

// compare puts what a look would find beside what is there.
func (c *check) compare(ctx context.Context, tx *store.Tx, h checkedHead, before, after grouping, now []regrouped, gone []Event) error {
	had := map[string]coreevent.Item{} // by event
	for id, p := range before.points {
		if p.EventID != nil {
			item := had[*p.EventID]
			item.Members = append(item.Members, id)
			had[*p.EventID] = item
		}
	}
	testbeds := map[string]series.Testbed{}
	for _, t := range h.testbeds {
		testbeds[t.ID] = t
	}
	checked := func(g grouping, e Event, item coreevent.Item) (api.CheckedEvent, error) {
		t := testbeds[e.TestbedID]
		out := api.CheckedEvent{Event: e.ID, Branch: api.EventThing{UUID: h.branch.ID, Name: h.branch.Name, Slug: h.branch.Slug},
			Testbed: api.EventThing{UUID: t.ID, Name: t.Name, Slug: t.Slug}, First: e.First, Last: e.Last, CheckedVerdict: verdict(g, e, item)}
		return out, g.largest(ctx, tx, item, &out)
	}
	for _, e := range now {
		is, was := e.is, e.was
		if was != nil {
			is.ID, is.Told, is.State = was.ID, was.Told, was.State
		}
		one, err := checked(after, is, e.item)
		if err != nil {
			return err
		}
		if one.Told && after.fresh(e.item) && is.Told == nil {
			one.Notice = is.State == coreevent.Confirmed || is.State == coreevent.Suspected && e.is.Settled
		}
		if was == nil || !was.Significant {
			c.out.Appear = append(c.out.Appear, one)
			continue
		}
		if v := verdict(before, *was, had[was.ID]); !alike(v, one.CheckedVerdict) {
			one.Was = &v
			c.out.Differ = append(c.out.Differ, one)
		} else {
			c.out.Same++
		}
	}
	for _, e := range gone {
		one, err := checked(before, e, had[e.ID])
		if err != nil {
			return err
		}
		c.out.Vanish = append(c.out.Vanish, one)
	}
	return nil
}

func alike(a, b api.CheckedVerdict) bool {
	return a.Kind == b.Kind && a.Changes == b.Changes && a.Severity == b.Severity && a.Told == b.Told && slices.Equal(a.Notify, b.Notify)
}

// verdict is how an event is judged.
func verdict(g grouping, e Event, item coreevent.Item) api.CheckedVerdict {
	v := api.CheckedVerdict{Kind: api.EventKind(e.Kind), Changes: e.Changes, Severity: string(e.Severity)}
	v.Told, v.Notify = g.tells(item)
	return v
}

// largest names the largest change of an item.
func (g grouping) largest(ctx context.Context, tx *store.Tx, item coreevent.Item, out *api.CheckedEvent) error {
	best, most := Point{}, math.Inf(-1)
	for _, m := range item.Members {
		if p := g.points[m]; p.Score > most || p.Score == most && p.SeriesID < best.SeriesID {
			best, most = p, p.Score
		}
	}
	if math.IsInf(most, -1) {
		return nil
	}
	of, err := series.ByID(ctx, tx, []int64{best.SeriesID})
	if err != nil {
		return err
	}
	benchmarks, err := series.BenchmarksByID(ctx, tx, []string{of[best.SeriesID].BenchmarkID})
	if err != nil {
		return err
	}
	out.Benchmark, out.Measure = benchmarks[of[best.SeriesID].BenchmarkID].Name, g.rules.measure(best.SeriesID).Name
	out.Effect = corepolicy.Found{Scale: best.Scale, Before: best.Before, After: best.After, Effect: best.Effect}.Share()
	return nil
}

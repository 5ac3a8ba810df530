package explore

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/revision"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/store"
)

// CompareQuery asks for a comparison.
type CompareQuery struct {
	Base, Head string   // as package revision reads them; an empty base is what the head came from
	Testbed    string   // UUID, slug or name; empty: the testbed of the head's newest report
	Measures   []string // UUIDs, slugs or names; none: all
	Effect     float64  // the largest change that still counts as the same, as a part; 0: the default
	Samples    bool     // with values of each row, to draw
}

// comparing is a query that was read.
type comparing struct {
	CompareQuery
	base, head revision.Revision // the base has no kind if it is not named
	policy     judge.Policy
}

// The policy that is used unless a query says otherwise, as package judge has it.
const (
	defaultEffect  = 0.02
	defaultMinimum = 0.01
	defaultAlpha   = 0.05
)

func (q CompareQuery) read() (c comparing, err error) {
	c.CompareQuery = q
	c.policy = judge.Policy{Effect: cmp.Or(q.Effect, defaultEffect), Minimum: defaultMinimum, Alpha: defaultAlpha}
	switch {
	case q.Head == "":
		return c, fault.Invalidf("compare: the parameter \"head\" is missing; give a branch, a commit or a report")
	case !(q.Effect >= 0) || q.Effect >= 1:
		return c, fault.Invalidf("compare: effect is %v; it must be a part from 0 to below 1 (0.02 means 2 %%)", q.Effect)
	case len(q.Measures) > limits.CompareMeasures:
		return c, fault.Invalidf("compare: %d measures, the limit is %d", len(q.Measures), limits.CompareMeasures)
	}
	if c.head, err = revision.Parse(q.Head); err != nil {
		return c, fault.Invalidf("compare: head: %s", fault.Message(err))
	}
	if q.Base != "" {
		if c.base, err = revision.Parse(q.Base); err != nil {
			return c, fault.Invalidf("compare: base: %s", fault.Message(err))
		}
	}
	return c, nil
}

// Compare says what is known of the difference between two sides, and how small a one could have been seen. Only like is compared with
// like: one testbed, one spec, and without a spec one kind of host, as far as hosts say what they are. What is left out is counted.
//
// A base that is a branch, or none, is a history: each line of the head is held against the base's reports since the line's last change
// (judge.AgainstHistories). Without a base it is that of the branch that the head's branch came from, up to where it left, or the head's
// own branch before the head. Two versions or reports are compared by their reports (judge.Compare), or by the iterations of each where one
// of them has a single report.
//
// What nobody knows is a Missing fault, what is ambiguous or over a limit an Invalid one. A side without results is an answer: it says that
// nothing was judged, and why.
func (s *Service) Compare(ctx context.Context, actor access.Actor, ref string, q CompareQuery) (out api.Comparison, err error) {
	var c comparing
	n := 0
	if err := s.door.View(ctx, actor, ref, func(tx *store.Tx, project project.Project) (err error) {
		if c, err = q.read(); err != nil {
			return err
		}
		found, err := c.find(ctx, tx, project)
		if err == nil {
			n, err = report.CountMetrics(ctx, tx, append(found.base.seqs(), found.head.seqs()...)...)
		}
		return err
	}); err != nil {
		return out, err
	}
	pass, err := s.gate.Enter(ctx, compareCost(n))
	if err != nil {
		return out, err
	}
	defer pass.Leave()
	var found *sides
	var m *measured
	if err := s.door.View(ctx, actor, ref, func(tx *store.Tx, project project.Project) (err error) {
		if found, err = c.find(ctx, tx, project); err != nil {
			return err
		}
		if err = found.tellCommits(ctx, tx); err != nil {
			return err
		}
		m, err = c.measure(ctx, tx, project, found)
		return err
	}); err != nil {
		return out, err
	}
	return c.answer(found, m) // without the database, which others wait for
}

// compareCost is what a comparison of n metrics may hold in memory, in bytes.
func compareCost(n int) int64 {
	if n <= limits.CheapReadMetrics {
		return 0
	}
	return int64(min(n, limits.CompareValues))*limits.CompareValueCost + int64(min(n, limits.CompareRows))*limits.AnswerMetricCost
}

// at is a version as people read it: "42 (0123456789ab)".
func at(number int64, hash *string) string {
	if hash == nil {
		return fmt.Sprint(number)
	}
	return fmt.Sprintf("%d (%s)", number, (*hash)[:min(12, len(*hash))])
}

// plenty is "1 report", "2 reports".
func plenty(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// few joins names, the first few of many.
func few(names []string) string {
	const most = 3
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

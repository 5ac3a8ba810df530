package policy

import (
	"context"

	corepolicy "github.com/tachograph/tacho/internal/core/policy"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// Severities says how severe what happens to a line is.
type Severities struct {
	policy          corepolicy.Policy
	branch, testbed corepolicy.Named
}

// SeveritiesAt are those of the lines of a head on a testbed.
func SeveritiesAt(ctx context.Context, tx *store.Tx, projectID, headID string, t series.Testbed) (s Severities, err error) {
	s.testbed = corepolicy.Named{Name: t.Name, Slug: t.Slug}
	if s.policy, err = Of(ctx, tx, projectID); err != nil || len(s.policy.Rules) == 0 {
		return s, err
	}
	head, err := series.HeadByID(ctx, tx, headID)
	if err != nil {
		return s, err
	}
	branches, err := series.BranchesByID(ctx, tx, []string{head.BranchID})
	b := branches[head.BranchID]
	s.branch = corepolicy.Named{Name: b.Name, Slug: b.Slug}
	return s, err
}

// Of is the severity of a benchmark and a measure.
func (s Severities) Of(b series.Benchmark, m series.Measure) corepolicy.Severity {
	return s.policy.Resolve(corepolicy.Line{Branch: s.branch, Testbed: s.testbed, Benchmark: corepolicy.Named{Name: b.Name, Slug: b.Slug},
		Measure: corepolicy.Named{Name: m.Name, Slug: m.Slug}, Units: m.Units, Exact: m.Exact}).Severity
}

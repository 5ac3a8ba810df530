package job_test

import (
	"context"
	"testing"

	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

// claim takes a job in a transaction, as the queue does.
func claim(ctx context.Context, y *yard, runnerID string, limits job.TierLimits, taken *string) error {
	return y.store.Tx(ctx, func(tx *store.Tx) error {
		j, ok, err := job.Take(ctx, tx, runnerID, nil, limits)
		if *taken = j.ID; err != nil || !ok {
			return err
		}
		now := tx.Now()
		j.State, j.RunnerID, j.Claimed, j.LeaseExpires = "claimed", &runnerID, &now, &now
		return job.Save(ctx, tx, j)
	})
}

func TestTwoClaimsAtOnceTakeTwoJobs(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		y := fillYard(t, func(testing.TB) (*store.Store, *storetest.Clock) { return race.Fresh() })
		spec := y.spec("metal")
		a, b := y.runner("a", spec), y.runner("b", spec)
		y.jobs(2, spec, nil)
		var taken [2]string
		of1, of2 := race.Run(1, func(ctx context.Context) error { return claim(ctx, y, a.ID, job.TierLimits{}, &taken[0]) },
			func(ctx context.Context) error { return claim(ctx, y, b.ID, job.TierLimits{}, &taken[1]) })
		if of1 != nil || of2 != nil || taken[0] == "" || taken[1] == "" || taken[0] == taken[1] {
			t.Errorf("taken %q (%v, %v), want two jobs", taken, of1, of2)
		}
	})
}

func TestTwoClaimsAtOncePassNoTiersLimit(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		y := fillYard(t, func(testing.TB) (*store.Store, *storetest.Clock) { return race.Fresh() })
		spec := y.spec("metal")
		a, b := y.runner("a", spec), y.runner("b", spec)
		for _, tier := range []struct {
			name     string
			priority int
			limits   job.TierLimits
		}{
			{"address", 0, job.TierLimits{FreeFrom: 100, TeamFrom: 200, EnterpriseFrom: 300, PerIP: 1}},
			{"free", 100, job.TierLimits{FreeFrom: 100, TeamFrom: 200, EnterpriseFrom: 300, PerFree: 1}},
			{"team", 200, job.TierLimits{FreeFrom: 100, TeamFrom: 200, EnterpriseFrom: 300, PerTeam: 1}},
		} {
			y.tx(func(ctx context.Context, tx *store.Tx) error {
				_, err := tx.Exec(ctx, `update job set state = 'canceled'`)
				return err
			})
			address := ident.NewUUID()
			y.jobs(2, spec, func(_ int, j *job.Job) { j.Priority, j.SourceIP = tier.priority, address })
			var taken [2]string
			of1, of2 := race.Run(1, func(ctx context.Context) error { return claim(ctx, y, a.ID, tier.limits, &taken[0]) },
				func(ctx context.Context) error { return claim(ctx, y, b.ID, tier.limits, &taken[1]) })
			if of1 != nil || taken[0] == "" || taken[1] != "" || of2 != nil && !job.TookSlot(of2) {
				t.Errorf("%s: taken %q (%v, %v), want one job: the tier has one slot", tier.name, taken, of1, of2)
			}
		}
	})
}

package job

import (
	"context"
	"strings"

	"github.com/tachograph/tacho/api"
	corejob "github.com/tachograph/tacho/internal/core/job"
	"github.com/tachograph/tacho/internal/server/store"
)

// Several servers on one database tell each other which jobs have changed, so that a runner that waits at one of them gets what came in at
// another, and who follows a job sees what its runner says elsewhere. Nothing depends on it: a look every limits.BlockedJobRecheck finds
// what was not heard of, a heartbeat hears of a cancel, and a follower looks again with each sign of life.

// changedJobs is the channel; what is told is a job's id and the state that it has.
const changedJobs = "job"

// tell tells other servers, once the transaction has committed, that a job has changed.
func tell(ctx context.Context, tx *store.Tx, row Job) error {
	return tx.Notify(ctx, changedJobs, row.ID+" "+row.State)
}

// heard is called with what another server has told, and with nothing when something may have been missed.
func (s *Service) heard(told string) {
	id, state, _ := strings.Cut(told, " ")
	if id == "" {
		s.streams.publishAll()
	} else {
		s.streams.publish(id)
	}
	if corejob.InFlight(api.JobStatus(state)) {
		return
	}
	select { // a job waits, or a slot of a tier is free; Run looks
	case s.elsewhere <- struct{}{}:
	default:
	}
}

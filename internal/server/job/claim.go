package job

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	corejob "github.com/tachograph/tacho/internal/core/job"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/store"
)

// Claim waits up to wait for a job that the runner may take, and takes it. It returns nil when the time is over or ctx ends. One look at
// the database when it begins and one after each wake-up is all that an idle runner costs.
//
// A runner that was started for a slot hears ErrDone as soon as nothing is left there for it: it may go, and its machine with it.
//
// Who asks for work holds none: a job that this runner claimed and of which it never said a word was lost on the way to it, and goes back.
func (s *Service) Claim(ctx context.Context, runnerID string, meta *api.RunnerMeta, wait time.Duration) (*api.ClaimedJob, error) {
	claimed, err := s.claim(ctx, runnerID, meta, wait)
	if claimed == nil && ctx.Err() != nil {
		return nil, nil // the caller has gone and cannot hear of an error
	}
	return claimed, err
}

func (s *Service) claim(ctx context.Context, runnerID string, meta *api.RunnerMeta, wait time.Duration) (claimed *api.ClaimedJob,
	err error) {
	news, err := s.hear(ctx, runnerID, meta, false)
	if err != nil {
		return nil, err
	}
	if err := s.loseSilent(ctx, runnerID); err != nil {
		return nil, err
	}
	has, err := s.offered(ctx, runnerID)
	if err != nil {
		return nil, err
	}
	if s.otherwise(runnerID, has.word) { // it said something else at another server meanwhile
		if _, err := s.hear(ctx, runnerID, meta, false); err != nil {
			return nil, err
		}
		if has, err = s.offered(ctx, runnerID); err != nil {
			return nil, err
		}
	}
	if news && len(has.why) > 0 {
		s.Log.WarnContext(ctx, "runner does not fit all of its specs", "runner", runnerID, "why", has.why)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	w, ok := s.waiting.join(runnerID, has.stands)
	if !ok {
		return nil, errShutdown
	}
	var owed Stand // of a wake-up that has not led to a look yet
	defer func() {
		if claimed != nil && claimed.Spec.UUID == owed.SpecID { // its slot is the same for all that it may take
			owed = Stand{}
		}
		s.waiting.leave(w, owed)
	}()
	for {
		if claimed, err = s.take(ctx, runnerID, has.unfit); claimed != nil || err != nil {
			return claimed, err
		}
		if done, err := s.done(ctx, runnerID, has); done || err != nil {
			return nil, cmp.Or(err, ErrDone)
		}
		owed = Stand{}
		select {
		case owed = <-w.wake:
			if has, err = s.offered(ctx, runnerID); err != nil {
				return nil, err
			}
			if !s.waiting.offer(w, has.stands) {
				return nil, errShutdown
			}
			if owed != (Stand{}) && !slices.Contains(has.stands, owed) { // it lost the spec, or was drained, on the way
				s.waiting.wake(owed)
			}
		case <-timer.C:
			return nil, nil
		case <-ctx.Done():
			return nil, nil
		}
	}
}

var errShutdown = fault.New(fault.Unavailable, "the server is shutting down")

// word is what a runner said of itself last.
type word struct {
	meta     string
	draining bool
}

// hear stores a runner's word of itself if it is a new one; otherwise only that it was heard of, with the next flush.
func (s *Service) hear(ctx context.Context, runnerID string, meta *api.RunnerMeta, draining bool) (news bool, err error) {
	s.mu.Lock()
	said, known := s.said[runnerID]
	s.mu.Unlock()
	now := word{said.meta, draining}
	if meta != nil {
		raw, err := json.Marshal(meta)
		if err != nil {
			return false, err
		}
		if len(raw) > limits.RunnerMetaBytes {
			return false, fault.TooLargef("runner: %d bytes about itself, the limit is %d", len(raw), limits.RunnerMetaBytes)
		}
		now.meta = string(raw)
	}
	if news = !known || said != now; news {
		err := s.Store.Tx(ctx, func(tx *store.Tx) error { return fleet.SetRunnerMeta(ctx, tx, runnerID, orNil(now.meta), draining) })
		if err != nil {
			return false, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said[runnerID], s.seen[runnerID] = now, s.Now()
	return news, nil
}

// otherwise reports whether what is stored of a runner is not what it said here, and forgets that then.
func (s *Service) otherwise(runnerID string, stored word) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	said, known := s.said[runnerID]
	if !known || said.draining == stored.draining && (said.meta == "" || said.meta == stored.meta) {
		return false
	}
	delete(s.said, runnerID)
	return true
}

// loseSilent puts the jobs back that a runner claimed and never said a word of.
func (s *Service) loseSilent(ctx context.Context, runnerID string) error {
	var mine []Job
	if err := s.Store.View(ctx, func(tx *store.Tx) error {
		var err error
		mine, err = InFlightOf(ctx, tx, runnerID)
		return err
	}); err != nil {
		return err
	}
	for _, row := range mine {
		if row.State != string(api.JobClaimed) || row.LastSeq > 0 || s.beaten(row.ID) {
			continue
		}
		if err := s.GiveBack(ctx, runnerID, row.ID, row.Epoch); err != nil {
			return err
		}
	}
	return nil
}

// GiveBack returns a claimed job that could not be handed over. One that began, or is another's by now, stays as it is.
func (s *Service) GiveBack(ctx context.Context, runnerID, jobID string, epoch int64) error {
	ctx = context.WithoutCancel(ctx) // it is the connection that broke
	var row Job
	back := false
	err := s.Store.Tx(ctx, func(tx *store.Tx) error {
		var err error
		back = false
		if row, err = Hold(ctx, tx, jobID); err != nil {
			return err
		}
		back = row.State == string(api.JobClaimed) && row.Epoch == epoch && text(row.RunnerID) == runnerID
		if !back {
			return nil
		}
		return s.apply(ctx, tx, &row, corejob.Event{Kind: corejob.Lose, Error: "it did not reach the runner"})
	})
	if err == nil && back {
		s.settled(ctx, row)
	}
	return err
}

// beaten reports whether a job was heard of since the last flush.
func (s *Service) beaten(jobID string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.beats[jobID]
}

// offer is what a runner may be given: where it waits by the specs that it has and fits, those that it has and cannot run, and why. A
// drained one has none.
type offer struct {
	stands     []Stand
	unfit, why []string
	slot       string // the one that it was started for; "": none
	drained    bool

	word word // what is stored of the runner's word of itself
}

func (s *Service) offered(ctx context.Context, runnerID string) (offer, error) {
	var out offer
	err := s.Store.View(ctx, func(tx *store.Tx) error {
		out = offer{}
		r, err := fleet.RunnerByRef(ctx, tx, runnerID)
		if err != nil {
			return err
		}
		if r.Archived != nil {
			return fault.Unauthorizedf("runner %q is archived", r.Name)
		}
		out.word, out.slot, out.drained = word{text(r.Meta), r.Draining}, text(r.SlotID), r.Drained != nil
		if out.drained {
			return nil
		}
		var meta api.RunnerMeta
		if r.Meta != nil {
			if err := json.Unmarshal([]byte(*r.Meta), &meta); err != nil {
				return fmt.Errorf("read what runner %s said of itself: %w", r.ID, err)
			}
		}
		specs, err := fleet.SpecsOfRunners(ctx, tx, []string{runnerID})
		for _, spec := range specs[runnerID] {
			if why := spec.Misfits(meta); len(why) > 0 {
				out.unfit = append(out.unfit, spec.ID)
				out.why = append(out.why, spec.Slug+": "+strings.Join(why, "; "))
				continue
			}
			out.stands = append(out.stands, Stand{SpecID: spec.ID, SlotID: text(r.SlotID)})
		}
		return err
	})
	return out, err
}

// ErrDone is what a runner of a slot is told that will get no job any more.
var ErrDone error = fault.New(fault.Conflict, "nothing is left to do in the slot that this runner was started for")

// done reports whether a runner that found no job was started for a slot in which nothing is left for it: all jobs have ended, or it could
// not run those that wait. What another machine of the slot holds may come back.
func (s *Service) done(ctx context.Context, runnerID string, has offer) (bool, error) {
	if has.slot == "" || has.drained {
		return has.slot != "", nil
	}
	left := false
	err := s.Store.View(ctx, func(tx *store.Tx) (err error) {
		left, err = LeftInSlot(ctx, tx, has.slot, runnerID)
		return err
	})
	return err == nil && !left, err
}

// take claims the first job that there is for the runner, in one transaction; nil when there is none.
func (s *Service) take(ctx context.Context, runnerID string, unfit []string) (*api.ClaimedJob, error) {
	for {
		var first Job
		var found bool
		err := s.Store.View(ctx, func(tx *store.Tx) (err error) { // a look without the writer: most have no job
			first, found, err = Next(ctx, tx, runnerID, unfit, s.tierLimits())
			return err
		})
		if err != nil || !found {
			return nil, err
		}
		row, spec, err := s.takeNow(ctx, runnerID, unfit)
		switch {
		case TookSlot(err): // whoever did brought the queue forward
			continue
		case err != nil:
			s.waiting.wake(StandOf(first)) // who looked meanwhile may have left it to this runner
			return nil, err
		case row == nil:
			return nil, nil
		}
		s.settled(ctx, *row)
		return s.claimed(ctx, *row, spec)
	}
}

// takeNow claims a job in a transaction; nil when there is none.
func (s *Service) takeNow(ctx context.Context, runnerID string, unfit []string) (taken *Job, spec fleet.Spec, err error) {
	err = s.Store.Tx(ctx, func(tx *store.Tx) error {
		taken = nil
		row, found, err := Take(ctx, tx, runnerID, unfit, s.tierLimits())
		if err != nil || !found {
			return err
		}
		row.RunnerID = &runnerID
		if err := s.apply(ctx, tx, &row, corejob.Event{Kind: corejob.Claim}); err != nil {
			return err
		}
		taken = &row
		spec, err = fleet.SpecByRef(ctx, tx, row.SpecID)
		return err
	})
	return taken, spec, err
}

// claimed is the answer to the runner. If it cannot be made the job goes back at once.
func (s *Service) claimed(ctx context.Context, row Job, spec fleet.Spec) (*api.ClaimedJob, error) {
	config, err := row.Configuration()
	if err == nil && config.Internal {
		var token string
		var life time.Duration
		if token, life, err = s.Tokens.MintPull(ctx, row.ProjectID, row.ID, row.Epoch); err == nil {
			return claimedJob(row, spec, config, token, life), nil
		}
	}
	if err != nil {
		s.note(context.WithoutCancel(ctx), "give a claimed job back", s.GiveBack(ctx, text(row.RunnerID), row.ID, row.Epoch))
		return nil, err
	}
	return claimedJob(row, spec, config, "", 0), nil
}

func claimedJob(row Job, spec fleet.Spec, config api.JobConfig, token string, life time.Duration) *api.ClaimedJob {
	return &api.ClaimedJob{
		UUID: row.ID, Epoch: row.Epoch, Attempt: row.Attempt, Spec: spec.Wire(), Config: config, OCIToken: token,
		TokenTTL: int64(life / time.Second),
		Lease:    int64(limits.LeaseTimeout / time.Second), Timeout: row.TimeoutSeconds, Created: row.Created,
	}
}

// Refresh makes a new pull token for the runner that holds the job.
func (s *Service) Refresh(ctx context.Context, runnerID, jobID string, epoch int64) (api.PullToken, error) {
	row, err := s.held(ctx, runnerID, jobID, epoch)
	if err != nil {
		return api.PullToken{}, err
	}
	token, life, err := s.Tokens.MintPull(ctx, row.ProjectID, row.ID, row.Epoch)
	return api.PullToken{Token: token, TTL: int64(life / time.Second)}, err
}

// held loads a job that the runner holds in that epoch; epoch 0 is the current one.
func (s *Service) held(ctx context.Context, runnerID, jobID string, epoch int64) (Job, error) {
	var row Job
	err := s.Store.View(ctx, func(tx *store.Tx) error {
		var err error
		row, err = ByID(ctx, tx, jobID)
		return err
	})
	if err != nil {
		return row, err
	}
	if !holds(row, runnerID, epoch) {
		return row, notHeld(jobID, epoch)
	}
	return row, nil
}

func holds(row Job, runnerID string, epoch int64) bool {
	mine := row.RunnerID != nil && *row.RunnerID == runnerID && (epoch == 0 || epoch == row.Epoch)
	return mine && (corejob.InFlight(api.JobStatus(row.State)) || jobOf(row).Lost())
}

func notHeld(jobID string, epoch int64) error {
	return fault.Conflictf("job %s: it is not, or no longer, this runner's in epoch %d", jobID, epoch)
}

// change lets an event happen to a job in a transaction of its own.
func (s *Service) change(ctx context.Context, jobID string, e corejob.Event) error {
	var row Job
	err := s.Store.Tx(ctx, func(tx *store.Tx) error {
		var err error
		if row, err = Hold(ctx, tx, jobID); err != nil {
			return err
		}
		return s.apply(ctx, tx, &row, e)
	})
	if err == nil {
		s.settled(ctx, row)
	}
	return err
}

// Cancel ends a job that waits, and asks the runner of one that runs. For one that has delivered, and whose report waits for others, it is
// one of these: there will be no results then.
func (s *Service) Cancel(ctx context.Context, jobID string) error {
	var row Job
	err := s.Store.Tx(ctx, func(tx *store.Tx) (err error) {
		if row, err = Hold(ctx, tx, jobID); err != nil {
			return err
		}
		if row, err = s.toCancel(ctx, tx, row); err != nil {
			return err
		}
		return s.apply(ctx, tx, &row, corejob.Event{Kind: corejob.Cancel, Error: "canceled on request"})
	})
	if err == nil {
		s.settled(ctx, row)
	}
	return err
}

// CancelAsked reports whether the runner still holds the job in that epoch, and whether somebody asked to cancel it.
func (s *Service) CancelAsked(ctx context.Context, runnerID, jobID string, epoch int64) (held, asked bool, err error) {
	row, err := s.held(ctx, runnerID, jobID, epoch)
	if fault.Is(err, fault.Missing) || fault.Is(err, fault.Conflict) {
		return false, false, nil
	}
	return err == nil, err == nil && row.CancelAsked != nil, err
}

// Retry puts a job that failed or was canceled back into the queue.
func (s *Service) Retry(ctx context.Context, jobID string) error {
	return s.change(ctx, jobID, corejob.Event{Kind: corejob.Retry})
}

// Kick makes a waiting runner look again, because its specs changed, or it was repaired or archived.
func (s *Service) Kick(runnerID string) { s.waiting.kick(runnerID) }

// Waiting reports whether a runner waits for work at this moment.
func (s *Service) Waiting(runnerID string) bool { return s.waiting.has(runnerID) }

// WaitingRunners is how many runners wait.
func (s *Service) WaitingRunners() int { return s.waiting.len() }

// Subscribe returns a channel that gets a token whenever the job changed, and is closed at shutdown.
func (s *Service) Subscribe(jobID string) (changed <-chan struct{}, unsubscribe func()) {
	return s.streams.subscribe(jobID)
}

package job

import (
	"context"
	"io"
	"time"

	"github.com/tachograph/tacho/api"
	corejob "github.com/tachograph/tacho/internal/core/job"
	"github.com/tachograph/tacho/internal/server/store"
)

// What stands here is for a guest of a sweep: a runner of another kind, which speaks a protocol of its own and is heard of more seldom. The
// room of sweeps knows which runner it is; it claims and reports in a transaction of its own, so that each call of a guest is one.

// Done is what is to be done after the commit of a transaction in which a job changed. The zero value does nothing.
type Done struct{ after []func() }

// Do does it.
func (d Done) Do() {
	for _, f := range d.after {
		f()
	}
}

// Taken is the job that a guest's runner has after a claim.
type Taken struct {
	Job
	Again bool // it had it before: the answer to its claim was lost, or it began anew
}

// TakeFor claims the next job of a runner of a slot, or returns the one that it holds, with at least lease to live; nil: there is none. Two
// claims of one runner get the same job.
func (s *Service) TakeFor(ctx context.Context, tx *store.Tx, runnerID string, lease time.Duration, then *Done) (*Taken, error) {
	held, err := InFlightOf(ctx, tx, runnerID)
	if err != nil {
		return nil, err
	}
	if len(held) > 0 {
		return &Taken{Job: held[0], Again: true}, LeaseAtLeast(ctx, tx, held[0].ID, tx.Now().Add(lease))
	}
	row, found, err := Take(ctx, tx, runnerID, nil, s.tierLimits())
	if err != nil || !found {
		return nil, err
	}
	row.RunnerID = &runnerID
	if err := s.apply(ctx, tx, &row, corejob.Event{Kind: corejob.Claim}); err != nil {
		return nil, err
	}
	then.after = append(then.after, func() { s.settled(ctx, row) })
	return &Taken{Job: row}, LeaseAtLeast(ctx, tx, row.ID, tx.Now().Add(lease))
}

// HandleFor is Handle in the caller's transaction, for a message without results in it. A job that the runner still has lives for at least
// lease.
func (s *Service) HandleFor(ctx context.Context, tx *store.Tx, runnerID string, msg api.Message, lease time.Duration, then *Done) (
	api.Message, error) {
	h, err := s.handle(ctx, tx, runnerID, msg)
	if err != nil {
		return api.Message{}, err
	}
	then.after = append(then.after, func() { s.handled(ctx, runnerID, h) })
	if !h.decision.Renew {
		return h.decision.Reply, nil
	}
	return h.decision.Reply, LeaseAtLeast(ctx, tx, msg.Job, tx.Now().Add(lease))
}

// LeaseAtLeast lets a job in flight live until a time, or longer if it does already.
func LeaseAtLeast(ctx context.Context, tx *store.Tx, jobID string, until time.Time) error {
	return RenewLeases(ctx, tx, []string{jobID}, until)
}

// Keep stores a body, which is nobody's until a row names it: PutJobOutput in the transaction that follows. Over maxBytes it is TooLarge.
func (s *Service) Keep(ctx context.Context, body io.Reader, maxBytes int64) (Output, error) {
	digest, size, err := s.Blobs.Put(ctx, body, maxBytes)
	return Output{Digest: string(digest), SizeBytes: size}, err
}

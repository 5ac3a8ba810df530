package job_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/testdb"
)

// halls are servers on one PostgreSQL database and one folder, whose queues run. Runners and specs of one are those of all.
func halls(t *testing.T, n int) []*fixture {
	t.Helper()
	cfg := testdb.PostgresConfig(t)
	all := []*fixture{newFixture(t, func(h *fixture) { h.url = cfg.URL })}
	for len(all) < n {
		h := *all[0]
		h.open()
		t.Cleanup(func() { _ = h.store.Close() })
		all = append(all, &h)
	}
	for _, h := range all {
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- h.queue.Run(ctx) }()
		t.Cleanup(func() {
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
	return all
}

// waiting lets a runner wait for a job at a fixture, and returns what it gets.
func (h *fixture) waiting(runner string) <-chan *api.ClaimedJob {
	h.t.Helper()
	got := make(chan *api.ClaimedJob, 1)
	before := h.queue.WaitingRunners()
	go func() {
		job, err := h.queue.Claim(context.WithoutCancel(h.t.Context()), runner, nil, time.Hour)
		if err != nil {
			h.t.Error(err)
		}
		got <- job
	}()
	for h.queue.WaitingRunners() == before && len(got) == 0 {
		runtime.Gosched()
	}
	return got
}

func within(t *testing.T, what string, got <-chan *api.ClaimedJob) *api.ClaimedJob {
	t.Helper()
	select {
	case job := <-got:
		return job
	case <-time.After(10 * time.Second): // a look for what was not heard of comes after limits.BlockedJobRecheck only
		t.Fatalf("%s: nobody was told", what)
		return nil
	}
}

// TestJobsThatComeInTogetherWakeARunnerEach, also where their runners wait at another server.
func TestJobsThatComeInTogetherWakeARunnerEach(t *testing.T) {
	t.Parallel()
	all := halls(t, 2)
	a, b := all[0], all[1]
	var waits []<-chan *api.ClaimedJob
	for _, name := range []string{"one", "two", "three"} {
		waits = append(waits, b.waiting(a.runner(name)))
	}
	a.submitAll(order{job: api.NewJob{Jobs: new(3)}})
	for _, got := range waits {
		if job := within(t, "one of three jobs that came in together", got); job == nil {
			t.Error("a runner was woken and got nothing")
		}
	}
}

// TestServersTellEachOther: a job that comes in at one is claimed at the second and followed at the third.
func TestServersTellEachOther(t *testing.T) {
	t.Parallel()
	all := halls(t, 3)
	a, b, c := all[0], all[1], all[2]
	box := a.runner("box")
	got := b.waiting(box)
	id := a.submit(order{})
	job := within(t, "a job that came in elsewhere", got)
	if job == nil || job.UUID != id {
		t.Fatalf("claimed %+v, want %s", job, id)
	}

	changed, leave := c.queue.Subscribe(id)
	defer leave()
	told := func(what string) {
		t.Helper()
		select {
		case <-changed:
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: its follower at another server was not told", what)
		}
	}
	for len(changed) > 0 { // what it was told of the claim
		<-changed
	}
	b.says(box, job, api.MsgAck, api.Message{Event: api.MsgRunning, Seq: 1})
	told("it runs")
	b.says(box, job, api.MsgAck, api.Message{Event: api.MsgLog, Seq: 2, Text: "hello"})
	told("it prints")

	asked, gone := b.queue.Subscribe(id)
	defer gone()
	for len(asked) > 0 {
		<-asked
	}
	c.cancel(id)
	select {
	case <-asked:
	case <-time.After(10 * time.Second):
		t.Fatal("who watches the job for its runner was not told of the cancel")
	}
	if _, ask, err := b.queue.CancelAsked(t.Context(), box, id, job.Epoch); err != nil || !ask {
		t.Errorf("asked: %v, %v", ask, err)
	}
}

// TestASlotThatGetsFreeElsewhereIsFound by a runner that waits for a job of the same tier.
func TestASlotThatGetsFreeElsewhereIsFound(t *testing.T) {
	t.Parallel()
	all := halls(t, 2)
	a, b := all[0], all[1]
	one, other := a.runner("one"), a.runner("other")
	first, second := a.submit(order{plan: "free"}), a.submit(order{plan: "free"})
	job := a.mustClaim(one, first)
	got := b.waiting(other)
	a.says(one, job, api.MsgAck, api.Message{Event: api.MsgFailed, Reason: api.ReasonBenchmarkExit})
	if next := within(t, "a slot that got free elsewhere", got); next == nil || next.UUID != second {
		t.Errorf("claimed %+v, want %s", next, second)
	}
}

// TestARunnerThatWaitsElsewhereIsHeardOf although it says nothing while it waits.
func TestARunnerThatWaitsElsewhereIsHeardOf(t *testing.T) {
	t.Parallel()
	all := halls(t, 2)
	a, b := all[0], all[1]
	box := a.runner("box")
	got := b.waiting(box)
	a.clock.advance(limits.LeaseTimeout)
	if err := b.queue.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.tx(func(ctx context.Context, tx *store.Tx) error {
		r, err := fleet.RunnerByRef(ctx, tx, box)
		if r.LastHeartbeat == nil || !r.LastHeartbeat.Equal(a.clock.now().Truncate(time.Microsecond)) {
			t.Errorf("it was last heard of at %v, want now", r.LastHeartbeat)
		}
		return err
	})
	a.submit(order{})
	within(t, "the end of its wait", got)
}

// TestARunnerThatSpokeElsewhereIsKnownByItsLastWord: what one server remembers of it may be old.
func TestARunnerThatSpokeElsewhereIsKnownByItsLastWord(t *testing.T) {
	t.Parallel()
	all := halls(t, 2)
	a, b := all[0], all[1]
	box := a.runner("box")
	a.claim(box)
	if err := b.queue.Draining(t.Context(), box); err != nil {
		t.Fatal(err)
	}
	a.claim(box) // it came back, and says the same as the last time here
	a.tx(func(ctx context.Context, tx *store.Tx) error {
		r, err := fleet.RunnerByRef(ctx, tx, box)
		if r.Draining {
			t.Error("it still counts as one that takes no jobs")
		}
		return err
	})
}

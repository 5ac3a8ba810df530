package job_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/store"
)

func TestJobsGoByPriorityThenByAge(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	var want []string
	ids := map[string]string{}
	for _, o := range []order{{plan: "unclaimed", ip: "192.0.2.9"}, {plan: "free"}, {plan: "team"}, {plan: "enterprise"}, {plan: "team"},
		{plan: "enterprise"}} {
		id := h.submit(o)
		ids[id] = o.plan
	}
	for i, plan := range []string{"enterprise", "enterprise", "team", "team", "free", "unclaimed"} {
		job := h.claim(r)
		if job == nil || ids[job.UUID] != plan {
			t.Fatalf("claim %d: %+v, want one of plan %s", i, job, plan)
		}
		want = append(want, job.UUID)
		h.says(r, job, api.MsgAck, api.Message{Event: api.MsgRunning, Seq: 1})
	}
	if want[0] > want[1] || want[2] > want[3] {
		t.Errorf("the younger went first: %v", want)
	}
	if h.claim(r) != nil {
		t.Error("a seventh job")
	}
}

func TestJobsOfOneMomentGoByTheirID(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	a, b := h.submit(order{}), h.submit(order{})
	h.tx(func(ctx context.Context, tx *store.Tx) error { // as if they had come in the same microsecond
		for _, id := range []string{b, a} {
			row, err := job.ByID(ctx, tx, id)
			if err != nil {
				return err
			}
			row.Queued = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			if err := job.Save(ctx, tx, row); err != nil {
				return err
			}
		}
		return nil
	})
	h.says(r, h.mustClaim(r, a), api.MsgAck, api.Message{Event: api.MsgRunning, Seq: 1})
	h.mustClaim(r, b)
}

// TestTiersBoundWhatIsInFlight has one job in flight and one that waits.
func TestTiersBoundWhatIsInFlight(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		first, second order
		blocked       bool
	}{
		"free: one of an organization":        {order{plan: "free"}, order{plan: "free"}, true},
		"free: from wherever it comes":        {order{plan: "free", ip: "192.0.2.1"}, order{plan: "free", ip: "192.0.2.2"}, true},
		"free: other organizations go":        {order{plan: "free", org: "a"}, order{plan: "free", org: "b"}, false},
		"unclaimed: one from an address":      {order{plan: "unclaimed", org: "a"}, order{plan: "unclaimed", org: "b"}, true},
		"unclaimed: other addresses go":       {order{plan: "unclaimed", ip: "192.0.2.1"}, order{plan: "unclaimed", ip: "192.0.2.2"}, false},
		"a tier does not block the others":    {order{plan: "unclaimed"}, order{plan: "free"}, false},
		"any job counts, whatever its tier":   {order{plan: "team"}, order{plan: "unclaimed"}, true},
		"team: as many as there are runners":  {order{plan: "team"}, order{plan: "team"}, false},
		"enterprise: as many as there are":    {order{plan: "enterprise"}, order{plan: "enterprise"}, false},
		"team goes while its address is busy": {order{plan: "unclaimed"}, order{plan: "team"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newFixture(t)
			a, b := h.runner("a"), h.runner("b")
			first := h.running(a, row.first)
			second := h.submit(row.second)
			if got := h.claim(b); (got == nil) != row.blocked {
				t.Fatalf("claimed %+v, blocked should be %t", got, row.blocked)
			}
			if !row.blocked {
				return
			}
			next := h.submit(order{plan: "enterprise"})
			h.says(b, h.mustClaim(b, next), api.MsgAck, api.Message{Event: api.MsgCompleted}) // it is skipped, not waited for
			h.says(a, first, api.MsgAck, api.Message{Event: api.MsgFailed, Reason: api.ReasonBenchmarkExit})
			h.mustClaim(b, second)
		})
	}
}

func TestClaimedJobSaysEverything(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	yes, timeout, iter := true, int64(90), 3
	id := h.submit(order{job: api.NewJob{
		Image: "app:v1", Entrypoint: []string{"/bench"}, Cmd: []string{"-n", "3"}, Env: map[string]string{"A": "b"}, Timeout: &timeout,
		Iter:      &iter,
		FilePaths: []string{"/out.json"}, AllowFailure: &yes, BuildTime: &yes, FileSize: &yes,
	}})
	got := h.mustClaim(r, id)
	row := h.row(id)
	want := &api.ClaimedJob{
		UUID: id, Epoch: 1, Attempt: 1, Spec: got.Spec, OCIToken: "pull " + row.ProjectID + " for " + id, TokenTTL: 600, Lease: 30, Timeout: 90,
		Created: row.Created,
		Config: api.JobConfig{
			Registry: "http://here", Repository: "acme-team-project/app:v1", Project: row.ProjectID, Digest: digest, Internal: true, Image: "app:v1",
			Entrypoint: []string{"/bench"}, Cmd: []string{"-n", "3"}, Env: map[string]string{"A": "b"}, Timeout: 90,
			FilePaths: []string{"/out.json"}, Iter: 3,
			AllowFailure: true, BuildTime: true, FileSize: true,
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	spec := got.Spec
	if spec.Slug != "metal" || spec.CPU != 2 || spec.Memory != 1<<30 || spec.Disk != 1<<30 || spec.Architecture != "x86_64" ||
		spec.Isolation != "container" || spec.Fallback == nil {
		t.Errorf("spec %+v", spec)
	}
}

func TestARunnerGetsOnlyWhatItHasAndFits(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	h.spec("arm", func(s *fleet.Spec) { s.Architecture = "aarch64" })
	h.spec("online", func(s *fleet.Spec) { s.Network = true })
	both, plain := h.runner("both", "metal", "arm", "online"), h.runner("plain")
	arm, online := h.submit(order{job: api.NewJob{Spec: "arm"}}), h.submit(order{job: api.NewJob{Spec: "online"}})
	if h.claim(plain) != nil {
		t.Error("a runner got a job of a spec that it does not have")
	}
	meta := &api.RunnerMeta{OS: "linux", Arch: "x86_64", Isolation: []string{"container"}}
	claim := func(meta *api.RunnerMeta) *api.ClaimedJob {
		job, err := h.queue.Claim(t.Context(), both, meta, 0)
		if err != nil {
			t.Fatal(err)
		}
		return job
	}
	if job := claim(meta); job != nil {
		t.Errorf("it got %s, which it cannot run", job.Spec.Slug)
	}
	if log := h.log.String(); !strings.Contains(log, "does not fit") || !strings.Contains(log, "aarch64") ||
		!strings.Contains(log, "network") {
		t.Errorf("nothing says so: %s", log)
	}
	claim(meta)
	if n := strings.Count(h.log.String(), "does not fit"); n != 1 {
		t.Errorf("it is said %d times", n)
	}
	meta.Network = true
	if job := claim(meta); job == nil || job.UUID != online {
		t.Errorf("with a network: %+v", job)
	}
	h.expect(arm, api.JobPending, "")
}

func TestArchivedAndUnknownRunnersGetNothing(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	h.submit(order{})
	h.tx(func(ctx context.Context, tx *store.Tx) error {
		row, err := fleet.RunnerByRef(ctx, tx, r)
		if err != nil {
			return err
		}
		now := tx.Now()
		row.Archived = &now
		return fleet.UpdateRunner(ctx, tx, row)
	})
	if job, err := h.queue.Claim(t.Context(), r, nil, 0); job != nil || !fault.Is(err, fault.Unauthorized) {
		t.Errorf("archived: %v, %v", job, err)
	}
	if job, err := h.queue.Claim(t.Context(), "nobody", nil, 0); job != nil || !fault.Is(err, fault.Missing) {
		t.Errorf("unknown: %v, %v", job, err)
	}
	if n := h.queue.WaitingRunners(); n != 0 {
		t.Errorf("%d wait", n)
	}
}

func TestARunnerThatSaysTheSameAgainWritesNothing(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	meta := func() (row fleet.Runner) {
		h.tx(func(ctx context.Context, tx *store.Tx) (err error) {
			row, err = fleet.RunnerByRef(ctx, tx, r)
			return err
		})
		return row
	}
	poll := func(m *api.RunnerMeta) {
		if _, err := h.queue.Claim(t.Context(), r, m, 0); err != nil {
			t.Fatal(err)
		}
	}
	poll(&api.RunnerMeta{Version: "1"})
	first := meta()
	h.clock.advance(time.Minute)
	poll(&api.RunnerMeta{Version: "1"})
	poll(nil)
	if diff := cmp.Diff(first, meta()); diff != "" {
		t.Errorf("(-first +now):\n%s", diff)
	}
	if err := h.queue.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := meta(); !got.LastHeartbeat.Equal(h.clock.now()) || *got.Meta != *first.Meta {
		t.Errorf("after a flush: %+v", got)
	}
	if err := h.queue.Draining(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if got := meta(); !got.Draining || *got.Meta != *first.Meta {
		t.Errorf("draining: %+v", got)
	}
	poll(&api.RunnerMeta{Version: "2"})
	if got := meta(); got.Draining || !strings.Contains(*got.Meta, `"2"`) {
		t.Errorf("back with a new version: %+v", got)
	}
}

// bubble runs f where time passes only when everybody waits.
func bubble(t *testing.T, f func(t *testing.T, h *fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, newFixture(t, func(h *fixture) { h.inner = true })) })
}

func TestClaimEndsWithItsWindowOrItsRunner(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, h *fixture) {
		r := h.runner("box")
		begun := time.Now()
		if job, err := h.queue.Claim(t.Context(), r, nil, 30*time.Second); job != nil || err != nil {
			t.Errorf("claim: %v, %v", job, err)
		}
		if took := time.Since(begun); took != 30*time.Second {
			t.Errorf("it waited %s, want 30 s", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if job, err := h.queue.Claim(ctx, r, nil, time.Hour); job != nil || err != nil {
			t.Errorf("claim of a runner that went away: %v, %v", job, err)
		}
		if n := h.queue.WaitingRunners(); n != 0 {
			t.Errorf("%d still wait", n)
		}
	})
}

// TestThousandIdleRunnersAskNothing and one job wakes one of them.
func TestThousandIdleRunnersAskNothing(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, h *fixture) {
		const idle = 1_000
		h.spec("other")
		wrong := h.runner("wrong", "other")
		right := h.runner("right")
		ctx, stop := context.WithCancel(t.Context())
		got := make(chan *api.ClaimedJob, idle+1)
		var done sync.WaitGroup
		wait := func(runner string) {
			done.Go(func() {
				job, err := h.queue.Claim(ctx, runner, nil, time.Hour)
				if err != nil {
					t.Error(err)
				}
				if job != nil {
					got <- job
				}
			})
		}
		for range idle {
			wait(right) // runners that have the same spec; that they are one row does not matter to the queue
		}
		wait(wrong)
		synctest.Wait()
		if n := h.queue.WaitingRunners(); n != idle+1 {
			t.Fatalf("%d wait, want %d", n, idle+1)
		}
		began := h.store.Transactions()
		time.Sleep(10 * time.Minute) // of the bubble
		synctest.Wait()
		if n := h.store.Transactions() - began; n != 0 {
			t.Errorf("%d transactions while all were idle", n)
		}
		id := h.submit(order{})
		synctest.Wait()
		if job := <-got; job.UUID != id {
			t.Errorf("claimed %s, want %s", job.UUID, id)
		}
		// The submission of the harness takes some; one waiter looks again: its specs, the queue, the claim and that nobody else waits.
		if n := h.queue.WaitingRunners(); n != idle || len(got) != 0 {
			t.Errorf("%d wait and %d more jobs were given", n, len(got))
		}
		began = h.store.Transactions()
		h.queue.Wake(job.StandOf(h.row(id))) // for a job that another one has taken
		synctest.Wait()
		if n := h.store.Transactions() - began - 1; n != 2 {
			t.Errorf("a vain wake-up took %d transactions, want 2 of one runner", n)
		}
		stop()
		done.Wait()
	})
}

func TestAFreedSlotWakesWhoWaits(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(h *fixture, r string, job *api.ClaimedJob){
		"completed": func(h *fixture, r string, job *api.ClaimedJob) {
			h.says(r, job, api.MsgAck, api.Message{Event: api.MsgCompleted})
		},
		"failed": func(h *fixture, r string, job *api.ClaimedJob) {
			h.says(r, job, api.MsgAck, api.Message{Event: api.MsgFailed})
		},
		"went back": func(h *fixture, r string, job *api.ClaimedJob) {
			h.says(r, job, api.MsgAck, api.Message{Event: api.MsgFailed, Reason: api.ReasonHostUnfit})
		},
		"its lease ran": func(h *fixture, _ string, _ *api.ClaimedJob) { h.silence() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, h *fixture) {
				h.spec("other")
				a, b := h.runner("a"), h.runner("b", "other")
				first := h.running(a, order{plan: "free"})
				blocked := h.submit(order{plan: "free", job: api.NewJob{Spec: "other"}})
				got := make(chan *api.ClaimedJob, 1)
				go func() {
					job, err := h.queue.Claim(t.Context(), b, nil, time.Hour)
					if err != nil {
						t.Error(err)
					}
					got <- job
				}()
				synctest.Wait()
				if len(got) != 0 {
					t.Fatal("the slot was not full")
				}
				end(h, a, first)
				synctest.Wait()
				select {
				case job := <-got:
					if job == nil || job.UUID != blocked {
						t.Errorf("claimed %+v, want %s", job, blocked)
					}
				default:
					t.Error("nobody was woken")
					h.queue.CloseWaiting()
				}
			})
		})
	}
}

func TestNewSpecsCountForARunnerThatWaits(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, h *fixture) {
		other := h.spec("other")
		r := h.runner("box")
		h.runner("elsewhere", "other")
		id := h.submit(order{job: api.NewJob{Spec: "other"}})
		got := make(chan *api.ClaimedJob, 1)
		go func() {
			job, err := h.queue.Claim(t.Context(), r, nil, time.Hour)
			if err != nil {
				t.Error(err)
			}
			got <- job
		}()
		synctest.Wait()
		h.tx(func(ctx context.Context, tx *store.Tx) error { return fleet.AddRunnerSpec(ctx, tx, r, other.ID) })
		h.queue.Kick(r)
		if job := <-got; job == nil || job.UUID != id {
			t.Errorf("claimed %+v, want %s", job, id)
		}
	})
}

func TestShutdownEndsClaimsAndFollowers(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, h *fixture) {
		r := h.runner("box")
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- h.queue.Run(ctx) }()
		claims := make(chan error, 1)
		go func() {
			_, err := h.queue.Claim(t.Context(), r, nil, time.Hour)
			claims <- err
		}()
		changed, unsubscribe := h.queue.Subscribe("any")
		defer unsubscribe()
		synctest.Wait()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := <-claims; !fault.Is(err, fault.Unavailable) {
			t.Errorf("a waiting claim: %v", err)
		}
		if _, open := <-changed; open {
			t.Error("a follower is left waiting")
		}
		if _, err := h.queue.Claim(t.Context(), r, nil, time.Hour); !fault.Is(err, fault.Unavailable) {
			t.Errorf("a claim after that: %v", err)
		}
	})
}

// TestEveryJobFindsARunnerWhoeverLeaves has runners that come and go at random moments while jobs of two specs come in: a wake-up that is
// lost on the way would leave a job beside an idle runner.
func TestEveryJobFindsARunnerWhoeverLeaves(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, h *fixture) {
		h.spec("other")
		const jobs, workers = 60, 12
		offers := [][]string{{"metal"}, {"other"}, {"metal", "other"}}
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 1))
		var mu sync.Mutex
		given := map[string]int{}
		var done sync.WaitGroup
		finished := make(chan struct{})
		serve := func(ctx context.Context, runner string) {
			job, err := h.queue.Claim(ctx, runner, nil, time.Hour)
			if err != nil {
				t.Error(err)
			}
			if job == nil {
				return
			}
			mu.Lock()
			given[job.UUID]++
			mu.Unlock()
			if _, err := h.queue.Handle(t.Context(), runner, api.Message{Event: api.MsgFailed, Job: job.UUID, Epoch: job.Epoch,
				Seq: 1 << 40}); err != nil {
				t.Error(err)
			}
		}
		stay, leave := context.WithCancel(t.Context())
		for w := range workers {
			runner := h.runner(fmt.Sprint("box ", w), offers[w%len(offers)]...)
			if w < len(offers) { // one of each stays to the end
				done.Go(func() {
					for stay.Err() == nil {
						serve(stay, runner)
					}
				})
				continue
			}
			patience := make([]time.Duration, 100)
			for i := range patience {
				patience[i] = time.Duration(1+random.IntN(4000)) * time.Microsecond
			}
			done.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-finished:
						return
					default:
					}
					ctx, cancel := context.WithTimeout(t.Context(), patience[i%len(patience)])
					serve(ctx, runner)
					cancel()
				}
			})
		}
		for i := range jobs {
			spec := []string{"metal", "other"}[i%2]
			plan := []string{"free", "team", "unclaimed"}[random.IntN(3)]
			h.submit(order{plan: plan, job: api.NewJob{Spec: spec}})
			time.Sleep(time.Duration(random.IntN(3)) * time.Millisecond)
		}
		close(finished)
		synctest.Wait()
		time.Sleep(time.Minute) // of the bubble: only those who stay are there, and nobody sweeps
		mu.Lock()
		for id, n := range given {
			if n != 1 {
				t.Errorf("job %s was given %d times", id, n)
			}
		}
		if len(given) != jobs {
			t.Errorf("%d of %d jobs found a runner", len(given), jobs)
		}
		mu.Unlock()
		leave()
		done.Wait()
	})
}

func TestAForgottenJobIsFoundInTheEnd(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, h *fixture) {
		r := h.runner("box")
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- h.queue.Run(ctx) }()
		got := make(chan *api.ClaimedJob, 1)
		go func() {
			job, err := h.queue.Claim(t.Context(), r, nil, time.Hour)
			if err != nil {
				t.Error(err)
			}
			got <- job
		}()
		synctest.Wait()
		id := h.submitSilently(order{})
		begun := time.Now()
		if job := <-got; job == nil || job.UUID != id {
			t.Errorf("claimed %+v", job)
		}
		if took := time.Since(begun); took > limits.BlockedJobRecheck {
			t.Errorf("after %s", took)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestQueuePosition(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	var ids []string
	for _, plan := range []string{"free", "team", "free", "enterprise"} {
		ids = append(ids, h.submit(order{plan: plan}))
	}
	position := func() (out []string) {
		for _, id := range ids {
			p := h.view(id).QueuePosition
			if p == nil {
				out = append(out, "-")
				continue
			}
			out = append(out, fmt.Sprint(*p))
		}
		return out
	}
	if diff := cmp.Diff([]string{"3", "2", "4", "1"}, position()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	h.mustClaim(r, ids[3])
	if diff := cmp.Diff([]string{"2", "1", "3", "-"}, position()); diff != "" {
		t.Errorf("after a claim (-want +got):\n%s", diff)
	}
}

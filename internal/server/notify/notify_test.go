package notify_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/notify"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
	"github.com/tachograph/tacho/internal/server/store/testdb"
)

// post is an outbox with a clock that stands still.
type post struct {
	t     *testing.T
	store *store.Store
	clock *storetest.Clock
	many  bool // servers may have the database open
}

// each runs f on both databases; again opens the same database once more, as another server does.
func each(t *testing.T, f func(p post, again func() post)) {
	t.Helper()
	testdb.Each(t, func(t *testing.T, cfg store.Config) {
		clock := &storetest.Clock{T: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
		cfg.Now = clock.Now
		open := func() post {
			s, err := store.Open(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			return post{t, s, clock, cfg.URL != ""}
		}
		f(open(), open)
	})
}

// write commits events of subjects, in their order.
func (p post) write(subjects ...string) {
	p.t.Helper()
	storetest.Do(p.t, p.store, func(tx *store.Tx) error {
		for _, s := range subjects {
			if err := notify.Write(p.t.Context(), tx, closed(s)); err != nil {
				return err
			}
		}
		return nil
	})
}

func closed(subject string) notify.Event {
	return notify.Event{Kind: notify.ReportClosed, ProjectID: "p", Subject: subject, Body: notify.Body{Report: subject, To: "processed"}}
}

func (p post) dispatcher(s ...notify.Subscriber) *notify.Dispatcher {
	return notify.New(notify.Config{Store: p.store, Subscribers: s, Now: p.clock.Now})
}

func (p post) turn(d *notify.Dispatcher) {
	p.t.Helper()
	if err := d.Turn(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
}

// rows are the deliveries as they lie in the database: subject, subscriber, attempts, outcome and error.
func (p post) rows() []string {
	p.t.Helper()
	var out []string
	storetest.Do(p.t, p.store, func(tx *store.Tx) error {
		rows, err := tx.Query(p.t.Context(), `select subject, subscriber, attempts, coalesce(outcome, 'open'), coalesce(error, '')
			from event_delivery order by event_seq, subscriber`)
		out, err = store.Collect(rows, err, func(rows *sql.Rows) (string, error) {
			var subject, subscriber, outcome, why string
			var attempts int
			err := rows.Scan(&subject, &subscriber, &attempts, &outcome, &why)
			return strings.TrimSpace(fmt.Sprintf("%s to %s: %d %s %s", subject, subscriber, attempts, outcome, why)), err
		})
		return err
	})
	return out
}

// inbox is a subscriber that keeps what it was told.
type inbox struct {
	got []string // subjects
	ids []string
	bad error // what it answers
}

func (i *inbox) subscriber(name string, kinds ...notify.Kind) notify.Subscriber {
	return notify.Subscriber{Name: name, Kinds: kinds, Deliver: func(_ context.Context, e notify.Event) error {
		i.got, i.ids = append(i.got, e.Subject), append(i.ids, e.ID)
		return i.bad
	}}
}

func want(t *testing.T, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatWasCommittedIsToldAndNothingElse(t *testing.T) {
	t.Parallel()
	each(t, func(p post, _ func() post) {
		var box inbox
		var whole notify.Event
		d := p.dispatcher(box.subscriber("box"), notify.Subscriber{Name: "reader", Deliver: func(_ context.Context, e notify.Event) error {
			whole = e
			return nil
		}})
		undone := errors.New("undone")
		if err := p.store.Tx(p.t.Context(), func(tx *store.Tx) error {
			if err := notify.Write(p.t.Context(), tx, closed("lost")); err != nil {
				return err
			}
			return undone
		}); !errors.Is(err, undone) {
			p.t.Fatal(err)
		}
		p.turn(d)
		want(p.t, box.got)
		p.write("a", "b")
		p.turn(d)
		p.turn(d)
		want(p.t, box.got, "a", "b")
		expected := closed("b")
		expected.Seq, expected.ID, expected.Created = whole.Seq, whole.ID, p.clock.T
		if diff := cmp.Diff(expected, whole); diff != "" || whole.Seq == 0 || whole.ID == "" {
			p.t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestASubscriberIsToldOfItsKindsOnly(t *testing.T) {
	t.Parallel()
	each(t, func(p post, _ func() post) {
		var reports, jobs inbox
		d := p.dispatcher(reports.subscriber("reports", notify.ReportClosed), jobs.subscriber("jobs", notify.JobEnded))
		p.write("a")
		p.turn(d)
		want(p.t, reports.got, "a")
		want(p.t, jobs.got)
		want(p.t, p.rows(), "a to reports: 1 delivered")
	})
}

func TestWhatWasCommittedBeforeAServerDiedIsToldByTheNext(t *testing.T) {
	t.Parallel()
	each(t, func(p post, again func() post) {
		p.write("a")
		if err := p.store.Close(); err != nil {
			p.t.Fatal(err)
		}
		p = again()
		var box inbox
		p.turn(p.dispatcher(box.subscriber("box")))
		want(p.t, box.got, "a")
	})
}

func TestWhatWasToldAndNotNotedIsToldAgainUnderTheSameID(t *testing.T) {
	t.Parallel()
	each(t, func(p post, again func() post) {
		p.write("a")
		var first, second inbox
		dies := first.subscriber("box")
		tell := dies.Deliver
		dies.Deliver = func(ctx context.Context, e notify.Event) error {
			return errors.Join(tell(ctx, e), p.store.Close()) // what a kill leaves: nothing can be noted any more
		}
		if err := p.dispatcher(dies).Turn(p.t.Context()); err == nil {
			p.t.Error("the delivery was noted in a database that is closed")
		}
		p = again()
		next := p.dispatcher(second.subscriber("box"))
		p.turn(next)
		want(p.t, second.got) // the lease of who died still runs
		p.clock.Advance(limits.DeliveryLease)
		p.turn(next)
		want(p.t, second.got, "a")
		want(p.t, second.ids, first.ids...)
	})
}

func TestTwoServersTellEachEventOnceWhileLeasesLive(t *testing.T) {
	t.Parallel()
	each(t, func(p post, again func() post) {
		if !p.many {
			p.t.Skip("a SQLite database has one server")
		}
		q := again()
		var box, other inbox
		later := q.dispatcher(other.subscriber("box"))
		slow := box.subscriber("box")
		tell := slow.Deliver
		slow.Deliver = func(ctx context.Context, e notify.Event) error {
			q.turn(later) // it looks while the first has it in hand
			return tell(ctx, e)
		}
		p.write("a", "b", "c")
		p.turn(p.dispatcher(slow))
		q.turn(later)
		want(p.t, box.got, "a", "b", "c")
		want(p.t, other.got)
		want(p.t, p.rows(), "a to box: 1 delivered", "b to box: 1 delivered", "c to box: 1 delivered")
	})
}

func TestTwoServersAtOnceShareTheWork(t *testing.T) {
	t.Parallel()
	each(t, func(p post, again func() post) {
		if !p.many {
			p.t.Skip("a SQLite database has one server")
		}
		subjects := make([]string, limits.EventSpread+2*limits.DeliveryBatch)
		for i := range subjects {
			subjects[i] = fmt.Sprint(i)
		}
		p.write(subjects...)
		told, ended := make(chan string, 2*len(subjects)), make(chan error, 2)
		ctx, stop := context.WithCancel(p.t.Context())
		for _, server := range []post{p, again()} {
			d := server.dispatcher(notify.Subscriber{Name: "box", Deliver: func(_ context.Context, e notify.Event) error {
				told <- e.Subject
				return nil
			}})
			go func() { ended <- d.Run(ctx) }()
		}
		seen := map[string]bool{}
		for range subjects {
			seen[<-told] = true
		}
		stop()
		for range 2 {
			if err := <-ended; err != nil {
				p.t.Error(err)
			}
		}
		if len(seen) != len(subjects) || len(told) > 0 {
			p.t.Errorf("%d of %d were told, and some twice", len(seen), len(subjects))
		}
	})
}

func TestALateAnswerChangesNothingWhenTheLeaseRanOut(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]error{"a failure": errors.New("too late"), "a success": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(p post, _ func() post) {
				var other inbox
				other.bad = errors.New("no")
				if answer != nil {
					other.bad = nil
				}
				next := p.dispatcher(other.subscriber("box"))
				hangs := notify.Subscriber{Name: "box", Deliver: func(context.Context, notify.Event) error {
					p.clock.Advance(limits.DeliveryLease)
					p.turn(next)
					return answer
				}}
				p.write("a")
				p.turn(p.dispatcher(hangs))
				want(p.t, other.got, "a")
				if answer != nil {
					want(p.t, p.rows(), "a to box: 2 delivered")
				} else {
					want(p.t, p.rows(), "a to box: 2 open no")
				}
			})
		})
	}
}

func TestWhatALeaseIsTooShortForIsGivenBackUntried(t *testing.T) {
	t.Parallel()
	each(t, func(p post, _ func() post) {
		var box, other inbox
		next := p.dispatcher(other.subscriber("box"))
		slow := box.subscriber("box")
		tell := slow.Deliver
		slow.Deliver = func(ctx context.Context, e notify.Event) error {
			if e.Subject == "a" {
				p.clock.Advance(limits.DeliveryLease)
			} else {
				p.turn(next) // it finds nothing: this one is under a lease of its own
			}
			return tell(ctx, e)
		}
		p.write("a", "b")
		p.turn(p.dispatcher(slow))
		want(p.t, box.got, "a", "b")
		want(p.t, other.got)
		want(p.t, p.rows(), "a to box: 1 delivered", "b to box: 1 delivered")
	})
}

func TestASubscriberThatFailsHoldsNoOtherUpAndIsTriedAgain(t *testing.T) {
	t.Parallel()
	each(t, func(p post, _ func() post) {
		var good, bad inbox
		bad.bad = errors.New("out of order")
		d := p.dispatcher(bad.subscriber("bad"), good.subscriber("good"))
		p.write("a")
		p.turn(d)
		p.write("a", "b")
		p.turn(d)
		want(p.t, good.got, "a", "a", "b")
		want(p.t, bad.got, "a", "b")
		bad.bad = nil
		p.clock.Advance(notify.Pause(1) - time.Microsecond)
		p.turn(d)
		want(p.t, bad.got, "a", "b") // the pause is not over
		p.clock.Advance(time.Microsecond)
		p.turn(d)
		want(p.t, bad.got, "a", "b", "a", "b", "a")
		want(p.t, p.rows(), "a to bad: 2 delivered out of order", "a to good: 1 delivered", "a to bad: 1 delivered", "a to good: 1 delivered",
			"b to bad: 2 delivered out of order", "b to good: 1 delivered")
	})
}

func TestASubscriberThatHangsHoldsNoOtherUp(t *testing.T) {
	t.Parallel()
	each(t, func(p post, _ func() post) {
		ctx, stop := context.WithCancel(p.t.Context())
		hung, told := make(chan struct{}, 1), make(chan struct{}, 1)
		d := p.dispatcher(
			notify.Subscriber{Name: "hangs", Deliver: func(ctx context.Context, _ notify.Event) error {
				hung <- struct{}{}
				<-ctx.Done()
				return ctx.Err()
			}},
			notify.Subscriber{Name: "works", Deliver: func(context.Context, notify.Event) error {
				told <- struct{}{}
				return nil
			}})
		ended := make(chan error, 1)
		go func() { ended <- d.Run(ctx) }()
		p.write("a")
		<-hung
		<-told
		stop()
		if err := <-ended; err != nil {
			p.t.Error(err)
		}
	})
}

func TestAPanicIsAFailure(t *testing.T) {
	t.Parallel()
	each(t, func(p post, _ func() post) {
		p.write("a")
		p.turn(p.dispatcher(notify.Subscriber{Name: "box", Deliver: func(context.Context, notify.Event) error { panic("nil map") }}))
		if rows := p.rows(); len(rows) != 1 || !strings.HasPrefix(rows[0], "a to box: 1 open panic: nil map") ||
			len(rows[0]) > 2*limits.DeliveryError {
			p.t.Errorf("got %q", rows)
		}
	})
}

func TestItIsGivenUpAfterTheLastTryAndTheRowSaysWhy(t *testing.T) {
	t.Parallel()
	each(t, func(p post, _ func() post) {
		var box inbox
		box.bad = errors.New("no such host")
		d := p.dispatcher(box.subscriber("box"))
		p.write("a", "a")
		begun := p.clock.T
		for range limits.DeliveryTries {
			p.turn(d)
			p.clock.Advance(limits.DeliveryPauseMax)
		}
		if len(box.got) < limits.DeliveryTries || p.clock.T.Sub(begun) != limits.DeliveryTries*limits.DeliveryPauseMax {
			p.t.Errorf("%d tries", len(box.got))
		}
		want(p.t, p.rows()[:1], fmt.Sprintf("a to box: %d given_up no such host", limits.DeliveryTries))
		box.got, box.bad = nil, nil
		p.turn(d)
		p.turn(d)
		want(p.t, box.got, "a") // the next of the subject, and that once
	})
}

func TestWhoDiesAtEachTryIsGivenUp(t *testing.T) {
	t.Parallel()
	each(t, func(p post, _ func() post) {
		var box inbox
		d := p.dispatcher(box.subscriber("box"))
		p.write("a")
		storetest.Do(p.t, p.store, func(tx *store.Tx) error {
			_, err := notify.Spread(p.t.Context(), tx, []notify.Subscriber{box.subscriber("box")})
			return err
		})
		for range limits.DeliveryTries {
			storetest.Do(p.t, p.store, func(tx *store.Tx) error {
				_, err := notify.Take(p.t.Context(), tx, "box") // and then nothing more is heard
				return err
			})
			p.clock.Advance(limits.DeliveryLease)
		}
		p.turn(d)
		want(p.t, box.got)
		want(p.t, p.rows(), fmt.Sprintf("a to box: %d given_up try %d ended without an answer", limits.DeliveryTries, limits.DeliveryTries))
	})
}

func TestPausesDoubleUpToAMost(t *testing.T) {
	t.Parallel()
	total := time.Duration(0)
	for attempt := 1; attempt < limits.DeliveryTries; attempt++ {
		p := notify.Pause(attempt)
		if before := notify.Pause(max(1, attempt-1)); p < before || p > limits.DeliveryPauseMax || p != 2*before && attempt > 1 &&
			p != limits.DeliveryPauseMax {
			t.Errorf("pause %d is %s after %s", attempt, p, before)
		}
		total += p
	}
	if notify.Pause(1) != limits.DeliveryPause || total < 20*time.Hour || total > 28*time.Hour {
		t.Errorf("the first pause is %s, all are %s", notify.Pause(1), total)
	}
}

func TestOfOneSubjectTheOrderHolds(t *testing.T) {
	t.Parallel()
	each(t, func(p post, _ func() post) {
		var got []string
		fails := true
		d := p.dispatcher(notify.Subscriber{Name: "box", Deliver: func(_ context.Context, e notify.Event) error {
			got = append(got, e.Subject+" "+e.Body.To)
			if e.Subject == "a" && fails {
				return errors.New("not now")
			}
			return nil
		}})
		say := func(subject, to string) {
			storetest.Do(p.t, p.store, func(tx *store.Tx) error {
				e := closed(subject)
				e.Body.To = to
				return notify.Write(p.t.Context(), tx, e)
			})
		}
		say("a", "failed")
		say("b", "failed")
		say("a", "processed")
		p.turn(d)
		p.turn(d)
		want(p.t, got, "a failed", "b failed") // what is said of a waits for what was said before
		fails = false
		p.clock.Advance(limits.DeliveryPause)
		p.turn(d)
		p.turn(d)
		want(p.t, got, "a failed", "b failed", "a failed", "a processed")
	})
}

func TestManyEventsOfOneSubjectAreToldInOneTurn(t *testing.T) {
	t.Parallel()
	each(t, func(p post, _ func() post) {
		var box inbox
		subjects := slices.Repeat([]string{"a"}, 5)
		p.write(subjects...)
		p.turn(p.dispatcher(box.subscriber("box")))
		want(p.t, box.got, subjects...)
	})
}

func TestACommitWakesTheDispatcher(t *testing.T) {
	t.Parallel()
	each(t, func(p post, again func() post) {
		writers := []post{p}
		if p.many {
			writers = append(writers, again()) // the commit of another server
		}
		told := make(chan string)
		d := p.dispatcher(notify.Subscriber{Name: "box", Deliver: func(_ context.Context, e notify.Event) error {
			told <- e.Subject
			return nil
		}})
		ctx, stop := context.WithCancel(p.t.Context())
		ended := make(chan error, 1)
		go func() { ended <- d.Run(ctx) }()
		p.write("first")
		if got := <-told; got != "first" {
			p.t.Errorf("got %s", got)
		}
		for _, w := range writers {
			began := time.Now()
			w.write("next")
			if got := <-told; got != "next" || time.Since(began) > limits.EventTick/2 {
				p.t.Errorf("got %s after %s: nobody woke it", got, time.Since(began))
			}
		}
		stop()
		if err := <-ended; err != nil {
			p.t.Error(err)
		}
	})
}

func TestEventsAreForgottenWhenAllWereTold(t *testing.T) {
	t.Parallel()
	each(t, func(p post, _ func() post) {
		var box inbox
		d := p.dispatcher(box.subscriber("box"))
		p.write("told")
		p.turn(d)
		box.bad = errors.New("no")
		p.write("waits")
		p.turn(d)
		p.write("new")
		left := func() (out []string) {
			p.t.Helper()
			if err := notify.Forget(p.t.Context(), p.store, p.clock.T); err != nil {
				p.t.Fatal(err)
			}
			storetest.Do(p.t, p.store, func(tx *store.Tx) error {
				rows, err := tx.Query(p.t.Context(), `select subject from event order by seq`)
				out, err = store.Collect(rows, err, store.ScanText)
				return err
			})
			return out
		}
		p.clock.Advance(limits.EventKeep)
		want(p.t, left(), "told", "waits", "new")
		p.clock.Advance(time.Microsecond)
		want(p.t, left(), "waits", "new")
		want(p.t, p.rows(), "waits to box: 1 open no")
		p.clock.Advance(limits.EventLife - limits.EventKeep)
		want(p.t, left())
		want(p.t, p.rows())
	})
}

func TestAnEventIsSmall(t *testing.T) {
	t.Parallel()
	each(t, func(p post, _ func() post) {
		e := closed("a")
		e.Body.Reason = strings.Repeat("x", limits.EventBodyBytes)
		storetest.Refused(p.t, p.store, fault.TooLarge, func(tx *store.Tx) error { return notify.Write(p.t.Context(), tx, e) })
	})
}

func TestTwoWhoTakeAtOnceTakeEachDeliveryOnce(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		s, clock := race.Fresh()
		p := post{t, s, clock, race.ManyWriters()}
		p.write("a", "b")
		box := []notify.Subscriber{{Name: "box"}}
		storetest.Do(t, s, func(tx *store.Tx) error {
			_, err := notify.Spread(t.Context(), tx, box)
			return err
		})
		var first, second int
		race.Tx(func(tx *store.Tx) error {
			taken, err := notify.Take(t.Context(), tx, "box")
			first = len(taken)
			return err
		}, func(tx *store.Tx) error {
			taken, err := notify.Take(t.Context(), tx, "box")
			second = len(taken)
			return err
		})
		if first != 2 || second != 0 {
			t.Errorf("the first took %d and the second %d, want 2 and 0", first, second)
		}
		want(t, p.rows(), "a to box: 1 open", "b to box: 1 open")
	})
}

func TestTwoWhoSpreadAtOnceDoSoOneAfterTheOther(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		s, clock := race.Fresh()
		p := post{t, s, clock, race.ManyWriters()}
		p.write("a", "b")
		box := []notify.Subscriber{{Name: "box"}}
		spread := func(tx *store.Tx) error {
			_, err := notify.Spread(t.Context(), tx, box)
			return err
		}
		race.Tx(spread, spread)
		want(t, p.rows(), "a to box: 0 open", "b to box: 0 open")
	})
}

func TestSubscribersHaveNamesOfTheirOwn(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("two subscribers have one name")
		}
	}()
	notify.New(notify.Config{Subscribers: []notify.Subscriber{{Name: "a"}, {Name: "a"}}})
}

// TestTheBackgroundReadsNoWholeTable asks SQLite for its plans: what a server looks at all the time goes by indexes of what is not done.
func TestTheBackgroundReadsNoWholeTable(t *testing.T) {
	t.Parallel()
	s, _ := storetest.OpenSQLite(t)
	for name, query := range notify.Queries {
		var steps []string
		if err := s.View(t.Context(), func(tx *store.Tx) (err error) {
			rows, err := tx.Query(t.Context(), "explain query plan "+query, make([]any, strings.Count(query, "$"))...)
			steps, err = store.Collect(rows, err, func(rows *sql.Rows) (step string, err error) {
				var a, b, c int
				err = rows.Scan(&a, &b, &c, &step)
				return step, err
			})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		for _, step := range steps {
			if strings.HasPrefix(step, "SCAN") && !strings.Contains(step, "INDEX") && step != "SCAN CONSTANT ROW" || len(steps) == 0 {
				t.Errorf("%s: a whole table is read: %s", name, step)
			}
		}
	}
}

package controller

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tachograph/tacho/internal/cloud/ledger"
	"github.com/tachograph/tacho/internal/cloud/provider"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/sweep"
)

// bounded is a note that a ledger takes: a provider may say anything.
func bounded(note string) string {
	if len(note) <= limits.SweepNote {
		return note
	}
	return strings.ToValidUTF8(note[:limits.SweepNote-len("…")], "") + "…"
}

// tick does what was decided.
type tick struct {
	*Controller
	id    string                    // of the sweep, whatever name it was asked for by: what machines are tagged with
	rows  map[string]ledger.Machine // as they were read
	asked time.Time                 // before they were read, by the controller's clock
	read  time.Time                 // and when, by the ledger's
}

// now is the ledger's clock, as far as it may have gone since the rows were read. A round may take minutes.
func (t tick) now() time.Time { return t.read.Add(t.cfg.Now().Sub(t.asked)) }

// do runs the chains side by side and then the last steps, and returns what failed. After ErrStale nothing more is begun.
func (t tick) do(ctx context.Context, acts actions) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	errs := make([]error, len(acts.chains)+1)
	run := func(i int, steps []step) {
		for _, s := range steps {
			if errs[i] = context.Cause(ctx); errs[i] != nil {
				return
			}
			if errs[i] = t.step(ctx, s); errs[i] != nil {
				if errors.Is(errs[i], ledger.ErrStale) {
					cancel(errs[i])
				}
				return
			}
		}
	}
	sideBySide(t.cfg.Policy.Parallel, len(acts.chains), func(i int) { run(i, acts.chains[i]) })
	run(len(acts.chains), acts.last)
	return errors.Join(errs...)
}

func (t tick) step(ctx context.Context, s step) error {
	l, id, epoch := t.cfg.Ledger, t.cfg.Sweep, t.lease.Epoch
	switch {
	case s.intend != nil:
		return t.intend(ctx, *s.intend)
	case s.create != "":
		row := t.rows[s.create]
		row.Doubted = true // it was asked for before
		return t.create(ctx, row)
	case s.record != nil:
		return t.record(ctx, s.record.machine, s.record.change)
	case s.slot != nil:
		return l.MoveSlot(ctx, id, epoch, s.slot.slot, ledger.SlotMove{Verb: s.slot.move.Verb, Reason: s.slot.move.Reason,
			Note: bounded(s.slot.move.Note)})
	case s.skip != nil:
		return l.SkipPool(ctx, id, epoch, s.skip.pool, sweep.Skip{Reason: s.skip.skip.Reason, Sentence: bounded(s.skip.skip.Sentence)})
	case s.move != nil:
		m := *s.move
		m.Note = bounded(m.Note)
		_, err := l.MoveSweep(ctx, id, epoch, m)
		if err == nil {
			t.cfg.Log.Info("sweep moves", "sweep", id, "verb", s.move.Verb, "reason", s.move.Reason)
		}
		return err
	case s.destroy != nil:
		return t.destroy(ctx, *s.destroy)
	}
	panic("controller: a step without anything to do")
}

// intend writes the row, and asks for the machine only then. A budget that others have used up since the decision is no error: the next
// tick decides again.
func (t tick) intend(ctx context.Context, in ledger.Intent) error {
	in.Token = t.cfg.Token()
	row, err := t.cfg.Ledger.Intend(ctx, t.cfg.Sweep, t.lease.Epoch, in)
	if errors.Is(err, ledger.ErrOverBudget) || fault.Is(err, fault.Conflict) && !errors.Is(err, ledger.ErrStale) {
		return nil
	}
	if err != nil {
		return err
	}
	return t.create(ctx, row)
}

// create asks for the machine of a row that is committed, and records the answer.
func (t tick) create(ctx context.Context, row ledger.Machine) error {
	p := t.cfg.Providers[row.Provider]
	if p == nil {
		return fmt.Errorf("machine %s: no provider %q here", row.ID, row.Provider)
	}
	w := provider.Want{Token: row.ID, Owner: t.cfg.Owner, Sweep: t.id, Region: row.Region, Zone: row.Zone, Type: row.Type,
		Market: row.Market, Expires: row.Expires}
	if t.cfg.UserData != nil {
		data, err := t.cfg.UserData(ctx, t.lease.Epoch, row)
		if err != nil {
			return fmt.Errorf("machine %s: user data: %w", row.ID, err)
		}
		w.UserData = data
	}
	if w.TTL = row.Expires.Sub(t.now()); w.TTL < t.cfg.Policy.LeastLife { // the round took too long
		if row.Doubted {
			return nil // it is gone when two lists lack it
		}
		return t.record(ctx, row.ID, ledger.Change{Verb: sweep.Refuse, Reason: sweep.BecauseExpired, Note: "the sweep's time is nearly over"})
	}
	// A call must not arrive after its row may have been given up: so it does not live longer than a create may be on its way.
	callCtx, cancel := context.WithTimeout(ctx, t.cfg.Policy.CallTime)
	defer cancel()
	made, err := p.Create(callCtx, w)
	t.heed(row.Provider, err, t.now())
	if err != nil {
		return t.failed(ctx, row, provider.Of(err))
	}
	if err := t.record(ctx, row.ID, launchOf(made)); err != nil {
		return err
	}
	if made.State == provider.Ended {
		return t.record(ctx, row.ID, ledger.Change{Verb: sweep.Vanish, Reason: sweep.BecauseVanished, Ended: made.Ended})
	}
	return nil
}

// failed records what an error of a create means for the row: refused if the provider said no and a list by token shows nothing, up if it
// does show it, and unsure otherwise.
func (t tick) failed(ctx context.Context, row ledger.Machine, e *provider.Error) error {
	note := bounded(fmt.Sprint(e))
	if e.MayHaveHappened {
		return t.record(ctx, row.ID, ledger.Change{Verb: sweep.Doubt, Reason: sweep.BecauseNoAnswer, Note: note})
	}
	reason := e.Class.Reason()
	l := t.listOne(ctx, place{row.Provider, row.Region}, provider.Filter{Owner: t.cfg.Owner, Sweep: t.id, Token: row.ID})
	for _, m := range l.machines {
		if m.Token == row.ID {
			return t.record(ctx, row.ID, launchOf(m))
		}
	}
	if l.err != nil || row.Doubted {
		return t.record(ctx, row.ID, ledger.Change{Verb: sweep.Doubt, Reason: reason, Note: note})
	}
	return t.record(ctx, row.ID, ledger.Change{Verb: sweep.Refuse, Reason: reason, Note: note})
}

func (t tick) record(ctx context.Context, machine string, c ledger.Change) error {
	m, err := t.cfg.Ledger.Record(ctx, t.cfg.Sweep, t.lease.Epoch, machine, c)
	if err == nil {
		t.cfg.Log.Info("machine moves", "sweep", t.cfg.Sweep, "machine", machine, "verb", c.Verb, "state", m.State, "reason", m.Reason)
	}
	return err
}

func (t tick) destroy(ctx context.Context, d destroy) error {
	p := t.cfg.Providers[d.provider]
	if p == nil {
		return fmt.Errorf("no provider %q here", d.provider)
	}
	if t.now().Before(t.pauses()[d.provider]) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, t.cfg.Policy.CallTime)
	defer cancel()
	err := p.Destroy(ctx, d.region, d.refs)
	t.heed(d.provider, err, t.now())
	if err != nil {
		return fmt.Errorf("destroy in %s %s: %w", d.provider, d.region, err)
	}
	return nil
}

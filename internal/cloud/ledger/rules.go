package ledger

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/sweep"
)

// Taken is the sweep after a controller took it.
func (s Sweep) Taken(holder string, now time.Time) (Sweep, error) {
	if s.Holder != holder && s.Lease.Until.After(now) {
		return s, fault.Wrap(fault.Conflict, ErrHeld, "sweep %s: controller %s has it until %s; stop that one, or wait", s.ID, s.Holder,
			s.Lease.Until.UTC().Format(time.TimeOnly))
	}
	s.Holder, s.Lease = holder, Lease{Epoch: s.Lease.Epoch + 1, Until: now.Add(LeaseTime)}
	return s, nil
}

// Intend is the machine that an intent makes, and its slot. It checks that the sweep makes machines, that its time is not over, that the
// slot waits, and that the budget allows for the machine with all others: ErrOverBudget if not. The epoch is checked by the caller.
func (s Snapshot) Intend(in Intent) (Machine, Slot, error) {
	if i := slices.IndexFunc(s.Machines, func(m Machine) bool { return m.ID == in.Token }); i >= 0 {
		return s.again(s.Machines[i], in)
	}
	slot, pool, err := s.place(in.Slot)
	switch {
	case in.Token == "":
		return Machine{}, Slot{}, fault.Invalidf("machine: the token is missing")
	case err != nil:
		return Machine{}, Slot{}, err
	case !s.Sweep.State.MakesMachines():
		return Machine{}, Slot{}, fault.Conflictf("sweep %s is %s and gets no more machines", s.Sweep.ID, s.Sweep.State)
	case !s.Now.Before(s.Sweep.Expires):
		return Machine{}, Slot{}, fault.Conflictf("sweep %s: its time was over at %s, and it gets no more machines", s.Sweep.ID,
			s.Sweep.Expires.UTC().Format(time.RFC3339))
	case pool.Skipped != nil:
		return Machine{}, Slot{}, fault.Conflictf("pool %s was skipped (%s) and gets no more machines", pool.ID, pool.Skipped.Reason)
	}
	if err := pool.allows(in); err != nil {
		return Machine{}, Slot{}, err
	}
	m := Machine{ID: in.Token, Slot: slot.ID, Pool: pool.ID, Provider: pool.Provider, Region: in.Region, Zone: in.Zone, Type: pool.Type,
		Market: in.Market, Price: pool.PriceOn(in.Market), Slack: pool.Slack, Expires: s.Sweep.Expires, Intended: s.Now, Asked: s.Now}
	asked, err := sweep.Machine{State: sweep.MachinePlanned}.Move(m.ID, sweep.Ask, "")
	if err != nil {
		return Machine{}, Slot{}, err
	}
	m.State = asked.State
	if slot.State, err = sweep.NextSlot(slot.ID, slot.State, sweep.Hold); err != nil {
		return Machine{}, Slot{}, err
	}
	slot.Machine = m.ID
	if err := sweep.Afford(s.Sweep.Budget, s.Outlays(), m.Outlay()); err != nil {
		short, ok := errors.AsType[*sweep.ShortError](err)
		if !ok {
			return Machine{}, Slot{}, err
		}
		return Machine{}, Slot{}, fault.Wrap(fault.Conflict, fmt.Errorf("%w: %w", ErrOverBudget, err), "sweep %s: %s", s.Sweep.ID, short)
	}
	return m, slot, nil
}

// again is the answer to an intent that was written before.
func (s Snapshot) again(m Machine, in Intent) (Machine, Slot, error) {
	slot, _, err := s.place(m.Slot)
	if err == nil && m.Slot != in.Slot {
		err = fault.Conflictf("machine %s is of slot %s, not %s: a token is used once", m.ID, m.Slot, in.Slot)
	}
	return m, slot, err
}

func (s Snapshot) place(slotID string) (Slot, Pool, error) {
	i := slices.IndexFunc(s.Slots, func(o Slot) bool { return o.ID == slotID })
	if i < 0 {
		return Slot{}, Pool{}, fault.Missingf("slot %s: sweep %s has no such slot", slotID, s.Sweep.ID)
	}
	j := slices.IndexFunc(s.Pools, func(p Pool) bool { return p.ID == s.Slots[i].Pool })
	if j < 0 {
		return Slot{}, Pool{}, fault.Missingf("pool %s: sweep %s has no such pool", s.Slots[i].Pool, s.Sweep.ID)
	}
	return s.Slots[i], s.Pools[j], nil
}

// allows checks that an intent stays within what the pool says: its prices hold there, and nowhere else does anybody list its machines.
func (p Pool) allows(in Intent) error {
	home := ""
	if len(p.Regions) > 0 {
		home = p.Regions[0]
	}
	switch {
	case in.Region != home && !slices.Contains(p.Regions, in.Region):
		return fault.Invalidf("machine %s: region %.64q is not one of pool %s: %q", in.Token, in.Region, p.ID, p.Regions)
	case in.Zone != "" && (in.Region != home || !slices.Contains(p.Zones, in.Zone)):
		return fault.Invalidf("machine %s: zone %.64q is not one of pool %s: %q, in its first region", in.Token, in.Zone, p.ID, p.Zones)
	case in.Market != p.Market && (in.Market != sweep.OnDemand || p.Market != sweep.Spot):
		return fault.Invalidf("machine %s: pool %s is bought %s, not %.20q", in.Token, p.ID, p.Market, in.Market)
	}
	return nil
}

// PriceOn is what a machine of the pool costs if it is bought like that.
func (p Pool) PriceOn(m sweep.Market) sweep.Price {
	if m == sweep.OnDemand && p.Market == sweep.Spot {
		return p.OnDemand
	}
	return p.Price
}

// Apply is the machine after a change.
func (m Machine) Apply(c Change, now time.Time) (Machine, error) {
	next, err := sweep.Machine{State: m.State, Reason: m.Reason, Doubted: m.Doubted}.Move(m.ID, c.Verb, c.Reason)
	if err != nil {
		return m, err
	}
	if c.Note != "" && (next.Reason != m.Reason || m.Note == "") {
		m.Note = c.Note
	}
	m.State, m.Reason, m.Doubted = next.State, next.Reason, next.Doubted
	switch c.Verb {
	case sweep.Ask:
		m.Asked = now
	case sweep.Launch:
		m.launched(c, now)
	case sweep.Contact:
		if m.Contact.IsZero() {
			m.Contact = now
		}
		if m.Launched.IsZero() { // its launch was not answered; it cannot have been earlier than this
			m.Launched = m.Intended
		}
		m.Beat, m.Missing = now, time.Time{}
	case sweep.Miss:
		if m.Missing.IsZero() {
			m.Missing = now
		}
	case sweep.Refuse:
		m.Ended = now
	case sweep.Vanish:
		m.ended(c, now)
	}
	return m, nil
}

// launched takes the provider's word for when it was, unless that is before anybody asked or after now: the provider's clock is wrong then,
// and it was no earlier than the first request.
func (m *Machine) launched(c Change, now time.Time) {
	m.Missing, m.Ended = time.Time{}, time.Time{}
	if m.NativeID == "" {
		m.NativeID = c.NativeID
	}
	if c.Zone != "" {
		m.Zone = c.Zone
	}
	switch {
	case !m.Launched.IsZero():
	case c.Launched.IsZero(), c.Launched.Before(m.Intended), c.Launched.After(now):
		m.Launched = m.Intended
	default:
		m.Launched = c.Launched
	}
}

// ended takes the provider's word, or the first list that lacked the machine, but nothing later than now, and nothing earlier than the
// machine was known to be there by the ledger's own clock: a provider whose clock is wrong must not make it cheaper than it was.
func (m *Machine) ended(c Change, now time.Time) {
	if !m.Ended.IsZero() {
		return
	}
	m.Ended = now
	there := m.Launched
	for _, at := range []time.Time{m.Contact, m.Beat} {
		if at.After(there) {
			there = at
		}
	}
	for _, known := range []time.Time{c.Ended, m.Missing} {
		if !known.IsZero() && known.Before(now) && !known.Before(there) {
			m.Ended = known
			return
		}
	}
}

// Apply is the slot after a move.
func (s Slot) Apply(m SlotMove) (Slot, error) {
	if m.Verb == sweep.Hold {
		return s, fault.Invalidf("slot %s: a slot is held by intending a machine", s.ID)
	}
	state, err := sweep.NextSlot(s.ID, s.State, m.Verb)
	if err != nil {
		return s, err
	}
	if m.Verb == sweep.GiveUp && s.State != sweep.SlotGivenUp {
		s.Reason, s.Note = m.Reason, m.Note
	}
	s.State, s.Machine = state, ""
	return s, nil
}

// Apply is the sweep after a verb of a controller or of people, at now. At its end the outcome is what its slots and pools came to.
func (s Snapshot) Apply(m SweepMove) (Sweep, error) {
	out := s.Sweep
	state, err := sweep.Next(out.ID, out.State, m.Verb)
	if err != nil {
		return out, err
	}
	if out.Broken == "" {
		switch m.Verb {
		case sweep.Stop, sweep.StopNow:
			out.Broken, out.Note = sweep.BecauseStopped, m.Note
		case sweep.Fail:
			out.Broken, out.Note = m.Reason, m.Note
		}
	}
	if state == sweep.Closing && out.State != sweep.Closing {
		out.Closing = s.Now
	}
	if state == sweep.Ended && out.State != sweep.Ended {
		out.Outcome = s.tally().Outcome()
	}
	out.State = state
	return out, nil
}

// ByController reports whether a verb is one of those that MoveSweep takes.
func (m SweepMove) ByController() bool {
	return m.Verb == sweep.Fail || m.Verb == sweep.Finish || m.Verb == sweep.End
}

func (s Snapshot) tally() sweep.Tally {
	t := sweep.Tally{Broken: s.Sweep.Broken}
	for _, p := range s.Pools {
		if p.Skipped != nil {
			t.PoolsSkipped++
		}
	}
	for _, o := range s.Slots {
		t.TasksDone += o.Done
		t.TasksFailed += o.Failed
		t.TasksUnread += o.Unread
		switch {
		case o.State == sweep.SlotDone:
			t.SlotsDone++
		case o.State == sweep.SlotGivenUp && o.Reason == sweep.BecauseOverBudget:
			t.OverBudget++
			t.SlotsGivenUp++
		default:
			t.SlotsGivenUp++
		}
	}
	return t
}

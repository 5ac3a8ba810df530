package sweep

import (
	"fmt"
	"time"
)

// Outlay is what the ledger knows of a machine that bears on money.
//
// The invariant: before a machine is asked for, what gone machines cost, what all others can cost at most, and what this one can cost at
// most are together no more than the budget. A machine ends by itself at its expiry, so what it can cost at most is known before it is
// made, and the sum can only fall afterwards. Nobody has to watch it.
type Outlay struct {
	State    MachineState
	Price    Price
	Slack    time.Duration // how long after its expiry the provider may still bill it: its timer, its shutdown
	Asked    time.Time     // the first time that the provider was asked for it
	Launched time.Time     // by the provider's clock; zero: it was never seen
	Expires  time.Time     // absolute
	Ended    time.Time     // of one that is gone: by the provider's word, or when a list lacked it first
}

// Worst is the most that the machine can be billed: from the moment that it was asked for until its expiry and the slack after it.
func (o Outlay) Worst() Micros { return o.Price.Cost(o.Expires.Add(o.Slack).Sub(o.Asked)) }

// Owed is what to count for the machine now: nothing before it was asked for, or if it was never made; its cost, if it is gone; else the
// worst. The cost of a gone one is never more than its worst, because the ends that we see are late and its timer's are not.
func (o Outlay) Owed() Micros {
	switch {
	case o.State.MayRun():
		return o.Worst()
	case o.State != MachineGone || o.Launched.IsZero():
		return 0
	}
	return min(o.Price.Cost(o.Ended.Sub(o.Launched)), o.Worst())
}

// Committed is what these machines have cost and can still cost together.
func Committed(outlays []Outlay) (sum Micros) {
	for _, o := range outlays {
		sum = sum.Plus(o.Owed())
	}
	return sum
}

// Spent is what these machines have cost until now: the part of Committed that is an estimate of the bill. Those that may run are counted
// from their launch to now.
func Spent(outlays []Outlay, now time.Time) (sum Micros) {
	for _, o := range outlays {
		if o.State.MayRun() && !o.Launched.IsZero() {
			o.Ended, o.State = now, MachineGone
		}
		if o.State == MachineGone {
			sum = sum.Plus(o.Owed())
		}
	}
	return sum
}

// ShortError is why a machine may not be made: the budget does not allow for it.
type ShortError struct {
	Budget    Micros
	Committed Micros // by the other machines
	Worst     Micros // of this one
}

func (e *ShortError) Error() string {
	return fmt.Sprintf("the budget is %s: machines of this sweep cost up to %s already, and this one could cost %s; raise the budget",
		e.Budget, e.Committed, e.Worst)
}

// Afford says whether the budget allows for one more machine: a ShortError if not. What a price is not known for costs the largest amount,
// which no budget allows for.
func Afford(budget Micros, others []Outlay, next Outlay) error {
	next.State = MachineCreating
	if committed, worst := Committed(others), next.Worst(); worst == most || committed.Plus(worst) > budget {
		return &ShortError{Budget: budget, Committed: committed, Worst: worst}
	}
	return nil
}

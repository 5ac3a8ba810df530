package event

import "github.com/tachograph/tacho/internal/core/fault"

// State is where an event stands in its life.
type State string

// The states, spelled as on the wire.
const (
	Suspected    State = "suspected"    // seen, with too few values to be told; nobody is told
	Checking     State = "checking"     // a rerun is on its way
	Confirmed    State = "confirmed"    // by a rerun, or by the series itself: enough values follow
	Refuted      State = "refuted"      // a rerun saw no difference
	Undecided    State = "undecided"    // a rerun could not say
	Acknowledged State = "acknowledged" // somebody is on it
	Accepted     State = "accepted"     // the new level is as it should be, and the next change is held against it
	Ignored      State = "ignored"      // for a reason, and possibly for a time
	Fixed        State = "fixed"        // somebody says so
)

// States lists all states.
var States = []State{Suspected, Checking, Confirmed, Refuted, Undecided, Acknowledged, Accepted, Ignored, Fixed}

// Open says whether somebody may still have to do something about an event in this state.
func (s State) Open() bool {
	switch s {
	case Suspected, Checking, Confirmed, Undecided, Acknowledged:
		return true
	}
	return false
}

// Verb is what happens to an event.
type Verb string

// The verbs. Those of people come first.
const (
	Ack    Verb = "ack"
	Accept Verb = "accept"
	Ignore Verb = "ignore"
	Fix    Verb = "fix"
	Reopen Verb = "reopen" // it takes a decision of people back

	Check    Verb = "check"    // a rerun was asked for
	Confirm  Verb = "confirm"  // a rerun, or five values, say that it is one
	Withdraw Verb = "withdraw" // the values that confirmed it do not say so any more, together with those that came later
	Refute   Verb = "refute"   // a rerun says that it is none
	Doubt    Verb = "doubt"    // a rerun could not say
	Fail     Verb = "fail"     // a rerun ended without results
	Expire   Verb = "expire"   // the time of Ignore is over
)

// Verbs lists all verbs, ByPeople those that people may say.
var (
	Verbs    = []Verb{Ack, Accept, Ignore, Fix, Reopen, Check, Confirm, Withdraw, Refute, Doubt, Fail, Expire}
	ByPeople = []Verb{Ack, Accept, Ignore, Fix, Reopen}
)

// life is the one table of an event's life. What is not in it is refused. What leads to where an event stands is legal, because two may say
// the same. What is known by measuring does not undo what people decided, but that a change was none takes its acknowledgement away. Values
// take back only what values said: the caller does not withdraw what a rerun has confirmed.
var life = map[State]map[Verb]State{
	Suspected: {Ack: Acknowledged, Accept: Accepted, Ignore: Ignored, Fix: Fixed, Reopen: Suspected,
		Check: Checking, Confirm: Confirmed, Withdraw: Suspected, Refute: Refuted, Doubt: Undecided, Fail: Suspected},
	Checking: {Ack: Acknowledged, Accept: Accepted, Ignore: Ignored, Fix: Fixed,
		Check: Checking, Confirm: Confirmed, Withdraw: Checking, Refute: Refuted, Doubt: Undecided, Fail: Suspected},
	Confirmed: {Ack: Acknowledged, Accept: Accepted, Ignore: Ignored, Fix: Fixed,
		Check: Checking, Confirm: Confirmed, Withdraw: Suspected, Refute: Refuted, Doubt: Confirmed, Fail: Confirmed},
	Refuted: {Ignore: Ignored, Reopen: Suspected,
		Check: Checking, Confirm: Confirmed, Withdraw: Refuted, Refute: Refuted, Doubt: Refuted, Fail: Refuted},
	Undecided: {Ack: Acknowledged, Accept: Accepted, Ignore: Ignored, Fix: Fixed, Reopen: Suspected,
		Check: Checking, Confirm: Confirmed, Withdraw: Undecided, Refute: Refuted, Doubt: Undecided, Fail: Undecided},
	Acknowledged: {Ack: Acknowledged, Accept: Accepted, Ignore: Ignored, Fix: Fixed, Reopen: Suspected,
		Check: Acknowledged, Confirm: Acknowledged, Withdraw: Acknowledged, Refute: Refuted, Doubt: Acknowledged, Fail: Acknowledged},
	Accepted: {Accept: Accepted, Reopen: Suspected, Confirm: Accepted, Withdraw: Accepted, Refute: Accepted, Doubt: Accepted, Fail: Accepted},
	Ignored: {Ack: Acknowledged, Accept: Accepted, Ignore: Ignored, Fix: Fixed, Reopen: Suspected,
		Confirm: Ignored, Withdraw: Ignored, Refute: Ignored, Doubt: Ignored, Fail: Ignored, Expire: Suspected},
	Fixed: {Fix: Fixed, Reopen: Suspected, Confirm: Fixed, Withdraw: Fixed, Refute: Fixed, Doubt: Fixed, Fail: Fixed},
}

// Next returns the state after the verb. What the table does not have is a Conflict fault that names the event and says the way out, and
// leaves the state as it is.
func Next(id string, s State, v Verb) (State, error) {
	if next, legal := life[s][v]; legal {
		return next, nil
	}
	switch {
	case s == Refuted && (v == Ack || v == Accept || v == Fix):
		return s, fault.Conflictf("event %s was refuted by a rerun, there is nothing to %s; reopen it first", id, v)
	case s == Accepted || s == Fixed:
		return s, fault.Conflictf("event %s is %s; reopen it before you %s it", id, s, v)
	}
	return s, fault.Conflictf("event %s is %s, it does not take %q", id, s, v)
}

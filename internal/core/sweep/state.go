package sweep

import "github.com/tachograph/tacho/internal/core/fault"

// State is where a sweep is in its life.
type State string

// The states.
const (
	Planned  State = "planned"  // nothing was made yet
	Active   State = "active"   // machines are made and do tasks
	Draining State = "draining" // no new machine and no new task; what runs may finish
	Closing  State = "closing"  // all machines are being removed
	Ended    State = "ended"    // nobody looks for results any more; Clean says whether all machines are known to be gone
)

// States lists all states.
var States = []State{Planned, Active, Draining, Closing, Ended}

// Verb is what happens to a sweep.
type Verb string

// The verbs. Those of people come first.
const (
	Start   Verb = "start"
	Stop    Verb = "stop"     // finish what runs
	StopNow Verb = "stop_now" // remove all machines at once

	Fail   Verb = "fail"   // the provider does not accept our credentials or our requests: no new machines
	Finish Verb = "finish" // no slot waits or is held any more
	End    Verb = "end"    // all machines are gone, or it was waited long enough for the provider's word
)

// Verbs lists all verbs.
var Verbs = []Verb{Start, Stop, StopNow, Fail, Finish, End}

// life is the one table of a sweep's life. What is not in it is refused. What leads to where a sweep is already is legal, because two may
// say the same.
var life = map[State]map[Verb]State{
	Planned:  {Start: Active, Stop: Closing, StopNow: Closing, Fail: Closing},
	Active:   {Start: Active, Stop: Draining, StopNow: Closing, Fail: Draining, Finish: Closing},
	Draining: {Stop: Draining, StopNow: Closing, Fail: Draining, Finish: Closing},
	Closing:  {Stop: Closing, StopNow: Closing, Fail: Closing, Finish: Closing, End: Ended},
	Ended:    {End: Ended},
}

// Next returns the state after the verb. What the table does not have is a Conflict fault that names the sweep, and the state stays.
func Next(id string, s State, v Verb) (State, error) {
	if next, legal := life[s][v]; legal {
		return next, nil
	}
	if s == Ended {
		return s, fault.Conflictf("sweep %s has ended; start another one", id)
	}
	return s, fault.Conflictf("sweep %s is %s, it does not take %q", id, s, v)
}

// MakesMachines reports whether a sweep in this state may ask for machines and hand out tasks.
func (s State) MakesMachines() bool { return s == Active }

// Outcome is what an ended sweep came to.
type Outcome string

// The outcomes.
const (
	Completed  Outcome = "completed"   // each task was done
	Partial    Outcome = "partial"     // some tasks failed or were not read, some slots were given up or some pools skipped
	Stopped    Outcome = "stopped"     // somebody stopped it
	OverBudget Outcome = "over_budget" // slots were given up because the budget does not allow for their machines
	Failed     Outcome = "failed"      // nothing was measured, or the provider turned us away
)

// Tally is what the outcome is made of.
type Tally struct {
	Broken       Reason // why the sweep was stopped or failed; "" for one that ran to its end
	SlotsDone    int
	SlotsGivenUp int
	OverBudget   int // of the slots that were given up, those without money
	PoolsSkipped int
	TasksDone    int
	TasksFailed  int
	TasksUnread  int // of the tasks done, those whose output was delivered and not read: it may be no result
}

// Outcome is what a sweep with these numbers came to.
func (t Tally) Outcome() Outcome {
	switch {
	case t.Broken == BecauseStopped:
		return Stopped
	case t.Broken != "":
		return Failed
	case t.OverBudget > 0:
		return OverBudget
	case t.TasksDone == 0:
		return Failed
	case t.SlotsGivenUp > 0 || t.PoolsSkipped > 0 || t.TasksFailed > 0 || t.TasksUnread > 0:
		return Partial
	}
	return Completed
}

// SlotState is where a slot is in its life.
type SlotState string

// The states of a slot.
const (
	SlotWaiting SlotState = "waiting"  // for a machine
	SlotHeld    SlotState = "held"     // by one
	SlotDone    SlotState = "done"     // its tasks have ended
	SlotGivenUp SlotState = "given_up" // for a reason
)

// SlotStates lists all states of a slot.
var SlotStates = []SlotState{SlotWaiting, SlotHeld, SlotDone, SlotGivenUp}

// SlotVerb is what happens to a slot.
type SlotVerb string

// The verbs of a slot.
const (
	Hold    SlotVerb = "hold"    // a machine is asked for
	Release SlotVerb = "release" // its machine is lost or was refused; another one may take what is left
	Close   SlotVerb = "close"   // no task of it is left
	GiveUp  SlotVerb = "give_up"
)

// SlotVerbs lists all verbs of a slot.
var SlotVerbs = []SlotVerb{Hold, Release, Close, GiveUp}

// slotLife is the one table of a slot's life. Only a waiting slot can be held: two machines never have one slot.
var slotLife = map[SlotState]map[SlotVerb]SlotState{
	SlotWaiting: {Hold: SlotHeld, Release: SlotWaiting, Close: SlotDone, GiveUp: SlotGivenUp},
	SlotHeld:    {Release: SlotWaiting, Close: SlotDone, GiveUp: SlotGivenUp},
	SlotDone:    {Close: SlotDone},
	SlotGivenUp: {GiveUp: SlotGivenUp},
}

// NextSlot returns the state of a slot after the verb. What the table does not have is a Conflict fault that names the slot, and the state
// stays.
func NextSlot(id string, s SlotState, v SlotVerb) (SlotState, error) {
	if next, legal := slotLife[s][v]; legal {
		return next, nil
	}
	return s, fault.Conflictf("slot %s is %s, it does not take %q", id, s, v)
}

// Open reports whether a slot still needs a machine.
func (s SlotState) Open() bool { return s == SlotWaiting || s == SlotHeld }

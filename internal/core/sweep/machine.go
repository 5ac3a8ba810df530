package sweep

import "github.com/tachograph/tacho/internal/core/fault"

// MachineState is where a machine's row in the ledger is.
type MachineState string

// The states of a machine.
const (
	MachinePlanned  MachineState = "planned"  // nobody was asked for it yet
	MachineCreating MachineState = "creating" // written before the provider is asked
	MachineUp       MachineState = "up"       // the provider has it
	MachineWorking  MachineState = "working"  // its runner has enrolled
	MachineDraining MachineState = "draining" // it gets no further task
	MachineDeleting MachineState = "deleting" // it is not wanted; the provider has not said yet that it is gone
	MachineUnsure   MachineState = "unsure"   // asked, no answer: it counts as running until it is known
	MachineGone     MachineState = "gone"     // by the provider's word: terminated, or absent from two lists
	MachineRefused  MachineState = "refused"  // the provider said no, and a list by token shows nothing
)

// MachineStates lists all states of a machine.
var MachineStates = []MachineState{MachinePlanned, MachineCreating, MachineUp, MachineWorking, MachineDraining, MachineDeleting,
	MachineUnsure, MachineGone, MachineRefused}

// MayRun reports whether a machine in this state may exist at its provider, so that it counts as running for money and keeps its sweep from
// being clean.
func (s MachineState) MayRun() bool {
	switch s {
	case MachinePlanned, MachineGone, MachineRefused:
		return false
	}
	return true
}

// MachineVerb is what happens to a machine.
type MachineVerb string

// The verbs of a machine.
const (
	Ask     MachineVerb = "ask"     // the provider is about to be asked for it, with its id as the token
	Launch  MachineVerb = "launch"  // the provider says that it has it: the answer of a create, or a list
	Contact MachineVerb = "contact" // its runner has enrolled
	Refuse  MachineVerb = "refuse"  // the provider said no
	Doubt   MachineVerb = "doubt"   // the answer of a create was lost or says nothing
	Miss    MachineVerb = "miss"    // a list that should show it does not
	Drain   MachineVerb = "drain"   // it shall finish what it runs
	Delete  MachineVerb = "delete"  // it shall go
	Vanish  MachineVerb = "vanish"  // the provider says that it is gone, or two lists do
)

// MachineVerbs lists all verbs of a machine.
var MachineVerbs = []MachineVerb{Ask, Launch, Contact, Refuse, Doubt, Miss, Drain, Delete, Vanish}

// Reason is why a machine goes or did not come, why a slot was given up, or why a sweep was broken off.
type Reason string

// The reasons.
const (
	BecauseDone          Reason = "done"           // its tasks have ended
	BecauseNeverCame     Reason = "never_came"     // launched, and not heard of in time
	BecauseHeartbeatLost Reason = "heartbeat_lost" // heard of, and then no more
	BecauseReclaimed     Reason = "reclaimed"      // the provider took a spot machine back
	BecauseExpired       Reason = "expired"        // its time is over
	BecauseStopped       Reason = "stopped"        // somebody stopped the sweep
	BecauseStray         Reason = "stray"          // the provider has it although the ledger says otherwise
	BecauseSuspect       Reason = "suspect"        // it is not what the pool says, or cannot run tasks
	BecauseVanished      Reason = "vanished"       // it went without anybody here having asked
	BecauseNoAnswer      Reason = "no_answer"      // a create whose answer was lost, and nothing came of it

	BecauseCapacity    Reason = "capacity"      // the provider has none of the type there
	BecauseQuota       Reason = "quota"         // the account may not have one more
	BecauseUnsupported Reason = "unsupported"   // the provider refuses the combination
	BecauseThrottled   Reason = "throttled"     // asked too often
	BecauseCredential  Reason = "no_credential" // the provider does not accept the credentials
	BecauseInvalid     Reason = "invalid"       // the provider does not understand the request
	BecauseOverBudget  Reason = "over_budget"   // the budget does not allow for one more
	BecauseSameError   Reason = "same_error"    // of a sweep: a workload fails in the same way on each kind of machine
)

// Machine is what the table of machines looks at.
type Machine struct {
	State   MachineState
	Reason  Reason // of the last refuse, doubt, drain, delete or vanish; the first one that made it go stays
	Doubted bool   // an answer was lost once, so that a later "no" proves nothing
}

// machineRule makes the next machine of the current one, or says that the verb does not fit.
type machineRule func(Machine, Reason) (Machine, bool)

// machines is the one table of legal moves of a machine. What is not in it is refused.
//
// Each state in which it may exist takes what the provider or a list may say at any moment (launch, miss, vanish), since calls overlap with
// what people and other machines do. A machine that turns up after all goes at once: money was given to others in its place.
var machines = map[MachineState]map[MachineVerb]machineRule{
	MachinePlanned: {Ask: become(MachineCreating), Refuse: become(MachineRefused)},
	MachineCreating: {Ask: become(MachineCreating), Launch: become(MachineUp), Contact: become(MachineWorking), Refuse: refuse,
		Doubt: doubt, Miss: become(MachineCreating), Delete: become(MachineDeleting), Vanish: become(MachineGone)},
	MachineUnsure: {Ask: become(MachineCreating), Launch: become(MachineUp), Contact: become(MachineWorking), Doubt: doubt,
		Miss: become(MachineUnsure), Delete: become(MachineDeleting), Vanish: become(MachineGone)},
	MachineUp: {Launch: become(MachineUp), Contact: become(MachineWorking), Doubt: doubt, Miss: become(MachineUp),
		Drain: become(MachineDraining), Delete: become(MachineDeleting), Vanish: become(MachineGone)},
	MachineWorking: {Launch: become(MachineWorking), Contact: become(MachineWorking), Doubt: doubt, Miss: become(MachineWorking),
		Drain: become(MachineDraining), Delete: become(MachineDeleting), Vanish: become(MachineGone)},
	MachineDraining: {Launch: become(MachineDraining), Contact: become(MachineDraining), Doubt: doubt, Miss: become(MachineDraining),
		Drain: become(MachineDraining), Delete: become(MachineDeleting), Vanish: become(MachineGone)},
	MachineDeleting: {Launch: become(MachineDeleting), Doubt: doubt, Refuse: doubt, Miss: become(MachineDeleting),
		Drain: become(MachineDeleting), Delete: become(MachineDeleting), Vanish: become(MachineGone)},
	MachineGone:    {Launch: reappear, Vanish: become(MachineGone)},
	MachineRefused: {Launch: reappear, Refuse: become(MachineRefused)},
}

// Move returns the machine after the verb. What the table does not have is a Conflict fault that names the machine, and the machine is
// returned as it was.
func (m Machine) Move(id string, v MachineVerb, r Reason) (Machine, error) {
	if rule, ok := machines[m.State][v]; ok {
		if next, ok := rule(m, r); ok {
			return next, nil
		}
	}
	if v == Refuse && m.Doubted {
		return m, fault.Conflictf("machine %s: an earlier answer was lost, so it may exist; it is gone when two lists lack it", id)
	}
	return m, fault.Conflictf("machine %s is %s, it does not take %q", id, m.State, v)
}

// become moves to the state. A reason that made the machine go is not replaced by what happens to it on its way.
func become(state MachineState) machineRule {
	return func(m Machine, r Reason) (Machine, bool) {
		if r != "" && m.State != MachineDeleting && m.State != state {
			m.Reason = r
		}
		m.State = state
		return m, true
	}
}

// refuse ends a machine that the provider never made. After a lost answer a "no" is about the second request only.
func refuse(m Machine, r Reason) (Machine, bool) {
	if m.Doubted {
		return m, false
	}
	return become(MachineRefused)(m, r)
}

// doubt remembers that an answer was lost. Only what waits for an answer is unsure: the others are known from elsewhere.
func doubt(m Machine, r Reason) (Machine, bool) {
	m.Doubted = true
	if m.State == MachineCreating {
		return become(MachineUnsure)(m, r)
	}
	return m, true
}

func reappear(m Machine, _ Reason) (Machine, bool) {
	m.State, m.Reason = MachineDeleting, BecauseStray
	return m, true
}

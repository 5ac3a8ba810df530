package judge

import "github.com/tachograph/tacho/internal/core/fault"

// Status is where an alert stands.
type Status string

// The statuses. The states of confirmation (suspected, checking, confirmed, refuted, undecided) will come before Active in this table.
const (
	Active    Status = "active"
	Dismissed Status = "dismissed" // somebody looked and put it aside
	Silenced  Status = "silenced"  // its branch's head was replaced
)

// Event is what happens to an alert.
type Event string

// The events.
const (
	Dismiss     Event = "dismiss"
	Reactivate  Event = "reactivate"
	ReplaceHead Event = "replace_head"
)

// transitions is the one table. What is not in it is refused.
var transitions = map[Status]map[Event]Status{
	Active:    {Dismiss: Dismissed, ReplaceHead: Silenced, Reactivate: Active},
	Dismissed: {Reactivate: Active, Dismiss: Dismissed, ReplaceHead: Silenced},
	Silenced:  {ReplaceHead: Silenced},
}

// Next returns the status after event. A silenced alert belongs to a head that is gone and stays silent: a Conflict fault.
func Next(s Status, e Event) (Status, error) {
	next, ok := transitions[s][e]
	if !ok {
		return s, fault.Conflictf("an alert that is %s cannot be changed by %s", s, e)
	}
	return next, nil
}

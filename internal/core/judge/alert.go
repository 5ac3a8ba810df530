package judge

import "github.com/tachograph/tacho/internal/core/fault"

// Status is where an alert stands in its life. It is born Active, in the transaction that writes the value that broke a limit.
//
// The states of confirmation (suspected, checking, confirmed, refuted, undecided) belong before Active in the same table: an alert will
// then be born suspected, a confirmed one becomes Active, a refuted one is never shown as Active. The events of people stay as they are.
type Status string

// The statuses, spelled as on the wire.
const (
	Active    Status = "active"
	Dismissed Status = "dismissed" // somebody looked and put it aside
	Silenced  Status = "silenced"  // its branch's head was replaced: what it compared with is gone
)

// Event is what happens to an alert.
type Event string

// The events.
const (
	Dismiss     Event = "dismiss"      // a person puts it aside
	Reactivate  Event = "reactivate"   // a person takes that back
	ReplaceHead Event = "replace_head" // the branch starts anew from another point
)

// transitions is the one table of an alert's life. What is not in it is refused. An event that leads to where the alert stands already is
// legal, because two people may press the same button.
var transitions = map[Status]map[Event]Status{
	Active:    {Dismiss: Dismissed, Reactivate: Active, ReplaceHead: Silenced},
	Dismissed: {Dismiss: Dismissed, Reactivate: Active, ReplaceHead: Silenced},
	Silenced:  {ReplaceHead: Silenced},
}

// Next returns the status after event. What the table does not have is a Conflict fault and leaves the status as it is: a silenced alert
// belongs to a head that is gone, and nobody can act on it.
func Next(s Status, e Event) (Status, error) {
	next, ok := transitions[s][e]
	if !ok {
		return s, fault.Conflictf("an alert that is %s cannot take %s", s, e)
	}
	return next, nil
}

// Package notify is the room of events: the outbox. Whoever changes something that others are to be told of writes an event in the same
// transaction (Write). So there is an event for each change that was committed, and none for one that was not. A Dispatcher tells the
// subscribers afterwards.
//
// # What is promised
//
// Each subscriber is told of each event of its kinds at least once: also when a server dies between the commit and the delivery, or between
// the delivery and the note of it. An event has the same ID whenever it is told, so that a receiver can know a repetition.
//
// Of one subject (a report, an alert, a job), a subscriber is told in the order of the changes: who writes an event holds the subject's row
// until its commit, which makes that the order of Seq; and the next is not told before the one before it was delivered or given up.
//
// A subscriber that fails holds no other one up. A delivery that failed is tried again after a pause, which doubles; after
// limits.DeliveryTries it is given up, and its row says why. Delivered events are kept for limits.EventKeep and given up ones for
// limits.EventLife.
//
// # How
//
// A new event is spread: it gets a row for each subscriber that is registered at that moment. One that is registered later hears of later
// events. A dispatcher takes some rows of a subscriber that are due, counts an attempt for each, gives each a new number of its lease, and
// puts due to the lease's end. An answer under an older number changes nothing: somebody else has taken the row since. Several servers on
// one database share the work; each delivery is one server's at a time.
//
// # What it is not for
//
// What every server must hear, and at once, such as that a follower of a job should look again, does not go this way: a delivery goes to
// one server. That is store's Notify. And an event is no history: the rows that it names are.
//
// The room stands below all nouns, which write to it. What a subscriber does with an event is the subscriber's; they are put together in
// the composition root.
//
// Who calls it: every room above may call Write; the server root registers subscribers and runs the Dispatcher.
package notify

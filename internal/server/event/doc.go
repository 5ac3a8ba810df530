// Package event is the room of what happened to the numbers of a branch on a testbed: change points of its lines, and the events that these
// make, which people are told of and act on. What belongs together, what a machine did and what may happen to an event is in core/event;
// where a level changes is in core/change, and in core/exact for what is counted.
//
// # Looking
//
// The room of reports notes for each head and testbed what is new there (report.News), in the transaction that closes a report. Look takes
// these notes, brings the lines up to date, and lets the notes go with what it wrote. So a look that is killed is done again, a second
// delivery finds nothing to do, and several reports at once cost one look. It computes from a snapshot and writes in a transaction that is
// short; if another look came first, it begins again.
//
// A line has one value for each version: of a report the median of its iterations, of several reports change.Average. Reports that are
// marked as bad are left out, and those of another hardware spec are another line. Its history goes back through the heads that it started
// from; only changes among the head's own versions are its own. Older values are let go in blocks of 1,000 (change.Series), with their
// changes as they were found; what comes late to them changes nothing, unless results went away or a mark was set: then all is looked at
// anew.
//
// # What is kept
//
// So that a look costs what is new, three things are kept packed, which can be thrown away at any time: what a report says of each line
// (report.Span, with its news), what a look must know of lines to leave them alone (line_band, a row for 1,024 of them), and the values of
// lines (line_values), from which it reads on.
//
// # What may be late
//
// A line whose new values are all as expected (within 2.5 standard deviations of its level), and in which nothing is open, is examined at
// every 32nd version only, each line at its own, so that a report costs what its new values cost and not what its history does. A value
// beyond that, which a step of 1.7 standard deviations brings in one of five cases, has the line examined at the version after it, because
// no change is shown that has one value only, and one value in 80 is beyond by chance. It is examined at every version while it is learning
// or has a change that is not settled. So a change may be seen later than it could be, by 31 versions at most, and the smaller it is the
// likelier. What is counted is never late.
//
// # Alerts of thresholds
//
// An active alert is a part of the event that explains it, or of an event of its threshold: one of a measure and a side that stands for
// what no change explains. What people have decided about an event holds for the alerts that come later as far as it goes:
//
//   - within the level that was accepted an alert is counted in silence: at the accepted version or before, or no more than 1 % and 2.5
//     standard deviations of its line beyond the accepted value;
//   - of an event that is ignored all are counted in silence, until the time of that is over: the next alert opens it again;
//   - what is late for an event that is fixed (at its last version or before) is counted in silence.
//
// Any other alert is in an open event, of its own if there is none: beyond an accepted level, of a line other than those that were
// accepted, after what was said to be fixed. The decision about the first event stays. That a report has alerts is told when it is closed
// (notify.AlertRaised), before anybody looks; no event is needed for that, and none keeps it back.
//
// The level accepted with an event of a threshold is that of the newest alert of each line. It goes with the results there, also when they
// are marked as bad: then that of the alert before it holds, and without one none. Alerts of an event that is no longer significant leave
// it, in as many transactions as it takes; a note that all is to be looked at again goes with the last of them.
//
// # Checking
//
// Check has the versions before and after an event measured again, in turns; Checked ends that when the last of the two reports was closed.
// The reports are on a head beside the branch, so that they are history of nothing. An event has one check at a time. It is ended in one
// transaction under the head's lock, and only if it has not ended: to be told twice, or on two servers at once, does no harm, and a check
// of which nobody was told is found by EndChecks. What is retried after that is judged no more.
//
// Who calls it: the edges call Service; the dispatcher of the server root calls CatchUp and Checked when a report was closed, and the root
// calls EndChecks now and then.
package event

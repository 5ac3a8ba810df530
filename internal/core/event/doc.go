// Package event makes events of changes: what people are told of, act on, and see the end of. Many series of a testbed that changed at one
// commit are one event; a machine that became another one is an event, too, and no commit is blamed for it.
//
// The package is pure: changes come from package change (or exact), with version numbers instead of positions; the caller stores what comes
// back. Group says which changes belong together, OfMachine whether a commit is to blame, Match which event of an earlier computation an
// item is, Score in which order events are shown, and Next is the one table of an event's life.
package event

package event

import "slices"

// LeastMoved is how many lines must move, at least, to be a machine's doing.
const LeastMoved = 5

// Around is what a testbed measured around a change: how many of its lines have values on both sides, enough of them after it to show one,
// and how many of these changed at that time.
type Around struct{ Active, Moved int }

// most says whether more than half of the lines moved, and enough of them to say so.
func (a Around) most() bool { return a.Moved >= LeastMoved && 2*a.Moved > a.Active }

// OfMachine says whether a change is the testbed's and not a commit's: most of its lines moved at one time, and those of another testbed
// that measured the same versions did not. Without another testbed nobody can tell, and it is not.
func OfMachine(here Around, others []Around) bool {
	return here.most() && slices.ContainsFunc(others, func(a Around) bool { return a.Active >= LeastMoved && 2*a.Moved <= a.Active })
}

package event

import (
	"math"
	"slices"
)

// Bounds of what is a machine's doing. LeastMoved is how many lines at least.
const (
	LeastMoved  = 5   // lines
	canaryBound = 3.0 // standard deviations
)

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

// Canary is a benchmark that no commit touches, before and after: the logarithm of its ratio, and one standard deviation of it.
type Canary struct{ LogRatio, Sigma float64 }

// CanariesMoved says whether canaries show that the machine changed: the median of their distances from 0 is three standard deviations or
// more. Of none, or of those without noise, nothing is known.
func CanariesMoved(canaries []Canary) bool {
	var distances []float64
	for _, c := range canaries {
		if c.Sigma > 0 && !math.IsNaN(c.LogRatio) {
			distances = append(distances, math.Abs(c.LogRatio)/c.Sigma)
		}
	}
	if len(distances) == 0 {
		return false
	}
	slices.Sort(distances)
	n := len(distances)
	return (distances[(n-1)/2]+distances[n/2])/2 >= canaryBound
}

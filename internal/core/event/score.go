package event

import "math"

// Effect is how large a change is, and how certain.
type Effect struct {
	Before, After float64 // levels, in one unit
	P             float64 // of a change like this by chance; 0 for what is exact
	Settled       bool    // enough values follow
}

const (
	surest    = 12  // −log₁₀ p from which on a change is as certain as can be
	unsettled = 0.5 // of its certainty is left to a change that few values follow
	largest   = 5.0 // a factor of 148: more is no more important
)

// Score is certainty × size: events and their members are shown in its order, the largest first. Size is the natural logarithm of the
// ratio, or what corresponds to it where a level is not positive. It is from 0 to 5.
func (e Effect) Score() float64 {
	size := largest
	if e.Before == e.After {
		size = 0
	} else if e.Before > 0 && e.After > 0 {
		size = math.Abs(math.Log(e.After) - math.Log(e.Before))
	} else if scale := max(math.Abs(e.Before), math.Abs(e.After)); e.Before != 0 && e.After != 0 {
		size = math.Abs(e.After/scale - e.Before/scale)
	}
	certainty := 1.0
	if e.P > 0 {
		certainty = min(max(-math.Log10(e.P)/surest, 0), 1)
	}
	if !e.Settled {
		certainty *= unsettled
	}
	return certainty * min(size, largest)
}

// Total is the score of an event with members of these scores: the root of the sum of their squares, so that many count for more than one,
// and a large one for more than many small ones.
func Total(scores []float64) float64 {
	sum := 0.0
	for _, s := range scores {
		sum += s * s
	}
	return math.Sqrt(sum)
}

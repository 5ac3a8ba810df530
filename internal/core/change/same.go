package change

import "math"

const (
	sameReach  = 5 // versions between two places of one change
	sameFactor = 2 // between its effects
)

// Same pairs changes of an older computation with those of a newer one, after late values or another noise moved them: for each of before
// it returns the index in after, or −1 for one that is no longer significant. Positions of both count the same values.
//
// Two are the same change if they go the same way and their places overlap; failing that, if they are at most five values apart and one
// effect is at most twice the other. Of several the nearest is taken, and each of after is taken once.
func Same(before, after []Change) []int {
	pairs := make([]int, len(before))
	for i := range pairs {
		pairs[i] = -1
	}
	taken := make([]bool, len(after))
	for _, same := range []func(a, b Change) bool{overlap, near} {
		for { // the nearest pair of all first
			best, left, right := math.MaxInt, -1, -1
			for i, a := range before {
				for j, b := range after {
					if d := max(a.Index-b.Index, b.Index-a.Index); pairs[i] < 0 && !taken[j] && d < best && same(a, b) {
						best, left, right = d, i, j
					}
				}
			}
			if left < 0 {
				break
			}
			pairs[left], taken[right] = right, true
		}
	}
	return pairs
}

func overlap(a, b Change) bool {
	return a.Effect*b.Effect > 0 && a.First <= b.Last && b.First <= a.Last
}

func near(a, b Change) bool {
	x, y := a.size(), b.size()
	return a.Effect*b.Effect > 0 && max(a.Index-b.Index, b.Index-a.Index) <= sameReach && max(x, y) <= sameFactor*min(x, y)
}

// size is how large a change is, either way.
func (c Change) size() float64 {
	if c.Scale == Log {
		return math.Abs(math.Log1p(c.Effect))
	}
	return math.Abs(c.Effect)
}

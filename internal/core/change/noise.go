package change

import "math"

// noiseOf is the noise σ of one point of z, on its scale, without knowing where the changes are: 1.4826·MAD of the differences of
// neighbours about their median, over √2. Where more than half of the differences are equal that is 0, and the mean of their sizes over
// 1.128 is taken (the range of two normal values: Shewhart's d₂). σ is at least 10⁻⁴ of the range of z, and tick/√12, the error of
// reading a scale in steps (tick on the scale of z; 0 for none). It is 0 when all values are equal, or there are fewer than two.
func (w *workspace) noiseOf(z []float64, tick float64) float64 {
	if len(z) < 2 {
		return 0
	}
	lowest, highest, steps := z[0], z[0], 0.0
	w.differences = w.differences[:0]
	for i := 1; i < len(z); i++ {
		d := z[i] - z[i-1]
		w.differences = append(w.differences, d)
		steps += math.Abs(d)
		lowest, highest = min(lowest, z[i]), max(highest, z[i])
	}
	if highest == lowest {
		return 0
	}
	sigma := w.spreadAround(w.differences, medianOf(w.differences)) / math.Sqrt2
	if sigma == 0 {
		sigma = steps / float64(len(w.differences)) / 1.128
	}
	return max(sigma, 1e-4*(highest-lowest), tick/math.Sqrt(12))
}

// Bounds of a tick, as parts of the largest value: a finer one is far below any noise, and hard to distinguish from rounding.
const (
	finestTick   = 1e-5
	tickRounding = 1e-9
)

// tickOf is the step in which the values were read: the largest q of which all differences are multiples, in the unit of the values. It is
// 0 where there is none that matters, and below four different values: those of two or three levels are always multiples of something,
// which says nothing of how they were read.
func (w *workspace) tickOf(values []float64) float64 {
	largest := 0.0
	for _, v := range values {
		largest = max(largest, math.Abs(v))
	}
	rounding, finest := largest*tickRounding, largest*finestTick
	tick, levels := 0.0, 0
	var seen [4]float64
	for i, v := range values {
		if levels < len(seen) {
			known := false
			for _, s := range seen[:levels] {
				known = known || s == v
			}
			if !known {
				seen[levels] = v
				levels++
			}
		}
		if i == 0 {
			continue
		}
		d := bounded(math.Abs(v - values[i-1]))
		for d > rounding { // Euclid's, with a remainder that is 0 or the whole divisor within rounding
			if tick == 0 {
				tick = d
				break
			}
			rest := math.Mod(d, tick)
			if tick-rest <= rounding {
				rest = 0
			}
			if rest <= rounding {
				break
			}
			d, tick = tick, rest
			if tick < finest {
				return 0
			}
		}
	}
	if levels < len(seen) {
		return 0
	}
	return tick
}

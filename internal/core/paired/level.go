package paired

import (
	"math"

	"github.com/tachograph/tacho/internal/core/stats"
)

// levels and pocockAt are the boundaries of a difference at other levels than 5 %, from stats.Boundaries with the same spending.
var (
	levels   = []float64{0.05, 0.01, 0.001, 1e-4, 1e-5, 1e-6}
	pocockAt = [][]float64{
		pocockDifferent,
		{3.0494, 3.1309, 3.0886, 3.0771, 2.9685, 2.9636},
		{3.6843, 3.7781, 3.7469, 3.7451, 3.6485, 3.6539},
		{4.2342, 4.3313, 4.3060, 4.3094, 4.2197, 4.2307},
		{4.7257, 4.8223, 4.8004, 4.8071, 4.7224, 4.7369},
		{5.1739, 5.2683, 5.2488, 5.2576, 5.1768, 5.1935},
	}
)

// levelOf is the smallest level at which Pocock's rule would have found a difference at a look: the repeated p-value (Jennison and
// Turnbull 2000, §9.3). Its minimum over all looks is a p-value, because at most a share α of trials without a difference ever goes below
// α. Between the levels of the table it is interpolated, ln α against z², which is nearly a line; it is never below the last one.
func (t *Trial) levelOf(statistic float64, look int, degrees float64) float64 {
	z := -stats.NormalQuantile(stats.StudentTail(statistic, degrees) / 2)
	at := len(pocockDifferent) - len(t.looks) + look
	if z <= pocockAt[0][at] {
		return levels[0] // it was over the boundary by less than rounding
	}
	for i := 1; i < len(levels); i++ {
		low, high := pocockAt[i-1][at], pocockAt[i][at]
		if z < high {
			part := (z*z - low*low) / (high*high - low*low)
			return math.Exp(math.Log(levels[i-1])*(1-part) + math.Log(levels[i])*part)
		}
	}
	return levels[len(levels)-1]
}

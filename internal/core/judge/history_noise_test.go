package judge

import (
	"math"
	"math/rand/v2"
	"testing"

	measures "github.com/tachograph/tacho/internal/core/unit"
)

// TestTheNoiseOfRunsIsNotThatOfReports is why a history that is too short to tell its own spread is not judged by what runs of identical
// code have shown: runs of one job share its host and its day, and reports do not. Of 1,000 reports of the same code that rule suspects 1
// if days and hosts make no difference, and the more the more they do; the spread of five reports suspects 1 of them whatever they do.
// docs/statistics.md has the figures.
func TestTheNoiseOfRunsIsNotThatOfReports(t *testing.T) {
	t.Parallel()
	const runSD, trials = 0.01, 20_000
	edge := 3.2905 // of the normal distribution, at α = 0.001 on both sides: the noise is known well
	draw := rand.New(rand.NewPCG(7, 11))
	for _, c := range []struct {
		runs         int     // of a report
		between      float64 // sd between reports, as a multiple of that between runs
		byNoise, own float64 // false suspicions of 1,000 by the noise of runs, and by that of five reports
	}{{1, 0, 1, 1}, {1, .5, 3.3, 1}, {1, 1, 20, 1}, {1, 2, 141, 1}, {5, .5, 28, 1}, {5, 1, 179, 1}, {5, 2, 473, 1}} {
		report := func() float64 {
			sum := 0.0
			for range c.runs {
				sum += runSD * draw.NormFloat64()
			}
			return math.Log(100) + c.between*runSD*draw.NormFloat64() + sum/float64(c.runs)
		}
		byNoise, own := 0, 0
		for range trials {
			base := make([]Reported, 5)
			mean := 0.0
			for i := range base {
				x := report()
				if base[i] = (Reported{Value: math.Exp(x)}); i < 3 { // too few to be judged by
					mean += x / 3
				}
			}
			head := report()
			if math.Abs(head-mean) > edge*runSD/math.Sqrt(float64(c.runs))*math.Sqrt(1+1./3) {
				byNoise++
			}
			if AgainstHistory(measures.Measure{}, base, []Reported{{Value: math.Exp(head)}}, Policy{}).Outlook == Suspicious {
				own++
			}
		}
		for name, of := range map[string][2]float64{"the noise of runs": {float64(byNoise), c.byNoise},
			"five reports": {float64(own), c.own}} {
			got, want := of[0]/trials*1000, of[1]
			if apart := 4 * math.Sqrt(want*(1000-want)/trials); math.Abs(got-want) > apart+.05*want {
				t.Errorf("%d runs a report, %g between reports: by %s %.1f of 1,000 are suspected, want %.1f ± %.1f", c.runs, c.between, name, got,
					want, apart)
			}
		}
	}
}

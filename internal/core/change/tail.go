package change

import (
	"math"

	"github.com/tachograph/tacho/internal/core/stats"
)

const (
	suspicious  = 1e-3 // two-sided: one stable value in a thousand is suspected by chance, if it is normal
	judgedFrom  = 8    // values of a regime, at least, that the newest one is compared with
	learnRatio  = 2    // while that is unknown: by what factor a value must be off
	foundAfter  = 20   // values after a step for Detectable
	foundChance = 0.8
)

// tail looks at the newest value, and says what could be seen from here on.
func (e *examination) tail(r *Result) {
	n := len(e.z)
	if n == 0 {
		return
	}
	start := 0
	if k := len(e.shifts); e.inflation > 0 && k > 0 {
		start = e.shifts[k-1].at
	}
	r.Regime = e.at[start]
	r.Learning = n < smallestSeries || n-start < learned
	if !r.Learning && e.sigma > 0 {
		r.Detectable = e.detectable(e.z[start:])
	}
	if e.at[n-1] != r.Values-1 {
		return // the newest run failed
	}
	history, newest := e.z[max(start, n-1-sideMax):n-1], e.z[n-1]
	if len(history) == 0 {
		return
	}
	center, half := e.median(history), math.Log(learnRatio)
	if len(history) >= judgedFrom && !r.Learning {
		l := e.levelOf(history, e.sigma)
		spread := max(math.Sqrt(l.variance), e.spreadAround(history, e.median(history)))
		if spread == 0 {
			spread = e.sigma
		}
		size := float64(len(history))
		center, half = l.mean, stats.StudentQuantile(1-suspicious/2, size-1)*spread*math.Sqrt(1+1/size)
	} else if e.scale == Raw {
		size := math.Abs(e.value(center)) / e.unit
		half = size / learnRatio
		if newest > center {
			half = size * (learnRatio - 1)
		}
		if size == 0 {
			return
		}
	}
	if math.Abs(newest-center) > half {
		r.Suspicion = &Suspicion{Index: r.Values - 1, Lower: e.value(center - half), Upper: e.value(center + half), Learning: r.Learning}
	}
}

// detectable is the smallest step from the regime z to one of 20 values that choosing and proving let pass in four of five cases:
// the t test asks for Δ ≥ bar·√f·se, Schwarz's criterion for a gain (n/2)·ln(1 + Δ²·w/(n·s²)) ≥ 2.5·ln n with w =
// m·b/(m+b) for regimes of m and b values, and both are met with chance 0.8 when Δ is larger by Φ⁻¹(0.8) standard errors.
func (e *examination) detectable(z []float64) float64 {
	l := e.levelOf(z, e.sigma)
	s := math.Sqrt(l.shrunk(e.sigma))
	n, m, b := float64(len(e.z)+foundAfter), float64(len(z)), float64(foundAfter)
	inflation := max(1, e.inflation)
	near := min(m, sideMax)
	proof := (bar(int(n)) + stats.NormalQuantile(foundChance)) * math.Sqrt(inflation*(1/near+1/b)) * s
	weight := m * b / (m + b)
	choice := math.Sqrt(n/weight*math.Expm1(2*float64(Normal)*math.Log(n)/n)) * s
	choice += stats.NormalQuantile(foundChance) * math.Sqrt(inflation/weight) * s
	return e.effect(max(proof, choice))
}

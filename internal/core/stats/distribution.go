package stats

import (
	"math"
	"sync"

	"gonum.org/v1/gonum/stat/distuv"
)

// StudentQuantile returns t⁻¹(p; degrees): the p-quantile, p ∈ (0,1), of Student's t distribution with the given degrees of freedom > 0.
// It has no unit.
//
// It is found by iteration. The series of a report mostly have one number of samples and one
// level, so the last results are kept.
func StudentQuantile(p, degrees float64) float64 { return students.at(studentKey{p, degrees}) }

type studentKey struct{ p, degrees float64 }

// studentsKept bounds what is kept; it is all forgotten when it is full.
const studentsKept = 4_096

var students = quantiles{known: map[studentKey]float64{}}

// quantiles are the results of a pure function. It is safe for concurrent use.
type quantiles struct {
	mu    sync.RWMutex
	known map[studentKey]float64
}

func (q *quantiles) at(k studentKey) float64 {
	q.mu.RLock()
	t, known := q.known[k]
	q.mu.RUnlock()
	if known {
		return t
	}
	t = studentQuantile(k)
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.known) >= studentsKept {
		clear(q.known)
	}
	q.known[k] = t
	return t
}

func studentQuantile(k studentKey) float64 {
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: k.degrees}.Quantile(k.p)
}

// NormalQuantile returns Φ⁻¹(p): the p-quantile, p ∈ (0,1), of the standard normal distribution. It has no unit.
func NormalQuantile(p float64) float64 { return distuv.UnitNormal.Quantile(p) }

// StudentTail returns P(|T| > |t|) for Student's t distribution with the given degrees of freedom > 0: the two-sided p-value of t. NaN when
// either is NaN.
func StudentTail(t, degrees float64) float64 {
	if math.IsNaN(t) || math.IsNaN(degrees) {
		return math.NaN()
	}
	if math.IsInf(t, 0) {
		return 0
	}
	return min(1, 2*distuv.StudentsT{Mu: 0, Sigma: 1, Nu: degrees}.CDF(-math.Abs(t)))
}

// NormalCDF returns Φ(z), accurate in both tails.
func NormalCDF(z float64) float64 { return 0.5 * math.Erfc(-z/math.Sqrt2) }

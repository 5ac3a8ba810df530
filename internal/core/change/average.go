package change

import "math"

// Average is the value of one version that has several reports: their geometric mean, because reports differ by factors, or their mean if
// one of them is not positive. It is NaN for none.
func Average(reports []float64) float64 {
	n, logs, largest := float64(len(reports)), 0.0, 0.0
	positive := true
	for _, v := range reports {
		positive = positive && v > 0
		largest = max(largest, math.Abs(v))
	}
	switch {
	case len(reports) == 1:
		return reports[0]
	case n == 0:
		return math.NaN()
	case largest == 0:
		return 0
	case positive:
		for _, v := range reports {
			logs += math.Log(v)
		}
		return math.Exp(logs / n)
	}
	sum := 0.0
	for _, v := range reports {
		sum += v / largest
	}
	return sum / n * largest
}

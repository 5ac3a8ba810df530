package unit

import "math"

// nearZero is the part of a value below which a base is as good as zero: a change to it in percent is a number of many digits that says
// nothing.
const nearZero = 1e-6

// Percent is the change from base to value in percent of the base's amount. It is not ok where there is nothing to divide by: the base is
// zero, or next to nothing beside the value, or one of them is not finite.
func Percent(base, value float64) (percent float64, ok bool) {
	amount := math.Abs(base)
	if !(amount > nearZero*math.Abs(value)) || math.IsInf(amount, 0) {
		return 0, false
	}
	percent = (value - base) / amount * 100
	return percent, !math.IsNaN(percent) && !math.IsInf(percent, 0)
}

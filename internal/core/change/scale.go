package change

import (
	"math"

	"github.com/tachograph/tacho/internal/core/fault"
)

// Scale is the scale on which values are compared.
type Scale int

// The scales. Log is the zero value: most measures are positive, and what changes them multiplies.
const (
	Log Scale = iota // natural logarithms: an effect is a ratio less 1
	Raw              // the values: an effect is a difference, in their unit
)

// String is "log" or "raw".
func (s Scale) String() string {
	if s == Raw {
		return "raw"
	}
	return "log"
}

// failedReach is how many neighbours on each side a zero must be alone among to be taken as a failed run.
const failedReach = 5

// scaleOf says on which scale values are compared: on the logarithmic one when all are positive, but for zeros that are alone among five
// positive neighbours on each side, which are failed runs and missing. Other zeros, and negative values, are real, and the scale is raw.
func scaleOf(values []float64) Scale {
	last := -failedReach - 1 // the zero before
	positive := false
	for i, v := range values {
		switch {
		case v < 0 || v == 0 && i-last <= failedReach:
			return Raw
		case v == 0:
			last = i
		default:
			positive = true
		}
	}
	if !positive {
		return Raw
	}
	return Log
}

// load puts values on their scale: z, and at, the position of each of z. z counts from the first value, origin: as logarithms of ratios to
// it, or as differences over unit, a power of two that is not below any value. So another unit or another zero rounds nothing differently.
func (w *workspace) load(values []float64) (scale Scale, origin, unit float64) {
	w.z, w.at = w.z[:0], w.at[:0]
	scale, unit = scaleOf(values), 1
	if scale == Raw {
		largest := 0.0
		for _, v := range values {
			largest = max(largest, math.Abs(v))
		}
		_, exponent := math.Frexp(largest)
		unit = math.Ldexp(1, min(exponent, 1023))
	}
	for i, v := range values {
		if scale == Log && v == 0 {
			continue
		}
		if len(w.z) == 0 {
			origin = v
		}
		if scale == Raw {
			w.z = append(w.z, v/unit-origin/unit)
		} else if ratio := v / origin; ratio > 1e-300 && ratio < 1e300 {
			w.z = append(w.z, math.Log(ratio))
		} else {
			w.z = append(w.z, math.Log(v)-math.Log(origin))
		}
		w.at = append(w.at, i)
	}
	return scale, origin, unit
}

// checkValues refuses what is no measurement.
func checkValues(values []float64, first int) error {
	for i, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fault.New(fault.Invalid, "value %d of the series is %v: it is not a measurement; leave the point out", first+i+1, v)
		}
	}
	return nil
}

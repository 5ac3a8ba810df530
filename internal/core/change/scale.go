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

// load puts values on their scale: z, and at, the position of each of z. Raw values are divided by the largest of them, so that nothing
// overflows; that is unit.
func (w *workspace) load(values []float64) (scale Scale, unit float64) {
	w.z, w.at = w.z[:0], w.at[:0]
	scale, unit = scaleOf(values), 1
	if scale == Raw {
		unit = 0
		for _, v := range values {
			unit = max(unit, math.Abs(v))
		}
		if unit == 0 {
			unit = 1
		}
	}
	for i, v := range values {
		switch {
		case scale == Raw:
			w.z = append(w.z, v/unit)
		case v == 0:
			continue
		default:
			w.z = append(w.z, math.Log(v))
		}
		w.at = append(w.at, i)
	}
	return scale, unit
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

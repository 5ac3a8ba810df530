package unit

import (
	"math"
	"strconv"
	"strings"
)

// step is one scale of a family: factor base units are one of name.
type step struct {
	factor float64
	name   string
}

// The families of units that have names for their scales, largest first. Bytes are scaled by 1000, as their SI prefixes say.
var (
	times = []step{{3600, "h"}, {60, "min"}, {1, "s"}, {1e-3, "ms"}, {1e-6, "µs"}, {1e-9, "ns"}} // base: second
	sizes = []step{{1e12, "TB"}, {1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}, {1, "B"}}                // base: byte
)

// spelling is how a unit of a family is written in a short form.
type spelling struct {
	family []step
	factor float64 // base units in one of it
}

var spellings = map[string]spelling{
	"ns": {times, 1e-9}, "nsec": {times, 1e-9}, "us": {times, 1e-6}, "µs": {times, 1e-6}, "usec": {times, 1e-6},
	"ms": {times, 1e-3}, "msec": {times, 1e-3}, "s": {times, 1}, "sec": {times, 1},
	"B": {sizes, 1}, "bytes": {sizes, 1}, "kB": {sizes, 1e3}, "KB": {sizes, 1e3}, "MB": {sizes, 1e6}, "GB": {sizes, 1e9}, "TB": {sizes, 1e12},
}

// unscaled are short forms whose values never take a prefix.
var unscaled = map[string]bool{"%": true, "dB": true, "°C": true}

// parts is a short form taken apart: "p99-ns" is nanoseconds, "MB/s" is megabytes per s.
type parts struct {
	spelling
	per string // what stands behind the slash, without it
}

// split takes a short form apart. What stands before the last '-', '_' or space only says of what: the measure's name says it too.
func split(short string) parts {
	unit, per, _ := strings.Cut(short, "/")
	if known, ok := spellings[unit]; ok {
		return parts{known, per}
	}
	if cut := strings.LastIndexAny(unit, "-_ "); cut >= 0 {
		if known, ok := spellings[unit[cut+1:]]; ok {
			return parts{known, per}
		}
	}
	return parts{per: per}
}

// Format writes value, which is in units, for people: scaled to the largest step in which it is at least 1, with four significant digits
// and without trailing zeros: "1.235 µs", "52.17 MB/s", "1.2k allocs/op". Units without named steps take the prefixes k, M, G and T from
// 10,000 on; percentages and decibels take none; the units "units" are not printed. Values that are not finite are written as NaN, +Inf,
// -Inf.
func Format(value float64, units string) string {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return strconv.FormatFloat(value, 'g', -1, 64)
	}
	short := Short(units)
	p := split(short)
	base := value * p.factor
	if p.family == nil || math.IsInf(base, 0) || base == 0 && value != 0 {
		return plain(value, short)
	}
	suffix := ""
	if p.per != "" {
		suffix = "/" + p.per
	}
	chosen := p.family[len(p.family)-1]
	if value == 0 { // zero of what was measured: "0 MB/s", not "0 B/s"
		chosen = step{p.factor, nameOf(p.spelling)}
	}
	for _, s := range p.family {
		if math.Abs(rounded(base/s.factor)) >= 1 {
			chosen = s
			break
		}
	}
	return digits(base/chosen.factor) + " " + chosen.name + suffix
}

// nameOf is how the family itself names the unit.
func nameOf(u spelling) string {
	for _, s := range u.family {
		if s.factor == u.factor {
			return s.name
		}
	}
	return u.family[len(u.family)-1].name
}

// plain writes a value of a unit that has no names for its scales.
func plain(value float64, short string) string {
	suffix := ""
	if short != Generic && short != "" {
		suffix = " " + short
	}
	if !unscaled[short] && math.Abs(rounded(value)) >= 1e4 {
		for _, s := range []step{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
			if math.Abs(rounded(value/s.factor)) >= 1 {
				return digits(value/s.factor) + s.name + suffix
			}
		}
	}
	return digits(value) + suffix
}

// significant digits: one more than the three that a benchmark on a quiet machine can defend, so that neighbours can be told apart.
const significant = 4

// rounded is v as digits prints it, so that 999.96 ns is chosen as 1 µs and not printed as 1000 ns.
func rounded(v float64) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', significant, 64), 64)
	if err != nil { // rounding up passed the largest float
		return v
	}
	return r
}

// digits prints the significant digits of v without trailing zeros, and all digits of a larger whole part that still fits a table's cell.
func digits(v float64) string {
	abs := math.Abs(v)
	switch {
	case v == 0:
		return "0"
	case abs >= 1e9 || abs < 1e-6:
		return strconv.FormatFloat(rounded(v), 'g', -1, 64)
	case abs >= 9999.5:
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(rounded(v), 'f', -1, 64)
}

// Package unit knows measures and their units: which direction is better, and how to write a value so that people can read it.
//
// Units are the texts that travel on the wire ("nanoseconds (ns)"); what stands in the last parentheses is the short form, and the short
// form decides how values are scaled. The package converts nothing that is stored: adapters bring values to the measure's unit.
package unit

import (
	"math"
	"strconv"
	"strings"

	"github.com/tachograph/tacho/internal/core/fault"
)

// Direction says which direction of a measure is better.
type Direction string

// The directions, spelled as on the wire.
const (
	Unknown Direction = "unknown"
	Lower   Direction = "lower"
	Higher  Direction = "higher"
)

// ParseDirection reads a direction; the empty text is Unknown.
func ParseDirection(s string) (Direction, error) {
	switch d := Direction(s); d {
	case "":
		return Unknown, nil
	case Unknown, Lower, Higher:
		return d, nil
	}
	return Unknown, fault.Invalidf("direction %q: want lower, higher or unknown", s)
}

// Measure is what was measured.
type Measure struct {
	Name      string // for people
	Slug      string // for addresses; empty: made from the name
	Units     string
	Direction Direction
}

// Units of the built-in measures, spelled as Bencher spells them, and those of Go.
const (
	Nanoseconds     = "nanoseconds (ns)"
	Seconds         = "seconds (s)"
	Bytes           = "bytes (B)"
	OpsPerSecond    = "operations / second (ops/s)"
	BytesPerOp      = "bytes / operation (B/op)"
	AllocsPerOp     = "allocations / operation (allocs/op)"
	MegabytesPerSec = "megabytes / second (MB/s)"
	Generic         = "units"
)

// The built-in measures.
var (
	Latency     = Measure{"Latency", "latency", Nanoseconds, Lower}
	Throughput  = Measure{"Throughput", "throughput", OpsPerSecond, Higher}
	BuildTime   = Measure{"Build Time", "build-time", Seconds, Lower}
	FileSize    = Measure{"File Size", "file-size", Bytes, Lower}
	Allocated   = Measure{"Allocated", "allocated", BytesPerOp, Lower}
	Allocations = Measure{"Allocations", "allocations", AllocsPerOp, Lower}
	Bandwidth   = Measure{"Bandwidth", "bandwidth", MegabytesPerSec, Higher}
	UserTime    = Measure{"User Time", "user-time", Nanoseconds, Lower}
	SystemTime  = Measure{"System Time", "system-time", Nanoseconds, Lower}
	PeakMemory  = Measure{"Peak Memory", "peak-memory", Bytes, Lower}
)

var known = []Measure{Latency, Throughput, BuildTime, FileSize, Allocated, Allocations, Bandwidth, UserTime, SystemTime, PeakMemory}

// KnownMeasure returns the built-in measure of that name (without regard to case) or slug.
func KnownMeasure(nameOrSlug string) (Measure, bool) {
	for _, m := range known {
		if m.Slug == nameOrSlug || strings.EqualFold(m.Name, nameOrSlug) {
			return m, true
		}
	}
	return Measure{}, false
}

// Guess returns the measure of a tool's own unit, such as Go's "p99-ns" or "reqs/s": its name is the unit, its direction follows from the
// suffix: times, sizes and counts per operation are better lower, rates are better higher, the rest is not known.
func Guess(toolUnit string) Measure {
	m := Measure{Name: toolUnit, Units: toolUnit, Direction: Unknown}
	switch {
	case strings.HasSuffix(toolUnit, "/s"), strings.HasSuffix(toolUnit, "/sec"):
		m.Direction = Higher
	case strings.HasSuffix(toolUnit, "/op"), strings.HasSuffix(toolUnit, "ns"), strings.HasSuffix(toolUnit, "-bytes"), strings.HasSuffix(toolUnit, "-sec"):
		m.Direction = Lower
	}
	return m
}

// Short returns the short form of units: what stands in the last parentheses, else the whole.
func Short(units string) string {
	if open := strings.LastIndexByte(units, '('); open >= 0 && strings.HasSuffix(units, ")") {
		return units[open+1 : len(units)-1]
	}
	return units
}

type step struct {
	factor float64 // of the base
	name   string
}

// scales are the steps of a short form, largest first. B is scaled by 1000, as its SI prefixes say.
var scales = map[string][]step{
	"ns":    {{3.6e12, "h"}, {60e9, "min"}, {1e9, "s"}, {1e6, "ms"}, {1e3, "µs"}, {1, "ns"}},
	"s":     {{3600, "h"}, {60, "min"}, {1, "s"}, {1e-3, "ms"}, {1e-6, "µs"}, {1e-9, "ns"}},
	"B":     {{1e12, "TB"}, {1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}, {1, "B"}},
	"B/op":  {{1e9, "GB/op"}, {1e6, "MB/op"}, {1e3, "kB/op"}, {1, "B/op"}},
	"MB/s":  {{1e6, "TB/s"}, {1e3, "GB/s"}, {1, "MB/s"}, {1e-3, "kB/s"}},
	"ops/s": {{1e9, "G ops/s"}, {1e6, "M ops/s"}, {1e3, "k ops/s"}, {1, "ops/s"}},
}

// Format writes value, given in units, scaled to the step in which it is at least 1, with four significant digits and no trailing zeros:
// "1.234 µs", "12.5 MB/s". Units without steps get the prefixes k, M and G from 10,000 on; "units" itself is not printed.
func Format(value float64, units string) string {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return strconv.FormatFloat(value, 'g', -1, 64)
	}
	short := Short(units)
	steps, ok := scales[short]
	if !ok {
		suffix := ""
		if short != Generic && short != "" {
			suffix = " " + short
		}
		return plain(value) + suffix
	}
	if value == 0 {
		return "0 " + short
	}
	chosen := steps[len(steps)-1]
	for _, s := range steps {
		if rounded(math.Abs(value)/s.factor) >= 1 {
			chosen = s
			break
		}
	}
	return digits(value/chosen.factor) + " " + chosen.name
}

func plain(value float64) string {
	abs := math.Abs(value)
	for _, s := range []step{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if abs >= 1e4 && abs >= s.factor {
			return digits(value/s.factor) + s.name
		}
	}
	return digits(value)
}

// rounded is v as digits prints it, so that 999.96 ns is chosen as 1 µs and not printed as 1000 ns.
func rounded(v float64) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 4, 64), 64)
	if err != nil {
		return v
	}
	return r
}

// digits prints four significant digits, or all digits of a larger whole part.
func digits(v float64) string {
	if math.Abs(v) >= 9999.5 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	if math.Abs(v) < 1e-6 && v != 0 {
		return strconv.FormatFloat(v, 'g', 4, 64)
	}
	return strconv.FormatFloat(rounded(v), 'f', -1, 64)
}

// Package unit knows measures and their units: which direction is better, and how to write a value so that people can read it.
//
// Units are the texts that travel on the wire ("nanoseconds (ns)"); what stands in the last parentheses is the short form, and the short
// form decides how values are scaled. Adapters call KnownMeasure and Guess and bring their values to the measure's unit; pages and the CLI
// call Format. The package converts nothing that is stored and reads no formatted text back.
package unit

import (
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

func (d Direction) String() string { return string(d) }

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

// Measure is what was measured. It is handed on as a pointer, because a report has it once for each metric; whoever wants
// a built-in one otherwise changes a copy.
type Measure struct {
	Name      string // for people
	Slug      string // for addresses; empty: made from the name
	Units     string
	Direction Direction
	Exact     bool // it is counted, not timed: the same program gives the same value, and any change is one
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
	Percentage      = "percentage (%)"
	Generic         = "units"
)

// knownBy has the built-in measures by slug, by name, and by name in small letters.
var knownBy = func() map[string]*Measure {
	out := make(map[string]*Measure, 3*len(known))
	for _, m := range known {
		out[m.Slug], out[m.Name], out[lower(m.Name)] = m, m, m
	}
	return out
}()

func lower(s string) string { return strings.ToLower(s) }

// knownBytes is more than the name of a built-in measure has.
const knownBytes = 64

// appendLower appends a short text of ASCII in small letters; nil: it is none.
func appendLower(to []byte, text string) []byte {
	if len(text) > cap(to) {
		return nil
	}
	for i := range len(text) {
		c := text[i]
		if c >= 0x80 {
			return nil
		}
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		to = append(to, c)
	}
	return to
}

// KnownMeasure returns the built-in measure of that name (without regard to case) or slug.
func KnownMeasure(nameOrSlug string) (*Measure, bool) {
	m, ok := knownBy[nameOrSlug]
	if ok {
		return m, true
	}
	var room [knownBytes]byte
	if small := appendLower(room[:0], nameOrSlug); small != nil { // most names are no built-in measure's, and need not be made twice for that
		m, ok = knownBy[string(small)]
	} else {
		m, ok = knownBy[lower(nameOrSlug)]
	}
	return m, ok && lower(m.Name) == lower(nameOrSlug)
}

// Guess returns the measure of a tool's own unit, such as Go's "p99-ns" or "reqs/s": its name is the unit, and its direction follows from
// the unit: times, sizes and what is counted for each operation are better lower, rates are better higher, the rest is Unknown.
func Guess(toolUnit string) *Measure {
	m := &Measure{Name: toolUnit, Units: toolUnit, Direction: Unknown}
	p := split(Short(toolUnit))
	switch {
	case p.per == "s" || p.per == "sec" || p.per == "min":
		m.Direction = Higher
	case p.per == "op" || p.family != nil:
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

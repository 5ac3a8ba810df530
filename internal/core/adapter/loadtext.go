package adapter

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/unit"
)

// What load generators have in common: lines of a label and a value, and banners that scripts print between several runs.

// after is what stands behind a label at the beginning of the line, without spaces around it.
func after(line []byte, label string) (rest []byte, ok bool) {
	if line = read.TrimIndent(line); !read.HasPrefix(line, label) {
		return nil, false
	}
	return bytes.TrimSpace(line[len(label):]), true
}

// firstNumber is the number that a text begins with.
func firstNumber(text []byte) read.Opt {
	word, _ := read.NextWord(text)
	for n := len(word); n > 0 && (word[n-1] == '%' || word[n-1] == ',' || word[n-1] == ';' || word[n-1] == 's' ||
		word[n-1] == ')'); n = len(word) {
		word = word[:n-1]
	}
	v, ok := read.GroupedNumber(word, ',')
	return read.Opt{Value: v, OK: ok && read.Finite(v)}
}

// banner is the name in a line "=== name ===" that a script printed to tell several runs apart; a closing one begins with "end ".
func banner(line []byte) (name string, ok bool) {
	rest, ok := bytes.CutPrefix(line, []byte("=== "))
	if !ok {
		return "", false
	}
	inside, ok := bytes.CutSuffix(bytes.TrimRight(rest, " "), []byte(" ==="))
	name = read.OneLine(string(inside))
	return name, ok && !strings.HasPrefix(name, "end ")
}

// titled is a benchmark's own name behind the banner's, which is left out where the name begins with it.
func titled(banner, own string) string {
	if strings.HasPrefix(own, banner) {
		return own
	}
	return joinNames(" / ", banner, own)
}

// Measures of load that more than one tool has.
var (
	requests         = &unit.Measure{Name: "Requests", Slug: "requests", Units: "requests", Direction: unit.Unknown}
	requestsFailed   = &unit.Measure{Name: "Failed Requests", Slug: "failed-requests", Units: "requests", Direction: unit.Lower}
	failureRatio     = &unit.Measure{Name: "Failure Ratio", Slug: "failure-ratio", Units: unit.Percentage, Direction: unit.Lower}
	responseSize     = &unit.Measure{Name: "Response Size", Slug: "response-size", Units: unit.Bytes, Direction: unit.Unknown}
	latencyDeviation = &unit.Measure{Name: "Latency Deviation", Slug: "latency-deviation", Units: unit.Nanoseconds, Direction: unit.Lower}
)

// shortFloat is a number as people write it: "99.9".
func shortFloat(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

package adapter

import (
	"bytes"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/unit"
)

// console.timeEnd prints "name: 12.345ms" in Node, in larger units from a second on: "name: 1.234s", "name: 2:03.456 (m:ss.mmm)", "name:
// 1:02:03.456 (h:mm:ss.mmm)". Browsers write "name: 12ms - timer ended", Node 13 "name: 1.005min" and "name: 1.250h", and Bun on its
// standard error "[12.34ms] name", which magic does not take: build tools print the same.
//
// Identity is the label; one that ends more than once gives samples. Almost any program may print such a line, so magic takes it only
// where nothing else is found.
var jsTimeTool = tool{
	name: "js_time", about: "console.time and timeEnd", example: `tacho run --adapter js_time "node script.js"`,
	measures: []string{"Latency (ns, lower)"}, samples: "each end of the same timer",
	needles: []string{": "}, hit: hitJSTime, weak: true, trace: "a line has a name, a colon and a time",
	parse: parseJSTime, averages: []Average{AverageMean, AverageMedian},
}

// hitJSTime asks for decimals, which Node nearly always prints: "finished in: 3s" is any program's.
func hitJSTime(line []byte) int {
	name, _, ok := readJSTime(line)
	if !ok || line[0] == '[' || len(name) > 100 || bytes.IndexByte(line[len(name):], '.') < 0 && !bytes.HasSuffix(line, []byte(" - timer ended")) {
		return 0
	}
	return 20
}

func readJSTime(line []byte) (name []byte, nanos float64, ok bool) {
	line = bytes.TrimSuffix(bytes.TrimSpace(line), []byte(" - timer ended"))
	if rest, ok := bytes.CutPrefix(line, []byte("[")); ok {
		took, label, _ := bytes.Cut(rest, []byte("] "))
		if nanos, ok := jsDuration(took); ok && len(label) > 0 {
			return bytes.TrimSpace(label), nanos, true
		}
	}
	if len(line) == 0 || bytes.IndexByte([]byte("s)nh"), line[len(line)-1]) < 0 {
		return nil, 0, false
	}
	at := bytes.LastIndex(line, []byte(": "))
	if at <= 0 {
		return nil, 0, false
	}
	name, text := bytes.TrimSpace(line[:at]), line[at+2:]
	if clock, found := bytes.CutSuffix(text, []byte(" (m:ss.mmm)")); found {
		nanos, ok = clockTime(clock, 2)
		return name, nanos, ok
	}
	if clock, found := bytes.CutSuffix(text, []byte(" (h:mm:ss.mmm)")); found {
		nanos, ok = clockTime(clock, 3)
		return name, nanos, ok
	}
	nanos, ok = jsDuration(text)
	return name, nanos, ok
}

// jsDuration reads a number and its unit.
func jsDuration(text []byte) (nanos float64, ok bool) {
	for _, u := range []struct {
		suffix string
		nanos  float64
	}{{"ms", 1e6}, {"min", 60e9}, {"s", 1e9}, {"h", 3600e9}} {
		if digits, found := bytes.CutSuffix(text, []byte(u.suffix)); found {
			v, ok := read.Number(bytes.TrimSuffix(digits, []byte(" ")))
			return v * u.nanos, ok && read.Finite(v) && v >= 0
		}
	}
	return 0, false
}

// clockTime reads "2:03.456" of two parts or "1:02:03.456" of three, in nanoseconds.
func clockTime(text []byte, parts int) (float64, bool) {
	words := bytes.Split(text, []byte(":"))
	if len(words) != parts {
		return 0, false
	}
	total := 0.0
	for _, w := range words {
		v, ok := read.Number(w)
		if !ok || !read.Finite(v) || v < 0 {
			return 0, false
		}
		total = total*60 + v
	}
	return total * 1e9, true
}

func parseJSTime(s *read.Scanner, opts Options) (Results, error) {
	return timedLines(s, opts, readJSTime, "%d lines with a name, a colon and a time")
}

// timedLines reads lines that each hold one name and one time in nanoseconds.
func timedLines(s *read.Scanner, opts Options, readLine func(line []byte) (name []byte, nanos float64, ok bool),
	reason string) (Results, error) {
	var g gathering
	n := 0
	for line := range s.Lines() {
		name, nanos, ok := readLine(line)
		if !ok {
			continue
		}
		n++
		g.value(read.OneLine(string(name)), unit.Latency, nanos, s.Line())
	}
	return g.results(opts, reason, n)
}

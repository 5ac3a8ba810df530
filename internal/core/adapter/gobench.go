package adapter

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/unit"
)

// go test -bench prints configuration lines ("pkg: example.org/x") and result lines: a name that begins with Benchmark, the number of
// iterations, then pairs of value and unit. The grammar is that of golang.org/design/14313-benchmark-format.
//
// Identity is the package path, a dot, and the name with its /k=v parameters; the package is part of it because names repeat across
// packages. The -GOMAXPROCS suffix is taken off unless one benchmark occurs with several of them, as under -cpu. With -count each line
// is a sample, and so is every unit, custom ones too. Lines of logs in between are passed over; time stamps and colours of CI logs too.

type goLine struct {
	pkg, name, procs string
	line             int
	values           []float64
	units            []string
}

var (
	// stamp is the time stamp at the beginning of a CI log's line.
	stamp = regexp.MustCompile(`^\[?\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:[.,]\d+)?(?:Z|[+-]\d{2}:?\d{2})?\]?\s+`)
	// ansi is a colour or another control sequence of a terminal.
	ansi = regexp.MustCompile(`\x1b\[[0-9;?]*[ -/]*[@-~]`)
)

// goUnits are the measures of the units that go test itself prints.
var goUnits = map[string]unit.Measure{
	"ns/op": unit.Latency, "B/op": unit.Allocated, "allocs/op": unit.Allocations, "MB/s": unit.Bandwidth,
}

func scoreGoBench(input []byte) (int, string) {
	lines := 0
	for raw := range bytes.Lines(input) {
		if len(raw) > limits.AdapterLineBytes || !bytes.Contains(raw, []byte("Benchmark")) {
			continue
		}
		if _, ok := goResult(cleanLine(raw)); ok {
			lines++
		}
	}
	if lines == 0 {
		return 0, ""
	}
	word := "lines begin"
	if lines == 1 {
		word = "line begins"
	}
	return 100, fmt.Sprintf("%d %s with Benchmark and carry value and unit", lines, word)
}

// cleanLine takes off the line end, colours and a leading time stamp.
func cleanLine(raw []byte) string {
	line := strings.TrimRight(string(raw), "\r\n")
	if strings.IndexByte(line, 0x1b) >= 0 {
		line = ansi.ReplaceAllString(line, "")
	}
	if line != "" && (line[0] == '[' || line[0] >= '0' && line[0] <= '9') {
		line = stamp.ReplaceAllString(line, "")
	}
	return line
}

// goResult reads a result line.
func goResult(line string) (goLine, bool) {
	if !strings.HasPrefix(line, "Benchmark") {
		return goLine{}, false
	}
	fields := strings.Fields(line)
	if len(fields) < 4 || len(fields)%2 != 0 {
		return goLine{}, false
	}
	if n, err := strconv.Atoi(fields[1]); err != nil || n < 0 {
		return goLine{}, false
	}
	out := goLine{name: fields[0]}
	for i := 2; i < len(fields); i += 2 {
		v, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return goLine{}, false
		}
		out.values, out.units = append(out.values, v), append(out.units, fields[i+1])
	}
	if dash := strings.LastIndexByte(out.name, '-'); dash > 0 {
		if n, err := strconv.Atoi(out.name[dash+1:]); err == nil && n > 0 {
			out.name, out.procs = out.name[:dash], out.name[dash+1:]
		}
	}
	return out, true
}

func parseGoBench(input []byte, opts Options) (Results, error) {
	var out Results
	var lines []goLine
	pkg, number := "", 0
	for raw := range bytes.Lines(input) {
		number++
		if len(raw) > limits.AdapterLineBytes {
			out.Problems = append(out.Problems, Problem{Message: fmt.Sprintf("a line of %d bytes was passed over", len(raw)), Line: number})
			continue
		}
		line := cleanLine(raw)
		if rest, ok := strings.CutPrefix(line, "pkg:"); ok {
			pkg = strings.TrimSpace(rest)
			continue
		}
		if p, ok := goProblem(line); ok {
			p.Line = number
			out.Problems = append(out.Problems, p)
			continue
		}
		if found, ok := goResult(line); ok {
			found.pkg, found.line = pkg, number
			lines = append(lines, found)
		}
	}
	out.Benchmarks = groupGo(lines, opts)
	return out, nil
}

// goProblem recognises what go test prints of a failure.
func goProblem(line string) (Problem, bool) {
	if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "--- FAIL: "); ok {
		name, _, _ := strings.Cut(rest, " ")
		return Problem{Benchmark: name, Message: "go test reports a failure"}, true
	}
	switch {
	case strings.HasPrefix(line, "panic: "):
		return Problem{Message: shorten(line)}, true
	case strings.HasPrefix(line, "FAIL\t"):
		return Problem{Message: shorten(strings.Join(strings.Fields(line), " "))}, true
	}
	return Problem{}, false
}

func shorten(s string) string {
	const most = 300
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// groupGo gathers lines of the same benchmark as samples, in the order of first appearance.
func groupGo(lines []goLine, opts Options) []Benchmark {
	procs := map[string]map[string]bool{} // package and name → suffixes
	for _, l := range lines {
		id := l.pkg + "." + l.name
		if procs[id] == nil {
			procs[id] = map[string]bool{}
		}
		procs[id][l.procs] = true
	}
	type series struct {
		benchmark int
		measure   unit.Measure
		samples   []float64
	}
	var out []Benchmark
	var order []*series
	place := map[string]int{}
	byKey := map[[2]string]*series{}
	for _, l := range lines {
		name := l.name
		if l.pkg != "" {
			name = l.pkg + "." + name
		}
		if len(procs[l.pkg+"."+l.name]) > 1 && l.procs != "" {
			name += "-" + l.procs
		}
		at, seen := place[name]
		if !seen {
			at = len(out)
			place[name] = at
			out = append(out, Benchmark{Name: name})
		}
		for i, u := range l.units {
			k := [2]string{name, u}
			s := byKey[k]
			if s == nil {
				measure, known := goUnits[u]
				if !known {
					measure = unit.Guess(u)
				}
				s = &series{benchmark: at, measure: measure}
				byKey[k] = s
				order = append(order, s)
			}
			s.samples = append(s.samples, l.values[i])
		}
	}
	for _, s := range order {
		out[s.benchmark].Metrics = append(out[s.benchmark].Metrics, summarize(s.measure, s.samples, opts.Average))
	}
	return out
}

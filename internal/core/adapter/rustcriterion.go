package adapter

import (
	"bytes"
	"strings"

	"github.com/tachograph/tacho/internal/core/unit"
)

// criterion prints "name                time:   [205.95 ns 206.80 ns 207.66 ns]" for each benchmark: the estimate between the bounds of its confidence interval. A name that is longer than the column stands on the line
// above. Where a throughput was declared "thrpt:  [870.34 MiB/s 893.46 MiB/s 938.78 MiB/s]" follows. Lines of "change:", and the times and throughputs below them, compare with an earlier run.
//
// Identity is the name, group/function/parameter. criterion prints no samples; cargo_criterion reads those.
//
// Unlike Bencher, throughput is kept, and percentages below "change:" are never taken for results.
var rustCriterionTool = tool{
	name: "rust_criterion", about: "criterion", example: `tacho run "cargo bench"`,
	measures: []string{"Latency (ns, lower)", "Bandwidth (MB/s, higher)", "Elements per Second (elem/s, higher)"},
	needles:  []string{"time:   ["}, hit: hitCriterion, trace: `a line has "time: [low estimate high]"`,
	parse: parseCriterion, averages: []Average{AverageMean},
}

var elementsPerSecond = &unit.Measure{Name: "Elements per Second", Slug: "elements-per-second", Units: "elements / second (elem/s)", Direction: unit.Higher}

func hitCriterion(line []byte) int {
	if _, values, ok := readCriterion(line, "time:"); ok && values[0].unit != "%" {
		return 100
	}
	return 0
}

// estimate is a number with its unit.
type estimate struct {
	v    float64
	unit string
}

// readCriterion reads "name  time:   [1 ns 2 ns 3 ns]".
func readCriterion(line []byte, what string) (name []byte, values [3]estimate, ok bool) {
	at := bytes.Index(line, []byte(what))
	if at < 0 {
		return nil, values, false
	}
	inside, ok := bytes.CutPrefix(bytes.TrimLeft(line[at+len(what):], " "), []byte("["))
	if !ok {
		return nil, values, false
	}
	inside, _, ok = bytes.Cut(inside, []byte("]"))
	if !ok {
		return nil, values, false
	}
	words := bytes.Fields(inside)
	if len(words) == 3 && bytes.HasSuffix(words[0], []byte("%")) {
		return nil, [3]estimate{{unit: "%"}}, true
	}
	if len(words) != 6 {
		return nil, values, false
	}
	for i := range values {
		v, good := number(words[2*i])
		if !good {
			return nil, values, false
		}
		values[i] = estimate{v, string(words[2*i+1])}
	}
	return bytes.TrimSpace(line[:at]), values, true
}

func parseCriterion(s *scanner, opts Options) (Results, error) {
	var g gathering
	n := 0
	var name, above string
	for line := range s.lines() {
		if inLine, values, ok := readCriterion(line, "time:"); ok {
			if values[0].unit == "%" {
				name = "" // a comparison: what follows belongs to it
				continue
			}
			if name = oneLine(string(inLine)); name == "" {
				name = above
			}
			n++
			if err := g.criterion(name, unit.Latency, values, nanosOf, s.lineNumber); err != nil {
				return Results{}, err
			}
			continue
		}
		if _, values, ok := readCriterion(line, "thrpt:"); ok {
			if name != "" && values[0].unit != "%" {
				m, factor := criterionRate(values[1].unit)
				if err := g.criterion(name, m, values, factor, s.lineNumber); err != nil {
					return Results{}, err
				}
			}
			continue
		}
		if text := bytes.TrimSpace(line); len(text) > 0 && !bytes.HasPrefix(text, []byte("change:")) {
			above = oneLine(strings.TrimPrefix(string(text), "Benchmarking "))
		} else if bytes.HasPrefix(text, []byte("change:")) {
			name = ""
		}
	}
	return g.results(opts, `%d lines with "time: [low estimate high]"`, n), nil
}

func nanosOf(u string) (float64, bool) { return nanosPer(u) }

// criterion adds an estimate with its bounds, each in its own unit.
func (g *gathering) criterion(name string, m *unit.Measure, values [3]estimate, factor func(string) (float64, bool), line int) error {
	var v [3]float64
	for i, e := range values {
		f, ok := factor(e.unit)
		if !ok {
			g.problem(name, line, "the unit %q is not known", e.unit)
			return nil
		}
		v[i] = e.v * f
	}
	return g.metric(name, Metric{Measure: m, Value: v[1], Lower: &v[0], Upper: &v[2]}, line)
}

// criterionRate is the measure of a throughput's unit, and the factor of each unit of its kind.
func criterionRate(u string) (*unit.Measure, func(string) (float64, bool)) {
	scale := map[string]float64{"B/s": 1e-6, "KiB/s": 1024e-6, "MiB/s": 1.048576, "GiB/s": 1073.741824, "TiB/s": 1099511.627776, "KB/s": 1e-3, "MB/s": 1, "GB/s": 1e3, "TB/s": 1e6}
	m := unit.Bandwidth
	if strings.HasSuffix(u, "elem/s") {
		scale = map[string]float64{"elem/s": 1, "Kelem/s": 1e3, "Melem/s": 1e6, "Gelem/s": 1e9, "Telem/s": 1e12}
		m = elementsPerSecond
	}
	return m, func(u string) (float64, bool) {
		f, ok := scale[u]
		return f, ok
	}
}

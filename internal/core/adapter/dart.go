package adapter

import (
	"bytes"
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/unit"
)

// Dart's benchmark_harness prints "Name(RunTime): 123.45 us." for each benchmark. Emitters of its newer versions say which metric it is,
// "Name(RunTimeRaw): 123.45 ns.", "Name(CpuCycles): 12.5", and may leave the unit out, which then is a microsecond; reportDetailed prints
// "Name: avg=1.234 ms · median=1.200 ms · CV=2.00% · samples=9 · min=1.100 ms". Flutter writes "flutter: " or "I/flutter (pid): "
// before each line.
//
// Identity is the name; one that comes again gives samples. Of the detailed line the average, or the median if it is asked for, and the
// deviation are taken. A run time is that of ten runs, unless the benchmark says otherwise: that is the harness's habit.
var dartTool = tool{
	name: "dart_benchmark_harness", about: "Dart's benchmark_harness", example: `tacho run "dart run benchmark/main.dart"`,
	measures: []string{"Latency (ns, lower)", "CPU Cycles, Major Page Faults, Code Size (B) (lower)", "Latency min (ns, lower; reportDetailed)"}, samples: "each line of the same benchmark",
	needles: []string{"(RunTime", " · median="}, hit: hitDart, trace: `a line has "(RunTime): "`,
	parse: parseDart, averages: []Average{AverageMean, AverageMedian},
}

// dartMetrics are the metrics that stand in parentheses, but for the run time.
var dartMetrics = map[string]*unit.Measure{
	"CpuCycles":       {Name: "CPU Cycles", Slug: "cpu-cycles", Units: "cycles", Direction: unit.Lower},
	"MajorPageFaults": {Name: "Major Page Faults", Slug: "major-page-faults", Units: "faults", Direction: unit.Lower},
	"CodeSize":        {Name: "Code Size", Slug: "code-size", Units: unit.Bytes, Direction: unit.Lower, Exact: true},
	"Count":           {Name: "Iterations", Units: unit.Generic, Direction: unit.Unknown},
}

func hitDart(line []byte) int {
	if _, m, _, ok := readDart(line); ok && m == unit.Latency {
		return 100
	}
	if _, _, ok := detailedDart(line); ok {
		return 100
	}
	return 0
}

// readDart reads "Name(Metric): value unit.".
func readDart(line []byte) (name []byte, m *unit.Measure, v float64, ok bool) {
	at := bytes.LastIndex(line, []byte("): "))
	open := bytes.LastIndexByte(line[:max(0, at)], '(')
	if open < 0 {
		return nil, m, 0, false
	}
	name = bytes.TrimSpace(line[:open])
	value := bytes.TrimRight(line[at+len("): "):], ". ")
	switch metric := string(line[open+1 : at]); metric {
	case "RunTime", "RunTimeRaw":
		if m, v, ok = unit.Latency, 0, false; bytes.IndexByte(value, ' ') < 0 {
			v, ok = read.Number(value)
			v *= 1e3 // microseconds, as measure() gives them
			break
		}
		if v, ok = nanoseconds(value); !ok { // NaN us, 1e-7 us
			word, u, _ := bytes.Cut(value, []byte(" "))
			nanos, isTime := nanosPer(string(u))
			v, ok = read.Number(word)
			v, ok = v*nanos, ok && isTime
		}
	default:
		if m, ok = dartMetrics[metric]; ok {
			word, _, _ := bytes.Cut(value, []byte(" "))
			v, ok = read.Number(word)
		}
		name = bytes.TrimSuffix(name, []byte(".totalIterations"))
	}
	return name, m, v, ok && len(name) > 0
}

// detailedDart reads the fields of the line of reportDetailed.
func detailedDart(line []byte) (name string, fields map[string]string, ok bool) {
	before, after, ok := strings.Cut(string(line), ": avg=")
	if !ok || !strings.Contains(after, " · median=") {
		return "", nil, false
	}
	fields = map[string]string{}
	for f := range strings.SplitSeq("avg="+after, " · ") {
		if key, value, ok := strings.Cut(f, "="); ok {
			fields[key] = value
		}
	}
	return read.OneLine(before), fields, true
}

// withoutFlutter takes off what Flutter writes before a line.
func withoutFlutter(line []byte) []byte {
	if rest, ok := bytes.CutPrefix(line, []byte("I/flutter (")); ok {
		if _, rest, ok = bytes.Cut(rest, []byte("): ")); ok {
			return rest
		}
	}
	return bytes.TrimPrefix(line, []byte("flutter: "))
}

func parseDart(s *read.Scanner, opts Options) (Results, error) {
	var g gathering
	n := 0
	for line := range s.Lines() {
		line = withoutFlutter(line)
		if name, m, v, ok := readDart(line); ok {
			n++
			g.value(read.OneLine(string(name)), m, v, s.Line())
			continue
		}
		name, fields, ok := detailedDart(line)
		if !ok {
			continue
		}
		n++
		taken := "avg"
		if opts.Average == AverageMedian {
			taken = "median"
		}
		value, ok := nanoseconds([]byte(fields[taken]))
		cv, isNumber := read.Number([]byte(strings.TrimSuffix(fields["CV"], "%")))
		if !ok {
			g.problem(name, s.Line(), "%q is no time", fields[taken])
			continue
		}
		metric := Metric{Measure: unit.Latency, Value: value}
		if mean, ok := nanoseconds([]byte(fields["avg"])); ok && isNumber && read.Finite(cv) {
			metric = spread(unit.Latency, value, mean*cv/100)
		}
		g.metric(name, metric, s.Line())
		if least, ok := nanoseconds([]byte(fields["min"])); ok {
			g.value(name, latencyAt("min"), least, s.Line())
		}
	}
	return g.results(opts, `%d lines with "(RunTime): "`, n)
}

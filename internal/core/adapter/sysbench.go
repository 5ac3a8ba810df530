package adapter

import (
	"bytes"
	"math"
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/unit"
)

// sysbench prints "sysbench 1.0.20 (…)", its options, with --report-interval lines "[ 1s ] thds: 2 eps: 731.88 …", and then sections:
// "CPU speed:" or "SQL statistics:" or "File operations:" of the test, "General statistics:" and "Latency (ms):" of every test. Version
// 1.1 has "Throughput:" with "events/s (eps):" in the place of the general statistics, and "read:  IOPS=…" for files. Versions 0.4 and
// 0.5 begin "sysbench 0.5:  multi-threaded system evaluation benchmark" and have the latency, "approx.  95 percentile:  1.09ms", among the
// general statistics or the "Test execution summary:". With --report-checkpoints the sections are printed several times, each for what
// came since the last.
//
// sysbench does not print which test it ran with which script, so the name is what the sections say (cpu, memory, fileio, oltp, else
// sysbench), or that of a banner line "=== name ===" above, with the threads and what the test prints of its load in braces. Throughput is
// the rate of events that it prints, which counts less around them than the total time; where it prints none, events by total time. The
// rate or bandwidth of each interval is a sample, and so are all values of each checkpoint. Latency is printed with two digits behind the
// point, too few for a memory access: where the sum over all events gives the same average with more digits, that is taken, and 0.00 is no
// least time.
var sysbenchTool = tool{
	name: "sysbench", about: "sysbench", example: `tacho run "sysbench cpu --threads=4 run"`,
	measures: []string{"Throughput (ops/s, higher; events)", "Latency (ns, lower)", "Latency min, max, p95 (ns, lower)", "Bandwidth, Read Bandwidth, Write Bandwidth (MB/s, higher)", "Queries, Reads, Writes, Fsyncs (ops/s, higher)", "Ignored Errors, Reconnects (lower)", "Total Time (ns)"},
	samples:  "the rate or bandwidth of each interval, with --report-interval; each checkpoint", parameters: "threads and rate; size, operation and scope of memory; primes of cpu; mode, size, files and blocks of fileio; in braces",
	needles: []string{"General statistics:", "sysbench 1.", "sysbench 0."}, hit: func(line []byte) int {
		if sysBegins(line) {
			return 100
		}
		if bytes.HasPrefix(line, []byte("General statistics:")) || bytes.HasPrefix(line, []byte("sysbench ")) {
			return 95
		}
		return 0
	}, trace: `"General statistics:" of sysbench`,
	parse: parseSysbench,
}

// sysBegins reports whether the line is the first of a run.
func sysBegins(line []byte) bool {
	return bytes.HasPrefix(line, []byte("sysbench ")) && (bytes.Contains(line, []byte("(using ")) || bytes.Contains(line, []byte("multi-threaded system evaluation benchmark")))
}

// perSecond is a rate of its own.
func perSecond(name, slug string) *unit.Measure {
	return &unit.Measure{Name: name, Slug: slug, Units: unit.OpsPerSecond, Direction: unit.Higher}
}

var (
	sysReadBandwidth  = &unit.Measure{Name: "Read Bandwidth", Slug: "read-bandwidth", Units: unit.MegabytesPerSec, Direction: unit.Higher}
	sysWriteBandwidth = &unit.Measure{Name: "Write Bandwidth", Slug: "write-bandwidth", Units: unit.MegabytesPerSec, Direction: unit.Higher}
	sysIgnored        = &unit.Measure{Name: "Ignored Errors", Slug: "ignored-errors", Units: "errors", Direction: unit.Lower}
	sysReconnects     = &unit.Measure{Name: "Reconnects", Slug: "reconnects", Units: "reconnects", Direction: unit.Lower}
	sysTotal          = &unit.Measure{Name: "Total Time", Slug: "total-time", Units: unit.Nanoseconds, Direction: unit.Unknown}
)

const mebibyte = 1.048576 // in megabytes

// sysRun is one run.
type sysRun struct {
	name, kind, section             string
	called                          string // as it is reported, once that is known
	params                          []read.Parameter
	line                            int
	values                          []optional
	rate, time, events, average, of read.Opt             // of: the sum of all latencies
	samples                         map[string][]float64 // of the intervals, by slug
	checkpoints, over               bool                 // over: the last line of a checkpoint was read
	spent                           float64              // total time of the checkpoints before
	fatal                           []string

	s *read.Scanner
}

// sysRows bounds what is kept of a run.
const sysRows = 50

func parseSysbench(s *read.Scanner, opts Options) (Results, error) {
	var g gathering
	n := 0
	var r sysRun
	name := ""
	flush := func() {
		if r.line == 0 {
			return
		}
		n++
		r.add(&g)
		r = sysRun{}
	}
	for line := range s.Lines() {
		b, isBanner := banner(line)
		begins := sysBegins(line)
		switch {
		case isBanner || begins:
			flush()
			if isBanner {
				name = b
				g.named()
			} else {
				r = sysRun{name: name, line: s.Line(), s: s}
			}
		case r.line > 0 && len(line) > 0:
			if r.over && line[0] != ' ' && (bytes.HasSuffix(line, []byte(":")) || line[0] == '[') { // the next checkpoint
				next := sysRun{name: r.name, kind: r.kind, params: r.params, line: r.line, checkpoints: true, spent: r.time.Value, s: s}
				r.add(&g)
				next.called = r.called
				r = next
			}
			r.read(line)
		}
	}
	flush()
	return g.results(opts, "%d runs of sysbench", n)
}

func (r *sysRun) param(name string, value []byte) {
	if r.params == nil {
		r.params = make([]read.Parameter, 0, 4)
	}
	if len(r.params) < sysRows {
		r.params = append(r.params, read.Parameter{Name: name, Value: read.OneLine(r.s.Keep(value))})
	}
}

func (r *sysRun) value(m *unit.Measure, v read.Opt) {
	if r.values == nil {
		r.values = make([]optional, 0, 8)
	}
	if len(r.values) < sysRows {
		r.values = append(r.values, optional{m, v})
	}
}

func (r *sysRun) read(line []byte) {
	text := bytes.TrimSpace(line)
	switch {
	case len(text) == 0:
	case r.kind == "fileio" && bytes.HasSuffix(text, []byte(" Requests/sec executed")): // of versions 0.4 and 0.5
		r.rate = firstNumber(text)
	case line[0] == ' ' || line[0] == '\t':
		if label, rest, ok := bytes.Cut(text, []byte(":")); ok {
			r.row(r.s.Keep(label), bytes.TrimSpace(rest))
		}
	case bytes.HasPrefix(line, []byte("FATAL: ")):
		if len(r.fatal) < 3 {
			r.fatal = append(r.fatal, string(line[len("FATAL: "):]))
		}
	case bytes.HasSuffix(line, []byte("] Checkpoint report:")):
		r.checkpoints = true
	case bytes.HasPrefix(line, []byte("[ ")):
		r.interval(text)
	default:
		r.heading(text)
	}
}

// interval takes "[ 1s ] thds: 2 eps: 731.88 lat (ms,95%): 10.65", of memory "[ 1s ] 7260.18 MiB/sec", of files "[ 1s ] reads: 144.21
// MiB/s writes: 96.14 MiB/s …".
func (r *sysRun) interval(text []byte) {
	var room [32][]byte
	words := read.Words(room[:0], text)
	for i := range len(words) - 1 {
		what, value := words[i], words[i+1]
		if string(value) == "MiB/sec" {
			what, value = value, what
		}
		m, factor := unit.Throughput, 1.0
		switch string(what) {
		case "eps:", "tps:":
		case "MiB/sec":
			m, factor = unit.Bandwidth, mebibyte
		case "reads:", "writes:":
			if i+2 >= len(words) || string(words[i+2]) != "MiB/s" {
				continue // of a database
			}
			m, factor = sysReadBandwidth, mebibyte
			if string(what) == "writes:" {
				m = sysWriteBandwidth
			}
		default:
			continue
		}
		if r.samples == nil {
			r.samples = map[string][]float64{}
		}
		if v := firstNumber(value); v.OK && len(r.samples[m.Slug]) < maxAggregates {
			r.samples[m.Slug] = append(r.samples[m.Slug], v.Value*factor)
		}
	}
}

// heading takes a line that begins at the margin.
func (r *sysRun) heading(text []byte) {
	r.section = ""
	if bytes.HasSuffix(text, []byte(":")) {
		r.section = r.s.Keep(text)
		switch r.section {
		case "Test execution summary:":
			r.section = "General statistics:"
		case "OLTP test statistics:":
			r.section = "SQL statistics:"
		}
	}
	begins := func(label string) (rest []byte, ok bool) {
		if ok = read.HasPrefix(text, label); ok {
			rest = text[len(label):]
		}
		return rest, ok
	}
	if rest, ok := begins("Number of threads: "); ok {
		r.param("threads", rest)
	} else if rest, ok := begins("Target transaction rate: "); ok {
		r.param("rate", rest)
	} else if rest, ok := begins("Maximum prime number checked in CPU test: "); ok {
		r.kind = "cpu"
		r.param("primes", rest)
	} else if rest, ok := begins("Memory block size: "); ok {
		r.kind = "memory"
		r.param("block", rest)
	} else if rest, ok := begins("Memory operations type: "); ok {
		r.param("operation", rest)
	} else if rest, ok := begins("Memory scope type: "); ok {
		r.param("scope", rest)
	} else if _, ok := begins("Doing thread subsystem performance test"); ok {
		r.kind = "threads"
	} else if _, ok := begins("Doing mutex performance test"); ok {
		r.kind = "mutex"
	} else if rest, ok := begins("Prime numbers limit: "); ok {
		r.kind = "cpu"
		r.param("primes", rest)
	} else if _, ok := begins("CPU speed:"); ok {
		r.kind = "cpu"
	} else if _, ok := begins("Running memory speed test"); ok {
		r.kind = "memory"
	} else if r.section == "SQL statistics:" {
		r.kind = "oltp"
	} else if _, ok := begins("File operations:"); ok {
		r.kind = "fileio"
	} else if _, ok := begins("Extra file open flags:"); ok {
		r.kind = "fileio"
	} else if r.kind == "fileio" {
		r.files(text)
	}
	if rest, ok := begins("Total operations: "); ok { // "524288 (3502346.54 per second)"
		r.rate = inParentheses(rest)
	}
	if rest, ok := begins("Operations performed: "); ok && r.kind == "memory" { // "10240 ( 3855.80 ops/sec)"
		r.rate = inParentheses(rest)
	}
	if !bytes.Contains(text, []byte(" transferred (")) {
		return
	}
	for _, transferred := range []string{" MiB transferred (", " MB transferred ("} { // "(7260.18 MiB/sec)"; the MB of old versions are as large
		if _, rest, ok := bytes.Cut(text, []byte(transferred)); ok {
			r.value(unit.Bandwidth, firstNumber(rest).Times(mebibyte))
		}
	}
}

// files takes what fileio prints of its load: "4 files, 4MiB each", "Block size 16KiB", "Doing random r/w test".
func (r *sysRun) files(text []byte) {
	if rest, ok := bytes.CutPrefix(text, []byte("Block size ")); ok {
		r.param("block", rest)
	} else if rest, ok := bytes.CutPrefix(text, []byte("Doing ")); ok {
		r.param("mode", bytes.TrimSuffix(rest, []byte(" test")))
	} else if n, rest, ok := bytes.Cut(text, []byte(" files, ")); ok && read.IsDigits(n) {
		r.param("files", n)
		r.param("size", bytes.TrimSuffix(rest, []byte(" each")))
	} else if _, rest, ok := bytes.Cut(text, []byte("Total transferred ")); ok { // "156.25Mb  (1.5Mb/sec)", of versions 0.4 and 0.5
		_, rate, _ := bytes.Cut(rest, []byte("("))
		for suffix, factor := range map[string]float64{"b/sec)": 1, "Kb/sec)": 1 << 10, "Mb/sec)": 1 << 20, "Gb/sec)": 1 << 30} {
			if number, ok := bytes.CutSuffix(rate, []byte(suffix)); ok && len(number) > 0 && read.IsDigit(number[len(number)-1]) {
				r.value(unit.Bandwidth, firstNumber(number).Times(factor/1e6))
			}
		}
	}
}

// row takes "    label:   value" of a section.
func (r *sysRun) row(label string, rest []byte) {
	v := firstNumber(rest)
	switch r.section {
	case "Latency (ms):":
		v = v.Times(1e6)
		point, percentile := strings.CutSuffix(label, "th percentile")
		switch {
		case label == "avg":
			r.average = v
		case label == "sum":
			r.of = v
		case v.Value == 0: // it was too short to be printed
		case label == "min" || label == "max":
			r.value(latencyAt(label), v)
		case percentile:
			r.value(percentileOf(point), v)
		}
	case "General statistics:", "Throughput:", "CPU speed:":
		switch label {
		case "total time", "time elapsed":
			r.time = v
		case "total number of events":
			r.events = v
		case "total time taken by event execution": // this and what follows is of versions 0.4 and 0.5
			r.of = v.Times(1e9)
		case "min", "avg", "max":
			if v = sysNanos(rest); label == "avg" {
				r.average = v
			} else if v.Value > 0 {
				r.value(latencyAt(label), v)
			}
		case "events per second", "events/s (eps)":
			r.rate = v
		case "read, MiB/s":
			r.value(sysReadBandwidth, v.Times(mebibyte))
		case "written, MiB/s":
			r.value(sysWriteBandwidth, v.Times(mebibyte))
		case "read", "write", "fsync":
			r.iops(label, rest)
		}
		if point, ok := strings.CutSuffix(label, " percentile"); ok && strings.HasPrefix(label, "approx.") && sysNanos(rest).Value > 0 {
			r.value(percentileOf(strings.TrimSpace(point[len("approx."):])), sysNanos(rest))
		}
	case "Threads fairness:":
		r.over = r.checkpoints && label == "execution time (avg/stddev)"
	case "File operations:":
		switch label {
		case "reads/s", "writes/s", "fsyncs/s":
			slug := strings.TrimSuffix(label, "/s")
			r.value(perSecond(strings.ToUpper(slug[:1])+slug[1:], slug), v)
		}
	case "SQL statistics:":
		switch label {
		case "transactions":
			r.rate = inParentheses(rest)
		case "queries":
			r.value(perSecond("Queries", "queries"), inParentheses(rest))
		case "read/write requests":
			r.value(perSecond("Read/Write Requests", "read-write-requests"), inParentheses(rest))
		case "ignored errors", "deadlocks":
			r.value(sysIgnored, v)
		case "reconnects":
			r.value(sysReconnects, v)
		}
	default:
		if strings.HasPrefix(r.section, "Running memory speed test") {
			switch label {
			case "block size":
				r.param("block", rest)
			case "operation", "scope":
				r.param(label, rest)
			}
		}
	}
}

// iops takes "IOPS=2600.05 40.63 MiB/s (42.60 MB/s)".
func (r *sysRun) iops(label string, rest []byte) {
	words := bytes.Fields(rest)
	if len(words) == 0 {
		return
	}
	if rate, ok := bytes.CutPrefix(words[0], []byte("IOPS=")); ok {
		r.value(perSecond(strings.ToUpper(label[:1])+label[1:]+"s", label+"s"), firstNumber(rate))
	}
	if len(words) > 2 && string(words[2]) == "MiB/s" {
		v := firstNumber(words[1]).Times(mebibyte)
		if label == "read" {
			r.value(sysReadBandwidth, v)
		} else {
			r.value(sysWriteBandwidth, v)
		}
	}
}

// sysNanos reads "1.09ms".
func sysNanos(text []byte) read.Opt {
	v, ok := nanoseconds(text)
	return read.Opt{Value: v, OK: ok}
}

// inParentheses is the number in "5000 (499.81 per sec.)".
func inParentheses(text []byte) read.Opt {
	_, inside, ok := bytes.Cut(text, []byte("("))
	if !ok {
		return read.Opt{}
	}
	return firstNumber(inside)
}

// latency is the average, with the digits of the sum where that rounds to it.
func (r *sysRun) latency() read.Opt {
	const half = 0.005 * 1e6 * 1.001 // of the last digit that is printed, and a little for the arithmetic
	if exact := r.of.Value / r.events.Value; r.of.OK && r.average.OK && exact > 0 && math.Abs(exact-r.average.Value) <= half {
		return read.Opt{Value: exact, OK: read.Finite(exact)}
	}
	return r.average
}

func (r *sysRun) add(g *gathering) {
	name := r.name
	switch {
	case name == "" && r.kind == "":
		name = "sysbench"
	case name == "":
		name = r.kind
	}
	name = g.withParameters(name, r.params)
	if r.called == "" {
		if r.called = name; r.name != "" || r.kind == "" || r.kind == "oltp" { // else what it did is in its name
			r.called = g.again(name)
		}
	}
	name = r.called
	for _, f := range r.fatal {
		g.problem(name, r.line, "%s", f)
	}
	switch {
	case r.spent > 0 && !r.events.OK:
		return // what followed the last checkpoint was none
	case !r.events.OK || !r.time.OK:
		g.problem(name, r.line, "it has no statistics: it was aborted")
		return
	case r.events.Value == 0:
		g.problem(name, r.line, "there was not a single event")
		return
	}
	r.time.Value -= r.spent
	if !r.rate.OK {
		r.rate = read.Opt{Value: r.events.Value / r.time.Value, OK: r.time.Value > 0}
	}
	for _, values := range [][]optional{{{unit.Throughput, r.rate}, {unit.Latency, r.latency()}}, r.values, {{sysTotal, r.time.Times(1e9)}}} {
		for _, o := range values {
			if !o.value.OK {
				continue
			}
			g.metric(name, Metric{Measure: o.measure, Value: o.value.Value, Samples: r.samples[o.measure.Slug]}, r.line)
		}
	}
}

package adapter

import (
	"bytes"

	"github.com/tachograph/tacho/internal/core/unit"
)

// sysbench prints "sysbench 1.0.20 (…)", its options, and then sections: "CPU speed:" or "SQL statistics:" or "File operations:" of the test, "General statistics:" and "Latency (ms):" of every test.
//
// sysbench does not print which test it ran with which script, so the name is what the section says (cpu, memory, fileio, oltp), or that of a banner line "=== name ===" above, with the threads in braces.
var sysbenchTool = tool{
	name: "sysbench", about: "sysbench", example: `tacho run "sysbench cpu --threads=4 run"`,
	measures:   []string{"Throughput (ops/s, higher; events)", "Latency (ns, lower)", "Latency min, max, p95 (ns, lower)", "Bandwidth (MB/s, higher; memory and fileio)", "Transactions, Queries, Reads, Writes, Fsyncs (ops/s, higher)", "Total Time (ns)"},
	parameters: "threads, in braces",
	needles:    []string{"General statistics:", "sysbench 1."}, hit: func(line []byte) int {
		if bytes.HasPrefix(line, []byte("General statistics:")) || bytes.HasPrefix(line, []byte("sysbench ")) {
			return 95
		}
		return 0
	}, trace: `"General statistics:" of sysbench`,
	parse: parseSysbench,
}

// perSecond is a rate of its own.
func perSecond(name, slug string) unit.Measure {
	return unit.Measure{Name: name, Slug: slug, Units: unit.OpsPerSecond, Direction: unit.Higher}
}

// sysRun is one run.
type sysRun struct {
	name, kind, threads, section string
	line                         int
	values                       []optional
	time, events                 opt
}

func parseSysbench(s *scanner, opts Options) (Results, error) {
	var g gathering
	n := 0
	var r sysRun
	name := ""
	flush := func() error {
		if r.line == 0 {
			return nil
		}
		n++
		err := r.add(&g)
		r = sysRun{}
		return err
	}
	for line := range s.lines() {
		if b, ok := banner(line); ok {
			if err := flush(); err != nil {
				return Results{}, err
			}
			name = b
			continue
		}
		if bytes.HasPrefix(line, []byte("sysbench ")) && bytes.Contains(line, []byte("(using ")) {
			if err := flush(); err != nil {
				return Results{}, err
			}
			r = sysRun{name: name, line: s.lineNumber}
			continue
		}
		if r.line > 0 {
			r.read(line)
		}
	}
	if err := flush(); err != nil {
		return Results{}, err
	}
	return g.results(opts, "%d runs of sysbench", n), nil
}

func (r *sysRun) read(line []byte) {
	text := bytes.TrimSpace(line)
	if len(text) == 0 {
		return
	}
	if line[0] != ' ' && line[0] != '\t' {
		r.section = ""
		if bytes.HasSuffix(text, []byte(":")) {
			r.section = string(text)
		}
		if rest, ok := after(line, "Number of threads: "); ok {
			r.threads = string(rest)
		}
		for sign, kind := range map[string]string{
			"Running memory speed test": "memory", "CPU speed:": "cpu", "File operations:": "fileio", "SQL statistics:": "oltp", "Extra file open flags:": "fileio", "Mutex": "mutex",
		} {
			if bytes.HasPrefix(text, []byte(sign)) {
				r.kind = kind
			}
		}
		if bytes.Contains(text, []byte("MiB transferred (")) { // "1024.00 MiB transferred (7260.18 MiB/sec)"
			_, rest, _ := bytes.Cut(text, []byte("("))
			r.values = append(r.values, optional{unit.Bandwidth, firstNumber(rest).times(1.048576)})
		}
		return
	}
	label, rest, ok := bytes.Cut(text, []byte(":"))
	if !ok {
		return
	}
	rest = bytes.TrimSpace(rest)
	v := firstNumber(rest)
	var m unit.Measure
	switch r.section + " " + string(label) {
	case "Latency (ms): avg":
		m, v = unit.Latency, v.times(1e6)
	case "Latency (ms): min":
		m, v = latencyAt("min"), v.times(1e6)
	case "Latency (ms): max":
		m, v = latencyAt("max"), v.times(1e6)
	case "General statistics: total time":
		r.time = v
		return
	case "General statistics: total number of events":
		r.events = v
		return
	case "CPU speed: events per second":
		return // as the events of the general statistics
	case "File operations: reads/s":
		m = perSecond("Reads", "reads")
	case "File operations: writes/s":
		m = perSecond("Writes", "writes")
	case "File operations: fsyncs/s":
		m = perSecond("Fsyncs", "fsyncs")
	case "Throughput: read, MiB/s":
		m, v = unit.Measure{Name: "Read Bandwidth", Slug: "read-bandwidth", Units: unit.MegabytesPerSec, Direction: unit.Higher}, v.times(1.048576)
	case "Throughput: written, MiB/s":
		m, v = unit.Measure{Name: "Write Bandwidth", Slug: "write-bandwidth", Units: unit.MegabytesPerSec, Direction: unit.Higher}, v.times(1.048576)
	case "SQL statistics: transactions":
		m, v = perSecond("Transactions", "transactions"), inParentheses(rest)
	case "SQL statistics: queries":
		m, v = perSecond("Queries", "queries"), inParentheses(rest)
	case "SQL statistics: ignored errors":
		m = unit.Measure{Name: "Ignored Errors", Slug: "ignored-errors", Units: "errors", Direction: unit.Lower}
	default:
		point, ok := bytes.CutSuffix(label, []byte("th percentile"))
		if r.section != "Latency (ms):" || !ok {
			return
		}
		m, v = latencyAt("p"+string(point)), v.times(1e6)
	}
	r.values = append(r.values, optional{m, v})
}

// inParentheses is the number in "5000 (499.81 per sec.)".
func inParentheses(text []byte) opt {
	_, inside, ok := bytes.Cut(text, []byte("("))
	if !ok {
		return opt{}
	}
	return firstNumber(inside)
}

func (r *sysRun) add(g *gathering) error {
	name := r.name
	switch {
	case name == "" && r.kind == "":
		name = "sysbench"
	case name == "":
		name = r.kind
	}
	name = withParameters(name, []parameter{{"threads", r.threads}})
	if !r.events.ok || !r.time.ok {
		g.problem(name, r.line, "it has no general statistics: it was aborted")
		return nil
	}
	if r.events.v == 0 {
		g.problem(name, r.line, "there was not a single event")
		return nil
	}
	values := r.values
	if r.time.v > 0 {
		values = append([]optional{{unit.Throughput, opt{r.events.v / r.time.v, true}}}, values...)
	}
	values = append(values, optional{unit.Measure{Name: "Total Time", Slug: "total-time", Units: unit.Nanoseconds, Direction: unit.Unknown}, r.time.times(1e9)})
	return g.optional(name, r.line, values)
}

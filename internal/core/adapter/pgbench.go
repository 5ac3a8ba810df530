package adapter

import (
	"bytes"
	"strings"

	"github.com/tachograph/tacho/internal/core/unit"
)

// pgbench prints "transaction type: <builtin: TPC-B (sort of)>", "number of clients: 2" and more, then "latency average = 0.718 ms", "tps = 2784.06 (without initial connection time)", with -r a latency for each statement, with -P lines of progress.
//
// Identity is the transaction type, a script's name or the built-in one, with clients, threads, scale and query mode in braces. The rate of each line of progress is a sample of throughput. Failed transactions are a problem.
var pgbenchTool = tool{
	name: "pgbench", about: "pgbench", example: `tacho run "pgbench -c 4 -j 2 -T 30 -P 1 -r bench"`,
	measures: []string{"Throughput (ops/s, higher)", "Latency (ns, lower)", "Initial Connection Time (ns, lower)", "Failed Requests (lower)", "Latency of each statement, with -r"}, samples: "the rate of each line of progress, with -P",
	parameters: "clients, threads, scale and query mode, in braces",
	needles:    []string{"latency average = "}, hit: func(line []byte) int {
		if bytes.HasSuffix(line, []byte(" ms")) {
			return 95
		}
		return 0
	}, trace: `a line "latency average = … ms"`,
	parse: parsePgbench,
}

var initialConnection = unit.Measure{Name: "Initial Connection Time", Slug: "initial-connection-time", Units: unit.Nanoseconds, Direction: unit.Lower}

// pgRun is one run.
type pgRun struct {
	kind                              string
	params                            []parameter
	line                              int
	average, deviation, connect, rate opt
	rates                             []float64 // of progress
	failed                            opt
	failure                           string
	statements                        []pgStatement
	listing                           bool
}

type pgStatement struct {
	text  string
	value float64
}

func parsePgbench(s *scanner, opts Options) (Results, error) {
	var g gathering
	n := 0
	var r pgRun
	var rates []float64 // progress comes before everything else
	flush := func() error {
		if r.kind == "" {
			return nil
		}
		n++
		return r.add(&g)
	}
	for line := range s.lines() {
		if rest, ok := after(line, "progress: "); ok {
			if fields := bytes.Split(rest, []byte(", ")); len(fields) > 1 {
				if v := firstNumber(fields[1]); v.ok && bytes.HasSuffix(fields[1], []byte(" tps")) && len(rates) < maxAggregates {
					rates = append(rates, v.v)
				}
			}
			continue
		}
		if rest, ok := after(line, "transaction type: "); ok {
			if err := flush(); err != nil {
				return Results{}, err
			}
			r = pgRun{kind: oneLine(string(rest)), line: s.lineNumber, rates: rates}
			rates = nil
			continue
		}
		if r.kind != "" {
			r.read(line)
		}
	}
	if err := flush(); err != nil {
		return Results{}, err
	}
	return g.results(opts, "%d runs of pgbench", n), nil
}

func (r *pgRun) read(line []byte) {
	for _, p := range []struct{ label, name string }{
		{"scaling factor: ", "scale"}, {"query mode: ", "mode"}, {"number of clients: ", "clients"}, {"number of threads: ", "threads"},
	} {
		if rest, ok := after(line, p.label); ok {
			r.params = append(r.params, parameter{p.name, string(rest)})
			return
		}
	}
	for _, v := range []struct {
		label string
		to    *opt
	}{
		{"latency average = ", &r.average}, {"latency stddev = ", &r.deviation}, {"initial connection time = ", &r.connect},
	} {
		if rest, ok := after(line, v.label); ok {
			nanos, ok := nanoseconds(rest)
			*v.to = opt{nanos, ok}
			return
		}
	}
	if rest, ok := after(line, "tps = "); ok {
		if !bytes.Contains(rest, []byte("including")) { // before version 14 there were two
			r.rate = firstNumber(rest)
		}
		return
	}
	if rest, ok := after(line, "number of failed transactions: "); ok {
		r.failed, r.failure = firstNumber(rest), oneLine(string(rest))
		return
	}
	if _, ok := after(line, "statement latencies in milliseconds"); ok {
		r.listing = true
		return
	}
	if !r.listing || len(r.statements) >= 1000 {
		return
	}
	word, rest := nextWord(line)
	v, ok := number(word)
	if !ok {
		r.listing = false
		return
	}
	if failures, more := nextWord(rest); isDigits(failures) { // from version 15 on
		rest = more
	}
	r.statements = append(r.statements, pgStatement{oneLine(string(rest)), v * 1e6})
}

func (r *pgRun) add(g *gathering) error {
	name := withParameters(r.kind, r.params)
	if r.failed.v > 0 {
		g.problem(name, r.line, "transactions failed: %s", r.failure)
	}
	if !r.rate.ok && !r.average.ok {
		g.problem(name, r.line, "it has neither a rate nor a latency: it was aborted")
		return nil
	}
	if r.rate.ok {
		if err := g.metric(name, Metric{Measure: unit.Throughput, Value: r.rate.v, Samples: r.rates}, r.line); err != nil {
			return err
		}
	}
	if r.average.ok {
		latency := Metric{Measure: unit.Latency, Value: r.average.v}
		if r.deviation.ok {
			latency = spread(unit.Latency, r.average.v, r.deviation.v)
		}
		if err := g.metric(name, latency, r.line); err != nil {
			return err
		}
	}
	if err := g.optional(name, r.line, []optional{{initialConnection, r.connect}, {requestsFailed, r.failed}}); err != nil {
		return err
	}
	for _, st := range r.statements {
		if strings.HasPrefix(st.text, `\`) {
			continue // pgbench's own commands take no time
		}
		if err := g.value(name+" "+st.text, unit.Latency, st.value, r.line); err != nil {
			return err
		}
	}
	return nil
}

package adapter

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/unit"
)

// pgbench prints "transaction type: <builtin: TPC-B (sort of)>", "number of clients: 2" and more, then "latency average = 0.718 ms", "tps
// = 2784.06 (without initial connection time)", with -r a latency for each statement, with -P lines of progress. Of several scripts it
// prints "SQL script 1: …" and lines " - latency average = …" below the whole.
//
// Identity is the transaction type, a script's name or the built-in one, with clients, threads, scale, query mode and what else changes
// the load in braces, behind the name of a banner line. A script among several and a statement have the whole's name before theirs; a
// statement that stands in a script twice gets a number. The rate and the latency of each line of progress are samples. Failed
// transactions are a metric and a problem: with them the average counts failures too, as pgbench says. Before version 14 there are two
// rates, of which the one that excludes connecting is taken; with -C connecting is a part of the only one. Before version 9.6 the average
// stands behind a colon.
var pgbenchTool = tool{
	name: "pgbench", about: "pgbench", example: `tacho run "pgbench -c 4 -j 2 -T 30 -P 1 -r bench"`,
	measures: []string{"Throughput (ops/s, higher)", "Latency (ns, lower)", "Initial Connection Time, Connection Time (ns, lower)", "Failed Requests, Serialization Failures, Deadlock Failures, Other Failures, Retried Requests, Retries (lower)", "Skipped Ratio, Late Ratio (%, lower) and Schedule Lag (ns, lower), with -R or -L", "Latency of each script and statement, with -r"},
	samples:  "the rate and latency of each line of progress, with -P", parameters: "clients, threads, scale and query mode, in braces; partitions and tries where there are several",
	needles: []string{"latency average = ", "number of transactions actually processed: "}, hit: func(line []byte) int {
		_, latency := after(line, "latency average = ")
		if _, processed := after(line, "number of transactions actually processed: "); processed || latency && bytes.Contains(line, []byte(" ms")) {
			return 100
		}
		return 0
	}, trace: `"latency average = … ms" or "number of transactions" of pgbench`,
	parse: parsePgbench,
}

var (
	pgInitial = phase("Initial Connection Time", "initial-connection-time")
	pgConnect = phase("Connection Time", "connection-time")
	pgLag     = phase("Schedule Lag", "schedule-lag")
	pgLagMost = phase("Schedule Lag max", "schedule-lag-max")
	pgSkipped = &unit.Measure{Name: "Skipped Ratio", Slug: "skipped-ratio", Units: unit.Percentage, Direction: unit.Lower}
	pgLate    = &unit.Measure{Name: "Late Ratio", Slug: "late-ratio", Units: unit.Percentage, Direction: unit.Lower}
	pgSerial  = &unit.Measure{Name: "Serialization Failures", Slug: "serialization-failures", Units: "requests", Direction: unit.Lower}
	pgLock    = &unit.Measure{Name: "Deadlock Failures", Slug: "deadlock-failures", Units: "requests", Direction: unit.Lower}
	pgOther   = &unit.Measure{Name: "Other Failures", Slug: "other-failures", Units: "requests", Direction: unit.Lower}
	pgRetried = &unit.Measure{Name: "Retried Requests", Slug: "retried-requests", Units: "requests", Direction: unit.Lower}
	pgRetries = &unit.Measure{Name: "Retries", Slug: "retries", Units: "retries", Direction: unit.Lower}
)

// pgMostRows bounds the statements of a script and the scripts of a run.
const pgMostRows = 1000

// pgPart is what is measured of a whole run, and of each script where there are several.
type pgPart struct {
	script, failure                  string
	average, deviation, rate, failed read.Opt
	others                           []optional
	statements                       []pgStatement
}

type pgStatement struct {
	text                     string
	value, failures, retries read.Opt
}

// pgRun is one run.
type pgRun struct {
	title, kind string
	params      []read.Parameter
	line        int
	whole       pgPart
	scripts     []pgPart
	others      []optional
	rates, lats []float64 // of progress
	errors      []string
	listing     int // columns before a statement; 0: no statements follow

	s *read.Scanner
}

func parsePgbench(s *read.Scanner, opts Options) (Results, error) {
	var g gathering
	n := 0
	r := pgRun{s: s}
	flush := func(title string) {
		last := r
		r = pgRun{title: title, s: s}
		if last.kind == "" && len(last.errors) == 0 {
			return
		}
		n++
		last.add(&g)
	}
	for line := range s.Lines() {
		b, isBanner := banner(line)
		if !isBanner {
			b = r.title
		}
		kind, begins := after(line, "transaction type: ")
		if isBanner || begins && r.kind != "" || bytes.HasPrefix(line, []byte("pgbench (")) {
			flush(b)
		}
		if begins {
			r.kind, r.line = read.OneLine(s.Keep(kind)), s.Line()
		} else {
			r.read(line)
		}
	}
	flush("")
	return g.results(opts, "%d runs of pgbench", n)
}

func (r *pgRun) read(line []byte) {
	if len(line) == 0 {
		return
	}
	if rest, ok := bytes.CutPrefix(line, []byte("progress: ")); ok { // it comes before everything else
		if _, rest, ok = bytes.Cut(rest, []byte(" s, ")); !ok {
			return
		}
		rate, _, ok := bytes.Cut(rest, []byte(" tps"))
		if v := firstNumber(rate); ok && v.OK && len(r.rates) < maxAggregates {
			r.rates = append(r.rates, v.Value)
		}
		_, lat, _ := bytes.Cut(rest, []byte(" tps, lat "))
		if v := firstNumber(lat).Times(1e6); v.OK && v.Value > 0 && len(r.lats) < maxAggregates { // 0: there was no transaction
			r.lats = append(r.lats, v.Value)
		}
		return
	}
	for _, label := range []string{"pgbench: error: ", "pgbench: fatal: "} {
		if rest, ok := bytes.CutPrefix(line, []byte(label)); ok && len(r.errors) < 10 {
			r.errors = append(r.errors, string(rest))
			return
		}
	}
	aborted := bytes.HasPrefix(line, []byte("client ")) && bytes.Contains(line, []byte(" aborted ")) || bytes.HasPrefix(line, []byte("Run was aborted"))
	if aborted && len(r.errors) < 10 { // before version 12
		r.errors = append(r.errors, string(line))
		return
	}
	switch {
	case r.kind == "":
	case r.listing > 0 && r.statement(line):
	case line[0] >= 'a' && line[0] <= 'z':
		r.listing = 0
		r.ofRun(line)
	case bytes.HasPrefix(line, []byte(" - ")) && len(r.scripts) > 0:
		r.ofScript(line[len(" - "):])
	case bytes.HasPrefix(line, []byte(" - ")) && r.list(line[len(" - "):]): // of the only script, in versions 9.6 and 10
	default:
		r.listing = 0
		if rest, ok := bytes.CutPrefix(line, []byte("SQL script ")); ok && len(r.scripts) < pgMostRows {
			_, script, _ := bytes.Cut(rest, []byte(": "))
			r.scripts = append(r.scripts, pgPart{script: read.OneLine(string(script))})
		}
	}
}

// pgParameters are the lines of what changes the load.
var pgParameters = []struct{ label, name, usual string }{
	{"scaling factor: ", "scale", ""}, {"query mode: ", "mode", ""}, {"number of clients: ", "clients", ""},
	{"number of threads: ", "threads", ""}, {"maximum number of tries: ", "tries", "1"}, {"partition method: ", "partition", ""}, {"partitions: ", "partitions", ""},
}

// pgFailures are the counts of transactions that failed, behind "number of ".
var pgFailures = []struct {
	label   string
	measure *unit.Measure
}{{"serialization failures: ", pgSerial}, {"deadlock failures: ", pgLock}, {"other failures: ", pgOther},
	{"transactions retried: ", pgRetried}}

// ofRun takes a line of the run as a whole.
func (r *pgRun) ofRun(line []byte) {
	for i := range pgParameters {
		p := &pgParameters[i]
		if !read.HasPrefix(line, p.label) {
			continue
		}
		if r.params == nil {
			r.params = make([]read.Parameter, 0, 4)
		}
		if rest := line[len(p.label):]; string(rest) != p.usual && len(r.params) < 10 {
			r.params = append(r.params, read.Parameter{Name: p.name, Value: read.OneLine(r.s.Keep(rest))})
		}
		return
	}
	add := func(m *unit.Measure, v read.Opt) {
		if r.others == nil {
			r.others = make([]optional, 0, 4)
		}
		if len(r.others) < 10 {
			r.others = append(r.others, optional{m, v})
		}
	}
	millis := func(text []byte) read.Opt { return firstNumber(text).Times(1e6) }
	if rest, ok := after(line, "initial connection time = "); ok {
		add(pgInitial, millis(rest))
	} else if rest, ok := after(line, "average connection time = "); ok {
		add(pgConnect, millis(rest))
	} else if rest, ok := after(line, "rate limit schedule lag: avg "); ok { // "0.090 (max 2.150) ms"
		add(pgLag, millis(rest))
		if _, most, ok := bytes.Cut(rest, []byte("(max ")); ok {
			add(pgLagMost, millis(bytes.TrimRight(most, ") ms")))
		}
	} else if rest, ok := after(line, "number of transactions skipped: "); ok {
		add(pgSkipped, inParentheses(rest))
	} else if rest, ok := after(line, "total number of retries: "); ok {
		add(pgRetries, firstNumber(rest))
	} else if rest, ok := after(line, "tps = "); ok {
		if !bytes.Contains(rest, []byte("including connections establishing")) {
			r.whole.rate = firstNumber(rest)
		}
	} else if bytes.HasPrefix(line, []byte("number of transactions above the ")) {
		add(pgLate, inParentheses(line))
	} else if !r.list(line) {
		r.whole.read(line)
	}
}

// ofScript takes a line of the last script.
func (r *pgRun) ofScript(line []byte) {
	part := &r.scripts[len(r.scripts)-1]
	r.listing = 0
	if _, rate, ok := bytes.Cut(line, []byte("tps = ")); ok { // "5 transactions (50.0% of total, tps = 50.2)", later "number of transactions actually processed: 5 (tps = 50.2)"
		part.rate = firstNumber(bytes.TrimRight(rate, ")"))
	} else if rest, ok := after(line, "number of transactions skipped: "); ok {
		part.others = append(part.others, optional{pgSkipped, inParentheses(rest)})
	} else if rest, ok := after(line, "total number of retries: "); ok {
		part.others = append(part.others, optional{pgRetries, firstNumber(rest)})
	} else if !r.list(line) {
		part.read(line)
	}
	part.others = part.others[:min(len(part.others), 10)]
}

// list begins a list of statements, if the line is its head.
func (r *pgRun) list(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte("statement latencies in milliseconds"))
	if ok {
		r.listing = 1
		for _, more := range []string{"failures", "retries"} {
			if bytes.Contains(rest, []byte(more)) {
				r.listing++
			}
		}
	}
	return ok
}

// read takes a line that the whole and a script have.
func (p *pgPart) read(line []byte) {
	if rest, ok := bytes.CutPrefix(line, []byte("latency ")); ok {
		to := &p.average
		what, rest, _ := bytes.Cut(rest, []byte(" "))
		colon := bytes.HasSuffix(what, []byte(":"))
		if !colon {
			rest, ok = bytes.CutPrefix(rest, []byte("= "))
		}
		switch string(bytes.TrimSuffix(what, []byte(":"))) {
		case "average":
		case "stddev":
			to = &p.deviation
		default:
			ok = false
		}
		if ok {
			*to = firstNumber(rest).Times(1e6)
		}
	}
	if rest, ok := after(line, "number of failed transactions: "); ok {
		p.failed, p.failure = firstNumber(rest), read.OneLine(string(rest))
	}
	rest, ok := bytes.CutPrefix(read.TrimIndent(line), []byte("number of "))
	if !ok {
		return
	}
	for _, more := range pgFailures {
		if read.HasPrefix(rest, more.label) && len(p.others) < 10 {
			p.others = append(p.others, optional{more.measure, firstNumber(bytes.TrimSpace(rest[len(more.label):]))})
		}
	}
}

// statement takes "   0.146   139   UPDATE …;"; false: the list is over.
func (r *pgRun) statement(line []byte) bool {
	part := &r.whole
	if len(r.scripts) > 0 {
		part = &r.scripts[len(r.scripts)-1]
	}
	if line[0] != ' ' && line[0] != '\t' || bytes.HasPrefix(line, []byte(" - ")) {
		return false
	}
	var st pgStatement
	for _, to := range []*read.Opt{&st.value, &st.failures, &st.retries}[:r.listing] {
		var word []byte
		word, line = read.NextWord(line)
		v, ok := read.Number(word)
		if !ok || !read.Finite(v) {
			return false
		}
		*to = read.Opt{Value: v, OK: true}
	}
	st.text = read.OneLine(r.s.Keep(bytes.TrimSpace(line)))
	if part.statements == nil {
		part.statements = make([]pgStatement, 0, 8)
	}
	if len(part.statements) < pgMostRows {
		part.statements = append(part.statements, st)
	}
	return true
}

func (r *pgRun) add(g *gathering) {
	name := g.withParameters(titled(r.title, r.kind), r.params)
	for _, e := range r.errors {
		g.problem(name, r.line, "%s", e)
	}
	if r.kind == "" {
		return
	}
	r.whole.add(g, name, r.line, r.rates, r.lats)
	if !r.whole.rate.OK && !r.whole.average.OK {
		return // and nothing else was measured
	}
	g.optional(name, r.line, r.others)
	for i := range r.scripts {
		r.scripts[i].add(g, name+" "+r.scripts[i].script, r.line, nil, nil)
	}
}

func (p *pgPart) add(g *gathering, name string, line int, rates, lats []float64) {
	if p.failed.Value > 0 {
		g.problem(name, line, "transactions failed: %s", p.failure)
	}
	if !p.rate.OK && !p.average.OK {
		g.problem(name, line, "it has neither a rate nor a latency: not a single transaction was made")
		return
	}
	if p.rate.OK {
		g.metric(name, Metric{Measure: unit.Throughput, Value: p.rate.Value, Samples: rates}, line)
	}
	if p.average.OK {
		latency := Metric{Measure: unit.Latency, Value: p.average.Value}
		if p.deviation.OK {
			latency = spread(unit.Latency, p.average.Value, p.deviation.Value)
		}
		latency.Samples = lats
		g.metric(name, latency, line)
	}
	g.optional(name, line, []optional{{requestsFailed, p.failed}})
	g.optional(name, line, p.others)
	if len(p.statements) == 0 {
		return
	}
	seen := map[string]int{}
	for _, st := range p.statements {
		if strings.HasPrefix(st.text, `\`) {
			continue // pgbench's own commands take no time
		}
		full := g.joined(name, st.text)
		if seen[st.text]++; seen[st.text] > 1 {
			full = fmt.Sprintf("%s #%d", full, seen[st.text])
		}
		var room [3]optional
		values := append(room[:0], optional{unit.Latency, st.value.Times(1e6)})
		if st.failures.Value > 0 {
			values = append(values, optional{requestsFailed, st.failures})
		}
		if st.retries.Value > 0 {
			values = append(values, optional{pgRetries, st.retries})
		}
		g.optional(full, line, values)
	}
}

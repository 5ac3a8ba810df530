package adapter

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/tachograph/tacho/internal/core/unit"
)

// hey prints a summary: "Summary:", "  Average:	0.0005 secs" and others, a histogram, "Latency distribution:" with "  99% in 0.0027 secs", "Details (average, fastest, slowest):", "Status code distribution:" and "Error distribution:". With -o csv
// each row is one request.
//
// hey does not print what it was asked for, so the name is "hey"; of several summaries or tables in one input the second is "hey #2",
// unless banner lines "=== name ===" name them. In CSV each time is a sample; the value is their median. Requests with a status that is
// no success are a
// metric and a problem; their times are among the others, as in hey's own summary. It prints four digits behind the point: a zero among the details is too short to be seen, and "0% in 0.0000 secs" is what it prints where too few requests were made
// for a percentile.
var heyTool = tool{
	name: "hey", about: "hey, summary or -o csv", example: `tacho run "hey -n 10000 http://localhost:8080/"`,
	measures: []string{"Latency (ns, lower)", "Latency min, max, p10 … p99 (ns, lower)", "Throughput (ops/s, higher)", "DNS+Dialup, DNS Lookup, Request Write, Response Wait, Response Read (ns, lower)", "Response Size (B)", "Failed Requests (lower)"}, samples: "each request, in CSV",
	signs:   []sign{{csvForm, []string{"response-time", "DNS+dialup", "status-code", "offset"}, 100, "the columns of hey"}},
	needles: []string{"  Requests/sec:\t"}, hit: func([]byte) int { return 90 }, trace: `"Requests/sec:" in a summary of hey`,
	parse: parseHey, averages: []Average{AverageMean, AverageMedian},
}

// heyPhases are the parts of a request's time, as the summary and the columns of the CSV call them.
var heyPhases = []struct {
	label, column string
	measure       *unit.Measure
}{
	{"DNS+dialup:", "DNS+dialup", phase("DNS+Dialup", "dns-dialup")},
	{"DNS-lookup:", "DNS", phase("DNS Lookup", "dns-lookup")},
	{"req write:", "Request-write", phase("Request Write", "request-write")},
	{"resp wait:", "Response-delay", phase("Response Wait", "response-wait")},
	{"resp read:", "Response-read", phase("Response Read", "response-read")},
}

// phase is the measure of a part of a request's time.
func phase(name, slug string) *unit.Measure {
	return &unit.Measure{Name: name, Slug: slug, Units: unit.Nanoseconds, Direction: unit.Lower}
}

func parseHey(s *scanner, opts Options) (Results, error) {
	s.ensure(windowBytes)
	if window := s.in[s.at:]; bytes.Contains(window[:min(len(window), lookChunk)], []byte("response-time,DNS+dialup")) {
		return heyTable(s, opts)
	}
	var g gathering
	n := 0
	title, name, section := "hey", "hey", ""
	failed := 0.0
	var summary []optional
	summarized := func() error {
		values := summary
		summary = nil
		if len(values) > 0 && !slices.ContainsFunc(values, func(o optional) bool { return o.measure == unit.Latency && o.value.ok }) {
			g.problem(name, s.lineNumber, "not a single request was answered") // the zeros beside it are none
			return nil
		}
		return g.optional(name, s.lineNumber, values)
	}
	flush := func() error {
		if err := summarized(); err != nil {
			return err
		}
		if failed > 0 {
			v := failed
			failed = 0
			return g.value(name, requestsFailed, v, s.lineNumber)
		}
		return nil
	}
	for line := range s.lines() {
		if b, ok := banner(line); ok {
			if err := flush(); err != nil {
				return Results{}, err
			}
			g.named()
			title, name = b, b
			continue
		}
		text := bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != ' ' && bytes.HasSuffix(text, []byte(":")) {
			if err := summarized(); err != nil {
				return Results{}, err
			}
			if section = s.keep(text); section == "Summary:" {
				if err := flush(); err != nil {
					return Results{}, err
				}
				n++
				name = g.again(title)
			}
			continue
		}
		var o optional
		switch section {
		case "Summary:":
			if v := heySummary(text); v.measure != nil {
				if summary == nil {
					summary = make([]optional, 0, len(heyRows))
				}
				summary = append(summary, v)
			}
		case "Latency distribution:":
			if p, rest, ok := bytes.Cut(text, []byte("% in ")); ok && isDigits(p) && string(p) != "0" {
				o = optional{percentileOf(s.keep(p)), firstNumber(rest).times(1e9)}
			}
		case "Details (average, fastest, slowest):":
			for _, part := range heyPhases {
				if rest, ok := after(text, part.label); ok {
					v := firstNumber(rest).times(1e9)
					o = optional{part.measure, opt{v.v, v.ok && v.v > 0}}
				}
			}
		case "Status code distribution:", "Error distribution:":
			code, rest, ok := bytes.Cut(text, []byte("]"))
			code, bracket := bytes.CutPrefix(code, []byte("["))
			if !ok || !bracket || !isDigits(code) {
				continue
			}
			count := firstNumber(rest)
			if section == "Error distribution:" {
				count = firstNumber(code)
			} else if code[0] == '2' || code[0] == '3' {
				continue
			}
			failed += count.v
			g.problem(name, s.lineNumber, "requests failed: %s", text)
		}
		if o.measure != nil {
			if err := g.optional(name, s.lineNumber, []optional{o}); err != nil {
				return Results{}, err
			}
		}
	}
	if err := flush(); err != nil {
		return Results{}, err
	}
	return g.results(opts, "%d summaries of hey", n), nil
}

// heyRows are the rows of the summary.
var heyRows = []struct {
	label   string
	measure *unit.Measure
	factor  float64
}{
	{"Average:", unit.Latency, 1e9}, {"Slowest:", latencyAt("max"), 1e9}, {"Fastest:", latencyAt("min"), 1e9},
	{"Requests/sec:", unit.Throughput, 1}, {"Size/request:", responseSize, 1},
}

func heySummary(text []byte) optional {
	for i := range heyRows {
		row := &heyRows[i]
		if rest, ok := after(text, row.label); ok {
			return optional{row.measure, firstNumber(rest).times(row.factor)}
		}
	}
	return optional{}
}

func heyTable(s *scanner, opts Options) (Results, error) {
	t := s.newTable("response-time", "status-code")
	if t == nil {
		return Results{}, s.fail("hey: there is no table")
	}
	var g gathering
	seconds, status := t.column("response-time"), t.column("status-code")
	phases := make([]int, len(heyPhases)) // their columns
	for i, part := range heyPhases {
		phases[i] = t.column(part.column)
	}
	log := newRequestLog(unit.Latency)
	for _, part := range heyPhases {
		log.measures = append(log.measures, part.measure)
	}
	tables := 0
	next := func() (*requestRow, error) { // a further table is of another call of hey
		tables++
		name := "hey"
		if tables > 1 {
			name += " #" + strconv.Itoa(tables)
		}
		return log.row([]byte(name), func() string { return name })
	}
	r, err := next()
	if err != nil {
		return Results{}, err
	}
	values := make([]opt, len(log.measures))
	for t.next() {
		if string(t.field(seconds)) == t.columns[seconds] {
			if r, err = next(); err != nil {
				return Results{}, err
			}
			continue
		}
		log.n++
		r.requests++
		if code := t.field(status); len(code) == 0 || code[0] != '2' && code[0] != '3' {
			r.refused++
		}
		v, ok := number(t.field(seconds))
		if !ok || !finite(v) {
			g.problem(r.name, t.line, "the response time %q is no number", t.field(seconds))
			continue
		}
		values[0] = opt{v * 1e9, true}
		for i, at := range phases {
			v, ok := number(t.field(at))
			values[i+1] = opt{v * 1e9, ok}
		}
		r.take(values...)
	}
	if err := log.report(&g, opts); err != nil {
		return Results{}, err
	}
	for _, r := range log.order {
		if r.refused == 0 {
			continue
		}
		g.problem(r.name, 0, "%d of %d requests failed", r.refused, r.requests)
		if err := g.value(r.name, requestsFailed, float64(r.refused), 0); err != nil {
			return Results{}, err
		}
	}
	return g.results(opts, "%d requests of hey", log.n), nil
}

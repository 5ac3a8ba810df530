package adapter

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/unit"
)

// hey prints a summary: "Summary:", "  Average:	0.0005 secs" and others, a histogram, "Latency distribution:" with "  99% in 0.0027 secs",
// "Details (average, fastest, slowest):", "Status code distribution:" and "Error distribution:". With -o csv each row is one request.
//
// hey does not print what it was asked for, so the name is "hey"; of several summaries or tables in one input the second is "hey #2",
// unless banner lines "=== name ===" name them. In CSV each time is a sample; the value is their median. Requests with a status that is
// no success are a
// metric and a problem; their times are among the others, as in hey's own summary. It prints four digits behind the point: a zero among
// the details is too short to be seen, and "0% in 0.0000 secs" is what it prints where too few requests were made for a percentile.
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

func parseHey(s *read.Scanner, opts Options) (Results, error) {
	s.Ensure(read.WindowBytes)
	if window := s.Window(); bytes.Contains(window[:min(len(window), lookChunk)], []byte("response-time,DNS+dialup")) {
		return heyTable(s, opts)
	}
	var g gathering
	n := 0
	title, name, section := "hey", "hey", ""
	failed := 0.0
	var summary []optional
	summarized := func() {
		values := summary
		summary = nil
		if len(values) > 0 && !slices.ContainsFunc(values, func(o optional) bool { return o.measure == unit.Latency && o.value.OK }) {
			g.problem(name, s.Line(), "not a single request was answered") // the zeros beside it are none
			return
		}
		g.optional(name, s.Line(), values)
	}
	flush := func() {
		summarized()
		if failed > 0 {
			v := failed
			failed = 0
			g.value(name, requestsFailed, v, s.Line())
			return
		}
	}
	for line := range s.Lines() {
		if b, ok := banner(line); ok {
			flush()
			g.named()
			title, name = b, b
			continue
		}
		text := bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != ' ' && bytes.HasSuffix(text, []byte(":")) {
			summarized()
			if section = s.Keep(text); section == "Summary:" {
				flush()
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
			if p, rest, ok := bytes.Cut(text, []byte("% in ")); ok && read.IsDigits(p) && string(p) != "0" {
				o = optional{percentileOf(s.Keep(p)), firstNumber(rest).Times(1e9)}
			}
		case "Details (average, fastest, slowest):":
			for _, part := range heyPhases {
				if rest, ok := after(text, part.label); ok {
					v := firstNumber(rest).Times(1e9)
					o = optional{part.measure, read.Opt{Value: v.Value, OK: v.OK && v.Value > 0}}
				}
			}
		case "Status code distribution:", "Error distribution:":
			code, rest, ok := bytes.Cut(text, []byte("]"))
			code, bracket := bytes.CutPrefix(code, []byte("["))
			if !ok || !bracket || !read.IsDigits(code) {
				continue
			}
			count := firstNumber(rest)
			if section == "Error distribution:" {
				count = firstNumber(code)
			} else if code[0] == '2' || code[0] == '3' {
				continue
			}
			failed += count.Value
			g.problem(name, s.Line(), "requests failed: %s", text)
		}
		if o.measure != nil {
			g.optional(name, s.Line(), []optional{o})
		}
	}
	flush()
	return g.results(opts, "%d summaries of hey", n)
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
			return optional{row.measure, firstNumber(rest).Times(row.factor)}
		}
	}
	return optional{}
}

func heyTable(s *read.Scanner, opts Options) (Results, error) {
	t := s.Table("response-time", "status-code")
	if t == nil {
		return Results{}, s.Fail("hey: there is no table")
	}
	var g gathering
	seconds, status := t.Column("response-time"), t.Column("status-code")
	phases := make([]int, len(heyPhases)) // their columns
	for i, part := range heyPhases {
		phases[i] = t.Column(part.column)
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
	values := make([]read.Opt, len(log.measures))
	for t.Next() {
		if string(t.Field(seconds)) == t.Columns[seconds] {
			if r, err = next(); err != nil {
				return Results{}, err
			}
			continue
		}
		log.n++
		r.requests++
		if code := t.Field(status); len(code) == 0 || code[0] != '2' && code[0] != '3' {
			r.refused++
		}
		v, ok := read.Number(t.Field(seconds))
		if !ok || !read.Finite(v) {
			g.problem(r.name, t.Line, "the response time %q is no number", t.Field(seconds))
			continue
		}
		values[0] = read.Opt{Value: v * 1e9, OK: true}
		for i, at := range phases {
			v, ok := read.Number(t.Field(at))
			values[i+1] = read.Opt{Value: v * 1e9, OK: ok}
		}
		r.take(values...)
	}
	log.report(&g, opts)
	for _, r := range log.order {
		if r.refused == 0 {
			continue
		}
		g.problem(r.name, 0, "%d of %d requests failed", r.refused, r.requests)
		g.value(r.name, requestsFailed, float64(r.refused), 0)
	}
	return g.results(opts, "%d requests of hey", log.n)
}

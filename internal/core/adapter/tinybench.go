package adapter

import (
	"bytes"
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/unit"
)

// tinybench gives its results to the script, which writes them as JSON: a list of {"name", "result": {…}}, or the results with their
// names in them. Version 2 has flat statistics in milliseconds, later ones nest them under "latency" and "throughput"; versions 3 to 5
// have both. Both are read, at the top or in a member of an object around. Most scripts print bench.table() with console.table, or write
// it as JSON: "Task name", "Latency avg (ns)" as "140.93 ± 7.24%", "Latency med (ns)" as "100.00 ± 10.00", "Throughput avg (ops/s)"; in
// version 2 "ops/sec", whose digits are grouped as the machine's language has it, and "Average Time (ns)". Version 1 calls a column
// picoseconds that has microseconds: it is not read.
//
// Identity is the task's name, behind the name of the list where an object has several; lists called results, tasks, benchmarks or benches
// have none. Each call is a sample where "samples" was kept, which tinybench has sorted. A task that failed has an "error" or the state
// "errored"; of one that was aborted the numbers are of a part of its time, and that is said. In the table a throughput below 100 has lost
// its digits: it is taken from the latency.
var tinybenchTool = tool{
	name: "tinybench", about: "tinybench results as JSON, and its table", example: `tacho run "node bench.mjs"  # console.log(JSON.stringify(bench.tasks.map(t => ({name: t.name, result: t.result}))))`,
	measures: []string{"Latency (ns, lower)", "Throughput (ops/s, higher)", "Latency min, max, p50 … p99.9 (ns, lower)"},
	samples:  "each call, where the script kept them",
	signs: []sign{
		{jsonForm, []string{"[].result.latency.mean", "[].result.throughput.mean"}, 95, `"result" with "latency" and "throughput"`},
		{jsonForm, []string{"*[].result.latency.mean", "*[].result.throughput.mean"}, 95, `"result" with "latency" and "throughput"`},
		{jsonForm, []string{"*[].latency.mean", "*[].throughput.mean", "*[].name"}, 90, `"latency" and "throughput" of named tasks`},
		{jsonForm, []string{"*[].result.hz", "*[].result.period", "*[].result.rme"}, 90, `"result" with "hz", "period" and "rme"`},
		{jsonForm, []string{"*[].hz", "*[].period", "*[].rme", "*[].name"}, 80, `"hz", "period" and "rme" of named tasks`},
		{jsonForm, []string{"*[].Task name", "*[].Latency avg (ns)"}, 95, `rows of bench.table()`},
		{jsonForm, []string{"*[].Task name", "*[].Latency average (ns)"}, 95, `rows of bench.table()`},
		{jsonForm, []string{"*[].Task Name", "*[].Average Time (ns)"}, 95, `rows of bench.table()`},
	},
	needles: []string{"│ Task "}, hit: hitTinybench, trace: `the table of tinybench, with "Task name"`,
	parse: parseTinybench, averages: []Average{AverageMean, AverageMedian},
}

func hitTinybench(line []byte) int {
	if tinyHeader(line) != nil {
		return 95
	}
	return 0
}

// tinyTask is one task.
type tinyTask struct {
	title               string // of the list that it is in
	name, state, failed string
	flat, latency       timing
	throughput          timing
	aborted             bool
	table               map[string]string // of a row of bench.table(): what stands in its columns
}

func parseTinybench(s *read.Scanner, opts Options) (Results, error) {
	var g gathering
	n := 0
	if c := s.Peek(); c != '{' && c != '[' {
		g.tinyTable(s, opts, &n)
		return g.results(opts, `%d rows of tinybench's table`, n)
	}
	list := func(title string) error {
		return s.Each(func() error {
			if s.Peek() != '{' {
				return s.Skip()
			}
			n++
			line, _ := s.Position()
			t := tinyTask{title: title}
			if err := s.Object(func(key []byte) error { return t.member(s, key) }); err != nil {
				return err
			}
			t.add(&g, opts, line)
			return nil
		})
	}
	var err error
	if s.Peek() == '[' {
		err = list("")
	} else {
		err = s.Object(func(key []byte) error {
			switch string(key) {
			case "results", "tasks", "benchmarks", "benches":
				return list("")
			}
			return list(s.Keep(key))
		})
	}
	if err != nil {
		return Results{}, err
	}
	return g.results(opts, `statistics of %d tasks with "latency" and "throughput", or "hz"`, n)
}

func (t *tinyTask) member(s *read.Scanner, key []byte) error {
	switch string(key) {
	case "name":
		return s.Str(&t.name)
	case "state":
		return s.Str(&t.state)
	case "result":
		return s.Members(func(key []byte) error { return t.member(s, key) })
	case "error":
		if s.Peek() != '{' {
			return s.Str(&t.failed)
		}
		t.failed = "an error"
		return s.Members(func(key []byte) error {
			if string(key) == "message" {
				return s.Str(&t.failed)
			}
			return s.Skip()
		})
	case "aborted":
		var aborted string
		err := s.Str(&aborted)
		t.aborted = aborted == "true"
		return err
	case "Task name", "Task Name", "Error":
		return t.column(s, key)
	case "latency":
		return s.Members(func(key []byte) error { return t.latency.member(s, key) })
	case "throughput":
		return s.Members(func(key []byte) error { return t.throughput.member(s, key) })
	}
	if bytes.HasSuffix(key, []byte(")")) && tinyColumns[string(key)] != "" {
		return t.column(s, key)
	}
	return t.flat.member(s, key)
}

// column keeps what stands in a column of a row of bench.table() as JSON.
func (t *tinyTask) column(s *read.Scanner, key []byte) error {
	column := s.Keep(key)
	var text string
	err := s.Str(&text)
	if t.table == nil {
		t.table = map[string]string{}
	}
	t.table[column] = text
	return err
}

func (t *tinyTask) add(g *gathering, opts Options, line int) {
	if t.table != nil {
		tinyRow(g, t.title, t.table, opts, line)
		return
	}
	name := joinNames(" > ", t.title, t.name)
	switch {
	case t.failed != "":
		g.problem(name, line, "it failed: %s", t.failed)
		return
	case t.state == "errored" || t.state == "aborted" || t.state == "not-started":
		g.problem(name, line, "its state is %q", t.state)
		return
	case t.state == "aborted-with-statistics" || t.aborted:
		g.problem(name, line, "it was aborted; its numbers are of a part of its time")
	}
	stats := t.flat
	if t.latency.mean.OK {
		stats = t.latency
		stats.hz, stats.rme = t.throughput.mean, t.throughput.rme
	}
	stats.add(g, g.again(name), 1e6, opts.Average, line)
}

// tinyColumns are the columns of bench.table() that are read, by the names that versions gave them.
var tinyColumns = map[string]string{
	"Task name": "name", "Task Name": "name", "Error": "error",
	"Latency avg (ns)": "mean", "Latency average (ns)": "mean", "Average Time (ns)": "mean", "Margin": "margin",
	"Latency med (ns)": "median", "Latency median (ns)": "median",
	"Throughput avg (ops/s)": "throughput", "Throughput average (ops/s)": "throughput",
}

// tinyHeader are the columns of the table's header; nil: the line is none.
func tinyHeader(line []byte) (columns []string) {
	cells := strings.Split(string(line), "│")
	if len(cells) < 4 {
		return nil
	}
	known := map[string]bool{}
	for _, c := range cells[1 : len(cells)-1] {
		columns = append(columns, strings.TrimSpace(c))
		known[tinyColumns[strings.TrimSpace(c)]] = true
	}
	if !known["name"] || !known["mean"] && !known["error"] {
		return nil
	}
	return columns
}

// tinyTable reads the tables that console.table prints.
func (g *gathering) tinyTable(s *read.Scanner, opts Options, n *int) {
	var columns []string
	title := ""
	for line := range s.Lines() {
		if b, ok := banner(line); ok {
			title = b
			continue
		}
		if !bytes.Contains(line, []byte("│")) {
			continue
		}
		if header := tinyHeader(line); header != nil {
			columns = header
			continue
		}
		cells := strings.Split(string(line), "│")
		over := len(cells) - 2 - len(columns)
		if len(columns) == 0 || len(cells) < 4 || over < 0 {
			continue
		}
		row := map[string]string{}
		for i, c := range columns {
			cell := cells[i+1]
			if tinyColumns[c] == "name" { // which may have the table's own bars in it
				cell = strings.Join(cells[i+1:i+2+over], "│")
				cells = cells[over:]
			}
			row[c] = tinyCell(cell)
		}
		*n++
		tinyRow(g, title, row, opts, s.Line())
	}
}

// tinyCell is a cell without the quotes that Node and Deno put around a text.
func tinyCell(text string) string {
	text = strings.TrimSpace(text)
	if n := len(text); n > 1 && text[0] == text[n-1] && strings.IndexByte("'\"`", text[0]) >= 0 {
		return text[1 : n-1]
	}
	return text
}

// tinyRow adds a row of the table.
func tinyRow(g *gathering, title string, row map[string]string, opts Options, line int) {
	cells := map[string]string{}
	for column, text := range row {
		if known := tinyColumns[column]; known != "" {
			cells[known] = text
		}
	}
	name := joinNames(" > ", title, cells["name"])
	if failed := cells["error"]; failed != "" {
		g.problem(name, line, "it failed: %s", failed)
		return
	}
	mean, margin := tinyValue(cells["mean"])
	if cells["margin"] != "" { // in a column of its own
		_, margin = tinyValue(cells["mean"] + cells["margin"])
	}
	if !mean.OK {
		g.problem(name, line, "it has no mean: it failed or did not run")
		return
	}
	median, deviation := tinyValue(cells["median"])
	latency := spreadIf(unit.Latency, mean, margin)
	if opts.Average == AverageMedian {
		if median.OK {
			latency = spreadIf(unit.Latency, median, deviation)
		} else {
			g.problem(name, line, "it has no median; the value is its mean")
		}
	}
	name = g.again(name)
	g.metric(name, latency, line)
	rate, around := tinyValue(cells["throughput"])
	if !rate.OK || rate.Value < 100 {
		rate, around = read.Opt{Value: 1e9 / mean.Value, OK: mean.Value > 0}, read.Opt{}
	}
	if rate.OK {
		g.metric(name, spreadIf(unit.Throughput, rate, around), line)
	}
	g.optional(name, line, []optional{{latencyAt("p50"), median}})
}

// tinyValue reads "140.93 ± 7.24%" or "100.00 ± 10.00": a value and what lies on both sides of it.
func tinyValue(text string) (value, around read.Opt) {
	first, rest, _ := strings.Cut(text, "±")
	v, ok := read.Number([]byte(strings.TrimSpace(first)))
	value = read.Opt{Value: v, OK: ok && read.Finite(v)}
	rest, percent := strings.CutSuffix(strings.TrimSpace(rest), "%")
	d, ok := read.Number([]byte(rest))
	if around = (read.Opt{Value: d, OK: ok && value.OK && read.Finite(d)}); percent {
		around.Value *= v / 100
	}
	return value, around
}

// spreadIf is a metric with its spread, if it has one.
func spreadIf(m *unit.Measure, middle, around read.Opt) Metric {
	if !around.OK {
		return Metric{Measure: m, Value: middle.Value}
	}
	return spread(m, middle.Value, around.Value)
}

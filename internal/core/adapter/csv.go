package adapter

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/unit"
)

// A table of comma-separated values (semicolons and tabs too) is read by a mapping: see mapping.go. Without one its header must have a
// column name, benchmark or test_name and a column value, and may have metric_name, unit, direction, lower and upper. With a column
// process the name may be missing: then it is one benchmark, as benchmarks of a JVM are exported.
//
// Rows with the same name and measure are samples, of one process where a column process says so. A row whose value is no number is a
// problem.
var csvTool = tool{
	name: "csv", about: "a table of comma-separated values, by --map or with name and value", example: `tacho run --adapter csv --map name=endpoint,value=p99:ms:lower --file results.csv`,
	measures: []string{"what the mapping names, or any unit of the column unit"}, samples: "each row of the same name", parameters: "the mapping's param, in braces",
	signs: []sign{
		{csvForm, []string{"name", "value"}, 40, `a header with "name" and "value"`},
		{csvForm, []string{"benchmark", "value"}, 40, `a header with "benchmark" and "value"`},
		{csvForm, []string{"test_name", "value"}, 40, `a header with "test_name" and "value"`},
		{csvForm, []string{"process", "iteration", "value"}, 60, `a header with "process", "iteration" and "value"`},
	},
	maps: true, parse: parseCSV, averages: []Average{AverageMean, AverageMedian},
}

func parseCSV(s *read.Scanner, opts Options) (Results, error) {
	if opts.Mapping == "" {
		return csvByHeader(s, opts)
	}
	m, err := parseMapping(opts.Mapping)
	if err != nil {
		return Results{}, err
	}
	words := slices.Concat(m.names, m.params)
	for _, v := range m.values {
		words = append(words, v.source)
	}
	numbered := !slices.ContainsFunc(words, func(w string) bool { return !strings.HasPrefix(w, "#") })
	var t *read.Table
	if numbered {
		t = &read.Table{Scanner: s, Comma: ','}
		s.Ensure(read.WindowBytes)
		if window := s.Window(); len(window) > 0 {
			t.Comma = read.Separator(window[:min(len(window), 4096)])
		}
	} else if t = s.Table(words...); t == nil {
		return Results{}, fault.Invalidf("csv: there is no header with the columns %s", strings.Join(words, ", "))
	}
	t.Ragged = true
	at := func(word string) int {
		if n, err := strconv.Atoi(strings.TrimPrefix(word, "#")); err == nil && strings.HasPrefix(word, "#") {
			return n - 1
		}
		return t.Column(word)
	}
	var g gathering
	n := 0
	for t.Next() {
		n++
		var names []string
		for _, w := range m.names {
			names = append(names, string(t.Field(at(w))))
		}
		var ps []read.Parameter
		for _, w := range m.params {
			ps = append(ps, read.Parameter{Name: strings.TrimPrefix(w, "#"), Value: read.OneLine(string(t.Field(at(w))))})
		}
		name := joinNames("/", names...)
		if len(m.names) == 0 {
			name = "csv"
		}
		for _, v := range m.values {
			field := bytes.TrimSpace(t.Field(at(v.source)))
			if len(field) == 0 {
				continue // a cell that was left empty is no value
			}
			o := tableNumber(field, t.Comma)
			if !o.OK {
				g.problem(withParameters(name, ps), t.Line, "%s: %.40q is no number", v.source, field)
				continue
			}
			g.value(withParameters(name, ps), v.measure, o.Value*v.factor, t.Line)
		}
	}
	return g.results(opts, "%d rows by the mapping", n)
}

// tableNumber reads a cell. Where commas do not part the columns, they may be decimal marks, and so they are behind a single 0.
func tableNumber(field []byte, comma byte) read.Opt {
	field = bytes.TrimSpace(field)
	v, ok := read.Number(field)
	if !ok && (comma != ',' || bytes.HasPrefix(bytes.TrimPrefix(field, []byte("-")), []byte("0,"))) {
		v, ok = read.GroupedNumber(field, '.')
	}
	if !ok {
		v, ok = read.GroupedNumber(field, ',')
	}
	return read.Opt{Value: v, OK: ok && read.Finite(v)}
}

func csvByHeader(s *read.Scanner, opts Options) (Results, error) {
	t := s.Table("value")
	if t == nil {
		return Results{}, fault.Invalidf("csv: there is no header with name and value; say which columns they are with --map, as in --map name=endpoint,value=p99:ms:lower")
	}
	first := func(names ...string) int {
		for _, n := range names {
			if at := t.Column(n); at >= 0 {
				return at
			}
		}
		return -1
	}
	name, metric := first("name", "benchmark", "test_name"), first("metric_name", "metric", "measure")
	units, direction := first("unit", "units"), t.Column("direction")
	lower, upper := first("lower", "lower_value"), first("upper", "upper_value")
	process := t.Column("process")
	if name < 0 && process < 0 {
		return Results{}, fault.Invalidf("csv: the header has no column name, benchmark or test_name; say which it is with --map")
	}
	var g gathering
	n := 0
	var processes csvProcesses
	value := t.Column("value")
	for t.Next() {
		n++
		benchmark := "csv"
		if name >= 0 {
			benchmark = read.OneLine(string(t.Field(name)))
		}
		o := tableNumber(t.Field(value), t.Comma)
		if !o.OK {
			g.problem(benchmark, t.Line, "the value %.40q is no number", t.Field(value))
			continue
		}
		m, factor := measureOf(read.OneLine(string(t.Field(metric))), strings.TrimSpace(string(t.Field(units))),
			directionOf(string(t.Field(direction))))
		if process >= 0 {
			if name < 0 && m.Direction == unit.Unknown && metric < 0 {
				m = csvTime
			}
			processes.add(benchmark, m, string(t.Field(process)), o.Value*factor)
			continue
		}
		out := Metric{Measure: m, Value: o.Value * factor}
		if low, high := tableNumber(t.Field(lower), t.Comma), tableNumber(t.Field(upper), t.Comma); low.OK && high.OK {
			out.Lower, out.Upper = low.Times(factor).Pointer(), high.Times(factor).Pointer()
		}
		g.metric(benchmark, out, t.Line)
	}
	processes.give(&g, opts)
	return g.results(opts, `%d rows with "value"`, n)
}

// csvTime is what a table of process, iteration and value and nothing else measures: times, of which fewer are better.
var csvTime = &unit.Measure{Name: "Value", Slug: "value", Units: unit.Generic, Direction: unit.Lower}

// csvProcesses are the rows of a table that says which process each value is of.
type csvProcesses struct {
	order []*csvRuns
	known map[[2]string]*csvRuns // by benchmark and measure
}

type csvRuns struct {
	benchmark string
	measure   *unit.Measure
	values    [][]float64
	place     map[string]int // of a process in values
}

func (c *csvProcesses) add(benchmark string, m *unit.Measure, process string, v float64) {
	key := [2]string{benchmark, m.Name}
	runs := c.known[key]
	if runs == nil {
		runs = &csvRuns{benchmark: benchmark, measure: m, place: map[string]int{}}
		if c.known == nil {
			c.known = map[[2]string]*csvRuns{}
		}
		c.known[key], c.order = runs, append(c.order, runs)
	}
	at, seen := runs.place[process]
	if !seen {
		at = len(runs.values)
		runs.place[process], runs.values = at, append(runs.values, nil)
	}
	runs.values[at] = append(runs.values[at], v)
}

func (c *csvProcesses) give(g *gathering, opts Options) {
	for _, runs := range c.order {
		var sizes []int
		for _, values := range runs.values {
			sizes = append(sizes, len(values))
		}
		out := summarize(runs.measure, slices.Concat(runs.values...), opts.Average)
		out.Processes = sizes
		g.metric(runs.benchmark, out, 0)
	}
}

// directionOf reads a direction as people write it.
func directionOf(text string) unit.Direction {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "lower", "lower_is_better", "smaller", "smaller_is_better", "less", "down":
		return unit.Lower
	case "higher", "higher_is_better", "bigger", "bigger_is_better", "more", "up":
		return unit.Higher
	}
	return unit.Unknown
}

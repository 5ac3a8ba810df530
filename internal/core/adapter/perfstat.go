package adapter

import (
	"bytes"
	"cmp"
	"strings"
	"sync"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/unit"
)

// perf stat prints " Performance counter stats for 'command' (5 runs):" and below it rows "  1,234.56 msec task-clock  #  0.998 CPUs
// utilized  ( +-  0.50% )  (49.97%)", "<not counted>" or "<not supported>" where there is nothing, with --table the time of each run, and
// last "seconds time elapsed", "user" and "sys". With -x, a row is value,unit,event[,variance],run time,percentage of the time that it was
// counted[,metric,its unit]; with -j the same as JSON objects, of which some versions write a comma too much. With -A, --per-socket and
// others, what was counted stands before the value ("CPU0", "S0  8"), with -I the time of the interval. Before version 4.17 times are
// milliseconds without a unit.
//
// Identity is the command; CSV and JSON do not have it, so it is "perf stat" there, or the name of a banner line "=== name ===". The CPU,
// core, socket or thread, and the cgroup, are in braces. Numbers have the locale's marks: what parts thousands stands before three digits,
// and counts have two digits behind the point or none. An event that was not counted is a problem. Of intervals the counts are added up,
// as perf's own --summary does. Of the metrics behind # instructions per cycle are kept, and what has a name of its own (-M, topdown); the
// others follow from the counts.
var perfStatTool = tool{
	name: "perf_stat", about: "perf stat, text, -x, or -j", example: `tacho run "perf stat -r 5 ./program"`,
	measures: []string{"Latency (ns, lower)", "CPU Time, User Time, System Time (ns, lower)", "Instructions, each event by its name", "Instructions per Cycle (higher)", "each metric of -M and topdown by its name"},
	samples:  "the time of each run, with --table", parameters: "CPU, core, socket, thread or cgroup, in braces",
	signs:   []sign{{jsonForm, []string{"counter-value", "event", "event-runtime"}, 100, `"counter-value" and "event"`}},
	needles: []string{"Performance counter stats for ", "CPUs utilized", "CPUs_utilized", "insn per cycle", "insn_per_cycle", " counts unit events", ",100.00,", ";100.00;", "\t100.00\t", "|100.00|", "<not counted>", "<not supported>"}, hit: hitPerf,
	trace: `"Performance counter stats", or a row of perf stat`,
	lines: true, parse: parsePerfStat,
}

func hitPerf(line []byte) int {
	if _, ok := after(line, "Performance counter stats for "); ok {
		return 100
	}
	if r, ok := new(perfBlock).csv(line); ok && r.event != "" || perfIntervals(line) {
		return 100
	}
	return 0
}

// perfIntervals reports whether the line is the head of the text of -I, "#  time  counts unit events".
func perfIntervals(line []byte) bool {
	rest, ok := after(line, "#")
	return ok && bytes.HasPrefix(rest, []byte("time ")) && bytes.HasSuffix(bytes.TrimRight(rest, " "), []byte(" events"))
}

// countedInstructions are the built-in measure's, but a processor that is shared does not count the same twice.
var countedInstructions = func() *unit.Measure {
	m := *unit.Instructions
	m.Exact = false
	return &m
}()

var instructionsPerCycle = &unit.Measure{Name: "Instructions per Cycle", Slug: "instructions-per-cycle", Units: "instructions / cycle", Direction: unit.Higher}

// perfRow is one event.
type perfRow struct {
	event, unit, missing string
	of                   []read.Parameter // the CPU, socket, thread or cgroup
	value, percent       read.Opt         // of the spread
	metrics              []optional
	at                   read.Opt // the end of its interval
	summary, inText      bool
	samples              []float64
	line                 int
	dropped              int // metrics of intervals over the limit

	// When all rows are there.
	measure  *unit.Measure
	factor   float64
	measured string // the measure's name, and of what
}

// perfBlock is what one run of perf printed.
type perfBlock struct {
	name      string
	title     string // of the banner above
	text      bool   // below "Performance counter stats for"
	intervals bool   // below the head of -I
	done      bool   // its elapsed time was read: only user and sys follow
	table     bool
	times     []float64 // of the table
	pmu       string    // of the last row
	rows      []*perfRow
	made      *read.Rows[perfRow] // where they are
	byEvent   map[string]*perfRow // where there are many
	last      float64             // the end of the last interval
	summed    bool                // what it has is the summary of its intervals

	s *read.Scanner // that keeps texts; nil: nobody does
}

// keep is the text as a string.
func (b *perfBlock) keep(text []byte) string { return read.Kept(b.s, text) }

// fewPerfRows are looked through one by one, which is cheaper than a map.
const fewPerfRows = 16

// known is the row of that key.
func (b *perfBlock) known(key string) *perfRow {
	if b.byEvent != nil {
		return b.byEvent[key]
	}
	for _, r := range b.rows {
		if r.event != "" && r.key() == key {
			return r
		}
	}
	return nil
}

func parsePerfStat(s *read.Scanner, opts Options) (Results, error) {
	var g gathering
	n := 0
	b := perfUnnamed("")
	made := perfRooms.Get().(*read.Rows[perfRow])
	b.s, b.made = s, made
	next := func(one perfBlock) {
		if b.title == "" && b.name == perfUnnamed("").name && len(b.rows) > 0 && !b.intervals {
			b.name = g.again(b.name)
		}
		b.add(&g)
		b, b.s, b.made = one, s, made
	}
	for line := range s.Lines() {
		if title, titled := banner(line); titled {
			next(perfUnnamed(perfBanner(title)))
			g.named()
		} else if bytes.HasPrefix(line, []byte("# started on ")) {
			next(perfUnnamed(b.title))
		} else if rest, ok := after(line, "Performance counter stats for "); ok {
			next(perfBlock{name: perfCommand(s.GoesOnTo(rest, ":")), title: b.title, text: true})
		} else if perfIntervals(line) {
			b.intervals = true
		} else if r, ok := b.read(line); ok {
			n++
			r.line = s.Line()
			if b.ends(&r) {
				intervals := b.intervals
				next(perfUnnamed(b.title))
				b.intervals = intervals
			}
			if err := b.take(r); err != nil {
				return Results{}, err
			}
		}
	}
	next(perfBlock{})
	if made.Len() <= storeBenchmarks {
		made.Clear()
		perfRooms.Put(made)
	}
	return g.results(opts, "%d counts of perf stat", n)
}

// perfRooms are rooms for rows that wait for the next input. They hold nothing of an earlier one.
var perfRooms = sync.Pool{New: func() any { return &read.Rows[perfRow]{} }}

// perfUnnamed is a run whose command is not printed.
func perfUnnamed(title string) perfBlock {
	return perfBlock{name: cmp.Or(title, "perf stat"), title: title}
}

// perfBanner is the name in a banner without what it says of the format.
func perfBanner(b string) string {
	b, _, _ = strings.Cut(b, " (perf stat")
	return b
}

// perfCommand reads "'./program -x' (5 runs):" and "process id '1':".
func perfCommand(rest []byte) string {
	text := strings.TrimSuffix(strings.TrimSpace(string(rest)), ":")
	if at := strings.LastIndex(text, "' ("); at > 0 {
		text = text[:at+1]
	}
	what, of, ok := strings.Cut(text, "'")
	if ok && (what == "process id " || what == "thread id ") {
		return read.OneLine(what + strings.TrimSuffix(of, "'"))
	}
	return read.OneLine(strings.Trim(text, "'"))
}

// read takes a row in any of the ways in which perf prints it.
func (b *perfBlock) read(line []byte) (r perfRow, ok bool) {
	if len(line) == 0 {
		return r, false
	}
	if line[0] == '{' {
		return b.json(line)
	}
	if before, rest := read.NextWord(line); b.intervals {
		if seconds, ok := perfTime(before); ok {
			r, ok = b.row(rest)
			r.at = read.Opt{Value: seconds, OK: true}
			return r, ok
		}
	}
	if b.text {
		if r, ok = b.row(line); ok || !b.done {
			return r, ok
		}
	}
	return b.csv(line)
}

// perfTime reads the time of an interval, which has nine digits behind the mark.
func perfTime(word []byte) (float64, bool) {
	at := bytes.LastIndexAny(word, ".,")
	if at <= 0 || len(word)-at != 10 || !read.IsDigits(word[:at]) || !read.IsDigits(word[at+1:]) {
		return 0, false
	}
	v := perfDecimal(word)
	return v.Value, v.OK
}

// ends reports whether the row belongs to another run than those before it: what CSV and JSON print again or below a text, or an interval
// that is earlier.
func (b *perfBlock) ends(r *perfRow) bool {
	switch {
	case r.at.OK:
		return r.at.Value < b.last
	case b.text:
		return !r.inText
	}
	return !r.summary && r.event != "" && b.known(r.key()) != nil
}

// isFooter reports whether the row stands below the counts.
func (r *perfRow) isFooter() bool {
	return r.event == "elapsed" || r.event == "user" || r.event == "sys"
}

// key is the event and what it was counted of.
func (r *perfRow) key() string { return withParameters(r.event, r.of) }

func (b *perfBlock) take(r perfRow) error {
	if r.summary && !b.summed { // it takes the place of the intervals
		b.summed = true
		b.rows, b.byEvent = nil, nil
	}
	if r.at.OK {
		b.last = r.at.Value
	}
	if r.event != "" {
		b.pmu, _ = perfPMU(r.event)
	}
	if r.event == "" { // more metrics of the row before
		if len(b.rows) > 0 {
			b.rows[len(b.rows)-1].more(r.metrics)
		}
		return nil
	}
	known := b.known(r.key())
	if known == nil {
		if len(b.rows) >= limits.MetricsPerReport {
			return tooManyMetrics()
		}
		row := b.made.Next()
		*row = r
		if b.rows = append(b.rows, row); len(b.rows) == fewPerfRows {
			b.byEvent = map[string]*perfRow{}
			for _, one := range b.rows {
				b.byEvent[one.key()] = one
			}
		} else if b.byEvent != nil {
			b.byEvent[row.key()] = row
		}
		return nil
	}
	known.more(r.metrics)
	switch {
	case !r.value.OK, b.text, r.at == known.at: // an event may be counted for more than one metric
	case !known.value.OK:
		known.value, known.missing, known.unit, known.at = r.value, "", r.unit, r.at
	case r.at.OK:
		known.value.Value += r.value.Value
		known.at = r.at
	}
	return nil
}

// more adds metrics as far as a report holds them.
func (r *perfRow) more(metrics []optional) {
	if len(r.metrics)+len(metrics) > limits.SamplesPerMetric {
		r.dropped += len(metrics)
		return
	}
	r.metrics = append(r.metrics, metrics...)
}

// add gives what was counted.
func (b *perfBlock) add(g *gathering) {
	for _, r := range b.rows {
		if r.missing == "" {
			r.measure, r.factor = perfMeasure(r.event, r.unit)
			r.measured = r.measure.Name
			if len(r.of) > 0 {
				r.measured = g.withParameters(r.measure.Name, r.of)
			}
		}
	}
	taken := b.taken()
	for _, r := range b.rows {
		name := b.name
		if len(r.of) > 0 {
			name = g.withParameters(b.name, r.of)
		}
		if r.missing != "" {
			g.problem(name, r.line, "%s was %s", r.event, strings.Trim(r.missing, "<>"))
		} else {
			g.metric(name, r.metric(taken(r)), r.line)
		}
		if r.dropped > 0 {
			g.problem(name, r.line, "%d metrics of %s are over the limit of %d and left out", r.dropped, r.event, limits.SamplesPerMetric)
		}
		g.optional(name, r.line, r.metrics)
	}
}

// metric is what the row counted, by its own name where another one has taken the measure's.
func (r *perfRow) metric(own bool) Metric {
	m := r.measure
	if own {
		its := *m
		its.Name, its.Slug = r.event, ""
		m = &its
	}
	out := Metric{Measure: m, Value: r.value.Value * r.factor}
	if r.percent.OK {
		out = spread(m, out.Value, out.Value*r.percent.Value/100)
	}
	out.Samples = r.samples
	return out
}

// taken tells for a row whether another one has its measure. Where two events of one run would be the same measure, as instructions:u and
// instructions:k, or duration_time and what stands below all, one of them goes by its own name.
func (b *perfBlock) taken() func(r *perfRow) bool {
	first := func(measured string, footer bool) *perfRow {
		for _, r := range b.rows {
			if r.missing == "" && r.isFooter() == footer && r.measured == measured {
				return r
			}
		}
		return nil
	}
	if len(b.rows) < fewPerfRows {
		return func(r *perfRow) bool { return cmp.Or(first(r.measured, true), first(r.measured, false)) != r }
	}
	all := make(map[string]*perfRow, len(b.rows))
	for _, footer := range []bool{true, false} {
		for _, r := range b.rows {
			if r.missing == "" && r.isFooter() == footer && all[r.measured] == nil {
				all[r.measured] = r
			}
		}
	}
	return func(r *perfRow) bool { return all[r.measured] != r }
}

// perfEvents are measures of events that almost every run counts.
var perfEvents = func() map[string]*unit.Measure {
	out := map[string]*unit.Measure{}
	for _, event := range strings.Fields("cycles branches branch-misses cache-misses cache-references context-switches cs page-faults faults cpu-migrations migrations major-faults minor-faults ref-cycles stalled-cycles-frontend stalled-cycles-backend L1-dcache-loads L1-dcache-load-misses LLC-loads LLC-load-misses dTLB-load-misses cycles:u branches:u branch-misses:u cpu-migrations:u context-switches:u page-faults:u") {
		out[event], _ = newPerfMeasure(event, "")
	}
	return out
}()

// perfMeasure is what an event measures. Counts of a real processor vary: none is exact.
func perfMeasure(event, u string) (*unit.Measure, float64) {
	if m := perfEvents[event]; m != nil && u == "" {
		return m, 1
	}
	return newPerfMeasure(event, u)
}

func newPerfMeasure(event, u string) (*unit.Measure, float64) {
	nanos, isTime := nanosPer(u)
	base, _, _ := strings.Cut(event, ":") // cycles:u
	switch base {
	case "elapsed", "duration_time":
		if !isTime {
			nanos = 1
		}
		return unit.Latency, nanos
	case "user", "user_time":
		if !isTime {
			nanos = 1
		}
		return unit.UserTime, nanos
	case "sys", "system_time":
		if !isTime {
			nanos = 1
		}
		return unit.SystemTime, nanos
	case "task-clock", "cpu-clock":
		if !isTime {
			nanos = 1
		}
		m := cpuTime
		if base == "cpu-clock" {
			m = &unit.Measure{Name: "CPU Clock", Slug: "cpu-clock", Units: unit.Nanoseconds, Direction: unit.Lower}
		}
		return m, nanos
	case "instructions":
		return countedInstructions, 1
	}
	m := &unit.Measure{Name: event, Units: "events", Direction: unit.Unknown}
	for _, word := range []string{"miss", "fault", "switch", "migration", "cycles", "stall"} {
		if strings.Contains(base, word) {
			m.Direction = unit.Lower
		}
	}
	if isTime {
		m.Units, m.Direction = unit.Nanoseconds, unit.Lower
		return m, nanos
	}
	if u != "" {
		m.Units = u
	}
	return m, 1
}

package adapter

import (
	"bytes"
	"strings"

	"github.com/tachograph/tacho/internal/core/unit"
)

// perf stat prints " Performance counter stats for 'command' (5 runs):" and below it rows "  1,234.56 msec task-clock  #  0.998 CPUs utilized  ( +-  0.50% )", "<not counted>" or "<not supported>" where there is nothing, and "seconds time elapsed", "user" and "sys". With -x, a row
// is value,unit,event[,variance],run time,percentage of the time that it was counted[,metric,its unit]; with -j the same as JSON objects.
//
// Identity is the command; CSV and JSON do not have it, so it is "perf stat" there, or the name of a banner line "=== name ===". Numbers have the locale's marks: in text "1,234" or "1.234", in CSV with another separator. An event that was not counted is a problem. Of the metrics
// behind # only instructions per cycle are kept: the others follow from the counts.
var perfStatTool = tool{
	name: "perf_stat", about: "perf stat, text, -x, or -j", example: `tacho run --file perf.txt "perf stat -r 5 -o perf.txt ./program"`,
	measures: []string{"Latency (ns, lower)", "CPU Time, User Time, System Time (ns, lower)", "Instructions, each event by its name", "Instructions per Cycle (higher)"},
	signs:    []sign{{jsonForm, []string{"counter-value", "event", "event-runtime"}, 100, `"counter-value" and "event"`}},
	needles:  []string{" Performance counter stats for ", "CPUs utilized"}, hit: hitPerf, trace: `"Performance counter stats", or a row of perf stat`,
	lines: true, parse: parsePerfStat,
}

func hitPerf(line []byte) int {
	if bytes.HasPrefix(line, []byte(" Performance counter stats for ")) {
		return 100
	}
	if _, ok := perfCSV(line); ok {
		return 95
	}
	return 0
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
	value, percent       opt // of the spread
	perCycle             opt
}

func parsePerfStat(s *scanner, opts Options) (Results, error) {
	var g gathering
	n := 0
	name := "perf stat"
	add := func(r perfRow, line int) error {
		n++
		return g.perf(name, r, line)
	}
	inText := false
	for line := range s.lines() {
		if b, ok := banner(line); ok {
			name, inText = perfBanner(b), false
			continue
		}
		if rest, ok := bytes.CutPrefix(line, []byte(" Performance counter stats for ")); ok {
			name, inText = perfCommand(rest), true
			continue
		}
		var r perfRow
		ok := false
		switch {
		case len(line) > 0 && line[0] == '{':
			r, ok = perfJSON(line)
		case inText:
			r, ok = perfText(line)
		default:
			r, ok = perfCSV(line)
		}
		if !ok {
			continue
		}
		if err := add(r, s.lineNumber); err != nil {
			return Results{}, err
		}
	}
	return g.results(opts, "%d counts of perf stat", n), nil
}

// perfBanner is the name in a banner without what it says of the format.
func perfBanner(b string) string {
	b, _, _ = strings.Cut(b, " (perf stat")
	return b
}

// perfCommand reads "'./program -x' (5 runs):".
func perfCommand(rest []byte) string {
	text := strings.TrimSuffix(strings.TrimSpace(string(rest)), ":")
	if at := strings.LastIndex(text, "' ("); at > 0 {
		text = text[:at+1]
	}
	return oneLine(strings.Trim(text, "'"))
}

// perfText reads a row of the text.
func perfText(line []byte) (r perfRow, ok bool) {
	before, rest, _ := bytes.Cut(line, []byte("#"))
	words := bytes.Fields(before)
	if at := bytes.LastIndex(line, []byte("( +- ")); at >= 0 {
		r.percent = firstNumber(bytes.TrimLeft(line[at+len("( +- "):], " "))
		if inside := bytes.Index(before, []byte("( +- ")); inside >= 0 {
			words = bytes.Fields(before[:inside])
		}
	}
	if metric := bytes.Fields(rest); len(metric) >= 4 && string(metric[1]) == "insn" && string(metric[3]) == "cycle" {
		r.perCycle = perfNumber(metric[0])
	}
	switch {
	case len(words) >= 3 && (string(words[0]) == "<not") && strings.HasSuffix(string(words[1]), ">"):
		r.missing, r.event = string(words[0])+" "+string(words[1]), string(words[2])
		return r, true
	case len(words) >= 2 && string(words[len(words)-1]) == "elapsed" || len(words) == 3 && string(words[1]) == "seconds":
		r.value, r.event, r.unit = perfNumber(words[0]), string(words[len(words)-1]), "seconds"
		return r, r.value.ok
	case len(words) == 2:
		r.value, r.event = perfNumber(words[0]), string(words[1])
	case len(words) == 3:
		r.value, r.unit, r.event = perfNumber(words[0]), string(words[1]), string(words[2])
	}
	return r, r.value.ok
}

// perfNumber reads a number with the marks of any locale: where there are both, the last one is the decimal mark; a comma or point before exactly three digits at the end parts thousands, as counts are whole and times have more digits or fewer.
func perfNumber(word []byte) opt {
	comma, point := bytes.LastIndexByte(word, ','), bytes.LastIndexByte(word, '.')
	group := byte(',')
	switch {
	case comma >= 0 && point >= 0 && comma > point:
		group = '.'
	case comma >= 0 && point < 0 && len(word)-comma != 4:
		group = '.'
	case point >= 0 && comma < 0 && bytes.Count(word, []byte(".")) > 1:
		group = '.'
	}
	v, ok := groupedNumber(word, group)
	return opt{v, ok && finite(v)}
}

// perfCSV reads a row of -x with any separator that perf's users choose: comma, semicolon, tab or |.
func perfCSV(line []byte) (r perfRow, ok bool) {
	for _, comma := range []byte{',', ';', '\t', '|'} {
		fields := bytes.Split(line, []byte{comma})
		if len(fields) < 5 || len(fields) > 12 {
			continue
		}
		if at := bytes.TrimSpace(fields[0]); len(fields) > 6 && bytes.IndexByte(at, '.') > 0 && len(at) >= 11 { // -I: the time comes first
			fields = fields[1:]
		}
		r = perfRow{event: string(fields[2]), unit: string(fields[1])}
		if len(r.event) == 0 || isDigit(r.event[0]) {
			continue
		}
		rest := fields[3:]
		if p, percent := bytes.CutSuffix(rest[0], []byte("%")); percent {
			r.percent = perfNumber(p)
			rest = rest[1:]
		}
		if len(rest) < 2 || !perfNumber(rest[0]).ok || !perfNumber(rest[1]).ok {
			continue
		}
		if bytes.HasPrefix(fields[0], []byte("<not ")) {
			r.missing = string(fields[0])
			return r, true
		}
		if r.value = perfNumber(fields[0]); !r.value.ok {
			continue
		}
		if len(rest) >= 4 && string(rest[3]) == "insn per cycle" {
			r.perCycle = perfNumber(rest[2])
		}
		return r, true
	}
	return perfRow{}, false
}

// perfJSON reads an object of -j.
func perfJSON(line []byte) (r perfRow, ok bool) {
	s := scanBytes(line)
	var text, metricUnit string
	var metric opt
	err := s.object(func(key []byte) error {
		switch string(key) {
		case "counter-value":
			return s.str(&text)
		case "unit":
			return s.str(&r.unit)
		case "event":
			return s.str(&r.event)
		case "variance":
			return s.opt(&r.percent)
		case "metric-value":
			return s.opt(&metric)
		case "metric-unit":
			return s.str(&metricUnit)
		}
		return s.skip()
	})
	if err != nil || r.event == "" {
		return r, false
	}
	if metricUnit == "insn per cycle" {
		r.perCycle = metric
	}
	if strings.HasPrefix(text, "<not ") {
		r.missing = text
		return r, true
	}
	v, ok := number([]byte(text))
	r.value = opt{v, ok && finite(v)}
	return r, r.value.ok
}

func (g *gathering) perf(name string, r perfRow, line int) error {
	if r.missing != "" {
		g.problem(name, line, "%s was %s", r.event, strings.Trim(r.missing, "<>"))
		return nil
	}
	m, factor := perfMeasure(r.event, r.unit)
	metric := Metric{Measure: m, Value: r.value.v * factor}
	if r.percent.ok {
		metric = spread(m, metric.Value, metric.Value*r.percent.v/100)
	}
	if err := g.metric(name, metric, line); err != nil {
		return err
	}
	return g.optional(name, line, []optional{{instructionsPerCycle, r.perCycle}})
}

// perfMeasure is what an event measures. Counts of a real processor vary: none is exact.
func perfMeasure(event, u string) (*unit.Measure, float64) {
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

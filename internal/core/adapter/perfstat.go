package adapter

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/unit"
)

// perf stat prints " Performance counter stats for 'command' (5 runs):" and below it rows "  1,234.56 msec task-clock  #  0.998 CPUs utilized  ( +-  0.50% )  (49.97%)", "<not counted>" or "<not supported>" where there is nothing, with --table the time of each run, and last
// "seconds time elapsed", "user" and "sys". With -x, a row is value,unit,event[,variance],run time,percentage of the time that it was counted[,metric,its unit]; with -j the same as JSON objects, of which some versions write a comma too much. With -A, --per-socket and others, what was
// counted stands before the value ("CPU0", "S0  8"), with -I the time of the interval. Before version 4.17 times are milliseconds without a unit.
//
// Identity is the command; CSV and JSON do not have it, so it is "perf stat" there, or the name of a banner line "=== name ===". The CPU, core, socket or thread, and the cgroup, are in braces. Numbers have the locale's marks: what parts thousands stands before three digits, and counts have
// two digits behind the point or none. An event that was not counted is a problem. Of intervals the counts are added up, as perf's own --summary does. Of the metrics behind # instructions per cycle are kept, and what has a name of its own (-M, topdown); the others follow from the counts.
var perfStatTool = tool{
	name: "perf_stat", about: "perf stat, text, -x, or -j", example: `tacho run --file perf.txt "perf stat -r 5 -o perf.txt ./program"`,
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
	if r, ok := perfCSV(line); ok && r.event != "" || perfIntervals(line) {
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
	of                   []parameter // the CPU, socket, thread or cgroup
	value, percent       opt         // of the spread
	metrics              []optional
	at                   opt // the end of its interval
	summary, inText      bool
	samples              []float64
	line                 int
	dropped              int // metrics of intervals over the limit
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
	byEvent   map[string]*perfRow
	last      float64 // the end of the last interval
	summed    bool    // what it has is the summary of its intervals
}

func parsePerfStat(s *scanner, opts Options) (Results, error) {
	var g gathering
	n := 0
	b := perfUnnamed("")
	next := func(one perfBlock) error {
		err := b.add(&g)
		b = one
		return err
	}
	for line := range s.lines() {
		var err error
		if title, titled := banner(line); titled {
			err = next(perfUnnamed(perfBanner(title)))
		} else if bytes.HasPrefix(line, []byte("# started on ")) {
			err = next(perfUnnamed(b.title))
		} else if rest, ok := after(line, "Performance counter stats for "); ok {
			err = next(perfBlock{name: perfCommand(rest), title: b.title, text: true})
		} else if perfIntervals(line) {
			b.intervals = true
		} else if r, ok := b.read(line); ok {
			n++
			r.line = s.lineNumber
			if b.ends(&r) {
				intervals := b.intervals
				err = next(perfUnnamed(b.title))
				b.intervals = intervals
			}
			if err == nil {
				err = b.take(r)
			}
		}
		if err != nil {
			return Results{}, err
		}
	}
	if err := next(perfBlock{}); err != nil {
		return Results{}, err
	}
	return g.results(opts, "%d counts of perf stat", n), nil
}

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
		return oneLine(what + strings.TrimSuffix(of, "'"))
	}
	return oneLine(strings.Trim(text, "'"))
}

// read takes a row in any of the ways in which perf prints it.
func (b *perfBlock) read(line []byte) (r perfRow, ok bool) {
	if len(line) == 0 {
		return r, false
	}
	if line[0] == '{' {
		return perfJSON(line)
	}
	if before, rest := nextWord(line); b.intervals {
		if seconds, ok := perfTime(before); ok {
			r, ok = b.row(rest)
			r.at = opt{seconds, true}
			return r, ok
		}
	}
	if b.text {
		if r, ok = b.row(line); ok || !b.done {
			return r, ok
		}
	}
	return perfCSV(line)
}

// perfTime reads the time of an interval, which has nine digits behind the mark.
func perfTime(word []byte) (float64, bool) {
	at := bytes.LastIndexAny(word, ".,")
	if at <= 0 || len(word)-at != 10 || !isDigits(word[:at]) || !isDigits(word[at+1:]) {
		return 0, false
	}
	v := perfDecimal(word)
	return v.v, v.ok
}

// ends reports whether the row belongs to another run than those before it: what CSV and JSON print again or below a text, or an interval that is earlier.
func (b *perfBlock) ends(r *perfRow) bool {
	switch {
	case r.at.ok:
		return r.at.v < b.last
	case b.text:
		return !r.inText
	}
	return !r.summary && r.event != "" && b.byEvent[r.key()] != nil
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
	if r.at.ok {
		b.last = r.at.v
	}
	if r.event != "" {
		b.pmu, _ = perfPMU(r.event)
	}
	known := b.byEvent[r.key()]
	switch {
	case r.event == "" && len(b.rows) == 0:
		return nil
	case r.event == "": // more metrics of the row before
		b.rows[len(b.rows)-1].more(r.metrics)
		return nil
	case known == nil:
		if len(b.rows) >= limits.MetricsPerReport {
			return tooManyMetrics()
		}
		if b.byEvent == nil {
			b.byEvent = map[string]*perfRow{}
		}
		b.byEvent[r.key()] = &r
		b.rows = append(b.rows, &r)
		return nil
	}
	known.more(r.metrics)
	switch {
	case !r.value.ok, b.text, r.at == known.at: // an event may be counted for more than one metric
	case !known.value.ok:
		known.value, known.missing, known.unit, known.at = r.value, "", r.unit, r.at
	case r.at.ok:
		known.value.v += r.value.v
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

// row reads a row of the text.
func (b *perfBlock) row(line []byte) (r perfRow, ok bool) {
	r.inText = true
	before, behind, hash := bytes.Cut(line, []byte("#"))
	if b.table = b.table && hash || bytes.HasPrefix(behind, []byte(" Table of individual measurements:")); b.table {
		words := perfWords(before)
		if len(words) == 2 && words[1].text[0] == '(' && len(b.times) < limits.SamplesPerMetric {
			if v := perfDecimal(words[0].text); v.ok {
				b.times = append(b.times, v.v*1e9)
			}
		}
		return r, false
	}
	if at := bytes.LastIndex(line, []byte("( +-")); at >= 0 {
		r.percent = perfDecimal(firstWord(line[at+len("( +-"):]))
	}
	before = perfBefore(before)
	words := perfWords(before)
	if r.of, words = perfAggregate(words); len(words) == 0 || !perfValue(words[0].text) {
		return b.more(r, words, behind)
	}
	if !slices.ContainsFunc(words, func(w perfWord) bool { return !perfDecimal(w.text).ok }) && !b.done { // of --metric-only, whose names stand above in columns of any width
		r.event, r.missing = "a row of metrics without counts", "<not read>"
		return r, true
	}
	if len(words) < 2 {
		return r, false
	}
	last := words[len(words)-1].text
	switch {
	case string(last) == "elapsed", len(words) == 3 && string(words[1].text) == "seconds" && (string(last) == "user" || string(last) == "sys"): // "0.0023 +- 0.0003 seconds time elapsed"
		r.value, r.event, r.unit = perfDecimal(words[0].text), string(last), "seconds"
		if string(last) == "elapsed" {
			b.done, r.samples = true, b.times
		}
		return r, r.value.ok
	case b.done:
		return r, false // it is another program's
	case string(words[0].text) == "<not":
		r.missing = "<not " + string(words[1].text)
		words = words[1:]
	default:
		r.value = perfCount(words[0].text)
	}
	words = words[1:]
	if n := len(words); n > 1 && string(words[n-1].text) == "(msec)" { // before version 4.17
		words, r.unit = words[:n-1], "msec"
	}
	if n := len(words); n > 1 && words[n-1].at-words[n-2].at >= 25 { // an event fills 25 columns or 32, a unit few
		r.of = append(r.of, parameter{"cgroup", string(words[n-1].text)})
		words = words[:n-1]
	}
	switch {
	case len(words) == 2 && r.unit == "":
		r.unit, r.event = string(words[0].text), string(words[1].text)
	case len(words) == 1:
		r.event = string(words[0].text)
	default:
		return r, false
	}
	pmu, _ := perfPMU(r.event)
	r.metrics = perfMetrics(behind, pmu)
	return r, (r.value.ok || r.missing != "") && !isDigit(r.event[0])
}

// more is a row without a count: further metrics of the row before, or those of a group, "TopdownL1 (cpu_core)  # 9.4 %  tma_bad_speculation".
func (b *perfBlock) more(r perfRow, words []perfWord, behind []byte) (perfRow, bool) {
	if b.done || len(words) > 2 || len(behind) == 0 {
		return r, false
	}
	if len(words) > 0 {
		b.pmu = ""
	}
	if len(words) == 2 {
		b.pmu = strings.Trim(string(words[1].text), "()")
	}
	r.metrics = perfMetrics(behind, b.pmu)
	return r, len(r.metrics) > 0
}

// perfBefore is what stands before the spread and the percentage of the time that an event was counted: "( +-  0.02% )  (66.65%)".
func perfBefore(text []byte) []byte {
	if at := bytes.Index(text, []byte("( +-")); at >= 0 {
		text = text[:at]
	}
	text = bytes.TrimRight(text, " \t")
	if at := bytes.LastIndex(text, []byte(" (")); at >= 0 && bytes.HasSuffix(text, []byte("%)")) {
		text = bytes.TrimRight(text[:at], " \t")
	}
	return text
}

// perfWord is a word and its column.
type perfWord struct {
	text []byte
	at   int
}

// perfWords parts at spaces and tabs only: other white space may part the thousands.
func perfWords(text []byte) (words []perfWord) {
	for at := 0; at < len(text) && len(words) < 12; {
		word, rest := nextWord(text[at:])
		if len(word) == 0 {
			break
		}
		at = len(text) - len(rest)
		words = append(words, perfWord{word, at - len(word)})
	}
	return words
}

func firstWord(text []byte) []byte {
	word, _ := nextWord(text)
	return word
}

// perfValue reports whether a row's value begins here.
func perfValue(word []byte) bool {
	return string(word) == "<not" || perfCount(word).ok
}

// perfAggregate takes off what -A, --per-socket, --per-core and others put before the value: "CPU0", "S0  8", "S0-D0-C1  2", "bash-123".
func perfAggregate(words []perfWord) (of []parameter, rest []perfWord) {
	if len(words) == 0 || perfValue(words[0].text) {
		return nil, words
	}
	for i := 0; i < len(words) && i < 4; i++ { // a thread's name may have spaces
		name, ok := perfPart(words[i].text)
		if !ok || i > 0 && name != "thread" {
			continue
		}
		whole := string(words[0].text)
		for _, w := range words[1 : i+1] {
			whole += " " + string(w.text)
		}
		rest = words[i+1:]
		if name != "cpu" && name != "thread" && len(rest) > 0 && isDigits(rest[0].text) && (len(rest) == 1 || perfValue(rest[1].text)) {
			rest = rest[1:] // the number of CPUs that are counted together
		}
		if len(rest) == 0 || perfValue(rest[0].text) {
			return []parameter{perfOf(name, whole)}, rest
		}
	}
	return nil, words
}

// perfPart is what a word such as "CPU0", "S0-D0-C1" or "bash-123" names.
func perfPart(word []byte) (name string, ok bool) {
	if rest, ok := bytes.CutPrefix(word, []byte("CPU")); ok && isDigits(rest) {
		return "cpu", true
	}
	if rest, ok := bytes.CutPrefix(word, []byte("N")); ok && isDigits(rest) {
		return "node", true
	}
	parts := bytes.Split(word, []byte("-"))
	if rest, ok := bytes.CutPrefix(parts[0], []byte("S")); ok && isDigits(rest) && len(parts) < 5 {
		if bytes.HasPrefix(parts[len(parts)-1], []byte("CLS")) {
			return "cluster", true
		}
		return [...]string{"socket", "die", "core", "cache"}[len(parts)-1], true
	}
	return "thread", len(parts) > 1 && len(parts[0]) > 0 && isDigits(parts[len(parts)-1])
}

// perfOf is the parameter of a part. A process id is another each time, so that a thread goes by its name.
func perfOf(name, text string) parameter {
	switch name {
	case "cpu":
		text = strings.TrimPrefix(text, "CPU")
	case "thread":
		if at := strings.LastIndexByte(text, '-'); at > 0 {
			text = text[:at]
		}
	}
	return parameter{name, oneLine(text)}
}

// perfPMU is the unit of the processor in an event such as "cpu_core/cycles/u".
func perfPMU(event string) (string, bool) {
	pmu, _, ok := strings.Cut(event, "/")
	if !ok {
		return "", false
	}
	return pmu, true
}

// perfMetrics reads what stands behind #: "1.24  insn per cycle", "20.1 %  tma_backend_bound", "0.70 IPC".
func perfMetrics(behind []byte, pmu string) []optional {
	if at := bytes.IndexByte(behind, '#'); at >= 0 {
		behind = behind[:at]
	}
	behind = perfBefore(behind)
	word, rest := nextWord(behind)
	return perfMetric(perfDecimal(word), string(rest), pmu)
}

// perfMetric is a metric by what perf calls its unit, which is a unit and behind two spaces its name, or the name alone.
func perfMetric(v opt, text, pmu string) []optional {
	text = strings.TrimSpace(text)
	if !v.ok || text == "" {
		return nil
	}
	u, name, named := strings.Cut(text, "  ")
	if name = strings.TrimSpace(name); !named {
		u, name = unit.Generic, text
	}
	m := &unit.Measure{Name: name, Units: u, Direction: unit.Unknown}
	switch {
	case text == "insn per cycle", name == "insn_per_cycle":
		m = instructionsPerCycle
	case strings.Contains(name, " "), strings.Contains(text, "/sec"), strings.Contains(text, "GHz"), u == "CPUs":
		return nil // it follows from the counts
	case u == "%":
		m.Units = unit.Percentage
	}
	if pmu != "" && strings.HasPrefix(pmu, "cpu_") { // of a processor with several kinds of cores
		own := *m
		own.Name += " (" + pmu + ")"
		if own.Slug != "" {
			own.Slug += "-" + strings.ReplaceAll(pmu, "_", "-")
		}
		m = &own
	}
	return []optional{{m, v}}
}

// perfCount reads a count of any locale: it has two digits behind the point, six in old versions, or none, so that a mark before three parts thousands.
func perfCount(word []byte) opt {
	at := bytes.LastIndexAny(word, ",.")
	if at >= 0 && len(word)-at == 4 {
		return perfDigits(word, -1)
	}
	return perfDigits(word, at)
}

// perfDecimal reads a time, a percentage or a metric, of which no thousands are parted: a mark is the decimal one.
func perfDecimal(word []byte) opt {
	word = bytes.TrimRight(word, "%)")
	return perfDigits(word, bytes.LastIndexAny(word, ",."))
}

// perfDigits is the number whose decimal mark stands at a place, -1: nowhere. All other marks part its digits.
func perfDigits(word []byte, decimal int) opt {
	if len(word) == 0 || len(word) > 60 || !isDigit(word[0]) && !(len(word) > 1 && (word[0] == '-' || word[0] == '+') && isDigit(word[1])) {
		return opt{}
	}
	plain := make([]byte, 0, len(word))
	for i := 0; i < len(word); i++ {
		switch c := word[i]; {
		case isDigit(c), i == 0:
			plain = append(plain, c)
		case i == decimal:
			plain = append(plain, '.')
		case c == ',' || c == '.' || c == '\'':
		default:
			mark := 0
			for _, m := range []string{"\u00a0", "\u2009", "\u202f", "\u2019"} {
				if bytes.HasPrefix(word[i:], []byte(m)) {
					mark = len(m)
				}
			}
			if mark == 0 {
				return opt{}
			}
			i += mark - 1
		}
	}
	v, ok := number(plain)
	return opt{v, ok && finite(v)}
}

// perfCSV reads a row of -x with any separator that perf's users choose: comma, semicolon, tab or |.
func perfCSV(line []byte) (r perfRow, ok bool) {
	for _, separator := range []byte{',', ';', '\t', '|'} {
		if n := bytes.Count(line, []byte{separator}); n < 3 || n > 30 {
			continue
		}
		if r, ok = perfFields(bytes.Split(line, []byte{separator}), separator); ok {
			return r, true
		}
	}
	return perfRow{}, false
}

func perfFields(fields [][]byte, separator byte) (r perfRow, ok bool) {
	value := func(i int) bool {
		return i < len(fields) && (bytes.HasPrefix(fields[i], []byte("<not ")) || perfDecimal(bytes.TrimSpace(fields[i])).ok)
	}
	if seconds, ok := perfTime(bytes.TrimSpace(fields[0])); ok && len(fields) > 5 { // -I: the time comes first
		r.at = opt{seconds, true}
		fields = fields[1:]
	}
	if string(bytes.TrimSpace(fields[0])) == "summary" {
		r.summary = true
		fields = fields[1:]
	}
	if name, ok := perfPart(fields[0]); ok {
		r.of = []parameter{perfOf(name, string(fields[0]))}
		fields = fields[1:]
		if name != "cpu" && name != "thread" && len(fields) > 2 && isDigits(fields[0]) && (value(1) || len(fields[1]) == 0 && len(fields[2]) == 0) {
			fields = fields[1:] // the number of CPUs that are counted together
		}
	}
	if len(fields) > 0 && len(fields[0]) == 0 { // further metrics of the row before
		empty := 0
		for len(fields) > 0 && len(fields[0]) == 0 {
			fields = fields[1:]
			empty++
		}
		if empty < 3 || len(fields) != 2 || !value(0) {
			return r, false
		}
		r.metrics = perfMetric(perfDecimal(fields[0]), string(fields[1]), "")
		return r, len(r.metrics) > 0
	}
	if len(fields) < 5 || !value(0) {
		return r, false
	}
	r.unit, r.event = string(fields[1]), string(fields[2])
	rest := fields[3:]
	for strings.Count(r.event, "/")%2 == 1 && len(rest) > 2 { // "cpu/event=0x3c,umask=0x1/"
		r.event += string(separator) + string(rest[0])
		rest = rest[1:]
	}
	if r.event == "" || isDigit(r.event[0]) || isDigit((r.unit + " ")[0]) {
		return r, false
	}
	if len(rest) > 2 && !perfDecimal(rest[0]).ok && perfDecimal(rest[1]).ok && perfDecimal(rest[2]).ok {
		if len(rest[0]) > 0 {
			r.of = append(r.of, parameter{"cgroup", oneLine(string(rest[0]))})
		}
		rest = rest[1:]
	}
	if bytes.HasSuffix(rest[0], []byte("%")) {
		r.percent = perfDecimal(rest[0])
		rest = rest[1:]
	}
	if len(rest) < 2 || !isDigits(rest[0]) || !perfShare(rest[1]) {
		return r, false
	}
	if bytes.HasPrefix(fields[0], []byte("<not ")) {
		r.missing = string(fields[0])
		return r, true
	}
	r.value = perfDecimal(fields[0])
	if base, _, _ := strings.Cut(r.event, ":"); r.unit == "" && (base == "task-clock" || base == "cpu-clock") && bytes.ContainsAny(fields[0], ".,") {
		r.unit = "msec" // before version 4.17
	}
	if len(rest) >= 4 {
		pmu, _ := perfPMU(r.event)
		r.metrics = perfMetric(perfDecimal(rest[2]), string(rest[3]), pmu)
	}
	return r, true
}

// perfShare reports whether the text is a percentage of the time as CSV has it, "100.00".
func perfShare(text []byte) bool {
	at := bytes.IndexAny(text, ".,")
	v := perfDecimal(text)
	return at > 0 && len(text)-at == 3 && v.ok && v.v <= 100
}

// perfJSON reads an object of -j. It is not read as JSON, which it is not in every version and locale: "pcnt-running" : 100,00, }.
func perfJSON(line []byte) (r perfRow, ok bool) {
	var metric opt
	metricUnit := ""
	for key, text := range perfMembers(line) {
		switch key {
		case "interval":
			r.at = perfDecimal(text)
		case "counter-value":
			if bytes.HasPrefix(text, []byte("<not ")) {
				r.missing = string(text)
			} else {
				r.value = perfDecimal(text)
			}
		case "unit":
			r.unit = string(text)
		case "event":
			r.event = string(text)
		case "variance":
			r.percent = perfDecimal(text)
		case "metric-value":
			metric = perfDecimal(text)
		case "metric-unit":
			metricUnit = string(text)
		case "cpu", "core", "die", "socket", "node", "cluster", "cache", "thread", "cgroup":
			if len(text) > 0 {
				r.of = append(r.of, perfOf(key, string(text)))
			}
		}
	}
	pmu, _ := perfPMU(r.event)
	r.metrics = perfMetric(metric, metricUnit, pmu)
	if r.event == "" {
		r.unit = ""
		return r, len(r.metrics) > 0
	}
	return r, r.missing != "" || r.value.ok
}

// perfMembers are the names and values of an object in one line, without their quotes.
func perfMembers(line []byte) func(yield func(key string, value []byte) bool) {
	return func(yield func(string, []byte) bool) {
		for {
			_, rest, ok := bytes.Cut(line, []byte(`"`))
			key, rest, ok2 := bytes.Cut(rest, []byte(`"`))
			if !ok || !ok2 {
				return
			}
			value := bytes.TrimLeft(rest, " :")
			if text, quoted := bytes.CutPrefix(value, []byte(`"`)); quoted {
				value, line, _ = bytes.Cut(text, []byte(`"`))
			} else {
				end := bytes.IndexByte(value, '"')
				if end < 0 {
					end = len(value)
				}
				value, line = bytes.TrimRight(value[:end], ", }"), value[end:]
			}
			if !yield(string(key), value) {
				return
			}
		}
	}
}

// add gives what was counted.
func (b *perfBlock) add(g *gathering) error {
	taken := b.taken()
	for _, r := range b.rows {
		name := withParameters(b.name, r.of)
		if r.missing != "" {
			g.problem(name, r.line, "%s was %s", r.event, strings.Trim(r.missing, "<>"))
		} else if err := g.metric(name, r.metric(taken), r.line); err != nil {
			return err
		}
		if r.dropped > 0 {
			g.problem(name, r.line, "%d metrics of %s are over the limit of %d and left out", r.dropped, r.event, limits.SamplesPerMetric)
		}
		if err := g.optional(name, r.line, r.metrics); err != nil {
			return err
		}
	}
	return nil
}

// metric is what the row counted.
func (r *perfRow) metric(taken map[string]*perfRow) Metric {
	m, factor := perfMeasure(r.event, r.unit)
	if taken[withParameters(m.Name, r.of)] != r {
		own := *m
		own.Name, own.Slug = r.event, ""
		m = &own
	}
	out := Metric{Measure: m, Value: r.value.v * factor}
	if r.percent.ok {
		out = spread(m, out.Value, out.Value*r.percent.v/100)
	}
	out.Samples = r.samples
	return out
}

// taken are the rows by what they measure. Where two events of one run would be the same measure, as instructions:u and instructions:k, or duration_time and what stands below all, one of them goes by its own name.
func (b *perfBlock) taken() map[string]*perfRow {
	out := map[string]*perfRow{}
	for _, footer := range []bool{true, false} {
		for _, r := range b.rows {
			if r.missing == "" && r.isFooter() == footer {
				if m, _ := perfMeasure(r.event, r.unit); out[withParameters(m.Name, r.of)] == nil {
					out[withParameters(m.Name, r.of)] = r
				}
			}
		}
	}
	return out
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

package adapter

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/tachograph/tacho/internal/core/adapter/read"
)

// JMH's texts: CSV, the log of a run, and the table at its end, which -rf text writes too.
//
//	# Benchmark mode: Average time, time/op
//	# Benchmark: org.example.Sample.join
//	# Parameters: (n = 10)
//	# Warmup Iteration   1: 0.501 us/op
//	Iteration   1: 0.223 us/op
//	Result "org.example.Sample.join":
//	  0.221 ±(99.9%) 0.005 us/op [Average]
//
//	Benchmark    (n)  Mode  Cnt  Score   Error  Units
//	Sample.join   10  avgt    6  0.221 ± 0.005  us/op
//
// The log has whole names and each iteration, so that the table is read only where there is no log: it shortens the names' packages. A score that is said to be near zero, "≈ 10⁻⁹", is none. Of secondary
// results of two iterations the log gives the mean, where other formats may have the sum, and those are left out; of more it says "[Sum]". sbt writes "[info] " before each line.

// jmhText reads CSV, a log or a table, whichever begins first.
type jmhText struct {
	*read.Scanner
	log       read.Rows[jmhRun]
	table     *read.Rows[jmhRun] // of a table, and of CSV
	prior     *jmhRun            // of the table
	problems  []Problem
	last      *jmhRun // of the log
	secondary string  // the label of the result that follows
	reading   int
	columns   []jmhColumn // of the table; nil: it has not begun
}

// What the next lines of a log hold.
const (
	jmhNothing = iota
	jmhResult
	jmhFailure
)

// jmhColumn is a column of the table and where it ends: all but the first are aligned to the right.
type jmhColumn struct {
	name string
	end  int // in characters
}

func hitJMH(line []byte) int {
	line = withoutSbt(line)
	if bytes.HasPrefix(line, []byte("# Benchmark mode: ")) || jmhHeader(line) != nil {
		return 95 // JSON may follow, which is better
	}
	return 0
}

func withoutSbt(line []byte) []byte {
	return bytes.TrimPrefix(line, []byte("[info] "))
}

func (t *jmhText) read() error {
	for line := range t.Lines() {
		line = withoutSbt(line)
		if bytes.Contains(line, []byte("Benchmark")) && bytes.Contains(line, []byte("Score")) {
			comma := read.Separator(line)
			if bytes.IndexByte(line, comma) >= 0 {
				c := &read.Table{Scanner: t.Scanner, Comma: comma}
				c.Head(line)
				if c.Column("Benchmark") >= 0 && c.Column("Mode") >= 0 && c.Column("Score") >= 0 && c.Column("Unit") >= 0 {
					return jmhTable(c, t.table)
				}
			}
			if t.columns = jmhHeader(line); t.columns != nil {
				t.last, t.reading = nil, jmhNothing
				continue
			}
		}
		if t.columns != nil && !t.row(line) {
			t.columns = nil
		}
		t.line(line)
		if err := tooManyRuns(max(t.log.Len(), t.table.Len())); err != nil {
			return err
		}
	}
	return nil
}

// line reads a line of the log.
func (t *jmhText) line(line []byte) {
	text := t.Keep(bytes.TrimSpace(line))
	if key, value, ok := strings.Cut(strings.TrimPrefix(text, "# "), ": "); ok && strings.HasPrefix(text, "# ") && t.setting(key, value) {
		return
	}
	if t.last == nil {
		return
	}
	if at := strings.Index(text, "<failure>"); at >= 0 && strings.Contains(text[:at], "Iteration ") {
		t.reading = jmhFailure
		return
	}
	name := func() string { return withParameters(t.last.benchmark, t.last.params) }
	switch {
	case strings.HasPrefix(text, "<forked VM failed"):
		t.last.failed = true
		t.problems = append(t.problems, Problem{Benchmark: name(), Message: "it failed: " + strings.Trim(text, "<>"), Line: t.Scanner.Line()})
	case t.reading == jmhFailure && text != "":
		t.reading, t.last.failed = jmhNothing, true
		t.problems = append(t.problems, Problem{Benchmark: name(), Message: "it failed: " + text, Line: t.Scanner.Line()})
	case strings.HasPrefix(text, "Iteration ") && t.last.mode != "sample":
		_, score, _ := strings.Cut(text, ": ")
		if m, ok := jmhScore(score); ok && m.score.OK {
			t.last.primary.samples = append(t.last.primary.samples, m.score.Value)
		}
	case strings.HasPrefix(text, `Result "`), text == "Result:":
		t.reading, t.secondary = jmhResult, ""
	case strings.HasPrefix(text, "Result: "): // of old versions
		t.reading, t.secondary = jmhResult, ""
		t.result(strings.TrimPrefix(text, "Result: "))
	case strings.HasPrefix(text, `Secondary result "`):
		_, label, _ := strings.Cut(strings.TrimSuffix(text, `":`), t.last.benchmark+":")
		t.reading, t.secondary = jmhResult, label
	case t.reading == jmhResult:
		t.result(text)
	}
}

// jmhModes are the modes by what the log calls them.
var jmhModes = map[string]string{"Throughput": "thrpt", "Average": "avgt", "Sampling": "sample", "Single": "ss"}

// setting reads what the log says of the benchmark that follows.
func (t *jmhText) setting(key, value string) bool {
	switch key {
	case "Benchmark mode", "Threads", "JMH version":
		if t.last == nil || t.last.benchmark != "" {
			t.last = &jmhRun{line: t.Scanner.Line()}
			t.reading = jmhNothing
		}
		switch before, _, _ := strings.Cut(value, " "); {
		case key == "Threads":
			t.last.threads = before
		case key == "Benchmark mode":
			t.last.mode = jmhModes[strings.TrimSuffix(before, ",")]
		}
	case "Benchmark":
		run := t.log.Next()
		if t.last != nil && t.last.benchmark == "" {
			*run = *t.last
		}
		t.last = run
		t.last.benchmark, t.last.line = value, t.Scanner.Line()
	case "Parameters":
		if t.last == nil {
			return true
		}
		t.last.params = nil
		for part := range strings.SplitSeq(strings.TrimSuffix(strings.TrimPrefix(value, "("), ")"), ", ") {
			if name, v, ok := strings.Cut(part, " = "); ok {
				t.last.params = append(t.last.params, read.Parameter{Name: name, Value: read.OneLine(v)})
			} else if n := len(t.last.params); n > 0 {
				t.last.params[n-1].Value += ", " + read.OneLine(part)
			}
		}
	default:
		return false
	}
	return true
}

// result reads a line below a heading.
func (t *jmhText) result(text string) {
	if p, value, ok := strings.Cut(text, ") ="); ok && strings.HasPrefix(p, "p(") && t.secondary == "" {
		point, isNumber := jmhNumber([]byte(p[len("p("):]))
		if m, ok := jmhScore(strings.TrimSpace(value)); ok && m.score.OK && isNumber && read.Finite(point) {
			t.last.primary.percentiles = append(t.last.primary.percentiles, jmhPoint{shortFloat(point), m.score.Value})
		}
		return
	}
	if mean, ok := strings.CutPrefix(text, "mean ="); ok {
		text = strings.TrimSpace(mean)
	}
	m, ok := jmhScore(text)
	if !ok {
		return
	}
	if t.secondary == "" {
		if t.last.primary.unit == "" {
			m.samples = t.last.primary.samples
			t.last.primary = m
		}
		return
	}
	if p, ok := strings.CutPrefix(t.secondary, "p"); ok {
		if _, ok := read.Number([]byte(p)); ok {
			return // the primary's percentiles
		}
	}
	summed := strings.HasSuffix(text, "]") && !strings.HasSuffix(text, "[Average]")
	if summed {
		m.lower, m.upper = read.Opt{}, read.Opt{}
	}
	if m.name = t.secondary; m.score.OK && (summed || strings.Contains(m.unit, "/")) {
		t.last.secondary = append(t.last.secondary, m)
	}
	t.reading = jmhNothing
}

// jmhScore reads "0.221 ±(99.9%) 0.005 us/op [Average]". Of "≈ 10⁻⁹ s/op" there is no score.
func jmhScore(text string) (m jmhMetric, ok bool) {
	var room [8]string
	words := read.TextWords(room[:0], text)
	if n := len(words); n > 0 && strings.HasPrefix(words[n-1], "[") {
		words = words[:n-1]
	}
	if len(words) == 3 && words[0] == "≈" {
		m.unit, m.rounded = words[2], true
		if words[1] == "0" {
			m.score = read.Opt{Value: 0, OK: true}
		}
		return m, true
	}
	if len(words) < 2 || len(words) > 4 || len(words) == 3 {
		return m, false
	}
	v, isNumber := jmhNumber([]byte(words[0]))
	if !isNumber || !read.Finite(v) {
		return m, false
	}
	m.unit, m.score = words[len(words)-1], read.Opt{Value: v, OK: true}
	if len(words) == 4 {
		d, isNumber := jmhNumber([]byte(words[2]))
		if !strings.HasPrefix(words[1], "±") || !isNumber {
			return jmhMetric{}, false
		}
		if read.Finite(d) {
			m.lower, m.upper = read.Opt{Value: v - d, OK: true}, read.Opt{Value: v + d, OK: true}
		}
	}
	return m, true
}

// jmhHeader reads the header of the table; nil: it is none.
func jmhHeader(line []byte) (columns []jmhColumn) {
	if !bytes.HasPrefix(line, []byte("Benchmark ")) || !bytes.Contains(line, []byte(" Mode ")) || !bytes.HasSuffix(bytes.TrimSpace(line), []byte("Units")) {
		return nil
	}
	header := strings.ReplaceAll(string(line), "Score error", "Score_error") // of old versions
	at := 0
	for word := range strings.FieldsSeq(header) {
		at += strings.Index(header[at:], word) + len(word)
		columns = append(columns, jmhColumn{word, utf8.RuneCountInString(header[:at])})
	}
	return columns
}

// row reads a row of the table. Not ok: the table has ended.
func (t *jmhText) row(line []byte) bool {
	text := t.Keep(line)
	if text == "" || text[0] == ' ' {
		return false
	}
	at, passed := 0, 0                    // bytes of the text, and how many characters they are
	cell := func(begin, end int) string { // of characters; each begins where the one before it ends, or behind
		for ; passed < begin && at < len(text); passed++ {
			_, n := utf8.DecodeRuneInString(text[at:])
			at += n
		}
		from := at
		for ; passed < end && at < len(text); passed++ {
			_, n := utf8.DecodeRuneInString(text[at:])
			at += n
		}
		return strings.TrimSpace(text[from:at])
	}
	r := jmhRun{line: t.Scanner.Line()}
	var score, deviation string
	begin := 0
	for i, c := range t.columns {
		if i == 0 { // the name is to the left, and has no spaces
			r.benchmark, _, _ = strings.Cut(text, " ")
			begin = utf8.RuneCountInString(r.benchmark)
			continue
		}
		if begin > c.end {
			return false // a name that is longer than its column is none
		}
		value := cell(begin, c.end)
		switch begin = c.end; {
		case strings.HasPrefix(c.name, "("):
			if value != "N/A" {
				r.params = append(r.params, read.Parameter{Name: strings.Trim(c.name, "()"), Value: read.OneLine(value)})
			}
		case c.name == "Mode":
			r.mode = value
		case c.name == "Score":
			score = value
		case c.name == "Error" || c.name == "Score_error":
			deviation = strings.TrimSpace(strings.TrimPrefix(value, "±"))
		case c.name == "Units":
			r.primary.unit = value
		}
	}
	m, ok := jmhScore(score + " " + r.primary.unit)
	if !ok || r.mode == "" {
		return false
	}
	if d, ok := jmhNumber([]byte(deviation)); ok && read.Finite(d) && m.score.OK {
		m.lower, m.upper = read.Opt{Value: m.score.Value - d, OK: true}, read.Opt{Value: m.score.Value + d, OK: true}
	}
	r.primary = m
	if base, label, ok := strings.Cut(r.benchmark, ":"); ok && t.prior != nil && t.prior.benchmark == base {
		m.name = label
		t.prior.secondary = append(t.prior.secondary, m)
		return true
	}
	t.prior = t.table.Next()
	*t.prior = r
	return true
}

// about says of a score that is none why.
func (m *jmhMetric) about() string {
	if m.rounded {
		return "its score is so near zero in " + m.unit + " that it is rounded away: take another unit with -tu, or -rf json"
	}
	return "it has no score"
}

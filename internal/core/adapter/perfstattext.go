package adapter

import (
	"bytes"
	"slices"
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/unit"
)

// row reads a row of the text.
func (b *perfBlock) row(line []byte) (r perfRow, ok bool) {
	r.inText = true
	var room [12]perfWord
	before, behind, hash := bytes.Cut(line, []byte("#"))
	if b.table = b.table && hash || bytes.HasPrefix(behind, []byte(" Table of individual measurements:")); b.table {
		words := perfWords(room[:0], before)
		if len(words) == 2 && words[1].text[0] == '(' && len(b.times) < limits.SamplesPerMetric {
			if v := perfDecimal(words[0].text); v.OK {
				b.times = append(b.times, v.Value*1e9)
			}
		}
		return r, false
	}
	if at := lastIndex(line, "( +-"); at >= 0 {
		r.percent = perfDecimal(firstWord(line[at+len("( +-"):]))
	}
	before = perfBefore(before)
	words := perfWords(room[:0], before)
	if r.of, words = perfAggregate(words); len(words) == 0 || !perfValue(words[0].text) {
		return b.more(r, words, behind)
	}
	// of --metric-only, whose names stand above in columns of any width
	if !slices.ContainsFunc(words, func(w perfWord) bool { return !perfDecimal(w.text).OK }) && !b.done {
		r.event, r.missing = "a row of metrics without counts", "<not read>"
		return r, true
	}
	if len(words) < 2 {
		return r, false
	}
	last := words[len(words)-1].text
	switch {
	case string(last) == "elapsed", len(words) == 3 && string(words[1].text) == "seconds" && (string(last) == "user" || string(last) == "sys"): // "0.0023 +- 0.0003 seconds time elapsed"
		r.value, r.event, r.unit = perfDecimal(words[0].text), b.keep(last), "seconds"
		if string(last) == "elapsed" {
			b.done, r.samples = true, b.times
		}
		return r, r.value.OK
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
		r.of = append(r.of, read.Parameter{Name: "cgroup", Value: string(words[n-1].text)})
		words = words[:n-1]
	}
	switch {
	case len(words) == 2 && r.unit == "":
		r.unit, r.event = b.keep(words[0].text), b.keep(words[1].text)
	case len(words) == 1:
		r.event = b.keep(words[0].text)
	default:
		return r, false
	}
	pmu, _ := perfPMU(r.event)
	r.metrics = b.metrics(behind, pmu)
	return r, (r.value.OK || r.missing != "") && !read.IsDigit(r.event[0])
}

// more is a row without a count: further metrics of the row before, or those of a group, "TopdownL1 (cpu_core)  # 9.4
// %  tma_bad_speculation".
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
	r.metrics = b.metrics(behind, b.pmu)
	return r, len(r.metrics) > 0
}

// perfBefore is what stands before the spread and the percentage of the time that an event was counted: "( +-  0.02% )  (66.65%)".
func perfBefore(text []byte) []byte {
	if at := bytes.Index(text, []byte("( +-")); at >= 0 {
		text = text[:at]
	}
	text = read.TrimEnd(text)
	if bytes.HasSuffix(text, []byte("%)")) {
		if at := lastIndex(text, " ("); at >= 0 {
			text = read.TrimEnd(text[:at])
		}
	}
	return text
}

// perfWord is a word and its column.
type perfWord struct {
	text []byte
	at   int
}

// perfWords appends the words: it parts at spaces and tabs only: other white space may part the thousands.
func perfWords(words []perfWord, text []byte) []perfWord {
	for at := 0; at < len(text) && len(words) < 12; {
		word, rest := read.NextWord(text[at:])
		if len(word) == 0 {
			break
		}
		at = len(text) - len(rest)
		words = append(words, perfWord{word, at - len(word)})
	}
	return words
}

func firstWord(text []byte) []byte {
	word, _ := read.NextWord(text)
	return word
}

// perfValue reports whether a row's value begins here.
func perfValue(word []byte) bool {
	return string(word) == "<not" || perfCount(word).OK
}

// perfAggregate takes off what -A, --per-socket, --per-core and others put before the value: "CPU0", "S0  8", "S0-D0-C1  2", "bash-123".
func perfAggregate(words []perfWord) (of []read.Parameter, rest []perfWord) {
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
		if name != "cpu" && name != "thread" && len(rest) > 0 && read.IsDigits(rest[0].text) && (len(rest) == 1 || perfValue(rest[1].text)) {
			rest = rest[1:] // the number of CPUs that are counted together
		}
		if len(rest) == 0 || perfValue(rest[0].text) {
			return []read.Parameter{perfOf(name, whole)}, rest
		}
	}
	return nil, words
}

// perfPart is what a word such as "CPU0", "S0-D0-C1" or "bash-123" names.
func perfPart(word []byte) (name string, ok bool) {
	if rest, ok := bytes.CutPrefix(word, []byte("CPU")); ok && read.IsDigits(rest) {
		return "cpu", true
	}
	if rest, ok := bytes.CutPrefix(word, []byte("N")); ok && read.IsDigits(rest) {
		return "node", true
	}
	parts := bytes.Split(word, []byte("-"))
	if rest, ok := bytes.CutPrefix(parts[0], []byte("S")); ok && read.IsDigits(rest) && len(parts) < 5 {
		if bytes.HasPrefix(parts[len(parts)-1], []byte("CLS")) {
			return "cluster", true
		}
		return [...]string{"socket", "die", "core", "cache"}[len(parts)-1], true
	}
	return "thread", len(parts) > 1 && len(parts[0]) > 0 && read.IsDigits(parts[len(parts)-1])
}

// perfOf is the parameter of a part. A process id is another each time, so that a thread goes by its name.
func perfOf(name, text string) read.Parameter {
	switch name {
	case "cpu":
		text = strings.TrimPrefix(text, "CPU")
	case "thread":
		if at := strings.LastIndexByte(text, '-'); at > 0 {
			text = text[:at]
		}
	}
	return read.Parameter{Name: name, Value: read.OneLine(text)}
}

// perfPMU is the unit of the processor in an event such as "cpu_core/cycles/u".
func perfPMU(event string) (string, bool) {
	pmu, _, ok := strings.Cut(event, "/")
	if !ok {
		return "", false
	}
	return pmu, true
}

// metrics reads what stands behind #: "1.24  insn per cycle", "20.1 %  tma_backend_bound", "0.70 IPC".
func (b *perfBlock) metrics(behind []byte, pmu string) []optional {
	if at := bytes.IndexByte(behind, '#'); at >= 0 {
		behind = behind[:at]
	}
	behind = perfBefore(behind)
	word, rest := read.NextWord(behind)
	return perfMetric(perfDecimal(word), b.keep(rest), pmu)
}

// perfMetric is a metric by what perf calls its unit, which is a unit and behind two spaces its name, or the name alone.
func perfMetric(v read.Opt, text, pmu string) []optional {
	text = strings.TrimSpace(text)
	if !v.OK || text == "" {
		return nil
	}
	u, name, named := strings.Cut(text, "  ")
	if name = strings.TrimSpace(name); !named {
		u, name = unit.Generic, text
	}
	var m *unit.Measure
	switch {
	case text == "insn per cycle", name == "insn_per_cycle":
		m = instructionsPerCycle
	case strings.Contains(name, " "), strings.Contains(text, "/sec"), strings.Contains(text, "GHz"), u == "CPUs":
		return nil // it follows from the counts
	default:
		if u == "%" {
			u = unit.Percentage
		}
		m = &unit.Measure{Name: name, Units: u, Direction: unit.Unknown}
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

// perfCount reads a count of any locale: it has two digits behind the point, six in old versions, or none, so that a mark before three
// parts thousands.
func perfCount(word []byte) read.Opt {
	at := lastMark(word)
	if at >= 0 && len(word)-at == 4 {
		return perfDigits(word, -1)
	}
	return perfDigits(word, at)
}

// lastMark is where the last comma or point stands; -1: nowhere.
func lastMark(word []byte) int {
	for at := len(word) - 1; at >= 0; at-- {
		if word[at] == ',' || word[at] == '.' {
			return at
		}
	}
	return -1
}

// perfDecimal reads a time, a percentage or a metric, of which no thousands are parted: a mark is the decimal one.
func perfDecimal(word []byte) read.Opt {
	for n := len(word); n > 0 && (word[n-1] == '%' || word[n-1] == ')'); n = len(word) {
		word = word[:n-1]
	}
	return perfDigits(word, lastMark(word))
}

// perfMarks are what parts thousands beside comma, point and apostrophe.
var perfMarks = []string{"\u00a0", "\u2009", "\u202f", "\u2019"}

// perfDigits is the number whose decimal mark stands at a place, -1: nowhere. All other marks part its digits.
func perfDigits(word []byte, decimal int) read.Opt {
	if len(word) == 0 || len(word) > 60 || !read.IsDigit(word[0]) &&
		!(len(word) > 1 && (word[0] == '-' || word[0] == '+') && read.IsDigit(word[1])) {
		return read.Opt{}
	}
	var room [64]byte
	plain := room[:0]
	for i := 0; i < len(word); i++ {
		switch c := word[i]; {
		case read.IsDigit(c), i == 0:
			plain = append(plain, c)
		case i == decimal:
			plain = append(plain, '.')
		case c == ',' || c == '.' || c == '\'':
		default:
			mark := 0
			for _, m := range perfMarks {
				if bytes.HasPrefix(word[i:], []byte(m)) {
					mark = len(m)
				}
			}
			if mark == 0 {
				return read.Opt{}
			}
			i += mark - 1
		}
	}
	v, ok := read.Number(plain)
	return read.Opt{Value: v, OK: ok && read.Finite(v)}
}

package adapter

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
)

// The summary that k6 prints: "http_req_duration..............: avg=1.61ms min=343.42µs med=851.99µs … p(95)=4.32ms", "  {
// expected_response:true }...: …" for a submetric of the one above, "iterations...: 15 873.7/s" for a counter, "data_sent...: 1.8 kB 104
// kB/s" in powers of 1000, "own_rate...: 66.66% 10 out of 15", before version 1 "66.66% ✓ 10 ✗ 5", for a rate, "vus...: 1 min=1 max=2"
// for a gauge. A ✗ before a metric is a threshold that was crossed, and so is one in the part THRESHOLDS; "✗ name" with "↳  0% —
// ✓ 0 / ✗ 10" below it is a check. In the mode full what follows "█ SCENARIO: one" and "↳ GROUP: g" is of that scenario and group.
// A second summary below one title has the first one's metrics again: they are numbered.

// k6Text is where in the summary the reader is.
type k6Text struct {
	title, scenario string
	run             int             // of the title; the second has the first one's metrics again
	seen            map[string]bool // of the run
	groups          []k6Group
	base            string // the metric to which submetrics belong
	thresholds      bool
	check           string
	checkLine       int
}

type k6Group struct {
	indent int
	name   string
}

// hitK6 asks for the one metric that each run has.
func hitK6(line []byte) int {
	if name, _, _, ok := k6Row(line); ok && string(name) == "iterations" {
		return 95
	}
	return 0
}

// k6Row takes a metric's line apart.
func k6Row(line []byte) (name, values []byte, crossed, ok bool) {
	line = bytes.TrimSpace(line)
	line, crossed = bytes.CutPrefix(line, []byte("✗ "))
	line = bytes.TrimPrefix(line, []byte("✓ "))
	end := lastIndex(line, "...: ")
	if end < 0 {
		return nil, nil, false, false
	}
	name = bytes.TrimSpace(bytes.TrimRight(line[:end], "."))
	return name, bytes.TrimSpace(line[end+len("...: "):]), crossed, len(name) > 0
}

func (g *k6Read) text(s *read.Scanner, n *int) {
	var at k6Text
	for line := range s.Lines() {
		if b, ok := banner(line); ok {
			at = k6Text{title: b}
			continue
		}
		if name, values, crossed, ok := k6Row(line); ok {
			m := k6Metric{name: at.metric(s.Keep(name)), line: s.Line(), values: g.room[:0]}
			if !m.readText(s, values) {
				continue
			}
			g.room = m.values
			*n++
			at.thresholds = false
			m.name = at.inRun(m.name)
			if crossed {
				g.problem(m.name, m.line, "a threshold was crossed")
			}
			if m.coarse {
				g.problem(m.name, m.line, "times below what is printed are left out: --summary-time-unit rounds them to zero")
				if len(m.values) == 0 {
					continue
				}
			}
			g.add(m)
			continue
		}
		if at.thresholds || bytes.IndexByte(line, "█"[0]) >= 0 { // with which ↳, ✓ and ✗ begin too
			g.mark(&at, line, s.Line())
		}
	}
}

// inRun is the metric's name with the number of its run, from the second on.
func (at *k6Text) inRun(name string) string {
	if at.seen[name] || at.seen == nil {
		at.run++
		at.seen = map[string]bool{}
	}
	at.seen[name] = true
	if at.run < 2 {
		return name
	}
	return name + " #" + strconv.Itoa(at.run)
}

// metric is the whole name of a metric, with its scenario and groups in braces.
func (at *k6Text) metric(name string) string {
	if inside, ok := strings.CutPrefix(name, "{ "); ok {
		name = at.base + "{" + strings.TrimSuffix(inside, " }") + "}"
	} else {
		at.base = name
	}
	var ps []read.Parameter
	if at.scenario != "" {
		ps = append(ps, read.Parameter{Name: "scenario", Value: at.scenario})
	}
	if len(at.groups) > 0 {
		path := ""
		for _, group := range at.groups {
			path += "::" + group.name // as k6 writes them
		}
		ps = append(ps, read.Parameter{Name: "group", Value: path})
	}
	return titled(at.title, read.OneLine(withParameters(name, ps)))
}

// mark reads a line that is no metric's: where the next ones belong, a threshold or a check.
func (g *k6Read) mark(at *k6Text, line []byte, number int) {
	text := bytes.TrimSpace(line)
	indent := len(line) - len(bytes.TrimLeft(line, " "))
	if heading, ok := bytes.CutPrefix(text, []byte("█ ")); ok {
		at.thresholds = string(heading) == "THRESHOLDS"
		scenario, ok := bytes.CutPrefix(heading, []byte("SCENARIO: "))
		group, ok2 := bytes.CutPrefix(heading, []byte("GROUP: "))
		at.scenario, at.groups = "", nil
		if ok {
			at.scenario = read.OneLine(string(scenario))
		}
		if ok2 {
			at.groups = []k6Group{{indent, read.OneLine(string(group))}}
		}
		return
	}
	if group, ok := bytes.CutPrefix(text, []byte("↳ GROUP: ")); ok {
		for len(at.groups) > 0 && at.groups[len(at.groups)-1].indent >= indent {
			at.groups = at.groups[:len(at.groups)-1]
		}
		if len(at.groups) < k6Groups {
			at.groups = append(at.groups, k6Group{indent, read.OneLine(string(group))})
		}
		return
	}
	if failed, ok := bytes.CutPrefix(text, []byte("✗ ")); ok {
		switch expression, _, quoted := bytes.Cut(bytes.TrimPrefix(failed, []byte("'")), []byte("' ")); {
		case !at.thresholds:
			at.check, at.checkLine = read.OneLine(string(failed)), number
		case quoted:
			g.problem(at.base, number, "the threshold %s was crossed", expression)
		}
		return
	}
	if counts, ok := bytes.CutPrefix(text, []byte("↳ ")); ok && at.check != "" {
		_, counts, _ = bytes.Cut(counts, []byte("✓ "))
		passed, failed, _ := bytes.Cut(counts, []byte(" / ✗ "))
		passes, fails := firstNumber(passed), firstNumber(failed)
		if passes.OK && fails.Value > 0 && at.scenario == "" && len(at.groups) == 0 { // of a scenario it is told again
			g.problem("checks", at.checkLine, "the check %q failed %v of %v times", at.check, fails.Value, fails.Value+passes.Value)
		}
		at.check = ""
		return
	}
	if at.thresholds && len(text) > 0 && !bytes.HasPrefix(text, []byte("✓ ")) {
		if inside, ok := bytes.CutPrefix(text, []byte("{")); ok {
			base, _, _ := strings.Cut(at.base, "{")
			at.base = base + "{" + read.OneLine(string(inside))
		} else {
			at.base = read.OneLine(string(text))
		}
	}
}

// k6Groups bounds how deep groups are.
const k6Groups = 32

// readText reads the values of a line; not ok: it is none of a metric.
func (m *k6Metric) readText(s *read.Scanner, text []byte) bool {
	var room [16][]byte
	var texts [16]string
	words := texts[:0] // with what stands behind a number and a space: "8.0 kB"
	for _, w := range read.Words(room[:0], text) {
		if n := len(words); n > 0 && k6Bytes(string(bytes.TrimSuffix(w, []byte("/s")))) > 0 {
			words[n-1] += " " + string(w)
		} else if words = append(words, s.Keep(w)); n > k6Words {
			return false
		}
	}
	switch {
	case len(words) == 0:
		return false
	case strings.Contains(words[0], "="):
		m.kind = "trend"
	case strings.HasSuffix(words[0], "%"):
		return m.readRate(words)
	case len(words) == 2 && strings.HasSuffix(words[1], "/s"):
		m.kind = "counter"
		return m.takeText("count", words[0]) && m.takeText("rate", strings.TrimSuffix(words[1], "/s"))
	case len(words) == 3 && strings.HasPrefix(words[1], "min="):
		m.kind, words[0] = "gauge", "value="+words[0]
	default:
		return false
	}
	for _, w := range words {
		name, value, ok := strings.Cut(w, "=")
		if !ok || !m.takeText(name, value) {
			return false
		}
	}
	return true
}

// k6Words is more than a line has.
const k6Words = 64

// readRate reads "66.66% 10 out of 15" or "66.66% ✓ 10 ✗ 5": the counts are exact, the percentage is cut.
func (m *k6Metric) readRate(words []string) bool {
	m.kind = "rate"
	ratio := firstNumber([]byte(words[0])).Times(0.01)
	if len(words) == 5 {
		part, whole := firstNumber([]byte(words[1])), firstNumber([]byte(words[4]))
		if words[1] == "✓" {
			part, whole = firstNumber([]byte(words[2])), read.Opt{Value: firstNumber([]byte(words[2])).Value + whole.Value, OK: whole.OK}
		}
		if part.OK && whole.OK && whole.Value > 0 {
			ratio.Value = part.Value / whole.Value
		}
	}
	m.values = append(m.values, k6Value{"rate", ratio.Value})
	return ratio.OK
}

// takeText takes one value: a time, a size or a number.
func (m *k6Metric) takeText(name, text string) bool {
	value, contains := 0.0, "default"
	digits, u, sized := strings.Cut(text, " ")
	if v, ok := read.Number([]byte(digits)); ok && read.Finite(v) {
		if value = v; sized {
			value, contains = v*k6Bytes(u), "data"
		}
	} else {
		nanos, ok := nanoseconds([]byte(text))
		if !ok {
			return false
		}
		value, contains = nanos, "nanoseconds"
		if nanos == 0 && strings.Contains(text, ".") { // "0.00s" with a fixed unit; a real zero is "0s"
			m.coarse = true
			return true
		}
	}
	if m.contains == "" || name != "count" && m.contains == "default" {
		m.contains = contains
	}
	m.values = append(m.values, k6Value{name, value})
	return true
}

// k6Bytes is how many bytes a unit has; 0: it is none.
func k6Bytes(u string) float64 {
	return k6Sizes[u]
}

var k6Sizes = map[string]float64{"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "PB": 1e15, "EB": 1e18}

package adapter

import (
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/unit"
)

// At the end of a run Gatling prints "---- Global Information ----" and rows "> mean response time   1416 (OK=1416   KO=-     )", from
// version 3.12 on "> mean response time (ms)  |  1,416 |  1,416 |  - |": of all, of those that succeeded and of those that failed, in
// milliseconds.
type gatlingConsole struct {
	title  string
	line   int // of the rows' beginning; 0: none is open
	values []optional
	median read.Opt
	count  read.Opt // of requests
	failed read.Opt
}

// read takes a line; not ok: it is not the console's.
func (c *gatlingConsole) read(line []byte, number int) bool {
	row, ok := strings.CutPrefix(string(line), "> ")
	if !ok {
		return false
	}
	var label string
	var all, good, bad read.Opt
	if cells := strings.Split(row, "|"); len(cells) > 3 {
		label, _, _ = strings.Cut(cells[0], " (")
		all, good, bad = firstNumber([]byte(strings.TrimSpace(cells[1]))), firstNumber([]byte(strings.TrimSpace(cells[2]))), firstNumber([]byte(strings.TrimSpace(cells[3])))
	} else if before, statuses, found := strings.Cut(row, " (OK="); found {
		words := strings.Fields(before)
		if len(words) < 2 {
			return false
		}
		label = strings.Join(words[:len(words)-1], " ")
		_, failed, _ := strings.Cut(statuses, "KO=")
		all, good, bad = firstNumber([]byte(words[len(words)-1])), firstNumber([]byte(statuses)), firstNumber([]byte(failed))
	} else {
		return false
	}
	millis := good.Times(1e6)
	switch label = strings.TrimSpace(label); label {
	case "request count":
		c.line, c.count, c.failed = number, all, bad
	case "mean response time":
		c.values = append(c.values, optional{unit.Latency, millis})
	case "min response time", "max response time":
		c.values = append(c.values, optional{latencyAt(label[:3]), millis})
	case "std deviation", "response time std deviation":
		c.values = append(c.values, optional{latencyDeviation, millis})
	case "mean requests/sec", "mean throughput":
		c.values = append(c.values, optional{unit.Throughput, good})
	default:
		rest, ok := strings.CutPrefix(label, "response time ")
		point, ok2 := strings.CutSuffix(rest, " percentile")
		if !ok || !ok2 || len(point) < 3 {
			return false
		}
		if point = point[:len(point)-2]; point == "50" { // 50th
			c.median = millis
		}
		if len(c.values) < 2*gatlingFields {
			c.values = append(c.values, optional{latencyAt("p" + read.OneLine(point)), millis})
		}
	}
	return true
}

// flush adds the rows of a run, if there are any.
func (c *gatlingConsole) flush(g *gathering, opts Options) {
	one := *c
	*c = gatlingConsole{title: one.title}
	if one.line == 0 {
		return
	}
	name := joinNames(" / ", one.title, "All Requests")
	if one.failed.Value > 0 {
		g.problem(name, one.line, "%v of %v requests failed", one.failed.Value, one.count.Value)
	}
	if one.count.OK && one.count.Value == one.failed.Value { // there are no times
		one.values = nil
	}
	if opts.Average == AverageMedian && one.median.OK {
		for i, v := range one.values {
			if v.measure == unit.Latency {
				one.values[i].value = one.median
			}
		}
	}
	g.optional(name, one.line, append([]optional{{requests, one.count}, {requestsFailed, one.failed}}, one.values...))
}

package adapter

import (
	"fmt"
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/unit"
)

// What mitata prints for people. Version 1: "name  539.15 ns/iter 438.06 ns █▃" with the average and p75, below it "(37.47 ns … 3.18
// µs)   3.07 µs" with least, largest and p99, and "(  4.63  b … 157.64  b)  75.05  b" with the heap, in powers of 1024; where garbage
// collection is measured "gc(  2.88 ms …  42.03 ms)   8.90  b (  1.98  b…161.49  b)", of which the middle is the heap's. Compact, all
// is on one line. As Markdown: "| name | `301.69 ns/iter` | …" below "| benchmark | avg | min | p75 | p99 | max |". Version 0.1:
// "name  60.3 ns/iter   (34.91 ns … 2'474 ns)  36.78 ns  1'094 ns  2'066 ns" below a header that names the percentiles, with ' between
// the digits.
//
// "• name" begins a group, and so does a rule, without a name. Arguments that the name does not show are nowhere: the second of a name
// in a group is "name #2".
type mitataText struct {
	title, group, bullet string
	groups               map[string]int // how often each name came, in this run and group
	points               []string       // of version 0.1, behind least and largest; of Markdown, all
	name                 string         // of the benchmark whose further lines may follow
}

func hitMitata(line []byte) int {
	text := string(line)
	if strings.HasPrefix(text, "benchmark ") && strings.Contains(text, " avg (min … max) p75 / p99") || mitataOldHeader(text) != nil || mitataMarkdown(text) != nil {
		return 95
	}
	return 0
}

// mitataOldHeader are the percentiles of version 0.1's header; nil: it is none.
func mitataOldHeader(line string) []string {
	if !strings.HasPrefix(line, "benchmark ") {
		return nil
	}
	_, percentiles, _ := strings.Cut(line, "time (avg)             (min … max) ")
	if percentiles == "" {
		return nil
	}
	return strings.Fields(percentiles)
}

// mitataMarkdown are the columns of a table's header behind the first; nil: it is none.
func mitataMarkdown(line string) []string {
	if !strings.HasPrefix(line, "|") {
		return nil
	}
	cells := strings.Split(line, "|")
	if len(cells) < 8 {
		return nil
	}
	var columns []string
	for _, c := range cells[2 : len(cells)-1] {
		columns = append(columns, strings.TrimSpace(c))
	}
	if strings.Join(columns[:3], " ") != "avg min p75" {
		return nil
	}
	return columns
}

func (g *gathering) mitataText(s *read.Scanner, n *int) {
	at := mitataText{groups: map[string]int{}}
	for line := range s.Lines() {
		if b, ok := banner(line); ok {
			at = mitataText{title: b, groups: map[string]int{}}
			continue
		}
		text := strings.TrimSpace(string(line))
		at.read(g, text, s.Line(), n)
	}
}

// read takes a line.
func (at *mitataText) read(g *gathering, text string, number int, n *int) {
	columns, percentiles := mitataMarkdown(text), mitataOldHeader(text)
	before, after, measured := strings.Cut(text, "/iter")
	switch {
	case strings.HasPrefix(text, "benchmark ") && strings.Contains(text, "avg (min … max)"), percentiles != nil:
		at.points, at.group, at.groups = percentiles, "", map[string]int{}
	case columns != nil:
		first, _, _ := strings.Cut(strings.TrimPrefix(text, "|"), "|")
		first = strings.TrimSpace(first)
		if first == "benchmark" {
			at.groups = map[string]int{}
		}
		at.points, at.group = columns, strings.TrimPrefix(first, "• ")
		if first == at.group {
			at.group = "" // of the first table and of groups without a name
		}
	case strings.HasPrefix(text, "|"):
		at.row(g, text, number, n)
		return
	case strings.HasPrefix(text, "• "):
		at.bullet = text[len("• "):]
		return // the rule follows
	case strings.HasPrefix(text, "-----"):
		at.group, at.name = at.bullet, ""
	case measured:
		*n++
		at.average(g, before, after, number)
		return
	case strings.HasPrefix(text, "(") && at.name != "", strings.HasPrefix(text, "gc(") && at.name != "":
		at.further(g, text, number)
		return
	default:
		at.name = ""
		if name, failed, ok := strings.Cut(text, "  error: "); ok { // in its column
			g.problem(at.full(name), number, "it failed: %s", failed)
		}
	}
	at.bullet = ""
}

// full is a benchmark's name with its group, and its number where the name came before.
func (at *mitataText) full(name string) string {
	name = joinNames(" > ", at.title, at.group, name)
	if len(at.groups) > limits.BenchmarksPerIteration { // of nothing that is a benchmark
		at.groups = map[string]int{}
	}
	if at.groups[name]++; at.groups[name] > 1 {
		return fmt.Sprintf("%s #%d", name, at.groups[name])
	}
	return name
}

// average reads the line that has a benchmark's name.
func (at *mitataText) average(g *gathering, before, after string, number int) {
	words := strings.Fields(before)
	if len(words) < 3 {
		return
	}
	value := strings.Join(words[len(words)-2:], " ")
	mean := mitataQuantities(value)
	end := strings.LastIndex(before, words[len(words)-2])
	if len(mean) != 1 || mean[0].bytes {
		return
	}
	at.name = at.full(before[:end])
	points := at.points
	if points == nil {
		points = []string{"p75", "p99"} // p99 is here where it is compact
	} else {
		points = append([]string{"min", "max"}, points...)
	}
	g.value(at.name, unit.Latency, mean[0].value, number)
	for i, q := range mitataQuantities(after) {
		if q.bytes || i >= len(points) {
			break
		}
		g.value(at.name, mitataPoint(points[i]), q.value, number)
	}
}

// further reads a line below: the extremes and p99, or the heap.
func (at *mitataText) further(g *gathering, text string, number int) {
	quantities := mitataQuantities(strings.TrimPrefix(text, "gc"))
	switch {
	case len(quantities) < 3 || quantities[0].bytes != quantities[1].bytes:
	case strings.HasPrefix(text, "gc") && quantities[2].bytes || quantities[0].bytes:
		g.value(at.name, heapPerIteration, quantities[2].value, number)
		return
	case !quantities[2].bytes:
		g.optional(at.name, number, []optional{{latencyAt("min"), read.Opt{Value: quantities[0].value, OK: true}},
			{latencyAt("max"), read.Opt{Value: quantities[1].value, OK: true}}, {latencyAt("p99"), read.Opt{Value: quantities[2].value, OK: true}}})
		return
	}
}

// row reads a row of a Markdown table.
func (at *mitataText) row(g *gathering, text string, number int, n *int) {
	cells := strings.Split(strings.Trim(text, "|"), "|")
	over := len(cells) - 1 - len(at.points)
	if failed, ok := strings.CutPrefix(strings.TrimSpace(cells[len(cells)-1]), "error: "); ok && len(at.points) > 0 {
		g.problem(at.full(strings.Join(cells[:len(cells)-1], "|")), number, "it failed: %s", failed)
		return
	}
	if len(at.points) == 0 || over < 0 || !strings.Contains(text, "/iter") {
		return
	}
	*n++
	name := at.full(strings.Join(cells[:1+over], "|"))
	for i, column := range at.points {
		q := mitataQuantities(strings.ReplaceAll(strings.Trim(strings.TrimSpace(cells[1+over+i]), "`"), "/iter", ""))
		if len(q) != 1 || q[0].bytes {
			continue
		}
		g.value(name, mitataPoint(column), q[0].value, number)
	}
}

func mitataPoint(column string) *unit.Measure {
	switch column {
	case "avg":
		return unit.Latency
	case "p995", "p999":
		return latencyAt(column[:3] + "." + column[3:])
	}
	return latencyAt(column)
}

// mitataQuantity is a time in nanoseconds, or a size.
type mitataQuantity struct {
	value float64
	bytes bool
}

// mitataMarks takes off what stands between numbers.
var mitataMarks = strings.NewReplacer("(", " ", ")", " ", "…", " ", "'", "")

// mitataSizes are the units of sizes, in bytes.
var mitataSizes = map[string]float64{"b": 1, "kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30, "tb": 1 << 40}

// mitataQuantities reads the numbers with a unit behind them that a text begins with: "(37.47 ns … 3.18 µs)   3.07 µs █▃".
func mitataQuantities(text string) (out []mitataQuantity) {
	words := strings.Fields(mitataMarks.Replace(text))
	for len(words) > 1 {
		v, ok := read.GroupedNumber([]byte(words[0]), ',')
		if !ok || !read.Finite(v) {
			break
		}
		size := mitataSizes[words[1]]
		nanos, time := nanosPer(words[1])
		if size == 0 && !time {
			break
		}
		out = append(out, mitataQuantity{v * max(size, nanos), size > 0})
		words = words[2:]
	}
	return out
}

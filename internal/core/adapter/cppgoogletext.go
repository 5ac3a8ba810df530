package adapter

import (
	"bytes"
	"math"
	"strconv"
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
)

// Google Benchmark's texts: CSV, and the console's table, whose columns stand where its header has them:
//
//	Benchmark                 Time             CPU   Iterations UserCounters...
//	Copy/64                1.54 ns         1.54 ns      4564939 bytes_per_second=38.8062G/s items_per_second=651.06M/s a label
//
// With --benchmark_counters_tabular the counters' names stand in the header instead, and a header comes again where they change. Prefixes
// of bytes are powers of 1024, in newer versions with an i behind them; those of other counters powers of 1000, unless there is an i. Old
// versions write the rates as "38.8GB/s" and "651.06M items/s", of powers of 1024. A time that was rounded to 0.000 is none.

// text reads CSV or the console's table, whichever begins first. Of either there may be several.
func (g *googleRead) text(s *read.Scanner) error {
	var head *googleHead
	for line := range s.Lines() {
		if columns := googleColumns(line); columns != nil {
			g.csv(&read.Table{Scanner: s, Comma: read.Separator(line), Columns: columns})
			return nil
		}
		if h := consoleHead(line); h != nil {
			head, h.s = h, s
			continue
		}
		if head == nil {
			continue
		}
		if r, ok := head.row(line); ok {
			g.row(r, s.Line())
		}
	}
	if head == nil {
		return s.Fail("there is neither a header with name, real_time and time_unit nor one with Benchmark, Time, CPU and Iterations")
	}
	return nil
}

// googleColumns are the columns of a header of CSV; nil: it is none.
func googleColumns(line []byte) (columns []string) {
	if !bytes.Contains(line, []byte("real_time")) || !bytes.Contains(line, []byte("time_unit")) {
		return nil
	}
	named := false
	for _, c := range read.SplitRow(nil, line, read.Separator(line)) {
		columns = append(columns, string(bytes.TrimSpace(c)))
		named = named || columns[len(columns)-1] == "name"
	}
	if !named {
		return nil
	}
	return columns
}

func (g *googleRead) csv(t *read.Table) {
	t.Ragged = true // a benchmark that failed has fewer
	for t.Next() {
		var r googleRow
		header := true
		for i, column := range t.Columns[:min(len(t.Columns), len(t.Fields))] {
			field := bytes.TrimSpace(t.Field(i))
			header = header && (string(field) == column || i > 3)
			switch column {
			case "name":
				r.name = t.Scanner.Keep(field)
			case "iterations":
				r.iterations = t.Scanner.Keep(field)
			case "time_unit":
				r.unit = t.Scanner.Keep(field)
			case "error_occurred":
				r.failed = t.Scanner.Keep(field)
			case "error_message":
				r.message = t.Scanner.Keep(field)
			case "label":
			default:
				if len(field) == 0 {
					continue
				}
				if v, ok := read.Number(field); ok {
					r.counts(column, v)
				} else {
					r.bad = append(r.bad, column+" is no number")
				}
			}
		}
		switch {
		case header: // of a further run, which may have other counters
			t.Columns = nil
			for _, c := range t.Fields {
				t.Columns = append(t.Columns, string(bytes.TrimSpace(c)))
			}
			continue
		case r.failed == "" && r.iterations == "" && len(r.counters) == 0:
			continue // no row: a warning of the library
		case r.failed == "false" && r.message != "":
			r.skipped = "true"
		}
		r.complexity = r.failed == "" && r.iterations == ""
		if _, known := nanosPer(r.unit); !known && !r.complexity && r.failed != "true" && r.skipped == "" {
			t.Skip()
			continue
		}
		g.row(r, t.Line)
	}
}

// googleHead is where the columns of the console's table stand.
type googleHead struct {
	names    int      // the first column that may not be a name's
	counters []string // with --benchmark_counters_tabular

	s *read.Scanner // that keeps texts
}

func hitCppGoogle(line []byte) int {
	if consoleHead(line) != nil {
		return 100
	}
	return 0
}

// consoleHead reads the header of the console's table; nil: it is none.
func consoleHead(line []byte) *googleHead {
	rest, ok := bytes.CutPrefix(line, []byte("Benchmark "))
	if !ok {
		return nil
	}
	var room [32][]byte
	words := read.Words(room[:0], rest)
	if len(words) < 3 || string(words[0]) != "Time" || string(words[1]) != "CPU" || string(words[2]) != "Iterations" {
		return nil
	}
	h := &googleHead{names: max(1, bytes.Index(line, []byte(" Time"))+1-10)} // a number has ten bytes, and its unit stands below the end of "Time"
	for _, w := range words[3:] {
		if string(w) == "UserCounters..." {
			return h
		}
		h.counters = append(h.counters, string(w))
	}
	return h
}

// googleFailures are printed in place of times.
var googleFailures = []string{"ERROR OCCURRED: '", "SKIPPED: '"}

// row reads a line of the table.
func (h *googleHead) row(line []byte) (r googleRow, ok bool) {
	if len(line) <= h.names {
		return r, false
	}
	for _, word := range googleFailures {
		if bytes.IndexByte(line, '\'') < 0 {
			break
		}
		if at := bytes.Index(line[h.names-1:], []byte(word)); at >= 0 {
			at += h.names - 1
			r.name = strings.TrimSpace(string(line[:at]))
			r.message = strings.TrimSuffix(strings.TrimSpace(string(line[at+len(word):])), "'")
			if word[0] == 'E' {
				r.failed = "true"
			} else {
				r.skipped = "true"
			}
			return r, r.name != ""
		}
	}
	// The name may be longer than its column, and hold anything: the numbers begin where four fit.
	for at := h.names; at < len(line); at++ {
		if line[at-1] != ' ' || line[at] == ' ' {
			continue
		}
		var room [32][]byte
		words := read.Words(room[:0], line[at:])
		if len(words) < 4 {
			break
		}
		if r.times(h.s, words) {
			r.name = h.s.Keep(bytes.TrimSpace(line[:at]))
			if len(words) > 4 && read.IsDigits(words[4]) {
				r.iterations = h.s.Keep(words[4])
				r.count(h.s, words[5:], h.counters)
			}
			r.complexity = r.iterations == ""
			return r, r.name != ""
		}
	}
	return r, false
}

// times takes "1.54 ns 1.54 ns" off the words; of complexity rows it takes what is no time. Not ok: they are none.
func (r *googleRow) times(s *read.Scanner, words [][]byte) bool {
	real, ok := read.Number(words[0])
	cpu, too := read.Number(words[2])
	if !ok || !too {
		return false
	}
	r.unit = s.Keep(words[1])
	if _, isTime := nanosPer(r.unit); !isTime || !bytes.Equal(words[1], words[3]) {
		return r.unit == string(words[3])
	}
	if real != 0 {
		r.counts("real_time", real)
	}
	if cpu != 0 {
		r.counts("cpu_time", cpu)
	}
	if real == 0 || cpu == 0 {
		shown := string(words[0]) + " " + r.unit
		if real != 0 {
			shown = string(words[2]) + " " + r.unit + " of CPU"
		}
		r.bad = append(r.bad, "its time is "+shown+", which is rounded: JSON has all digits")
	}
	return true
}

// count reads the counters behind the iterations, up to the label.
func (r *googleRow) count(s *read.Scanner, words [][]byte, names []string) {
	const rates = "\xff" // behind all names
	last := ""
	for i, w := range words {
		var name string
		if len(names) > 0 {
			if i >= len(names) {
				return
			}
			name = names[i]
		} else {
			if rate, ok := bytes.CutSuffix(w, []byte("B/s")); ok && last != rates { // as old versions write it
				if v, ok := shortNumber(rate, true); ok {
					r.counts("bytes_per_second", v)
					last = rates
				}
				continue
			}
			if i+1 < len(words) && string(words[i+1]) == "items/s" {
				if v, ok := shortNumber(w, true); ok {
					r.counts("items_per_second", v)
				}
				return
			}
			at := bytes.LastIndexByte(w, '=')
			if at <= 0 {
				return
			}
			if name, w = s.Keep(w[:at]), w[at+1:]; name <= last { // they are sorted: this is the label
				return
			}
			last = name
		}
		v, ok := shortNumber(bytes.TrimSuffix(w, []byte("/s")), name == "bytes_per_second")
		if !ok {
			return
		}
		r.counts(name, v)
	}
}

// shortNumber reads a number that may have a prefix: "38.8G", "1.5Ki", "120u".
func shortNumber(word []byte, binary bool) (float64, bool) {
	if bytes.HasSuffix(word, []byte("nan")) {
		return math.NaN(), true // of either sign
	}
	word, iec := bytes.CutSuffix(word, []byte("i"))
	if len(word) == 0 {
		return 0, false
	}
	if bytes.HasSuffix(word, []byte("inf")) {
		return read.Number(word)
	}
	c := word[len(word)-1]
	up, down := strings.IndexByte("kMGTPEZY", c)+1, strings.IndexByte("munpfazy", c)+1
	if c == 'K' {
		up = 1
	}
	if up+down == 0 {
		return read.Number(word)
	}
	if word = word[:len(word)-1]; iec || binary {
		v, ok := read.Number(word)
		return v * math.Pow(1024, float64(up-down)), ok
	}
	return read.Number(append(bytes.Clone(word), "e"+strconv.Itoa(3*(up-down))...))
}

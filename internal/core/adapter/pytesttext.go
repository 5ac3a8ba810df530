package adapter

import (
	"bytes"
	"regexp"
	"strings"
	"sync"

	"github.com/tachograph/tacho/internal/core/adapter/read"
)

// The table that pytest-benchmark prints, one for each group:
//
//	----------------------- benchmark 'group': 2 tests -----------------------
//	Name (time in us)          Min                 Mean          Outliers  OPS (Kops/s)  Rounds
//	--------------------------------------------------------------------------
//	test_a[1 2]            15.0620 (1.0)        15.7732 (1.0)      990;4363   63.3 (1.0)   31881
//	--------------------------------------------------------------------------
//
// The unit of the times is in the header, and each number but the last ones has its ratio to the table's best behind it. Columns are
// chosen by
// --benchmark-columns, so that only the name, which may have blanks, is always there. With --benchmark-compare a row's name ends with the
// run that it is of:
// those of "(NOW)" count. Numbers are rounded to four digits behind the point, so that a deviation of 0 is none.

const pytestHead = "Name (time in "

func hitPytest(line []byte) int {
	if newPytestTable(line) != nil {
		return 100
	}
	return 0
}

// pytestTable is what a header tells.
type pytestTable struct {
	nanos   float64
	columns []string
	rules   int // that were drawn since
}

// newPytestTable reads the header; nil: it is none.
func newPytestTable(line []byte) *pytestTable {
	rest, ok := bytes.CutPrefix(line, []byte(pytestHead))
	if !ok {
		return nil
	}
	u, rest, _ := bytes.Cut(rest, []byte(")"))
	t := &pytestTable{}
	if t.nanos, ok = nanosPer(string(u)); !ok {
		return nil
	}
	for _, w := range strings.Fields(string(rest)) {
		if w[0] != '(' { // "(Kops/s)"
			t.columns = append(t.columns, w)
		}
	}
	return t
}

// pytestSaved is the run that a row of a comparison is of.
var pytestSaved = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(` \((NOW|[0-9]{4}_[^()]*)\)$`) })

func pytestText(s *read.Scanner, opts Options) (Results, error) {
	var g gathering
	n := 0
	var t *pytestTable
	for line := range s.Lines() {
		if head := newPytestTable(line); head != nil {
			t = head
			continue
		}
		switch {
		case t == nil:
		case rule(bytes.TrimRight(line, " "), '-'):
			if t.rules++; t.rules == 2 {
				t = nil
			}
		case t.rules == 1:
			name, r, ok := t.row(line)
			if !ok {
				if s.Odd++; s.Odd == 1 {
					s.OddRow = s.Line()
				}
				continue
			}
			if run := pytestSaved().FindString(name); run != "" {
				if name = strings.TrimSuffix(name, run); run != " (NOW)" {
					continue
				}
			}
			n++
			r.add(&g, g.again(name), opts, s.Line(), t.nanos)
		}
	}
	return g.results(opts, "%d rows of pytest-benchmark's table", n)
}

// row reads a row from its end, because a name may hold anything.
func (t *pytestTable) row(line []byte) (name string, r pytestRun, ok bool) {
	for i := len(t.columns) - 1; i >= 0; i-- {
		rest, word := lastWord(line)
		if len(word) > 2 && word[0] == '(' && word[len(word)-1] == ')' { // the ratio
			rest, word = lastWord(rest)
		}
		line = rest
		v, isNumber := read.GroupedNumber(word, ',')
		o := read.Opt{Value: v, OK: isNumber && read.Finite(v)}
		switch column := t.columns[i]; {
		case column == "Outliers":
			if !bytes.Contains(word, []byte(";")) {
				return "", r, false
			}
			continue
		case !isNumber:
			return "", r, false
		case column == "Min":
			r.least = o
		case column == "Max":
			r.largest = o
		case column == "Mean":
			r.mean = o
		case column == "StdDev":
			r.deviation = read.Opt{Value: o.Value, OK: o.OK && o.Value > 0}
		case column == "Median":
			r.median = o
		case column == "IQR":
			r.iqr = read.Opt{Value: o.Value, OK: o.OK && o.Value > 0}
		case column == "Rounds":
			r.rounds = o
		}
	}
	name = read.OneLine(string(line))
	return name, r, name != ""
}

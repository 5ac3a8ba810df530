package adapter

import (
	"strconv"
	"strings"

	"github.com/tachograph/tacho/internal/core/unit"
)

// A result file of asv is {"commit_hash", "params", "result_columns": ["result", "params", …], "results": {name: [column, …]}}. "result" has a value for each combination of the parameters, the last one changing fastest; "params" has the
// values of each, as Python prints them; columns at the end may be missing. A null is what failed, NaN what was skipped. Before version 2 a result was a number, or {"result", "params", "stats": [{"q_25", "q_75"}]}. Times are seconds.

// asvRow is one benchmark's row.
type asvRow struct {
	name      string
	values    []asvResult
	params    [][]string
	low, high []opt // quartiles
	samples   [][]float64
	line      int
}

// asvResult is a value, or why there is none.
type asvResult struct {
	opt
	skipped bool
	problem string
}

func (r *asvResult) read(s *scanner) error {
	switch c := s.peek(); {
	case c == 'N' && s.notANumber():
		r.skipped = true
		return nil
	case s.absent():
		r.problem = "it failed"
		return nil
	}
	r.problem = "its value is no number"
	return s.opt(&r.opt)
}

func asvJSON(s *scanner, opts Options) (Results, error) {
	s.loose = true
	var columns []string
	var rows []asvRow
	err := s.object(func(key []byte) error {
		switch string(key) {
		case "result_columns":
			return s.each(func() error {
				var c string
				err := s.str(&c)
				columns = append(columns, c)
				return err
			})
		case "results":
			return s.members(func(key []byte) error {
				line, _ := s.position()
				r := asvRow{name: s.keep(key), line: line}
				err := r.read(s, columns)
				rows = append(rows, r)
				if err != nil {
					return err
				}
				return tooManyRuns(len(rows))
			})
		}
		return s.skip()
	})
	if err != nil {
		return Results{}, err
	}
	var g gathering
	for i := range rows {
		if err := rows[i].add(&g); err != nil {
			return Results{}, err
		}
	}
	return g.results(opts, `%d "results" of asv`, len(rows)), nil
}

func (r *asvRow) read(s *scanner, columns []string) error {
	switch c := s.peek(); {
	case c == '{':
		return s.object(func(key []byte) error { return r.column(s, s.keep(key)) })
	case c == '[':
		if len(columns) == 0 {
			columns = []string{"result", "params"}
		}
		at := 0
		return s.array(func() error {
			name := ""
			if at < len(columns) {
				name = columns[at]
			}
			at++
			return r.column(s, name)
		})
	}
	r.values = make([]asvResult, 1)
	return r.values[0].read(s)
}

func (r *asvRow) column(s *scanner, name string) error {
	switch name {
	case "result":
		element := func() error {
			r.values = append(r.values, asvResult{})
			if err := tooMany(len(r.values)); err != nil {
				return err
			}
			return r.values[len(r.values)-1].read(s)
		}
		if s.peek() == '[' {
			return s.array(element)
		}
		return element()
	case "stats_q_25":
		return s.opts(&r.low)
	case "stats_q_75":
		return s.opts(&r.high)
	case "stats": // before version 2
		one := func() error {
			var low, high opt
			err := s.members(func(key []byte) error {
				switch string(key) {
				case "q_25":
					return s.opt(&low)
				case "q_75":
					return s.opt(&high)
				}
				return s.skip()
			})
			r.low, r.high = append(r.low, low), append(r.high, high)
			return err
		}
		if s.peek() == '[' {
			return s.array(one)
		}
		return one()
	case "params":
		return s.each(func() error {
			var values []string
			err := s.each(func() error {
				var v string
				err := s.str(&v)
				values = append(values, asvParameter(v))
				return err
			})
			r.params = append(r.params, values)
			return err
		})
	case "samples":
		return s.each(func() error {
			var values []float64
			err := s.nums(&values)
			r.samples = append(r.samples, values)
			return err
		})
	}
	return s.skip()
}

// asvParameter is a parameter's value as the console has it: Python's text without its quotes.
func asvParameter(shown string) string {
	for _, around := range [][2]string{{"'", "'"}, {"u'", "'"}, {"<class '", "'>"}} {
		if rest, ok := strings.CutPrefix(shown, around[0]); ok {
			if text, ok := strings.CutSuffix(rest, around[1]); ok && strings.TrimSpace(text) != "" {
				return oneLine(text)
			}
		}
	}
	return oneLine(shown)
}

func (r *asvRow) add(g *gathering) error {
	m := asvMeasure(r.name)
	factor := 1.0
	if m == unit.Latency {
		factor = 1e9
	}
	if len(r.values) == 0 {
		g.problem(r.name, r.line, "it has no result")
		return nil
	}
	at := func(list []opt, i int) opt {
		if i < len(list) {
			return list[i]
		}
		return opt{}
	}
	for i, v := range r.values {
		name := withParameters(r.name, r.combination(i))
		if v.skipped {
			continue
		}
		if !v.ok {
			g.problem(name, r.line, "%s", v.problem)
			continue
		}
		out := Metric{Measure: m, Value: v.v * factor}
		if low, high := at(r.low, i), at(r.high, i); low.ok && high.ok && low != high { // those of a single sample are the sample
			out.Lower, out.Upper = low.times(factor).pointer(), high.times(factor).pointer()
		}
		if i < len(r.samples) {
			out.Samples = scaleAll(r.samples[i], factor)
		}
		if err := g.metric(name, out, r.line); err != nil {
			return err
		}
	}
	return nil
}

// asvNames are those of the first parameters.
var asvNames = [...]string{"param1", "param2", "param3", "param4"}

func asvName(p int) string {
	if p < len(asvNames) {
		return asvNames[p]
	}
	return "param" + strconv.Itoa(p+1)
}

// combination is the i-th of the products of all parameters; their names are in another file of asv.
func (r *asvRow) combination(i int) []parameter {
	out := make([]parameter, len(r.params))
	for p := len(r.params) - 1; p >= 0; p-- {
		n := len(r.params[p])
		if n == 0 {
			return nil
		}
		out[p] = parameter{asvName(p), r.params[p][i%n]}
		i /= n
	}
	return out
}

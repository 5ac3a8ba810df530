package adapter

import (
	"strconv"
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/unit"
)

// A result file of asv is {"commit_hash", "params", "result_columns": ["result", "params", …], "results": {name: [column, …]}}.
// "result" has a value for each combination of the parameters, the last one changing fastest; "params" has the values of each, as Python
// prints them; columns at the end may be missing. A null is what failed, NaN what was skipped. Before version 2 a result was a number, or
// {"result", "params", "stats": [{"q_25", "q_75"}]}. Times are seconds.

// asvRow is one benchmark's row.
type asvRow struct {
	name      string
	values    []asvResult
	params    [][]string
	low, high []read.Opt // quartiles
	samples   [][]float64
	line      int
}

// asvResult is a value, or why there is none.
type asvResult struct {
	read.Opt
	skipped bool
	problem string
}

func (r *asvResult) read(s *read.Scanner) error {
	switch c := s.Peek(); {
	case c == 'N' && s.NotANumber():
		r.skipped = true
		return nil
	case s.Absent():
		r.problem = "it failed"
		return nil
	}
	r.problem = "its value is no number"
	return s.Opt(&r.Opt)
}

func asvJSON(s *read.Scanner, opts Options) (Results, error) {
	s.Loose = true
	var columns []string
	var rows []asvRow
	err := s.Object(func(key []byte) error {
		switch string(key) {
		case "result_columns":
			return s.Each(func() error {
				var c string
				err := s.Str(&c)
				columns = append(columns, c)
				return err
			})
		case "results":
			return s.Members(func(key []byte) error {
				line, _ := s.Position()
				r := asvRow{name: s.Keep(key), line: line}
				err := r.read(s, columns)
				rows = append(rows, r)
				if err != nil {
					return err
				}
				return tooManyRuns(len(rows))
			})
		}
		return s.Skip()
	})
	if err != nil {
		return Results{}, err
	}
	var g gathering
	for i := range rows {
		rows[i].add(&g)
	}
	return g.results(opts, `%d "results" of asv`, len(rows))
}

func (r *asvRow) read(s *read.Scanner, columns []string) error {
	switch c := s.Peek(); {
	case c == '{':
		return s.Object(func(key []byte) error { return r.column(s, s.Keep(key)) })
	case c == '[':
		if len(columns) == 0 {
			columns = []string{"result", "params"}
		}
		at := 0
		return s.Array(func() error {
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

func (r *asvRow) column(s *read.Scanner, name string) error {
	switch name {
	case "result":
		element := func() error {
			r.values = append(r.values, asvResult{})
			if err := read.TooMany(len(r.values)); err != nil {
				return err
			}
			return r.values[len(r.values)-1].read(s)
		}
		if s.Peek() == '[' {
			return s.Array(element)
		}
		return element()
	case "stats_q_25":
		return s.Opts(&r.low)
	case "stats_q_75":
		return s.Opts(&r.high)
	case "stats": // before version 2
		one := func() error {
			var low, high read.Opt
			err := s.Members(func(key []byte) error {
				switch string(key) {
				case "q_25":
					return s.Opt(&low)
				case "q_75":
					return s.Opt(&high)
				}
				return s.Skip()
			})
			r.low, r.high = append(r.low, low), append(r.high, high)
			return err
		}
		if s.Peek() == '[' {
			return s.Array(one)
		}
		return one()
	case "params":
		return s.Each(func() error {
			var values []string
			err := s.Each(func() error {
				var v string
				err := s.Str(&v)
				values = append(values, asvParameter(v))
				return err
			})
			r.params = append(r.params, values)
			return err
		})
	case "samples":
		return s.Each(func() error {
			var values []float64
			err := s.Nums(&values)
			r.samples = append(r.samples, values)
			return err
		})
	}
	return s.Skip()
}

// asvParameter is a parameter's value as the console has it: Python's text without its quotes.
func asvParameter(shown string) string {
	for _, around := range [][2]string{{"'", "'"}, {"u'", "'"}, {"<class '", "'>"}} {
		if rest, ok := strings.CutPrefix(shown, around[0]); ok {
			if text, ok := strings.CutSuffix(rest, around[1]); ok && strings.TrimSpace(text) != "" {
				return read.OneLine(text)
			}
		}
	}
	return read.OneLine(shown)
}

func (r *asvRow) add(g *gathering) {
	m := asvMeasure(r.name)
	factor := 1.0
	if m == unit.Latency {
		factor = 1e9
	}
	if len(r.values) == 0 {
		g.problem(r.name, r.line, "it has no result")
		return
	}
	at := func(list []read.Opt, i int) read.Opt {
		if i < len(list) {
			return list[i]
		}
		return read.Opt{}
	}
	for i, v := range r.values {
		name := withParameters(r.name, r.combination(i))
		if v.skipped {
			continue
		}
		if !v.OK {
			g.problem(name, r.line, "%s", v.problem)
			continue
		}
		out := Metric{Measure: m, Value: v.Value * factor}
		if low, high := at(r.low, i), at(r.high, i); low.OK && high.OK && low != high { // those of a single sample are the sample
			out.Lower, out.Upper = low.Times(factor).Pointer(), high.Times(factor).Pointer()
		}
		if i < len(r.samples) {
			out.Samples = scaleAll(r.samples[i], factor)
		}
		g.metric(name, out, r.line)
	}
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
func (r *asvRow) combination(i int) []read.Parameter {
	out := make([]read.Parameter, len(r.params))
	for p := len(r.params) - 1; p >= 0; p-- {
		n := len(r.params[p])
		if n == 0 {
			return nil
		}
		out[p] = read.Parameter{Name: asvName(p), Value: r.params[p][i%n]}
		i /= n
	}
	return out
}

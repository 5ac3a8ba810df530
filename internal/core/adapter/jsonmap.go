package adapter

import (
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

// Any JSON document can be read by a mapping: see mapping.go. Without one two shapes are known that scripts write for dashboards:
// [{"name", "value", "unit", "range", "direction"}] of github-action-benchmark's custom tools, whose direction is given to the tool and
// not written, and [{"timestamp", "metrics": [{"name", "value", "unit", "direction"}], "attributes": {"git_commit"}}] of Nyrkiö.
//
// Values with the same name and measure are samples. A range "±5" or "5%" is the spread. Of Nyrkiö's commits the one with the last time
// stamp counts: a report is of one.
var jsonMapTool = tool{
	name: "json_map", about: "any JSON by --map, or a list of name, value and unit", example: `tacho run --adapter json_map --map 'name=results[].name,value=results[].seconds:s' --file results.json`,
	measures: []string{"what the mapping names, or any unit of the member unit"}, samples: "each value of the same name", parameters: "the mapping's param, in braces",
	signs: []sign{
		{jsonForm, []string{"[].name", "[].value"}, 40, `a list with "name" and "value"`},
		{jsonForm, []string{"[].metrics[].name", "[].metrics[].value"}, 45, `a list with "metrics"`},
	},
	maps: true, parse: parseJSONMap, averages: []Average{AverageMean, AverageMedian},
}

func parseJSONMap(s *read.Scanner, opts Options) (Results, error) {
	s.Loose = true
	j := &jsonMap{Scanner: s}
	if opts.Mapping == "" {
		err := j.list()
		if err == nil {
			j.newest.add(j)
		}
		if err != nil {
			return Results{}, err
		}
		return j.results(opts, `%d values of a list with "name" and "value"`, j.n)
	}
	m, err := parseMapping(opts.Mapping)
	if err != nil {
		return Results{}, err
	}
	j.mapping = m
	if j.rows, err = m.rows(); err != nil {
		return Results{}, err
	}
	err = j.walk("")
	if err != nil {
		return Results{}, err
	}
	return j.results(opts, "%d rows by the mapping", j.n)
}

// jsonMap reads rows.
type jsonMap struct {
	gathering
	*read.Scanner
	mapping mapping
	rows    string // path of the rows: "results[]"
	n       int
	newest  points
}

// points are the values of a commit.
type points struct {
	commit  string
	time    read.Opt
	values  []listed
	dropped int // values of other commits
}

// take takes in what was read after it: further values of the same commit, or those of a later one in place of its own.
func (p *points) take(more points) error {
	switch {
	case p.values == nil:
		more.dropped = p.dropped
		*p = more
	case more.commit == p.commit:
		p.values = append(p.values, more.values...)
		p.time.Value = max(p.time.Value, more.time.Value)
	case more.time.Value >= p.time.Value:
		more.dropped = p.dropped + len(p.values)
		*p = more
	default:
		p.dropped += len(more.values)
	}
	if len(p.values) > limits.MetricsPerReport {
		return tooManyMetrics()
	}
	return nil
}

// add adds the values.
func (p *points) add(j *jsonMap) {
	if p.dropped > 0 {
		j.problem("", 0, "%d values of other commits than %.40s are left out: a report is of one, and this is the last", p.dropped, p.commit)
	}
	for _, v := range p.values {
		j.listed(v)
	}
}

// rows is the path that all the mapping's values have in common up to their last [].
func (m mapping) rows() (string, error) {
	path := ""
	for i, v := range m.values {
		at := strings.LastIndex(v.source, "[]")
		if at < 0 {
			return "", fault.Invalidf("mapping: value=%.60s has no [], which stands for the rows, as in results[].seconds", v.source)
		}
		if i > 0 && v.source[:at+2] != path {
			return "", fault.Invalidf("mapping: the values stand in different arrays, %s and %s; map one of them", path, v.source[:at+2])
		}
		path = v.source[:at+2]
	}
	for _, w := range append(append([]string{}, m.names...), m.params...) {
		if !strings.HasPrefix(w, path) {
			return "", fault.Invalidf("mapping: %.60s does not stand in the rows %s", w, path)
		}
	}
	return path, nil
}

// walk goes down to the rows.
func (j *jsonMap) walk(path string) error {
	switch {
	case path == j.rows:
		return j.row()
	case !strings.HasPrefix(j.rows, path):
		return j.Skip()
	case j.Peek() == '{':
		return j.Object(func(key []byte) error {
			at := string(key)
			if path != "" {
				at = path + "." + at
			}
			return j.walk(at)
		})
	case j.Peek() == '[':
		return j.Array(func() error { return j.walk(path + "[]") })
	}
	return j.Skip()
}

// row reads the scalars of one row.
func (j *jsonMap) row() error {
	j.n++
	line, _ := j.Position()
	texts, numbers := map[string]string{}, map[string]read.Opt{}
	if err := j.scalars(j.rows, texts, numbers); err != nil {
		return err
	}
	var names []string
	for _, w := range j.mapping.names {
		names = append(names, texts[w])
	}
	var ps []read.Parameter
	for _, w := range j.mapping.params {
		ps = append(ps, read.Parameter{Name: w[strings.LastIndexAny(w, ".]")+1:], Value: read.OneLine(texts[w])})
	}
	name := joinNames("/", names...)
	if len(j.mapping.names) == 0 {
		name = "json"
	}
	name = withParameters(name, ps)
	for _, v := range j.mapping.values {
		o, there := numbers[v.source]
		if !there {
			continue
		}
		if !o.OK {
			j.problem(name, line, "%s is no number", v.source)
			continue
		}
		j.value(name, v.measure, o.Value*v.factor, line)
	}
	return nil
}

// scalars collects the texts and numbers below a path that the mapping names.
func (j *jsonMap) scalars(path string, texts map[string]string, numbers map[string]read.Opt) error {
	if j.Peek() == '{' {
		return j.Object(func(key []byte) error { return j.scalars(path+"."+string(key), texts, numbers) })
	}
	wanted := false
	for _, w := range append(append([]string{}, j.mapping.names...), j.mapping.params...) {
		wanted = wanted || w == path
	}
	for _, v := range j.mapping.values {
		if v.source == path {
			begin := j.Peek()
			var o read.Opt
			if begin == '"' || begin == '-' || read.IsDigit(begin) || begin == 'n' || begin == 'N' || begin == 'I' {
				err := j.Opt(&o)
				numbers[path] = o
				return err
			}
			numbers[path] = o
		}
	}
	if wanted {
		var text string
		err := j.Str(&text)
		texts[path] = text
		return err
	}
	return j.Skip()
}

// list reads the two shapes that need no mapping.
func (j *jsonMap) list() error {
	return j.Each(func() error {
		line, _ := j.Position()
		v := listed{line: line}
		var p points
		if err := j.Members(func(key []byte) error {
			switch string(key) {
			case "metrics":
				return j.Each(func() error {
					line, _ := j.Position()
					v := listed{line: line}
					err := j.Members(func(key []byte) error { return v.member(j.Scanner, key) })
					if p.values = append(p.values, v); len(p.values) > limits.MetricsPerReport {
						return tooManyMetrics()
					}
					return err
				})
			case "timestamp":
				return j.Opt(&p.time)
			case "attributes":
				return j.Members(func(key []byte) error {
					if string(key) == "git_commit" {
						return j.Str(&p.commit)
					}
					return j.Skip()
				})
			}
			return v.member(j.Scanner, key)
		}); err != nil {
			return err
		}
		if v.name != "" || v.value.OK {
			j.listed(v)
		}
		if len(p.values) == 0 {
			return nil
		}
		return j.newest.take(p)
	})
}

// listed is one element of such a list.
type listed struct {
	name, unit, direction, spread string
	value                         read.Opt
	line                          int
}

func (v *listed) member(s *read.Scanner, key []byte) error {
	switch string(key) {
	case "name":
		return s.Str(&v.name)
	case "unit":
		return s.Str(&v.unit)
	case "value":
		return s.Opt(&v.value)
	case "range":
		return s.Str(&v.spread)
	case "direction":
		return s.Str(&v.direction)
	}
	return s.Skip()
}

func (j *jsonMap) listed(v listed) {
	name := read.OneLine(v.name)
	if !v.value.OK {
		j.problem(name, v.line, "it has no value")
		return
	}
	j.n++
	m, factor := measureOf("", strings.TrimSpace(v.unit), directionOf(v.direction))
	out := Metric{Measure: m, Value: v.value.Value * factor}
	text := v.spread
	if text != "" {
		text = strings.TrimLeft(strings.TrimSpace(text), "±+/- ")
	}
	if percent, ok := strings.CutSuffix(text, "%"); ok {
		if p, ok := read.Number([]byte(percent)); ok {
			out = spread(m, out.Value, out.Value*p/100)
		}
	} else if d, ok := read.Number([]byte(text)); ok {
		out = spread(m, out.Value, d*factor)
	}
	j.gathering.metric(name, out, v.line)
}

package adapter

import (
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/unit"
)

// phpbench --dump-file writes <phpbench><suite><benchmark class><subject name><variant revs warmup><parameter-set name><parameter name
// value/>…<iteration time-net time-revs time-avg mem-peak/>… <stats mean stdev/></variant>; times are microseconds, memory bytes, and
// time-avg is of one revolution. A variant that failed has <errors><error exception-class>…, one with an assertion that does not hold
// <failures><failure>….
//
// Identity is class::subject, with the name of the parameter set in braces, or its parameters where it is only numbered, and the
// revolutions and warm-ups where they alone tell variants apart. The value is the mean and its standard deviation; each iteration is a
// sample of time and of peak memory.
var phpbenchTool = tool{
	name: "phpbench", about: "phpbench --dump-file", example: `tacho run --file dump.xml "vendor/bin/phpbench run --dump-file=dump.xml"`,
	measures: []string{"Latency (ns, lower)", "Peak Memory (B, lower)"}, samples: "each iteration",
	parameters: "the name of the parameter set, or its values where it is numbered, in braces; revolutions and warm-ups where there are several",
	signs:      []sign{{xmlForm, []string{"phpbench.suite.benchmark.subject.variant"}, 100, "<phpbench> with subjects and variants"}},
	parse:      parsePHPBench, averages: []Average{AverageMean, AverageMedian},
}

// phpVariant is one variant.
type phpVariant struct {
	set, failed, assertion string
	revs, warmup           string
	parameters             []read.Parameter
	unwritten              bool // one of the parameters is no short text
	times, memory          []float64
	mean, deviation        read.Opt
}

func parsePHPBench(s *read.Scanner, opts Options) (Results, error) {
	var g gathering
	n, suites := 0, 0
	var class, subject string
	var v phpVariant
	var variants []phpVariant // of the subject
	attr := func(e *read.Element, name string) read.Opt {
		x, ok := read.Number([]byte(e.Attr(name)))
		return read.Opt{Value: x, OK: ok && read.Finite(x)}
	}
	err := s.Elements(func(e *read.Element) error {
		switch e.Name {
		case "suite":
			if suites++; suites == 2 {
				g.problem("", 0, "the file has several suites; what they have in common is taken for further runs of the same code")
			}
		case "benchmark":
			class = shorten(strings.TrimPrefix(e.Attr("class"), `\`), limits.BenchmarkNameBytes+1)
		case "subject":
			subject, variants = shorten(e.Attr("name"), limits.BenchmarkNameBytes+1), nil
		case "variant":
			v = phpVariant{revs: e.Attr("revs"), warmup: e.Attr("warmup")}
		case "parameter-set":
			v.set = e.Attr("name")
		case "parameter":
			if strings.HasSuffix(e.Path, ".parameter-set.parameter") {
				v.parameter(e)
			}
		case "iteration":
			t, revs := attr(e, "time-avg"), attr(e, "time-revs")
			if r, ok := read.Number([]byte(v.revs)); !revs.OK {
				revs = read.Opt{Value: r, OK: ok}
			}
			if net := attr(e, "time-net"); !t.OK && net.OK && revs.Value > 0 {
				t = net.Times(1 / revs.Value)
			}
			if t.OK {
				v.times = append(v.times, t.Value*1e3)
			}
			if m := attr(e, "mem-peak"); m.OK {
				v.memory = append(v.memory, m.Value)
			}
			return read.TooMany(len(v.times))
		case "stats":
			v.mean, v.deviation = attr(e, "mean").Times(1e3), attr(e, "stdev").Times(1e3)
		case "error":
			v.failed = e.Attr("exception-class")
		}
		return nil
	}, func(e *read.Element, text string) error {
		switch e.Name {
		case "error":
			v.failed = joinNames(": ", v.failed, text)
		case "failure":
			v.assertion = text
		case "variant":
			n++
			variants = append(variants, v)
			return tooManyRuns(len(variants))
		case "subject":
			for i, name := range phpNames(class+"::"+subject, variants) {
				variants[i].add(&g, name, opts)
			}
		}
		return nil
	})
	if err != nil {
		return Results{}, err
	}
	return g.results(opts, "<phpbench> with %d variants", n)
}

// parameter takes in one of the set's parameters.
func (v *phpVariant) parameter(e *read.Element) {
	const long = 100 // bytes of a value that is still a name
	p := read.Parameter{Name: e.Attr("name"), Value: read.OneLine(e.Attr("value"))}
	if kind := e.Attr("type"); kind == "collection" || kind == "serialized" || kind == "binary" || p.Value == "" || len(p.Value) > long ||
		len(v.parameters) >= 16 {
		v.unwritten = true
		return
	}
	v.parameters = append(v.parameters, p)
}

// identity is what tells the variant from others of its subject: the name of the set, or its values where it has only a number.
func (v *phpVariant) identity() []read.Parameter {
	numbered := strings.Trim(v.set, "0123456789,") == ""
	switch {
	case numbered && len(v.parameters) > 0 && !v.unwritten:
		return v.parameters
	case v.set == "0" && !v.unwritten: // as older versions call the set of none
		return nil
	}
	return []read.Parameter{{Name: "", Value: v.set}}
}

// phpNames are the names of a subject's variants.
func phpNames(name string, variants []phpVariant) []string {
	names, identities := make([]string, len(variants)), make([][]read.Parameter, len(variants))
	for i := range variants {
		identities[i] = variants[i].identity()
		names[i] = withParameters(name, identities[i])
	}
	for _, more := range []func(v phpVariant) read.Parameter{
		func(v phpVariant) read.Parameter { return read.Parameter{Name: "revs", Value: v.revs} },
		func(v phpVariant) read.Parameter { return read.Parameter{Name: "warmup", Value: v.warmup} },
	} {
		values := map[string]map[read.Parameter]bool{}
		for i, n := range names {
			if values[n] == nil {
				values[n] = map[read.Parameter]bool{}
			}
			values[n][more(variants[i])] = true
		}
		for i, n := range names {
			if len(values[n]) > 1 {
				identities[i] = append(identities[i], more(variants[i]))
				names[i] = withParameters(name, identities[i])
			}
		}
	}
	return names
}

func (v *phpVariant) add(g *gathering, name string, opts Options) {
	if v.failed != "" {
		g.problem(name, 0, "it failed: %s", v.failed)
		return
	}
	if v.assertion != "" {
		g.problem(name, 0, "an assertion does not hold: %s", v.assertion)
	}
	if len(v.times) == 0 {
		g.problem(name, 0, "it has no iterations")
		return
	}
	latency := summarize(unit.Latency, v.times, opts.Average)
	if v.mean.OK && opts.Average != AverageMedian {
		latency = Metric{Measure: unit.Latency, Value: v.mean.Value, Samples: v.times}
		if len(v.times) > 1 && v.deviation.OK {
			latency = spread(unit.Latency, v.mean.Value, v.deviation.Value)
			latency.Samples = v.times
		}
	}
	g.metric(name, latency, 0)
	if len(v.memory) > 0 {
		g.metric(name, summarize(unit.PeakMemory, v.memory, opts.Average), 0)
	}
}

package adapter

import (
	"strings"

	"github.com/tachograph/tacho/internal/core/unit"
)

// phpbench --dump-file writes <phpbench><suite><benchmark class><subject name><variant revs><parameter-set name/><iteration time-avg mem-peak/>… <stats mean stdev/></variant>; times are microseconds,
// memory bytes. A variant that failed has <errors><error exception-class>….
//
// Identity is class::subject, with the name of the parameter set in braces. The value is the mean and its standard deviation; each iteration is a sample of time and of peak memory.
var phpbenchTool = tool{
	name: "phpbench", about: "phpbench --dump-file", example: `tacho run --file dump.xml "vendor/bin/phpbench run --dump-file=dump.xml"`,
	measures: []string{"Latency (ns, lower)", "Peak Memory (B, lower)"}, samples: "each iteration",
	parameters: "the name of the parameter set, in braces",
	signs:      []sign{{xmlForm, []string{"phpbench.suite.benchmark.subject.variant"}, 100, "<phpbench> with subjects and variants"}},
	parse:      parsePHPBench, averages: []Average{AverageMean, AverageMedian},
}

// phpVariant is one variant.
type phpVariant struct {
	set, failed     string
	times, memory   []float64
	mean, deviation opt
}

func parsePHPBench(s *scanner, opts Options) (Results, error) {
	var g gathering
	n := 0
	var class, subject string
	var v phpVariant
	attr := func(e *element, name string) opt {
		x, ok := number([]byte(e.attr(name)))
		return opt{x, ok && finite(x)}
	}
	err := s.elements(func(e *element) error {
		switch e.name {
		case "benchmark":
			class = strings.TrimPrefix(e.attr("class"), `\`)
		case "subject":
			subject = e.attr("name")
		case "variant":
			v = phpVariant{}
		case "parameter-set":
			v.set = e.attr("name")
		case "iteration":
			if t := attr(e, "time-avg"); t.ok {
				v.times = append(v.times, t.v*1e3)
			}
			if m := attr(e, "mem-peak"); m.ok {
				v.memory = append(v.memory, m.v)
			}
			return tooMany(len(v.times))
		case "stats":
			v.mean, v.deviation = attr(e, "mean").times(1e3), attr(e, "stdev").times(1e3)
		case "error":
			v.failed = e.attr("exception-class")
		}
		return nil
	}, func(e *element, text string) error {
		switch e.name {
		case "error":
			v.failed = joinNames(": ", v.failed, text)
		case "variant":
			n++
			return v.add(&g, class+"::"+subject, opts)
		}
		return nil
	})
	if err != nil {
		return Results{}, err
	}
	return g.results(opts, "<phpbench> with %d variants", n), nil
}

func (v *phpVariant) add(g *gathering, name string, opts Options) error {
	if v.set != "" && v.set != "0" {
		name = withParameters(name, []parameter{{"", v.set}})
	}
	if v.failed != "" {
		g.problem(name, 0, "it failed: %s", v.failed)
		return nil
	}
	if len(v.times) == 0 {
		g.problem(name, 0, "it has no iterations")
		return nil
	}
	latency := summarize(unit.Latency, v.times, opts.Average)
	if v.mean.ok && opts.Average != AverageMedian {
		latency = spread(unit.Latency, v.mean.v, v.deviation.v)
		latency.Samples = v.times
	}
	if err := g.metric(name, latency, 0); err != nil || len(v.memory) == 0 {
		return err
	}
	return g.metric(name, summarize(unit.PeakMemory, v.memory, opts.Average), 0)
}

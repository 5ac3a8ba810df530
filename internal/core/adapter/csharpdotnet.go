package adapter

import (
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/unit"
)

// BenchmarkDotNet's JSON exporters write {"Title", "HostEnvironmentInfo", "Benchmarks": [{"Namespace", "Type", "Method", "Parameters",
// "FullName", "Statistics": {"OriginalValues", "Mean", "StandardDeviation", "Median", "InterquartileRange", …}, "Memory":
// {"Gen0Collections", …, "TotalOperations", "BytesAllocatedPerOperation"}, "Metrics": [{"Value", "Descriptor"}]}]}; brief, full and
// compressed differ in what is left out. Times are nanoseconds. "Statistics" is null where a benchmark failed.
//
// Identity is namespace, type and method, with the parameters in braces, and with the job, such as a runtime, where one input has a
// benchmark in several: it stands in "DisplayInfo". Long values of parameters are shortened; where that makes two benchmarks of one name,
// "FullName" has them in full. The value is the mean and its standard deviation, or the median and half of the interquartile range on each
// side; each iteration is a sample. Collections are counted over all operations, whose number differs from run to run; the diagnoser's
// metric is that of a thousand.
//
// Unlike Bencher, type, parameters and job are part of the name, iterations are samples, and what diagnosers add is kept.
var cSharpDotNetTool = tool{
	name: "c_sharp_dot_net", about: "BenchmarkDotNet, JSON exporter", example: `tacho run --file 'BenchmarkDotNet.Artifacts/results/App-report-full.json' "dotnet run -c Release -- --exporters json"`,
	measures:   []string{"Latency (ns, lower)", "Allocated (B/op, lower)", "Gen0/Gen1/Gen2 Collects, also per 1k Operations (lower)", "Total Operations", "each diagnoser's metric in its unit"},
	samples:    "each iteration",
	parameters: "in braces; the job where one input has several",
	signs:      []sign{{jsonForm, []string{"HostEnvironmentInfo", "Benchmarks[].Method"}, 100, `"HostEnvironmentInfo" and "Benchmarks"`}},
	parse:      parseDotNet, averages: []Average{AverageMean, AverageMedian},
}

// dotNetRun is one benchmark.
type dotNetRun struct {
	namespace, class, method, params, full string
	title, shown                           string
	line                                   int
	statistics                             bool
	mean, deviation, median, iqr           read.Opt
	samples                                []float64
	gen                                    [3]read.Opt
	operations, allocated                  read.Opt
	metrics                                []Metric
}

func parseDotNet(s *read.Scanner, opts Options) (Results, error) {
	s.Loose = true
	var runs []dotNetRun
	err := s.Object(func(key []byte) error {
		if string(key) != "Benchmarks" {
			return s.Skip()
		}
		return s.Each(func() error {
			line, _ := s.Position()
			r := dotNetRun{line: line}
			if err := r.read(s); err != nil {
				return err
			}
			runs = append(runs, r)
			return tooManyRuns(len(runs))
		})
	})
	if err != nil {
		return Results{}, err
	}
	var g gathering
	full, jobs := map[string]string{}, map[string]string{}
	severalFull, severalJobs := map[string]bool{}, map[string]bool{}
	for _, r := range runs {
		several(full, severalFull, r.name(), r.full)
		several(jobs, severalJobs, r.name(), r.job())
	}
	for _, r := range runs {
		name := r.name()
		base, ps := r.parts()
		if severalFull[name] && r.full != "" {
			base, ps = r.full, nil
		}
		if severalJobs[name] {
			ps = append(ps, read.Parameter{Name: "job", Value: r.job()})
		}
		r.add(&g, opts, withParameters(base, ps))
	}
	return g.results(opts, `"HostEnvironmentInfo" and %d "Benchmarks"`, len(runs))
}

// several notes in which names a value differs.
func several(first map[string]string, differs map[string]bool, name, value string) {
	if v, known := first[name]; known && v != value {
		differs[name] = true
	} else {
		first[name] = value
	}
}

func (r *dotNetRun) read(s *read.Scanner) error {
	return s.Members(func(key []byte) error {
		switch string(key) {
		case "Namespace":
			return s.Str(&r.namespace)
		case "Type":
			return s.Str(&r.class)
		case "Method":
			return s.Str(&r.method)
		case "Parameters":
			return s.Str(&r.params)
		case "FullName":
			return s.Str(&r.full)
		case "MethodTitle":
			return s.Str(&r.title)
		case "DisplayInfo":
			return s.Str(&r.shown)
		case "Statistics":
			r.statistics = s.Peek() == '{'
			return s.Members(func(key []byte) error { return r.statistic(s, key) })
		case "Memory":
			return s.Members(func(key []byte) error { return r.memory(s, key) })
		case "Metrics":
			return s.Each(func() error { return r.metric(s) })
		}
		return s.Skip()
	})
}

func (r *dotNetRun) statistic(s *read.Scanner, key []byte) error {
	switch string(key) {
	case "OriginalValues":
		return s.Nums(&r.samples)
	case "Mean":
		return s.Opt(&r.mean)
	case "StandardDeviation":
		return s.Opt(&r.deviation)
	case "Median":
		return s.Opt(&r.median)
	case "InterquartileRange":
		return s.Opt(&r.iqr)
	}
	return s.Skip()
}

func (r *dotNetRun) memory(s *read.Scanner, key []byte) error {
	switch string(key) {
	case "Gen0Collections":
		return s.Opt(&r.gen[0])
	case "Gen1Collections":
		return s.Opt(&r.gen[1])
	case "Gen2Collections":
		return s.Opt(&r.gen[2])
	case "TotalOperations":
		return s.Opt(&r.operations)
	case "BytesAllocatedPerOperation":
		return s.Opt(&r.allocated)
	}
	return s.Skip()
}

// metric reads what a diagnoser adds: {"Value": n, "Descriptor": {"Id", "Legend", "Unit", "TheGreaterTheBetter"}}.
func (r *dotNetRun) metric(s *read.Scanner) error {
	var value read.Opt
	var id, short, greater string
	if err := s.Members(func(key []byte) error {
		switch string(key) {
		case "Value":
			return s.Opt(&value)
		case "Descriptor":
			return s.Members(func(key []byte) error {
				switch string(key) {
				case "Id":
					return s.Str(&id)
				case "Unit":
					return s.Str(&short)
				case "TheGreaterTheBetter":
					return s.Str(&greater)
				}
				return s.Skip()
			})
		}
		return s.Skip()
	}); err != nil || !value.OK || id == "" {
		return err
	}
	m := &unit.Measure{Name: id, Units: short, Direction: unit.Lower}
	switch gen, collects := strings.CutSuffix(id, "Collects"); {
	case id == "Allocated Memory":
		m = unit.Allocated
	case collects && len(gen) == len("Gen0") && strings.HasPrefix(gen, "Gen"):
		m.Name = gen + " Collects per 1k Operations"
	case greater == "true":
		m.Direction = unit.Higher
	}
	if m.Units == "" {
		m.Units = unit.Generic
	}
	r.metrics = append(r.metrics, Metric{Measure: m, Value: value.Value})
	return nil
}

// parts are the name without its parameters, and these.
func (r *dotNetRun) parts() (base string, ps []read.Parameter) {
	var parts []string
	for _, p := range []string{r.namespace, r.class, r.method} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	for p := range strings.SplitSeq(r.params, "&") {
		name, value, ok := strings.Cut(p, "=")
		if !ok && len(ps) > 0 { // a value that holds the mark
			ps[len(ps)-1].Value += "&" + read.OneLine(p)
			continue
		}
		if value == "" {
			name, value = "", read.OneLine(p)
		}
		ps = append(ps, read.Parameter{Name: strings.TrimSpace(name), Value: read.OneLine(value)})
	}
	return strings.Join(parts, "."), ps
}

func (r *dotNetRun) name() string {
	base, ps := r.parts()
	return withParameters(base, ps)
}

// job is the job of "Type.Method: Job-NFPNDJ(IterationCount=3, RunStrategy=Monitoring) [N=10]": what makes it one, without a made name.
func (r *dotNetRun) job() string {
	title := r.title
	if title == "" {
		title = r.method
	}
	_, job, ok := strings.Cut(r.shown, title+": ")
	if !ok {
		return ""
	}
	if r.params != "" {
		job = strings.TrimSuffix(job, " ["+strings.ReplaceAll(r.params, "&", ", ")+"]")
	}
	if made, ok := strings.CutPrefix(strings.TrimSpace(job), "Job-"); ok {
		if _, set, ok := strings.Cut(made, "("); ok {
			return read.OneLine(strings.TrimSuffix(set, ")"))
		}
	}
	return read.OneLine(job)
}

func (r *dotNetRun) add(g *gathering, opts Options, name string) {
	line := r.line
	switch {
	case r.method == "":
		g.problem(r.full, line, "a benchmark has no method")
		return
	case !r.statistics || !r.mean.OK:
		g.problem(name, line, "it has no statistics: it failed, or none of its iterations counted")
		return
	}
	latency := Metric{Measure: unit.Latency, Value: r.mean.Value}
	if r.deviation.OK {
		latency = spread(unit.Latency, r.mean.Value, r.deviation.Value)
	}
	if opts.Average == AverageMedian && r.median.OK {
		latency = spread(unit.Latency, r.median.Value, r.iqr.Value/2)
	}
	latency.Samples = r.samples
	g.metric(name, latency, line)
	g.optional(name, line, []optional{
		{unit.Allocated, r.allocated}, {builtIn("gen0-collects"), r.gen[0]}, {builtIn("gen1-collects"), r.gen[1]}, {builtIn("gen2-collects"), r.gen[2]},
		{builtIn("total-operations"), r.operations},
	})
	for _, m := range r.metrics {
		if m.Measure == unit.Allocated && r.allocated.OK {
			continue // "Memory" has it
		}
		g.metric(name, m, line)
	}
}

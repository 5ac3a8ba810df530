package adapter

import (
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/unit"
)

// LLVM's LNT imports {"format_version": "2", "machine", "run", "tests": [{"name", "<metric>": value or [values], "<what>_status": 0,
// "hash", "profile"}]}. The older format has {"Machine", "Run", "Tests": [{"Name": "nts.test.metric", "Data": [values]}]}, where a
// metric's status is "nts.test.exec.status". Times are seconds; a status is 0 where the test passed, 1 where it failed and 2 where it
// failed as expected.
//
// Identity is the test's name, without the suite's before it in the older format. compile_time and execution_time are the field's own
// measures, in nanoseconds; other metrics keep their names, and a list is samples. What a failed test measured is left out. Hashes and
// profiles are no metrics.
var lntTool = tool{
	name: "lnt", about: "LNT, format 2 and before", example: `tacho run --file report.json "lnt runtest test-suite …"`,
	measures: []string{"Latency (ns, lower)", "Compile Time (ns, lower)", "User Time, System Time (ns, lower)", "Code Size, Memory (B, lower)", "any metric"}, samples: "each value of a list",
	signs: []sign{
		{jsonForm, []string{"format_version", "machine", "run", "tests[].name"}, 100, `"format_version", "machine", "run" and "tests"`},
		{jsonForm, []string{"machine", "run", "tests[].name", "tests[].execution_time"}, 90, `"machine", "run" and "tests" with execution_time`},
		{jsonForm, []string{"Machine", "Run", "Tests[].Data"}, 100, `"Machine", "Run" and "Tests"`},
	},
	parse: parseLNT, averages: []Average{AverageMean, AverageMedian},
}

var compileTime = &unit.Measure{Name: "Compile Time", Slug: "compile-time", Units: unit.Nanoseconds, Direction: unit.Lower}

// lntMeasure is the measure behind a metric's name, and the factor to its unit.
func lntMeasure(name string) (*unit.Measure, float64) {
	switch strings.ToLower(name) {
	case "execution_time", "exec", "exec_time", "wall_time", "wall":
		return unit.Latency, 1e9
	case "compile_time", "compile":
		return compileTime, 1e9
	case "user_time", "user":
		return unit.UserTime, 1e9
	case "sys_time", "sys":
		return unit.SystemTime, 1e9
	case "code_size", "size_bytes", "size":
		return &unit.Measure{Name: "Code Size", Slug: "code-size", Units: unit.Bytes, Direction: unit.Lower, Exact: true}, 1
	case "mem_bytes", "memory", "mem":
		return unit.PeakMemory, 1
	case "score":
		return &unit.Measure{Name: "Score", Slug: "score", Units: unit.Generic, Direction: unit.Higher}, 1
	}
	return userCounter(name), 1
}

// lntTest is one entry, which is a test or, in the older format, one metric of it.
type lntTest struct {
	name    string
	metrics []lntMetric
	line    int
}

type lntMetric struct {
	name   string
	values []float64
}

func parseLNT(s *read.Scanner, opts Options) (Results, error) {
	s.Loose = true
	var tests []lntTest
	err := s.Object(func(key []byte) error {
		if k := string(key); k != "tests" && k != "Tests" {
			return s.Skip()
		}
		return s.Each(func() error {
			line, _ := s.Position()
			t := lntTest{line: line}
			if err := t.read(s); err != nil {
				return err
			}
			t.split()
			tests = append(tests, t)
			return tooManyMetricsOf(len(tests))
		})
	})
	if err != nil {
		return Results{}, err
	}
	var g gathering
	failed := map[string]bool{} // test and what of it, "compile"
	for _, t := range tests {
		for _, m := range t.metrics {
			what, ok := strings.CutSuffix(m.name, "_status")
			for _, v := range m.values {
				if ok && v == 1 && !failed[t.name+"\x00"+what] {
					failed[t.name+"\x00"+what] = true
					g.problem(t.name, t.line, "its %s failed", what)
				}
			}
		}
	}
	for _, t := range tests {
		if len(t.metrics) == 0 {
			g.problem(t.name, t.line, "it has no metric")
		}
		for _, m := range t.metrics {
			what, status := strings.CutSuffix(m.name, "_status")
			if !status {
				what, _, _ = strings.Cut(m.name, "_")
			}
			if status || len(failed) > 0 && (failed[t.name+"\x00"+what] || failed[t.name+"\x00execution"] && (what == "score" || what == "mem")) {
				continue
			}
			measure, factor := lntMeasure(m.name)
			for _, v := range m.values {
				g.value(t.name, measure, v*factor, t.line)
			}
		}
	}
	return g.results(opts, `"tests" of LNT, %d of them`, len(tests))
}

func (t *lntTest) read(s *read.Scanner) error {
	return s.Members(func(key []byte) error {
		switch string(key) {
		case "name", "Name":
			return s.Str(&t.name)
		case "hash", "profile", "Info":
			return s.Skip()
		}
		m := lntMetric{name: s.Keep(key)}
		if s.Peek() == '[' {
			err := s.Nums(&m.values)
			t.metrics = append(t.metrics, m)
			return err
		}
		var o read.Opt
		err := s.Opt(&o)
		if o.OK {
			m.values = []float64{o.Value}
			t.metrics = append(t.metrics, m)
		}
		return err
	})
}

// split takes the metric off a name of the older format, "nts.dir/test.exec.status", and names it as the newer one.
func (t *lntTest) split() {
	for i := range t.metrics {
		m := &t.metrics[i]
		if m.name != "Data" {
			continue
		}
		name, status := strings.CutSuffix(t.name, ".status")
		at := strings.LastIndexByte(name, '.')
		if at <= 0 {
			continue
		}
		m.name = name[at+1:]
		if known, ok := map[string]string{"exec": "execution_time", "compile": "compile_time", "mem": "mem_bytes", "size": "size_bytes", "wall": "wall_time", "user": "user_time", "sys": "sys_time"}[m.name]; ok {
			m.name = known
		}
		if status {
			m.name, _, _ = strings.Cut(m.name, "_")
			m.name += "_status"
		}
		if m.name == "hash" || m.name == "profile" {
			m.values = nil
		}
		t.name = name[:at]
		for _, suite := range []string{"nts.", "compile."} {
			t.name = strings.TrimPrefix(t.name, suite)
		}
	}
}

// tooManyMetricsOf is a fault where there are more entries than a report may have metrics.
func tooManyMetricsOf(entries int) error {
	if entries > limits.MetricsPerReport {
		return tooManyMetrics()
	}
	return nil
}

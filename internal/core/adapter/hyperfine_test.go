package adapter

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/unit"
)

func TestHyperfineGivesTimesInNanosecondsWithEachRun(t *testing.T) {
	t.Parallel()
	const input = `{"results":[{"command":"a","mean":0.5,"stddev":0.25,"median":0.375,"user":0.125,"system":0.0625,"min":0.25,"max":1,
		"times":[0.25,0.375,1],"memory_usage_byte":[1024,4096,2048],"exit_codes":[0,0,0]}]}`
	each := []int{1, 1, 1} // every run is a process
	rest := []Metric{
		{Measure: unit.UserTime, Value: 125e6}, {Measure: unit.SystemTime, Value: 62.5e6},
		{Measure: unit.PeakMemory, Value: 2048, Lower: ptr(1024), Upper: ptr(4096), Samples: []float64{1024, 4096, 2048}, Processes: each},
	}
	samples := []float64{250e6, 375e6, 1e9}
	mean := Metric{Measure: unit.Latency, Value: 500e6, Lower: ptr(250e6), Upper: ptr(750e6), Samples: samples, Processes: each}
	median := Metric{Measure: unit.Latency, Value: 375e6, Lower: ptr(250e6), Upper: ptr(1e9), Samples: samples, Processes: each}
	for average, want := range map[Average]Metric{AverageDefault: mean, AverageMedian: median} {
		got, err := Parse(Hyperfine, []byte(input), Options{Average: average})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]Benchmark{{Name: "a", Metrics: append([]Metric{want}, rest...)}}, got.Benchmarks); diff != "" {
			t.Errorf("average %q (-want +got):\n%s", average, diff)
		}
		if len(got.Problems) > 0 {
			t.Errorf("problems %+v", got.Problems)
		}
	}
}

func TestHyperfineIdentity(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		results string
		want    []string
	}{
		"the command":                           {`{"command":"sleep 1","mean":1}`, []string{"sleep 1"}},
		"a line end is a blank, others stay":    {`{"command":" sh -c '\n\techo  1\n' ","mean":1}`, []string{"sh -c ' echo  1 '"}},
		"a parameter that the command shows":    {`{"command":"make -j 4","mean":1,"parameters":{"n":"4"}}`, []string{"make -j 4"}},
		"one that it does not show":             {`{"command":"make","mean":1,"parameters":{"b":"x","a":"4"}}`, []string{"make {a=4,b=x}"}},
		"a value inside of another word":        {`{"command":"run 10","mean":1,"parameters":{"n":"1"}}`, []string{"run 10 {n=1}"}},
		"values shown by chance":                {`{"command":"run 1 2","mean":1,"parameters":{"n":"1"}},{"command":"run 1 2","mean":1,"parameters":{"n":"2"}}`, []string{"run 1 2 {n=1}", "run 1 2 {n=2}"}},
		"the same command twice is two of them": {`{"command":"a","mean":1},{"command":"b","mean":1},{"command":"a","mean":2}`, []string{"a", "b", "a #2"}},
		"a parameter that is a number":          {`{"command":"make","mean":1,"parameters":{"n":4}}`, []string{"make {n=4}"}},
		"an empty value":                        {`{"command":"make","mean":1,"parameters":{"n":""}}`, []string{"make {n=}"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(row.want, namesOf(parse(t, Hyperfine, `{"results":[`+row.results+`]}`))); diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHyperfineFailuresAreProblemsAndResultsStay(t *testing.T) {
	t.Parallel()
	got := parse(t, Hyperfine, `{"results":[
		{"command":"a","mean":1,"stddev":null,"exit_codes":[0,null]},
		{"command":"b","stddev":0},
		{"command":"c","mean":2,"exit_codes":[0,1,2,0],"times":null,"memory_usage_byte":null,"parameters":null},
		{"mean":3},
		{"command":"d","mean":1e300,"stddev":1},
		{"command":"e","mean":4,"exit_codes":null}]}`)
	if diff := cmp.Diff([]string{"a", "c", "e"}, namesOf(got)); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	want := []Problem{
		{Benchmark: "a", Message: "1 of 2 runs failed, the last with a signal"},
		{Benchmark: "b", Message: "it has no mean"},
		{Benchmark: "c", Message: "2 of 4 runs failed, the last with exit code 2"},
		{Message: "result 4 has no command"},
		{Benchmark: "d", Message: `measure "Latency": +Inf is not a finite number`},
	}
	if diff := cmp.Diff(want, got.Problems); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if m := got.Benchmarks[0].Metrics[0]; m.Lower != nil || m.Upper != nil {
		t.Errorf("%+v has a spread although a single run has no deviation", m)
	}
}

func TestHyperfineWithoutMedianSaysSo(t *testing.T) {
	t.Parallel()
	got, err := Parse(Hyperfine, []byte(`{"results":[{"command":"a","mean":1}]}`), Options{Average: AverageMedian})
	if err != nil || got.Benchmarks[0].Metrics[0].Value != 1e9 {
		t.Fatalf("got %+v, %v", got, err)
	}
	if diff := cmp.Diff([]Problem{{Benchmark: "a", Message: "it has no median; the mean is taken"}}, got.Problems); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestBadHyperfineSaysWhatAndWhere(t *testing.T) {
	t.Parallel()
	const notJSON = "shell_hyperfine: the output is not the JSON that hyperfine exports: "
	for name, row := range map[string]struct{ input, want string }{
		"not JSON":                   {"<xml>", notJSON + `JSON: want '{', found "<xml>" (line 1, column 1)`},
		"a benchmark without a time": {"Benchmark 1: sleep\n", "sleep: it has no mean"},
		"cut off":                    {`{"results":[{"command":"a","mean":1`, "found the end of the input"},
		"something behind":           {`{"results":[]} x`, "something follows the document"},
		"mean is text":               {`{"results":[{"command":"a","mean":"1"}]}`, "want a number"},
		"times hold NaN":             {`{"results":[{"command":"a","mean":1,"times":[NaN]}]}`, "want a number"},
		"no results":                 {`{"results":[]}`, "shell_hyperfine: the output holds no benchmark result"},
		"infinite when in ns":        {`{"results":[{"command":"a","mean":1e300}]}`, `a: measure "Latency": +Inf is not a finite number`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refuses(t, Hyperfine, row.input, row.want)
		})
	}
	refuses(t, Hyperfine, `{"results":[{"command":"a","mean":1,"x":`+strings.Repeat("[", 100), "nested more than 64 deep")
}

func TestHyperfineTables(t *testing.T) {
	t.Parallel()
	eachOutput(t, Hyperfine, []output{
		{"a table has seconds and parameters", "command,mean,stddev,median,user,system,min,max,parameter_n\n\"sh -c \"\"a, b\"\"\",0.5,0.25,0.375,0.125,0.0625,0.25,1,4\nmake 8,2,,2,0,0,2,2,8\nbad,x,,,,,,,1\n",
			"\nsh -c \"a, b\" {n=4}\n\tLatency: 5e+08 from 2.5e+08 to 7.5e+08 nanoseconds (ns), lower\n\tUser Time: 1.25e+08 nanoseconds (ns), lower\n\tSystem Time: 6.25e+07 nanoseconds (ns), lower\n" +
				"\nmake 8\n\tLatency: 2e+09 nanoseconds (ns), lower\n\tUser Time: 0 nanoseconds (ns), lower\n\tSystem Time: 0 nanoseconds (ns), lower\n\nproblem: bad {n=1}: it has no mean\n"},
	})
}

func TestHyperfinePrints(t *testing.T) {
	t.Parallel()
	const first = "Benchmark 1: sleep  1\n  Time (mean ± σ):      13.3 ms ±   1.9 ms    [User: 1.0 ms, System: 0.2 ms]\n  Range (min … max):    11.3 ms …  16.1 ms    5 runs\n \n"
	const export = `{"results":[{"command":"a","mean":1,"times":[1]}`
	eachOutput(t, Hyperfine, []output{
		{"a time with its deviation", first + "Benchmark 2: false\n  Time (abs ≡):         10.7 µs               [User: 1.100 s, System: 0.0 ms]\n \n  Warning: Ignoring non-zero exit code.\n \nBenchmark #3: exit 1\nError: Command terminated with non-zero exit code: 1.\n",
			"\nsleep  1\n\tLatency: 1.33e+07 from 1.14e+07 to 1.52e+07 nanoseconds (ns), lower\n\tUser Time: 1e+06 nanoseconds (ns), lower\n\tSystem Time: 200000 nanoseconds (ns), lower\n" +
				"\nfalse\n\tLatency: 10700 nanoseconds (ns), lower\n\tUser Time: 1.1e+09 nanoseconds (ns), lower\n\tSystem Time: 0 nanoseconds (ns), lower\n" +
				"\nproblem: false: some of its runs failed\n\nproblem: exit 1: it has no mean\n"},
		{"the last export has all results", first + export + "]}\nBenchmark 2: b\n  Time (abs ≡):         10.7 ms   \n \n" + export + `,{"command":"b","mean":2,"times":[2]}]}` + "\nSummary\n  'a' ran\n",
			"\na\n\tLatency: 1e+09 nanoseconds (ns), lower\n\t\t1e+09\n\nb\n\tLatency: 2e+09 nanoseconds (ns), lower\n\t\t2e+09\n"},
		{"but not those of another call", first + export + "]}\nBenchmark 1: b\n \n" + `{"results":[{"command":"b","mean":2,"times":[2]}]}`,
			"\na\n\tLatency: 1e+09 nanoseconds (ns), lower\n\t\t1e+09\n\nb\n\tLatency: 2e+09 nanoseconds (ns), lower\n\t\t2e+09\n"},
	})
	if got := parse(t, Magic, first); got.Adapter != Hyperfine || len(got.Benchmarks) != 1 {
		t.Errorf("%s read %d benchmarks, want shell_hyperfine and one", got.Adapter, len(got.Benchmarks))
	}
	if got := parse(t, Magic, first+export+"]}\n"); len(got.Benchmarks) != 1 || got.Benchmarks[0].Name != "a" {
		t.Errorf("read %v, want what was exported", namesOf(got))
	}
}

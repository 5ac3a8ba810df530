package adapter

import (
	"slices"
	"testing"

	"github.com/tachograph/tacho/internal/core/unit"
)

// TestSamplesSayWhichProcessTheyAreOf by the tools that run several.
func TestSamplesSayWhichProcessTheyAreOf(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tool    Name
		input   string
		samples []float64
		want    []int
	}{
		"forks of JMH": {"java_jmh", `[{"benchmark":"a.B.c","mode":"avgt","primaryMetric":{"score":2,"scoreUnit":"ns/op","rawData":[[1,2],[3],[2,2]]}}]`,
			[]float64{1, 2, 3, 2, 2}, []int{2, 1, 2}},
		"runs of pyperf": {"pyperf", `{"benchmarks":[{"metadata":{"name":"a"},"runs":[{"warmups":[[1,9]]},{"values":[1,2]},{"values":[3]}]}]}`,
			[]float64{1e9, 2e9, 3e9}, []int{2, 1}},
		"a table with a process": {"csv", "process,iteration,value\n0,0,1\n1,0,3\n0,1,2\n", []float64{1, 2, 3}, []int{2, 1}},
		"a table without one":    {"csv", "name,value\nx,1\nx,3\nx,2\n", []float64{1, 3, 2}, nil},
	} {
		got, err := Parse(c.tool, []byte(c.input), Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		m := got.Benchmarks[0].Metrics[0]
		if !slices.Equal(m.Samples, c.samples) || !slices.Equal(m.Processes, c.want) {
			t.Errorf("%s: samples %v of processes %v, want %v of %v", name, m.Samples, m.Processes, c.samples, c.want)
		}
	}
}

func TestATableOfProcessesIsRecognisedAndItsTimesAreBetterLower(t *testing.T) {
	t.Parallel()
	got, err := Parse(Magic, []byte("process,iteration,value\n0,0,2.84433e-05\n0,1,2.8e-05\n1,0,2.9e-05\n"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if b := got.Benchmarks; len(b) != 1 || b[0].Name != "csv" || b[0].Metrics[0].Measure.Direction != unit.Lower || got.Adapter != "csv" {
		t.Errorf("%+v", got)
	}
}

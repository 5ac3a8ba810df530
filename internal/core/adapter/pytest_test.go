package adapter

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPytest(t *testing.T) {
	t.Parallel()
	const head, tail = `{"machine_info":{},"benchmarks":[`, `]}`
	for _, row := range []struct {
		claim   string
		average Average
		stats   string
		want    string
	}{
		{"the mean has the deviation", AverageDefault, `"mean":3,"stddev":1,"median":2,"q1":1.5,"q3":4,"iqr":2.5,"rounds":3,"data":[2,1,6]`, "Latency: 3e+09 from 2e+09 to 4e+09 nanoseconds (ns), lower\n\t\t2e+09 1e+09 6e+09\n"},
		{"the median stands between the quartiles", AverageMedian, `"mean":3,"stddev":1,"median":2,"q1":1.5,"q3":4,"iqr":2.5,"rounds":3`, "Latency: 2e+09 from 1.5e+09 to 4e+09 nanoseconds (ns), lower\n"},
		{"half of the range on each side where there are no quartiles", AverageMedian, `"mean":3,"stddev":1,"median":2,"iqr":1`, "Latency: 2e+09 from 1.5e+09 to 2.5e+09 nanoseconds (ns), lower\n"},
		{"a single round has no spread", AverageDefault, `"mean":3,"stddev":0,"rounds":1,"data":[3]`, "Latency: 3e+09 nanoseconds (ns), lower\n\t\t3e+09\n"},
		{"nor its median", AverageMedian, `"mean":3,"stddev":0,"median":3,"q1":3,"q3":3,"iqr":0,"rounds":1`, "Latency: 3e+09 nanoseconds (ns), lower\n"},
		{"what has no deviation has no spread", AverageDefault, `"mean":3,"stddev":NaN,"ops":Infinity`, "Latency: 3e+09 nanoseconds (ns), lower\n"},
	} {
		t.Run(row.claim, func(t *testing.T) {
			t.Parallel()
			got, err := Parse("python_pytest", []byte(head+`{"name":"a","fullname":"t.py::a[1]","params":{"n":1},"extra_info":{"x":[1]},"stats":{`+row.stats+`}}`+tail), Options{Average: row.average})
			if err != nil {
				t.Fatal(err)
			}
			_, text, _ := strings.Cut(written(got), "\n")
			if diff := cmp.Diff("\nt.py::a[1]\n\t"+row.want, text); diff != "" {
				t.Error(diff)
			}
		})
	}
}

package adapter

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPytestTable(t *testing.T) {
	t.Parallel()
	const rule = "------------------------------------------------------------\n"
	table := func(head string, rows ...string) string {
		return "--------------- benchmark: 2 tests ---------------\n" + head + "\n" + rule + strings.Join(rows, "\n") + "\n" + rule + "\nLegend:\n  Outliers: 1 Standard Deviation from Mean\n"
	}
	const full = "Name (time in us)      Min     Max     Mean    StdDev    Median    IQR    Outliers  OPS (Kops/s)   Rounds  Iterations"
	for _, row := range []struct {
		claim   string
		average Average
		input   string
		want    string
	}{
		{"numbers have commas and ratios", AverageDefault, table(full, "test_a   3,190.5000 (211.83)   3,560.1000 (>1000.0)   3,205.0000 (1.0)   5.0000 (inf)  3,201.0 (1.0)  9.0 (1.0)  13;21  0.3 (0.00)  262  1"),
			"\ntest_a\n\tLatency: 3.205e+06 from 3.2e+06 to 3.21e+06 nanoseconds (ns), lower\n\tLatency min: 3.1905e+06 nanoseconds (ns), lower\n\tLatency max: 3.5601e+06 nanoseconds (ns), lower\n"},
		{"the median stands in the middle of the range", AverageMedian, table(full, "test_a   1.0   9.0   5.0   2.0  4.0  2.0  1;1  3  262  1"),
			"\ntest_a\n\tLatency: 4000 from 3000 to 5000 nanoseconds (ns), lower\n\tLatency min: 1000 nanoseconds (ns), lower\n\tLatency max: 9000 nanoseconds (ns), lower\n"},
		{"a name has brackets and blanks", AverageDefault, table("Name (time in ms)   Mean", "test_a[1-a  (b) 2]   2.5000 (1.0)"), "\ntest_a[1-a  (b) 2]\n\tLatency: 2.5e+06 nanoseconds (ns), lower\n"},
		{"each group has its unit", AverageDefault, table("Name (time in s)   Mean", "test_a   2.0 (1.0)") + table("Name (time in ns)   Mean", "test_b   2.0 (1.0)"),
			"\ntest_a\n\tLatency: 2e+09 nanoseconds (ns), lower\n\ntest_b\n\tLatency: 2 nanoseconds (ns), lower\n"},
		{"tests of one name are two", AverageDefault, table("Name (time in s)   Mean", "test_a   2.0 (1.0)", "test_a   3.0 (1.5)"),
			"\ntest_a\n\tLatency: 2e+09 nanoseconds (ns), lower\n\ntest_a #2\n\tLatency: 3e+09 nanoseconds (ns), lower\n"},
		{"of a comparison this run counts", AverageDefault, table("Name (time in s)   Mean", "test_a (NOW)   2.0 (1.0)", "test_a (0001_c87feb7)   3.0 (1.5)"), "\ntest_a\n\tLatency: 2e+09 nanoseconds (ns), lower\n"},
		{"a deviation of nothing is none", AverageDefault, table("Name (time in s)   Mean   StdDev", "test_a   2.0 (1.0)  0.0000 (1.0)"), "\ntest_a\n\tLatency: 2e+09 nanoseconds (ns), lower\n"},
		{"without a mean the median is taken", AverageDefault, table("Name (time in s)   Min   Median", "test_a   1.0 (1.0)  2.0 (1.0)"),
			"\ntest_a\n\tLatency: 2e+09 nanoseconds (ns), lower\n\tLatency min: 1e+09 nanoseconds (ns), lower\n\nproblem: line 4: test_a: it has no mean; the median is taken\n"},
		{"what stands between is no row", AverageDefault, table("Name (time in s)   Mean", "warning: slow", "test_a   2.0 (1.0)"),
			"\ntest_a\n\tLatency: 2e+09 nanoseconds (ns), lower\n\nproblem: line 4: lines that are no rows of the table were passed over: 1 of them, this is the first\n"},
	} {
		t.Run(row.claim, func(t *testing.T) {
			t.Parallel()
			got, err := Parse(Magic, []byte(row.input), Options{Average: row.average})
			if err != nil {
				t.Fatal(err)
			}
			_, text, _ := strings.Cut(written(got), "\n")
			if diff := cmp.Diff(row.want, text); diff != "" || got.Adapter != "python_pytest" {
				t.Error(got.Adapter, diff)
			}
		})
	}
}

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

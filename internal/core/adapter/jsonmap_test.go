package adapter

import (
	"testing"
)

func TestListsOfValues(t *testing.T) {
	t.Parallel()
	point := func(time, commit, value string) string {
		return `{"timestamp":` + time + `,"metrics":[{"name":"a","unit":"s","value":` + value + `}],"attributes":{"git_commit":"` + commit + `"}}`
	}
	eachOutput(t, "json_map", []output{
		{"of several commits the last counts", "[" + point("1", "x", "9") + "," + point("3", "z", "1") + "," + point("2", "y", "9") + "," + point("3", "z", "3") + "]",
			"\na\n\tLatency: 2e+09 from 1e+09 to 3e+09 nanoseconds (ns), lower\n\t\t1e+09 3e+09\n\nproblem: 2 values of other commits than z are left out: a report is of one, and this is the last\n"},
		{"without commits all count", `[{"timestamp":1,"metrics":[{"name":"a","unit":"s","value":1}]},{"timestamp":2,"metrics":[{"name":"b","unit":"s","value":2},{"name":"c"}]}]`,
			"\na\n\tLatency: 1e+09 nanoseconds (ns), lower\n\nb\n\tLatency: 2e+09 nanoseconds (ns), lower\n\nproblem: line 1: c: it has no value\n"},
	})
}

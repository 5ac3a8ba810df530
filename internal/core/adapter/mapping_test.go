package adapter

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMappingsTellValuesApart(t *testing.T) {
	t.Parallel()
	const table, document = "endpoint,p50,p99\n/a,1,9\n/a,2,8\n", `{"r":[{"n":"a","t":{"p50":1,"p99":9},"u":{"p50":2}}]}`
	for _, row := range []struct{ claim, mapping, input, want string }{
		{"two times are called as their columns", "name=endpoint,value=p50:ms:lower,value=p99:ms:lower", table,
			"\n/a\n\tp50: 1.5e+06 from 1e+06 to 2e+06 nanoseconds (ns), lower\n\t\t1e+06 2e+06\n\tp99: 8.5e+06 from 8e+06 to 9e+06 nanoseconds (ns), lower\n\t\t9e+06 8e+06\n"},
		{"but for the one that has a name", "name=endpoint,value=p50:ms:lower:Latency,value=p99:ms:lower", table,
			"\n/a\n\tLatency: 1.5e+06 from 1e+06 to 2e+06 nanoseconds (ns), lower\n\t\t1e+06 2e+06\n\tp99: 8.5e+06 from 8e+06 to 9e+06 nanoseconds (ns), lower\n\t\t9e+06 8e+06\n"},
		{"a single one is a latency", "name=endpoint,value=p50:ms", table, "\n/a\n\tLatency: 1.5e+06 from 1e+06 to 2e+06 nanoseconds (ns), lower\n\t\t1e+06 2e+06\n"},
		{"a column may have a point in its name", "name=a,value=p99.9,value=p50.9", "a,p99.9,p50.9\nx,1,2\n", "\nx\n\tp99.9: 1 units, unknown\n\tp50.9: 2 units, unknown\n"},
		{"in documents too", "name=r[].n,value=r[].t.p50:s,value=r[].t.p99:s", document, "\na\n\tp50: 1e+09 nanoseconds (ns), lower\n\tp99: 9e+09 nanoseconds (ns), lower\n"},
		{"as their paths if need be", "name=r[].n,value=r[].t.p50:s,value=r[].u.p50:s", document, "\na\n\tr[].t.p50: 1e+09 nanoseconds (ns), lower\n\tr[].u.p50: 2e+09 nanoseconds (ns), lower\n"},
	} {
		t.Run(row.claim, func(t *testing.T) {
			t.Parallel()
			got, err := Parse(Magic, []byte(row.input), Options{Mapping: row.mapping})
			if err != nil {
				t.Fatal(err)
			}
			_, text, _ := strings.Cut(written(got), "\n")
			if diff := cmp.Diff(row.want, text); diff != "" {
				t.Error(diff)
			}
		})
	}
	const same = "name=endpoint,value=p50:ms:lower:T,value=p99:ms:lower:T"
	if _, err := Parse("csv", []byte(table), Options{Mapping: same}); err == nil || !strings.Contains(err.Error(), "two values are called T") {
		t.Errorf("%s: %v, want an error that names both", same, err)
	}
}

func TestTables(t *testing.T) {
	t.Parallel()
	eachOutput(t, "csv", []output{
		{"a comma behind a single 0 parts digits, and others group them", "name,value,unit\na,\"0,123\",s\nb, 1 ,s\nc,\"1,234.5\",ms\nd,\"1,5\",s\n",
			"\na\n\tLatency: 1.23e+08 nanoseconds (ns), lower\n\nb\n\tLatency: 1e+09 nanoseconds (ns), lower\n\nc\n\tLatency: 1.2345e+09 nanoseconds (ns), lower\n\nproblem: line 5: d: the value \"1,5\" is no number\n"},
		{"units are not what they look like", "name,value,unit\na,1,M\nb,8,b/s\nc,8,MB/sec\nd,3,ns/iter\ne,4,iter/sec\n",
			"\na\n\tSize: 1e+06 bytes (B), lower\n\nb\n\tb/s: 8 b/s, higher\n\nc\n\tBandwidth: 8 megabytes / second (MB/s), higher\n\nd\n\tLatency: 3 nanoseconds (ns), lower\n\ne\n\tThroughput: 4 operations / second (ops/s), higher\n"},
	})
}

package adapter

import (
	"testing"
)

func TestCSharpDotNet(t *testing.T) {
	t.Parallel()
	doc := func(benchmarks string) string { return `{"HostEnvironmentInfo":{},"Benchmarks":[` + benchmarks + `]}` }
	eachOutput(t, "c_sharp_dot_net", []output{
		{"a benchmark in two jobs is two", doc(`{"DisplayInfo":"T.M: .NET 6.0(Runtime=.NET 6.0) [n=1]","Type":"T","Method":"M","Parameters":"n=1","FullName":"T.M(n: 1)","Statistics":{"Mean":1}},{"DisplayInfo":"T.M: Job-ABCDEF(Runtime=.NET 8.0, Server=True) [n=1]","Type":"T","Method":"M","Parameters":"n=1","FullName":"T.M(n: 1)","Statistics":{"Mean":2}},` +
			`{"DisplayInfo":"T.M: DefaultJob [n=1]","Type":"T","Method":"M","Parameters":"n=1","FullName":"T.M(n: 1)","Statistics":null},{"DisplayInfo":"T.O: DefaultJob","Type":"T","Method":"O","Parameters":"","FullName":"T.O","Statistics":{"Mean":3}}`),
			"\nT.M {job=.NET 6.0(Runtime=.NET 6.0),n=1}\n\tLatency: 1 nanoseconds (ns), lower\n\nT.M {job=\"Runtime=.NET 8.0, Server=True\",n=1}\n\tLatency: 2 nanoseconds (ns), lower\n\nT.O\n\tLatency: 3 nanoseconds (ns), lower\n\nproblem: line 1: T.M {job=DefaultJob,n=1}: it has no statistics: it failed, or none of its iterations counted\n"},
		{"a value may hold the marks, or be shortened", doc(`{"Type":"T","Method":"M","Parameters":"a=x&y&b=[1, 2]","FullName":"1","Statistics":{"Mean":1}},{"Type":"T","Method":"L","Parameters":"s=aaa(...)zzz [60]","FullName":"N.T.L(s: \"aaabzzz\")","Statistics":{"Mean":2}},{"Type":"T","Method":"L","Parameters":"s=aaa(...)zzz [60]","FullName":"N.T.L(s: \"aaaczzz\")","Statistics":{"Mean":3}}`),
			"\nT.M {a=x&y,b=[1, 2]}\n\tLatency: 1 nanoseconds (ns), lower\n\nN.T.L(s: \"aaabzzz\")\n\tLatency: 2 nanoseconds (ns), lower\n\nN.T.L(s: \"aaaczzz\")\n\tLatency: 3 nanoseconds (ns), lower\n"},
		{"collections of all operations are not those of a thousand", doc(`{"Type":"T","Method":"M","Statistics":{"Mean":1},"Memory":{"Gen0Collections":4,"Gen1Collections":0,"Gen2Collections":0,"TotalOperations":2000,"BytesAllocatedPerOperation":null},` +
			`"Metrics":[{"Value":2,"Descriptor":{"Id":"Gen0Collects","Unit":"Count","TheGreaterTheBetter":false}},{"Value":24,"Descriptor":{"Id":"Allocated Memory","Unit":"B","TheGreaterTheBetter":false}},{"Value":"NaN","Descriptor":{"Id":"Exceptions"}},{"Value":7,"Descriptor":{"Id":"Hits","Unit":"","TheGreaterTheBetter":true}}]}`),
			"\nT.M\n\tLatency: 1 nanoseconds (ns), lower\n\tGen0 Collects: 4 collects, lower\n\tGen1 Collects: 0 collects, lower\n\tGen2 Collects: 0 collects, lower\n\tTotal Operations: 2000 operations, unknown\n" +
				"\tGen0 Collects per 1k Operations: 2 Count, lower\n\tAllocated: 24 bytes / operation (B/op), lower\n\tHits: 7 units, higher\n"},
	})
}

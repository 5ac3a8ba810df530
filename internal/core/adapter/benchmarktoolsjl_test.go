package adapter

import (
	"testing"
)

func TestBenchmarkToolsJL(t *testing.T) {
	t.Parallel()
	const versions = `[{"Julia":"1.10.0","BenchmarkTools":"1.5.0"},`
	eachOutput(t, "benchmarktools_jl", []output{
		{"old versions write where a type is from", versions + `[["BenchmarkTools.BenchmarkGroup",{"data":{"a":["BenchmarkTools.Trial",{"allocs":2,"times":[3.0,1.0,2.0],"memory":16}]},"tags":[]}]]]`,
			"\na\n\tLatency: 2 from 1 to 3 nanoseconds (ns), lower\n\t\t3 1 2\n\tAllocated: 16 bytes / operation (B/op), lower\n\tAllocations: 2 allocations / operation (allocs/op), lower\n"},
		{"trials without a name are not one", versions + `[["Trial",{"times":[1.0]}],["Trial",{"times":[2.0]}]]]`, "\ntrial\n\tLatency: 1 nanoseconds (ns), lower\n\ntrial 2\n\tLatency: 2 nanoseconds (ns), lower\n"},
		{"a comparison is no measurement, and a trial may have failed", versions + `[["BenchmarkGroup",{"data":{"a":["TrialJudgement",{"ratio":["TrialRatio",{"time":0.9}]}],"b":["Trial",{"times":[],"memory":9223372036854775807}],"c":["TrialEstimate",{"time":5}]}}]]]`,
			"\nc\n\tLatency: 5 nanoseconds (ns), lower\n\nproblem: line 1: a: a TrialJudgement is no measurement: save the trials\n\nproblem: line 1: b: it has no times\n"},
	})
}

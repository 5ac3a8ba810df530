package adapter

import (
	"testing"
)

func TestCargoCriterion(t *testing.T) {
	t.Parallel()
	const typical = `"typical":{"estimate":2,"lower_bound":1,"upper_bound":4,"unit":"ns"}`
	message := func(rest string) string { return `{"reason":"benchmark-complete","id":"a",` + rest + "}\n" }
	const two = "\na\n\tLatency: 2 from 1 to 4 nanoseconds (ns), lower\n"
	eachOutput(t, "cargo_criterion", []output{
		{"a throughput has the bounds of the time", message(`"iteration_count":[10,20],"measured_values":[30,20],"unit":"ns","throughput":[{"per_iteration":8,"unit":"bytes"}],` + typical),
			two + "\t\t3 1\n\tBandwidth: 4000 from 2000 to 8000 megabytes / second (MB/s), higher\n"},
		{"a custom measurement is a cost in its unit", message(`"iteration_count":[10],"measured_values":[30],"unit":"cycles","throughput":[{"per_iteration":8,"unit":"bytes"}],` + typical), "\na\n\tcycles: 2 from 1 to 4 cycles, lower\n\t\t3\n"},
		{"a value that is none shifts no other", message(`"iteration_count":[10,20,30],"measured_values":[30,null,30],"unit":"ns","throughput":[],` + typical),
			two + "\nproblem: line 1: a: 2 measured values and 3 counts of iterations: its samples are left out\n"},
		{"text of cargo and of groups is passed over", "    Finished bench\n" + message(`"iteration_count":[],"measured_values":[],"unit":"ns",`+typical) + `{"reason":"group-complete","group_name":"a","benchmarks":["a"]}` + "\n", two},
	})
}

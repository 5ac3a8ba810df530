package unit

// The built-in measures. Names, slugs and units are Bencher's wherever it has the measure, so that projects, thresholds and clients fit
// both. Direction and exactness are ours: a measure of Bencher has neither.
var (
	Latency     = &Measure{Name: "Latency", Slug: "latency", Units: Nanoseconds, Direction: Lower}
	Throughput  = &Measure{Name: "Throughput", Slug: "throughput", Units: OpsPerSecond, Direction: Higher}
	BuildTime   = &Measure{Name: "Build Time", Slug: "build-time", Units: Seconds, Direction: Lower}
	FileSize    = &Measure{Name: "File Size", Slug: "file-size", Units: Bytes, Direction: Lower, Exact: true}
	Allocated   = &Measure{Name: "Allocated", Slug: "allocated", Units: BytesPerOp, Direction: Lower}
	Allocations = &Measure{Name: "Allocations", Slug: "allocations", Units: AllocsPerOp, Direction: Lower}
	Bandwidth   = &Measure{Name: "Bandwidth", Slug: "bandwidth", Units: MegabytesPerSec, Direction: Higher}
	UserTime    = &Measure{Name: "User Time", Slug: "user-time", Units: Nanoseconds, Direction: Lower}
	SystemTime  = &Measure{Name: "System Time", Slug: "system-time", Units: Nanoseconds, Direction: Lower}
	PeakMemory  = &Measure{Name: "Peak Memory", Slug: "peak-memory", Units: Bytes, Direction: Lower}

	Instructions    = &Measure{Name: "Instructions", Slug: "instructions", Units: "instructions", Direction: Lower, Exact: true}
	EstimatedCycles = &Measure{Name: "Estimated Cycles", Slug: "estimated-cycles", Units: "cycles", Direction: Lower, Exact: true}
)

var known = append([]*Measure{
	Latency, Throughput, BuildTime, FileSize, Allocated, Allocations, Bandwidth, UserTime, SystemTime, PeakMemory, Instructions,
	EstimatedCycles,
}, others()...)

// others are the measures that no code names: of iai and gungraun, of a quiet machine's noise, and of .NET's memory diagnoser.
func others() []*Measure {
	var out []*Measure
	add := func(direction Direction, exact bool, rows ...[3]string) {
		for _, r := range rows {
			out = append(out, &Measure{Name: r[0], Slug: r[1], Units: r[2], Direction: direction, Exact: exact})
		}
	}
	add(Lower, true,
		[3]string{"L1 Accesses", "l1-accesses", "accesses"}, [3]string{"L2 Accesses", "l2-accesses", "accesses"},
		[3]string{"RAM Accesses", "ram-accesses", "accesses"},
		[3]string{"L2 Hits", "l2-hits", "hits"}, [3]string{"LL Hits", "ll-hits", "hits"}, [3]string{"RAM Hits", "ram-hits", "hits"},
		[3]string{"Total read+write", "total-read-write", "reads/writes"}, [3]string{"Ge", "global-bus-events", "events"},
	)
	for _, event := range []string{
		"Dr", "Dw", "I1mr", "D1mr", "D1mw", "ILmr", "DLmr", "DLmw", "Bc", "Bcm", "Bi", "Bim", "ILdmr", "DLdmr", "DLdmw", "AcCost1", "AcCost2",
		"SpLoss1", "SpLoss2",
	} {
		add(Lower, true, [3]string{event, lower(event), lower(event)})
	}
	add(Lower, true,
		[3]string{"I1 Miss Rate", "i1-miss-rate", "missrate"}, [3]string{"LLi Miss Rate", "lli-miss-rate", "missrate"},
		[3]string{"D1 Miss Rate", "d1-miss-rate", "missrate"},
		[3]string{"LLd Miss Rate", "lld-miss-rate", "missrate"}, [3]string{"LL Miss Rate", "ll-miss-rate", "missrate"},
	)
	// More of them is no gain by itself: they rise with the work that is done.
	add(Lower, true, [3]string{"L1 Hits", "l1-hits", "hits"})
	add(Higher, true, [3]string{"L1 Hit Rate", "l1-hit-rate", "hitrate"})
	// hits of the slower memories
	add(Lower, true, [3]string{"LL Hit Rate", "ll-hit-rate", "hitrate"}, [3]string{"RAM Hit Rate", "ram-hit-rate", "hitrate"})
	add(Lower, false, [3]string{"SysCount", "sys-count", "sys"}, [3]string{"SysTime", "sys-time", "sys"},
		[3]string{"SysCpuTime", "sys-cpu-time", "sys"})
	add(Lower, true,
		[3]string{"Total bytes", "total-bytes", Bytes}, [3]string{"Total blocks", "total-blocks", "blocks"},
		[3]string{"At t-gmax bytes", "at-t-gmax-bytes", Bytes}, [3]string{"At t-gmax blocks", "at-t-gmax-blocks", "blocks"},
		[3]string{"At t-end bytes", "at-t-end-bytes", Bytes}, [3]string{"At t-end blocks", "at-t-end-blocks", "blocks"},
		[3]string{"Reads bytes", "reads-bytes", Bytes}, [3]string{"Writes bytes", "writes-bytes", Bytes},
	)
	for _, tool := range [][2]string{{"Memcheck", "memcheck"}, {"Helgrind", "helgrind"}, {"DRD", "drd"}} {
		for _, kind := range [][2]string{{"Errors", "errors"}, {"Contexts", "contexts"}, {"Suppressed Errors", "suppressed-errors"},
			{"Suppressed Contexts", "suppressed-contexts"}} {
			// Bencher calls all three alike; two measures of one project cannot have one name.
			add(Lower, true, [3]string{tool[0] + " " + kind[0], tool[1] + "-" + kind[1], lower(kind[0])})
		}
	}
	add(Lower, false,
		[3]string{"Compute Jitter", "compute-jitter", Percentage}, [3]string{"Cache Jitter", "cache-jitter", Percentage},
		[3]string{"IO Jitter", "io-jitter", Percentage},
		[3]string{"CPU Steal", "cpu-steal", Percentage}, [3]string{"Noise Score", "noise-score", "decibels (dB)"},
		[3]string{"Gen0 Collects", "gen0-collects", "collects"}, [3]string{"Gen1 Collects", "gen1-collects", "collects"},
		[3]string{"Gen2 Collects", "gen2-collects", "collects"},
	)
	add(Unknown, false, [3]string{"Total Operations", "total-operations", "operations"})
	return out
}

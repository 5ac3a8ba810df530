package event_test

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/stats"
)

// BenchmarkLook takes reports of 1,000 series with 200 earlier values each, and looks at them: without a threshold, and judged by one as in
// package report's BenchmarkIngest; and reports of 10 series, where a look costs what it does whatever it sees. It reports what a look
// costs as a share of what the same report's submission costs, in CPU time of this process: medians of each.
func BenchmarkLook(b *testing.B) {
	most, upper := 64, 0.999
	judged := &api.ReportThresholds{Models: map[string]api.Model{
		"latency": {Test: "t_test", UpperBoundary: &upper, MaxSampleSize: &most}}}
	b.Run("plain", func(b *testing.B) { benchmarkLook(b, 1_000, nil) })
	b.Run("judged", func(b *testing.B) { benchmarkLook(b, 1_000, judged) })
	b.Run("small", func(b *testing.B) { benchmarkLook(b, 10, nil) })
}

func benchmarkLook(b *testing.B, lines int, models *api.ReportThresholds) {
	const before = 200
	w := newWorld(b)
	w.noise, w.models = rand.New(rand.NewPCG(3, 4)), models
	results := func() map[string]float64 {
		out := make(map[string]float64, lines)
		for i := range lines {
			out[fmt.Sprintf("bench-%d", i)] = w.near(float64(100 + i))
		}
		return out
	}
	for n := range before {
		w.run("lab", "", results())
		if n >= before-40 { // so that each line has its turn
			w.look()
		}
	}
	var ingest, look []float64 // ms
	for b.Loop() {
		in := results()
		begun := cpuTime(b)
		w.run("lab", "", in)
		between := cpuTime(b)
		w.look()
		ingest, look = append(ingest, milliseconds(between-begun)), append(look, milliseconds(cpuTime(b)-between))
	}
	ofIngest, ofLook := stats.Median(ingest), stats.Median(look)
	b.ReportMetric(ofLook/ofIngest*100, "%of-ingest")
	b.ReportMetric(ofIngest, "CPU-ms-ingest")
	b.ReportMetric(ofLook, "CPU-ms-look")
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// cpuTime is what this process has used so far.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

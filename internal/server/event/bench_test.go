package event_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
)

// BenchmarkLook takes reports of 1,000 series with 200 earlier values each, and looks at them: without a threshold, and judged by one as in
// package report's BenchmarkIngest. It reports what a look costs as a share of what the same report's submission costs.
func BenchmarkLook(b *testing.B) {
	most, upper := 64, 0.999
	for name, models := range map[string]*api.ReportThresholds{"plain": nil, "judged": {Models: map[string]api.Model{
		"latency": {Test: "t_test", UpperBoundary: &upper, MaxSampleSize: &most}}}} {
		b.Run(name, func(b *testing.B) { benchmarkLook(b, models) })
	}
}

func benchmarkLook(b *testing.B, models *api.ReportThresholds) {
	const lines, before = 1_000, 200
	w := newWorld(b)
	w.noise, w.models = rand.New(rand.NewPCG(3, 4)), models
	results := func() map[string]float64 {
		out := make(map[string]float64, lines)
		for i := range lines {
			out[fmt.Sprintf("bench-%d", i)] = w.near(float64(100 + i))
		}
		return out
	}
	for range before {
		w.run("lab", "", results())
		w.look()
	}
	var ingest, look, slowest time.Duration
	for b.Loop() {
		begun := time.Now()
		w.run("lab", "", results())
		between := time.Now()
		w.look()
		ingest, look = ingest+between.Sub(begun), look+time.Since(between)
		slowest = max(slowest, time.Since(between))
	}
	b.ReportMetric(look.Seconds()/ingest.Seconds()*100, "%of-ingest")
	b.ReportMetric(float64(ingest.Milliseconds())/float64(b.N), "ms-ingest/op")
	b.ReportMetric(float64(look.Milliseconds())/float64(b.N), "ms-look/op")
	b.ReportMetric(float64(slowest.Milliseconds()), "ms-slowest")
}

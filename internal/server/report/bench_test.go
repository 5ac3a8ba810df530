package report_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
)

// BenchmarkIngest takes a report of so many metrics, each judged by t_test against 64 earlier values: request to answer.
func BenchmarkIngest(b *testing.B) {
	for _, metrics := range []int{10, 1_000, 10_000} {
		b.Run(fmt.Sprintf("metrics=%d", metrics), func(b *testing.B) {
			h := newFixture(b)
			n := 0
			next := func() api.NewRun {
				n++
				var text strings.Builder
				for i := range metrics {
					fmt.Fprintf(&text, `,"bench/%d":{"latency":{"value":%d,"lower_value":90,"upper_value":120}}`, i, 100+(n*31+i*7)%11)
				}
				r := withModel(run("main", 0), "t_test", 0.999)
				r.Thresholds.Models["latency"] = api.Model{Test: "t_test", UpperBoundary: ptr(0.999), MaxSampleSize: ptr(64)}
				r.Results = []string{"{" + text.String()[1:] + "}"}
				return r
			}
			for range 64 {
				h.must(next())
			}
			var took []time.Duration
			for b.Loop() {
				h.advance(time.Minute)
				in, begun := next(), time.Now()
				report, _, err := h.submit(in)
				if err != nil || report.Results[0][0].Measures[0].Boundary.UpperLimit == nil {
					b.Fatal("not judged", err)
				}
				took = append(took, time.Since(begun))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[(len(took)*99-1)/100].Microseconds())/1000, "p99-ms")
		})
	}
}

// BenchmarkIngestOfALongHistory takes a report of ten metrics whose threshold says no sample size, after many reports.
func BenchmarkIngestOfALongHistory(b *testing.B) {
	for _, reports := range []int{256, 5_000} {
		b.Run(fmt.Sprintf("reports=%d", reports), func(b *testing.B) {
			h := newFixture(b)
			n := 0
			next := func() api.NewRun {
				n++
				var text strings.Builder
				for i := range 10 {
					fmt.Fprintf(&text, `,"bench/%d":{"latency":{"value":%d}}`, i, 100+(n*31+i*7)%11)
				}
				r := withModel(run("main", 0), "t_test", 0.999)
				r.Thresholds.Models["latency"] = api.Model{Test: "t_test", UpperBoundary: ptr(0.999)}
				r.Results = []string{"{" + text.String()[1:] + "}"}
				return r
			}
			for range reports {
				h.advance(time.Minute)
				h.must(next())
			}
			for b.Loop() {
				h.advance(time.Minute)
				if _, _, err := h.submit(next()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

package explore_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/admit"
	"github.com/tachograph/tacho/internal/server/explore"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/store"
)

// manyResults are results of n benchmarks with two measures each.
func manyResults(n int, value float64) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"b/%d <&>":{"latency":{"value":%g},"size":{"value":%d}}`, i, value, i)
	}
	return "{" + b.String()[1:] + "}"
}

// asJSON is v as the edges encode it.
func asJSON(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func TestWhatIsWrittenInPiecesIsTheJSONOfTheWhole(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	benchmarks := limits.ReadChunk*2/3 + 1 // so that chunks end inside of a benchmark, and iterations inside of a chunk
	g.run(nil, manyResults(benchmarks, 10))
	for name, report := range map[string]api.Report{
		"without models": g.run(nil, manyResults(benchmarks, 11), manyResults(3, 12)),
		"all outside":    g.run(guarded, manyResults(benchmarks, 99), manyResults(benchmarks, 98)),
		"one metric":     g.run(nil, bmf(7)),
	} {
		report, err := g.explore.Report(t.Context(), local, g.project().ID, report.UUID) // branches have gone on
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := g.explore.WriteReport(t.Context(), &out, local, g.project().ID, report.UUID, explore.Showing{}); err != nil {
			t.Fatal(err)
		}
		if want := asJSON(t, report); out.String() != want {
			t.Errorf("%s: %d bytes are not the %d of the whole", name, out.Len(), len(want))
		}
		if name == "all outside" && (len(report.Results) != 2 || len(report.Results[1]) != benchmarks || len(report.Alerts) != 2*benchmarks) {
			t.Errorf("%d iterations, %d alerts", len(report.Results), len(report.Alerts))
		}
	}
	q := query(func(q *explore.PerfQuery) {
		q.Benchmarks, q.Measures = []string{"b/0 <&>", "b/1 <&>", "b"}, []string{"latency", "size"}
	})
	perf, err := g.explore.Perf(t.Context(), local, g.project().ID, q)
	if err != nil || len(perf.Results) != 5 {
		t.Fatalf("%d lines, %v", len(perf.Results), err)
	}
	var out bytes.Buffer
	if err := g.explore.WritePerf(t.Context(), &out, local, g.project().ID, q); err != nil {
		t.Fatal(err)
	}
	if want := asJSON(t, perf); out.String() != want {
		t.Errorf("perf: (-want +got)\n-%.2000s\n+%.2000s", want, out.String())
	}
}

func TestAReportIsShownUpToAsManyResultsAsAreAskedFor(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	g.run(nil, manyResults(30, 10))
	whole := g.run(guarded, manyResults(30, 99), manyResults(30, 98))
	for n, want := range map[int][]int{1: {1}, 30: {30}, 31: {30, 1}, 60: {30, 30}, 100: {30, 30}, 0: {30, 30}} {
		var out bytes.Buffer
		if err := g.explore.WriteReport(t.Context(), &out, local, g.project().ID, whole.UUID, explore.Showing{Results: n}); err != nil {
			t.Fatal(err)
		}
		var got api.Report
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		var sizes []int
		for _, iteration := range got.Results {
			sizes = append(sizes, len(iteration))
		}
		alerts := min(n, len(whole.Alerts))
		if n == 0 {
			alerts = len(whole.Alerts)
		}
		if !slices.Equal(sizes, want) || len(got.Alerts) != alerts || got.Counts.Alerts != whole.Counts.Alerts {
			t.Errorf("%d: %v results, %d alerts, %+v", n, sizes, len(got.Alerts), got.Counts.Alerts)
		}
	}
}

// A line that is drawn on few pixels keeps what can be seen of it.
func TestAThinnedLineKeepsItsExtremesAndWhatIsOutside(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	for i := range 60 {
		value := 10 + float64(i%3)
		if i == 31 {
			value = 500
		}
		g.run(guarded, bmf(value))
	}
	perf, err := g.explore.Perf(t.Context(), local, g.project().ID, query(func(q *explore.PerfQuery) { q.Columns = 4 }))
	if err != nil {
		t.Fatal(err)
	}
	points := perf.Results[0].Metrics
	if n := len(points); n > 4*4+4*4 || n < 8 {
		t.Errorf("%d points", n)
	}
	var numbers []int64
	alert := false
	for _, p := range points {
		numbers = append(numbers, p.Version.Number)
		alert = alert || p.Alert != nil && p.Metric.Value == 500
	}
	if numbers[0] != 0 || numbers[len(numbers)-1] != 59 || !slices.IsSorted(numbers) || !alert {
		t.Errorf("versions %v, the alert is there: %v", numbers, alert)
	}
	all, err := g.explore.Perf(t.Context(), local, g.project().ID, query(func(q *explore.PerfQuery) { q.Columns = 60 }))
	if err != nil || len(all.Results[0].Metrics) != 60 {
		t.Errorf("few points on many columns: %d, %v", len(all.Results[0].Metrics), err)
	}
}

func TestLargeAnswersPassTheGateAndSmallOnesDoNot(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	small := g.run(nil, manyResults(5, 10))
	large := g.run(nil, manyResults(limits.CheapReadMetrics, 10))
	owner := g.project()
	gate := admit.New(admit.Config{Subject: "large queries", Capacity: 10, Patience: time.Minute, Retry: 3 * time.Second})
	bounded := explore.New(project.NewDoor(g.store, nil), gate)
	full, err := gate.Enter(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	write := func(id string, show explore.Showing) error {
		return bounded.WriteReport(t.Context(), new(bytes.Buffer), local, owner.ID, id, show)
	}
	if err := write(small.UUID, explore.Showing{}); err != nil {
		t.Errorf("a small report: %v", err)
	}
	if err := write(large.UUID, explore.Showing{Results: 3}); err != nil {
		t.Errorf("a little of a large report: %v", err)
	}
	if err := write(large.UUID, explore.Showing{}); !fault.Is(err, fault.Unavailable) || fault.RetryAfter(err) != 3*time.Second {
		t.Errorf("a large report: %v", err)
	}
	page := explore.ReportFilter{}
	if _, err := bounded.WriteReports(t.Context(), new(bytes.Buffer), local, owner.ID, page, store.Page{Limit: 10}); !fault.Is(err,
		fault.Unavailable) {
		t.Errorf("a list with results: %v", err)
	}
	full.Leave()
	if err := write(large.UUID, explore.Showing{}); err != nil || gate.Used() != 0 {
		t.Errorf("alone: %v, %d bytes are held after it", err, gate.Used())
	}
}

// TestSamplesComeOnRequest: a report has them in full up to what a verdict can use, and thinned evenly beyond.
func TestSamplesComeOnRequest(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	var lines strings.Builder
	for i := range 1_000 {
		if i < 3 {
			fmt.Fprintf(&lines, "BenchmarkFew 1 %d ns/op\n", 10+i)
		}
		fmt.Fprintf(&lines, "BenchmarkMany 1 %d ns/op\n", i+1)
	}
	row := g.run(func(in *api.NewRun) { in.Settings = &api.ReportSettings{Adapter: "go_bench"} }, lines.String())
	for _, asked := range []bool{true, false} {
		var out bytes.Buffer
		if err := g.explore.WriteReport(t.Context(), &out, local, g.project().ID, row.UUID, explore.Showing{Samples: asked}); err != nil {
			t.Fatal(err)
		}
		var got api.Report
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		few, many := got.Results[0][0].Measures[0].Metric.Samples, got.Results[0][1].Measures[0].Metric.Samples
		if !asked {
			if few != nil || many != nil {
				t.Errorf("nobody asked for %v and %d others", few, len(many))
			}
			continue
		}
		if !slices.Equal(few, []float64{10, 11, 12}) || len(many) != 250 || many[0] != 1 || many[249] != 997 {
			t.Errorf("samples %v, and %d from %v on", few, len(many), many[:min(2, len(many))])
		}
	}
}

package explore_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/explore"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/threshold"
)

// Both shapes say the same, point for point, whatever is absent of a point.
func TestColumnsAndPointsAreTheSameLines(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		random := rand.New(rand.NewPCG(seed, 2))
		g := newGallery(t)
		g.run(guarded, manyResults(3, 10), manyResults(3, 12))
		bounded := func(r *api.NewRun) {
			r.Thresholds = &api.ReportThresholds{Models: map[string]api.Model{"latency": {Test: "percentage", UpperBoundary: ptr(0.5),
				LowerBoundary: ptr(0.5)}}}
		}
		g.run(bounded, manyResults(3, 1))
		g.run(onBranch("other", nil), manyResults(3, 12345))
		first := g.run(bounded, manyResults(3, 99), manyResults(3, 10))
		g.scatter(first.UUID, random)
		branches := 1
		if seed == 1 {
			g.forgetThresholds()
		}
		q := query(func(q *explore.PerfQuery) {
			q.Benchmarks, q.Measures = []string{"b/0 <&>", "b/1 <&>", "b/2 <&>"}, []string{"latency", "size"}
		})
		if seed == 0 {
			q.Branches, branches = append(q.Branches, "other"), 2
		}
		if seed == 2 {
			from := first.StartTime.Add(time.Hour)
			q.From = &from
		}
		if seed == 3 {
			q.Columns = 20
		}
		var points, columns bytes.Buffer
		if err := g.explore.WritePerf(t.Context(), &points, local, g.project().ID, q); err != nil {
			t.Fatal(err)
		}
		if err := g.explore.WritePerfColumns(t.Context(), &columns, local, g.project().ID, q); err != nil {
			t.Fatal(err)
		}
		var want api.Perf
		if err := json.Unmarshal(points.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		if text := asJSON(t, want); text != points.String() {
			t.Errorf("seed %d: points are not what encoding/json writes", seed)
		}
		var sent api.PerfColumns
		if err := json.Unmarshal(columns.Bytes(), &sent); err != nil {
			t.Fatal(err)
		}
		if text := asJSON(t, sent); text != columns.String() {
			t.Errorf("seed %d: columns are not what encoding/json writes:\n%s\n%s", seed, cut(text, columns.String()), columns.String()[:200])
		}
		got, err := sent.Perf()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("seed %d (-points +columns):\n%.3000s", seed, diff)
		}
		for _, l := range got.Results[:2] { // as each is read alone
			for _, m := range l.Metrics {
				one, err := g.explore.Metric(t.Context(), local, g.project().ID, m.Metric.UUID)
				if err != nil {
					t.Fatal(err)
				}
				alone := api.PerfMetric{Report: one.Report, Iteration: one.Iteration, StartTime: one.StartTime, EndTime: one.EndTime,
					Version: m.Version, Metric: one.Metric, Threshold: one.Threshold, Boundary: one.Boundary, Alert: one.Alert}
				alone.Metric.Samples = nil
				if diff := cmp.Diff(alone, m); diff != "" || one.Benchmark.UUID != l.Benchmark.UUID || one.Measure.UUID != l.Measure.UUID {
					t.Fatalf("seed %d: %s of %s (-alone +line):\n%s", seed, l.Measure.Name, l.Benchmark.Name, diff)
				}
			}
		}
		if len(sent.Results) != branches {
			t.Errorf("seed %d: %d groups of branches", seed, len(sent.Results))
		}
		alerts, absent, judged := map[string]int{}, 0, 0
		for _, l := range got.Results {
			for _, m := range l.Metrics {
				if m.Alert != nil {
					alerts[m.Alert.Limit]++
				}
				if m.Metric.Value == 12345 && l.Branch.Name == "main" {
					t.Errorf("seed %d: a point of another branch", seed)
				}
				if m.Metric.LowerValue == nil {
					absent++
				}
				if m.Boundary != nil && m.Threshold == nil {
					judged++
				}
			}
		}
		if len(got.Results) != 6*branches || len(got.Results[0].Metrics) < 20 || absent == 0 ||
			(seed == 0 || seed == 3) && len(alerts) != 2 || seed == 1 && judged == 0 {
			t.Errorf("seed %d: %d lines, alerts %v, %d points without a lower value, %d of a threshold that is gone", seed, len(got.Results), alerts,
				absent, judged)
		}
	}
}

// What no point has is not sent.
func TestColumnsOfPlainPointsAreFew(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	g.run(nil, bmf(1))
	g.run(nil, bmf(2.5))
	var sent bytes.Buffer
	if err := g.explore.WritePerfColumns(t.Context(), &sent, local, g.project().ID, query(nil)); err != nil {
		t.Fatal(err)
	}
	_, points, _ := strings.Cut(sent.String(), `"points":`)
	var members map[string]json.RawMessage
	if err := json.NewDecoder(strings.NewReader(points)).Decode(&members); err != nil {
		t.Fatal(err)
	}
	names := slices.Sorted(maps.Keys(members))
	if !slices.Equal(names, []string{"report", "uuid", "value"}) || string(members["value"]) != "[1,2.5]" ||
		string(members["report"]) != "[0,1]" {
		t.Errorf("%s", points)
	}
}

// cut is where two texts begin to differ.
func cut(a, b string) string {
	i := 0
	for i < min(len(a), len(b)) && a[i] == b[i] {
		i++
	}
	return a[max(0, i-60):min(len(a), i+60)] + "\n" + b[max(0, i-60):min(len(b), i+60)]
}

// scatter writes reports like the given one with numbers, boundaries and hashes that are there or not.
func (g *gallery) scatter(id string, random *rand.Rand) {
	g.t.Helper()
	maybe := func() *float64 {
		if random.IntN(3) == 0 {
			return nil
		}
		return ptr(random.NormFloat64() * 100)
	}
	ctx := g.t.Context()
	if err := g.store.Tx(ctx, func(tx *store.Tx) error {
		row, err := report.ByID(ctx, tx, id)
		if err != nil {
			return err
		}
		metrics, err := report.Metrics(ctx, tx, row.Seq, 0, limits.MetricsPerReport)
		if err != nil {
			return err
		}
		model := metrics[0].ModelSeq
		for n := range 40 {
			hash := ""
			if random.IntN(2) == 0 {
				hash = strings.Repeat(string(rune('a'+n%26)), 39) + "\u2028"
			}
			v, err := series.EnsureVersion(ctx, tx, row.ProjectID, row.HeadID, hash)
			if err != nil {
				return err
			}
			next := row
			next.ID, next.VersionID, next.Status = ident.NewUUID(), v.ID, api.ReportProcessed
			next.StartTime = row.StartTime.Add(time.Duration(random.IntN(300)-100) * time.Minute)
			next.EndTime = next.StartTime.Add(1500 * time.Millisecond)
			if next, err = report.Insert(ctx, tx, next); err != nil {
				return err
			}
			var batch []report.Metric
			for _, m := range metrics {
				if random.IntN(5) == 0 {
					continue
				}
				m.ReportSeq, m.Value, m.Lower, m.Upper = next.Seq, random.NormFloat64()*1e3, maybe(), maybe()
				m.ModelSeq, m.Baseline, m.LowerLimit, m.UpperLimit = nil, nil, nil, nil
				if random.IntN(2) == 0 {
					m.ModelSeq, m.Baseline, m.LowerLimit, m.UpperLimit = model, maybe(), maybe(), maybe()
				}
				batch = append(batch, m)
			}
			if err := report.InsertMetrics(ctx, tx, batch); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		g.t.Fatal(err)
	}
}

// forgetThresholds deletes all thresholds: points that they judged stay judged.
func (g *gallery) forgetThresholds() {
	g.t.Helper()
	rows, _, err := g.thresholds().List(g.t.Context(), local, g.project().ID, threshold.NamedFilter{}, store.Page{Limit: 10})
	if err != nil || len(rows) == 0 {
		g.t.Fatalf("%d thresholds, %v", len(rows), err)
	}
	for _, row := range rows {
		if err := g.thresholds().Delete(g.t.Context(), local, g.project().ID, row.UUID); err != nil {
			g.t.Fatal(err)
		}
	}
}

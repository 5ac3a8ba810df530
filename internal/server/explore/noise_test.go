package explore_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/stats"
	"github.com/tachograph/tacho/internal/server/explore"
	"github.com/tachograph/tacho/internal/server/policy"
	"github.com/tachograph/tacho/internal/server/store"
)

// identical says that all iterations of a run are of the same code, as 'tacho calibrate' does.
func identical(units string) func(*api.NewRun) {
	return func(r *api.NewRun) {
		r.Context = map[string]string{"tachograph.dev/v0/run/identical": "true", "tachograph.dev/v0/run/units": units}
	}
}

func runsOf(n int, level float64) (out []string) {
	for i := range n {
		out = append(out, bmf(noisy(level, i)))
	}
	return out
}

func (g *gallery) noise(testbed string) []api.SeriesNoise {
	g.t.Helper()
	out, total, err := g.explore.Noise(g.t.Context(), local, "shop", testbed, store.Page{Limit: 8})
	if err != nil || total != len(out) {
		g.t.Fatalf("%d of %d: %v", len(out), total, err)
	}
	return out
}

// TestWhatIdenticalCodeShowsIsKept: with its report it comes, is read again, is left out while that is marked as bad, and goes.
func TestWhatIdenticalCodeShowsIsKept(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	g.run(nil, runsOf(12, 100)...) // nobody says that these are of the same code
	if got := g.noise(""); len(got) != 0 {
		t.Fatalf("without a calibration: %+v", got)
	}
	first := g.run(identical("10"), runsOf(30, 100)...)
	one := g.noise("lab")[0]
	if one.N != 30 || one.Samples != 30 || one.Usual != 10 || one.Report != first.UUID || one.Benchmark.Name != "b" ||
		one.Testbed.Name != "lab" || one.SD == nil || *one.SD < .005 || *one.SD > .012 || math.Abs(*one.Typical-100) > 1 ||
		!one.Measured.Equal(first.StartTime) {
		t.Errorf("%+v", one)
	}
	if want := math.Expm1(stats.PlannedDetectable(*one.SD, 10)); math.Abs(*one.Detectable-want) > 1e-12 || one.Grade != "A" {
		t.Errorf("grade %s, detectable %v, want A and %v", one.Grade, *one.Detectable, want)
	}
	if err := g.reports.Reparse(t.Context(), local, "shop", first.UUID); err != nil {
		t.Fatal(err)
	}
	if again := g.noise(""); len(again) != 1 || *again[0].SD != *one.SD {
		t.Errorf("read again: %+v", again)
	}

	newer := g.run(identical("x"), runsOf(7, 200)...)
	if got := g.noise("")[0]; got.Report != newer.UUID || got.N != 7 || got.Usual != 5 || got.Grade != "learning" ||
		!slices.Contains(got.Remarks, "learning: 7 of 10 runs") {
		t.Errorf("the newest counts: %+v", got)
	}
	if err := g.store.Tx(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(t.Context(), `insert into report_mark (report_id, reason, created) values ($1, 'busy', 0)`, newer.UUID)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if got := g.noise("")[0]; got.Report != first.UUID {
		t.Errorf("a calibration that is marked as bad counts: %+v", got)
	}
	if err := g.reports.Delete(t.Context(), local, "shop", first.UUID); err != nil {
		t.Fatal(err)
	}
	if got := g.noise(""); len(got) != 0 {
		t.Errorf("its report is deleted: %+v", got)
	}
}

// TestAComparisonKnowsWhatIdenticalCodeShowed: the grade stands beside each row, and few runs a side could see what the noise says. The
// verdict stays.
func TestAComparisonKnowsWhatIdenticalCodeShowed(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	a := g.run(nil, runsOf(2, 100)...)
	b := g.run(nil, bmf(100.1), bmf(101.3))
	q := explore.CompareQuery{Base: a.UUID, Head: b.UUID}
	before := one(t, g.compare(q))
	g.run(identical("5"), runsOf(30, 100)...)
	sd := *g.noise("")[0].SD
	after := one(t, g.compare(q))
	want := math.Expm1((stats.StudentQuantile(.975, 2) + stats.StudentQuantile(.8, 2)) * sd)
	if before.Identical != 0 || before.Detectable == nil || after.Identical != 30 || after.Grade != "B" ||
		math.Abs(*after.Detectable-want) > 1e-12 || *before.Detectable == *after.Detectable {
		t.Errorf("before %+v\nafter %+v, want detectable %v", before, after, want)
	}
	if before.Verdict != after.Verdict || *before.P != *after.P || !after.AtLeast {
		t.Errorf("the verdict was %s and is %s", before.Verdict, after.Verdict)
	}
	g.history("pr", 6, 100)
	if row := one(t, g.compare(explore.CompareQuery{Base: "pr", Head: b.UUID})); row.Grade != "B" || row.Identical != 30 {
		t.Errorf("against a history: %+v", row)
	}
}

// TestReportsAndPlotsHaveTheGradeOfEachSeries, with the runs that it is from; a series that nobody calibrated has none.
func TestReportsAndPlotsHaveTheGradeOfEachSeries(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	r := g.run(nil, `{"b":{"latency":{"value":100}},"c":{"latency":{"value":7}}}`)
	seen := func() (out []string) {
		now, err := g.explore.Report(t.Context(), local, "shop", r.UUID)
		if err != nil {
			t.Fatal(err)
		}
		for _, result := range now.Results[0] {
			for _, m := range result.Measures {
				out = append(out, fmt.Sprintf("%s %s %d", result.Benchmark.Name, m.Grade, m.Identical))
			}
		}
		q := explore.PictureQuery{PerfQuery: explore.PerfQuery{Columns: 10}}
		q.Branches, q.Testbeds = []string{r.Branch.UUID}, []string{r.Testbed.UUID}
		q.Measures = []string{now.Results[0][0].Measures[0].Measure.UUID}
		for _, result := range now.Results[0] {
			q.Benchmarks = append(q.Benchmarks, result.Benchmark.UUID)
		}
		picture, err := g.explore.Picture(t.Context(), local, "shop", q)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range picture.Lines {
			out = append(out, fmt.Sprintf("line %s %s %d", l.Benchmark.Name, l.Grade, l.Identical))
		}
		return out
	}
	for _, step := range []struct {
		calibrate int
		want      []string
	}{{0, []string{"b  0", "c  0", "line b  0", "line c  0"}}, {7, []string{"b  7", "c  0", "line b  7", "line c  0"}},
		{30, []string{"b B 30", "c  0", "line b B 30", "line c  0"}}} {
		if step.calibrate > 0 {
			g.run(identical("5"), runsOf(step.calibrate, 100)...)
		}
		if got := seen(); !slices.Equal(got, step.want) {
			t.Errorf("after %d runs of identical code: %q, want %q", step.calibrate, got, step.want)
		}
	}
}

// TestWhatThePolicyOnlyShowsCountsInNoComparison, and reports say how severe each line is.
func TestWhatThePolicyOnlyShowsCountsInNoComparison(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	two := func(b, c float64) string {
		return fmt.Sprintf(`{"b":{"instructions":{"value":%g}},"c":{"instructions":{"value":%g}}}`, b, c)
	}
	base, head := g.run(nil, two(100, 100)), g.run(nil, two(150, 50))
	set := func(text string, version int64) {
		t.Helper()
		if _, err := policy.NewService(g.door()).Set(t.Context(), local, "shop", api.SetPolicy{Text: text, Version: version}); err != nil {
			t.Fatal(err)
		}
	}
	q := explore.CompareQuery{Base: base.UUID, Head: head.UUID}
	if c := g.compare(q); c.Verdict != api.VerdictWorse || c.Rows[0].Severity != "warn" {
		t.Errorf("without a policy: %s, %+v", c.Verdict, c.Rows)
	}
	set("rules: [{benchmark: b, branch: main, testbed: lab, severity: info}, {benchmark: c, severity: fail}]", 0)
	c := g.compare(q)
	severities := map[string]string{}
	for _, row := range c.Rows {
		severities[row.Benchmark] = row.Severity + " " + string(row.Verdict)
	}
	if c.Verdict != api.VerdictBetter || severities["b"] != "info worse" || severities["c"] != "fail better" || c.Counts["worse"] != 1 {
		t.Errorf("what is worse is only shown: %s, %v", c.Verdict, severities)
	}
	report, err := g.explore.Report(t.Context(), local, "shop", head.UUID)
	if err != nil || report.Results[0][0].Measures[0].Severity != "info" || report.Results[0][1].Measures[0].Severity != "fail" {
		t.Errorf("the report: %+v, %v", report.Results, err)
	}
	set("rules: [{severity: info}]", 1)
	c = g.compare(q)
	if c.Verdict != api.VerdictNothingJudged || c.Reason != "the project's policy only shows all of these rows (severity: info)" {
		t.Errorf("all is only shown: %s, %s", c.Verdict, c.Reason)
	}
}

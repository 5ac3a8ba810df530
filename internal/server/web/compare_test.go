package web

import (
	"strings"
	"testing"

	"github.com/tachograph/tacho/api"
)

var comparison = func() api.Comparison {
	row := func(benchmark string, verdict api.ComparisonVerdict, change func(*api.ComparisonRow)) api.ComparisonRow {
		r := api.ComparisonRow{Benchmark: benchmark, Measure: "Latency", BenchmarkUUID: "x", MeasureUUID: "m", Units: latency.Units,
			Verdict: verdict, Old: ptr(1000.0), New: ptr(1100.0), Ratio: ptr(1.1), Interval: &[2]float64{1.08, 1.12}, P: ptr(0.0004),
			Detectable: ptr(0.021), Unit: "report", N: [2]int{5, 6}}
		if change != nil {
			change(&r)
		}
		return r
	}
	side := func(name string, reports ...api.ComparedReport) api.ComparedSide {
		return api.ComparedSide{Asked: name, Name: name, Branch: &api.ComparedBranch{UUID: "b", Name: name},
			Oldest: &api.Version{Number: 1}, Newest: &api.Version{Number: 7}, Reports: reports}
	}
	told := func(s api.ComparedSide) api.ComparedSide {
		s.Commit = &api.Commit{Hash: "x", Subject: "Read faster " + nasty, Author: "Ada"}
		return s
	}
	return api.Comparison{Project: project, Verdict: api.VerdictWorse, Method: api.MethodHistory,
		Base: side("main", api.ComparedReport{UUID: "r0", Version: api.Version{Number: 7}, Host: "box <b>"},
			api.ComparedReport{UUID: "r1", Version: api.Version{Number: 6}, Host: "box <b>", Dirty: true}),
		Head: told(side("faster " + nasty)), Testbed: &testbed, Policy: api.ComparisonPolicy{Effect: 0.02, Minimum: 0.01, Alpha: 0.05},
		Counts: map[string]int{"worse": 1, "better": 1, "undecided": 1, "same": 1}, Tests: 3,
		Rows: []api.ComparisonRow{row(nasty, api.VerdictWorse, nil), row("BenchmarkSize", api.VerdictBetter, func(r *api.ComparisonRow) {
			r.Exact, r.Ratio, r.Difference, r.Interval, r.P, r.Detectable = true, nil, ptr(-3.0), nil, nil, nil
		}), row("BenchmarkB", api.VerdictUndecided, func(r *api.ComparisonRow) {
			r.Reason, r.AtLeast, r.N = "2 reports could see 9 %", true, [2]int{1, 1}
		}), row("BenchmarkC", api.VerdictSame, func(r *api.ComparisonRow) { r.BenchmarkUUID = "" })},
		Geomeans: []api.ComparisonMean{{Measure: "Latency", Benchmarks: 3, Ratio: ptr(1.05), Interval: &[2]float64{1.01, 1.09}}},
		OnlyBase: []string{"BenchmarkOld" + nasty}, LeftOut: []api.ComparisonGap{{Side: "head", Reason: "host", Name: "<b>", Reports: 2}},
		Warnings: []string{"the machines differ " + nasty}}
}()

// What is not shown to be a change has no number of one.
func TestARowThatIsUndecidedClaimsNothing(t *testing.T) {
	t.Parallel()
	for _, verdict := range []api.ComparisonVerdict{api.VerdictUndecided, api.VerdictSame, api.VerdictLearning} {
		in := comparison.Rows[0]
		in.Verdict = verdict
		if row := compareRowOf(project, comparison, in); row.Change != "~" || row.ChangeClass != "" {
			t.Errorf("%s: %+v", verdict, row)
		}
	}
	if row := compareRowOf(project, comparison, comparison.Rows[0]); row.Change != "+10 %" || row.ChangeClass != "up" {
		t.Errorf("worse: %+v", row)
	}
}

func TestTheVerdictOfAComparisonInASentence(t *testing.T) {
	t.Parallel()
	counts := map[string]int{"worse": 1, "better": 2, "undecided": 3}
	for verdict, want := range map[api.ComparisonVerdict]string{
		api.VerdictWorse:         "Worse: 1 of 4 rows; 2 better, 3 undecided.",
		api.VerdictBetter:        "Better: 2 of 4 rows; 3 undecided.",
		api.VerdictUndecided:     "Undecided: no row is shown to be worse, and 3 of 4 rows may hide a change of more than 2.0 %; 2 better.",
		api.VerdictNothingJudged: "Nothing was judged: the head has no results.",
	} {
		c := comparison
		c.Verdict, c.Counts, c.Reason = verdict, counts, "the head has no results."
		if got := comparisonVerdict(c); got.Text != want || got.Tone == "good" != (verdict == api.VerdictBetter) {
			t.Errorf("%s: %+v, want %q", verdict, got, want)
		}
	}
}

// A comparison may have many thousand rows; the page shows a part of each kind and says so.
func TestTheComparisonIsBounded(t *testing.T) {
	t.Parallel()
	many := answers()
	c := comparison
	c.Rows = nil
	for range 3 * rowsOfGroup {
		c.Rows = append(c.Rows, comparison.Rows[0], comparison.Rows[3])
	}
	many["/projects/words/compare"] = c
	body := get(t, pages(t, many), "/projects/words/compare?head=faster").Body.String()
	if n := strings.Count(body, "<tr>"); n > 2*rowsOfGroup+10 || strings.Count(body, "Showing the first 300; the API has all.") != 2 {
		t.Errorf("%d rows", n)
	}
}

package explore_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/explore"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

// commit is a full commit of this digit.
func commit(digit string) string { return strings.Repeat(digit, 40) }

// at puts a run on a branch at a commit.
func at(branch, hash string) func(*api.NewRun) {
	return func(r *api.NewRun) { r.Branch, r.Hash = branch, hash }
}

// both applies several changes.
func both(changes ...func(*api.NewRun)) func(*api.NewRun) {
	return func(r *api.NewRun) {
		for _, change := range changes {
			change(r)
		}
	}
}

// noisy is a value about a level that looks like noise and is always the same: n says which.
func noisy(level float64, n int) float64 { return level * (1 + .01*math.Sin(float64(n*n)+.5)) }

// history submits one report for each of n versions of a branch, at a level: four a day.
func (g *gallery) history(branch string, n int, level float64) {
	g.t.Helper()
	for i := range n {
		g.now = g.now.Add(6 * time.Hour)
		g.run(at(branch, fmt.Sprintf("%040x", g.now.Unix())), bmf(noisy(level, i)))
	}
}

func (g *gallery) compare(q explore.CompareQuery) api.Comparison {
	g.t.Helper()
	out, err := g.explore.Compare(g.t.Context(), local, "shop", q)
	if err != nil {
		g.t.Fatalf("%+v: %v", q, err)
	}
	return out
}

// one is the only row of a comparison.
func one(t *testing.T, c api.Comparison) api.ComparisonRow {
	t.Helper()
	if len(c.Rows) != 1 {
		t.Fatalf("%d rows, verdict %s: %s", len(c.Rows), c.Verdict, c.Reason)
	}
	return c.Rows[0]
}

func names(side api.ComparedSide) (out []int64) {
	for _, r := range side.Reports {
		out = append(out, r.Version.Number)
	}
	return out
}

func TestABranchIsComparedWithWhereItLeftSinceTheLastChange(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	g.history("main", 15, 100) // before the last change: not the base
	g.history("main", 12, 150)
	g.run(onBranch("pr", &api.StartPoint{Branch: "main"}), bmf(150.5))
	g.history("main", 15, 300) // what main became later is no change of the branch

	c := g.compare(explore.CompareQuery{Head: "pr"})
	row := one(t, c)
	if c.Method != api.MethodHistory || c.Base.Branch.Name != "main" || !c.Base.Start || c.Base.Newest.Number != 26 ||
		c.Base.Oldest.Number != 0 || !strings.HasPrefix(c.Base.Name, "main@26 (") || c.Testbed.Name != "lab" || c.Head.Branch.Name != "pr" {
		t.Errorf("compared with %+v, of %+v", c.Base, c.Head)
	}
	if row.Verdict != api.VerdictUndecided || row.Why != "inside" || row.N != [2]int{12, 1} || row.Since.Number != 15 || row.Unit != "report" {
		t.Errorf("as before: %+v", row)
	}
	if c.Verdict != api.VerdictUndecided || row.Detectable == nil || *row.Detectable < .01 || *row.Detectable > .1 {
		t.Errorf("a head that is as its base is %s, detectable %v", c.Verdict, row.Detectable)
	}

	g.run(onBranch("pr", nil), bmf(180))
	c = g.compare(explore.CompareQuery{Head: "pr", Samples: true})
	row = one(t, c)
	if row.Verdict != api.VerdictSuspicious || row.Why != "outside" || *row.Ratio < 1.15 || row.Expected[1] > 165 ||
		c.Verdict != api.VerdictUndecided {
		t.Errorf("a fifth slower is %s, all of it %s: %+v", row.Verdict, c.Verdict, row)
	}
	if len(row.Samples.Old) != 12 || !slices.Equal(row.Samples.New, []float64{180}) || c.Counts["suspicious"] != 1 {
		t.Errorf("samples %+v, counts %v", row.Samples, c.Counts)
	}

	// Three days with the same commit may be more than a suspicion.
	for range 3 {
		g.now = g.now.Add(24 * time.Hour)
		g.run(at("pr", commit("b")), bmf(noisy(180, g.now.Day())))
	}
	c = g.compare(explore.CompareQuery{Head: "commit:bbbbbbb"})
	if row = one(t, c); row.Verdict != api.VerdictWorse || c.Verdict != api.VerdictWorse || row.N[0] < 3 || row.N[1] != 3 {
		t.Errorf("three days: %+v, all %s", row, c.Verdict)
	}
}

func TestAShortHistoryIsLearningAndNothingJudged(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	g.history("main", 4, 100)
	g.run(onBranch("pr", &api.StartPoint{Branch: "main"}), bmf(500))
	c := g.compare(explore.CompareQuery{Head: "pr"})
	if row := one(t, c); row.Verdict != api.VerdictLearning || row.N != [2]int{4, 1} || c.Verdict != api.VerdictNothingJudged ||
		!strings.Contains(c.Reason, "4 reports since the last change") {
		t.Errorf("four reports: %s (%s), %+v", c.Verdict, c.Reason, row)
	}
	if _, err := g.explore.Compare(t.Context(), local, "shop", explore.CompareQuery{Head: "other"}); !fault.Is(err, fault.Missing) {
		t.Errorf("a branch that does not exist: %v", err)
	}
	g.run(func(r *api.NewRun) { r.Branch, r.Testbed = "alone", "field" }, bmf(1))
	c = g.compare(explore.CompareQuery{Head: "alone"})
	if c.Verdict != api.VerdictNothingJudged || !strings.Contains(c.Reason, "branch alone before it has no results") {
		t.Errorf("without a base: %s (%s)", c.Verdict, c.Reason)
	}
	c = g.compare(explore.CompareQuery{Head: "alone", Base: "main"})
	if c.Verdict != api.VerdictNothingJudged ||
		!strings.Contains(c.Reason, "branch main has no results like those of the head on testbed field") {
		t.Errorf("with a base on another testbed: %s (%s)", c.Verdict, c.Reason)
	}
	c = g.compare(explore.CompareQuery{Head: "alone", Testbed: "lab"})
	if c.Verdict != api.VerdictNothingJudged || !strings.Contains(c.Reason, "branch alone has no results on testbed lab") {
		t.Errorf("on another testbed: %s (%s)", c.Verdict, c.Reason)
	}
}

func TestExactValuesAreJudgedWithoutAHistory(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	size := func(v int) string { return fmt.Sprintf(`{"b":{"file-size":{"value":%d}}}`, v) }
	g.run(nil, size(1000))
	g.run(nil, size(1200))
	g.run(onBranch("pr", &api.StartPoint{Branch: "main"}), size(1200))
	if c := g.compare(explore.CompareQuery{Head: "pr"}); c.Verdict != api.VerdictSame || !one(t, c).Exact {
		t.Errorf("the same size is %s: %+v", c.Verdict, c.Rows)
	}
	g.run(onBranch("pr", nil), size(1300))
	if c := g.compare(explore.CompareQuery{Head: "pr"}); c.Verdict != api.VerdictWorse || *one(t, c).Old != 1200 {
		t.Errorf("a larger size is %s: %+v", c.Verdict, c.Rows)
	}
}

func TestTwoVersionsAreComparedByTheirReports(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	for i := range 5 {
		g.run(at("main", commit("a")), bmf(noisy(100, i)), bmf(noisy(100, i+9)))
		g.run(at("main", commit("b")), bmf(noisy(110, i)), bmf(noisy(110, i+9)))
	}
	want := one(t, g.compare(explore.CompareQuery{Base: "aaaaaaa", Head: "bbbbbbb"}))
	if want.Verdict != api.VerdictWorse || want.Unit != "report" || want.N != [2]int{5, 5} || *want.Ratio < 1.09 || *want.Ratio > 1.11 ||
		want.P == nil || want.Interval[0] > 1.1 || want.Interval[1] < 1.1 {
		t.Errorf("10 %% slower: %+v", want)
	}
	for _, sides := range [][2]string{{"commit:" + commit("a"), "commit:" + commit("b")}, {"main@0", "main@1"}, {"@0", "@latest"},
		{"@latest~1", "@latest"}, {"main@latest~1", "branch:main@1"}} {
		c := g.compare(explore.CompareQuery{Base: sides[0], Head: sides[1]})
		if diff := cmp.Diff(want, one(t, c)); diff != "" || c.Verdict != api.VerdictWorse || c.Method != api.MethodVersions {
			t.Errorf("%v is %s (-want +got):\n%s", sides, c.Verdict, diff)
		}
	}
	// The other way round it is better.
	if c := g.compare(explore.CompareQuery{Base: "main@1", Head: "main@0"}); c.Verdict != api.VerdictBetter {
		t.Errorf("the other way round: %s", c.Verdict)
	}
	if c := g.compare(explore.CompareQuery{Base: "main@1", Head: "main@0", Measures: []string{"latency"}, Effect: .05}); len(c.Rows) != 1 ||
		c.Policy.Effect != .05 {
		t.Errorf("one measure: %+v", c)
	}
}

// TestWhatWasMeasuredBesideABranchIsNotComparedByItsCommit, but may be named.
func TestWhatWasMeasuredBesideABranchIsNotComparedByItsCommit(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	for i := range 5 {
		g.run(at("main", commit("a")), bmf(noisy(100, i)))
		g.run(at("main", commit("b")), bmf(noisy(110, i)))
	}
	want := g.compare(explore.CompareQuery{Base: "aaaaaaa", Head: "bbbbbbb"})
	rerun := g.run(at("main", commit("b")), bmf(900))
	if err := g.store.Tx(t.Context(), func(tx *store.Tx) error {
		beside, err := series.InsertAside(t.Context(), tx, rerun.Branch.UUID)
		if err == nil {
			_, err = tx.Exec(t.Context(), `update report set head_id = $1 where id = $2`, beside.ID, rerun.UUID)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for _, sides := range [][2]string{{"aaaaaaa", "bbbbbbb"}, {"main@0", "main@1"}} {
		c := g.compare(explore.CompareQuery{Base: sides[0], Head: sides[1]})
		if diff := cmp.Diff(one(t, want), one(t, c)); diff != "" || len(c.Head.Reports) != 5 {
			t.Errorf("%v: %d reports (-want +got):\n%s", sides, len(c.Head.Reports), diff)
		}
	}
	if c := g.compare(explore.CompareQuery{Base: "main@0", Head: "report:" + rerun.UUID}); *one(t, c).Ratio < 8 {
		t.Errorf("named, it is %+v", c.Rows)
	}
}

func TestTwoReportsAreComparedByTheirIterationsAndThatIsSaid(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	var slow, fast []string
	for i := range 6 {
		fast, slow = append(fast, bmf(noisy(100, i))), append(slow, bmf(noisy(120, i)))
	}
	a, b := g.run(nil, fast...), g.run(nil, slow...)
	c := g.compare(explore.CompareQuery{Base: a.UUID, Head: "report:" + b.UUID})
	row := one(t, c)
	if row.Verdict != api.VerdictWorse || row.Unit != "process" || row.N != [2]int{6, 6} || !slices.ContainsFunc(c.Warnings,
		func(w string) bool { return strings.Contains(w, "one report on a side") }) {
		t.Errorf("%+v, %q", row, c.Warnings)
	}
	if !strings.HasPrefix(c.Head.Name, "main@1, report "+b.UUID) {
		t.Errorf("the head is called %q", c.Head.Name)
	}
	// With samples of one iteration a side the iteration is the unit.
	go1 := "BenchmarkA 1 100 ns/op\nBenchmarkA 1 101 ns/op\nBenchmarkA 1 99 ns/op\n"
	go2 := "BenchmarkA 1 120 ns/op\nBenchmarkA 1 121 ns/op\nBenchmarkA 1 122 ns/op\n"
	goBench := func(r *api.NewRun) { r.Settings.Adapter = "go_bench" }
	a, b = g.run(goBench, go1), g.run(goBench, go2)
	if row := one(t, g.compare(explore.CompareQuery{Base: a.UUID, Head: b.UUID, Samples: true})); row.Unit != "iteration" ||
		row.N != [2]int{3, 3} || row.Verdict != api.VerdictWorse || len(row.Samples.Old) != 3 {
		t.Errorf("samples: %+v", row)
	}
}

func TestOnlyLikeIsComparedWithLike(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	on := func(host, cpu string) func(*api.NewRun) {
		return func(r *api.NewRun) {
			r.Host = &api.HostFacts{Hostname: host, OS: "linux", Architecture: "x86_64", CPUModel: cpu}
		}
	}
	dirty := func(r *api.NewRun) { r.Context = map[string]string{"bencher.dev/v0/branch/dirty": "true"} }
	field := func(r *api.NewRun) { r.Testbed = "field" }
	for i := range 6 {
		g.run(both(at("main", commit("a")), on("one", "EPYC")), bmf(noisy(100, i)))
	}
	g.run(both(at("main", commit("a")), on("old", "Xeon")), bmf(200))
	g.run(both(at("main", commit("a")), on("one", "EPYC"), dirty), bmf(300))
	g.run(both(at("main", commit("a")), field), bmf(400))
	g.run(both(at("main", commit("a")), field), bmf(400))
	for i := range 3 {
		g.run(both(at("main", commit("b")), on("two", "EPYC"), dirty), bmf(noisy(100, i)))
	}
	c := g.compare(explore.CompareQuery{Base: "aaaaaaa", Head: "bbbbbbb"})
	want := []api.ComparisonGap{{Side: "base", Reason: "testbed", Name: "field", Reports: 2}, {Side: "base", Reason: "dirty", Reports: 1},
		{Side: "base", Reason: "host", Name: "linux x86_64 Xeon", Reports: 1}}
	if diff := cmp.Diff(want, c.LeftOut); diff != "" {
		t.Errorf("left out (-want +got):\n%s", diff)
	}
	if row := one(t, c); row.N != [2]int{6, 3} || *row.Old > 102 {
		t.Errorf("what is left: %+v", row)
	}
	for i, want := range []string{"the head has uncommitted changes in 3 reports of 3", "the head was measured on two, the base on one"} {
		if len(c.Warnings) != 2 || !strings.Contains(c.Warnings[i], want) {
			t.Errorf("warnings: %q, want %q", c.Warnings, want)
		}
	}
	c = g.compare(explore.CompareQuery{Base: "aaaaaaa", Head: "aaaaaaa", Testbed: "field"})
	if len(c.Base.Reports) != 2 || len(c.LeftOut) != 2 {
		t.Errorf("on another testbed: %v, %+v", names(c.Base), c.LeftOut)
	}
}

func TestWhatIsMarkedAsBadIsNoHistory(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	mark := func(r api.Report) {
		t.Helper()
		if err := g.store.Tx(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(t.Context(), `insert into report_mark (report_id, reason, created) values ($1, 'busy', 0)`, r.UUID)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	g.history("main", 6, 100)
	bad := g.run(at("main", commit("b")), bmf(1000))
	mark(bad)
	head := g.run(func(r *api.NewRun) { at("main", commit("c"))(r); guarded(r) }, bmf(100))
	if b := head.Results[0][0].Measures[0].Boundary; b == nil || b.Baseline == nil || *b.Baseline > 102 {
		t.Errorf("a limit is drawn from what is marked: %+v", b)
	}
	c := g.compare(explore.CompareQuery{Base: "main@" + fmt.Sprint(bad.Branch.Head.Version.Number), Head: "main@latest"})
	if diff := cmp.Diff([]api.ComparisonGap{{Side: "base", Reason: "marked", Reports: 1}}, c.LeftOut); diff != "" ||
		c.Verdict != api.VerdictNothingJudged {
		t.Errorf("%s; left out (-want +got):\n%s", c.Verdict, diff)
	}
	if c = g.compare(explore.CompareQuery{Base: bad.UUID, Head: head.UUID}); len(c.Rows) != 1 || len(c.LeftOut) != 0 {
		t.Errorf("a report that is named by itself is left out: %+v", c.LeftOut)
	}
}

func TestABranchAsBaseIsItsNewestHistory(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	g.history("main", 6, 100)
	g.run(onBranch("pr", &api.StartPoint{Branch: "main"}), bmf(100))
	g.history("main", 6, 101)
	c := g.compare(explore.CompareQuery{Base: "main", Head: "pr"})
	if one(t, c).N[0] != 12 || c.Base.Newest.Number != 11 || len(c.Warnings) != 1 ||
		!strings.Contains(c.Warnings[0], "branch pr left main at version 5") {
		t.Errorf("%+v, %q", c.Base, c.Warnings)
	}
	// Its own branch before it is the base of what came from nowhere, without the head itself.
	c = g.compare(explore.CompareQuery{Head: "main"})
	if one(t, c).N != [2]int{11, 1} || c.Base.Start || c.Base.Newest.Number != 10 {
		t.Errorf("main before it: %+v", c.Base)
	}
	// A branch that is both sides is not held against its newest report twice.
	if row := one(t, g.compare(explore.CompareQuery{Base: "main", Head: "main"})); row.N != [2]int{11, 1} {
		t.Errorf("main and main: %+v", row)
	}
}

func TestWhatIsOnOneSideOnlyIsNamed(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	g.run(nil, `{"a":{"latency":{"value":1}},"b":{"latency":{"value":1},"throughput":{"value":3}}}`)
	g.run(nil, `{"b":{"latency":{"value":1}},"c":{"latency":{"value":1}}}`)
	c := g.compare(explore.CompareQuery{Base: "@0", Head: "@1"})
	if !slices.Equal(c.OnlyBase, []string{"a"}) || !slices.Equal(c.OnlyHead, []string{"c"}) || len(c.Rows) != 2 {
		t.Errorf("only base %v, only head %v, %d rows", c.OnlyBase, c.OnlyHead, len(c.Rows))
	}
	if row := c.Rows[1]; row.Measure != "Throughput" && row.Measure != "throughput" || row.Why != "no_data" {
		t.Errorf("a measure of one side: %+v", row)
	}
	g.run(nil, `{"d":{"latency":{"value":1}}}`)
	c = g.compare(explore.CompareQuery{Base: "@0", Head: "@2"})
	if c.Verdict != api.VerdictNothingJudged || c.Reason != "no benchmark is on both sides" {
		t.Errorf("nothing in common: %s (%s)", c.Verdict, c.Reason)
	}
}

func TestWhatASideCannotBe(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	g.run(at("main", commit("a")), bmf(1))
	g.run(at("main", "aaaaaaab"+strings.Repeat("0", 32)), bmf(1))
	g.run(at("deadbeef", "deadbeef"+strings.Repeat("1", 32)), bmf(1))
	for _, c := range []struct {
		base, head string
		kind       fault.Kind
		want       string
	}{
		{"", "", fault.Invalid, `the parameter "head" is missing`},
		{"", "main@x@", fault.Invalid, "head: "},
		{"two words", "main", fault.Invalid, "base: "},
		{"", "aaaaaaa", fault.Invalid, `commit "aaaaaaa" is ambiguous: ` + commit("a") + ", aaaaaaab0"},
		{"", "deadbeef", fault.Invalid, "is a branch and a commit; write branch:deadbeef or commit:deadbeef"},
		{"", "commit:fffffff", fault.Missing, `commit "fffffff" has no version`},
		{"", "fffffff", fault.Missing, `"fffffff" is no branch and no commit of project "shop"`},
		{"", "main@7", fault.Missing, `branch "main" has no version 7`},
		{"", "main@latest~2", fault.Invalid, "branch main has 2 versions with results, so there is no @latest~2"},
		{"", "01960000-0000-7000-8000-000000000001", fault.Missing, "report"},
		{"", "nothing", fault.Missing, `branch "nothing"`},
	} {
		_, err := g.explore.Compare(t.Context(), local, "shop", explore.CompareQuery{Base: c.base, Head: c.head})
		if !fault.Is(err, c.kind) || !strings.Contains(fault.Message(err), c.want) {
			t.Errorf("%q and %q: %v; want %v, %q", c.base, c.head, err, c.kind, c.want)
		}
	}
	for want, q := range map[string]explore.CompareQuery{
		"effect is 1":   {Head: "main", Effect: 1},
		"effect is NaN": {Head: "main", Effect: math.NaN()},
		"65 measures":   {Head: "main", Measures: slices.Repeat([]string{"m"}, 65)},
		"testbed":       {Head: "main", Testbed: "nowhere"},
		"measure":       {Head: "main", Base: "main@0", Measures: []string{"nothing"}},
	} {
		if _, err := g.explore.Compare(t.Context(), local, "shop", q); err == nil || !strings.Contains(fault.Message(err), want) {
			t.Errorf("%+v: %v, want %q", q, err, want)
		}
	}
	stranger := access.Actor{}
	if _, err := g.explore.Compare(t.Context(), stranger, "elsewhere", explore.CompareQuery{Head: "main"}); !fault.Is(err, fault.Missing) {
		t.Errorf("another project: %v", err)
	}
}

func TestAComparisonOfTooMuchIsRefused(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	var b strings.Builder
	for i := range limits.CompareRows + 1 {
		fmt.Fprintf(&b, `,"b%d":{"latency":{"value":1}}`, i)
	}
	g.run(nil, "{"+b.String()[1:]+"}")
	if _, err := g.explore.Compare(t.Context(), local, "shop", explore.CompareQuery{Base: "@0", Head: "@0"}); !fault.Is(err, fault.Invalid) ||
		!strings.Contains(fault.Message(err), "5001 benchmarks × measures together, the limit is 5000") {
		t.Errorf("%v", err)
	}
}

func TestOldReportsAreLeftOutAndCounted(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	for i := range limits.ComparedReports + 2 {
		g.run(at("main", commit("a")), bmf(noisy(100, i)))
	}
	g.run(at("main", commit("b")), bmf(100))
	c := g.compare(explore.CompareQuery{Base: "aaaaaaa", Head: "bbbbbbb"})
	diff := cmp.Diff([]api.ComparisonGap{{Side: "base", Reason: "limit", Reports: 2}}, c.LeftOut)
	if diff != "" || len(c.Base.Reports) != limits.ComparedReports {
		t.Errorf("%d reports (-want +got):\n%s", len(c.Base.Reports), diff)
	}
}

func TestComparisonsReadByIndex(t *testing.T) {
	t.Parallel()
	storetest.ReadsByIndex(t, map[string]string{
		"newest reports":    explore.NewestReportsQuery,
		"measured versions": explore.MeasuredVersionsQuery,
		"version reports":   explore.VersionReportsQuery("($1)", 1),
	})
}

// BenchmarkCompareWithAHistory compares a report of 1,000 benchmarks with 60 reports before it.
func BenchmarkCompareWithAHistory(b *testing.B) {
	const benchmarks, reports = 1_000, 60
	g := newGallery(b)
	for n := range reports + 1 {
		var text strings.Builder
		for i := range benchmarks {
			fmt.Fprintf(&text, `,"b%d":{"latency":{"value":%g}}`, i, noisy(100, n*(i+7)))
		}
		g.run(at("main", fmt.Sprintf("%040x", n)), "{"+text.String()[1:]+"}")
	}
	b.ReportAllocs()
	for b.Loop() {
		c, err := g.explore.Compare(b.Context(), local, "shop", explore.CompareQuery{Head: "main"})
		if err != nil || len(c.Rows) != benchmarks {
			b.Fatalf("%d rows, %v", len(c.Rows), err)
		}
	}
}

// TestAHistoryBeginsWithTheAcceptedChange, even if its values alone do not show one.
func TestAHistoryBeginsWithTheAcceptedChange(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	g.history("main", 12, 100)
	g.history("main", 9, 100.5)
	g.run(onBranch("pr", &api.StartPoint{Branch: "main"}), bmf(100.5))
	if row := one(t, g.compare(explore.CompareQuery{Head: "pr"})); row.N != [2]int{21, 1} || row.Since.Number != 0 {
		t.Fatalf("before anybody accepts a change: %v since %d", row.N, row.Since.Number)
	}
	if err := g.store.Tx(t.Context(), func(tx *store.Tx) error {
		if _, err := tx.Exec(t.Context(), `insert into change_event (id, project_id, branch_id, head_id, testbed_id, kind, state, significant,
			settled, first, last, score, changes, worse, better, version, created, modified)
			select 'e', b.project_id, b.id, b.head_id, t.id, 'code', 'accepted', $1, $1, 12, 12, 1, 1, 1, 0, 1, 0, 0
			from branch b join testbed t on t.project_id = b.project_id where b.name = 'main' and t.name = 'lab'`, true); err != nil {
			return err
		}
		_, err := tx.Exec(t.Context(), `insert into accepted_level (event_id, head_id, spec_id, series_id, number)
			select e.id, e.head_id, '', s.id, 12 from change_event e join series s on s.testbed_id = e.testbed_id`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if row := one(t, g.compare(explore.CompareQuery{Head: "pr"})); row.N != [2]int{9, 1} || row.Since.Number != 12 {
		t.Errorf("after it: %v since %d", row.N, row.Since.Number)
	}
}

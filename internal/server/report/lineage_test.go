package report_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/explore"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// baseline is the mean of the history that the report's only metric was judged by.
func baseline(t *testing.T, r api.Report) float64 {
	t.Helper()
	b := only(r).Boundary
	if b == nil || b.Baseline == nil {
		t.Fatalf("branch %s: the report was not judged", r.Branch.Name)
	}
	return *b.Baseline
}

// line are the values that a plot of the branch shows, in its order.
func (h *fixture) line(branch string) []float64 {
	h.t.Helper()
	var text bytes.Buffer
	if err := h.explore.WritePerf(h.t.Context(), &text, local, h.project("shop").ID, explore.PerfQuery{
		Branches: []string{branch}, Testbeds: []string{"localhost"}, Benchmarks: []string{"b"}, Measures: []string{"latency"}}); err != nil {
		h.t.Fatal(err)
	}
	var perf api.Perf
	if err := json.Unmarshal(text.Bytes(), &perf); err != nil {
		h.t.Fatal(err)
	}
	var out []float64
	for _, s := range perf.Results {
		for _, m := range s.Metrics {
			out = append(out, m.Metric.Value)
		}
	}
	return out
}

// at is a judged run of a branch at a commit, which starts from another one if that is named.
func at(branch, commit, start string, value float64) api.NewRun {
	r := withModel(run(branch, value), "percentage", 0.05)
	r.Hash = hash(commit)
	if start != "" {
		r.StartPoint = &api.StartPoint{Branch: start}
	}
	return r
}

func TestABranchAtACommitOfItsStartPointIsNotThatOnesHistory(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	for _, commit := range []string{"a", "b", "c"} {
		h.must(at("main", commit, "", 100))
	}
	if got := baseline(t, h.must(at("pr1", "c", "main", 130))); got != 100 { // a new branch without a commit of its own
		t.Errorf("pr1: want the baseline of main, 100, got %g", got)
	}
	if got := baseline(t, h.must(at("pr1", "c", "main", 130))); got != 107.5 {
		t.Errorf("pr1 again: want main's three values and its own first one, 107.5, got %g", got)
	}
	if got := baseline(t, h.must(at("pr2", "c", "main", 160))); got != 100 {
		t.Errorf("pr2: want the baseline of main, 100, which pr1 has not touched, got %g", got)
	}
	if got := baseline(t, h.must(at("main", "d", "", 100))); got != 100 {
		t.Errorf("main: want its own baseline, 100, got %g", got)
	}
	if got := baseline(t, h.must(at("main", "c", "", 100))); got != 100 {
		t.Errorf("main at the shared commit again: want its own baseline, 100, got %g", got)
	}
	if got := baseline(t, h.must(at("nested", "e", "pr1", 100))); got != (3*100+2*130+100)/6. {
		t.Errorf("nested: want main up to the shared commit and pr1, got %g", got)
	}
	reset := at("main", "f", "main", 100)
	reset.StartPoint.Reset = ptr(true)
	if got := baseline(t, h.must(reset)); got != 100 {
		t.Errorf("main begun anew from itself: want its own earlier head alone, 100, got %g", got)
	}
	for branch, want := range map[string][]float64{
		"main":   {100, 100, 100, 100, 100, 100},
		"pr1":    {100, 100, 100, 130, 130, 100},
		"pr2":    {100, 100, 100, 160, 100},
		"nested": {100, 100, 100, 130, 130, 100, 100},
	} {
		if diff := cmp.Diff(want, h.line(branch)); diff != "" {
			t.Errorf("line of %s (-want +got):\n%s", branch, diff)
		}
	}
}

func TestHistorySurvivesABranchInBetweenThatIsDeleted(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	h.must(at("main", "a", "", 100))
	project := h.project("shop")
	if _, err := h.branches.Create(t.Context(), local, project.ID,
		api.NewBranch{Name: "release", StartPoint: &api.StartPoint{Branch: "main"}}); err != nil {
		t.Fatal(err)
	}
	h.must(at("hotfix", "b", "release", 100))
	h.tx(func(tx *store.Tx) error {
		b, err := series.BranchByRef(t.Context(), tx, project.ID, "release")
		if err != nil {
			return err
		}
		return series.DeleteBranch(t.Context(), tx, b)
	})
	next := at("hotfix", "c", "", 100)
	if got := baseline(t, h.must(next)); got != 100 {
		t.Errorf("want 100, got %g", got)
	}
	if diff := cmp.Diff([]float64{100, 100, 100}, h.line("hotfix")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// modelOf is the upper boundary of what judged the report's only metric, 0 if nothing did.
func modelOf(r api.Report) float64 {
	th := only(r).Threshold
	if th == nil || th.Model == nil {
		return 0
	}
	return *th.Model.UpperBoundary
}

func TestABranchHasTheThresholdsOfItsStartPoint(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	h.must(withModel(run("main", 100), "percentage", 0.1))
	from := func(branch, start string, clone *bool) api.NewRun {
		r := run(branch, 100)
		r.StartPoint = &api.StartPoint{Branch: start, CloneThresholds: clone}
		return r
	}
	for _, step := range []struct {
		name string
		run  api.NewRun
		want float64
	}{
		{"a new branch", from("pr", "main", nil), 0.1},
		{"a branch of that branch", from("nested", "pr", nil), 0.1},
		{"a branch that is told to", from("told-to", "main", ptr(true)), 0.1},
		{"a branch that is told not to", from("free", "main", ptr(false)), 0},
		{"that branch, without saying it again", run("free", 100), 0},
		{"a branch with a model of its own", withModel(from("own", "main", nil), "percentage", 0.7), 0.7},
		{"a branch that starts nowhere", run("bare", 100), 0},
		{"another model on the start point", withModel(run("main", 100), "percentage", 0.2), 0.2},
		{"what is inherited follows", run("pr", 100), 0.2},
		{"and on", run("nested", 100), 0.2},
		{"also what was asked for", run("told-to", 100), 0.2},
		{"what was set does not", run("own", 100), 0.7},
		{"nor what was refused", run("free", 100), 0},
		{"what was refused may be asked for again", from("free", "main", ptr(true)), 0.2},
		{"setting the inherited model makes it the branch's own", withModel(run("pr", 100), "percentage", 0.2), 0.2},
		{"the start point changes once more", withModel(run("main", 100), "percentage", 0.3), 0.3},
		{"and the branch stays", run("pr", 100), 0.2},
		{"a new head keeps what was set", func() api.NewRun { r := from("own", "main", nil); r.StartPoint.Reset = ptr(true); return r }(), 0.7},
		{"and has what was asked for, if it is", func() api.NewRun {
			r := from("own", "main", ptr(true))
			r.StartPoint.Reset = ptr(true)
			return r
		}(), 0.3},
	} {
		if got := modelOf(h.must(step.run)); got != step.want {
			t.Errorf("%s: want the boundary %g, got %g", step.name, step.want, got)
		}
	}
}

func TestABranchThatWasMadeBeforeItsStartPointHadThresholdsGetsThem(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	h.must(run("main", 100))
	pr := run("pr", 100)
	pr.StartPoint = &api.StartPoint{Branch: "main"}
	if got := modelOf(h.must(pr)); got != 0 {
		t.Fatalf("without any threshold: got the boundary %g", got)
	}
	h.must(withModel(run("main", 100), "percentage", 0.1))
	if got := modelOf(h.must(run("pr", 100))); got != 0.1 {
		t.Errorf("want the boundary 0.1, got %g", got)
	}
	// report.Taken away on the branch is taken away; taken from the start point is taken from the branch that follows it.
	reset := run("pr", 100)
	reset.Thresholds = &api.ReportThresholds{Reset: ptr(true)}
	for _, r := range []api.NewRun{reset, run("pr", 100)} {
		if got := modelOf(h.must(r)); got != 0 {
			t.Errorf("after a reset: got the boundary %g", got)
		}
	}
	other := run("other", 100)
	other.StartPoint = &api.StartPoint{Branch: "main"}
	h.must(other)
	reset.Branch = "main"
	h.must(reset)
	if got := modelOf(h.must(run("other", 100))); got != 0 {
		t.Errorf("the start point has no threshold any more: got the boundary %g", got)
	}
}

func TestADetectedStartPointIsForNewBranchesThatHaveWhereToStart(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	detected := func(branch, start string, commits ...string) api.NewRun {
		r := run(branch, 100)
		r.StartPoint = &api.StartPoint{Branch: start, Detected: ptr(true), Commits: commits}
		return r
	}
	startOf := func(r api.Report) int64 { // number of the start version, -1 for none
		if r.Branch.Head.StartPoint == nil {
			return -1
		}
		return r.Branch.Head.StartPoint.Version.Number
	}
	early := h.must(detected("early", "main"))
	if startOf(early) != -1 || len(early.Warnings) != 0 {
		t.Errorf("a start branch that does not exist: start %d, warnings %q", startOf(early), early.Warnings)
	}
	for _, commit := range []string{"a", "b", "c"} {
		h.must(at("main", commit, "", 100))
	}
	again := detected("main", "main", hash("a"))
	again.Hash = hash("c")
	for name, tc := range map[string]struct {
		run  api.NewRun
		want int64
	}{
		"the commit where it left":               {detected("x1", "main", hash("b"), hash("a")), 1},
		"the first before it that was measured":  {detected("x2", "main", hash("f"), hash("e"), hash("a")), 0},
		"the newest, if none was":                {detected("x3", "main", hash("f")), 2},
		"the newest, if no commit is known":      {detected("x4", "main"), 2},
		"the branch itself":                      {again, -1},
		"a branch that has a history of its own": {detected("early", "main", hash("a")), -1},
	} {
		if got := startOf(h.must(tc.run)); got != tc.want {
			t.Errorf("%s: want version %d, got %d", name, tc.want, got)
		}
	}
	if got := modelOf(h.must(detected("x5", "main"))); got != 0.05 {
		t.Errorf("want the threshold of main, 0.05, got %g", got)
	}
	if got := startOf(h.must(detected("x1", "main", hash("c")))); got != 1 {
		t.Errorf("a branch that was rebased keeps its head unless it is asked to: start %d", got)
	}
	many := detected("x6", "main", make([]string, 256)...)
	wrong := detected("x6", "main", "abc")
	mixed := detected("x6", "main")
	mixed.StartPoint.Hash = hash("a")
	asked := detected("x6", "main", hash("a"))
	asked.StartPoint.Detected = nil
	for _, r := range []api.NewRun{many, wrong, mixed, asked} {
		if _, _, err := h.submit(r); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: want an invalid fault, got %v", r.StartPoint, err)
		}
	}
}

func TestResultsOfADirtyTreeAreMarked(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	for _, kind := range []string{"results", "job"} {
		for value, dirty := range map[string]bool{"true": true, "false": false, "": false} {
			r := run("main", 1)
			r.Hash = hash("a")
			r.Context = map[string]string{"tachograph.dev/v0/branch/dirty": value}
			if kind == "job" {
				r.Results, r.Job = nil, &api.NewJob{Image: "app"}
			}
			got := h.must(r)
			h.tx(func(tx *store.Tx) error {
				row, err := report.ByID(t.Context(), tx, got.UUID)
				if row.Dirty != dirty || (len(got.Warnings) == 1) != dirty {
					t.Errorf("%s, %q: want dirty %t and said, got %t and %q", kind, value, dirty, row.Dirty, got.Warnings)
				}
				return err
			})
		}
	}
}

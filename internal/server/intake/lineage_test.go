package intake

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/server/explore"
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
func (h *house) line(branch string) []float64 {
	h.t.Helper()
	perf, err := h.explore.Perf(h.t.Context(), h.project("shop"), explore.PerfQuery{
		Branches: []string{branch}, Testbeds: []string{"localhost"}, Benchmarks: []string{"b"}, Measures: []string{"latency"}})
	if err != nil {
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
	h := newHouse(t)
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
	h := newHouse(t)
	h.must(at("main", "a", "", 100))
	project := h.project("shop")
	if _, err := h.intake.CreateBranch(t.Context(), project, api.NewBranch{Name: "release", StartPoint: &api.StartPoint{Branch: "main"}}); err != nil {
		t.Fatal(err)
	}
	h.must(at("hotfix", "b", "release", 100))
	h.tx(func(tx *store.Tx) error {
		b, err := tx.BranchByRef(t.Context(), project.ID, "release")
		if err != nil {
			return err
		}
		return tx.DeleteBranch(t.Context(), b)
	})
	next := at("hotfix", "c", "", 100)
	if got := baseline(t, h.must(next)); got != 100 {
		t.Errorf("want 100, got %g", got)
	}
	if diff := cmp.Diff([]float64{100, 100, 100}, h.line("hotfix")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

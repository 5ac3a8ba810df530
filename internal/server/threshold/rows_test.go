package threshold_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	corereport "github.com/tachograph/tacho/internal/core/report"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
	"github.com/tachograph/tacho/internal/server/threshold"
)

func TestModelsAreReplacedNotChanged(t *testing.T) {
	t.Parallel()
	s, clock := storetest.Open(t)
	g := storetest.NewGround(t, s, 1, 1)
	b, _ := g.Branch("main")
	ctx := t.Context()
	upper := 0.9
	first, second := threshold.Model{Test: "t_test", UpperBoundary: &upper}, threshold.Model{Test: "percentage", UpperBoundary: &upper}
	var th threshold.Threshold
	set := func(m *threshold.Model) {
		clock.Advance(time.Second)
		var changed threshold.Threshold
		g.Tx(func(tx *store.Tx) (err error) {
			changed, err = threshold.SetModel(ctx, tx, th, m)
			return err
		})
		th = changed
	}
	g.Tx(func(tx *store.Tx) (err error) {
		th, err = threshold.Insert(ctx, tx, g.Project, b.ID, g.Testbeds[0], g.Measures[0])
		return err
	})
	set(&first)
	firstID := *th.ModelID
	set(&first)
	if *th.ModelID != firstID {
		t.Error("the same model again made a new row")
	}
	set(&second)
	secondID := *th.ModelID
	g.Tx(func(tx *store.Tx) error {
		models, err := threshold.ModelsByID(ctx, tx, []string{firstID, secondID})
		if err != nil {
			return err
		}
		if models[firstID].Replaced == nil || models[secondID].Replaced != nil || models[firstID].Test != "t_test" {
			t.Errorf("want the first replaced and unchanged, the second current; got %+v", models)
		}
		return nil
	})
	set(nil)
	g.Tx(func(tx *store.Tx) error {
		stored, err := threshold.Find(ctx, tx, g.Project, th.ID)
		if diff := cmp.Diff(th, stored); diff != "" || stored.ModelID != nil {
			t.Errorf("(-want +got):\n%s", diff)
		}
		return err
	})
}

func TestSecondThresholdForTheSamePlaceIsAConflict(t *testing.T) {
	t.Parallel()
	s, _ := storetest.Open(t)
	g := storetest.NewGround(t, s, 1, 1)
	b, _ := g.Branch("main")
	insert := func() error {
		return s.Tx(t.Context(), func(tx *store.Tx) error {
			_, err := threshold.Insert(t.Context(), tx, g.Project, b.ID, g.Testbeds[0], g.Measures[0])
			return err
		})
	}
	if err := insert(); err != nil {
		t.Fatal(err)
	}
	if err := insert(); !fault.Is(err, fault.Conflict) {
		t.Errorf("want a conflict, got %v", err)
	}
}

func TestCloneThresholdsMirrorsTheOtherBranch(t *testing.T) {
	t.Parallel()
	s, _ := storetest.Open(t)
	g := storetest.NewGround(t, s, 1, 3)
	main, _ := g.Branch("main")
	pr, _ := g.Branch("pr")
	ctx := t.Context()
	x, y := 0.1, 0.2
	models := func(b series.Branch) map[string]float64 {
		out := map[string]float64{}
		g.Tx(func(tx *store.Tx) error {
			all, err := threshold.On(ctx, tx, b.ID, g.Testbeds[0])
			if err != nil {
				return err
			}
			for _, th := range all {
				if th.ModelID == nil {
					out[th.MeasureID] = 0
					continue
				}
				m, err := threshold.ModelsByID(ctx, tx, []string{*th.ModelID})
				if err != nil {
					return err
				}
				out[th.MeasureID] = *m[*th.ModelID].UpperBoundary
			}
			return nil
		})
		return out
	}
	g.Tx(func(tx *store.Tx) error {
		for _, at := range []struct {
			b       series.Branch
			measure int
			upper   *float64
		}{{main, 0, &x}, {main, 1, &x}, {pr, 1, &y}, {pr, 2, &y}} {
			th, err := threshold.Insert(ctx, tx, g.Project, at.b.ID, g.Testbeds[0], g.Measures[at.measure])
			if err != nil {
				return err
			}
			if _, err := threshold.SetModel(ctx, tx, th, &threshold.Model{Test: "percentage", UpperBoundary: at.upper}); err != nil {
				return err
			}
		}
		return threshold.Following{}.Clone(ctx, tx, main, pr)
	})
	want := map[string]float64{g.Measures[0]: x, g.Measures[1]: x, g.Measures[2]: 0}
	if diff := cmp.Diff(want, models(pr)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReportRoundTripAndIdempotencyKey(t *testing.T) {
	t.Parallel()
	s, clock := storetest.Open(t)
	g := storetest.NewGround(t, s, 1, 1)
	_, head := g.Branch("main")
	ctx := t.Context()
	cpus := 8
	reset := true
	var want report.Report
	g.Tx(func(tx *store.Tx) error {
		v, err := series.EnsureVersion(ctx, tx, g.Project, head.ID, "")
		if err != nil {
			return err
		}
		want, err = report.Insert(ctx, tx, report.Report{ID: ident.NewUUID(), ProjectID: g.Project, HeadID: head.ID, VersionID: v.ID,
			TestbedID: g.Testbeds[0],
			Adapter:   "json", Settings: api.ReportSettings{Adapter: "json", Fold: "min"}, Thresholds: &api.ReportThresholds{Reset: &reset},
			Context: map[string]string{"a": "b"}, Host: &api.HostFacts{CPUs: &cpus}, Status: api.ReportPending, IdempotencyKey: "k",
			RequestHash: "h",
			StartTime:   clock.T, EndTime: clock.T})
		if err != nil {
			return err
		}
		want.Error, want.Recognised = "no result", "nothing"
		want.Problems, want.Warnings = []api.Problem{{Benchmark: "b", Message: "m"}}, []string{"w"}
		want.Counts, want.EndTime = []api.ResultCount{{Benchmarks: 1, Measures: 2}}, clock.T.Add(time.Hour)
		want, err = report.Apply(ctx, tx, want, corereport.Fail)
		return err
	})
	g.Tx(func(tx *store.Tx) error {
		got, found, err := report.ByKey(ctx, tx, g.Project, "k")
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(api.ReportSettings{}, api.ReportThresholds{})); diff != "" || !found || err != nil {
			t.Errorf("%t, %v (-want +got):\n%s", found, err, diff)
		}
		inputs := []report.Input{{Iteration: 0, Digest: "sha256:a", Size: 3}, {Iteration: 1, Digest: "sha256:b", Size: 4}}
		if err := report.SetInputs(ctx, tx, want.ID, inputs); err != nil {
			return err
		}
		stored, err := report.Inputs(ctx, tx, want.ID)
		if diff := cmp.Diff(inputs, stored); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		return nil
	})
	storetest.Refused(t, s, fault.Conflict, func(tx *store.Tx) error { // the same key again
		_, err := report.Insert(ctx, tx, report.Report{ID: ident.NewUUID(), ProjectID: g.Project, HeadID: head.ID, VersionID: want.VersionID,
			TestbedID: g.Testbeds[0], IdempotencyKey: "k"})
		return err
	})
}

func TestRulesAreTheThresholdsThatJudge(t *testing.T) {
	t.Parallel()
	s, _ := storetest.Open(t)
	g := storetest.NewGround(t, s, 1, 3)
	main, _ := g.Branch("main")
	other, _ := g.Branch("other")
	ctx := t.Context()
	upper := 0.1
	type read struct{ want, got []threshold.Rule }
	var r read
	g.Tx(func(tx *store.Tx) error {
		r = read{}
		for i, at := range []struct {
			branch series.Branch
			model  *threshold.Model
		}{{main, &threshold.Model{Test: "t_test", UpperBoundary: &upper}}, {main, nil},
			{main, &threshold.Model{Test: "percentage", LowerBoundary: &upper}}, {other, &threshold.Model{Test: "z_score"}}} {
			th, err := threshold.Insert(ctx, tx, g.Project, at.branch.ID, g.Testbeds[0], g.Measures[i%3])
			if err != nil {
				return err
			}
			if at.model == nil {
				continue
			}
			if th, err = threshold.SetModel(ctx, tx, th, &threshold.Model{Test: "iqr"}); err != nil { // it is replaced
				return err
			}
			if th, err = threshold.SetModel(ctx, tx, th, at.model); err != nil {
				return err
			}
			models, err := threshold.ModelsByID(ctx, tx, []string{*th.ModelID})
			if err != nil {
				return err
			}
			if at.branch.ID == main.ID {
				r.want = append(r.want, threshold.Rule{Threshold: th, Model: models[*th.ModelID]})
			}
		}
		var err error
		r.got, err = threshold.Rules(ctx, tx, main.ID, g.Testbeds[0])
		return err
	})
	if diff := cmp.Diff(r.want, r.got); diff != "" || len(r.got) != 2 {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

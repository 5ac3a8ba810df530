package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
)

func TestModelsAreReplacedNotChanged(t *testing.T) {
	t.Parallel()
	s, clock := open(t)
	g := newGround(t, s, 1, 1)
	b, _ := g.branch("main")
	ctx := t.Context()
	upper := 0.9
	first, second := Model{Test: "t_test", UpperBoundary: &upper}, Model{Test: "percentage", UpperBoundary: &upper}
	var threshold Threshold
	set := func(m *Model) {
		clock.advance(time.Second)
		g.tx(func(tx *Tx) (err error) {
			threshold, err = tx.SetModel(ctx, threshold, m)
			return err
		})
	}
	g.tx(func(tx *Tx) (err error) {
		threshold, err = tx.InsertThreshold(ctx, g.project, b.ID, g.testbeds[0], g.measures[0])
		return err
	})
	set(&first)
	firstID := *threshold.ModelID
	set(&first)
	if *threshold.ModelID != firstID {
		t.Error("the same model again made a new row")
	}
	set(&second)
	secondID := *threshold.ModelID
	g.tx(func(tx *Tx) error {
		models, err := tx.ModelsByID(ctx, []string{firstID, secondID})
		if err != nil {
			return err
		}
		if models[firstID].Replaced == nil || models[secondID].Replaced != nil || models[firstID].Test != "t_test" {
			t.Errorf("want the first replaced and unchanged, the second current; got %+v", models)
		}
		return nil
	})
	set(nil)
	g.tx(func(tx *Tx) error {
		stored, err := tx.Threshold(ctx, g.project, threshold.ID)
		if diff := cmp.Diff(threshold, stored); diff != "" || stored.ModelID != nil {
			t.Errorf("(-want +got):\n%s", diff)
		}
		return err
	})
}

func TestSecondThresholdForTheSamePlaceIsAConflict(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	g := newGround(t, s, 1, 1)
	b, _ := g.branch("main")
	insert := func() error {
		return s.Tx(t.Context(), func(tx *Tx) error {
			_, err := tx.InsertThreshold(t.Context(), g.project, b.ID, g.testbeds[0], g.measures[0])
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
	s, _ := open(t)
	g := newGround(t, s, 1, 3)
	main, _ := g.branch("main")
	pr, _ := g.branch("pr")
	ctx := t.Context()
	x, y := 0.1, 0.2
	models := func(b Branch) map[string]float64 {
		out := map[string]float64{}
		g.tx(func(tx *Tx) error {
			all, err := tx.ThresholdsOn(ctx, b.ID, g.testbeds[0])
			if err != nil {
				return err
			}
			for _, th := range all {
				if th.ModelID == nil {
					out[th.MeasureID] = 0
					continue
				}
				m, err := tx.ModelsByID(ctx, []string{*th.ModelID})
				if err != nil {
					return err
				}
				out[th.MeasureID] = *m[*th.ModelID].UpperBoundary
			}
			return nil
		})
		return out
	}
	g.tx(func(tx *Tx) error {
		for _, at := range []struct {
			b       Branch
			measure int
			upper   *float64
		}{{main, 0, &x}, {main, 1, &x}, {pr, 1, &y}, {pr, 2, &y}} {
			th, err := tx.InsertThreshold(ctx, g.project, at.b.ID, g.testbeds[0], g.measures[at.measure])
			if err != nil {
				return err
			}
			if _, err := tx.SetModel(ctx, th, &Model{Test: "percentage", UpperBoundary: at.upper}); err != nil {
				return err
			}
		}
		return tx.CloneThresholds(ctx, main, pr)
	})
	want := map[string]float64{g.measures[0]: x, g.measures[1]: x, g.measures[2]: 0}
	if diff := cmp.Diff(want, models(pr)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReportRoundTripAndIdempotencyKey(t *testing.T) {
	t.Parallel()
	s, clock := open(t)
	g := newGround(t, s, 1, 1)
	_, head := g.branch("main")
	ctx := t.Context()
	cpus := 8
	reset := true
	var want Report
	g.tx(func(tx *Tx) error {
		v, err := tx.EnsureVersion(ctx, g.project, head.ID, "")
		if err != nil {
			return err
		}
		want, err = tx.InsertReport(ctx, Report{ID: ident.NewUUID(), ProjectID: g.project, HeadID: head.ID, VersionID: v.ID, TestbedID: g.testbeds[0],
			Adapter: "json", Settings: api.ReportSettings{Adapter: "json", Fold: "min"}, Thresholds: &api.ReportThresholds{Reset: &reset},
			Context: map[string]string{"a": "b"}, Host: &api.HostFacts{CPUs: &cpus}, Status: api.ReportPending, IdempotencyKey: "k", RequestHash: "h",
			StartTime: clock.t, EndTime: clock.t})
		if err != nil {
			return err
		}
		want.Status, want.Error, want.Recognised = api.ReportFailed, "no result", "nothing"
		want.Problems, want.Warnings = []api.Problem{{Benchmark: "b", Message: "m"}}, []string{"w"}
		want.Counts, want.EndTime = []api.ResultCount{{Benchmarks: 1, Measures: 2}}, clock.t.Add(time.Hour)
		return tx.CloseReport(ctx, want)
	})
	g.tx(func(tx *Tx) error {
		got, found, err := tx.ReportByKey(ctx, g.project, "k")
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(api.ReportSettings{}, api.ReportThresholds{})); diff != "" || !found || err != nil {
			t.Errorf("%t, %v (-want +got):\n%s", found, err, diff)
		}
		inputs := []ReportInput{{0, "sha256:a", 3}, {1, "sha256:b", 4}}
		if err := tx.SetReportInputs(ctx, want.ID, inputs); err != nil {
			return err
		}
		stored, err := tx.ReportInputs(ctx, want.ID)
		if diff := cmp.Diff(inputs, stored); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		_, err = tx.InsertReport(ctx, Report{ID: ident.NewUUID(), ProjectID: g.project, HeadID: head.ID, VersionID: want.VersionID,
			TestbedID: g.testbeds[0], IdempotencyKey: "k"})
		if !fault.Is(err, fault.Conflict) {
			t.Errorf("the same key again: want a conflict, got %v", err)
		}
		return nil
	})
}

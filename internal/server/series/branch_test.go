package series_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
	"github.com/tachograph/tacho/internal/server/threshold"
)

func TestVersionsOfAHead(t *testing.T) {
	t.Parallel()
	s, _ := storetest.Open(t)
	g := storetest.NewGround(t, s, 1, 1)
	_, head := g.Branch("main")
	ctx := t.Context()
	g.Tx(func(tx *store.Tx) error {
		var got []int64
		for _, hash := range []string{"a", "b", "a", "", "", "b", "c"} {
			v, err := series.EnsureVersion(ctx, tx, g.Project, head.ID, hash)
			if err != nil {
				return err
			}
			got = append(got, v.Number)
		}
		if diff := cmp.Diff([]int64{0, 1, 0, 2, 3, 1, 4}, got); diff != "" {
			t.Errorf("numbers: the same commit again is the same version, no commit is always a new one (-want +got):\n%s", diff)
		}
		return nil
	})
}

func TestStartPointSharesVersionsAndNumbersGoOn(t *testing.T) {
	t.Parallel()
	s, _ := storetest.Open(t)
	g := storetest.NewGround(t, s, 1, 1)
	main, mainHead := g.Branch("main")
	_, prHead := g.Branch("pr")
	ctx := t.Context()
	g.Tx(func(tx *store.Tx) error {
		for _, hash := range []string{"a", "b", "c", "d"} {
			if _, err := series.EnsureVersion(ctx, tx, g.Project, mainHead.ID, hash); err != nil {
				return err
			}
		}
		start, found, err := series.VersionByHash(ctx, tx, g.Project, mainHead.ID, "c")
		if err != nil || !found {
			t.Fatalf("version c: %t, %v", found, err)
		}
		if prHead, err = series.StartAt(ctx, tx, prHead, mainHead, start, 2); err != nil {
			return err
		}
		if _, found, _ := series.VersionByHash(ctx, tx, g.Project, prHead.ID, "a"); found {
			t.Error("max_versions 2 from c: version a was copied too")
		}
		if _, found, _ := series.VersionByHash(ctx, tx, g.Project, prHead.ID, "d"); found {
			t.Error("start at c: the later version d was copied")
		}
		shared, err := series.EnsureVersion(ctx, tx, g.Project, prHead.ID, "c")
		if err != nil {
			return err
		}
		next, err := series.EnsureVersion(ctx, tx, g.Project, prHead.ID, "x")
		if err != nil {
			return err
		}
		if shared.ID != start.ID || next.Number != 3 {
			t.Errorf("want c shared and x numbered 3, got shared %t, number %d", shared.ID == start.ID, next.Number)
		}
		stored, err := series.HeadByID(ctx, tx, prHead.ID)
		if err != nil {
			return err
		}
		if diff := cmp.Diff(prHead, stored); diff != "" || *stored.StartBranchID != main.ID {
			t.Errorf("head (-want +got):\n%s", diff)
		}
		newest, err := series.NewestVersions(ctx, tx, []string{mainHead.ID, prHead.ID})
		if err != nil {
			return err
		}
		if *newest[mainHead.ID].Hash != "d" || *newest[prHead.ID].Hash != "x" {
			t.Errorf("newest versions: want d and x, got %v", newest)
		}
		return nil
	})
}

func TestReplacedHeadSilencesItsAlerts(t *testing.T) {
	t.Parallel()
	s, clock := storetest.Open(t)
	g := storetest.NewGround(t, s, 3, 1)
	b, head := g.Branch("main")
	ctx := t.Context()
	g.Tx(func(tx *store.Tx) error {
		ids := g.SeriesIDs(tx)
		r, _ := g.Report(tx, head, "", clock.T, ids, [][]float64{{1, 2, 3}})
		th, err := threshold.Insert(ctx, tx, g.Project, b.ID, g.Testbeds[0], g.Measures[0])
		if err != nil {
			return err
		}
		metrics, err := report.Metrics(ctx, tx, r.Seq, 0, limits.MetricsPerReport)
		if err != nil {
			return err
		}
		var alerts []threshold.Alert
		for i, status := range []api.AlertStatus{api.AlertActive, api.AlertDismissed, api.AlertActive} {
			alerts = append(alerts, threshold.Alert{ID: ident.NewUUID(), ProjectID: g.Project, MetricID: metrics[i].ID, ReportID: r.ID,
				ThresholdID: th.ID, ModelID: "m", HeadID: head.ID, Limit: "upper", Status: status})
		}
		if err := threshold.InsertAlerts(ctx, tx, alerts); err != nil {
			return err
		}
		if _, _, err := series.ReplaceHead(ctx, tx, b); err != nil {
			return err
		}
		found, err := threshold.AlertsByMetric(ctx, tx, []int64{metrics[0].ID, metrics[1].ID, metrics[2].ID})
		if err != nil {
			return err
		}
		var got []api.AlertStatus
		for _, m := range metrics {
			got = append(got, found[m.ID].Status)
		}
		if diff := cmp.Diff([]api.AlertStatus{api.AlertSilenced, api.AlertSilenced, api.AlertSilenced}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		counts, err := threshold.CountAlerts(ctx, tx, []string{r.ID})
		if err != nil {
			return err
		}
		if want := (api.AlertCount{Total: 3}); counts[r.ID] != want {
			t.Errorf("counts: want %v, got %v", want, counts[r.ID])
		}
		old, err := series.HeadByID(ctx, tx, head.ID)
		if err == nil && old.Replaced == nil {
			t.Error("the old head is not marked as replaced")
		}
		return err
	})
}

func TestBranchNamesThatShareASlugStayApart(t *testing.T) {
	t.Parallel()
	s, _ := storetest.Open(t)
	g := storetest.NewGround(t, s, 1, 1)
	slash, _ := g.Branch("feature/x")
	dash, _ := g.Branch("feature-x")
	if slash.Slug != "feature-x" || dash.Slug == slash.Slug {
		t.Errorf("slugs: want feature-x and another, got %q and %q", slash.Slug, dash.Slug)
	}
	g.Tx(func(tx *store.Tx) error {
		for ref, want := range map[string]string{"feature-x": dash.ID, "feature/x": slash.ID, dash.Slug: dash.ID, slash.ID: slash.ID} {
			if got, err := series.BranchByRef(t.Context(), tx, g.Project, ref); err != nil || got.ID != want {
				t.Errorf("%q: want %s, got %s (%v)", ref, want, got.ID, err)
			}
		}
		_, _, err := series.InsertBranch(t.Context(), tx, g.Project, "feature/x", "")
		if !fault.Is(err, fault.Conflict) {
			t.Errorf("the same name again: want a conflict, got %v", err)
		}
		return nil
	})
}

func TestBranchListFindsByNameAndSearch(t *testing.T) {
	t.Parallel()
	s, _ := storetest.Open(t)
	g := storetest.NewGround(t, s, 1, 1)
	for _, name := range []string{"main", "Fix/100%", "fix/1000"} {
		g.Branch(name)
	}
	names := func(f store.ListFilter, p store.Page) (out []string) {
		f.Page = p
		g.Tx(func(tx *store.Tx) error {
			found, _, err := series.ListBranches(t.Context(), tx, g.Project, f)
			out = nil
			for _, b := range found {
				out = append(out, b.Name)
			}
			return err
		})
		return out
	}
	all := store.Page{Limit: 10}
	for _, tc := range []struct {
		f    store.ListFilter
		p    store.Page
		want []string
	}{
		{store.ListFilter{}, all, []string{"Fix/100%", "fix/1000", "main"}},
		{store.ListFilter{}, store.Page{Limit: 1, Offset: 1, Desc: true}, []string{"fix/1000"}},
		{store.ListFilter{Name: "main"}, all, []string{"main"}},
		{store.ListFilter{Search: "FIX"}, all, []string{"Fix/100%", "fix/1000"}},
		{store.ListFilter{Search: "100%"}, all, []string{"Fix/100%"}},
		{store.ListFilter{Archived: true}, all, nil},
	} {
		if diff := cmp.Diff(tc.want, names(tc.f, tc.p)); diff != "" {
			t.Errorf("%+v %+v (-want +got):\n%s", tc.f, tc.p, diff)
		}
	}
}

func TestDeleteBranchKeepsWhatReportsNeed(t *testing.T) {
	t.Parallel()
	s, clock := storetest.Open(t)
	g := storetest.NewGround(t, s, 1, 1)
	b, head := g.Branch("main")
	var r report.Report
	g.Tx(func(tx *store.Tx) error {
		r, _ = g.Report(tx, head, "a", clock.T, g.SeriesIDs(tx), [][]float64{{1}})
		return nil
	})
	err := s.Tx(t.Context(), func(tx *store.Tx) error { return series.DeleteBranch(t.Context(), tx, b) })
	if !fault.Is(err, fault.Conflict) {
		t.Errorf("with a report: want a conflict, got %v", err)
	}
	g.Tx(func(tx *store.Tx) error {
		if err := report.Delete(t.Context(), tx, r.ID); err != nil {
			return err
		}
		if v, found, _ := series.VersionByHash(t.Context(), tx, g.Project, head.ID, "a"); !found || v.Number != 0 {
			t.Error("the version went with its last report; numbers must not move")
		}
		return series.DeleteBranch(t.Context(), tx, b)
	})
	var left int
	g.Tx(func(tx *store.Tx) error {
		return tx.QueryRow(t.Context(), `select (select count(*) from version) + (select count(*) from head) +
			(select count(*) from head_version) + (select count(*) from branch) + (select count(*) from metric)`).Scan(&left)
	})
	if left != 0 {
		t.Errorf("want nothing left, got %d rows", left)
	}
}

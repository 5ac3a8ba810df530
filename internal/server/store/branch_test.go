package store

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
)

func TestVersionsOfAHead(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	g := newGround(t, s, 1, 1)
	_, head := g.branch("main")
	ctx := t.Context()
	g.tx(func(tx *Tx) error {
		var got []int64
		for _, hash := range []string{"a", "b", "a", "", "", "b", "c"} {
			v, err := tx.EnsureVersion(ctx, g.project, head.ID, hash)
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
	s, _ := open(t)
	g := newGround(t, s, 1, 1)
	main, mainHead := g.branch("main")
	_, prHead := g.branch("pr")
	ctx := t.Context()
	g.tx(func(tx *Tx) error {
		for _, hash := range []string{"a", "b", "c", "d"} {
			if _, err := tx.EnsureVersion(ctx, g.project, mainHead.ID, hash); err != nil {
				return err
			}
		}
		start, found, err := tx.VersionByHash(ctx, g.project, mainHead.ID, "c")
		if err != nil || !found {
			t.Fatalf("version c: %t, %v", found, err)
		}
		if prHead, err = tx.CopyStart(ctx, prHead, mainHead, start, 2); err != nil {
			return err
		}
		if _, found, _ := tx.VersionByHash(ctx, g.project, prHead.ID, "a"); found {
			t.Error("max_versions 2 from c: version a was copied too")
		}
		if _, found, _ := tx.VersionByHash(ctx, g.project, prHead.ID, "d"); found {
			t.Error("start at c: the later version d was copied")
		}
		shared, err := tx.EnsureVersion(ctx, g.project, prHead.ID, "c")
		if err != nil {
			return err
		}
		next, err := tx.EnsureVersion(ctx, g.project, prHead.ID, "x")
		if err != nil {
			return err
		}
		if shared.ID != start.ID || next.Number != 3 {
			t.Errorf("want c shared and x numbered 3, got shared %t, number %d", shared.ID == start.ID, next.Number)
		}
		stored, err := tx.Head(ctx, prHead.ID)
		if err != nil {
			return err
		}
		if diff := cmp.Diff(prHead, stored); diff != "" || *stored.StartBranchID != main.ID {
			t.Errorf("head (-want +got):\n%s", diff)
		}
		newest, err := tx.NewestVersions(ctx, []string{mainHead.ID, prHead.ID})
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
	s, clock := open(t)
	g := newGround(t, s, 3, 1)
	b, head := g.branch("main")
	ctx := t.Context()
	g.tx(func(tx *Tx) error {
		ids := g.seriesIDs(tx)
		r, _ := g.report(tx, head, "", clock.t, ids, [][]float64{{1, 2, 3}})
		threshold, err := tx.InsertThreshold(ctx, g.project, b.ID, g.testbeds[0], g.measures[0])
		if err != nil {
			return err
		}
		metrics, err := tx.ReportMetrics(ctx, r.Seq, 0, limits.MetricsPerReport)
		if err != nil {
			return err
		}
		var alerts []Alert
		for i, status := range []api.AlertStatus{api.AlertActive, api.AlertDismissed, api.AlertActive} {
			alerts = append(alerts, Alert{ID: ident.NewUUID(), ProjectID: g.project, MetricID: metrics[i].ID, ReportID: r.ID,
				ThresholdID: threshold.ID, ModelID: "m", HeadID: head.ID, Limit: "upper", Status: status})
		}
		if err := tx.InsertAlerts(ctx, alerts); err != nil {
			return err
		}
		if b, _, err = tx.ReplaceHead(ctx, b); err != nil {
			return err
		}
		found, err := tx.AlertsByMetric(ctx, []int64{metrics[0].ID, metrics[1].ID, metrics[2].ID})
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
		counts, err := tx.CountAlerts(ctx, []string{r.ID})
		if err != nil {
			return err
		}
		if want := (api.AlertCount{Total: 3}); counts[r.ID] != want {
			t.Errorf("counts: want %v, got %v", want, counts[r.ID])
		}
		old, err := tx.Head(ctx, head.ID)
		if err == nil && old.Replaced == nil {
			t.Error("the old head is not marked as replaced")
		}
		return err
	})
}

func TestBranchNamesThatShareASlugStayApart(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	g := newGround(t, s, 1, 1)
	slash, _ := g.branch("feature/x")
	dash, _ := g.branch("feature-x")
	if slash.Slug != "feature-x" || dash.Slug == slash.Slug {
		t.Errorf("slugs: want feature-x and another, got %q and %q", slash.Slug, dash.Slug)
	}
	g.tx(func(tx *Tx) error {
		for ref, want := range map[string]string{"feature-x": dash.ID, "feature/x": slash.ID, dash.Slug: dash.ID, slash.ID: slash.ID} {
			if got, err := tx.BranchByRef(t.Context(), g.project, ref); err != nil || got.ID != want {
				t.Errorf("%q: want %s, got %s (%v)", ref, want, got.ID, err)
			}
		}
		_, _, err := tx.InsertBranch(t.Context(), g.project, "feature/x", "")
		if !fault.Is(err, fault.Conflict) {
			t.Errorf("the same name again: want a conflict, got %v", err)
		}
		return nil
	})
}

func TestBranchListFindsByNameAndSearch(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	g := newGround(t, s, 1, 1)
	for _, name := range []string{"main", "Fix/100%", "fix/1000"} {
		g.branch(name)
	}
	names := func(f ListFilter, p Page) (out []string) {
		f.Page = p
		g.tx(func(tx *Tx) error {
			found, _, err := tx.Branches(t.Context(), g.project, f)
			for _, b := range found {
				out = append(out, b.Name)
			}
			return err
		})
		return out
	}
	all := Page{Limit: 10}
	for _, tc := range []struct {
		f    ListFilter
		p    Page
		want []string
	}{
		{ListFilter{}, all, []string{"Fix/100%", "fix/1000", "main"}},
		{ListFilter{}, Page{Limit: 1, Offset: 1, Desc: true}, []string{"fix/1000"}},
		{ListFilter{Name: "main"}, all, []string{"main"}},
		{ListFilter{Search: "FIX"}, all, []string{"Fix/100%", "fix/1000"}},
		{ListFilter{Search: "100%"}, all, []string{"Fix/100%"}},
		{ListFilter{Archived: true}, all, nil},
	} {
		if diff := cmp.Diff(tc.want, names(tc.f, tc.p)); diff != "" {
			t.Errorf("%+v %+v (-want +got):\n%s", tc.f, tc.p, diff)
		}
	}
}

func TestDeleteBranchKeepsWhatReportsNeed(t *testing.T) {
	t.Parallel()
	s, clock := open(t)
	g := newGround(t, s, 1, 1)
	b, head := g.branch("main")
	var r Report
	g.tx(func(tx *Tx) error {
		r, _ = g.report(tx, head, "a", clock.t, g.seriesIDs(tx), [][]float64{{1}})
		return nil
	})
	err := s.Tx(t.Context(), func(tx *Tx) error { return tx.DeleteBranch(t.Context(), b) })
	if !fault.Is(err, fault.Conflict) {
		t.Errorf("with a report: want a conflict, got %v", err)
	}
	g.tx(func(tx *Tx) error {
		if err := tx.DeleteReport(t.Context(), r.ID); err != nil {
			return err
		}
		if v, found, _ := tx.VersionByHash(t.Context(), g.project, head.ID, "a"); !found || v.Number != 0 {
			t.Error("the version went with its last report; numbers must not move")
		}
		return tx.DeleteBranch(t.Context(), b)
	})
	var left int
	g.tx(func(tx *Tx) error {
		return tx.q.QueryRowContext(t.Context(), `select (select count(*) from version) + (select count(*) from head) +
			(select count(*) from head_version) + (select count(*) from branch) + (select count(*) from metric)`).Scan(&left)
	})
	if left != 0 {
		t.Errorf("want nothing left, got %d rows", left)
	}
}

package store

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/series"
)

// ground is a project with a branch, two testbeds, benchmarks and measures, on which the tests of this file stand. Its rows are written
// as they lie in the database, so that these tests depend on no other group of queries.
type ground struct {
	t          testing.TB
	s          *Store
	project    string
	testbeds   []string
	benchmarks []string
	measures   []string
}

func newGround(t testing.TB, s *Store, benchmarks, measures int) *ground {
	t.Helper()
	g := &ground{t: t, s: s, project: ident.NewUUID()}
	organization := ident.NewUUID()
	g.tx(func(tx *Tx) error {
		insert := func(query string, args ...any) {
			t.Helper()
			if _, err := tx.q.ExecContext(t.Context(), query, args...); err != nil {
				t.Fatal(err)
			}
		}
		insert(`insert into organization (id, name, slug, created, modified) values ($1, 'o', $1, 0, 0)`, organization)
		insert(`insert into project (id, organization_id, name, slug, created, modified) values ($1, $2, 'p', $1, 0, 0)`, g.project, organization)
		named := func(table string, n int) []string {
			ids := make([]string, n)
			for i := range ids {
				ids[i] = ident.NewUUID()
				units, value := "", ""
				if table == "measure" {
					units, value = ", units", ", 'ns'"
				}
				insert(`insert into `+table+` (id, project_id, name, slug, created, modified`+units+`) values ($1, $2, $3, $3, 0, 0`+value+`)`,
					ids[i], g.project, fmt.Sprintf("%s-%d", table, i))
			}
			return ids
		}
		g.testbeds, g.benchmarks, g.measures = named("testbed", 2), named("benchmark", benchmarks), named("measure", measures)
		return nil
	})
	return g
}

func (g *ground) tx(f func(*Tx) error) {
	g.t.Helper()
	if err := g.s.Tx(g.t.Context(), f); err != nil {
		g.t.Fatal(err)
	}
}

func (g *ground) branch(name string) (Branch, Head) {
	g.t.Helper()
	var b Branch
	var h Head
	g.tx(func(tx *Tx) (err error) {
		b, h, err = tx.InsertBranch(g.t.Context(), g.project, name, "")
		return err
	})
	return b, h
}

// report makes a processed report at a version of the head with one metric for each value: values[iteration][series].
func (g *ground) report(tx *Tx, head Head, hash string, start time.Time, seriesIDs []int64, values [][]float64) (Report, Version) {
	g.t.Helper()
	ctx := g.t.Context()
	v, err := tx.EnsureVersion(ctx, g.project, head.ID, hash)
	if err != nil {
		g.t.Fatal(err)
	}
	r, err := tx.InsertReport(ctx, Report{ID: ident.NewUUID(), ProjectID: g.project, HeadID: head.ID, VersionID: v.ID, TestbedID: g.testbeds[0],
		Adapter: "json", Status: api.ReportProcessed, StartTime: start, EndTime: start})
	if err != nil {
		g.t.Fatal(err)
	}
	var metrics []Metric
	for iteration, row := range values {
		for i, value := range row {
			if !math.IsNaN(value) {
				metrics = append(metrics, Metric{SeriesID: seriesIDs[i], ReportSeq: r.Seq, Iteration: iteration, Value: value})
			}
		}
	}
	if err := tx.InsertMetrics(ctx, metrics); err != nil {
		g.t.Fatal(err)
	}
	return r, v
}

func (g *ground) seriesIDs(tx *Tx) []int64 {
	g.t.Helper()
	var keys []SeriesKey
	for _, b := range g.benchmarks {
		for _, m := range g.measures {
			keys = append(keys, SeriesKey{b, m})
		}
	}
	found, err := tx.EnsureSeries(g.t.Context(), g.testbeds[0], keys)
	if err != nil {
		g.t.Fatal(err)
	}
	ids := make([]int64, len(keys))
	for i, k := range keys {
		ids[i] = found[k]
	}
	return ids
}

func TestEnsureSeriesMakesEachOnce(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	g := newGround(t, s, 3, 2)
	g.tx(func(tx *Tx) error {
		first, second := g.seriesIDs(tx), g.seriesIDs(tx)
		if diff := cmp.Diff(first, second); diff != "" {
			t.Errorf("(-first +second):\n%s", diff)
		}
		if slices.Sort(first); len(slices.Compact(first)) != 6 {
			t.Errorf("want 6 different series, got %v", first)
		}
		k := SeriesKey{g.benchmarks[0], g.measures[0]}
		other, err := tx.EnsureSeries(t.Context(), g.testbeds[1], []SeriesKey{k, k})
		if err != nil {
			return err
		}
		if slices.Contains(first, other[k]) || len(other) != 1 {
			t.Errorf("another testbed: want one series of its own, got %v", other)
		}
		return nil
	})
}

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
		metrics, err := tx.ReportMetrics(ctx, r.Seq)
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
		found, err := tx.ReportAlerts(ctx, []string{r.ID})
		if err != nil {
			return err
		}
		var got []api.AlertStatus
		for _, a := range found[r.ID] {
			got = append(got, a.Status)
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

func TestSamplesComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	s, clock := open(t)
	g := newGround(t, s, 1, 1)
	_, head := g.branch("main")
	want := []float64{3, 1, 2, math.MaxFloat64, math.SmallestNonzeroFloat64, -0.1}
	g.tx(func(tx *Tx) error {
		ids := g.seriesIDs(tx)
		r, _ := g.report(tx, head, "", clock.t, ids, nil)
		lower := 0.5
		m := []Metric{{SeriesID: ids[0], ReportSeq: r.Seq, Value: 2, Lower: &lower, Samples: want}}
		if err := tx.InsertMetrics(t.Context(), m); err != nil {
			return err
		}
		got, err := tx.MetricSamples(t.Context(), m[0].ID)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		stored, report, err := tx.Metric(t.Context(), g.project, m[0].ID)
		m[0].Samples = nil
		if diff := cmp.Diff(m[0], stored); diff != "" || err != nil || report.ID != r.ID {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		if _, _, err := tx.Metric(t.Context(), ident.NewUUID(), m[0].ID); !fault.Is(err, fault.Missing) {
			t.Errorf("from another project: want missing, got %v", err)
		}
		return nil
	})
}

// naiveHistory is History as one would write it on paper: every metric of the project, the pure rules, a sort.
func naiveHistory(t *rapid.T, tx *Tx, p HistoryParams) map[int64][]float64 {
	rows, err := tx.q.QueryContext(t.Context(), `select m.series_id, hv.number, r.start_time, r.seq, m.iteration, m.value from metric m
		join report r on r.seq = m.report_seq join head_version hv on hv.version_id = r.version_id
		where hv.head_id = $1 and r.testbed_id = $2`, p.HeadID, p.TestbedID)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	points := map[int64][]valuePoint{}
	for rows.Next() {
		var id int64
		var v valuePoint
		if err := rows.Scan(&id, &v.Version, &v.Start, &v.Report, &v.Iteration, &v.value); err != nil {
			t.Fatal(err)
		}
		if p.Horizon.Sees(v.Point) && slices.Contains(p.SeriesIDs, id) {
			points[id] = append(points[id], v)
		}
	}
	out := map[int64][]float64{}
	for id, list := range points {
		slices.SortFunc(list, func(a, b valuePoint) int { return series.Compare(b.Point, a.Point) })
		for i := range min(p.Limit, len(list)) {
			out[id] = append(out[id], list[i].value)
		}
	}
	return out
}

func TestHistoryIsWhatTheRulesSay(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		s, err := Open(t.Context(), Config{Path: filepath.Join(folder, fmt.Sprintf("%d.db", n))})
		if err != nil {
			rt.Fatal(err)
		}
		defer s.Close()
		g := newGround(t, s, 3, 1)
		heads := make([]Head, 2)
		_, heads[0] = g.branch("main")
		_, heads[1] = g.branch("pr")
		begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		g.tx(func(tx *Tx) error {
			ids := g.seriesIDs(tx)
			type made struct {
				Report
				Version
				head Head
			}
			var reports []made
			value := 0.0
			add := func(head Head, steps int) {
				for range steps {
					hash := rapid.SampledFrom([]string{"", "a", "b", "c", "d"}).Draw(rt, "hash")
					start := begin.Add(time.Duration(rapid.IntRange(0, 30).Draw(rt, "start")) * time.Second)
					values := make([][]float64, rapid.IntRange(1, 3).Draw(rt, "iterations"))
					for i := range values {
						for range ids {
							value++
							if x := value; rapid.IntRange(0, 3).Draw(rt, "measured") > 0 {
								values[i] = append(values[i], x)
							} else {
								values[i] = append(values[i], math.NaN())
							}
						}
					}
					r, v := g.report(tx, head, hash, start, ids, values)
					reports = append(reports, made{r, v, head})
				}
			}
			add(heads[0], rapid.IntRange(1, 12).Draw(rt, "reports on main"))
			start := reports[rapid.IntRange(0, len(reports)-1).Draw(rt, "start point")].Version
			if heads[1], err = tx.CopyStart(t.Context(), heads[1], heads[0], start, rapid.IntRange(1, 5).Draw(rt, "max versions")); err != nil {
				return err
			}
			add(heads[1], rapid.IntRange(1, 6).Draw(rt, "reports on pr"))
			judged := reports[rapid.IntRange(0, len(reports)-1).Draw(rt, "judged")]
			p := HistoryParams{HeadID: judged.head.ID, TestbedID: g.testbeds[0], SeriesIDs: ids, Limit: rapid.IntRange(1, 8).Draw(rt, "limit"),
				Horizon: series.NewHorizon(series.Point{Version: judged.Number, Start: judged.StartTime.UnixMicro(), Report: judged.Seq},
					int64(rapid.SampledFrom([]int{0, 0, 5, 20}).Draw(rt, "window")))}
			got, err := tx.History(t.Context(), p)
			if err != nil {
				return err
			}
			if diff := cmp.Diff(naiveHistory(rt, tx, p), got); diff != "" {
				rt.Errorf("(-want +got):\n%s", diff)
			}
			return nil
		})
	})
}

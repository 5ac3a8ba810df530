package store_test

import (
	"database/sql"
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

// lineages are the rows of head_lineage, as branch → branches.
func lineages(t *testing.T, s *store.Store) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	if err := s.View(t.Context(), func(tx *store.Tx) error {
		rows, err := tx.Query(t.Context(), `select b.name, a.name from head_lineage l join head h on h.id = l.head_id
			join branch b on b.id = h.branch_id join head up on up.id = l.ancestor_id join branch a on a.id = up.branch_id order by 1, 2`)
		_, err = store.Collect(rows, err, func(rows *sql.Rows) (struct{}, error) {
			var head, ancestor string
			err := rows.Scan(&head, &ancestor)
			out[head] = append(out[head], ancestor)
			return struct{}{}, err
		})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestDirtyReportsOfAnOlderStoreAreKnown(t *testing.T) {
	t.Parallel()
	s, clock := storetest.OpenSQLite(t)
	g := storetest.NewGround(t, s, 1, 1)
	_, head := g.Branch("main")
	ids := map[bool]string{}
	g.Tx(func(tx *store.Tx) error {
		v, err := series.EnsureVersion(t.Context(), tx, g.Project, head.ID, "a")
		for _, dirty := range []bool{true, false} {
			ids[dirty] = ident.NewUUID()
			r := report.Report{ID: ids[dirty], ProjectID: g.Project, HeadID: head.ID, VersionID: v.ID, TestbedID: g.Testbeds[0], Adapter: "json",
				Status: api.ReportProcessed, StartTime: clock.T, EndTime: clock.T,
				Context: map[string]string{"tachograph.dev/v0/branch/dirty": strconv.FormatBool(dirty)}}
			if err == nil {
				_, err = report.Insert(t.Context(), tx, r)
			}
		}
		return err
	})
	store.DownAndUp(t, s, 31)
	g.Tx(func(tx *store.Tx) error {
		for want, id := range ids {
			if r, err := report.ByID(t.Context(), tx, id); err != nil || r.Dirty != want {
				t.Errorf("want dirty %t, got %t (%v)", want, r.Dirty, err)
			}
		}
		return nil
	})
}

func TestHeadsOfAnOlderStoreGetTheirLineage(t *testing.T) {
	t.Parallel()
	s, clock := storetest.OpenSQLite(t)
	g := storetest.NewGround(t, s, 1, 1)
	_, main := g.Branch("main")
	_, pr := g.Branch("pr")
	_, nested := g.Branch("nested")
	g.Branch("alone")
	g.Tx(func(tx *store.Tx) error {
		_, v := g.Report(tx, main, "a", clock.T, g.SeriesIDs(tx), [][]float64{{1}})
		for _, step := range []struct{ head, from *series.Head }{{&pr, &main}, {&nested, &pr}} {
			var err error
			if *step.head, err = series.StartAt(t.Context(), tx, *step.head, *step.from, v, 10); err != nil {
				return err
			}
		}
		return nil
	})
	want := map[string][]string{"main": {"main"}, "pr": {"main", "pr"}, "nested": {"main", "nested", "pr"}, "alone": {"alone"}}
	if diff := cmp.Diff(want, lineages(t, s)); diff != "" {
		t.Errorf("as written (-want +got):\n%s", diff)
	}
	store.DownAndUp(t, s, 29)
	if diff := cmp.Diff(want, lineages(t, s)); diff != "" {
		t.Errorf("as brought up to date (-want +got):\n%s", diff)
	}
}

func TestALineageEndsWhereNoVersionIsShared(t *testing.T) {
	t.Parallel()
	s, _ := storetest.OpenSQLite(t)
	g := storetest.NewGround(t, s, 1, 1)
	b, head := g.Branch("main")
	const kept, runs = 3, 12
	g.Tx(func(tx *store.Tx) error {
		ids := g.SeriesIDs(tx)
		for i := range runs { // a pipeline that begins its branch anew from itself each time
			_, v := g.Report(tx, head, "", time.Unix(int64(i), 0), ids, [][]float64{{1}})
			from := head
			var err error
			if b, head, err = series.ReplaceHead(t.Context(), tx, b); err != nil {
				return err
			}
			if head, err = series.StartAt(t.Context(), tx, head, from, v, kept); err != nil {
				return err
			}
		}
		var n int
		err := tx.QueryRow(t.Context(), `select count(*) from head_lineage where head_id = $1`, head.ID).Scan(&n)
		if want := kept + 1; n != want {
			t.Errorf("want %d heads in the lineage after %d runs, got %d", want, runs, n)
		}
		return err
	})
}

// TestCopiedVersionsOfAnOlderStoreBecomeStretches writes the copies that heads had once, and brings them up to date again.
func TestCopiedVersionsOfAnOlderStoreBecomeStretches(t *testing.T) {
	t.Parallel()
	s, _ := storetest.OpenSQLite(t)
	g := storetest.NewGround(t, s, 1, 1)
	heads := map[string]*series.Head{}
	for _, name := range []string{"main", "pr", "nested", "early", "gone", "heir"} {
		_, h := g.Branch(name)
		heads[name] = &h
	}
	grow := func(tx *store.Tx, name string, n int) (v series.Version) {
		for range n {
			var err error
			if v, err = series.EnsureVersion(t.Context(), tx, g.Project, heads[name].ID, ""); err != nil {
				t.Fatal(err)
			}
		}
		return v
	}
	start := func(tx *store.Tx, name, from string, at series.Version, most int) {
		h, err := series.StartAt(t.Context(), tx, *heads[name], *heads[from], at, most)
		if err != nil {
			t.Fatal(err)
		}
		*heads[name] = h
	}
	g.Tx(func(tx *store.Tx) error {
		first := grow(tx, "main", 2)
		at := grow(tx, "main", 3)
		grow(tx, "main", 1)
		start(tx, "pr", "main", at, 3)
		start(tx, "early", "pr", at, 255) // pr has nothing of its own yet, but what it measures on what it shares counts
		start(tx, "nested", "pr", grow(tx, "pr", 2), 4)
		grow(tx, "nested", 1)
		grow(tx, "early", 1)
		start(tx, "gone", "main", first, 255)
		start(tx, "heir", "gone", grow(tx, "gone", 1), 255)
		grow(tx, "heir", 1)
		b, err := series.BranchByRef(t.Context(), tx, g.Project, "gone")
		if err != nil {
			return err
		}
		return series.DeleteBranch(t.Context(), tx, b)
	})
	delete(heads, "gone")
	rows := func(query string, args ...any) (out []string) {
		g.Tx(func(tx *store.Tx) error {
			found, err := tx.Query(t.Context(), query, args...)
			out, err = store.Collect(found, err, store.ScanText)
			return err
		})
		return out
	}
	seen := func() map[string][]string {
		out := map[string][]string{}
		for name, h := range heads {
			out[name] = rows(`select hv.number || ' ' || hv.version_id from head_lineage l
				join head_version hv on hv.head_id = l.ancestor_id and hv.number between l.low and l.high
				where l.head_id = $1 order by hv.number`, h.ID)
		}
		return out
	}
	own := `select head_id || ' ' || version_id || ' ' || number from head_version order by head_id, number`
	want, wantOwn, wantLineage := seen(), rows(own), lineages(t, s)
	for name, n := range map[string]int{"main": 6, "pr": 5, "nested": 5, "early": 4, "heir": 4} {
		if len(want[name]) != n {
			t.Errorf("%s has %d versions, want %d: %v", name, len(want[name]), n, want[name])
		}
	}
	handedOver := func() {
		t.Helper()
		g.Tx(func(tx *store.Tx) error {
			got, err := series.Stretches(t.Context(), tx, heads["heir"].ID)
			want := []series.Stretch{{HeadID: heads["main"].ID, Low: 0, High: 1}, {HeadID: heads["heir"].ID, Low: 2, High: math.MaxInt64}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("what was handed over is not behind what was shared (-want +got):\n%s", diff)
			}
			return err
		})
	}
	handedOver()
	store.DownAndUp(t, s, 73)
	if diff := cmp.Diff(want, seen()); diff != "" {
		t.Errorf("histories (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(wantOwn, rows(own)); diff != "" {
		t.Errorf("own versions (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(wantLineage, lineages(t, s)); diff != "" {
		t.Errorf("lineages (-want +got):\n%s", diff)
	}
	handedOver()
	g.Tx(func(tx *store.Tx) error { // and numbers go on
		if v := grow(tx, "early", 1); v.Number != 6 {
			t.Errorf("the next version of early is %d", v.Number)
		}
		return nil
	})
}

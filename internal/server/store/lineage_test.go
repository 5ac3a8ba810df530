package store_test

import (
	"database/sql"
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
			if *step.head, err = series.CopyStart(t.Context(), tx, *step.head, *step.from, v, 10); err != nil {
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
			if head, err = series.CopyStart(t.Context(), tx, head, from, v, kept); err != nil {
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

package store

import (
	"database/sql"
	"io/fs"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/ident"
)

// lineages are the rows of head_lineage, as branch → branches.
func lineages(t *testing.T, s *Store) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	if err := s.View(t.Context(), func(tx *Tx) error {
		rows, err := tx.q.QueryContext(t.Context(), `select b.name, a.name from head_lineage l join head h on h.id = l.head_id
			join branch b on b.id = h.branch_id join head up on up.id = l.ancestor_id join branch a on a.id = up.branch_id order by 1, 2`)
		_, err = collect(rows, err, func(rows *sql.Rows) (struct{}, error) {
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

// downAndUp makes of the store one of an older version, and brings it up to date.
func downAndUp(t *testing.T, s *Store, version int64) {
	t.Helper()
	folder, err := fs.Sub(migrations, "migration/sqlite")
	if err != nil {
		t.Fatal(err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, s.writer, folder)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.DownTo(t.Context(), version); err != nil {
		t.Fatal(err)
	}
	if _, err := provider.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestDirtyReportsOfAnOlderStoreAreKnown(t *testing.T) {
	t.Parallel()
	s, clock := open(t)
	g := newGround(t, s, 1, 1)
	_, head := g.branch("main")
	ids := map[bool]string{}
	g.tx(func(tx *Tx) error {
		v, err := tx.EnsureVersion(t.Context(), g.project, head.ID, "a")
		for _, dirty := range []bool{true, false} {
			ids[dirty] = ident.NewUUID()
			r := Report{ID: ids[dirty], ProjectID: g.project, HeadID: head.ID, VersionID: v.ID, TestbedID: g.testbeds[0], Adapter: "json",
				Status: api.ReportProcessed, StartTime: clock.t, EndTime: clock.t, Context: map[string]string{"tachograph.dev/v0/branch/dirty": strconv.FormatBool(dirty)}}
			if err == nil {
				_, err = tx.InsertReport(t.Context(), r)
			}
		}
		return err
	})
	downAndUp(t, s, 31)
	g.tx(func(tx *Tx) error {
		for want, id := range ids {
			if r, err := tx.Report(t.Context(), id); err != nil || r.Dirty != want {
				t.Errorf("want dirty %t, got %t (%v)", want, r.Dirty, err)
			}
		}
		return nil
	})
}

func TestHeadsOfAnOlderStoreGetTheirLineage(t *testing.T) {
	t.Parallel()
	s, clock := open(t)
	g := newGround(t, s, 1, 1)
	_, main := g.branch("main")
	_, pr := g.branch("pr")
	_, nested := g.branch("nested")
	g.branch("alone")
	g.tx(func(tx *Tx) error {
		_, v := g.report(tx, main, "a", clock.t, g.seriesIDs(tx), [][]float64{{1}})
		for _, step := range []struct{ head, from *Head }{{&pr, &main}, {&nested, &pr}} {
			var err error
			if *step.head, err = tx.CopyStart(t.Context(), *step.head, *step.from, v, 10); err != nil {
				return err
			}
		}
		return nil
	})
	want := map[string][]string{"main": {"main"}, "pr": {"main", "pr"}, "nested": {"main", "nested", "pr"}, "alone": {"alone"}}
	if diff := cmp.Diff(want, lineages(t, s)); diff != "" {
		t.Errorf("as written (-want +got):\n%s", diff)
	}
	downAndUp(t, s, 29)
	if diff := cmp.Diff(want, lineages(t, s)); diff != "" {
		t.Errorf("as brought up to date (-want +got):\n%s", diff)
	}
}

func TestALineageEndsWhereNoVersionIsShared(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	g := newGround(t, s, 1, 1)
	b, head := g.branch("main")
	const kept, runs = 3, 12
	g.tx(func(tx *Tx) error {
		ids := g.seriesIDs(tx)
		for i := range runs { // a pipeline that begins its branch anew from itself each time
			_, v := g.report(tx, head, "", time.Unix(int64(i), 0), ids, [][]float64{{1}})
			from := head
			var err error
			if b, head, err = tx.ReplaceHead(t.Context(), b); err != nil {
				return err
			}
			if head, err = tx.CopyStart(t.Context(), head, from, v, kept); err != nil {
				return err
			}
		}
		var n int
		err := tx.q.QueryRowContext(t.Context(), `select count(*) from head_lineage where head_id = $1`, head.ID).Scan(&n)
		if want := kept + 1; n != want {
			t.Errorf("want %d heads in the lineage after %d runs, got %d", want, runs, n)
		}
		return err
	})
}

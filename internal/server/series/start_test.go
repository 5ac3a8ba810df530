package series_test

import (
	"database/sql"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tachograph/tacho/internal/property"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
	"github.com/tachograph/tacho/internal/server/store/testdb"
)

// history is what the stretches of a head say: version ids by number. A number that is there twice is an error.
func history(t testing.TB, tx *store.Tx, headID string) map[int64]string {
	t.Helper()
	out := map[int64]string{}
	stretches, err := series.Stretches(t.Context(), tx, headID)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range stretches {
		if i > 0 && stretches[i-1].High >= s.Low {
			t.Errorf("head %s has the stretches %+v", headID, stretches)
		}
		rows, err := tx.Query(t.Context(), `select number, version_id from head_version where head_id = $1 and number between $2 and $3`,
			s.HeadID, s.Low, s.High)
		if _, err = store.Collect(rows, err, func(rows *sql.Rows) (n int64, err error) {
			var id string
			err = rows.Scan(&n, &id)
			if had, twice := out[n]; twice {
				t.Errorf("head %s has version %d twice: %s and %s", headID, n, had, id)
			}
			out[n] = id
			return n, err
		}); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// TestAStartPointIsAsGoodAsACopy plays branches that grow, start from each other, begin anew and are deleted, beside books in which each
// start is a copy.
func TestAStartPointIsAsGoodAsACopy(t *testing.T) {
	t.Parallel()
	folder, n := t.TempDir(), 0
	property.Check(t, func(rt *rapid.T) {
		n++
		s, err := testdb.Open(t, store.Config{Path: filepath.Join(folder, fmt.Sprintf("%d.db", n))})
		if err != nil {
			rt.Fatal(err)
		}
		defer s.Close()
		g := storetest.NewGround(t, s, 1, 1)
		ctx := t.Context()
		var (
			books         map[string]map[int64]string // by head
			hashes        map[string]string           // by version
			branches      map[string]series.Branch
			commits, made int
		)
		name := func(what string) string { return rapid.SampledFrom(slices.Sorted(maps.Keys(branches))).Draw(rt, what) }
		steps := map[string]func(tx *store.Tx) error{
			"a new branch": func(tx *store.Tx) error {
				b, h, err := series.InsertBranch(ctx, tx, g.Project, fmt.Sprintf("b%02d", made), "")
				made++
				branches[b.Name], books[h.ID] = b, map[int64]string{}
				return err
			},
			"a version": func(tx *store.Tx) error {
				b := branches[name("grows")]
				for range rapid.IntRange(1, 3).Draw(rt, "commits") {
					commits++
					v, err := series.EnsureVersion(ctx, tx, g.Project, b.HeadID, fmt.Sprint(commits))
					if err != nil {
						return err
					}
					hashes[v.ID] = fmt.Sprint(commits)
					if newest := slices.Sorted(maps.Keys(books[b.HeadID])); len(newest) > 0 && v.Number != newest[len(newest)-1]+1 {
						rt.Errorf("after version %d comes %d", newest[len(newest)-1], v.Number)
					}
					books[b.HeadID][v.Number] = v.ID
				}
				return nil
			},
			"a start": func(tx *store.Tx) error {
				of, from := name("starts"), branches[name("from")]
				numbers := slices.Sorted(maps.Keys(books[from.HeadID]))
				if len(numbers) == 0 {
					return nil
				}
				at := rapid.SampledFrom(numbers).Draw(rt, "at")
				most := rapid.IntRange(1, 6).Draw(rt, "most")
				b, h, err := series.ReplaceHead(ctx, tx, branches[of])
				if err != nil {
					return err
				}
				branches[of] = b
				theirs, err := series.HeadByID(ctx, tx, from.HeadID)
				if err != nil {
					return err
				}
				books[h.ID] = map[int64]string{}
				for number := at; number >= 0 && number > at-int64(most); number-- {
					if id, ok := books[from.HeadID][number]; ok {
						books[h.ID][number] = id
					}
				}
				_, err = series.StartAt(ctx, tx, h, theirs, series.Version{ID: books[from.HeadID][at], Number: at}, most)
				return err
			},
			"a branch less": func(tx *store.Tx) error {
				b := branches[name("goes")]
				delete(branches, b.Name)
				rows, err := tx.Query(ctx, `select id from head where branch_id = $1`, b.ID)
				heads, err := store.Collect(rows, err, store.ScanText)
				for _, id := range heads {
					delete(books, id)
				}
				if err != nil {
					return err
				}
				return series.DeleteBranch(ctx, tx, b)
			},
		}
		if err := s.Tx(ctx, func(tx *store.Tx) error {
			books, hashes, branches = map[string]map[int64]string{}, map[string]string{}, map[string]series.Branch{}
			commits, made = 0, 0
			for range rapid.IntRange(1, 20).Draw(rt, "steps") {
				step := rapid.SampledFrom([]string{"a version", "a version", "a start", "a start", "a new branch", "a branch less"}).Draw(rt, "step")
				if len(branches) == 0 {
					step = "a new branch"
				}
				if err := steps[step](tx); err != nil {
					return fmt.Errorf("%s: %w", step, err)
				}
			}
			for head, want := range books {
				if diff := cmp.Diff(want, history(t, tx, head)); diff != "" {
					rt.Errorf("history of %s (-want +got):\n%s", head, diff)
				}
				newest, found, err := series.NewestVersion(ctx, tx, head)
				numbers := slices.Sorted(maps.Keys(want))
				if err != nil || found != (len(numbers) > 0) || found && newest.ID != want[numbers[len(numbers)-1]] {
					rt.Errorf("newest of %s: %+v, %t, %v", head, newest, found, err)
				}
				for id, hash := range hashes {
					v, found, err := series.VersionByHash(ctx, tx, g.Project, head, hash)
					if known := slices.Contains(slices.Collect(maps.Values(want)), id); err != nil || found != known || found && v.ID != id {
						rt.Errorf("commit %s of %s: %+v, %t, %v; want it: %t", hash, head, v, found, err, known)
					}
				}
			}
			return nil
		}); err != nil {
			rt.Fatal(err)
		}
	})
}

// TestStretchesStayInOrderWhenTheFirstBranchIsDeleted: topic starts from next, and next from first. What first hands over to topic comes
// before what topic shares with next.
func TestStretchesStayInOrderWhenTheFirstBranchIsDeleted(t *testing.T) {
	t.Parallel()
	s, _ := storetest.Open(t)
	g := storetest.NewGround(t, s, 1, 1)
	ctx := t.Context()
	first, firstHead := g.Branch("first")
	_, nextHead := g.Branch("next")
	_, topicHead := g.Branch("topic")
	want := map[int64]string{}
	grow := func(tx *store.Tx, head series.Head) (newest series.Version) {
		for range 3 {
			v, err := series.EnsureVersion(ctx, tx, g.Project, head.ID, "")
			if err != nil {
				t.Fatal(err)
			}
			want[v.Number], newest = v.ID, v
		}
		return newest
	}
	g.Tx(func(tx *store.Tx) error {
		if _, err := series.StartAt(ctx, tx, nextHead, firstHead, grow(tx, firstHead), 255); err != nil {
			return err
		}
		if _, err := series.StartAt(ctx, tx, topicHead, nextHead, grow(tx, nextHead), 255); err != nil {
			return err
		}
		grow(tx, topicHead)
		if err := series.DeleteBranch(ctx, tx, first); err != nil {
			return err
		}
		if diff := cmp.Diff(want, history(t, tx, topicHead.ID)); diff != "" {
			t.Errorf("history (-want +got):\n%s", diff)
		}
		return nil
	})
}

// BenchmarkStartAt begins a branch at the newest version of one with so many.
func BenchmarkStartAt(b *testing.B) {
	for _, versions := range []int{255, 5_000} {
		b.Run(fmt.Sprint(versions), func(b *testing.B) {
			s, _ := storetest.Open(b)
			g := storetest.NewGround(b, s, 1, 1)
			_, from := g.Branch("main")
			var newest series.Version
			g.Tx(func(tx *store.Tx) (err error) {
				for range versions {
					if newest, err = series.EnsureVersion(b.Context(), tx, g.Project, from.ID, ""); err != nil {
						return err
					}
				}
				return nil
			})
			branch, _ := g.Branch("topic")
			g.Tx(func(tx *store.Tx) error { // the flush is not what is measured
				for b.Loop() {
					made, h, err := series.ReplaceHead(b.Context(), tx, branch)
					if err != nil {
						return err
					}
					branch = made
					if _, err := series.StartAt(b.Context(), tx, h, from, newest, 255); err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
}

// BenchmarkNewCommit places a commit that is new behind so many that a branch has.
func BenchmarkNewCommit(b *testing.B) {
	for _, versions := range []int{100, 1_000, 5_000} {
		b.Run(fmt.Sprint(versions), func(b *testing.B) {
			s, _ := storetest.Open(b)
			g := storetest.NewGround(b, s, 1, 1)
			_, head := g.Branch("main")
			g.Tx(func(tx *store.Tx) error {
				next := func(i int) error {
					_, err := series.EnsureVersion(b.Context(), tx, g.Project, head.ID, fmt.Sprintf("%040x", i*7919))
					return err
				}
				for i := range versions {
					if err := next(i); err != nil {
						return err
					}
				}
				for i := versions; b.Loop(); i++ {
					if err := next(i); err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
}

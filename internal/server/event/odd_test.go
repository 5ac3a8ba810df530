package event

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
	"github.com/tachograph/tacho/internal/server/store/testdb"
)

// TestOddLinesAreWrittenInParts: all of a report's lines may be odd, and all writers wait for each transaction.
func TestOddLinesAreWrittenInParts(t *testing.T) {
	t.Parallel()
	killed := errors.New("killed")
	for at, want := range []int{0, 1, 3, 5} { // five lines by two, the odd one first
		left := -1
		s, err := testdb.Open(t, store.Config{Path: filepath.Join(t.TempDir(), "tacho.db"), Hindrance: func(context.Context) error {
			if left--; left == 0 {
				return killed
			}
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		g := storetest.NewGround(t, s, 5, 1)
		_, head := g.Branch("main")
		seen := look{projectID: g.Project, at: report.Line{HeadID: head.ID, TestbedID: g.Testbeds[0]}}
		g.Tx(func(tx *store.Tx) error {
			seen.odd = nil
			for _, id := range g.SeriesIDs(tx) {
				key := lineKey{HeadID: head.ID, TestbedID: g.Testbeds[0], SeriesID: id}
				if err := saveLines(t.Context(), tx, []Line{{lineKey: key, Frozen: -1, Seen: 1, Due: 30}}); err != nil {
					return err
				}
				seen.odd = append(seen.odd, oddLine{key, 3})
			}
			return nil
		})
		events := NewService(Config{Store: s, Door: project.NewDoor(s, nil)})
		events.Rows(2)
		left = at + 1
		err = events.note(t.Context(), seen)
		left = -1
		if end := at == 3; err != nil && !errors.Is(err, killed) || (err == nil) != end {
			t.Errorf("killed at commit %d: %v", at+1, err)
		}
		var got int
		g.Tx(func(tx *store.Tx) error {
			return tx.QueryRow(t.Context(), `select count(*) from line where due = 3`).Scan(&got)
		})
		if got != want {
			t.Errorf("%d lines are written after %d commits, want %d", got, at, want)
		}
		if err := s.Close(); err != nil {
			t.Error(fmt.Errorf("close: %w", err))
		}
	}
}

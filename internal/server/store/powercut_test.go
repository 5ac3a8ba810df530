package store

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tachograph/tacho/internal/server/store/powercut"
)

// forgetful is a disk on which COMMIT is all there is, as before: the log is flushed only when SQLite empties it.
type forgetful struct{ *powercut.Disk }

func (forgetful) Flush(string) error { return nil }

// cutWhileWriting lets several writers write, cuts the power now and then after an acknowledgement, and returns how many acknowledged rows
// were missing from the databases that were left. Each of these must be whole.
func cutWhileWriting(t *testing.T, cuts *powercut.Disk, disk Disk, survives float64) (missing int) {
	const writers, writes, cutEvery = 4, 40, 20
	s, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "tacho.db"), Disk: disk})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	type cut struct {
		folder string
		acked  []string
	}
	var mu sync.Mutex
	var acked []string
	var done []cut
	random := rand.New(rand.NewPCG(7, 11))
	long := strings.Repeat("x", 60_000) // with it SQLite empties its log, and starts it anew, several times
	var work sync.WaitGroup
	for w := range writers {
		work.Go(func() {
			for i := range writes {
				id := fmt.Sprintf("w%d-%d", w, i)
				err := s.Tx(t.Context(), func(tx *Tx) error {
					_, err := tx.Exec(t.Context(), `insert into account (id, name, slug, created) values ($1, $2, $1, 0)`, id, id+long)
					return err
				})
				mu.Lock()
				if err != nil {
					t.Error(err)
				} else if acked = append(acked, id); len(acked)%cutEvery == 0 {
					c := cut{t.TempDir(), append([]string(nil), acked...)}
					if err := cuts.Cut(c.folder, survives, random); err != nil {
						t.Error(err)
					}
					done = append(done, c)
				}
				mu.Unlock()
			}
		})
	}
	work.Wait()
	for _, c := range done {
		left, err := Open(t.Context(), Config{Path: filepath.Join(c.folder, "tacho.db")})
		if err != nil {
			t.Errorf("after %d acknowledgements: %v", len(c.acked), err)
			continue
		}
		err = left.View(t.Context(), func(tx *Tx) error {
			var verdict string
			if err := tx.QueryRow(t.Context(), `pragma integrity_check`).Scan(&verdict); err != nil || verdict != "ok" {
				t.Errorf("after %d acknowledgements the database is damaged: %s, %v", len(c.acked), verdict, err)
			}
			for _, id := range c.acked {
				var n int
				if err := tx.QueryRow(t.Context(), `select count(*) from account where id = $1`, id).Scan(&n); err != nil {
					return err
				}
				missing += 1 - n
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		if err := left.Close(); err != nil {
			t.Error(err)
		}
	}
	return missing
}

func TestPowerCutLosesNothingThatWasAcknowledged(t *testing.T) {
	t.Parallel()
	for _, survives := range []float64{0, 0.5, 1} {
		t.Run(fmt.Sprintf("of what was not flushed %.1f survives", survives), func(t *testing.T) {
			t.Parallel()
			disk := powercut.New()
			if missing := cutWhileWriting(t, disk, disk, survives); missing > 0 {
				t.Errorf("%d acknowledged rows are missing", missing)
			}
		})
	}
}

// The same disk shows the loss that there was when an acknowledgement followed COMMIT alone: the test above can fail.
func TestPowerCutTakesWhatIsNotFlushed(t *testing.T) {
	t.Parallel()
	disk := powercut.New()
	if missing := cutWhileWriting(t, disk, forgetful{disk}, 0); missing == 0 {
		t.Error("nothing was lost without a flush: this disk does not cut the power")
	}
}

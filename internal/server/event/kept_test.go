package event_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/server/event"
	"github.com/tachograph/tacho/internal/server/store"
)

// TestAnOddValueIsLookedAtWithTheNextOne: alone it shows no change, and one value in 80 is one by chance. A count is looked at at once.
func TestAnOddValueIsLookedAtWithTheNextOne(t *testing.T) {
	t.Parallel()
	for _, forget := range []bool{false, true} { // what is packed says the same as the rows
		w := newWorld(t)
		version := int64(39)
		w.runs("lab", 40, map[string]float64{"a": 100})
		w.look()
		seen := func(a float64) string {
			t.Helper()
			w.run("lab", "", map[string]float64{"a": a})
			w.look()
			version++
			var seen, due int64
			w.in(func(ctx context.Context, tx *store.Tx) error {
				if forget {
					if _, err := tx.Exec(ctx, `delete from line_band`); err != nil {
						return err
					}
				}
				return tx.QueryRow(ctx, `select seen, due from line`).Scan(&seen, &due)
			})
			return fmt.Sprintf("%d versions ago, due in %d", version-seen, due-version)
		}
		var ago, due int64
		for n := 0; ago == 0 || due < 3; n++ {
			if _, err := fmt.Sscanf(seen(100), "%d versions ago, due in %d", &ago, &due); err != nil || n > 100 {
				t.Fatalf("it is not let alone after %d values, %v", n, err)
			}
		}
		if got, want := seen(108), fmt.Sprintf("%d versions ago, due in 1", ago+1); got != want {
			t.Errorf("an odd value: looked at %s, want %s", got, want)
		}
		if got := seen(100); got[:2] != "0 " {
			t.Errorf("the value after it: looked at %s", got)
		}
	}
}

// TestWhatIsKeptChangesNothing plays random histories in two worlds, of which one forgets before each look what earlier looks kept, and
// reads all from the metrics: with steps, several iterations, a branch, late and repeated reports, marks and deletions. The changes and
// events are the same after each look, and what is kept is what would be read.
func TestWhatIsKeptChangesNothing(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			whatIsKeptChangesNothing(t, rand.New(rand.NewPCG(seed, 5)))
		})
	}
}

func whatIsKeptChangesNothing(t *testing.T, r *rand.Rand) {
	worlds := [2]*world{newWorld(t), newWorld(t)}
	var reports [2][]string
	levels := map[string]float64{"a": 100, "b": 50, "c": 7, "c/instructions": 1000}
	names := slices.Sorted(maps.Keys(levels))
	version := 0
	submit := func(branch, commit string, start *api.StartPoint) {
		results := map[string]float64{}
		for _, name := range names {
			if r.IntN(10) == 0 {
				continue
			}
			results[name] = levels[name]
			if name != "c/instructions" {
				results[name] = worlds[0].near(levels[name])
			}
		}
		if len(results) == 0 {
			return
		}
		for i, w := range worlds {
			reports[i] = append(reports[i], w.runOn(branch, "lab", commit, start, results))
		}
	}
	// So long that most lines are left alone, then what is to be played.
	for range 20 + r.IntN(41) {
		version++
		submit("main", fmt.Sprint("m", version), nil)
		if r.IntN(4) == 0 {
			lookTwice(t, worlds)
		}
	}
	lookTwice(t, worlds)
	for range 5 + r.IntN(26) {
		switch r.IntN(10) {
		case 0: // the level of a line changes
			levels[names[r.IntN(len(names))]] *= []float64{0.8, 1.02, 1.3}[r.IntN(3)]
		case 1: // late, or once more
			submit("main", fmt.Sprint("m", 1+r.IntN(version)), nil)
		case 2:
			at := r.IntN(len(reports[0]))
			for i, w := range worlds {
				_, _ = w.events.Mark(t.Context(), local, "shop", reports[i][at], "busy") // it may be deleted
			}
		case 3:
			at := r.IntN(len(reports[0]))
			for i, w := range worlds {
				_ = w.reports.Delete(t.Context(), local, "shop", reports[i][at]) // it may be already
			}
		case 4:
			submit("pr", fmt.Sprint("p", 1+r.IntN(12)), &api.StartPoint{Branch: "main"})
		default:
			version++
			submit("main", fmt.Sprint("m", version), nil)
		}
		if r.IntN(3) > 0 {
			lookTwice(t, worlds)
		}
	}
	lookTwice(t, worlds)
}

// lookTwice looks in both worlds, in the second with nothing kept, and compares what they know then.
func lookTwice(t *testing.T, worlds [2]*world) {
	worlds[1].in(func(ctx context.Context, tx *store.Tx) error {
		for _, table := range []string{"line_band", "line_values"} {
			if _, err := tx.Exec(ctx, `delete from `+table); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `update line_news set spans = null`)
		return err
	})
	var said [2][]string
	for i, w := range worlds {
		w.look()
		w.in(func(ctx context.Context, tx *store.Tx) error {
			if err := event.KeptIsTrue(ctx, tx); err != nil {
				t.Errorf("what is kept in world %d: %v", i, err)
			}
			return nil
		})
		for _, gone := range []bool{false, true} {
			for _, e := range w.list(event.NamedFilter{Gone: gone}) {
				line := fmt.Sprintf("%v %v %d-%d of %d: %s", gone, e.Settled, e.First.Number, e.Last.Number, e.Total, say(e))
				for _, c := range e.Changes {
					line += fmt.Sprintf(" [%s %d %v %v %v %d %d]", c.Benchmark.Name, c.Number, c.Before, c.After, c.P, c.NBefore, c.NAfter)
				}
				said[i] = append(said[i], line)
			}
		}
		slices.Sort(said[i])
	}
	if diff := cmp.Diff(said[1], said[0]); diff != "" {
		t.Fatalf("with what is kept (-from the metrics +from what is kept):\n%s", diff)
	}
}

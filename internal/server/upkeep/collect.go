package upkeep

import (
	"context"
	"fmt"
	"time"

	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/store"
)

// Retention is how long things are kept that a server may forget. 0 is for ever, but for Deleted.
type Retention struct {
	Deleted time.Duration // a deleted project, with all that it has; 0: it goes with the next collection
	Outputs time.Duration // raw outputs of jobs and reports, from their end; the results stay
	Logs    time.Duration // live output of jobs that left no outputs
}

// Collected is what a collection removed.
type Collected struct {
	Rows  int64 `json:"rows"`  // outputs and live output that were forgotten
	Steps int   `json:"steps"` // transactions that removed deleted projects
	Blobs int   `json:"blobs"`
	Busy  bool  `json:"busy"` // a backup or a check runs, so blobs were left for the next time
}

// Collect removes what has outlived its retention, in small transactions, and then with blobs the bytes that no row names. Where a backup
// runs, the bytes are left for the next time.
func Collect(ctx context.Context, data string, db *store.Store, now time.Time, keep Retention,
	blobs func(context.Context) (int, error)) (out Collected, err error) {
	// step runs transactions until f says that there is no more to do. done hears of each that was committed.
	step := func(after time.Duration, f func(tx *store.Tx, before time.Time) (rows int64, more bool, err error), done func(rows int64)) error {
		for more := true; more; {
			var rows int64
			if err := db.Tx(ctx, func(tx *store.Tx) (err error) {
				rows, more, err = f(tx, now.Add(-after))
				return err
			}); err != nil {
				return err
			}
			if more || rows > 0 {
				done(rows)
			}
		}
		return nil
	}
	if err := step(keep.Deleted, func(tx *store.Tx, before time.Time) (int64, bool, error) {
		more, err := tx.PurgeDeleted(ctx, before, limits.UpkeepBatch)
		return 0, more, err
	}, func(int64) { out.Steps++ }); err != nil {
		return out, fmt.Errorf("purge deleted projects: %w", err)
	}
	forget := func(after time.Duration, f func(*store.Tx, context.Context, time.Time, int) (int64, error)) error {
		if after <= 0 {
			return nil
		}
		return step(after, func(tx *store.Tx, before time.Time) (int64, bool, error) {
			n, err := f(tx, ctx, before, limits.UpkeepBatch)
			return n, n >= limits.UpkeepBatch, err
		}, func(rows int64) { out.Rows += rows })
	}
	if err := forget(keep.Outputs, (*store.Tx).ForgetOutputs); err != nil {
		return out, err
	}
	if err := forget(keep.Logs, (*store.Tx).ForgetLogs); err != nil {
		return out, err
	}
	release, free, err := takeCollecting(data)
	if err != nil {
		return out, err
	}
	if !free {
		out.Busy = true
		return out, nil
	}
	defer release()
	out.Blobs, err = blobs(ctx)
	return out, err
}

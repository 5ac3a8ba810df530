package registry

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/blob"
	"github.com/tachograph/tacho/internal/server/image"
	"github.com/tachograph/tacho/internal/server/store"
)

// Collect removes what nobody names: expired tokens, upload sessions that nobody has touched since before, blobs of a project that no
// manifest of it names, and bytes that no row names at all: also not as the output of a job or the input of a report. Whatever before is,
// what came in the last limits.RegistryKeepNew is spared, so a push in progress loses nothing. It returns how many blobs were deleted.
//
// It marks, then sweeps. A blob that comes back to life between the two was put again, and DeleteBefore sees that. Two Collects at once
// do no harm.
func (g *Registry) Collect(ctx context.Context, before time.Time) (removed int, err error) {
	err = g.store.Tx(ctx, func(tx *store.Tx) error {
		if young := tx.Now().Add(-limits.RegistryKeepNew); before.After(young) {
			before = young
		}
		return image.DeleteExpiredTokens(ctx, tx)
	})
	if err != nil {
		return 0, fmt.Errorf("delete expired tokens: %w", err)
	}
	if err := g.dropUploads(ctx, before); err != nil {
		return 0, err
	}
	if err := g.forgetUnused(ctx, before); err != nil {
		return 0, err
	}
	named, err := image.NamedBlobs(ctx, g.store)
	if err != nil {
		return 0, err
	}
	err = g.blobs.List(ctx, func(info blob.Info) error {
		if _, kept := slices.BinarySearch(named, info.Digest); kept || !info.Modified.Before(before) {
			return nil
		}
		gone, err := g.blobs.DeleteBefore(ctx, info.Digest, before)
		if gone {
			removed++
		}
		if isMissing(err) {
			return nil // somebody else was faster
		}
		return err
	})
	if err != nil {
		return removed, fmt.Errorf("sweep blobs: %w", err)
	}
	return removed, nil
}

// forgetUnused takes blobs that no manifest names out of their project's sight.
func (g *Registry) forgetUnused(ctx context.Context, before time.Time) error {
	for more := true; more; {
		err := g.store.Tx(ctx, func(tx *store.Tx) (err error) {
			more, err = image.ForgetUnusedBlobs(ctx, tx, before, limits.RegistryCollectBatch)
			return err
		})
		if err != nil {
			return fmt.Errorf("forget unused blobs: %w", err)
		}
	}
	return nil
}

// dropUploads ends stale sessions, and forgets rows whose session is gone. A session that a request is writing to is not stale, however
// old its last acknowledgement.
func (g *Registry) dropUploads(ctx context.Context, before time.Time) error {
	ids, err := g.blobs.StaleUploads(ctx, before, limits.RegistryCollectBatch)
	if err != nil {
		return fmt.Errorf("list stale uploads: %w", err)
	}
	for _, id := range ids {
		if err := g.blobs.Abort(ctx, id); err != nil && !isMissing(err) && !fault.Is(err, fault.Conflict) {
			return fmt.Errorf("abort upload %s: %w", id, err)
		}
	}
	for last := ""; ; {
		var rows []string
		err := g.store.View(ctx, func(tx *store.Tx) (err error) {
			rows, err = image.UploadsBefore(ctx, tx, before, last, limits.RegistryCollectBatch)
			return err
		})
		if err != nil {
			return fmt.Errorf("list uploads: %w", err)
		}
		for _, id := range rows {
			last = id
			_, err := g.blobs.UploadSize(ctx, id)
			if isMissing(err) {
				err = g.forgetUpload(ctx, id)
			}
			if err != nil {
				return err
			}
		}
		if len(rows) < limits.RegistryCollectBatch {
			return nil
		}
	}
}

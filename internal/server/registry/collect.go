package registry

import (
	"context"
	"fmt"
	"time"

	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/blob"
	"github.com/tachograph/tacho/internal/server/store"
)

// Collect removes what nobody names: upload sessions begun before before, blobs of a project that no manifest of it names, and bytes that
// no row names at all. What was put at or after before is spared, so a push in progress loses nothing. It returns how many blobs went.
func (g *Registry) Collect(ctx context.Context, before time.Time) (removed int, err error) {
	if err := g.dropUploads(ctx, before); err != nil {
		return 0, err
	}
	for {
		var n int64
		if err := g.store.Tx(ctx, func(tx *store.Tx) error {
			var err error
			n, err = tx.ForgetUnusedRegistryBlobs(ctx, before, limits.RegistryCollectBatch)
			return err
		}); err != nil {
			return 0, fmt.Errorf("forget unused blobs: %w", err)
		}
		if n < limits.RegistryCollectBatch {
			break
		}
	}
	roots := map[blob.Digest]bool{}
	for last := ""; ; {
		var page []string
		if err := g.store.View(ctx, func(tx *store.Tx) error {
			var err error
			page, err = tx.BlobRoots(ctx, last, limits.RegistryCollectBatch)
			return err
		}); err != nil {
			return 0, fmt.Errorf("list named blobs: %w", err)
		}
		for _, d := range page {
			roots[blob.Digest(d)] = true
		}
		if len(page) < limits.RegistryCollectBatch {
			break
		}
		last = page[len(page)-1]
	}
	err = g.blobs.List(ctx, func(info blob.Info) error {
		if roots[info.Digest] || !info.Modified.Before(before) {
			return nil
		}
		gone, err := g.blobs.DeleteBefore(ctx, info.Digest, before)
		if gone {
			removed++
		}
		return err
	})
	return removed, err
}

func (g *Registry) dropUploads(ctx context.Context, before time.Time) error {
	for last := ""; ; {
		var ids []string
		if err := g.store.View(ctx, func(tx *store.Tx) error {
			var err error
			ids, err = tx.RegistryUploadsBefore(ctx, before, last, limits.RegistryCollectBatch)
			return err
		}); err != nil {
			return fmt.Errorf("list stale uploads: %w", err)
		}
		for _, id := range ids {
			if err := g.blobs.Abort(ctx, id); err != nil && !isMissing(err) {
				return fmt.Errorf("abort upload %s: %w", id, err)
			}
			if err := g.store.Tx(ctx, func(tx *store.Tx) error { return tx.DeleteRegistryUpload(ctx, id) }); err != nil {
				return err
			}
			last = id
		}
		if len(ids) < limits.RegistryCollectBatch {
			return nil
		}
	}
}

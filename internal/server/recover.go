package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/upkeep"
)

// RecoveredKey is an administrator's key that was made on the data folder itself.
type RecoveredKey struct {
	Secret, UUID string
	Revoked      int // other keys of the administrator that were good until now
}

// RecoverKey makes a key for the administrator of the server whose data folder is cfg.Data: who may write to that folder, or to
// cfg.Database, owns the server.
// It needs no server, and does not disturb one that runs on the folder, which knows the key with the next request.
func RecoverKey(ctx context.Context, cfg Config, revoke bool) (key RecoveredKey, err error) {
	where := store.Config{Path: filepath.Join(cfg.Data, upkeep.Database), URL: cfg.Database, Now: cfg.Now}
	if cfg.Database != "" {
		return recoverKey(ctx, where, store.DatabaseName(cfg.Database), revoke)
	}
	if _, err := os.Stat(where.Path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return key, fault.Missingf("%s holds no server's data; give the folder with --data", cfg.Data)
		}
		return key, fault.Wrap(fault.Invalid, err, "data folder %s cannot be read: %v", cfg.Data, err)
	}
	return recoverKey(ctx, where, cfg.Data, revoke)
}

func recoverKey(ctx context.Context, where store.Config, name string, revoke bool) (key RecoveredKey, err error) {
	db, err := store.Open(ctx, where)
	if err != nil {
		return key, fmt.Errorf("open %s: %w", name, err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	accounts := account.New(db, rand.Reader, fleet.RunnerIDByKeyHash)
	if err := accounts.EnsureAdmin(ctx); err != nil { // the folder was made a moment ago and nobody got so far
		return key, err
	}
	secret, row, revoked, err := accounts.RecoverKey(ctx, revoke)
	return RecoveredKey{secret, row.ID, revoked}, err
}

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

// RecoverKey makes a key for the administrator of the server whose data folder is cfg.Data: who may write to that folder owns the server.
// It needs no server, and does not disturb one that runs on the folder, which knows the key with the next request.
func RecoverKey(ctx context.Context, cfg Config, revoke bool) (key RecoveredKey, err error) {
	file := filepath.Join(cfg.Data, upkeep.Database)
	if _, err := os.Stat(file); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return key, fault.Missingf("%s holds no server's data; give the folder with --data", cfg.Data)
		}
		return key, fault.Wrap(fault.Invalid, err, "data folder %s cannot be read: %v", cfg.Data, err)
	}
	db, err := store.Open(ctx, store.Config{Path: file, Now: cfg.Now})
	if err != nil {
		return key, fmt.Errorf("open %s: %w", cfg.Data, err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	accounts := account.New(db, rand.Reader, fleet.RunnerIDByKeyHash)
	if err := accounts.EnsureAdmin(ctx); err != nil { // the folder was made a moment ago and nobody got so far
		return key, err
	}
	secret, row, revoked, err := accounts.RecoverKey(ctx, revoke)
	return RecoveredKey{secret, row.ID, revoked}, err
}

package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/upkeep"
)

// MoveParams say where the database of a data folder is moved to.
type MoveParams struct {
	To       string                               // address of a PostgreSQL database without rows
	DryRun   bool                                 // only look whether it could be moved
	Progress func(step string, done, total int64) // rows that were copied, then compared
}

// Moved is what became of it.
type Moved struct {
	store.Moved
	To     string `json:"to"` // host and name
	DryRun bool   `json:"dry_run"`
	Kept   string `json:"kept,omitempty"` // the database's file, which no server uses any more
}

// Move copies the database of a stopped server's data folder to PostgreSQL, gives the folder's objects to that one, and puts the file
// aside.
//
// Whatever ends it early, the folder serves one database or, in the moment between the last two steps, none; the same command goes on where
// it was. The rows come in one transaction. Then the folder is claimed, from which moment on no server takes the file; then the file gets
// another name, until which no server takes the folder with PostgreSQL.
func Move(ctx context.Context, cfg Config, p MoveParams) (out Moved, err error) {
	if cfg.Database != "" {
		return out, fault.Invalidf("database: the rows of this server are in a PostgreSQL database already; leave --database and " +
			"TACHO_DATABASE out")
	}
	if !store.IsPostgres(p.To) {
		return out, fault.Invalidf("the address does not begin with postgres://; it looks like postgres://user@host:5432/name")
	}
	out.To, out.DryRun = store.DatabaseName(p.To), p.DryRun
	file := filepath.Join(cfg.Data, upkeep.Database)
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return out, notMovable(cfg.Data)
	} else if err != nil {
		return out, cannotUse(cfg.Data, err)
	}
	lock, err := lockFolder(ctx, cfg.Data, holder{PID: os.Getpid()}, limits.LockWait)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if !p.DryRun {
		if err := store.FoldLog(ctx, file); err != nil { // so that the file is all there is
			return out, cannotUse(cfg.Data, err)
		}
	}
	if err := ownedByItself(ctx, cfg, p.To, file); err != nil {
		return out, err
	}
	out.Moved, err = store.Move(ctx, store.MoveParams{From: file, To: p.To, DryRun: p.DryRun,
		Progress: func(step store.MoveStep, done, total int64) { p.Progress(string(step), done, total) }})
	if err != nil || p.DryRun {
		return out, err
	}
	cfg.Database = p.To
	db, err := store.InspectPostgres(ctx, p.To)
	if err != nil {
		return out, cannotOpen(p.To, err)
	}
	if err := errors.Join(cfg.claimObjects(ctx, db), db.Close()); err != nil {
		return out, cannotUse(cfg.Data, err)
	}
	out.Kept = filepath.Join(cfg.Data, upkeep.Moved)
	if err := putAside(file, out.Kept); err != nil {
		return out, cannotUse(cfg.Data, err)
	}
	return out, nil
}

func notMovable(data string) error {
	if _, err := os.Stat(filepath.Join(data, upkeep.Moved)); err == nil {
		return fault.Missingf("%s: its database was moved before; %s is what is left of it", data, upkeep.Moved)
	}
	return fault.Missingf("%s: no data folder of a server, because there is no %s in it; --data names another", data, upkeep.Database)
}

// ownedByItself refuses a folder whose objects are of other rows than its file has. A move that broke off may have claimed it.
func ownedByItself(ctx context.Context, cfg Config, to, file string) error {
	db, err := store.Inspect(ctx, file)
	if err != nil {
		return cannotUse(cfg.Data, err)
	}
	cfg.Database = to
	_, err = cfg.ownObjects(ctx, db)
	if fault.Is(err, fault.Missing) {
		err = fault.Missingf("no server has begun on it yet: there is nothing to move; start one with --database")
	}
	if err := errors.Join(err, db.Close()); err != nil {
		return cannotUse(cfg.Data, err)
	}
	return nil
}

// putAside gives a closed database another name. Its log is empty.
func putAside(file, aside string) error {
	if err := os.Rename(file, aside); err != nil {
		return err
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Remove(file + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove what the database leaves: %w", err)
		}
	}
	return upkeep.FlushFolder(filepath.Dir(file))
}

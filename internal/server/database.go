package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/upkeep"
)

// A server keeps its rows in a file of its data folder, or in a PostgreSQL database that several servers share, with the folder's objects.
// Objects that no row names are garbage, so objects of one database must never be looked at with the rows of another: a folder says whose
// they are, in its file owner.json, or by the database that it holds.

// openStore opens the database that the settings name. What the folder holds must be of it.
func openStore(ctx context.Context, cfg Config) (*store.Store, error) {
	file := filepath.Join(cfg.Data, upkeep.Database)
	if cfg.Database == "" {
		if _, err := readOwner(cfg.Data); !errors.Is(err, fs.ErrNotExist) {
			return nil, errors.Join(fault.Conflictf("data folder %s: what it holds belongs to a PostgreSQL database; give its address with "+
				"--database or TACHO_DATABASE, or choose another folder with --data", cfg.Data), err)
		}
		check := int64(limits.CheckBytes)
		if cfg.Local {
			check = 1 // a command does not wait for it, unless there is a reason
		}
		db, err := store.Open(ctx, store.Config{Path: file, Now: cfg.Now, CheckBytes: check, OnePool: cfg.Local,
			Rehearse: cfg.Rehearse})
		if err != nil {
			return nil, cannotUse(cfg.Data, err)
		}
		return db, nil
	}
	if !store.IsPostgres(cfg.Database) {
		return nil, notPostgres
	}
	if _, err := os.Stat(file); err == nil {
		return nil, fault.Conflictf("data folder %s: it has a database of its own (%s), whose objects are not those of the given database; "+
			"choose another folder with --data", cfg.Data, upkeep.Database)
	}
	db, err := store.Open(ctx, store.Config{URL: cfg.Database, Now: cfg.Now, Rehearse: cfg.Rehearse})
	if err != nil {
		return nil, cannotOpen(cfg.Database, err)
	}
	return db, nil
}

var notPostgres = fault.Invalidf("database: its address does not begin with postgres://; leave it out for a file in the data folder")

// cannotOpen names the database in what is wrong with it, without its password.
func cannotOpen(address string, err error) error {
	name := store.DatabaseName(address)
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return fault.Wrap(f.Kind, err, "database %s: %s", name, f.Message)
	}
	return fmt.Errorf("database %s: %w", name, err)
}

// inspect opens the PostgreSQL database of the settings to be looked at beside its servers.
func inspect(ctx context.Context, cfg Config) (*store.Store, error) {
	if !store.IsPostgres(cfg.Database) {
		return nil, notPostgres
	}
	db, err := store.InspectPostgres(ctx, cfg.Database)
	if err != nil {
		return nil, cannotOpen(cfg.Database, err)
	}
	if _, err := cfg.ownObjects(ctx, db); err != nil {
		return nil, errors.Join(cannotUse(cfg.Data, err), db.Close())
	}
	return db, nil
}

// Check reads what the settings name whole: upkeep.Check of a data folder, upkeep.CheckBlobs of one whose database is elsewhere.
func Check(ctx context.Context, cfg Config, progress func(done, total int)) (upkeep.Checked, error) {
	if cfg.Database == "" {
		return upkeep.Check(ctx, cfg.Data, progress)
	}
	db, err := inspect(ctx, cfg)
	if err != nil {
		return upkeep.Checked{}, err
	}
	defer db.Close()
	return upkeep.CheckBlobs(ctx, cfg.Data, db, progress)
}

// CopyBlobs is upkeep.CopyBlobs for the PostgreSQL database of the settings.
func CopyBlobs(ctx context.Context, cfg Config, p upkeep.BackupParams) (count int, bytes int64, err error) {
	db, err := inspect(ctx, cfg)
	if err != nil {
		return 0, 0, err
	}
	defer db.Close()
	return upkeep.CopyBlobs(ctx, p, db)
}

// owner is whose the objects of a data folder are, if its database is elsewhere. A database is known by its first account, which comes
// along when it is dumped and restored.
type owner struct {
	Account string `json:"account"`
}

const ownerName = "owner.json"

func readOwner(data string) (o owner, err error) {
	text, err := os.ReadFile(filepath.Join(data, ownerName))
	if err == nil {
		err = json.Unmarshal(text, &o)
	}
	return o, err
}

// ownObjects refuses a data folder that is another database's, and says whose it is to be if it is nobody's yet.
func (c Config) ownObjects(ctx context.Context, db *store.Store) (unclaimed *owner, err error) {
	var us owner
	if err := db.View(ctx, func(tx *store.Tx) error {
		first, err := account.FirstAdmin(ctx, tx)
		us.Account = first.ID
		return err
	}); err != nil {
		return nil, err
	}
	them, err := readOwner(c.Data)
	switch {
	case err == nil && them == us:
		return nil, nil
	case err == nil:
		return nil, fault.Conflictf("what it holds belongs to another PostgreSQL database than %s; choose another folder with --data, or give "+
			"the database that it belongs to", store.DatabaseName(c.Database))
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	return &us, nil
}

// claimObjects notes whose the objects of the data folder are.
func (c Config) claimObjects(ctx context.Context, db *store.Store) error {
	if c.Database == "" {
		return nil
	}
	us, err := c.ownObjects(ctx, db)
	if err != nil || us == nil {
		return err
	}
	text, err := json.Marshal(us)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(c.Data, ".owner-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	// A server of another database may claim the folder at this moment. A second name for a file is given only where there is none, unlike
	// a new name, so one of both is first, and the other reads who it was.
	if err := os.Link(f.Name(), filepath.Join(c.Data, ownerName)); err != nil {
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		_, err := c.ownObjects(ctx, db)
		return err
	}
	return upkeep.FlushFolder(c.Data)
}

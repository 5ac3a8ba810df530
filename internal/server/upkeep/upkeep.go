// Package upkeep looks after a server's data folder: check it, copy it while the server runs, bring a copy back, and remove what nobody
// needs any more.
//
// A data folder is a database (tacho.db) and a folder of blobs under their own digests (blobs/). The rows are the truth: a blob that no row
// names is garbage, a row whose blob is missing or has other bytes is damage. So a consistent copy is a snapshot of the rows, and then the
// blobs that they name: a blob is written before the row that names it, and never changes. Only a collector could come between the two;
// it and a backup exclude each other by a lock on the folder (collect.lock), which any process can hold.
//
// Called by the server (collecting in the background) and by `tacho server check|backup|restore|gc`, which work on the folder itself, as
// does `tacho server move`. It knows nothing of HTTP, nor of who may do this: whoever can read the folder may.
package upkeep

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/blob"
	"github.com/tachograph/tacho/internal/server/image"
	"github.com/tachograph/tacho/internal/server/store"
)

// Names inside of a data folder.
const (
	Database    = "tacho.db"
	Blobs       = "blobs"
	Moved       = "tacho.db.moved" // a database whose rows are in PostgreSQL now
	collectLock = "collect.lock"
)

// Problem is one thing that is wrong with a data folder.
type Problem struct {
	Thing  string `json:"thing"`  // what it is about: the database, or a blob's digest
	Reason string `json:"reason"` // a sentence
}

// Checked is what a check found.
type Checked struct {
	Schema   int64     `json:"schema"`   // newest migration of the database
	Blobs    int       `json:"blobs"`    // that rows name
	Bytes    int64     `json:"bytes"`    // of these blobs
	Garbage  int       `json:"garbage"`  // blobs that no row names; a collection removes them
	Problems []Problem `json:"problems"` // at most limits.UpkeepProblems
}

// Check reads the whole folder, of a server or of a backup: the database's pages and references, and every blob that a row names against
// its digest. A server may run on it meanwhile. progress is called with how many blobs were read, of how many.
func Check(ctx context.Context, data string, progress func(done, total int)) (Checked, error) {
	var out Checked
	database := Database
	if m, err := ReadManifest(data); err == nil {
		database = m.Database
		sum, err := fileDigest(ctx, filepath.Join(data, database))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return out, storage(data, err)
		}
		if sum != m.SHA256 {
			out.note(database, "it has other bytes than "+manifestName+" says")
			return out, nil // to open it could change it
		}
	} else if !fault.Is(err, fault.Missing) {
		return out, err
	}
	db, blobs, err := inspect(ctx, data, database)
	if err != nil {
		return out, err
	}
	defer db.Close()
	damage, err := db.Damage(ctx, limits.UpkeepProblems)
	if err != nil {
		return out, err
	}
	for _, d := range damage {
		out.note(database, d)
	}
	err = checkBlobs(ctx, &out, db, blobs, data, progress)
	return out, err
}

// CheckBlobs is Check for the blobs of a data folder whose database is elsewhere; that one looks after itself.
func CheckBlobs(ctx context.Context, data string, db *store.Store, progress func(done, total int)) (out Checked, err error) {
	blobs, err := blob.OpenDir(filepath.Join(data, Blobs), nil)
	if err != nil {
		return out, storage(data, err)
	}
	err = checkBlobs(ctx, &out, db, blobs, data, progress)
	return out, err
}

// note adds a problem, unless there are enough.
func (out *Checked) note(thing, reason string) {
	if len(out.Problems) < limits.UpkeepProblems {
		out.Problems = append(out.Problems, Problem{thing, reason})
	}
}

func checkBlobs(ctx context.Context, out *Checked, db *store.Store, blobs *blob.Dir, data string, progress func(done, total int)) error {
	release, err := shareCollecting(data)
	if err != nil {
		return err
	}
	defer release()
	if out.Schema, err = db.Schema(ctx); err != nil {
		return err
	}
	named, err := image.NamedBlobs(ctx, db)
	if err != nil {
		return err
	}
	out.Blobs = len(named)
	is := make(map[blob.Digest]bool, len(named))
	for i, digest := range named {
		is[digest] = true
		size, err := read(ctx, blobs, digest, io.Discard)
		out.Bytes += size
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case fault.Is(err, fault.Missing):
			out.note(string(digest), "a row names it, and it is missing")
		case err != nil:
			out.note(string(digest), err.Error())
		}
		progress(i+1, len(named))
	}
	return blobs.List(ctx, func(info blob.Info) error {
		if !is[info.Digest] {
			out.Garbage++
		}
		return nil
	})
}

// inspect opens a folder to be looked at.
func inspect(ctx context.Context, data, database string) (*store.Store, *blob.Dir, error) {
	if _, err := os.Stat(filepath.Join(data, database)); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil, fault.Missingf("%s: no data folder of a server, because there is no %s in it; --data names another", data, database)
		}
		return nil, nil, fault.Wrap(fault.Unavailable, err, "%s: %v", data, err)
	}
	db, err := store.Inspect(ctx, filepath.Join(data, database))
	if err != nil {
		return nil, nil, err
	}
	blobs, err := blob.OpenDir(filepath.Join(data, Blobs), nil)
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return db, blobs, nil
}

// read copies a blob to w; its reader compares the bytes with the digest. It returns how many bytes came.
func read(ctx context.Context, blobs *blob.Dir, digest blob.Digest, w io.Writer) (int64, error) {
	r, _, err := blobs.Open(ctx, digest, 0, -1)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	return io.Copy(w, readerFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return r.Read(p)
	}))
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

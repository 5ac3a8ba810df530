package upkeep

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/blob"
	"github.com/tachograph/tacho/internal/server/image"
	"github.com/tachograph/tacho/internal/server/store"
)

// A backup is a folder:
//
//	backup.json              what it is of; written last, so a backup that broke off has none, or still the one before
//	tacho-<digits>.db        the snapshot of the database that backup.json names
//	blobs/                   what the snapshot's rows name
//
// A second backup into the same folder copies only blobs that are new, and removes what is not named any more after its own backup.json is
// there. At each moment the folder holds one whole backup.

const manifestName = "backup.json"

// Manifest is backup.json.
type Manifest struct {
	Created  time.Time `json:"created"`
	Version  string    `json:"version"` // of the program that made it
	Schema   int64     `json:"schema"`
	Database string    `json:"database"` // file name
	SHA256   string    `json:"sha256"`   // of the database, 64 hex digits
	Blobs    int       `json:"blobs"`
	Bytes    int64     `json:"bytes"` // of the blobs
}

// BackupParams say what is copied and where to.
type BackupParams struct {
	Data, To string
	Version  string
	Now      time.Time
	Progress func(done, total int) // blobs; must not be nil
}

// Backup copies a data folder to the folder To, which is new, empty, or holds an earlier backup. A server may run on the data folder
// meanwhile. What was acknowledged before it began is in it.
func Backup(ctx context.Context, p BackupParams) (Manifest, error) {
	m := Manifest{Created: p.Now.UTC().Truncate(time.Second), Version: p.Version}
	db, blobs, err := inspect(ctx, p.Data, Database)
	if err != nil {
		return m, err
	}
	defer db.Close()
	if err := backupFolder(p.To); err != nil {
		return m, err
	}
	release, err := shareCollecting(p.Data)
	if err != nil {
		return m, err
	}
	defer release()

	if m.Schema, err = db.Schema(ctx); err != nil {
		return m, err
	}
	partial := filepath.Join(p.To, ".partial.db")
	if err := os.Remove(partial); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("remove what an earlier backup left: %w", err)
	}
	defer os.Remove(partial)
	if err := db.Snapshot(ctx, partial); err != nil {
		return m, storage(p.To, err)
	}
	named, err := rootsOfFile(ctx, partial)
	if err != nil {
		return m, err
	}
	if m.SHA256, err = fileDigest(ctx, partial); err != nil { // after it was opened, which notes in the file that it has a log
		return m, err
	}
	m.Database = "tacho-" + m.SHA256[:16] + ".db"
	to, err := blob.OpenDir(filepath.Join(p.To, Blobs), nil)
	if err != nil {
		return m, storage(p.To, err)
	}
	keep := make(map[blob.Digest]bool, len(named))
	for i, digest := range named {
		size, err := copyBlob(ctx, blobs, to, digest)
		if err != nil {
			return m, fmt.Errorf("copy blob %s: %w", digest, err)
		}
		keep[digest] = true
		m.Blobs, m.Bytes = m.Blobs+1, m.Bytes+size
		p.Progress(i+1, len(named))
	}
	if err := os.Rename(partial, filepath.Join(p.To, m.Database)); err != nil {
		return m, storage(p.To, err)
	}
	if err := writeManifest(p.To, m); err != nil {
		return m, storage(p.To, err)
	}
	return m, tidy(ctx, p.To, to, m.Database, keep)
}

// CopyBlobs copies the blobs that the rows of a database elsewhere name to the folder To, which is new, empty, or holds earlier copies;
// what it holds already stays, also if no row names it any more. It returns how many there are, and their bytes.
func CopyBlobs(ctx context.Context, p BackupParams, db *store.Store) (count int, bytes int64, err error) {
	if err := backupFolder(p.To); err != nil {
		return 0, 0, err
	}
	if _, err := ReadManifest(p.To); err == nil {
		return 0, 0, fault.Invalidf("backup folder %s has the backup of a folder with its own database; name another", p.To)
	}
	release, err := shareCollecting(p.Data)
	if err != nil {
		return 0, 0, err
	}
	defer release()
	named, err := image.NamedBlobs(ctx, db)
	if err != nil {
		return 0, 0, err
	}
	from, err := blob.OpenDir(filepath.Join(p.Data, Blobs), nil)
	if err != nil {
		return 0, 0, storage(p.Data, err)
	}
	to, err := blob.OpenDir(filepath.Join(p.To, Blobs), nil)
	if err != nil {
		return 0, 0, storage(p.To, err)
	}
	for i, digest := range named {
		size, err := copyBlob(ctx, from, to, digest)
		if err != nil {
			return count, bytes, fmt.Errorf("copy blob %s: %w", digest, err)
		}
		count, bytes = i+1, bytes+size
		p.Progress(count, len(named))
	}
	return count, bytes, nil
}

// backupFolder makes the folder; one with other things in it is refused, because tidying it would remove them.
func backupFolder(to string) error {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return fault.Wrap(fault.Invalid, err, "backup folder %s cannot be made: %v", to, err)
	}
	entries, err := os.ReadDir(to)
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "backup folder %s cannot be read: %v", to, err)
	}
	for _, e := range entries {
		name := e.Name()
		ours := name == manifestName || name == Blobs || name == ".partial.db" || name == collectLock || name == ".partial.json" ||
			strings.HasPrefix(name, "tacho-") && strings.HasSuffix(name, ".db")
		if !ours {
			return fault.Invalidf("backup folder %s holds %q, which is not of a backup; name a new or empty folder", to, name)
		}
	}
	return nil
}

// copyBlob copies a blob unless one of its size is there. Bytes are compared with the digest on the way; those of an earlier backup were.
func copyBlob(ctx context.Context, from, to *blob.Dir, digest blob.Digest) (int64, error) {
	info, err := from.Stat(ctx, digest)
	if err != nil {
		return 0, err
	}
	if have, err := to.Stat(ctx, digest); err == nil && have.Size == info.Size {
		return info.Size, nil
	}
	r, _, err := from.Open(ctx, digest, 0, -1)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	got, size, err := to.Put(ctx, r, info.Size)
	if err == nil && got != digest {
		err = fmt.Errorf("its bytes have the digest %s", got)
	}
	return size, err
}

func writeManifest(folder string, m Manifest) error {
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	partial := filepath.Join(folder, ".partial.json")
	f, err := os.OpenFile(partial, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(raw, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(partial, filepath.Join(folder, manifestName)); err != nil {
		return err
	}
	return FlushFolder(folder)
}

// tidy removes what only the backup before this one needed.
func tidy(ctx context.Context, folder string, blobs *blob.Dir, database string, keep map[blob.Digest]bool) error {
	old, err := filepath.Glob(filepath.Join(folder, "tacho-*.db"))
	if err != nil {
		return err
	}
	for _, file := range old {
		if filepath.Base(file) != database {
			if err := os.Remove(file); err != nil {
				return fmt.Errorf("remove the database of the backup before: %w", err)
			}
		}
	}
	return blobs.List(ctx, func(info blob.Info) error {
		if keep[info.Digest] {
			return nil
		}
		return blobs.Delete(ctx, info.Digest)
	})
}

// ReadManifest reads what a backup is of.
func ReadManifest(folder string) (m Manifest, err error) {
	raw, err := os.ReadFile(filepath.Join(folder, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return m, fault.Missingf("%s: no backup, because there is no %s in it; one that broke off must be run again", folder, manifestName)
	}
	if err != nil {
		return m, fault.Wrap(fault.Unavailable, err, "%s: %v", folder, err)
	}
	if err := json.Unmarshal(raw, &m); err != nil || m.Database == "" || filepath.Base(m.Database) != m.Database {
		return m, fault.Invalidf("%s is damaged: it does not say which database the backup has", filepath.Join(folder, manifestName))
	}
	return m, nil
}

// Restore brings the backup From back as the data folder Data, which must not be there or be empty. Every byte is compared with its digest
// before the folder gets its name: a backup that is damaged leaves nothing. The key of an administrator is in it as it was.
func Restore(ctx context.Context, from, data string, progress func(done, total int)) (m Manifest, err error) {
	if m, err = ReadManifest(from); err != nil {
		return m, err
	}
	if entries, err := os.ReadDir(data); err == nil && len(entries) > 0 {
		return m, fault.Conflictf("data folder %s is not empty; restore to a new one, or move it away first", data)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return m, fault.Wrap(fault.Invalid, err, "data folder %s: %v", data, err)
	}
	parent := filepath.Dir(filepath.Clean(data))
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return m, fault.Wrap(fault.Invalid, err, "data folder %s cannot be made: %v", data, err)
	}
	partial, err := os.MkdirTemp(parent, filepath.Base(data)+".restoring-")
	if err != nil {
		return m, storage(parent, err)
	}
	defer os.RemoveAll(partial) // it has another name by then if all went well

	database := filepath.Join(partial, Database)
	sum, err := copyFile(ctx, filepath.Join(from, m.Database), database)
	if err != nil {
		return m, storage(partial, err)
	}
	if sum != m.SHA256 {
		return m, fault.Invalidf("backup %s is damaged: %s has other bytes than %s says", from, m.Database, manifestName)
	}
	named, err := rootsOfFile(ctx, database)
	if err != nil {
		return m, err
	}
	source, err := blob.OpenDir(filepath.Join(from, Blobs), nil)
	if err != nil {
		return m, storage(from, err)
	}
	target, err := blob.OpenDir(filepath.Join(partial, Blobs), nil)
	if err != nil {
		return m, storage(partial, err)
	}
	for i, digest := range named {
		if _, err := copyBlob(ctx, source, target, digest); err != nil {
			return m, fmt.Errorf("backup %s: blob %s: %w", from, digest, err)
		}
		progress(i+1, len(named))
	}
	if err := FlushFolder(partial); err != nil {
		return m, storage(partial, err)
	}
	if err := os.Remove(data); err != nil && !errors.Is(err, fs.ErrNotExist) { // empty
		return m, storage(data, err)
	}
	if err := os.Rename(partial, data); err != nil {
		return m, storage(data, err)
	}
	return m, FlushFolder(parent)
}

// rootsOfFile lists what the rows of a database that nobody uses name, and finds a damaged one on the way.
func rootsOfFile(ctx context.Context, file string) ([]blob.Digest, error) {
	db, err := store.Inspect(ctx, file)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	damage, err := db.Damage(ctx, limits.UpkeepProblems)
	if err != nil {
		return nil, err
	}
	if len(damage) > 0 {
		return nil, fault.New(fault.Unavailable, "the database is damaged: %s; 'tacho server check' lists all", damage[0])
	}
	return image.NamedBlobs(ctx, db)
}

func fileDigest(ctx context.Context, file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return digestOf(ctx, f, io.Discard)
}

func copyFile(ctx context.Context, from, to string) (sum string, err error) {
	in, err := os.Open(from)
	if err != nil {
		return "", err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	sum, err = digestOf(ctx, in, out)
	return sum, errors.Join(err, out.Sync(), out.Close())
}

func digestOf(ctx context.Context, r io.Reader, w io.Writer) (string, error) {
	sum := sha256.New()
	_, err := io.Copy(io.MultiWriter(w, sum), readerFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return r.Read(p)
	}))
	return hex.EncodeToString(sum.Sum(nil)), err
}

// storage says where an error of the file system happened.
func storage(folder string, err error) error {
	if fault.Of(err) != fault.Internal || errors.Is(err, context.Canceled) {
		return err
	}
	return fault.Wrap(fault.Unavailable, err, "%s: %v", folder, err)
}

package blob

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/filelock"
)

// Dir is the Store in a folder:
//
//	sha256/ab/abcd…   the blobs, by the first two hex digits; complete, read-only
//	staging/…         a Put on its way; what is here when the folder is opened is left over from a crash and removed when old
//	uploads/<id>/     a session: data (the bytes) and state (size and hash, written after the bytes are on disk)
//
// A blob comes to be by rename, after its bytes were flushed; the folder is flushed after the rename. One process owns the sessions of
// a folder; blobs may be put and read by several. A folder that several processes collect and whose sessions they share is opened by
// OpenShared: then locks on files do between processes what memory does within one.
type Dir struct {
	root  string
	now   func() time.Time
	flush func(*os.File) error // (*os.File).Sync, but for tests that count

	shared bool     // other processes do here what we do
	busy   sync.Map // session id → struct{}: the sessions inside a call
	shards sync.Map // folder → struct{}: the folders of blobs whose own names this process has flushed

	mu sync.Mutex // of alone
}

const (
	blobFolder    = "sha256"
	stagingFolder = "staging"
	uploadFolder  = "uploads"

	copyBytes = 256 << 10 // large enough that the hash, not the system calls, is the cost

	// stagingLife is how old a leftover of an interrupted Put must be to be removed at open: another process may be at work.
	stagingLife = 24 * time.Hour
)

// OpenDir returns the Store in the folder root, which is made if it is not there. now is the clock of Info.Modified and of stale
// sessions; nil is time.Now.
func OpenDir(root string, now func() time.Time) (*Dir, error) {
	if now == nil {
		now = time.Now
	}
	return openDir(&Dir{root: root, now: now, flush: (*os.File).Sync})
}

// OpenShared is OpenDir for a folder that several servers use at once. Its file system must have locks that all of them see.
func OpenShared(root string, now func() time.Time) (*Dir, error) {
	d, err := OpenDir(root, now)
	if err != nil {
		return nil, err
	}
	d.shared = true
	release, err := d.alone()
	if err != nil {
		return nil, err
	}
	release()
	return d, nil
}

// alone makes "look at the age, then remove" one step against "put again", in all processes.
func (d *Dir) alone() (release func(), err error) {
	d.mu.Lock()
	if !d.shared {
		return d.mu.Unlock, nil
	}
	f, err := os.OpenFile(filepath.Join(d.root, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err == nil {
		if err = filelock.Take(f); err == nil {
			return func() {
				_ = f.Close() // the lock goes with it
				d.mu.Unlock()
			}, nil
		}
		err = errors.Join(err, f.Close())
	}
	d.mu.Unlock()
	return nil, storageError("lock blob folder", err)
}

func openDir(d *Dir) (*Dir, error) {
	root := d.root
	for _, folder := range []string{blobFolder, stagingFolder, uploadFolder} {
		if err := os.MkdirAll(filepath.Join(root, folder), 0o700); err != nil {
			return nil, fmt.Errorf("open blob folder %s: %w", root, err)
		}
	}
	for _, folder := range []string{root, filepath.Dir(root)} {
		if err := d.flushFolder(folder); err != nil {
			return nil, fmt.Errorf("open blob folder %s: %w", root, err)
		}
	}
	if err := d.sweepStaging(); err != nil {
		return nil, fmt.Errorf("open blob folder %s: %w", root, err)
	}
	return d, nil
}

var _ Store = (*Dir)(nil)

// Put implements Store.
func (d *Dir) Put(ctx context.Context, r io.Reader, maxBytes int64) (Digest, int64, error) {
	staged, err := os.CreateTemp(filepath.Join(d.root, stagingFolder), "put-*")
	if err != nil {
		return "", 0, storageError("stage blob", err)
	}
	defer os.Remove(staged.Name()) // gone already when it was published
	defer staged.Close()

	sum := sha256.New()
	size, err := copyLimited(ctx, io.MultiWriter(staged, sum), r, maxBytes)
	if err != nil {
		return "", 0, err
	}
	if err := d.flush(staged); err != nil {
		return "", 0, storageError("flush blob", err)
	}
	if err := staged.Close(); err != nil {
		return "", 0, storageError("flush blob", err)
	}
	digest := digestOf(sum)
	if err := d.publish(staged.Name(), digest, size); err != nil {
		return "", 0, err
	}
	return digest, size, nil
}

// publish moves a flushed file to its place. If the blob is there already, its bytes are replaced by the same bytes: that renews its
// age, so that the collector spares it, and heals a damaged file.
func (d *Dir) publish(staged string, digest Digest, size int64) error {
	target := d.path(digest)
	now := d.now()
	if err := os.Chtimes(staged, now, now); err != nil {
		return storageError("date blob", err)
	}
	if err := os.Chmod(staged, 0o400); err != nil {
		return storageError("protect blob", err)
	}
	shard := filepath.Dir(target)
	if err := os.Mkdir(shard, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return storageError("make blob folder", err)
	}
	// Also when it was there: whoever made it may not have come to flush its name.
	if _, flushed := d.shards.Load(shard); !flushed {
		if err := d.flushFolder(filepath.Dir(shard)); err != nil {
			return storageError("flush blob folder", err)
		}
		d.shards.Store(shard, struct{}{})
	}

	release, err := d.alone()
	if err != nil {
		return err
	}
	defer release()
	if err := os.Rename(staged, target); err != nil {
		// Windows refuses to replace a file that someone reads; the bytes in place are the same ones.
		old, statErr := os.Stat(target)
		if statErr != nil || old.Size() != size || os.Chtimes(target, now, now) != nil {
			return storageError("publish blob", err)
		}
		return nil
	}
	if err := d.flushFolder(shard); err != nil {
		return storageError("flush blob folder", err)
	}
	return nil
}

// Open implements Store.
func (d *Dir) Open(_ context.Context, digest Digest, offset, length int64) (io.ReadCloser, int64, error) {
	if _, err := ParseDigest(string(digest)); err != nil {
		return nil, 0, err
	}
	f, err := os.Open(d.path(digest))
	if err != nil {
		return nil, 0, missingOr("open", digest, err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, storageError("open blob", err)
	}
	size := info.Size()
	if length < 0 {
		length = size - offset
	}
	if offset < 0 || offset > size || length < 0 || length > size-offset {
		f.Close()
		return nil, size, fault.Invalidf("blob %s: the range of %d bytes from %d lies outside its %d bytes", digest, length, offset, size)
	}
	if length < size {
		return &section{io.NewSectionReader(f, offset, length), f}, size, nil
	}
	return &whole{f: f, digest: digest, sum: sha256.New(), left: size}, size, nil
}

// whole reads a blob from its first byte to its last, which it gives only if all of them have the blob's digest.
type whole struct {
	f      *os.File
	digest Digest
	sum    hash.Hash
	left   int64
	err    error // of all reads from now on
}

func (w *whole) Read(p []byte) (int, error) {
	if w.err != nil || len(p) == 0 && w.left > 0 {
		return 0, w.err
	}
	n, err := w.f.Read(p[:min(int64(len(p)), w.left)])
	w.sum.Write(p[:n])
	w.left -= int64(n)
	switch {
	case w.left == 0 && digestOf(w.sum) != w.digest, errors.Is(err, io.EOF) && w.left > 0:
		w.err = Damaged(w.digest)
	case w.left == 0:
		w.err = io.EOF
		if n > 0 {
			return n, nil
		}
	case err != nil:
		w.err = storageError("read blob", err)
	default:
		return n, nil
	}
	return 0, w.err
}

func (w *whole) Close() error { return w.f.Close() }

// section is a part of an open file.
type section struct {
	*io.SectionReader
	f *os.File
}

func (s *section) Close() error { return s.f.Close() }

// Stat implements Store.
func (d *Dir) Stat(_ context.Context, digest Digest) (Info, error) {
	if _, err := ParseDigest(string(digest)); err != nil {
		return Info{}, err
	}
	info, err := os.Stat(d.path(digest))
	if err != nil {
		return Info{}, missingOr("stat", digest, err)
	}
	return Info{Digest: digest, Size: info.Size(), Modified: info.ModTime()}, nil
}

// Delete implements Store.
func (d *Dir) Delete(_ context.Context, digest Digest) error {
	if _, err := ParseDigest(string(digest)); err != nil {
		return err
	}
	release, err := d.alone()
	if err != nil {
		return err
	}
	defer release()
	return d.remove(digest)
}

// DeleteBefore implements Store.
func (d *Dir) DeleteBefore(ctx context.Context, digest Digest, before time.Time) (bool, error) {
	if _, err := ParseDigest(string(digest)); err != nil {
		return false, err
	}
	release, err := d.alone()
	if err != nil {
		return false, err
	}
	defer release()
	info, err := d.Stat(ctx, digest)
	if err != nil {
		return false, err
	}
	if !info.Modified.Before(before) {
		return false, nil
	}
	return true, d.remove(digest)
}

// remove unlinks a blob. The caller holds mu.
func (d *Dir) remove(digest Digest) error {
	path := d.path(digest)
	if err := os.Remove(path); err != nil {
		return missingOr("delete", digest, err)
	}
	if err := d.flushFolder(filepath.Dir(path)); err != nil {
		return storageError("flush blob folder", err)
	}
	return nil
}

// List implements Store. It holds the names of one shard at a time.
func (d *Dir) List(ctx context.Context, fn func(Info) error) error {
	shards, err := os.ReadDir(filepath.Join(d.root, blobFolder))
	if err != nil {
		return storageError("list blobs", err)
	}
	for _, shard := range shards {
		entries, err := os.ReadDir(filepath.Join(d.root, blobFolder, shard.Name()))
		if err != nil {
			return storageError("list blobs", err)
		}
		for _, entry := range entries {
			if err := ctx.Err(); err != nil {
				return canceled(err)
			}
			digest, err := ParseDigest(algorithm + entry.Name())
			if err != nil {
				continue // not ours
			}
			info, err := entry.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue // deleted meanwhile
			}
			if err != nil {
				return storageError("list blobs", err)
			}
			if err := fn(Info{Digest: digest, Size: info.Size(), Modified: info.ModTime()}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *Dir) path(digest Digest) string {
	name := digest.Hex()
	return filepath.Join(d.root, blobFolder, name[:2], name)
}

// Writable reports whether the folder takes bytes: it writes and flushes a small file, and removes it.
func (d *Dir) Writable(context.Context) error {
	f, err := os.CreateTemp(filepath.Join(d.root, stagingFolder), "put-*")
	if err != nil {
		return storageError("try the blob folder", err)
	}
	_, err = f.Write(make([]byte, limits.ProbeBytes))
	if err == nil {
		err = d.flush(f)
	}
	if err = cmp.Or(err, f.Close(), os.Remove(f.Name())); err != nil {
		return storageError("try the blob folder", err)
	}
	return nil
}

// sweepStaging removes what a crash has left of old Puts.
func (d *Dir) sweepStaging() error {
	entries, err := os.ReadDir(filepath.Join(d.root, stagingFolder))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || d.now().Sub(info.ModTime()) < stagingLife {
			continue
		}
		if err := os.Remove(filepath.Join(d.root, stagingFolder, entry.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// copyLimited copies r to its end, at most maxBytes, and counts. One byte more is a TooLarge fault. Errors of r and of w can be told
// apart by sourceError.
func copyLimited(ctx context.Context, w io.Writer, r io.Reader, maxBytes int64) (int64, error) {
	buffer := make([]byte, copyBytes)
	var size int64
	for {
		if err := ctx.Err(); err != nil {
			return size, &sourceError{err}
		}
		n, readErr := r.Read(buffer)
		if int64(n) > maxBytes-size {
			return size, fault.TooLargef("blob: more than the limit of %d bytes", maxBytes)
		}
		if _, err := w.Write(buffer[:n]); err != nil {
			return size, storageError("write blob", err)
		}
		size += int64(n)
		if readErr == io.EOF {
			return size, nil
		}
		if readErr != nil {
			return size, &sourceError{readErr}
		}
	}
}

// sourceError is an error of the stream that is being stored, not of the storage.
type sourceError struct{ err error }

func (e *sourceError) Error() string { return "read bytes to store: " + e.err.Error() }

func (e *sourceError) Unwrap() []error {
	if fault.Of(e.err) != fault.Internal {
		return []error{e.err}
	}
	return []error{fault.Wrap(fault.Canceled, e.err, "the stream broke off before its end")}
}

// storageError classifies an error of the file system: full or over quota is Unavailable, the rest is our own trouble.
func storageError(doing string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fault.Wrap(fault.Unavailable, err, "the blob storage is full; free space on the server's data folder and try again")
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func missingOr(doing string, digest Digest, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fault.Missingf("blob %s does not exist", digest)
	}
	return storageError(doing+" blob "+string(digest), err)
}

func canceled(err error) error { return fault.Wrap(fault.Canceled, err, "the request was given up") }

// flushFolder makes renames and removals in a folder durable. Systems that cannot flush a folder do not need it.
func (d *Dir) flushFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := d.flush(f); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, fs.ErrPermission) &&
		!errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

// newSessionID returns at least 128 random bits in sessionDigits digits of base 32.
func newSessionID() string { return rand.Text() }

const sessionDigits = 26

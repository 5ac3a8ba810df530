package blob

import (
	"context"
	"crypto/sha256"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/filelock"
)

// uploadState is the file "state" of a session. It is replaced after the bytes it speaks of are on disk, so after a crash the data may
// be longer than Size (a piece that was never acknowledged), never shorter.
type uploadState struct {
	Size int64  `json:"size"` // bytes acknowledged
	Hash []byte `json:"hash"` // of those bytes, as crypto/sha256 marshals it
}

// Begin implements Uploads.
func (d *Dir) Begin(context.Context) (string, error) {
	id := newSessionID()
	folder := d.session(id)
	if err := os.Mkdir(folder, 0o700); err != nil {
		return "", storageError("begin upload", err)
	}
	data, err := os.OpenFile(filepath.Join(folder, "data"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", storageError("begin upload", err)
	}
	if err := data.Close(); err != nil {
		return "", storageError("begin upload", err)
	}
	if err := d.writeState(folder, 0, sha256.New()); err != nil {
		return "", err
	}
	if err := d.flushFolder(filepath.Dir(folder)); err != nil {
		return "", storageError("begin upload", err)
	}
	return id, nil
}

// Append implements Uploads.
func (d *Dir) Append(ctx context.Context, id string, offset int64, r io.Reader, maxBytes int64) (int64, error) {
	release, err := d.enter(id)
	if err != nil {
		return 0, err
	}
	defer release()
	data, sum, size, err := d.resume(id)
	if err != nil {
		return 0, err
	}
	defer data.Close()
	if offset != size {
		return size, fault.Conflictf("upload %s: the piece begins at byte %d, but %d bytes have arrived; go on from there", id, offset, size)
	}

	n, copyErr := copyLimited(ctx, io.MultiWriter(data, sum), r, maxBytes-size)
	if copyErr != nil {
		if _, broke := errors.AsType[*sourceError](copyErr); !broke {
			return size, copyErr // resume cuts the data to the acknowledged size
		}
	}
	if n == 0 {
		return size, copyErr
	}
	if err := d.flush(data); err != nil {
		return size, storageError("flush upload", err)
	}
	if err := d.writeState(d.session(id), size+n, sum); err != nil {
		return size, err
	}
	return size + n, copyErr
}

// UploadSize implements Uploads.
func (d *Dir) UploadSize(_ context.Context, id string) (int64, error) {
	if err := checkSession(id); err != nil {
		return 0, err
	}
	state, err := d.readState(id)
	if err != nil {
		return 0, err
	}
	return state.Size, nil
}

// Commit implements Uploads.
func (d *Dir) Commit(_ context.Context, id string, want Digest) (int64, error) {
	if _, err := ParseDigest(string(want)); err != nil {
		return 0, err
	}
	release, err := d.enter(id)
	if err != nil {
		return 0, err
	}
	defer release()
	data, sum, size, err := d.resume(id)
	if err != nil {
		return 0, err
	}
	// resume may have cut the file; its length must be on disk before it gets a name.
	err = d.flush(data)
	if closeErr := data.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return 0, storageError("flush upload", err)
	}
	if got := digestOf(sum); got != want {
		if err := d.drop(id); err != nil {
			return 0, err
		}
		return 0, fault.Invalidf("upload %s: its %d bytes have the digest %s, not %s; the upload is given up, start again", id, size, got, want)
	}
	if err := d.publish(filepath.Join(d.session(id), "data"), want, size); err != nil {
		return 0, err
	}
	return size, d.drop(id)
}

// Abort implements Uploads.
func (d *Dir) Abort(_ context.Context, id string) error {
	release, err := d.enter(id)
	if err != nil {
		return err
	}
	defer release()
	if _, err := os.Stat(d.session(id)); err != nil {
		return noSession(id, err)
	}
	return d.drop(id)
}

// StaleUploads implements Uploads. A session's age is that of its state file.
func (d *Dir) StaleUploads(ctx context.Context, before time.Time, limit int) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(d.root, uploadFolder))
	if err != nil {
		return nil, storageError("list uploads", err)
	}
	var stale []string
	for _, entry := range entries {
		if err := ctx.Err(); err != nil {
			return stale, canceled(err)
		}
		if len(stale) == limit {
			break
		}
		info, err := os.Stat(filepath.Join(d.root, uploadFolder, entry.Name(), "state"))
		if errors.Is(err, fs.ErrNotExist) {
			info, err = entry.Info() // a crash in Begin or in drop
		}
		if err == nil && checkSession(entry.Name()) == nil && info.ModTime().Before(before) {
			stale = append(stale, entry.Name())
		}
	}
	return stale, nil
}

// enter claims a session for one call.
func (d *Dir) enter(id string) (release func(), err error) {
	if err := checkSession(id); err != nil {
		return nil, err
	}
	if _, taken := d.busy.LoadOrStore(id, struct{}{}); taken {
		return nil, fault.Conflictf("upload %s: another request is writing to it; ask for its state and go on from there", id)
	}
	if !d.shared {
		return func() { d.busy.Delete(id) }, nil
	}
	f, err := os.OpenFile(filepath.Join(d.session(id), "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, fs.ErrNotExist) { // there is no such session, and what comes next says so
		return func() { d.busy.Delete(id) }, nil
	}
	if err == nil {
		if err = filelock.Try(f); err == nil {
			return func() {
				_ = f.Close() // the lock goes with it
				d.busy.Delete(id)
			}, nil
		}
		err = errors.Join(err, f.Close())
	}
	d.busy.Delete(id)
	if errors.Is(err, filelock.ErrHeld) {
		return nil, fault.Conflictf("upload %s: another request is writing to it; ask for its state and go on from there", id)
	}
	return nil, storageError("lock upload", err)
}

// resume opens a session's data for writing at its acknowledged end, with the hash of what is before it.
func (d *Dir) resume(id string) (data *os.File, sum hash.Hash, size int64, err error) {
	state, err := d.readState(id)
	if err != nil {
		return nil, nil, 0, err
	}
	data, err = os.OpenFile(filepath.Join(d.session(id), "data"), os.O_RDWR, 0)
	if err != nil {
		return nil, nil, 0, noSession(id, err)
	}
	defer func() {
		if err != nil {
			data.Close()
		}
	}()
	info, err := data.Stat()
	if err != nil {
		return nil, nil, 0, storageError("resume upload", err)
	}
	if info.Size() < state.Size {
		return nil, nil, 0, fmt.Errorf("resume upload %s: %d bytes are on disk, %d were acknowledged", id, info.Size(), state.Size)
	}
	if err := data.Truncate(state.Size); err != nil {
		return nil, nil, 0, storageError("resume upload", err)
	}
	sum = sha256.New()
	if sum.(encoding.BinaryUnmarshaler).UnmarshalBinary(state.Hash) != nil {
		// Written by another version of the standard library: read the bytes again.
		sum = sha256.New()
		if _, err := io.Copy(sum, data); err != nil {
			return nil, nil, 0, storageError("resume upload", err)
		}
	}
	if _, err := data.Seek(state.Size, io.SeekStart); err != nil {
		return nil, nil, 0, storageError("resume upload", err)
	}
	return data, sum, state.Size, nil
}

func (d *Dir) readState(id string) (uploadState, error) {
	var state uploadState
	text, err := os.ReadFile(filepath.Join(d.session(id), "state"))
	if err != nil {
		return state, noSession(id, err)
	}
	if err := json.Unmarshal(text, &state); err != nil {
		return state, fmt.Errorf("read state of upload %s: %w", id, err)
	}
	return state, nil
}

// writeState replaces the state file in one step.
func (d *Dir) writeState(folder string, size int64, sum hash.Hash) error {
	sumState, err := sum.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		return fmt.Errorf("save hash of upload: %w", err)
	}
	text, err := json.Marshal(uploadState{Size: size, Hash: sumState})
	if err != nil {
		return fmt.Errorf("save state of upload: %w", err)
	}
	next := filepath.Join(folder, "state.next")
	f, err := os.OpenFile(next, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return storageError("save state of upload", err)
	}
	_, err = f.Write(text)
	if err == nil {
		err = d.flush(f)
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	now := d.now()
	if err == nil {
		err = os.Chtimes(next, now, now)
	}
	if err == nil {
		err = os.Rename(next, filepath.Join(folder, "state"))
	}
	if err == nil {
		err = d.flushFolder(folder)
	}
	if err != nil {
		return storageError("save state of upload", err)
	}
	return nil
}

func (d *Dir) drop(id string) error {
	if err := os.RemoveAll(d.session(id)); err != nil {
		return storageError("end upload", err)
	}
	return nil
}

func (d *Dir) session(id string) string { return filepath.Join(d.root, uploadFolder, id) }

// checkSession refuses ids that Begin would not make, so that no id leads out of the folder.
func checkSession(id string) error {
	if len(id) != sessionDigits || strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" {
		return fault.Missingf("upload %s does not exist; it may have been finished or given up", quote(id))
	}
	return nil
}

func noSession(id string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fault.Missingf("upload %s does not exist; it may have been finished or given up", id)
	}
	return storageError("read upload "+id, err)
}

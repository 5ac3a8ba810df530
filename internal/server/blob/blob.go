// Package blob keeps bytes under the name of their own SHA-256: image layers, job outputs, original reports.
//
// It knows nothing of projects, tags or who may read: the rows that name a blob are the store's, and a blob that no row names is
// garbage which the registry's collector sweeps. A blob is visible whole or not at all, and never under a digest that is not its own.
//
// Store is the interface because there are to be two drivers, a folder (Dir, here) and an S3-compatible store; package blobtest is the
// specification that each of them passes. Called by the registry, report and the job queue.
//
// # What it promises
//
// When Put, Append or Commit returns, the bytes, and the names that lead to them, are flushed to the disk. A blob that is read whole is
// held against its digest on the way: bytes that have changed on the disk are an error in place of the last ones, never taken for what was
// stored. A part of a blob is not checked, because all of it would have to be read.
//
// # Two ways in
//
// Put takes a stream to its end. An upload session (Begin, Append…, Commit) takes a stream in pieces over many requests and survives
// a restart of the process between them: what Append has acknowledged is on disk, with the state of the hash, so that Commit does not
// read a gigabyte again. Bytes become visible only in the last step of either, after their digest is known.
package blob

import (
	"context"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"strings"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
)

// Digest is the name of a blob: "sha256:" and 64 lower-case hex digits. A value made by ParseDigest or by a Store is well formed.
type Digest string

const algorithm = "sha256:"

// ParseDigest returns s as a Digest, or an Invalid fault if it is not "sha256:" and 64 lower-case hex digits.
func ParseDigest(s string) (Digest, error) {
	if !ident.IsDigest(s) {
		return "", fault.Invalidf("digest %s: want sha256: and 64 lower-case hexadecimal digits", quote(s))
	}
	return Digest(s), nil
}

// Hex returns the 64 hex digits without the algorithm.
func (d Digest) Hex() string { return strings.TrimPrefix(string(d), algorithm) }

func (d Digest) String() string { return string(d) }

func digestOf(h hash.Hash) Digest { return Digest(algorithm + hex.EncodeToString(h.Sum(nil))) }

// ErrDamaged is in the chain of the error of a read whose bytes do not have the blob's digest any more.
var ErrDamaged = errors.New("its bytes do not have this digest")

// Damaged says that a blob has other bytes than it was stored with. Whoever knows a blob's size and finds another says it too.
func Damaged(d Digest) error {
	return fault.Wrap(fault.Unavailable, ErrDamaged,
		"blob %s is damaged: its bytes on the server's disk have changed; restore it from a backup, or store the same bytes again", d)
}

// Info is what is known of a blob without reading it.
type Info struct {
	Digest Digest
	Size   int64 // bytes
	// Modified is when the bytes were last put, also if they had been there before. The collector spares what is young by it.
	Modified time.Time
}

// Store holds blobs. All methods are safe for concurrent use. Errors are faults: Missing for what is not there, Invalid for a
// malformed digest, range or session, TooLarge over the caller's limit, Unavailable when the storage is full or away.
type Store interface {
	// Put stores r to its end and returns its digest and its size in bytes. More than maxBytes is TooLarge, and nothing is kept.
	Put(ctx context.Context, r io.Reader, maxBytes int64) (Digest, int64, error)
	// Open returns length bytes from offset (length < 0: to the end) and the size of the whole blob. The range must lie inside it;
	// an empty range at the end is allowed. Reading all of a blob ends with ErrDamaged if it is; a part of it says nothing, so whoever
	// decides something by a blob reads all of it. The reader must be closed; it stays good when the blob is deleted meanwhile.
	Open(ctx context.Context, d Digest, offset, length int64) (io.ReadCloser, int64, error)
	Stat(ctx context.Context, d Digest) (Info, error)
	// Delete removes a blob; one that is not there is Missing.
	Delete(ctx context.Context, d Digest) error
	// DeleteBefore removes a blob unless it was put (again) at or after before, in one step with looking. It reports whether it did.
	DeleteBefore(ctx context.Context, d Digest, before time.Time) (bool, error)
	// List calls fn for every blob, in the order of digests, until it returns an error, which List returns. A blob that comes or
	// goes meanwhile may be told or not.
	List(ctx context.Context, fn func(Info) error) error

	Uploads
}

// Uploads are the sessions of a Store for streams that arrive in pieces. One session takes one call at a time: a second one meanwhile is
// a Conflict.
type Uploads interface {
	// Begin opens a session and returns its id, which cannot be guessed.
	Begin(ctx context.Context) (id string, err error)
	// Append adds r to its end at offset, which must be the session's size (else Conflict), and returns the new size. If the session
	// would grow over maxBytes it is TooLarge and stays as it was. If r breaks off, what has come is kept, and the returned size counts
	// it, so that the sender can go on from there.
	Append(ctx context.Context, id string, offset int64, r io.Reader, maxBytes int64) (size int64, err error)
	// UploadSize returns the size in bytes that a session has reached.
	UploadSize(ctx context.Context, id string) (int64, error)
	// Commit makes the session's bytes a blob if their digest is want, else it is Invalid. The session is over either way.
	Commit(ctx context.Context, id string, want Digest) (size int64, err error)
	// Abort ends a session and forgets its bytes.
	Abort(ctx context.Context, id string) error
	// StaleUploads returns the ids of at most limit sessions that nobody has touched since before.
	StaleUploads(ctx context.Context, before time.Time, limit int) ([]string, error)
}

// quote shortens what came from outside for a sentence.
func quote(s string) string {
	const most = 100
	if len(s) > most {
		s = s[:most] + "…"
	}
	return `"` + strings.Map(func(r rune) rune {
		if r < ' ' || r == '"' || r == 0x7f {
			return '?'
		}
		return r
	}, s) + `"`
}

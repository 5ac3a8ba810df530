package blob_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/blob"
	"github.com/tachograph/tacho/internal/server/blob/blobtest"
)

// clock is a clock that a test moves.
type clock struct{ us atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.us.Store(time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC).UnixMicro())
	return c
}

func (c *clock) now() time.Time          { return time.UnixMicro(c.us.Load()) }
func (c *clock) advance(d time.Duration) { c.us.Add(d.Microseconds()) }

func openDir(t *testing.T, root string, c *clock) *blob.Dir {
	t.Helper()
	d, err := blob.OpenDir(root, c.now)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDirKeepsTheContract(t *testing.T) {
	t.Parallel()
	contract(t, blob.OpenDir)
}

func TestDirThatServersShareKeepsTheContract(t *testing.T) {
	t.Parallel()
	contract(t, blob.OpenShared)
}

func contract(t *testing.T, open func(string, func() time.Time) (*blob.Dir, error)) {
	t.Helper()
	blobtest.Run(t, func(t *testing.T) blobtest.Fixture {
		root, c := t.TempDir(), newClock()
		reopen := func() blob.Store {
			d, err := open(root, c.now)
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		return blobtest.Fixture{
			Store:   reopen(),
			Advance: c.advance,
			Now:     c.now,
			Reopen:  reopen,
			Damage: func(d blob.Digest, found []byte) {
				path := filepath.Join(root, "sha256", d.Hex()[:2], d.Hex())
				if err := errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, found, 0o600)); err != nil {
					t.Error(err)
				}
			},
		}
	})
}

func TestDirShardsByTheFirstTwoDigits(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	d := openDir(t, root, newClock())
	digest, _, err := d.Put(t.Context(), strings.NewReader("hello"), 5)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(root, "sha256", digest.Hex()[:2], digest.Hex())
	if got, err := os.ReadFile(path); err != nil || string(got) != "hello" {
		t.Errorf("want hello in %s, got %q, %v", path, got, err)
	}
}

func TestDirLeavesNothingBehindInStaging(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	d := openDir(t, root, newClock())
	for _, limit := range []int64{3, 10} {
		d.Put(t.Context(), strings.NewReader("hello"), limit)
	}
	id, err := d.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Append(t.Context(), id, 0, strings.NewReader("upload"), 10); err != nil {
		t.Fatal(err)
	}
	if err := d.Abort(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"staging", "uploads"} {
		entries, err := os.ReadDir(filepath.Join(root, folder))
		if err != nil || len(entries) != 0 {
			t.Errorf("%s: %v, %v", folder, entries, err)
		}
	}
}

// A crash between the write of a piece and its acknowledgement leaves more bytes than the state tells. They are cut off.
func TestUploadAfterACrashGoesOnFromWhatWasAcknowledged(t *testing.T) {
	t.Parallel()
	root, c := t.TempDir(), newClock()
	d := openDir(t, root, c)
	id, err := d.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Append(t.Context(), id, 0, strings.NewReader("hello "), 100); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(root, "uploads", id, "data")
	if err := os.WriteFile(data, []byte("hello half a pie"), 0o600); err != nil {
		t.Fatal(err)
	}

	d = openDir(t, root, c)
	if size, err := d.UploadSize(t.Context(), id); err != nil || size != 6 {
		t.Fatalf("size: want 6, got %d, %v", size, err)
	}
	if _, err := d.Append(t.Context(), id, 6, strings.NewReader("world"), 100); err != nil {
		t.Fatal(err)
	}
	want, _, err := openDir(t, t.TempDir(), c).Put(t.Context(), strings.NewReader("hello world"), 100)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Commit(t.Context(), id, want); err != nil {
		t.Error(err)
	}
}

// The state of the hash is an encoding of the standard library; one that it does not know makes the session read its bytes again.
func TestUploadWithAnUnknownHashStateReadsItsBytesAgain(t *testing.T) {
	t.Parallel()
	root, c := t.TempDir(), newClock()
	d := openDir(t, root, c)
	id, err := d.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Append(t.Context(), id, 0, strings.NewReader("hello "), 100); err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(root, "uploads", id, "state")
	if err := os.WriteFile(state, []byte(`{"size":6,"hash":"b3RoZXI="}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Append(t.Context(), id, 6, strings.NewReader("world"), 100); err != nil {
		t.Fatal(err)
	}
	want, _, err := openDir(t, t.TempDir(), c).Put(t.Context(), strings.NewReader("hello world"), 100)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Commit(t.Context(), id, want); err != nil {
		t.Error(err)
	}
}

func TestOpenRemovesOldStagingAndSparesYoung(t *testing.T) {
	t.Parallel()
	root, c := t.TempDir(), newClock()
	openDir(t, root, c)
	for name, age := range map[string]time.Duration{"put-old": 25 * time.Hour, "put-young": time.Hour} {
		path := filepath.Join(root, "staging", name)
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, c.now().Add(-age), c.now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	openDir(t, root, c)
	if _, err := os.Stat(filepath.Join(root, "staging", "put-old")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("old leftover: want it gone, got %v", err)
	}
	if _, err := os.Stat(filepath.Join(root, "staging", "put-young")); err != nil {
		t.Errorf("young file of another process: want it kept, got %v", err)
	}
}

func TestForeignFilesAreNotListed(t *testing.T) {
	t.Parallel()
	root, c := t.TempDir(), newClock()
	d := openDir(t, root, c)
	digest, _, err := d.Put(t.Context(), strings.NewReader("hello"), 100)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "sha256", digest.Hex()[:2], "README"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := d.List(t.Context(), func(blob.Info) error { n++; return nil }); err != nil || n != 1 {
		t.Errorf("want 1 blob, got %d, %v", n, err)
	}
}

func TestParseDigest(t *testing.T) {
	t.Parallel()
	good := "sha256:" + strings.Repeat("0a", 32)
	if d, err := blob.ParseDigest(good); err != nil || d.Hex() != good[7:] || d.String() != good {
		t.Errorf("%s: got %q, %v", good, d, err)
	}
	for _, bad := range []string{"", "sha256:", good + "0", "sha512:" + good[7:], strings.ToUpper(good), " " + good} {
		if _, err := blob.ParseDigest(bad); fault.Of(err) != fault.Invalid {
			t.Errorf("%q: want invalid, got %v", bad, err)
		}
	}
}

package blob

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const helloDigest Digest = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

// flushes notes each flush of a folder of blobs: what was flushed, and whether the blob hello was in its place by then.
type flushes struct {
	root  string
	notes []string
}

func (f *flushes) flush(file *os.File) error {
	name, err := filepath.Rel(f.root, file.Name())
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if dir, base := filepath.Split(name); dir == "staging/" && strings.HasPrefix(base, "put-") {
		name = "staging/put"
	} else if dir, base, ok := strings.Cut(name, "/"); ok && dir == uploadFolder {
		_, rest, _ := strings.Cut(base, "/")
		name = filepath.Join("uploads/session", rest)
	}
	if info.Mode().IsRegular() && filepath.Base(name) != "state.next" {
		name = fmt.Sprintf("%s: %d bytes", name, info.Size())
	}
	if _, err := os.Stat(filepath.Join(f.root, "sha256", helloDigest.Hex()[:2], helloDigest.Hex())); err == nil {
		name += ", in place"
	}
	f.notes = append(f.notes, name)
	return file.Sync()
}

// since returns what was flushed since the last call.
func (f *flushes) since() []string {
	notes := f.notes
	f.notes = nil
	return notes
}

func openCounting(t *testing.T) (*Dir, *flushes) {
	t.Helper()
	root := filepath.Join(t.TempDir(), "blobs")
	f := &flushes{root: root}
	d, err := openDir(&Dir{root: root, now: time.Now, flush: f.flush})
	if err != nil {
		t.Fatal(err)
	}
	return d, f
}

// A power cut after the acknowledgement must find the bytes and every name that leads to them.
func TestPutIsOnTheDiskWhenItReturns(t *testing.T) {
	t.Parallel()
	d, f := openCounting(t)
	check := func(want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, f.since()); diff != "" {
			t.Errorf("flushed (-want +got):\n%s", diff)
		}
	}
	put := func() {
		t.Helper()
		if digest, _, err := d.Put(t.Context(), strings.NewReader("hello"), 100); err != nil || digest != helloDigest {
			t.Fatal(digest, err)
		}
	}
	check(".", "..")
	// A process that was killed has made the folder of the blob, and not flushed its name.
	if err := os.Mkdir(filepath.Join(f.root, "sha256", "2c"), 0o700); err != nil {
		t.Fatal(err)
	}
	put()
	check("staging/put: 5 bytes", "sha256", "sha256/2c, in place")
	put() // the age of a blob that is put again counts too
	check("staging/put: 5 bytes, in place", "sha256/2c, in place")
}

func TestUploadIsOnTheDiskWhenItIsAcknowledged(t *testing.T) {
	t.Parallel()
	d, f := openCounting(t)
	f.since()
	check := func(want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, f.since()); diff != "" {
			t.Errorf("flushed (-want +got):\n%s", diff)
		}
	}
	id, err := d.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	check("uploads/session/state.next", "uploads/session", "uploads")
	if _, err := d.Append(t.Context(), id, 0, strings.NewReader("hello"), 100); err != nil {
		t.Fatal(err)
	}
	check("uploads/session/data: 5 bytes", "uploads/session/state.next", "uploads/session")
	if _, err := d.Commit(t.Context(), id, helloDigest); err != nil {
		t.Fatal(err)
	}
	check("uploads/session/data: 5 bytes", "sha256", "sha256/2c, in place")
}

func TestFailedFlushIsNotAcknowledged(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"staging/put: 5 bytes", "sha256", "sha256/2c, in place"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			d, f := openCounting(t)
			d.flush = func(file *os.File) error {
				if err := f.flush(file); err != nil {
					return err
				}
				if slices.Contains(f.notes, what) {
					return os.ErrInvalid
				}
				return nil
			}
			if _, _, err := d.Put(t.Context(), strings.NewReader("hello"), 100); err == nil {
				t.Error("acknowledged although the flush failed")
			}
			f.since()
			d.flush = f.flush
			if _, _, err := d.Put(t.Context(), strings.NewReader("hello"), 100); err != nil {
				t.Errorf("the next try: %v", err)
			}
		})
	}
}

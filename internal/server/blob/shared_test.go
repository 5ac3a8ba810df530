package blob

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/filelock"
)

// TestABlobComesAndGoesAlone: what changes the names of blobs does it under the lock that all servers of a folder have, so that a collector
// does not look at the age of a blob and then remove what another server has put again.
func TestABlobComesAndGoesAlone(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	d := openShared(t, root)
	changes := 0
	d.flush = func(f *os.File) error {
		if filepath.Dir(f.Name()) != filepath.Join(root, blobFolder) { // a folder of blobs is flushed when a name in it has changed
			return nil
		}
		changes++
		lock, err := os.OpenFile(filepath.Join(root, "lock"), os.O_RDWR, 0)
		if err != nil {
			return err
		}
		defer lock.Close()
		if err := filelock.Try(lock); !errors.Is(err, filelock.ErrHeld) {
			t.Errorf("change %d: the folder was not locked: %v", changes, err)
		}
		return nil
	}
	digest, _, err := d.Put(t.Context(), strings.NewReader("x"), 10)
	if err != nil {
		t.Fatal(err)
	}
	if gone, err := d.DeleteBefore(t.Context(), digest, time.Now().Add(time.Hour)); err != nil || !gone {
		t.Fatalf("gone: %v, %v", gone, err)
	}
	if _, _, err = d.Put(t.Context(), strings.NewReader("x"), 10); err != nil {
		t.Fatal(err)
	}
	if err := d.Delete(t.Context(), digest); err != nil {
		t.Fatal(err)
	}
	if changes != 4 {
		t.Errorf("%d changes were seen, want 4", changes)
	}
}

func openShared(t *testing.T, root string) *Dir {
	t.Helper()
	d, err := OpenShared(root, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// halting gives its first bytes, and the others once it may.
type halting struct {
	first   io.Reader
	halted  chan<- bool
	release <-chan bool
	rest    io.Reader
}

func (h *halting) Read(p []byte) (int, error) {
	if n, _ := h.first.Read(p); n > 0 {
		return n, nil
	}
	if h.halted != nil {
		h.halted <- true
		<-h.release
		h.halted = nil
	}
	return h.rest.Read(p)
}

func TestTwoServersDoNotWriteToOneUpload(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	a, b := openShared(t, root), openShared(t, root)
	id, err := a.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	halted, release, done := make(chan bool), make(chan bool), make(chan error, 1)
	go func() {
		_, err := a.Append(context.WithoutCancel(t.Context()), id, 0, &halting{strings.NewReader("ab"), halted, release,
			strings.NewReader("cd")}, 10)
		done <- err
	}()
	<-halted
	if _, err := b.Append(t.Context(), id, 0, bytes.NewReader([]byte("xx")), 10); !fault.Is(err, fault.Conflict) {
		t.Errorf("a second request, at another server: %v, want a Conflict", err)
	}
	release <- true
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if size, err := b.Append(t.Context(), id, 4, strings.NewReader("ef"), 10); err != nil || size != 6 {
		t.Errorf("the next piece at the other server: %d bytes, %v", size, err)
	}
	if err := b.Abort(t.Context(), id); err != nil {
		t.Error(err)
	}
	if err := a.Abort(t.Context(), id); !fault.Is(err, fault.Missing) {
		t.Errorf("once more: %v, want a Missing fault", err)
	}
}

package blob

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/tachograph/tacho/internal/core/fault"
)

// /dev/full answers every write as a full disk does.
func TestFullDiskIsUnavailable(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("needs /dev/full: %v", err)
	}
	defer full.Close()
	_, err = copyLimited(t.Context(), full, strings.NewReader("hello"), 100)
	if fault.Of(err) != fault.Unavailable {
		t.Fatalf("want unavailable, got %v", err)
	}
	if !strings.Contains(fault.Message(err), "full") {
		t.Errorf("the sentence does not say why: %s", fault.Message(err))
	}
}

func TestStorageErrorsAreClassified(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want fault.Kind
	}{
		{syscall.ENOSPC, fault.Unavailable},
		{syscall.EDQUOT, fault.Unavailable},
		{syscall.EIO, fault.Internal},
		{fs.ErrPermission, fault.Internal},
	} {
		err := storageError("write blob", fmt.Errorf("deep: %w", &fs.PathError{Op: "write", Path: "/secret", Err: c.err}))
		if got := fault.Of(err); got != c.want {
			t.Errorf("%v: want %v, got %v", c.err, c.want, got)
		}
		if strings.Contains(fault.Message(err), "/secret") {
			t.Errorf("%v: the sentence shows a path: %s", c.err, fault.Message(err))
		}
	}
}

//go:build linux

package isolatetest

import (
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/runner/isolate"
)

func read(s isolate.Sandbox, path string) (string, error) {
	r, size, err := s.Open(path)
	if err != nil {
		return "", err
	}
	defer r.Close()
	body, err := io.ReadAll(r)
	if err == nil && int64(len(body)) != size {
		err = fmt.Errorf("%s has %d bytes, and its size is said to be %d", path, len(body), size)
	}
	return string(body), err
}

func filesOfACommandCanBeCollected(t *bench) {
	_, s := t.ran(t.task("leave"), nil)
	for _, path := range []string{"/tmp/file", "tmp/file", "/tmp/../tmp/./file", "/tmp/file"} {
		if got, err := read(s, path); err != nil || got != "kept" {
			t.Errorf("Open(%s) = %q, %v", path, got, err)
		}
	}
	for path, want := range map[string]fault.Kind{"/nothing": fault.Missing, "/tmp/file/below": fault.Missing, "/tmp": fault.Invalid, "": fault.Invalid} {
		if _, _, err := s.Open(path); !fault.Is(err, want) {
			t.Errorf("Open(%s) = %v, want %v", path, err, want)
		}
	}
}

// noLinkLeadsOut has links to a file of this host. Inside, a link's root is the sandbox's.
func noLinkLeadsOut(t *bench) {
	ours := filepath.Join(t.TempDir(), "ours")
	if err := os.WriteFile(ours, []byte("leaked"), 0o644); err != nil {
		t.Fatal(err)
	}
	got, s := t.ran(t.task("link", ours), nil)
	if got.exit.Code != 0 {
		t.Fatalf("the links could not be made: %+v", got)
	}
	for _, path := range []string{"/tmp/absolute", "/tmp/relative", "/tmp/folder/file", "/tmp/twice", "/tmp/above"} {
		if got, err := read(s, path); err != nil || got != "kept" {
			t.Errorf("inside: Open(%s) = %q, %v", path, got, err)
		}
	}
	for path, want := range map[string]fault.Kind{
		"/tmp/out": fault.Missing, "/tmp/up": fault.Missing, "/tmp/root" + ours: fault.Missing, "../../../../../../../.." + ours: fault.Missing,
		"/tmp/dangling": fault.Missing, "/tmp/loop": fault.Invalid,
	} {
		if got, err := read(s, path); !fault.Is(err, want) {
			t.Errorf("outside: Open(%s) = %q, %v, want %v", path, got, err, want)
		}
	}
	// A pipe may have been in the sandbox's own kernel alone; what counts is that it keeps nobody waiting.
	if _, err := read(s, "/tmp/fifo"); !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.Missing) {
		t.Errorf("a pipe: %v", err)
	}
}

// theImageStaysAsItIs overwrites, renames, removes and adds; Run compares the image at its end.
func theImageStaysAsItIs(t *bench) {
	before, err := fingerprint(t.image)
	if err != nil {
		t.Fatal(err)
	}
	got, s := t.ran(t.task("spoil"), nil)
	if got.stdout != "spoiled\n" {
		t.Fatalf("it could not change its own files: %+v", got)
	}
	if text, err := read(s, "/etc/passwd"); err != nil || text != "spoiled" {
		t.Errorf("it has %q, %v", text, err)
	}
	after, err := fingerprint(t.image)
	if err != nil || fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("the image was %v and is %v, %v", before, after, err)
	}
	if text := t.run(t.task("leave"), nil).stdout; text != "left\n" { // the next one has the image as it was
		t.Errorf("the next command said %q", text)
	}
}

// fingerprint says of each file in a folder what a command could change.
func fingerprint(dir string) (map[string]string, error) {
	out := map[string]string{}
	return out, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		owner, _ := info.Sys().(*syscall.Stat_t)
		sum := [32]byte{}
		if info.Mode().IsRegular() {
			body, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			sum = sha256.Sum256(body)
		}
		out[path] = fmt.Sprintf("%s %d:%d %s %x", info.Mode(), owner.Uid, owner.Gid, info.ModTime(), sum[:8])
		return nil
	})
}

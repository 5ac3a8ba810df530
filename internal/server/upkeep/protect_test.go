package upkeep

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFoldersAndFilesThatWereOpenAreClosed(t *testing.T) {
	t.Parallel()
	f := newWholeFixture(t)
	f.report(f.project, "input")
	if err := f.store.Close(); err != nil {
		t.Fatal(err)
	}
	open := func(path string, mode os.FileMode) {
		t.Helper()
		if err := os.Chmod(filepath.Join(f.data, path), mode); err != nil {
			t.Fatal(err)
		}
	}
	open(Database, 0o644)
	open(Blobs, 0o755)
	open(filepath.Join(Blobs, "sha256"), 0o755)
	open(".", 0o755)
	if err := Protect(f.data); err != nil {
		t.Fatal(err)
	}
	f.open()
	for path, want := range map[string]os.FileMode{
		".": 0o700, Database: 0o600, Database + "-wal": 0o600, Database + "-shm": 0o600, Blobs: 0o700, filepath.Join(Blobs, "sha256"): 0o700,
	} {
		info, err := os.Stat(filepath.Join(f.data, path))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, %v, want %v", path, info.Mode().Perm(), err, want)
		}
	}
}

func TestAFolderThatIsNotOursKeepsItsMode(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if err := os.WriteFile(filepath.Join(f.data, "holiday.jpg"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(f.data, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Protect(f.data); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(f.data); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

package upkeep

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Protect makes a data folder, and the folders in it, open to their owner alone, also where an earlier version or a restore from elsewhere
// made them otherwise. Files of the database have their mode from the store, blobs from theirs. A folder that has other things in it than
// ours keeps its own mode: it is somebody's home, or /tmp.
func Protect(data string) error {
	entries, err := os.ReadDir(data)
	if err != nil {
		return fmt.Errorf("protect data folder: %w", err)
	}
	ours := true
	for _, e := range entries {
		switch e.Name() {
		case Database, Database + "-wal", Database + "-shm", Moved, "owner.json", Blobs, collectLock, "lock", "unsent":
		default:
			ours = false
		}
	}
	folders := []string{filepath.Join(data, Blobs)}
	if ours {
		folders = append(folders, data)
	}
	inside, err := os.ReadDir(folders[0])
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("protect blobs: %w", err)
	}
	for _, e := range inside {
		if e.IsDir() {
			folders = append(folders, filepath.Join(folders[0], e.Name()))
		}
	}
	for _, folder := range folders {
		info, err := os.Lstat(folder)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil && info.IsDir() && info.Mode().Perm() != 0o700 {
			err = os.Chmod(folder, 0o700)
		}
		if err != nil {
			return fmt.Errorf("protect %s: %w", folder, err)
		}
	}
	return nil
}

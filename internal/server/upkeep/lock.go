package upkeep

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tachograph/tacho/internal/server/filelock"
)

// shareCollecting keeps collectors away from a data folder until release; readers of the folder share it.
func shareCollecting(data string) (release func(), err error) {
	release, _, err = lock(data, filelock.Share)
	return release, err
}

// takeCollecting makes the caller the only collector; free is false while somebody reads the folder.
func takeCollecting(data string) (release func(), free bool, err error) {
	return lock(data, filelock.Try)
}

func lock(data string, take func(*os.File) error) (release func(), free bool, err error) {
	f, err := os.OpenFile(filepath.Join(data, collectLock), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, false, fmt.Errorf("lock %s: %w", data, err)
	}
	switch err := take(f); {
	case errors.Is(err, filelock.ErrHeld):
		return nil, false, f.Close()
	case err != nil:
		return nil, false, errors.Join(fmt.Errorf("lock %s: %w", data, err), f.Close())
	}
	return func() { _ = f.Close() }, true, nil // the lock goes with the file
}

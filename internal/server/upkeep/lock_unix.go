//go:build unix

package upkeep

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// shareCollecting keeps collectors away from a data folder until release; readers of the folder share it.
func shareCollecting(data string) (release func(), err error) {
	release, _, err = lock(data, syscall.LOCK_SH)
	return release, err
}

// takeCollecting makes the caller the only collector; free is false while somebody reads the folder.
func takeCollecting(data string) (release func(), free bool, err error) {
	return lock(data, syscall.LOCK_EX|syscall.LOCK_NB)
}

func lock(data string, how int) (release func(), free bool, err error) {
	f, err := os.OpenFile(filepath.Join(data, collectLock), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, false, fmt.Errorf("lock %s: %w", data, err)
	}
	err = syscall.Flock(int(f.Fd()), how)
	for errors.Is(err, syscall.EINTR) {
		err = syscall.Flock(int(f.Fd()), how)
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, false, f.Close()
	}
	if err != nil {
		return nil, false, errors.Join(fmt.Errorf("lock %s: %w", data, err), f.Close())
	}
	return func() { _ = f.Close() }, true, nil // the lock goes with the file
}

func flushFolder(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

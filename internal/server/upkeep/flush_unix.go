//go:build unix

package upkeep

import (
	"errors"
	"os"
)

// FlushFolder puts the names in a folder on the disk.
func FlushFolder(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

//go:build unix

package upkeep

import (
	"errors"
	"os"
)

func flushFolder(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

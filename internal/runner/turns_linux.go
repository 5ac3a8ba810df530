package runner

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tachograph/tacho/api"
)

// take waits for the turn, or until ctx ends. done gives it back.
func (t turns) take(ctx context.Context) (done func(), err error) {
	f, err := os.OpenFile(t.file, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, failWith(api.ReasonSandbox, err, "the runner cannot wait for its turn on this machine")
	}
	tick := time.NewTicker(turnPause)
	defer tick.Stop()
	for {
		switch err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
		case err == nil:
			return func() {
				_ = unix.Flock(int(f.Fd()), unix.LOCK_UN) // a child between fork and exec holds the file too; closing alone would leave it the lock
				_ = f.Close()
			}, nil
		case !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR):
			_ = f.Close()
			return nil, failWith(api.ReasonSandbox, err, "the runner cannot wait for its turn on this machine")
		}
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, context.Cause(ctx)
		case <-tick.C:
		}
	}
}

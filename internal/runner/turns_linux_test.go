package runner

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"
)

func TestOneRunnerOfAMachineHasTheTurn(t *testing.T) {
	t.Parallel()
	file := turns{filepath.Join(t.TempDir(), "turns")}
	done, err := file.take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	why := errors.New("canceled")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if _, err := file.take(ctx); !errors.Is(err, why) {
		t.Errorf("the second waits for its turn until it is told not to: %v", err)
	}
	second := make(chan func())
	go func() {
		give, err := file.take(t.Context())
		if err != nil {
			t.Error(err)
		}
		second <- give
	}()
	select {
	case <-second:
		t.Error("two have the turn")
	case <-time.After(5 * turnPause): // a guard that can only let a defect through, not fail without one
	}
	done()
	(<-second)()
}

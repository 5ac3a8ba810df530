package fault

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestEveryKindHasItsOwnCodeAndStatus(t *testing.T) {
	t.Parallel()
	codes, statuses := map[string]Kind{}, map[int]Kind{}
	for k := Internal; k <= Canceled; k++ {
		row, ok := kinds[k]
		if !ok {
			t.Fatalf("kind %d has no row in the table", k)
		}
		if other, dup := codes[row.code]; dup {
			t.Errorf("code %q belongs to both %d and %d", row.code, other, k)
		}
		if other, dup := statuses[row.status]; dup {
			t.Errorf("status %d belongs to both %v and %v", row.status, other, k)
		}
		codes[row.code], statuses[row.status] = k, k
		if got := FromStatus(k.Status()); got != k {
			t.Errorf("FromStatus(%d) = %v, want %v", k.Status(), got, k)
		}
	}
}

func TestMessageHidesInternals(t *testing.T) {
	t.Parallel()
	secret := errors.New("sqlite: disk I/O error in /var/lib/x")
	for _, err := range []error{secret, fmt.Errorf("load project: %w", secret), Wrap(Internal, secret, "path /var/lib/x")} {
		if got := Message(err); strings.Contains(got, "/var/lib") || strings.Contains(got, "sqlite") {
			t.Errorf("Message(%v) = %q shows internals", err, got)
		}
	}
	wrapped := fmt.Errorf("create report: %w", Wrap(Missing, secret, "branch %q does not exist", "dev"))
	if got, want := Message(wrapped), `branch "dev" does not exist`; got != want {
		t.Errorf("Message = %q, want %q", got, want)
	}
	if Of(wrapped) != Missing || !Is(wrapped, Missing) || Is(wrapped, Invalid) {
		t.Errorf("Of(%v) = %v, want Missing", wrapped, Of(wrapped))
	}
}

func TestStatusesThatNoKindHasAreTheNearestThing(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]Kind{399: Internal, 402: Invalid, 418: Invalid, 498: Invalid, 501: Internal, 200: Internal,
		0: Internal} {
		if got := FromStatus(status); got != want {
			t.Errorf("FromStatus(%d) = %v, want %v", status, got, want)
		}
	}
}

func TestCauseIsInTheLogAndNotOnTheScreen(t *testing.T) {
	t.Parallel()
	cause := errors.New("no space left on device")
	err := Wrap(Unavailable, cause, "the disk is full")
	if err.Error() != "the disk is full: no space left on device" || Message(err) != "the disk is full" || !errors.Is(err, cause) {
		t.Errorf("for the log %q, for people %q", err, Message(err))
	}
	if got := New(Unavailable, "the disk is full").Error(); got != "the disk is full" {
		t.Errorf("without a cause: %q", got)
	}
}

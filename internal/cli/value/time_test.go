package value

import (
	"testing"
	"time"
)

func TestSecondsReadsBareNumbersAndDurations(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"300": 5 * time.Minute, "90s": 90 * time.Second, "2h": 2 * time.Hour, "0": 0, "-5": 0,
		"25h": 0, "soon": 0} {
		var got Seconds
		if err := got.Set(text); (err == nil) != (want != 0) || time.Duration(got) != want {
			t.Errorf("%q: want %s, got %s, %v", text, want, time.Duration(got), err)
		}
	}
}

// Package property runs property tests with the same number of cases everywhere.
//
// rapid draws a fifth of its cases under -short. A property that holds in 20 cases and not in 100 is then green on the one machine and red
// on the other; what -short leaves out should be what takes long, and that is said by a skip. Tests call this instead of rapid.Check.
// Only under the race detector are there fewer.
package property

import (
	"testing"

	"pgregory.net/rapid"
)

// thinned is by how much rapid divides its number of cases under -short.
const thinned = 5

// Check is rapid.Check with all of its cases, also under -short.
func Check(t *testing.T, prop func(*rapid.T)) {
	t.Helper()
	rounds := 1
	if testing.Short() {
		rounds = thinned
	}
	for range rounds {
		rapid.Check(t, prop)
	}
}

// OneThread leaves a long test of one thread, a simulation or a bound of memory, to the run without the race detector: with it such a test
// takes ten times the time, and there is nothing that runs beside something.
func OneThread(t testing.TB) {
	t.Helper()
	if Few {
		t.Skip("one thread, nothing to race with: the run without the race detector does it whole")
	}
}

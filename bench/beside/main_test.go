//go:build linux

package main

import "testing"

// TestEachRowIsMeasuredByTurns: a machine that is busy for a while is busy for both builds only if no row is measured in one go.
func TestEachRowIsMeasuredByTurns(t *testing.T) {
	t.Parallel()
	for _, o := range []options{{reports: 5000, rounds: 7}, {reports: 3, rounds: 7}, {reports: 1, rounds: 1}} {
		first := o.things()[0]
		if all := first.times * o.rounds; all < o.reports || all >= o.reports+o.rounds {
			t.Errorf("%+v: %d times in each of %d rounds are %d reports", o, first.times, o.rounds, all)
		}
	}
}

package change

import "math"

const (
	modeRun    = 5    // changes in a row that make two modes of them; fewer would hide a revert and its return
	modeReturn = 0.35 // of a jump: how near every second level comes to the one before
	modeReach  = 1.2  // times the distance of the modes: how large a step may be and still be one of their switches
)

// run is a stretch of places, [from, to) by their number, between which the series switches between two levels.
type run struct{ from, to int }

// modesOf returns the runs of at least five of starts in a row whose every second level returns: it differs from the one before last by at
// most 0.35 of the larger of the two jumps between them. The result is kept until the next call.
func (w *workspace) modesOf(z []float64, starts []int, sigma float64) []run {
	w.runs = w.runs[:0]
	if len(starts) < modeRun {
		return w.runs
	}
	w.levels = w.levels[:0]
	for i := range len(starts) + 1 {
		from, to := segment(starts, i, len(z))
		w.levels = append(w.levels, w.levelOf(z[from:to], sigma))
	}
	for from := 0; from+modeRun <= len(starts); {
		to := from + 1
		for to < len(starts) && w.returns(to) {
			to++
		}
		if to-from >= modeRun {
			w.runs = append(w.runs, run{from, to})
		}
		from = max(to-1, from+1)
	}
	return w.runs
}

// returns says whether the level after change i is about that before change i−1.
func (w *workspace) returns(i int) bool {
	first, between, second := w.levels[i-1].mean, w.levels[i].mean, w.levels[i+1].mean
	there, back := between-first, second-between
	return there*back < 0 && math.Abs(second-first) <= modeReturn*max(math.Abs(there), math.Abs(back))
}

// without returns starts but for those in runs. The result is kept until the next call.
func (w *workspace) without(starts []int, runs []run) []int {
	w.left = w.left[:0]
	for i, at := range starts {
		in := false
		for _, r := range runs {
			in = in || r.from <= i && i < r.to
		}
		if !in {
			w.left = append(w.left, at)
		}
	}
	return w.left
}

// segment is the range of segment i, where starts are the first points of all segments but the first.
func segment(starts []int, i, n int) (from, to int) {
	to = n
	if i > 0 {
		from = starts[i-1]
	}
	if i < len(starts) {
		to = starts[i]
	}
	return from, to
}

package series

import "cmp"

// FirstNumber is the number of a head's first version.
const FirstNumber = 0

// NextNumber returns the number of a head's next version: one more than its highest, copied ones included. newest is nil for a head
// without versions. Numbers are never used again and never change, also when reports are deleted.
func NextNumber(newest *int64) int64 {
	if newest == nil {
		return FirstNumber
	}
	return *newest + 1
}

// Point is where a metric stands on its line.
type Point struct {
	Version   int64 // number in the head
	Start     int64 // the report's start time, microseconds since 1970 UTC
	Report    int64 // the report's sequence number: breaks ties in the order of arrival
	Iteration int
}

// Compare orders points by version number, start time, arrival and iteration, oldest first.
func Compare(a, b Point) int {
	return cmp.Or(
		cmp.Compare(a.Version, b.Version),
		cmp.Compare(a.Start, b.Start),
		cmp.Compare(a.Report, b.Report),
		cmp.Compare(a.Iteration, b.Iteration),
	)
}

// Horizon bounds the points that a report may be judged against.
type Horizon struct {
	Version int64 // the report's own version number: a later version says nothing about an earlier one
	Start   int64 // the report's own start time, microseconds: a backdated report is not judged by what came after it
	Report  int64 // the report itself, whose other iterations are not its history
	Oldest  int64 // microseconds; points that started before are too old for the model's window
}

// NewHorizon returns the horizon of a report at p under a model with a window of windowSeconds (≤ 0: no window). The window is
// measured from the report's own start, not from the wall clock, so that judging the report again gives the same answer.
func NewHorizon(p Point, windowSeconds int64) Horizon {
	h := Horizon{Version: p.Version, Start: p.Start, Report: p.Report, Oldest: minInt64}
	const microsPerSecond = 1_000_000
	if windowSeconds > 0 && windowSeconds < maxWindowSeconds {
		h.Oldest = p.Start - windowSeconds*microsPerSecond
	}
	return h
}

const (
	minInt64 = -1 << 63
	// maxWindowSeconds keeps the subtraction above inside 64 bits; a longer window (100,000 years) is none.
	maxWindowSeconds = 100_000 * 365 * 24 * 3600
)

// Sees reports whether the point p lies within the horizon.
func (h Horizon) Sees(p Point) bool {
	return p.Report != h.Report && p.Version <= h.Version && p.Start <= h.Start && p.Start >= h.Oldest
}

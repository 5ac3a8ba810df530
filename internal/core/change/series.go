package change

import (
	"slices"

	"github.com/tachograph/tacho/internal/core/fault"
)

const (
	// Window is how many of the newest values are looked at, and up to a quarter more so that it rarely moves.
	Window = 1_000
	stride = Window / 4
	most   = 2 * Window // values from which on older ones are frozen
)

// Series is a line that grows. Its newest values, the window, are looked at anew with each one that is appended, which takes less than a
// millisecond at any length, and up to twice that where the window moves. Changes before the window stay as they were last seen in it; in
// blocks of 1,000 values they are looked at once more together with the next block, and then frozen. What a Series says depends on the
// values and their order alone, not on how many were appended at once or when somebody looked.
//
// It is not safe for concurrent use.
type Series struct {
	params  Params
	frozen  Frozen
	values  []float64 // from frozen.Values on
	recent  Frozen    // before the window, not frozen for good; its Values and positions count from the start of the series
	moved   int       // how many of values there were when the window moved last
	current Result    // of the window; Values is −1 when it is out of date
}

// Frozen is what a Series keeps of values that it does not look at any more: all that has to be stored with it, beside the values that
// follow.
type Frozen struct {
	Values  int   // so many
	Missing []int // of them
	Changes []Change
	Modes   []Modes
}

// New returns a series without values.
func New(p Params) (*Series, error) { return Resume(p, Frozen{}, nil) }

// Resume returns the series that had f frozen, with all values after those.
func Resume(p Params, f Frozen, values []float64) (*Series, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	s := &Series{params: p, frozen: f.clone()}
	s.rewind()
	return s, s.Append(values...)
}

// Append adds values, oldest first. NaN and infinities are refused as Invalid faults, and then none is added.
func (s *Series) Append(values ...float64) error {
	if err := checkValues(values, s.frozen.Values+len(s.values)); err != nil {
		return err
	}
	for len(values) > 0 {
		n := min(len(values), most-len(s.values))
		s.values, values = append(s.values, values[:n]...), values[n:]
		s.current.Values = -1
		if len(s.values) == most {
			s.freeze()
		}
	}
	return nil
}

// Insert puts a value that came late at its position, from 0 to the number of values. Among frozen values it moves positions and changes
// nothing else.
func (s *Series) Insert(position int, value float64) error {
	end := s.frozen.Values + len(s.values)
	if position < 0 || position > end {
		return fault.Invalidf("position %d: the series has %d values", position, end)
	}
	if err := checkValues([]float64{value}, position); err != nil {
		return err
	}
	if position >= s.frozen.Values {
		s.values = slices.Insert(s.values, position-s.frozen.Values, value)
	} else {
		s.frozen.insert(position)
	}
	s.rewind()
	if len(s.values) == most {
		s.freeze()
	}
	return nil
}

// freeze lets go of the older half of values.
func (s *Series) freeze() {
	s.values = slices.Clone(s.values[s.frozen.advance(examine(s.values, s.params, false), len(s.values)):])
	s.rewind()
}

// rewind forgets what was seen after the frozen values.
func (s *Series) rewind() {
	s.recent, s.moved, s.current.Values = Frozen{Values: s.frozen.Values}, Window, -1
}

// window is where it begins in values.
func (s *Series) window() int { return s.recent.Values - s.frozen.Values }

// look moves the window to where it belongs and examines it.
func (s *Series) look() {
	if s.current.Values >= 0 {
		return
	}
	for s.moved+stride <= len(s.values) {
		s.moved += stride
		window := s.values[s.window():s.moved]
		s.recent.advance(examine(window, s.params, false), len(window))
	}
	s.current = examine(s.values[s.window():], s.params, true)
}

// advance takes over what r says of all but the newest values of a window of size values after f, and returns how many values it covers.
// The window then begins up to stride/2 values earlier where that keeps the regime before its first change in it, or enough switches
// of two modes that they are still known for what they are.
func (f *Frozen) advance(r Result, size int) int {
	cut := size - Window
	from, least, by := cut, 0, f.Values
	for _, c := range r.Changes {
		if c.Index >= cut {
			from = min(from, max(least, c.First-sideMax))
			break
		}
		f.Changes = append(f.Changes, c.moved(by))
		least = max(least, c.Last)
	}
	for _, m := range r.Modes {
		if m.last() < cut {
			f.Modes = append(f.Modes, m.moved(by))
		} else {
			from = min(from, max(least, m.Switches[max(0, len(m.Switches)-2*modeRun)]-modeRun))
		}
	}
	if from < cut-stride/2 {
		from = cut
	}
	for _, at := range r.Missing {
		if at < from {
			f.Missing = append(f.Missing, at+by)
		}
	}
	f.Values += from
	return from
}

// Result is what is known of the series now.
func (s *Series) Result() Result {
	s.look()
	r := s.current
	by := s.recent.Values
	if by == 0 {
		return r
	}
	r.Values += by
	r.Regime += by
	r.Missing = slices.Concat(s.frozen.Missing, s.recent.Missing, positionsMoved(r.Missing, by))
	r.Changes = slices.Concat(s.frozen.Changes, s.recent.Changes)
	if k := len(r.Changes); k > 0 && len(s.current.Changes) == 0 {
		r.Regime = r.Changes[k-1].Index
	}
	for _, c := range s.current.Changes {
		r.Changes = append(r.Changes, c.moved(by))
	}
	r.Modes = slices.Concat(s.frozen.Modes, s.recent.Modes)
	for _, m := range s.current.Modes {
		r.Modes = append(r.Modes, m.moved(by))
	}
	if r.Suspicion != nil {
		suspicion := *r.Suspicion
		suspicion.Index += by
		r.Suspicion = &suspicion
	}
	return r
}

// Frozen is what is to be stored for Resume, with the values from Frozen.Values on.
func (s *Series) Frozen() Frozen { return s.frozen.clone() }

// insert makes room for a value at a position before the window.
func (f *Frozen) insert(position int) {
	f.Values++
	next := func(at int) int {
		if at >= position {
			return at + 1
		}
		return at
	}
	for i, at := range f.Missing {
		f.Missing[i] = next(at)
	}
	for i := range f.Changes {
		c := &f.Changes[i]
		c.Index, c.First, c.Last = next(c.Index), next(c.First), next(c.Last)
	}
	for i := range f.Modes {
		for k, at := range f.Modes[i].Switches {
			f.Modes[i].Switches[k] = next(at)
		}
	}
}

// clone shares nothing with f.
func (f Frozen) clone() Frozen {
	f.Missing, f.Changes, f.Modes = slices.Clone(f.Missing), slices.Clone(f.Changes), slices.Clone(f.Modes)
	for i := range f.Modes {
		f.Modes[i].Switches = slices.Clone(f.Modes[i].Switches)
	}
	return f
}

// moved is c of a window that begins at position by.
func (c Change) moved(by int) Change {
	c.Index, c.First, c.Last = c.Index+by, c.First+by, c.Last+by
	return c
}

func (m Modes) moved(by int) Modes {
	m.Switches = positionsMoved(m.Switches, by)
	return m
}

func (m Modes) first() int { return m.Switches[0] }
func (m Modes) last() int  { return m.Switches[len(m.Switches)-1] }

func positionsMoved(positions []int, by int) []int {
	out := make([]int, len(positions))
	for i, at := range positions {
		out[i] = at + by
	}
	return out
}

package change

import (
	"slices"

	"github.com/tachograph/tacho/internal/core/fault"
)

const (
	// Window is how many of the newest values are looked at; what is older is frozen.
	Window = 1_000
	// stride is how many more come before the window moves on, so that it rarely does.
	stride = 250
)

// Series is a line that grows. Its newest values, the window, are looked at anew with each one that is appended, which takes less than a
// millisecond at any length; changes before the window are frozen as they were proven last. What it says depends on the values and
// their order alone, not on how many were appended at once.
//
// It is not safe for concurrent use.
type Series struct {
	params  Params
	frozen  Frozen
	values  []float64 // from frozen.Values on
	current Result    // of values; Values is −1 when it is out of date
}

// Frozen is what a Series keeps of the values before its window: all that has to be stored with it, beside the values.
type Frozen struct {
	Values  int      // before the window
	Missing []int    // of them
	Changes []Change // among them, in order
	Modes   []Modes
}

// New returns a series without values.
func New(p Params) (*Series, error) { return Resume(p, Frozen{}, nil) }

// Resume returns the series that had f frozen, with the values of its window.
func Resume(p Params, f Frozen, window []float64) (*Series, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	s := &Series{params: p, frozen: f, current: Result{Values: -1}}
	return s, s.Append(window...)
}

// Append adds values, oldest first. NaN and infinities are refused as Invalid faults, and then none is added.
func (s *Series) Append(values ...float64) error {
	if err := checkValues(values, s.frozen.Values+len(s.values)); err != nil {
		return err
	}
	for len(values) > 0 {
		n := min(len(values), s.room())
		s.values, values = append(s.values, values[:n]...), values[n:]
		s.current.Values = -1
		if s.room() == 0 {
			s.freeze()
		}
	}
	return nil
}

// Insert puts a value that came late at its position, from 0 to the number of values. If the window has already moved past it, nothing but
// positions changes: what is frozen stays.
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
	s.current.Values = -1
	if s.room() == 0 {
		s.freeze()
	}
	return nil
}

// room is how many values may be appended before the window moves on.
func (s *Series) room() int { return Window + stride - len(s.values) }

// freeze moves the window on. It begins up to stride/2 values earlier where that keeps the regime before its first change in it, or enough
// switches of two modes that they are still known for what they are.
func (s *Series) freeze() {
	s.look()
	cut := len(s.values) - Window
	from, least, by := cut, 0, s.frozen.Values
	for _, c := range s.current.Changes {
		if c.Index < cut {
			s.frozen.Changes = append(s.frozen.Changes, c.moved(by))
			least = max(least, c.Last)
			continue
		}
		from = min(from, max(least, c.First-sideMax))
		break
	}
	for _, m := range s.current.Modes {
		if m.last() < cut {
			s.frozen.Modes = append(s.frozen.Modes, m.moved(by))
		} else {
			from = min(from, max(least, m.Switches[max(0, len(m.Switches)-2*modeRun)]-modeRun))
		}
	}
	if from < cut-stride/2 {
		from = cut
	}
	for _, at := range s.current.Missing {
		if at < from {
			s.frozen.Missing = append(s.frozen.Missing, at+by)
		}
	}
	s.frozen.Values += from
	s.values = slices.Clone(s.values[from:]) // what is before is let go of
	s.current.Values = -1
}

// Result is what is known of the series now.
func (s *Series) Result() Result {
	s.look()
	r := s.current
	if s.frozen.Values == 0 {
		return r
	}
	by := s.frozen.Values
	r.Values += by
	r.Regime += by
	if k := len(s.frozen.Changes); k > 0 && len(r.Changes) == 0 {
		r.Regime = s.frozen.Changes[k-1].Index
	}
	r.Missing = slices.Concat(s.frozen.Missing, positionsMoved(r.Missing, by))
	r.Changes = slices.Clone(s.frozen.Changes)
	for _, c := range s.current.Changes {
		r.Changes = append(r.Changes, c.moved(by))
	}
	r.Modes = slices.Clone(s.frozen.Modes)
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
func (s *Series) Frozen() Frozen { return s.frozen }

// look examines the window if it has changed.
func (s *Series) look() {
	if s.current.Values < 0 {
		s.current = examine(s.values, s.params)
	}
}

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
	for _, m := range f.Modes {
		for i, at := range m.Switches {
			m.Switches[i] = next(at)
		}
	}
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

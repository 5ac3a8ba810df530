package adapter

import (
	"strconv"
	"strings"

	"github.com/tachograph/tacho/internal/core/limits"
)

// What tools put into the members of a JSON object, read leniently: null is absent, and so is a number that is none.

// opt is a number that may be absent.
type opt struct {
	v  float64
	ok bool
}

// times is the number in another unit.
func (o opt) times(factor float64) opt { return opt{o.v * factor, o.ok} }

// pointer is nil where the number is absent.
func (o opt) pointer() *float64 {
	if !o.ok {
		return nil
	}
	v := o.v
	return &v
}

// opt reads a number. Null, NaN and a text that is no number leave it absent; a text that is one is taken.
func (s *scanner) opt(to *opt) error {
	switch c := s.peek(); {
	case s.notANumber(), s.absent():
		return nil
	case c == '"':
		word, err := s.word()
		if v, ok := number(word); err == nil && ok && finite(v) {
			*to = opt{v, true}
		}
		return err
	case c == '-' || isDigit(c):
		v, err := s.number()
		*to = opt{v, true}
		return err
	}
	return s.skip()
}

// str reads a text; a number or truth value is taken as it is written, null and anything else is the empty text.
func (s *scanner) str(to *string) error {
	switch c := s.peek(); {
	case c == '"':
		text, err := s.text()
		*to = text
		return err
	case s.absent(), s.notANumber():
		return nil
	case c == '{' || c == '[':
		return s.skip()
	}
	raw, err := s.raw()
	*to = s.keep(raw)
	return err
}

// each reads an array; anything else is passed over.
func (s *scanner) each(element func() error) error {
	if s.peek() != '[' {
		return s.skip()
	}
	return s.array(element)
}

// members reads an object; anything else is passed over.
func (s *scanner) members(member func(key []byte) error) error {
	if s.peek() != '{' {
		return s.skip()
	}
	return s.object(member)
}

// nums reads an array of numbers, of which those that are none are left out, and so are some where there are too many; anything else is passed
// over.
func (s *scanner) nums(to *[]float64) error {
	thin := thinning{seen: int32(len(*to))}
	err := s.thin(to, &thin)
	if thin.left() {
		if s.thinned++; s.thinned == 1 {
			s.thinnedRow, _ = s.position()
		}
	}
	return err
}

// thin is nums for a caller who says himself what was left out.
func (s *scanner) thin(to *[]float64, thin *thinning) error {
	return s.each(func() error {
		var o opt
		if err := s.opt(&o); err != nil || !o.ok {
			return err
		}
		if *to == nil {
			*to = make([]float64, 0, 8)
		}
		thin.add(to, o.v)
		return nil
	})
}

// parameters reads an object of a benchmark's parameters, or a list of them.
func (s *scanner) params(to *[]parameter) error {
	switch s.peek() {
	case '{':
		return s.object(func(key []byte) error {
			p := parameter{name: s.keep(key)}
			err := s.paramValue(&p.value)
			*to = append(*to, p)
			return err
		})
	case '[':
		n := 0
		return s.array(func() error {
			p := parameter{name: strconv.Itoa(n)}
			n++
			err := s.paramValue(&p.value)
			*to = append(*to, p)
			return err
		})
	}
	return s.skip()
}

// paramValue is a parameter's value as a text: what is no single value is written as it stands.
func (s *scanner) paramValue(to *string) error {
	if s.peek() == '"' {
		text, err := s.text()
		*to = oneLine(text)
		return err
	}
	raw, err := s.raw()
	*to = strings.Clone(oneLine(string(raw)))
	return err
}

// opts reads an array of numbers of which some may be absent, or a single one.
func (s *scanner) opts(to *[]opt) error {
	element := func() error {
		var o opt
		err := s.opt(&o)
		if *to = append(*to, o); len(*to) > limits.SamplesPerMetric {
			return tooMany(len(*to))
		}
		return err
	}
	if s.peek() == '[' {
		return s.array(element)
	}
	if s.absent() {
		return nil
	}
	return element()
}

// records calls read for each object of a list that a script wrote: the list itself, one that is a member of an object around it, or
// members that are numbered, as benchmark.js's suites are.
func (s *scanner) records(read func(line int) error) error {
	element := func() error {
		if s.peek() != '{' {
			return s.skip()
		}
		line, _ := s.position()
		return read(line)
	}
	if s.peek() == '[' {
		return s.array(element)
	}
	return s.object(func(key []byte) error {
		if isDigits(key) {
			return element()
		}
		return s.each(element)
	})
}

package read

import (
	"strconv"
	"strings"

	"github.com/tachograph/tacho/internal/core/limits"
)

// What tools put into the members of a JSON object, read leniently: null is absent, and so is a text that is not a number.

// Opt is a number that may be absent.
type Opt struct {
	Value float64 // in the unit in which it was written, or as Times made it
	OK    bool    // it is there
}

// Times is the number times the factor, as for another unit; an absent one stays absent.
func (o Opt) Times(factor float64) Opt { return Opt{o.Value * factor, o.OK} }

// Pointer is nil where the number is absent.
func (o Opt) Pointer() *float64 {
	if !o.OK {
		return nil
	}
	v := o.Value
	return &v
}

// Opt reads a number in the unit in which it is written. Null and a text that is no number leave it absent, as do NaN and Infinity where
// the scanner is Loose; a text that is a finite one is taken. An error is Invalid: the value is no JSON.
func (s *Scanner) Opt(to *Opt) error {
	switch c := s.Peek(); {
	case s.NotANumber(), s.Absent():
		return nil
	case c == '"':
		word, err := s.Word()
		if v, ok := Number(word); err == nil && ok && Finite(v) {
			*to = Opt{v, true}
		}
		return err
	case c == '-' || IsDigit(c):
		v, err := s.Number()
		*to = Opt{v, true}
		return err
	}
	return s.Skip()
}

// Str reads a text; a number or truth value is taken as it is written, null and anything else is the empty text. An error is Invalid: the
// value is no JSON.
func (s *Scanner) Str(to *string) error {
	switch c := s.Peek(); {
	case c == '"':
		text, err := s.Text()
		*to = text
		return err
	case s.Absent(), s.NotANumber():
		return nil
	case c == '{' || c == '[':
		return s.Skip()
	}
	raw, err := s.Raw()
	*to = s.Keep(raw)
	return err
}

// Each reads an array as Array does; anything else is skipped.
func (s *Scanner) Each(element func() error) error {
	if s.Peek() != '[' {
		return s.Skip()
	}
	return s.Array(element)
}

// Members reads an object as Object does; anything else is skipped.
func (s *Scanner) Members(member func(key []byte) error) error {
	if s.Peek() != '{' {
		return s.Skip()
	}
	return s.Object(member)
}

// Nums appends the numbers of an array, in the unit in which they are written. Those that are none are left out, and beyond
// limits.SamplesPerMetric so are some, which Thinned counts; anything but an array is skipped. An error is Invalid: it is not JSON.
func (s *Scanner) Nums(to *[]float64) error {
	thin := Thinning{Seen: int32(len(*to))}
	err := s.Thin(to, &thin)
	if thin.Left() {
		if s.Thinned++; s.Thinned == 1 {
			s.ThinnedRow, _ = s.Position()
		}
	}
	return err
}

// Thin is Nums for a caller who says himself what was left out: nothing is counted in the scanner.
func (s *Scanner) Thin(to *[]float64, thin *Thinning) error {
	return s.Each(func() error {
		var o Opt
		if err := s.Opt(&o); err != nil || !o.OK {
			return err
		}
		if *to == nil {
			*to = make([]float64, 0, 8)
		}
		thin.Add(to, o.Value)
		return nil
	})
}

// Params appends the members of an object of a benchmark's parameters, or the elements of a list with their places as names, from 0;
// anything else is skipped. An error is Invalid: it is not JSON.
func (s *Scanner) Params(to *[]Parameter) error {
	switch s.Peek() {
	case '{':
		return s.Object(func(key []byte) error {
			p := Parameter{Name: s.Keep(key)}
			err := s.ParamValue(&p.Value)
			*to = append(*to, p)
			return err
		})
	case '[':
		n := 0
		return s.Array(func() error {
			p := Parameter{Name: strconv.Itoa(n)}
			n++
			err := s.ParamValue(&p.Value)
			*to = append(*to, p)
			return err
		})
	}
	return s.Skip()
}

// ParamValue reads a parameter's value as a text of one line: what is no single value is written as it stands. An error is Invalid: it is
// no JSON.
func (s *Scanner) ParamValue(to *string) error {
	if s.Peek() == '"' {
		text, err := s.Text()
		*to = OneLine(text)
		return err
	}
	raw, err := s.Raw()
	*to = strings.Clone(OneLine(string(raw)))
	return err
}

// Opts appends the numbers of an array of which some may be absent, or a single one; null is none. An error is TooLarge beyond
// limits.SamplesPerMetric, else Invalid.
func (s *Scanner) Opts(to *[]Opt) error {
	element := func() error {
		var o Opt
		err := s.Opt(&o)
		if *to = append(*to, o); len(*to) > limits.SamplesPerMetric {
			return TooMany(len(*to))
		}
		return err
	}
	if s.Peek() == '[' {
		return s.Array(element)
	}
	if s.Absent() {
		return nil
	}
	return element()
}

// Records calls record, with the line from 1, for each object of a list that a script wrote: the list itself, one that is a member of an
// object around it, or members that are numbered, as benchmark.js's suites are. An error of record ends the reading and is returned; else
// it is Invalid.
func (s *Scanner) Records(record func(line int) error) error {
	element := func() error {
		if s.Peek() != '{' {
			return s.Skip()
		}
		line, _ := s.Position()
		return record(line)
	}
	if s.Peek() == '[' {
		return s.Array(element)
	}
	return s.Object(func(key []byte) error {
		if IsDigits(key) {
			return element()
		}
		return s.Each(element)
	})
}

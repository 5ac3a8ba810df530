package adapter

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

// scanner reads JSON in one pass without building a tree, so that a large document costs its names and numbers only. It accepts RFC 8259
// and nothing else: no NaN, no comments, no trailing comma.
type scanner struct {
	in    []byte
	at    int
	depth int
}

// fail is a fault that says where.
func (s *scanner) fail(format string, args ...any) error {
	f := fault.Invalidf(format, args...)
	line, column := 1, 1
	for _, c := range s.in[:min(s.at, len(s.in))] {
		if c == '\n' {
			line, column = line+1, 1
		} else {
			column++
		}
	}
	f.Message += " (line " + strconv.Itoa(line) + ", column " + strconv.Itoa(column) + ")"
	return f
}

func (s *scanner) space() {
	for s.at < len(s.in) {
		switch s.in[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// peek is the next byte that is not space, 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.at < len(s.in) {
		return s.in[s.at]
	}
	return 0
}

func (s *scanner) expect(c byte) error {
	if got := s.peek(); got != c {
		return s.fail("JSON: want %q, found %s", c, s.found())
	}
	s.at++
	return nil
}

func (s *scanner) found() string {
	if s.at >= len(s.in) {
		return "the end of the input"
	}
	return strconv.Quote(strings.ToValidUTF8(string(s.in[s.at:min(len(s.in), s.at+12)]), "?"))
}

func (s *scanner) enter() error {
	if s.depth++; s.depth > limits.JSONDepth {
		return s.fail("JSON: nested more than %d deep", limits.JSONDepth)
	}
	return nil
}

// object calls member for each key with the scanner before the value, which member must read.
func (s *scanner) object(member func(key string) error) error {
	if err := s.expect('{'); err != nil {
		return err
	}
	if err := s.enter(); err != nil {
		return err
	}
	defer func() { s.depth-- }()
	if s.peek() == '}' {
		s.at++
		return nil
	}
	for {
		if s.peek() != '"' {
			return s.fail("JSON: want a name in double quotes, found %s", s.found())
		}
		key, err := s.text()
		if err != nil {
			return err
		}
		if err := s.expect(':'); err != nil {
			return err
		}
		if err := member(key); err != nil {
			return err
		}
		switch s.peek() {
		case ',':
			s.at++
		case '}':
			s.at++
			return nil
		default:
			return s.fail("JSON: want ',' or '}', found %s", s.found())
		}
	}
}

// array calls element with the scanner before each element, which element must read.
func (s *scanner) array(element func() error) error {
	if err := s.expect('['); err != nil {
		return err
	}
	if err := s.enter(); err != nil {
		return err
	}
	defer func() { s.depth-- }()
	if s.peek() == ']' {
		s.at++
		return nil
	}
	for {
		if err := element(); err != nil {
			return err
		}
		switch s.peek() {
		case ',':
			s.at++
		case ']':
			s.at++
			return nil
		default:
			return s.fail("JSON: want ',' or ']', found %s", s.found())
		}
	}
}

// text reads a string. Lone surrogates become U+FFFD, as in encoding/json.
func (s *scanner) text() (string, error) {
	if err := s.expect('"'); err != nil {
		return "", err
	}
	begin := s.at
	for s.at < len(s.in) {
		switch c := s.in[s.at]; {
		case c == '"':
			out := s.in[begin:s.at]
			s.at++
			if !utf8.Valid(out) {
				return "", s.fail("JSON: the text is not valid UTF-8")
			}
			return string(out), nil
		case c == '\\':
			return s.escaped(begin)
		case c < ' ':
			return "", s.fail("JSON: control character in a text")
		}
		s.at++
	}
	return "", s.fail("JSON: a text has no end")
}

// escaped reads the rest of a string that has an escape; begin is its first byte.
func (s *scanner) escaped(begin int) (string, error) {
	for i := s.at; i < len(s.in); i++ {
		switch {
		case s.in[i] == '\\':
			i++
		case s.in[i] == '"':
			quoted := s.in[begin-1 : i+1]
			s.at = i + 1
			out, err := unquote(quoted)
			if err != nil {
				return "", s.fail("JSON: %v", err)
			}
			return out, nil
		case s.in[i] < ' ':
			s.at = i
			return "", s.fail("JSON: control character in a text")
		}
	}
	return "", s.fail("JSON: a text has no end")
}

var errEscape = errors.New("bad escape in a text")

// unquote resolves the escapes of a JSON string with its quotes.
func unquote(quoted []byte) (string, error) {
	var b strings.Builder
	in := quoted[1 : len(quoted)-1]
	for i := 0; i < len(in); i++ {
		if in[i] != '\\' {
			b.WriteByte(in[i])
			continue
		}
		i++
		if i >= len(in) {
			return "", errEscape
		}
		if at := strings.IndexByte(`"\/bfnrt`, in[i]); at >= 0 {
			b.WriteByte("\"\\/\b\f\n\r\t"[at])
			continue
		}
		if in[i] != 'u' {
			return "", errEscape
		}
		r, err := hex4(in, i+1)
		if err != nil {
			return "", err
		}
		i += 4
		if r >= 0xd800 && r < 0xdc00 && i+6 < len(in)+0 && in[i+1] == '\\' && in[i+2] == 'u' {
			if low, err := hex4(in, i+3); err == nil && low >= 0xdc00 && low < 0xe000 {
				r = (r-0xd800)<<10 | (low - 0xdc00) + 0x10000
				i += 6
			}
		}
		b.WriteRune(r)
	}
	if !utf8.ValidString(b.String()) {
		return "", errors.New("the text is not valid UTF-8")
	}
	return b.String(), nil
}

func hex4(in []byte, at int) (rune, error) {
	if at+4 > len(in) {
		return 0, errEscape
	}
	n, err := strconv.ParseUint(string(in[at:at+4]), 16, 16)
	if err != nil {
		return 0, errEscape
	}
	return rune(n), nil
}

// number reads a number as float64; one that is out of range is an error, not an infinity.
func (s *scanner) number() (float64, error) {
	s.space()
	begin := s.at
	for s.at < len(s.in) && strings.IndexByte("+-.0123456789eE", s.in[s.at]) >= 0 {
		s.at++
	}
	word := s.in[begin:s.at]
	if !isNumber(word) {
		s.at = begin
		return 0, s.fail("JSON: want a number, found %s", s.found())
	}
	v, err := strconv.ParseFloat(string(word), 64)
	if err != nil || math.IsInf(v, 0) {
		s.at = begin
		return 0, s.fail("JSON: the number %.40s is out of range", word)
	}
	return v, nil
}

// isNumber checks the grammar of RFC 8259: -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?
func isNumber(w []byte) bool {
	digits := func() bool {
		n := 0
		for n < len(w) && w[n] >= '0' && w[n] <= '9' {
			n++
		}
		w = w[n:]
		return n > 0
	}
	if len(w) > 0 && w[0] == '-' {
		w = w[1:]
	}
	if len(w) > 1 && w[0] == '0' && w[1] >= '0' && w[1] <= '9' || !digits() {
		return false
	}
	if len(w) > 0 && w[0] == '.' {
		if w = w[1:]; !digits() {
			return false
		}
	}
	if len(w) > 0 && (w[0] == 'e' || w[0] == 'E') {
		if w = w[1:]; len(w) > 0 && (w[0] == '+' || w[0] == '-') {
			w = w[1:]
		}
		if !digits() {
			return false
		}
	}
	return len(w) == 0
}

// skip reads any value and forgets it.
func (s *scanner) skip() error {
	switch c := s.peek(); {
	case c == '{':
		return s.object(func(string) error { return s.skip() })
	case c == '[':
		return s.array(s.skip)
	case c == '"':
		_, err := s.text()
		return err
	case c == '-' || c >= '0' && c <= '9':
		_, err := s.number()
		return err
	}
	for _, word := range []string{"true", "false", "null"} {
		if strings.HasPrefix(string(s.in[s.at:min(len(s.in), s.at+5)]), word) {
			s.at += len(word)
			return nil
		}
	}
	return s.fail("JSON: want a value, found %s", s.found())
}

package adapter

import (
	"bytes"
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

// object calls member for each key with the scanner before the value, which member must read. The key is only good until then.
func (s *scanner) object(member func(key []byte) error) error {
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
		key, err := s.word()
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

// text reads a string.
func (s *scanner) text() (string, error) {
	out, err := s.word()
	return string(out), err
}

// word reads a string as bytes, which are the input's own where it holds no escape. Lone surrogates become U+FFFD, as in encoding/json.
func (s *scanner) word() ([]byte, error) {
	if err := s.expect('"'); err != nil {
		return nil, err
	}
	begin, ascii := s.at, true
	for s.at < len(s.in) {
		switch c := s.in[s.at]; {
		case c == '"':
			out := s.in[begin:s.at]
			s.at++
			if !ascii && !utf8.Valid(out) {
				return nil, s.fail("JSON: the text is not valid UTF-8")
			}
			return out, nil
		case c == '\\':
			return s.escaped(begin)
		case c < ' ':
			return nil, s.fail("JSON: control character in a text")
		case c >= utf8.RuneSelf:
			ascii = false
		}
		s.at++
	}
	return nil, s.fail("JSON: a text has no end")
}

// escaped reads the rest of a string that has an escape; begin is its first byte.
func (s *scanner) escaped(begin int) ([]byte, error) {
	for i := s.at; i < len(s.in); i++ {
		switch {
		case s.in[i] == '\\':
			i++
		case s.in[i] == '"':
			quoted := s.in[begin-1 : i+1]
			s.at = i + 1
			out, err := unquote(quoted)
			if err != nil {
				return nil, s.fail("JSON: %v", err)
			}
			return []byte(out), nil
		case s.in[i] < ' ':
			s.at = i
			return nil, s.fail("JSON: control character in a text")
		}
	}
	return nil, s.fail("JSON: a text has no end")
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
		if r >= 0xd800 && r < 0xdc00 && i+6 < len(in) && in[i+1] == '\\' && in[i+2] == 'u' {
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

// digits reads a number's text.
func (s *scanner) digits() ([]byte, error) {
	s.space()
	begin := s.at
	for s.at < len(s.in) && inNumber[s.in[s.at]] {
		s.at++
	}
	word := s.in[begin:s.at]
	if !isNumber(word) {
		s.at = begin
		return nil, s.fail("JSON: want a number, found %s", s.found())
	}
	return word, nil
}

// inNumber has the bytes that may stand in a number.
var inNumber = [256]bool{
	'+': true, '-': true, '.': true, 'e': true, 'E': true,
	'0': true, '1': true, '2': true, '3': true, '4': true, '5': true, '6': true, '7': true, '8': true, '9': true,
}

// number reads a number as float64; one that is out of range is an error, not an infinity.
func (s *scanner) number() (float64, error) {
	word, err := s.digits()
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseFloat(string(word), 64)
	if err != nil || math.IsInf(v, 0) {
		s.at -= len(word)
		return 0, s.fail("JSON: the number %.40s is out of range", word)
	}
	return v, nil
}

// absent reports whether the value is null, and then reads it.
func (s *scanner) absent() bool {
	if s.peek() != 'n' || !bytes.HasPrefix(s.in[s.at:], []byte("null")) {
		return false
	}
	s.at += len("null")
	return true
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
		return s.object(func([]byte) error { return s.skip() })
	case c == '[':
		return s.array(s.skip)
	case c == '"':
		_, err := s.word()
		return err
	case c == '-' || c >= '0' && c <= '9':
		_, err := s.digits()
		return err
	}
	for _, word := range []string{"true", "false", "null"} {
		if bytes.HasPrefix(s.in[s.at:], []byte(word)) {
			s.at += len(word)
			return nil
		}
	}
	return s.fail("JSON: want a value, found %s", s.found())
}

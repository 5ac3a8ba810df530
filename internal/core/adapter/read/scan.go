package read

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

// The scanner reads JSON in one pass without building a tree, so that a large document costs its names and numbers only. It accepts RFC
// 8259 and nothing else: no NaN, no comments, no trailing comma.

// Fail is an Invalid fault with the line and column of the next byte; where the input ended before its time it is that fault instead.
func (s *Scanner) Fail(format string, args ...any) error {
	if err := s.Broken(); err != nil && s.at >= len(s.in) {
		return err
	}
	row, column := s.Position()
	f := fault.Invalidf(format, args...)
	f.Message += " (line " + strconv.Itoa(row) + ", column " + strconv.Itoa(column) + ")"
	return f
}

// Peek is the next byte that is not space, 0 at the end.
func (s *Scanner) Peek() (c byte) {
	if s.at < len(s.in) {
		c = s.in[s.at]
	}
	if c <= ' ' {
		return s.peekOn()
	}
	return c
}

// peekOn passes over space. It stands apart so that Peek can be inlined.
func (s *Scanner) peekOn() byte {
	for {
		for s.at < len(s.in) {
			c := s.in[s.at]
			if c > ' ' || c != ' ' && c != '\t' && c != '\n' && c != '\r' {
				return c
			}
			s.at++
		}
		if !s.More() {
			return 0
		}
	}
}

// Over reports whether nothing but space follows.
func (s *Scanner) Over() bool { return s.Peek() == 0 && s.at >= len(s.in) }

// Expect takes the byte, behind space; where another one stands, the error is Invalid.
func (s *Scanner) Expect(c byte) error {
	if got := s.Peek(); got != c {
		return s.Fail("JSON: want %q, found %s", c, s.Found())
	}
	s.at++
	return nil
}

// Found is a sentence's words for what follows: up to 12 bytes of it, quoted, or that the input ends.
func (s *Scanner) Found() string {
	s.Ensure(12)
	if s.at >= len(s.in) {
		return "the end of the input"
	}
	return strconv.Quote(strings.ToValidUTF8(string(s.in[s.at:min(len(s.in), s.at+12)]), "?"))
}

func (s *Scanner) enter() error {
	if s.depth++; s.depth > limits.JSONDepth {
		return s.Fail("JSON: nested more than %d deep", limits.JSONDepth)
	}
	return nil
}

// Surface forgets the containers that a document left open which could not be read.
func (s *Scanner) Surface() { s.depth = 0 }

// Object calls member for each key with the scanner before the value, which member must read. The key is only good until then. An error of
// member ends the reading and is returned; else it is Invalid: no object, or nested more than limits.JSONDepth deep.
func (s *Scanner) Object(member func(key []byte) error) error {
	if s.Peek() != '{' {
		return s.Expect('{')
	}
	s.at++
	if err := s.enter(); err != nil {
		return err
	}
	if s.Peek() == '}' {
		s.at++
		s.depth--
		return nil
	}
	for {
		if s.Peek() != '"' {
			return s.Fail("JSON: want a name in double quotes, found %s", s.Found())
		}
		key, err := s.Word()
		if err != nil {
			return err
		}
		if s.Peek() != ':' {
			return s.Expect(':')
		}
		s.at++
		if err := member(key); err != nil {
			return err
		}
		switch s.Peek() {
		case ',':
			s.at++
		case '}':
			s.at++
			s.depth--
			return nil
		default:
			return s.Fail("JSON: want ',' or '}', found %s", s.Found())
		}
	}
}

// Array calls element with the scanner before each element, which element must read. An error of element ends the reading and is returned;
// else it is Invalid: no array, or nested more than limits.JSONDepth deep.
func (s *Scanner) Array(element func() error) error {
	if s.Peek() != '[' {
		return s.Expect('[')
	}
	s.at++
	if err := s.enter(); err != nil {
		return err
	}
	if s.Peek() == ']' {
		s.at++
		s.depth--
		return nil
	}
	for {
		if err := element(); err != nil {
			return err
		}
		switch s.Peek() {
		case ',':
			s.at++
		case ']':
			s.at++
			s.depth--
			return nil
		default:
			return s.Fail("JSON: want ',' or ']', found %s", s.Found())
		}
	}
}

// Text reads a string. Its errors are those of Word.
func (s *Scanner) Text() (string, error) {
	out, err := s.Word()
	return s.Keep(out), err
}

// Keep is word as a string. Texts of an output are mostly the same few, and those of the next output are mostly those of this one: units,
// names of parameters and benchmarks. Those that came last are not made again.
func (s *Scanner) Keep(word []byte) string {
	if s.known == nil {
		s.known = new(Texts)
	}
	return s.known.Keep(word)
}

// Texts has the texts that came last. Its zero value is ready for use.
type Texts [keptTexts]string

// Keep is word as a string, which is not made again where it came lately.
func (t *Texts) Keep(word []byte) string {
	n := len(word)
	if n == 0 || n > keptBytes {
		return string(word)
	}
	var hash uint64
	if n >= 8 {
		hash = binary.LittleEndian.Uint64(word)*0x9e3779b97f4a7c15 ^ binary.LittleEndian.Uint64(word[n-8:])*0xc2b2ae3d27d4eb4f
	} else {
		for _, c := range word {
			hash = hash<<8 | uint64(c)
		}
	}
	known := &t[(hash^uint64(n))*0x9e3779b97f4a7c15>>(64-keptBits)]
	if *known != string(word) {
		*known = string(word)
	}
	return *known
}

// What a scanner keeps of texts that came last.
const (
	keptBits  = 8
	keptTexts = 1 << keptBits
	keptBytes = 192 // the longest
)

// Word reads a string as bytes, which are the window's own where it holds no escape: good until the next call. Lone surrogates become
// U+FFFD, as in encoding/json. An error is Invalid: no string, no UTF-8 or a bad escape; or TooLarge: it is longer than the window may
// grow.
func (s *Scanner) Word() ([]byte, error) {
	if s.Peek() != '"' {
		return nil, s.Expect('"')
	}
	s.at++
	for i := s.at; i < len(s.in); i++ {
		if c := s.in[i]; !plainText[c] {
			if c != '"' {
				break
			}
			out := s.in[s.at:i]
			s.at = i + 1
			return out, nil
		}
	}
	return s.hardWord()
}

// plainText has the bytes that stand for themselves in a string of ASCII.
var plainText = func() (plain [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		plain[c] = c != '"' && c != '\\'
	}
	return plain
}()

// hardWord reads the rest of a string that has an escape, is not ASCII, or goes beyond the window.
func (s *Scanner) hardWord() ([]byte, error) {
	if s.mark < 0 {
		s.mark = s.at
		defer func() { s.mark = -1 }()
	}
	begin := s.at - s.mark // from the mark, because the window moves
	escapes, ascii := false, true
	for {
		if s.at >= len(s.in) && !s.More() {
			return nil, s.Fail("JSON: a text has no end")
		}
		switch c := s.in[s.at]; {
		case c == '"':
			out := s.in[s.mark+begin : s.at]
			s.at++
			switch {
			case !ascii && !utf8.Valid(out):
				return nil, s.Fail("JSON: the text is not valid UTF-8")
			case !escapes:
				return out, nil
			}
			text, err := unquote(out)
			if err != nil {
				return nil, s.Fail("JSON: %v", err)
			}
			return text, nil
		case c == '\\':
			escapes = true
			if s.at++; s.at >= len(s.in) && !s.More() {
				return nil, s.Fail("JSON: a text has no end")
			}
		case c < ' ':
			return nil, s.Fail("JSON: control character in a text")
		case c >= utf8.RuneSelf:
			ascii = false
		}
		s.at++
	}
}

var errEscape = errors.New("bad escape in a text")

// unquote resolves the escapes of what stands between the quotes of a JSON string.
func unquote(in []byte) ([]byte, error) {
	out := make([]byte, 0, len(in))
	for i := 0; i < len(in); i++ {
		if in[i] != '\\' {
			out = append(out, in[i])
			continue
		}
		i++
		if i >= len(in) {
			return nil, errEscape
		}
		if at := strings.IndexByte(`"\/bfnrt`, in[i]); at >= 0 {
			out = append(out, "\"\\/\b\f\n\r\t"[at])
			continue
		}
		if in[i] != 'u' {
			return nil, errEscape
		}
		r, err := hex4(in, i+1)
		if err != nil {
			return nil, err
		}
		i += 4
		if r >= 0xd800 && r < 0xdc00 && i+6 < len(in) && in[i+1] == '\\' && in[i+2] == 'u' {
			if low, err := hex4(in, i+3); err == nil && low >= 0xdc00 && low < 0xe000 {
				r = (r-0xd800)<<10 | (low - 0xdc00) + 0x10000
				i += 6
			}
		}
		out = utf8.AppendRune(out, r)
	}
	return out, nil
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

// numberBytes is the longest number: a float64 in full has no more digits than this.
const numberBytes = 512

// digits is the length of the number that begins here, and its value where that is exact.
func (s *Scanner) digits() (v float64, n int, exact bool, err error) {
	s.Peek()
	s.Ensure(numberBytes)
	v, n, exact = decimal(s.in[s.at:])
	if n == 0 || n >= numberBytes || s.at+n < len(s.in) && inNumber[s.in[s.at+n]] {
		return 0, 0, false, s.Fail("JSON: want a number, found %s", s.Found())
	}
	return v, n, exact, nil
}

// inNumber has the bytes that may stand in a number.
var inNumber = [256]bool{
	'+': true, '-': true, '.': true, 'e': true, 'E': true,
	'0': true, '1': true, '2': true, '3': true, '4': true, '5': true, '6': true, '7': true, '8': true, '9': true,
}

// Number reads a number as float64; an error is Invalid: it is not a number, or out of range, which gives no infinity.
func (s *Scanner) Number() (float64, error) {
	v, n, exact, err := s.digits()
	if err != nil {
		return 0, err
	}
	if !exact {
		word := s.in[s.at : s.at+n]
		if v, err = strconv.ParseFloat(string(word), 64); err != nil || math.IsInf(v, 0) {
			return 0, s.Fail("JSON: the number %.40s is out of range", word)
		}
	}
	s.at += n
	return v, nil
}

// Absent reports whether the value is null, and then reads it.
func (s *Scanner) Absent() bool {
	if s.Peek() != 'n' {
		return false
	}
	s.Ensure(len("null"))
	if !bytes.HasPrefix(s.in[s.at:], []byte("null")) {
		return false
	}
	s.at += len("null")
	return true
}

// looseWords are what Python and JavaScript programs write in place of numbers although JSON has no such thing.
var looseWords = []string{"NaN", "-Infinity", "Infinity", "-NaN"}

// NotANumber reads one of the words that only a loose reader takes.
func (s *Scanner) NotANumber() bool {
	if c := s.Peek(); !s.Loose || c != 'N' && c != 'I' && c != '-' {
		return false
	}
	s.Ensure(len("-Infinity"))
	for _, word := range looseWords {
		if bytes.HasPrefix(s.in[s.at:], []byte(word)) {
			s.at += len(word)
			return true
		}
	}
	return false
}

// Skip reads any value and forgets it. An error is Invalid: it is not JSON.
func (s *Scanner) Skip() error {
	if s.skipWhole() {
		return nil
	}
	return s.skipSlowly()
}

// skipSlowly is Skip for what goes beyond the window or is no JSON: it says what is wrong and where.
func (s *Scanner) skipSlowly() error {
	switch c := s.Peek(); {
	case c == '"':
		_, err := s.Word()
		return err
	case c == '{':
		return s.Object(func([]byte) error { return s.skipSlowly() })
	case c == '[':
		return s.Array(s.skipSlowly)
	case s.NotANumber():
		return nil
	case c == '-' || IsDigit(c):
		_, n, _, err := s.digits()
		s.at += n
		return err
	}
	s.Ensure(len("false"))
	for _, word := range []string{"true", "false", "null"} {
		if bytes.HasPrefix(s.in[s.at:], []byte(word)) {
			s.at += len(word)
			return nil
		}
	}
	return s.Fail("JSON: want a value, found %s", s.Found())
}

// skipWhole skips a value that is in the window as a whole, in one loop and without a call for each of its parts. False: nothing was read,
// because the value is not all there, is not JSON, or has what is rare.
func (s *Scanner) skipWhole() bool {
	in, at := s.in, s.at
	var objects uint64 // of the containers that are open, the outermost in the lowest bit; limits.JSONDepth has no more
	depth, most := 0, limits.JSONDepth-s.depth
	wantsName := false
	for {
		for at < len(in) && (in[at] == ' ' || in[at] == '\n' || in[at] == '\r' || in[at] == '\t') {
			at++
		}
		if at >= len(in) {
			return false
		}
		switch c := in[at]; {
		case c == '"':
			for at++; at < len(in) && plainText[in[at]]; at++ {
			}
			if at >= len(in) || in[at] != '"' {
				return false
			}
			at++
			if wantsName {
				for at < len(in) && (in[at] == ' ' || in[at] == '\n' || in[at] == '\r' || in[at] == '\t') {
					at++
				}
				if at >= len(in) || in[at] != ':' {
					return false
				}
				at++
				wantsName = false
				continue
			}
		case wantsName:
			return false
		case c == '-' || IsDigit(c):
			n := numberLength(in[at:])
			if at += n; n == 0 || n >= numberBytes || at >= len(in) || inNumber[in[at]] {
				return false
			}
		case c == '{' || c == '[':
			if depth >= most || depth >= 64 {
				return false
			}
			objects &^= 1 << depth
			if c == '{' {
				objects |= 1 << depth
				wantsName = true
			}
			depth++
			for at++; at < len(in) && (in[at] == ' ' || in[at] == '\n' || in[at] == '\r' || in[at] == '\t'); at++ {
			}
			if at >= len(in) || in[at] != c+2 { // its end
				continue
			}
			wantsName = false
			depth--
			at++
		default:
			length := 0
			switch rest := in[at:]; {
			case HasPrefix(rest, "true"), HasPrefix(rest, "null"):
				length = len("true")
			case HasPrefix(rest, "false"):
				length = len("false")
			default:
				return false
			}
			at += length
		}
		for { // behind a value
			if depth == 0 {
				s.at = at
				return true
			}
			for at < len(in) && (in[at] == ' ' || in[at] == '\n' || in[at] == '\r' || in[at] == '\t') {
				at++
			}
			if at >= len(in) {
				return false
			}
			inObject := objects>>(depth-1)&1 != 0
			c := in[at]
			at++
			if c == ',' {
				wantsName = inObject
				break
			}
			if c == '}' && inObject || c == ']' && !inObject {
				depth--
				continue
			}
			return false
		}
	}
}

// Raw reads any value and returns its text: good until the next call. An error is Invalid: it is not JSON.
func (s *Scanner) Raw() ([]byte, error) {
	s.Peek()
	if s.mark < 0 {
		s.mark = s.at
		defer func() { s.mark = -1 }()
	}
	begin := s.at - s.mark
	err := s.Skip()
	return s.in[s.mark+begin : s.at], err
}

// Maybe reads a number, strictly; null leaves it absent. An error is Invalid: it is neither, or out of range.
func (s *Scanner) Maybe(to *Opt) error {
	if s.Absent() {
		return nil
	}
	v, err := s.Number()
	*to = Opt{v, err == nil}
	return err
}

// Samples appends the numbers of an array, strictly, in the unit in which they are written; null is none. An error is TooLarge beyond
// limits.SamplesPerMetric, else Invalid.
func (s *Scanner) Samples(to *[]float64) error {
	if s.Absent() {
		return nil
	}
	return s.Array(func() error {
		v, err := s.Number()
		if *to == nil {
			*to = make([]float64, 0, 8)
		}
		if *to = append(*to, v); err == nil {
			err = TooMany(len(*to))
		}
		return err
	})
}

// TooMany is a TooLarge fault where there are more samples than limits.SamplesPerMetric, and nil where there are not.
func TooMany(samples int) error {
	if samples > limits.SamplesPerMetric {
		return fault.TooLargef("more than %d samples", limits.SamplesPerMetric)
	}
	return nil
}

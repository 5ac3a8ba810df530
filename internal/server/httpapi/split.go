package httpapi

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

// split reads the body of a report as a stream: the texts of its "results" are decoded as they come, into one piece of memory, and
// everything else is returned as it was, with empty texts where the results were, for the ordinary way of decoding and checking. So a body
// costs its own size once, whatever is in it: all but the results may have no more bytes than any other body.
//
// size is the body's length, 0 if it is not known. Errors are Invalid and TooLarge faults; whether the rest is valid JSON is not looked at.
func split(from io.Reader, size int64) (results []string, rest []byte, err error) {
	s := &splitter{in: bufio.NewReaderSize(from, 64*limits.KiB)}
	if size > 0 {
		s.texts.Grow(int(size)) // not touched before it is needed, so a sender that says much and sends little costs little
	}
	if err := s.object(); err != nil {
		return nil, nil, s.explain(err)
	}
	all := s.texts.String()
	results = make([]string, len(s.ends))
	begin := 0
	for i, end := range s.ends {
		results[i] = all[begin:end]
		begin = end
	}
	return results, s.rest, nil
}

type splitter struct {
	in    *bufio.Reader
	rest  []byte
	texts strings.Builder
	ends  []int // of each text
	found bool  // the results were read
}

var errMalformed = errors.New("malformed")

// explain turns what went wrong into a fault.
func (s *splitter) explain(err error) error {
	if _, ours := errors.AsType[*fault.Error](err); ours {
		return err
	}
	if bodyTooLarge(err) {
		return fault.TooLargef("the body is larger than %d bytes, the limit without credentials", limits.AnonymousBodyBytes)
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return fault.Wrap(fault.Invalid, err, "the body took too long to arrive; send it faster, or less of it")
	}
	if errors.Is(err, errMalformed) {
		return fault.Invalidf("the body is not valid JSON for this request: it should be an object, and its results a list of texts")
	}
	return fault.Wrap(fault.Invalid, err, "the body ended early, or its chunks are malformed")
}

func (s *splitter) object() error {
	if err := s.expect('{'); err != nil {
		return err
	}
	for first := true; ; first = false {
		c, err := s.next()
		switch {
		case err != nil:
			return early(err)
		case c == '}':
			return s.end()
		case first:
			err = s.in.UnreadByte()
		case c == ',':
			err = s.keep(',')
		default:
			err = errMalformed
		}
		if err != nil {
			return err
		}
		if err := s.member(); err != nil {
			return err
		}
	}
}

// end keeps the closing brace and whatever comes after it, which is refused as JSON later.
func (s *splitter) end() error {
	if err := s.keep('}'); err != nil {
		return err
	}
	for {
		c, err := s.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.keep(c); err != nil {
			return err
		}
	}
}

// member reads one key and its value.
func (s *splitter) member() error {
	if err := s.expect('"'); err != nil {
		return err
	}
	from := len(s.rest)
	if err := s.copyString(); err != nil {
		return err
	}
	name := string(s.rest[from : len(s.rest)-1])
	if err := s.expect(':'); err != nil {
		return err
	}
	if name != "results" {
		return s.copyValue()
	}
	c, err := s.next()
	if err != nil {
		return early(err)
	}
	if c != '[' { // null, or wrong: the ordinary way says so
		if err := s.in.UnreadByte(); err != nil {
			return err
		}
		return s.copyValue()
	}
	if s.found {
		return fault.Invalidf("results: given twice; send them once")
	}
	s.found = true
	return s.list()
}

// list decodes the results.
func (s *splitter) list() error {
	if err := s.keep('['); err != nil {
		return err
	}
	for first := true; ; first = false {
		c, err := s.next()
		if err != nil {
			return early(err)
		}
		switch {
		case c == ']':
			return s.keep(']')
		case !first && c != ',':
			return errMalformed
		case !first:
			if c, err = s.next(); err != nil {
				return early(err)
			}
			if err := s.keep(','); err != nil {
				return err
			}
		}
		if c != '"' {
			return errMalformed
		}
		if len(s.ends) == limits.ResultsPerReport {
			return fault.TooLargef("results: more than %d iterations, the limit", limits.ResultsPerReport)
		}
		if err := s.text(); err != nil {
			return err
		}
		s.ends = append(s.ends, s.texts.Len())
		if err := s.keep('"', '"'); err != nil {
			return err
		}
	}
}

// text decodes one text, whose opening quote was read, as encoding/json does: what is not UTF-8 becomes the replacement character.
func (s *splitter) text() error {
	for {
		if _, err := s.in.Peek(1); err != nil {
			return early(err)
		}
		chunk, err := s.in.Peek(s.in.Buffered())
		if err != nil {
			return early(err)
		}
		plain := 0
		for plain < len(chunk) && chunk[plain] >= ' ' && chunk[plain] != '"' && chunk[plain] != '\\' && chunk[plain] < utf8.RuneSelf {
			plain++
		}
		s.texts.Write(chunk[:plain])
		if _, err := s.in.Discard(plain); err != nil {
			return early(err)
		}
		if plain == len(chunk) {
			continue
		}
		r, _, err := s.in.ReadRune()
		switch {
		case err != nil:
			return early(err)
		case r == '"':
			return nil
		case r < ' ':
			return errMalformed
		case r == '\\':
			if r, err = s.escape(); err != nil {
				return err
			}
		}
		s.texts.WriteRune(r)
	}
}

// escape decodes what follows a backslash.
func (s *splitter) escape() (rune, error) {
	c, err := s.in.ReadByte()
	if err != nil {
		return 0, early(err)
	}
	switch c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
	default:
		return 0, errMalformed
	}
	r, err := s.hex()
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	following, err := s.in.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	if len(following) == 6 && following[0] == '\\' && following[1] == 'u' {
		if second, ok := hexRune(following[2:]); ok {
			if both := utf16.DecodeRune(r, second); both != utf8.RuneError {
				_, err := s.in.Discard(6)
				return both, err
			}
		}
	}
	return utf8.RuneError, nil // half a pair
}

func (s *splitter) hex() (rune, error) {
	digits, err := s.in.Peek(4)
	if err != nil {
		return 0, early(err)
	}
	r, ok := hexRune(digits)
	if !ok {
		return 0, errMalformed
	}
	_, err = s.in.Discard(4)
	return r, err
}

func hexRune(digits []byte) (r rune, ok bool) {
	for _, c := range digits {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// copyValue keeps a value as it is, up to the comma or brace after it.
func (s *splitter) copyValue() error {
	depth := 0
	for {
		c, err := s.in.ReadByte()
		if err != nil {
			return early(err)
		}
		switch c {
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return s.in.UnreadByte()
			}
			depth--
		case ',':
			if depth == 0 {
				return s.in.UnreadByte()
			}
		}
		if err := s.keep(c); err != nil {
			return err
		}
		if c == '"' {
			if err := s.copyString(); err != nil {
				return err
			}
		}
	}
}

// copyString keeps a text whose opening quote was kept, up to its closing one.
func (s *splitter) copyString() error {
	for escaped := false; ; {
		c, err := s.in.ReadByte()
		if err != nil {
			return early(err)
		}
		if err := s.keep(c); err != nil {
			return err
		}
		switch {
		case escaped:
			escaped = false
		case c == '\\':
			escaped = true
		case c == '"':
			return nil
		}
	}
}

// expect reads c after white space and keeps it.
func (s *splitter) expect(c byte) error {
	got, err := s.next()
	if err != nil {
		return early(err)
	}
	if got != c {
		return errMalformed
	}
	return s.keep(c)
}

// next reads the next byte that is no white space.
func (s *splitter) next() (byte, error) {
	for {
		c, err := s.in.ReadByte()
		if err != nil || c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c, err
		}
	}
}

func (s *splitter) keep(b ...byte) error {
	if len(s.rest)+len(b) > limits.JSONBodyBytes {
		return fault.TooLargef("the body without its results has more than %d bytes, the limit", limits.JSONBodyBytes)
	}
	s.rest = append(s.rest, b...)
	return nil
}

// early is the error for a body that ends where it should go on.
func early(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

package adapter

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"sync"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

// scanner reads an input once, from its beginning to its end, through a window: what was read is forgotten, so that a large input costs no more
// than its longest line or text. It gives lines (here), JSON (scan.go) and, as an io.Reader, what an XML or CSV reader wants.
type scanner struct {
	r    io.Reader
	in   []byte // the window
	at   int    // the next byte of it
	mark int    // the first byte that must stay although it was read; -1: none
	end  error  // why nothing follows the window; nil: not known yet
	base int64  // bytes before the window

	countedTo, counted int // lines that end before this byte of the window, as far as position has looked

	row, column int        // lines before the window's first byte, and bytes between the last line end and it
	lineNumber  int        // of the line that nextLine returned, the first is 1
	depth       int        // of JSON
	known       *textTable // short texts that came last
	loose       bool       // NaN and Infinity are taken for null, as Python writes them
	prefix      *prefix    // what stands before its lines; nil: nothing
	plain       bool       // its lines are as the tool wrote them
	calm        bool       // no escape and no return of the carriage is in them, and no prefix before them
	joined      []byte     // a line that goes on in others

	passed     int // lines that were too long to be looked at
	passedRow  int // the first of them
	thinned    int // lists of which only some samples are kept
	thinnedRow int // the end of the first of them
	odd        int // lines below a table that are none of its rows
	oddRow     int // the first of them
}

// windowBytes is the window's first size; it grows to twice what a line or a text may have.
const (
	windowBytes = 64 * limits.KiB
	minBytes    = 512 // to which a window grows that is as small as its input
)

func newScanner(r io.Reader) *scanner {
	return &scanner{r: r, in: make([]byte, 0, windowBytes), mark: -1}
}

// scanBytes reads from memory.
func scanBytes(in []byte) *scanner { return &scanner{in: in, mark: -1, end: io.EOF} }

// spare are scanners that wait for the next input, with the short texts that came last: these are nobody's bytes.
var spare = sync.Pool{New: func() any { return &scanner{} }}

// spareBytes is scanBytes for who frees the scanner.
func spareBytes(in []byte) *scanner {
	s := spare.Get().(*scanner)
	s.reset(in)
	return s
}

// free says that nobody uses the scanner any more.
func (s *scanner) free() {
	if s.r == nil {
		*s = scanner{known: s.known}
		spare.Put(s)
	}
}

// reset makes the scanner one that reads from memory, as for each line of a log of JSON records.
func (s *scanner) reset(in []byte) { *s = scanner{in: in, mark: -1, end: io.EOF, known: s.known} }

// more reads on, and reports whether the window has grown at its end. Indexes into the window are void then, but at and mark.
func (s *scanner) more() bool {
	if s.end != nil {
		return false
	}
	keep := s.at
	if s.mark >= 0 {
		keep = s.mark
	}
	if keep > 0 {
		gone := s.in[:keep]
		s.countedTo = 0
		s.counted = 0
		if n := bytes.Count(gone, []byte{'\n'}); n > 0 {
			s.row += n
			s.column = len(gone) - 1 - bytes.LastIndexByte(gone, '\n')
		} else {
			s.column += len(gone)
		}
		s.base += int64(keep)
		s.in = s.in[:copy(s.in, s.in[keep:])]
		s.at -= keep
		if s.mark >= 0 {
			s.mark = 0
		}
	}
	if len(s.in) == cap(s.in) {
		if cap(s.in) >= 2*limits.AdapterLineBytes {
			s.end = errLong
			return false
		}
		s.in = append(make([]byte, 0, max(minBytes, 2*cap(s.in))), s.in...)
	}
	for range 100 { // a reader that gives nothing so often gives nothing
		n, err := s.r.Read(s.in[len(s.in):cap(s.in)])
		s.in = s.in[:len(s.in)+n]
		if err != nil {
			s.end = err
		}
		if n > 0 || err != nil {
			return n > 0
		}
	}
	s.end = io.ErrNoProgress
	return false
}

var errLong = errors.New("too long")

// read is how many bytes were read.
func (s *scanner) read() int64 { return s.base + int64(s.at) }

// ensure reads on until n bytes are in the window or the input ends.
func (s *scanner) ensure(n int) {
	if len(s.in)-s.at < n && s.end == nil {
		s.ensureOn(n)
	}
}

//go:noinline so that ensure is inlined, which almost never calls it
func (s *scanner) ensureOn(n int) {
	for s.more() && len(s.in)-s.at < n {
	}
}

// broken is the fault behind an input that ended before its time; nil: it ended as inputs do.
func (s *scanner) broken() error {
	switch {
	case s.end == nil, errors.Is(s.end, io.EOF):
		return nil
	case errors.Is(s.end, errLong):
		row, _ := s.position()
		return fault.TooLargef("line %d: a text of more than %d bytes", row, limits.AdapterLineBytes)
	}
	return fault.Wrap(fault.Of(s.end), s.end, "read the output: %v", s.end)
}

// position is the line and column of the next byte, both from 1.
func (s *scanner) position() (row, column int) {
	gone := s.in[:min(s.at, len(s.in))]
	if s.countedTo > len(gone) {
		s.countedTo, s.counted = 0, 0
	}
	s.counted += bytes.Count(gone[s.countedTo:], []byte{'\n'})
	s.countedTo = len(gone)
	if s.counted > 0 {
		return s.row + s.counted + 1, len(gone) - bytes.LastIndexByte(gone, '\n')
	}
	return s.row + 1, s.column + len(gone) + 1
}

// nextLine returns the next line as the tool wrote it: without its end, terminal escapes and a CI system's time stamp. It is good until the
// next call. A line that is longer than limits.AdapterLineBytes is passed over and counted. Not ok: there is none.
func (s *scanner) nextLine() (line []byte, ok bool) {
	if s.calm || s.plain { // as in almost all inputs, and all of the line is there
		rest := s.in[s.at:]
		if end := bytes.IndexByte(rest, '\n'); end >= 0 && end < limits.AdapterLineBytes {
			line = rest[:end]
			s.at += end + 1
			s.lineNumber++
			if end > 0 && !s.plain && (isDigit(line[0]) || line[0] == '[') {
				line = cutStamp(line)
			}
			return line, true
		}
	}
	return s.nextLineOn()
}

// nextLineOn is nextLine for any line.
func (s *scanner) nextLineOn() (line []byte, ok bool) {
	for {
		raw, ok := s.rawLine()
		if !ok {
			return nil, false
		}
		switch {
		case len(raw) > limits.AdapterLineBytes:
		case s.plain:
			return cutEnd(raw), true
		case s.calm:
			return cutStamp(cutEnd(raw)), true
		case s.prefix != nil && s.prefix.marks:
			return s.goOn(s.prefix.clean(raw)), true
		default:
			return s.prefix.clean(raw), true
		}
		if s.passed++; s.passed == 1 {
			s.passedRow = s.lineNumber
		}
	}
}

// cutEnd takes the line end off.
func cutEnd(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		return line[:n-1]
	}
	return line
}

// goOn is the line with those that follow and say that they go on with it.
func (s *scanner) goOn(line []byte) []byte {
	more := func() bool {
		const enough = 64
		s.ensure(enough)
		goesOn, _ := streamMark(s.in[s.at:min(len(s.in), s.at+enough)])
		return goesOn
	}
	s.joined = append(s.joined[:0], line...)
	for len(s.joined) <= limits.AdapterLineBytes && more() {
		raw, ok := s.rawLine()
		if !ok {
			break
		}
		s.joined = append(s.joined, s.prefix.clean(raw)...)
	}
	return s.joined
}

// lines are the lines that follow, as nextLine gives them.
func (s *scanner) lines() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for {
			if line, ok := s.nextLine(); !ok || !yield(line) {
				return
			}
		}
	}
}

// rawLine returns the next line with its end; of one that is longer than the window only what is over the limit.
func (s *scanner) rawLine() (line []byte, ok bool) {
	s.lineNumber++
	searched, long := 0, false
	for {
		if i := bytes.IndexByte(s.in[s.at+searched:], '\n'); i >= 0 {
			line = s.in[s.at : s.at+searched+i+1]
			s.at += len(line)
			break
		}
		searched = len(s.in) - s.at
		if searched > limits.AdapterLineBytes { // its beginning can be forgotten: what is kept is still too long
			long = true
			s.at += searched - 1
			searched = 1
		}
		if !s.more() {
			line = s.in[s.at:]
			s.at = len(s.in)
			if len(line) == 0 && !long {
				s.lineNumber--
				return nil, false
			}
			break
		}
	}
	if long {
		return tooLongLine, true
	}
	return line, true
}

// tooLongLine stands for any line over the limit.
var tooLongLine = make([]byte, limits.AdapterLineBytes+1)

// Read gives what was not read yet, for readers of other formats.
func (s *scanner) Read(p []byte) (int, error) {
	if s.at == len(s.in) && !s.more() {
		if err := s.broken(); err != nil {
			return 0, err
		}
		return 0, io.EOF
	}
	n := copy(p, s.in[s.at:])
	s.at += n
	return n, nil
}

// newCleaned is a scanner over what another one gives, as the tool wrote it: each line without terminal escapes, time stamps and other
// prefixes.
func newCleaned(lines *scanner) *scanner {
	size := windowBytes
	if lines.r == nil { // no more follows than is there, and the end of a line
		size = min(size, len(lines.in)-lines.at+1)
	}
	s := &scanner{r: &cleaned{lines: lines}, in: make([]byte, 0, size), mark: -1}
	s.row, s.lineNumber, s.plain, s.known = lines.row, lines.lineNumber, true, lines.known
	return s
}

// cleaned reads the lines of a scanner.
type cleaned struct {
	lines *scanner
	rest  []byte
	nl    bool // a line end follows rest
}

func (c *cleaned) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(c.rest) == 0 {
			if c.nl {
				p[n] = '\n'
				n++
				c.nl = false
				continue
			}
			line, ok := c.lines.nextLine()
			if !ok {
				if n > 0 {
					return n, nil
				}
				if err := c.lines.broken(); err != nil {
					return 0, err
				}
				return 0, io.EOF
			}
			c.rest, c.nl = line, true
			continue
		}
		took := copy(p[n:], c.rest)
		c.rest = c.rest[took:]
		n += took
	}
	return n, nil
}

// drain passes over the rest.
func (s *scanner) drain() {
	s.at = len(s.in)
	for s.more() {
		s.at = len(s.in)
	}
}

// goesOnTo is what a program printed of a command, which may go over lines, up to what ends it. A command that does not end soon is its
// first line.
func (s *scanner) goesOnTo(text []byte, end string) []byte {
	const most = 64 * limits.KiB
	if bytes.HasSuffix(bytes.TrimRight(text, " "), []byte(end)) {
		return text
	}
	whole := bytes.Clone(text)
	s.ensure(most)
	ahead := *s // what is read of the window is not read yet
	ahead.end, ahead.in = io.EOF, s.in[:min(len(s.in), s.at+most)]
	for {
		line, ok := ahead.nextLine()
		if !ok {
			return bytes.Clone(text)
		}
		whole = append(append(whole, '\n'), line...)
		if bytes.HasSuffix(bytes.TrimRight(line, " "), []byte(end)) {
			break
		}
	}
	for s.lineNumber < ahead.lineNumber {
		s.rawLine()
	}
	return whole
}

package read

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"sync"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

// Scanner reads an input once, from its beginning to its end, through a window: what was read is forgotten, so that a large input costs no
// more than its longest line or text. It gives lines (here), JSON (scan.go) and, as an io.Reader, what an XML or CSV reader wants.
type Scanner struct {
	r    io.Reader
	in   []byte // the window
	at   int    // the next byte of it
	mark int    // the first byte that must stay although it was read; -1: none
	end  error  // why nothing follows the window; nil: not known yet
	base int64  // bytes before the window

	countedTo, counted int // lines that end before this byte of the window, as far as Position has looked

	row, column int     // lines before the window's first byte, and bytes between the last line end and it
	lineNumber  int     // of the line that NextLine returned, the first is 1
	depth       int     // of JSON
	known       *Texts  // short texts that came last
	Loose       bool    // NaN and Infinity are taken for null, as Python writes them; a caller may set it
	prefix      *Prefix // what stands before its lines; nil: nothing
	plain       bool    // its lines are as the tool wrote them
	calm        bool    // no escape and no return of the carriage is in them, and no prefix before them
	joined      []byte  // a line that goes on in others

	Passed     int // lines that were too long to be looked at
	PassedRow  int // the first of them
	Thinned    int // lists of which only some samples are kept
	ThinnedRow int // the end of the first of them
	Odd        int // lines below a table that are none of its rows
	OddRow     int // the first of them
}

// Sizes of the window, which grows until it has more than a line or a text may have.
const (
	// WindowBytes is how many bytes it has at first.
	WindowBytes = 64 * limits.KiB
	minBytes    = 512 // to which a window grows that is as small as its input
)

// NewScanner reads from r, with a window of WindowBytes at first.
func NewScanner(r io.Reader) *Scanner {
	return &Scanner{r: r, in: make([]byte, 0, WindowBytes), mark: -1}
}

// ScanBytes reads from memory: the window is the input itself, which nobody may change meanwhile.
func ScanBytes(in []byte) *Scanner { return &Scanner{in: in, mark: -1, end: io.EOF} }

// spare are scanners that wait for the next input, with the short texts that came last: these are nobody's bytes.
var spare = sync.Pool{New: func() any { return &Scanner{} }}

// Borrow is ScanBytes for who calls Free once nobody uses the scanner.
func Borrow(in []byte) *Scanner {
	s := spare.Get().(*Scanner)
	s.Reset(in)
	return s
}

// Free says that nobody uses the scanner any more. One that reads from memory waits for the next Borrow.
func (s *Scanner) Free() {
	if s.r == nil {
		*s = Scanner{known: s.known}
		spare.Put(s)
	}
}

// Reset makes the scanner one that reads from memory, as for each line of a log of JSON records.
func (s *Scanner) Reset(in []byte) { *s = Scanner{in: in, mark: -1, end: io.EOF, known: s.known} }

// More reads on, and reports whether the window has grown at its end. What Window gave before is void then.
func (s *Scanner) More() bool {
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

// Offset is how many bytes of the input were taken.
func (s *Scanner) Offset() int64 { return s.base + int64(s.at) }

// Begin says where in its input the scanner begins, how many lines are before that, and what its lines have before them: nil is nothing.
// They are calm where none has a prefix, an escape or a carriage return.
func (s *Scanner) Begin(row int, p *Prefix, calm bool) {
	s.row, s.lineNumber, s.prefix, s.calm = row, row, p, calm
}

// Line is the number of the line that NextLine returned, from 1; 0: none yet.
func (s *Scanner) Line() int { return s.lineNumber }

// Window is what was read of the input and not taken yet. It is good until the next call, and the caller does not change it.
func (s *Scanner) Window() []byte { return s.in[s.at:] }

// Pass takes the next n bytes, all of which must be in the window.
func (s *Scanner) Pass(n int) { s.at += n }

// Ends reports whether nothing follows the window.
func (s *Scanner) Ends() bool { return s.end != nil }

// Ensure reads on until n bytes are in the window or the input ends. Window may still be shorter than n.
func (s *Scanner) Ensure(n int) {
	if len(s.in)-s.at < n && s.end == nil {
		s.ensureOn(n)
	}
}

//go:noinline so that Ensure is inlined, which almost never calls it
func (s *Scanner) ensureOn(n int) {
	for s.More() && len(s.in)-s.at < n {
	}
}

// Broken is the fault behind an input that ended before its time; nil: it ended as inputs do. It is TooLarge for a text that is longer than
// the window may grow, else of the kind of the reader's error.
func (s *Scanner) Broken() error {
	switch {
	case s.end == nil, errors.Is(s.end, io.EOF):
		return nil
	case errors.Is(s.end, errLong):
		row, _ := s.Position()
		return fault.TooLargef("line %d: a text of more than %d bytes", row, limits.AdapterLineBytes)
	}
	return fault.Wrap(fault.Of(s.end), s.end, "read the output: %v", s.end)
}

// Position is the line and column of the next byte, both from 1.
func (s *Scanner) Position() (row, column int) {
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

// NextLine returns the next line as the tool wrote it: without its end, terminal escapes and a CI system's time stamp. It is good until the
// next call. A line that is longer than limits.AdapterLineBytes is skipped and counted in Passed. Not ok: there is none, or the scanner
// is Broken.
func (s *Scanner) NextLine() (line []byte, ok bool) {
	if s.calm || s.plain { // as in almost all inputs, and all of the line is there
		rest := s.in[s.at:]
		if end := bytes.IndexByte(rest, '\n'); end >= 0 && end < limits.AdapterLineBytes {
			line = rest[:end]
			s.at += end + 1
			s.lineNumber++
			if end > 0 && !s.plain && (IsDigit(line[0]) || line[0] == '[') {
				line = CutStamp(line)
			}
			return line, true
		}
	}
	return s.nextLineOn()
}

// nextLineOn is NextLine for any line.
func (s *Scanner) nextLineOn() (line []byte, ok bool) {
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
			return CutStamp(cutEnd(raw)), true
		case s.prefix != nil && s.prefix.marks:
			return s.goOn(s.prefix.Clean(raw)), true
		default:
			return s.prefix.Clean(raw), true
		}
		if s.Passed++; s.Passed == 1 {
			s.PassedRow = s.lineNumber
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
func (s *Scanner) goOn(line []byte) []byte {
	more := func() bool {
		const enough = 64
		s.Ensure(enough)
		goesOn, _ := streamMark(s.in[s.at:min(len(s.in), s.at+enough)])
		return goesOn
	}
	s.joined = append(s.joined[:0], line...)
	for len(s.joined) <= limits.AdapterLineBytes && more() {
		raw, ok := s.rawLine()
		if !ok {
			break
		}
		s.joined = append(s.joined, s.prefix.Clean(raw)...)
	}
	return s.joined
}

// Lines are the lines that follow, as NextLine gives them. Who reads them to the end asks whether the scanner is Broken.
func (s *Scanner) Lines() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for {
			if line, ok := s.NextLine(); !ok || !yield(line) {
				return
			}
		}
	}
}

// rawLine returns the next line with its end; of one that is longer than the window only what is over the limit.
func (s *Scanner) rawLine() (line []byte, ok bool) {
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
		if !s.More() {
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
var tooLongLine = zeros[:]

var zeros [limits.AdapterLineBytes + 1]byte // an array costs the start of a process nothing

// Read gives what was not read yet, for readers of other formats: io.EOF at the end, or what Broken says.
func (s *Scanner) Read(p []byte) (int, error) {
	if s.at == len(s.in) && !s.More() {
		if err := s.Broken(); err != nil {
			return 0, err
		}
		return 0, io.EOF
	}
	n := copy(p, s.in[s.at:])
	s.at += n
	return n, nil
}

// Cleaned is a scanner over what another one gives, as the tool wrote it: each line without terminal escapes, time stamps and other
// prefixes.
func Cleaned(lines *Scanner) *Scanner {
	size := WindowBytes
	if lines.r == nil { // no more follows than is there, and the end of a line
		size = min(size, len(lines.in)-lines.at+1)
	}
	s := &Scanner{r: &cleaned{lines: lines}, in: make([]byte, 0, size), mark: -1}
	s.row, s.lineNumber, s.plain, s.known = lines.row, lines.lineNumber, true, lines.known
	return s
}

// cleaned reads the lines of a scanner.
type cleaned struct {
	lines *Scanner
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
			line, ok := c.lines.NextLine()
			if !ok {
				if n > 0 {
					return n, nil
				}
				if err := c.lines.Broken(); err != nil {
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

// Drain passes over the rest, whose faults Broken has.
func (s *Scanner) Drain() {
	s.at = len(s.in)
	for s.More() {
		s.at = len(s.in)
	}
}

// GoesOnTo is what a program printed of a command, which may go over lines, up to what ends it. A command that does not end soon is its
// first line.
func (s *Scanner) GoesOnTo(text []byte, end string) []byte {
	const most = 64 * limits.KiB
	if bytes.HasSuffix(bytes.TrimRight(text, " "), []byte(end)) {
		return text
	}
	whole := bytes.Clone(text)
	s.Ensure(most)
	ahead := *s // what is read of the window is not read yet
	ahead.end, ahead.in = io.EOF, s.in[:min(len(s.in), s.at+most)]
	for {
		line, ok := ahead.NextLine()
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

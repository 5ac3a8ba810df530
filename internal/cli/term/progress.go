package term

import (
	"fmt"
	"io"
	"sync"
)

// Progress tells what goes on: on a terminal in one line that is written over, elsewhere in a line for each thing that is said. It is safe
// for concurrent use, because a command's two streams and a clock write around it.
type Progress struct {
	screen *Screen

	mu      sync.Mutex // guards what follows, and the order of writes
	text    string     // the line that stands there, on a terminal
	shown   bool
	partial bool // another program's line has no end yet: nothing may be written over it
}

// NewProgress writes to screen.
func NewProgress(screen *Screen) *Progress { return &Progress{screen: screen} }

// Show replaces the line on a terminal. Elsewhere it does nothing: what changes each second is no news.
func (p *Progress) Show(text string) {
	if !p.screen.Terminal {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text = Clean(text)
	p.draw()
}

// Say writes a line that stays.
func (p *Progress) Say(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	if p.partial {
		fmt.Fprintln(p.screen.W)
		p.partial = false
	}
	fmt.Fprintln(p.screen.W, Clean(text))
	p.draw()
}

// Done takes the line away.
func (p *Progress) Done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	p.text = ""
}

func (p *Progress) draw() {
	if p.text == "" || p.partial {
		return
	}
	text := []rune(p.text)
	if p.screen.Width > 1 && len(text) >= p.screen.Width {
		text = append(text[:p.screen.Width-2], '…') // a line that wraps could not be written over
	}
	fmt.Fprintf(p.screen.W, "\r\x1b[K%s", p.screen.Dim(string(text)))
	p.shown = true
}

func (p *Progress) clear() {
	if p.shown {
		fmt.Fprint(p.screen.W, "\r\x1b[K")
		p.shown = false
	}
}

// Around returns w for another program's output: the line is taken away before and comes back with the next Show. On a terminal control
// characters other than tab and line ends are made visible, but for escape sequences that only colour.
func (p *Progress) Around(w io.Writer, terminal bool) io.Writer {
	return &around{progress: p, w: w, terminal: terminal}
}

type around struct {
	progress *Progress
	w        io.Writer
	terminal bool
	safe     safer
}

func (a *around) Write(b []byte) (int, error) {
	a.progress.mu.Lock()
	defer a.progress.mu.Unlock()
	a.progress.clear()
	if !a.terminal {
		return a.w.Write(b)
	}
	if len(b) > 0 {
		a.progress.partial = b[len(b)-1] != '\n'
	}
	if _, err := a.w.Write(a.safe.convert(b)); err != nil {
		return 0, err
	}
	return len(b), nil
}

// safer lets text, tabs, line ends and colours (ESC [ digits ; m) through, and shows other control characters as "^X". It keeps an
// unfinished sequence until the next call.
type safer struct{ held []byte }

const longestColour = 32 // bytes of a sequence that only colours

func (s *safer) convert(b []byte) []byte {
	in := append(s.held, b...)
	s.held = nil
	out := make([]byte, 0, len(in))
	for i := 0; i < len(in); i++ {
		c := in[i]
		switch {
		case c == '\t', c == '\n', c == '\r', c >= ' ' && c != 0x7f:
			out = append(out, c)
		case c == 0x1b:
			n, whole := colour(in[i:])
			switch {
			case n > 0:
				out = append(out, in[i:i+n]...)
				i += n - 1
			case !whole:
				s.held = append([]byte(nil), in[i:]...)
				return out
			default:
				out = append(out, '^', '[')
			}
		case c == 0x7f:
			out = append(out, '^', '?')
		default:
			out = append(out, '^', c+'@')
		}
	}
	return out
}

// colour returns the length of the colour sequence at the beginning of b, 0 if it is none; whole is false if more bytes could make it one.
func colour(b []byte) (n int, whole bool) {
	if len(b) == 1 {
		return 0, false
	}
	if b[1] != '[' {
		return 0, true
	}
	for i := 2; i < len(b) && i < longestColour; i++ {
		switch c := b[i]; {
		case c == 'm':
			return i + 1, true
		case c != ';' && (c < '0' || c > '9'):
			return 0, true
		}
	}
	return 0, len(b) >= longestColour
}

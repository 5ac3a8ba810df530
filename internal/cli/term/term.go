// Package term writes for people: colours where they are wanted, tables, and a line that is written over while something goes on.
//
// It decides from the writer and the environment whether there is a terminal. Names from elsewhere are cleaned of control characters, so
// that no benchmark's name can move the reader's cursor. The command line's verbs use it; it knows nothing of what they say.
package term

import (
	"io"
	"os"
	"strings"
	"unicode"

	"golang.org/x/term"
)

// Screen is a writer and what it can show.
type Screen struct {
	W        io.Writer
	Terminal bool // lines may be written over
	Colour   bool
	Width    int // columns; 0: not known, do not cut
}

// New looks at a writer. Colours need a terminal, an empty NO_COLOR and a TERM other than "dumb".
func New(w io.Writer, getenv func(string) string) *Screen {
	s := &Screen{W: w}
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return s
	}
	s.Terminal = getenv("TERM") != "dumb"
	s.Colour = s.Terminal && getenv("NO_COLOR") == ""
	if width, _, err := term.GetSize(int(f.Fd())); err == nil {
		s.Width = width
	}
	return s
}

// IsTerminal reports whether r is a keyboard that somebody would have to type on.
func IsTerminal(r io.Reader) bool {
	f, ok := r.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Colour of a text.
type Colour string

// The colours, by what they mean.
const (
	Plain Colour = ""
	Bad   Colour = "31" // red
	Good  Colour = "32" // green
	Note  Colour = "33" // yellow
	Faint Colour = "2"
	Title Colour = "1" // bold
)

// Paint returns text in a colour, if the screen has any.
func (s *Screen) Paint(c Colour, text string) string {
	if !s.Colour || c == Plain || text == "" {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

// Red paints what is wrong.
func (s *Screen) Red(text string) string { return s.Paint(Bad, text) }

// Dim paints what matters less.
func (s *Screen) Dim(text string) string { return s.Paint(Faint, text) }

// Clean returns text on one line: control characters become spaces, except that they are not doubled. So do those that turn the direction
// of what follows, because a name could hide behind them.
func Clean(text string) string {
	if strings.IndexFunc(text, controls) < 0 {
		return text
	}
	return strings.Join(strings.FieldsFunc(text, controls), " ")
}

func controls(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }

package term

import (
	"bytes"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/tachograph/tacho/internal/property"
)

func noEnv(string) string { return "" }

func TestABufferIsNoTerminalAndHasNoColours(t *testing.T) {
	t.Parallel()
	s := New(&bytes.Buffer{}, noEnv)
	if s.Terminal || s.Colour || s.Red("x") != "x" || IsTerminal(strings.NewReader("")) {
		t.Errorf("%+v", s)
	}
	if got := (&Screen{Colour: true}).Red("x"); got != "\x1b[31mx\x1b[0m" {
		t.Errorf("red is %q", got)
	}
}

func TestTablesLineUpAndKeepForeignTextOnItsLine(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	table := Table{Titles: []string{"name", "value", "note"}, Right: []bool{false, true, false}}
	table.Add(Text("µ\x1b[2Jbench\nmark"), Text("1"), Cell{"ok", Good})
	table.Add(Text("b"), Text("1000"), Text(""))
	if err := table.Write(New(&out, noEnv)); err != nil {
		t.Fatal(err)
	}
	want := "name             value  note\n" + "µ [2Jbench mark      1  ok\n" + "b                 1000\n"
	if got := out.String(); got != want {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

func TestProgressIsOneLineOnATerminalAndSilentElsewhere(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := NewProgress(&Screen{W: &out, Terminal: true, Width: 10})
	p.Show("0123456789abc")
	job := p.Around(&out, true)
	_, _ = job.Write([]byte("half"))
	p.Show("not over a line without an end")
	_, _ = job.Write([]byte(" line\n"))
	p.Show("b")
	p.Say("stays")
	p.Done()
	want := "\r\x1b[K01234567…" + "\r\x1b[K" + "half" + " line\n" + "\r\x1b[Kb" + "\r\x1b[Kstays\n" + "\r\x1b[Kb" + "\r\x1b[K"
	if got := out.String(); got != want {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
	out.Reset()
	p = NewProgress(&Screen{W: &out})
	p.Show("a")
	_, _ = p.Around(&out, false).Write([]byte("raw \x1b[2J\n"))
	p.Say("b")
	p.Done()
	if got, want := out.String(), "raw \x1b[2J\nb\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOnlyColoursGetThroughToATerminal(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain\ttext\r\n": "plain\ttext\r\n", "\x1b[1;31mred\x1b[0m": "\x1b[1;31mred\x1b[0m", "\x1b[2Jgone": "^[[2Jgone",
		"\x1b]0;title\x07": "^[]0;title^G",
		"\x7f\x00":         "^?^@", "\x1b[" + strings.Repeat("1", 50) + "m": "^[[" + strings.Repeat("1", 50) + "m", "µ": "µ",
	} {
		for split := range len(in) {
			var s safer
			got := string(s.convert([]byte(in[:split]))) + string(s.convert([]byte(in[split:])))
			if got != want {
				t.Errorf("%q split at %d: got %q, want %q", in, split, got, want)
			}
		}
	}
}

func TestNamesHideNothing(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"a\nb": "a b", "\u202egnp.exe": "gnp.exe", "a\u2066b\u2069": "a b", "Größe": "Größe"} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) is %q, want %q", in, got, want)
		}
	}
}

func TestNoTextMovesTheCursor(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		if got := Clean(rapid.String().Draw(t, "text")); strings.ContainsFunc(got, unicode.IsControl) {
			t.Fatalf("Clean lets %q through", got)
		}
		var s safer
		var out []byte
		for _, part := range rapid.SliceOf(rapid.SliceOf(rapid.SampledFrom([]byte("\x1b[;0m2J\x07a\x9b\n")))).Draw(t, "parts") {
			out = append(out, s.convert(part)...)
		}
		for i, c := range out {
			if c == 0x1b {
				if n, _ := colour(out[i:]); n == 0 {
					t.Fatalf("%q lets an escape through at %d", out, i)
				}
			}
		}
	})
}

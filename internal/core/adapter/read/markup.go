package read

import (
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

// Element is an XML element that has begun. Its maps and texts are its own.
type Element struct {
	Path  string // names from the root, joined by dots: "testsuites.testsuite.testcase"
	Name  string // without its name space
	attrs []xml.Attr
}

// Attr is the value of the attribute of that local name; empty if it has none.
func (e *Element) Attr(name string) string {
	for _, a := range e.attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// newMarkup is an XML reader of what in gives. Entities that a document declares itself are not known, so nothing expands.
func newMarkup(in *bounded) *xml.Decoder {
	d := xml.NewDecoder(in)
	d.CharsetReader = func(charset string, in io.Reader) (io.Reader, error) {
		switch strings.ToLower(charset) {
		case "utf-8", "us-ascii":
			return in, nil
		case "iso-8859-1", "latin1", "windows-1252":
			return &latin1{r: in}, nil
		}
		return nil, fault.Invalidf("XML: the encoding %.40q is not known; save the file as UTF-8", charset)
	}
	return d
}

// Markup reads tokens of XML from the next byte on, for one who looks at a document's beginning only. A token of more than twice
// limits.AdapterLineBytes is a TooLarge fault.
func (s *Scanner) Markup() *xml.Decoder { return newMarkup(&bounded{s: s}) }

// Elements reads one XML document. It calls begin at each element, with its place in the document, and end with the text that stood
// directly in it, shortened to limits.AdapterLineBytes; either may be nil. An error of theirs ends the reading and is returned; others are
// Invalid where it is no XML or nested more than limits.JSONDepth deep, and TooLarge where a text or tag is too long.
func (s *Scanner) Elements(begin func(e *Element) error, end func(e *Element, text string) error) error {
	type open struct {
		Element
		text []byte
	}
	row, _ := s.Position()
	input := &bounded{s: s}
	d := newMarkup(input)
	fail := func(format string, args ...any) error {
		line, column := d.InputPos()
		f := fault.Invalidf(format, args...)
		f.Message += " (line " + strconv.Itoa(row-1+line) + ", column " + strconv.Itoa(column) + ")"
		return f
	}
	var stack []open
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) && len(stack) == 0 {
			return fail("XML: there is no element")
		}
		var syntax *xml.SyntaxError
		switch {
		case err == nil:
		case fault.Is(err, fault.TooLarge), fault.Is(err, fault.Invalid):
			return err
		case errors.As(err, &syntax):
			return fail("XML: %.200s", syntax.Msg)
		default:
			return fail("XML: the document has no end")
		}
		input.token = 0
		switch t := token.(type) {
		case xml.StartElement:
			if len(stack) >= limits.JSONDepth {
				return fail("XML: nested more than %d deep", limits.JSONDepth)
			}
			o := open{Element: Element{Path: t.Name.Local, Name: t.Name.Local, attrs: t.Copy().Attr}}
			if len(stack) > 0 {
				o.Path = stack[len(stack)-1].Path + "." + o.Name
			}
			stack = append(stack, o)
			if begin != nil {
				if err := begin(&stack[len(stack)-1].Element); err != nil {
					return err
				}
			}
		case xml.CharData:
			if len(stack) > 0 && end != nil {
				top := &stack[len(stack)-1]
				top.text = append(top.text, t[:min(len(t), limits.AdapterLineBytes-len(top.text))]...)
			}
		case xml.EndElement:
			top := &stack[len(stack)-1]
			if end != nil {
				if err := end(&top.Element, strings.TrimSpace(string(top.text))); err != nil {
					return err
				}
			}
			if stack = stack[:len(stack)-1]; len(stack) == 0 {
				return nil
			}
		}
	}
}

// bounded gives a scanner's bytes one by one, so that nothing is read ahead, and refuses a token that is longer than a line may be.
type bounded struct {
	s     *Scanner
	token int // bytes since the last one
}

func (b *bounded) ReadByte() (byte, error) {
	if b.s.at == len(b.s.in) && !b.s.More() {
		if err := b.s.Broken(); err != nil {
			return 0, err
		}
		return 0, io.EOF
	}
	if b.token++; b.token > 2*limits.AdapterLineBytes {
		return 0, fault.TooLargef("XML: a text or tag of more than %d bytes", limits.AdapterLineBytes)
	}
	c := b.s.in[b.s.at]
	b.s.at++
	return c, nil
}

func (b *bounded) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	c, err := b.ReadByte()
	if err != nil {
		return 0, err
	}
	p[0] = c
	return 1, nil
}

// latin1 gives ISO 8859-1 as UTF-8.
type latin1 struct {
	r    io.Reader
	rest []byte
}

func (l *latin1) Read(p []byte) (int, error) {
	if len(l.rest) == 0 {
		raw := make([]byte, 1) // nothing is read ahead
		n, err := l.r.Read(raw)
		if n == 0 {
			return 0, err
		}
		for _, c := range raw[:n] {
			l.rest = append(l.rest, string(rune(c))...)
		}
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

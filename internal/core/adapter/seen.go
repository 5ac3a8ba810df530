package adapter

import (
	"bytes"
	"encoding/xml"
	"strconv"
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/fault"
)

// What is said of an output that no tool is recognised in: first what was seen, as that shows a wrong file or a shell's error at once,
// then the way out.

const (
	seenBytes   = 4096 // of an input that are looked at
	seenNames   = 5    // of members or columns that are told
	seenLines   = 3
	seenShorten = 60
)

// unrecognised says what was seen, and what to do.
func unrecognised(from *toolSet, src source) error {
	what, maps := src.seen()
	among := ""
	if len(from.tools) < len(tools) {
		names := make([]Name, len(from.tools))
		for i, t := range from.tools {
			names[i] = t.name
		}
		among = "; looked for " + joined(names)
	}
	mapped := "or have its results written as JSON or CSV and read them with --map"
	if maps {
		mapped = "or say with --map where names and values are: --map name=NAME,value=VALUE:ms"
	}
	return fault.Invalidf("the output was not recognised: %s%s. Name the tool with --adapter (`tacho adapters` lists %d), %s",
		what, among, len(tools), mapped)
}

// seen describes an output, and says whether a mapping could read it.
func (src source) seen() (what string, maps bool) {
	begin := place{offset: src.skipBOM()}
	s := src.look(begin)
	switch c := s.Peek(); {
	case c == 0:
		return "there is nothing in it", false
	case c == '{' || c == '[' && (s.ListBegins() || src.isJSON(begin)):
		return seenJSON(s, c)
	case c == '<':
		d := s.Markup()
		for range seenBytes {
			token, err := d.Token()
			if err != nil {
				break
			}
			if root, ok := token.(xml.StartElement); ok {
				return "it is XML, <" + shorten(root.Name.Local, seenShorten) + ">", false
			}
		}
	}
	return src.seenText(begin)
}

// isJSON reports whether the input is one value of JSON.
func (src source) isJSON(begin place) bool {
	s := src.look(begin)
	return s.Skip() == nil && s.Over()
}

// seenJSON names the members of the first object.
func seenJSON(s *read.Scanner, c byte) (what string, maps bool) {
	what = "it is JSON, an object"
	if c == '[' {
		what = "it is JSON, a list"
	}
	s.Loose = true
	var names []string
	object := func() error {
		return s.Object(func(key []byte) error {
			if len(names) == seenNames {
				return errEnough
			}
			names = append(names, quoted(string(key)))
			return s.Skip()
		})
	}
	if c == '{' {
		_ = object() // what was seen counts
	} else {
		_ = s.Array(func() error {
			if s.Peek() == '{' {
				what += " of objects"
				_ = object()
			}
			return errEnough
		})
	}
	if len(names) > 0 {
		what += " with " + strings.Join(names, ", ")
	}
	return what, len(names) > 0
}

// seenText shows the first line, and of the others the first with a number, which may be results; or the columns of a table.
func (src source) seenText(begin place) (what string, maps bool) {
	s := src.look(begin)
	var lines []string
	var columns int
	for s.Offset() < seenBytes {
		line, ok := s.NextLine()
		if !ok {
			break
		}
		text := bytes.TrimSpace(line)
		if len(text) == 0 {
			continue
		}
		comma := read.Separator(text)
		n := bytes.Count(text, []byte{comma})
		if len(lines) == 1 && n > 0 && n == columns {
			head, _, _ := strings.Cut(lines[0], "\n")
			return "it is a table with the columns " + quoted(head), true
		}
		if len(lines) == 0 {
			columns = n
		}
		if len(lines) == 0 || bytes.ContainsAny(text, "0123456789") {
			lines = append(lines, string(text))
		}
		if len(lines) == seenLines {
			break
		}
	}
	if len(lines) == 0 {
		return "there is nothing in it", false
	}
	for i, line := range lines {
		lines[i] = quoted(line)
	}
	what = "it is text that begins " + lines[0]
	if len(lines) > 1 {
		what += " and has " + strings.Join(lines[1:], " and ")
	}
	return what, false
}

// quoted is the text shortened and quoted, so that control characters are seen and do nothing.
func quoted(text string) string {
	if short := shorten(text, seenShorten); short != text {
		return strconv.Quote(strings.TrimSuffix(short, "…")) + "…"
	}
	return strconv.Quote(text)
}

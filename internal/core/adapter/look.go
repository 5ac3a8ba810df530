package adapter

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/tachograph/tacho/internal/core/limits"
)

// form is how a structured output is written.
type form int

const (
	jsonForm form = iota // a document, or records one after the other
	xmlForm
	csvForm
)

// sign is a way to recognise a structured output: it is the tool's where all marks are found.
//
// A mark of JSON is the path of a member, "results[].command": [] stands for an element of an array, * for any name. "reason=benchmark-complete"
// also asks for the text that stands there. A mark of XML is a path of elements from the root, "testsuites.testsuite.testcase", with .@name
// behind it for an attribute. A mark of CSV is the name of a column.
type sign struct {
	in    form
	marks []string
	score int    // how surely it is the tool's: 100 is surely, below 50 is what several tools could write
	why   string // what was recognised, for people
}

// sketch is what the beginning of a structured output shows: its marks.
type sketch map[string]bool

// What of an output is looked at: enough for a sign, and no more.
const (
	sketchBytes    = 1 * limits.MiB
	sketchKeys     = 64 // of an object
	sketchElements = 3  // of an array
	sketchRecords  = 20 // of documents one after the other
	sketchMarks    = 4096
	sketchDepth    = 12
	sketchText     = 40 // the longest text that is a mark

	sketchQuestions = 32 // whether that is enough
)

// has reports whether a mark was seen; * in it stands for any one part.
func (k sketch) has(mark string) bool {
	if !strings.Contains(mark, "*") {
		return k[mark]
	}
	want := strings.Split(mark, ".")
	for seen := range k {
		got := strings.Split(seen, ".")
		if len(got) == len(want) && slices.EqualFunc(got, want, func(g, w string) bool {
			rest, wild := strings.CutPrefix(w, "*")
			return g == w || wild && strings.HasSuffix(g, rest) && strings.Count(g, "[]") == strings.Count(rest, "[]")
		}) {
			return true
		}
	}
	return false
}

func (k sketch) add(mark string) {
	if len(k) < sketchMarks {
		k[mark] = true
	}
}

// best is the highest sign of the tool that the sketch bears.
func (k sketch) best(in form, signs []sign) (found sign, ok bool) {
	for _, one := range signs {
		if one.in == in && one.score > found.score && !slices.ContainsFunc(one.marks, func(m string) bool { return !k.has(m) }) {
			found, ok = one, true
		}
	}
	return found, ok
}

// sketchJSON looks at the JSON that begins here. What is cut off or is none ends the look without an error: what was seen counts. It is empty
// where nothing that has a member begins.
//
// Enough is asked behind each document, as what follows may be another tool's, with the score that the marks must give; and where more elements of
// an array follow than are looked at, as the rest may be long. It ends the look.
func sketchJSON(s *scanner, enough func(k sketch, score int) bool) sketch {
	k := sketch{}
	asked := 0
	stop := func() bool {
		asked++
		return asked <= sketchQuestions && enough(k, 100)
	}
	for range sketchRecords {
		if c := s.peek(); c != '{' && c != '[' {
			break
		}
		if err := k.value(s, "", 0, stop); err != nil || enough(k, 50) {
			break
		}
	}
	return k
}

var errEnough = errors.New("enough was seen")

func (k sketch) value(s *scanner, path string, depth int, stop func() bool) error {
	switch c := s.peek(); {
	case depth >= sketchDepth:
		return s.skip()
	case c == '{':
		keys := 0
		return s.object(func(key []byte) error {
			if keys++; keys > sketchKeys {
				return s.skip()
			}
			at := strings.ReplaceAll(string(key), ".", "·") // a dot parts the names of a mark
			if path != "" {
				at = path + "." + at
			}
			k.add(at)
			return k.value(s, at, depth+1, stop)
		})
	case c == '[':
		elements := 0
		return s.array(func() error {
			switch elements++; {
			case elements == sketchElements+1 && stop():
				return errEnough
			case elements > sketchElements:
				return s.skip()
			}
			k.add(path + "[]")
			return k.value(s, path+"[]", depth+1, stop)
		})
	case c == '"':
		word, err := s.word()
		if err == nil && len(word) <= sketchText {
			k.add(path + "=" + string(word))
		}
		return err
	}
	return s.skip()
}

// sketchXML looks at the document that begins here.
func sketchXML(s *scanner) sketch {
	k := sketch{}
	d := newMarkup(&bounded{s: s})
	var path []string
	for range sketchMarks {
		token, err := d.Token()
		if err != nil {
			break
		}
		switch t := token.(type) {
		case xml.StartElement:
			if len(path) >= sketchDepth {
				return k
			}
			path = append(path, t.Name.Local)
			at := strings.Join(path, ".")
			k.add(at)
			for _, a := range t.Attr {
				k.add(at + ".@" + a.Name.Local)
			}
		case xml.EndElement:
			if path = path[:max(0, len(path)-1)]; len(path) == 0 {
				return k // another document may follow, of another tool
			}
		}
	}
	return k
}

// sketchRow looks at a line that may be the header of a table.
func sketchRow(line []byte) sketch {
	k := sketch{}
	if bytes.IndexByte(line, separator(line)) < 0 {
		return k
	}
	for _, column := range splitRow(nil, line, separator(line)) {
		k.add(string(bytes.TrimSpace(column)))
	}
	return k
}

// source is an input that can be read from any of its bytes, as often as wanted.
type source struct {
	in   []byte
	r    io.ReaderAt // where in is nil
	size int64
}

// from is a scanner that begins at the place.
func (src source) from(p place) *scanner {
	var s *scanner
	if src.r == nil {
		s = scanBytes(src.in[p.offset:])
	} else {
		s = newScanner(io.NewSectionReader(src.r, p.offset, src.size-p.offset))
	}
	s.row, s.lineNumber = p.row, p.row
	return s
}

// look is a scanner that begins at the place and sees no more than a sketch needs.
func (src source) look(p place) *scanner {
	end := min(src.size, p.offset+sketchBytes)
	var s *scanner
	if src.r == nil {
		s = scanBytes(src.in[p.offset:end:end])
	} else {
		s = newScanner(io.NewSectionReader(src.r, p.offset, end-p.offset))
	}
	if p.inLog {
		s = newScanner(&cleaned{lines: s})
	}
	return s
}

// place is where a tool's output begins in an input.
type place struct {
	offset int64
	row    int  // lines before it
	inLog  bool // it is structured and stands in a log, whose lines may have time stamps
	nth    int  // of the tool's documents in the log; the first is 0
}

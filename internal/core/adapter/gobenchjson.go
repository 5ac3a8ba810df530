package adapter

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/limits"
)

// go test -json wraps the text: each line is an event {"Action": "output", "Package": "…", "Test": "…", "Output": "…"}, packages
// interleave, and a result line comes in one event or in two, its name first. So the outputs of each package are joined and read as text.
// What the go command itself says about a build comes as "build-output" with an "ImportPath".

// event reads an event; false: the line is none.
func (r *goReader) event(line []byte) bool {
	if !bytes.Contains(line, []byte(`"Action"`)) {
		return false
	}
	s := &r.json
	s.Reset(line)
	var pkg, output string
	known := false
	err := s.Object(func(key []byte) error {
		var err error
		switch string(key) {
		case "Action":
			known = true
			return s.Skip()
		case "Package", "ImportPath":
			if pkg, err = s.Text(); err == nil {
				pkg, _, _ = strings.Cut(pkg, " ")
			}
		case "Output":
			output, err = s.Text()
		default:
			return s.Skip()
		}
		return err
	})
	if err != nil || !known || !s.Over() {
		return false
	}
	if output != "" {
		r.output(r.stream(pkg), output)
	}
	return true
}

// stream is the package's stream. Past a number that no module has, packages share one.
func (r *goReader) stream(pkg string) *goStream {
	if s := r.streams[pkg]; s != nil {
		return s
	}
	if len(r.streams) >= limits.BenchmarksPerIteration {
		return &r.text
	}
	if r.streams == nil {
		r.streams = map[string]*goStream{}
	}
	s := &goStream{pkg: pkg}
	r.streams[pkg] = s
	r.order = append(r.order, s)
	return s
}

// output adds an event's output to what is there and reads the lines that it completes.
func (r *goReader) output(s *goStream, output string) {
	for output != "" {
		if len(s.partial) == 0 {
			s.begun = r.number
		}
		line, rest, whole := strings.Cut(output, "\n")
		s.partial = append(s.partial, line...)
		output = rest
		if len(s.partial) > limits.AdapterLineBytes {
			r.problem(Problem{Message: fmt.Sprintf("a line of more than %d bytes was passed over", limits.AdapterLineBytes), Line: s.begun})
			s.partial = s.partial[:0]
			continue
		}
		if whole {
			r.read(s, read.CleanLine(s.partial), s.begun)
			s.partial = s.partial[:0]
		}
	}
}

// Package adapter reads what benchmark tools print: text, JSON, XML or tables in, benchmarks with their metrics out, nothing lost.
//
// Each tool is one file with a parse function and a row that describes it, one folder of real outputs under testdata, and one line in the
// table of tools.go. Parse reads by a named adapter; "magic" looks at the content and takes the tool that recognises it most surely, or
// says that it cannot tell. Every unit and every sample that a tool prints is kept. A benchmark that failed, or a text that is not a
// number, is a Problem beside the others, never their loss; only the JSON format of our own world is strict, because its producers are
// programs.
//
// The package is pure: bytes in, values out. Input is read through a window (package read, the tool box of all tools), so that memory
// follows from the results and not from the input. Its errors are Invalid or TooLarge faults whose sentence says where the input is
// wrong. On the server report/results calls it; a client may call it before anything is sent. docs/adapters.md describes how to add an
// adapter.
package adapter

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/unit"
)

// tool is one row of the table.
type tool struct {
	name    Name
	aliases []Name // other names for it, which are accepted
	about   string // what it reads, for people: "go test -bench"

	// For the lists of tools, in words.
	example    string   // a command: `tacho run "go test -bench . ./..."`
	measures   []string // what it yields: "Latency (ns, lower)"; "… (any unit of …)" where the tool's user decides
	samples    string   // which raw samples are kept; empty: the tool prints none
	parameters string   // what of its parameters is part of the name; empty: it has none

	// Recognising it: signs of a structured output, or lines of a text. A line that has one of the needles is shown to hit, which says how
	// surely it is the tool's (0 is not at all, 100 surely, below 50 is what several tools could print); trace says what was recognised.
	signs   []sign
	needles []string
	hit     func(line []byte) int
	trace   string
	weak    bool // its lines are looked at only until another tool is surely there: almost any program prints such

	lines bool // it reads line by line whatever stands around, so that nobody need look for a beginning
	maps  bool // it is told by Options.Mapping where names and values stand

	// parse reads the output from where it begins and sets Benchmarks, Problems and Reason, which is what it recognised. Of documents that
	// follow each other it reads one.
	parse func(s *read.Scanner, opts Options) (Results, error)
	// averages are the central values that the tool's output lets one choose from.
	averages []Average
}

// Metric is one measure of one benchmark.
type Metric struct {
	Measure      *unit.Measure
	Value        float64
	Lower, Upper *float64  // the spread that the tool gives, for display; nil when it gives none
	Samples      []float64 // every raw sample in the measure's unit, in the tool's order; nil when it gives none

	// Processes is how many of the samples, one after the other, are of one process each, where the tool ran several and says which; nil:
	// not known. Samples of one process agree better with each other than with the next one's.
	Processes []int
}

// Benchmark is one benchmark's metrics. Its name is its identity: package path and parameters are part of it.
type Benchmark struct {
	Name         string
	IgnoreAlerts bool // its name carried an ignore suffix, which is taken off
	Metrics      []Metric
}

// Problem is a benchmark that failed, or a part of the input that could not be read.
type Problem struct {
	Benchmark string // empty: not known
	Message   string
	Line      int // 1 is the first; 0: not known
}

// Results is what one input holds, in the order of the input.
type Results struct {
	Adapter    Name   // the one that read it; magic where several did
	Reason     string // what it recognised and why
	Benchmarks []Benchmark
	Problems   []Problem

	distinct bool // who read it knows that no two benchmarks have one name; false in what Parse returns
}

// Parse reads input with the named adapter. Input without a single benchmark is an Invalid fault, and so is an unknown adapter or average;
// an average that the tool does not offer changes nothing, and Reason says so. Names in the result are distinct and within their limits,
// numbers are finite.
func Parse(name Name, input []byte, opts Options) (Results, error) {
	return parseWith(name, source{in: UTF8(input), size: int64(len(input))}, opts)
}

// Read is Parse for an input of size bytes of UTF-8 that is not in memory. It is read more than once, and never held as a whole.
func Read(name Name, input io.ReaderAt, size int64, opts Options) (Results, error) {
	return parseWith(name, source{r: input, size: size}, opts)
}

func parseWith(name Name, src source, opts Options) (Results, error) {
	if src.r == nil {
		src.size = int64(len(src.in))
	}
	average, err := ParseAverage(string(opts.Average))
	if err != nil {
		return Results{}, err
	}
	if opts.Mapping != "" && (name == Magic || name == "") {
		name = src.mapped()
	}
	from, err := toolsOf(name)
	if err != nil {
		return Results{}, err
	}
	src.prefix = src.findPrefix()
	src.calm = src.r == nil && src.prefix == nil && bytes.IndexByte(src.in, 0x1b) < 0 && bytes.IndexByte(src.in, '\r') < 0
	var room [2]found // more are in one input seldom
	chosen, unread, err := choose(from, src, room[:])
	if err != nil {
		return Results{}, err
	}
	var out Results
	for i := 0; i < len(chosen); i++ {
		f := chosen[i]
		if opts.Mapping != "" && !f.tool.maps {
			return Results{}, fault.Invalidf("a mapping is for the adapters csv and json_map, and this is %s", f.tool.name)
		}
		one, next, err := f.read(src, opts, from)
		if err != nil {
			return Results{}, err
		}
		chosen = append(chosen, next...)
		reason := one.Reason
		if average != AverageDefault && !slices.Contains(f.tool.averages, average) {
			reason += fmt.Sprintf("; --average %s changes nothing, this format has one value for each metric", average)
		}
		if i == 0 {
			out = one
			out.Adapter, out.Reason = f.tool.name, reason
			continue
		}
		if out.Adapter != f.tool.name {
			out.Adapter = Magic
		}
		if i < shownReasons {
			out.Reason += "; and " + reason
		}
		out.add(one)
	}
	for _, f := range unread {
		out.problem(Problem{Message: fmt.Sprintf("what could be %s (%s) is not read beside surer tools; name it with --adapter if it is", f.tool.name, f.why)})
	}
	if n := len(chosen) - shownReasons; n > 0 {
		out.Reason += fmt.Sprintf("; and %d more", n)
	}
	if err := out.settle(); err != nil {
		return Results{}, err
	}
	if len(out.Benchmarks) == 0 {
		message := fmt.Sprintf("%s: the output holds no benchmark result", out.Adapter)
		if len(out.Problems) > 0 {
			message += "; " + out.Problems[0].text()
		}
		return Results{}, fault.Invalidf("%s (it begins %s)", message, beginning(src))
	}
	return out, nil
}

// appendSingular appends the reason with "1 line" for "1 lines".
func appendSingular(to []byte, reason string) []byte {
	for one := false; ; {
		word, rest, more := strings.Cut(reason, " ")
		ending := ""
		if one {
			if stem, ok := strings.CutSuffix(word, "ies"); ok {
				word, ending = stem, "y"
			} else {
				word = strings.TrimSuffix(word, "s")
			}
		}
		one = word == "1" && ending == ""
		if to = append(append(to, word...), ending...); !more {
			return to
		}
		to, reason = append(to, ' '), rest
	}
}

// shownReasons is how many outputs of one input are told.
const shownReasons = 10

// add takes in what was read after it.
func (r *Results) add(more Results) {
	r.distinct = r.distinct && len(more.Benchmarks) == 0
	r.Benchmarks = append(r.Benchmarks, more.Benchmarks...)
	for _, p := range more.Problems {
		r.problem(p)
	}
}

// mapped is the adapter for an input of which a mapping tells all else.
func (src source) mapped() Name {
	if c := src.look(place{offset: src.skipBOM()}).Peek(); c == '{' || c == '[' {
		return jsonMapTool.name
	}
	return csvTool.name
}

// read reads the output from its place on, and further documents behind the first. What follows may be of another tool of those given:
// then it is next. The reason begins with the tool's name and ends with the place.
func (f found) read(src source, opts Options, among *toolSet) (out Results, next []found, err error) {
	lines := src.from(f.at)
	s := lines
	if f.at.inLog || src.prefix != nil || isStamped(lines) {
		s = read.Cleaned(lines)
	}
	defer lines.Free()
	out, err = f.tool.parse(s, opts)
	for err == nil && !s.Over() {
		c := s.Peek()
		if f.at.inLog && c != '{' && c != '[' && c != '<' {
			break // the log goes on
		}
		if c != '{' && c != '[' && c != '<' {
			return Results{}, nil, s.Fail("something follows the document: %s", s.Found())
		}
		var more Results
		before := s.Offset()
		row, _ := s.Position()
		if more, err = f.tool.parse(s, opts); err != nil && f.at.inLog {
			err = nil // it was no document
			break
		}
		if len(more.Benchmarks) == 0 && s == lines && len(among.tools) > 1 {
			if next = src.other(among, f.tool, place{offset: f.at.offset + before, row: row - 1}); next != nil {
				err = nil
				break
			}
		}
		if err == nil && s.Offset() == before {
			return Results{}, nil, s.Fail("what follows is not the tool's: %s", s.Found())
		}
		if err == nil && len(more.Benchmarks) == 0 && len(more.Problems) == 0 {
			out.problem(Problem{Message: fmt.Sprintf("a document that follows holds nothing of %s", f.tool.name), Line: row})
		}
		out.add(more)
	}
	if err == nil {
		err = s.Broken()
	}
	if err == nil && f.at.inLog {
		if next = src.further(f, src.behind(f.at, s.Offset())); len(next) > 0 && next[0].at.nth > furtherDocuments {
			out.problem(Problem{Message: fmt.Sprintf("of more than %d documents of %s the first are read", furtherDocuments, f.tool.name), Line: next[0].at.row + 1})
			next = nil
		}
	}
	for _, r := range []*read.Scanner{s, lines} {
		if r.Passed > 0 {
			out.problem(Problem{Message: fmt.Sprintf("lines of more than %d bytes were passed over: %d of them, this is the first",
				limits.AdapterLineBytes, r.Passed), Line: r.PassedRow})
			r.Passed = 0
		}
		if r.Thinned > 0 {
			out.problem(Problem{Message: fmt.Sprintf("of lists of more than %d samples some are kept, evenly: %d of them, this is the first",
				limits.SamplesPerMetric, r.Thinned), Line: r.ThinnedRow})
			r.Thinned = 0
		}
		if r.Odd > 0 && len(out.Benchmarks) > 0 {
			out.problem(Problem{Message: fmt.Sprintf("lines that are no rows of the table were passed over: %d of them, this is the first", r.Odd),
				Line: r.OddRow})
			r.Odd = 0
		}
	}
	var room [160]byte
	out.Reason = lines.Keep(append(appendSingular(append(append(room[:0], f.tool.name...), ": "...), out.Reason), f.at.in()...))
	return out, next, err
}

// furtherDocuments is how many documents of one tool a log may have behind the first.
const furtherDocuments = 1000

// behind is the place of the line that follows so many bytes of cleaned lines from the place on.
func (src source) behind(from place, cleaned int64) place {
	s := src.from(from)
	for cleaned > 0 {
		line, ok := s.NextLine()
		if !ok {
			break
		}
		cleaned -= int64(len(line)) + 1
	}
	return place{offset: from.offset + s.Offset(), row: s.Line()}
}

// further looks for the next document of the same tool in what follows in a log.
func (src source) further(f found, from place) []found {
	s := src.from(from)
	offset, row, budget := from.offset, from.row, lookBudget/8
	for {
		chunk := nextChunk(s)
		if len(chunk) == 0 || budget <= 0 {
			return nil
		}
		for at := range src.openers(chunk) {
			p := place{offset: offset + int64(at), row: row + bytes.Count(chunk[:at], []byte{'\n'}), inLog: true}
			if budget -= lookInLog; budget <= 0 {
				break
			}
			for _, one := range src.structured(alone(*f.tool), p) {
				one.at.nth = f.at.nth + 1
				return []found{one}
			}
		}
		offset += int64(len(chunk))
		row += bytes.Count(chunk, []byte{'\n'})
	}
}

// other is the tool that the document at the place is of, if that is another one.
func (src source) other(among *toolSet, than *tool, at place) []found {
	all := src.structured(among, at)
	if len(all) == 0 {
		return nil
	}
	best := slices.MaxFunc(all, func(a, b found) int { return cmp.Compare(a.score, b.score) })
	if best.tool.name == than.name {
		return nil
	}
	return []found{best}
}

// UTF8 is the input as UTF-8 where it is marked as UTF-16, as Windows shells write it.
func UTF8(input []byte) []byte {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(input, []byte{0xff, 0xfe}):
		order = binary.LittleEndian
	case bytes.HasPrefix(input, []byte{0xfe, 0xff}):
		order = binary.BigEndian
	default:
		return input
	}
	units := make([]uint16, 0, len(input)/2)
	for at := 2; at+1 < len(input); at += 2 {
		units = append(units, order.Uint16(input[at:]))
	}
	return []byte(string(utf16.Decode(units)))
}

// text is the problem in one line.
func (p Problem) text() string {
	out := p.Message
	if p.Benchmark != "" {
		out = p.Benchmark + ": " + out
	}
	if p.Line > 0 {
		out = fmt.Sprintf("line %d: %s", p.Line, out)
	}
	return out
}

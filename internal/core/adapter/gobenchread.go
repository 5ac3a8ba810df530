package adapter

import (
	"bytes"
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/limits"
)

// goReader goes through the output of go test line by line and calls result for each result line, problem for each failure, and unit for
// what is said of a unit.
type goReader struct {
	result  func(s *goStream, l goLine, number int)
	problem func(Problem)
	unit    func(unit, key, value string) // what a line "Unit …" says

	number  int // of the line that was read last
	text    goStream
	json    read.Scanner         // of an event
	pairs   []goPair             // of the result line
	streams map[string]*goStream // of go test -json, by package
	order   []*goStream
	notes   map[string]string // the compiler's first complaint, by package

	s *read.Scanner // that keeps texts
}

// goStream is the output of one package, or a whole text with several after each other.
type goStream struct {
	pkg     string
	pending string   // a benchmark whose name was printed and whose result was not
	lastLog string   // the last indented line, which says why a benchmark fails when go test is verbose
	block   bool     // indented lines belong to a "--- BENCH" or "--- SKIP" above them
	open    *Problem // a failure that following lines may explain
	logs    bool     // open waits for an indented line
	stack   bool     // open waits for a line of the stack that names the benchmark
	partial []byte   // of a line whose end has not come; -json only
	begun   int      // the number of the line where partial begins
	build   string   // the package that the compiler complains about
}

// line reads one line of the input.
func (r *goReader) line(line []byte, number int) {
	r.number = number
	if len(line) > 0 && line[0] == '{' && r.event(line) {
		return
	}
	r.read(&r.text, line, r.number)
}

// end says that no line follows.
func (r *goReader) end() {
	for _, s := range r.order {
		if len(s.partial) > 0 {
			r.read(s, read.CleanLine(s.partial), s.begun)
		}
		r.flush(s)
	}
	r.flush(&r.text)
}

// flush reports the open failure.
func (r *goReader) flush(s *goStream) {
	if s.open != nil {
		r.problem(*s.open)
	}
	s.open, s.logs, s.stack = nil, false, false
}

// fail opens a failure.
func (r *goReader) fail(s *goStream, p Problem) {
	r.flush(s)
	s.open = &p
}

// read reads one line of a stream.
func (r *goReader) read(s *goStream, line []byte, number int) {
	name, result, ok := readResult(line, r.pairs[:0])
	switch {
	case ok:
		r.flush(s)
		r.pairs = result.pairs
		r.result(s, result, number)
		s.pending, s.lastLog, s.block = "", "", false
	case name != nil:
		if s.logs { // the logs that follow are another benchmark's
			r.flush(s)
		}
		s.pending, s.lastLog, s.block = r.s.Keep(name), "", false
		if _, noise, _ := bytes.Cut(line, []byte("\t")); len(noise) > 0 {
			r.other(s, noise, number)
		}
	case s.pending != "" && len(line) > 0:
		pairs, found := readBack(line, r.pairs[:0])
		if !found {
			r.other(s, line, number)
			return
		}
		r.pairs = pairs
		name, procs := cutProcs([]byte(s.pending))
		r.flush(s)
		r.result(s, goLine{name, procs, pairs}, number)
		s.pending, s.lastLog, s.block = "", "", false
	default:
		r.other(s, line, number)
	}
}

// other reads a line that has no result: configuration, failures, and logs, which are skipped.
func (r *goReader) other(s *goStream, line []byte, number int) {
	if len(line) == 0 {
		return
	}
	switch line[0] { // most lines of logs end here
	case ' ', '\t', 'p', 'f', 'F', '-', '*', 's', '#', '.', 'v', 'o', '=', 'U':
	default:
		if s.open == nil && s.build == "" {
			return
		}
	}
	text := r.s.Keep(line)
	if rest, ok := strings.CutPrefix(text, "pkg:"); ok {
		r.flush(s)
		s.pkg, s.build = strings.TrimSpace(rest), ""
		return
	}
	if rest, ok := strings.CutPrefix(strings.TrimLeft(text, " "), "--- FAIL: "); ok {
		name, _, _ := strings.Cut(rest, " ")
		r.fail(s, Problem{Benchmark: s.identity(name), Message: "go test reports a failure", Line: number})
		if s.logs = s.lastLog == ""; !s.logs {
			s.open.Message += ": " + s.lastLog
		}
		s.pending, s.lastLog, s.block = "", "", false
		return
	}
	for _, fatal := range []string{"panic: ", "fatal error: ", "*** Test killed", "signal: "} {
		if strings.HasPrefix(text, fatal) {
			r.fail(s, Problem{Benchmark: s.identity(s.pending), Message: text, Line: number})
			s.stack, s.pending = s.pending == "", ""
			return
		}
	}
	switch {
	case strings.HasPrefix(text, "FAIL\t"):
		r.failedPackage(s, text, number)
	case strings.HasPrefix(text, "Unit "):
		if fields := strings.Fields(text); len(fields) > 2 {
			for _, field := range fields[2:] {
				key, value, _ := strings.Cut(field, "=")
				r.unit(fields[1], key, value)
			}
		}
	case strings.HasPrefix(text, "# "):
		s.build = strings.Trim(strings.Fields(text + " ?")[1], "[]")
	case s.build != "" && strings.Contains(text, ".go:"):
		r.note(s.build, text)
	case strings.HasPrefix(text, "ok  \t"), strings.HasPrefix(text, "=== "):
		s.lastLog, s.block = "", false
	case strings.HasPrefix(strings.TrimLeft(text, " "), "--- "):
		s.lastLog, s.block = "", true
	default:
		s.explain(text)
	}
}

// explain takes a log line for what it may say about the open failure, or about the next.
func (s *goStream) explain(text string) {
	indented := strings.HasPrefix(text, "    ")
	switch {
	case indented && s.logs:
		s.open.Message += ": " + strings.TrimSpace(text)
		s.logs = false
	case indented && !s.block:
		s.lastLog = strings.TrimSpace(text)
	case s.stack:
		if call, _, ok := strings.Cut(text, "("); ok && !strings.HasPrefix(text, "\t") {
			if at := strings.LastIndex(call, ".Benchmark"); at > 0 {
				name, _, _ := strings.Cut(call[at+1:], ".") // func literals are .func1
				s.open.Benchmark, s.stack = s.identity(name), false
			}
		}
	}
}

// failedPackage reads "FAIL	example.org/x	0.1s" and "FAIL	example.org/x [build failed]".
func (r *goReader) failedPackage(s *goStream, text string, number int) {
	r.flush(s)
	fields := strings.Fields(text)
	message := strings.Join(fields, " ")
	if len(fields) > 1 && strings.HasSuffix(message, "failed]") {
		if note := r.notes[fields[1]]; note != "" {
			message += ": " + note
		}
	}
	r.problem(Problem{Message: message, Line: number})
	s.pending, s.lastLog, s.build = "", "", ""
}

// note keeps the compiler's first complaint about a package.
func (r *goReader) note(pkg, text string) {
	if r.notes == nil {
		r.notes = map[string]string{}
	}
	if _, known := r.notes[pkg]; !known && len(r.notes) < limits.ProblemsPerIteration {
		r.notes[pkg] = shorten(text, limits.ProblemBytes)
	}
}

// identity is the benchmark's name as results have it, without GOMAXPROCS.
func (s *goStream) identity(name string) string {
	base, _ := cutProcs([]byte(name))
	if len(base) == 0 || s.pkg == "" {
		return string(base)
	}
	return s.pkg + "." + string(base)
}

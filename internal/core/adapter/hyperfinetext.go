package adapter

import (
	"bytes"
	"slices"
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/limits"
)

// hyperfineText reads what it prints, or the table.
func hyperfineText(s *read.Scanner, opts Options) (Results, error) {
	otherwise := s.Expect('{')
	var runs read.Rows[hyperfineRun]
	var run *hyperfineRun
	var below []string // the lines between a command and its time
	open := false      // its time has not come
	for line := range s.Lines() {
		if bytes.HasPrefix(line, []byte("command,mean,stddev,")) {
			return hyperfineCSV(&read.Table{Scanner: s, Comma: ','}, line, opts)
		}
		if command, ok := hyperfineCommand(s, line); ok {
			if runs.Len() >= limits.BenchmarksPerIteration {
				return Results{}, tooManyBenchmarks()
			}
			run = runs.Next()
			run.command, run.nanos = command, true
			below, open = nil, true
			continue
		}
		if run == nil {
			continue
		}
		if rest, ok := hyperfineTime(line); ok {
			run.printed(rest)
			run.command, below = hyperfineWhole(run.command, below)
			open = false
		}
		if rest, ok := bytes.CutPrefix(line, []byte("  Range (min … max): ")); ok {
			least, largest, _ := bytes.Cut(rest, []byte("…"))
			run.least, run.largest = printedTime(least), printedTime(largest)
			var room [16][]byte
			if words := read.Words(room[:0], largest); len(words) > 1 && string(words[len(words)-1]) == "runs" {
				if n := firstNumber(words[len(words)-2]); n.OK && float64(len(below)) < n.Value {
					run.command = read.OneLine(run.command + "\n" + strings.Join(below, "\n"))
				}
			}
			below = nil
		}
		if bytes.HasPrefix(line, []byte("  Warning: Ignoring non-zero exit code")) {
			run.ignored = true
		}
		if open && len(below) < hyperfineLines && len(bytes.TrimSpace(line)) > 0 {
			below = append(below, s.Keep(line))
		}
	}
	if runs.Len() == 0 {
		return Results{}, notHyperfine(otherwise)
	}
	return hyperfineResults(&runs, opts, `%d times "Benchmark 1: command"`), nil
}

// hyperfineLines is more than a command has.
const hyperfineLines = 1000

// hyperfineWhole is the command with the lines that its syntax says belong to it, and the lines that are left. These are the command's
// too if they are
// fewer than its runs: with --show-output each run prints.
func hyperfineWhole(command string, below []string) (whole string, left []string) {
	for len(below) > 0 && goesOn(command) {
		command, below = command+"\n"+below[0], below[1:]
	}
	return read.OneLine(command), below
}

// goesOn reports whether a shell would read on behind the text: in quotes, or behind what joins commands.
func goesOn(command string) bool {
	var quote rune
	escaped := false
	for _, c := range command {
		switch {
		case escaped:
			escaped = false
		case c == '\\' && quote != '\'':
			escaped = true
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		}
	}
	last := strings.TrimRight(command, " \t")
	return quote != 0 || escaped || slices.ContainsFunc(shellJoins, func(end string) bool { return strings.HasSuffix(last, end) })
}

// shellJoins are what joins commands.
var shellJoins = []string{"|", "&&", "{", "(", " do", " then", " else"}

// hyperfineCommand reads "Benchmark 1: sleep 1", which was "Benchmark #1: sleep 1" once.
func hyperfineCommand(s *read.Scanner, line []byte) (string, bool) {
	rest, ok := bytes.CutPrefix(line, []byte("Benchmark "))
	if !ok {
		return "", false
	}
	digits, command, ok := bytes.Cut(bytes.TrimPrefix(rest, []byte("#")), []byte(": "))
	if !ok || !read.IsDigits(digits) {
		return "", false
	}
	return read.Kept(s, bytes.TrimSpace(command)), true
}

// hyperfineTime takes the beginning off "  Time (mean ± σ):      13.3 ms ±   1.9 ms    [User: 1.0 ms, System: 0.2 ms]".
func hyperfineTime(line []byte) ([]byte, bool) {
	rest, ok := bytes.CutPrefix(line, []byte("  Time (mean ± σ): "))
	if !ok {
		rest, ok = bytes.CutPrefix(line, []byte("  Time (abs ≡): "))
	}
	return rest, ok
}

// printed takes in the rest of that line.
func (run *hyperfineRun) printed(rest []byte) {
	times, parts, _ := bytes.Cut(rest, []byte("["))
	mean, deviation, _ := bytes.Cut(times, []byte("±"))
	run.mean, run.stddev = printedTime(mean), printedTime(deviation)
	if run.stddev.Value == 0 { // less than the last digit
		run.stddev = read.Opt{}
	}
	for part := range bytes.SplitSeq(bytes.TrimRight(parts, " ]"), []byte(",")) {
		kind, value, _ := bytes.Cut(bytes.TrimSpace(part), []byte(":"))
		switch string(kind) {
		case "User":
			run.user = printedTime(value)
		case "System":
			run.system = printedTime(value)
		}
	}
}

// printedTime reads "13.3 ms" and passes over what follows.
func printedTime(text []byte) read.Opt {
	digits, rest := read.NextWord(text)
	word, _ := read.NextWord(rest)
	var room [64]byte
	v, ok := nanoseconds(append(append(room[:0], digits...), word...))
	return read.Opt{Value: v, OK: ok}
}

// hyperfineCSV reads the table.
func hyperfineCSV(t *read.Table, header []byte, opts Options) (Results, error) {
	t.Head(header)
	var runs read.Rows[hyperfineRun]
	for t.Next() {
		if runs.Len() >= limits.BenchmarksPerIteration {
			return Results{}, tooManyBenchmarks()
		}
		run := runs.Next()
		for i, column := range t.Columns {
			run.cell(column, t.Field(i))
		}
	}
	return hyperfineResults(&runs, opts, `a header with "command", "mean" and "stddev", %d rows`), nil
}

// cell takes in a field of the table.
func (run *hyperfineRun) cell(column string, field []byte) {
	v, ok := read.Number(field)
	o := read.Opt{Value: v, OK: ok && read.Finite(v)}
	switch column {
	case "command":
		run.command = read.OneLine(string(field))
	case "mean":
		run.mean = o
	case "stddev":
		run.stddev = o
	case "median":
		run.median = o
	case "user":
		run.user = o
	case "system":
		run.system = o
	case "min":
		run.least = o
	case "max":
		run.largest = o
	default:
		if name, ok := strings.CutPrefix(column, "parameter_"); ok {
			run.parameters = append(run.parameters, read.Parameter{Name: name, Value: read.OneLine(string(field))})
		}
	}
}

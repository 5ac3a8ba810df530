package adapter

import (
	"bytes"
	"cmp"
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/unit"
)

// GNU time prints two lines, "0.05user 0.06system 0:00.12elapsed 97%CPU (0avgtext+0avgdata 35632maxresident)k" and "94456inputs+32outputs
// (16major+8699minor)pagefaults 0swaps"; with -v a line for each number, from "Command being timed:" to "Exit status:"; with -p "real
// 0.12", "user …", "sys …". Shells have a builtin: bash prints "real	0m2.153s", zsh "make -j4  0.05s user 0.06s system 97% cpu 0.123
// total", fish "Executed in  123.45 millis", mksh and the time of BSD "0.12 real  0.05 user  0.06 sys".
//
// Identity is the command, which only -v and zsh print, or the name of a banner line "=== name ===", or "time". A command that came to an
// end with another status than 0, or by a signal, is a problem. Several times of one command, or under a banner that comes again, are
// samples; a nameless one that comes again is "time #2".
var gnuTimeTool = tool{
	name: "gnu_time", about: "GNU time (-v, -p, plain) and the shells' time", example: `tacho run "/usr/bin/time -v ./program"`,
	measures: []string{"Latency (ns, lower)", "User Time, System Time (ns, lower)", "Peak Memory (B, lower)", "Major Faults, Minor Faults, Voluntary Switches, Involuntary Switches (lower)", "File System Inputs, File System Outputs (blocks, lower)"}, samples: "each time of the same command, or under a banner that comes again",
	needles: []string{"Command being timed: ", "maxresident)k", "real\t", "real ", "% cpu ", "Executed in "}, hit: hitTime, trace: "the lines of time",
	parse: parseGNUTime, averages: []Average{AverageMean, AverageMedian},
}

func hitTime(line []byte) int {
	switch {
	case bytes.HasPrefix(bytes.TrimSpace(line), []byte("Command being timed: ")):
		return 100
	case bytes.HasSuffix(line, []byte("maxresident)k")):
		return 100
	}
	if what, _, ok := readShellTime(line); ok && what == "real" {
		return 40
	}
	if _, values := lineTime(line); len(values) > 0 {
		return 40
	}
	return 0
}

// fishTimes are the labels of fish.
var fishTimes = []struct{ text, what string }{{"Executed in ", "real"}, {"usr time ", "user"}, {"sys time ", "sys"}}

// readShellTime reads "real	0m2.153s" and "real 2.15", and fish's "Executed in  123.45 millis  fish  external".
func readShellTime(line []byte) (what string, nanos float64, ok bool) {
	for i := range fishTimes {
		label := &fishTimes[i]
		if rest, ok := after(line, label.text); ok {
			word, rest := read.NextWord(rest)
			u, _ := read.NextWord(rest)
			v, ok := read.Number(word)
			factor, known := nanosPer(string(u))
			return label.what, v * factor, ok && known && read.Finite(v) && v >= 0
		}
	}
	word, rest := read.NextWord(line)
	switch string(word) {
	case "real":
		what = "real"
	case "user":
		what = "user"
	case "sys":
		what = "sys"
	default:
		return "", 0, false
	}
	v := shellNanos(rest)
	return what, v.Value, v.OK
}

// shellNanos reads "0m2.153s" and "2,15", which are seconds.
func shellNanos(text []byte) read.Opt {
	if text = bytes.TrimSpace(text); bytes.IndexByte(text, ',') >= 0 {
		text = bytes.ReplaceAll(text, []byte(","), []byte(".")) // the locale's decimal mark
	}
	if v, plain := read.Number(text); plain {
		return read.Opt{Value: v * 1e9, OK: read.Finite(v) && v >= 0}
	}
	nanos, ok := nanoseconds(text)
	return read.Opt{Value: nanos, OK: ok}
}

// lineTime reads what stands in one line: zsh's "make -j4  0.05s user 0.06s system 97% cpu 1:02.345 total", with the command, and "0.12
// real  0.05 user  0.06 sys" of BSD and mksh.
func lineTime(line []byte) (command string, values []optional) {
	if !bytes.HasSuffix(line, []byte(" total")) && !bytes.Contains(line, []byte(" real ")) {
		return "", nil
	}
	var room [16][]byte
	words := read.Words(room[:0], line)
	n := len(words)
	word := func(i int) string { return string(words[i]) }
	switch {
	case n >= 8 && word(n-1) == "total" && word(n-3) == "cpu" && word(n-5) == "system" && word(n-7) == "user":
		at := bytes.LastIndex(line, []byte(word(n-8)+" user "))
		command = read.OneLine(string(line[:max(0, at)]))
		wall := bytes.ReplaceAll(words[n-2], []byte(","), []byte("."))
		total, ok := clockTime(wall, 1+bytes.Count(wall, []byte(":")))
		values = []optional{{unit.Latency, read.Opt{Value: total, OK: ok}}, {unit.UserTime, shellNanos(words[n-8])},
			{unit.SystemTime, shellNanos(words[n-6])}}
	case n == 6 && word(1) == "real" && word(3) == "user" && (word(5) == "sys" || word(5) == "system"):
		values = []optional{{unit.Latency, shellNanos(words[0])}, {unit.UserTime, shellNanos(words[2])}, {unit.SystemTime, shellNanos(words[4])}}
	}
	for _, v := range values {
		if !v.value.OK {
			return "", nil
		}
	}
	return command, values
}

func faults(name, slug, units string) *unit.Measure {
	return &unit.Measure{Name: name, Slug: slug, Units: units, Direction: unit.Lower}
}

var (
	majorFaults = faults("Major Faults", "major-faults", "faults")
	minorFaults = faults("Minor Faults", "minor-faults", "faults")
	fileInputs  = faults("File System Inputs", "file-system-inputs", "blocks")
	fileOutputs = faults("File System Outputs", "file-system-outputs", "blocks")
)

// The labels of -v that are metrics; the others are always 0 on Linux, or follow from these.
var timeLabels = []struct {
	label   string
	measure *unit.Measure
	factor  float64
}{
	{"User time (seconds): ", unit.UserTime, 1e9}, {"System time (seconds): ", unit.SystemTime, 1e9}, {"Maximum resident set size (kbytes): ", unit.PeakMemory, 1024},
	{"Major (requiring I/O) page faults: ", majorFaults, 1}, {"Minor (reclaiming a frame) page faults: ", minorFaults, 1},
	{"File system inputs: ", fileInputs, 1}, {"File system outputs: ", fileOutputs, 1},
	{"Voluntary context switches: ", faults("Voluntary Switches", "voluntary-switches", "switches"), 1}, {"Involuntary context switches: ", faults("Involuntary Switches", "involuntary-switches", "switches"), 1},
}

func parseGNUTime(s *read.Scanner, opts Options) (Results, error) {
	var g gathering
	n := 0
	called, name := "", "time"
	ended, endedAt := "", 0 // what a command came to that is not named yet
	wants, within := "", 0  // what comes after "real", and in how many lines: others speak of users too
	for line := range s.Lines() {
		within--
		if b, ok := banner(line); ok {
			b, _, _ = strings.Cut(b, " (")
			called, name, ended = b, b, ""
			g.named()
			continue
		}
		var room [1]optional
		var values []optional
		if rest, ok := after(line, "Command being timed: "); ok {
			n++
			if name = read.OneLine(strings.Trim(string(s.GoesOnTo(rest, `"`)), `"`)); called != "" {
				name = g.again(called)
			}
			if strings.Contains(ended, "signal") { // its exit status is printed as 0
				g.problem(name, endedAt, "%s", ended)
			}
			ended = ""
			continue
		}
		if rest, ok := bytes.CutPrefix(line, []byte("Command ")); ok && (bytes.HasPrefix(rest, []byte("exited with ")) || bytes.HasPrefix(rest, []byte("terminated by signal ")) || bytes.HasPrefix(rest, []byte("stopped by signal "))) {
			ended, endedAt = string(line), s.Line()
			continue
		}
		full := name
		if bytes.HasSuffix(line, []byte("maxresident)k")) {
			n++
			name = g.again(cmp.Or(called, "time"))
			full = name
			values = plainTime(line)
			if ended != "" {
				g.problem(name, endedAt, "%s", ended)
				ended = ""
			}
		} else if bytes.HasSuffix(line, []byte("swaps")) && bytes.Contains(line, []byte("pagefaults ")) {
			values = plainFaults(line)
		} else if label, ok := after(line, "Exit status: "); ok {
			if string(label) != "0" {
				g.problem(name, s.Line(), "it ended with exit status %s", label)
			}
			name = cmp.Or(called, "time") // what follows is of another command
		} else if one, ok := verboseTime(line); ok {
			values = append(room[:0], one)
		} else if command, one := lineTime(line); len(one) > 0 {
			n++
			if full, values = command, one; called != "" || command == "" {
				full = g.again(cmp.Or(called, "time"))
			}
		} else if what, nanos, ok := readShellTime(line); ok && (what == "real" || what == wants && within > 0) {
			m := unit.SystemTime
			wants = ""
			if what == "user" {
				m, wants = unit.UserTime, "sys"
			}
			if what == "real" {
				m, wants = unit.Latency, "user"
				n++
				within = 5
				name = g.again(cmp.Or(called, "time"))
				full = name
			}
			values = append(room[:0], optional{m, read.Opt{Value: nanos, OK: true}})
		}
		g.optional(full, s.Line(), values)
	}
	return g.results(opts, "%d commands under time", n)
}

// verboseTime reads a line of -v.
func verboseTime(line []byte) (value optional, ok bool) {
	line = read.TrimIndent(line)
	if len(line) == 0 || strings.IndexByte("UVSMIFE", line[0]) < 0 { // as most lines of a log
		return optional{}, false
	}
	for i := range timeLabels {
		if l := &timeLabels[i]; read.HasPrefix(line, l.label) {
			return optional{l.measure, firstNumber(line[len(l.label):]).Times(l.factor)}, true
		}
	}
	if rest, ok := after(line, "Elapsed (wall clock) time (h:mm:ss or m:ss): "); ok {
		if nanos, ok := clockTime(rest, 1+bytes.Count(rest, []byte(":"))); ok && bytes.IndexByte(rest, ':') > 0 {
			return optional{unit.Latency, read.Opt{Value: nanos, OK: ok}}, true
		}
		return optional{unit.Latency, shellNanos(rest)}, true // busybox: "0m 2.15s"
	}
	return optional{}, false
}

// timeFaults are the words of the second line.
var timeFaults = []struct {
	suffix  string
	measure *unit.Measure
}{{"inputs", fileInputs}, {"outputs", fileOutputs}, {"major", majorFaults}, {"minor", minorFaults}}

// plainFaults reads "94456inputs+32outputs (16major+8699minor)pagefaults 0swaps".
func plainFaults(line []byte) (values []optional) {
	values = make([]optional, 0, len(timeFaults))
	for at := 0; at < len(line); at++ {
		begin := at
		for at < len(line) && line[at] != ' ' && line[at] != '+' && line[at] != '(' && line[at] != ')' {
			at++
		}
		word := line[begin:at]
		digits := 0
		for digits < len(word) && read.IsDigit(word[digits]) {
			digits++
		}
		for i := range timeFaults {
			if what := &timeFaults[i]; digits > 0 && string(word[digits:]) == what.suffix {
				values = append(values, optional{what.measure, firstNumber(word[:digits])})
			}
		}
	}
	return values
}

// plainTime reads "0.05user 0.06system 0:00.12elapsed 97%CPU (0avgtext+0avgdata 35632maxresident)k".
func plainTime(line []byte) (values []optional) {
	var room [16][]byte
	values = make([]optional, 0, 4)
	for _, w := range read.Words(room[:0], line) {
		switch {
		case bytes.HasSuffix(w, []byte("user")):
			values = append(values, optional{unit.UserTime, firstNumber(bytes.TrimSuffix(w, []byte("user"))).Times(1e9)})
		case bytes.HasSuffix(w, []byte("system")):
			values = append(values, optional{unit.SystemTime, firstNumber(bytes.TrimSuffix(w, []byte("system"))).Times(1e9)})
		case bytes.HasSuffix(w, []byte("elapsed")):
			text := bytes.TrimSuffix(w, []byte("elapsed"))
			nanos, ok := clockTime(text, 1+bytes.Count(text, []byte(":")))
			values = append(values, optional{unit.Latency, read.Opt{Value: nanos, OK: ok}})
		case bytes.HasSuffix(w, []byte("maxresident)k")):
			values = append(values, optional{unit.PeakMemory, firstNumber(bytes.TrimSuffix(w, []byte("maxresident)k"))).Times(1024)})
		}
	}
	return values
}

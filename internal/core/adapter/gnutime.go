package adapter

import (
	"bytes"
	"strings"

	"github.com/tachograph/tacho/internal/core/unit"
)

// GNU time prints two lines, "0.05user 0.06system 0:00.12elapsed 97%CPU (0avgtext+0avgdata 35632maxresident)k" and "94456inputs+32outputs (16major+8699minor)pagefaults 0swaps"; with -v a line for each number, from "Command being timed:" to "Exit status:"; with -p "real 0.12", "user …", "sys …". Shells have a
// builtin: bash and zsh print "real	0m2.153s".
//
// Identity is the command, which only -v prints, or the name of a banner line "=== name ===", or "time". A command that came to an end with another status than 0 is a problem. Several times under one name are samples.
var gnuTimeTool = tool{
	name: "gnu_time", about: "GNU time (-v, -p, plain) and the shells' time", example: `tacho run "/usr/bin/time -v ./program"`,
	measures: []string{"Latency (ns, lower)", "User Time, System Time (ns, lower)", "Peak Memory (B, lower)", "Major Faults, Minor Faults, Voluntary Switches, Involuntary Switches (lower)"}, samples: "each time under the same name",
	needles: []string{"Command being timed: ", "maxresident)k", "real\t", "real "}, hit: hitTime, trace: "the lines of time",
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
	return 0
}

// readShellTime reads "real	0m2.153s" and "real 2.15".
func readShellTime(line []byte) (what string, nanos float64, ok bool) {
	word, rest := nextWord(line)
	switch what = string(word); what {
	case "real", "user", "sys":
	default:
		return "", 0, false
	}
	text := bytes.ReplaceAll(bytes.TrimSpace(rest), []byte(","), []byte(".")) // the locale's decimal mark
	if v, plain := number(text); plain {
		return what, v * 1e9, finite(v) && v >= 0
	}
	nanos, ok = nanoseconds(text)
	return what, nanos, ok
}

func faults(name, slug, units string) *unit.Measure {
	return &unit.Measure{Name: name, Slug: slug, Units: units, Direction: unit.Lower}
}

// The labels of -v that are metrics; the others are always 0 on Linux, or follow from these.
var timeLabels = []struct {
	label   string
	measure *unit.Measure
	factor  float64
}{
	{"User time (seconds): ", unit.UserTime, 1e9}, {"System time (seconds): ", unit.SystemTime, 1e9}, {"Maximum resident set size (kbytes): ", unit.PeakMemory, 1024},
	{"Major (requiring I/O) page faults: ", faults("Major Faults", "major-faults", "faults"), 1}, {"Minor (reclaiming a frame) page faults: ", faults("Minor Faults", "minor-faults", "faults"), 1},
	{"Voluntary context switches: ", faults("Voluntary Switches", "voluntary-switches", "switches"), 1}, {"Involuntary context switches: ", faults("Involuntary Switches", "involuntary-switches", "switches"), 1},
}

func parseGNUTime(s *scanner, opts Options) (Results, error) {
	var g gathering
	n := 0
	called, name := "", "time"
	for line := range s.lines() {
		if b, ok := banner(line); ok {
			b, _, _ = strings.Cut(b, " (")
			called, name = b, b
			continue
		}
		var values []optional
		if rest, ok := after(line, "Command being timed: "); ok {
			n++
			if name = oneLine(strings.Trim(string(rest), `"`)); called != "" {
				name = called
			}
			continue
		}
		switch {
		case bytes.HasSuffix(line, []byte("maxresident)k")):
			n++
			values = plainTime(line)
		case len(line) > 0 && line[0] == '\t':
			values = g.verboseTime(name, line, s.lineNumber)
		default:
			what, nanos, ok := readShellTime(line)
			if !ok {
				continue
			}
			m := map[string]*unit.Measure{"real": unit.Latency, "user": unit.UserTime, "sys": unit.SystemTime}[what]
			if what == "real" {
				n++
			}
			values = []optional{{m, opt{nanos, true}}}
		}
		if err := g.optional(name, s.lineNumber, values); err != nil {
			return Results{}, err
		}
	}
	return g.results(opts, "%d commands under time", n), nil
}

// verboseTime reads a line of -v.
func (g *gathering) verboseTime(name string, line []byte, number int) []optional {
	for _, l := range timeLabels {
		if rest, ok := after(line, l.label); ok {
			return []optional{{l.measure, firstNumber(rest).times(l.factor)}}
		}
	}
	if rest, ok := after(line, "Elapsed (wall clock) time (h:mm:ss or m:ss): "); ok {
		nanos, ok := clockTime(rest, 1+bytes.Count(rest, []byte(":")))
		return []optional{{unit.Latency, opt{nanos, ok}}}
	}
	if rest, ok := after(line, "Exit status: "); ok && string(rest) != "0" {
		g.problem(name, number, "it ended with exit status %s", rest)
	}
	return nil
}

// plainTime reads "0.05user 0.06system 0:00.12elapsed 97%CPU (0avgtext+0avgdata 35632maxresident)k".
func plainTime(line []byte) (values []optional) {
	for _, w := range bytes.Fields(line) {
		switch {
		case bytes.HasSuffix(w, []byte("user")):
			values = append(values, optional{unit.UserTime, firstNumber(bytes.TrimSuffix(w, []byte("user"))).times(1e9)})
		case bytes.HasSuffix(w, []byte("system")):
			values = append(values, optional{unit.SystemTime, firstNumber(bytes.TrimSuffix(w, []byte("system"))).times(1e9)})
		case bytes.HasSuffix(w, []byte("elapsed")):
			text := bytes.TrimSuffix(w, []byte("elapsed"))
			nanos, ok := clockTime(text, 1+bytes.Count(text, []byte(":")))
			values = append(values, optional{unit.Latency, opt{nanos, ok}})
		case bytes.HasSuffix(w, []byte("maxresident)k")):
			values = append(values, optional{unit.PeakMemory, firstNumber(bytes.TrimSuffix(w, []byte("maxresident)k"))).times(1024)})
		}
	}
	return values
}

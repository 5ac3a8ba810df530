package adapter

import (
	"bytes"
	"strings"

	"github.com/tachograph/tacho/internal/core/unit"
)

// iai prints, for each benchmark, its name and below it "  Instructions:                1820" and four more counts. gungraun, which was iai-callgrind, prints "module::group::function id:arguments" and counts
// "  Instructions:                        1805|1805                 (No change)": this run's, then the one before, and sections for further tools of Valgrind. With --output-format=json it writes one summary after the other:
// {"module_path", "id", "details", "profiles": [{"tool", "summaries": {"total": {"summary": {"Callgrind": {"Ir": {"metrics": {"Both": [{"Int": new}, {"Int": old}]}}}}}}}]} (schema 6; Left instead of Both where nothing is before).
//
// Identity is the name as it is printed. The counts of this run are taken, never those of the run before. They are exact: the same program gives the same counts.
var (
	rustIaiTool = tool{
		name: "rust_iai", about: "iai", example: `tacho run "cargo bench"`,
		measures: []string{"Instructions", "L1 Accesses", "L2 Accesses", "RAM Accesses", "Estimated Cycles (all exact, lower)"},
		needles:  []string{"  L1 Accesses: "}, hit: func([]byte) int { return 100 }, trace: `a line "L1 Accesses:" below a name`,
		parse: parseIai,
	}
	rustGungraunTool = tool{
		name: "rust_gungraun", aliases: []Name{"rust_iai_callgrind"}, about: "gungraun and iai-callgrind, console or --output-format=json", example: `tacho run "cargo bench -- --output-format=json"`,
		measures: []string{"Instructions, L1/LL/RAM Hits, Total read+write, Estimated Cycles and each event of Callgrind and Cachegrind (exact, lower; hit rate of L1 higher)", "DHAT: bytes and blocks (exact, lower)", "Memcheck, Helgrind, DRD: errors (exact, lower)"},
		signs:    []sign{{jsonForm, []string{"module_path", "function_name", "profiles[].tool"}, 100, `"module_path" and "profiles" of Valgrind's tools`}},
		needles:  []string{"  Instructions: ", "  Total bytes: ", "======= "}, hit: hitGungraun, trace: `a line "Instructions: new|old"`,
		parse: parseGungraun,
	}
)

func hitGungraun(line []byte) int {
	if _, v, ok := readCount(line); ok && bytes.IndexByte(v, '|') > 0 {
		return 100
	}
	return 0
}

// readCount takes "  Label:    value …" apart.
func readCount(line []byte) (label string, value []byte, ok bool) {
	if !bytes.HasPrefix(line, []byte("  ")) {
		return "", nil, false
	}
	name, rest, ok := bytes.Cut(line[2:], []byte(":"))
	if !ok || len(name) == 0 || name[0] == ' ' || len(rest) == 0 || rest[0] != ' ' {
		return "", nil, false
	}
	value, _ = nextWord(rest)
	return string(name), value, len(value) > 0
}

func parseIai(s *scanner, opts Options) (Results, error) {
	return counts(s, opts, func(line []byte) bool { return len(line) > 0 && line[0] != ' ' })
}

func parseGungraun(s *scanner, opts Options) (Results, error) {
	if s.peek() == '{' {
		return gungraunJSON(s, opts)
	}
	return counts(s, opts, func(line []byte) bool {
		word, _ := nextWord(line)
		return len(line) > 0 && line[0] != ' ' && bytes.Contains(word, []byte("::"))
	})
}

// counts reads the console of both.
func counts(s *scanner, opts Options, isName func(line []byte) bool) (Results, error) {
	var g gathering
	n := 0
	var name, section string
	for line := range s.lines() {
		switch {
		case isName(line):
			name, section = oneLine(string(line)), ""
			continue
		case bytes.HasPrefix(line, []byte("  =======")):
			section = strings.TrimSpace(strings.Trim(string(line), "= "))
			continue
		}
		label, value, ok := readCount(line)
		if !ok || name == "" {
			continue
		}
		m, known := countMeasure(label, section)
		if !known {
			continue
		}
		current, _, _ := bytes.Cut(value, []byte("|"))
		v, ok := groupedNumber(current, ',')
		if !ok {
			if string(current) != "N/A" {
				g.problem(name, s.lineNumber, "%s: %q is no number", label, current)
			}
			continue
		}
		n++
		if err := g.value(name, m, v, s.lineNumber); err != nil {
			return Results{}, err
		}
	}
	return g.results(opts, "%d counts below names", n), nil
}

// countNames are the JSON's names of counts for which the console has a better one.
var countNames = map[string]string{
	"Ir": "Instructions", "L1hits": "L1 Hits", "L2hits": "L2 Hits", "LLhits": "LL Hits", "RamHits": "RAM Hits", "TotalRW": "Total read+write", "EstimatedCycles": "Estimated Cycles",
	"I1MissRate": "I1 Miss Rate", "D1MissRate": "D1 Miss Rate", "LLiMissRate": "LLi Miss Rate", "LLdMissRate": "LLd Miss Rate", "LLMissRate": "LL Miss Rate",
	"L1HitRate": "L1 Hit Rate", "LLHitRate": "LL Hit Rate", "RamHitRate": "RAM Hit Rate", "TotalBytes": "Total bytes", "TotalBlocks": "Total blocks",
	"AtTGmaxBytes": "At t-gmax bytes", "AtTGmaxBlocks": "At t-gmax blocks", "AtTEndBytes": "At t-end bytes", "AtTEndBlocks": "At t-end blocks",
	"ReadsBytes": "Reads bytes", "WritesBytes": "Writes bytes", "SuppressedErrors": "Suppressed Errors", "SuppressedContexts": "Suppressed Contexts",
}

// countMeasure is the measure of a label within a tool's section; errors belong to the tool that found them.
func countMeasure(label, section string) (*unit.Measure, bool) {
	switch label {
	case "Errors", "Contexts", "Suppressed Errors", "Suppressed Contexts":
		tool := strings.ToUpper(section)
		switch {
		case strings.Contains(tool, "HELGRIND"):
			label = "Helgrind " + label
		case strings.Contains(tool, "DRD"):
			label = "DRD " + label
		default:
			label = "Memcheck " + label
		}
	}
	return unit.KnownMeasure(label)
}

// gungraunJSON reads summaries, one after the other.
func gungraunJSON(s *scanner, opts Options) (Results, error) {
	var g gathering
	n := 0
	for s.peek() == '{' {
		line, _ := s.position()
		var module, id, details string
		var metrics []Metric
		if err := s.object(func(key []byte) error {
			switch string(key) {
			case "module_path":
				return s.str(&module)
			case "id":
				return s.str(&id)
			case "details":
				return s.str(&details)
			case "profiles":
				return s.each(func() error { return gungraunProfile(s, &metrics) })
			}
			return s.skip()
		}); err != nil {
			return Results{}, err
		}
		name := module
		if id != "" {
			name += " " + id
			if details != "" {
				name += ":" + details
			}
		}
		name = oneLine(name)
		n++
		for _, m := range metrics {
			if err := g.metric(name, m, line); err != nil {
				return Results{}, err
			}
		}
		if len(metrics) == 0 {
			g.problem(name, line, "it has no metric")
		}
	}
	return g.results(opts, `%d summaries with "profiles"`, n), nil
}

// gungraunProfile reads the totals of one tool. "tool" comes behind "summaries", so what errors are is settled at the end.
func gungraunProfile(s *scanner, to *[]Metric) error {
	var section string
	type count struct {
		name  string
		value float64
	}
	var found []count
	one := func(key []byte) error {
		name := string(key)
		var v opt
		err := s.members(func(key []byte) error {
			if string(key) != "metrics" {
				return s.skip()
			}
			return s.members(func(key []byte) error { // Both: [new, old]; Left: new; Right: old
				if string(key) == "Right" {
					return s.skip()
				}
				if s.peek() != '[' {
					return s.tagged(&v)
				}
				first := true
				return s.array(func() error {
					if !first {
						return s.skip()
					}
					first = false
					return s.tagged(&v)
				})
			})
		})
		if v.ok {
			found = append(found, count{name, v.v})
		}
		return err
	}
	err := s.members(func(key []byte) error {
		switch string(key) {
		case "tool":
			return s.str(&section)
		case "summaries":
			return s.members(func(key []byte) error {
				if string(key) != "total" {
					return s.skip()
				}
				return s.members(func(key []byte) error {
					if string(key) != "summary" {
						return s.skip()
					}
					return s.members(func([]byte) error { return s.members(one) })
				})
			})
		}
		return s.skip()
	})
	for _, c := range found {
		label := c.name
		if better, ok := countNames[label]; ok {
			label = better
		}
		if m, known := countMeasure(label, section); known {
			*to = append(*to, Metric{Measure: m, Value: c.value})
		}
	}
	return err
}

// tagged reads {"Int": n} or {"Float": n}.
func (s *scanner) tagged(to *opt) error {
	if s.peek() != '{' {
		return s.opt(to)
	}
	return s.object(func([]byte) error { return s.opt(to) })
}

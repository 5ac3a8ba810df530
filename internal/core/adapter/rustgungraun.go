package adapter

import (
	"bytes"
	"slices"
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/unit"
)

// iai prints, for each benchmark, its name and below it "  Instructions:                1820" and four more counts. gungraun, which was
// iai-callgrind, prints "module::group::function id:arguments" and counts
// "  Instructions:                        1805|1805                 (No change)": this run's, then the one before, and sections for
// further tools of Valgrind. show_grid puts "| " in the place of the spaces. Counts below "## pid: …" are of a part of the program, as
// show_intermediate prints them, and "## Total" follows; those below "Comparison with" compare with another benchmark.
//
// With --output-format=json it writes one summary after the other: {"module_path", "id", "details", "profiles": [{"tool", "summaries":
// {"total": {"summary": {"Callgrind": {"Ir": {"metrics": {"Both": [{"Int": new}, {"Int": old}]}}}}}}}]} (schema 6, and 4 and 5; Left
// instead of Both where nothing is before). Schema 3 has "callgrind_summary" and "tool_summaries", schema 7 "description" and {"data":
// {"total": {"metrics": {"Ir": {"values": {"new", "old"}}}}}}. What cargo prints may stand between.
//
// Identity is the name as it is printed, and before it the program where one input has the same name of several. The counts of this run
// are taken, never those of the run before. They are exact: the same program gives the same counts. Where two tools of one benchmark count
// the same thing, the second has its name before the measure's: Cachegrind Instructions.
var (
	rustIaiTool = tool{
		name: "rust_iai", about: "iai", example: `tacho run "cargo bench"`,
		measures:   []string{"Instructions", "L1 Accesses", "L2 Accesses", "RAM Accesses", "Estimated Cycles (all exact, lower)"},
		parameters: "the program, where one input has the same name of several",
		needles:    []string{"  L1 Accesses: "}, hit: func([]byte) int { return 100 }, trace: `a line "L1 Accesses:" below a name`,
		parse: parseIai,
	}
	rustGungraunTool = tool{
		name: "rust_gungraun", aliases: []Name{"rust_iai_callgrind"}, about: "gungraun and iai-callgrind, console or --output-format=json", example: `tacho run "cargo bench -- --output-format=json"`,
		measures:   []string{"Instructions, L1/LL/RAM Hits, Total read+write, Estimated Cycles and each event of Callgrind and Cachegrind (exact, lower; hit rate of L1 higher)", "DHAT: bytes and blocks (exact, lower)", "Memcheck, Helgrind, DRD: errors (exact, lower)", "of a second tool that counts the same, with its name: Cachegrind Instructions"},
		parameters: "arguments, as they stand in the name; the program, where one input has the same name of several",
		signs: []sign{
			{jsonForm, []string{"module_path", "function_name", "profiles[].tool"}, 100, `"module_path" and "profiles" of Valgrind's tools`},
			{jsonForm, []string{"module_path", "callgrind_summary"}, 100, `"module_path" and "callgrind_summary"`},
		},
		needles: []string{"Instructions: ", "Total bytes: ", "Suppressed Errors: ", "======= "}, hit: hitGungraun, trace: `a line "Instructions: new|old", or the headline of one of Valgrind's tools`,
		parse: parseGungraun,
	}
)

func hitGungraun(line []byte) int {
	line = ungrid(line)
	if _, v, ok := readCount(nil, line); ok && bytes.IndexByte(v, '|') > 0 {
		return 100
	}
	if tool, ok := valgrindTool(line); ok && slices.Contains([]string{"CALLGRIND", "CACHEGRIND", "DHAT", "MEMCHECK", "HELGRIND", "DRD"}, tool) {
		return 100
	}
	return 0
}

// valgrindTool is the tool in the headline "  ======= DHAT =========".
func valgrindTool(line []byte) (string, bool) {
	if !bytes.HasPrefix(line, []byte("  ======= ")) {
		return "", false
	}
	return string(bytes.Trim(line, "= ")), true
}

// ungrid is the line without the grid of show_grid, which stands where spaces do otherwise: "| ", "|-", "|=".
func ungrid(line []byte) []byte {
	if len(line) < 2 || line[0] != '|' || line[1] != ' ' && line[1] != '-' && line[1] != '=' {
		return line
	}
	return append([]byte("  "), line[2:]...)
}

// readCount takes "  Label:    value …" apart.
func readCount(s *read.Scanner, line []byte) (label string, value []byte, ok bool) {
	if !bytes.HasPrefix(line, []byte("  ")) {
		return "", nil, false
	}
	name, rest, ok := bytes.Cut(line[2:], []byte(":"))
	if !ok || len(name) == 0 || name[0] == ' ' || len(rest) == 0 || rest[0] != ' ' {
		return "", nil, false
	}
	value, _ = read.NextWord(rest)
	return read.Kept(s, name), value, len(value) > 0
}

func parseIai(s *read.Scanner, opts Options) (Results, error) {
	return counts(s, opts, func(line []byte) bool { return len(line) > 0 && line[0] != ' ' })
}

func parseGungraun(s *read.Scanner, opts Options) (Results, error) {
	if s.Peek() == '{' {
		return gungraunJSON(s, opts)
	}
	return counts(s, opts, func(line []byte) bool {
		word, _ := read.NextWord(line)
		return len(line) > 0 && isWordByte(line[0]) && bytes.Contains(word, []byte("::")) && isWordByte(word[len(word)-1])
	})
}

func isWordByte(c byte) bool {
	return read.IsDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c >= 0x80
}

// countsRead is what the lines before have told.
type countsRead struct {
	gathering
	rustPrograms
	panics  rustPanics
	name    string
	key     string            // as it is gathered
	section string            // the tool
	tools   map[string]string // by measure, the tool that counted it
	other   bool              // what follows is of a part of the program, or compares with another benchmark
	n       int

	s *read.Scanner
}

// counts reads the console of both.
func counts(s *read.Scanner, opts Options, isName func(line []byte) bool) (Results, error) {
	c := countsRead{tools: map[string]string{}, s: s}
	for line := range s.Lines() {
		line = ungrid(line)
		tool, headline := valgrindTool(line)
		switch {
		case c.panics.read(line, s.Line()):
		case c.runs(line):
			c.begin("")
		case isName(line):
			c.begin(read.OneLine(s.Keep(line)))
		case headline:
			c.section, c.other = tool, false
		case bytes.HasPrefix(line, []byte("  Comparison with ")):
			c.other = true
		case bytes.HasPrefix(line, []byte("  ## ")):
			c.other = !bytes.HasPrefix(line, []byte("  ## Total"))
		case runnerError(line):
			if c.panics.message == "" { // else it says no more
				c.problem(c.name, s.Line(), "%s", line)
			}
		case c.name != "" && !c.other:
			c.count(line, s.Line())
		}
	}
	c.begin("")
	c.tellPrograms()
	return c.results(opts, "%d counts below names", c.n)
}

// runnerError reports whether the line says why gungraun's runner gave up.
func runnerError(line []byte) bool {
	return bytes.HasPrefix(line, []byte("gungraun_runner: Error: ")) || bytes.HasPrefix(line, []byte("iai_callgrind_runner: Error: "))
}

// begin begins a benchmark.
func (c *countsRead) begin(name string) {
	c.panics.flush(&c.gathering, c.name)
	c.name, c.key, c.section, c.other = name, "", "", false
	clear(c.tools)
}

func (c *countsRead) count(line []byte, number int) {
	label, value, ok := readCount(c.s, line)
	if !ok || label == "Baselines" || label == "Command" || label == "Details" {
		return
	}
	current, _, compared := bytes.Cut(value, []byte("|"))
	m, known := countMeasure(label, c.section)
	if !known && !compared {
		return
	}
	v, ok := read.GroupedNumber(current, ',')
	switch {
	case !ok && known && string(current) != "N/A":
		c.problem(c.name, number, "%s: %q is no number", label, current)
		return
	case !ok:
		return
	}
	c.n++
	if c.key == "" {
		c.key = c.again(c.of(c.name))
	}
	c.value(c.key, toolMeasure(m, c.section, c.tools), v, number)
}

// toolMeasure is the measure with the tool's name before it where another tool of the benchmark has counted the same.
func toolMeasure(m *unit.Measure, tool string, of map[string]string) *unit.Measure {
	if first, counted := of[m.Name]; !counted {
		of[m.Name] = tool
	} else if first != tool && tool != "" {
		tool = strings.ToUpper(tool[:1]) + strings.ToLower(tool[1:])
		its := *m
		its.Name, its.Slug = tool+" "+m.Name, strings.ToLower(tool)+"-"+m.Slug
		return &its
	}
	return m
}

// countNames are the JSON's names of counts for which the console has a better one.
var countNames = map[string]string{
	"Ir": "Instructions", "L1hits": "L1 Hits", "L2hits": "L2 Hits", "LLhits": "LL Hits", "RamHits": "RAM Hits", "TotalRW": "Total read+write", "EstimatedCycles": "Estimated Cycles",
	"I1MissRate": "I1 Miss Rate", "D1MissRate": "D1 Miss Rate", "LLiMissRate": "LLi Miss Rate", "LLdMissRate": "LLd Miss Rate", "LLMissRate": "LL Miss Rate",
	"L1HitRate": "L1 Hit Rate", "LLHitRate": "LL Hit Rate", "RamHitRate": "RAM Hit Rate", "TotalBytes": "Total bytes", "TotalBlocks": "Total blocks",
	"AtTGmaxBytes": "At t-gmax bytes", "AtTGmaxBlocks": "At t-gmax blocks", "AtTEndBytes": "At t-end bytes", "AtTEndBlocks": "At t-end blocks",
	"ReadsBytes": "Reads bytes", "WritesBytes": "Writes bytes", "TotalUnits": "Total units", "TotalEvents": "Total events", "TotalLifetimes": "Total lifetimes", "MaximumBytes": "Maximum bytes", "MaximumBlocks": "Maximum blocks", "SuppressedErrors": "Suppressed Errors", "SuppressedContexts": "Suppressed Contexts",
}

// countUnits are the units of counts that are no built-in measures.
var countUnits = map[string]string{"Total units": "units", "Total events": "events", "Total lifetimes": "instructions", "Maximum bytes": unit.Bytes, "Maximum blocks": "blocks", "L1 Data Hits": "hits"}

// countMeasure is the measure of a label within a tool's section, and whether it is known; errors belong to the tool that found them.
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
	if m, ok := unit.KnownMeasure(label); ok {
		return m, true
	}
	units, known := countUnits[label]
	if !known {
		units = strings.ToLower(label)
	}
	return &unit.Measure{Name: label, Slug: strings.ReplaceAll(strings.ToLower(label), " ", "-"), Units: units, Direction: unit.Lower, Exact: true}, known
}

// gungraunJSON reads summaries, one after the other, and passes over lines between them.
func gungraunJSON(s *read.Scanner, opts Options) (Results, error) {
	var g gathering
	var panics rustPanics
	n := 0
	var programs rustPrograms
	for !s.Over() {
		line, _ := s.Position()
		if s.Peek() != '{' {
			text, _ := s.NextLine()
			if !programs.runs(text) && !panics.read(text, line) && runnerError(text) && panics.message == "" {
				g.problem("", line, "%s", text)
			}
			continue
		}
		one, err := gungraunSummary(s)
		switch {
		case err != nil && n == 0:
			return Results{}, err
		case err != nil:
			g.problem("", line, "the summary cannot be read: %v", err)
			s.Surface()
			s.NextLine()
			continue
		case one.module == "":
			continue
		}
		n++
		name := g.again(programs.of(one.name()))
		for _, m := range one.metrics {
			g.metric(name, m, line)
		}
		if len(one.metrics) == 0 {
			g.problem(one.name(), line, "it has no metric")
		}
	}
	panics.flush(&g, "")
	g.tellPrograms()
	return g.results(opts, `%d summaries with "profiles"`, n)
}

// gungraunOne is what one summary tells.
type gungraunOne struct {
	module, id, details string
	metrics             []Metric
	of                  map[string]string // which tool counted a measure
}

// name is the benchmark's, as it is printed on the console.
func (o *gungraunOne) name() string {
	name := o.module
	if o.id != "" {
		name += " " + o.id
		if o.details != "" {
			name += ":" + o.details
		}
	} else if o.details != "" {
		name += " " + o.details
	}
	return read.OneLine(name)
}

func gungraunSummary(s *read.Scanner) (gungraunOne, error) {
	one := gungraunOne{of: map[string]string{}}
	err := s.Object(func(key []byte) error {
		switch string(key) {
		case "module_path":
			return s.Str(&one.module)
		case "id":
			return s.Str(&one.id)
		case "details", "description":
			return s.Str(&one.details)
		case "profiles", "tool_summaries":
			return s.Each(func() error { return one.profile(s) })
		case "callgrind_summary":
			var found []gungraunCount
			err := gungraunWithin(s, "callgrind_run", func() error {
				return gungraunWithin(s, "total", func() error {
					return gungraunWithin(s, "summary", func() error { return gungraunCounts(s, &found) })
				})
			})
			one.add("Callgrind", found)
			return err
		}
		return s.Skip()
	})
	return one, err
}

// gungraunCount is one count of this run.
type gungraunCount struct {
	name  string
	value float64
}

// profile reads the totals of one tool. "tool" may come behind the counts, so what errors are is settled at the end.
func (o *gungraunOne) profile(s *read.Scanner) error {
	var tool string
	var found []gungraunCount
	total := func() error {
		return s.Members(func(key []byte) error {
			switch string(key) {
			case "summary": // of one kind
				return s.Members(func([]byte) error { return gungraunCounts(s, &found) })
			case "metrics", "DhatSummary", "ErrorSummary", "CallgrindSummary":
				return gungraunCounts(s, &found)
			}
			return s.Skip()
		})
	}
	err := s.Members(func(key []byte) error {
		switch string(key) {
		case "tool":
			return s.Str(&tool)
		case "summaries", "data":
			return gungraunWithin(s, "total", total)
		}
		return s.Skip()
	})
	o.add(tool, found)
	return err
}

// add makes metrics of a tool's counts.
func (o *gungraunOne) add(tool string, found []gungraunCount) {
	for _, c := range found {
		label := c.name
		if better, ok := countNames[label]; ok {
			label = better
		}
		m, _ := countMeasure(label, tool)
		o.metrics = append(o.metrics, Metric{Measure: toolMeasure(m, tool, o.of), Value: c.value})
	}
}

// gungraunCounts reads counts by their names. "Right" and "old" are of the run before.
func gungraunCounts(s *read.Scanner, to *[]gungraunCount) error {
	return s.Members(func(key []byte) error {
		name := s.Keep(key)
		var v read.Opt
		err := s.Members(func(key []byte) error {
			if k := string(key); k != "metrics" && k != "values" {
				return s.Skip()
			}
			return s.Members(func(key []byte) error {
				switch string(key) {
				case "Left", "new":
					return gungraunTagged(s, &v)
				case "Both":
					first := true
					return s.Each(func() error {
						if !first {
							return s.Skip()
						}
						first = false
						return gungraunTagged(s, &v)
					})
				}
				return s.Skip()
			})
		})
		if v.OK {
			*to = append(*to, gungraunCount{name, v.Value})
		}
		return err
	})
}

// gungraunTagged reads a number, {"Int": n}, {"Float": n} or {"value": n, "unit": …}.
func gungraunTagged(s *read.Scanner, to *read.Opt) error {
	if s.Peek() != '{' {
		return s.Opt(to)
	}
	return s.Object(func(key []byte) error {
		switch string(key) {
		case "Int", "Float", "value":
			return s.Opt(to)
		}
		return s.Skip()
	})
}

// gungraunWithin reads one member of an object, and passes over the others.
func gungraunWithin(s *read.Scanner, member string, readMember func() error) error {
	return s.Members(func(key []byte) error {
		if string(key) != member {
			return s.Skip()
		}
		return readMember()
	})
}

package adapter

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/unit"
)

// settle makes what a tool's parser returned fit for a report: ignore suffixes are taken off, and a benchmark or a metric that a report
// cannot hold (a name that nobody may have, a number that is not finite, a measure twice) becomes a Problem. Of one name that comes again
// the second is "name #2", with a Problem that says so. Too many of them are a TooLarge fault. No adapter may pass these rules, so none
// has to know them.
func (r *Results) settle() error {
	if len(r.Benchmarks) > limits.BenchmarksPerIteration {
		return tooManyBenchmarks()
	}
	distinct := r.distinct
	r.distinct = false
	for i := range r.Benchmarks {
		b := &r.Benchmarks[i]
		b.Name, b.IgnoreAlerts = cutIgnore(b.Name)
		distinct = distinct && !b.IgnoreAlerts
	}
	var seen nameTable
	if !distinct {
		seen = newNameTable(len(r.Benchmarks))
	}
	kept, metrics := 0, 0
	var times map[string]int // of names that come again
	var good goodMeasures
	for i := range r.Benchmarks {
		b := &r.Benchmarks[i]
		if err := checkName("benchmark", b.Name, limits.BenchmarkNameBytes); err != nil {
			r.problem(Problem{Benchmark: b.Name, Message: err.Error()})
			continue
		}
		if !distinct {
			name := b.Name
			for _, isNew := seen.add(name); !isNew; _, isNew = seen.add(name) {
				if times == nil {
					times = map[string]int{}
				}
				times[b.Name]++
				name = fmt.Sprintf("%s #%d", b.Name, times[b.Name]+1)
			}
			if name != b.Name {
				message := fmt.Sprintf("appears more than once in the output; this one is kept as %q", name)
				r.problem(Problem{Benchmark: b.Name, Message: message})
			}
			if b.Name = name; len(name) > limits.BenchmarkNameBytes {
				continue
			}
		}
		if err := r.settleMetrics(b, &good); err != nil {
			return err
		}
		if len(b.Metrics) == 0 {
			continue
		}
		if metrics += len(b.Metrics); metrics > limits.MetricsPerReport {
			return tooManyMetrics()
		}
		if kept != i {
			r.Benchmarks[kept] = *b
		}
		kept++
	}
	r.Benchmarks = r.Benchmarks[:kept]
	return nil
}

// goodMeasures are some that were found to be good, with their identities: most benchmarks have the same few.
type goodMeasures [8]struct {
	measure  *unit.Measure
	identity string
}

// check is the identity of the i-th measure of a benchmark, or why no report can have it.
func (g *goodMeasures) check(i int, m *unit.Measure) (string, error) {
	known := &g[i%len(g)]
	if known.measure == m {
		return known.identity, nil
	}
	if err := checkMeasure(m); err != nil {
		return "", err
	}
	known.measure, known.identity = m, identity(m)
	return known.identity, nil
}

func tooManyBenchmarks() error {
	return fault.TooLargef("the output has more than %d benchmarks, the limit of one iteration", limits.BenchmarksPerIteration)
}

func tooManyMetrics() error {
	return fault.TooLargef("the output has more than %d metrics, the limit of one report", limits.MetricsPerReport)
}

func (r *Results) settleMetrics(b *Benchmark, good *goodMeasures) error {
	kept := 0
	seen := nameSet{}
	for i := range b.Metrics {
		m := &b.Metrics[i]
		if len(m.Samples) > limits.SamplesPerMetric {
			return tooManySamples(b.Name, m.Measure.Name, len(m.Samples))
		}
		id, err := good.check(i, m.Measure)
		if err != nil {
			r.problem(Problem{Benchmark: b.Name, Message: err.Error()})
			continue
		}
		if m.Lower != nil && !read.Finite(*m.Lower) || m.Upper != nil && !read.Finite(*m.Upper) { // a deviation of too few values
			m.Lower, m.Upper = nil, nil
		}
		if total := 0; m.Processes != nil {
			for _, n := range m.Processes {
				total += n
			}
			if total != len(m.Samples) { // samples were left out or came from elsewhere too
				m.Processes = nil
			}
		}
		if message := flaw(m); message != "" {
			r.problem(Problem{Benchmark: b.Name, Message: message})
			continue
		}
		if !seen.add(id) {
			r.problem(Problem{Benchmark: b.Name, Message: fmt.Sprintf("measure %q stands there twice; the first is kept", m.Measure.Name)})
			continue
		}
		if kept != i {
			b.Metrics[kept] = *m
		}
		kept++
	}
	b.Metrics = b.Metrics[:kept]
	return nil
}

func tooManySamples(benchmark, measure string, n int) error {
	return fault.TooLargef("benchmark %.100q, measure %.100q: %d samples, the limit is %d", benchmark, measure, n, limits.SamplesPerMetric)
}

// flaw says why a report cannot hold the metric, or nothing.
func flaw(m *Metric) string {
	for _, v := range m.Samples {
		if !read.Finite(v) {
			return fmt.Sprintf("measure %q: the sample %v is not a finite number", m.Measure.Name, v)
		}
	}
	switch {
	case !read.Finite(m.Value):
		return fmt.Sprintf("measure %q: %v is not a finite number", m.Measure.Name, m.Value)
	case m.Lower != nil && !read.Finite(*m.Lower):
		return fmt.Sprintf("measure %q: %v is not a finite number", m.Measure.Name, *m.Lower)
	case m.Upper != nil && !read.Finite(*m.Upper):
		return fmt.Sprintf("measure %q: %v is not a finite number", m.Measure.Name, *m.Upper)
	}
	return ""
}

// identity is what makes two measures the same: the slug, or the built-in one behind a name, else the name.
func identity(m *unit.Measure) string {
	if m.Slug != "" {
		return m.Slug
	}
	if known, ok := unit.KnownMeasure(m.Name); ok {
		return known.Slug
	}
	return m.Name
}

func checkMeasure(m *unit.Measure) error {
	if err := checkName("measure", m.Name, limits.ResourceNameBytes); err != nil {
		return err
	}
	return checkName("units", m.Units, limits.ResourceNameBytes)
}

// checkName says why nothing may have that name. The rules are those of all names, ident.CheckName's, and a replacement character is not
// taken either: it stands for bytes that were no text.
func checkName(what, name string, most int) error {
	switch {
	case plainName(name) && len(name) <= most:
		return nil
	case name == "":
		return fault.Invalidf("%s: the name is empty", what)
	case len(name) > most:
		return fault.Invalidf("%s %s: the name is %d bytes long, the limit is %d", what, shorten(name, 60), len(name), most)
	case !utf8.ValidString(name) || strings.ContainsRune(name, utf8.RuneError):
		return fault.Invalidf("%s %.100q: the name is not valid UTF-8", what, name)
	case strings.TrimSpace(name) != name:
		return fault.Invalidf("%s %.100q: the name begins or ends with white space", what, name)
	}
	for _, r := range name {
		if unicode.IsControl(r) {
			return fault.Invalidf("%s %.100q: the name holds the control character %U", what, name, r)
		}
	}
	return nil
}

// plainName reports whether name is of printable ASCII alone, as almost all are: then there is nothing more to look at.
func plainName(name string) bool {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	rest := name
	for ; len(rest) >= 8; rest = rest[8:] { // eight at once
		eight := uint64(rest[0]) | uint64(rest[1])<<8 | uint64(rest[2])<<16 | uint64(rest[3])<<24 |
			uint64(rest[4])<<32 | uint64(rest[5])<<40 | uint64(rest[6])<<48 | uint64(rest[7])<<56
		if (eight|(eight+ones)|(eight-' '*ones)&^eight)&high != 0 { // beyond ASCII, DEL, or a control character
			return false
		}
	}
	for i := range len(rest) {
		if rest[i] < ' ' || rest[i] >= 0x7f {
			return false
		}
	}
	return name != "" && name[0] != ' ' && name[len(name)-1] != ' '
}

// ignoreSuffixes mark a benchmark that is kept but never raises an alert.
var ignoreSuffixes = []string{"_tacho_ignore", "-tacho-ignore", "_bencher_ignore", "-bencher-ignore", "BencherIgnore"}

func cutIgnore(name string) (string, bool) {
	if name == "" || name[len(name)-1] != 'e' { // on which all of them end
		return name, false
	}
	for _, suffix := range ignoreSuffixes {
		if rest, ok := strings.CutSuffix(name, suffix); ok && rest != "" {
			return rest, true
		}
	}
	return name, false
}

// problem adds one row, bounded in number and length and free of control characters: rows are shown to people.
func (r *Results) problem(p Problem) {
	switch n := len(r.Problems); {
	case n < limits.ProblemsPerIteration-1:
		p.Benchmark, p.Message = printable(p.Benchmark), printable(p.Message)
		r.Problems = append(r.Problems, p)
	case n == limits.ProblemsPerIteration-1:
		r.Problems = append(r.Problems, Problem{Message: "there are more problems than are listed"})
	}
}

// printable shortens s to what a row shows and replaces what is no printable text.
func printable(s string) string {
	if len(s) <= limits.ProblemBytes && plainName(s) { // as almost all are
		return s
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return ' '
		}
		return r
	}, shorten(s, limits.ProblemBytes))
	return strings.TrimSpace(s)
}

// shorten cuts s after at most n bytes, between two characters.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// nameSet is a set that costs nothing while it is small, as the measures of a benchmark are; thousands of them must not cost their square.
type nameSet struct {
	few  [8]string
	n    int
	many map[string]bool // from the ninth on
}

// add reports whether name is new.
func (s *nameSet) add(name string) bool {
	if s.has(name) {
		return false
	}
	if s.n < len(s.few) {
		s.few[s.n] = name
		s.n++
		return true
	}
	if s.many == nil {
		s.many = map[string]bool{}
	}
	s.many[name] = true
	return true
}

func (s *nameSet) has(name string) bool {
	for _, f := range s.few[:s.n] {
		if f == name {
			return true
		}
	}
	return s.many[name]
}

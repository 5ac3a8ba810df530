package suite

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/imageref"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/strict"
)

// FileName is what a suite is called in its folder.
const FileName = "suite.yaml"

// Suite is a suite as its file says it. Texts of its workloads, its image and the arguments of its recipe may have {{param}} in them.
type Suite struct {
	Name      string
	About     string  // one line for people
	Params    []Param // by name
	Image     string
	Recipe    *Recipe
	Workloads []Workload
	Expected  Expected
}

// Param is a value that whoever runs the suite may choose.
type Param struct {
	Name     string
	About    string
	Required bool
	Default  string
	Enum     []string // empty: any text
}

// Missing is what a report does about a benchmark that is expected and not there.
type Missing string

// The ways.
const (
	Require  Missing = "require"  // a machine that lacks one is not compared
	Penalise Missing = "penalise" // it counts as twice the worst that any machine has
	Ignore   Missing = "ignore"   // what one machine lacks is compared on none
)

// Expected is what a complete result has.
type Expected struct {
	Benchmarks []string // names as the adapter gives them; empty: whatever there is
	Missing    Missing
	When       map[string]string // values of parameters for which Benchmarks holds; nil: always
}

var format = strict.Format{Name: "suite", File: FileName, Bytes: limits.SuiteBytes, Needs: 6, Examples: with(Examples, map[string]string{
	"a suite":     "name: mine and below it workloads",
	"params":      "ruby: {required: true}",
	"a parameter": "{default: small, enum: [small, large]}",
	"image":       `{ref: "app:v1"} or {containerfile: Containerfile}`,
	"expected":    "{benchmarks: [a, b], missing: require}",
	"args":        "NAME: value",
})}

func with(a, b map[string]string) map[string]string {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// Parse reads a suite. An error is strict.Mistakes.
func Parse(text []byte) (Suite, error) {
	r := strict.New(text, format)
	s := Suite{Expected: Expected{Missing: Require}}
	body := r.Parse()
	if body == nil {
		if r.Mistakes() == 0 {
			r.Wrong(strict.Position{}, "the suite is empty; it needs name, image and workloads")
		}
		return Suite{}, r.Err()
	}
	// Parameters come first, wherever they are, because the texts of all others may name them.
	if strict.IsMap(body) {
		probe := strict.New(text, format)
		probe.EachKey(probe.Parse(), "a suite", func(_ strict.Position, key string, n strict.Node) {
			if key == "params" {
				s.Params = readParams(probe, n)
			}
		})
	}
	holes := []string{} // not nil: braces mean something here
	for _, p := range s.Params {
		holes = append(holes, p.Name)
	}
	said := map[string]bool{}
	keys := strict.Keys{
		"name":      func(_ strict.Position, n strict.Node) { s.Name = Name(r, n, "name") },
		"about":     func(_ strict.Position, n strict.Node) { s.About = line(r, n, "about") },
		"params":    func(_ strict.Position, n strict.Node) { s.Params = readParams(r, n) },
		"image":     func(_ strict.Position, n strict.Node) { s.readImage(r, n, holes) },
		"workloads": func(_ strict.Position, n strict.Node) { s.Workloads = ReadWorkloads(r, n, false, holes) },
		"expected":  func(_ strict.Position, n strict.Node) { s.readExpected(r, n, holes) },
		"unit_of_claim": func(_ strict.Position, n strict.Node) {
			if text, ok := r.Scalar(n, "unit_of_claim"); ok && text != "machine" {
				r.Wrong(strict.Place(n), "unit_of_claim %q: use machine; iterations and processes of one machine say nothing about another",
					strict.Shortened(text))
			}
		},
	}
	for key, read := range keys {
		keys[key] = func(at strict.Position, n strict.Node) {
			said[key] = true
			read(at, n)
		}
	}
	r.Each(body, "a suite", keys)
	if r.Mistakes() == 0 {
		for _, key := range []string{"name", "image", "workloads"} {
			if !said[key] || key == "workloads" && len(s.Workloads) == 0 {
				r.Wrong(strict.Place(body), "the suite has no %s", key)
			}
		}
	}
	if err := r.Err(); err != nil {
		return Suite{}, err
	}
	return s, nil
}

func line(r *strict.Reader, n strict.Node, key string) string {
	text, ok := r.Scalar(n, key)
	if ok && (len(text) > limits.SuiteTextBytes || !isPlain(text)) {
		r.Wrong(strict.Place(n), "%s is one line of at most %d bytes", key, limits.SuiteTextBytes)
	}
	return text
}

func readParams(r *strict.Reader, n strict.Node) (out []Param) {
	r.EachKey(n, "params", func(at strict.Position, name string, value strict.Node) {
		p := Param{Name: name}
		if !IsName(name) {
			r.Wrong(at, "params: %q is not a name", strict.Shortened(name))
		}
		if len(out) == limits.SuiteParams {
			r.Wrong(at, "params has more than %d entries", limits.SuiteParams)
			return
		}
		hasDefault := false
		r.Each(value, "a parameter", strict.Keys{
			"about": func(_ strict.Position, n strict.Node) { p.About = line(r, n, "about") },
			"required": func(_ strict.Position, n strict.Node) {
				text, ok := r.Scalar(n, "required")
				if p.Required = text == "true"; ok && text != "true" && text != "false" {
					r.Wrong(strict.Place(n), "required %q: use true or false", strict.Shortened(text))
				}
			},
			"default": func(_ strict.Position, n strict.Node) { p.Default, hasDefault = line(r, n, "default"), true },
			"enum": func(_ strict.Position, n strict.Node) {
				p.Enum = Texts(r, n, "enum", limits.SuiteParams, limits.SuiteTextBytes)
			},
		})
		switch {
		case p.Required && hasDefault:
			r.Wrong(at, "%s is required and has a default; remove one", strict.Shortened(name))
		case !p.Required && !hasDefault:
			r.Wrong(at, "%s has no default; add one, or required: true", strict.Shortened(name))
		case hasDefault && len(p.Enum) > 0 && !slices.Contains(p.Enum, p.Default):
			r.Wrong(at, "%s: the default %q is not in enum", strict.Shortened(name), strict.Shortened(p.Default))
		}
		out = append(out, p)
	})
	slices.SortFunc(out, func(a, b Param) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func (s *Suite) readImage(r *strict.Reader, n strict.Node, holes []string) {
	var recipe Recipe
	r.Each(n, "image", strict.Keys{
		"ref": func(_ strict.Position, n strict.Node) {
			s.Image = line(r, n, "ref")
			checkHoles(r, n, "ref", s.Image, holes)
		},
		"containerfile": func(_ strict.Position, n strict.Node) {
			recipe.Containerfile = line(r, n, "containerfile")
			if !isPlainPath(recipe.Containerfile) {
				r.Wrong(strict.Place(n), "containerfile %q is not a path below the suite's folder", strict.Shortened(recipe.Containerfile))
			}
		},
		"args": func(_ strict.Position, n strict.Node) {
			recipe.Args = readMap(r, n, "args", limits.SuiteParams, limits.SuiteTextBytes, isEnvName)
			for _, name := range slices.Sorted(maps.Keys(recipe.Args)) {
				checkHoles(r, n, "args "+name, recipe.Args[name], holes)
			}
		},
	})
	if recipe.Containerfile != "" {
		s.Recipe = &recipe
	}
	if (s.Image == "") == (s.Recipe == nil) && r.Mistakes() == 0 {
		r.Wrong(strict.Place(n), "image has either ref or containerfile")
	}
}

func (s *Suite) readExpected(r *strict.Reader, n strict.Node, holes []string) {
	r.Each(n, "expected", strict.Keys{
		"when": func(_ strict.Position, n strict.Node) {
			s.Expected.When = Params(r, n)
			for _, name := range slices.Sorted(maps.Keys(s.Expected.When)) {
				if !slices.Contains(holes, name) {
					r.Wrong(strict.Place(n), "when: %s is no parameter of the suite", name)
				}
			}
		},
		"benchmarks": func(_ strict.Position, n strict.Node) {
			s.Expected.Benchmarks = Texts(r, n, "benchmarks", limits.SuiteBenchmarks, limits.BenchmarkNameBytes)
			slices.Sort(s.Expected.Benchmarks)
			if len(slices.Compact(slices.Clone(s.Expected.Benchmarks))) < len(s.Expected.Benchmarks) {
				r.Wrong(strict.Place(n), "benchmarks has a name twice")
			}
		},
		"missing": func(_ strict.Position, n strict.Node) {
			if text, ok := r.Scalar(n, "missing"); ok {
				s.Expected.Missing = Missing(text)
				if !slices.Contains([]Missing{Require, Penalise, Ignore}, s.Expected.Missing) {
					r.Wrong(strict.Place(n), "missing %q: use require, penalise or ignore", strict.Shortened(text))
				}
			}
		},
	})
}

// Values are the values of all parameters: those that are given, and the defaults of the others. A parameter that the suite does not
// have, a required one that is not given and a value that is not among the allowed ones are Invalid faults.
func (s Suite) Values(given map[string]string) (map[string]string, error) {
	out := map[string]string{}
	var names []string
	for _, p := range s.Params {
		names = append(names, p.Name)
		value, has := given[p.Name]
		switch {
		case !has && p.Required:
			return nil, fault.Invalidf("suite %s: parameter %s is required; write params: {%s: …}", s.Name, p.Name, p.Name)
		case !has:
			value = p.Default
		case len(p.Enum) > 0 && !slices.Contains(p.Enum, value):
			return nil, fault.Invalidf("suite %s: parameter %s cannot be %q; use %s", s.Name, p.Name, strict.Shortened(value),
				strings.Join(p.Enum, ", "))
		case len(value) > limits.SuiteTextBytes || !isPlain(value):
			return nil, fault.Invalidf("suite %s: parameter %s is one line of at most %d bytes", s.Name, p.Name, limits.SuiteTextBytes)
		}
		out[p.Name] = value
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if _, known := out[name]; !known {
			has := "it has none"
			if len(names) > 0 {
				has = "it has " + strings.Join(names, ", ")
			}
			return nil, fault.Invalidf("suite %s has no parameter %q; %s", s.Name, strict.Shortened(name), has)
		}
	}
	return out, nil
}

// Resolve returns the suite's workloads with the values of its parameters in them.
func (s Suite) Resolve(given map[string]string) ([]Workload, error) {
	values, err := s.Values(given)
	if err != nil {
		return nil, err
	}
	image := Fill(s.Image, values)
	if image != "" {
		if _, err := imageref.Parse(image); err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "suite %s: with these parameters its image is %q, which is not a reference", s.Name,
				strict.Shortened(image))
		}
	}
	var out []Workload
	for _, w := range s.Workloads {
		w.Image = image
		if s.Recipe != nil {
			w.Recipe = &Recipe{Containerfile: s.Recipe.Containerfile, Args: fillAll(s.Recipe.Args, values)}
		}
		w.Env = fillAll(w.Env, values)
		w.Cmd = slices.Clone(w.Cmd)
		for i := range w.Cmd {
			if w.Cmd[i] = Fill(w.Cmd[i], values); len(w.Cmd[i]) > limits.ArgBytes {
				return nil, fault.Invalidf("suite %s: a word of workload %s has more than %d bytes", s.Name, w.Name, limits.ArgBytes)
			}
		}
		out = append(out, w)
	}
	return out, nil
}

// ExpectedWith is what a complete result has with these values of parameters, which are all of them.
func (s Suite) ExpectedWith(values map[string]string) Expected {
	e := s.Expected
	for name, value := range e.When {
		if values[name] != value {
			e.Benchmarks = nil
		}
	}
	return e
}

func fillAll(texts, values map[string]string) map[string]string {
	if texts == nil {
		return nil
	}
	out := map[string]string{}
	for key, text := range texts {
		out[key] = Fill(text, values)
	}
	return out
}

// Fill puts values in the place of {{name}}. What a value contains is not looked at again. A name without a value stays as it is; files
// with such names are refused when they are read.
func Fill(text string, values map[string]string) string {
	var b strings.Builder
	for {
		before, rest, open := strings.Cut(text, "{{")
		name, after, closed := strings.Cut(rest, "}}")
		value, known := values[strings.TrimSpace(name)]
		b.WriteString(before)
		switch {
		case !open:
			return b.String()
		case closed && known:
			b.WriteString(value)
			text = after
		default:
			b.WriteString("{{")
			text = rest
		}
	}
}

// checkHoles finds braces that are no parameter. holes nil: the text has no parameters, and braces are braces.
func checkHoles(r *strict.Reader, n strict.Node, what, text string, holes []string) {
	if holes == nil {
		return
	}
	for rest := text; ; {
		_, after, open := strings.Cut(rest, "{{")
		if !open {
			return
		}
		name, following, closed := strings.Cut(after, "}}")
		if name = strings.TrimSpace(name); !closed || !slices.Contains(holes, name) {
			has := "it has none"
			if len(holes) > 0 {
				has = "it has " + strings.Join(holes, ", ")
			}
			r.Wrong(strict.Place(n), "%s: {{%s is no parameter of the suite; %s", what, strict.Shortened(name), has)
			return
		}
		rest = following
	}
}

// Completeness says what a result lacks.
type Completeness struct {
	Missing []string // expected and not there
	Extra   []string // there and not expected; they are kept
}

// Check compares the benchmarks of a result with those that are expected. One that failed is a missing cell; the others count.
func (e Expected) Check(found []string) (c Completeness) {
	if len(e.Benchmarks) == 0 {
		return c
	}
	for _, b := range e.Benchmarks {
		if !slices.Contains(found, b) {
			c.Missing = append(c.Missing, b)
		}
	}
	for _, b := range found {
		if !slices.Contains(e.Benchmarks, b) {
			c.Extra = append(c.Extra, b)
		}
	}
	return c
}

// String is a sentence about what is missing, "" if nothing is.
func (c Completeness) String() string {
	if len(c.Missing) == 0 {
		return ""
	}
	shown := c.Missing
	more := ""
	if len(shown) > 10 {
		shown, more = shown[:10], fmt.Sprintf(" and %d more", len(c.Missing)-10)
	}
	return fmt.Sprintf("%d of the expected benchmarks are missing: %s%s", len(c.Missing), strings.Join(shown, ", "), more)
}

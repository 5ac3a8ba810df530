package policy

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/strict"
)

// FileName is what a policy is called in a repository.
const FileName = "tacho.yaml"

const (
	nameRunes = 64 // of who is told
	nobody    = "none"
)

// Default is a policy that says what holds without one, for people to begin with.
const Default = `# How changes are judged. All rules that select a line apply, and of each setting the last one holds.
# Select with branch, testbed, benchmark and measure: patterns in which * is any text and ? any character.
rules:
  - strictness: normal  # high: fewer false alarms, and small steps are seen later
    severity: warn      # info: shown, nobody is told; fail: told, and a run with a worse line fails
    # test: without it exact for counted measures (bytes, instructions), change for all others;
    #   threshold or none: no change is looked for.
    # min_effect: without it each change that is shown to be one is listed, and people are told from 1% on;
    #   counts are judged from 1% on, instructions from 0.5% on.
    # notify: [names]  # who is told, instead of everybody who listens; none: nobody
`

// Mistakes is the error of a policy that cannot be read.
type Mistakes = strict.Mistakes

// Position is a place in a text, from 1.
type Position = strict.Position

var format = strict.Format{Name: "policy", File: FileName, Bytes: limits.PolicyBytes, TooLong: "select with patterns instead of names",
	Needs: 4,
	Examples: map[string]string{"a policy": "rules: and below it a list",
		"a rule": "benchmark: 'Parse*' and below it severity: fail"},
	Without: map[string]string{"tag": "benchmarks have no tags; select with a pattern of their names (benchmark)"}}

// Parse reads a policy that somebody wants to set. An error is Mistakes. A text without rules is the default policy.
func Parse(text []byte) (Policy, error) {
	p := reader{Reader: strict.New(text, format)}
	if body := p.Parse(); body != nil {
		p.Each(body, "a policy", strict.Keys{"rules": p.rules})
		if p.Mistakes() == 0 {
			p.contradictions()
			p.names()
		}
	}
	if err := p.Err(); err != nil {
		return Policy{}, err
	}
	return p.policy, nil
}

// Stored is a policy as another version of this program may have taken it.
type Stored struct {
	Policy           // what holds
	Ignored []Notice // what of the text does not, and why, at most 2 for each of ten mistakes; nil: all of it holds
	Default bool     // nothing of the text could be read: the default holds
}

// ParseStored reads a policy that somebody has set, however long ago: words come and go with versions, and what people decided goes on to
// hold as far as it is understood. A rule with a key that is not known, or that selects by what cannot be read, is left out: without
// that it would select more than was meant. Of a setting that cannot be read the rule says nothing. Of those who are told the first
// limits.PolicyNames are; a rule that names only others tells whoever listens. Rules beyond limits.PolicyRules are left out. Of rules that
// contradict each other the last one holds, as of all.
func ParseStored(text []byte) Stored {
	p := reader{Reader: strict.New(text, format), stored: true}
	body := p.Parse()
	if body != nil {
		p.Each(body, "a policy", strict.Keys{"rules": p.rules})
		p.names()
	}
	out := Stored{Policy: p.policy, Default: p.Mistakes() > 0 && len(p.policy.Rules) == 0}
	if found, wrong := errors.AsType[Mistakes](p.Err()); wrong {
		for _, m := range found {
			out.Ignored = append(out.Ignored, Notice{m.At, m.Text})
		}
		out.Ignored = append(out.Ignored, p.left[:min(len(p.left), len(found))]...)
		slices.SortStableFunc(out.Ignored, func(a, b Notice) int { return cmp.Compare(a.At.Line, b.At.Line) })
	}
	return out
}

// reader is a text while it is read.
type reader struct {
	*strict.Reader
	policy Policy
	stored bool     // it is read for what can be understood of it
	left   []Notice // of a stored text: what mistakes have left out
}

// leave notes what is left out of a stored text.
func (r *reader) leave(at Position, form string, args ...any) {
	r.left = append(r.left, Notice{at, fmt.Sprintf(form, args...)})
}

func (r *reader) rules(_ Position, n strict.Node) {
	if strict.IsNull(n) {
		return
	}
	if !strict.IsList(n) {
		r.Wrong(strict.Place(n), "rules is a list; begin each rule with -")
		return
	}
	values := r.List(n, "rules")
	if len(values) > limits.PolicyRules {
		r.Wrong(strict.Place(values[limits.PolicyRules]), "%d rules, more than %d; select with patterns instead of names", len(values),
			limits.PolicyRules)
		if !r.stored {
			return
		}
		r.leave(strict.Place(values[limits.PolicyRules]), "the rules from here on are left out")
		values = values[:limits.PolicyRules]
	}
	for _, v := range values {
		r.rule(v)
	}
}

// rule reads one rule.
func (r *reader) rule(n strict.Node) {
	before, inSettings := r.Mistakes(), 0
	rule := Rule{At: strict.Place(n)}
	where := map[string]Position{}
	setting := func(key string, read func(Position, strict.Node)) func(Position, strict.Node) {
		return func(at Position, n strict.Node) {
			before := r.Mistakes()
			where[key] = at
			read(at, n)
			inSettings += r.Mistakes() - before
		}
	}
	word := func(key string, known []string, take func(string)) func(Position, strict.Node) {
		return setting(key, func(_ Position, n strict.Node) {
			if text, ok := r.Scalar(n, key); ok {
				if !slices.Contains(known, text) {
					r.Wrong(strict.Place(n), "%s %q: use %s", key, strict.Shortened(text), strings.Join(known, ", "))
					return
				}
				take(text)
			}
		})
	}
	patterns := func(key string, to *[]Pattern) func(Position, strict.Node) {
		return func(_ Position, n strict.Node) {
			for _, v := range r.texts(n, key, limits.PolicyPatterns) {
				*to = append(*to, Pattern(v))
			}
		}
	}
	r.Each(n, "a rule", strict.Keys{
		"branch":    patterns("branch", &rule.Branch),
		"testbed":   patterns("testbed", &rule.Testbed),
		"benchmark": patterns("benchmark", &rule.Benchmark),
		"measure":   patterns("measure", &rule.Measure),
		"test":      word("test", tests, func(text string) { rule.Test = Test(text) }),
		"severity":  word("severity", severities, func(text string) { rule.Severity = Severity(text) }),
		"strictness": word("strictness", []string{"normal", "high"}, func(text string) {
			rule.Strictness = strictnesses[text]
		}),
		"min_effect": setting("min_effect", func(_ Position, n strict.Node) {
			if text, ok := r.Scalar(n, "min_effect"); ok {
				rule.MinEffect = r.share(strict.Place(n), text)
			}
		}),
		"notify": setting("notify", func(at Position, n strict.Node) { rule.Notify = r.told(at, n) }),
	})
	switch wrong := r.Mistakes() - before; {
	case wrong > 0 && !r.stored:
		return
	case wrong > inSettings:
		r.leave(rule.At, "this rule is left out")
		return
	case r.stored:
		r.understood(rule, where)
		return
	}
	switch {
	case len(where) == 0:
		r.Wrong(rule.At, "the rule selects lines and says nothing about them; add test, min_effect, strictness, severity or notify")
	case rule.Test == None || rule.Test == Threshold:
		for _, key := range []string{"min_effect", "strictness"} {
			if at, said := where[key]; said {
				r.Wrong(at, "%s contradicts test: %s, which looks for no change; remove one", key, rule.Test)
			}
		}
	case rule.Test == Exact && rule.Strictness != 0:
		r.Wrong(where["strictness"], "strictness contradicts test: exact, which has no false alarms to avoid; remove one")
	}
	r.policy.Rules = append(r.policy.Rules, rule)
}

// understood takes a rule of a stored text, all of whose selectors could be read.
func (r *reader) understood(rule Rule, where map[string]Position) {
	for key, lacks := range map[string]bool{"test": rule.Test == "", "min_effect": rule.MinEffect == nil, "strictness": rule.Strictness == 0,
		"severity": rule.Severity == ""} {
		if at, said := where[key]; said && lacks {
			r.leave(at, "this %s is left out", key)
		}
	}
	if rule.said() != 0 {
		r.policy.Rules = append(r.policy.Rules, rule)
	}
}

// told reads who is told. Of a stored text those are left out whose names cannot be read or that are too many; nil: no name is left of
// those that were meant.
func (r *reader) told(at Position, n strict.Node) *[]string {
	names, before := []string{}, r.Mistakes()
	for _, v := range r.texts(n, "notify", limits.PolicyNames) {
		switch {
		case utf8.RuneCountInString(v.Text) > nameRunes:
			r.Wrong(v.At, "notify %q: a name has at most %d characters", strict.Shortened(v.Text), nameRunes)
		case strings.ContainsFunc(v.Text, unicode.IsControl):
			r.Wrong(v.At, "notify: a name has no line breaks and no control characters")
		case v.Text != nobody:
			names = append(names, v.Text)
		case strict.IsList(n) && len(r.List(n, "notify")) > 1:
			r.Wrong(v.At, "notify has none beside names; remove one")
		}
	}
	slices.Sort(names) // in whatever order they are written, the same are told
	names = slices.Compact(names)
	if r.stored && r.Mistakes() > before {
		if len(names) == 0 {
			r.leave(at, "this notify is left out: whoever listens is told")
			return nil
		}
		r.leave(at, "of this notify only %s", strings.Join(names, ", "))
	}
	return &names
}

// texts are one value or a list of them.
func (r *reader) texts(n strict.Node, key string, most int) (out []Pattern) {
	values := []strict.Node{n}
	if strict.IsList(n) {
		values = r.List(n, key)
		if len(values) == 0 && key != "notify" {
			r.Wrong(strict.Place(n), "%s has an empty list; leave it out to select all", key)
		}
	}
	if len(values) > most {
		way := "use patterns"
		if key == "notify" {
			way = "name a group instead"
		}
		r.Wrong(strict.Place(values[most]), "%s has %d entries, more than %d; %s", key, len(values), most, way)
		if !r.stored {
			return nil
		}
		values = values[:most]
	}
	for _, v := range values {
		text, ok := r.Scalar(v, key)
		if !ok {
			continue
		}
		switch {
		case text == "":
			r.Wrong(strict.Place(v), "%s has an empty value", key)
		case len(text) > limits.BenchmarkNameBytes:
			r.Wrong(strict.Place(v), "%s has a pattern of %d bytes, more than %d", key, len(text), limits.BenchmarkNameBytes)
		default:
			out = append(out, Pattern{text, strict.Place(v)})
		}
	}
	return out
}

// share reads a percentage. A number alone may be a share or a percentage, so it is refused.
func (r *reader) share(at Position, text string) *float64 {
	number, percent := strings.CutSuffix(text, "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || !percent || !(v >= 0) || math.IsInf(v, 0) || v > 1e6 {
		if err == nil && !percent && v >= 0 && v <= 1e6 {
			r.Wrong(at, "min_effect %s: write it with its unit, as in %s%%", strict.Shortened(text),
				strings.TrimSpace(strict.Shortened(number)))
		} else {
			r.Wrong(at, "min_effect %q: write a percentage of 0 or more, as in 2%%", strict.Shortened(text))
		}
		return nil
	}
	v /= 100
	return &v
}

// contradictions finds rules of one selector that say different things.
func (r *reader) contradictions() {
	earlier := map[string][]int{}
	for i := range r.policy.Rules {
		rule := &r.policy.Rules[i]
		key := rule.key()
		for _, j := range earlier[key] {
			if said := rule.against(&r.policy.Rules[j]); said != "" {
				r.Wrong(rule.At, "this rule selects the same lines as that of line %d and says another %s; make one of them",
					r.policy.Rules[j].At.Line, said)
				break
			}
		}
		earlier[key] = append(earlier[key], i)
	}
}

// names refuses more names of who is told than a notice can carry.
func (r *reader) names() {
	told, said := map[string]bool{}, false
	for i := range r.policy.Rules {
		rule := &r.policy.Rules[i]
		if rule.Notify == nil {
			continue
		}
		var kept, over []string
		for _, name := range *rule.Notify {
			if !told[name] && len(told) == limits.PolicyNames {
				over = append(over, name)
				continue
			}
			told[name], kept = true, append(kept, name)
		}
		if len(over) == 0 {
			continue
		}
		if !said {
			said = true
			r.Wrong(rule.At, "notify: with this rule the policy names more than %d; name a group instead", limits.PolicyNames)
		}
		if !r.stored {
			return
		}
		r.leave(rule.At, "notify of this rule: not told are %s", strings.Join(over, ", "))
		if rule.Notify = &kept; len(kept) == 0 {
			rule.Notify = nil
		}
	}
}

// key is the same for selectors that are the same but for order.
func (s *Selector) key() string {
	var b strings.Builder
	for _, d := range s.dimensions() {
		var texts []string
		for _, p := range d.patterns {
			texts = append(texts, strconv.Quote(p.Text))
		}
		slices.Sort(texts)
		b.WriteString(d.key + strings.Join(slices.Compact(texts), ",") + ";")
	}
	return b.String()
}

// against names a setting that both rules say, each another one; "" for none.
func (r *Rule) against(o *Rule) string {
	switch {
	case r.Test != "" && o.Test != "" && r.Test != o.Test:
		return "test"
	case r.MinEffect != nil && o.MinEffect != nil && *r.MinEffect != *o.MinEffect:
		return "min_effect"
	case r.Strictness != 0 && o.Strictness != 0 && r.Strictness != o.Strictness:
		return "strictness"
	case r.Severity != "" && o.Severity != "" && r.Severity != o.Severity:
		return "severity"
	case r.Notify != nil && o.Notify != nil && !slices.Equal(*r.Notify, *o.Notify):
		return "notify"
	}
	return ""
}

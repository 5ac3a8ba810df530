package policy

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/tachograph/tacho/internal/core/limits"
)

// FileName is what a policy is called in a repository.
const FileName = "tacho.yaml"

const (
	deepest      = 12 // nested lists and maps
	mistakesTold = 10
	nameRunes    = 64 // of who is told
)

// Default is a policy that says what holds without one, for people to begin with.
const Default = `# How changes are judged. All rules that select a line apply, and of each setting the last one holds.
# Select with branch, testbed, benchmark, tag and measure: patterns in which * is any text and ? any character.
rules:
  - strictness: normal  # high: fewer false alarms, and small steps are seen later
    severity: warn      # info: shown, nobody is told; fail: what gates on events fails
    # test: without it exact for counted measures (bytes, instructions), change for all others;
    #   threshold or none: no change is looked for.
    # min_effect: without it each change that is shown to be one is listed, and people are told from 1% on;
    #   counts are judged from 1% on, instructions from 0.5% on.
    # notify: [names]  # who is told
`

// Parse reads a policy. An error is Mistakes. A text without rules is the default policy.
func Parse(text []byte) (Policy, error) {
	p := reader{source: strings.TrimPrefix(string(text), "\ufeff")} // which some editors put before it
	p.read()
	if len(p.mistakes) > 0 {
		slices.SortStableFunc(p.mistakes, func(a, b Mistake) int {
			return cmp.Or(cmp.Compare(a.At.Line, b.At.Line), cmp.Compare(a.At.Column, b.At.Column))
		})
		return Policy{}, Mistakes(p.mistakes[:min(len(p.mistakes), mistakesTold)])
	}
	return p.policy, nil
}

// reader is a text while it is read.
type reader struct {
	source   string
	policy   Policy
	mistakes []Mistake
}

func (r *reader) wrong(at Position, format string, args ...any) {
	if len(r.mistakes) >= limits.PolicyRules {
		return // what is told is there
	}
	lines := strings.Split(r.source, "\n")
	at.Line = min(max(at.Line, 1), len(lines))
	text := strings.TrimSuffix(lines[at.Line-1], "\r")
	at.Column = min(max(at.Column, 1), utf8.RuneCountInString(text)+1)
	r.mistakes = append(r.mistakes, Mistake{At: at, Text: fmt.Sprintf(format, args...), Source: text})
}

func (r *reader) read() {
	if len(r.source) > limits.PolicyBytes {
		r.wrong(Position{}, "the policy has %d bytes, more than %d; select with patterns instead of names", len(r.source), limits.PolicyBytes)
		return
	}
	if at := strings.IndexFunc(r.source, foreign); at >= 0 {
		line := 1 + strings.Count(r.source[:at], "\n")
		column := 1 + utf8.RuneCountInString(r.source[strings.LastIndexByte(r.source[:at], '\n')+1:at])
		r.wrong(Position{line, column}, "not a text in UTF-8, or it has a control character here")
		return
	}
	if at, deep := tooDeep(r.source); deep {
		r.wrong(at, "lists and maps are nested more than %d deep; a policy needs 4", deepest)
		return
	}
	file, err := parser.ParseBytes([]byte(r.source), 0)
	if err != nil {
		at, text := Position{1, 1}, err.Error()
		if known, ok := errors.AsType[yaml.Error](err); ok {
			text = known.GetMessage()
			if t := known.GetToken(); t != nil {
				at = positionOf(t)
			}
		}
		r.wrong(at, "not YAML: %s", text)
		return
	}
	var body ast.Node
	for _, d := range file.Docs {
		if d.Body == nil {
			continue
		}
		if body != nil {
			r.wrong(place(d.Body), "a second document; a policy is one")
			return
		}
		body = d.Body
	}
	if body == nil || body.Type() == ast.NullType || body.Type() == ast.CommentGroupType {
		return
	}
	r.each(body, "a policy", map[string]func(Position, ast.Node){"rules": r.rules})
	if len(r.mistakes) == 0 {
		r.contradictions()
	}
}

// foreign says whether a character is none of a policy's text.
func foreign(c rune) bool {
	return c == utf8.RuneError || c < ' ' && c != '\n' && c != '\r' && c != '\t'
}

// tooDeep looks at brackets and list marks before anything recurses into them.
func tooDeep(source string) (Position, bool) {
	depth, line, marks := 0, 0, 0
	for _, t := range lexer.Tokenize(source) {
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		case token.SequenceEntryType, token.MappingKeyType:
			if t.Position.Line != line {
				line, marks = t.Position.Line, 0
			}
			marks++
		}
		if depth+marks > deepest || t.Position.IndentNum > 8*deepest {
			return positionOf(t), true
		}
		if t.Type != token.SequenceEntryType && t.Type != token.MappingKeyType && t.Position.Line != line {
			marks = 0
		}
	}
	return Position{}, false
}

func positionOf(t *token.Token) Position { return Position{t.Position.Line, t.Position.Column} }

// place is where a node begins: a map at its first key.
func place(n ast.Node) Position {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		return positionOf(m.Values[0].Key.GetToken())
	}
	if m, ok := n.(*ast.MappingValueNode); ok {
		return positionOf(m.Key.GetToken())
	}
	return positionOf(n.GetToken())
}

// each calls for each key of a map what reads its value.
func (r *reader) each(n ast.Node, what string, known map[string]func(Position, ast.Node)) {
	var values []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		values = m.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{m}
	default:
		r.wrong(place(n), "%s is a map; write %s", what, example[what])
		return
	}
	met := map[string]bool{}
	for _, v := range values {
		at := positionOf(v.Key.GetToken())
		key := v.Key.GetToken().Value
		if _, plain := v.Key.(*ast.StringNode); !plain {
			r.wrong(at, "%.40q is not a key of %s; known are %s", key, what, list(known))
			continue
		}
		read, ok := known[key]
		switch {
		case met[key]:
			r.wrong(at, "%s is here for the second time; remove one", key)
		case ok:
			met[key] = true
			read(at, v.Value)
		default:
			if near := nearest(key, known); near != "" {
				r.wrong(at, "unknown key %q; did you mean %s?", shortened(key), near)
			} else {
				r.wrong(at, "unknown key %q; %s knows %s", shortened(key), what, list(known))
			}
		}
	}
}

var example = map[string]string{"a policy": "rules: and below it a list", "a rule": "benchmark: 'Parse*' and below it severity: fail"}

func list(known map[string]func(Position, ast.Node)) string {
	keys := make([]string, 0, len(known))
	for k := range known {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return strings.Join(keys, ", ")
}

func shortened(text string) string {
	if utf8.RuneCountInString(text) > 40 {
		return string([]rune(text)[:40]) + "…"
	}
	return text
}

func (r *reader) rules(_ Position, n ast.Node) {
	if n.Type() == ast.NullType {
		return
	}
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		r.wrong(place(n), "rules is a list; begin each rule with -")
		return
	}
	if len(s.Values) > limits.PolicyRules {
		r.wrong(place(s.Values[limits.PolicyRules]), "%d rules, more than %d; select with patterns instead of names", len(s.Values),
			limits.PolicyRules)
		return
	}
	for _, v := range s.Values {
		r.rule(v)
	}
}

// rule reads one rule.
func (r *reader) rule(n ast.Node) {
	before := len(r.mistakes)
	rule := Rule{At: place(n)}
	where := map[string]Position{}
	setting := func(key string, read func(Position, ast.Node)) func(Position, ast.Node) {
		return func(at Position, n ast.Node) {
			where[key] = at
			read(at, n)
		}
	}
	word := func(key string, known []string, take func(string)) func(Position, ast.Node) {
		return setting(key, func(_ Position, n ast.Node) {
			if text, ok := r.scalar(n, key); ok {
				if !slices.Contains(known, text) {
					r.wrong(place(n), "%s %q: use %s", key, shortened(text), strings.Join(known, ", "))
					return
				}
				take(text)
			}
		})
	}
	patterns := func(key string, to *[]Pattern) func(Position, ast.Node) {
		return func(_ Position, n ast.Node) {
			for _, v := range r.texts(n, key, limits.PolicyPatterns) {
				*to = append(*to, Pattern(v))
			}
		}
	}
	r.each(n, "a rule", map[string]func(Position, ast.Node){
		"branch":    patterns("branch", &rule.Branch),
		"testbed":   patterns("testbed", &rule.Testbed),
		"benchmark": patterns("benchmark", &rule.Benchmark),
		"tag":       patterns("tag", &rule.Tag),
		"measure":   patterns("measure", &rule.Measure),
		"test":      word("test", tests, func(text string) { rule.Test = Test(text) }),
		"severity":  word("severity", severities, func(text string) { rule.Severity = Severity(text) }),
		"strictness": word("strictness", []string{"normal", "high"}, func(text string) {
			rule.Strictness = strictnesses[text]
		}),
		"min_effect": setting("min_effect", func(_ Position, n ast.Node) {
			if text, ok := r.scalar(n, "min_effect"); ok {
				rule.MinEffect = r.share(place(n), text)
			}
		}),
		"notify": setting("notify", func(_ Position, n ast.Node) {
			names := []string{}
			for _, v := range r.texts(n, "notify", limits.PolicyPatterns) {
				if utf8.RuneCountInString(v.Text) > nameRunes {
					r.wrong(v.At, "notify %q: a name has at most %d characters", shortened(v.Text), nameRunes)
				}
				names = append(names, v.Text)
			}
			rule.Notify = &names
		}),
	})
	if len(r.mistakes) > before {
		return
	}
	switch {
	case len(where) == 0:
		r.wrong(rule.At, "the rule selects lines and says nothing about them; add test, min_effect, strictness, severity or notify")
	case rule.Test == None || rule.Test == Threshold:
		for _, key := range []string{"min_effect", "strictness"} {
			if at, said := where[key]; said {
				r.wrong(at, "%s contradicts test: %s, which looks for no change; remove one", key, rule.Test)
			}
		}
	case rule.Test == Exact && rule.Strictness != 0:
		r.wrong(where["strictness"], "strictness contradicts test: exact, which has no false alarms to avoid; remove one")
	}
	r.policy.Rules = append(r.policy.Rules, rule)
}

// scalar is the text of a value that is neither a list nor a map.
func (r *reader) scalar(n ast.Node, key string) (string, bool) {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	case *ast.NullNode:
		r.wrong(place(n), "%s has no value", key)
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		r.wrong(place(n), "%s: anchors, aliases and tags of YAML are not read; write the value", key)
	default:
		r.wrong(place(n), "%s is one value, not a list or a map", key)
	}
	return "", false
}

// texts are one value or a list of them.
func (r *reader) texts(n ast.Node, key string, most int) (out []Pattern) {
	values := []ast.Node{n}
	if s, ok := n.(*ast.SequenceNode); ok {
		values = s.Values
		if len(values) == 0 && key != "notify" {
			r.wrong(place(n), "%s has an empty list; leave it out to select all", key)
		}
	}
	if len(values) > most {
		r.wrong(place(values[most]), "%s has %d entries, more than %d; use patterns", key, len(values), most)
		return nil
	}
	for _, v := range values {
		text, ok := r.scalar(v, key)
		if !ok {
			continue
		}
		switch {
		case text == "":
			r.wrong(place(v), "%s has an empty value", key)
		case len(text) > limits.BenchmarkNameBytes:
			r.wrong(place(v), "%s has a pattern of %d bytes, more than %d", key, len(text), limits.BenchmarkNameBytes)
		default:
			out = append(out, Pattern{text, place(v)})
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
			r.wrong(at, "min_effect %s: write it with its unit, as in %s%%", shortened(text), strings.TrimSpace(shortened(text)))
		} else {
			r.wrong(at, "min_effect %q: write a percentage of 0 or more, as in 2%%", shortened(text))
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
				r.wrong(rule.At, "this rule selects the same lines as that of line %d and says another %s; make one of them",
					r.policy.Rules[j].At.Line, said)
				break
			}
		}
		earlier[key] = append(earlier[key], i)
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

package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tachograph/tacho/internal/core/strict"
)

// Notice is something about a rule that is allowed and probably not meant.
type Notice struct {
	At   Position
	Text string
}

// Unreached says which rules decide nothing for any line, because each of their settings is said again by later rules that select at least
// the same lines.
func (p Policy) Unreached() []Notice {
	var out []Notice
	for i := range p.Rules {
		r := &p.Rules[i]
		left := r.said()
		var by []string
		for j := i + 1; j < len(p.Rules) && left != 0; j++ {
			later := &p.Rules[j]
			if left&later.said() != 0 && later.covers(&r.Selector) {
				left &^= later.said()
				by = append(by, fmt.Sprint(later.At.Line))
			}
		}
		if left == 0 {
			out = append(out, Notice{r.At, fmt.Sprintf("this rule decides nothing: the later rule of line %s says the same settings for "+
				"all of its lines; remove it, or put it after the later one", strings.Join(by, " and that of line "))})
		}
	}
	return out
}

// Concern says whether two policies may judge a line of this branch and testbed differently. Rules that both begin or end with are the
// same for all lines; a line that no rule between selects has the same rules in the same order in both.
func Concern(a, b Policy, branch, testbed Named) bool {
	from := 0
	for from < len(a.Rules) && from < len(b.Rules) && a.Rules[from].same(&b.Rules[from]) {
		from++
	}
	n, m := len(a.Rules), len(b.Rules)
	for n > from && m > from && a.Rules[n-1].same(&b.Rules[m-1]) {
		n, m = n-1, m-1
	}
	return slices.ContainsFunc(slices.Concat(a.Rules[from:n], b.Rules[from:m]), func(r Rule) bool {
		return selects(r.Branch, branch) && selects(r.Testbed, testbed)
	})
}

// same says whether two rules select the same and say the same.
func (r *Rule) same(o *Rule) bool {
	return r.said() == o.said() && r.against(o) == "" && r.key() == o.key()
}

// said are the settings that a rule says, a bit for each.
func (r *Rule) said() (bits int) {
	for i, is := range []bool{r.Test != "", r.MinEffect != nil, r.Strictness != 0, r.Severity != "", r.Notify != nil} {
		if is {
			bits |= 1 << i
		}
	}
	return bits
}

// Unmatched says which patterns match nothing of lines, and which rules select none of them though each of their patterns matches
// something.
//
// A policy may have thousands of patterns and a project hundreds of thousands of lines: each pattern is held against the names that there
// are, each once, and after NoticesAtMost notices the rest is not looked at.
func (p Policy) Unmatched(lines []Line) []Notice {
	var out []Notice
	var names [4][]Named
	for i, d := range (&Selector{}).dimensions() {
		seen := map[Named]bool{}
		for _, l := range lines {
			if n := d.of(l); !seen[n] {
				seen[n] = true
				names[i] = append(names[i], n)
			}
		}
	}
	for i := range p.Rules {
		if len(out) >= NoticesAtMost {
			return out[:NoticesAtMost]
		}
		r := &p.Rules[i]
		if slices.ContainsFunc(lines, func(l Line) bool { return r.Selects(l) }) && !r.hasSeveral() {
			continue
		}
		before, named := len(out), []string{}
		for k, d := range r.dimensions() {
			for _, pattern := range d.patterns {
				if !slices.ContainsFunc(names[k], pattern.names) {
					out = append(out, Notice{pattern.At, unmatched(d.key, pattern, names[k])})
				}
				if len(out) >= NoticesAtMost {
					return out
				}
			}
			if len(d.patterns) > 0 {
				named = append(named, d.key)
			}
		}
		if before < len(out) || slices.ContainsFunc(lines, func(l Line) bool { return r.Selects(l) }) {
			continue
		}
		if len(named) == 0 {
			out = append(out, Notice{r.At, "this rule selects nothing: there are no lines"})
			continue
		}
		out = append(out, Notice{r.At, "this rule selects nothing: no line matches its " + strings.Join(named, " and ") + " together"})
	}
	return out
}

// hasSeveral says whether a dimension has several patterns, of which some may match nothing though the rule selects lines.
func (s *Selector) hasSeveral() bool {
	return max(len(s.Branch), len(s.Testbed), len(s.Benchmark), len(s.Measure)) > 1
}

// NoticesAtMost bounds what Unmatched says: who has so many patterns without use begins with these.
const NoticesAtMost = 20

func unmatched(key string, p Pattern, names []Named) string {
	text := fmt.Sprintf("%s %q matches nothing", key, strict.Shortened(p.Text))
	folded := Pattern{Text: strings.ToLower(p.Text)}
	for _, n := range names {
		if folded.Matches(strings.ToLower(n.Name)) {
			return text + fmt.Sprintf("; upper and lower case count, and there is %q", strict.Shortened(n.Name))
		}
	}
	wider := Pattern{Text: "*" + p.Text + "*"}
	for _, n := range names {
		if wider.Matches(n.Name) {
			return text + fmt.Sprintf("; a pattern is for the whole name, and there is %q", strict.Shortened(n.Name))
		}
	}
	return text
}

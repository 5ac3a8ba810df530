package policy

import (
	"slices"

	"github.com/tachograph/tacho/internal/core/change"
	"github.com/tachograph/tacho/internal/core/exact"
)

// Test is how changes of a line are found.
type Test string

// The tests.
const (
	Change    Test = "change"    // change points (package change): for what has noise
	Exact     Test = "exact"     // steps and creep (package exact): for what is counted
	Threshold Test = "threshold" // only the thresholds of the project judge it; no change is looked for
	None      Test = "none"      // no change is looked for
)

// Severity is how much an event matters.
type Severity string

// The severities, the least first.
const (
	Info Severity = "info" // shown; nobody is told, and no exit code depends on it
	Warn Severity = "warn" // told
	Fail Severity = "fail" // told, and a run of which a line is worse fails, asked to or not
)

var (
	tests        = []string{string(Change), string(Exact), string(Threshold), string(None)}
	severities   = []string{string(Info), string(Warn), string(Fail)}
	strictnesses = map[string]change.Strictness{"normal": change.Normal, "high": change.High}
)

// Worst returns the severer of two severities; "" is less than any.
func Worst(a, b Severity) Severity {
	if slices.Index(severities, string(a)) >= slices.Index(severities, string(b)) {
		return a
	}
	return b
}

// ToldFrom is the size of a change, as a share of the level before it, from which on people are told of it where no rule says another one.
// Smaller changes of a noisy line are true more often than they matter.
const ToldFrom = 0.01

// Pattern selects names: * is any text, ? is any character.
type Pattern struct {
	Text string
	At   Position
}

// Selector chooses lines. A dimension without patterns selects all; several patterns select what any of them matches.
type Selector struct{ Branch, Testbed, Benchmark, Measure []Pattern }

// Rule is a rule as it was written. Settings that it does not say are nil or "".
type Rule struct {
	Selector
	Test       Test
	MinEffect  *float64 // share of the level before
	Strictness change.Strictness
	Severity   Severity
	Notify     *[]string // empty: nobody
	At         Position
}

// Policy is a list of rules in the order of their text. The zero value is the default.
type Policy struct{ Rules []Rule }

// Named is something with a name and a slug; patterns match either.
type Named struct{ Name, Slug string }

// Line is a line as rules see it.
type Line struct {
	Branch, Testbed, Benchmark, Measure Named
	Units                               string // of the measure
	Exact                               bool   // the measure is counted
}

// Setting is how a line is judged.
type Setting struct {
	Test       Test
	MinEffect  float64 // smallest change that makes an event, as a share of the level before it; 0: any that is shown to be one
	ToldFrom   float64 // smallest change that people are told of
	Strictness change.Strictness
	Severity   Severity
	Notify     []string // names of who is told; nil: everybody who listens; empty: nobody
}

// Resolve says how a line is judged. It has all of its fields.
func (p Policy) Resolve(l Line) Setting {
	s := Setting{Severity: Warn, Strictness: change.Normal}
	var least *float64
	for i := range p.Rules {
		r := &p.Rules[i]
		if !r.Selects(l) {
			continue
		}
		if r.Test != "" {
			s.Test = r.Test
		}
		if r.MinEffect != nil {
			least = r.MinEffect
		}
		if r.Strictness != 0 {
			s.Strictness = r.Strictness
		}
		if r.Severity != "" {
			s.Severity = r.Severity
		}
		if r.Notify != nil {
			s.Notify = *r.Notify
		}
	}
	if s.Test == "" {
		s.Test = Change
		if l.Exact {
			s.Test = Exact
		}
	}
	switch {
	case least != nil:
		s.MinEffect, s.ToldFrom = *least, *least
	case s.Test == Exact:
		s.MinEffect = exact.CountEffect
		if l.Units == "instructions" {
			s.MinEffect = exact.InstructionEffect
		}
		s.ToldFrom = s.MinEffect
	default:
		s.ToldFrom = ToldFrom
	}
	return s
}

// Params are those of change.Detect and change.New.
func (s Setting) Params() change.Params {
	return change.Params{MinEffect: s.MinEffect, Strictness: s.Strictness}
}

// silent says whether nobody is told of the line.
func (s Setting) silent() bool { return s.Severity == Info || s.Notify != nil && len(s.Notify) == 0 }

// Tells says whether people are told of a settled change with this effect, a share of the level before it; nil: it has no ratio.
func (s Setting) Tells(effect *float64) bool {
	return !s.silent() && (effect == nil || *effect >= s.ToldFrom || *effect <= -s.ToldFrom)
}

// Equal says whether two settings judge alike.
func (s Setting) Equal(o Setting) bool {
	return s.Test == o.Test && s.MinEffect == o.MinEffect && s.ToldFrom == o.ToldFrom && s.Strictness == o.Strictness &&
		s.Severity == o.Severity && (s.Notify == nil) == (o.Notify == nil) && slices.Equal(s.Notify, o.Notify)
}

// Selects says whether a selector selects a line.
func (s *Selector) Selects(l Line) bool {
	return selects(s.Branch, l.Branch) && selects(s.Testbed, l.Testbed) && selects(s.Benchmark, l.Benchmark) &&
		selects(s.Measure, l.Measure)
}

func selects(patterns []Pattern, n Named) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p Pattern) bool { return p.names(n) })
}

func (p Pattern) names(n Named) bool { return p.Matches(n.Name) || p.Matches(n.Slug) }

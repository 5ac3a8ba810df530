package show

import (
	"fmt"
	"math"
	"strings"

	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/unit"
)

// Test is what a verdict rests on: the p-value and the number of units a side.
func Test(c judge.Comparison) string {
	switch {
	case c.Exact:
		return "exact"
	case math.IsNaN(c.P):
		return Counted(c.Units)
	}
	return probability(c.P) + " " + Counted(c.Units)
}

// Claim is what is claimed of a change, and nothing but "~" where that is nothing.
func Claim(c judge.Comparison, units string) string {
	switch {
	case c.Verdict == judge.Same && c.Why == judge.WhyBelow:
		return "same (" + Percent(c.Ratio) + ")"
	case c.Verdict == judge.Same:
		return "same"
	case c.Verdict == judge.Verdict(judge.Suspicious) && !math.IsNaN(c.Ratio):
		return "suspicious " + Percent(c.Ratio)
	case c.Verdict == judge.Verdict(judge.Suspicious), c.Verdict == judge.Verdict(judge.Learning):
		return string(c.Verdict)
	case !c.Verdict.Changed():
		return "~"
	case !math.IsNaN(c.Ratio) && c.Exact:
		return Percent(c.Ratio)
	case !math.IsNaN(c.Ratio):
		return fmt.Sprintf("%s [%s, %s]", Percent(c.Ratio), Percent(c.Lower), Percent(c.Upper))
	case c.Exact && c.Old == 0:
		return "new, was 0"
	}
	sign := "+"
	if c.Difference < 0 {
		sign = ""
	}
	return sign + unit.Format(c.Difference, units)
}

// Percent is a ratio as a change: 1.031 is "+3.1%".
func Percent(ratio float64) string {
	value := (ratio - 1) * 100
	switch size := math.Abs(value); {
	case size >= 99.95:
		return fmt.Sprintf("%+.0f%%", value)
	case size >= 0.95 || size < 0.005:
		return fmt.Sprintf("%+.1f%%", value)
	}
	return fmt.Sprintf("%+.2f%%", value)
}

func probability(p float64) string {
	if p < 0.001 {
		return "p<0.001"
	}
	return fmt.Sprintf("p=%.3f", p)
}

// Counted is how many units there are a side: "n=10", "n=10+9".
func Counted(n [2]int) string {
	if n[0] == n[1] {
		return fmt.Sprintf("n=%d", n[0])
	}
	return fmt.Sprintf("n=%d+%d", n[0], n[1])
}

// Colour is that of a verdict: of a claim only.
func Colour(verdict judge.Verdict) term.Colour {
	switch verdict {
	case judge.Worse:
		return term.Bad
	case judge.Better:
		return term.Good
	case judge.Different, judge.Verdict(judge.Suspicious):
		return term.Note
	}
	return term.Plain
}

// Number is a number that JSON can hold, or nil.
func Number(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// Numbers is an interval that JSON can hold, or nil.
func Numbers(lower, upper float64) *[2]float64 {
	if Number(lower) == nil || Number(upper) == nil {
		return nil
	}
	return &[2]float64{lower, upper}
}

// Some names the first few.
func Some(names []string) string {
	const shown = 3
	if len(names) == 0 {
		return "none"
	}
	text := strings.Join(names[:min(shown, len(names))], ", ")
	if more := len(names) - shown; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

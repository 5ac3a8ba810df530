package judge

import (
	"fmt"
	"math"
)

// Because says in words why a comparison is undecided, or "same" although it differs; empty where the verdict speaks for itself. The policy
// is the one that it was judged by.
func (c Comparison) Because(policy Policy) string {
	policy = policy.withDefaults()
	switch c.Why {
	case WhyNoData:
		return "no data on one side"
	case WhyOneUnit:
		return fmt.Sprintf("%s a side: needs 2, better 5", c.count(min(c.Units[0], c.Units[1])))
	case WhyNoVariance:
		return "no variance seen: more runs"
	case WhyModes:
		return c.slow()
	case WhyBelow:
		return fmt.Sprintf("differs by %s, below the limit", Percent(math.Abs(c.Ratio-1)))
	case WhyTooFew:
		text := fmt.Sprintf("%s could see %s", c.count(min(c.Units[0], c.Units[1])), c.Visible())
		if c.Between > 0 {
			text += fmt.Sprintf("; two processes differ by %s more than iterations explain", Percent(math.Expm1(c.Between)))
		}
		if c.Needed > 0 {
			text += fmt.Sprintf("; %d would see %s", c.Needed, Percent(policy.Effect))
		}
		return text
	case WhyLearning:
		return fmt.Sprintf("learning: %s of the base since its last change, needs %d", c.count(c.Units[0]), historyLeast)
	case WhyOutside:
		return fmt.Sprintf("not what %s of the base let expect: measure again, on another day or host", c.count(c.Units[0]))
	case WhyInside:
		return fmt.Sprintf("as %s of the base let expect; could see %s", c.count(c.Units[0]), c.Visible())
	}
	return ""
}

// slow says how the share of the slow mode moved.
func (c Comparison) slow() string {
	if c.Modes == nil {
		return ""
	}
	share := func(i int) string { return Percent(float64(c.Modes.Slow[i]) / float64(max(1, c.Units[i]))) }
	return fmt.Sprintf("slow mode in %s → %s of %s", share(0), share(1), plural(c.Level))
}

// Visible is the detectable change as text: "2.4 %", or "≥ 2.4 %" below five units a side; empty where it is not known.
func (c Comparison) Visible() string {
	switch {
	case math.IsNaN(c.Detectable):
		return ""
	case c.AtLeast:
		return "≥ " + Percent(c.Detectable)
	}
	return Percent(c.Detectable)
}

func (c Comparison) count(n int) string {
	if n == 1 {
		return fmt.Sprintf("1 %s", c.Level)
	}
	return fmt.Sprintf("%d %s", n, plural(c.Level))
}

func plural(l Level) string {
	switch l {
	case ByProcess:
		return "processes"
	case ByReport:
		return "reports"
	case ByHost:
		return "hosts"
	}
	return "iterations"
}

// Percent writes a part as a percentage with two significant digits: 0.024 is "2.4 %".
func Percent(part float64) string {
	value := part * 100
	switch size := math.Abs(value); {
	case size >= 9.95 || size == 0:
		return fmt.Sprintf("%.0f %%", value)
	case size >= 0.995:
		return fmt.Sprintf("%.1f %%", value)
	case size >= 0.0995:
		return fmt.Sprintf("%.2f %%", value)
	}
	return fmt.Sprintf("%.1g %%", value)
}

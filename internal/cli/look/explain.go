package look

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/show"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/unit"
)

// Explain is `tacho explain`.
func Explain(env *cli.Env) *cobra.Command {
	return cli.One[api.Event]{
		Use: "explain PROJECT EVENT", Short: "Say why an event is one: the figures behind each of its changes",
		Long: "Says why an event is one: for each line that changed its levels, how many values tell them, the noise, how likely such a\n" +
			"change is by chance, where it lies, and how small a change would have been found. docs/statistics.md has the formulas. --json\n" +
			"prints the same as data.",
		Example: "  tacho explain app 01960000-0000-7000-8000-000000000001\n  tacho explain --json app 01960000-0000-7000-8000-000000000001",
		Args:    cobra.ExactArgs(2),
		Ask: func(ctx context.Context, srv *cli.Session, args []string) (api.Event, error) {
			return srv.Event(ctx, args[0], args[1])
		},
		Print: func(_ *cli.Session, _ []string, e api.Event) error {
			out := env.Out()
			fmt.Fprintf(out.W, "%s\n", term.Clean(fmt.Sprintf("event %s on %s, branch %s: %s; %s", e.UUID, e.Testbed.Name, e.Branch.Name,
				stateText(e), eventSentence(e))))
			fmt.Fprintf(out.W, "%s\n", kindReason(e))
			for _, c := range e.Changes {
				fmt.Fprintf(out.W, "\n%s\n", out.Paint(term.Title, term.Clean(c.Benchmark.Name+" "+c.Measure.Name)))
				for _, line := range reasons(c) {
					fmt.Fprintf(out.W, "  %s\n", term.Clean(line))
				}
			}
			if left := e.Total - len(e.Changes); left > 0 {
				fmt.Fprintf(out.W, "\nand %s more\n", cli.Counted(left, "change", "changes"))
			}
			return nil
		},
	}.Command(env)
}

// kindReason says what is blamed, and why.
func kindReason(e api.Event) string {
	switch e.Kind {
	case api.MachineEvent:
		return "most lines of this testbed moved at one time, so the machine is the cause and no commit"
	case api.ThresholdEvent:
		return "values are outside of the limits of a threshold, and no change of level explains them"
	}
	return "it came with version " + interval(e)
}

// reasons are the figures behind a change, a sentence each.
func reasons(c api.EventChange) []string {
	before, after := unit.Format(c.Before, c.Units), unit.Format(c.After, c.Units)
	if c.Exact {
		return []string{
			fmt.Sprintf("%s → %s, %s: the values are counted, so they are equal or they are not, and chance has no part in it", before, after,
				effectText(c)),
			fmt.Sprintf("first seen at version %d", c.Number),
		}
	}
	out := []string{
		fmt.Sprintf("before: %s by %s, after: %s by %s", before, cli.Counted(c.NBefore, "value", "values"), after,
			cli.Counted(c.NAfter, "value", "values")),
		"change: " + effectText(c) + " with its 95% interval; " + direction(c.Direction),
	}
	ratio := func(v float64) string { return strings.TrimPrefix(show.Percent(1+v), "+") }
	if c.Scale == "raw" {
		ratio = func(v float64) string { return unit.Format(v, c.Units) }
	}
	if c.Noise != nil {
		out = append(out, fmt.Sprintf("noise: one value is off by %s (one standard deviation)", ratio(*c.Noise)))
	}
	out = append(out, fmt.Sprintf("certainty: t = %s, and chance makes a change like this somewhere in such a line with %s",
		strconv.FormatFloat(c.T, 'g', 3, 64), chance(c.P)))
	if c.First == c.Last {
		out = append(out, fmt.Sprintf("place: version %d", c.First))
	} else {
		out = append(out, fmt.Sprintf("place: version %d is likeliest, %d to %d are possible", c.Number, c.First, c.Last))
	}
	if c.Detectable == nil {
		out = append(out, "could have seen: too few values have the new level to say how small a next change would be found")
	} else {
		out = append(out, fmt.Sprintf("could have seen: a lasting change of %s from here on, in four of five cases", ratio(*c.Detectable)))
	}
	if note := changeNote(c); note != "" {
		out = append(out, "but: "+note)
	}
	return out
}

// chance is a p-value. Below what floating point tells from 1 only a bound is known.
func chance(p float64) string {
	if p < 1e-15 {
		return "p < 1e-15"
	}
	return "p = " + strconv.FormatFloat(p, 'g', 2, 64)
}

func direction(d string) string {
	if d == "unknown" {
		return "whether that is better depends, the measure has no direction"
	}
	return "that is " + d
}

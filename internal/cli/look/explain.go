package look

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/show"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/unit"
)

// Explain is `tacho explain`.
func Explain(env *cli.Env) *cobra.Command {
	cmd := cli.Asking(env, "explain PROJECT EVENT | PROJECT [OLD] NEW BENCHMARK", "Say why an event, or a row of a comparison, is what it is",
		cobra.RangeArgs(2, 4), func(ctx context.Context, c *cli.Call, srv *cli.Session, args []string) error {
			if len(args) == 2 {
				return explainEvent(ctx, env, c, srv, args[0], args[1])
			}
			benchmark := args[len(args)-1]
			q := client.CompareQuery{Head: args[len(args)-2]}
			if len(args) == 4 {
				q.Base = args[1]
			}
			return explainRow(ctx, env, c, srv, args[0], q, benchmark)
		})
	cmd.Long = "Says why an event is one: for each line that changed its levels, how many values tell them, the noise, how likely such a\n" +
		"change is by chance, where it lies, and how small a change would have been found. Or why a row of 'tacho compare' has its\n" +
		"verdict: OLD and NEW are branches, commits, versions or reports, as there. docs/statistics.md has the formulas. --json prints\n" +
		"the same as data."
	cmd.Example = "  tacho explain app 01960000-0000-7000-8000-000000000001\n  tacho explain app main feature BenchmarkSort\n" +
		"  tacho explain app feature BenchmarkSort --json"
	return cmd
}

func explainEvent(ctx context.Context, env *cli.Env, c *cli.Call, srv *cli.Session, project, id string) error {
	e, err := srv.Event(ctx, project, id)
	if err != nil {
		return err
	}
	if c.JSON {
		return cli.PrintJSON(env.Stdout, e)
	}
	out := env.Out()
	fmt.Fprintf(out.W, "%s\n", term.Clean(fmt.Sprintf("event %s on %s, branch %s: %s; %s", e.UUID, e.Testbed.Name, e.Branch.Name,
		stateText(e), eventSentence(e))))
	fmt.Fprintf(out.W, "%s\n", kindReason(e))
	if e.Kind == api.CodeEvent && len(e.Suspects) > 0 {
		explained(out, "may have come with", suspectLines(e))
	}
	for _, change := range e.Changes {
		explained(out, change.Benchmark.Name+" "+change.Measure.Name, reasons(change))
	}
	if left := e.Total - len(e.Changes); left > 0 {
		fmt.Fprintf(out.W, "\nand %s more\n", cli.Counted(left, "change", "changes"))
	}
	for _, check := range e.Checks {
		explained(out, "rerun of "+cli.Stamp(&check.Created), checkReasons(check))
	}
	return nil
}

// explained prints sentences under a title.
func explained(out *term.Screen, title string, lines []string) {
	fmt.Fprintf(out.W, "\n%s\n", out.Paint(term.Title, term.Clean(title)))
	for _, line := range lines {
		fmt.Fprintf(out.W, "  %s\n", term.Clean(line))
	}
}

func explainRow(ctx context.Context, env *cli.Env, c *cli.Call, srv *cli.Session, project string, q client.CompareQuery,
	benchmark string) error {
	answer, known, err := srv.Compare(ctx, project, q)
	if err != nil {
		return err
	}
	if !known {
		return fault.Missingf("the server is older than this command and compares nothing")
	}
	rows := []api.ComparisonRow{}
	for _, row := range answer.Rows {
		if row.Benchmark == benchmark {
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		text := fmt.Sprintf("%s has no results on both sides, %s and %s", benchmark, answer.Base.Name, answer.Head.Name)
		if answer.Reason != "" {
			text += ": " + answer.Reason
		}
		return fault.Missingf("%s", text)
	}
	if c.JSON {
		return cli.PrintJSON(env.Stdout, rows)
	}
	out := env.Out()
	fmt.Fprintf(out.W, "%s\n", term.Clean("old "+answer.Base.Name+", new "+answer.Head.Name))
	for _, row := range rows {
		explained(out, row.Benchmark+" "+row.Measure, rowReasons(row, answer))
	}
	return nil
}

// rowReasons are the figures behind a row of a comparison, a sentence each.
func rowReasons(r api.ComparisonRow, c api.Comparison) []string {
	format := func(v *float64) string {
		if v == nil {
			return "unknown"
		}
		return unit.Format(*v, r.Units)
	}
	verdict := "verdict: " + strings.ReplaceAll(string(r.Verdict), "_", " ")
	if r.Reason != "" {
		verdict += ", because " + r.Reason
	}
	out := []string{verdict, fmt.Sprintf("old: %s by %s, new: %s by %s", format(r.Old), countedUnits(r.N[0], r.Unit), format(r.New),
		countedUnits(r.N[1], r.Unit))}
	if r.Exact {
		return append(out, "the values are counted, so they are equal or they are not, and chance has no part in it")
	}
	if r.Ratio != nil {
		text := "ratio: " + show.Percent(*r.Ratio)
		if r.Interval != nil {
			text += fmt.Sprintf(" [%s, %s] with its 95%% interval", show.Percent(r.Interval[0]), show.Percent(r.Interval[1]))
		} else {
			text += ", without an interval: there are too few units for one"
		}
		out = append(out, text)
	}
	if r.Expected != nil {
		out = append(out, fmt.Sprintf("expected: the next report of the old side between %s and %s", format(&r.Expected[0]),
			format(&r.Expected[1])))
	}
	if r.P != nil {
		text := "certainty: " + chance(*r.P)
		if r.Q != nil {
			text += fmt.Sprintf(", %s after all %s are counted", strconv.FormatFloat(*r.Q, 'g', 2, 64), cli.Counted(c.Tests, "row", "rows"))
		}
		out = append(out, text)
	}
	if r.Detectable != nil {
		least := ""
		if r.AtLeast {
			least = " or more"
		}
		out = append(out, fmt.Sprintf("could have seen: a change of %s%s, in four of five cases",
			strings.TrimPrefix(show.Percent(1+*r.Detectable), "+"), least))
	}
	if r.Needed > 0 {
		out = append(out, fmt.Sprintf("needed: %s a side to see %s", countedUnits(r.Needed, r.Unit),
			strings.TrimPrefix(show.Percent(1+c.Policy.Effect), "+")))
	}
	if r.Since != nil {
		out = append(out, "the old side begins with version "+versionText(*r.Since)+", after the line's last change")
	}
	return out
}

func countedUnits(n int, unit string) string {
	if unit == "process" {
		return cli.Counted(n, unit, "processes")
	}
	return cli.Counted(n, unit, unit+"s")
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

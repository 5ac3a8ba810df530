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
	"github.com/tachograph/tacho/internal/cli/value"
	"github.com/tachograph/tacho/internal/core/unit"
)

// newEventCheck is `tacho alert check`.
func newEventCheck(env *cli.Env) *cobra.Command {
	var in api.NewEventCheck
	var variables []string
	cmd := cli.Asking(env, "check PROJECT EVENT", "Have the versions before and after an event measured again, in turns", cobra.ExactArgs(2),
		func(ctx context.Context, c *cli.Call, srv *cli.Session, args []string) error {
			vars := value.Environment{Getenv: env.Getenv}
			if err := vars.Pass(variables, in.SecretEnv); err != nil {
				return err
			}
			in.Env = vars.Vars
			e, err := srv.CheckEvent(ctx, args[0], args[1], in)
			if err != nil {
				return err
			}
			if c.JSON {
				return cli.PrintJSON(env.Stdout, e)
			}
			fmt.Fprintf(env.Stdout, "event %s is being checked: %s\n", e.UUID, term.Clean(checkText(e.Checks[0])))
			fmt.Fprintf(env.Stderr, "tacho: 'tacho alert view %s %s' shows what comes of it\n", args[0], e.UUID)
			return nil
		})
	cmd.Long = "Measures the last version before an event and the first one after it again, in turns on one machine of the same hardware\n" +
		"spec: by the images and the command of the jobs that measured them. When all jobs have ended, the event is confirmed (a line\n" +
		"differs to the suspected side), refuted (all lines are the same, surely within half of what was suspected and within 2%), or\n" +
		"undecided. docs/statistics.md has the rule. More pairs see smaller changes.\n\n" +
		"What was not measured by jobs cannot be checked so; the error says what to do instead."
	cmd.Example = "  tacho alert check app 01960000-0000-7000-8000-000000000001\n" +
		"  tacho alert check app 01960000-0000-7000-8000-000000000001 --pairs 20 --image-base app:v1"
	f := cmd.Flags()
	f.IntVar(&in.Pairs, "pairs", 0, "jobs of each side, 6 to 100 (default 10)")
	f.StringVar(&in.BaseImage, "image-base", "", "image of the version before (default that of its job)")
	f.StringVar(&in.HeadImage, "image-head", "", "image of the version after (default that of its job)")
	f.StringArrayVar(&variables, "env", nil, "NAME=VALUE, or NAME to pass it on (repeatable): the environment that the jobs had is not kept")
	f.StringArrayVar(&in.SecretEnv, "secret-env", nil, "NAME of a variable whose value never appears in outputs (repeatable)")
	return cmd
}

// checkText says in a line what a check compares and what came of it.
func checkText(c api.EventCheck) string {
	text := fmt.Sprintf("version %s with %s, %d pairs", versionText(c.Before.Version), versionText(c.After.Version), c.Pairs)
	if c.Outcome == api.CheckRunning {
		return text + ", reports " + c.Before.Report + " and " + c.After.Report
	}
	return fmt.Sprintf("%s: %s (%s)", text, c.Outcome, c.Sentence)
}

func checkTable(lines []api.EventCheckLine) term.Table {
	t := term.Table{Titles: []string{"benchmark", "measure", "outcome", "before", "after", "change", "suspected", "n", "could see"},
		Right: []bool{false, false, false, true, true, true, true, true, true}}
	for _, l := range lines {
		t.Add(term.Text(l.Benchmark.Name), term.Text(l.Measure.Name), term.Text(string(l.Outcome)),
			term.Text(levelText(l.Before, l.Units)), term.Text(levelText(l.After, l.Units)), term.Text(seenText(l)),
			term.Text(percentText(l.Suspected)), term.Text(strconv.Itoa(l.Pairs)),
			term.Text(strings.TrimPrefix(percentText(l.Detectable), "+")))
	}
	return t
}

func levelText(v *float64, units string) string {
	if v == nil {
		return ""
	}
	return unit.Format(*v, units)
}

func percentText(part *float64) string {
	if part == nil {
		return ""
	}
	return show.Percent(1 + *part)
}

// seenText is what a rerun saw of a line, with its interval.
func seenText(l api.EventCheckLine) string {
	if l.Lower == nil || l.Upper == nil {
		return percentText(l.Effect)
	}
	return fmt.Sprintf("%s [%s, %s]", percentText(l.Effect), percentText(l.Lower), percentText(l.Upper))
}

// checkReasons are the figures behind a check, a sentence each.
func checkReasons(c api.EventCheck) []string {
	out := []string{checkText(c)}
	if c.Ended == nil || c.Outcome == api.CheckFailed {
		return out
	}
	for _, l := range c.Lines {
		text := fmt.Sprintf("%s %s: %s; %s by %s", l.Benchmark.Name, l.Measure.Name, l.Outcome, seenText(l),
			cli.Counted(l.Pairs, "pair", "pairs"))
		if l.Suspected != nil {
			text += ", suspected " + percentText(l.Suspected)
		}
		if l.Exact {
			out = append(out, text+"; the values are counted, so they are equal or they are not")
			continue
		}
		text += fmt.Sprintf("; refuted would be surely less than %s", strings.TrimPrefix(percentText(&l.Within), "+"))
		if l.Detectable != nil {
			text += fmt.Sprintf("; could have seen %s, in four of five cases", strings.TrimPrefix(percentText(l.Detectable), "+"))
		}
		out = append(out, text)
	}
	return out
}

package admin

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/show"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/cli/value"
)

// Thresholds is `tacho threshold`.
func Thresholds(env *cli.Env) *cobra.Command {
	return cli.Family("threshold", "Look at the rules that raise alerts, and set them", newThresholdList(env), newThresholdCreate(env))
}

func newThresholdList(env *cli.Env) *cobra.Command {
	var q client.ThresholdQuery
	return cli.List[api.Threshold]{
		Use: "list PROJECT", Short: "List a project's thresholds", Args: cobra.ExactArgs(1),
		Example: "  tacho threshold list app --branch main",
		Flags: func(v *pflag.FlagSet, _ *client.Page) {
			v.StringVar(&q.Branch, "branch", "", "only of this branch: name, slug or UUID")
			v.StringVar(&q.Testbed, "testbed", "", "only of this testbed: name, slug or UUID")
			v.StringVar(&q.Measure, "measure", "", "only of this measure: name, slug or UUID")
		},
		Rows: func(ctx context.Context, srv *cli.Session, args []string, page client.Page) ([]api.Threshold, int, error) {
			return srv.Thresholds(ctx, args[0], q, page)
		},
		Table: func(rows []api.Threshold) term.Table {
			t := term.Table{Titles: []string{"threshold", "branch", "testbed", "measure", "model"}}
			for _, r := range rows {
				t.Add(term.Text(r.UUID), term.Text(show.Name(r.Branch)), term.Text(show.Name(r.Testbed)), term.Text(show.Name(r.Measure)),
					term.Text(show.Model(r.Model)))
			}
			return t
		},
	}.Command(env)
}

func newThresholdCreate(env *cli.Env) *cobra.Command {
	var branch, testbed, measure, test, minimum, maximum, past, lower, upper string
	return cli.One[api.Threshold]{
		Use: "create PROJECT", Short: "Set a threshold for a branch, a testbed and a measure", Args: cobra.ExactArgs(1),
		Aliases: []string{"add"},
		Example: "  tacho threshold create app --branch main --testbed Linux --measure latency --threshold-test t_test " +
			"--threshold-upper-boundary 0.99",
		Flags: func(v *pflag.FlagSet) {
			v.StringVar(&branch, "branch", "", "name, slug or UUID")
			v.StringVar(&testbed, "testbed", "", "name, slug or UUID")
			v.StringVar(&measure, "measure", "", "name, slug or UUID")
			for _, prefix := range []string{"threshold-", ""} { // the names of 'tacho run', and Bencher's
				v.StringVar(&test, prefix+"test", "", "percentage or t_test")
				v.StringVar(&minimum, prefix+"min-sample-size", "", "values that it needs")
				v.StringVar(&maximum, prefix+"max-sample-size", "", "newest values that it looks at")
				v.StringVar(&past, prefix+"window", "", "how far it looks back: seconds, or 720h")
				v.StringVar(&lower, prefix+"lower-boundary", "", "lower boundary of the test")
				v.StringVar(&upper, prefix+"upper-boundary", "", "upper boundary of the test")
			}
			for _, name := range []string{"test", "min-sample-size", "max-sample-size", "window", "lower-boundary", "upper-boundary"} {
				_ = v.MarkHidden(name)
			}
		},
		Ask: func(ctx context.Context, srv *cli.Session, args []string) (made api.Threshold, err error) {
			if branch == "" || testbed == "" || measure == "" {
				return made, cli.Usage("--branch, --testbed and --measure say what the threshold is for; give all three")
			}
			or := func(s string) []string {
				if s == "" {
					return nil
				}
				return []string{s}
			}
			one := value.Models{Measures: []string{measure}, Tests: or(test), Minimum: or(minimum), Maximum: or(maximum), Window: or(past),
				Lower: or(lower), Upper: or(upper)}
			model, err := one.One(0)
			if err != nil {
				return made, err
			}
			return srv.CreateThreshold(ctx, args[0], api.NewThreshold{Branch: branch, Testbed: testbed, Measure: measure, Model: model})
		},
		Print: func(_ *cli.Session, _ []string, made api.Threshold) error {
			_, err := fmt.Fprintln(env.Stdout, made.UUID)
			return err
		},
	}.Command(env)
}

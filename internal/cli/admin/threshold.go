package admin

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

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
	var p cli.PageFlags
	var q client.ThresholdQuery
	cmd := cli.Asking(env, "list PROJECT", "List a project's thresholds", cobra.ExactArgs(1),
		func(ctx context.Context, c *cli.Call, srv *cli.Session, args []string) error {
			list := func(ctx context.Context, page client.Page) ([]api.Threshold, int, error) {
				return srv.Thresholds(ctx, args[0], q, page)
			}
			return cli.Listed(ctx, env, c, p, client.Page{}, list, func(rows []api.Threshold) term.Table {
				t := term.Table{Titles: []string{"threshold", "branch", "testbed", "measure", "model"}}
				for _, r := range rows {
					t.Add(term.Text(r.UUID), term.Text(show.Name(r.Branch)), term.Text(show.Name(r.Testbed)), term.Text(show.Name(r.Measure)),
						term.Text(show.Model(r.Model)))
				}
				return t
			})
		})
	cmd.Aliases = []string{"ls"}
	cmd.Example = "  tacho threshold list app --branch main"
	p.Flags(cmd)
	cmd.Flags().StringVar(&q.Branch, "branch", "", "only of this branch: name, slug or UUID")
	cmd.Flags().StringVar(&q.Testbed, "testbed", "", "only of this testbed: name, slug or UUID")
	cmd.Flags().StringVar(&q.Measure, "measure", "", "only of this measure: name, slug or UUID")
	return cmd
}

func newThresholdCreate(env *cli.Env) *cobra.Command {
	var t value.Models
	var branch, testbed, measure, test, minimum, maximum, past, lower, upper string
	cmd := cli.Asking(env, "create PROJECT", "Set a threshold for a branch, a testbed and a measure", cobra.ExactArgs(1),
		func(ctx context.Context, c *cli.Call, srv *cli.Session, args []string) error {
			if branch == "" || testbed == "" || measure == "" {
				return cli.Usage("--branch, --testbed and --measure say what the threshold is for; give all three")
			}
			or := func(s string) []string {
				if s == "" {
					return nil
				}
				return []string{s}
			}
			t = value.Models{Measures: []string{measure}, Tests: or(test), Minimum: or(minimum), Maximum: or(maximum), Window: or(past),
				Lower: or(lower), Upper: or(upper)}
			model, err := t.One(0)
			if err != nil {
				return err
			}
			made, err := srv.CreateThreshold(ctx, args[0], api.NewThreshold{Branch: branch, Testbed: testbed, Measure: measure, Model: model})
			if err != nil {
				return err
			}
			if c.JSON {
				return cli.PrintJSON(env.Stdout, made)
			}
			_, err = fmt.Fprintln(env.Stdout, made.UUID)
			return err
		})
	cmd.Aliases = []string{"add"}
	cmd.Example = "  tacho threshold create app --branch main --testbed Linux --measure latency --threshold-test t_test " +
		"--threshold-upper-boundary 0.99"
	v := cmd.Flags()
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
	return cmd
}

package look

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/show"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/unit"
)

// Alerts is `tacho alert`.
func Alerts(env *cli.Env) *cobra.Command {
	children := []*cobra.Command{newAlertList(env), newEventView(env)}
	for _, v := range eventVerbs {
		children = append(children, v.command(env))
	}
	return cli.Family("alert", "Look at what happened to a project's numbers, and say what is to become of it",
		append(children, newEventCheck(env), newAlertDismiss(env))...)
}

func alertTable(alerts []listed) term.Table {
	t := term.Table{Titles: []string{"alert", "status", "branch", "testbed", "benchmark", "measure", "value", "limit", "change"},
		Right: []bool{false, false, false, false, false, false, true, true, true}}
	for _, row := range alerts {
		a := *row.alert
		units := unit.Generic
		if a.Threshold.Measure != nil {
			units = a.Threshold.Measure.Units
		}
		limit, delta := "", ""
		if l := a.Boundary.UpperLimit; a.Limit == "upper" && l != nil {
			limit = "≤ " + unit.Format(*l, units)
		}
		if l := a.Boundary.LowerLimit; a.Limit == "lower" && l != nil {
			limit = "≥ " + unit.Format(*l, units)
		}
		if base := a.Boundary.Baseline; base != nil {
			delta = show.Change(*base, a.Metric.Value)
		}
		colour := term.Plain
		if a.Status == api.AlertActive {
			colour = term.Bad
		}
		t.Add(term.Text(a.UUID), term.Cell{Text: string(a.Status), Colour: colour}, term.Text(show.Name(a.Threshold.Branch)),
			term.Text(show.Name(a.Threshold.Testbed)), term.Text(a.Benchmark.Name),
			term.Text(show.Name(a.Threshold.Measure)), term.Text(unit.Format(a.Metric.Value, units)), term.Text(limit), term.Text(delta))
	}
	return t
}

func newAlertDismiss(env *cli.Env) *cobra.Command {
	var reactivate bool
	cmd := cli.Asking(env, "dismiss PROJECT ALERT...", "Dismiss alerts of thresholds that need no more attention", cobra.MinimumNArgs(2),
		func(ctx context.Context, c *cli.Call, srv *cli.Session, args []string) error {
			status := api.AlertDismissed
			if reactivate {
				status = api.AlertActive
			}
			var changed []api.Alert
			for _, id := range args[1:] {
				a, err := srv.SetAlertStatus(ctx, args[0], id, status)
				if err != nil {
					return err
				}
				changed = append(changed, a)
				if !c.JSON {
					fmt.Fprintf(env.Stdout, "alert %s %s\n", a.UUID, a.Status)
				}
			}
			if c.JSON {
				return cli.PrintJSON(env.Stdout, changed)
			}
			return nil
		})
	cmd.Example = "  tacho alert dismiss app 01960000-0000-7000-8000-000000000001"
	cmd.Flags().BoolVar(&reactivate, "undo", false, "make dismissed alerts active again")
	return cmd
}

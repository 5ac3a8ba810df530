package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/unit"
)

// newThresholdCommand is `tacho threshold`.
func newThresholdCommand(env *Env) *cobra.Command {
	return family("threshold", "Look at the rules that raise alerts, and set them", newThresholdList(env), newThresholdCreate(env))
}

func newThresholdList(env *Env) *cobra.Command {
	var p pageFlags
	var q client.ThresholdQuery
	cmd := asking(env, "list PROJECT", "List a project's thresholds", cobra.ExactArgs(1),
		func(ctx context.Context, c *call, srv *session, args []string) error {
			list := func(ctx context.Context, page client.Page) ([]api.Threshold, int, error) {
				return srv.Thresholds(ctx, args[0], q, page)
			}
			return listed(ctx, env, c, p, client.Page{}, list, func(rows []api.Threshold) term.Table {
				t := term.Table{Titles: []string{"threshold", "branch", "testbed", "measure", "model"}}
				for _, r := range rows {
					t.Add(term.Text(r.UUID), term.Text(nameOf(r.Branch)), term.Text(nameOf(r.Testbed)), term.Text(nameOf(r.Measure)),
						term.Text(modelText(r.Model)))
				}
				return t
			})
		})
	cmd.Aliases = []string{"ls"}
	cmd.Example = "  tacho threshold list app --branch main"
	p.flags(cmd)
	cmd.Flags().StringVar(&q.Branch, "branch", "", "only of this branch: name, slug or UUID")
	cmd.Flags().StringVar(&q.Testbed, "testbed", "", "only of this testbed: name, slug or UUID")
	cmd.Flags().StringVar(&q.Measure, "measure", "", "only of this measure: name, slug or UUID")
	return cmd
}

// nameOf is the name of a branch, testbed or measure that an answer may leave out.
func nameOf[T api.Branch | api.Testbed | api.Measure](thing *T) string {
	if thing == nil {
		return ""
	}
	switch v := any(*thing).(type) {
	case api.Branch:
		return v.Name
	case api.Testbed:
		return v.Name
	case api.Measure:
		return v.Name
	}
	return ""
}

func modelText(m *api.ModelRow) string {
	if m == nil {
		return "none"
	}
	parts := []string{m.Test}
	add := func(name string, value *float64) {
		if value != nil {
			parts = append(parts, name+" "+strconv.FormatFloat(*value, 'g', -1, 64))
		}
	}
	add("lower", m.LowerBoundary)
	add("upper", m.UpperBoundary)
	if m.MinSampleSize != nil {
		parts = append(parts, fmt.Sprintf("min %d", *m.MinSampleSize))
	}
	if m.MaxSampleSize != nil {
		parts = append(parts, fmt.Sprintf("max %d", *m.MaxSampleSize))
	}
	if m.Window != nil {
		parts = append(parts, fmt.Sprintf("window %ds", *m.Window))
	}
	return strings.Join(parts, ", ")
}

func newThresholdCreate(env *Env) *cobra.Command {
	var t thresholdFlags
	var branch, testbed, measure, test, minimum, maximum, past, lower, upper string
	cmd := asking(env, "create PROJECT", "Set a threshold for a branch, a testbed and a measure", cobra.ExactArgs(1),
		func(ctx context.Context, c *call, srv *session, args []string) error {
			if branch == "" || testbed == "" || measure == "" {
				return usage("--branch, --testbed and --measure say what the threshold is for; give all three")
			}
			or := func(s string) []string {
				if s == "" {
					return nil
				}
				return []string{s}
			}
			t = thresholdFlags{measures: []string{measure}, tests: or(test), minimum: or(minimum), maximum: or(maximum), window: or(past),
				lower: or(lower), upper: or(upper)}
			model, err := t.model(0)
			if err != nil {
				return err
			}
			made, err := srv.CreateThreshold(ctx, args[0], api.NewThreshold{Branch: branch, Testbed: testbed, Measure: measure, Model: model})
			if err != nil {
				return err
			}
			if c.asJSON {
				return printJSON(env.Stdout, made)
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

// newAlertCommand is `tacho alert`.
func newAlertCommand(env *Env) *cobra.Command {
	return family("alert", "Look at alerts and dismiss them", newAlertList(env), newAlertDismiss(env))
}

func newAlertList(env *Env) *cobra.Command {
	var p pageFlags
	var status string
	cmd := asking(env, "list PROJECT", "List a project's alerts, newest first", cobra.ExactArgs(1),
		func(ctx context.Context, c *call, srv *session, args []string) error {
			list := func(ctx context.Context, page client.Page) ([]api.Alert, int, error) {
				return srv.Alerts(ctx, args[0], api.AlertStatus(status), page)
			}
			return listed(ctx, env, c, p, client.Page{}, list, alertTable)
		})
	cmd.Aliases = []string{"ls"}
	cmd.Example = "  tacho alert list app --status active"
	p.flags(cmd)
	cmd.Flags().StringVar(&status, "status", "", "only active, dismissed or silenced ones")
	return cmd
}

func alertTable(alerts []api.Alert) term.Table {
	t := term.Table{Titles: []string{"alert", "status", "branch", "testbed", "benchmark", "measure", "value", "limit", "change"},
		Right: []bool{false, false, false, false, false, false, true, true, true}}
	for _, a := range alerts {
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
			delta = change(*base, a.Metric.Value)
		}
		colour := term.Plain
		if a.Status == api.AlertActive {
			colour = term.Bad
		}
		t.Add(term.Text(a.UUID), term.Cell{Text: string(a.Status), Colour: colour}, term.Text(nameOf(a.Threshold.Branch)),
			term.Text(nameOf(a.Threshold.Testbed)), term.Text(a.Benchmark.Name),
			term.Text(nameOf(a.Threshold.Measure)), term.Text(unit.Format(a.Metric.Value, units)), term.Text(limit), term.Text(delta))
	}
	return t
}

func newAlertDismiss(env *Env) *cobra.Command {
	var reactivate bool
	cmd := asking(env, "dismiss PROJECT ALERT...", "Dismiss alerts that need no more attention", cobra.MinimumNArgs(2),
		func(ctx context.Context, c *call, srv *session, args []string) error {
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
				if !c.asJSON {
					fmt.Fprintf(env.Stdout, "alert %s %s\n", a.UUID, a.Status)
				}
			}
			if c.asJSON {
				return printJSON(env.Stdout, changed)
			}
			return nil
		})
	cmd.Example = "  tacho alert dismiss app 01960000-0000-7000-8000-000000000001"
	cmd.Flags().BoolVar(&reactivate, "undo", false, "make dismissed alerts active again")
	return cmd
}

// Package look is the commands that read: report, perf, alert, explain, adapters and detect. A few of them change what they show (what
// is to become of an alert, report reparse and mark).
package look

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/show"
	"github.com/tachograph/tacho/internal/cli/term"
)

// Reports is `tacho report`.
func Reports(env *cli.Env) *cobra.Command {
	return cli.Family("report", "Look at reports", newReportList(env), newReportView(env), newReportReparse(env),
		newReportMark(env), newReportUnmark(env))
}

func newReportList(env *cli.Env) *cobra.Command {
	var q client.ReportQuery
	return cli.List[api.Report]{
		Use: "list PROJECT", Short: "List a project's reports, newest first", Args: cobra.ExactArgs(1),
		Example: "  tacho report list app --branch main\n  tacho report list app --json",
		Flags: func(v *pflag.FlagSet, _ *client.Page) {
			v.StringVar(&q.Branch, "branch", "", "only of this branch: name, slug or UUID")
			v.StringVar(&q.Testbed, "testbed", "", "only of this testbed: name, slug or UUID")
		},
		Rows: func(ctx context.Context, srv *cli.Session, args []string, page client.Page) ([]api.Report, int, error) {
			return srv.Reports(ctx, args[0], q, page)
		},
		Table: reportTable,
	}.Command(env)
}

func reportTable(reports []api.Report) term.Table {
	t := term.Table{Titles: []string{"report", "start", "branch", "version", "testbed", "benchmarks", "alerts", "status"},
		Right: []bool{false, false, false, true, false, true, true, false}}
	for _, r := range reports {
		benchmarks, version := 0, ""
		for _, n := range r.Counts.Results {
			benchmarks = max(benchmarks, n.Benchmarks)
		}
		if at := r.Branch.Head.Version; at != nil {
			version = strconv.FormatInt(at.Number, 10)
		}
		alerts := term.Text(strconv.Itoa(r.Counts.Alerts.Total))
		if r.Counts.Alerts.Active > 0 {
			alerts.Colour = term.Bad
		}
		t.Add(term.Text(r.UUID), term.Text(cli.Stamp(&r.StartTime)), term.Text(r.Branch.Name), term.Text(version), term.Text(r.Testbed.Name),
			term.Text(strconv.Itoa(benchmarks)),
			alerts, term.Text(string(r.Status)))
	}
	return t
}

func newReportView(env *cli.Env) *cobra.Command {
	cmd := cli.Asking(env, "view PROJECT REPORT", "Show one report as 'tacho run' does", cobra.ExactArgs(2),
		func(ctx context.Context, c *cli.Call, srv *cli.Session, args []string) error {
			r, err := srv.Report(ctx, args[0], args[1])
			if err != nil {
				return err
			}
			return showReport(ctx, env, c, srv, r)
		})
	cmd.Aliases = []string{"get"}
	cmd.Example = "  tacho report view app 01960000-0000-7000-8000-000000000001"
	return cmd
}

func newReportReparse(env *cli.Env) *cobra.Command {
	cmd := cli.Asking(env, "reparse PROJECT REPORT", "Read a report's raw output again, with this version of the adapters", cobra.ExactArgs(2),
		func(ctx context.Context, c *cli.Call, srv *cli.Session, args []string) error {
			r, err := srv.ReparseReport(ctx, args[0], args[1])
			if err != nil {
				return err
			}
			return showReport(ctx, env, c, srv, r)
		})
	cmd.Long = `Read a report's raw output again, with this version of the adapters.

The raw output of every report is kept. When an adapter has learned to read more of it, this replaces the report's
metrics, judges them against the history before the report, and raises its alerts anew; metrics and alerts get new
ids. What cannot be read leaves the report as it is.`
	cmd.Example = "  tacho report reparse app 01960000-0000-7000-8000-000000000001"
	return cmd
}

// showReport prints a report as data, or as 'tacho run' does.
func showReport(ctx context.Context, env *cli.Env, c *cli.Call, srv *cli.Session, r api.Report) error {
	if c.JSON {
		return cli.PrintJSON(env.Stdout, r)
	}
	before, err := show.Previous(ctx, srv.Client, r)
	if err != nil {
		return err
	}
	return show.View{Report: r, Before: before, Start: show.Origin(ctx, srv.Client, r), Session: srv}.Write(env.Out(), env.Errs())
}

func newReportMark(env *cli.Env) *cobra.Command {
	var reason string
	cmd := cli.Asking(env, "mark PROJECT REPORT", "Mark a report as bad: its results are left out of lines", cobra.ExactArgs(2),
		func(ctx context.Context, c *cli.Call, srv *cli.Session, args []string) error {
			if reason == "" {
				return cli.Usage("give a --reason: whoever comes after you will ask for it")
			}
			mark, err := srv.MarkReport(ctx, args[0], args[1], reason)
			if err != nil {
				return err
			}
			if c.JSON {
				return cli.PrintJSON(env.Stdout, mark)
			}
			_, err = fmt.Fprintf(env.Stdout, "report %s marked as bad\n", mark.Report)
			return err
		})
	cmd.Example = "  tacho report mark app 01960000-0000-7000-8000-000000000001 --reason 'the machine was busy'"
	cmd.Flags().StringVar(&reason, "reason", "", "why; it stays with the report")
	return cmd
}

func newReportUnmark(env *cli.Env) *cobra.Command {
	cmd := cli.Asking(env, "unmark PROJECT REPORT", "Take the mark of a report back", cobra.ExactArgs(2),
		func(ctx context.Context, _ *cli.Call, srv *cli.Session, args []string) error {
			return srv.UnmarkReport(ctx, args[0], args[1])
		})
	cmd.Example = "  tacho report unmark app 01960000-0000-7000-8000-000000000001"
	return cmd
}

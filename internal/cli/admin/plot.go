package admin

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
)

// Plots is `tacho plot`.
func Plots(env *cli.Env) *cobra.Command {
	return cli.Family("plot", "Keep plots for everybody who looks at a project", newPlotList(env), newPlotView(env), newPlotCreate(env),
		newPlotUpdate(env), newPlotDelete(env))
}

func newPlotList(env *cli.Env) *cobra.Command {
	var p cli.PageFlags
	var search string
	cmd := cli.Asking(env, "list PROJECT", "List the plots that a project keeps, in their order", cobra.ExactArgs(1),
		func(ctx context.Context, c *cli.Call, srv *cli.Session, args []string) error {
			list := func(ctx context.Context, page client.Page) ([]api.Plot, int, error) {
				return srv.Plots(ctx, args[0], page)
			}
			return cli.Listed(ctx, env, c, p, client.Page{Search: search}, list, func(rows []api.Plot) term.Table {
				t := term.Table{Titles: []string{"plot", "title", "lines", "x axis", "window"}}
				for _, r := range rows {
					t.Add(term.Text(r.UUID), term.Text(titleOf(r)), term.Text(strconv.Itoa(linesOf(r))), term.Text(axisText(r.XAxis)),
						term.Text(windowText(r.Window)))
				}
				return t
			})
		})
	cmd.Aliases = []string{"ls"}
	cmd.Example = "  tacho plot list app"
	p.Flags(cmd)
	cmd.Flags().StringVar(&search, "search", "", "part of the title")
	return cmd
}

func newPlotView(env *cli.Env) *cobra.Command {
	cmd := cli.Asking(env, "view PROJECT PLOT", "Show one plot, by UUID or title", cobra.ExactArgs(2),
		func(ctx context.Context, c *cli.Call, srv *cli.Session, args []string) error {
			p, err := findPlot(ctx, srv, args[0], args[1])
			if err != nil {
				return err
			}
			return showPlot(env, c, srv, args[0], p)
		})
	cmd.Example = "  tacho plot view app 'Sorting'"
	return cmd
}

func newPlotCreate(env *cli.Env) *cobra.Command {
	var f plotFlags
	cmd := cli.Asking(env, "create PROJECT", "Keep a plot", cobra.ExactArgs(1),
		func(ctx context.Context, c *cli.Call, srv *cli.Session, args []string) error {
			change, err := f.change()
			if err != nil {
				return err
			}
			if len(f.branches) == 0 || len(f.testbeds) == 0 || len(f.benchmarks) == 0 || len(f.measures) == 0 {
				return cli.Usage("a plot shows at least one --branch, --testbed, --benchmark and --measure; 'tacho perf %s' lists what there is",
					args[0])
			}
			in := api.NewPlot{Index: change.Index, Title: change.Title, XAxis: api.PlotAxisVersion, YAxis: change.YAxis,
				LowerBoundary: true, UpperBoundary: true, Window: int64(limits.PlotWindowDefault / time.Second), Branches: f.branches,
				Testbeds: f.testbeds, Benchmarks: f.benchmarks, Measures: f.measures}
			if change.XAxis != nil {
				in.XAxis = *change.XAxis
			}
			if change.Window != nil {
				in.Window = *change.Window
			}
			if change.LowerBoundary != nil {
				in.LowerBoundary, in.UpperBoundary = *change.LowerBoundary, *change.UpperBoundary
			}
			made, err := srv.CreatePlot(ctx, args[0], in)
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
	cmd.Example = "  tacho plot create app --title Sorting --branch main --testbed Linux --benchmark BenchmarkSort --measure latency"
	f.flags(cmd)
	return cmd
}

func newPlotUpdate(env *cli.Env) *cobra.Command {
	var f plotFlags
	cmd := cli.Asking(env, "update PROJECT PLOT", "Change a plot; what is not named stays", cobra.ExactArgs(2),
		func(ctx context.Context, c *cli.Call, srv *cli.Session, args []string) error {
			change, err := f.change()
			if err != nil {
				return err
			}
			if f.set == 0 {
				return cli.Usage("nothing to change: give --title, --index, --window, --x-axis, --y-axis, --limits or what it shows")
			}
			p, err := findPlot(ctx, srv, args[0], args[1])
			if err != nil {
				return err
			}
			changed, err := srv.UpdatePlot(ctx, args[0], p.UUID, change)
			if err != nil {
				return err
			}
			return showPlot(env, c, srv, args[0], changed)
		})
	cmd.Example = "  tacho plot update app Sorting --index 0 --window 90d\n  tacho plot update app Sorting --title ''"
	f.flags(cmd)
	return cmd
}

func newPlotDelete(env *cli.Env) *cobra.Command {
	cmd := cli.Asking(env, "delete PROJECT PLOT", "Delete a plot, by UUID or title; what it shows stays", cobra.ExactArgs(2),
		func(ctx context.Context, _ *cli.Call, srv *cli.Session, args []string) error {
			p, err := findPlot(ctx, srv, args[0], args[1])
			if err != nil {
				return err
			}
			return srv.DeletePlot(ctx, args[0], p.UUID)
		})
	cmd.Aliases = []string{"rm"}
	cmd.Example = "  tacho plot delete app Sorting"
	return cmd
}

// plotFlags say how a plot is.
type plotFlags struct {
	title, xAxis, yAxis, window, index       string
	limits                                   bool
	branches, testbeds, benchmarks, measures []string
	given                                    func(string) bool
	set                                      int // how many flags were given
}

func (f *plotFlags) flags(cmd *cobra.Command) {
	v := cmd.Flags()
	f.given = v.Changed
	v.StringVar(&f.title, "title", "", "what stands above it; '' takes it away")
	v.StringVar(&f.index, "index", "", "its place among the project's plots, 0 is the first")
	v.StringVar(&f.xAxis, "x-axis", "", "version (default) or date_time")
	v.StringVar(&f.yAxis, "y-axis", "", "auto (default), linear or log")
	v.StringVar(&f.window, "window", "", "how far it goes back: 90d, 12h or seconds (default 365d)")
	v.BoolVar(&f.limits, "limits", true, "draw the limits of thresholds")
	v.StringArrayVar(&f.branches, "branch", nil, "name, slug or UUID (repeatable)")
	v.StringArrayVar(&f.testbeds, "testbed", nil, "name, slug or UUID (repeatable)")
	v.StringArrayVar(&f.benchmarks, "benchmark", nil, "name, slug or UUID (repeatable)")
	v.StringArrayVar(&f.measures, "measure", nil, "name, slug or UUID (repeatable)")
}

// change is what the flags that were given say.
func (f *plotFlags) change() (p client.PlotPatch, err error) {
	for _, one := range []struct {
		name string
		set  func() error
	}{
		{"title", func() error { p.Title, p.ClearTitle = given(f.title), f.title == ""; return nil }},
		{"index", func() error {
			n, err := strconv.Atoi(f.index)
			if p.Index = &n; err != nil || n < 0 {
				return cli.Usage("--index %q: want 0 for the first place, or more", f.index)
			}
			return nil
		}},
		{"x-axis", func() error { p.XAxis = (*api.PlotAxis)(&f.xAxis); return nil }},
		{"y-axis", func() error { p.YAxis = (*api.PlotAxis)(&f.yAxis); return nil }},
		{"window", func() error {
			seconds, err := windowOf(f.window)
			p.Window = &seconds
			return err
		}},
		{"limits", func() error { p.LowerBoundary, p.UpperBoundary = &f.limits, &f.limits; return nil }},
		{"branch", func() error { p.Branches = &f.branches; return nil }},
		{"testbed", func() error { p.Testbeds = &f.testbeds; return nil }},
		{"benchmark", func() error { p.Benchmarks = &f.benchmarks; return nil }},
		{"measure", func() error { p.Measures = &f.measures; return nil }},
	} {
		if f.given(one.name) {
			f.set++
			if err := one.set(); err != nil {
				return p, err
			}
		}
	}
	return p, nil
}

// windowOf reads a number of seconds, a duration of Go, or days.
func windowOf(text string) (int64, error) {
	bad := cli.Usage("--window %q: want days as in 90d, a duration as in 12h, or seconds", text)
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseInt(days, 10, 32)
		if err != nil {
			return 0, bad
		}
		return n * 86_400, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, bad
	}
	return int64(d / time.Second), nil
}

// findPlot returns the plot that a UUID or a title stands for.
func findPlot(ctx context.Context, srv *cli.Session, project, ref string) (api.Plot, error) {
	if ident.IsUUID(ref) {
		return srv.Plot(ctx, project, ref)
	}
	page := client.Page{PerPage: limits.PageMax, Parameters: map[string][]string{"title": {ref}}}
	found, _, err := srv.Plots(ctx, project, page)
	if err != nil {
		return api.Plot{}, err
	}
	switch len(found) {
	case 0:
		return api.Plot{}, fault.Missingf("project %[1]s keeps no plot with the title %[2]q; 'tacho plot list %[1]s' shows those that it keeps",
			project, ref)
	case 1:
		return found[0], nil
	}
	return api.Plot{}, fault.Conflictf("project %s keeps %d plots with the title %q; name one by its UUID", project, len(found), ref)
}

func showPlot(env *cli.Env, c *cli.Call, srv *cli.Session, project string, p api.Plot) error {
	if c.JSON {
		return cli.PrintJSON(env.Stdout, p)
	}
	yes := map[bool]string{true: "drawn", false: "not drawn"}
	cli.Facts(env.Out(), "plot", p.UUID, "title", titleOf(p), "lines", strconv.Itoa(linesOf(p)), "x axis", axisText(p.XAxis), "y axis",
		axisText(p.YAxis), "window", windowText(p.Window), "limits", yes[p.LowerBoundary || p.UpperBoundary], "branches",
		strings.Join(p.Branches, " "), "testbeds", strings.Join(p.Testbeds, " "), "benchmarks", strings.Join(p.Benchmarks, " "), "measures",
		strings.Join(p.Measures, " "), "created", cli.Stamp(&p.Created), "modified", cli.Stamp(&p.Modified), "page",
		srv.Page("projects", project, "plots"))
	return nil
}

func titleOf(p api.Plot) string {
	if p.Title == nil {
		return ""
	}
	return *p.Title
}

// linesOf is how many lines a plot has if everything in it was measured.
func linesOf(p api.Plot) int {
	return len(p.Branches) * len(p.Testbeds) * len(p.Benchmarks) * len(p.Measures)
}

func axisText(a api.PlotAxis) string { return strings.ReplaceAll(string(a), "_", " and ") }

func windowText(seconds int64) string {
	if seconds%86_400 == 0 {
		return strconv.FormatInt(seconds/86_400, 10) + " days"
	}
	return (time.Duration(seconds) * time.Second).String()
}

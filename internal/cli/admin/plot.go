package admin

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

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
	return cli.List[api.Plot]{
		Use: "list PROJECT", Short: "List the plots that a project keeps, in their order", Args: cobra.ExactArgs(1),
		Example: "  tacho plot list app",
		Flags: func(v *pflag.FlagSet, filter *client.Page) {
			v.StringVar(&filter.Search, "search", "", "part of the title")
		},
		Rows: func(ctx context.Context, srv *cli.Session, args []string, page client.Page) ([]api.Plot, int, error) {
			return srv.Plots(ctx, args[0], page)
		},
		Table: func(rows []api.Plot) term.Table {
			t := term.Table{Titles: []string{"plot", "title", "lines", "x axis", "window"}}
			for _, r := range rows {
				t.Add(term.Text(r.UUID), term.Text(titleOf(r)), term.Text(strconv.Itoa(linesOf(r))), term.Text(axisText(r.XAxis)),
					term.Text(windowText(r.Window)))
			}
			return t
		},
	}.Command(env)
}

func newPlotView(env *cli.Env) *cobra.Command {
	return cli.One[api.Plot]{
		Use: "view PROJECT PLOT", Short: "Show one plot, by UUID or title", Args: cobra.ExactArgs(2),
		Example: "  tacho plot view app 'Sorting'",
		Ask: func(ctx context.Context, srv *cli.Session, args []string) (api.Plot, error) {
			return findPlot(ctx, srv, args[0], args[1])
		},
		Print: printPlot(env),
	}.Command(env)
}

func newPlotCreate(env *cli.Env) *cobra.Command {
	var f plotFlags
	return cli.One[api.Plot]{
		Use: "create PROJECT", Short: "Keep a plot", Args: cobra.ExactArgs(1), Aliases: []string{"add"},
		Example: "  tacho plot create app --title Sorting --branch main --testbed Linux --benchmark BenchmarkSort --measure latency",
		Flags:   f.flags,
		Ask: func(ctx context.Context, srv *cli.Session, args []string) (p api.Plot, err error) {
			change, err := f.change()
			if err != nil {
				return p, err
			}
			if len(f.branches) == 0 || len(f.testbeds) == 0 || len(f.benchmarks) == 0 || len(f.measures) == 0 {
				return p, cli.Usage("a plot shows at least one --branch, --testbed, --benchmark and --measure; 'tacho perf %s' lists what there is",
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
			return srv.CreatePlot(ctx, args[0], in)
		},
		Print: func(_ *cli.Session, _ []string, made api.Plot) error {
			_, err := fmt.Fprintln(env.Stdout, made.UUID)
			return err
		},
	}.Command(env)
}

func newPlotUpdate(env *cli.Env) *cobra.Command {
	var f plotFlags
	return cli.One[api.Plot]{
		Use: "update PROJECT PLOT", Short: "Change a plot; what is not named stays", Args: cobra.ExactArgs(2),
		Example: "  tacho plot update app Sorting --index 0 --window 90d\n  tacho plot update app Sorting --title ''",
		Flags:   f.flags,
		Ask: func(ctx context.Context, srv *cli.Session, args []string) (p api.Plot, err error) {
			change, err := f.change()
			if err != nil {
				return p, err
			}
			if f.set == 0 {
				return p, cli.Usage("nothing to change: give --title, --index, --window, --x-axis, --y-axis, --limits or what it shows")
			}
			if p, err = findPlot(ctx, srv, args[0], args[1]); err != nil {
				return p, err
			}
			return srv.UpdatePlot(ctx, args[0], p.UUID, change)
		},
		Print: printPlot(env),
	}.Command(env)
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

func (f *plotFlags) flags(v *pflag.FlagSet) {
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

// printPlot prints a plot for people.
func printPlot(env *cli.Env) func(*cli.Session, []string, api.Plot) error {
	return func(srv *cli.Session, args []string, p api.Plot) error {
		limits := "not drawn"
		if p.LowerBoundary || p.UpperBoundary {
			limits = "drawn"
		}
		cli.Facts(env.Out(), "plot", p.UUID, "title", titleOf(p), "lines", strconv.Itoa(linesOf(p)), "x axis", axisText(p.XAxis), "y axis",
			axisText(p.YAxis), "window", windowText(p.Window), "limits", limits, "branches", strings.Join(p.Branches, " "), "testbeds",
			strings.Join(p.Testbeds, " "), "benchmarks", strings.Join(p.Benchmarks, " "), "measures", strings.Join(p.Measures, " "),
			"created", cli.Stamp(&p.Created), "modified", cli.Stamp(&p.Modified), "page", srv.Page("projects", args[0], "plots"))
		return nil
	}
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

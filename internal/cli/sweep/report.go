package sweep

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/here"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/sweep"
	"github.com/tachograph/tacho/internal/standings"
)

type reportFlags struct {
	conn                            cli.Connection
	project, measure, html, against string
	prices                          []string
	csv, json                       bool
}

func newReport(env *cli.Env) *cobra.Command {
	var f reportFlags
	cmd := cli.Leaf("report [ID]", "Rank the types of a sweep by speed and price", cli.ExitsCall,
		func(cmd *cobra.Command, args []string) error {
			srv, err := f.conn.Open(cmd.Context(), env)
			if err != nil {
				return err
			}
			return srv.Done(f.run(cmd.Context(), env, srv, args))
		})
	cmd.Args = cobra.MaximumNArgs(1)
	cmd.Long = `Rank the types of a sweep. The machine is the unit: each has one number, the geometric mean over the benchmarks that all
machines have, and types that the data cannot put in order share a range of ranks (Welch, Holm over all pairs, 5 %).

--prices takes prices from a sheet of your own, without another run: CSV with the columns provider, type, per_hour, and if wanted region
and date. --against compares each type with itself in another sweep. ID may be left out: the last sweep of the project.`
	cmd.Example = "  tacho sweep report\n  tacho sweep report 1764360000 --html report.html\n" +
		"  tacho sweep report --prices mine.csv --json\n  tacho sweep report 1764360000 --against 1761681600"
	f.conn.Flags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.project, "project", "", "project (default $TACHO_PROJECT, else the repository's or folder's)")
	flags.StringVar(&f.measure, "measure", "", "by this measure (default: the one with most values)")
	flags.StringVar(&f.html, "html", "", "write one page that needs nothing else to this `file`; - is the standard output")
	flags.BoolVar(&f.csv, "csv", false, "print one row for each benchmark of each process")
	flags.BoolVar(&f.json, "json", false, "print JSON, as the API answers")
	flags.StringArrayVar(&f.prices, "prices", nil, "price sheet of your own, a CSV `file`; the first that has a type counts")
	flags.StringVar(&f.against, "against", "", "compare with this sweep, the earlier one")
	cmd.MarkFlagsMutuallyExclusive("html", "csv", "json")
	cmd.MarkFlagsMutuallyExclusive("html", "csv", "against")
	return cmd
}

func (f *reportFlags) run(ctx context.Context, env *cli.Env, srv *cli.Session, args []string) error {
	var sheets []sheetFile
	for _, name := range f.prices {
		text, err := readText(env, name, limits.SheetBytes)
		if err != nil {
			return err
		}
		sheet, err := sweep.ParseSheet(text, filepath.Base(name))
		if err != nil {
			return cli.Usage("%s: %s", name, fault.Message(err))
		}
		sheets = append(sheets, sheetFile{sheet, filepath.Base(name)})
	}
	project, err := here.Project(ctx, env, srv, f.project)
	if err != nil {
		return err
	}
	s, err := named(ctx, srv, project, args)
	if err != nil {
		return err
	}
	m, err := srv.SweepMeasurements(ctx, project, s.ID, f.measure)
	if err != nil {
		return err
	}
	if f.against != "" {
		before, err := srv.SweepMeasurements(ctx, project, f.against, m.Measure)
		if err != nil {
			return err
		}
		return f.compare(env, before, m)
	}
	for i := range m.Types {
		priced(&m.Types[i], sheets)
	}
	r, err := standings.Of(m)
	if err != nil {
		return fmt.Errorf("report on sweep %s: %w", s.ID, err)
	}
	switch {
	case f.html != "":
		return f.page(env, r)
	case f.csv:
		return r.WriteCSV(env.Stdout)
	case f.json:
		return cli.PrintJSON(env.Stdout, r.Standings)
	}
	return printStandings(env, r.Standings)
}

// sheetFile is a price sheet and the file that it is in.
type sheetFile struct {
	*sweep.Sheet
	name string
}

// priced takes a type's price from the first sheet that has one.
func priced(t *api.MeasuredType, sheets []sheetFile) {
	for _, s := range sheets {
		if o, has := s.Find(t.Provider, t.Region, t.Type); has {
			t.Price = &api.StandingsPrice{PerHour: float64(o.PerHour+o.Extras) / 1e6, Date: o.Date, Source: s.name}
			return
		}
	}
}

// page writes the page under a name of its own until all of it is there.
func (f *reportFlags) page(env *cli.Env, r *standings.Report) error {
	if f.html == "-" {
		return r.WritePage(env.Stdout)
	}
	target := env.Path(f.html)
	out, err := os.CreateTemp(filepath.Dir(target), ".tacho-*")
	if err != nil {
		return written(f.html, err)
	}
	defer os.Remove(out.Name())
	err = r.WritePage(out)
	if closing := out.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Chmod(out.Name(), 0o644)
	}
	if err == nil {
		err = os.Rename(out.Name(), target)
	}
	return written(f.html, err)
}

func digits(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }

// between is an interval for people; one machine has none.
func between(i *[2]float64) string {
	if i == nil {
		return "–"
	}
	return digits(i[0]) + " … " + digits(i[1])
}

func percent(v *float64) string {
	if v == nil {
		return "–"
	}
	return strconv.FormatFloat(100**v, 'g', 3, 64) + " %"
}

// ranks is a rank, or a range that the data cannot narrow down.
func ranks(best, worst int) string {
	if best == worst {
		return strconv.Itoa(best)
	}
	return fmt.Sprintf("%d–%d", best, worst)
}

func printStandings(env *cli.Env, r api.Standings) error {
	better := "less"
	if r.Higher {
		better = "more"
	}
	if r.Measure != "" {
		fmt.Fprintf(env.Stdout, "%s: %s, %s in %s; %s is better\n\n", term.Clean(r.Title),
			cli.Counted(len(r.Benchmarks), "benchmark", "benchmarks"), term.Clean(r.Measure), term.Clean(r.Unit), better)
	}
	table := term.Table{Titles: []string{"rank", "type", "geomean", "95 %", "speed", "spread", "$/hour", "work/$", "machines"},
		Right: []bool{true, false, true, true, true, true, true, true, true}}
	for _, row := range r.Rows {
		price, machines := "–", strconv.Itoa(row.Machines)
		if row.Price != nil {
			price = strconv.FormatFloat(row.Price.PerHour, 'f', -1, 64)
		}
		if row.Machines != row.Wanted {
			machines += fmt.Sprintf(" of %d", row.Wanted)
		}
		var cells []term.Cell
		for _, text := range []string{ranks(row.Best, row.Worst), row.Name, digits(row.Mean), between(row.Interval), percent(&row.Relative),
			percent(row.Spread), price, percent(row.Work), machines} {
			cells = append(cells, term.Text(text))
		}
		table.Add(cells...)
	}
	if len(r.Rows) > 0 {
		if err := table.Write(env.Out()); err != nil {
			return err
		}
		fmt.Fprintln(env.Stdout)
	}
	for _, note := range r.Notes {
		fmt.Fprintln(env.Stdout, term.Clean(note))
	}
	about(env.Stdout, "not in the table", r.Skipped, func(s api.StandingsSkipped) string { return s.Name + ": " + s.Reason })
	machine := func(s api.StandingsSuspect) string { return s.Machine + " (" + s.Type + "): " + s.Reason }
	about(env.Stdout, "suspect", r.Suspects, machine)
	about(env.Stdout, "incomplete", r.Incomplete, machine)
	about(env.Stdout, "left out", r.LeftOut, func(m api.StandingsMissing) string { return m.Benchmark })
	return nil
}

// shown is how many lines of a kind a table has below it; --json has all.
const shown = 10

func about[T any](w io.Writer, what string, all []T, say func(T) string) {
	for i, one := range all {
		if i == shown {
			fmt.Fprintf(w, "%s: and %d more\n", what, len(all)-shown)
			return
		}
		fmt.Fprintf(w, "%s: %s\n", what, term.Clean(say(one)))
	}
}

// verdicts are the verdicts of a comparison for people.
var verdicts = map[string]string{"better": "better", "worse": "worse", "not_separable": "cannot be told"}

func (f *reportFlags) compare(env *cli.Env, before, after api.SweepMeasurements) error {
	c, err := standings.Compare(standings.Read(before), standings.Read(after))
	if err != nil {
		return cli.Usage("%v", err)
	}
	if f.json {
		return cli.PrintJSON(env.Stdout, c)
	}
	fmt.Fprintf(env.Stdout, "%s against %s: %s in %s\n\n", term.Clean(c.After), term.Clean(c.Before), term.Clean(c.Measure),
		term.Clean(c.Unit))
	table := term.Table{Titles: []string{"type", "before", "after", "ratio", "95 %", "machines", "verdict"},
		Right: []bool{false, true, true, true, true, true, false}}
	for _, t := range c.Types {
		table.Add(term.Text(t.Name), term.Text(digits(t.Before)), term.Text(digits(t.After)), term.Text(digits(t.Ratio)),
			term.Text(between(t.Interval)), term.Text(fmt.Sprintf("%d, %d", t.Machines[0], t.Machines[1])), term.Text(verdicts[t.Verdict]))
	}
	if err := table.Write(env.Out()); err != nil {
		return err
	}
	about(env.Stdout, "left out", c.Left, func(s api.StandingsSkipped) string { return s.Name + ": " + s.Reason })
	return nil
}

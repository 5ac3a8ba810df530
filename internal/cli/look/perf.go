package look

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/show"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/cli/value"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/unit"
)

// resolve returns the UUID of a branch, testbed, benchmark or measure that a person names by UUID, slug or name. Names are looked up in the
// list, because a path holds slugs and UUIDs only.
func resolve[T any](ctx context.Context, what, ref string, list func(context.Context, client.Page) ([]T, int, error),
	id func(T) (uuid, name, slug string)) (string, error) {
	if ident.IsUUID(ref) {
		return ref, nil
	}
	for _, page := range []client.Page{{Name: ref}, {Search: ref, PerPage: limits.PageMax}} {
		rows, _, err := list(ctx, page)
		if err != nil {
			return "", err
		}
		for _, row := range rows {
			if uuid, name, slug := id(row); name == ref || slug == ref {
				return uuid, nil
			}
		}
	}
	return "", cli.Usage("%s %q does not exist in this project", what, ref)
}

type perfFlags struct {
	branches, testbeds, benchmarks, measures []string
	start, end, format                       string
}

// Perf is `tacho perf`: the points of series.
func Perf(env *cli.Env) *cobra.Command {
	var f perfFlags
	cmd := cli.Asking(env, "perf PROJECT", "Print the points of series", cobra.ExactArgs(1),
		func(ctx context.Context, c *cli.Call, srv *cli.Session, args []string) error {
			if c.JSON {
				f.format = "json"
			}
			q, err := f.query(ctx, srv.Client, args[0])
			if err != nil {
				return err
			}
			perf, err := srv.Perf(ctx, args[0], q)
			if err != nil {
				return err
			}
			switch f.format {
			case "json":
				return cli.PrintJSON(env.Stdout, perf)
			case "csv":
				return perfCSV(env.Stdout, perf)
			}
			return perfTables(env.Out(), perf)
		})
	cmd.Long = "Print the points of every combination of branch, testbed, benchmark and measure, oldest first. A dimension that is not " +
		"named means all\nof it; more combinations than one query allows are refused, never cut."
	cmd.Example = "  tacho perf app --branch main --measure latency\n  tacho perf app --benchmark BenchmarkSort --start 2026-01-01 " +
		"--format csv > sort.csv"
	v := cmd.Flags()
	v.StringArrayVar(&f.branches, "branch", nil, "name, slug or UUID (repeatable)")
	v.StringArrayVar(&f.testbeds, "testbed", nil, "name, slug or UUID (repeatable)")
	v.StringArrayVar(&f.benchmarks, "benchmark", nil, "name, slug or UUID (repeatable)")
	v.StringArrayVar(&f.measures, "measure", nil, "name, slug or UUID (repeatable)")
	v.StringVar(&f.start, "start", "", "reports from then on: Unix seconds, 2026-03-04 or 2026-03-04T12:00:00Z")
	v.StringVar(&f.end, "end", "", "reports up to then")
	v.StringVar(&f.format, "format", "table", "table, csv or json")
	return cmd
}

func (f *perfFlags) query(ctx context.Context, c *client.Client, project string) (q client.PerfQuery, err error) {
	switch f.format {
	case "table", "csv", "json":
	default:
		return q, cli.Usage("--format %q: want table, csv or json", f.format)
	}
	for _, bound := range []struct {
		flag, text string
		to         **time.Time
	}{{"start", f.start, &q.StartTime}, {"end", f.end, &q.EndTime}} {
		if bound.text != "" {
			t, err := value.ParseTime(bound.text)
			if err != nil {
				return q, cli.Usage("--%s %q: %v", bound.flag, bound.text, err)
			}
			*bound.to = &t
		}
	}
	branches := func(ctx context.Context, p client.Page) ([]api.Branch, int, error) {
		return c.Branches(ctx, project, p)
	}
	if q.Branches, err = dimension(ctx, "branch", f.branches, branches,
		func(b api.Branch) (string, string, string) { return b.UUID, b.Name, b.Slug }); err != nil {
		return q, err
	}
	testbeds := func(ctx context.Context, p client.Page) ([]api.Testbed, int, error) {
		return c.Testbeds(ctx, project, p)
	}
	if q.Testbeds, err = dimension(ctx, "testbed", f.testbeds, testbeds,
		func(t api.Testbed) (string, string, string) { return t.UUID, t.Name, t.Slug }); err != nil {
		return q, err
	}
	benchmarks := func(ctx context.Context, p client.Page) ([]api.Benchmark, int, error) {
		return c.Benchmarks(ctx, project, p)
	}
	if q.Benchmarks, err = dimension(ctx, "benchmark", f.benchmarks, benchmarks,
		func(b api.Benchmark) (string, string, string) { return b.UUID, b.Name, b.Slug }); err != nil {
		return q, err
	}
	measures := func(ctx context.Context, p client.Page) ([]api.Measure, int, error) {
		return c.Measures(ctx, project, p)
	}
	q.Measures, err = dimension(ctx, "measure", f.measures, measures,
		func(m api.Measure) (string, string, string) { return m.UUID, m.Name, m.Slug })
	return q, err
}

// dimension returns the UUIDs of what is named, or of all there are.
func dimension[T any](ctx context.Context, what string, refs []string, list func(context.Context, client.Page) ([]T, int, error),
	id func(T) (uuid, name, slug string)) ([]string, error) {
	var out []string
	if len(refs) == 0 {
		rows, err := client.All(ctx, client.Page{}, list)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			uuid, _, _ := id(row)
			out = append(out, uuid)
		}
		if len(out) == 0 {
			return nil, cli.Usage("the project has no %s yet", what)
		}
		return out, nil
	}
	for _, ref := range refs {
		uuid, err := resolve(ctx, what, ref, list, id)
		if err != nil {
			return nil, err
		}
		out = append(out, uuid)
	}
	return out, nil
}

func perfTables(s *term.Screen, perf api.Perf) error {
	if len(perf.Results) == 0 {
		_, err := fmt.Fprintln(s.W, "no points")
		return err
	}
	for i, series := range perf.Results {
		if i > 0 {
			fmt.Fprintln(s.W)
		}
		fmt.Fprintln(s.W, s.Paint(term.Title, term.Clean(fmt.Sprintf("%s · %s · branch %s · testbed %s", series.Benchmark.Name,
			series.Measure.Name, series.Branch.Name, series.Testbed.Name))))
		t := term.Table{Titles: []string{"version", "commit", "start", "value", "change", ""},
			Right: []bool{true, false, false, true, true, false}}
		for j, m := range series.Metrics {
			hash, delta, note := "", "", term.Cell{}
			if m.Version.Hash != nil {
				hash = show.ShortHash(*m.Version.Hash)
			}
			if j > 0 {
				delta = show.Change(series.Metrics[j-1].Metric.Value, m.Metric.Value)
			}
			if m.Alert != nil {
				note = term.Cell{Text: "alert " + string(m.Alert.Status), Colour: term.Bad}
			}
			t.Add(term.Text(strconv.FormatInt(m.Version.Number, 10)), term.Text(hash), term.Text(cli.Stamp(&m.StartTime)),
				term.Text(unit.Format(m.Metric.Value, series.Measure.Units)+show.Spread(m.Metric)),
				term.Text(delta), note)
		}
		if err := t.Write(s); err != nil {
			return err
		}
	}
	return nil
}

// perfCSV writes a row for each point, values in the measure's units and not rounded.
func perfCSV(w io.Writer, perf api.Perf) error {
	out := csv.NewWriter(w)
	rows := [][]string{{"branch", "testbed", "benchmark", "measure", "units", "version", "hash", "start_time", "iteration", "value",
		"lower_value", "upper_value",
		"baseline", "lower_limit", "upper_limit", "alert", "report"}}
	number := func(x *float64) string {
		if x == nil {
			return ""
		}
		return strconv.FormatFloat(*x, 'g', -1, 64)
	}
	for _, s := range perf.Results {
		for _, m := range s.Metrics {
			hash, alert, b := "", "", api.Boundary{}
			if m.Version.Hash != nil {
				hash = *m.Version.Hash
			}
			if m.Boundary != nil {
				b = *m.Boundary
			}
			if m.Alert != nil {
				alert = string(m.Alert.Status)
			}
			rows = append(rows, []string{s.Branch.Name, s.Testbed.Name, s.Benchmark.Name, s.Measure.Name, s.Measure.Units,
				strconv.FormatInt(m.Version.Number, 10), hash,
				m.StartTime.UTC().Format(time.RFC3339Nano), strconv.Itoa(m.Iteration), number(&m.Metric.Value), number(m.Metric.LowerValue),
				number(m.Metric.UpperValue),
				number(b.Baseline), number(b.LowerLimit), number(b.UpperLimit), alert, m.Report})
		}
	}
	return out.WriteAll(rows)
}

package look

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/show"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/unit"
)

// Noise is `tacho noise`.
func Noise(env *cli.Env) *cobra.Command {
	return cli.Family("noise", "Look at how much benchmarks vary while their code stays the same", newNoiseList(env))
}

func newNoiseList(env *cli.Env) *cobra.Command {
	testbed := ""
	return cli.List[api.SeriesNoise]{
		Use: "list PROJECT", Short: "List what 'tacho calibrate' has shown: standard deviation, detectable change and grade of each line",
		Args:    cobra.ExactArgs(1),
		Example: "  tacho noise list app --testbed lab\n  tacho noise list app --json",
		Flags: func(v *pflag.FlagSet, _ *client.Page) {
			v.StringVar(&testbed, "testbed", "", "only of this testbed: name, slug or UUID")
		},
		Rows: func(ctx context.Context, srv *cli.Session, args []string, page client.Page) ([]api.SeriesNoise, int, error) {
			return srv.Noise(ctx, args[0], testbed, page)
		},
		Table: noiseTable,
	}.Command(env)
}

func noiseTable(rows []api.SeriesNoise) term.Table {
	t := term.Table{Titles: []string{"testbed", "benchmark", "measure", "typical", "sd", "runs", "could see", "grade", ""},
		Right: []bool{false, false, false, true, true, true, true, false, false}}
	percent := func(v *float64) string {
		if v == nil {
			return ""
		}
		return judge.Percent(*v)
	}
	for _, n := range rows {
		typical := ""
		if n.Typical != nil {
			typical = unit.Format(*n.Typical, n.Units)
		}
		t.Add(term.Text(n.Testbed.Name), term.Text(n.Benchmark.Name), term.Text(n.Measure.Name), term.Text(typical), term.Text(percent(n.SD)),
			term.Text(strconv.Itoa(n.N)), term.Text(percent(n.Detectable)), show.GradeCell(n.Grade), term.Text(strings.Join(n.Remarks, "; ")))
	}
	return t
}

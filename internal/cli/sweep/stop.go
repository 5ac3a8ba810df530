package sweep

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/sweep"
)

func newStop(env *cli.Env) *cobra.Command {
	var project string
	var now bool
	cmd := cli.Asking(env, "stop ID", "End a sweep early", cobra.ExactArgs(1),
		func(ctx context.Context, c *cli.Call, srv *cli.Session, args []string) error {
			project, ref, err := theSweep(ctx, env, srv, project, args)
			if err != nil {
				return err
			}
			verb := sweep.Stop
			if now {
				verb = sweep.StopNow
			}
			s, err := srv.UpdateSweep(ctx, project, ref, api.UpdateSweep{Do: string(verb)})
			switch {
			case err != nil:
				return err
			case c.JSON:
				return cli.PrintJSON(env.Stdout, s)
			}
			fmt.Fprintf(env.Stdout, "sweep %s: %s; %s\n", term.Clean(s.ID), state(s), tasks(s.Tasks))
			if s.Machines > 0 && (s.Controller == nil || !s.Controller.Alive) {
				fmt.Fprintf(env.Stderr, "tacho: %s may still run, and %s\n", cli.Counted(s.Machines, "machine", "machines"),
					term.Clean(watched(s, env.Now())))
			}
			return nil
		})
	cmd.Long = `End a sweep early: no new machine and no new task; what runs may finish. --now ends everything at once. Its machines
are removed by whoever looks after the sweep; results that come afterwards are kept and do not count.`
	cmd.Example = "  tacho sweep stop nightly\n  tacho sweep stop nightly --now"
	cmd.Flags().StringVar(&project, "project", "", projectHelp)
	cmd.Flags().BoolVar(&now, "now", false, "let nothing finish")
	return cmd
}

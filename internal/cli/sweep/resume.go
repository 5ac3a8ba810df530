package sweep

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/here"
)

func newResume(env *cli.Env) *cobra.Command {
	var a attention
	cmd := cli.Leaf("resume [ID]", "Look after a sweep that nobody looks after any more", exitsSweep,
		func(cmd *cobra.Command, args []string) error {
			if _, err := parseChoice(a.onInterrupt); err != nil {
				return err
			}
			var err error
			if a.owner, err = ownerOf(env, a.owner, a.conn); err != nil {
				return err
			}
			srv, err := a.conn.Serve(cmd.Context(), env)
			if err != nil {
				return err
			}
			return srv.Done(a.resume(cmd.Context(), env, srv, args))
		})
	cmd.Args = cobra.MaximumNArgs(1)
	cmd.Long = `Take over a sweep whose command was killed, or was left: on this machine or on any other that has the credentials of its
providers and can see its machines. Machines are made, watched and removed as 'tacho sweep run' does it, and nothing is done twice.
Local machines can be taken over only where they are. Machines are known by the tag of their installation: where 'run' had --owner or
TACHO_OWNER, this needs the same. While another controller looks after the sweep it is waited for, or refused if
it lives. ID may be left out: the last sweep of the project.`
	cmd.Example = "  tacho sweep resume\n  tacho sweep resume 1764360000 --json"
	a.flags(cmd)
	return cmd
}

func (a *attention) resume(ctx context.Context, env *cli.Env, srv *cli.Session, args []string) error {
	project, err := here.Project(ctx, env, srv, a.project)
	if err != nil {
		return err
	}
	s, err := named(ctx, srv, project, args)
	if err != nil {
		return err
	}
	w := newWatch(env)
	made, err := makers(env, srv.Reached(), w.say)
	if err != nil {
		return err
	}
	l := lookout{attention: a, env: env, srv: srv, project: project, sweep: s, makers: made, watch: w}
	return l.attend(ctx)
}

// named is the sweep that an argument names, or the last one of the project.
func named(ctx context.Context, srv *cli.Session, project string, args []string) (api.Sweep, error) {
	if len(args) > 0 {
		return srv.Sweep(ctx, project, args[0])
	}
	rows, _, err := srv.Sweeps(ctx, project, client.SweepFilter{}, client.Page{PerPage: 1})
	if err == nil && len(rows) == 0 {
		err = cli.Usage("project %s has no sweep yet; 'tacho sweep run' starts one", project)
	}
	if err != nil {
		return api.Sweep{}, err
	}
	return rows[0], nil
}

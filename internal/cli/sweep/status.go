package sweep

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/here"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/sweep"
)

const projectHelp = "slug or UUID (default $TACHO_PROJECT, or the one that 'tacho run' takes here)"

// theSweep is the project of a flag or of this folder, and the sweep that is named in it, or its last one.
func theSweep(ctx context.Context, env *cli.Env, srv *cli.Session, flag string, args []string) (project, ref string, err error) {
	if project, err = here.Project(ctx, env, srv, flag); err != nil {
		return "", "", err
	}
	if len(args) == 1 {
		return project, args[0], nil
	}
	newest, _, err := srv.Sweeps(ctx, project, client.SweepFilter{}, client.Page{PerPage: 1})
	if err == nil && len(newest) == 0 {
		err = cli.Usage("project %s has no sweep yet; 'tacho sweep run' starts one", project)
	}
	if err != nil {
		return "", "", err
	}
	return project, newest[0].ID, nil
}

func newStatus(env *cli.Env) *cobra.Command {
	var project string
	cmd := cli.Asking(env, "status [ID]", "Show how far a sweep is, and what it has cost", cobra.MaximumNArgs(1),
		func(ctx context.Context, c *cli.Call, srv *cli.Session, args []string) error {
			project, ref, err := theSweep(ctx, env, srv, project, args)
			if err != nil {
				return err
			}
			rows, err := srv.SweepLedger(ctx, project, ref)
			switch {
			case err != nil:
				return err
			case c.JSON:
				return cli.PrintJSON(env.Stdout, rows)
			}
			return printStatus(env, rows)
		})
	cmd.Long = `Show how far a sweep is: its pools, what its machines do, what it has cost, and who looks after it. Without ID it is
the last one of the project. While the server is restarted the question is asked again (--attempts).`
	cmd.Example = "  tacho sweep status\n  tacho sweep status nightly --json"
	cmd.Flags().StringVar(&project, "project", "", projectHelp)
	return cmd
}

func printStatus(env *cli.Env, rows api.SweepLedger) error {
	s, out := rows.Sweep, env.Stdout
	fmt.Fprintf(out, "sweep %s: %s\n", term.Clean(s.ID), state(s))
	fmt.Fprintf(out, "%s; %s of %s spent (estimated)\n", tasks(s.Tasks), sweep.Micros(s.Spent).Cents(), budget(s))
	fmt.Fprintf(out, "%s\n\n", term.Clean(watched(s, rows.Now)))
	pools := term.Table{Titles: []string{"pool", "type", "slots", "done", "failed", "left", "machines", "skipped"},
		Right: []bool{false, false, true, true, true, true, true, false}}
	alive := map[string]int{}
	for _, m := range rows.Machines {
		if sweep.MachineState(m.State).MayRun() {
			alive[m.Pool]++
		}
	}
	for _, p := range rows.Pools {
		skipped := ""
		if p.Skipped != nil {
			skipped = cmp.Or(p.Skipped.Sentence, p.Skipped.Reason)
		}
		pools.Add(term.Text(p.Alias), term.Text(p.Provider+" "+p.Type), term.Text(strconv.Itoa(len(p.Slots))),
			term.Text(strconv.Itoa(p.Tasks.Done)), term.Text(strconv.Itoa(p.Tasks.Failed)),
			term.Text(strconv.Itoa(p.Tasks.Pending+p.Tasks.Running)), term.Text(strconv.Itoa(alive[p.UUID])), term.Text(skipped))
	}
	if err := pools.Write(env.Out()); err != nil {
		return err
	}
	return printMachines(env, rows)
}

// printMachines lists the machines that may run.
func printMachines(env *cli.Env, rows api.SweepLedger) error {
	alias := map[string]string{}
	for _, p := range rows.Pools {
		alias[p.UUID] = p.Alias
	}
	t := term.Table{Titles: []string{"machine", "pool", "where", "state", "phase", "age", "heard", "cost"},
		Right: []bool{false, false, false, false, false, true, true, true}}
	for _, m := range rows.Machines {
		if !sweep.MachineState(m.State).MayRun() {
			continue
		}
		age, heard := "", ""
		if m.Launched != nil {
			age = rows.Now.Sub(*m.Launched).Round(time.Second).String()
		}
		if m.Beat != nil {
			heard = rows.Now.Sub(*m.Beat).Round(time.Second).String() + " ago"
		}
		what := m.State
		if m.Suspect != "" {
			what += " (suspect: " + m.Suspect + ")"
		}
		t.Add(term.Text(cmp.Or(m.NativeID, m.ID)), term.Text(alias[m.Pool]), term.Text(cmp.Or(m.Zone, m.Region, m.Provider)),
			term.Text(what), term.Text(cmp.Or(m.Benchmark, m.Phase)), term.Text(age), term.Text(heard), term.Text(sweep.Micros(m.Cost).Cents()))
	}
	if len(t.Rows) == 0 {
		return nil
	}
	fmt.Fprintln(env.Stdout)
	return t.Write(env.Out())
}

// state is where a sweep is, and why.
func state(s api.Sweep) string {
	text := s.State
	if s.Outcome != "" {
		text = "ended, " + s.Outcome
	}
	if s.Broken != "" {
		text += " (" + s.Broken
		if s.Note != "" {
			text += ": " + s.Note
		}
		text += ")"
	}
	if s.State == string(sweep.Ended) && !s.Clean {
		text += ", and not clean: " + cli.Counted(s.Machines, "machine", "machines") + " may still run"
	}
	return term.Clean(text)
}

func tasks(c api.SweepCounts) string {
	text := fmt.Sprintf("%d of %s done, %d running, %d waiting, %d failed", c.Done, cli.Counted(c.Total, "task", "tasks"), c.Running,
		c.Pending, c.Failed)
	if c.Unread > 0 {
		text += fmt.Sprintf(", %d not read yet", c.Unread)
	}
	if c.Late > 0 {
		text += fmt.Sprintf(", %d late", c.Late)
	}
	return text
}

func budget(s api.Sweep) string {
	if s.Budget == 0 {
		return "no budget"
	}
	return sweep.Micros(s.Budget).Cents()
}

// watched is who looks after a sweep, and what happens if nobody does.
func watched(s api.Sweep, now time.Time) string {
	end := s.Expires.UTC().Format("2006-01-02 15:04 UTC")
	switch {
	case s.Clean && s.State == string(sweep.Ended):
		return "all of its machines are gone"
	case s.Controller != nil && s.Controller.Alive:
		return fmt.Sprintf("%s looks after it; all machines end by %s", s.Controller.Holder, end)
	case !now.Before(s.Expires):
		return fmt.Sprintf("nobody looks after it; its machines were to end by %s, and 'tacho sweep nuke %s' proves it", end, s.ID)
	}
	return fmt.Sprintf("nobody looks after it; its machines end by %s; 'tacho sweep resume %s' takes over", end, s.ID)
}

package sweep

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/here"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/cloud/provider"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/sweep"
)

// What the commands about a sweep end with. 7 and 8 also mean a server that cannot be reached and one that failed: both leave open what
// became of the sweep.
const (
	exitUnfinished = fault.ExitNetwork // some tasks failed or were skipped
	exitMayRun     = fault.ExitServer  // something may still run
)

var exitsSweep = []int{fault.ExitOK, fault.ExitUsage, fault.ExitTimedOut, exitUnfinished, exitMayRun, fault.ExitRefused}

// attention is what 'sweep run' and 'sweep resume' have in common.
type attention struct {
	conn        cli.Connection
	project     string
	owner       string // of the machines
	onInterrupt string
	json        bool
}

func (a *attention) flags(cmd *cobra.Command) {
	a.conn.Flags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&a.project, "project", "", "project (default $TACHO_PROJECT, else the repository's or folder's)")
	flags.StringVar(&a.owner, "owner", "", ownerHelp)
	flags.StringVar(&a.onInterrupt, "on-interrupt", string(choiceDetach),
		"what Ctrl-C and SIGTERM do where nobody can be asked: detach, drain, stop or nuke")
	flags.BoolVar(&a.json, "json", false, "the last line of the output is the result as JSON")
}

type runFlags struct {
	planFlags
	attention
	id            string
	detach, build bool
}

func newRun(env *cli.Env) *cobra.Command {
	var f runFlags
	cmd := cli.Leaf("run", "Run a sweep: make its machines, watch over them, and see them gone", exitsSweep,
		func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), env) })
	cmd.Args = cobra.NoArgs
	cmd.Long = `Run a sweep. The plan is made as 'tacho sweep plan' makes it; what is over its budget is refused. Machines are made by this
process, with the credentials that it has, and enrol at the server; tasks and results are the server's. When the last machine is gone
the command ends.

This process may be killed at any time: tasks go on, 'tacho sweep resume' takes over, and each machine ends by itself at its time in
any case. Ctrl-C asks what to do; a second one leaves at once and says what may still run.

Without a server the store of this machine serves in this process. The same --id again is the same sweep.

A suite whose image is built by a recipe needs that image in the server's registry. Where it is missing the command says how to build
and push it; --build does so with podman or docker.`
	cmd.Example = "  tacho sweep run -c sweep.yaml\n  tacho sweep run -c sweep.yaml --provider local --hosts 2 --id 1764360000 --json\n" +
		"  tacho sweep run -c sweep.yaml --budget 5 --ttl 2h --detach"
	f.planFlags.flags(cmd)
	f.attention.flags(cmd)
	cmd.Flags().StringVar(&f.id, "id", "", "the sweep's `name`, unique in the project; the same again is the same sweep (default: now, in "+
		"unix seconds)")
	cmd.Flags().BoolVar(&f.detach, "detach", false, "start it, and leave it to a process in the background")
	cmd.Flags().BoolVar(&f.build, "build", false, "build the suite's image with podman or docker, and push it")
	return cmd
}

func (f *runFlags) run(ctx context.Context, env *cli.Env) error {
	if _, err := parseChoice(f.onInterrupt); err != nil {
		return err
	}
	var err error
	if f.owner, err = ownerOf(env, f.owner, f.conn); err != nil {
		return err
	}
	c, p, err := f.plan(env)
	if err != nil {
		return err
	}
	story := *env
	story.Stdout = env.Stderr // the plan is a part of the story here, and not the answer
	if err := printPlan(&story, p); err != nil {
		return err
	}
	if why := p.OverBudget(); why != "" {
		return cli.Fail(fault.ExitTimedOut, "over budget: %s", why)
	}
	srv, err := f.conn.Serve(ctx, env)
	if err != nil {
		return err
	}
	return srv.Done(f.start(ctx, env, srv, c, p))
}

// start makes the sweep on the server and looks after it.
func (f *runFlags) start(ctx context.Context, env *cli.Env, srv *cli.Session, c sweep.Config, p sweep.Plan) error {
	project, err := here.Project(ctx, env, srv, f.project)
	if err != nil {
		return err
	}
	w := newWatch(env)
	made, err := makers(env, srv.Reached(), w.say)
	if err != nil {
		return err
	}
	in, err := request(ctx, cmp.Or(f.id, c.ID, strconv.FormatInt(env.Now().Unix(), 10)), c, p, made)
	if err != nil {
		return err
	}
	if c.Suite != "" {
		s, err := f.suiteOf(env, c)
		if err != nil {
			return err
		}
		e := s.ExpectedWith(p.Params)
		in.Expected = &api.SweepExpected{Benchmarks: e.Benchmarks, Missing: string(e.Missing)}
	}
	recipes := recipesOf(&in, p)
	if f.build {
		if err := buildAll(ctx, env, f, c, srv, project, recipes); err != nil {
			return err
		}
	}
	s, err := srv.CreateSweep(ctx, project, in)
	if err != nil {
		if len(recipes) > 0 && aboutImage(err, in) {
			return cli.ExitWith(cli.ExitCode(err), howToBuild(srv, project, c.Suite, recipes, err))
		}
		return err
	}
	fmt.Fprintf(env.Stderr, "\nsweep %s of project %s: %s; its machines end at %s in any case\n", term.Clean(s.ID), term.Clean(project),
		s.State, clock(s.Expires))
	l := lookout{attention: &f.attention, env: env, srv: srv, project: project, sweep: s, makers: made, watch: w}
	if f.detach {
		return l.detach(ctx)
	}
	return l.attend(ctx)
}

// clock is a time of day for people, by their own clock.
func clock(t time.Time) string { return t.Local().Format("15:04") }

// request is the body that starts a sweep. What the plan does not know of a type its provider says.
func request(ctx context.Context, id string, c sweep.Config, p sweep.Plan, made map[string]provider.Provider) (api.NewSweep, error) {
	in := api.NewSweep{ID: id, Config: json.RawMessage(c.Canonical()), Suite: p.Suite, Params: p.Params,
		Seed: strconv.FormatUint(p.Seed, 10), Repeats: p.Repeats, TTL: int64(p.TTL / time.Second), Budget: int64(p.Budget)}
	for _, w := range p.Workloads {
		var asserted []api.SweepAssertion
		for _, a := range w.Assert {
			asserted = append(asserted, api.SweepAssertion{Field: a.Field, Contains: a.Contains, NotContains: a.NotContains,
				Equals: a.Equals})
		}
		in.Workloads = append(in.Workloads, api.SweepWorkload{Name: w.Name, Image: w.Image, Cmd: w.Cmd, Env: w.Env, Adapter: w.Adapter,
			Files: w.Files, Assert: asserted, Timeout: int64(w.Timeout / time.Second)})
	}
	for _, one := range p.Pools {
		pool, err := newPool(ctx, one, made[one.Provider])
		if err != nil {
			return in, err
		}
		in.Pools = append(in.Pools, pool)
	}
	return in, nil
}

func newPool(ctx context.Context, p sweep.Pool, from provider.Provider) (api.NewPool, error) {
	out := api.NewPool{Provider: p.Provider, Regions: p.Regions, Zones: p.Zones, Type: p.Type, Alias: p.Alias, Market: string(p.Market),
		Arch: cmp.Or(p.Arch, runtime.GOARCH), VCPUs: p.VCPUs, Cores: p.Cores, Module: p.Module, Hosts: p.Hosts, Share: string(p.Share),
		Price: api.SweepPrice{PerHour: int64(p.Price.PerHour), Known: p.Price.Known, Source: p.Price.Source, Date: p.Price.Date,
			MinBilled: int64(p.Price.MinBilled / time.Second)}}
	if p.Skipped != nil {
		out.Skipped = &api.SweepSkip{Reason: string(p.Skipped.Reason), Sentence: p.Skipped.Sentence}
		return out, nil
	}
	if from == nil {
		return out, cli.Usage("%s: this version makes no machines of provider %s on this system; --provider local leaves the others out",
			p.Alias, p.Provider)
	}
	out.Slack = int64(from.Traits().Slack / time.Second)
	region := ""
	if len(p.Regions) > 0 {
		region = p.Regions[0]
	}
	types, err := from.Types(ctx, region)
	if err != nil {
		return out, fmt.Errorf("types of %s: %w", p.Provider, err)
	}
	known := false
	for _, t := range types {
		if p.Type != t.Name && !strings.HasPrefix(p.Type, t.Name+".") {
			continue
		}
		known = true
		out.Arch, out.VCPUs, out.Cores = cmp.Or(p.Arch, t.Arch), cmp.Or(p.VCPUs, t.VCPUs), cmp.Or(p.Cores, t.Cores)
	}
	switch {
	case len(types) > 0 && !known:
		return out, cli.Usage("%s: provider %s has no type %s", p.Alias, p.Provider, p.Type)
	case p.Provider == "static" && p.Arch == "":
		return out, cli.Usage("%s: which architecture the machine has is not known; write {type: %s, arch: amd64} (or arm64)", p.Alias, p.Type)
	}
	return out, nil
}

// errLeft ends the watching of a sweep that goes on.
var errLeft = errors.New("left")

// result is what is said of a sweep at the end, and the exit code.
func (l *lookout) result(s api.Sweep) error {
	if l.json {
		line, err := json.Marshal(s)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(l.env.Stdout, string(line)); err != nil {
			return err
		}
	} else if s.State == string(sweep.Ended) {
		fmt.Fprintln(l.env.Stdout, verdict(s))
	}
	switch {
	case !s.Clean || s.State != string(sweep.Ended):
		return cli.ExitWith(exitMayRun, nil)
	case s.Outcome == string(sweep.OverBudget):
		return cli.ExitWith(fault.ExitTimedOut, nil)
	case s.Outcome != string(sweep.Completed):
		return cli.ExitWith(exitUnfinished, nil)
	}
	return nil
}

// verdict is a sweep's end in one line.
func verdict(s api.Sweep) string {
	text := fmt.Sprintf("sweep %s %s: %d of %s done", s.ID, outcomes[s.Outcome], s.Tasks.Done,
		cli.Counted(s.Tasks.Total, "task", "tasks"))
	if s.Tasks.Failed > 0 {
		text += fmt.Sprintf(", %d failed or canceled", s.Tasks.Failed)
	}
	if s.Budget > 0 || s.Spent > 0 {
		text += fmt.Sprintf(", about %s spent", sweep.Micros(s.Spent).Cents())
	}
	if s.Note != "" {
		text += " (" + s.Note + ")"
	}
	if s.Clean {
		return term.Clean(text + "; all machines are gone")
	}
	return term.Clean(fmt.Sprintf("%s; %s may still run, until %s at the latest", text, cli.Counted(s.Machines, "machine", "machines"),
		clock(s.Expires)))
}

var outcomes = map[string]string{string(sweep.Completed): "is complete", string(sweep.Partial): "ended with gaps",
	string(sweep.Stopped): "was stopped", string(sweep.OverBudget): "ran out of its budget", string(sweep.Failed): "failed"}

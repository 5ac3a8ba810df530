package sweep

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/here"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/cloud/nuke"
	"github.com/tachograph/tacho/internal/cloud/provider"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
)

// nukeFlags say what goes.
type nukeFlags struct {
	ownerFlag
	project                  string
	provider, region         string
	all, expired, dry, agree bool
	json                     bool

	open  func(fleet, string) ([]provider.Provider, error) // for tests
	pause nuke.Pause
}

func newNuke(env *cli.Env) *cobra.Command { return nukeCommand(env, fleet.opened, pauseFor) }

func pauseFor(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func nukeCommand(env *cli.Env, open func(fleet, string) ([]provider.Provider, error), pause nuke.Pause) *cobra.Command {
	f := nukeFlags{open: open, pause: pause}
	cmd := cli.Leaf("nuke [ID|--all|--expired]", "Remove the machines of sweeps, by their tags alone",
		[]int{fault.ExitOK, fault.ExitUsage, fault.ExitCanceled, fault.ExitServer}, func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), env, args)
		})
	cmd.Args = cobra.MaximumNArgs(1)
	cmd.Long = `Remove machines, and what they left behind, in every region, by the tags that they carry. Nothing is needed but the
providers' credentials: no server, no database. What does not carry the tag of this installation is never touched.

It prints what would go, asks for the number of machines, removes, and looks again until two lists are empty. Exit code
0 says that nothing is left. With 8 something is, or a region could not be listed: both are named.

ID is a sweep's, --all is every sweep of this installation, --expired what is past its time: safe to run hourly with
--yes. The installation is the server that --host or the login names, or this machine; the server is only asked where ID
is not a UUID. --owner names another one, as the tag tacho:owner has it.`
	cmd.Example = "  tacho sweep nuke nightly\n  tacho sweep nuke --all --dry-run\n  tacho sweep nuke --expired --yes   # from cron"
	v := cmd.Flags()
	v.BoolVar(&f.all, "all", false, "of every sweep of this installation")
	v.BoolVar(&f.expired, "expired", false, "only what is past the time in its tag")
	v.StringVar(&f.provider, "provider", "", "only machines of this provider")
	v.StringVar(&f.region, "region", "", "only this region")
	v.BoolVar(&f.dry, "dry-run", false, "say what would go, and remove nothing")
	v.BoolVar(&f.agree, "yes", false, "remove without asking")
	v.BoolVar(&f.json, "json", false, "print what was found as JSON")
	v.StringVar(&f.owner, "owner", "", ownerHelp)
	v.StringVar(&f.project, "project", "", projectHelp)
	f.Flags(cmd)
	return cmd
}

func (f *nukeFlags) run(ctx context.Context, env *cli.Env, args []string) error {
	if (len(args) == 1) == (f.all || f.expired) {
		return cli.Usage("name a sweep, or --all, or --expired")
	}
	in, err := f.fleet(env)
	if err != nil {
		return err
	}
	scope := nuke.Scope{Owner: in.owner, Expired: f.expired}
	if len(args) == 1 {
		if scope.Sweep, err = f.sweep(ctx, env, args[0]); err != nil {
			return err
		}
	}
	if f.region != "" {
		scope.Regions = []string{f.region}
	}
	providers, err := f.open(in, f.provider)
	if err != nil {
		return err
	}
	plans, err := find(ctx, providers, scope, env.Now())
	if err != nil {
		return err
	}
	if err := f.print(env, in, providers, plans); err != nil {
		return err
	}
	if f.dry {
		return unseen(providers, plans)
	}
	if err := f.asked(env, plans); err != nil {
		return err
	}
	return f.remove(ctx, env, in, providers, scope)
}

// sweep is the tag of a sweep: its UUID, which a server knows of the id that people gave.
func (f *nukeFlags) sweep(ctx context.Context, env *cli.Env, ref string) (string, error) {
	if ident.IsUUID(ref) {
		return ref, nil
	}
	srv, err := f.Open(ctx, env)
	if err != nil {
		return "", err
	}
	var sweep api.Sweep
	project, err := here.Project(ctx, env, srv, f.project)
	if err == nil {
		sweep, err = srv.Sweep(ctx, project, ref)
	}
	if err = srv.Done(err); err != nil {
		text, _ := cli.Sentence(err)
		return "", cli.Usage("sweep %s: %s; without a server, name its UUID (tag tacho:sweep), or use --all", ref, text)
	}
	return sweep.UUID, nil
}

// find looks at each provider. One whose regions cannot be listed is in its plan as unseen.
func find(ctx context.Context, providers []provider.Provider, s nuke.Scope, now time.Time) ([]nuke.Plan, error) {
	plans := make([]nuke.Plan, len(providers))
	for i, p := range providers {
		var err error
		if plans[i], err = nuke.Find(ctx, p, s, now); err != nil {
			plans[i].Unseen = append(plans[i].Unseen, nuke.Unseen{Region: "*", Err: err})
		}
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
	}
	return plans, nil
}

// nuked is one thing of a plan for programs.
type nuked struct {
	Provider string     `json:"provider"`
	Region   string     `json:"region"`
	Kind     string     `json:"kind"`
	ID       string     `json:"id"`
	Sweep    string     `json:"sweep,omitempty"`
	Machine  string     `json:"machine,omitempty"`
	Type     string     `json:"type,omitempty"`
	Since    *time.Time `json:"since,omitempty"`
	Expires  *time.Time `json:"expires,omitempty"`
}

func (f *nukeFlags) print(env *cli.Env, in fleet, providers []provider.Provider, plans []nuke.Plan) error {
	out := []nuked{}
	table := term.Table{Titles: []string{"kind", "id", "where", "type", "age", "ends", "sweep"}}
	var unseen []string
	for i, plan := range plans {
		name := providers[i].Traits().Name
		for _, item := range plan.Items {
			out = append(out, nuked{Provider: name, Region: item.Region, Kind: string(item.Kind), ID: item.ID, Sweep: item.Sweep,
				Machine: item.Token, Type: item.Type, Since: timeOrNil(item.Since), Expires: timeOrNil(item.Expires)})
			age := ""
			if !item.Since.IsZero() {
				age = env.Now().Sub(item.Since).Round(time.Second).String()
			}
			table.Add(term.Text(string(item.Kind)), term.Text(item.ID), term.Text(strings.TrimSpace(name+" "+item.Region)),
				term.Text(item.Type), term.Text(age), term.Text(cli.Stamp(&item.Expires)), term.Text(item.Sweep))
		}
		for _, u := range plan.Unseen {
			unseen = append(unseen, fmt.Sprintf("%s %s could not be listed: %v", name, cmp.Or(u.Region, "here"), u.Err))
		}
	}
	for _, line := range unseen {
		fmt.Fprintf(env.Stderr, "tacho: %s\n", term.Clean(line))
	}
	switch {
	case f.json:
		return cli.PrintJSON(env.Stdout, out)
	case len(out) > 0:
		return table.Write(env.Out())
	case len(unseen) == 0:
		fmt.Fprintf(env.Stdout, "nothing %sof installation %s was found%s\n", f.which(), in.owner, f.where(providers))
	}
	return nil
}

func (f *nukeFlags) which() string {
	if f.expired {
		return "past its time "
	}
	return ""
}

// where says in which places was looked.
func (f *nukeFlags) where(providers []provider.Provider) string {
	var names []string
	for _, p := range providers {
		names = append(names, p.Traits().Name)
	}
	where := " with " + strings.Join(names, " and ")
	if f.region != "" {
		where += " in " + f.region
	}
	return where
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// unseen is why a dry run proves nothing.
func unseen(providers []provider.Provider, plans []nuke.Plan) error {
	for i, plan := range plans {
		for _, u := range plan.Unseen {
			return cli.Fail(fault.ExitServer, "%s %s could not be listed, so something may be there", providers[i].Traits().Name, u.Region)
		}
	}
	return nil
}

// asked makes a person type the number of machines. Where nothing is found nobody is asked, and it is looked once more.
func (f *nukeFlags) asked(env *cli.Env, plans []nuke.Plan) error {
	machines, things := 0, 0
	for _, plan := range plans {
		machines, things = machines+plan.Machines(), things+len(plan.Items)
	}
	if f.agree || things == 0 {
		return nil
	}
	fmt.Fprintf(env.Stderr, "Type the number of machines (%d) to remove these %s: ", machines, cli.Counted(things, "thing", "things"))
	line, err := bufio.NewReader(env.Stdin).ReadString('\n')
	if n, parse := strconv.Atoi(strings.TrimSpace(line)); parse == nil && n == machines {
		return nil
	}
	if err != nil && line == "" {
		return cli.Fail(fault.ExitCanceled, "nobody has agreed, and nothing was removed; scripts use --yes")
	}
	return cli.Fail(fault.ExitCanceled, "%.20q is not %d: nothing was removed", strings.TrimSpace(line), machines)
}

// remove destroys with each provider in turn until two lists are empty, and says what is left.
func (f *nukeFlags) remove(ctx context.Context, env *cli.Env, in fleet, providers []provider.Provider, s nuke.Scope) error {
	var left []string
	for _, p := range providers {
		name := p.Traits().Name
		err := nuke.Destroy(ctx, p, s, nukeRounds, env.Now, f.pause)
		switch is, ok := errors.AsType[*nuke.LeftError](err); {
		case ctx.Err() != nil:
			return cli.Fail(fault.ExitServer, "interrupted: what is left of %s is not known; run it again", name)
		case ok:
			left = append(left, name+": "+is.Error())
		case err != nil:
			left = append(left, name+": "+err.Error())
		}
	}
	if len(left) > 0 {
		return cli.Fail(fault.ExitServer, "something may still run. %s", strings.ReplaceAll(strings.Join(left, "; "), "\n ", ","))
	}
	if !f.json {
		fmt.Fprintf(env.Stdout, "nothing %sof installation %s is left%s: two lists in a row are empty\n", f.which(), in.owner, f.where(providers))
	}
	return nil
}

package sweep

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/cloud/provider"
	"github.com/tachograph/tacho/internal/core/fault"
)

// checked is one finding for programs.
type checked struct {
	Provider string `json:"provider,omitempty"`
	Check    string `json:"check"`
	OK       bool   `json:"ok"`
	Sentence string `json:"sentence"`
}

func newDoctor(env *cli.Env) *cobra.Command { return doctorCommand(env, fleet.opened) }

func doctorCommand(env *cli.Env, open func(fleet, string) ([]provider.Provider, error)) *cobra.Command {
	var f ownerFlag
	var name string
	var asJSON bool
	cmd := cli.Leaf("doctor", "Say whether sweeps can make machines from here",
		[]int{fault.ExitOK, fault.ExitUsage, fault.ExitInfrastructure}, func(cmd *cobra.Command, _ []string) error {
			in, err := f.fleet(env)
			if err != nil {
				return err
			}
			providers, err := open(in, name)
			if err != nil {
				return err
			}
			found := examine(cmd.Context(), in, providers)
			if asJSON {
				err = cli.PrintJSON(env.Stdout, found)
			} else {
				err = printChecks(env, found)
			}
			if err != nil {
				return err
			}
			for _, c := range found {
				if !c.OK {
					return cli.Fail(fault.ExitInfrastructure, "%s: %s", c.Check, c.Sentence)
				}
			}
			return nil
		})
	cmd.Args = cobra.NoArgs
	cmd.Long = `Say whether sweeps can make machines from here: for each provider its credentials, rights, image, network and quota, as
far as it has them, and whether its regions can be listed: what cannot be listed cannot be removed by 'tacho sweep nuke'.`
	cmd.Example = "  tacho sweep doctor\n  tacho sweep doctor --provider local --json"
	v := cmd.Flags()
	v.StringVar(&name, "provider", "", "only this provider")
	v.BoolVar(&asJSON, "json", false, "print JSON")
	v.StringVar(&f.owner, "owner", "", ownerHelp)
	f.Flags(cmd)
	return cmd
}

func examine(ctx context.Context, in fleet, providers []provider.Provider) []checked {
	out := []checked{{Check: "installation", OK: true, Sentence: "machines carry the owner " + in.owner}}
	for _, p := range providers {
		name := p.Traits().Name
		for _, c := range p.Doctor(ctx) {
			out = append(out, checked{name, c.Name, c.OK, c.Sentence})
		}
		out = append(out, listed(ctx, p, in.owner))
	}
	return out
}

// listed is whether all regions of a provider can be looked at.
func listed(ctx context.Context, p provider.Provider, owner string) checked {
	c := checked{Provider: p.Traits().Name, Check: "lists"}
	regions, err := p.Regions(ctx)
	if err != nil {
		c.Sentence = fmt.Sprintf("its regions cannot be listed: %v", err)
		return c
	}
	machines := 0
	for _, region := range regions {
		found, _, err := p.List(ctx, region, provider.Filter{Owner: owner})
		if err != nil {
			c.Sentence = fmt.Sprintf("region %q cannot be listed: %v", region, err)
			return c
		}
		for _, m := range found {
			if m.State != provider.Ended {
				machines++
			}
		}
	}
	c.OK, c.Sentence = true, fmt.Sprintf("%s of ours in %s", cli.Counted(machines, "machine", "machines"),
		cli.Counted(len(regions), "region", "regions"))
	return c
}

func printChecks(env *cli.Env, found []checked) error {
	t := term.Table{Titles: []string{"provider", "check", "", "found"}}
	for _, c := range found {
		mark := term.Cell{Text: "ok", Colour: term.Good}
		if !c.OK {
			mark = term.Cell{Text: "bad", Colour: term.Bad}
		}
		t.Add(term.Text(c.Provider), term.Text(c.Check), mark, term.Text(c.Sentence))
	}
	return t.Write(env.Out())
}

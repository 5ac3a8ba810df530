package runner

import (
	"context"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/cli/value"
	"github.com/tachograph/tacho/internal/core/host"
)

// Specs is `tacho spec`: the hardware that jobs can ask for.
func Specs(env *cli.Env) *cobra.Command {
	return cli.Family("spec", "Look at hardware specs and make them", newSpecList(env), newSpecCreate(env))
}

func newSpecList(env *cli.Env) *cobra.Command {
	return cli.List[api.Spec]{
		Use: "list", Short: "List the hardware specs that jobs can ask for", Args: cobra.NoArgs, Example: "  tacho spec list",
		Rows: func(ctx context.Context, srv *cli.Session, _ []string, page client.Page) ([]api.Spec, int, error) {
			return srv.Specs(ctx, page)
		},
		Table: specTable,
	}.Command(env)
}

func specTable(rows []api.Spec) term.Table {
	t := term.Table{Titles: []string{"spec", "system", "isolation", "cpu", "memory", "disk", "network", ""},
		Right: []bool{false, false, false, true, true, true, false, false}}
	for _, s := range rows {
		memory, disk, network, note := value.Bytes(s.Memory), value.Bytes(s.Disk), "no", ""
		if s.Network {
			network = "yes"
		}
		if s.Fallback != nil {
			note = "fallback"
		}
		t.Add(term.Text(s.Slug), term.Text(s.OS+"/"+s.Architecture), term.Text(s.Isolation), term.Text(fmt.Sprint(s.CPU)),
			term.Text(memory.String()), term.Text(disk.String()), term.Text(network), term.Text(note))
	}
	return t
}

func newSpecCreate(env *cli.Env) *cobra.Command {
	in := api.NewSpec{}
	memory, disk := value.Bytes(0), value.Bytes(0)
	cmd := cli.Asking(env, "create NAME", "Make a hardware spec; its resources never change", cobra.ExactArgs(1),
		func(ctx context.Context, c *cli.Call, srv *cli.Session, args []string) error {
			if in.CPU < 1 || memory < 1 || disk < 1 {
				return cli.Usage("--cpu, --memory and --disk say what a job gets; give all three")
			}
			in.Name, in.Memory, in.Disk = args[0], int64(memory), int64(disk)
			in.Architecture = host.Architecture(in.Architecture)
			made, err := srv.CreateSpec(ctx, in)
			if err != nil {
				return err
			}
			if c.JSON {
				return cli.PrintJSON(env.Stdout, made)
			}
			_, err = fmt.Fprintln(env.Stdout, made.Slug)
			return err
		})
	cmd.Aliases = []string{"add"}
	cmd.Example = "  tacho spec create intel-v1 --architecture x86_64 --cpu 2 --memory 4GiB --disk 10GiB"
	v := cmd.Flags()
	v.StringVar(&in.Slug, "slug", "", "default: made from the name")
	v.StringVar(&in.OS, "os", "linux", "operating system")
	v.StringVar(&in.Architecture, "architecture", runtime.GOARCH, "x86_64 or aarch64 (amd64 and arm64 are understood)")
	v.StringVar(&in.Isolation, "isolation", "container", "least level: container, gvisor or microvm")
	v.IntVar(&in.CPU, "cpu", 0, "virtual CPUs")
	v.Var(&memory, "memory", "memory; a bare number is MiB")
	v.Var(&disk, "disk", "disk; a bare number is MiB")
	v.BoolVar(&in.Network, "network", false, "jobs get a network")
	v.BoolVar(&in.Fallback, "fallback", false, "for jobs that ask for no spec")
	return cmd
}

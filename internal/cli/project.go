package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/cli/term"
)

// newProjectCommand is `tacho project`.
func newProjectCommand(env *Env) *cobra.Command {
	return family("project", "Look at projects and make them", newProjectList(env), newProjectCreate(env), newProjectView(env))
}

func newProjectList(env *Env) *cobra.Command {
	var p pageFlags
	var search string
	cmd := asking(env, "list", "List the projects that you may see, by name", cobra.NoArgs, func(ctx context.Context, c *call, srv *session, _ []string) error {
		return listed(ctx, env, c, p, client.Page{Search: search}, srv.Projects, func(rows []api.Project) term.Table {
			t := term.Table{Titles: []string{"project", "name", "visibility", "modified"}}
			for _, r := range rows {
				t.Add(term.Text(r.Slug), term.Text(r.Name), term.Text(string(r.Visibility)), term.Text(stamp(&r.Modified)))
			}
			return t
		})
	})
	cmd.Aliases = []string{"ls"}
	cmd.Example = "  tacho project list\n  tacho project list --search app --json"
	p.flags(cmd)
	cmd.Flags().StringVar(&search, "search", "", "only those with this in name or slug")
	return cmd
}

func newProjectCreate(env *Env) *cobra.Command {
	var slug, address, organization, visibility string
	cmd := asking(env, "create NAME", "Make a project", cobra.ExactArgs(1), func(ctx context.Context, c *call, srv *session, args []string) error {
		in := api.NewProject{Name: args[0], Slug: slug, Visibility: api.Visibility(visibility)}
		if address != "" {
			in.URL = &address
		}
		switch in.Visibility {
		case "", api.Public, api.Private:
		default:
			return usage("--visibility %q: want public or private", visibility)
		}
		made, err := srv.CreateProject(ctx, organization, in)
		if err != nil {
			return err
		}
		if c.asJSON {
			return printJSON(env.Stdout, made)
		}
		_, err = fmt.Fprintln(env.Stdout, made.Slug)
		return err
	})
	cmd.Aliases = []string{"add"}
	cmd.Example = "  tacho project create \"My app\" --slug app --visibility private"
	cmd.Flags().StringVar(&slug, "slug", "", "default: made from the name")
	cmd.Flags().StringVar(&address, "url", "", "the project's home page")
	cmd.Flags().StringVar(&organization, "organization", "", "slug or UUID (default: your own)")
	cmd.Flags().StringVar(&visibility, "visibility", "", "public or private (default public)")
	return cmd
}

func newProjectView(env *Env) *cobra.Command {
	cmd := asking(env, "view PROJECT", "Show one project", cobra.ExactArgs(1), func(ctx context.Context, c *call, srv *session, args []string) error {
		p, err := srv.Project(ctx, args[0])
		if err != nil {
			return err
		}
		if c.asJSON {
			return printJSON(env.Stdout, p)
		}
		address := ""
		if p.URL != nil {
			address = *p.URL
		}
		facts(env.out(), "project", p.Slug, "name", p.Name, "uuid", p.UUID, "organization", p.Organization, "visibility", string(p.Visibility), "url", address,
			"created", stamp(&p.Created), "modified", stamp(&p.Modified), "page", srv.page("projects", p.Slug))
		return nil
	})
	cmd.Aliases = []string{"get"}
	cmd.Example = "  tacho project view app"
	return cmd
}

// Package admin is the commands that make and change what a project has: project, threshold, plot and image.
package admin

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/show"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/cli/value"
)

// Projects is `tacho project`.
func Projects(env *cli.Env) *cobra.Command {
	return cli.Family("project", "Look at projects and make them", newProjectList(env), newProjectCreate(env), newProjectUpdate(env),
		newProjectView(env))
}

func newProjectList(env *cli.Env) *cobra.Command {
	var p cli.PageFlags
	var search string
	cmd := cli.Asking(env, "list", "List the projects that you may see, by name", cobra.NoArgs,
		func(ctx context.Context, c *cli.Call, srv *cli.Session, _ []string) error {
			return cli.Listed(ctx, env, c, p, client.Page{Search: search}, srv.Projects, func(rows []api.Project) term.Table {
				t := term.Table{Titles: []string{"project", "name", "visibility", "modified"}}
				for _, r := range rows {
					t.Add(term.Text(r.Slug), term.Text(r.Name), term.Text(string(r.Visibility)), term.Text(cli.Stamp(&r.Modified)))
				}
				return t
			})
		})
	cmd.Aliases = []string{"ls"}
	cmd.Example = "  tacho project list\n  tacho project list --search app --json"
	p.Flags(cmd)
	cmd.Flags().StringVar(&search, "search", "", "only those with this in name or slug")
	return cmd
}

func newProjectCreate(env *cli.Env) *cobra.Command {
	var slug, address, organization, visibility string
	cmd := cli.Asking(env, "create NAME", "Make a project", cobra.ExactArgs(1),
		func(ctx context.Context, c *cli.Call, srv *cli.Session, args []string) error {
			in := api.NewProject{Name: args[0], Slug: slug, Visibility: api.Visibility(visibility)}
			if address != "" {
				in.URL = &address
			}
			if err := value.CheckVisibility(visibility); err != nil {
				return err
			}
			made, err := srv.CreateProject(ctx, organization, in)
			if err != nil {
				return err
			}
			if c.JSON {
				return cli.PrintJSON(env.Stdout, made)
			}
			show.Visibility(env, srv, made)
			_, err = fmt.Fprintln(env.Stdout, made.Slug)
			return err
		})
	cmd.Aliases = []string{"add"}
	cmd.Example = "  tacho project create \"My app\" --slug app --visibility private"
	cmd.Flags().StringVar(&slug, "slug", "", "default: made from the name")
	cmd.Flags().StringVar(&address, "url", "", "the project's home page")
	cmd.Flags().StringVar(&organization, "organization", "", "slug or UUID (default: your own)")
	cmd.Flags().StringVar(&visibility, "visibility", "", "public or private (default: the server's)")
	return cmd
}

func newProjectUpdate(env *cli.Env) *cobra.Command {
	var name, slug, address, visibility string
	cmd := cli.Asking(env, "update PROJECT", "Change a project", cobra.ExactArgs(1),
		func(ctx context.Context, c *cli.Call, srv *cli.Session, args []string) error {
			if err := value.CheckVisibility(visibility); err != nil {
				return err
			}
			patch := client.ProjectPatch{Name: given(name), Slug: given(slug), URL: given(address)}
			if visibility != "" {
				v := api.Visibility(visibility)
				patch.Visibility = &v
			}
			if patch == (client.ProjectPatch{}) {
				return cli.Usage("nothing to change: give --visibility, --name, --slug or --url")
			}
			changed, err := srv.UpdateProject(ctx, args[0], patch)
			if err != nil {
				return err
			}
			if c.JSON {
				return cli.PrintJSON(env.Stdout, changed)
			}
			_, err = fmt.Fprintf(env.Stdout, "project %s, %s, %s\n", term.Clean(changed.Slug), term.Clean(changed.Name), changed.Visibility)
			return err
		})
	cmd.Example = "  tacho project update app --visibility private"
	cmd.Flags().StringVar(&name, "name", "", "new name")
	cmd.Flags().StringVar(&slug, "slug", "", "new slug; the old one leads nowhere then")
	cmd.Flags().StringVar(&address, "url", "", "the project's home page")
	cmd.Flags().StringVar(&visibility, "visibility", "", "public or private")
	return cmd
}

// given is a flag's text, nil for one that was not given.
func given(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func newProjectView(env *cli.Env) *cobra.Command {
	cmd := cli.Asking(env, "view PROJECT", "Show one project", cobra.ExactArgs(1),
		func(ctx context.Context, c *cli.Call, srv *cli.Session, args []string) error {
			p, err := srv.Project(ctx, args[0])
			if err != nil {
				return err
			}
			if c.JSON {
				return cli.PrintJSON(env.Stdout, p)
			}
			address := ""
			if p.URL != nil {
				address = *p.URL
			}
			cli.Facts(env.Out(), "project", p.Slug, "name", p.Name, "uuid", p.UUID, "organization", p.Organization, "visibility",
				string(p.Visibility),
				"url", address,
				"created", cli.Stamp(&p.Created), "modified", cli.Stamp(&p.Modified), "page", srv.Page("projects", p.Slug))
			return nil
		})
	cmd.Aliases = []string{"get"}
	cmd.Example = "  tacho project view app"
	return cmd
}

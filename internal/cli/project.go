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
	return family("project", "Look at projects and make them", newProjectList(env), newProjectCreate(env), newProjectUpdate(env),
		newProjectView(env))
}

func newProjectList(env *Env) *cobra.Command {
	var p pageFlags
	var search string
	cmd := asking(env, "list", "List the projects that you may see, by name", cobra.NoArgs,
		func(ctx context.Context, c *call, srv *session, _ []string) error {
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
	cmd := asking(env, "create NAME", "Make a project", cobra.ExactArgs(1),
		func(ctx context.Context, c *call, srv *session, args []string) error {
			in := api.NewProject{Name: args[0], Slug: slug, Visibility: api.Visibility(visibility)}
			if address != "" {
				in.URL = &address
			}
			if err := checkVisibility(visibility); err != nil {
				return err
			}
			made, err := srv.CreateProject(ctx, organization, in)
			if err != nil {
				return err
			}
			if c.asJSON {
				return printJSON(env.Stdout, made)
			}
			sayVisibility(env, srv, made)
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

// checkVisibility checks the text of a flag.
func checkVisibility(text string) error {
	switch api.Visibility(text) {
	case "", api.Public, api.Private:
		return nil
	}
	return usage("--visibility %q: want public or private", text)
}

// sayVisibility says of a project that was just made who can read it.
func sayVisibility(env *Env, srv *session, p api.Project) {
	who, other := "only its members can read it", api.Public
	if p.Visibility == api.Public {
		who, other = "everybody who reaches the server can read it", api.Private
		if srv.embedded != nil {
			who = "everybody who reaches a 'tacho server' on this store can read it"
		}
	}
	fmt.Fprintf(env.Stderr, "tacho: project %s was made, %s: %s; 'tacho project update %s --visibility %s' changes that\n",
		term.Clean(p.Slug), p.Visibility, who, term.Clean(p.Slug), other)
}

func newProjectUpdate(env *Env) *cobra.Command {
	var name, slug, address, visibility string
	cmd := asking(env, "update PROJECT", "Change a project", cobra.ExactArgs(1),
		func(ctx context.Context, c *call, srv *session, args []string) error {
			if err := checkVisibility(visibility); err != nil {
				return err
			}
			patch := client.ProjectPatch{Name: given(name), Slug: given(slug), URL: given(address)}
			if visibility != "" {
				v := api.Visibility(visibility)
				patch.Visibility = &v
			}
			if patch == (client.ProjectPatch{}) {
				return usage("nothing to change: give --visibility, --name, --slug or --url")
			}
			changed, err := srv.UpdateProject(ctx, args[0], patch)
			if err != nil {
				return err
			}
			if c.asJSON {
				return printJSON(env.Stdout, changed)
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

func newProjectView(env *Env) *cobra.Command {
	cmd := asking(env, "view PROJECT", "Show one project", cobra.ExactArgs(1),
		func(ctx context.Context, c *call, srv *session, args []string) error {
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
			facts(env.out(), "project", p.Slug, "name", p.Name, "uuid", p.UUID, "organization", p.Organization, "visibility", string(p.Visibility),
				"url", address,
				"created", stamp(&p.Created), "modified", stamp(&p.Modified), "page", srv.page("projects", p.Slug))
			return nil
		})
	cmd.Aliases = []string{"get"}
	cmd.Example = "  tacho project view app"
	return cmd
}

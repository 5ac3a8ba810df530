// Package admin is the commands that make and change what a project has: project, threshold, plot and image.
package admin

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

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
	return cli.List[api.Project]{
		Use: "list", Short: "List the projects that you may see, by name", Args: cobra.NoArgs,
		Example: "  tacho project list\n  tacho project list --search app --json",
		Flags: func(v *pflag.FlagSet, filter *client.Page) {
			v.StringVar(&filter.Search, "search", "", "only those with this in name or slug")
		},
		Rows: func(ctx context.Context, srv *cli.Session, _ []string, page client.Page) ([]api.Project, int, error) {
			return srv.Projects(ctx, page)
		},
		Table: func(rows []api.Project) term.Table {
			t := term.Table{Titles: []string{"project", "name", "visibility", "modified"}}
			for _, r := range rows {
				t.Add(term.Text(r.Slug), term.Text(r.Name), term.Text(string(r.Visibility)), term.Text(cli.Stamp(&r.Modified)))
			}
			return t
		},
	}.Command(env)
}

func newProjectCreate(env *cli.Env) *cobra.Command {
	var slug, address, organization, visibility string
	return cli.One[api.Project]{
		Use: "create NAME", Short: "Make a project", Args: cobra.ExactArgs(1), Aliases: []string{"add"},
		Example: "  tacho project create \"My app\" --slug app --visibility private",
		Flags: func(v *pflag.FlagSet) {
			v.StringVar(&slug, "slug", "", "default: made from the name")
			v.StringVar(&address, "url", "", "the project's home page")
			v.StringVar(&organization, "organization", "", "slug or UUID (default: your own)")
			v.StringVar(&visibility, "visibility", "", "public or private (default: the server's)")
		},
		Ask: func(ctx context.Context, srv *cli.Session, args []string) (api.Project, error) {
			if err := value.CheckVisibility(visibility); err != nil {
				return api.Project{}, err
			}
			in := api.NewProject{Name: args[0], Slug: slug, Visibility: api.Visibility(visibility), URL: given(address)}
			return srv.CreateProject(ctx, organization, in)
		},
		Print: func(srv *cli.Session, _ []string, made api.Project) error {
			show.Visibility(env, srv, made)
			_, err := fmt.Fprintln(env.Stdout, made.Slug)
			return err
		},
	}.Command(env)
}

func newProjectUpdate(env *cli.Env) *cobra.Command {
	var name, slug, address, visibility string
	return cli.One[api.Project]{
		Use: "update PROJECT", Short: "Change a project", Args: cobra.ExactArgs(1),
		Example: "  tacho project update app --visibility private",
		Flags: func(v *pflag.FlagSet) {
			v.StringVar(&name, "name", "", "new name")
			v.StringVar(&slug, "slug", "", "new slug; the old one leads nowhere then")
			v.StringVar(&address, "url", "", "the project's home page")
			v.StringVar(&visibility, "visibility", "", "public or private")
		},
		Ask: func(ctx context.Context, srv *cli.Session, args []string) (p api.Project, err error) {
			if err := value.CheckVisibility(visibility); err != nil {
				return p, err
			}
			patch := client.ProjectPatch{Name: given(name), Slug: given(slug), URL: given(address)}
			if visibility != "" {
				v := api.Visibility(visibility)
				patch.Visibility = &v
			}
			if patch == (client.ProjectPatch{}) {
				return p, cli.Usage("nothing to change: give --visibility, --name, --slug or --url")
			}
			return srv.UpdateProject(ctx, args[0], patch)
		},
		Print: func(_ *cli.Session, _ []string, p api.Project) error {
			_, err := fmt.Fprintf(env.Stdout, "project %s, %s, %s\n", term.Clean(p.Slug), term.Clean(p.Name), p.Visibility)
			return err
		},
	}.Command(env)
}

// given is a flag's text, nil for one that was not given.
func given(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func newProjectView(env *cli.Env) *cobra.Command {
	return cli.One[api.Project]{
		Use: "view PROJECT", Short: "Show one project", Args: cobra.ExactArgs(1), Aliases: []string{"get"},
		Example: "  tacho project view app",
		Ask: func(ctx context.Context, srv *cli.Session, args []string) (api.Project, error) {
			return srv.Project(ctx, args[0])
		},
		Print: func(srv *cli.Session, _ []string, p api.Project) error {
			address := ""
			if p.URL != nil {
				address = *p.URL
			}
			cli.Facts(env.Out(), "project", p.Slug, "name", p.Name, "uuid", p.UUID, "organization", p.Organization, "visibility",
				string(p.Visibility), "url", address, "created", cli.Stamp(&p.Created), "modified", cli.Stamp(&p.Modified), "page",
				srv.Page("projects", p.Slug))
			return nil
		},
	}.Command(env)
}

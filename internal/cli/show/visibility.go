package show

import (
	"fmt"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/term"
)

// Visibility says of a project that was just made who can read it.
func Visibility(env *cli.Env, srv *cli.Session, p api.Project) {
	who, other := "only its members can read it", api.Public
	if p.Visibility == api.Public {
		who, other = "everybody who reaches the server can read it", api.Private
		if srv.IsLocal() {
			who = "everybody who reaches a 'tacho server' on this store can read it"
		}
	}
	fmt.Fprintf(env.Stderr, "tacho: project %s was made, %s: %s; 'tacho project update %s --visibility %s' changes that\n",
		term.Clean(p.Slug), p.Visibility, who, term.Clean(p.Slug), other)
}

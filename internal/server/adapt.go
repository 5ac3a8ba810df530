package server

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/imageref"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/image"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/registry"
	"github.com/tachograph/tacho/internal/server/request"
	"github.com/tachograph/tacho/internal/server/upstream"
)

// What stands here fits rooms to each other that do not know each other.

// gate says to the registry whom credentials stand for, and what the room of images allows them.
type gate struct {
	accounts *account.Service
	images   *image.Service
}

func (g *gate) Login(ctx context.Context, c registry.Credentials) error {
	_, err := g.actor(ctx, c)
	return err
}

func (g *gate) actor(ctx context.Context, c registry.Credentials) (access.Actor, error) {
	if c.KeyHash != "" {
		return g.accounts.Shown(ctx, c.KeyHash, request.Source(ctx))
	}
	return g.accounts.Authenticate(ctx, c.Secret, request.Source(ctx))
}

// actions maps the registry's verbs to actions on the project.
var actions = map[registry.Action]access.Action{registry.Pull: access.ViewProject, registry.Push: access.Submit,
	registry.Delete: access.EditProject}

func (g *gate) Authorize(ctx context.Context, c registry.Credentials, project string, want []registry.Action) (registry.Grant, error) {
	actor, err := g.actor(ctx, c)
	if err != nil {
		return registry.Grant{}, err
	}
	asked := make([]access.Action, len(want))
	for i, verb := range want {
		asked[i] = actions[verb]
	}
	p, may, err := g.images.Allowed(ctx, actor, project, asked)
	grant := registry.Grant{ProjectID: p.ID}
	for _, verb := range want {
		if slices.Contains(may, actions[verb]) {
			grant.Actions = append(grant.Actions, verb)
		}
	}
	return grant, err
}

// images pins a job's image: in our own registry, or in somebody else's.
type images struct {
	own   *registry.Registry
	other *upstream.Registries
	url   string
}

func (i *images) Resolve(ctx context.Context, project project.Project, image string) (job.Image, error) {
	ref, err := imageref.Parse(image)
	if err != nil {
		return job.Image{}, err
	}
	if ref.Registry != "" && ref.Registry != hostOf(i.url) {
		found, err := i.other.Resolve(ctx, ref)
		if err != nil {
			return job.Image{}, err
		}
		out := job.Image{Registry: ref.Registry, Repository: ref.Path, Digest: found.Digest, Listed: found.Listed}
		for _, p := range found.Platforms {
			out.Platforms = append(out.Platforms, job.Platform{OS: p.OS, Arch: p.Architecture})
		}
		return out, nil
	}
	var missing error
	for _, repository := range repositories(project, ref) {
		digest, platforms, err := i.own.Resolve(ctx, project, repository, ref.Version())
		if fault.Is(err, fault.Missing) {
			missing = err
			continue
		}
		if err != nil {
			return job.Image{}, err
		}
		out := job.Image{Registry: i.url, Repository: strings.TrimSuffix(project.Slug+"/"+repository, "/"), Digest: digest, Internal: true}
		for _, p := range platforms {
			out.Platforms = append(out.Platforms, job.Platform{OS: p.OS, Arch: p.Architecture})
		}
		return out, nil
	}
	return job.Image{}, fault.Wrap(fault.Invalid, missing,
		"image %q is not in this server's registry under project %q; push it first (tacho image push %s/%s FILE…), or name another registry, "+
			"as in docker.io/library/%s",
		image, project.Slug, project.Slug, ref.Path, ref.Path)
}

// repositories are where an unqualified name may lie: "app" is project/app, "project/app" is itself, "project" is the project's own.
func repositories(project project.Project, ref imageref.Reference) []string {
	first, rest, _ := strings.Cut(ref.Path, "/")
	if first == project.Slug || first == project.ID {
		return []string{rest, ref.Path}
	}
	return []string{ref.Path}
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Host)
}

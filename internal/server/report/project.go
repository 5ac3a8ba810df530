package report

import (
	"context"

	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/door"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/store"
)

// findProject returns the submission's project if it exists and the actor may submit to it, or else where a new one would go, if the actor
// may make it.
func findProject(ctx context.Context, tx *store.Tx, actor access.Actor, sub submission, given *project.Project) (k known, err error) {
	if given != nil {
		k.project = *given
		k.organization, err = account.OrganizationByRef(ctx, tx, k.project.OrganizationID)
		return k, err
	}
	if usesOwnStore(actor, sub) {
		if sub.project, err = projectOfRepository(ctx, tx, sub); err != nil {
			return k, err
		}
	}
	k.project, err = project.ByRef(ctx, tx, sub.project)
	if fault.Is(err, fault.Missing) && !ident.IsUUID(sub.project) {
		return newProject(ctx, tx, actor, sub)
	}
	if err != nil {
		return k, err
	}
	if err := door.Authorize(ctx, actor, access.Submit, k.project.Resource()); err != nil {
		return known{}, err
	}
	if sub.visibility != "" && sub.visibility != k.project.Visibility {
		return known{}, fault.Conflictf("project %q is %s already and the run asks for %s; leave the visibility out, or change the project's "+
			"with "+
			"'tacho project update %s --visibility %s'", k.project.Slug, k.project.Visibility, sub.visibility, k.project.Slug, sub.visibility)
	}
	k.organization, err = account.OrganizationByRef(ctx, tx, k.project.OrganizationID)
	return k, err
}

// usesOwnStore says whether the project is found by its repository: in the store of one machine, where nobody named it. On a server a name
// is a name: clients that see a repository in different ways must not part its project, nor may anybody claim another's.
func usesOwnStore(actor access.Actor, sub submission) bool {
	return actor.Kind == access.Local && !sub.repository.IsZero()
}

// projectOfRepository returns the project (slug or UUID) of the submission's repository: the one that its results went to before, else one
// of its name that is no other repository's, else a new one whose slug bears a suffix. A project from before repositories were told apart
// belongs to the first that comes.
func projectOfRepository(ctx context.Context, tx *store.Tx, sub submission) (ref string, err error) {
	like, err := project.RepositoriesLike(ctx, tx, sub.repository)
	if err != nil {
		return "", err
	}
	best := 0
	for _, known := range like {
		if likeness := sub.repository.Likeness(known.KnownRepository); likeness > best {
			best, ref = likeness, known.ProjectID
		}
	}
	if best > 0 {
		return ref, nil
	}
	named, err := project.ByRef(ctx, tx, sub.project)
	if fault.Is(err, fault.Missing) {
		return sub.project, nil
	}
	if err != nil {
		return "", err
	}
	taken, err := project.RepositoryOf(ctx, tx, named.ID)
	if err != nil || taken.IsZero() {
		return sub.project, err
	}
	return ident.SlugWithSuffix(sub.project, sub.repository.Salt()), nil
}

// newProject says where a project that does not exist yet would go.
func newProject(ctx context.Context, tx *store.Tx, actor access.Actor, sub submission) (k known, err error) {
	k.isNew = true
	if k.organization, err = homeOf(ctx, tx, actor, sub); err != nil {
		return known{}, err
	}
	if err := door.Authorize(ctx, actor, access.CreateProject,
		access.Resource{OrganizationID: k.organization.ID, Name: k.organization.Slug}); err != nil {
		return known{}, err
	}
	k.project = project.Project{ID: ident.NewUUID(), OrganizationID: k.organization.ID, Name: sub.projectName, Slug: sub.project,
		Visibility: sub.visibility}
	return k, nil
}

// homeOf returns the organization in which an actor's new project is made. Only people make projects.
func homeOf(ctx context.Context, tx *store.Tx, actor access.Actor, sub submission) (account.Organization, error) {
	switch actor.Kind {
	case access.User, access.Local:
		return account.HomeOf(ctx, tx, actor)
	case access.Anonymous:
		return account.Organization{}, fault.Unauthorizedf("project %q does not exist, and making it needs credentials: "+
			"send 'Authorization: Bearer <key>', or set TACHO_KEY", sub.project)
	default:
		return account.Organization{}, fault.Missingf("project %q does not exist, or these credentials may not see it", sub.project)
	}
}

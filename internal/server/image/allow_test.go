package image_test

import (
	"context"
	"slices"
	"testing"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/image"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

func TestTwoPushesToANewProjectMakeIt(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		s, _ := race.Fresh()
		storetest.Home(t, s, "Acme")
		images := image.NewService(s, api.Public)
		var made [2]project.Project
		push := func(n int) func(context.Context) error {
			return func(ctx context.Context) (err error) {
				made[n], _, err = images.Allowed(ctx, access.Actor{Kind: access.Local}, "shop", []access.Action{access.Submit})
				return err
			}
		}
		if of1, of2 := race.Run(1, push(0), push(1)); of1 != nil || of2 != nil || made[0].ID != made[1].ID || made[0].ID == "" {
			t.Errorf("projects %s (%v) and %s (%v), want one", made[0].ID, of1, made[1].ID, of2)
		}
	})
}

func TestOfWantedActionsThoseAreAllowedThatTheActorMayDo(t *testing.T) {
	t.Parallel()
	s, _ := storetest.Open(t)
	home := storetest.Home(t, s, "Acme")
	storetest.NewProject(t, s, project.Project{OrganizationID: home.ID, Name: "open"})
	storetest.NewProject(t, s, project.Project{OrganizationID: home.ID, Name: "closed", Visibility: string(api.Private)})
	all := []access.Action{access.ViewProject, access.Submit, access.EditProject}
	member := access.Actor{Kind: access.User, AccountID: "a", Organizations: map[string]string{home.ID: "leader"}}
	for name, row := range map[string]struct {
		actor   access.Actor
		project string
		want    []access.Action
		missing bool
	}{
		"a stranger may pull what is public":    {access.Actor{Kind: access.Anonymous}, "open", all[:1], false},
		"and does not hear of what is private":  {access.Actor{Kind: access.Anonymous}, "closed", nil, true},
		"a member may do all":                   {member, "closed", all, false},
		"nobody makes a project without a home": {access.Actor{Kind: access.Anonymous}, "new", nil, true},
	} {
		p, may, err := image.NewService(s, api.Public).Allowed(t.Context(), row.actor, row.project, all)
		if fault.Is(err, fault.Missing) != row.missing || !row.missing && err != nil || !slices.Equal(may, row.want) {
			t.Errorf("%s: project %q, %v, %v", name, p.Slug, may, err)
		}
	}
}

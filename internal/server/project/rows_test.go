package project_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

func TestProjectSlugIsMadeAndMadeDistinct(t *testing.T) {
	t.Parallel()
	s, clock := storetest.Open(t)
	o := storetest.Home(t, s, "o")
	uuid := ident.NewUUID()
	for _, tc := range []struct{ claim, name, slug string }{
		{"from the name", "My Project", "my-project"},
		{"another name with the same slug gets a suffix", "my project!", "my-project-"},
		{"the same name too", "My Project", "my-project-"},
		{"a name without letters gets any", "⚡", ""},
		{"a long one stays in the limit", strings.Repeat("a", limits.SlugBytes), strings.Repeat("a", limits.SlugBytes)},
		{"also with a suffix", strings.Repeat("a", limits.SlugBytes), strings.Repeat("a", limits.SlugBytes-9)},
		{"a name that is a UUID is told from that UUID", uuid, uuid + "-"},
	} {
		p := storetest.NewProject(t, s, project.Project{OrganizationID: o.ID, Name: tc.name})
		if !strings.HasPrefix(p.Slug, tc.slug) || !ident.IsSlug(p.Slug) {
			t.Errorf("%s: %q has the slug %q, want %q", tc.claim, tc.name, p.Slug, tc.slug)
		}
		storetest.Do(t, s, func(tx *store.Tx) error {
			for _, ref := range []string{p.ID, strings.ToUpper(p.ID), p.Slug} {
				got, err := project.ByRef(t.Context(), tx, ref)
				if err != nil {
					return err
				}
				want := project.Project{ID: p.ID, OrganizationID: o.ID, Name: tc.name, Slug: p.Slug, Visibility: "public", Created: clock.T,
					Modified: clock.T}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: by %s (-want +got):\n%s", tc.claim, ref, diff)
				}
			}
			return nil
		})
	}
	storetest.Refused(t, s, fault.Conflict, func(tx *store.Tx) error {
		_, err := project.Insert(t.Context(), tx, project.Project{OrganizationID: o.ID, Name: "x", Slug: "my-project", Visibility: "public"})
		return err
	})
	storetest.Refused(t, s, fault.Missing, func(tx *store.Tx) error {
		_, err := project.ByRef(t.Context(), tx, uuid)
		return err
	})
}

func TestProjectListShowsWhatTheReaderMaySee(t *testing.T) {
	t.Parallel()
	s, _ := storetest.Open(t)
	mine, other := storetest.Home(t, s, "mine"), storetest.Home(t, s, "other")
	open1 := storetest.NewProject(t, s, project.Project{OrganizationID: mine.ID, Name: "Café 100%"})
	secret1 := storetest.NewProject(t, s, project.Project{OrganizationID: mine.ID, Name: "a_secret", Visibility: "private"})
	open2 := storetest.NewProject(t, s, project.Project{OrganizationID: other.ID, Name: "Bravo"})
	secret2 := storetest.NewProject(t, s, project.Project{OrganizationID: other.ID, Name: "zulu", Visibility: "private"})
	gone := storetest.NewProject(t, s, project.Project{OrganizationID: mine.ID, Name: "gone"})
	storetest.Do(t, s, func(tx *store.Tx) error { return project.Delete(t.Context(), tx, gone.ID) })
	page := store.Page{Limit: 100}
	for _, tc := range []struct {
		claim string
		f     project.Filter
		want  []project.Project
	}{
		{"strangers see public ones, by name", project.Filter{}, []project.Project{open2, open1}},
		{"admins all but deleted ones", project.Filter{All: true}, []project.Project{open2, open1, secret1, secret2}},
		{"members their own too", project.Filter{Organizations: []string{mine.ID}}, []project.Project{open2, open1, secret1}},
		{"a key its project", project.Filter{ProjectID: secret2.ID}, []project.Project{open2, open1, secret2}},
		{"of one organization", project.Filter{All: true, OrganizationID: other.ID}, []project.Project{open2, secret2}},
		{"of one organization a stranger sees the public ones", project.Filter{OrganizationID: other.ID}, []project.Project{open2}},
		{"name is exact", project.Filter{All: true, ListFilter: store.ListFilter{Name: "Bravo"}}, []project.Project{open2}},
		{"and knows case", project.Filter{All: true, ListFilter: store.ListFilter{Name: "bravo"}}, []project.Project{}},
		{"search finds a part of the name", project.Filter{All: true, ListFilter: store.ListFilter{Search: "RAV"}}, []project.Project{open2}},
		{"or of the slug", project.Filter{All: true, ListFilter: store.ListFilter{Search: "a-sec"}}, []project.Project{secret1}},
		{"or the UUID", project.Filter{All: true, ListFilter: store.ListFilter{Search: secret2.ID}}, []project.Project{secret2}},
		{"but not a part of it", project.Filter{All: true, ListFilter: store.ListFilter{Search: secret2.ID[:30]}}, []project.Project{}},
		{"a text finds itself, whatever its letters", project.Filter{All: true, ListFilter: store.ListFilter{Search: "CAFé"}},
			[]project.Project{open1}},
		{"per cent is a character", project.Filter{All: true, ListFilter: store.ListFilter{Search: "%"}}, []project.Project{open1}},
		{"so is the underscore", project.Filter{All: true, ListFilter: store.ListFilter{Search: "_"}}, []project.Project{secret1}},
		{"so is the backslash", project.Filter{All: true, ListFilter: store.ListFilter{Search: `\`}}, []project.Project{}},
		{"so is the quote", project.Filter{All: true, ListFilter: store.ListFilter{Search: `' or 1=1 --`}}, []project.Project{}},
	} {
		tc.f.Page = page
		storetest.Do(t, s, func(tx *store.Tx) error {
			got, total, err := project.List(t.Context(), tx, tc.f)
			if diff := cmp.Diff(tc.want, got); diff != "" || total != len(tc.want) {
				t.Errorf("%s: %d in all (-want +got):\n%s", tc.claim, total, diff)
			}
			return err
		})
	}
	storetest.Do(t, s, func(tx *store.Tx) error {
		got, total, err := project.List(t.Context(), tx, project.Filter{All: true,
			ListFilter: store.ListFilter{Page: store.Page{Limit: 2, Offset: 1, Desc: true}}})
		if diff := cmp.Diff([]project.Project{secret1, open1}, got); diff != "" || total != 4 {
			t.Errorf("a page backwards: %d in all (-want +got):\n%s", total, diff)
		}
		return err
	})
}

func TestProjectPatchKeepsWhatItDoesNotName(t *testing.T) {
	t.Parallel()
	s, clock := storetest.Open(t)
	o := storetest.Home(t, s, "o")
	url := "https://example.com"
	p := storetest.NewProject(t, s, project.Project{OrganizationID: o.ID, Name: "One", URL: &url})
	storetest.NewProject(t, s, project.Project{OrganizationID: o.ID, Name: "Two"})
	ctx := t.Context()
	update := func(patch project.Patch) project.Project {
		t.Helper()
		clock.Advance(time.Second)
		var got project.Project
		storetest.Do(t, s, func(tx *store.Tx) (err error) {
			if err := project.Update(ctx, tx, p.ID, patch); err != nil {
				return err
			}
			got, err = project.ByRef(ctx, tx, p.ID)
			return err
		})
		return got
	}
	want := p
	check := func(claim string, got project.Project) {
		t.Helper()
		want.Modified = clock.T
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", claim, diff)
		}
	}
	check("nothing", update(project.Patch{}))
	name, slug, private := "Uno", "uno", "private"
	want.Name = name
	check("the name alone: the slug stays", update(project.Patch{Name: &name}))
	want.Slug, want.Visibility = slug, private
	check("slug and visibility", update(project.Patch{Slug: &slug, Visibility: &private}))
	want.URL = nil
	check("no address any more", update(project.Patch{SetURL: true}))
	taken := "two"
	storetest.Refused(t, s, fault.Conflict, func(tx *store.Tx) error { return project.Update(ctx, tx, p.ID, project.Patch{Slug: &taken}) })
	storetest.Refused(t, s, fault.Missing, func(tx *store.Tx) error {
		return project.Update(ctx, tx, ident.NewUUID(),
			project.Patch{Name: &name})
	})
}

func TestDeletedProjectIsGoneAndItsSlugFree(t *testing.T) {
	t.Parallel()
	s, _ := storetest.Open(t)
	o := storetest.Home(t, s, "o")
	ctx := t.Context()
	p := storetest.NewProject(t, s, project.Project{OrganizationID: o.ID, Name: "p"})
	// Somebody who foresees the name of the deleted one does not stop the deletion.
	storetest.NewProject(t, s, project.Project{OrganizationID: o.ID, Name: "x", Slug: "deleted-" + p.ID})
	storetest.Do(t, s, func(tx *store.Tx) error { return project.Delete(ctx, tx, p.ID) })
	for _, ref := range []string{p.ID, p.Slug, "~" + p.ID} {
		storetest.Refused(t, s, fault.Missing, func(tx *store.Tx) error {
			_, err := project.ByRef(ctx, tx, ref)
			return err
		})
	}
	name := "q"
	storetest.Refused(t, s, fault.Missing, func(tx *store.Tx) error { return project.Update(ctx, tx, p.ID, project.Patch{Name: &name}) })
	storetest.Refused(t, s, fault.Missing, func(tx *store.Tx) error { return project.Delete(ctx, tx, p.ID) })
	if again := storetest.NewProject(t, s, project.Project{OrganizationID: o.ID, Name: "p", Slug: "p"}); again.ID == p.ID {
		t.Error("the new project has the old one's id")
	}
}

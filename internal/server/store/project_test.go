package store

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
)

// home makes an organization to put projects in.
func home(t testing.TB, s *Store, name string) Organization {
	t.Helper()
	var o Organization
	do(t, s, func(tx *Tx) (err error) {
		o, err = tx.InsertOrganization(t.Context(), name, "free")
		return err
	})
	return o
}

func newProject(t testing.TB, s *Store, p Project) Project {
	t.Helper()
	if p.Visibility == "" {
		p.Visibility = "public"
	}
	do(t, s, func(tx *Tx) (err error) {
		p, err = tx.InsertProject(t.Context(), p)
		return err
	})
	return p
}

func TestProjectSlugIsMadeAndMadeDistinct(t *testing.T) {
	t.Parallel()
	s, clock := open(t)
	o := home(t, s, "o")
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
		p := newProject(t, s, Project{OrganizationID: o.ID, Name: tc.name})
		if !strings.HasPrefix(p.Slug, tc.slug) || !ident.IsSlug(p.Slug) {
			t.Errorf("%s: %q has the slug %q, want %q", tc.claim, tc.name, p.Slug, tc.slug)
		}
		do(t, s, func(tx *Tx) error {
			for _, ref := range []string{p.ID, strings.ToUpper(p.ID), p.Slug} {
				got, err := tx.ProjectByRef(t.Context(), ref)
				if err != nil {
					return err
				}
				want := Project{ID: p.ID, OrganizationID: o.ID, Name: tc.name, Slug: p.Slug, Visibility: "public", Created: clock.t, Modified: clock.t}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: by %s (-want +got):\n%s", tc.claim, ref, diff)
				}
			}
			return nil
		})
	}
	refused(t, s, fault.Conflict, func(tx *Tx) error {
		_, err := tx.InsertProject(t.Context(), Project{OrganizationID: o.ID, Name: "x", Slug: "my-project", Visibility: "public"})
		return err
	})
	refused(t, s, fault.Missing, func(tx *Tx) error {
		_, err := tx.ProjectByRef(t.Context(), uuid)
		return err
	})
}

func TestProjectListShowsWhatTheReaderMaySee(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	mine, other := home(t, s, "mine"), home(t, s, "other")
	open1 := newProject(t, s, Project{OrganizationID: mine.ID, Name: "Café 100%"})
	secret1 := newProject(t, s, Project{OrganizationID: mine.ID, Name: "a_secret", Visibility: "private"})
	open2 := newProject(t, s, Project{OrganizationID: other.ID, Name: "Bravo"})
	secret2 := newProject(t, s, Project{OrganizationID: other.ID, Name: "zulu", Visibility: "private"})
	gone := newProject(t, s, Project{OrganizationID: mine.ID, Name: "gone"})
	do(t, s, func(tx *Tx) error { return tx.DeleteProject(t.Context(), gone.ID) })
	page := Page{Limit: 100}
	for _, tc := range []struct {
		claim string
		f     ProjectFilter
		want  []Project
	}{
		{"strangers see public ones, by name", ProjectFilter{}, []Project{open2, open1}},
		{"admins all but deleted ones", ProjectFilter{All: true}, []Project{open2, open1, secret1, secret2}},
		{"members their own too", ProjectFilter{Organizations: []string{mine.ID}}, []Project{open2, open1, secret1}},
		{"a key its project", ProjectFilter{ProjectID: secret2.ID}, []Project{open2, open1, secret2}},
		{"of one organization", ProjectFilter{All: true, OrganizationID: other.ID}, []Project{open2, secret2}},
		{"of one organization a stranger sees the public ones", ProjectFilter{OrganizationID: other.ID}, []Project{open2}},
		{"name is exact", ProjectFilter{All: true, ListFilter: ListFilter{Name: "Bravo"}}, []Project{open2}},
		{"and knows case", ProjectFilter{All: true, ListFilter: ListFilter{Name: "bravo"}}, []Project{}},
		{"search finds a part of the name", ProjectFilter{All: true, ListFilter: ListFilter{Search: "RAV"}}, []Project{open2}},
		{"or of the slug", ProjectFilter{All: true, ListFilter: ListFilter{Search: "a-sec"}}, []Project{secret1}},
		{"or the UUID", ProjectFilter{All: true, ListFilter: ListFilter{Search: secret2.ID}}, []Project{secret2}},
		{"but not a part of it", ProjectFilter{All: true, ListFilter: ListFilter{Search: secret2.ID[:30]}}, []Project{}},
		{"a text finds itself, whatever its letters", ProjectFilter{All: true, ListFilter: ListFilter{Search: "CAFé"}}, []Project{open1}},
		{"per cent is a character", ProjectFilter{All: true, ListFilter: ListFilter{Search: "%"}}, []Project{open1}},
		{"so is the underscore", ProjectFilter{All: true, ListFilter: ListFilter{Search: "_"}}, []Project{secret1}},
		{"so is the backslash", ProjectFilter{All: true, ListFilter: ListFilter{Search: `\`}}, []Project{}},
		{"so is the quote", ProjectFilter{All: true, ListFilter: ListFilter{Search: `' or 1=1 --`}}, []Project{}},
	} {
		tc.f.Page = page
		do(t, s, func(tx *Tx) error {
			got, total, err := tx.Projects(t.Context(), tc.f)
			if diff := cmp.Diff(tc.want, got); diff != "" || total != len(tc.want) {
				t.Errorf("%s: %d in all (-want +got):\n%s", tc.claim, total, diff)
			}
			return err
		})
	}
	do(t, s, func(tx *Tx) error {
		got, total, err := tx.Projects(t.Context(), ProjectFilter{All: true, ListFilter: ListFilter{Page: Page{Limit: 2, Offset: 1, Desc: true}}})
		if diff := cmp.Diff([]Project{secret1, open1}, got); diff != "" || total != 4 {
			t.Errorf("a page backwards: %d in all (-want +got):\n%s", total, diff)
		}
		return err
	})
}

func TestProjectPatchKeepsWhatItDoesNotName(t *testing.T) {
	t.Parallel()
	s, clock := open(t)
	o := home(t, s, "o")
	url := "https://example.com"
	p := newProject(t, s, Project{OrganizationID: o.ID, Name: "One", URL: &url})
	newProject(t, s, Project{OrganizationID: o.ID, Name: "Two"})
	ctx := t.Context()
	update := func(patch ProjectPatch) Project {
		t.Helper()
		clock.advance(time.Second)
		var got Project
		do(t, s, func(tx *Tx) (err error) {
			if err := tx.UpdateProject(ctx, p.ID, patch); err != nil {
				return err
			}
			got, err = tx.ProjectByRef(ctx, p.ID)
			return err
		})
		return got
	}
	want := p
	check := func(claim string, got Project) {
		t.Helper()
		want.Modified = clock.t
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", claim, diff)
		}
	}
	check("nothing", update(ProjectPatch{}))
	name, slug, private := "Uno", "uno", "private"
	want.Name = name
	check("the name alone: the slug stays", update(ProjectPatch{Name: &name}))
	want.Slug, want.Visibility = slug, private
	check("slug and visibility", update(ProjectPatch{Slug: &slug, Visibility: &private}))
	want.URL = nil
	check("no address any more", update(ProjectPatch{SetURL: true}))
	taken := "two"
	refused(t, s, fault.Conflict, func(tx *Tx) error { return tx.UpdateProject(ctx, p.ID, ProjectPatch{Slug: &taken}) })
	refused(t, s, fault.Missing, func(tx *Tx) error { return tx.UpdateProject(ctx, ident.NewUUID(), ProjectPatch{Name: &name}) })
}

func TestDeletedProjectIsGoneAndItsSlugFree(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	o := home(t, s, "o")
	ctx := t.Context()
	p := newProject(t, s, Project{OrganizationID: o.ID, Name: "p"})
	// Somebody who foresees the name of the deleted one does not stop the deletion.
	newProject(t, s, Project{OrganizationID: o.ID, Name: "x", Slug: "deleted-" + p.ID})
	do(t, s, func(tx *Tx) error { return tx.DeleteProject(ctx, p.ID) })
	for _, ref := range []string{p.ID, p.Slug, "~" + p.ID} {
		refused(t, s, fault.Missing, func(tx *Tx) error {
			_, err := tx.ProjectByRef(ctx, ref)
			return err
		})
	}
	name := "q"
	refused(t, s, fault.Missing, func(tx *Tx) error { return tx.UpdateProject(ctx, p.ID, ProjectPatch{Name: &name}) })
	refused(t, s, fault.Missing, func(tx *Tx) error { return tx.DeleteProject(ctx, p.ID) })
	if again := newProject(t, s, Project{OrganizationID: o.ID, Name: "p", Slug: "p"}); again.ID == p.ID {
		t.Error("the new project has the old one's id")
	}
}

package project

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/store"
)

// Project is a set of branches, testbeds, benchmarks and measures.
type Project struct {
	ID, OrganizationID, Name, Slug string
	URL                            *string
	Visibility                     string // "public" or "private"
	Created, Modified              time.Time
}

const projectColumns = `id, organization_id, name, slug, url, visibility, created, modified`

func scanProject(row interface{ Scan(...any) error }) (Project, error) {
	var p Project
	var created, modified int64
	err := row.Scan(&p.ID, &p.OrganizationID, &p.Name, &p.Slug, &p.URL, &p.Visibility, &created, &modified)
	p.Created, p.Modified = store.TimeOf(created), store.TimeOf(modified)
	return p, err
}

// Insert makes a project. An empty slug is made from the name; a slug that is taken is a Conflict, unless it was made here and gets
// a suffix.
func Insert(ctx context.Context, tx *store.Tx, p Project) (Project, error) {
	p.ID, p.Created, p.Modified = cmp.Or(p.ID, ident.NewUUID()), tx.Now(), tx.Now()
	made := p.Slug == ""
	if made {
		p.Slug = store.SlugFor(p.Name, p.ID)
	}
	there, err := store.InsertUnder(&p.Slug, made, p.ID, func() (sql.Result, error) {
		return tx.Exec(ctx, `insert into project (id, organization_id, name, slug, url, visibility, created, modified)
			values ($1, $2, $3, $4, $5, $6, $7, $7) on conflict do nothing`, p.ID, p.OrganizationID, p.Name, p.Slug, p.URL, p.Visibility,
			store.Micros(tx.Now()))
	})
	if err != nil {
		return Project{}, fmt.Errorf("insert project %q: %w", p.Name, err)
	}
	if !there {
		return Project{}, fault.Conflictf("project %q: the slug %q is taken", p.Name, p.Slug)
	}
	return p, nil
}

// ByRef finds a project that is not deleted, by UUID or slug.
func ByRef(ctx context.Context, tx *store.Tx, ref string) (Project, error) {
	where, value := store.ByRef(ref)
	p, err := scanProject(tx.QueryRow(ctx, `select `+projectColumns+` from project where `+where+` and deleted is null`, value))
	return p, store.OneRow(err, "project", ref)
}

// Filter narrows the list of projects to those that somebody may see.
type Filter struct {
	store.ListFilter
	All            bool     // admins see every project
	Organizations  []string // besides public ones, those of these organizations
	ProjectID      string   // and this one
	OrganizationID string   // only of this organization
}

// List returns a page of projects by name, and how many there are.
func List(ctx context.Context, tx *store.Tx, f Filter) ([]Project, int, error) {
	args := []any{f.All, f.ProjectID, f.Name, store.LikePattern(f.Search), f.Search, f.OrganizationID}
	seen := `visibility = 'public' or $1 or id = $2`
	if len(f.Organizations) > 0 {
		seen += ` or organization_id in ` + store.Places(len(args)+1, len(f.Organizations))
		for _, o := range f.Organizations {
			args = append(args, o)
		}
	}
	from := ` from project where deleted is null and (` + seen + `) and ($3 = '' or name = $3)
		and ($4 = '' or lower(name) like lower($4) escape '\' or slug like lower($4) escape '\' or id = lower($5)) and ($6 = '' or
		organization_id = $6)`
	return store.PageOf(ctx, tx, "projects", projectColumns, from, args, "name%s, id", f.Page,
		func(r *sql.Rows) (Project, error) { return scanProject(r) })
}

// Patch changes what is not nil; SetURL says whether URL is changed, nil then clears it.
type Patch struct {
	Name, Slug, Visibility *string
	SetURL                 bool
	URL                    *string
}

// Update changes a project.
func Update(ctx context.Context, tx *store.Tx, id string, p Patch) error {
	var s store.Patch
	s.Set("modified", store.Micros(tx.Now()))
	for column, v := range map[string]*string{"name": p.Name, "slug": p.Slug, "visibility": p.Visibility} {
		if v != nil {
			s.Set(column, *v)
		}
	}
	if p.SetURL {
		s.Set("url", p.URL)
	}
	res, err := s.Apply(ctx, tx, "project", id, " and deleted is null")
	if store.IsDuplicate(err) {
		return fault.Conflictf("project: the slug is taken")
	}
	return store.ExactlyOne(res, err, "project", id)
}

// Delete hides a project and frees its slug; its rows stay until a sweep. What the row is called then is no slug, so nobody can have
// taken it before.
func Delete(ctx context.Context, tx *store.Tx, id string) error {
	res, err := tx.Exec(ctx, `update project set deleted = $1, modified = $1, slug = '~' || id where id = $2 and deleted is null`,
		store.Micros(tx.Now()), id)
	return store.ExactlyOne(res, err, "project", id)
}

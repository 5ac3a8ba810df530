package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
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
	p.Created, p.Modified = timeOf(created), timeOf(modified)
	return p, err
}

// InsertProject makes a project. An empty slug is made from the name; a slug that is taken is a Conflict, unless it was made here and gets
// a suffix.
func (tx *Tx) InsertProject(ctx context.Context, p Project) (Project, error) {
	p.ID, p.Created, p.Modified = cmp.Or(p.ID, ident.NewUUID()), tx.now, tx.now
	made := p.Slug == ""
	if made {
		p.Slug = slugFor(p.Name, p.ID)
	}
	for range 2 {
		res, err := tx.q.ExecContext(ctx, `insert into project (id, organization_id, name, slug, url, visibility, created, modified)
			values ($1, $2, $3, $4, $5, $6, $7, $7) on conflict do nothing`, p.ID, p.OrganizationID, p.Name, p.Slug, p.URL, p.Visibility, micros(tx.now))
		if err != nil {
			return Project{}, fmt.Errorf("insert project %q: %w", p.Name, err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 1 {
			return p, err
		}
		if !made {
			break
		}
		p.Slug = ident.SlugWithSuffix(p.Slug, p.ID)
	}
	return Project{}, fault.Conflictf("project %q: the slug %q is taken", p.Name, p.Slug)
}

// ProjectByRef finds a project that is not deleted, by UUID or slug.
func (tx *Tx) ProjectByRef(ctx context.Context, ref string) (Project, error) {
	where, value := byRef(ref)
	p, err := scanProject(tx.q.QueryRowContext(ctx, `select `+projectColumns+` from project where `+where+` and deleted is null`, value))
	return p, oneRow(err, "project", ref)
}

// ProjectFilter narrows the list of projects to those that somebody may see.
type ProjectFilter struct {
	ListFilter
	All            bool     // admins see every project
	Organizations  []string // besides public ones, those of these organizations
	ProjectID      string   // and this one
	OrganizationID string   // only of this organization
}

// Projects returns a page of projects by name, and how many there are.
func (tx *Tx) Projects(ctx context.Context, f ProjectFilter) ([]Project, int, error) {
	args := []any{f.All, f.ProjectID, f.Name, likePattern(f.Search), f.Search, f.OrganizationID}
	seen := `visibility = 'public' or $1 or id = $2`
	if len(f.Organizations) > 0 {
		seen += ` or organization_id in ` + places(len(args)+1, len(f.Organizations))
		for _, o := range f.Organizations {
			args = append(args, o)
		}
	}
	where := `deleted is null and (` + seen + `) and ($3 = '' or name = $3)
		and ($4 = '' or lower(name) like lower($4) escape '\' or slug like lower($4) escape '\' or id = lower($5)) and ($6 = '' or organization_id = $6)`
	var total int
	if err := tx.q.QueryRowContext(ctx, `select count(*) from project where `+where, args...).Scan(&total); err != nil {
		return nil, 0, fmt.Errorf("count projects: %w", err)
	}
	n := len(args)
	rows, err := tx.q.QueryContext(ctx, `select `+projectColumns+` from project where `+where+
		fmt.Sprintf(` order by name%s, id limit $%d offset $%d`, direction(f.Page), n+1, n+2), append(args, f.Page.Limit, f.Page.Offset)...)
	out, err := collect(rows, err, func(r *sql.Rows) (Project, error) { return scanProject(r) })
	if err != nil {
		return nil, 0, fmt.Errorf("list projects: %w", err)
	}
	return out, total, nil
}

// ProjectPatch changes what is not nil; SetURL says whether URL is changed, nil then clears it.
type ProjectPatch struct {
	Name, Slug, Visibility *string
	SetURL                 bool
	URL                    *string
}

// UpdateProject changes a project.
func (tx *Tx) UpdateProject(ctx context.Context, id string, p ProjectPatch) error {
	var s setter
	s.set("modified", micros(tx.now))
	for column, v := range map[string]*string{"name": p.Name, "slug": p.Slug, "visibility": p.Visibility} {
		if v != nil {
			s.set(column, *v)
		}
	}
	if p.SetURL {
		s.set("url", p.URL)
	}
	s.args = append(s.args, id)
	res, err := tx.q.ExecContext(ctx, fmt.Sprintf("update project set %s where id = $%d and deleted is null", strings.Join(s.columns, ", "), len(s.args)), s.args...)
	if isDuplicate(err) {
		return fault.Conflictf("project: the slug is taken")
	}
	return exactlyOne(res, err, "project", id)
}

// DeleteProject hides a project and frees its slug; its rows stay until a sweep. What the row is called then is no slug, so nobody can have
// taken it before.
func (tx *Tx) DeleteProject(ctx context.Context, id string) error {
	res, err := tx.q.ExecContext(ctx, `update project set deleted = $1, modified = $1, slug = '~' || id where id = $2 and deleted is null`, micros(tx.now), id)
	return exactlyOne(res, err, "project", id)
}

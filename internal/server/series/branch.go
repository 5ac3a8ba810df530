package series

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/store"
)

// Branch is a line of development in a project. HeadID is its current head.
type Branch struct {
	ID        string
	ProjectID string
	Name      string
	Slug      string
	HeadID    string
	Created   time.Time
	Modified  time.Time
	Archived  *time.Time
}

const branchColumns = `b.id, b.project_id, b.name, b.slug, b.head_id, b.created, b.modified, b.archived`

func scanBranch(row interface{ Scan(...any) error }) (Branch, error) {
	var b Branch
	var created, modified int64
	var archived *int64
	err := row.Scan(&b.ID, &b.ProjectID, &b.Name, &b.Slug, &b.HeadID, &created, &modified, &archived)
	b.Created, b.Modified, b.Archived = store.TimeOf(created), store.TimeOf(modified), store.TimePtr(archived)
	return b, err
}

func scanBranches(rows *sql.Rows) (Branch, error) { return scanBranch(rows) }

// InsertBranch makes a branch with an empty first head. An empty slug is made from the name; one that is taken gets a suffix. A name
// that is taken, or a slug that was asked for and is taken, is a Conflict.
func InsertBranch(ctx context.Context, tx *store.Tx, projectID, name, slug string) (Branch, Head, error) {
	b := Branch{ID: ident.NewUUID(), ProjectID: projectID, Name: name, Slug: slug, Created: tx.Now(), Modified: tx.Now()}
	if slug == "" {
		b.Slug = slugOfBranch(name, b.ID)
	}
	head := Head{ID: ident.NewUUID(), BranchID: b.ID, Inherits: true, Created: tx.Now()}
	b.HeadID = head.ID
	there, err := store.InsertUnder(&b.Slug, slug == "", b.ID, func() (sql.Result, error) {
		return tx.Exec(ctx, `insert into branch (id, project_id, name, slug, head_id, created, modified)
			values ($1, $2, $3, $4, $5, $6, $6) on conflict do nothing`, b.ID, b.ProjectID, b.Name, b.Slug, b.HeadID, store.Micros(tx.Now()))
	})
	if err != nil {
		return Branch{}, Head{}, fmt.Errorf("insert branch %q: %w", name, err)
	}
	if !there {
		return Branch{}, Head{}, fault.Conflictf("branch %q: the project has a branch of this name or slug", name)
	}
	return b, head, insertHead(ctx, tx, head)
}

func slugOfBranch(name, id string) string {
	if slug := ident.Slugify(name); slug != "" {
		return slug
	}
	return ident.SlugWithSuffix("branch", id)
}

// BranchByRef returns the branch with this UUID, name or slug, in that order.
func BranchByRef(ctx context.Context, tx *store.Tx, projectID, ref string) (Branch, error) {
	return findBranch(ctx, tx, projectID, ref, "name")
}

// BranchByPath returns the branch with this UUID, slug or name, in that order: a path is made from slugs.
func BranchByPath(ctx context.Context, tx *store.Tx, projectID, ref string) (Branch, error) {
	return findBranch(ctx, tx, projectID, ref, "slug")
}

// findBranch looks for a UUID, or for the ref in name and slug; the column first wins when there are two.
func findBranch(ctx context.Context, tx *store.Tx, projectID, ref, first string) (Branch, error) {
	if ident.IsUUID(ref) {
		b, err := scanBranch(tx.QueryRow(ctx, `select `+branchColumns+` from branch b where b.id = $1 and b.project_id = $2`,
			strings.ToLower(ref), projectID))
		return b, store.OneRow(err, "branch", ref)
	}
	b, err := scanBranch(tx.QueryRow(ctx, `select `+branchColumns+` from branch b
		where b.project_id = $1 and (b.name = $2 or b.slug = $2) order by b.`+first+` = $2 desc limit 1`, projectID, ref))
	return b, store.OneRow(err, "branch", ref)
}

// BranchByName returns the branch of exactly this name; found is false if there is none. Submissions use it: a git branch "a-b" must
// not land on the branch "a/b" because that one's slug is "a-b".
func BranchByName(ctx context.Context, tx *store.Tx, projectID, name string) (b Branch, found bool, err error) {
	b, err = scanBranch(tx.QueryRow(ctx, `select `+branchColumns+` from branch b where b.project_id = $1 and b.name = $2`,
		projectID, name))
	if errors.Is(err, sql.ErrNoRows) {
		return Branch{}, false, nil
	}
	return b, err == nil, err
}

// DefaultBranch returns the branch that is meant where none is named: main, else master, else trunk, else the project's oldest. A project
// without branches is a Missing fault.
func DefaultBranch(ctx context.Context, tx *store.Tx, projectID string) (Branch, error) {
	b, err := scanBranch(tx.QueryRow(ctx, `select `+branchColumns+` from branch b where b.project_id = $1 and b.archived is null
		order by case b.name when 'main' then 0 when 'master' then 1 when 'trunk' then 2 else 3 end, b.created, b.id limit 1`, projectID))
	if errors.Is(err, sql.ErrNoRows) {
		return Branch{}, fault.Missingf("the project has no branch yet")
	}
	return b, err
}

// BranchesByID returns the branches with these ids, keyed by id.
func BranchesByID(ctx context.Context, tx *store.Tx, ids []string) (map[string]Branch, error) {
	return store.ByID(ctx, tx, ids, `select `+branchColumns+` from branch b where b.id in `, scanBranches,
		func(b Branch) string { return b.ID })
}

// ListBranches returns a page of a project's branches by name, and how many there are in all.
func ListBranches(ctx context.Context, tx *store.Tx, projectID string, f store.ListFilter) ([]Branch, int, error) {
	condition, args := f.Where([]any{projectID})
	return store.PageOf(ctx, tx, "branches", branchColumns, ` from branch b where b.project_id = $1`+condition, args, "b.name%s, b.id", f.Page,
		scanBranches)
}

// UpdateBranch writes name, slug and archived. A name or slug that is taken is a Conflict.
func UpdateBranch(ctx context.Context, tx *store.Tx, b Branch) error {
	res, err := tx.Exec(ctx, `update branch set name = $1, slug = $2, archived = $3, modified = $4 where id = $5`,
		b.Name, b.Slug, store.MicrosPtr(b.Archived), store.Micros(tx.Now()), b.ID)
	if store.IsDuplicate(err) {
		return fault.Conflictf("branch %q: the project has another branch of this name or slug %q", b.Name, b.Slug)
	}
	return store.ExactlyOne(res, err, "branch", b.Name)
}

// DeleteBranch removes a branch with its heads and thresholds. One that has reports is a Conflict. A version that no head and no report
// holds any more goes with it; those that other branches share are theirs from then on.
func DeleteBranch(ctx context.Context, tx *store.Tx, b Branch) error {
	var reports int
	if err := tx.QueryRow(ctx, `select count(*) from report r join head h on h.id = r.head_id where h.branch_id = $1`, b.ID).
		Scan(&reports); err != nil {
		return fmt.Errorf("count reports of branch %s: %w", b.ID, err)
	}
	if reports > 0 {
		return fault.Conflictf("branch %q has %d reports; delete them first, or archive the branch", b.Name, reports)
	}
	if err := handOver(ctx, tx, b.ID); err != nil {
		return err
	}
	// Its own versions are looked at, and not all of the project's, which are many more.
	if _, err := tx.Exec(ctx, `delete from version where id in (
			select hv.version_id from head h join head_version hv on hv.head_id = h.id where h.branch_id = $1)
		and not exists (select 1 from head_version hv join head h on h.id = hv.head_id
			where hv.version_id = version.id and h.branch_id <> $1)
		and not exists (select 1 from report r where r.version_id = version.id)`, b.ID); err != nil {
		return fmt.Errorf("delete versions of branch %s: %w", b.ID, err)
	}
	if _, err := tx.Exec(ctx, `delete from branch where id = $1`, b.ID); err != nil {
		return fmt.Errorf("delete branch %s: %w", b.ID, err)
	}
	return nil
}

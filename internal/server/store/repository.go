package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/tachograph/tacho/internal/core/series"
)

// The kinds of project_repository.
const (
	repositoryURL    = "url"
	repositoryRoot   = "root"
	repositoryFolder = "folder"
)

// ProjectRepository is what was said of the repository of a project.
type ProjectRepository struct {
	ProjectID string
	series.KnownRepository
}

// AddRepository remembers that the project's results come from this repository, too.
func (tx *Tx) AddRepository(ctx context.Context, projectID string, r series.Repository) error {
	for _, row := range []struct{ kind, value string }{{repositoryURL, r.URL}, {repositoryRoot, r.Root}, {repositoryFolder, r.Folder}} {
		if row.value == "" {
			continue
		}
		if _, err := tx.q.ExecContext(ctx, `insert into project_repository (project_id, kind, value) values ($1, $2, $3) on conflict do nothing`,
			projectID, row.kind, row.value); err != nil {
			return fmt.Errorf("remember repository of project %s: %w", projectID, err)
		}
	}
	return nil
}

const repositoryQuery = `select r.project_id, r.kind, r.value from project_repository r join project p on p.id = r.project_id
	where p.deleted is null and `

// RepositoriesLike returns what is known of the projects that share something with the repository, the oldest first.
func (tx *Tx) RepositoriesLike(ctx context.Context, r series.Repository) ([]ProjectRepository, error) {
	return tx.repositories(ctx, repositoryQuery+`r.project_id in (select project_id from project_repository
		where kind = 'url' and value = $1 or kind = 'root' and value = $2 or kind = 'folder' and value = $3)
		order by p.created, p.id, r.kind, r.value`, r.URL, r.Root, r.Folder)
}

// RepositoryOf returns what is known of one project's repository; the zero value: nothing.
func (tx *Tx) RepositoryOf(ctx context.Context, projectID string) (series.KnownRepository, error) {
	found, err := tx.repositories(ctx, repositoryQuery+`r.project_id = $1 order by r.kind, r.value`, projectID)
	if err != nil || len(found) == 0 {
		return series.KnownRepository{}, err
	}
	return found[0].KnownRepository, nil
}

func (tx *Tx) repositories(ctx context.Context, query string, args ...any) ([]ProjectRepository, error) {
	type row struct{ project, kind, value string }
	rows, err := tx.q.QueryContext(ctx, query, args...)
	found, err := collect(rows, err, func(rows *sql.Rows) (r row, err error) {
		err = rows.Scan(&r.project, &r.kind, &r.value)
		return r, err
	})
	if err != nil {
		return nil, fmt.Errorf("find repositories: %w", err)
	}
	var out []ProjectRepository
	for _, r := range found {
		if len(out) == 0 || out[len(out)-1].ProjectID != r.project {
			out = append(out, ProjectRepository{ProjectID: r.project})
		}
		k := &out[len(out)-1].KnownRepository
		switch r.kind {
		case repositoryURL:
			k.URLs = append(k.URLs, r.value)
		case repositoryRoot:
			k.Roots = append(k.Roots, r.value)
		case repositoryFolder:
			k.Folders = append(k.Folders, r.value)
		}
	}
	return out, nil
}

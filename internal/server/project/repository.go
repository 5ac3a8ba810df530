package project

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/tachograph/tacho/internal/core/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// The kinds of project_repository.
const (
	repositoryURL    = "url"
	repositoryRoot   = "root"
	repositoryFolder = "folder"
)

// Repository is what was said of the repository of a project.
type Repository struct {
	ProjectID string
	series.KnownRepository
}

// AddRepository remembers that the project's results come from this repository, too.
func AddRepository(ctx context.Context, tx *store.Tx, projectID string, r series.Repository) error {
	for _, row := range []struct{ kind, value string }{{repositoryURL, r.URL}, {repositoryRoot, r.Root}, {repositoryFolder, r.Folder}} {
		if row.value == "" {
			continue
		}
		if _, err := tx.Exec(ctx, `insert into project_repository (project_id, kind, value) values ($1, $2, $3) on conflict do nothing`,
			projectID, row.kind, row.value); err != nil {
			return fmt.Errorf("remember repository of project %s: %w", projectID, err)
		}
	}
	return nil
}

const repositoryQuery = `select r.project_id, r.kind, r.value from project_repository r join project p on p.id = r.project_id
	where p.deleted is null and `

// RepositoriesLike returns what is known of the projects that share something with the repository, the oldest first.
func RepositoriesLike(ctx context.Context, tx *store.Tx, r series.Repository) ([]Repository, error) {
	return repositories(ctx, tx, repositoryQuery+`r.project_id in (select project_id from project_repository
		where kind = 'url' and value = $1 or kind = 'root' and value = $2 or kind = 'folder' and value = $3)
		order by p.created, p.id, r.kind, r.value`, r.URL, r.Root, r.Folder)
}

// RepositoryOf returns what is known of one project's repository; the zero value: nothing.
func RepositoryOf(ctx context.Context, tx *store.Tx, projectID string) (series.KnownRepository, error) {
	found, err := repositories(ctx, tx, repositoryQuery+`r.project_id = $1 order by r.kind, r.value`, projectID)
	if err != nil || len(found) == 0 {
		return series.KnownRepository{}, err
	}
	return found[0].KnownRepository, nil
}

func repositories(ctx context.Context, tx *store.Tx, query string, args ...any) ([]Repository, error) {
	type row struct{ project, kind, value string }
	rows, err := tx.Query(ctx, query, args...)
	found, err := store.Collect(rows, err, func(rows *sql.Rows) (r row, err error) {
		err = rows.Scan(&r.project, &r.kind, &r.value)
		return r, err
	})
	if err != nil {
		return nil, fmt.Errorf("find repositories: %w", err)
	}
	var out []Repository
	for _, r := range found {
		if len(out) == 0 || out[len(out)-1].ProjectID != r.project {
			out = append(out, Repository{ProjectID: r.project})
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

package plot

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/store"
)

// Plot is what a project keeps of a plot. Rank is its place among the project's, from 0 on. What it shows are ids, in the order in which
// they were named.
type Plot struct {
	ID, ProjectID                string
	Rank                         int
	Title                        *string
	LowerValue, UpperValue       bool
	LowerBoundary, UpperBoundary bool
	XAxis, YAxis                 string
	Window                       time.Duration
	Created, Modified            time.Time
	Shown                        Shown
}

// Shown are the ids of what a plot shows.
type Shown struct{ Branches, Testbeds, Benchmarks, Measures []string }

// lists are the tables that say what a plot shows, and where each list is.
func (s *Shown) lists() map[string]*[]string {
	return map[string]*[]string{
		"plot_branch": &s.Branches, "plot_testbed": &s.Testbeds, "plot_benchmark": &s.Benchmarks, "plot_measure": &s.Measures,
	}
}

const columns = `id, project_id, rank, title, lower_value, upper_value, lower_boundary, upper_boundary, x_axis, y_axis, window_seconds,
	created, modified`

func scan(row interface{ Scan(...any) error }) (Plot, error) {
	var p Plot
	var window, created, modified int64
	err := row.Scan(&p.ID, &p.ProjectID, &p.Rank, &p.Title, &p.LowerValue, &p.UpperValue, &p.LowerBoundary, &p.UpperBoundary, &p.XAxis,
		&p.YAxis, &window, &created, &modified)
	p.Window, p.Created, p.Modified = time.Duration(window)*time.Second, store.TimeOf(created), store.TimeOf(modified)
	return p, err
}

func scanRows(rows *sql.Rows) (Plot, error) { return scan(rows) }

// Find returns one plot of a project.
func Find(ctx context.Context, tx *store.Tx, projectID, id string) (Plot, error) {
	p, err := scan(tx.QueryRow(ctx, `select `+columns+` from plot where id = $1 and project_id = $2`, id, projectID))
	if err != nil {
		return p, store.OneRow(err, "plot", id)
	}
	all := []Plot{p}
	err = fill(ctx, tx, all)
	return all[0], err
}

// Filter narrows a list of plots, and orders it. Empty fields do not.
type Filter struct {
	Title   string // exactly
	Search  string // in the title, or the whole UUID
	ByTitle bool   // order by title instead of place
}

// List returns a page of a project's plots, and how many there are in all.
func List(ctx context.Context, tx *store.Tx, projectID string, f Filter, page store.Page) ([]Plot, int, error) {
	from := ` from plot where project_id = $1 and ($2 = '' or title = $2)
		and ($3 = '' or lower(title) like lower($3) escape '\' or id = lower($4))`
	order := "rank%s, id%s"
	if f.ByTitle {
		order = "coalesce(title, '')%s, rank, id"
	}
	out, total, err := store.PageOf(ctx, tx, "plots", columns, from, []any{projectID, f.Title, store.LikePattern(f.Search), f.Search}, order,
		page, scanRows)
	if err != nil {
		return nil, 0, err
	}
	return out, total, fill(ctx, tx, out)
}

// fill reads what plots show.
func fill(ctx context.Context, tx *store.Tx, plots []Plot) error {
	at := make(map[string]*Plot, len(plots))
	ids := make([]string, len(plots))
	for i := range plots {
		at[plots[i].ID], ids[i] = &plots[i], plots[i].ID
	}
	for table := range (&Shown{}).lists() {
		err := store.InChunks(ids, func(in string, args []any) error {
			rows, err := tx.Query(ctx, `select plot_id, thing_id from `+table+` where plot_id in `+in+` order by plot_id, rank`, args...)
			_, err = store.Collect(rows, err, func(rows *sql.Rows) (struct{}, error) {
				var plot, thing string
				err := rows.Scan(&plot, &thing)
				if p := at[plot]; err == nil && p != nil {
					list := p.Shown.lists()[table]
					*list = append(*list, thing)
				}
				return struct{}{}, err
			})
			return err
		})
		if err != nil {
			return fmt.Errorf("read what plots show: %w", err)
		}
	}
	return nil
}

// Insert writes a plot at its rank, or at the end if there are not so many, and moves those behind it. Its id and times are made.
func Insert(ctx context.Context, tx *store.Tx, p Plot) (Plot, error) {
	n, err := count(ctx, tx, p.ProjectID)
	if err != nil {
		return p, err
	}
	if n >= limits.PlotsPerProject {
		return p, fault.Conflictf("the project has %d plots, which is the limit; delete one first", n)
	}
	p.ID, p.Rank, p.Created, p.Modified = ident.NewUUID(), min(p.Rank, n), tx.Now(), tx.Now()
	if err := shift(ctx, tx, p.ProjectID, p.Rank, n, +1); err != nil {
		return p, err
	}
	if _, err := tx.Exec(ctx, `insert into plot (`+columns+`) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)`,
		p.ID, p.ProjectID, p.Rank, p.Title, p.LowerValue, p.UpperValue, p.LowerBoundary, p.UpperBoundary, p.XAxis, p.YAxis,
		int64(p.Window/time.Second), store.Micros(tx.Now())); err != nil {
		return p, fmt.Errorf("insert plot: %w", err)
	}
	return p, p.show(ctx, tx)
}

// Update writes a plot over the one with its id, which stood at the place before. Its time of change is made.
func Update(ctx context.Context, tx *store.Tx, p Plot, before int) (Plot, error) {
	n, err := count(ctx, tx, p.ProjectID)
	if err != nil {
		return p, err
	}
	p.Rank, p.Modified = min(p.Rank, n-1), tx.Now()
	if p.Rank < before {
		err = shift(ctx, tx, p.ProjectID, p.Rank, before, +1)
	} else {
		err = shift(ctx, tx, p.ProjectID, before+1, p.Rank+1, -1)
	}
	if err != nil {
		return p, err
	}
	res, err := tx.Exec(ctx, `update plot set rank = $1, title = $2, lower_value = $3, upper_value = $4, lower_boundary = $5,
		upper_boundary = $6, x_axis = $7, y_axis = $8, window_seconds = $9, modified = $10 where id = $11`, p.Rank, p.Title, p.LowerValue,
		p.UpperValue, p.LowerBoundary, p.UpperBoundary, p.XAxis, p.YAxis, int64(p.Window/time.Second), store.Micros(tx.Now()), p.ID)
	if err := store.ExactlyOne(res, err, "plot", p.ID); err != nil {
		return p, err
	}
	return p, p.show(ctx, tx)
}

// Delete removes a plot and closes its place.
func Delete(ctx context.Context, tx *store.Tx, p Plot) error {
	res, err := tx.Exec(ctx, `delete from plot where id = $1`, p.ID)
	if err := store.ExactlyOne(res, err, "plot", p.ID); err != nil {
		return err
	}
	n, err := count(ctx, tx, p.ProjectID)
	if err != nil {
		return err
	}
	return shift(ctx, tx, p.ProjectID, p.Rank+1, n+1, -1)
}

// show writes what the plot shows.
func (p Plot) show(ctx context.Context, tx *store.Tx) error {
	for table, list := range p.Shown.lists() {
		if _, err := tx.Exec(ctx, `delete from `+table+` where plot_id = $1`, p.ID); err != nil {
			return fmt.Errorf("write what plot %s shows: %w", p.ID, err)
		}
		insert, err := tx.Prepare(ctx, `insert into `+table+` (plot_id, thing_id, rank) values ($1, $2, $3)`)
		if err != nil {
			return fmt.Errorf("write what plot %s shows: %w", p.ID, err)
		}
		for i, thing := range *list {
			if _, err = insert.ExecContext(ctx, p.ID, thing, i); err != nil {
				break
			}
		}
		if err := insert.Close(); err != nil {
			return err
		}
		if err != nil {
			return fmt.Errorf("write what plot %s shows: %w", p.ID, err)
		}
	}
	return nil
}

func count(ctx context.Context, tx *store.Tx, projectID string) (n int, err error) {
	if err := tx.QueryRow(ctx, `select count(*) from plot where project_id = $1`, projectID).Scan(&n); err != nil {
		return 0, fmt.Errorf("count plots: %w", err)
	}
	return n, nil
}

// shift moves the plots at places from (inclusive) to to (exclusive) by one.
func shift(ctx context.Context, tx *store.Tx, projectID string, from, to, by int) error {
	if _, err := tx.Exec(ctx, `update plot set rank = rank + $1 where project_id = $2 and rank >= $3 and rank < $4`, by, projectID, from,
		to); err != nil {
		return fmt.Errorf("move plots: %w", err)
	}
	return nil
}

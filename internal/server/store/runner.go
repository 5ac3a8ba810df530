package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
)

// Runner is a machine that takes jobs. Meta is the JSON of what it said of itself last.
type Runner struct {
	ID, Name, Slug, KeyHash string
	LastHeartbeat           *time.Time
	Draining                bool
	Meta                    *string
	Created, Modified       time.Time
	Archived                *time.Time
	Failures                int        // in a row, of its machine
	Drained                 *time.Time // since when it gets no jobs for them
	DrainedWhy              *string
}

const runnerColumns = `id, name, slug, key_hash, last_heartbeat, draining, meta, created, modified, archived, failures, drained, drained_why`

func scanRunner(row interface{ Scan(...any) error }) (Runner, error) {
	var r Runner
	var created, modified int64
	var beat, archived, drained *int64
	err := row.Scan(&r.ID, &r.Name, &r.Slug, &r.KeyHash, &beat, &r.Draining, &r.Meta, &created, &modified, &archived, &r.Failures, &drained, &r.DrainedWhy)
	r.LastHeartbeat, r.Created, r.Modified, r.Archived, r.Drained = timePtr(beat), timeOf(created), timeOf(modified), timePtr(archived), timePtr(drained)
	return r, err
}

func scanRunners(rows *sql.Rows) (Runner, error) { return scanRunner(rows) }

// InsertRunner makes a runner with the hash of its key.
func (tx *Tx) InsertRunner(ctx context.Context, name, slug, keyHash string) (Runner, error) {
	r := Runner{ID: ident.NewUUID(), Name: name, Slug: slug, KeyHash: keyHash, Created: tx.now, Modified: tx.now}
	if r.Slug == "" {
		r.Slug = slugFor(r.Name, r.ID)
	}
	_, err := tx.q.ExecContext(ctx, `insert into runner (id, name, slug, key_hash, created, modified) values ($1, $2, $3, $4, $5, $5)`, r.ID, r.Name, r.Slug, r.KeyHash, micros(tx.now))
	if isDuplicate(err) {
		return Runner{}, fault.Conflictf("runner %q: there is one of this name or slug already", name)
	}
	if err != nil {
		return Runner{}, fmt.Errorf("insert runner %q: %w", name, err)
	}
	return r, nil
}

// RunnerByRef finds a runner by UUID, name or slug.
func (tx *Tx) RunnerByRef(ctx context.Context, ref string) (Runner, error) {
	r, err := scanRunner(tx.q.QueryRowContext(ctx, `select `+runnerColumns+` from runner where id = $1 or name = $1 or slug = $1 order by id = $1 desc, slug = $1 desc limit 1`, ref))
	return r, oneRow(err, "runner", ref)
}

// RunnerByKeyHash finds the runner that a key belongs to; an archived runner's key opens nothing.
func (tx *Tx) RunnerByKeyHash(ctx context.Context, hash string) (Runner, error) {
	r, err := scanRunner(tx.q.QueryRowContext(ctx, `select `+runnerColumns+` from runner where key_hash = $1 and archived is null`, hash))
	return r, oneRow(err, "runner", "…")
}

// RunnersByID returns those of ids that exist.
func (tx *Tx) RunnersByID(ctx context.Context, ids []string) (map[string]Runner, error) {
	return byID(ctx, tx, ids, `select `+runnerColumns+` from runner where id in `, scanRunners, func(r Runner) string { return r.ID })
}

// ListRunners returns a page of the runners by name, and how many there are.
func (tx *Tx) ListRunners(ctx context.Context, f ListFilter) ([]Runner, int, error) {
	condition, args := f.where(nil)
	where := ` from runner where true` + condition
	var total int
	if err := tx.q.QueryRowContext(ctx, `select count(*)`+where, args...).Scan(&total); err != nil {
		return nil, 0, fmt.Errorf("count runners: %w", err)
	}
	n := len(args)
	rows, err := tx.q.QueryContext(ctx, `select `+runnerColumns+where+fmt.Sprintf(` order by name%s, id limit $%d offset $%d`, direction(f.Page), n+1, n+2), append(args, f.Page.Limit, f.Page.Offset)...)
	out, err := collect(rows, err, scanRunners)
	return out, total, err
}

// UpdateRunner writes name, slug, key hash and archived.
func (tx *Tx) UpdateRunner(ctx context.Context, r Runner) error {
	res, err := tx.q.ExecContext(ctx, `update runner set name = $1, slug = $2, key_hash = $3, archived = $4, modified = $5 where id = $6`,
		r.Name, r.Slug, r.KeyHash, microsPtr(r.Archived), micros(tx.now), r.ID)
	if isDuplicate(err) {
		return fault.Conflictf("runner %q: there is one of this name or slug already", r.Name)
	}
	return exactlyOne(res, err, "runner", r.Name)
}

// SetRunnerMeta notes what a runner says of itself, that it was heard of, and whether it takes jobs.
func (tx *Tx) SetRunnerMeta(ctx context.Context, id string, meta *string, draining bool) error {
	_, err := tx.q.ExecContext(ctx, `update runner set meta = coalesce($1, meta), draining = $2, last_heartbeat = $3 where id = $4`, meta, draining, micros(tx.now), id)
	return err
}

// SetRunnerHealth writes how often a runner's machine has failed in a row, and since when and why it gets no jobs for that.
func (tx *Tx) SetRunnerHealth(ctx context.Context, r Runner) error {
	res, err := tx.q.ExecContext(ctx, `update runner set failures = $1, drained = $2, drained_why = $3 where id = $4`, r.Failures, microsPtr(r.Drained), r.DrainedWhy, r.ID)
	return exactlyOne(res, err, "runner", r.Name)
}

// TouchRunner notes when a runner was heard of.
func (tx *Tx) TouchRunner(ctx context.Context, id string, at time.Time) error {
	_, err := tx.q.ExecContext(ctx, `update runner set last_heartbeat = $1 where id = $2 and coalesce(last_heartbeat, 0) < $1`, micros(at), id)
	return err
}

// AddRunnerSpec lets a runner take a spec's jobs.
func (tx *Tx) AddRunnerSpec(ctx context.Context, runnerID, specID string) error {
	_, err := tx.q.ExecContext(ctx, `insert into runner_spec (runner_id, spec_id) values ($1, $2) on conflict do nothing`, runnerID, specID)
	return err
}

// RemoveRunnerSpec takes it away again.
func (tx *Tx) RemoveRunnerSpec(ctx context.Context, runnerID, specID string) error {
	res, err := tx.q.ExecContext(ctx, `delete from runner_spec where runner_id = $1 and spec_id = $2`, runnerID, specID)
	return exactlyOne(res, err, "runner's spec", specID)
}

// SpecsOfRunners returns the specs of each runner, by name.
func (tx *Tx) SpecsOfRunners(ctx context.Context, runnerIDs []string) (map[string][]Spec, error) {
	out := make(map[string][]Spec, len(runnerIDs))
	err := inChunks(runnerIDs, func(in string, args []any) error {
		rows, err := tx.q.QueryContext(ctx, `select rs.runner_id, s.id, s.name, s.slug, s.os, s.architecture, s.isolation, s.cpu, s.memory, s.disk, s.network, s.fallback, s.created, s.modified, s.archived
			from runner_spec rs join spec s on s.id = rs.spec_id where rs.runner_id in `+in+` order by s.name, s.id`, args...)
		type pair struct {
			runner string
			spec   Spec
		}
		pairs, err := collect(rows, err, func(r *sql.Rows) (pair, error) {
			var p pair
			var err error
			p.spec, err = scanSpec(prefixed{r, &p.runner})
			return p, err
		})
		for _, p := range pairs {
			out[p.runner] = append(out[p.runner], p.spec)
		}
		return err
	})
	return out, err
}

// prefixed scans a row that has one more column in front.
type prefixed struct {
	rows  *sql.Rows
	first any
}

func (p prefixed) Scan(into ...any) error { return p.rows.Scan(append([]any{p.first}, into...)...) }

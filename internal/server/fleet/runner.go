package fleet

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/store"
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
	SlotID                  *string // the place in a sweep that it was started for: it gets that slot's jobs and no others
}

const runnerColumns = `id, name, slug, key_hash, last_heartbeat, draining, meta, created, modified, archived, failures, drained, ` +
	`drained_why, slot_id`

func scanRunner(row interface{ Scan(...any) error }) (Runner, error) {
	var r Runner
	var created, modified int64
	var beat, archived, drained *int64
	err := row.Scan(&r.ID, &r.Name, &r.Slug, &r.KeyHash, &beat, &r.Draining, &r.Meta, &created, &modified, &archived, &r.Failures, &drained,
		&r.DrainedWhy, &r.SlotID)
	r.LastHeartbeat, r.Created, r.Modified, r.Archived, r.Drained = store.TimePtr(beat), store.TimeOf(created), store.TimeOf(modified),
		store.TimePtr(archived), store.TimePtr(drained)
	return r, err
}

func scanRunners(rows *sql.Rows) (Runner, error) { return scanRunner(rows) }

// InsertRunner makes a runner with the hash of its key.
func InsertRunner(ctx context.Context, tx *store.Tx, name, slug, keyHash string) (Runner, error) {
	r := Runner{ID: ident.NewUUID(), Name: name, Slug: slug, KeyHash: keyHash, Created: tx.Now(), Modified: tx.Now()}
	if r.Slug == "" {
		r.Slug = store.SlugFor(r.Name, r.ID)
	}
	_, err := tx.Exec(ctx, `insert into runner (id, name, slug, key_hash, created, modified) values ($1, $2, $3, $4, $5, $5)`, r.ID, r.Name,
		r.Slug, r.KeyHash, store.Micros(tx.Now()))
	if store.IsDuplicate(err) {
		return Runner{}, fault.Conflictf("runner %q: there is one of this name or slug already", name)
	}
	if err != nil {
		return Runner{}, fmt.Errorf("insert runner %q: %w", name, err)
	}
	return r, nil
}

// RunnerByRef finds a runner by UUID, name or slug.
func RunnerByRef(ctx context.Context, tx *store.Tx, ref string) (Runner, error) {
	r, err := scanRunner(tx.QueryRow(ctx, `select `+runnerColumns+
		` from runner where id = $1 or name = $1 or slug = $1 order by id = $1 desc, slug = $1 desc limit 1`, ref))
	return r, store.OneRow(err, "runner", ref)
}

// HoldRunner is RunnerByRef for a runner that is to be changed: nobody else changes it until the transaction ends.
func HoldRunner(ctx context.Context, tx *store.Tx, ref string) (Runner, error) {
	r, err := scanRunner(tx.QueryRow(ctx, `select `+runnerColumns+
		` from runner r where id = $1 or name = $1 or slug = $1 order by id = $1 desc, slug = $1 desc limit 1`+tx.ForUpdate("r"), ref))
	return r, store.OneRow(err, "runner", ref)
}

// RunnerByKeyHash finds the runner that a key belongs to; an archived runner's key opens nothing.
func RunnerByKeyHash(ctx context.Context, tx *store.Tx, hash string) (Runner, error) {
	r, err := scanRunner(tx.QueryRow(ctx, `select `+runnerColumns+` from runner where key_hash = $1 and archived is null`, hash))
	return r, store.OneRow(err, "runner", "…")
}

// RunnersByID returns those of ids that exist.
func RunnersByID(ctx context.Context, tx *store.Tx, ids []string) (map[string]Runner, error) {
	return store.ByID(ctx, tx, ids, `select `+runnerColumns+` from runner where id in `, scanRunners, func(r Runner) string { return r.ID })
}

// ListRunners returns a page of the runners by name, and how many there are.
func ListRunners(ctx context.Context, tx *store.Tx, f store.ListFilter) ([]Runner, int, error) {
	condition, args := f.Where(nil)
	return store.PageOf(ctx, tx, "runners", runnerColumns, ` from runner where true`+condition, args, "name%s, id", f.Page, scanRunners)
}

// UpdateRunner writes name, slug, key hash and archived.
func UpdateRunner(ctx context.Context, tx *store.Tx, r Runner) error {
	res, err := tx.Exec(ctx, `update runner set name = $1, slug = $2, key_hash = $3, archived = $4, modified = $5 where id = $6`,
		r.Name, r.Slug, r.KeyHash, store.MicrosPtr(r.Archived), store.Micros(tx.Now()), r.ID)
	if store.IsDuplicate(err) {
		return fault.Conflictf("runner %q: there is one of this name or slug already", r.Name)
	}
	return store.ExactlyOne(res, err, "runner", r.Name)
}

// SetRunnerMeta notes what a runner says of itself, that it was heard of, and whether it takes jobs.
func SetRunnerMeta(ctx context.Context, tx *store.Tx, id string, meta *string, draining bool) error {
	_, err := tx.Exec(ctx, `update runner set meta = coalesce($1, meta), draining = $2, last_heartbeat = $3 where id = $4`, meta, draining,
		store.Micros(tx.Now()), id)
	return err
}

// SetRunnerHealth writes how often a runner's machine has failed in a row, and since when and why it gets no jobs for that.
func SetRunnerHealth(ctx context.Context, tx *store.Tx, r Runner) error {
	res, err := tx.Exec(ctx, `update runner set failures = $1, drained = $2, drained_why = $3 where id = $4`, r.Failures,
		store.MicrosPtr(r.Drained), r.DrainedWhy, r.ID)
	return store.ExactlyOne(res, err, "runner", r.Name)
}

// TouchRunner notes when a runner was heard of.
func TouchRunner(ctx context.Context, tx *store.Tx, id string, at time.Time) error {
	_, err := tx.Exec(ctx, `update runner set last_heartbeat = $1 where id = $2 and coalesce(last_heartbeat, 0) < $1`, store.Micros(at), id)
	return err
}

// AddRunnerSpec lets a runner take a spec's jobs.
func AddRunnerSpec(ctx context.Context, tx *store.Tx, runnerID, specID string) error {
	_, err := tx.Exec(ctx, `insert into runner_spec (runner_id, spec_id) values ($1, $2) on conflict do nothing`, runnerID, specID)
	return err
}

// RemoveRunnerSpec takes it away again.
func RemoveRunnerSpec(ctx context.Context, tx *store.Tx, runnerID, specID string) error {
	res, err := tx.Exec(ctx, `delete from runner_spec where runner_id = $1 and spec_id = $2`, runnerID, specID)
	return store.ExactlyOne(res, err, "runner's spec", specID)
}

// SpecsOfRunners returns the specs of each runner, by name.
func SpecsOfRunners(ctx context.Context, tx *store.Tx, runnerIDs []string) (map[string][]Spec, error) {
	out := make(map[string][]Spec, len(runnerIDs))
	err := store.InChunks(runnerIDs, func(in string, args []any) error {
		rows, err := tx.Query(ctx,
			`select rs.runner_id, s.id, s.name, s.slug, s.os, s.architecture, s.isolation, s.cpu, s.memory, s.disk, s.network, s.fallback,
			s.created, s.modified, s.archived
			from runner_spec rs join spec s on s.id = rs.spec_id where rs.runner_id in `+in+` order by s.name, s.id`, args...)
		type pair struct {
			runner string
			spec   Spec
		}
		pairs, err := store.Collect(rows, err, func(r *sql.Rows) (pair, error) {
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

// RunnerIDByKeyHash returns the id of the runner with this key; for an unknown key it is a Missing fault.
func RunnerIDByKeyHash(ctx context.Context, tx *store.Tx, hash string) (string, error) {
	r, err := RunnerByKeyHash(ctx, tx, hash)
	return r.ID, err
}

// SetRunnerSlot says for which place of a sweep a runner was started; nil: for none.
func SetRunnerSlot(ctx context.Context, tx *store.Tx, id string, slotID *string) error {
	res, err := tx.Exec(ctx, `update runner set slot_id = $1, modified = $2 where id = $3`, slotID, store.Micros(tx.Now()), id)
	return store.ExactlyOne(res, err, "runner", id)
}

// RetireRunner archives a runner whose machine is gone, and tells other servers. Service.Retired does the rest here, after the commit.
func RetireRunner(ctx context.Context, tx *store.Tx, id string) error {
	_, err := tx.Exec(ctx, `update runner set archived = $1, modified = $1 where id = $2 and archived is null`, store.Micros(tx.Now()), id)
	if err != nil {
		return fmt.Errorf("retire runner %s: %w", id, err)
	}
	return tx.Notify(ctx, Kicked, id)
}

// DrainRunner lets a runner have no further job, for a reason; what it has it may finish. One that is drained already stays as it is.
func DrainRunner(ctx context.Context, tx *store.Tx, id, why string) error {
	_, err := tx.Exec(ctx, `update runner set drained = $1, drained_why = $2 where id = $3 and drained is null`, store.Micros(tx.Now()),
		why, id)
	if err != nil {
		return fmt.Errorf("drain runner %s: %w", id, err)
	}
	return tx.Notify(ctx, Look, id)
}

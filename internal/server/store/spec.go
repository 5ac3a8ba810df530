package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
)

// Spec is a hardware description. Its resources never change.
type Spec struct {
	ID, Name, Slug, OS, Architecture, Isolation string
	CPU                                         int
	MemoryBytes, DiskBytes                      int64
	Network                                     bool
	Fallback                                    *time.Time
	Created, Modified                           time.Time
	Archived                                    *time.Time
}

const specColumns = `id, name, slug, os, architecture, isolation, cpu, memory, disk, network, fallback, created, modified, archived`

func scanSpec(row interface{ Scan(...any) error }) (Spec, error) {
	var s Spec
	var created, modified int64
	var fallback, archived *int64
	err := row.Scan(&s.ID, &s.Name, &s.Slug, &s.OS, &s.Architecture, &s.Isolation, &s.CPU, &s.MemoryBytes, &s.DiskBytes, &s.Network, &fallback, &created, &modified, &archived)
	s.Fallback, s.Created, s.Modified, s.Archived = timePtr(fallback), timeOf(created), timeOf(modified), timePtr(archived)
	return s, err
}

func scanSpecs(rows *sql.Rows) (Spec, error) { return scanSpec(rows) }

// InsertSpec makes a spec. One that is the fallback takes that from the one before.
func (tx *Tx) InsertSpec(ctx context.Context, s Spec) (Spec, error) {
	s.ID, s.Created, s.Modified = ident.NewUUID(), tx.now, tx.now
	if s.Slug == "" {
		s.Slug = slugFor(s.Name, s.ID)
	}
	if s.Fallback != nil {
		if err := tx.clearFallback(ctx); err != nil {
			return Spec{}, err
		}
	}
	_, err := tx.q.ExecContext(ctx, `insert into spec (id, name, slug, os, architecture, isolation, cpu, memory, disk, network, fallback, created, modified)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)`, s.ID, s.Name, s.Slug, s.OS, s.Architecture, s.Isolation, s.CPU, s.MemoryBytes, s.DiskBytes,
		s.Network, microsPtr(s.Fallback), micros(tx.now))
	if isDuplicate(err) {
		return Spec{}, fault.Conflictf("spec %q: there is one of this name or slug already", s.Name)
	}
	if err != nil {
		return Spec{}, fmt.Errorf("insert spec %q: %w", s.Name, err)
	}
	return s, nil
}

func (tx *Tx) clearFallback(ctx context.Context) error {
	_, err := tx.q.ExecContext(ctx, `update spec set fallback = null, modified = $1 where fallback is not null`, micros(tx.now))
	return err
}

// SpecByRef finds a spec by UUID, name or slug, also an archived one.
func (tx *Tx) SpecByRef(ctx context.Context, ref string) (Spec, error) {
	s, err := scanSpec(tx.q.QueryRowContext(ctx, `select `+specColumns+` from spec where id = $1 or name = $1 or slug = $1 order by id = $1 desc, slug = $1 desc limit 1`, ref))
	return s, oneRow(err, "spec", ref)
}

// FallbackSpec returns the server's default spec; a Missing fault if there is none.
func (tx *Tx) FallbackSpec(ctx context.Context) (Spec, error) {
	s, err := scanSpec(tx.q.QueryRowContext(ctx, `select `+specColumns+` from spec where fallback is not null and archived is null`))
	return s, oneRow(err, "spec", "fallback")
}

// ListSpecs returns a page of the specs by name, and how many there are.
func (tx *Tx) ListSpecs(ctx context.Context, f ListFilter) ([]Spec, int, error) {
	condition, args := f.where(nil)
	where := ` from spec where true` + condition
	var total int
	if err := tx.q.QueryRowContext(ctx, `select count(*)`+where, args...).Scan(&total); err != nil {
		return nil, 0, fmt.Errorf("count specs: %w", err)
	}
	n := len(args)
	rows, err := tx.q.QueryContext(ctx, `select `+specColumns+where+fmt.Sprintf(` order by name%s, id limit $%d offset $%d`, direction(f.Page), n+1, n+2), append(args, f.Page.Limit, f.Page.Offset)...)
	out, err := collect(rows, err, scanSpecs)
	return out, total, err
}

// SpecsByID returns those of ids that exist.
func (tx *Tx) SpecsByID(ctx context.Context, ids []string) (map[string]Spec, error) {
	return byID(ctx, tx, ids, `select `+specColumns+` from spec where id in `, scanSpecs, func(s Spec) string { return s.ID })
}

// UpdateSpec writes name, slug, fallback and archived. An archived spec is no fallback and no testbed's spec.
func (tx *Tx) UpdateSpec(ctx context.Context, s Spec) error {
	if s.Archived != nil {
		s.Fallback = nil
		if _, err := tx.q.ExecContext(ctx, `update testbed set spec_id = null where spec_id = $1`, s.ID); err != nil {
			return err
		}
	}
	if s.Fallback != nil {
		if err := tx.clearFallback(ctx); err != nil {
			return err
		}
	}
	res, err := tx.q.ExecContext(ctx, `update spec set name = $1, slug = $2, fallback = $3, archived = $4, modified = $5 where id = $6`,
		s.Name, s.Slug, microsPtr(s.Fallback), microsPtr(s.Archived), micros(tx.now), s.ID)
	if isDuplicate(err) {
		return fault.Conflictf("spec %q: there is one of this name or slug already", s.Name)
	}
	return exactlyOne(res, err, "spec", s.Name)
}

// DeleteSpec removes a spec that no job and no runner names.
func (tx *Tx) DeleteSpec(ctx context.Context, s Spec) error {
	var used bool
	if err := tx.q.QueryRowContext(ctx, `select exists (select 1 from job where spec_id = $1) or exists (select 1 from runner_spec where spec_id = $1)`, s.ID).Scan(&used); err != nil {
		return err
	}
	if used {
		return fault.Conflictf("spec %q: jobs or runners use it; archive it instead", s.Name)
	}
	if _, err := tx.q.ExecContext(ctx, `update testbed set spec_id = null where spec_id = $1`, s.ID); err != nil {
		return err
	}
	res, err := tx.q.ExecContext(ctx, `delete from spec where id = $1`, s.ID)
	return exactlyOne(res, err, "spec", s.Name)
}

// SpecHasRunner reports whether a runner that is not archived offers the spec.
func (tx *Tx) SpecHasRunner(ctx context.Context, specID string) (bool, error) {
	var has bool
	err := tx.q.QueryRowContext(ctx, `select exists (select 1 from runner_spec s join runner r on r.id = s.runner_id where s.spec_id = $1 and r.archived is null)`, specID).Scan(&has)
	return has, err
}

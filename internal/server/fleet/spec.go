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
	err := row.Scan(&s.ID, &s.Name, &s.Slug, &s.OS, &s.Architecture, &s.Isolation, &s.CPU, &s.MemoryBytes, &s.DiskBytes, &s.Network,
		&fallback, &created, &modified, &archived)
	s.Fallback, s.Created, s.Modified, s.Archived = store.TimePtr(fallback), store.TimeOf(created), store.TimeOf(modified),
		store.TimePtr(archived)
	return s, err
}

func scanSpecs(rows *sql.Rows) (Spec, error) { return scanSpec(rows) }

// InsertSpec makes a spec. One that is the fallback takes that from the one before.
func InsertSpec(ctx context.Context, tx *store.Tx, s Spec) (Spec, error) {
	s.ID, s.Created, s.Modified = ident.NewUUID(), tx.Now(), tx.Now()
	if s.Slug == "" {
		s.Slug = store.SlugFor(s.Name, s.ID)
	}
	if s.Fallback != nil {
		if err := tx.Lock(ctx, store.Specs); err != nil {
			return Spec{}, err
		}
		if err := clearFallback(ctx, tx); err != nil {
			return Spec{}, err
		}
	}
	_, err := tx.Exec(ctx, `insert into spec (id, name, slug, os, architecture, isolation, cpu, memory, disk, network, fallback, created,
		modified)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)`, s.ID, s.Name, s.Slug, s.OS, s.Architecture, s.Isolation, s.CPU,
		s.MemoryBytes, s.DiskBytes,
		s.Network, store.MicrosPtr(s.Fallback), store.Micros(tx.Now()))
	if store.IsDuplicate(err) {
		return Spec{}, fault.Conflictf("spec %q: there is one of this name or slug already", s.Name)
	}
	if err != nil {
		return Spec{}, fmt.Errorf("insert spec %q: %w", s.Name, err)
	}
	return s, nil
}

func clearFallback(ctx context.Context, tx *store.Tx) error {
	_, err := tx.Exec(ctx, `update spec set fallback = null, modified = $1 where fallback is not null`, store.Micros(tx.Now()))
	return err
}

// SpecByRef finds a spec by UUID, name or slug, also an archived one.
func SpecByRef(ctx context.Context, tx *store.Tx, ref string) (Spec, error) {
	s, err := scanSpec(tx.QueryRow(ctx, `select `+specColumns+
		` from spec where id = $1 or name = $1 or slug = $1 order by id = $1 desc, slug = $1 desc limit 1`, ref))
	return s, store.OneRow(err, "spec", ref)
}

// FallbackSpec returns the server's default spec; without one it is a Missing fault.
func FallbackSpec(ctx context.Context, tx *store.Tx) (Spec, error) {
	s, err := scanSpec(tx.QueryRow(ctx, `select `+specColumns+` from spec where fallback is not null and archived is null`))
	return s, store.OneRow(err, "spec", "fallback")
}

// ListSpecs returns a page of the specs by name, and how many there are.
func ListSpecs(ctx context.Context, tx *store.Tx, f store.ListFilter) ([]Spec, int, error) {
	condition, args := f.Where(nil)
	return store.PageOf(ctx, tx, "specs", specColumns, ` from spec where true`+condition, args, "name%s, id", f.Page, scanSpecs)
}

// SpecsByID returns those of ids that exist.
func SpecsByID(ctx context.Context, tx *store.Tx, ids []string) (map[string]Spec, error) {
	return store.ByID(ctx, tx, ids, `select `+specColumns+` from spec where id in `, scanSpecs, func(s Spec) string { return s.ID })
}

// UpdateSpec writes name, slug, fallback and archived. An archived spec is no fallback and no testbed's spec.
func UpdateSpec(ctx context.Context, tx *store.Tx, s Spec) error {
	if s.Archived != nil {
		s.Fallback = nil
		if _, err := tx.Exec(ctx, `update testbed set spec_id = null where spec_id = $1`, s.ID); err != nil {
			return err
		}
	}
	if s.Fallback != nil {
		if err := clearFallback(ctx, tx); err != nil {
			return err
		}
	}
	res, err := tx.Exec(ctx, `update spec set name = $1, slug = $2, fallback = $3, archived = $4, modified = $5 where id = $6`,
		s.Name, s.Slug, store.MicrosPtr(s.Fallback), store.MicrosPtr(s.Archived), store.Micros(tx.Now()), s.ID)
	if store.IsDuplicate(err) {
		return fault.Conflictf("spec %q: there is one of this name or slug already", s.Name)
	}
	return store.ExactlyOne(res, err, "spec", s.Name)
}

// DeleteSpec removes a spec that no job and no runner names.
func DeleteSpec(ctx context.Context, tx *store.Tx, s Spec) error {
	var used bool
	if err := tx.QueryRow(ctx,
		`select exists (select 1 from job where spec_id = $1) or exists (select 1 from runner_spec where spec_id = $1)`,
		s.ID).Scan(&used); err != nil {
		return err
	}
	if used {
		return fault.Conflictf("spec %q: jobs or runners use it; archive it instead", s.Name)
	}
	if _, err := tx.Exec(ctx, `update testbed set spec_id = null where spec_id = $1`, s.ID); err != nil {
		return err
	}
	res, err := tx.Exec(ctx, `delete from spec where id = $1`, s.ID)
	if store.IsReferenced(err) { // by what came a moment ago
		return fault.Conflictf("spec %q: jobs or runners use it; archive it instead", s.Name)
	}
	return store.ExactlyOne(res, err, "spec", s.Name)
}

// SpecHasRunner reports whether a runner that is not archived offers the spec.
func SpecHasRunner(ctx context.Context, tx *store.Tx, specID string) (bool, error) {
	var has bool
	err := tx.QueryRow(ctx,
		`select exists (select 1 from runner_spec s join runner r on r.id = s.runner_id where s.spec_id = $1 and r.archived is null
			and r.slot_id is null)`,
		specID).Scan(&has)
	return has, err
}

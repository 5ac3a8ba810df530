package series

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/store"
)

// Testbed is where benchmarks ran. SpecID is the hardware spec that it stands for, if any, and Spec that spec where it was read.
type Testbed struct {
	ID, ProjectID, Name, Slug string
	SpecID                    *string
	Spec                      *fleet.Spec // read only: TestbedByPath, TestbedsByID and ListTestbeds fill it
	Created, Modified         time.Time
	Archived                  *time.Time
}

// Benchmark is a named workload.
type Benchmark struct {
	ID, ProjectID, Name, Slug string
	Created, Modified         time.Time
	Archived                  *time.Time
}

// Measure is what was measured. Direction is "lower", "higher" or "unknown".
type Measure struct {
	ID, ProjectID, Name, Slug, Units, Direction string
	Exact                                       bool // counted, not timed
	Created, Modified                           time.Time
	Archived                                    *time.Time
}

// A dimension is a table of named things in a project: testbeds, benchmarks, measures share their queries, which differ in the table and in
// the columns between slug and created.
type dimension[T any] struct {
	table  string
	extra  []string // columns of this table only
	fields func(*T) (common dimensionFields, extra []any)
}

type dimensionFields struct {
	id, project, name, slug *string
	created, modified       *time.Time
	archived                **time.Time
}

var (
	testbeds = dimension[Testbed]{"testbed", []string{"spec_id"}, func(t *Testbed) (dimensionFields, []any) {
		return dimensionFields{&t.ID, &t.ProjectID, &t.Name, &t.Slug, &t.Created, &t.Modified, &t.Archived}, []any{&t.SpecID}
	}}
	benchmarks = dimension[Benchmark]{"benchmark", nil, func(b *Benchmark) (dimensionFields, []any) {
		return dimensionFields{&b.ID, &b.ProjectID, &b.Name, &b.Slug, &b.Created, &b.Modified, &b.Archived}, nil
	}}
	measures = dimension[Measure]{"measure", []string{"units", "direction", "exact"}, func(m *Measure) (dimensionFields, []any) {
		return dimensionFields{&m.ID, &m.ProjectID, &m.Name, &m.Slug, &m.Created, &m.Modified, &m.Archived},
			[]any{&m.Units, &m.Direction, &m.Exact}
	}}
)

// columns are in the order of scan.
func (d dimension[T]) columns() string {
	columns := append([]string{"id", "project_id", "name", "slug"}, d.extra...)
	return strings.Join(append(columns, "created", "modified", "archived"), ", ")
}

// selection is "select <columns> from <table> where ".
func (d dimension[T]) selection() string {
	return "select " + d.columns() + " from " + d.table + " where "
}

func (d dimension[T]) scan(rows *sql.Rows) (T, error) {
	var t T
	c, extra := d.fields(&t)
	var created, modified int64
	var archived *int64
	into := append([]any{c.id, c.project, c.name, c.slug}, extra...)
	err := rows.Scan(append(into, &created, &modified, &archived)...)
	*c.created, *c.modified, *c.archived = store.TimeOf(created), store.TimeOf(modified), store.TimePtr(archived)
	return t, err
}

// byRef finds by UUID, else by exact name, else by slug.
func (d dimension[T]) byRef(ctx context.Context, tx *store.Tx, projectID, ref string) (T, error) {
	return d.find(ctx, tx, projectID, ref, "name")
}

// byPath finds by UUID, else by slug, else by exact name: one thing's name may be another's slug, and a path is made from slugs.
func (d dimension[T]) byPath(ctx context.Context, tx *store.Tx, projectID, ref string) (T, error) {
	return d.find(ctx, tx, projectID, ref, "slug")
}

// find looks for a UUID, or for the ref in name and slug; the column first wins when there are two.
func (d dimension[T]) find(ctx context.Context, tx *store.Tx, projectID, ref, first string) (T, error) {
	where := `project_id = $1 and (name = $2 or slug = $2) order by ` + first + ` = $2 desc limit 1`
	if ident.IsUUID(ref) {
		where = `project_id = $1 and id = $2 limit 1`
		ref = strings.ToLower(ref)
	}
	rows, err := tx.Query(ctx, d.selection()+where, projectID, ref)
	found, err := store.Collect(rows, err, d.scan)
	if err == nil && len(found) == 0 {
		err = sql.ErrNoRows
	}
	if err != nil {
		var none T
		return none, store.OneRow(err, d.table, ref)
	}
	return found[0], nil
}

// insert writes t. An empty slug is made from the name; a made one that is taken gets a suffix.
func (d dimension[T]) insert(ctx context.Context, tx *store.Tx, t *T) error {
	c, extra := d.fields(t)
	*c.id, *c.created, *c.modified = ident.NewUUID(), tx.Now(), tx.Now()
	made := *c.slug == ""
	if made {
		*c.slug = store.SlugFor(*c.name, *c.id)
	}
	columns := append([]string{"id", "project_id", "name", "slug", "created", "modified"}, d.extra...)
	query := "insert into " + d.table + " (" + strings.Join(columns, ", ") + ") values " + store.Places(1, len(columns)) +
		" on conflict do nothing"
	there, err := store.InsertUnder(c.slug, made, *c.id, func() (sql.Result, error) {
		args := append([]any{*c.id, *c.project, *c.name, *c.slug, store.Micros(tx.Now()), store.Micros(tx.Now())}, extra...)
		return tx.Exec(ctx, query, args...)
	})
	if err != nil {
		return fmt.Errorf("insert %s %q: %w", d.table, *c.name, err)
	}
	if !there {
		return fault.Conflictf("%s %q: the project has one of this name or slug already", d.table, *c.name)
	}
	return nil
}

// unarchive brings one back that is used again.
func (d dimension[T]) unarchive(ctx context.Context, tx *store.Tx, t *T) error {
	c, _ := d.fields(t)
	if *c.archived == nil {
		return nil
	}
	*c.archived, *c.modified = nil, tx.Now()
	_, err := tx.Exec(ctx, "update "+d.table+" set archived = null, modified = $1 where id = $2", store.Micros(tx.Now()), *c.id)
	return err
}

// byName returns those of the names that exist.
func (d dimension[T]) byName(ctx context.Context, tx *store.Tx, projectID string, names []string) (map[string]T, error) {
	out := make(map[string]T, len(names))
	for chunk := range slices.Chunk(names, store.IDsPerQuery) {
		args := []any{projectID}
		for _, name := range chunk {
			args = append(args, name)
		}
		rows, err := tx.Query(ctx, d.selection()+"project_id = $1 and name in "+store.Places(2, len(chunk)), args...)
		found, err := store.Collect(rows, err, d.scan)
		if err != nil {
			return nil, fmt.Errorf("load %ss by name: %w", d.table, err)
		}
		for _, t := range found {
			c, _ := d.fields(&t)
			out[*c.name] = t
		}
	}
	return out, nil
}

func (d dimension[T]) byID(ctx context.Context, tx *store.Tx, ids []string) (map[string]T, error) {
	return store.ByID(ctx, tx, ids, d.selection()+"id in ", d.scan, func(t T) string {
		c, _ := d.fields(&t)
		return *c.id
	})
}

func (d dimension[T]) list(ctx context.Context, tx *store.Tx, projectID string, f store.ListFilter) (rows []T, total int, err error) {
	condition, args := f.Where([]any{projectID})
	return store.PageOf(ctx, tx, d.table+"s", d.columns(), " from "+d.table+" where project_id = $1"+condition, args, "name%s, id", f.Page,
		d.scan)
}

// DimensionPatch changes what is not nil.
type DimensionPatch struct {
	Name, Slug, Units, Direction *string
	Archived                     *bool
}

func (d dimension[T]) update(ctx context.Context, tx *store.Tx, id string, p DimensionPatch) error {
	var s store.Patch
	s.Set("modified", store.Micros(tx.Now()))
	for column, v := range map[string]*string{"name": p.Name, "slug": p.Slug, "units": p.Units, "direction": p.Direction} {
		if v != nil {
			s.Set(column, *v)
		}
	}
	if p.Archived != nil {
		var at *int64
		if *p.Archived {
			now := store.Micros(tx.Now())
			at = &now
		}
		s.Set("archived", at)
	}
	res, err := s.Apply(ctx, tx, d.table, id, "")
	if store.IsDuplicate(err) {
		return fault.Conflictf("%s: the project has one of this name or slug already", d.table)
	}
	return store.ExactlyOne(res, err, d.table, id)
}

// remove deletes one that nothing names any more.
func (d dimension[T]) remove(ctx context.Context, tx *store.Tx, id, usedBy string) error {
	var used bool
	if err := tx.QueryRow(ctx, usedBy, id).Scan(&used); err != nil {
		return fmt.Errorf("look for users of %s: %w", d.table, err)
	}
	if used {
		return fault.Conflictf("%s: reports or thresholds still use it; delete these first, or archive it", d.table)
	}
	res, err := tx.Exec(ctx, "delete from "+d.table+" where id = $1", id)
	if store.IsReferenced(err) {
		return fault.Conflictf("%s: it is still used; delete what uses it first, or archive it", d.table)
	}
	return store.ExactlyOne(res, err, d.table, id)
}

// Testbeds.

// TestbedByRef finds a testbed by UUID, name or slug.
func TestbedByRef(ctx context.Context, tx *store.Tx, projectID, ref string) (Testbed, error) {
	return testbeds.byRef(ctx, tx, projectID, ref)
}

// TestbedByPath finds a testbed by UUID, slug or name.
func TestbedByPath(ctx context.Context, tx *store.Tx, projectID, ref string) (Testbed, error) {
	t, err := testbeds.byPath(ctx, tx, projectID, ref)
	if err != nil {
		return t, err
	}
	specs, err := testbedSpecs(ctx, tx, t)
	return t.with(specs), err
}

// testbedSpecs reads the specs that testbeds stand for, by id.
func testbedSpecs(ctx context.Context, tx *store.Tx, of ...Testbed) (map[string]fleet.Spec, error) {
	var ids []string
	for _, t := range of {
		if t.SpecID != nil {
			ids = append(ids, *t.SpecID)
		}
	}
	return fleet.SpecsByID(ctx, tx, ids)
}

// with returns the testbed with its spec out of specs.
func (t Testbed) with(specs map[string]fleet.Spec) Testbed {
	if t.SpecID != nil {
		if s, has := specs[*t.SpecID]; has {
			t.Spec = &s
		}
	}
	return t
}

// TestbedsByID returns those of ids that exist.
func TestbedsByID(ctx context.Context, tx *store.Tx, ids []string) (map[string]Testbed, error) {
	out, err := testbeds.byID(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	specs, err := testbedSpecs(ctx, tx, slices.Collect(maps.Values(out))...)
	for id, t := range out {
		out[id] = t.with(specs)
	}
	return out, err
}

// ListTestbeds returns a page of the project's testbeds by name, and how many there are.
func ListTestbeds(ctx context.Context, tx *store.Tx, projectID string, f store.ListFilter) ([]Testbed, int, error) {
	out, total, err := testbeds.list(ctx, tx, projectID, f)
	if err != nil {
		return nil, 0, err
	}
	specs, err := testbedSpecs(ctx, tx, out...)
	for i, t := range out {
		out[i] = t.with(specs)
	}
	return out, total, err
}

// InsertTestbed makes a testbed.
func InsertTestbed(ctx context.Context, tx *store.Tx, t Testbed) (Testbed, error) {
	err := testbeds.insert(ctx, tx, &t)
	return t, err
}

// EnsureTestbed returns the testbed that ref names; a name that is new makes one, an archived one comes back.
func EnsureTestbed(ctx context.Context, tx *store.Tx, projectID, ref string) (Testbed, error) {
	t, err := TestbedByRef(ctx, tx, projectID, ref)
	if err == nil {
		return t, testbeds.unarchive(ctx, tx, &t)
	}
	if !fault.Is(err, fault.Missing) || ident.IsUUID(ref) {
		return Testbed{}, err
	}
	return InsertTestbed(ctx, tx, Testbed{ProjectID: projectID, Name: ref})
}

// SetTestbedSpec says which spec the testbed stands for; nil: none.
func SetTestbedSpec(ctx context.Context, tx *store.Tx, id string, specID *string) error {
	res, err := tx.Exec(ctx, `update testbed set spec_id = $1, modified = $2 where id = $3`, specID, store.Micros(tx.Now()), id)
	return store.ExactlyOne(res, err, "testbed", id)
}

// UpdateTestbed changes a testbed.
func UpdateTestbed(ctx context.Context, tx *store.Tx, id string, p DimensionPatch) error {
	return testbeds.update(ctx, tx, id, p)
}

// DeleteTestbed deletes a testbed that no report and no threshold uses.
func DeleteTestbed(ctx context.Context, tx *store.Tx, id string) error {
	return testbeds.remove(ctx, tx, id,
		`select exists (select 1 from report where testbed_id = $1) or exists (select 1 from threshold where testbed_id = $1)`)
}

// Benchmarks.

// BenchmarkByRef finds a benchmark by UUID, name or slug.
func BenchmarkByRef(ctx context.Context, tx *store.Tx, projectID, ref string) (Benchmark, error) {
	return benchmarks.byRef(ctx, tx, projectID, ref)
}

// BenchmarkByPath finds a benchmark by UUID, slug or name.
func BenchmarkByPath(ctx context.Context, tx *store.Tx, projectID, ref string) (Benchmark, error) {
	return benchmarks.byPath(ctx, tx, projectID, ref)
}

// BenchmarksByID returns those of ids that exist.
func BenchmarksByID(ctx context.Context, tx *store.Tx, ids []string) (map[string]Benchmark, error) {
	return benchmarks.byID(ctx, tx, ids)
}

// ListBenchmarks returns a page of the project's benchmarks by name, and how many there are.
func ListBenchmarks(ctx context.Context, tx *store.Tx, projectID string, f store.ListFilter) ([]Benchmark, int, error) {
	return benchmarks.list(ctx, tx, projectID, f)
}

// InsertBenchmark makes a benchmark.
func InsertBenchmark(ctx context.Context, tx *store.Tx, b Benchmark) (Benchmark, error) {
	err := benchmarks.insert(ctx, tx, &b)
	return b, err
}

// EnsureBenchmarks returns a benchmark for each name, made where it is new; archived ones come back. A name is matched as a name only, so
// that one that looks like a slug means itself; the UUID of one of the project's benchmarks means that benchmark. Two texts for one
// benchmark are Invalid.
func EnsureBenchmarks(ctx context.Context, tx *store.Tx, projectID string, names []string) (map[string]Benchmark, error) {
	return ensure(ctx, tx, benchmarks, projectID, names, func(name string) Benchmark { return Benchmark{ProjectID: projectID, Name: name} })
}

// FindBenchmarks returns those of the benchmarks that EnsureBenchmarks would not have to make.
func FindBenchmarks(ctx context.Context, tx *store.Tx, projectID string, names []string) (map[string]Benchmark, error) {
	out, err := benchmarks.byName(ctx, tx, projectID, names)
	if err == nil {
		err = benchmarks.aliases(ctx, tx, projectID, names, out)
	}
	return out, err
}

// CheckBenchmarkNames refuses what EnsureBenchmarks would refuse of these names. Only a name that is a UUID can be another text for a
// benchmark.
func CheckBenchmarkNames(ctx context.Context, tx *store.Tx, projectID string, names []string) error {
	if !slices.ContainsFunc(names, ident.IsUUID) {
		return nil
	}
	_, err := FindBenchmarks(ctx, tx, projectID, names)
	return err
}

// UpdateBenchmark changes a benchmark.
func UpdateBenchmark(ctx context.Context, tx *store.Tx, id string, p DimensionPatch) error {
	return benchmarks.update(ctx, tx, id, p)
}

// DeleteBenchmark deletes a benchmark that has no metrics.
func DeleteBenchmark(ctx context.Context, tx *store.Tx, id string) error {
	return benchmarks.remove(ctx, tx, id,
		`select exists (select 1 from series s join metric m on m.series_id = s.id where s.benchmark_id = $1)`)
}

// Measures.

// MeasureByRef finds a measure by UUID, name or slug.
func MeasureByRef(ctx context.Context, tx *store.Tx, projectID, ref string) (Measure, error) {
	return measures.byRef(ctx, tx, projectID, ref)
}

// MeasureByPath finds a measure by UUID, slug or name.
func MeasureByPath(ctx context.Context, tx *store.Tx, projectID, ref string) (Measure, error) {
	return measures.byPath(ctx, tx, projectID, ref)
}

// MeasuresByID returns those of ids that exist.
func MeasuresByID(ctx context.Context, tx *store.Tx, ids []string) (map[string]Measure, error) {
	return measures.byID(ctx, tx, ids)
}

// ListMeasures returns a page of the project's measures by name, and how many there are.
func ListMeasures(ctx context.Context, tx *store.Tx, projectID string, f store.ListFilter) ([]Measure, int, error) {
	return measures.list(ctx, tx, projectID, f)
}

// InsertMeasure makes a measure.
func InsertMeasure(ctx context.Context, tx *store.Tx, m Measure) (Measure, error) {
	err := measures.insert(ctx, tx, &m)
	return m, err
}

// EnsureMeasures returns a measure for each of want, keyed by want's name: one that exists by UUID, name or slug ("latency" is the slug of
// Latency), else a new one. Archived ones come back. The units and direction of one that exists stay as they are.
func EnsureMeasures(ctx context.Context, tx *store.Tx, projectID string, want []Measure) (map[string]Measure, error) {
	out := make(map[string]Measure, len(want))
	for _, w := range want {
		if _, done := out[w.Name]; done {
			continue
		}
		m, err := findMeasure(ctx, tx, projectID, w)
		switch {
		case err == nil:
			err = measures.unarchive(ctx, tx, &m)
		case fault.Is(err, fault.Missing) && !ident.IsUUID(w.Name):
			w.ProjectID = projectID
			m, err = InsertMeasure(ctx, tx, w)
		}
		if err != nil {
			return nil, err
		}
		out[w.Name] = m
	}
	return out, nil
}

func findMeasure(ctx context.Context, tx *store.Tx, projectID string, w Measure) (Measure, error) {
	m, err := MeasureByRef(ctx, tx, projectID, w.Name)
	if fault.Is(err, fault.Missing) && w.Slug != "" {
		m, err = MeasureByRef(ctx, tx, projectID, w.Slug)
	}
	return m, err
}

// FindMeasures is EnsureMeasures for measures that are there. One that is not is a Missing fault.
func FindMeasures(ctx context.Context, tx *store.Tx, projectID string, want []Measure) (map[string]Measure, error) {
	out := make(map[string]Measure, len(want))
	for _, w := range want {
		m, err := findMeasure(ctx, tx, projectID, w)
		if err != nil {
			return nil, err
		}
		out[w.Name] = m
	}
	return out, nil
}

// UpdateMeasure changes a measure.
func UpdateMeasure(ctx context.Context, tx *store.Tx, id string, p DimensionPatch) error {
	return measures.update(ctx, tx, id, p)
}

// DeleteMeasure deletes a measure that has no metrics and no threshold.
func DeleteMeasure(ctx context.Context, tx *store.Tx, id string) error {
	return measures.remove(ctx, tx, id, `select exists (select 1 from series s join metric m on m.series_id = s.id where s.measure_id = $1)
		or exists (select 1 from threshold where measure_id = $1)`)
}

func ensure[T any](ctx context.Context, tx *store.Tx, d dimension[T], projectID string, names []string,
	blank func(name string) T) (map[string]T, error) {
	out, err := d.byName(ctx, tx, projectID, names)
	if err != nil {
		return nil, err
	}
	if err := d.aliases(ctx, tx, projectID, names, out); err != nil {
		return nil, err
	}
	for _, name := range names {
		t, ok := out[name]
		if ok {
			err = d.unarchive(ctx, tx, &t)
		} else {
			t = blank(name)
			err = d.insert(ctx, tx, &t)
		}
		if err != nil {
			return nil, err
		}
		out[name] = t
	}
	return out, nil
}

// aliases adds to found those of names that are the UUID of one of the project's things and not the name of one.
func (d dimension[T]) aliases(ctx context.Context, tx *store.Tx, projectID string, names []string, found map[string]T) error {
	given := map[string]bool{}
	for _, name := range names {
		if _, ok := found[name]; ok || !ident.IsUUID(name) {
			continue
		}
		t, err := d.byRef(ctx, tx, projectID, name)
		if fault.Is(err, fault.Missing) {
			continue
		}
		if err != nil {
			return err
		}
		c, _ := d.fields(&t)
		if _, named := found[*c.name]; named || given[*c.id] {
			return fault.Invalidf("%s %q is given twice, once by its UUID %s", d.table, *c.name, name)
		}
		found[name], given[*c.id] = t, true
	}
	return nil
}

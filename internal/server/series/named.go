package series

import (
	"cmp"
	"context"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/store"
)

// Named is what people ask of a project's testbeds, benchmarks or measures: rows R, on the wire W, made from N.
type Named[R, W, N any] struct {
	door      *project.Door
	one       string // what one is called
	nameBytes int
	rows      dimension[R]
	list      func(context.Context, *store.Tx, string, store.ListFilter) ([]R, int, error)
	find      func(context.Context, *store.Tx, string, string) (R, error)
	insert    func(context.Context, *store.Tx, string, N) (R, error)
	update    func(context.Context, *store.Tx, string, DimensionPatch) error
	remove    func(context.Context, *store.Tx, string) error
	wire      func(R) W
	name      func(N) (name, slug string)
}

type (
	// Testbeds are the use cases of testbeds.
	Testbeds = Named[Testbed, api.Testbed, api.NewDimension]
	// Benchmarks are the use cases of benchmarks.
	Benchmarks = Named[Benchmark, api.Benchmark, api.NewDimension]
	// Measures are the use cases of measures.
	Measures = Named[Measure, api.Measure, api.NewMeasure]
)

func newNamed(n api.NewDimension) (name, slug string) { return n.Name, n.Slug }

// NewTestbeds makes the use cases of testbeds.
func NewTestbeds(door *project.Door) *Testbeds {
	return &Testbeds{door: door, one: "testbed", nameBytes: limits.ResourceNameBytes, name: newNamed, rows: testbeds,
		list: ListTestbeds, find: TestbedByPath, update: UpdateTestbed, remove: DeleteTestbed, wire: Testbed.Wire,
		insert: func(ctx context.Context, tx *store.Tx, projectID string, n api.NewDimension) (Testbed, error) {
			return InsertTestbed(ctx, tx, Testbed{ProjectID: projectID, Name: n.Name, Slug: n.Slug})
		}}
}

// NewBenchmarks makes the use cases of benchmarks.
func NewBenchmarks(door *project.Door) *Benchmarks {
	return &Benchmarks{door: door, one: "benchmark", nameBytes: limits.BenchmarkNameBytes, name: newNamed, rows: benchmarks,
		list: ListBenchmarks, find: BenchmarkByPath, update: UpdateBenchmark, remove: DeleteBenchmark, wire: Benchmark.Wire,
		insert: func(ctx context.Context, tx *store.Tx, projectID string, n api.NewDimension) (Benchmark, error) {
			return InsertBenchmark(ctx, tx, Benchmark{ProjectID: projectID, Name: n.Name, Slug: n.Slug})
		}}
}

// NewMeasures makes the use cases of measures.
func NewMeasures(door *project.Door) *Measures {
	return &Measures{door: door, one: "measure", nameBytes: limits.ResourceNameBytes, rows: measures,
		name: func(n api.NewMeasure) (string, string) { return n.Name, n.Slug },
		list: ListMeasures, find: MeasureByPath, update: UpdateMeasure, remove: DeleteMeasure, wire: Measure.Wire,
		insert: func(ctx context.Context, tx *store.Tx, projectID string, n api.NewMeasure) (Measure, error) {
			if err := ident.CheckName("units", n.Units, limits.ResourceNameBytes); err != nil {
				return Measure{}, err
			}
			return InsertMeasure(ctx, tx, Measure{ProjectID: projectID, Name: n.Name, Slug: n.Slug, Units: n.Units,
				Direction: string(cmp.Or(n.Direction, api.DirectionUnknown))})
		}}
}

// List returns a page by name, and how many there are.
func (s *Named[R, W, N]) List(ctx context.Context, actor access.Actor, ref string, f store.ListFilter) (out []W, total int, err error) {
	err = s.door.View(ctx, actor, ref, func(tx *store.Tx, p project.Project) error {
		rows, n, err := s.list(ctx, tx, p.ID, f)
		total, out = n, store.Map(rows, s.wire)
		return err
	})
	return out, total, err
}

// Create makes one.
func (s *Named[R, W, N]) Create(ctx context.Context, actor access.Actor, ref string, in N) (out W, err error) {
	err = s.door.Change(ctx, actor, access.EditProject, ref, func(tx *store.Tx, p project.Project) error {
		name, slug := s.name(in)
		if err := ident.CheckNew(s.one, name, slug, s.nameBytes); err != nil {
			return err
		}
		row, err := s.insert(ctx, tx, p.ID, in)
		out = s.wire(row)
		return err
	})
	return out, err
}

// Get returns the one that a UUID, slug or name stands for.
func (s *Named[R, W, N]) Get(ctx context.Context, actor access.Actor, ref, of string) (out W, err error) {
	err = s.door.View(ctx, actor, ref, func(tx *store.Tx, p project.Project) error {
		row, err := s.find(ctx, tx, p.ID, of)
		out = s.wire(row)
		return err
	})
	return out, err
}

// Update changes one. Fields that are absent stay.
func (s *Named[R, W, N]) Update(ctx context.Context, actor access.Actor, ref, of string, change api.UpdateDimension) (out W, err error) {
	patch := DimensionPatch{Name: change.Name, Slug: change.Slug, Units: change.Units, Direction: (*string)(change.Direction),
		Archived: change.Archived}
	err = s.door.Change(ctx, actor, access.EditProject, ref, func(tx *store.Tx, p project.Project) error {
		row, err := s.find(ctx, tx, p.ID, of)
		if err != nil {
			return err
		}
		if err := s.check(patch); err != nil {
			return err
		}
		id := s.id(row)
		if err := s.update(ctx, tx, id, patch); err != nil {
			return err
		}
		row, err = s.find(ctx, tx, p.ID, id)
		out = s.wire(row)
		return err
	})
	return out, err
}

func (s *Named[R, W, N]) check(patch DimensionPatch) error {
	if (patch.Units != nil || patch.Direction != nil) && s.one != "measure" {
		return fault.Invalidf("a %s has no units and no direction; a measure has", s.one)
	}
	if err := ident.CheckPatch(s.one, patch.Name, patch.Slug, s.nameBytes); err != nil {
		return err
	}
	if patch.Units != nil {
		return ident.CheckName("units", *patch.Units, limits.ResourceNameBytes)
	}
	return nil
}

func (s *Named[R, W, N]) id(row R) string {
	common, _ := s.rows.fields(&row)
	return *common.id
}

// Delete removes one that nothing uses.
func (s *Named[R, W, N]) Delete(ctx context.Context, actor access.Actor, ref, of string) error {
	return s.door.Change(ctx, actor, access.EditProject, ref, func(tx *store.Tx, p project.Project) error {
		row, err := s.find(ctx, tx, p.ID, of)
		if err != nil {
			return err
		}
		return s.remove(ctx, tx, s.id(row))
	})
}

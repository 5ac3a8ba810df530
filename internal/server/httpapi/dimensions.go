package httpapi

import (
	"context"
	"net/http"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/present"
	"github.com/tachograph/tacho/internal/server/store"
)

// dimension is what the five operations of testbeds, benchmarks and measures differ in.
type dimension[R, W, N any] struct {
	one, many string
	nameBytes int
	list      func(*store.Tx, context.Context, string, store.ListFilter) ([]R, int, error)
	find      func(*store.Tx, context.Context, string, string) (R, error)
	make      func(*store.Tx, context.Context, string, N) (R, error)
	update    func(*store.Tx, context.Context, string, store.DimensionPatch) error
	remove    func(*store.Tx, context.Context, string) error
	id        func(R) string
	present   func(R) W
	name      func(N) (name, slug string)
}

func (a *API) registerDimensions() {
	newDimension := func(n api.NewDimension) (string, string) { return n.Name, n.Slug }
	registerDimension(a, dimension[store.Testbed, api.Testbed, api.NewDimension]{
		one: "testbed", many: "testbeds", nameBytes: limits.ResourceNameBytes, name: newDimension,
		list: (*store.Tx).ListTestbeds, find: (*store.Tx).TestbedByPath, update: (*store.Tx).UpdateTestbed, remove: (*store.Tx).DeleteTestbed,
		make: func(tx *store.Tx, ctx context.Context, project string, n api.NewDimension) (store.Testbed, error) {
			return tx.InsertTestbed(ctx, store.Testbed{ProjectID: project, Name: n.Name, Slug: n.Slug})
		},
		id: func(t store.Testbed) string { return t.ID }, present: present.Testbed,
	})
	registerDimension(a, dimension[store.Benchmark, api.Benchmark, api.NewDimension]{
		one: "benchmark", many: "benchmarks", nameBytes: limits.BenchmarkNameBytes, name: newDimension,
		list: (*store.Tx).ListBenchmarks, find: (*store.Tx).BenchmarkByPath, update: (*store.Tx).UpdateBenchmark, remove: (*store.Tx).DeleteBenchmark,
		make: func(tx *store.Tx, ctx context.Context, project string, n api.NewDimension) (store.Benchmark, error) {
			return tx.InsertBenchmark(ctx, store.Benchmark{ProjectID: project, Name: n.Name, Slug: n.Slug})
		},
		id: func(b store.Benchmark) string { return b.ID }, present: present.Benchmark,
	})
	registerDimension(a, dimension[store.Measure, api.Measure, api.NewMeasure]{
		one: "measure", many: "measures", nameBytes: limits.ResourceNameBytes,
		name: func(n api.NewMeasure) (string, string) { return n.Name, n.Slug },
		list: (*store.Tx).ListMeasures, find: (*store.Tx).MeasureByPath, update: (*store.Tx).UpdateMeasure, remove: (*store.Tx).DeleteMeasure,
		make: func(tx *store.Tx, ctx context.Context, project string, n api.NewMeasure) (store.Measure, error) {
			if err := ident.CheckName("units", n.Units, limits.ResourceNameBytes); err != nil {
				return store.Measure{}, err
			}
			direction := n.Direction
			if direction == "" {
				direction = api.DirectionUnknown
			}
			return tx.InsertMeasure(ctx, store.Measure{ProjectID: project, Name: n.Name, Slug: n.Slug, Units: n.Units, Direction: string(direction)})
		},
		id: func(m store.Measure) string { return m.ID }, present: present.Measure,
	})
}

// DimensionPath names one of a project's things.
type DimensionPath struct {
	ProjectPath
	Ref string `path:"ref" maxLength:"1024" doc:"UUID or slug"`
}

func registerDimension[R, W, N any](a *API, d dimension[R, W, N]) {
	base := "/v0/projects/{project}/" + d.many
	register(a, operation{http.MethodGet, base, "list-" + d.many, "The project's " + d.many + ", by name", access.ViewProject, 0, 0},
		func(ctx context.Context, in *struct {
			ProjectPath
			PageInput
			NamedInput
		}) (*listOutput[W], error) {
			p, err := a.project(ctx, in.Project)
			if err != nil {
				return nil, err
			}
			var out listOutput[W]
			err = a.cfg.Store.View(ctx, func(tx *store.Tx) error {
				rows, total, err := d.list(tx, ctx, p.ID, in.filter(in.PageInput))
				out.Body, out.Total = present.All(rows, d.present), total
				return err
			})
			return &out, err
		})
	register(a, operation{http.MethodPost, base, "create-" + d.one, "Make a " + d.one, access.EditProject, http.StatusCreated, 0},
		func(ctx context.Context, in *struct {
			ProjectPath
			Body N
		}) (*bodyOutput[W], error) {
			p, err := a.project(ctx, in.Project)
			if err != nil {
				return nil, err
			}
			name, slug := d.name(in.Body)
			if err := checkNew(d.one, name, slug, d.nameBytes); err != nil {
				return nil, err
			}
			var row R
			err = a.cfg.Store.Tx(ctx, func(tx *store.Tx) error {
				row, err = d.make(tx, ctx, p.ID, in.Body)
				return err
			})
			return body(d.present(row), err)
		})
	register(a, operation{http.MethodGet, base + "/{ref}", "get-" + d.one, "One " + d.one, access.ViewProject, 0, 0},
		func(ctx context.Context, in *DimensionPath) (*bodyOutput[W], error) {
			row, err := findDimension(ctx, a, d, in)
			return body(d.present(row), err)
		})
	register(a, operation{http.MethodPatch, base + "/{ref}", "update-" + d.one, "Change a " + d.one + "; absent fields stay", access.EditProject, 0, 0},
		func(ctx context.Context, in *struct {
			DimensionPath
			Body api.UpdateDimension
		}) (*bodyOutput[W], error) {
			row, err := findDimension(ctx, a, d, &in.DimensionPath)
			if err != nil {
				return nil, err
			}
			patch := store.DimensionPatch{Name: in.Body.Name, Slug: in.Body.Slug, Units: in.Body.Units, Direction: (*string)(in.Body.Direction), Archived: in.Body.Archived}
			if (patch.Units != nil || patch.Direction != nil) && d.one != "measure" {
				return nil, fault.Invalidf("a %s has no units and no direction; a measure has", d.one)
			}
			if err := checkPatch(d.one, patch.Name, patch.Slug, d.nameBytes); err != nil {
				return nil, err
			}
			if patch.Units != nil {
				if err := ident.CheckName("units", *patch.Units, limits.ResourceNameBytes); err != nil {
					return nil, err
				}
			}
			err = a.cfg.Store.Tx(ctx, func(tx *store.Tx) error {
				if err := d.update(tx, ctx, d.id(row), patch); err != nil {
					return err
				}
				p, err := tx.ProjectByRef(ctx, in.Project)
				if err != nil {
					return err
				}
				row, err = d.find(tx, ctx, p.ID, d.id(row))
				return err
			})
			return body(d.present(row), err)
		})
	register(a, operation{http.MethodDelete, base + "/{ref}", "delete-" + d.one, "Delete a " + d.one + " that nothing uses", access.EditProject, http.StatusNoContent, 0},
		func(ctx context.Context, in *DimensionPath) (*emptyOutput, error) {
			row, err := findDimension(ctx, a, d, in)
			if err != nil {
				return nil, err
			}
			return &emptyOutput{}, a.cfg.Store.Tx(ctx, func(tx *store.Tx) error { return d.remove(tx, ctx, d.id(row)) })
		})
}

func findDimension[R, W, N any](ctx context.Context, a *API, d dimension[R, W, N], in *DimensionPath) (R, error) {
	var row R
	p, err := a.project(ctx, in.Project)
	if err != nil {
		return row, err
	}
	err = a.cfg.Store.View(ctx, func(tx *store.Tx) error {
		row, err = d.find(tx, ctx, p.ID, in.Ref)
		return err
	})
	return row, err
}

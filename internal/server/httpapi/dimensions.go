package httpapi

import (
	"context"
	"net/http"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// dimension is what the five operations of testbeds, benchmarks and measures differ in.
type dimension[R, W, N any] struct {
	one, many string
	nameBytes int
	list      func(context.Context, *store.Tx, string, store.ListFilter) ([]R, int, error)
	find      func(context.Context, *store.Tx, string, string) (R, error)
	make      func(context.Context, *store.Tx, string, N) (R, error)
	update    func(context.Context, *store.Tx, string, series.DimensionPatch) error
	remove    func(context.Context, *store.Tx, string) error
	id        func(R) string
	present   func(R) W
	name      func(N) (name, slug string)
}

func (a *API) registerDimensions() {
	newDimension := func(n api.NewDimension) (string, string) { return n.Name, n.Slug }
	registerDimension(a, dimension[series.Testbed, api.Testbed, api.NewDimension]{
		one: "testbed", many: "testbeds", nameBytes: limits.ResourceNameBytes, name: newDimension,
		list: series.ListTestbeds, find: series.TestbedByPath, update: series.UpdateTestbed, remove: series.DeleteTestbed,
		make: func(ctx context.Context, tx *store.Tx, project string, n api.NewDimension) (series.Testbed, error) {
			return series.InsertTestbed(ctx, tx, series.Testbed{ProjectID: project, Name: n.Name, Slug: n.Slug})
		},
		id: func(t series.Testbed) string { return t.ID }, present: series.Testbed.Wire,
	})
	registerDimension(a, dimension[series.Benchmark, api.Benchmark, api.NewDimension]{
		one: "benchmark", many: "benchmarks", nameBytes: limits.BenchmarkNameBytes, name: newDimension,
		list: series.ListBenchmarks, find: series.BenchmarkByPath, update: series.UpdateBenchmark, remove: series.DeleteBenchmark,
		make: func(ctx context.Context, tx *store.Tx, project string, n api.NewDimension) (series.Benchmark, error) {
			return series.InsertBenchmark(ctx, tx, series.Benchmark{ProjectID: project, Name: n.Name, Slug: n.Slug})
		},
		id: func(b series.Benchmark) string { return b.ID }, present: series.Benchmark.Wire,
	})
	registerDimension(a, dimension[series.Measure, api.Measure, api.NewMeasure]{
		one: "measure", many: "measures", nameBytes: limits.ResourceNameBytes,
		name: func(n api.NewMeasure) (string, string) { return n.Name, n.Slug },
		list: series.ListMeasures, find: series.MeasureByPath, update: series.UpdateMeasure, remove: series.DeleteMeasure,
		make: func(ctx context.Context, tx *store.Tx, project string, n api.NewMeasure) (series.Measure, error) {
			if err := ident.CheckName("units", n.Units, limits.ResourceNameBytes); err != nil {
				return series.Measure{}, err
			}
			direction := n.Direction
			if direction == "" {
				direction = api.DirectionUnknown
			}
			return series.InsertMeasure(ctx, tx, series.Measure{ProjectID: project, Name: n.Name, Slug: n.Slug, Units: n.Units, Direction: string(direction)})
		},
		id: func(m series.Measure) string { return m.ID }, present: series.Measure.Wire,
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
				rows, total, err := d.list(ctx, tx, p.ID, in.filter(in.PageInput))
				out.Body, out.Total = wires(rows, d.present), total
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
				row, err = d.make(ctx, tx, p.ID, in.Body)
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
			patch := series.DimensionPatch{Name: in.Body.Name, Slug: in.Body.Slug, Units: in.Body.Units, Direction: (*string)(in.Body.Direction), Archived: in.Body.Archived}
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
				if err := d.update(ctx, tx, d.id(row), patch); err != nil {
					return err
				}
				p, err := project.ByRef(ctx, tx, in.Project)
				if err != nil {
					return err
				}
				row, err = d.find(ctx, tx, p.ID, d.id(row))
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
			return &emptyOutput{}, a.cfg.Store.Tx(ctx, func(tx *store.Tx) error { return d.remove(ctx, tx, d.id(row)) })
		})
}

func findDimension[R, W, N any](ctx context.Context, a *API, d dimension[R, W, N], in *DimensionPath) (R, error) {
	var row R
	p, err := a.project(ctx, in.Project)
	if err != nil {
		return row, err
	}
	err = a.cfg.Store.View(ctx, func(tx *store.Tx) error {
		row, err = d.find(ctx, tx, p.ID, in.Ref)
		return err
	})
	return row, err
}

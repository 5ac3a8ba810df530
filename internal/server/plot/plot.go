package plot

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// Service are the use cases of plots.
type Service struct{ door *project.Door }

// NewService makes them.
func NewService(door *project.Door) *Service { return &Service{door} }

// List returns a page of a project's plots, in their order or by title, and how many there are.
func (s *Service) List(ctx context.Context, actor access.Actor, ref string, f Filter, page store.Page) (out []api.Plot, total int,
	err error) {
	err = s.door.View(ctx, actor, ref, func(tx *store.Tx, p project.Project) error {
		rows, n, err := List(ctx, tx, p.ID, f, page)
		total, out = n, store.Map(rows, Plot.Wire)
		return err
	})
	return out, total, err
}

// Get returns one plot.
func (s *Service) Get(ctx context.Context, actor access.Actor, ref, id string) (out api.Plot, err error) {
	err = s.door.View(ctx, actor, ref, func(tx *store.Tx, p project.Project) error {
		row, err := Find(ctx, tx, p.ID, id)
		out = row.Wire()
		return err
	})
	return out, err
}

// Create keeps a plot. It stands at its index, or behind all others if it has none.
func (s *Service) Create(ctx context.Context, actor access.Actor, ref string, in api.NewPlot) (out api.Plot, err error) {
	err = s.door.Change(ctx, actor, access.EditProject, ref, func(tx *store.Tx, p project.Project) error {
		row := Plot{ProjectID: p.ID, Rank: limits.PlotsPerProject, YAxis: string(api.PlotAxisAuto)}
		change := api.UpdatePlot{Index: in.Index, Title: in.Title, LowerValue: &in.LowerValue, UpperValue: &in.UpperValue,
			LowerBoundary: &in.LowerBoundary, UpperBoundary: &in.UpperBoundary, XAxis: &in.XAxis, YAxis: in.YAxis, Window: &in.Window,
			Branches: named(in.Branches), Testbeds: named(in.Testbeds), Benchmarks: named(in.Benchmarks), Measures: named(in.Measures)}
		row, err := row.changed(ctx, tx, change)
		if err != nil {
			return err
		}
		row, err = Insert(ctx, tx, row)
		out = row.Wire()
		return err
	})
	return out, err
}

// named is a list that must be there.
func named(list []string) *[]string { return &list }

// Update changes a plot. Fields that are absent stay, lists are replaced; raw is the body in which they stood, and tells a title that is
// null from none.
func (s *Service) Update(ctx context.Context, actor access.Actor, ref, id string, change api.UpdatePlot, raw []byte) (out api.Plot,
	err error) {
	var given map[string]json.RawMessage
	if err := json.Unmarshal(raw, &given); err != nil {
		return out, fault.Invalidf("the body is not a JSON object")
	}
	err = s.door.Change(ctx, actor, access.EditProject, ref, func(tx *store.Tx, p project.Project) error {
		row, err := Find(ctx, tx, p.ID, id)
		if err != nil {
			return err
		}
		before := row.Rank
		if _, has := given["title"]; has {
			row.Title = nil
		}
		if row, err = row.changed(ctx, tx, change); err != nil {
			return err
		}
		row, err = Update(ctx, tx, row, before)
		out = row.Wire()
		return err
	})
	return out, err
}

// Delete removes a plot; what it showed stays.
func (s *Service) Delete(ctx context.Context, actor access.Actor, ref, id string) error {
	return s.door.Change(ctx, actor, access.EditProject, ref, func(tx *store.Tx, p project.Project) error {
		row, err := Find(ctx, tx, p.ID, id)
		if err != nil {
			return err
		}
		return Delete(ctx, tx, row)
	})
}

// changed is the plot with what change says. Errors are Invalid faults, or Missing ones for what it is to show.
func (p Plot) changed(ctx context.Context, tx *store.Tx, change api.UpdatePlot) (Plot, error) {
	for from, to := range map[*bool]*bool{change.LowerValue: &p.LowerValue, change.UpperValue: &p.UpperValue,
		change.LowerBoundary: &p.LowerBoundary, change.UpperBoundary: &p.UpperBoundary} {
		if from != nil {
			*to = *from
		}
	}
	if change.Index != nil {
		if p.Rank = *change.Index; p.Rank < 0 {
			return p, fault.Invalidf("index %d: want 0 for the first place, or more", p.Rank)
		}
	}
	if change.Title != nil && *change.Title != "" {
		if err := ident.CheckName("title", *change.Title, limits.ResourceNameBytes); err != nil {
			return p, err
		}
		p.Title = change.Title
	}
	if change.XAxis != nil {
		p.XAxis = string(*change.XAxis)
	}
	if change.YAxis != nil {
		p.YAxis = string(*change.YAxis)
	}
	if x := api.PlotAxis(p.XAxis); x != api.PlotAxisDateTime && x != api.PlotAxisVersion {
		return p, fault.Invalidf("x_axis %.40q: want date_time or version", p.XAxis)
	}
	if y := api.PlotAxis(p.YAxis); !slices.Contains([]api.PlotAxis{api.PlotAxisAuto, api.PlotAxisLinear, api.PlotAxisLog}, y) {
		return p, fault.Invalidf("y_axis %.40q: want auto, linear or log", p.YAxis)
	}
	if change.Window != nil {
		if *change.Window < 1 || *change.Window > int64(limits.PlotWindow/time.Second) {
			return p, fault.Invalidf("window %d: want seconds from 1 to %d", *change.Window, int64(limits.PlotWindow/time.Second))
		}
		p.Window = time.Duration(*change.Window) * time.Second
	}
	return p, p.choose(ctx, tx, change)
}

// choose resolves what the plot is to show.
func (p *Plot) choose(ctx context.Context, tx *store.Tx, change api.UpdatePlot) error {
	for _, list := range []struct {
		what string
		refs *[]string
		ids  *[]string
		find func(ref string) (id string, err error)
	}{
		{"branches", change.Branches, &p.Shown.Branches, func(ref string) (string, error) {
			b, err := series.BranchByPath(ctx, tx, p.ProjectID, ref)
			return b.ID, err
		}},
		{"testbeds", change.Testbeds, &p.Shown.Testbeds, func(ref string) (string, error) {
			t, err := series.TestbedByPath(ctx, tx, p.ProjectID, ref)
			return t.ID, err
		}},
		{"benchmarks", change.Benchmarks, &p.Shown.Benchmarks, func(ref string) (string, error) {
			b, err := series.BenchmarkByPath(ctx, tx, p.ProjectID, ref)
			return b.ID, err
		}},
		{"measures", change.Measures, &p.Shown.Measures, func(ref string) (string, error) {
			m, err := series.MeasureByPath(ctx, tx, p.ProjectID, ref)
			return m.ID, err
		}},
	} {
		if list.refs == nil {
			continue
		}
		if len(*list.refs) == 0 {
			return fault.Invalidf("%s: name at least one", list.what)
		}
		var ids []string
		for _, ref := range *list.refs {
			id, err := list.find(ref)
			if err != nil {
				return err
			}
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
		*list.ids = ids
	}
	lines := len(p.Shown.Branches) * len(p.Shown.Testbeds) * len(p.Shown.Benchmarks) * len(p.Shown.Measures)
	if lines > limits.PerfSeriesMax {
		return fault.Invalidf("this would be %d lines, the limit of a plot is %d; name fewer branches, testbeds, benchmarks or measures", lines,
			limits.PerfSeriesMax)
	}
	return nil
}

// Name is the plot's title, or what stands for one.
func (p Plot) Name() string {
	if p.Title != nil {
		return *p.Title
	}
	return fmt.Sprintf("Plot %d", p.Rank+1)
}

// Wire is the plot as the API has it.
func (p Plot) Wire() api.Plot {
	list := func(ids []string) []string { return append([]string{}, ids...) }
	return api.Plot{UUID: p.ID, Project: p.ProjectID, Title: p.Title, LowerValue: p.LowerValue, UpperValue: p.UpperValue,
		LowerBoundary: p.LowerBoundary, UpperBoundary: p.UpperBoundary, XAxis: api.PlotAxis(p.XAxis), YAxis: api.PlotAxis(p.YAxis),
		Window: int64(p.Window / time.Second), Branches: list(p.Shown.Branches), Testbeds: list(p.Shown.Testbeds),
		Benchmarks: list(p.Shown.Benchmarks), Measures: list(p.Shown.Measures), Created: p.Created, Modified: p.Modified}
}

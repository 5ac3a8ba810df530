package explore

import (
	"context"

	"github.com/tachograph/tacho/internal/core/access"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/threshold"
)

// ThresholdFilter narrows a list of thresholds: branch, testbed and measure by UUID, slug or name.
type ThresholdFilter struct {
	Branch, Testbed, Measure string
	Archived, Modified       bool // as in store.ThresholdFilter
}

// Thresholds returns a page of the project's thresholds, with how many there are in all.
func (s *Service) Thresholds(ctx context.Context, actor access.Actor, ref string, f ThresholdFilter, page store.Page) (out []api.Threshold,
	total int, err error) {
	err = s.door.View(ctx, actor, ref, func(tx *store.Tx, project project.Project) error {
		row := threshold.Filter{Archived: f.Archived, Modified: f.Modified}
		p, err := findPlace(ctx, tx, project, f.Branch, f.Testbed, f.Measure)
		if err != nil {
			return err
		}
		row.BranchID, row.TestbedID, row.MeasureID = p.branch, p.testbed, p.measure
		rows, n, err := threshold.List(ctx, tx, project.ID, row, page)
		if err != nil {
			return err
		}
		total = n
		w := wanted{fullThresholds: true}
		for _, t := range rows {
			w.thresholds = append(w.thresholds, t.ID)
			if t.ModelID != nil {
				w.models = append(w.models, *t.ModelID)
			}
		}
		c, err := load(ctx, tx, w)
		if err != nil {
			return err
		}
		out = make([]api.Threshold, len(rows))
		for i, t := range rows {
			out[i] = *c.threshold(t.ID, t.ModelID, true)
		}
		return nil
	})
	return out, total, err
}

// placeIDs are the ids of a branch, a testbed and a measure.
type placeIDs struct{ branch, testbed, measure string }

// findPlace looks the names up; an empty one stays empty.
func findPlace(ctx context.Context, tx *store.Tx, project project.Project, branch, testbed, measure string) (p placeIDs, err error) {
	if branch != "" {
		b, err := series.BranchByRef(ctx, tx, project.ID, branch)
		if err != nil {
			return p, err
		}
		p.branch = b.ID
	}
	if testbed != "" {
		t, err := series.TestbedByRef(ctx, tx, project.ID, testbed)
		if err != nil {
			return p, err
		}
		p.testbed = t.ID
	}
	if measure != "" {
		m, err := series.MeasureByRef(ctx, tx, project.ID, measure)
		if err != nil {
			return p, err
		}
		p.measure = m.ID
	}
	return p, nil
}

// Threshold returns one threshold of the project with its current model, or with the earlier one that modelID names.
func (s *Service) Threshold(ctx context.Context, actor access.Actor, ref string, id, modelID string) (out api.Threshold, err error) {
	err = s.door.View(ctx, actor, ref, func(tx *store.Tx, project project.Project) error {
		out, err = oneThreshold(ctx, tx, project, id, modelID)
		return err
	})
	return out, err
}

func oneThreshold(ctx context.Context, tx *store.Tx, project project.Project, id, modelID string) (api.Threshold, error) {
	t, err := threshold.Find(ctx, tx, project.ID, id)
	if err != nil {
		return api.Threshold{}, err
	}
	if modelID != "" {
		t.ModelID = &modelID
	}
	w := wanted{fullThresholds: true, thresholds: []string{t.ID}}
	if t.ModelID != nil {
		w.models = []string{*t.ModelID}
	}
	c, err := load(ctx, tx, w)
	if err != nil {
		return api.Threshold{}, err
	}
	if modelID != "" && c.models[modelID].ThresholdID != t.ID {
		return api.Threshold{}, fault.Missingf("model %.50q does not exist in threshold %s", modelID, t.ID)
	}
	return *c.threshold(t.ID, t.ModelID, true), nil
}

// CreateThreshold makes a threshold with a model. Branch, testbed and measure must exist.
func (s *Service) CreateThreshold(ctx context.Context, actor access.Actor, ref string, asked api.NewThreshold) (out api.Threshold,
	err error) {
	model, err := threshold.NewModel(asked.Model)
	if err != nil {
		return out, err
	}
	for _, field := range []struct{ name, value string }{{"branch", asked.Branch}, {"testbed", asked.Testbed}, {"measure", asked.Measure}} {
		if field.value == "" {
			return out, fault.Invalidf("threshold: the field %q is missing; give a name, slug or UUID", field.name)
		}
	}
	err = s.door.Change(ctx, actor, access.EditProject, ref, func(tx *store.Tx, project project.Project) error {
		p, err := findPlace(ctx, tx, project, asked.Branch, asked.Testbed, asked.Measure)
		if err != nil {
			return err
		}
		t, err := threshold.Insert(ctx, tx, project.ID, p.branch, p.testbed, p.measure)
		if err != nil {
			return err
		}
		if t, err = threshold.SetModel(ctx, tx, t, &model); err != nil {
			return err
		}
		out, err = oneThreshold(ctx, tx, project, t.ID, "")
		return err
	})
	return out, err
}

// UpdateThreshold replaces a threshold's model, or takes it away when the change names no test.
func (s *Service) UpdateThreshold(ctx context.Context, actor access.Actor, ref string, id string,
	change api.UpdateThreshold) (out api.Threshold, err error) {
	var model *threshold.Model
	if change.Test != nil {
		m, err := threshold.NewModel(api.Model{Test: *change.Test, MinSampleSize: change.MinSampleSize, MaxSampleSize: change.MaxSampleSize,
			Window: change.Window, LowerBoundary: change.LowerBoundary, UpperBoundary: change.UpperBoundary})
		if err != nil {
			return out, err
		}
		model = &m
	}
	err = s.door.Change(ctx, actor, access.EditProject, ref, func(tx *store.Tx, project project.Project) error {
		t, err := threshold.Find(ctx, tx, project.ID, id)
		if err != nil {
			return err
		}
		if _, err := threshold.SetModel(ctx, tx, t, model); err != nil {
			return err
		}
		out, err = oneThreshold(ctx, tx, project, id, "")
		return err
	})
	return out, err
}

// DeleteThreshold removes a threshold with its models and alerts; metrics keep the limits that it drew. Alerts go in steps, because all
// writers wait for each; if one fails, the threshold is there with the others.
func (s *Service) DeleteThreshold(ctx context.Context, actor access.Actor, ref string, id string) error {
	change := s.door.Change
	for more := true; more; change = s.door.GoOn {
		if err := change(ctx, actor, access.EditProject, ref, func(tx *store.Tx, project project.Project) error {
			if _, err := threshold.Find(ctx, tx, project.ID, id); err != nil {
				return err
			}
			alerts, err := threshold.DeleteSomeAlerts(ctx, tx, id, limits.UpkeepBatch)
			if more = alerts == limits.UpkeepBatch; more || err != nil {
				return err
			}
			return threshold.Delete(ctx, tx, id)
		}); err != nil {
			return err
		}
	}
	return nil
}

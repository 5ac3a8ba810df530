package threshold

import (
	"context"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// Service are the use cases of thresholds and what people do about alerts. What an alert shows of its report is explore's.
type Service struct{ door *project.Door }

// NewService makes them.
func NewService(door *project.Door) *Service { return &Service{door} }

// NamedFilter is a Filter whose branch, testbed and measure are UUIDs, slugs or names.
type NamedFilter struct {
	Branch, Testbed, Measure string
	Archived, Modified       bool
}

// List returns a page of the project's thresholds, and how many there are in all.
func (s *Service) List(ctx context.Context, actor access.Actor, ref string, f NamedFilter, page store.Page) (out []api.Threshold, total int,
	err error) {
	err = s.door.View(ctx, actor, ref, func(tx *store.Tx, p project.Project) error {
		filter := Filter{Archived: f.Archived, Modified: f.Modified}
		at, err := findPlace(ctx, tx, p.ID, f.Branch, f.Testbed, f.Measure)
		if err != nil {
			return err
		}
		filter.BranchID, filter.TestbedID, filter.MeasureID = at.branch, at.testbed, at.measure
		rows, n, err := List(ctx, tx, p.ID, filter, page)
		if err != nil {
			return err
		}
		total = n
		out, err = answers(ctx, tx, rows)
		return err
	})
	return out, total, err
}

// placeIDs are the ids of a branch, a testbed and a measure.
type placeIDs struct{ branch, testbed, measure string }

// findPlace looks the names up; an empty one stays empty.
func findPlace(ctx context.Context, tx *store.Tx, projectID, branch, testbed, measure string) (p placeIDs, err error) {
	if branch != "" {
		b, err := series.BranchByRef(ctx, tx, projectID, branch)
		if err != nil {
			return p, err
		}
		p.branch = b.ID
	}
	if testbed != "" {
		t, err := series.TestbedByRef(ctx, tx, projectID, testbed)
		if err != nil {
			return p, err
		}
		p.testbed = t.ID
	}
	if measure != "" {
		m, err := series.MeasureByRef(ctx, tx, projectID, measure)
		if err != nil {
			return p, err
		}
		p.measure = m.ID
	}
	return p, nil
}

// answers are thresholds with their models, branches, testbeds and measures, in the order of the rows.
func answers(ctx context.Context, tx *store.Tx, rows []Threshold) ([]api.Threshold, error) {
	var modelIDs, branchIDs, testbedIDs, measureIDs []string
	for _, t := range rows {
		if t.ModelID != nil {
			modelIDs = append(modelIDs, *t.ModelID)
		}
		branchIDs, testbedIDs, measureIDs = append(branchIDs, t.BranchID), append(testbedIDs, t.TestbedID), append(measureIDs, t.MeasureID)
	}
	models, err := ModelsByID(ctx, tx, modelIDs)
	if err != nil {
		return nil, err
	}
	branches, err := series.ViewBranches(ctx, tx, branchIDs, nil)
	if err != nil {
		return nil, err
	}
	testbeds, err := series.TestbedsByID(ctx, tx, testbedIDs)
	if err != nil {
		return nil, err
	}
	measures, err := series.MeasuresByID(ctx, tx, measureIDs)
	if err != nil {
		return nil, err
	}
	out := make([]api.Threshold, len(rows))
	for i, t := range rows {
		out[i] = t.Wire()
		if t.ModelID != nil {
			if m, has := models[*t.ModelID]; has {
				out[i].Model = m.Wire()
			}
		}
		branch, testbed, measure := branches.Branch(t.BranchID), testbeds[t.TestbedID].Wire(), measures[t.MeasureID].Wire()
		out[i].Branch, out[i].Testbed, out[i].Measure = &branch, &testbed, &measure
	}
	return out, nil
}

// Get returns one threshold of the project with its current model, or with the earlier one that modelID names.
func (s *Service) Get(ctx context.Context, actor access.Actor, ref, id, modelID string) (out api.Threshold, err error) {
	err = s.door.View(ctx, actor, ref, func(tx *store.Tx, p project.Project) error {
		out, err = answer(ctx, tx, p.ID, id, modelID)
		return err
	})
	return out, err
}

func answer(ctx context.Context, tx *store.Tx, projectID, id, modelID string) (out api.Threshold, err error) {
	t, err := Find(ctx, tx, projectID, id)
	if err != nil {
		return out, err
	}
	if modelID != "" {
		models, err := ModelsByID(ctx, tx, []string{modelID})
		if err != nil {
			return out, err
		}
		if models[modelID].ThresholdID != t.ID {
			return out, fault.Missingf("model %.50q does not exist in threshold %s", modelID, t.ID)
		}
		t.ModelID = &modelID
	}
	all, err := answers(ctx, tx, []Threshold{t})
	if err != nil {
		return out, err
	}
	return all[0], nil
}

// Create makes a threshold with a model. Branch, testbed and measure must exist.
func (s *Service) Create(ctx context.Context, actor access.Actor, ref string, asked api.NewThreshold) (out api.Threshold, err error) {
	model, err := NewModel(asked.Model)
	if err != nil {
		return out, err
	}
	for _, field := range []struct{ name, value string }{{"branch", asked.Branch}, {"testbed", asked.Testbed}, {"measure", asked.Measure}} {
		if field.value == "" {
			return out, fault.Invalidf("threshold: the field %q is missing; give a name, slug or UUID", field.name)
		}
	}
	err = s.door.Change(ctx, actor, access.EditProject, ref, func(tx *store.Tx, p project.Project) error {
		at, err := findPlace(ctx, tx, p.ID, asked.Branch, asked.Testbed, asked.Measure)
		if err != nil {
			return err
		}
		t, err := Insert(ctx, tx, p.ID, at.branch, at.testbed, at.measure)
		if err != nil {
			return err
		}
		if t, err = SetModel(ctx, tx, t, &model); err != nil {
			return err
		}
		out, err = answer(ctx, tx, p.ID, t.ID, "")
		return err
	})
	return out, err
}

// Update replaces a threshold's model, or takes it away when the change names no test.
func (s *Service) Update(ctx context.Context, actor access.Actor, ref, id string, change api.UpdateThreshold) (out api.Threshold,
	err error) {
	var model *Model
	if change.Test != nil {
		m, err := NewModel(api.Model{Test: *change.Test, MinSampleSize: change.MinSampleSize, MaxSampleSize: change.MaxSampleSize,
			Window: change.Window, LowerBoundary: change.LowerBoundary, UpperBoundary: change.UpperBoundary})
		if err != nil {
			return out, err
		}
		model = &m
	}
	err = s.door.Change(ctx, actor, access.EditProject, ref, func(tx *store.Tx, p project.Project) error {
		t, err := Find(ctx, tx, p.ID, id)
		if err != nil {
			return err
		}
		if _, err := SetModel(ctx, tx, t, model); err != nil {
			return err
		}
		out, err = answer(ctx, tx, p.ID, id, "")
		return err
	})
	return out, err
}

// Delete removes a threshold with its models and alerts; metrics keep the limits that it drew. Alerts go in steps, because all writers wait
// for each; if one fails, the threshold is there with the others.
func (s *Service) Delete(ctx context.Context, actor access.Actor, ref, id string) error {
	change := s.door.Change
	for more := true; more; change = s.door.GoOn {
		if err := change(ctx, actor, access.EditProject, ref, func(tx *store.Tx, p project.Project) error {
			if _, err := Find(ctx, tx, p.ID, id); err != nil {
				return err
			}
			alerts, err := DeleteSomeAlerts(ctx, tx, id, limits.UpkeepBatch)
			if more = alerts == limits.UpkeepBatch; more || err != nil {
				return err
			}
			return Delete(ctx, tx, id)
		}); err != nil {
			return err
		}
	}
	return nil
}

// events are what a person may ask of an alert, by the status that it asks for.
var events = map[api.AlertStatus]judge.Event{api.AlertActive: judge.Reactivate, api.AlertDismissed: judge.Dismiss}

// SetAlertStatus dismisses an alert or makes it active again, as the judge's table allows. Another status is an Invalid fault, a silenced
// alert a Conflict.
func (s *Service) SetAlertStatus(ctx context.Context, actor access.Actor, ref, id string, status api.AlertStatus) error {
	event, known := events[status]
	if !known {
		return fault.Invalidf("status %.40q: an alert can be made active or dismissed", status)
	}
	return s.door.Change(ctx, actor, access.EditProject, ref, func(tx *store.Tx, p project.Project) error {
		row, err := FindAlert(ctx, tx, p.ID, id)
		if err != nil {
			return err
		}
		next, err := judge.Next(judge.Status(row.Status), event)
		if err != nil || api.AlertStatus(next) == row.Status {
			return err
		}
		return SetAlertStatus(ctx, tx, row, api.AlertStatus(next))
	})
}

package report

import (
	"context"
	"fmt"

	"github.com/tachograph/tacho/internal/core/fault"
	coreseries "github.com/tachograph/tacho/internal/core/series"
	"github.com/tachograph/tacho/internal/core/unit"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/threshold"
)

// placed is where a report goes.
type placed struct {
	project  project.Project
	known    string // id of the report that the same request made just before; the rest is empty then
	branch   series.Branch
	head     series.Head
	version  series.Version
	testbed  series.Testbed
	specID   *string
	warnings []string
	base     *placed // where the results go of what a job's image is compared with; only head and version
}

// place finds or makes all that a report stands on.
func (s *Service) place(ctx context.Context, tx *store.Tx, p writeParams) (at placed, err error) {
	if at.project, err = ensureProject(ctx, tx, p); err != nil {
		return at, err
	}
	if err := tx.Lock(ctx, store.InProject(at.project.ID)); err != nil {
		return at, err
	}
	if usesOwnStore(p.actor, p.sub) {
		if err := project.AddRepository(ctx, tx, at.project.ID, p.sub.repository); err != nil {
			return at, err
		}
		if p.before.isNew && at.project.Slug != p.sub.project {
			at.warnings = append(at.warnings,
				fmt.Sprintf("project %q has the results of another repository; those of this one go to %q (--project names another)",
					p.sub.project, at.project.Slug))
		}
	}
	if at.known, err = findByKey(ctx, tx, at.project.ID, p.sub); err != nil || at.known != "" {
		return at, err
	}
	if p.sub.base.branch != "" { // first, because the run's branch may start there
		if at.base, err = s.placeBase(ctx, tx, at.project.ID, p.sub.base); err != nil {
			return at, err
		}
	}
	ask := series.Ask{ProjectID: at.project.ID, Branch: p.sub.branch, Start: p.sub.start}
	var warnings []string
	if at.branch, at.head, warnings, err = s.branches.EnsureHead(ctx, tx, ask); err != nil {
		return at, err
	}
	at.warnings = append(at.warnings, warnings...)
	if at.version, err = series.EnsureVersion(ctx, tx, at.project.ID, at.head.ID, p.sub.hash); err != nil {
		return at, err
	}
	if err := series.KeepCommits(ctx, tx, at.project.ID, p.sub.commits); err != nil {
		return at, err
	}
	if at.testbed, at.specID, err = ensureTestbed(ctx, tx, at.project.ID, p); err != nil {
		return at, err
	}
	if coreseries.Dirty(p.sub.context) {
		at.warnings = append(at.warnings, "work tree has uncommitted changes: results belong to no commit exactly")
	}
	if p.job != nil {
		at.warnings = append(at.warnings, p.job.Notes...)
	}
	return at, setThresholds(ctx, tx, at.project.ID, at.branch, at.testbed, p.sub)
}

// placeBase finds or makes where the results of a job's base belong.
func (s *Service) placeBase(ctx context.Context, tx *store.Tx, projectID string, at basePlace) (base *placed, err error) {
	base = &placed{}
	if base.branch, base.head, _, err = s.branches.EnsureHead(ctx, tx, series.Ask{ProjectID: projectID, Branch: at.branch}); err != nil {
		return nil, err
	}
	base.version, err = series.EnsureVersion(ctx, tx, projectID, base.head.ID, at.hash)
	return base, err
}

// ensureProject returns the submission's project; a new one that another submission has made meanwhile is looked up and authorized again.
func ensureProject(ctx context.Context, tx *store.Tx, p writeParams) (project.Project, error) {
	if !p.before.isNew {
		return p.before.project, nil
	}
	if err := tx.Lock(ctx, store.NewProjects); err != nil {
		return project.Project{}, err
	}
	now, err := findProject(ctx, tx, p.actor, p.sub, nil)
	if err != nil {
		return project.Project{}, err
	}
	if !now.isNew {
		if p.job != nil { // the job was prepared for the project that this one would have made
			return project.Project{}, fault.New(fault.Unavailable, "project %q was made by another submission just now; send this one again",
				p.sub.project)
		}
		return now.project, nil
	}
	return project.Insert(ctx, tx, p.before.project)
}

// ensureTestbed returns the testbed and the hardware spec of a report. A job's testbed is named after its spec unless the run names one,
// and stands for that spec from then on.
func ensureTestbed(ctx context.Context, tx *store.Tx, projectID string, p writeParams) (series.Testbed, *string, error) {
	name := p.sub.testbed
	if name == "" && p.job != nil {
		name = p.job.Spec.Name
	}
	t, err := series.EnsureTestbed(ctx, tx, projectID, name)
	if err != nil {
		return series.Testbed{}, nil, err
	}
	switch {
	case p.job != nil:
		spec := p.job.Spec.ID
		if t.SpecID == nil || *t.SpecID != spec {
			t.SpecID = &spec
			err = series.SetTestbedSpec(ctx, tx, t.ID, &spec)
		}
		return t, &spec, err
	case p.sub.specReset && t.SpecID != nil:
		t.SpecID = nil
		err = series.SetTestbedSpec(ctx, tx, t.ID, nil)
	}
	return t, nil, err
}

// setThresholds gives the branch and testbed the models that the submission names; with reset, the others lose theirs.
func setThresholds(ctx context.Context, tx *store.Tx, projectID string, branch series.Branch, testbed series.Testbed,
	sub submission) error {
	if len(sub.models) == 0 && !sub.resetModels {
		return nil
	}
	existing, err := threshold.On(ctx, tx, branch.ID, testbed.ID)
	if err != nil {
		return err
	}
	byMeasure := make(map[string]threshold.Threshold, len(existing))
	for _, t := range existing {
		byMeasure[t.MeasureID] = t
	}
	wanted := make([]series.Measure, len(sub.models))
	for i, m := range sub.models {
		wanted[i] = newMeasure(m.measure)
	}
	measures, err := series.EnsureMeasures(ctx, tx, projectID, wanted)
	if err != nil {
		return err
	}
	named := map[string]string{} // measure id → the name that it was met under
	for i, m := range sub.models {
		measure := measures[wanted[i].Name]
		if other, twice := named[measure.ID]; twice {
			return fault.Invalidf("thresholds: %q and %q are the same measure %q", other, m.measure, measure.Name)
		}
		named[measure.ID] = m.measure
		t, has := byMeasure[measure.ID]
		if !has {
			if t, err = threshold.Insert(ctx, tx, projectID, branch.ID, testbed.ID, measure.ID); err != nil {
				return err
			}
		}
		if _, err := threshold.SetModel(ctx, tx, t, &m.model); err != nil {
			return err
		}
	}
	if !sub.resetModels {
		return nil
	}
	for _, t := range existing {
		if _, isNamed := named[t.MeasureID]; isNamed {
			continue
		}
		if _, err := threshold.SetModel(ctx, tx, t, nil); err != nil {
			return err
		}
	}
	return nil
}

// newMeasure is the row of a measure that a threshold names before anything was measured: a built-in one with its units, else a generic
// one.
func newMeasure(name string) series.Measure {
	if known, ok := unit.KnownMeasure(name); ok {
		return measureRow(known)
	}
	return measureRow(&unit.Measure{Name: name})
}

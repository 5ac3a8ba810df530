package intake

import (
	"context"
	"fmt"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	corereport "github.com/tachograph/tacho/internal/core/report"
	coreseries "github.com/tachograph/tacho/internal/core/series"
	"github.com/tachograph/tacho/internal/core/unit"
	"github.com/tachograph/tacho/internal/server/admit"
	"github.com/tachograph/tacho/internal/server/ingest"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/queue"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/threshold"
)

// writeParams is a submission that was checked, with what is to be written of it: parsed results and their blobs, or a job.
type writeParams struct {
	actor  access.Actor
	sub    submission
	before known
	parsed ingest.Parsed
	pass   *admit.Pass // for what parsed holds
	inputs []report.Input
	job    *queue.Prepared
}

// written is what a transaction left.
type written struct {
	project project.Project
	report  string
	created bool
}

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
	ask := branchAsk{projectID: at.project.ID, branch: p.sub.branch, start: p.sub.start}
	var warnings []string
	if at.branch, at.head, warnings, err = ensureHead(ctx, tx, ask); err != nil {
		return at, err
	}
	at.warnings = append(at.warnings, warnings...)
	if at.version, err = series.EnsureVersion(ctx, tx, at.project.ID, at.head.ID, p.sub.hash); err != nil {
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

// write makes the report and all that it stands on, in one transaction.
func (s *Service) write(ctx context.Context, tx *store.Tx, p writeParams) (written, error) {
	at, err := s.place(ctx, tx, p)
	if err != nil || at.known != "" {
		return written{project: at.project, report: at.known}, err
	}
	r := report.Report{
		ID: ident.NewUUID(), ProjectID: at.project.ID, HeadID: at.head.ID, VersionID: at.version.ID, TestbedID: at.testbed.ID, SpecID: at.specID,
		Adapter: p.sub.settings.Adapter, Settings: p.sub.settings, Thresholds: p.sub.thresholds, Context: p.sub.context, Host: p.sub.host,
		Dirty: coreseries.Dirty(p.sub.context), Status: api.ReportPending, IdempotencyKey: p.sub.key,
		RequestHash: p.sub.requestHash, StartTime: p.sub.from, EndTime: p.sub.to,
	}
	if p.actor.AccountID != "" {
		r.AccountID = &p.actor.AccountID
	}
	if r, err = report.Insert(ctx, tx, r); err != nil {
		return written{}, err
	}
	r.Warnings = at.warnings
	if p.job != nil {
		err = s.queueJob(ctx, tx, r, p.job)
	} else {
		err = s.results(ctx, tx, r, p)
	}
	return written{at.project, r.ID, true}, err
}

func (s *Service) queueJob(ctx context.Context, tx *store.Tx, rep report.Report, job *queue.Prepared) error {
	if len(rep.Warnings) > 0 {
		if err := report.SetWarnings(ctx, tx, rep); err != nil {
			return err
		}
	}
	_, err := s.queue.Insert(ctx, tx, job, rep.ID)
	return err
}

// results writes the results of a report, or leaves it pending if they are many: then only what could refuse them is done here.
func (s *Service) results(ctx context.Context, tx *store.Tx, rp report.Report, p writeParams) error {
	if err := report.SetInputs(ctx, tx, rp.ID, p.inputs); err != nil {
		return err
	}
	if !s.ingest.Large(p.parsed) {
		_, err := ingest.Write(ctx, tx, rp, p.parsed, corereport.Finish)
		return err
	}
	if err := ingest.CheckNames(ctx, tx, rp.ProjectID, p.parsed); err != nil {
		return err
	}
	return report.SetWarnings(ctx, tx, rp)
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
		return ingest.MeasureRow(known)
	}
	return ingest.MeasureRow(&unit.Measure{Name: name})
}

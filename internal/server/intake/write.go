package intake

import (
	"context"
	"fmt"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/series"
	"github.com/tachograph/tacho/internal/core/unit"
	"github.com/tachograph/tacho/internal/server/admit"
	"github.com/tachograph/tacho/internal/server/ingest"
	"github.com/tachograph/tacho/internal/server/queue"
	"github.com/tachograph/tacho/internal/server/store"
)

// writeParams is a submission that was checked, with what is to be written of it: parsed results and their blobs, or a job.
type writeParams struct {
	actor  access.Actor
	sub    submission
	before known
	parsed ingest.Parsed
	pass   *admit.Pass // for what parsed holds
	inputs []store.ReportInput
	job    *queue.Prepared
}

// written is what a transaction left.
type written struct {
	project store.Project
	report  string
	created bool
}

// placed is where a report goes.
type placed struct {
	project  store.Project
	known    string // id of the report that the same request made just before; the rest is empty then
	branch   store.Branch
	head     store.Head
	version  store.Version
	testbed  store.Testbed
	specID   *string
	warnings []string
}

// place finds or makes all that a report stands on.
func (s *Service) place(ctx context.Context, tx *store.Tx, p writeParams) (at placed, err error) {
	if at.project, err = ensureProject(ctx, tx, p); err != nil {
		return at, err
	}
	if usesOwnStore(p.actor, p.sub) {
		if err := tx.AddRepository(ctx, at.project.ID, p.sub.repository); err != nil {
			return at, err
		}
		if p.before.isNew && at.project.Slug != p.sub.project {
			at.warnings = append(at.warnings, fmt.Sprintf("project %q has the results of another repository; those of this one go to %q (--project names another)",
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
	if at.version, err = tx.EnsureVersion(ctx, at.project.ID, at.head.ID, p.sub.hash); err != nil {
		return at, err
	}
	if at.testbed, at.specID, err = ensureTestbed(ctx, tx, at.project.ID, p); err != nil {
		return at, err
	}
	if series.Dirty(p.sub.context) {
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
	report := store.Report{
		ID: ident.NewUUID(), ProjectID: at.project.ID, HeadID: at.head.ID, VersionID: at.version.ID, TestbedID: at.testbed.ID, SpecID: at.specID,
		Adapter: p.sub.settings.Adapter, Settings: p.sub.settings, Thresholds: p.sub.thresholds, Context: p.sub.context, Host: p.sub.host,
		Dirty: series.Dirty(p.sub.context), Status: api.ReportPending, IdempotencyKey: p.sub.key,
		RequestHash: p.sub.requestHash, StartTime: p.sub.from, EndTime: p.sub.to,
	}
	if p.actor.AccountID != "" {
		report.AccountID = &p.actor.AccountID
	}
	if report, err = tx.InsertReport(ctx, report); err != nil {
		return written{}, err
	}
	report.Warnings = at.warnings
	if p.job != nil {
		err = s.queueJob(ctx, tx, report, p.job)
	} else {
		err = s.results(ctx, tx, report, p)
	}
	return written{at.project, report.ID, true}, err
}

func (s *Service) queueJob(ctx context.Context, tx *store.Tx, report store.Report, job *queue.Prepared) error {
	if len(report.Warnings) > 0 {
		if err := tx.CloseReport(ctx, report); err != nil { // still pending: this only writes the warnings
			return err
		}
	}
	_, err := s.queue.Insert(ctx, tx, job, report.ID)
	return err
}

// results writes the results of a report, or leaves it pending if they are many: then only what could refuse them is done here.
func (s *Service) results(ctx context.Context, tx *store.Tx, report store.Report, p writeParams) error {
	if err := tx.SetReportInputs(ctx, report.ID, p.inputs); err != nil {
		return err
	}
	if !s.ingest.Large(p.parsed) {
		_, err := ingest.Write(ctx, tx, report, p.parsed)
		return err
	}
	if err := ingest.CheckNames(ctx, tx, report.ProjectID, p.parsed); err != nil {
		return err
	}
	return tx.CloseReport(ctx, report) // still pending: this only writes the warnings
}

// ensureProject returns the submission's project; a new one that another submission has made meanwhile is looked up and authorized again.
func ensureProject(ctx context.Context, tx *store.Tx, p writeParams) (store.Project, error) {
	if !p.before.isNew {
		return p.before.project, nil
	}
	now, err := findProject(ctx, tx, p.actor, p.sub, nil)
	if err != nil {
		return store.Project{}, err
	}
	if !now.isNew {
		if p.job != nil { // the job was prepared for the project that this one would have made
			return store.Project{}, fault.New(fault.Unavailable, "project %q was made by another submission just now; send this one again", p.sub.project)
		}
		return now.project, nil
	}
	return tx.InsertProject(ctx, p.before.project)
}

// ensureTestbed returns the testbed and the hardware spec of a report. A job's testbed is named after its spec unless the run names one,
// and stands for that spec from then on.
func ensureTestbed(ctx context.Context, tx *store.Tx, projectID string, p writeParams) (store.Testbed, *string, error) {
	name := p.sub.testbed
	if name == "" && p.job != nil {
		name = p.job.Spec.Name
	}
	t, err := tx.EnsureTestbed(ctx, projectID, name)
	if err != nil {
		return store.Testbed{}, nil, err
	}
	switch {
	case p.job != nil:
		spec := p.job.Spec.ID
		if t.SpecID == nil || *t.SpecID != spec {
			t.SpecID = &spec
			err = tx.SetTestbedSpec(ctx, t.ID, &spec)
		}
		return t, &spec, err
	case p.sub.specReset && t.SpecID != nil:
		t.SpecID = nil
		err = tx.SetTestbedSpec(ctx, t.ID, nil)
	}
	return t, nil, err
}

// setThresholds gives the branch and testbed the models that the submission names; with reset, the others lose theirs.
func setThresholds(ctx context.Context, tx *store.Tx, projectID string, branch store.Branch, testbed store.Testbed, sub submission) error {
	if len(sub.models) == 0 && !sub.resetModels {
		return nil
	}
	existing, err := tx.ThresholdsOn(ctx, branch.ID, testbed.ID)
	if err != nil {
		return err
	}
	byMeasure := make(map[string]store.Threshold, len(existing))
	for _, t := range existing {
		byMeasure[t.MeasureID] = t
	}
	wanted := make([]store.Measure, len(sub.models))
	for i, m := range sub.models {
		wanted[i] = newMeasure(m.measure)
	}
	measures, err := tx.EnsureMeasures(ctx, projectID, wanted)
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
			if t, err = tx.InsertThreshold(ctx, projectID, branch.ID, testbed.ID, measure.ID); err != nil {
				return err
			}
		}
		if _, err := tx.SetModel(ctx, t, &m.model); err != nil {
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
		if _, err := tx.SetModel(ctx, t, nil); err != nil {
			return err
		}
	}
	return nil
}

// newMeasure is the row of a measure that a threshold names before anything was measured: a built-in one with its units, else a generic one.
func newMeasure(name string) store.Measure {
	if known, ok := unit.KnownMeasure(name); ok {
		return ingest.MeasureRow(known)
	}
	return ingest.MeasureRow(&unit.Measure{Name: name})
}

package report

import (
	"cmp"
	"context"
	"strings"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	corereport "github.com/tachograph/tacho/internal/core/report"
	coreseries "github.com/tachograph/tacho/internal/core/series"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/admit"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/report/results"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// Request is a submission and who sends it.
type Request struct {
	Actor    access.Actor
	SourceIP string
	New      api.NewRun
}

// Taken is what became of a submission. It is on the disk: who shows the report must not refuse it any more.
type Taken struct {
	Project project.Project
	Report  string // id
	Created bool   // false: the idempotency key found the report of an earlier request
}

// Submit takes a run. It holds nothing of it when it returns: the report is explore's to show. A project that is new is made in
// the actor's organization. Errors are faults: Invalid and TooLarge for the request, Unauthorized, Forbidden and Missing for the actor,
// Conflict for an idempotency key that was used for something else, and what the queue says of a job.
func (s *Service) Submit(ctx context.Context, r Request) (Taken, error) {
	r.New.Project = projectOf(r)
	return s.submit(ctx, r, nil)
}

// Create takes a report for a project that exists.
func (s *Service) Create(ctx context.Context, project string, r Request) (Taken, error) {
	p, err := s.door.Find(ctx, r.Actor, access.Submit, project)
	if err != nil {
		return Taken{}, err
	}
	r.New.Project = p.ID
	return s.submit(ctx, r, &p)
}

func (s *Service) submit(ctx context.Context, r Request, project *project.Project) (Taken, error) {
	p, err := s.prepare(ctx, r, project, false)
	defer p.pass.Leave()
	if err != nil {
		return Taken{}, err
	}
	if p.before.report != "" {
		if err := s.settle(ctx, p.before.report); err != nil {
			return Taken{}, err
		}
		return Taken{p.before.project, p.before.report, false}, nil
	}
	if p.inputs, err = s.keep(ctx, p.sub.results); err != nil {
		return Taken{}, err
	}
	if !s.judge.large(p.parsed) {
		p.noise = shownBy(p.sub.context, p.parsed)
	}
	var w written
	if err := s.store.Tx(ctx, func(tx *store.Tx) (err error) {
		w, err = s.write(ctx, tx, p)
		return err
	}); err != nil {
		return Taken{}, err
	}
	switch {
	case p.job != nil && w.created:
		s.queue.Inserted(p.job)
	case p.job == nil && w.created && s.judge.large(p.parsed):
		if err := s.finish(context.WithoutCancel(ctx), w.report, p.parsed); err != nil {
			return Taken{}, err
		}
	case p.job == nil && !w.created: // the same request came twice at once, and the other one is at it
		p.pass.Leave()
		if err := s.settle(ctx, w.report); err != nil {
			return Taken{}, err
		}
	}
	return Taken{w.project, w.report, w.created}, nil
}

// projectOf is the project that a run names. A run key opens one project: that is meant.
func projectOf(r Request) string {
	if r.New.Project == "" && r.Actor.Kind == access.RunKey {
		return r.Actor.ProjectID
	}
	return r.New.Project
}

// writeParams is a submission that was checked, with what is to be written of it: parsed results and their blobs, or a job.
type writeParams struct {
	actor  access.Actor
	sub    submission
	before known
	parsed results.Parsed
	noise  []shown
	pass   *admit.Pass // for what parsed holds
	inputs []Input
	job    *job.Prepared
}

// written is what a transaction left.
type written struct {
	project project.Project
	report  string
	created bool
}

// write makes the report and all that it stands on, in one transaction.
func (s *Service) write(ctx context.Context, tx *store.Tx, p writeParams) (written, error) {
	at, err := s.place(ctx, tx, p)
	if err != nil || at.known != "" {
		return written{project: at.project, report: at.known}, err
	}
	r := Report{
		ID: ident.NewUUID(), ProjectID: at.project.ID, HeadID: at.head.ID, VersionID: at.version.ID, TestbedID: at.testbed.ID, SpecID: at.specID,
		Adapter: p.sub.settings.Adapter, Settings: p.sub.settings, Thresholds: p.sub.thresholds, Context: p.sub.context, Host: p.sub.host,
		Dirty: coreseries.Dirty(p.sub.context), Status: api.ReportPending, IdempotencyKey: p.sub.key,
		RequestHash: p.sub.requestHash, StartTime: p.sub.from, EndTime: p.sub.to,
	}
	if p.actor.AccountID != "" {
		r.AccountID = &p.actor.AccountID
	}
	if r, err = Insert(ctx, tx, r); err != nil {
		return written{}, err
	}
	r.Warnings = at.warnings
	if p.job != nil {
		err = s.queueJobs(ctx, tx, r, at, p.job)
	} else {
		err = s.results(ctx, tx, r, p)
	}
	return written{at.project, r.ID, true}, err
}

// queueJobs queues the jobs that a report waits for. What they compare with makes a report of its own.
func (s *Service) queueJobs(ctx context.Context, tx *store.Tx, rep Report, at placed, jobs *job.Prepared) error {
	if len(rep.Warnings) > 0 {
		if err := SetWarnings(ctx, tx, rep); err != nil {
			return err
		}
	}
	base := Report{}
	if at.base != nil {
		base = rep
		base.ID, base.HeadID, base.VersionID = ident.NewUUID(), at.base.head.ID, at.base.version.ID
		base.IdempotencyKey, base.RequestHash, base.Thresholds, base.Dirty, base.Context = "", "", nil, false, nil
		var err error
		if base, err = Insert(ctx, tx, base); err != nil {
			return err
		}
	}
	_, err := s.queue.Insert(ctx, tx, jobs, rep.ID, base.ID)
	return err
}

// results writes the results of a report, or leaves it pending if they are many: then only what could refuse them is done here.
func (s *Service) results(ctx context.Context, tx *store.Tx, rp Report, p writeParams) error {
	if err := SetInputs(ctx, tx, rp.ID, p.inputs); err != nil {
		return err
	}
	if !s.judge.large(p.parsed) {
		_, err := writeResults(ctx, tx, rp, p.parsed, p.noise, corereport.Finish)
		return err
	}
	if err := checkNames(ctx, tx, rp.ProjectID, p.parsed); err != nil {
		return err
	}
	return SetWarnings(ctx, tx, rp)
}

// prepare checks a run as far as that needs no transaction that writes; early is one without its results.
func (s *Service) prepare(ctx context.Context, r Request, project *project.Project, early bool) (p writeParams, err error) {
	p.actor = r.Actor
	if p.sub, err = newSubmission(r.New, s.now(), early); err != nil {
		return p, err
	}
	if p.before, err = s.look(ctx, r, p.sub, project); err != nil {
		return p, err
	}
	counted := 0
	if project != nil { // whoever found it counted one
		counted = 1
	}
	if !early && !p.before.isNew {
		for range p.sub.reports() - counted {
			if err := s.door.Count(p.before.project.ID); err != nil {
				return p, err
			}
		}
	}
	if p.before.report != "" {
		return p, nil
	}
	switch {
	case p.sub.job != nil:
		p.job, err = s.queue.Prepare(ctx, job.PrepareParams{Project: p.before.project, Organization: p.before.organization, Actor: r.Actor,
			SourceIP: r.SourceIP, TestbedSpecID: p.before.testbedSpec, Job: *p.sub.job})
	case len(p.sub.results) > 0:
		if p.pass, err = s.work.Enter(ctx, results.Cost(p.sub.results)); err != nil {
			return p, err
		}
		p.parsed, err = results.Parse(p.sub.results, p.sub.settings)
	}
	return p, err
}

// keep stores the raw results, so that a better parser can read them again.
func (s *Service) keep(ctx context.Context, results []string) ([]Input, error) {
	inputs := make([]Input, len(results))
	for i, text := range results {
		digest, size, err := s.blobs.Put(ctx, strings.NewReader(text), limits.ReportBodyBytes)
		if err != nil {
			return nil, err
		}
		inputs[i] = Input{Iteration: i, Digest: string(digest), Size: size}
	}
	return inputs, nil
}

// known is what the database says of a submission before it is written.
type known struct {
	project      project.Project // of a new one only name, slug and organization
	isNew        bool
	organization account.Organization
	report       string // id of the report that the idempotency key found
	testbedSpec  *string
}

// look finds the submission's project, or who would own it, authorizes the actor, and looks for the idempotency key. given is a project
// that was authorized already.
func (s *Service) look(ctx context.Context, r Request, sub submission, given *project.Project) (k known, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		if k, err = findProject(ctx, tx, r.Actor, sub, given); err != nil {
			return err
		}
		if k.isNew {
			k.project.Visibility = cmp.Or(k.project.Visibility, string(s.visible))
			return nil
		}
		if k.report, err = findByKey(ctx, tx, k.project.ID, sub); err != nil || k.report != "" {
			return err
		}
		if sub.job == nil || sub.testbed == "" {
			return nil
		}
		t, err := series.TestbedByRef(ctx, tx, k.project.ID, sub.testbed)
		if fault.Is(err, fault.Missing) && !ident.IsUUID(sub.testbed) {
			return nil
		}
		k.testbedSpec = t.SpecID
		return err
	})
	return k, err
}

// findByKey returns the report that the submission's idempotency key was used for, "" if there is none. A key that was used for another
// request is a Conflict.
func findByKey(ctx context.Context, tx *store.Tx, projectID string, sub submission) (reportID string, err error) {
	if sub.key == "" {
		return "", nil
	}
	found, has, err := ByKey(ctx, tx, projectID, sub.key)
	if err != nil || !has {
		return "", err
	}
	if found.RequestHash != sub.requestHash {
		return "", fault.Conflictf("idempotency key %s was used for another request (report %s); use a new key for a new request", sub.key,
			found.ID)
	}
	return found.ID, nil
}

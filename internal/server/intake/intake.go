// Package intake takes submissions: results that were measured elsewhere, or a job that will make them.
//
// A submission is checked and its results are parsed before anything is written. Then one transaction makes what is new (project, branch,
// head, version, testbed, thresholds) and the report; results are judged in it, a job is queued in it. So a refused submission leaves
// nothing behind, and an accepted one is there whole. The raw results are kept as blobs, put there before the transaction; those of a
// submission that fails after that are named by no row and are swept.
//
// Two submissions that make the same project or branch at once both succeed: those of a project run one after the other, and each looks
// again inside its transaction.
//
// A report with many metrics is written in slices (package ingest): its first transaction leaves it pending, with its raw results. It is
// finished even when its sender goes away. Resume finishes those that a process left behind when it died, and so does its sender when it
// comes again with the same idempotency key. If finishing fails otherwise, the report is deleted, and the sender is told.
//
// Intake decides where a report goes; how its results are read and judged is ingest's, how a job is run the queue's.
package intake

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/admit"
	"github.com/tachograph/tacho/internal/server/blob"
	"github.com/tachograph/tacho/internal/server/ingest"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/queue"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// Queue is what intake needs of the job queue.
type Queue interface {
	// Prepare checks a job and pins its image, before any transaction.
	Prepare(ctx context.Context, p queue.PrepareParams) (*queue.Prepared, error)
	// Insert queues it in the report's transaction.
	Insert(ctx context.Context, tx *store.Tx, p *queue.Prepared, reportID string) (jobID string, err error)
	// Inputs are the texts to read of a report's job; none: it has no job, or one that left nothing.
	Inputs(ctx context.Context, reportID string) ([]string, error)
	// Inserted wakes a waiting runner, after the commit.
	Inserted(p *queue.Prepared)
}

// Config are the parts that intake is made of. All are needed but those that say what their absence means.
type Config struct {
	Store      *store.Store
	Door       *project.Door // nil: one that counts nobody
	Blobs      blob.Store
	Queue      Queue
	Ingest     *ingest.Service  // nil: one over Store
	Work       *admit.Gate      // what large submissions pass; nil: no bound
	Visibility api.Visibility   // of projects that are made without saying; empty: public
	Now        func() time.Time // nil: time.Now
}

// Service takes submissions. It is safe for concurrent use.
type Service struct {
	store   *store.Store
	door    *project.Door
	blobs   blob.Store
	queue   Queue
	ingest  *ingest.Service
	work    *admit.Gate
	visible api.Visibility
	now     func() time.Time
}

// New returns the service.
func New(cfg Config) *Service {
	s := &Service{store: cfg.Store, door: cfg.Door, blobs: cfg.Blobs, queue: cfg.Queue, ingest: cfg.Ingest, work: cfg.Work,
		visible: cmp.Or(cfg.Visibility, api.Public), now: cfg.Now}
	if s.ingest == nil {
		s.ingest = ingest.New(cfg.Store, nil)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.door == nil {
		s.door = project.NewDoor(cfg.Store, nil)
	}
	return s
}

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
	case p.job == nil && w.created && s.ingest.Large(p.parsed):
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

// Check says what Submit would say of a run, before there are results: a benchmark that ran for an hour must not be refused for its branch.
// It goes the same way, up to the report, and takes back what it wrote.
// Errors are those of Submit.
func (s *Service) Check(ctx context.Context, r Request) (out api.RunCheck, err error) {
	r.New.Project = projectOf(r)
	p, err := s.prepare(ctx, r, nil, true) // passes no gate
	if err != nil {
		return out, err
	}
	out = api.RunCheck{Project: p.before.project.Slug, NewProject: p.before.isNew, Visibility: api.Visibility(p.before.project.Visibility),
		Branch: p.sub.branch, Testbed: p.sub.testbed}
	if p.before.report != "" { // the same request was taken already and gets its report
		return out, nil
	}
	err = s.store.Tx(ctx, func(tx *store.Tx) error {
		at, err := s.place(ctx, tx, p)
		if err != nil {
			return err
		}
		out.Branch, out.Testbed, out.Warnings = at.branch.Name, at.testbed.Name, at.warnings
		return errOnlyChecked
	})
	if !errors.Is(err, errOnlyChecked) {
		return out, err
	}
	return out, nil
}

// errOnlyChecked rolls a transaction back that was good.
var errOnlyChecked = errors.New("only checked")

// projectOf is the project that a run names. A run key opens one project: that is meant.
func projectOf(r Request) string {
	if r.New.Project == "" && r.Actor.Kind == access.RunKey {
		return r.Actor.ProjectID
	}
	return r.New.Project
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
	if !early && !p.before.isNew && project == nil {
		if err := s.door.Count(p.before.project.ID); err != nil {
			return p, err
		}
	}
	if p.before.report != "" {
		return p, nil
	}
	switch {
	case p.sub.job != nil:
		p.job, err = s.queue.Prepare(ctx, queue.PrepareParams{Project: p.before.project, Organization: p.before.organization, Actor: r.Actor,
			SourceIP: r.SourceIP, TestbedSpecID: p.before.testbedSpec, Job: *p.sub.job})
	case len(p.sub.results) > 0:
		if p.pass, err = s.work.Enter(ctx, ingest.Cost(p.sub.results)); err != nil {
			return p, err
		}
		p.parsed, err = ingest.Parse(p.sub.results, p.sub.settings)
	}
	return p, err
}

// keep stores the raw results, so that a better parser can read them again.
func (s *Service) keep(ctx context.Context, results []string) ([]report.Input, error) {
	inputs := make([]report.Input, len(results))
	for i, text := range results {
		digest, size, err := s.blobs.Put(ctx, strings.NewReader(text), limits.ReportBodyBytes)
		if err != nil {
			return nil, err
		}
		inputs[i] = report.Input{Iteration: i, Digest: string(digest), Size: size}
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
	found, has, err := report.ByKey(ctx, tx, projectID, sub.key)
	if err != nil || !has {
		return "", err
	}
	if found.RequestHash != sub.requestHash {
		return "", fault.Conflictf("idempotency key %s was used for another request (report %s); use a new key for a new request", sub.key,
			found.ID)
	}
	return found.ID, nil
}

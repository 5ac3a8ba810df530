package job

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	corejob "github.com/tachograph/tacho/internal/core/job"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/blob"
	"github.com/tachograph/tacho/internal/server/notify"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/store"
)

// Reports is what jobs need of the room of reports, which is above this one: it reads results into a report, or closes and reopens one
// without results.
type Reports interface {
	FinishReport(ctx context.Context, reportID string, d Delivery, inTx func(*store.Tx) error) error
	FailReport(ctx context.Context, tx *store.Tx, reportID, sentence string) error
	ReopenReport(ctx context.Context, tx *store.Tx, reportID string) error
}

// Tasks is what jobs need of the room of sweeps, which is above this one: how the outputs of a job with a slot are read.
type Tasks interface {
	Reading(ctx context.Context, jobID string) (Reading, error)
}

// Reading is how the outputs of a job are read. The zero value reads all files, or what was printed.
type Reading struct {
	File  string                    // the only file that is read, of those that the job leaves; "": all
	Check func(output []byte) error // whether what is read says what was asked for; nil: nothing was. The error is *suite.Refused
}

// ImageResolver pins an image to its digest.
type ImageResolver interface {
	Resolve(ctx context.Context, project project.Project, image string) (Image, error)
}

// PullTokens makes tokens with which a runner pulls a project's images.
type PullTokens interface {
	MintPull(ctx context.Context, projectID, jobID string, epoch int64) (token string, life time.Duration, err error)
}

// Image is what a reference points to.
type Image struct {
	Registry, Repository, Digest string
	Internal                     bool       // it lies in this server's own registry
	Listed                       bool       // the operator named the registry, so that it may have an address that is not public
	Platforms                    []Platform // none: not known
}

// Platform is an operating system and an architecture in the OCI spelling.
type Platform struct{ OS, Arch string }

// Tiers bound what a plan's jobs may use.
type Tiers map[api.Plan]Tier

// Tier is one plan's bounds. Concurrency 0: no limit.
type Tier struct {
	Concurrency int
	Timeout     time.Duration // of one iteration; also the default, if it is shorter than limits.JobTimeoutDefault
}

// Config is what the service needs.
type Config struct {
	Store   *store.Store
	Door    *project.Door // nil: one that counts nobody
	Blobs   blob.Store
	Reports Reports
	Tasks   Tasks // nil: no job has a slot
	Images  ImageResolver
	Tokens  PullTokens
	Tiers   Tiers
	Log     *slog.Logger
	Now     func() time.Time
	// KeepEnv is how long the environment of a job that failed or was canceled is kept for a retry, from its end; 0 drops it then.
	KeepEnv time.Duration
	// Coin says which side of a comparison runs first; nil: chance.
	Coin func() (headFirst bool)
}

// Service is safe for concurrent use. Run must run for leases to be renewed and results to be read.
type Service struct {
	Config
	waiting waiters
	streams streams
	toRead  chan string

	elsewhere chan struct{} // holds a token when another server may have left work for a runner that waits here

	begun time.Time // when Run began

	mu      sync.Mutex
	beats   map[string]bool      // jobs in flight heard of since the last flush
	seen    map[string]time.Time // runners heard of since the last flush
	said    map[string]word      // what each runner said of itself, as it is stored
	logged  map[string]logged    // live output that is stored, by job in flight
	reading map[string]bool      // completed jobs that wait to be read or are being read
	tries   map[string]tried     // completed jobs whose reading failed for a reason of ours
	shown   time.Time            // when runners that wait here were last shown to other servers
}

// NewService makes them.
func NewService(cfg Config) *Service {
	if cfg.Door == nil {
		cfg.Door = project.NewDoor(cfg.Store, nil)
	}
	if cfg.Coin == nil {
		cfg.Coin = func() bool { return rand.IntN(2) == 0 }
	}
	return &Service{
		Config: cfg, toRead: make(chan string, 1024), elsewhere: make(chan struct{}, 1),
		beats: map[string]bool{}, seen: map[string]time.Time{}, said: map[string]word{}, logged: map[string]logged{},
		reading: map[string]bool{}, tries: map[string]tried{},
	}
}

// readers is how many results are read at once; each is one transaction on the one writer, so more would only wait.
const readers = 2

// Run renews leases, ends what is overdue and reads results, until ctx ends. What was being read is finished or rolled back.
func (s *Service) Run(ctx context.Context) error {
	// No runner could be heard while there was no server: each gets the time to find it again before its job counts as lost.
	s.note(ctx, "grant leases at the start", s.Store.Tx(ctx,
		func(tx *store.Tx) error { return GrantLeases(ctx, tx, tx.Now().Add(limits.StartGrace)) }))
	s.begun = s.Now()
	s.Store.Listen(changedJobs, s.heard)
	var work sync.WaitGroup
	for range readers {
		work.Go(func() { s.read(ctx) })
	}
	s.requeueCompleted(ctx)
	sweep := time.NewTicker(limits.SweepInterval)
	defer sweep.Stop()
	flush := time.NewTicker(limits.LeaseFlushInterval)
	defer flush.Stop()
	recheck := time.NewTicker(limits.BlockedJobRecheck)
	defer recheck.Stop()
	for {
		select {
		case <-ctx.Done():
			s.waiting.close()
			s.streams.close()
			// Leases that were renewed in memory must not look expired to the next process.
			ctx := context.WithoutCancel(ctx)
			s.note(ctx, "flush heartbeats", s.flush(ctx))
			work.Wait()
			return nil
		case <-flush.C:
			s.note(ctx, "flush heartbeats", s.flush(ctx))
		case <-sweep.C:
			s.note(ctx, "sweep jobs", s.Sweep(ctx))
		case <-s.elsewhere:
			s.note(ctx, "look for jobs that came in at another server", s.wakeForPending(ctx))
		case <-recheck.C:
			s.note(ctx, "look for jobs that nobody was woken for", s.wakeForPending(ctx))
			s.note(ctx, "give up jobs that no machine can run", s.giveUp(ctx))
		}
	}
}

// note logs an error of the background, which nobody waits for. What breaks off because all ends is none.
func (s *Service) note(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		s.Log.ErrorContext(ctx, what, "error", err)
	}
}

// wakeForPending wakes a runner for each job that waits, as far as runners wait. No known way leads to a job that waits beside a runner
// that waits; a place in the queue must not hang on that.
func (s *Service) wakeForPending(ctx context.Context) error {
	if s.waiting.len() == 0 {
		return nil
	}
	var pending []Pending
	err := s.Store.View(ctx, func(tx *store.Tx) error {
		var err error
		pending, err = AllPending(ctx, tx)
		return err
	})
	s.wake(pending)
	for _, p := range pending { // several may have come in elsewhere since the last look
		for range min(p.Jobs, s.waiting.len()) - 1 {
			s.waiting.wake(p.Stand)
		}
	}
	return err
}

// wake wakes one runner for each stand, or all of them where one that may not take the job could be the one that is woken.
func (s *Service) wake(pending []Pending) {
	for _, p := range pending {
		if p.Chosen {
			s.waiting.wakeAll(p.Stand)
			continue
		}
		s.waiting.wake(p.Stand)
	}
}

// jobOf is what core/job looks at of a row.
func jobOf(r Job) corejob.Job {
	return corejob.Job{
		State: api.JobStatus(r.State), Reason: api.Reason(text(r.Reason)), Error: text(r.Error), Epoch: r.Epoch, Attempt: r.Attempt,
		InfraRetries: r.InfraRetries, CancelAsked: r.CancelAsked != nil,
	}
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func orNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// apply lets an event happen to a job that was loaded in this transaction: it writes the job and its history, and what it means for the
// report that waits for it and for the other jobs of that report.
func (s *Service) apply(ctx context.Context, tx *store.Tx, row *Job, e corejob.Event) error {
	before := api.JobStatus(row.State)
	if err := s.applyAlone(ctx, tx, row, e); err != nil {
		return err
	}
	return s.family(ctx, tx, row, before, e.Kind)
}

// applyAlone is apply for the job alone.
func (s *Service) applyAlone(ctx context.Context, tx *store.Tx, row *Job, e corejob.Event) error {
	before := jobOf(*row)
	after, err := corejob.Apply(before, e)
	if err != nil {
		return err
	}
	if after.State == api.JobPending && before.State != api.JobPending {
		if after, err = s.waitsAgain(*row, after, e); err != nil {
			return err
		}
	}
	now := tx.Now()
	row.State, row.Reason, row.Error = string(after.State), orNil(string(after.Reason)), orNil(after.Error)
	row.Epoch, row.Attempt, row.InfraRetries = after.Epoch, after.Attempt, after.InfraRetries
	if after.CancelAsked != (row.CancelAsked != nil) {
		row.CancelAsked = nil
		if after.CancelAsked {
			row.CancelAsked = &now
		}
	}
	switch e.Kind {
	case corejob.Claim:
		row.Claimed, row.Started, row.Completed, row.LastSeq, row.Results, row.Host = &now, nil, nil, 0, nil, nil
		lease, deadline := now.Add(limits.LeaseTimeout), s.deadline(*row, now)
		row.LeaseExpires, row.Deadline = &lease, &deadline
	case corejob.Start:
		if row.Started == nil {
			row.Started = &now
			deadline := s.deadline(*row, now)
			row.Deadline = &deadline
		}
	case corejob.Resume:
		lease, deadline := now.Add(limits.LeaseTimeout), s.deadline(*row, now)
		row.LeaseExpires, row.Deadline = &lease, &deadline
	case corejob.Retry:
		row.Queued, row.Claimed, row.Started, row.Completed = now, nil, nil, nil
		if err := AllowRunners(ctx, tx, row.ID); err != nil { // whoever asks may have repaired them
			return err
		}
	}
	row.NotBefore = nil
	if pause := corejob.Pause(e, after.InfraRetries); pause > 0 && after.State == api.JobPending {
		until := now.Add(pause)
		row.NotBefore = &until
	}
	if err := s.heed(ctx, tx, *row, e); err != nil {
		return err
	}
	if after.State == api.JobProcessed || corejob.Ended(after.State) && s.KeepEnv <= 0 {
		if err := forgetEnv(ctx, tx, *row); err != nil {
			return err
		}
	}
	if corejob.Ended(before.State) && !corejob.Ended(after.State) { // tried again, or the result came after all
		row.Completed = nil
	}
	if !corejob.InFlight(after.State) {
		row.LeaseExpires, row.Deadline, row.Phase = nil, nil, nil
	}
	if (corejob.Ended(after.State) || after.State == api.JobCompleted) && row.Completed == nil {
		row.Completed = &now
	}
	if err := Save(ctx, tx, *row); err != nil {
		return err
	}
	if err := bindOrFree(ctx, tx, *row, before.State); err != nil {
		return err
	}
	if err := tell(ctx, tx, *row); err != nil {
		return err
	}
	if corejob.Ended(after.State) && !corejob.Ended(before.State) {
		if err := notify.Write(ctx, tx, notify.Event{Kind: notify.JobEnded, ProjectID: row.ProjectID, Subject: row.ID, Body: notify.Body{
			Job: row.ID, Report: row.ReportID, From: string(before.State), To: string(after.State), Reason: string(after.Reason),
		}}); err != nil {
			return err
		}
	}
	return InsertEvent(ctx, tx, Event{
		JobID: row.ID, Event: string(e.Kind), From: string(before.State), To: string(after.State), Epoch: after.Epoch,
		Reason: orNil(string(after.Reason)), Detail: orNil(after.Error),
	})
}

// waitsAgain looks at a job that is about to wait once more: without the environment that it was submitted with it would measure something
// else. A person who asks for a retry hears so; what was lost with its runner after it had ended once fails for good.
func (s *Service) waitsAgain(row Job, after corejob.Job, e corejob.Event) (corejob.Job, error) {
	config, err := row.Configuration()
	if err != nil || !config.EnvDropped {
		return after, err
	}
	if e.Kind == corejob.Retry {
		return after, fault.Conflictf("job %s cannot be retried: its environment was dropped when it ended; submit the run again "+
			"(an administrator can keep environments for retries: retention.environments)", row.ID)
	}
	after.State = api.JobFailed
	return after, nil
}

// ForgetEnvironments drops the environments of jobs that failed or were canceled before, in small steps.
func (s *Service) ForgetEnvironments(ctx context.Context, before time.Time) error {
	for more := true; more; {
		if err := s.Store.Tx(ctx, func(tx *store.Tx) error {
			rows, err := HoldWithEnvironment(ctx, tx, before, limits.UpkeepBatch)
			more = len(rows) == limits.UpkeepBatch
			for _, row := range rows {
				if err := forgetEnv(ctx, tx, row); err != nil {
					return err
				}
			}
			return err
		}); err != nil {
			return fmt.Errorf("drop environments of ended jobs: %w", err)
		}
	}
	return nil
}

// forgetEnv takes the environment out of a job that is over: its values may be secrets. What stays is that there was one.
func forgetEnv(ctx context.Context, tx *store.Tx, row Job) error {
	config, err := row.Configuration()
	if err != nil || len(config.Env) == 0 {
		return err
	}
	config.Env, config.SecretEnv, config.EnvDropped = nil, nil, true
	raw, err := json.Marshal(config)
	if err != nil {
		return err
	}
	return SetConfig(ctx, tx, row.ID, string(raw))
}

// allTime is how long a claim may last: preparation, all iterations, and the stopping and uploading.
func (s *Service) allTime(row Job) time.Duration {
	return time.Duration(row.TimeoutSeconds)*time.Second*time.Duration(row.Iterations) + prepareAllowance + limits.TimeoutGrace
}

// deadline is when a job must have ended that a runner has since it was claimed. A task of a sweep may wait first, until other machines on
// the same computer have had their turns: its time counts from its start, and its machine's end bounds the waiting.
func (s *Service) deadline(row Job, now time.Time) time.Time {
	from := now
	switch {
	case row.SlotID != nil && row.Started == nil:
		return now.Add(limits.SweepTTLMost)
	case row.SlotID != nil:
		from = *row.Started
	case row.Claimed != nil:
		from = *row.Claimed
	}
	return from.Add(s.allTime(row))
}

// prepareAllowance is the server's patience with pull and unpack; the runner has its own, shorter limits.
const prepareAllowance = 30 * time.Minute

// settled is called after the commit of a change: it wakes who waits for it.
func (s *Service) settled(ctx context.Context, row Job) {
	state := api.JobStatus(row.State)
	s.streams.publish(row.ID)
	if corejob.InFlight(state) {
		return
	}
	s.mu.Lock()
	delete(s.logged, row.ID)
	s.mu.Unlock()
	if state == api.JobCompleted {
		s.enqueueReport(ctx, row)
	}
	if (row.Parts > 1 || row.InTurn) && state != api.JobCompleted && state != api.JobProcessed {
		s.settleOthers(ctx, row)
	}
	if row.SlotID != nil && state != api.JobPending { // it may have been the last of its slot
		s.waiting.wakeAll(StandOf(row))
	}
	s.slotFree(ctx, row)
}

// slotFree wakes runners for what a job that is not in flight any more leaves behind: itself, if it waits again, and jobs that a tier's
// limit held back. It may be the last of another plan, so what limit its own tier has does not matter.
func (s *Service) slotFree(ctx context.Context, row Job) {
	var pending []Pending
	err := s.Store.View(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		var err error
		pending, err = PendingOf(ctx, tx, row.OrganizationID, row.SourceIP)
		return err
	})
	s.note(ctx, "look for jobs that waited for a slot", err)
	s.wake(pending)
}

// tierLimits are the concurrency limits as the claim's query takes them.
func (s *Service) tierLimits() TierLimits {
	return TierLimits{
		FreeFrom: corejob.Priority(api.PlanFree), TeamFrom: corejob.Priority(api.PlanTeam),
		EnterpriseFrom: corejob.Priority(api.PlanEnterprise),
		PerIP:          s.Tiers[api.PlanUnclaimed].Concurrency, PerFree: s.Tiers[api.PlanFree].Concurrency,
		PerTeam: s.Tiers[api.PlanTeam].Concurrency,
	}
}

// Configuration is what the job runs, as it was stored.
func (j Job) Configuration() (c api.JobConfig, err error) {
	if err := json.Unmarshal([]byte(j.Config), &c); err != nil {
		return c, fmt.Errorf("read configuration of job %s: %w", j.ID, err)
	}
	return c, nil
}

package job

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/store"
)

// Job is a remote run. Config, Results and Host are JSON.
type Job struct {
	ID, ReportID, ProjectID, OrganizationID, SourceIP, SpecID string
	MeasurementID                                             string
	Place                                                     int    // in its measurement, from 0
	Parts                                                     int    // how many jobs its report waits for
	Side                                                      string // core/measurement
	InTurn                                                    bool   // it runs after those before it in its measurement, on the same runner
	SlotID                                                    *string
	Image, Digest, Config                                     string
	TimeoutSeconds                                            int64
	Iterations, Priority                                      int
	State                                                     string
	Phase, Reason, Error                                      *string
	Epoch                                                     int64
	Attempt, InfraRetries                                     int
	LastSeq                                                   int64
	RunnerID                                                  *string
	LeaseExpires, Deadline, CancelAsked                       *time.Time
	NotBefore                                                 *time.Time // of a pending job: its pause, which EndPause ends
	Results, Host                                             *string
	Queued                                                    time.Time
	Claimed, Started, Completed                               *time.Time
	Created, Modified                                         time.Time
}

const jobColumns = `j.id, j.report_id, j.project_id, j.organization_id, j.source_ip, j.spec_id, j.image, j.digest, j.config,
	j.timeout_seconds, j.iterations,
	j.priority, j.state, j.phase, j.reason, j.error, j.epoch, j.attempt, j.infra_retries, j.last_seq, j.runner_id, j.lease_expires,
	j.deadline, j.cancel_asked,
	j.results, j.host, j.queued, j.claimed, j.started, j.completed, j.created, j.modified, j.not_before,
	j.measurement_id, j.place, j.parts, j.side, j.in_turn, j.slot_id`

func scanJob(row interface{ Scan(...any) error }) (Job, error) {
	var j Job
	var queued, created, modified int64
	var lease, deadline, asked, claimed, started, completed, pause *int64
	err := row.Scan(&j.ID, &j.ReportID, &j.ProjectID, &j.OrganizationID, &j.SourceIP, &j.SpecID, &j.Image, &j.Digest, &j.Config,
		&j.TimeoutSeconds, &j.Iterations,
		&j.Priority, &j.State, &j.Phase, &j.Reason, &j.Error, &j.Epoch, &j.Attempt, &j.InfraRetries, &j.LastSeq, &j.RunnerID, &lease,
		&deadline,
		&asked,
		&j.Results, &j.Host, &queued, &claimed, &started, &completed, &created, &modified, &pause,
		&j.MeasurementID, &j.Place, &j.Parts, &j.Side, &j.InTurn, &j.SlotID)
	j.LeaseExpires, j.Deadline, j.CancelAsked = store.TimePtr(lease), store.TimePtr(deadline), store.TimePtr(asked)
	j.Claimed, j.Started, j.Completed, j.NotBefore = store.TimePtr(claimed), store.TimePtr(started), store.TimePtr(completed),
		store.TimePtr(pause)
	j.Queued, j.Created, j.Modified = store.TimeOf(queued), store.TimeOf(created), store.TimeOf(modified)
	return j, err
}

func scanJobs(rows *sql.Rows) (Job, error) { return scanJob(rows) }

// Insert puts a new job of a measurement into the queue. ID, state and times are set here.
func Insert(ctx context.Context, tx *store.Tx, j Job) (Job, error) {
	j.ID, j.State, j.Queued, j.Created, j.Modified = ident.NewUUID(), "pending", tx.Now(), tx.Now(), tx.Now()
	_, err := tx.Exec(ctx, `insert into job (id, report_id, project_id, organization_id, source_ip, spec_id, image, digest, config,
		timeout_seconds, iterations,
		priority, state, queued, created, modified, measurement_id, place, parts, side, in_turn, slot_id)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14, $14, $15, $16, $17, $18, $19, $20)`,
		j.ID, j.ReportID, j.ProjectID, j.OrganizationID, j.SourceIP, j.SpecID, j.Image, j.Digest, j.Config, j.TimeoutSeconds, j.Iterations,
		j.Priority, j.State, store.Micros(tx.Now()), j.MeasurementID, j.Place, j.Parts, j.Side, j.InTurn, j.SlotID)
	if err != nil {
		return Job{}, fmt.Errorf("insert job: %w", err)
	}
	return j, nil
}

// ByID finds a job.
func ByID(ctx context.Context, tx *store.Tx, id string) (Job, error) {
	j, err := scanJob(tx.QueryRow(ctx, `select `+jobColumns+` from job j where j.id = $1`, id))
	return j, store.OneRow(err, "job", id)
}

// Hold is ByID for a job that is to be changed: nobody else changes it until the transaction ends.
func Hold(ctx context.Context, tx *store.Tx, id string) (Job, error) {
	j, err := scanJob(tx.QueryRow(ctx, `select `+jobColumns+` from job j where j.id = $1`+tx.ForUpdate("j"), id))
	return j, store.OneRow(err, "job", id)
}

// List returns a page of a project's jobs by age, of one state if state is not empty, and how many there are.
func List(ctx context.Context, tx *store.Tx, projectID, state string, page store.Page) ([]Job, int, error) {
	return store.PageOf(ctx, tx, "jobs", jobColumns, ` from job j where j.project_id = $1 and ($2 = '' or j.state = $2)`, []any{projectID,
		state},
		"j.created%s, j.id%s", page, scanJobs)
}

// TierLimits bound the jobs in flight that are of no slot: priorities below FreeFrom at most PerIP from one address, below TeamFrom at most
// PerFree of one organization, below EnterpriseFrom at most PerTeam. 0: no limit.
type TierLimits struct {
	FreeFrom, TeamFrom, EnterpriseFrom int
	PerIP, PerFree, PerTeam            int
}

const nextJobQuery = `select ` + jobColumns + ` from job j
	where j.state = 'pending' and j.not_before is null
	and j.spec_id in (select rs.spec_id from runner_spec rs join runner r on r.id = rs.runner_id where rs.runner_id = $1 and r.drained is
		null)
	and j.slot_id is not distinct from (select r.slot_id from runner r where r.id = $1)
	and (not j.in_turn or (exists (select 1 from measurement m where m.id = j.measurement_id and (m.runner_id is null or m.runner_id = $1))
		and not exists (select 1 from job o where o.measurement_id = j.measurement_id and o.place < j.place
			and o.state in ('pending', 'claimed', 'running'))))
	and not exists (select 1 from job_avoid a where a.job_id = j.id and a.runner_id = $1)
	and exists (select 1 from project p where p.id = j.project_id and p.deleted is null)
	and case
		when j.slot_id is not null then true
		when j.priority < $2 then $5 = 0 or (select count(*) from job o where o.source_ip = j.source_ip and ` + busyOfTier + `) < $5
		when j.priority < $3 then $6 = 0 or (select count(*) from job o where o.organization_id = j.organization_id and ` + busyOfTier + `)
			< $6
		when j.priority < $4 then $7 = 0 or (select count(*) from job o where o.organization_id = j.organization_id and ` + busyOfTier + `)
			< $7
		else true end`

// busyOfTier are the jobs o that count against a tier's limit. Those of a slot do not: a sweep is bounded by its budget.
const busyOfTier = `o.state in ('claimed', 'running') and o.slot_id is null`

const nextJobOrder = ` order by j.priority desc, j.queued, j.id limit 1`

// Next returns the first pending job that the runner may take: highest priority, then oldest. Jobs of the specs in unfit, and jobs whose
// tier is at its limit, are skipped, and so are those that pause, those of another slot, those whose turn it is not, those that the runner
// could not run, and those of deleted projects. A drained runner gets nothing. ok is false if no job fits.
func Next(ctx context.Context, tx *store.Tx, runnerID string, unfit []string, t TierLimits) (j Job, ok bool, err error) {
	return next(ctx, tx, runnerID, unfit, t, "")
}

// errTierFull ends a transaction that came too late for the last slot of a tier.
var errTierFull = errors.New("another claim took the tier's last slot")

// Take is Next for a job that is claimed in this transaction: nobody else has it in hand, and nobody else takes the slot of its tier
// meanwhile. If the slot went while this transaction waited for it, the error is one that TookSlot knows: nothing is to be written, and
// another transaction may find another job.
func Take(ctx context.Context, tx *store.Tx, runnerID string, unfit []string, t TierLimits) (j Job, ok bool, err error) {
	if j, ok, err = next(ctx, tx, runnerID, unfit, t, tx.SkipLocked("j")); err != nil || !ok {
		return j, ok, err
	}
	most, kind, of := t.slots(j)
	if most == 0 {
		return j, true, nil
	}
	if err := tx.Lock(ctx, store.JobsOf(kind, of)); err != nil {
		return Job{}, false, err
	}
	var busy int
	row := tx.QueryRow(ctx, `select count(*) from job o where o.`+kind+` = $1 and `+busyOfTier, of)
	if err := row.Scan(&busy); err != nil {
		return Job{}, false, fmt.Errorf("count jobs in flight: %w", err)
	}
	if busy >= most {
		return Job{}, false, errTierFull
	}
	return j, true, nil
}

// TookSlot reports whether Take failed because another claim was faster.
func TookSlot(err error) bool { return errors.Is(err, errTierFull) }

// slots returns how many jobs may be in flight beside j, 0 for any number, and by which column of what value they are counted.
func (t TierLimits) slots(j Job) (most int, column, of string) {
	switch {
	case j.SlotID != nil: // what a sweep may cost is bounded by its budget
		return 0, "", ""
	case j.Priority < t.FreeFrom:
		return t.PerIP, "source_ip", j.SourceIP
	case j.Priority < t.TeamFrom:
		return t.PerFree, "organization_id", j.OrganizationID
	case j.Priority < t.EnterpriseFrom:
		return t.PerTeam, "organization_id", j.OrganizationID
	}
	return 0, "", ""
}

func next(ctx context.Context, tx *store.Tx, runnerID string, unfit []string, t TierLimits, lock string) (j Job, ok bool, err error) {
	args := []any{runnerID, t.FreeFrom, t.TeamFrom, t.EnterpriseFrom, t.PerIP, t.PerFree, t.PerTeam}
	except := ""
	if len(unfit) > 0 {
		except = ` and j.spec_id not in ` + store.Places(len(args)+1, len(unfit))
		for _, id := range unfit {
			args = append(args, id)
		}
	}
	j, err = scanJob(tx.QueryRow(ctx, nextJobQuery+except+nextJobOrder+lock, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return Job{}, false, nil
	}
	return j, err == nil, err
}

// Save writes everything of a job that changes in its life. The caller has loaded it in this transaction.
func Save(ctx context.Context, tx *store.Tx, j Job) error {
	res, err := tx.Exec(ctx,
		`update job set state = $1, phase = $2, reason = $3, error = $4, epoch = $5, attempt = $6, infra_retries = $7, last_seq = $8,
		runner_id = $9,
		lease_expires = $10, deadline = $11, cancel_asked = $12, results = $13, host = $14, queued = $15, claimed = $16, started = $17,
		completed = $18, modified = $19, not_before = $20 where id = $21`,
		j.State, j.Phase, j.Reason, j.Error, j.Epoch, j.Attempt, j.InfraRetries, j.LastSeq, j.RunnerID, store.MicrosPtr(j.LeaseExpires),
		store.MicrosPtr(j.Deadline), store.MicrosPtr(j.CancelAsked),
		j.Results, j.Host, store.Micros(j.Queued), store.MicrosPtr(j.Claimed), store.MicrosPtr(j.Started), store.MicrosPtr(j.Completed),
		store.Micros(tx.Now()), store.MicrosPtr(j.NotBefore), j.ID)
	return store.ExactlyOne(res, err, "job", j.ID)
}

// JobEvent is one line of a job's history.
type Event struct {
	JobID, Event, From, To string
	Epoch                  int64
	Reason, Detail         *string
	Time                   time.Time
}

// InsertEvent adds a line to a job's history.
func InsertEvent(ctx context.Context, tx *store.Tx, e Event) error {
	_, err := tx.Exec(ctx, `insert into job_event (job_id, time, event, from_state, to_state, epoch, reason, detail) values ($1, $2, $3, `+
		`$4, $5, $6, $7, $8)`,
		e.JobID, store.Micros(tx.Now()), e.Event, e.From, e.To, e.Epoch, e.Reason, e.Detail)
	return err
}

// Events returns a job's history, oldest first.
func Events(ctx context.Context, tx *store.Tx, jobID string) ([]Event, error) {
	rows, err := tx.Query(ctx,
		`select job_id, event, from_state, to_state, epoch, reason, detail, time from job_event where job_id = $1 order by id limit 1000`,
		jobID)
	return store.Collect(rows, err, func(r *sql.Rows) (Event, error) {
		var e Event
		var at int64
		err := r.Scan(&e.JobID, &e.Event, &e.From, &e.To, &e.Epoch, &e.Reason, &e.Detail, &at)
		e.Time = store.TimeOf(at)
		return e, err
	})
}

// RenewLeases moves the leases of jobs in flight, in one statement for many. One that ends later stays: a runner that beats seldom has it.
func RenewLeases(ctx context.Context, tx *store.Tx, jobIDs []string, until time.Time) error {
	return store.InChunks(jobIDs, func(in string, args []any) error {
		_, err := tx.Exec(ctx, fmt.Sprintf(`update job set lease_expires = $%d where state in ('claimed', 'running')
			and lease_expires < $%[1]d and id in %s`, len(args)+1, in), append(args, store.Micros(until))...)
		return err
	})
}

// GrantLeases moves the leases of all jobs in flight to at least the given time.
func GrantLeases(ctx context.Context, tx *store.Tx, until time.Time) error {
	_, err := tx.Exec(ctx, `update job set lease_expires = $1 where state in ('claimed', 'running') and lease_expires < $1`,
		store.Micros(until))
	return err
}

// SetConfig replaces a job's configuration.
func SetConfig(ctx context.Context, tx *store.Tx, id, config string) error {
	res, err := tx.Exec(ctx, `update job set config = $1 where id = $2`, config, id)
	return store.ExactlyOne(res, err, "job", id)
}

// HoldWithEnvironment holds jobs that failed or were canceled before, and whose configuration still has an environment.
func HoldWithEnvironment(ctx context.Context, tx *store.Tx, before time.Time, most int) ([]Job, error) {
	rows, err := tx.Query(ctx, `select `+jobColumns+` from job j where j.state in ('failed', 'canceled') and j.completed < $1
		and j.config like '%"env":{%' order by j.completed, j.id limit $2`+tx.SkipLocked("j"), store.Micros(before), most)
	return store.Collect(rows, err, scanJobs)
}

// Overdue returns jobs in flight whose lease or deadline is over, oldest lease first.
func Overdue(ctx context.Context, tx *store.Tx, most int) ([]Job, error) {
	rows, err := tx.Query(ctx, `select `+jobColumns+
		` from job j where j.state in ('claimed', 'running') and (j.lease_expires < $1 or j.deadline < $1)
		order by j.lease_expires, j.id limit $2`, store.Micros(tx.Now()), most)
	return store.Collect(rows, err, scanJobs)
}

// Delivered returns the ids of jobs whose results wait to be read, with those of all jobs that their report waits for, oldest first. Of
// the jobs of a report it is one.
func Delivered(ctx context.Context, tx *store.Tx) ([]string, error) {
	rows, err := tx.Query(ctx, `select j.id from job j where j.state = 'completed' and not exists (select 1 from job o
		where j.parts > 1 and o.report_id = j.report_id and (o.state <> 'completed' or o.place < j.place))
		order by j.completed, j.id limit 10000`)
	return store.Collect(rows, err, store.ScanText)
}

// InFlightOf returns the jobs that a runner holds.
func InFlightOf(ctx context.Context, tx *store.Tx, runnerID string) ([]Job, error) {
	rows, err := tx.Query(ctx, `select `+jobColumns+
		` from job j where j.runner_id = $1 and j.state in ('claimed', 'running') order by j.claimed, j.id limit 1000`, runnerID)
	return store.Collect(rows, err, scanJobs)
}

const leftInSlotQuery = `select exists (select 1 from job j where j.slot_id = $1 and (j.state in ('claimed', 'running')
	or j.state = 'pending' and not exists (select 1 from job_avoid a where a.job_id = j.id and a.runner_id = $2)))`

// LeftInSlot reports whether a slot has a job that a runner of it may yet get: one that waits and that the runner has not failed to run,
// or one that a runner holds.
func LeftInSlot(ctx context.Context, tx *store.Tx, slotID, runnerID string) (left bool, err error) {
	return left, tx.QueryRow(ctx, leftInSlotQuery, slotID, runnerID).Scan(&left)
}

// BusyRunners returns the job that each runner holds, by runner.
func BusyRunners(ctx context.Context, tx *store.Tx, runnerIDs []string) (map[string]string, error) {
	out := map[string]string{}
	err := store.InChunks(runnerIDs, func(in string, args []any) error {
		rows, err := tx.Query(ctx, `select runner_id, id from job where state in ('claimed', 'running') and runner_id in `+in+
			` order by claimed`, args...)
		pairs, err := store.Collect(rows, err, func(r *sql.Rows) (p [2]string, err error) { return p, r.Scan(&p[0], &p[1]) })
		for _, p := range pairs {
			out[p[0]] = p[1]
		}
		return err
	})
	return out, err
}

// Stand is where runners wait for jobs: those that have a spec and, in a sweep, a slot.
type Stand struct {
	SpecID, SlotID string // SlotID "": none
}

// StandOf returns where the runners wait that may take a job.
func StandOf(j Job) Stand {
	s := Stand{SpecID: j.SpecID}
	if j.SlotID != nil {
		s.SlotID = *j.SlotID
	}
	return s
}

// Pending is a stand that has jobs to take. Chosen: not each runner that waits there may take one of them, because it could not run it, or
// another one has begun its measurement. Jobs: how many.
type Pending struct {
	Stand
	Chosen bool
	Jobs   int
}

func scanPending(r *sql.Rows) (p Pending, err error) {
	return p, r.Scan(&p.SpecID, &p.SlotID, &p.Chosen, &p.Jobs)
}

const pendingQuery = `select j.spec_id, coalesce(j.slot_id, ''),
	max(case when j.in_turn or exists (select 1 from job_avoid a where a.job_id = j.id) then 1 else 0 end), count(*)
	from job j join project p on p.id = j.project_id
	where j.state = 'pending' and j.not_before is null and p.deleted is null`

const pendingOrder = ` group by j.spec_id, coalesce(j.slot_id, '') order by j.spec_id, coalesce(j.slot_id, '') limit 1000`

// AllPending returns the stands that have pending jobs of projects that are not deleted, but for jobs that pause.
func AllPending(ctx context.Context, tx *store.Tx) ([]Pending, error) {
	rows, err := tx.Query(ctx, pendingQuery+pendingOrder)
	return store.Collect(rows, err, scanPending)
}

// PendingOf is AllPending for the jobs of an organization or an address.
func PendingOf(ctx context.Context, tx *store.Tx, organizationID, sourceIP string) ([]Pending, error) {
	rows, err := tx.Query(ctx, pendingQuery+` and (j.organization_id = $1 or j.source_ip = $2)`+pendingOrder, organizationID, sourceIP)
	return store.Collect(rows, err, scanPending)
}

// PausesOver returns pending jobs whose pause is over, longest ago first.
func PausesOver(ctx context.Context, tx *store.Tx, most int) ([]Job, error) {
	rows, err := tx.Query(ctx, `select `+jobColumns+
		` from job j where j.state = 'pending' and j.not_before <= $1 order by j.not_before, j.id limit $2`, store.Micros(tx.Now()), most)
	return store.Collect(rows, err, scanJobs)
}

// EndPause lets runners take a job, if it still waits.
func EndPause(ctx context.Context, tx *store.Tx, jobID string) error {
	_, err := tx.Exec(ctx, `update job set not_before = null, modified = $1 where id = $2 and state = 'pending'`, store.Micros(tx.Now()),
		jobID)
	return err
}

// AvoidedRunner is a runner that could not run a job.
type AvoidedRunner struct {
	RunnerID, Slug string
	Reason, Said   string // Said: its own words
}

// AvoidRunner keeps a job from a runner that could not run it. Repeating it changes nothing.
func AvoidRunner(ctx context.Context, tx *store.Tx, jobID string, r AvoidedRunner) error {
	_, err := tx.Exec(ctx, `insert into job_avoid (job_id, runner_id, reason, said, created) values ($1, $2, $3, $4, $5)
		on conflict do nothing`, jobID, r.RunnerID, r.Reason, r.Said, store.Micros(tx.Now()))
	return err
}

// AvoidedRunners returns the runners that a job is kept from, those that failed it first at the beginning.
func AvoidedRunners(ctx context.Context, tx *store.Tx, jobID string) ([]AvoidedRunner, error) {
	rows, err := tx.Query(ctx, `select a.runner_id, r.slug, a.reason, a.said from job_avoid a join runner r on r.id = a.runner_id
		where a.job_id = $1 order by a.created, a.runner_id limit 1000`, jobID)
	return store.Collect(rows, err, func(r *sql.Rows) (a AvoidedRunner, err error) {
		return a, r.Scan(&a.RunnerID, &a.Slug, &a.Reason, &a.Said)
	})
}

// Stranded returns pending jobs that runners could not run, none of them since since, and that no runner may take that was heard of since
// then. Jobs of deleted projects are not among them.
func Stranded(ctx context.Context, tx *store.Tx, since time.Time, most int) ([]Job, error) {
	rows, err := tx.Query(ctx, `select `+jobColumns+` from job j where j.state = 'pending'
		and (select max(a.created) from job_avoid a where a.job_id = j.id) < $1
		and exists (select 1 from project p where p.id = j.project_id and p.deleted is null)
		and not exists (select 1 from runner_spec rs join runner r on r.id = rs.runner_id
			where rs.spec_id = j.spec_id and r.slot_id is not distinct from j.slot_id
			and r.archived is null and r.drained is null and r.last_heartbeat >= $1
			and not exists (select 1 from job_avoid a where a.job_id = j.id and a.runner_id = r.id))
		order by j.queued, j.id limit $2`, store.Micros(since), most)
	return store.Collect(rows, err, scanJobs)
}

// AllowRunners lets all runners take a job again.
func AllowRunners(ctx context.Context, tx *store.Tx, jobID string) error {
	_, err := tx.Exec(ctx, `delete from job_avoid where job_id = $1`, jobID)
	return err
}

// AllowJobs lets a runner take all jobs again.
func AllowJobs(ctx context.Context, tx *store.Tx, runnerID string) error {
	_, err := tx.Exec(ctx, `delete from job_avoid where runner_id = $1`, runnerID)
	return err
}

// JobCandidate is a runner that has a job's spec and is not archived.
type Candidate struct {
	Slug             string
	Drained, Avoided bool // Avoided: it could not run this job
}

// Candidates returns the runners that have a job's spec and slot, or the one that has begun its measurement, by name.
func Candidates(ctx context.Context, tx *store.Tx, j Job) ([]Candidate, error) {
	rows, err := tx.Query(ctx,
		`select r.slug, r.drained is not null, exists (select 1 from job_avoid a where a.job_id = $1 and a.runner_id = r.id)
		from runner_spec rs join runner r on r.id = rs.runner_id where rs.spec_id = $2 and r.archived is null
		and r.slot_id is not distinct from $3 and not exists (select 1 from measurement m
			where m.id = $4 and m.runner_id is not null and m.runner_id <> r.id) order by r.name limit 1000`, j.ID, j.SpecID, j.SlotID,
		j.MeasurementID)
	return store.Collect(rows, err, func(r *sql.Rows) (c Candidate, err error) { return c, r.Scan(&c.Slug, &c.Drained, &c.Avoided) })
}

const queuePositionQuery = `select count(*) from job where state = 'pending' and spec_id = $1 and slot_id is not distinct from $5
	and exists (select 1 from project p where p.id = job.project_id and p.deleted is null)
	and (priority > $2 or (priority = $2 and (queued < $3 or (queued = $3 and id < $4))))`

// QueuePosition returns how many pending jobs of the same spec and slot go before j, plus one. Those of deleted projects are not in its
// way.
func QueuePosition(ctx context.Context, tx *store.Tx, j Job) (int, error) {
	var n int
	err := tx.QueryRow(ctx, queuePositionQuery, j.SpecID, j.Priority, store.Micros(j.Queued), j.ID, j.SlotID).Scan(&n)
	return n + 1, err
}

// Count returns how many jobs are in a state.
func Count(ctx context.Context, tx *store.Tx, state string) (int, error) {
	var n int
	err := tx.QueryRow(ctx, `select count(*) from job where state = $1`, state).Scan(&n)
	return n, err
}

// JobLog is one chunk of live output.
type Log struct {
	Epoch, Seq   int64
	Iteration    int
	Stream, Body string
}

// InsertJobLog stores a chunk; a chunk that is already stored is kept.
func InsertJobLog(ctx context.Context, tx *store.Tx, jobID string, l Log) error {
	_, err := tx.Exec(ctx, `insert into job_log (job_id, epoch, seq, iteration, stream, body, time) values ($1, $2, $3, $4, $5, $6, $7) on
		`+
		`conflict do nothing`,
		jobID, l.Epoch, l.Seq, l.Iteration, l.Stream, l.Body, store.Micros(tx.Now()))
	return err
}

// JobLogSize returns how many bytes of a job's output an epoch has stored.
func JobLogSize(ctx context.Context, tx *store.Tx, jobID string, epoch int64) (int64, error) {
	var n int64
	err := tx.QueryRow(ctx, `select coalesce(sum(octet_length(body)), 0) from job_log where job_id = $1 and epoch = $2`, jobID,
		epoch).Scan(&n)
	return n, err
}

// JobLogs returns the chunks of an epoch with a higher number than after, in order.
func JobLogs(ctx context.Context, tx *store.Tx, jobID string, epoch, after int64, most int) ([]Log, error) {
	rows, err := tx.Query(ctx,
		`select epoch, seq, iteration, stream, body from job_log where job_id = $1 and epoch = $2 and seq > $3 order by seq limit $4`,
		jobID,
		epoch, after, most)
	return store.Collect(rows, err, func(r *sql.Rows) (l Log, err error) {
		return l, r.Scan(&l.Epoch, &l.Seq, &l.Iteration, &l.Stream, &l.Body)
	})
}

// DropOldLogs deletes the live output of jobs that ended before the given time: the whole of it is in their outputs.
func DropOldLogs(ctx context.Context, tx *store.Tx, before time.Time) error {
	_, err := tx.Exec(ctx, `delete from job_log where job_id in (select distinct l.job_id from job_log l join job j on j.id = l.job_id
		where j.state = 'processed' and j.modified < $1 limit 100)`, store.Micros(before))
	return err
}

// JobOutput names a stored output of a claim.
type Output struct {
	Epoch              int64
	Iteration          int
	Kind, Path, Digest string
	SizeBytes          int64
	Truncated          bool
}

// PutJobOutput notes an output; the same one again replaces it.
func PutJobOutput(ctx context.Context, tx *store.Tx, jobID string, o Output) error {
	_, err := tx.Exec(ctx, `insert into job_output (job_id, epoch, iteration, kind, path, digest, size, truncated, created) values ($1,
		$2, $3, $4, $5, $6, $7, $8, $9)
		on conflict (job_id, epoch, iteration, kind, path) do update set digest = excluded.digest, size = excluded.size, truncated =
		excluded.truncated`,
		jobID, o.Epoch, o.Iteration, o.Kind, o.Path, o.Digest, o.SizeBytes, o.Truncated, store.Micros(tx.Now()))
	return err
}

// JobOutputsSize returns the bytes of all outputs of a claim but the one that o names.
func JobOutputsSize(ctx context.Context, tx *store.Tx, jobID string, o Output) (int64, error) {
	var n int64
	err := tx.QueryRow(ctx,
		`select coalesce(sum(size), 0) from job_output where job_id = $1 and epoch = $2 and not (iteration = $3 and kind = $4 and path =
			$5)`,
		jobID, o.Epoch, o.Iteration, o.Kind, o.Path).Scan(&n)
	return n, err
}

// JobOutputs returns the outputs of a claim, by iteration, kind and path.
func JobOutputs(ctx context.Context, tx *store.Tx, jobID string, epoch int64) ([]Output, error) {
	rows, err := tx.Query(ctx, `select epoch, iteration, kind, path, digest, size, truncated from job_output where job_id = $1 and epoch =
		$2
		order by iteration, kind, path limit 100000`, jobID, epoch)
	return store.Collect(rows, err, func(r *sql.Rows) (o Output, err error) {
		return o, r.Scan(&o.Epoch, &o.Iteration, &o.Kind, &o.Path, &o.Digest, &o.SizeBytes, &o.Truncated)
	})
}

// HasOldLogs reports whether DropOldLogs has something to do.
func HasOldLogs(ctx context.Context, tx *store.Tx, before time.Time) (bool, error) {
	var has bool
	err := tx.QueryRow(ctx,
		`select exists (select 1 from job_log l join job j on j.id = l.job_id where j.state = 'processed' and j.modified < $1)`,
		store.Micros(before)).Scan(&has)
	return has, err
}

package sweep

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cloud/ledger"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/store"
)

// Task is which job is which task, with what the queue says of the job.
type Task struct {
	JobID, ReportID, SweepID, PoolID, SlotID string
	Workload                                 string
	Repeat, Place                            int // from 1

	// Read only.
	State              string
	Reason, Error      string
	Attempt            int
	MachineID          *string // that has or had it
	Late               bool    // it was delivered after the sweep was closed
	Claimed, Completed *time.Time
}

// late says of a job j whether it was delivered after its sweep w was closed.
const late = `(j.state in ('completed', 'processed') and w.closing is not null and j.completed > w.closing)`

const taskColumns = `t.job_id, t.report_id, t.sweep_id, t.pool_id, t.slot_id, t.workload, t.repeat, t.place, j.state, coalesce(j.reason,
	''),
	coalesce(j.error, ''), j.attempt, (select m.id from machine m where m.runner_id = j.runner_id), ` + late + `, j.claimed, j.completed`

const taskFrom = ` from task t join job j on j.id = t.job_id join sweep w on w.id = t.sweep_id`

func scanTask(rows *sql.Rows) (t Task, err error) {
	var claimed, completed *int64
	err = rows.Scan(&t.JobID, &t.ReportID, &t.SweepID, &t.PoolID, &t.SlotID, &t.Workload, &t.Repeat, &t.Place, &t.State, &t.Reason,
		&t.Error,
		&t.Attempt, &t.MachineID, &t.Late, &claimed, &completed)
	t.Claimed, t.Completed = store.TimePtr(claimed), store.TimePtr(completed)
	return t, err
}

// InsertTask says that a job is a task.
func InsertTask(ctx context.Context, tx *store.Tx, t Task) error {
	if _, err := tx.Exec(ctx, `insert into task (job_id, report_id, sweep_id, pool_id, slot_id, workload, repeat, place)
		values ($1, $2, $3, $4, $5, $6, $7, $8)`, t.JobID, t.ReportID, t.SweepID, t.PoolID, t.SlotID, t.Workload, t.Repeat,
		t.Place); err != nil {
		return fmt.Errorf("insert task %d of slot %s: %w", t.Place, t.SlotID, err)
	}
	return nil
}

// TaskFilter narrows a list of tasks. Empty fields do not.
type TaskFilter struct{ Pool, Slot, Workload, Status string }

// ListTasks returns a page of a sweep's tasks, by pool, slot and place, and how many there are.
func ListTasks(ctx context.Context, tx *store.Tx, sweepID string, f TaskFilter, page store.Page) ([]Task, int, error) {
	return store.PageOf(ctx, tx, "tasks", taskColumns, taskFrom+` join pool p on p.id = t.pool_id join slot s on s.id = t.slot_id
		where t.sweep_id = $1 and ($2 = '' or t.pool_id = $2) and ($3 = '' or t.slot_id = $3) and ($4 = '' or t.workload = $4)
		and ($5 = '' or j.state = $5)`, []any{sweepID, f.Pool, f.Slot, f.Workload, f.Status}, "p.ordinal%s, s.ordinal%s, t.place%s", page,
		scanTask)
}

// TaskIDs returns the jobs of a sweep, by pool, slot and place.
func TaskIDs(ctx context.Context, tx *store.Tx, sweepID string) ([]string, error) {
	rows, err := tx.Query(ctx, `select t.job_id from task t join pool p on p.id = t.pool_id join slot s on s.id = t.slot_id
		where t.sweep_id = $1 order by p.ordinal, s.ordinal, t.place limit $2`, sweepID, limits.SweepTasks)
	return store.Collect(rows, err, store.ScanText)
}

// taskOf returns the task that a job is, if it is one.
func taskOf(ctx context.Context, tx *store.Tx, jobID string) (Task, bool, error) {
	rows, err := tx.Query(ctx, `select `+taskColumns+taskFrom+` where t.job_id = $1`, jobID)
	tasks, err := store.Collect(rows, err, scanTask)
	if err != nil || len(tasks) == 0 {
		return Task{}, false, err
	}
	return tasks[0], true, nil
}

// SlotOfJob returns the sweep and the slot of a job, if it is a task.
func SlotOfJob(ctx context.Context, tx *store.Tx, jobID string) (sweepID, slotID string, found bool, err error) {
	type pair struct{ sweep, slot string }
	var p pair
	err = tx.QueryRow(ctx, `select sweep_id, slot_id from task where job_id = $1`, jobID).Scan(&p.sweep, &p.slot)
	p, found, err = store.FoundRow(p, err, "find task")
	return p.sweep, p.slot, found, err
}

// GuestCountsOf counts the tasks of a sweep by state, and the archives that came too late to be a result.
func GuestCountsOf(ctx context.Context, tx *store.Tx, sweepID string) (c GuestCounts, err error) {
	type line struct {
		state string
		n     int
	}
	rows, err := tx.Query(ctx, `select j.state, count(*)`+taskFrom+` where t.sweep_id = $1 group by j.state`, sweepID)
	lines, err := store.Collect(rows, err, func(r *sql.Rows) (l line, err error) { return l, r.Scan(&l.state, &l.n) })
	if err != nil {
		return c, fmt.Errorf("count tasks: %w", err)
	}
	for _, l := range lines {
		c.Total += l.n
		switch api.JobStatus(l.state) {
		case api.JobPending:
			c.Pending += l.n
		case api.JobClaimed:
			c.Claimed += l.n
		case api.JobRunning:
			c.Running += l.n
		case api.JobCompleted, api.JobProcessed:
			c.Completed += l.n
		case api.JobCanceled:
			c.Canceled += l.n
		default:
			c.Failed += l.n
		}
	}
	err = tx.QueryRow(ctx, `select count(*)`+lateBundles, sweepID, string(api.ArtifactBundle), bundleResult).Scan(&c.Late)
	return c, err
}

// lateBundles are archives of results that came when their task was another's, or over.
const lateBundles = taskFrom + ` join job_output o on o.job_id = j.id where t.sweep_id = $1 and o.kind = $2 and o.path = $3
	and (o.epoch < j.epoch or j.state in ('failed', 'canceled') and (j.results is null or j.results = 'null'))`

// lateKeys are the keys of archives that came too late to be results, at most so many.
func lateKeys(ctx context.Context, tx *store.Tx, w Sweep, most int) ([]string, error) {
	rows, err := tx.Query(ctx, `select j.id, o.epoch`+lateBundles+` order by j.id, o.epoch limit $4`, w.ID, string(api.ArtifactBundle),
		bundleResult, most)
	return store.Collect(rows, err, func(r *sql.Rows) (string, error) {
		k := objectKey{run: w.ExternalID, kind: bundleResult}
		err := r.Scan(&k.job, &k.epoch)
		return k.String(), err
	})
}

// Counts are the tasks of each slot of a sweep. What a machine has delivered counts as done, also while it waits to be read.
func Counts(ctx context.Context, tx *store.Tx, sweepID string) (map[string]api.SweepCounts, error) {
	return counts(ctx, tx, `t.sweep_id = $1`, sweepID)
}

// CountsOfSlot is Counts for one slot.
func CountsOfSlot(ctx context.Context, tx *store.Tx, slotID string) (api.SweepCounts, error) {
	all, err := counts(ctx, tx, `t.slot_id = $1`, slotID)
	return all[slotID], err
}

func counts(ctx context.Context, tx *store.Tx, which, id string) (map[string]api.SweepCounts, error) {
	type line struct {
		slot, state string
		late        bool
		n           int
	}
	rows, err := tx.Query(ctx, `select t.slot_id, j.state, `+late+`, count(*)`+taskFrom+` where `+which+` group by 1, 2, 3`, id)
	lines, err := store.Collect(rows, err, func(r *sql.Rows) (l line, err error) { return l, r.Scan(&l.slot, &l.state, &l.late, &l.n) })
	if err != nil {
		return nil, fmt.Errorf("count tasks: %w", err)
	}
	out := map[string]api.SweepCounts{}
	for _, l := range lines {
		c := out[l.slot]
		c.Total += l.n
		switch state := api.JobStatus(l.state); {
		case l.late:
			c.Late += l.n
		case state == api.JobPending:
			c.Pending += l.n
		case state == api.JobClaimed, state == api.JobRunning:
			c.Running += l.n
		case state == api.JobCompleted, state == api.JobProcessed:
			c.Done += l.n
			if state == api.JobCompleted {
				c.Unread += l.n
			}
		default:
			c.Failed += l.n
		}
		out[l.slot] = c
	}
	return out, nil
}

// ownFault are the reasons that speak of a workload, wherever it runs. All others may be the machine's, the runner's, the server's or a
// person's doing, and what they say is equal everywhere.
var ownFault = []api.Reason{api.ReasonBenchmarkExit, api.ReasonBenchmarkTimeout, api.ReasonNoResult, api.ReasonAdapter, api.ReasonVariant,
	api.ReasonOutOfMemory, api.ReasonLimit, api.ReasonImageInvalid}

// Failures are what workloads of a sweep said that failed by themselves and were done nowhere, by slot, with the reason and the first line
// of each; what was said several times on a slot is there once.
func Failures(ctx context.Context, tx *store.Tx, sweepID string) ([]ledger.Failure, error) {
	args := []any{sweepID, limits.SweepMachines}
	for _, r := range ownFault {
		args = append(args, string(r))
	}
	rows, err := tx.Query(ctx, `select distinct t.workload, t.slot_id, j.reason, coalesce(j.error, '') from task t
		join job j on j.id = t.job_id where t.sweep_id = $1 and j.state = 'failed' and j.reason in `+store.Places(3, len(ownFault))+`
		and not exists (select 1 from task o join job k on k.id = o.job_id where o.sweep_id = $1 and o.workload = t.workload
		and k.state in ('completed', 'processed')) order by 1, 2, 3, 4 limit $2`, args...)
	return store.Collect(rows, err, func(r *sql.Rows) (f ledger.Failure, err error) {
		var reason, text string
		err = r.Scan(&f.Workload, &f.Slot, &reason, &text)
		line, _, _ := strings.Cut(text, "\n")
		f.Error = strings.Trim(reason+": "+line, ": ")
		return f, err
	})
}

// Unwanted returns the jobs that are to be canceled: those that wait in a sweep that drains, and all that have not ended in a sweep that is
// closed or in a slot that was given up. A job that was asked to end already is not among them.
func Unwanted(ctx context.Context, tx *store.Tx, sweepID string, most int) ([]string, error) {
	rows, err := tx.Query(ctx, `select j.id`+taskFrom+` join slot s on s.id = t.slot_id where t.sweep_id = $1
		and j.state in ('pending', 'claimed', 'running') and j.cancel_asked is null
		and (w.state in ('closing', 'ended') or s.state in ('given_up', 'done') or w.state = 'draining' and j.state = 'pending')
		order by j.id limit $2`, sweepID, most)
	return store.Collect(rows, err, store.ScanText)
}

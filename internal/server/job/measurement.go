package job

import (
	"context"
	"fmt"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/ident"
	corejob "github.com/tachograph/tacho/internal/core/job"
	"github.com/tachograph/tacho/internal/server/store"
)

// Measurement is what one or two reports wait for: the jobs that name it.
type Measurement struct {
	ID, ProjectID string
	RunnerID      *string // that took the first of jobs that run in turns
}

// InsertMeasurement makes a measurement of a project that has no jobs yet.
func InsertMeasurement(ctx context.Context, tx *store.Tx, projectID string) (Measurement, error) {
	m := Measurement{ID: ident.NewUUID(), ProjectID: projectID}
	_, err := tx.Exec(ctx, `insert into measurement (id, project_id, created) values ($1, $2, $3)`, m.ID, projectID, store.Micros(tx.Now()))
	if err != nil {
		return Measurement{}, fmt.Errorf("insert measurement: %w", err)
	}
	return m, nil
}

// Bind gives the jobs of a measurement that run in turns to a runner: no other may take the next. The first one stays.
func Bind(ctx context.Context, tx *store.Tx, measurementID, runnerID string) error {
	_, err := tx.Exec(ctx, `update measurement set runner_id = $1 where id = $2 and runner_id is null`, runnerID, measurementID)
	return err
}

// Unbind lets any runner begin a measurement anew, if none of its jobs has delivered what would be compared with the rest.
func Unbind(ctx context.Context, tx *store.Tx, measurementID string) error {
	_, err := tx.Exec(ctx, `update measurement set runner_id = null where id = $1 and not exists (
		select 1 from job where measurement_id = $1 and (state in ('claimed', 'running', 'completed', 'processed')
			or state = 'failed' and reason = 'measurement'))`, measurementID)
	return err
}

// bindOrFree binds the measurement of a job that runs in turns to the job's runner, which may have been lost and be back, or lets another
// runner begin when the job waits again. The job is saved; before is the state that it had.
func bindOrFree(ctx context.Context, tx *store.Tx, row Job, before api.JobStatus) error {
	now := api.JobStatus(row.State)
	switch {
	case !row.InTurn || now == before:
		return nil
	case now == api.JobPending:
		return Unbind(ctx, tx, row.MeasurementID)
	case corejob.InFlight(now), now == api.JobCompleted:
		return Bind(ctx, tx, row.MeasurementID, text(row.RunnerID))
	}
	return nil
}

// OfReport returns the jobs that a report waits for, in the order in which they run; none for one whose results came with it.
func OfReport(ctx context.Context, tx *store.Tx, reportID string) ([]Job, error) {
	return ofReport(ctx, tx, reportID, "")
}

// HoldOfReport is OfReport before some of the jobs are changed: nobody else changes any of them until the transaction ends.
func HoldOfReport(ctx context.Context, tx *store.Tx, reportID string) ([]Job, error) {
	return ofReport(ctx, tx, reportID, tx.ForUpdate("j"))
}

func ofReport(ctx context.Context, tx *store.Tx, reportID, lock string) ([]Job, error) {
	rows, err := tx.Query(ctx, `select `+jobColumns+` from job j where j.report_id = $1 order by j.place`+lock, reportID)
	return store.Collect(rows, err, scanJobs)
}

// OfMeasurement returns all jobs of a measurement, in the order in which they run.
func OfMeasurement(ctx context.Context, tx *store.Tx, id string) ([]Job, error) {
	return ofMeasurement(ctx, tx, id, "")
}

// HoldOfMeasurement is OfMeasurement before some of the jobs are changed.
func HoldOfMeasurement(ctx context.Context, tx *store.Tx, id string) ([]Job, error) {
	return ofMeasurement(ctx, tx, id, tx.ForUpdate("j"))
}

func ofMeasurement(ctx context.Context, tx *store.Tx, id, lock string) ([]Job, error) {
	rows, err := tx.Query(ctx, `select `+jobColumns+` from job j where j.measurement_id = $1 order by j.place`+lock, id)
	return store.Collect(rows, err, scanJobs)
}

// Delivery is what the jobs of a report left.
type Delivery struct {
	Inputs   []string       // the texts to read
	Sources  []string       // for each text the id of the job that left it; none where one job left all
	End      time.Time      // when the last job was through
	Host     *api.HostFacts // of the machine of the first job; nil: not known
	Warnings []string       // for whoever reads the report
}

// Add adds the texts that a job left.
func (d *Delivery) Add(jobID string, inputs []string) {
	for _, text := range inputs {
		d.Inputs, d.Sources = append(d.Inputs, text), append(d.Sources, jobID)
	}
}

// Orphaned returns pending jobs that run in turns, and whose measurement was begun by a runner that may not take them, or was not heard
// of, since since.
func Orphaned(ctx context.Context, tx *store.Tx, since time.Time, most int) ([]Job, error) {
	rows, err := tx.Query(ctx, `select `+jobColumns+` from job j join measurement m on m.id = j.measurement_id
		join runner r on r.id = m.runner_id where j.state = 'pending' and j.in_turn and j.modified < $1
		and (r.archived < $1 or r.drained < $1 or coalesce(r.last_heartbeat, 0) < $1
			or not exists (select 1 from runner_spec rs where rs.runner_id = r.id and rs.spec_id = j.spec_id)
			or exists (select 1 from job_avoid a where a.job_id = j.id and a.runner_id = r.id and a.created < $1))
		order by j.queued, j.id limit $2`, store.Micros(since), most)
	return store.Collect(rows, err, scanJobs)
}

// Runner returns the runner that began a measurement whose jobs run in turns; nil for others, and as long as none has.
func Runner(ctx context.Context, tx *store.Tx, measurementID string) (runnerID *string, err error) {
	err = tx.QueryRow(ctx, `select runner_id from measurement where id = $1`, measurementID).Scan(&runnerID)
	return runnerID, store.OneRow(err, "measurement", measurementID)
}

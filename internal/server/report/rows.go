package report

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	corereport "github.com/tachograph/tacho/internal/core/report"
	"github.com/tachograph/tacho/internal/server/notify"
	"github.com/tachograph/tacho/internal/server/store"
)

// Report is one submission. Seq is its number in the order of arrival, by which metrics name it.
type Report struct {
	Seq            int64
	ID             string
	ProjectID      string
	AccountID      *string
	HeadID         string
	VersionID      string
	TestbedID      string
	SpecID         *string // hardware spec that it ran on; nil for results from elsewhere
	Adapter        string
	Settings       api.ReportSettings
	Thresholds     *api.ReportThresholds // as asked for
	Context        map[string]string
	Host           *api.HostFacts
	Status         api.ReportStatus
	Error          string
	Recognised     string
	Problems       []api.Problem
	Warnings       []string
	Counts         []api.ResultCount // one for each iteration
	Dirty          bool              // the work tree had uncommitted changes: the version's commit is not what was measured
	IdempotencyKey string
	RequestHash    string
	StartTime      time.Time
	EndTime        time.Time
	Created        time.Time
	JobID          *string // read only: the first of the jobs that name the report
}

const reportColumns = `r.seq, r.id, r.project_id, r.account_id, r.head_id, r.version_id, r.testbed_id, r.spec_id, r.adapter, r.settings,
	r.thresholds, r.context, r.host, r.status, coalesce(r.error, ''), coalesce(r.recognised, ''), r.problems, r.warnings, r.counts, r.dirty,
	coalesce(r.idempotency_key, ''), coalesce(r.request_hash, ''), r.start_time, r.end_time, r.created,
	(select j.id from job j where j.report_id = r.id order by j.place limit 1)`

func scanReport(row interface{ Scan(...any) error }) (Report, error) {
	var r Report
	var settings, counts string
	var thresholds, origin, host, problems, warnings *string
	var start, end, created int64
	if err := row.Scan(&r.Seq, &r.ID, &r.ProjectID, &r.AccountID, &r.HeadID, &r.VersionID, &r.TestbedID, &r.SpecID, &r.Adapter, &settings,
		&thresholds, &origin, &host, &r.Status, &r.Error, &r.Recognised, &problems, &warnings, &counts, &r.Dirty,
		&r.IdempotencyKey, &r.RequestHash, &start, &end, &created, &r.JobID); err != nil {
		return Report{}, err
	}
	r.StartTime, r.EndTime, r.Created = store.TimeOf(start), store.TimeOf(end), store.TimeOf(created)
	for _, column := range []struct {
		text *string
		into any
	}{{&settings, &r.Settings}, {thresholds, &r.Thresholds}, {origin, &r.Context}, {host, &r.Host}, {problems, &r.Problems},
		{warnings, &r.Warnings}, {&counts, &r.Counts}} {
		if column.text == nil {
			continue
		}
		if err := json.Unmarshal([]byte(*column.text), column.into); err != nil {
			return Report{}, fmt.Errorf("decode report %s: %w", r.ID, err)
		}
	}
	return r, nil
}

func scanReports(rows *sql.Rows) (Report, error) { return scanReport(rows) }

// reportJSON encodes what a report keeps as JSON; nil for what it does not have.
func reportJSON[T any](v T, has bool) (*string, error) {
	if !has {
		return nil, nil
	}
	b, err := json.Marshal(v)
	s := string(b)
	return &s, err
}

// Insert makes a report and returns it with its Seq. Created is the transaction's time.
func Insert(ctx context.Context, tx *store.Tx, r Report) (Report, error) {
	r.Created = tx.Now()
	settings, err1 := reportJSON(r.Settings, true)
	thresholds, err2 := reportJSON(r.Thresholds, r.Thresholds != nil)
	origin, err3 := reportJSON(r.Context, len(r.Context) > 0)
	host, err4 := reportJSON(r.Host, r.Host != nil)
	for _, err := range []error{err1, err2, err3, err4} {
		if err != nil {
			return Report{}, fmt.Errorf("encode report: %w", err)
		}
	}
	err := tx.QueryRow(ctx, `insert into report (id, project_id, account_id, head_id, version_id, testbed_id, spec_id, adapter,
		settings, thresholds, context, host, status, counts, idempotency_key, request_hash, start_time, end_time, created, dirty)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, '[]', nullif($14, ''), nullif($15, ''),
			$16, $17, $18, $19) returning seq`,
		r.ID, r.ProjectID, r.AccountID, r.HeadID, r.VersionID, r.TestbedID, r.SpecID, r.Adapter, settings, thresholds, origin, host,
		string(r.Status), r.IdempotencyKey, r.RequestHash, store.Micros(r.StartTime), store.Micros(r.EndTime), store.Micros(r.Created),
		r.Dirty).Scan(&r.Seq)
	if store.IsDuplicate(err) {
		return Report{}, fault.Conflictf("idempotency key %q: the project has a report with it", r.IdempotencyKey)
	}
	if err != nil {
		return Report{}, fmt.Errorf("insert report: %w", err)
	}
	return r, nil
}

// Apply lets an event happen to a report that this transaction holds or has made: it writes the state that core/report's table says, Error,
// Recognised, Problems, Warnings, Counts, Host, StartTime and EndTime, and tells of it (notify). It returns the report as written. What the
// table refuses is a Conflict. For one that is removed there is Hide.
func Apply(ctx context.Context, tx *store.Tx, r Report, e corereport.Event) (Report, error) {
	return applyResults(ctx, tx, r, e, nil)
}

// applyResults is Apply of a report whose results say spans of its lines, packed; nil: they are to be read.
func applyResults(ctx context.Context, tx *store.Tx, r Report, e corereport.Event, spans []byte) (Report, error) {
	before := r.Status
	next, err := corereport.Next(r.ID, before, e)
	if err != nil {
		return r, err
	}
	r.Status = next
	if err := write(ctx, tx, r); err != nil {
		return r, err
	}
	if before == api.ReportProcessed || next == api.ReportProcessed {
		if err := tellLine(ctx, tx, r, before == api.ReportProcessed, spans); err != nil {
			return r, err
		}
	}
	switch {
	case corereport.Closed(next):
		err = tell(ctx, tx, r, notify.ReportClosed, before)
	case corereport.Closed(before):
		err = tell(ctx, tx, r, notify.ReportReopened, before)
	}
	return r, err
}

// tell writes an event of a report that was just changed.
func tell(ctx context.Context, tx *store.Tx, r Report, kind notify.Kind, before api.ReportStatus) error {
	body := notify.Body{Report: r.ID, From: string(before), To: string(r.Status)}
	if r.JobID != nil {
		body.Job = *r.JobID
	}
	return notify.Write(ctx, tx, notify.Event{Kind: kind, ProjectID: r.ProjectID, Subject: r.ID, Body: body})
}

// SetWarnings writes what is said of a submission before there are results.
func SetWarnings(ctx context.Context, tx *store.Tx, r Report) error {
	warnings, err := reportJSON(r.Warnings, len(r.Warnings) > 0)
	if err != nil {
		return fmt.Errorf("encode report %s: %w", r.ID, err)
	}
	res, err := tx.Exec(ctx, `update report set warnings = $1 where id = $2`, warnings, r.ID)
	return store.ExactlyOne(res, err, "report", r.ID)
}

func write(ctx context.Context, tx *store.Tx, r Report) error {
	problems, err1 := reportJSON(r.Problems, len(r.Problems) > 0)
	warnings, err2 := reportJSON(r.Warnings, len(r.Warnings) > 0)
	host, err3 := reportJSON(r.Host, r.Host != nil)
	counts := []byte("[]")
	var err4 error
	if len(r.Counts) > 0 {
		counts, err4 = json.Marshal(r.Counts)
	}
	for _, err := range []error{err1, err2, err3, err4} {
		if err != nil {
			return fmt.Errorf("encode report %s: %w", r.ID, err)
		}
	}
	res, err := tx.Exec(ctx, `update report set status = $1, error = nullif($2, ''), recognised = nullif($3, ''), problems = $4,
		warnings = $5, counts = $6, host = $7, start_time = $8, end_time = $9 where id = $10`,
		string(r.Status), r.Error, r.Recognised, problems, warnings, string(counts), host, store.Micros(r.StartTime), store.Micros(r.EndTime),
		r.ID)
	return store.ExactlyOne(res, err, "report", r.ID)
}

// deleted is the status of a report that is being removed. Nobody sees such a report.
const deleted = string(corereport.Deleted)

// ByID returns one report.
func ByID(ctx context.Context, tx *store.Tx, id string) (Report, error) {
	r, err := scanReport(tx.QueryRow(ctx, `select `+reportColumns+` from report r where r.id = $1 and r.status <> $2`, id, deleted))
	return r, store.OneRow(err, "report", id)
}

// ByIDs returns the reports with these ids, keyed by id.
func ByIDs(ctx context.Context, tx *store.Tx, ids []string) (map[string]Report, error) {
	return store.ByID(ctx, tx, ids, `select `+reportColumns+` from report r where r.status <> '`+deleted+`' and r.id in `, scanReports,
		func(r Report) string { return r.ID })
}

// Marked are those of the reports that somebody has marked as bad.
func Marked(ctx context.Context, tx *store.Tx, ids []string) (map[string]bool, error) {
	found, err := store.ByID(ctx, tx, ids, `select report_id from report_mark where report_id in `,
		func(rows *sql.Rows) (id string, err error) { return id, rows.Scan(&id) }, func(id string) string { return id })
	if err != nil {
		return nil, fmt.Errorf("find reports that are marked as bad: %w", err)
	}
	out := make(map[string]bool, len(found))
	for id := range found {
		out[id] = true
	}
	return out, nil
}

// BySeq returns the reports with these numbers, keyed by number.
func BySeq(ctx context.Context, tx *store.Tx, seqs []int64) (map[int64]Report, error) {
	return store.ByID(ctx, tx, seqs, `select `+reportColumns+` from report r where r.seq in `, scanReports,
		func(r Report) int64 { return r.Seq })
}

// Hold is ByID for a report that is to be changed: nobody else changes it until the transaction ends.
func Hold(ctx context.Context, tx *store.Tx, id string) (Report, error) {
	r, err := scanReport(tx.QueryRow(ctx, `select `+reportColumns+` from report r where r.id = $1 and r.status <> $2`+tx.ForUpdate("r"), id,
		deleted))
	return r, store.OneRow(err, "report", id)
}

// ByKey returns the project's report with an idempotency key; found is false if there is none.
func ByKey(ctx context.Context, tx *store.Tx, projectID, key string) (r Report, found bool, err error) {
	r, err = scanReport(tx.QueryRow(ctx, `select `+reportColumns+` from report r where r.project_id = $1 and r.idempotency_key = $2`,
		projectID, key))
	return store.FoundRow(r, err, "find report by idempotency key")
}

// unfinished are the reports r whose results are here, and not all of them written: no job is to bring them.
const unfinished = ` r.status = 'pending' and not exists (select 1 from job j where j.report_id = r.id and j.state <> 'processed')`

// Unfinished returns the ids of the reports that were being written when a process died, oldest first.
func Unfinished(ctx context.Context, tx *store.Tx) ([]string, error) {
	rows, err := tx.Query(ctx, `select r.id from report r where`+unfinished+` order by r.seq limit 1000`)
	return store.Collect(rows, err, func(rows *sql.Rows) (id string, err error) { return id, rows.Scan(&id) })
}

// IsUnfinished reports whether a report is one of those of Unfinished.
func IsUnfinished(ctx context.Context, tx *store.Tx, id string) (is bool, err error) {
	err = tx.QueryRow(ctx, `select exists (select 1 from report r where r.id = $1 and`+unfinished+`)`, id).Scan(&is)
	return is, err
}

// Filter narrows a list of reports. Empty fields do not.
type Filter struct {
	BranchID  string
	TestbedID string
	From      *time.Time // start time, inclusive
	To        *time.Time // start time, inclusive
	Archived  bool       // only reports whose branch or testbed is archived; otherwise only the others
}

// List returns a page of a project's reports by start time, and how many there are in all.
func List(ctx context.Context, tx *store.Tx, projectID string, f Filter, page store.Page) ([]Report, int, error) {
	where := ` from report r join head h on h.id = r.head_id join branch b on b.id = h.branch_id join testbed t on t.id = r.testbed_id
		where r.project_id = $1 and r.status <> '` + deleted + `' and ($2 = '' or b.id = $2) and ($3 = '' or t.id = $3)
		and r.start_time >= coalesce($4, r.start_time) and r.start_time <= coalesce($5, r.start_time)
		and (b.archived is not null or t.archived is not null) = $6`
	args := []any{projectID, f.BranchID, f.TestbedID, store.MicrosPtr(f.From), store.MicrosPtr(f.To), f.Archived}
	return store.PageOf(ctx, tx, "reports", reportColumns, where, args, "r.start_time%s, r.seq%s", page, scanReports)
}

// Hide makes a report that this transaction holds invisible everywhere, with its job, its metrics and its alerts, frees its idempotency
// key and tells of it (notify). e is Remove or Discard; what core/report's table refuses is a Conflict. The rows are still there: Delete
// may take long for a report with many metrics, so DeleteSomeMetrics goes before it.
func Hide(ctx context.Context, tx *store.Tx, r Report, e corereport.Event) error {
	id, before := r.ID, r.Status
	var err error
	if r.Status, err = corereport.Next(id, before, e); err != nil {
		return err
	}
	for _, query := range []string{deleteMeasurement, `delete from job where report_id = $1`,
		`delete from report_input where report_id = $1`} {
		if _, err := tx.Exec(ctx, query, id); err != nil {
			return fmt.Errorf("hide report %s: %w", id, err)
		}
	}
	res, err := tx.Exec(ctx, `update report set status = $1, idempotency_key = null, request_hash = null where id = $2`, string(r.Status), id)
	if err := store.ExactlyOne(res, err, "report", id); err != nil {
		return err
	}
	if before == api.ReportProcessed {
		if err := tellLine(ctx, tx, r, true, nil); err != nil {
			return err
		}
	}
	return tell(ctx, tx, r, notify.ReportDeleted, before)
}

// Hidden is a report that is being removed.
type Hidden struct {
	Seq int64
	ID  string
}

// AllHidden returns the reports that were hidden and not yet deleted, oldest first.
func AllHidden(ctx context.Context, tx *store.Tx) ([]Hidden, error) {
	rows, err := tx.Query(ctx, `select r.seq, r.id from report r where r.status = $1 order by r.seq limit 1000`, deleted)
	return store.Collect(rows, err, func(rows *sql.Rows) (h Hidden, err error) { return h, rows.Scan(&h.Seq, &h.ID) })
}

// deleteMeasurement removes the measurement that a report waited for, with its jobs, if no other report waits for jobs of it.
const deleteMeasurement = `delete from measurement where id in (select measurement_id from job where report_id = $1)
	and not exists (select 1 from job j where j.measurement_id = measurement.id and j.report_id <> $1)`

// Delete removes a report with its metrics, alerts and job. Its version stays, so that numbers keep their meaning.
func Delete(ctx context.Context, tx *store.Tx, id string) error {
	var seq int64
	if err := tx.QueryRow(ctx, `select seq from report where id = $1`, id).Scan(&seq); err != nil {
		return store.OneRow(err, "report", id)
	}
	if err := DeleteMetrics(ctx, tx, seq); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, deleteMeasurement, id); err != nil {
		return fmt.Errorf("delete the measurement of report %s: %w", id, err)
	}
	res, err := tx.Exec(ctx, `delete from report where id = $1`, id)
	return store.ExactlyOne(res, err, "report", id)
}

// Input is one raw tool output of a report, as a blob.
type Input struct {
	Iteration int
	Digest    string
	Size      int64 // bytes
}

// SetInputs replaces the raw outputs of a report.
func SetInputs(ctx context.Context, tx *store.Tx, reportID string, inputs []Input) error {
	if _, err := tx.Exec(ctx, `delete from report_input where report_id = $1`, reportID); err != nil {
		return fmt.Errorf("replace inputs of report %s: %w", reportID, err)
	}
	for _, in := range inputs {
		if _, err := tx.Exec(ctx, `insert into report_input (report_id, iteration, digest, size) values ($1, $2, $3, $4)`,
			reportID, in.Iteration, in.Digest, in.Size); err != nil {
			return fmt.Errorf("insert input %d of report %s: %w", in.Iteration, reportID, err)
		}
	}
	return nil
}

// Inputs returns the raw outputs of a report by iteration.
func Inputs(ctx context.Context, tx *store.Tx, reportID string) ([]Input, error) {
	rows, err := tx.Query(ctx, `select iteration, digest, size from report_input where report_id = $1 order by iteration`, reportID)
	return store.Collect(rows, err, func(rows *sql.Rows) (Input, error) {
		var in Input
		err := rows.Scan(&in.Iteration, &in.Digest, &in.Size)
		return in, err
	})
}

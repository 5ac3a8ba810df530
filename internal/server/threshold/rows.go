package threshold

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// Threshold is a rule for a branch, a testbed and a measure. ModelID is its current model; nil: it does not judge. Inherited: nobody set
// it on this branch, it follows the start point's.
type Threshold struct {
	ID        string
	ProjectID string
	BranchID  string
	TestbedID string
	MeasureID string
	ModelID   *string
	Inherited bool
	Created   time.Time
	Modified  time.Time
}

// Model is a statistical test and its parameters. Models are never changed, only replaced.
type Model struct {
	ID            string
	Seq           int64 // what metrics name it by; never given again
	ThresholdID   string
	Test          string
	MinSampleSize *int
	MaxSampleSize *int
	WindowSeconds *int64
	LowerBoundary *float64
	UpperBoundary *float64
	Created       time.Time
	Replaced      *time.Time
}

const thresholdColumns = `t.id, t.project_id, t.branch_id, t.testbed_id, t.measure_id, t.model_id, t.inherited, t.created, t.modified`

// thresholdTimes are a threshold's times as they are stored.
type thresholdTimes struct{ created, modified int64 }

func (s thresholdTimes) set(t *Threshold) {
	t.Created, t.Modified = store.TimeOf(s.created), store.TimeOf(s.modified)
}

// fields are where thresholdColumns go.
func (t *Threshold) fields(s *thresholdTimes) []any {
	return []any{&t.ID, &t.ProjectID, &t.BranchID, &t.TestbedID, &t.MeasureID, &t.ModelID, &t.Inherited, &s.created, &s.modified}
}

func scanThreshold(row interface{ Scan(...any) error }) (t Threshold, err error) {
	var times thresholdTimes
	err = row.Scan(t.fields(&times)...)
	times.set(&t)
	return t, err
}

func scanThresholds(rows *sql.Rows) (Threshold, error) { return scanThreshold(rows) }

// Insert makes a threshold without a model. A second one for the same branch, testbed and measure is a Conflict.
func Insert(ctx context.Context, tx *store.Tx, projectID, branchID, testbedID, measureID string) (Threshold, error) {
	t := Threshold{ID: ident.NewUUID(), ProjectID: projectID, BranchID: branchID, TestbedID: testbedID, MeasureID: measureID,
		Created: tx.Now(), Modified: tx.Now()}
	_, err := tx.Exec(ctx, `insert into threshold (id, project_id, branch_id, testbed_id, measure_id, created, modified)
		values ($1, $2, $3, $4, $5, $6, $6)`, t.ID, t.ProjectID, t.BranchID, t.TestbedID, t.MeasureID, store.Micros(tx.Now()))
	if store.IsDuplicate(err) {
		return Threshold{}, fault.Conflictf("a threshold for this branch, testbed and measure already exists; update it")
	}
	if err != nil {
		return Threshold{}, fmt.Errorf("insert threshold: %w", err)
	}
	return t, nil
}

// SetModel makes m the threshold's model, or takes the model away if m is nil; from then on it follows no start point. The model before
// is marked as replaced. A model that says the same as the current one changes nothing, so that a pipeline which repeats it on every run
// leaves no trail.
func SetModel(ctx context.Context, tx *store.Tx, t Threshold, m *Model) (Threshold, error) {
	return setModel(ctx, tx, t, m, false)
}

func setModel(ctx context.Context, tx *store.Tx, t Threshold, m *Model, inherited bool) (Threshold, error) {
	var current map[string]Model
	if t.ModelID != nil {
		var err error
		if current, err = ModelsByID(ctx, tx, []string{*t.ModelID}); err != nil {
			return Threshold{}, err
		}
	}
	changes := (t.ModelID == nil) != (m == nil) || m != nil && !sameModel(current[*t.ModelID], *m)
	if !changes && t.Inherited == inherited {
		return t, nil
	}
	t.Inherited = inherited
	if changes {
		t.Modified = tx.Now()
		if err := replaceModel(ctx, tx, &t, m); err != nil {
			return Threshold{}, err
		}
	}
	res, err := tx.Exec(ctx, `update threshold set model_id = $1, inherited = $2, modified = $3 where id = $4`,
		t.ModelID, t.Inherited, store.Micros(t.Modified), t.ID)
	return t, store.ExactlyOne(res, err, "threshold", t.ID)
}

// replaceModel marks the threshold's model as replaced and, unless m is nil, writes the one that follows.
func replaceModel(ctx context.Context, tx *store.Tx, t *Threshold, m *Model) error {
	if t.ModelID != nil {
		if _, err := tx.Exec(ctx, `update model set replaced = $1 where id = $2`, store.Micros(tx.Now()), *t.ModelID); err != nil {
			return fmt.Errorf("replace model of threshold %s: %w", t.ID, err)
		}
		t.ModelID = nil
	}
	if m == nil {
		return nil
	}
	id := ident.NewUUID()
	t.ModelID = &id
	if _, err := tx.Exec(ctx, `insert into model (id, threshold_id, test, min_sample_size, max_sample_size, window_seconds,
		lower_boundary, upper_boundary, created) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, id, t.ID, m.Test, m.MinSampleSize,
		m.MaxSampleSize, m.WindowSeconds, m.LowerBoundary, m.UpperBoundary, store.Micros(tx.Now())); err != nil {
		return fmt.Errorf("insert model of threshold %s: %w", t.ID, err)
	}
	return nil
}

func sameModel(a, b Model) bool {
	return a.Test == b.Test && same(a.MinSampleSize, b.MinSampleSize) && same(a.MaxSampleSize, b.MaxSampleSize) &&
		same(a.WindowSeconds, b.WindowSeconds) && same(a.LowerBoundary, b.LowerBoundary) && same(a.UpperBoundary, b.UpperBoundary)
}

func same[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }

// Find returns one threshold of a project.
func Find(ctx context.Context, tx *store.Tx, projectID, id string) (Threshold, error) {
	t, err := scanThreshold(tx.QueryRow(ctx, `select `+thresholdColumns+` from threshold t where t.id = $1 and t.project_id = $2`,
		id, projectID))
	return t, store.OneRow(err, "threshold", id)
}

// ByID returns the thresholds with these ids, keyed by id.
func ByID(ctx context.Context, tx *store.Tx, ids []string) (map[string]Threshold, error) {
	return store.ByID(ctx, tx, ids, `select `+thresholdColumns+` from threshold t where t.id in `, scanThresholds,
		func(t Threshold) string { return t.ID })
}

// On returns the thresholds of a branch and a testbed, in the order in which they were made. An empty testbed means all.
func On(ctx context.Context, tx *store.Tx, branchID, testbedID string) ([]Threshold, error) {
	rows, err := tx.Query(ctx, `select `+thresholdColumns+` from threshold t
		where t.branch_id = $1 and ($2 = '' or t.testbed_id = $2) order by t.id`, branchID, testbedID)
	return store.Collect(rows, err, scanThresholds)
}

// Rule is a threshold with the model that it has.
type Rule struct {
	Threshold Threshold
	Model     Model
}

const rulesQuery = `select ` + thresholdColumns + `, ` + modelColumns + ` from threshold t join model m on m.id = t.model_id
	where t.branch_id = $1 and t.testbed_id = $2 order by t.id`

// Rules returns the thresholds of a branch and a testbed that judge, in the order in which they were made.
func Rules(ctx context.Context, tx *store.Tx, branchID, testbedID string) ([]Rule, error) {
	rows, err := tx.Query(ctx, rulesQuery, branchID, testbedID)
	return store.Collect(rows, err, func(rows *sql.Rows) (r Rule, err error) {
		var t thresholdTimes
		var m modelTimes
		err = rows.Scan(append(r.Threshold.fields(&t), r.Model.fields(&m)...)...)
		t.set(&r.Threshold)
		m.set(&r.Model)
		return r, err
	})
}

// Filter narrows a list of thresholds. Empty fields do not.
type Filter struct {
	BranchID  string
	TestbedID string
	MeasureID string
	Archived  bool // only those whose branch, testbed or measure is archived; otherwise only the others
	Modified  bool // order by the time of the last change instead of that of making
}

// List returns a page of a project's thresholds, and how many there are in all.
func List(ctx context.Context, tx *store.Tx, projectID string, f Filter, page store.Page) ([]Threshold, int, error) {
	where := ` from threshold t join branch b on b.id = t.branch_id join testbed d on d.id = t.testbed_id join measure e on e.id = t.measure_id
		where t.project_id = $1 and ($2 = '' or t.branch_id = $2) and ($3 = '' or t.testbed_id = $3) and ($4 = '' or t.measure_id = $4)
		and (b.archived is not null or d.archived is not null or e.archived is not null) = $5`
	args := []any{projectID, f.BranchID, f.TestbedID, f.MeasureID, f.Archived}
	by := "t.created"
	if f.Modified {
		by = "t.modified"
	}
	return store.PageOf(ctx, tx, "thresholds", thresholdColumns, where, args, by+"%s, t.id%s", page, scanThresholds)
}

// Delete removes a threshold with its models and alerts. Metrics keep the limits that it drew.
func Delete(ctx context.Context, tx *store.Tx, id string) error {
	res, err := tx.Exec(ctx, `delete from threshold where id = $1`, id)
	return store.ExactlyOne(res, err, "threshold", id)
}

// DeleteSomeAlerts removes up to limit alerts of a threshold, and returns how many there were.
func DeleteSomeAlerts(ctx context.Context, tx *store.Tx, id string, limit int) (int64, error) {
	res, err := tx.Exec(ctx, `delete from alert where id in (select a.id from alert a where a.threshold_id = $1 limit $2)`, id, limit)
	if err != nil {
		return 0, fmt.Errorf("delete alerts of threshold %s: %w", id, err)
	}
	return res.RowsAffected()
}

// Following is how the thresholds of a branch follow those of the branch that it started from (series.Thresholds).
type Following struct{}

// Clone gives the branch to the models of the branch from, for each testbed and measure. Thresholds that from does not have,
// or has without a model, lose theirs. All of them follow from then on.
func (Following) Clone(ctx context.Context, tx *store.Tx, from, to series.Branch) error {
	return follow(ctx, tx, from, to, func(Threshold) bool { return true })
}

// Inherit is Clone but for thresholds that were set on the branch to: these stay as they are, also those whose model
// was taken away there.
func (Following) Inherit(ctx context.Context, tx *store.Tx, from, to series.Branch) error {
	return follow(ctx, tx, from, to, func(t Threshold) bool { return t.Inherited })
}

// follow gives the branch to the models of the branch from; of those that to has already, only where follows says so.
func follow(ctx context.Context, tx *store.Tx, from, to series.Branch, follows func(Threshold) bool) error {
	theirs, err := On(ctx, tx, from.ID, "")
	if err != nil {
		return fmt.Errorf("thresholds of branch %s: %w", from.ID, err)
	}
	ours, err := On(ctx, tx, to.ID, "")
	if err != nil {
		return fmt.Errorf("thresholds of branch %s: %w", to.ID, err)
	}
	var modelIDs []string
	for _, t := range theirs {
		if t.ModelID != nil {
			modelIDs = append(modelIDs, *t.ModelID)
		}
	}
	models, err := ModelsByID(ctx, tx, modelIDs)
	if err != nil {
		return err
	}
	type place struct{ testbed, measure string }
	wanted := map[place]*Model{}
	for _, t := range theirs {
		if t.ModelID != nil {
			m := models[*t.ModelID]
			wanted[place{t.TestbedID, t.MeasureID}] = &m
		}
	}
	has := map[place]bool{}
	for _, t := range ours {
		at := place{t.TestbedID, t.MeasureID}
		has[at] = true
		if !follows(t) {
			continue
		}
		if _, err := setModel(ctx, tx, t, wanted[at], true); err != nil {
			return err
		}
	}
	for _, t := range theirs {
		at := place{t.TestbedID, t.MeasureID}
		if has[at] || wanted[at] == nil {
			continue
		}
		made, err := Insert(ctx, tx, to.ProjectID, to.ID, at.testbed, at.measure)
		if err != nil {
			return err
		}
		if _, err := setModel(ctx, tx, made, wanted[at], true); err != nil {
			return err
		}
	}
	return nil
}

const modelColumns = `m.id, m.seq, m.threshold_id, m.test, m.min_sample_size, m.max_sample_size, m.window_seconds, m.lower_boundary,
	m.upper_boundary, m.created, m.replaced`

// modelTimes are a model's times as they are stored.
type modelTimes struct {
	created  int64
	replaced *int64
}

func (s modelTimes) set(m *Model) {
	m.Created, m.Replaced = store.TimeOf(s.created), store.TimePtr(s.replaced)
}

// fields are where modelColumns go.
func (m *Model) fields(s *modelTimes) []any {
	return []any{&m.ID, &m.Seq, &m.ThresholdID, &m.Test, &m.MinSampleSize, &m.MaxSampleSize, &m.WindowSeconds, &m.LowerBoundary,
		&m.UpperBoundary, &s.created, &s.replaced}
}

func scanModel(rows *sql.Rows) (m Model, err error) {
	var times modelTimes
	err = rows.Scan(m.fields(&times)...)
	times.set(&m)
	return m, err
}

// ModelsByID returns the models with these ids, keyed by id. Ids without a row (their threshold was deleted) are absent.
func ModelsByID(ctx context.Context, tx *store.Tx, ids []string) (map[string]Model, error) {
	return store.ByID(ctx, tx, ids, `select `+modelColumns+` from model m where m.id in `, scanModel, func(m Model) string { return m.ID })
}

// ModelsBySeq is ModelsByID for the numbers that metrics name models by.
func ModelsBySeq(ctx context.Context, tx *store.Tx, seqs []int64) (map[int64]Model, error) {
	return store.ByID(ctx, tx, seqs, `select `+modelColumns+` from model m where m.seq in `, scanModel, func(m Model) int64 { return m.Seq })
}

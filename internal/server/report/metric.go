package report

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/store"
)

// Metric is one value of a series in a report, with the boundary that it was held against. ModelID is nil where no model judged.
type Metric struct {
	ID         int64
	SeriesID   int64
	ReportSeq  int64
	Iteration  int
	Value      float64
	Lower      *float64
	Upper      *float64
	ModelID    *string
	Baseline   *float64
	LowerLimit *float64
	UpperLimit *float64
	Samples    []float64 // in the order of the tool; only InsertMetrics and MetricSamples look at it
}

const MetricColumns = `m.id, m.series_id, m.report_seq, m.iteration, m.value, m.lower_value, m.upper_value, m.model_id, m.baseline,
	m.lower_limit, m.upper_limit`

func ScanMetric(rows *sql.Rows) (Metric, error) {
	var m Metric
	err := rows.Scan(&m.ID, &m.SeriesID, &m.ReportSeq, &m.Iteration, &m.Value, &m.Lower, &m.Upper, &m.ModelID, &m.Baseline,
		&m.LowerLimit, &m.UpperLimit)
	return m, err
}

// InsertMetrics writes the metrics with their samples and sets their IDs. Ids rise within a transaction; the one writer at a time is
// what keeps two transactions from drawing the same.
func InsertMetrics(ctx context.Context, tx *store.Tx, metrics []Metric) error {
	if len(metrics) == 0 {
		return nil
	}
	var last int64
	if err := tx.QueryRow(ctx, `select coalesce(max(id), 0) from metric`).Scan(&last); err != nil {
		return fmt.Errorf("number metrics: %w", err)
	}
	metric, err := tx.Prepare(ctx, `insert into metric (id, series_id, report_seq, iteration, value, lower_value, upper_value,
		model_id, baseline, lower_limit, upper_limit) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`)
	if err != nil {
		return fmt.Errorf("prepare metrics: %w", err)
	}
	defer metric.Close()
	sample, err := tx.Prepare(ctx, `insert into metric_sample (metric_id, samples) values ($1, $2)`)
	if err != nil {
		return fmt.Errorf("prepare samples: %w", err)
	}
	defer sample.Close()
	for i := range metrics {
		m := &metrics[i]
		last++
		m.ID = last
		if _, err := metric.ExecContext(ctx, m.ID, m.SeriesID, m.ReportSeq, m.Iteration, m.Value, m.Lower, m.Upper, m.ModelID, m.Baseline,
			m.LowerLimit, m.UpperLimit); err != nil {
			return fmt.Errorf("insert metric of series %d: %w", m.SeriesID, err)
		}
		if len(m.Samples) == 0 {
			continue
		}
		if _, err := sample.ExecContext(ctx, m.ID, encodeSamples(m.Samples)); err != nil {
			return fmt.Errorf("insert samples of series %d: %w", m.SeriesID, err)
		}
	}
	return nil
}

const reportMetricsQuery = `select ` + MetricColumns + ` from metric m where m.report_seq = $1 and m.id > $2 order by m.id limit $3`

// Metrics returns up to limit metrics of a report whose ids come after the given one, in the order in which they were written: by
// iteration, and in each in the order of the tool.
func Metrics(ctx context.Context, tx *store.Tx, reportSeq, after int64, limit int) ([]Metric, error) {
	rows, err := tx.Query(ctx, reportMetricsQuery, reportSeq, after, limit)
	return store.Collect(rows, err, ScanMetric)
}

// CountMetrics returns how many metrics these reports have in all.
func CountMetrics(ctx context.Context, tx *store.Tx, reportSeqs ...int64) (int, error) {
	var n int
	err := tx.QueryRow(ctx, `select count(*) from metric m where m.report_seq in `+store.Integers(reportSeqs)).Scan(&n)
	return n, err
}

// MetricsByID returns the metrics with these ids, keyed by id.
func MetricsByID(ctx context.Context, tx *store.Tx, ids []int64) (map[int64]Metric, error) {
	return store.ByID(ctx, tx, ids, `select `+MetricColumns+` from metric m where m.id in `, ScanMetric, func(m Metric) int64 { return m.ID })
}

// MetricByID returns one metric and its report, if it is the project's and processed.
func MetricByID(ctx context.Context, tx *store.Tx, projectID string, id int64) (Metric, Report, error) {
	found, err := MetricsByID(ctx, tx, []int64{id})
	if err != nil {
		return Metric{}, Report{}, err
	}
	m, ok := found[id]
	if !ok {
		return Metric{}, Report{}, store.OneRow(sql.ErrNoRows, "metric", ident.MetricUUID(id))
	}
	r, err := scanReport(tx.QueryRow(ctx, `select `+reportColumns+` from report r where r.seq = $1 and r.project_id = $2
		and r.status = 'processed'`, m.ReportSeq, projectID))
	return m, r, store.OneRow(err, "metric", ident.MetricUUID(id))
}

// Samples returns the samples of a metric, nil if the tool gave none.
func Samples(ctx context.Context, tx *store.Tx, id int64) ([]float64, error) {
	var b []byte
	err := tx.QueryRow(ctx, `select samples from metric_sample where metric_id = $1`, id).Scan(&b)
	b, _, err = store.FoundRow(b, err, "load samples")
	return decodeSamples(b), err
}

// DeleteMetrics removes the metrics of a report, with their samples and alerts.
func DeleteMetrics(ctx context.Context, tx *store.Tx, reportSeq int64) error {
	if _, err := tx.Exec(ctx, `delete from metric where report_seq = $1`, reportSeq); err != nil {
		return fmt.Errorf("delete metrics of report %d: %w", reportSeq, err)
	}
	return nil
}

// DeleteSomeMetrics removes up to limit metrics of a report, with their samples and alerts, and returns how many there were.
func DeleteSomeMetrics(ctx context.Context, tx *store.Tx, reportSeq int64, limit int) (int64, error) {
	res, err := tx.Exec(ctx, `delete from metric where id in (select m.id from metric m where m.report_seq = $1 limit $2)`, reportSeq, limit)
	if err != nil {
		return 0, fmt.Errorf("delete metrics of report %d: %w", reportSeq, err)
	}
	return res.RowsAffected()
}

// HasMetrics reports whether any metric of a report was written.
func HasMetrics(ctx context.Context, tx *store.Tx, reportSeq int64) (has bool, err error) {
	err = tx.QueryRow(ctx, `select exists (select 1 from metric m where m.report_seq = $1)`, reportSeq).Scan(&has)
	return has, err
}

func encodeSamples(samples []float64) []byte {
	b := make([]byte, 0, 8*len(samples))
	for _, x := range samples {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	return b
}

func decodeSamples(b []byte) []float64 {
	if len(b) == 0 {
		return nil
	}
	samples := make([]float64, len(b)/8)
	for i := range samples {
		samples[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
	}
	return samples
}

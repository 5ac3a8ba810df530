package report

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/store"
)

// Metric is one value of a series in a report, with the boundary that it was held against.
type Metric struct {
	ID         int64
	SeriesID   int64
	ReportSeq  int64
	Iteration  int
	Value      float64
	Lower      *float64
	Upper      *float64
	ModelSeq   *int64 // nil where no model judged, 0 for one that went with its threshold
	Baseline   *float64
	LowerLimit *float64
	UpperLimit *float64
	Samples    []float64 // in the order of the tool; only InsertMetrics looks at it, and Samples returns it
}

const MetricColumns = `m.id, m.series_id, m.report_seq, m.iteration, m.value, m.lower_value, m.upper_value, m.model_seq, m.baseline,
	m.lower_limit, m.upper_limit`

func ScanMetric(rows *sql.Rows) (Metric, error) {
	var m Metric
	err := rows.Scan(&m.ID, &m.SeriesID, &m.ReportSeq, &m.Iteration, &m.Value, &m.Lower, &m.Upper, &m.ModelSeq, &m.Baseline,
		&m.LowerLimit, &m.UpperLimit)
	return m, err
}

// InsertMetrics writes metrics of one report with their samples, in the order of the tool, and sets their IDs, which rise.
func InsertMetrics(ctx context.Context, tx *store.Tx, metrics []Metric) error {
	if len(metrics) == 0 {
		return nil
	}
	next, err := nextMetricID(ctx, tx)
	if err != nil {
		return err
	}
	for i := range metrics {
		metrics[i].ID = next + int64(i)
	}
	if err := insertParts(ctx, tx, partsOf(metrics)); err != nil {
		return err
	}
	metric, err := tx.Prepare(ctx, `insert into metric (id, series_id, report_seq, iteration, value, lower_value, upper_value,
		model_seq, baseline, lower_limit, upper_limit) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`)
	if err != nil {
		return fmt.Errorf("prepare metrics: %w", err)
	}
	defer metric.Close()
	sample, err := tx.Prepare(ctx, `insert into metric_sample (metric_id, samples) values ($1, $2)`)
	if err != nil {
		return fmt.Errorf("prepare samples: %w", err)
	}
	defer sample.Close()
	for _, m := range metrics {
		if _, err := metric.ExecContext(ctx, m.ID, m.SeriesID, m.ReportSeq, m.Iteration, m.Value, m.Lower, m.Upper, m.ModelSeq, m.Baseline,
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

// Metrics returns up to limit metrics of a report whose ids come after the given one, in the order in which they were written: by
// iteration, and in each in the order of the tool.
func Metrics(ctx context.Context, tx *store.Tx, reportSeq, after int64, limit int) ([]Metric, error) {
	out := []Metric{}
	err := eachPart(ctx, tx, reportSeq, after+1, func(p part) (bool, error) {
		p.series = p.series[:min(len(p.series), limit-len(out))]
		metrics, err := p.metrics(ctx, tx)
		out = append(out, metrics...)
		return len(out) < limit, err
	})
	return out, err
}

// MetricsOf returns the metrics of reports, keyed by their numbers, each in the order in which they were written. Few queries read many
// small reports. All is in memory: CountMetrics says before how many there are.
func MetricsOf(ctx context.Context, tx *store.Tx, reportSeqs []int64) (map[int64][]Metric, error) {
	var lines []linesOf
	for chunk := range slices.Chunk(slices.Compact(slices.Sorted(slices.Values(reportSeqs))), store.IDsPerQuery) {
		rows, err := tx.Query(ctx, `select `+partColumns+` from metric_part p where p.report_seq in `+store.Integers(chunk)+
			` order by p.report_seq, p.first_id`)
		parts, err := store.Collect(rows, err, scanPart)
		if err != nil {
			return nil, fmt.Errorf("read parts of reports: %w", err)
		}
		for _, p := range parts {
			if n := len(lines); n > 0 && lines[n-1].reportSeq == p.reportSeq {
				lines[n-1].series = append(lines[n-1].series, p.series...)
			} else {
				lines = append(lines, linesOf{p.reportSeq, p.series})
			}
		}
	}
	out := make(map[int64][]Metric, len(lines))
	for _, g := range together(lines) {
		for chunk := range slices.Chunk(g.series, store.IDsPerQuery) {
			rows, err := tx.Query(ctx, `select `+MetricColumns+` from metric m where m.series_id in `+store.Integers(chunk)+
				` and m.report_seq in `+store.Integers(g.reportSeqs))
			found, err := store.Collect(rows, err, ScanMetric)
			if err != nil {
				return nil, fmt.Errorf("read metrics of reports: %w", err)
			}
			for _, m := range found {
				out[m.ReportSeq] = append(out[m.ReportSeq], m)
			}
		}
	}
	for _, metrics := range out {
		slices.SortFunc(metrics, func(a, b Metric) int { return cmp.Compare(a.ID, b.ID) })
	}
	return out, nil
}

// CountMetrics returns how many metrics these reports have in all.
func CountMetrics(ctx context.Context, tx *store.Tx, reportSeqs ...int64) (int, error) {
	var n int
	err := tx.QueryRow(ctx, `select coalesce(sum(p.metrics), 0) from metric_part p where p.report_seq in `+store.Integers(reportSeqs)).Scan(&n)
	return n, err
}

// SeriesOf returns the series that reports have metrics of, each once, in the order of the tool.
func SeriesOf(ctx context.Context, tx *store.Tx, reportSeqs ...int64) ([]int64, error) {
	var out []int64
	met := map[int64]bool{}
	for _, seq := range reportSeqs {
		if err := eachPart(ctx, tx, seq, 0, func(p part) (bool, error) {
			for _, id := range p.series {
				if !met[id] {
					met[id] = true
					out = append(out, id)
				}
			}
			return true, nil
		}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// MetricsByID returns the metrics with these ids, keyed by id.
func MetricsByID(ctx context.Context, tx *store.Tx, ids []int64) (map[int64]Metric, error) {
	out := make(map[int64]Metric, len(ids))
	sorted := slices.Compact(slices.Sorted(slices.Values(ids)))
	for len(sorted) > 0 {
		p, found, err := partAt(ctx, tx, sorted[0])
		if err != nil {
			return nil, fmt.Errorf("find metrics: %w", err)
		}
		if !found {
			sorted = sorted[1:]
			continue
		}
		wanted := p
		wanted.series = nil
		for ; len(sorted) > 0 && sorted[0] < p.first+int64(len(p.series)); sorted = sorted[1:] {
			wanted.series = append(wanted.series, p.series[sorted[0]-p.first])
		}
		metrics, err := wanted.metrics(ctx, tx)
		if err != nil {
			return nil, err
		}
		for _, m := range metrics {
			out[m.ID] = m
		}
	}
	return out, nil
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

// LoadSamples sets the samples of metrics, up to most of each, at equal distances where there are more.
func LoadSamples(ctx context.Context, tx *store.Tx, metrics []Metric, most int) error {
	ids, place := make([]int64, len(metrics)), make(map[int64]int, len(metrics))
	for i, m := range metrics {
		ids[i], place[m.ID] = m.ID, i
	}
	rows, err := tx.Query(ctx, `select s.metric_id, s.samples from metric_sample s where s.metric_id in `+store.Integers(ids))
	if err != nil {
		return fmt.Errorf("load samples: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var b []byte
		if err := rows.Scan(&id, &b); err != nil {
			return fmt.Errorf("scan samples: %w", err)
		}
		metrics[place[id]].Samples = evenly(decodeSamples(b), most)
	}
	return rows.Err()
}

// evenly is up to most of all, at equal distances.
func evenly(all []float64, most int) []float64 {
	step := (len(all) + most - 1) / most
	if step <= 1 {
		return all
	}
	kept := make([]float64, 0, most)
	for i := 0; i < len(all); i += step {
		kept = append(kept, all[i])
	}
	return kept
}

// DeleteMetrics removes the metrics of a report, with their samples and alerts.
func DeleteMetrics(ctx context.Context, tx *store.Tx, reportSeq int64) error {
	_, err := DeleteSomeMetrics(ctx, tx, reportSeq, math.MaxInt)
	return err
}

// DeleteSomeMetrics removes up to limit metrics of a report, with their samples and alerts, and returns how many there were.
// Two at once take turns.
func DeleteSomeMetrics(ctx context.Context, tx *store.Tx, reportSeq int64, limit int) (deleted int64, err error) {
	if err := tx.Lock(ctx, store.ResultsOf(reportSeq)); err != nil {
		return 0, err
	}
	err = eachPart(ctx, tx, reportSeq, 0, func(p part) (bool, error) {
		gone, rest := p, p
		n := min(len(p.series), limit-int(deleted))
		gone.series, rest.series = p.series[:n], p.series[n:]
		rest.first += int64(n)
		if err := gone.delete(ctx, tx); err != nil {
			return false, err
		}
		if _, err := tx.Exec(ctx, `delete from metric_part where first_id = $1`, p.first); err != nil {
			return false, fmt.Errorf("delete part of report %d: %w", reportSeq, err)
		}
		if len(rest.series) > 0 {
			if err := insertParts(ctx, tx, []part{rest}); err != nil {
				return false, err
			}
		}
		deleted += int64(n)
		return deleted < int64(limit), nil
	})
	return deleted, err
}

// HasMetrics reports whether any metric of a report was written.
func HasMetrics(ctx context.Context, tx *store.Tx, reportSeq int64) (has bool, err error) {
	err = tx.QueryRow(ctx, `select exists (select 1 from metric_part p where p.report_seq = $1)`, reportSeq).Scan(&has)
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

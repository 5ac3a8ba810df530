package report

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tachograph/tacho/internal/server/store"
)

// part is what was written of a report's iteration at once, in the order of the tool: the metrics with the ids first, first + 1, … and the
// series that each of them belongs to.
type part struct {
	first     int64
	reportSeq int64
	iteration int64
	series    []int64
}

const partColumns = `p.first_id, p.report_seq, p.iteration, p.lines`

func scanPart(rows *sql.Rows) (part, error) {
	var p part
	var lines string
	if err := rows.Scan(&p.first, &p.reportSeq, &p.iteration, &lines); err != nil {
		return p, err
	}
	var err error
	p.series, err = decodeLines(lines)
	return p, err
}

// encodeLines writes series as the first one and the distances between them: the lines of a tool were mostly made one after another.
func encodeLines(series []int64) string {
	b := make([]byte, 0, 2*len(series)+8)
	before := int64(0)
	for i, id := range series {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, id-before, 10)
		before = id
	}
	return string(b)
}

func decodeLines(lines string) ([]int64, error) {
	out := make([]int64, 0, strings.Count(lines, ",")+1)
	id := int64(0)
	for step := range strings.SplitSeq(lines, ",") {
		n, err := strconv.ParseInt(step, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("the lines of a part: %w", err)
		}
		id += n
		out = append(out, id)
	}
	return out, nil
}

// partsOf splits metrics of one report that are written at once.
func partsOf(metrics []Metric) []part {
	var out []part
	for _, m := range metrics {
		n := len(out)
		if n == 0 || out[n-1].reportSeq != m.ReportSeq || out[n-1].iteration != int64(m.Iteration) {
			out = append(out, part{first: m.ID, reportSeq: m.ReportSeq, iteration: int64(m.Iteration)})
			n++
		}
		out[n-1].series = append(out[n-1].series, m.SeriesID)
	}
	return out
}

func insertParts(ctx context.Context, tx *store.Tx, parts []part) error {
	for _, p := range parts {
		if _, err := tx.Exec(ctx, `insert into metric_part (first_id, report_seq, iteration, metrics, lines)
			values ($1, $2, $3, $4, $5)`,
			p.first, p.reportSeq, p.iteration, len(p.series), encodeLines(p.series)); err != nil {
			return fmt.Errorf("insert part of report %d: %w", p.reportSeq, err)
		}
	}
	return nil
}

// nextMetricID is an id that is free, like the limits.MetricsPerReport that follow it. Many writers draw it; one writer at a time takes
// what follows all there are.
func nextMetricID(ctx context.Context, tx *store.Tx) (next int64, err error) {
	if next, err = tx.Draw(ctx, "metric_number"); err != nil || next > 0 {
		return next, err
	}
	err = tx.QueryRow(ctx, `select coalesce(max(p.first_id + p.metrics), 1) from metric_part p
		where p.first_id = (select max(first_id) from metric_part)`).Scan(&next)
	if err != nil {
		return 0, fmt.Errorf("number metrics: %w", err)
	}
	return next, nil
}

const reportPartsQuery = `select ` + partColumns + ` from metric_part p where p.report_seq = $1 and p.first_id + p.metrics > $2
	order by p.first_id limit $3`

// partsPerLook bounds the parts that are in memory at once; a report of many iterations has small ones.
const partsPerLook = 64

// eachPart calls f with the parts of a report whose last id is from or later, in order, cut to what is from there on, until f returns
// false.
func eachPart(ctx context.Context, tx *store.Tx, reportSeq, from int64, f func(part) (more bool, err error)) error {
	for {
		rows, err := tx.Query(ctx, reportPartsQuery, reportSeq, from, partsPerLook)
		parts, err := store.Collect(rows, err, scanPart)
		if err != nil {
			return fmt.Errorf("read parts of report %d: %w", reportSeq, err)
		}
		for _, p := range parts {
			if skip := from - p.first; skip > 0 {
				p.first, p.series = from, p.series[skip:]
			}
			from = p.first + int64(len(p.series))
			if more, err := f(p); err != nil || !more {
				return err
			}
		}
		if len(parts) < partsPerLook {
			return nil
		}
	}
}

// metrics reads the metrics of a part, in its order.
func (p part) metrics(ctx context.Context, tx *store.Tx) ([]Metric, error) {
	out := make([]Metric, 0, len(p.series))
	for chunk := range slices.Chunk(p.series, store.IDsPerQuery) {
		rows, err := tx.Query(ctx, partMetricsQuery+store.Integers(chunk), p.reportSeq, p.iteration)
		found, err := store.Collect(rows, err, ScanMetric)
		if err != nil {
			return nil, fmt.Errorf("read metrics of report %d: %w", p.reportSeq, err)
		}
		out = append(out, found...)
	}
	slices.SortFunc(out, func(a, b Metric) int { return cmp.Compare(a.ID, b.ID) })
	return out, nil
}

const partMetricsQuery = `select ` + MetricColumns + ` from metric m where m.report_seq = $1 and m.iteration = $2 and m.series_id in `

// delete removes the metrics of a part, with their samples and alerts. The part itself is the caller's.
func (p part) delete(ctx context.Context, tx *store.Tx) error {
	for _, table := range []string{"metric_sample", "alert"} {
		if _, err := tx.Exec(ctx, `delete from `+table+` where metric_id >= $1 and metric_id < $2`, p.first, p.first+
			int64(len(p.series))); err != nil {
			return fmt.Errorf("delete what names metrics of report %d: %w", p.reportSeq, err)
		}
	}
	for chunk := range slices.Chunk(p.series, store.IDsPerQuery) {
		if _, err := tx.Exec(ctx, `delete from metric where report_seq = $1 and iteration = $2 and series_id in `+store.Integers(chunk),
			p.reportSeq, p.iteration); err != nil {
			return fmt.Errorf("delete metrics of report %d: %w", p.reportSeq, err)
		}
	}
	return nil
}

// partAt is the part that has a metric id, with a single series; found is false for an id that no metric has.
func partAt(ctx context.Context, tx *store.Tx, id int64) (p part, found bool, err error) {
	rows, err := tx.Query(ctx, `select `+partColumns+` from metric_part p where p.first_id <= $1 order by p.first_id desc limit 1`, id)
	parts, err := store.Collect(rows, err, scanPart)
	if err != nil || len(parts) == 0 || id >= parts[0].first+int64(len(parts[0].series)) {
		return part{}, false, err
	}
	return parts[0], true, nil
}

// linesOf is a report with the series that it has metrics of.
type linesOf struct {
	reportSeq int64
	series    []int64
}

// probesPerQuery bounds the pairs of a report and a series that one query looks for.
const probesPerQuery = 50_000

// together splits reports into groups that are read at once. Reports with the same series are next to each other, so that few pairs are
// looked for in vain.
func together(reports []linesOf) (groups []linesOfMany) {
	slices.SortFunc(reports, func(a, b linesOf) int {
		return cmp.Or(slices.Compare(a.series, b.series), cmp.Compare(a.reportSeq, b.reportSeq))
	})
	met := map[int64]bool{}
	for _, r := range reports {
		var fresh []int64
		for _, id := range r.series {
			if !met[id] {
				fresh = append(fresh, id)
			}
		}
		n := len(groups)
		if n == 0 || (len(groups[n-1].series)+len(fresh))*(len(groups[n-1].reportSeqs)+1) > probesPerQuery {
			clear(met)
			fresh = r.series
			groups = append(groups, linesOfMany{})
			n++
		}
		g := &groups[n-1]
		g.reportSeqs = append(g.reportSeqs, r.reportSeq)
		for _, id := range fresh {
			if !met[id] {
				met[id] = true
				g.series = append(g.series, id)
			}
		}
	}
	return groups
}

type linesOfMany struct{ reportSeqs, series []int64 }

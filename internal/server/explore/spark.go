package explore

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"

	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/stats"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// SparkQuery asks for the newest values of lines of one head on one testbed, each for a picture as small as a word.
type SparkQuery struct {
	Head, Testbed string  // UUIDs
	Spec          *string // UUID of the hardware spec, "" for none; nil: any
	UpTo          *int64  // version number, inclusive; nil: the newest
	Reports       int     // that are looked at, the newest: up to limits.SparkReports
	Lines         []SparkLine
}

// SparkLine names a line by UUIDs.
type SparkLine struct{ Benchmark, Measure string }

// Spark are the values of a line, one for each version (the median of what was measured), in the order of versions.
type Spark struct {
	Numbers []int64 // of the versions
	Values  []float64
}

// Sparks answers several queries at once: for each query the lines in its order. A line without values in these reports is empty. Reports
// that are marked as bad are left out. More lines than limits.SparkLines are an Invalid fault.
func (s *Service) Sparks(ctx context.Context, actor access.Actor, ref string, queries []SparkQuery) (out [][]Spark, err error) {
	err = s.door.View(ctx, actor, ref, func(tx *store.Tx, p project.Project) error {
		lines := 0
		for _, q := range queries {
			lines += len(q.Lines)
		}
		if lines > limits.SparkLines {
			return fault.Invalidf("%d small pictures, the limit is %d", lines, limits.SparkLines)
		}
		out = make([][]Spark, len(queries))
		stretches := map[string][]series.Stretch{} // of each head: most queries are of the same
		for i, q := range queries {
			of, known := stretches[q.Head]
			if !known {
				if of, err = series.Stretches(ctx, tx, q.Head); err != nil {
					return err
				}
				stretches[q.Head] = of
			}
			if out[i], err = q.read(ctx, tx, p.ID, of); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

var sparkReportsQuery = `select r.seq, hv.number from head_version hv
		join report r on r.version_id = hv.version_id and r.testbed_id = $1
		where hv.head_id = $2 and hv.number between $3 and $4 and r.project_id = $5 and r.status = 'processed'
		and ($6 = 1 or coalesce(r.spec_id, '') = $7)
		and not exists (select 1 from report_mark k where k.report_id = r.id)` + series.OfLineage(9) + `
		order by hv.number desc, r.seq desc limit $8`

const sparkValuesQuery = `select m.series_id, m.report_seq, m.value from metric m where m.series_id in `

func (q SparkQuery) read(ctx context.Context, tx *store.Tx, projectID string, stretches []series.Stretch) ([]Spark, error) {
	out := make([]Spark, len(q.Lines))
	numbers, err := q.reports(ctx, tx, projectID, stretches)
	if err != nil || len(numbers) == 0 {
		return out, err
	}
	byMeasure := map[string][]string{}
	for _, l := range q.Lines {
		byMeasure[l.Measure] = append(byMeasure[l.Measure], l.Benchmark)
	}
	places := map[int64][]int{} // of each series in out
	for measure, benchmarks := range byMeasure {
		found, err := series.Of(ctx, tx, q.Testbed, measure, benchmarks)
		if err != nil {
			return nil, err
		}
		for i, l := range q.Lines {
			if one, has := found[l.Benchmark]; has && l.Measure == measure {
				places[one.ID] = append(places[one.ID], i)
			}
		}
	}
	ids, seqs := make([]int64, 0, len(places)), make([]int64, 0, len(numbers))
	for id := range places {
		ids = append(ids, id)
	}
	for seq := range numbers {
		seqs = append(seqs, seq)
	}
	slices.Sort(ids)
	slices.Sort(seqs)
	values := map[int64][]sparkValue{}
	for chunk := range slices.Chunk(ids, store.IDsPerQuery) {
		rows, err := tx.Query(ctx, sparkValuesQuery+store.Integers(chunk)+` and m.report_seq in `+store.Integers(seqs))
		_, err = store.Collect(rows, err, func(rows *sql.Rows) (id int64, err error) {
			var seq int64
			var v sparkValue
			err = rows.Scan(&id, &seq, &v.value)
			v.number = numbers[seq]
			values[id] = append(values[id], v)
			return id, err
		})
		if err != nil {
			return nil, fmt.Errorf("read small pictures: %w", err)
		}
	}
	for id, list := range values {
		one := sparkOf(list)
		for _, i := range places[id] {
			out[i] = one
		}
	}
	return out, nil
}

// reports returns the version numbers of the newest reports, keyed by report.
func (q SparkQuery) reports(ctx context.Context, tx *store.Tx, projectID string, stretches []series.Stretch) (map[int64]int64, error) {
	upTo, spec, any := int64(math.MaxInt64), "", 1
	if q.UpTo != nil {
		upTo = *q.UpTo
	}
	if q.Spec != nil {
		spec, any = *q.Spec, 0
	}
	most := min(cmp.Or(q.Reports, limits.SparkReports), limits.SparkReports)
	out := map[int64]int64{}
	for _, s := range slices.Backward(stretches) { // the newest stretch is the last
		if len(out) >= most {
			break
		}
		rows, err := tx.Query(ctx, sparkReportsQuery, q.Testbed, s.HeadID, s.Low, min(s.High, upTo), projectID, any, spec, most-len(out), q.Head)
		if _, err := store.Collect(rows, err, func(rows *sql.Rows) (seq int64, err error) {
			var number int64
			err = rows.Scan(&seq, &number)
			out[seq] = number
			return seq, err
		}); err != nil {
			return nil, fmt.Errorf("find reports of small pictures: %w", err)
		}
	}
	return out, nil
}

type sparkValue struct {
	number int64
	value  float64
}

// sparkOf puts values in order and folds those of one version.
func sparkOf(list []sparkValue) (out Spark) {
	slices.SortStableFunc(list, func(a, b sparkValue) int { return cmp.Compare(a.number, b.number) })
	for i := 0; i < len(list); {
		j := i
		var of []float64
		for ; j < len(list) && list[j].number == list[i].number; j++ {
			of = append(of, list[j].value)
		}
		out.Numbers, out.Values = append(out.Numbers, list[i].number), append(out.Values, stats.Median(of))
		i = j
	}
	return out
}

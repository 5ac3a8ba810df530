package event

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"

	"github.com/tachograph/tacho/internal/core/change"
	"github.com/tachograph/tacho/internal/core/stats"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/report/history"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// measured is a report that counts: its results are there, and nobody has marked it as bad.
type measured struct {
	seq, number int64  // the report's, and that of its version
	spec        string // "": none
}

const countsQuery = ` and r.status = 'processed' and not exists (select 1 from report_mark k where k.report_id = r.id)`

var measuredQuery = `select r.seq, hv.number, coalesce(r.spec_id, '') from head_version hv
	join report r on r.version_id = hv.version_id and r.testbed_id = $1
	where hv.head_id = $2 and hv.number between $3 and $4` + countsQuery + series.OfLineage(5) + ` order by hv.number, r.seq`

// reportsAfter returns the reports of a head's history on a testbed at versions after number, the oldest version first.
func reportsAfter(ctx context.Context, tx *store.Tx, at report.Line, stretches []series.Stretch, number int64) ([]measured, error) {
	out := []measured{}
	for _, s := range stretches {
		if s.High <= number {
			continue
		}
		rows, err := tx.Query(ctx, measuredQuery, at.TestbedID, s.HeadID, max(s.Low, number+1), s.High, at.HeadID)
		found, err := store.Collect(rows, err, func(rows *sql.Rows) (m measured, err error) {
			return m, rows.Scan(&m.seq, &m.number, &m.spec)
		})
		if err != nil {
			return nil, fmt.Errorf("find reports of head %s: %w", at.HeadID, err)
		}
		out = append(out, found...)
	}
	return out, nil
}

// newestReports returns the newest reports of a stretch of a head's history on a testbed, the oldest version first, and the version from
// which on they are all. There are as many as a line has between two of its turns, if there are so many. tip is about the newest version.
func newestReports(ctx context.Context, tx *store.Tx, at report.Line, s series.Stretch, tip int64) (out []measured, from int64, err error) {
	for versions := int64(2 * examinedEvery); ; versions *= 4 {
		from = max(s.Low, tip-versions+1)
		out, err = reportsAfter(ctx, tx, at, []series.Stretch{{HeadID: s.HeadID, Low: from, High: s.High}}, from-1)
		if err != nil || from == s.Low || len(out) >= 2*examinedEvery {
			return out, from, err
		}
	}
}

// reportsNamed returns those of a head's reports with these numbers that count.
func reportsNamed(ctx context.Context, tx *store.Tx, seqs []int64) ([]measured, error) {
	these, args := store.Among("r.seq", seqs, 1)
	rows, err := tx.Query(ctx, `select r.seq, v.number, coalesce(r.spec_id, '') from report r join version v on v.id = r.version_id
		where `+these+countsQuery+` order by v.number, r.seq`, args...)
	out, err := store.Collect(rows, err, func(rows *sql.Rows) (m measured, err error) {
		return m, rows.Scan(&m.seq, &m.number, &m.spec)
	})
	if err != nil {
		return nil, fmt.Errorf("find new reports: %w", err)
	}
	return out, nil
}

// values are those of a line, one for each version that has one, in the order of versions. What is in them is not changed.
type values struct {
	numbers []int64
	values  []float64
}

// valueOf is one value of a report.
type valueOf struct {
	place     int // of the report
	iteration int
	value     float64
}

// readValues returns the values of lines in these reports, which are in the order of versions, keyed by series.
func readValues(ctx context.Context, tx *store.Tx, seriesIDs []int64, reports []measured) (map[int64]values, error) {
	places, seqs := make(map[int64]int, len(reports)), make([]int64, len(reports))
	for i, r := range reports {
		places[r.seq], seqs[i] = i, r.seq
	}
	lists := make(map[int64]*[]valueOf, len(seriesIDs))
	var current int64
	var list *[]valueOf
	if err := history.Each(ctx, tx, seriesIDs, seqs, func(id, seq int64, iteration int, value float64) {
		place, counts := places[seq]
		if !counts || math.IsNaN(value) || math.IsInf(value, 0) {
			return
		}
		if id != current || list == nil {
			if current, list = id, lists[id]; list == nil {
				made := make([]valueOf, 0, len(reports))
				list = &made
				lists[id] = list
			}
		}
		*list = append(*list, valueOf{place, iteration, value})
	}); err != nil {
		return nil, err
	}
	out := make(map[int64]values, len(lists))
	for id, list := range lists {
		out[id] = fold(*list, reports)
	}
	return out, nil
}

// fold makes one value for each version: of a report the median of its iterations, and of several reports change.Average.
func fold(list []valueOf, reports []measured) (out values) {
	order := func(a, b valueOf) int {
		return cmp.Or(cmp.Compare(a.place, b.place), cmp.Compare(a.iteration, b.iteration))
	}
	if !slices.IsSortedFunc(list, order) {
		slices.SortFunc(list, order)
	}
	out.numbers, out.values = make([]int64, 0, len(list)), make([]float64, 0, len(list))
	var iterations, means []float64
	for i, v := range list {
		iterations = append(iterations, v.value)
		if i+1 < len(list) && list[i+1].place == v.place {
			continue
		}
		if len(iterations) == 1 {
			means = append(means, iterations[0])
		} else {
			means = append(means, stats.Median(iterations))
		}
		iterations = iterations[:0]
		if i+1 < len(list) && reports[list[i+1].place].number == reports[v.place].number {
			continue
		}
		out.numbers, out.values = append(out.numbers, reports[v.place].number), append(out.values, change.Average(means))
		means = means[:0]
	}
	return out
}

// after are the values of versions after number.
func (v values) after(number int64) values {
	i, _ := slices.BinarySearch(v.numbers, number+1)
	return values{v.numbers[i:], v.values[i:]}
}

// at is the position of the first version from number on.
func (v values) at(number int64) int {
	i, _ := slices.BinarySearch(v.numbers, number)
	return i
}

// before are the values of versions before number.
func (v values) before(number int64) values {
	i := v.at(number)
	return values{v.numbers[:i:i], v.values[:i:i]}
}

// and are the values of v and then those of others, whose versions are later.
func (v values) and(others ...values) values {
	for _, o := range others {
		v.numbers, v.values = append(v.numbers, o.numbers...), append(v.values, o.values...)
	}
	return v
}

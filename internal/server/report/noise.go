package report

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/tachograph/tacho/internal/core/judge"
	coreseries "github.com/tachograph/tacho/internal/core/series"
	"github.com/tachograph/tacho/internal/core/unit"
	"github.com/tachograph/tacho/internal/server/report/results"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// Noise is what runs of identical code have shown of a series.
type Noise struct {
	judge.Noise
	SeriesID int64
	ReportID string // of the runs
	Usual    int    // units a side that the grade is for
}

// Grade is the grade for the usual number of units a side.
func (n Noise) Grade() judge.Grade { return n.Noise.Grade(n.Usual) }

// shown is what the runs of a report have shown of one of its series. It is computed before any transaction: with many samples that takes
// longer than a writer may be held up.
type shown struct {
	first   int // place of the series' first value, in the order of the tool
	measure unit.Measure
	runs    judge.Side
	noise   judge.Noise
}

// shownBy computes what the runs of a report have shown, if its sender says in the context that all of them are of identical code.
func shownBy(context map[string]string, parsed results.Parsed) (out []shown) {
	if _, identical := coreseries.Identical(context); !identical {
		return nil
	}
	type key struct{ benchmark, measure string }
	place, at := map[key]int{}, 0
	for i, iteration := range parsed.Iterations {
		for _, b := range iteration.Benchmarks {
			for _, m := range b.Metrics {
				k := key{b.Name, m.Measure.Name}
				n, met := place[k]
				if !met {
					n, place[k] = len(out), len(out)
					out = append(out, shown{first: at, measure: measureOf(measureRow(m.Measure))})
				}
				values := m.Samples
				if len(values) == 0 {
					values = []float64{m.Value}
				}
				out[n].runs = append(out[n].runs, judge.Process{Name: fmt.Sprint(i), Values: values})
				at++
			}
		}
	}
	for i := range out {
		out[i].noise = judge.NoiseOf(out[i].measure, out[i].runs)
	}
	return out
}

// measureOf is a row of a measure as judges see it.
func measureOf(m series.Measure) unit.Measure {
	return unit.Measure{Name: m.Name, Slug: m.Slug, Units: m.Units, Direction: unit.Direction(m.Direction), Exact: m.Exact}
}

// keepNoise writes what the runs of a report have shown of its series, in place of what an earlier reading of it had shown. seriesIDs are
// those of its values, in the order of the tool. A measure that the project has otherwise than the tool is looked at as the project has it.
func keepNoise(ctx context.Context, tx *store.Tx, r Report, all []shown, seriesIDs []int64) error {
	if len(all) == 0 {
		return nil
	}
	if err := forgetNoise(ctx, tx, r.ID); err != nil {
		return err
	}
	return addNoise(ctx, tx, r, all, seriesIDs)
}

func forgetNoise(ctx context.Context, tx *store.Tx, reportID string) error {
	if _, err := tx.Exec(ctx, `delete from noise where report_id = $1`, reportID); err != nil {
		return fmt.Errorf("forget the noise of report %s: %w", reportID, err)
	}
	return nil
}

func addNoise(ctx context.Context, tx *store.Tx, r Report, all []shown, seriesIDs []int64) error {
	usual, _ := coreseries.Identical(r.Context)
	var wanted []series.Measure
	for _, s := range all {
		if !slices.ContainsFunc(wanted, func(m series.Measure) bool { return m.Name == s.measure.Name }) {
			wanted = append(wanted, series.Measure{Name: s.measure.Name, Slug: s.measure.Slug})
		}
	}
	measures, err := series.FindMeasures(ctx, tx, r.ProjectID, wanted)
	if err != nil {
		return err
	}
	rows := make([]Noise, len(all))
	for i, s := range all {
		n := s.noise
		m := measureOf(measures[s.measure.Name])
		if m.Slug = s.measure.Slug; m != s.measure { // the tool gives none
			n = judge.NoiseOf(m, s.runs)
		}
		rows[i] = Noise{Noise: n, SeriesID: seriesIDs[s.first], ReportID: r.ID, Usual: usual}
	}
	return AddNoise(ctx, tx, rows)
}

// AddNoise writes what runs of identical code have shown of series, each for the first time of its report. Those of no units are left out,
// and grades are for judge.UsualUnits where Usual is 0.
func AddNoise(ctx context.Context, tx *store.Tx, rows []Noise) error {
	save, err := tx.Prepare(ctx, `insert into noise (series_id, report_id, units, samples, usual, typical, sd, exact, drifts, modes_cut,
		modes_share, modes_units, outliers) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`)
	if err != nil {
		return fmt.Errorf("prepare noise: %w", err)
	}
	defer save.Close()
	for _, n := range rows {
		if n.Units == 0 {
			continue
		}
		var cut, share *float64
		var slow *int
		if m := n.Modes; m != nil {
			cut, share, slow = finite(m.Cut), finite(m.Share), &m.Units
		}
		if _, err := save.ExecContext(ctx, n.SeriesID, n.ReportID, n.Units, n.Values, cmp.Or(n.Usual, judge.UsualUnits), finite(n.Typical),
			finite(n.SD), n.Exact, n.Drifts, cut, share, slow, n.Modes != nil && n.Modes.Outliers); err != nil {
			return fmt.Errorf("write noise of series %d: %w", n.SeriesID, err)
		}
	}
	return nil
}

// finite is a number that a database can hold, or nil.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

const noiseColumns = `n.series_id, n.report_id, n.units, n.samples, n.usual, n.typical, n.sd, n.exact, n.drifts, n.modes_cut, n.modes_share,
	n.modes_units, n.outliers`

func scanNoise(rows *sql.Rows) (n Noise, err error) {
	var typical, sd, cut, share *float64
	var slow *int
	outliers := false
	err = rows.Scan(&n.SeriesID, &n.ReportID, &n.Units, &n.Values, &n.Usual, &typical, &sd, &n.Exact, &n.Drifts, &cut, &share, &slow,
		&outliers)
	number := func(v *float64) float64 {
		if v == nil {
			return math.NaN()
		}
		return *v
	}
	n.Typical, n.SD = number(typical), number(sd)
	if slow != nil {
		n.Modes = &judge.NoiseModes{Cut: number(cut), Share: number(share), Units: *slow, Outliers: outliers}
	}
	return n, err
}

// newestNoise keeps of a series the newest runs that count: those that nobody has marked as bad.
const newestNoise = ` from noise n join report r on r.id = n.report_id where r.status = 'processed'
	and not exists (select 1 from report_mark k where k.report_id = r.id) and not exists (select 1 from noise o
		join report p on p.id = o.report_id where o.series_id = n.series_id and p.seq > r.seq and p.status = 'processed'
		and not exists (select 1 from report_mark k where k.report_id = p.id))`

// NoiseOf returns what the newest runs of identical code have shown of series, by series.
func NoiseOf(ctx context.Context, tx *store.Tx, seriesIDs []int64) (map[int64]Noise, error) {
	out := map[int64]Noise{}
	for chunk := range slices.Chunk(seriesIDs, store.IDsPerQuery) {
		rows, err := tx.Query(ctx, `select `+noiseColumns+newestNoise+` and n.series_id in `+store.Integers(chunk))
		found, err := store.Collect(rows, err, scanNoise)
		if err != nil {
			return nil, fmt.Errorf("find noise of series: %w", err)
		}
		for _, n := range found {
			out[n.SeriesID] = n
		}
	}
	return out, nil
}

// StartTimes says when reports began.
func StartTimes(ctx context.Context, tx *store.Tx, ids []string) (map[string]time.Time, error) {
	out := map[string]time.Time{}
	err := store.InChunks(ids, func(in string, args []any) error {
		rows, err := tx.Query(ctx, `select r.id, r.start_time from report r where r.id in `+in, args...)
		_, err = store.Collect(rows, err, func(rows *sql.Rows) (id string, err error) {
			var start int64
			err = rows.Scan(&id, &start)
			out[id] = store.TimeOf(start)
			return id, err
		})
		return err
	})
	return out, err
}

// ListNoise returns a page of what is known of the noise of a project's series, by testbed and series, and how many there are
// in all. An empty testbed is any.
func ListNoise(ctx context.Context, tx *store.Tx, projectID, testbedID string, page store.Page) ([]Noise, int, error) {
	return store.PageOf(ctx, tx, "noise", noiseColumns, newestNoise+` and r.project_id = $1 and ($2 = '' or r.testbed_id = $2)`,
		[]any{projectID, testbedID}, "r.testbed_id%s, n.series_id%s", page, scanNoise)
}

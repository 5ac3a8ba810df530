package store

import (
	"database/sql"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tachograph/tacho/internal/core/series"
	"github.com/tachograph/tacho/internal/property"
)

// naiveHistory is History as one would write it on paper: every metric of the project, the pure rules, a sort.
func naiveHistory(t *rapid.T, tx *Tx, p HistoryParams) map[int64][]float64 {
	rows, err := tx.q.QueryContext(t.Context(), `select m.series_id, hv.number, r.start_time, r.seq, m.iteration, m.value from metric m
		join report r on r.seq = m.report_seq join head_version hv on hv.version_id = r.version_id
		where hv.head_id = $1 and r.testbed_id = $2 and r.head_id in (
			with recursive up (id) as (select $1 union select h.start_head_id from up join head h on h.id = up.id)
			select id from up where id is not null)`, p.HeadID, p.TestbedID)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	points := map[int64][]valuePoint{}
	for rows.Next() {
		var id int64
		var v valuePoint
		if err := rows.Scan(&id, &v.Version, &v.Start, &v.Report, &v.Iteration, &v.value); err != nil {
			t.Fatal(err)
		}
		if p.Horizon.Sees(v.Point) && slices.Contains(p.SeriesIDs, id) {
			points[id] = append(points[id], v)
		}
	}
	out := map[int64][]float64{}
	for id, list := range points {
		slices.SortFunc(list, func(a, b valuePoint) int { return series.Compare(b.Point, a.Point) })
		for i := range min(p.Limit, len(list)) {
			out[id] = append(out[id], list[i].value)
		}
	}
	return out
}

func TestHistoryIsWhatTheRulesSay(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	n := 0
	property.Check(t, func(rt *rapid.T) {
		n++
		s, err := Open(t.Context(), Config{Path: filepath.Join(folder, fmt.Sprintf("%d.db", n))})
		if err != nil {
			rt.Fatal(err)
		}
		defer s.Close()
		g := newGround(t, s, 3, 1)
		heads := make([]Head, 4)
		for i, name := range []string{"main", "pr", "sibling", "nested"} {
			_, heads[i] = g.branch(name)
		}
		begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		g.tx(func(tx *Tx) error {
			ids := g.seriesIDs(tx)
			type made struct {
				Report
				Version
				head Head
			}
			var reports []made
			value := 0.0
			add := func(head Head, steps int) {
				for range steps {
					hash := rapid.SampledFrom([]string{"", "a", "b", "c", "d"}).Draw(rt, "hash")
					start := begin.Add(time.Duration(rapid.IntRange(0, 30).Draw(rt, "start")) * time.Second)
					values := make([][]float64, rapid.IntRange(1, 3).Draw(rt, "iterations"))
					for i := range values {
						for range ids {
							value++
							if x := value; rapid.IntRange(0, 3).Draw(rt, "measured") > 0 {
								values[i] = append(values[i], x)
							} else {
								values[i] = append(values[i], math.NaN())
							}
						}
					}
					r, v := g.report(tx, head, hash, start, ids, values)
					reports = append(reports, made{r, v, head})
				}
			}
			add(heads[0], rapid.IntRange(1, 12).Draw(rt, "reports on main"))
			for i, from := range []int{0, 0, 1} {
				var starts []made
				for _, r := range reports {
					if r.head.ID == heads[from].ID {
						starts = append(starts, r)
					}
				}
				start := starts[rapid.IntRange(0, len(starts)-1).Draw(rt, "start point")].Version
				if heads[i+1], err = tx.CopyStart(t.Context(), heads[i+1], heads[from], start, rapid.IntRange(1, 5).Draw(rt, "max versions")); err != nil {
					return err
				}
				add(heads[i+1], rapid.IntRange(1, 6).Draw(rt, "reports on a branch"))
				add(heads[from], rapid.IntRange(0, 2).Draw(rt, "later reports on its start point"))
			}
			judged := reports[rapid.IntRange(0, len(reports)-1).Draw(rt, "judged")]
			p := HistoryParams{HeadID: judged.head.ID, TestbedID: g.testbeds[0], SeriesIDs: ids, Limit: rapid.IntRange(1, 8).Draw(rt, "limit"),
				Horizon: series.NewHorizon(series.Point{Version: judged.Number, Start: judged.StartTime.UnixMicro(), Report: judged.Seq},
					int64(rapid.SampledFrom([]int{0, 0, 5, 20}).Draw(rt, "window")))}
			got, err := tx.History(t.Context(), p)
			if err != nil {
				return err
			}
			if diff := cmp.Diff(naiveHistory(rt, tx, p), got); diff != "" {
				rt.Errorf("(-want +got):\n%s", diff)
			}
			return nil
		})
	})
}

func TestSeriesAreFoundByBenchmarkHoweverManyTheTestbedHas(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	query := findSeriesQuery(places(1, 500), 501)
	if err := s.View(t.Context(), func(tx *Tx) error {
		rows, err := tx.q.QueryContext(t.Context(), "explain query plan "+query, make([]any, 501)...)
		steps, err := collect(rows, err, func(rows *sql.Rows) (step string, err error) {
			var a, b, c int
			err = rows.Scan(&a, &b, &c, &step)
			return step, err
		})
		if len(steps) == 0 || !strings.Contains(steps[0], "(benchmark_id=?)") {
			t.Errorf("the plan is %q, want a search by benchmark", steps)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
}

func TestHotQueriesReadByIndex(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	for name, query := range map[string]string{
		"reports before": historyReportsQuery,
		"values before":  historyValuesQuery + ` where m.series_id in (1, 2) and m.report_seq in (3, 4)`,
		"line":           lineReportsQuery,
		"series":         seriesMetricsQuery,
		"report":         reportMetricsQuery,
		"next job":       nextJobQuery + nextJobOrder,
		"queue position": queuePositionQuery,
	} {
		args := make([]any, strings.Count(query, "$"))
		if err := s.View(t.Context(), func(tx *Tx) error {
			rows, err := tx.q.QueryContext(t.Context(), "explain query plan "+query, args...)
			steps, err := collect(rows, err, func(rows *sql.Rows) (step string, err error) {
				var a, b, c int
				err = rows.Scan(&a, &b, &c, &step)
				return step, err
			})
			for _, step := range steps {
				if strings.HasPrefix(step, "SCAN") {
					t.Errorf("%s: a whole table is read: %s", name, step)
				}
			}
			if len(steps) == 0 {
				t.Errorf("%s: no plan", name)
			}
			return err
		}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

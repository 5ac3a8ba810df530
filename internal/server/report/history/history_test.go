package history_test

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	coreseries "github.com/tachograph/tacho/internal/core/series"
	"github.com/tachograph/tacho/internal/property"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/report/history"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
	"github.com/tachograph/tacho/internal/server/store/testdb"
)

// books are the versions of each head, by head, as if a start point were copied.
type books map[string][]series.Version

// add enters a version of a head.
func (b books) add(head string, v series.Version) {
	if !slices.ContainsFunc(b[head], func(w series.Version) bool { return w.ID == v.ID }) {
		b[head] = append(b[head], v)
	}
}

// start enters the newest versions of a head that are not newer than at as those of another one.
func (b books) start(head, from string, at series.Version, most int) {
	var shared []series.Version
	for _, v := range b[from] {
		if v.Number <= at.Number {
			shared = append(shared, v)
		}
	}
	slices.SortFunc(shared, func(x, y series.Version) int { return int(y.Number - x.Number) })
	b[head] = slices.Clone(shared[:min(most, len(shared))])
}

// naive is Values as one would write it on paper: every metric of the project, the pure rules, a sort.
func naive(t *rapid.T, tx *store.Tx, p history.Params, kept books) map[int64][]float64 {
	rows, err := tx.Query(t.Context(), `select m.series_id, r.version_id, v.number, r.start_time, r.seq, m.iteration, m.value from metric m
		join report r on r.seq = m.report_seq join version v on v.id = r.version_id
		where r.testbed_id = $2 and r.head_id in (
			with recursive up (id) as (select id from head where id = $1 union select h.start_head_id from up join head h on h.id = up.id)
			select id from up where id is not null)`, p.HeadID, p.TestbedID)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	points := map[int64][]valuePoint{}
	for rows.Next() {
		var id int64
		var version string
		var v valuePoint
		if err := rows.Scan(&id, &version, &v.Version, &v.Start, &v.Report, &v.Iteration, &v.value); err != nil {
			t.Fatal(err)
		}
		known := slices.ContainsFunc(kept[p.HeadID], func(w series.Version) bool { return w.ID == version })
		if known && p.Horizon.Sees(v.Point) && slices.Contains(p.SeriesIDs, id) {
			points[id] = append(points[id], v)
		}
	}
	out := map[int64][]float64{}
	for id, list := range points {
		slices.SortFunc(list, func(a, b valuePoint) int { return coreseries.Compare(b.Point, a.Point) })
		for i := range min(p.Limit, len(list)) {
			out[id] = append(out[id], list[i].value)
		}
	}
	return out
}

func TestValuesAreWhatTheRulesSay(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	n := 0
	property.Check(t, func(rt *rapid.T) {
		n++
		s, err := testdb.Open(t, store.Config{Path: filepath.Join(folder, fmt.Sprintf("%d.db", n))})
		if err != nil {
			rt.Fatal(err)
		}
		defer s.Close()
		g := storetest.NewGround(t, s, 3, 1)
		heads := make([]series.Head, 4)
		for i, name := range []string{"main", "pr", "sibling", "nested"} {
			_, heads[i] = g.Branch(name)
		}
		begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		g.Tx(func(tx *store.Tx) error {
			ids := g.SeriesIDs(tx)
			type made struct {
				report.Report
				series.Version
				head series.Head
			}
			var reports []made
			value := 0.0
			kept := books{}
			add := func(head series.Head, steps int) {
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
					r, v := g.Report(tx, head, hash, start, ids, values)
					reports = append(reports, made{r, v, head})
					kept.add(head.ID, v)
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
				most := rapid.IntRange(1, 5).Draw(rt, "max versions")
				if heads[i+1], err = series.StartAt(t.Context(), tx, heads[i+1], heads[from], start, most); err != nil {
					return err
				}
				kept.start(heads[i+1].ID, heads[from].ID, start, most)
				add(heads[i+1], rapid.IntRange(1, 6).Draw(rt, "reports on a branch"))
				add(heads[from], rapid.IntRange(0, 2).Draw(rt, "later reports on its start point"))
			}
			judged := reports[rapid.IntRange(0, len(reports)-1).Draw(rt, "judged")]
			p := history.Params{HeadID: judged.head.ID, TestbedID: g.Testbeds[0], SeriesIDs: ids,
				Limit: rapid.SampledFrom([]int{1, 1, 2, 3, 4, 8}).Draw(rt, "limit"),
				Horizon: coreseries.NewHorizon(coreseries.Point{Version: judged.Number, Start: judged.StartTime.UnixMicro(), Report: judged.Seq},
					int64(rapid.SampledFrom([]int{0, 0, 5, 20}).Draw(rt, "window")))}
			got, err := history.Values(t.Context(), tx, p)
			if err != nil {
				return err
			}
			if diff := cmp.Diff(naive(rt, tx, p, kept), got); diff != "" {
				rt.Errorf("(-want +got):\n%s", diff)
			}
			return nil
		})
	})
}

// valuePoint is a value and where it lies in the history.
type valuePoint struct {
	coreseries.Point
	value float64
}

func TestHotQueriesReadByIndex(t *testing.T) {
	t.Parallel()
	storetest.ReadsByIndex(t, map[string]string{
		"reports before": history.ReportsQuery,
		"values before":  history.ValuesQuery + ` where m.series_id in (1, 2) and m.report_seq between 3 and 4`,
		"a few of them":  history.ValuesQuery + ` where m.series_id in (1, 2) and m.report_seq in (3, 4)`,
		"how many":       history.CountsQuery + `(1, 2) group by m.series_id`,
	})
}

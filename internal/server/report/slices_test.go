package report_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/explore"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/threshold"
)

// many are n benchmarks with two measures each; those whose number is odd are twice as slow when slow is set.
func many(n int, slow bool) string {
	var b strings.Builder
	b.WriteByte('{')
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		v := 10
		if slow && i%2 == 1 {
			v = 20
		}
		fmt.Fprintf(&b, `"b%d":{"latency":{"value":%d},"loops":{"value":%d}}`, i, v, i)
	}
	b.WriteByte('}')
	return b.String()
}

// written is what a report left, without what differs between two reports.
type written struct {
	Report  report.Report
	Metrics []report.Metric
	Alerts  []threshold.Alert
}

func (b *judged) written(r report.Report) written {
	b.t.Helper()
	report, metrics := b.stored(r)
	first := int64(0)
	for i := range metrics {
		if i == 0 {
			first = metrics[0].ID
		}
		metrics[i].ID -= first
		metrics[i].ReportSeq = 0
	}
	alerts := b.alerts(r)
	for i := range alerts {
		alerts[i].MetricID -= first
	}
	return written{report, metrics, alerts}
}

// counted has the place of each metric for its id: how many ids are left out between two slices is the database's affair.
func (w written) counted() written {
	place := map[int64]int64{}
	for i := range w.Metrics {
		place[w.Metrics[i].ID] = int64(i)
		w.Metrics[i].ID = int64(i)
	}
	for i := range w.Alerts {
		w.Alerts[i].MetricID = place[w.Alerts[i].MetricID]
	}
	return w
}

var others = cmp.Options{
	cmpopts.IgnoreFields(report.Report{}, "Seq", "ID", "VersionID", "StartTime", "EndTime", "Created"),
	cmpopts.IgnoreFields(threshold.Alert{}, "ID", "ReportID", "Created", "Modified"),
}

func TestAReportInSlicesIsTheReportInOnePiece(t *testing.T) {
	t.Parallel()
	for _, slice := range []int{1, 2, 3, 7, 19} {
		t.Run(fmt.Sprint(slice), func(t *testing.T) {
			t.Parallel()
			one, sliced := newJudged(t), newJudged(t)
			sliced.judge.Slices(slice, nil)
			var got, want written
			for _, b := range []*judged{one, sliced} {
				b.guard(0.1)
				for range 3 {
					if err := b.finish(b.pending(jsonSettings), many(5, false), many(5, false)); err != nil {
						t.Fatal(err)
					}
				}
				r := b.pending(jsonSettings)
				if err := b.finish(r, many(5, true), many(6, true)); err != nil {
					t.Fatal(err)
				}
				got, want = want, got
				got = b.written(r).counted()
			}
			// The two databases have other ids for the same things.
			ids := cmp.Options{others, cmpopts.IgnoreFields(report.Report{}, "ProjectID", "HeadID", "TestbedID"),
				cmpopts.IgnoreFields(threshold.Alert{}, "ProjectID", "ThresholdID", "ModelID", "HeadID"),
				cmpopts.IgnoreFields(report.Metric{}, "SeriesID", "ModelSeq")}
			if diff := cmp.Diff(want, got, ids); diff != "" {
				t.Errorf("(-one piece +slices):\n%s", diff)
			}
			if len(got.Metrics) != 22 || len(got.Alerts) != 4 {
				t.Errorf("%d metrics and %d alerts, want 22 and 4", len(got.Metrics), len(got.Alerts))
			}
		})
	}
}

// TestOthersWriteBetweenSlices would not end if the writer were held: after each slice somebody else writes, and is waited for.
func TestOthersWriteBetweenSlices(t *testing.T) {
	t.Parallel()
	b := newJudged(t)
	turns := 0
	b.judge.Slices(4, func() error {
		turns++
		return b.store.Tx(t.Context(), func(tx *store.Tx) error {
			_, err := series.EnsureTestbed(t.Context(), tx, b.project.ID, fmt.Sprintf("neighbour-%d", turns))
			return err
		})
	})
	r := b.pending(jsonSettings)
	if err := b.finish(r, many(20, false)); err != nil {
		t.Fatal(err)
	}
	if got, metrics := b.stored(r); got.Status != api.ReportProcessed || len(metrics) != 40 {
		t.Errorf("%s with %d metrics, want it processed with 40", got.Status, len(metrics))
	}
	if turns < 20/4+40/4+40/4 { // benchmarks, series and metrics, 4 at a time
		t.Errorf("others had %d turns", turns)
	}
}

// TestWhatIdenticalCodeShowsIsWrittenInSlices: the transaction that closes a large report has none of it to write.
func TestWhatIdenticalCodeShowsIsWrittenInSlices(t *testing.T) {
	t.Parallel()
	b := newJudged(t)
	rows := func() (n int) {
		if err := b.store.View(t.Context(), func(tx *store.Tx) error {
			return tx.QueryRow(t.Context(), `select count(*) from noise`).Scan(&n)
		}); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, try := range []string{"first", "read again"} {
		r := b.pending(jsonSettings)
		if err := b.store.Tx(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(t.Context(), `update report set context = '{"tachograph.dev/v0/run/identical":"true"}' where id = $1`, r.ID)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if try == "read again" { // what a try left that was interrupted
			if err := b.store.Tx(t.Context(), func(tx *store.Tx) error {
				_, err := tx.Exec(t.Context(), `insert into noise (series_id, report_id, units, samples, usual, exact, drifts, outliers)
					select n.series_id, $1, 1, 1, 5, n.exact, n.drifts, n.outliers from noise n`, r.ID)
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		begun, written, before := rows(), []int{}, rows()
		b.judge.Slices(4, func() error {
			if n := rows(); n != before {
				written, before = append(written, n-before), n
			}
			return nil
		})
		if err := b.finish(r, many(5, false), many(5, true)); err != nil {
			t.Fatal(err)
		}
		want := []int{4, 4, 2}
		if try == "read again" { // the first slice takes 10 rows away
			want = []int{-6, 4, 2}
		}
		if !slices.Equal(written, want) || try == "first" && rows() != begun+10 {
			t.Errorf("%s: slices of %v rows, want %v", try, written, want)
		}
	}
}

func TestHalfAReportIsSeenByNobody(t *testing.T) {
	t.Parallel()
	b := newJudged(t)
	b.guard(0.1)
	if err := b.finish(b.pending(jsonSettings), many(5, false)); err != nil {
		t.Fatal(err)
	}
	var r report.Report
	half := 0
	b.judge.Slices(4, func() error {
		return b.store.View(t.Context(), func(tx *store.Tx) error {
			now, err := report.ByID(t.Context(), tx, r.ID)
			if err != nil || now.Status != api.ReportPending {
				return err
			}
			metrics, err := report.Metrics(t.Context(), tx, r.Seq, 0, limits.MetricsPerReport) // the rows themselves
			if err != nil {
				return err
			}
			if len(metrics) > 0 {
				half++
			}
			for _, m := range metrics {
				if _, _, err := report.MetricByID(t.Context(), tx, b.project.ID, m.ID); !fault.Is(err, fault.Missing) {
					t.Errorf("metric %d is shown: %v", m.ID, err)
				}
			}
			list, total, err := threshold.ListAlerts(t.Context(), tx, b.project.ID, threshold.AlertFilter{}, store.Page{Limit: 10})
			if err != nil || len(list) != 0 || total != 0 {
				t.Errorf("%d alerts are listed (%v)", total, err)
			}
			counts, err := threshold.CountAlerts(t.Context(), tx, []string{r.ID})
			if err != nil || len(counts) != 0 {
				t.Errorf("alerts are counted: %v (%v)", counts, err)
			}
			line, err := explore.LineReports(t.Context(), tx, explore.LineParams{HeadID: b.head.ID, TestbedID: b.testbed.ID, Limit: 10})
			if err != nil || len(line) != 1 {
				t.Errorf("the line has %d reports, want the first one only (%v)", len(line), err)
			}
			return nil
		})
	})
	r = b.pending(jsonSettings)
	if err := b.finish(r, many(8, true)); err != nil {
		t.Fatal(err)
	}
	if half < 2 {
		t.Errorf("half of the report was looked at %d times", half)
	}
	if len(b.alerts(r)) != 2 { // b1 and b3; the others have no history
		t.Errorf("%d alerts when it is whole, want 2", len(b.alerts(r)))
	}
}

// TestAKillBetweenSlicesLosesAndDoublesNothing kills after the first, the second, … slice until none is left, and finishes anew each time.
func TestAKillBetweenSlicesLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	b := newJudged(t)
	b.guard(0.1)
	if err := b.finish(b.pending(jsonSettings), many(5, false)); err != nil {
		t.Fatal(err)
	}
	whole := b.pending(jsonSettings)
	if err := b.finish(whole, many(6, true)); err != nil {
		t.Fatal(err)
	}
	want := b.written(whole).counted()
	b.tx(func(tx *store.Tx) error { return report.Delete(t.Context(), tx, whole.ID) }) // so that it is nobody's history
	killed := 0
	for at := 1; ; at++ {
		b.judge = report.NewJudge(b.store, nil)
		slices := 0
		b.judge.Slices(3, func() error {
			if slices++; slices == at {
				panic("killed")
			}
			return nil
		})
		r := b.pending(jsonSettings)
		alive := func() (alive bool) {
			defer func() {
				if v := recover(); v != nil && v != "killed" {
					panic(v)
				}
			}()
			if err := b.finish(r, many(6, true)); err != nil {
				t.Fatal(err)
			}
			return true
		}()
		if !alive {
			killed++
			b.judge = report.NewJudge(b.store, nil)
			b.judge.Slices(3, nil)
			now, _ := b.stored(r)
			err := b.finish(r, many(6, true))
			if over := now.Status == api.ReportProcessed; over != fault.Is(err, fault.Conflict) || !over && err != nil {
				t.Errorf("killed after slice %d, when it was %s: %v", at, now.Status, err)
			}
		}
		if diff := cmp.Diff(want, b.written(r).counted(), others); diff != "" {
			t.Errorf("killed after slice %d (-want +got):\n%s", at, diff)
		}
		b.tx(func(tx *store.Tx) error { return report.Delete(t.Context(), tx, r.ID) })
		if alive {
			break
		}
	}
	if killed < 5 {
		t.Errorf("it was killed %d times only", killed)
	}
}

func TestRefusedNamesWriteNothingInSlices(t *testing.T) {
	t.Parallel()
	b := newJudged(t)
	b.judge.Slices(1, nil)
	b.tx(func(tx *store.Tx) error {
		_, err := series.EnsureMeasures(t.Context(), tx, b.project.ID,
			[]series.Measure{{Name: "Page faults", Slug: "page-faults", Units: "faults"}})
		return err
	})
	r := b.pending(jsonSettings)
	if err := b.finish(r, `{"a":{"new":{"value":1}},"b":{"Page faults":{"value":1},"page-faults":{"value":2}}}`); !fault.Is(err,
		fault.Invalid) {
		t.Errorf("one measure twice: %v", err)
	}
	var known series.Benchmark
	b.tx(func(tx *store.Tx) (err error) {
		known, err = series.InsertBenchmark(t.Context(), tx, series.Benchmark{ProjectID: b.project.ID, Name: "known"})
		return err
	})
	if err := b.finish(r, `{"known":{"new":{"value":1}},"`+known.ID+`":{"new":{"value":1}}}`); !fault.Is(err, fault.Invalid) {
		t.Errorf("one benchmark twice: %v", err)
	}
	b.tx(func(tx *store.Tx) error {
		if _, n, err := series.ListBenchmarks(t.Context(), tx, b.project.ID, store.ListFilter{}); err != nil || n != 1 {
			t.Errorf("%d benchmarks, want the known one (%v)", n, err)
		}
		if _, n, err := series.ListMeasures(t.Context(), tx, b.project.ID, store.ListFilter{}); err != nil || n != 1 {
			t.Errorf("%d measures, want the known one (%v)", n, err)
		}
		return nil
	})
}

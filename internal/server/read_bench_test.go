package server

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// shelf is a server over a project "shop" with lines of judged points, asked without a socket by the person at the keyboard.
type shelf struct {
	b          testing.TB
	server     *Server
	benchmarks []string
	report     string // the first one
}

// newShelf makes so many lines of so many points: one report by the front door, the others as copies of its rows.
func newShelf(b testing.TB, lines, points int) *shelf {
	b.Helper()
	cfg := settings(b, b.TempDir())
	cfg.Version, cfg.Local = "test", true
	s, err := New(b.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	h := &shelf{b: b, server: s}
	var results strings.Builder
	for i := range lines {
		h.benchmarks = append(h.benchmarks, fmt.Sprintf("bench/%d", i))
		fmt.Fprintf(&results, `,"bench/%d":{"latency":{"value":8}}`, i)
	}
	upper := 0.5
	c := client.New(client.Config{Base: "http://local", Transport: client.InProcess(s.Handler(), Local)})
	first, err := c.Run(b.Context(), api.NewRun{Project: "shop", Branch: "main", Testbed: "lab",
		Results:    []string{"{" + results.String()[1:] + "}"},
		Settings:   &api.ReportSettings{Adapter: "json"},
		Thresholds: &api.ReportThresholds{Models: map[string]api.Model{"latency": {Test: "percentage", UpperBoundary: &upper}}}})
	if err != nil {
		b.Fatal(err)
	}
	h.report = first.UUID
	if err := s.store.Tx(b.Context(), func(tx *store.Tx) error { return copied(b.Context(), tx, first.UUID, points-1) }); err != nil {
		b.Fatal(err)
	}
	return h
}

// copied writes n reports like the given one, each at a version of its own. Every 500th point of a line is outside of its boundary.
func copied(ctx context.Context, tx *store.Tx, id string, n int) error {
	row, err := report.ByID(ctx, tx, id)
	if err != nil {
		return err
	}
	metrics, err := report.Metrics(ctx, tx, row.Seq, 0, limits.MetricsPerReport)
	if err != nil {
		return err
	}
	baseline, upper := 8.0, 15.5
	for i := range n {
		v, err := series.EnsureVersion(ctx, tx, row.ProjectID, row.HeadID, fmt.Sprintf("%040x", i))
		if err != nil {
			return err
		}
		next := row
		next.ID, next.VersionID, next.Status = ident.NewUUID(), v.ID, api.ReportProcessed
		next.StartTime, next.EndTime = row.StartTime.Add(time.Duration(i)*time.Minute), row.EndTime.Add(time.Duration(i)*time.Minute)
		if next, err = report.Insert(ctx, tx, next); err != nil {
			return err
		}
		for j := range metrics {
			m := &metrics[j]
			m.ReportSeq, m.Value, m.Baseline, m.UpperLimit = next.Seq, 8+float64((i*7919+j*31)%997)/200, &baseline, &upper
			if i%500 == 499 {
				m.Value = 16
			}
		}
		if err := report.InsertMetrics(ctx, tx, metrics); err != nil {
			return err
		}
	}
	return nil
}

// get answers a path and returns how many bytes the answer has.
func (h *shelf) get(path string) int {
	h.b.Helper()
	w := &counted{header: http.Header{}}
	h.server.Handler().ServeHTTP(w, Local(httptest.NewRequestWithContext(h.b.Context(), http.MethodGet, path, nil)))
	if w.status != http.StatusOK {
		h.b.Fatalf("%s: %d", path, w.status)
	}
	return w.bytes
}

// counted counts an answer and forgets it.
type counted struct {
	header        http.Header
	status, bytes int
}

func (c *counted) Header() http.Header    { return c.header }
func (c *counted) WriteHeader(status int) { c.status = status }

func (c *counted) Write(p []byte) (int, error) {
	if c.status == 0 {
		c.status = http.StatusOK
	}
	c.bytes += len(p)
	return len(p), nil
}

func (h *shelf) perf(shape string) string {
	q := url.Values{"branches": {"main"}, "testbeds": {"lab"}, "measures": {"latency"}, "benchmarks": {strings.Join(h.benchmarks, ",")}}
	if shape != "" {
		q.Set("shape", shape)
	}
	return "/v0/projects/shop/perf?" + q.Encode()
}

// measured asks for the path again and again and reports the processor's time and the size of an answer.
func (h *shelf) measured(b *testing.B, path string) {
	b.Helper()
	h.get(path)
	b.ReportAllocs()
	size, before, n := 0, processor(), 0
	var took []time.Duration
	for b.Loop() {
		begun := time.Now()
		size = h.get(path)
		took = append(took, time.Since(begun))
		n++
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[(len(took)*99-1)/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64((processor()-before).Microseconds())/1000/float64(n), "cpu-ms/op")
	b.ReportMetric(float64(size), "answer-B")
}

// processor is the time that this process has spent on its processors.
func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkGrowth is what a project's first page and a perf query of all points cost as its history grows: 10 lines of so many reports.
func BenchmarkGrowth(b *testing.B) {
	for _, reports := range []int{100, 1_000, 5_000} {
		h := newShelf(b, 10, reports)
		b.Run(fmt.Sprintf("FrontPage/%d", reports), func(b *testing.B) { h.measured(b, "/projects/shop") })
		b.Run(fmt.Sprintf("Columns/%d", reports), func(b *testing.B) { h.measured(b, h.perf("columns")) })
	}
}

// BenchmarkFrontPage is a project's first page over 10 lines of 5,000 reports.
func BenchmarkFrontPage(b *testing.B) {
	newShelf(b, 10, 5_000).measured(b, "/projects/shop")
}

// BenchmarkFrontPageChanges is a project's first page with 50 open events over 300 benchmarks, and BenchmarkInbox the list of these.
func BenchmarkFrontPageChanges(b *testing.B) {
	h := newShelf(b, 300, 70)
	h.happen(50)
	b.Run("front", func(b *testing.B) { h.on(b).measured(b, "/projects/shop") })
	b.Run("inbox", func(b *testing.B) { h.on(b).measured(b, "/projects/shop/events") })
}

// on is the shelf for a part of a benchmark.
func (h *shelf) on(b *testing.B) *shelf {
	part := *h
	part.b = b
	return &part
}

// happen makes n open events of three changes each.
func (h *shelf) happen(n int) {
	h.b.Helper()
	h.get("/projects/shop/events") // what was reported is looked at now, and finds nothing
	ctx := h.b.Context()
	if err := h.server.store.Tx(ctx, func(tx *store.Tx) error {
		first, err := report.ByID(ctx, tx, h.report)
		if err != nil {
			return err
		}
		var branch string
		if err := tx.QueryRow(ctx, `select branch_id from head where id = $1`, first.HeadID).Scan(&branch); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `select s.id from series s order by s.id`)
		ids, err := store.Collect(rows, err, scanID)
		if err != nil {
			return err
		}
		for i := range n {
			e := ident.NewUUID()
			if _, err := tx.Exec(ctx, `insert into change_event (id, project_id, branch_id, head_id, testbed_id, kind, state, significant, settled,
				first, last, before, score, changes, worse, better, version, created, modified) values ($1, $2, $3, $4, $5, 'code', 'confirmed',
				(1 = 1), (1 = 1), $6, $6, $7, 1, 3, 3, 0, 1, 0, 0)`, e, first.ProjectID, branch, first.HeadID, first.TestbedID, i+5, i+4); err != nil {
				return err
			}
			for j := range 3 {
				if _, err := tx.Exec(ctx, `insert into change_point (id, project_id, head_id, testbed_id, spec_id, series_id, event_id, number, first,
					last, scale, level_before, level_after, effect, low, high, t, p, n_before, n_after, settled, weak, significant, worse, score,
					created, modified) values ($1, $2, $3, $4, '', $5, $6, $7, $7, $7, 'log', 8, 9, 0.1, 0.1, 0.2, 9, 0.001, 9, 9, (1 = 1), (1 = 0),
					(1 = 1), 1, 1, 0, 0)`, ident.NewUUID(), first.ProjectID, first.HeadID, first.TestbedID, ids[(3*i+j)%len(ids)], e,
					i+5); err != nil {
					return err
				}
			}
		}
		return nil
	}); err != nil {
		h.b.Fatal(err)
	}
	if size := h.get("/projects/shop/events"); size < 1_000*n {
		h.b.Fatalf("the list of %d events has %d bytes", n, size)
	}
}

// BenchmarkReportPage is the page of a report with 10,000 results, of which it shows the first 2,000.
func BenchmarkReportPage(b *testing.B) {
	h := newShelf(b, 10_000, 2)
	h.measured(b, "/projects/shop/reports/"+h.report)
}

// BenchmarkPlotsPage is the page of plots: ten lines, all of 255 lines, and one in a project of 10,000 benchmarks.
func BenchmarkPlotsPage(b *testing.B) {
	b.Run("10x5000", func(b *testing.B) { newShelf(b, 10, 5_000).measured(b, "/projects/shop/perf") })
	b.Run("255x3900", func(b *testing.B) {
		h := newShelf(b, 255, 3_900) // as many points as one query may have
		h.measured(b, "/projects/shop/perf?"+url.Values{"benchmark": h.benchmarks}.Encode())
	})
	b.Run("10000x10", func(b *testing.B) { newShelf(b, 10_000, 10).measured(b, "/projects/shop/perf") })
	b.Run("10000x10/front", func(b *testing.B) { newShelf(b, 10_000, 10).measured(b, "/projects/shop") })
}

// BenchmarkPerf answers 10 lines of 10,000 points in each shape, beside a plain scan of the same rows by the same driver.
func BenchmarkPerf(b *testing.B) {
	h := newShelf(b, 10, 10_000)
	b.Run("scan", func(b *testing.B) {
		before, n := processor(), 0
		for b.Loop() {
			if got := h.scan(); got != 100_000 {
				b.Fatal(got)
			}
			n++
		}
		b.ReportMetric(float64((processor()-before).Microseconds())/1000/float64(n), "cpu-ms/op")
	})
	b.Run("bencher", func(b *testing.B) { h.measured(b, h.perf("")) })
	b.Run("columns", func(b *testing.B) { h.measured(b, h.perf("columns")) })
}

// scan reads the rows of all lines, as many columns as a point has, and does nothing with them.
func (h *shelf) scan() (n int) {
	ctx := h.b.Context()
	if err := h.server.store.View(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(ctx, `select s.id from series s order by s.id`)
		ids, err := store.Collect(rows, err, scanID)
		if err != nil {
			return err
		}
		for _, id := range ids {
			rows, err := tx.Query(ctx, `select `+report.MetricColumns+` from metric m where m.series_id = $1`, id)
			if err != nil {
				return err
			}
			for rows.Next() {
				if _, err := report.ScanMetric(rows); err != nil {
					return err
				}
				n++
			}
			if err := rows.Close(); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		h.b.Fatal(err)
	}
	return n
}

func scanID(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) }

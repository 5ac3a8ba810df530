package ingest

import (
	"context"

	"github.com/tachograph/tacho/internal/core/adapter"
	"github.com/tachograph/tacho/internal/core/limits"
	corereport "github.com/tachograph/tacho/internal/core/report"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// finishing is a pending report that gets its results.
type finishing struct {
	reportID  string
	projectID string // set by finish
	parsed    Parsed
	change    func(*report.Report)  // what else becomes of it; may be nil
	inTx      func(*store.Tx) error // in the transaction that closes it; may be nil
}

// finish writes the results of a pending report and closes it. What an interrupted try has left is deleted before. A report that is not
// pending is a Conflict. Nobody else finishes the same report at the same time.
func (s *Service) finish(ctx context.Context, f finishing) error {
	return s.store.Alone(ctx, "finish report "+f.reportID, func(ctx context.Context) error { return s.finishAlone(ctx, f) })
}

func (s *Service) finishAlone(ctx context.Context, f finishing) error {
	var r report.Report
	var left bool
	if err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		if r, err = pending(ctx, tx, f.reportID); err == nil {
			left, err = report.HasMetrics(ctx, tx, r.Seq)
		}
		return err
	}); err != nil {
		return err
	}
	f.projectID = r.ProjectID
	if left {
		if err := s.Clear(ctx, r.Seq); err != nil {
			return err
		}
	}
	if !s.Large(f.parsed) {
		return s.store.Tx(ctx, func(tx *store.Tx) error {
			report, err := f.last(ctx, tx)
			if err != nil {
				return err
			}
			_, err = Write(ctx, tx, report, f.parsed, corereport.Finish)
			return err
		})
	}
	return s.finishInSlices(ctx, f)
}

// report is the report as it will be closed. What stands in its project is this transaction's alone.
func (f finishing) report(ctx context.Context, tx *store.Tx) (report.Report, error) {
	if err := tx.Lock(ctx, store.InProject(f.projectID)); err != nil {
		return report.Report{}, err
	}
	return f.held(ctx, tx)
}

// last is report in the transaction that closes it. The job comes before the report there, as in everything that the queue does.
func (f finishing) last(ctx context.Context, tx *store.Tx) (report.Report, error) {
	if err := tx.Lock(ctx, store.InProject(f.projectID)); err != nil {
		return report.Report{}, err
	}
	if f.inTx != nil {
		if err := f.inTx(tx); err != nil {
			return report.Report{}, err
		}
	}
	return f.held(ctx, tx)
}

func (f finishing) held(ctx context.Context, tx *store.Tx) (report.Report, error) {
	r, err := report.Hold(ctx, tx, f.reportID)
	if err == nil {
		err = checkPending(r)
	}
	if err == nil && f.change != nil {
		f.change(&r)
	}
	return r, err
}

func pending(ctx context.Context, tx *store.Tx, id string) (report.Report, error) {
	r, err := report.ByID(ctx, tx, id)
	if err == nil {
		err = checkPending(r)
	}
	return r, err
}

func checkPending(r report.Report) error {
	_, err := corereport.Next(r.ID, r.Status, corereport.Finish)
	return err
}

// Large reports whether results are written in slices: the report is then pending until all of them are there.
func (s *Service) Large(p Parsed) bool {
	metrics, samples := p.size()
	return !s.Fits(metrics) || samples > limits.SamplesPerSlice
}

// Fits reports whether this number of metrics goes in one transaction.
func (s *Service) Fits(metrics int) bool { return metrics <= s.slice }

// Finish writes the results of a pending report that has no job.
func (s *Service) Finish(ctx context.Context, reportID string, parsed Parsed) error {
	return s.finish(ctx, finishing{reportID: reportID, parsed: parsed})
}

// Clear deletes the metrics of a report that is not processed, in slices.
func (s *Service) Clear(ctx context.Context, reportSeq int64) error {
	for {
		var deleted int64
		if err := s.tx(ctx, func(tx *store.Tx) (err error) {
			deleted, err = report.DeleteSomeMetrics(ctx, tx, reportSeq, s.slice)
			return err
		}); err != nil || deleted < int64(s.slice) {
			return err
		}
	}
}

// tx is one slice. Other writers get their turn before the next.
func (s *Service) tx(ctx context.Context, f func(*store.Tx) error) error {
	err := s.store.Tx(ctx, f)
	if err == nil && s.afterSlice != nil {
		err = s.afterSlice()
	}
	return err
}

// CheckNames refuses, before anything is written, results whose names the project has otherwise: two texts for one benchmark, and two for
// one measure in one benchmark. It makes the measures.
func CheckNames(ctx context.Context, tx *store.Tx, projectID string, parsed Parsed) error {
	names, wanted := named(parsed)
	if err := series.CheckBenchmarkNames(ctx, tx, projectID, names); err != nil {
		return err
	}
	measures, err := series.EnsureMeasures(ctx, tx, projectID, wanted)
	if err != nil {
		return err
	}
	for _, iteration := range parsed.Iterations {
		for i := range iteration.Benchmarks {
			if err := checkMeasures(&iteration.Benchmarks[i], measures); err != nil {
				return err
			}
		}
	}
	return nil
}

// finishInSlices is Write for results that would hold the writer for long. First come the rows that metrics name, which anybody may see,
// and then, judged on one snapshot of the database, the metrics with their alerts, which nobody sees while the report is pending. The last
// transaction is the one that counts: it closes the report.
func (s *Service) finishInSlices(ctx context.Context, f finishing) error {
	var report report.Report
	if err := s.tx(ctx, func(tx *store.Tx) (err error) {
		if report, err = f.report(ctx, tx); err == nil {
			err = CheckNames(ctx, tx, report.ProjectID, f.parsed)
		}
		return err
	}); err != nil {
		return err
	}
	lines, err := s.resolveInSlices(ctx, report, f.parsed)
	if err != nil {
		return err
	}
	var rulings map[int64]ruling
	if err := s.store.View(ctx, func(tx *store.Tx) error {
		at, err := placeOf(ctx, tx, report)
		if err == nil {
			rulings, err = judgeAll(ctx, tx, at, lines.byMeasure)
		}
		return err
	}); err != nil {
		return err
	}
	if err := s.writeSlices(ctx, f, lines.series, rulings); err != nil {
		return err
	}
	return s.tx(ctx, func(tx *store.Tx) error {
		report, err := f.last(ctx, tx)
		if err != nil {
			return err
		}
		_, err = closeReport(ctx, tx, report, f.parsed, corereport.Finish)
		return err
	})
}

// lines are the series of results.
type lines struct {
	series    []int64            // of each value, in the order of the tool
	byMeasure map[string][]int64 // each series once
}

// resolveInSlices finds or makes benchmarks and series. Measures are there.
func (s *Service) resolveInSlices(ctx context.Context, report report.Report, parsed Parsed) (lines, error) {
	names, wanted := named(parsed)
	benchmarks := make(map[string]string, len(names)) // name → id
	for from := 0; from < len(names); from += s.slice {
		chunk := names[from:min(from+s.slice, len(names))]
		if err := s.ensure(ctx, report.ProjectID, func(tx *store.Tx, make bool) (all bool, err error) {
			look := series.FindBenchmarks
			if make {
				look = series.EnsureBenchmarks
			}
			found, err := look(ctx, tx, report.ProjectID, chunk)
			all = len(found) == len(chunk)
			for name, b := range found {
				benchmarks[name] = b.ID
				all = all && b.Archived == nil
			}
			return all, err
		}); err != nil {
			return lines{}, err
		}
	}
	var measures map[string]series.Measure
	if err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		measures, err = series.FindMeasures(ctx, tx, report.ProjectID, wanted)
		return err
	}); err != nil {
		return lines{}, err
	}
	count, _ := parsed.size()
	out := lines{make([]int64, 0, count), map[string][]int64{}}
	seen := make(map[int64]bool, count)
	keys := make([]series.Key, 0, s.slice)
	flush := func() error {
		var ids map[series.Key]int64
		err := s.ensure(ctx, report.ProjectID, func(tx *store.Tx, make bool) (all bool, err error) {
			if make {
				ids, err = series.Ensure(ctx, tx, report.TestbedID, keys)
				return true, err
			}
			ids, err = series.Find(ctx, tx, report.TestbedID, keys)
			for _, k := range keys {
				if _, has := ids[k]; !has {
					return false, err
				}
			}
			return true, err
		})
		for _, k := range keys {
			id := ids[k]
			out.series = append(out.series, id)
			if !seen[id] {
				seen[id] = true
				out.byMeasure[k.MeasureID] = append(out.byMeasure[k.MeasureID], id)
			}
		}
		keys = keys[:0]
		return err
	}
	for _, iteration := range parsed.Iterations {
		for _, b := range iteration.Benchmarks {
			for _, m := range b.Metrics {
				keys = append(keys, series.Key{BenchmarkID: benchmarks[b.Name], MeasureID: measures[m.Measure.Name].ID})
				if len(keys) == s.slice {
					if err := flush(); err != nil {
						return lines{}, err
					}
				}
			}
		}
	}
	return out, flush()
}

// ensure looks, in a view, whether all rows are there, and only if not takes the writer to make them.
func (s *Service) ensure(ctx context.Context, projectID string, f func(tx *store.Tx, make bool) (all bool, err error)) error {
	all := false
	if err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		all, err = f(tx, false)
		return err
	}); err != nil || all {
		return err
	}
	return s.tx(ctx, func(tx *store.Tx) error {
		if err := tx.Lock(ctx, store.InProject(projectID)); err != nil {
			return err
		}
		_, err := f(tx, true)
		return err
	})
}

// writeSlices writes metrics with their samples and alerts. Each slice looks anew at what may have changed meanwhile: whether the report
// still waits, whether its head is still the branch's, which thresholds there still are.
func (s *Service) writeSlices(ctx context.Context, f finishing, seriesIDs []int64, rulings map[int64]ruling) error {
	values := make([]value, 0, s.slice)
	samples := 0
	flush := func() error {
		if len(values) == 0 {
			return nil
		}
		defer func() { values, samples = values[:0], 0 }()
		return s.tx(ctx, func(tx *store.Tx) error {
			report, err := f.report(ctx, tx)
			if err != nil {
				return err
			}
			at, err := placeOf(ctx, tx, report)
			if err != nil {
				return err
			}
			return at.write(ctx, tx, values, rulings)
		})
	}
	next := 0
	return f.parsed.each(func(iteration int, b *adapter.Benchmark, m *adapter.Metric) error {
		if m == nil { // the end
			return flush()
		}
		metric := report.Metric{Iteration: iteration, SeriesID: seriesIDs[next], Value: m.Value, Lower: m.Lower, Upper: m.Upper,
			Samples: m.Samples}
		values = append(values, value{ignoreAlerts: b.IgnoreAlerts, metric: metric})
		next++
		if samples += len(m.Samples); len(values) < s.slice && samples < limits.SamplesPerSlice {
			return nil
		}
		return flush()
	})
}

// each calls f with every metric in the order of the tool, and at the end with nil.
func (p Parsed) each(f func(iteration int, b *adapter.Benchmark, m *adapter.Metric) error) error {
	for i, iteration := range p.Iterations {
		for j := range iteration.Benchmarks {
			b := &iteration.Benchmarks[j]
			for k := range b.Metrics {
				if err := f(i, b, &b.Metrics[k]); err != nil {
					return err
				}
			}
		}
	}
	return f(0, nil, nil)
}

// size counts metrics and their samples.
func (p Parsed) size() (metrics, samples int) {
	for _, iteration := range p.Iterations {
		for i := range iteration.Benchmarks {
			metrics += len(iteration.Benchmarks[i].Metrics)
			for j := range iteration.Benchmarks[i].Metrics {
				samples += len(iteration.Benchmarks[i].Metrics[j].Samples)
			}
		}
	}
	return metrics, samples
}

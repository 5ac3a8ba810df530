package report

import (
	"context"

	"github.com/tachograph/tacho/internal/core/adapter"
	"github.com/tachograph/tacho/internal/core/limits"
	corereport "github.com/tachograph/tacho/internal/core/report"
	"github.com/tachograph/tacho/internal/server/report/results"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// finishing is a pending report that gets its results.
type finishing struct {
	reportID  string
	projectID string // set by finish
	parsed    results.Parsed
	noise     []shown               // set by finish
	change    func(*Report)         // what else becomes of it; may be nil
	inTx      func(*store.Tx) error // in the transaction that closes it; may be nil
}

// finish writes the results of a pending report and closes it. What an interrupted try has left is deleted before. A report that is not
// pending is a Conflict. Nobody else finishes the same report at the same time.
func (j *Judge) finish(ctx context.Context, f finishing) error {
	return j.store.Alone(ctx, "finish report "+f.reportID, func(ctx context.Context) error { return j.finishAlone(ctx, f) })
}

func (j *Judge) finishAlone(ctx context.Context, f finishing) error {
	var r Report
	var left bool
	if err := j.store.View(ctx, func(tx *store.Tx) (err error) {
		if r, err = pending(ctx, tx, f.reportID); err == nil {
			left, err = HasMetrics(ctx, tx, r.Seq)
		}
		return err
	}); err != nil {
		return err
	}
	f.projectID, f.noise = r.ProjectID, shownBy(r.Context, f.parsed)
	if left {
		if err := j.clear(ctx, r.Seq); err != nil {
			return err
		}
	}
	if !j.large(f.parsed) {
		return j.store.Tx(ctx, func(tx *store.Tx) error {
			report, err := f.last(ctx, tx)
			if err != nil {
				return err
			}
			_, err = writeResults(ctx, tx, report, f.parsed, f.noise, corereport.Finish)
			return err
		})
	}
	return j.finishInSlices(ctx, f)
}

// report is the report as it will be closed. What stands in its project is this transaction's alone.
func (f finishing) report(ctx context.Context, tx *store.Tx) (Report, error) {
	if err := tx.Lock(ctx, store.InProject(f.projectID)); err != nil {
		return Report{}, err
	}
	return f.held(ctx, tx)
}

// last is report in the transaction that closes it. The job comes before the report there, as in everything that the queue does.
func (f finishing) last(ctx context.Context, tx *store.Tx) (Report, error) {
	if err := tx.Lock(ctx, store.InProject(f.projectID)); err != nil {
		return Report{}, err
	}
	if f.inTx != nil {
		if err := f.inTx(tx); err != nil {
			return Report{}, err
		}
	}
	return f.held(ctx, tx)
}

func (f finishing) held(ctx context.Context, tx *store.Tx) (Report, error) {
	r, err := Hold(ctx, tx, f.reportID)
	if err == nil {
		err = checkPending(r)
	}
	if err == nil && f.change != nil {
		f.change(&r)
	}
	return r, err
}

func pending(ctx context.Context, tx *store.Tx, id string) (Report, error) {
	r, err := ByID(ctx, tx, id)
	if err == nil {
		err = checkPending(r)
	}
	return r, err
}

func checkPending(r Report) error {
	_, err := corereport.Next(r.ID, r.Status, corereport.Finish)
	return err
}

// large reports whether results are written in slices: the report is then pending until all of them are there.
func (j *Judge) large(p results.Parsed) bool {
	metrics, samples := p.Size()
	return !j.fits(metrics) || samples > limits.SamplesPerSlice
}

// fits reports whether this number of metrics goes in one transaction.
func (j *Judge) fits(metrics int) bool { return metrics <= j.slice }

// finishParsed is finish for a report that has no job.
func (j *Judge) finishParsed(ctx context.Context, reportID string, parsed results.Parsed) error {
	return j.finish(ctx, finishing{reportID: reportID, parsed: parsed})
}

// clear deletes the metrics of a report that is not processed, in slices.
func (j *Judge) clear(ctx context.Context, reportSeq int64) error {
	for {
		var deleted int64
		if err := j.tx(ctx, func(tx *store.Tx) (err error) {
			deleted, err = DeleteSomeMetrics(ctx, tx, reportSeq, j.slice)
			return err
		}); err != nil || deleted < int64(j.slice) {
			return err
		}
	}
}

// tx is one slice. Other writers get their turn before the next.
func (j *Judge) tx(ctx context.Context, f func(*store.Tx) error) error {
	err := j.store.Tx(ctx, f)
	if err == nil && j.afterSlice != nil {
		err = j.afterSlice()
	}
	return err
}

// checkNames refuses, before anything is written, results whose names the project has otherwise: two texts for one benchmark, and two for
// one measure in one benchmark. It makes the measures.
func checkNames(ctx context.Context, tx *store.Tx, projectID string, parsed results.Parsed) error {
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
func (j *Judge) finishInSlices(ctx context.Context, f finishing) error {
	var report Report
	if err := j.tx(ctx, func(tx *store.Tx) (err error) {
		if report, err = f.report(ctx, tx); err == nil {
			err = checkNames(ctx, tx, report.ProjectID, f.parsed)
		}
		return err
	}); err != nil {
		return err
	}
	lines, err := j.resolveInSlices(ctx, report, f.parsed)
	if err != nil {
		return err
	}
	var rulings map[int64]ruling
	if err := j.store.View(ctx, func(tx *store.Tx) error {
		at, err := positionOf(ctx, tx, report)
		if err == nil {
			rulings, err = judgeAll(ctx, tx, at, lines.byMeasure)
		}
		return err
	}); err != nil {
		return err
	}
	if err := j.writeSlices(ctx, f, lines.series, rulings); err != nil {
		return err
	}
	if err := j.noiseInSlices(ctx, f, lines.series); err != nil {
		return err
	}
	return j.tx(ctx, func(tx *store.Tx) error {
		report, err := f.last(ctx, tx)
		if err != nil {
			return err
		}
		_, err = closeReport(ctx, tx, report, f.parsed, corereport.Finish, nil)
		return err
	})
}

// noiseInSlices writes what the runs have shown. Nobody sees it while the report is pending.
func (j *Judge) noiseInSlices(ctx context.Context, f finishing, seriesIDs []int64) error {
	for from := 0; from < len(f.noise); from += j.slice {
		if err := j.tx(ctx, func(tx *store.Tx) error {
			report, err := f.report(ctx, tx)
			if err != nil {
				return err
			}
			if from == 0 { // an earlier reading, or a try that was interrupted
				if err := forgetNoise(ctx, tx, report.ID); err != nil {
					return err
				}
			}
			return addNoise(ctx, tx, report, f.noise[from:min(from+j.slice, len(f.noise))], seriesIDs)
		}); err != nil {
			return err
		}
	}
	return nil
}

// lines are the series of results.
type lines struct {
	series    []int64            // of each value, in the order of the tool
	byMeasure map[string][]int64 // each series once
}

// resolveInSlices finds or makes benchmarks and series. Measures are there.
func (j *Judge) resolveInSlices(ctx context.Context, report Report, parsed results.Parsed) (lines, error) {
	names, wanted := named(parsed)
	benchmarks := make(map[string]string, len(names)) // name → id
	for from := 0; from < len(names); from += j.slice {
		chunk := names[from:min(from+j.slice, len(names))]
		if err := j.ensure(ctx, report.ProjectID, func(tx *store.Tx, make bool) (all bool, err error) {
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
	if err := j.store.View(ctx, func(tx *store.Tx) (err error) {
		measures, err = series.FindMeasures(ctx, tx, report.ProjectID, wanted)
		return err
	}); err != nil {
		return lines{}, err
	}
	count, _ := parsed.Size()
	out := lines{make([]int64, 0, count), map[string][]int64{}}
	seen := make(map[int64]bool, count)
	keys := make([]series.Key, 0, j.slice)
	flush := func() error {
		var ids map[series.Key]int64
		err := j.ensure(ctx, report.ProjectID, func(tx *store.Tx, make bool) (all bool, err error) {
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
				if len(keys) == j.slice {
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
func (j *Judge) ensure(ctx context.Context, projectID string, f func(tx *store.Tx, make bool) (all bool, err error)) error {
	all := false
	if err := j.store.View(ctx, func(tx *store.Tx) (err error) {
		all, err = f(tx, false)
		return err
	}); err != nil || all {
		return err
	}
	return j.tx(ctx, func(tx *store.Tx) error {
		if err := tx.Lock(ctx, store.InProject(projectID)); err != nil {
			return err
		}
		_, err := f(tx, true)
		return err
	})
}

// writeSlices writes metrics with their samples and alerts. Each slice looks anew at what may have changed meanwhile: whether the report
// still waits, whether its head is still the branch's, which thresholds there still are.
func (j *Judge) writeSlices(ctx context.Context, f finishing, seriesIDs []int64, rulings map[int64]ruling) error {
	values := make([]value, 0, j.slice)
	samples := 0
	flush := func() error {
		if len(values) == 0 {
			return nil
		}
		defer func() { values, samples = values[:0], 0 }()
		return j.tx(ctx, func(tx *store.Tx) error {
			report, err := f.report(ctx, tx)
			if err != nil {
				return err
			}
			at, err := positionOf(ctx, tx, report)
			if err != nil {
				return err
			}
			return at.write(ctx, tx, values, rulings)
		})
	}
	next := 0
	return f.parsed.Each(func(iteration int, b *adapter.Benchmark, m *adapter.Metric) error {
		if m == nil { // the end
			return flush()
		}
		metric := Metric{Iteration: iteration, SeriesID: seriesIDs[next], Value: m.Value, Lower: m.Lower, Upper: m.Upper,
			Samples: m.Samples}
		values = append(values, value{ignoreAlerts: b.IgnoreAlerts, metric: metric})
		next++
		if samples += len(m.Samples); len(values) < j.slice && samples < limits.SamplesPerSlice {
			return nil
		}
		return flush()
	})
}

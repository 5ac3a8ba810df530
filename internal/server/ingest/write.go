package ingest

import (
	"context"
	"slices"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/judge"
	corereport "github.com/tachograph/tacho/internal/core/report"
	coreseries "github.com/tachograph/tacho/internal/core/series"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/threshold"
)

// Write judges what was parsed and writes it as the report's results, in the caller's transaction: new benchmarks, measures and series,
// metrics with their boundaries, alerts, and the report as processed. e is Finish, or Replace for a processed report whose metrics the
// caller has deleted. It returns the report as written.
func Write(ctx context.Context, tx *store.Tx, r report.Report, parsed Parsed, e corereport.Event) (report.Report, error) {
	place, err := placeOf(ctx, tx, r)
	if err != nil {
		return report.Report{}, err
	}
	values, err := resolve(ctx, tx, r, parsed)
	if err != nil {
		return report.Report{}, err
	}
	byMeasure := map[string][]int64{}
	seen := make(map[int64]bool, len(values))
	for _, v := range values {
		if id := v.metric.SeriesID; !seen[id] {
			seen[id] = true
			byMeasure[v.measureID] = append(byMeasure[v.measureID], id)
		}
	}
	rulings, err := judgeAll(ctx, tx, place, byMeasure)
	if err != nil {
		return report.Report{}, err
	}
	if err := place.write(ctx, tx, values, rulings); err != nil {
		return report.Report{}, err
	}
	return closeReport(ctx, tx, r, parsed, e)
}

// closeReport says of a report that all of its results are there, and tells of its alerts.
func closeReport(ctx context.Context, tx *store.Tx, rep report.Report, parsed Parsed, e corereport.Event) (report.Report, error) {
	rep.Error, rep.Recognised, rep.Problems, rep.Counts = "", parsed.Recognised, parsed.Problems, counts(parsed)
	rep, err := report.Apply(ctx, tx, rep, e)
	if err != nil {
		return report.Report{}, err
	}
	return rep, threshold.TellRaised(ctx, tx, rep.ProjectID, rep.ID)
}

// write writes values as metrics, and the alerts of those that are outside of their boundary.
func (p place) write(ctx context.Context, tx *store.Tx, values []value, rulings map[int64]ruling) error {
	metrics := make([]report.Metric, len(values))
	for i, v := range values {
		metrics[i] = v.metric
		metrics[i].ReportSeq = p.report.Seq
		if ruling, judged := rulings[v.metric.SeriesID]; judged {
			metrics[i].ModelSeq = &ruling.model.Seq
			metrics[i].Baseline, metrics[i].LowerLimit, metrics[i].UpperLimit = ruling.boundary.Baseline, ruling.boundary.Lower,
				ruling.boundary.Upper
		}
	}
	if err := report.InsertMetrics(ctx, tx, metrics); err != nil {
		return err
	}
	alerts := p.alerts(values, metrics, rulings)
	var thresholds []string
	for _, a := range alerts {
		thresholds = append(thresholds, a.ThresholdID)
	}
	there, err := threshold.ByID(ctx, tx, thresholds) // judged before, it may be deleted by now
	if err != nil {
		return err
	}
	return threshold.InsertAlerts(ctx, tx, slices.DeleteFunc(alerts,
		func(a threshold.Alert) bool { _, has := there[a.ThresholdID]; return !has }))
}

// place is where a report stands.
type place struct {
	report  report.Report
	head    series.Head
	version series.Version
}

func placeOf(ctx context.Context, tx *store.Tx, report report.Report) (place, error) {
	head, err := series.HeadByID(ctx, tx, report.HeadID)
	if err != nil {
		return place{}, err
	}
	versions, err := series.VersionsByID(ctx, tx, []string{report.VersionID})
	if err != nil {
		return place{}, err
	}
	version, found := versions[report.VersionID]
	if !found {
		return place{}, fault.Missingf("version %q does not exist", report.VersionID)
	}
	return place{report, head, version}, nil
}

// alerts are those of the values that are outside of their boundary. On a head that was replaced while its job ran they are silenced
// from the start.
func (p place) alerts(values []value, metrics []report.Metric, rulings map[int64]ruling) []threshold.Alert {
	status := judge.Active
	if p.head.Replaced != nil {
		status = judge.Silenced
	}
	var out []threshold.Alert
	for i, v := range values {
		ruling, judged := rulings[v.metric.SeriesID]
		if !judged || v.ignoreAlerts {
			continue
		}
		limit, broken := ruling.boundary.Broken(v.metric.Value)
		if !broken {
			continue
		}
		out = append(out, threshold.Alert{
			ID: ident.NewUUID(), ProjectID: p.report.ProjectID, MetricID: metrics[i].ID, ReportID: p.report.ID,
			ThresholdID: ruling.threshold.ID, ModelID: ruling.model.ID, HeadID: p.head.ID,
			Limit: string(limit), Status: api.AlertStatus(status),
		})
	}
	return out
}

func counts(parsed Parsed) []api.ResultCount {
	out := make([]api.ResultCount, len(parsed.Iterations))
	for i, iteration := range parsed.Iterations {
		measures := map[string]bool{}
		for _, b := range iteration.Benchmarks {
			for _, m := range b.Metrics {
				measures[m.Measure.Name] = true
			}
		}
		out[i] = api.ResultCount{Benchmarks: len(iteration.Benchmarks), Measures: len(measures)}
	}
	return out
}

// rule is a threshold with the model that it has.
type rule struct {
	threshold threshold.Threshold
	model     threshold.Model
}

// ruling is what a series is held against in this report.
type ruling struct {
	*rule
	boundary judge.Boundary
}

// seriesPerLook bounds the history that is in memory at once.
const seriesPerLook = 256

// judgeAll draws the boundary of each series that a threshold with a model speaks of, keyed by series. All iterations of a series are
// held against the same boundary: none of them is history of another.
func judgeAll(ctx context.Context, tx *store.Tx, p place, byMeasure map[string][]int64) (map[int64]ruling, error) {
	thresholds, models, err := rules(ctx, tx, p.head.BranchID, p.report.TestbedID)
	if err != nil {
		return nil, err
	}
	at := coreseries.Point{Version: p.version.Number, Start: ident.Micros(p.report.StartTime), Report: p.report.Seq}
	out := map[int64]ruling{}
	for _, t := range thresholds {
		ids := byMeasure[t.MeasureID]
		if t.ModelID == nil || len(ids) == 0 {
			continue
		}
		row := models[*t.ModelID]
		model := row.Judge()
		var window int64
		if row.WindowSeconds != nil {
			window = *row.WindowSeconds
		}
		held := &rule{t, row}
		for chunk := range slices.Chunk(ids, seriesPerLook) {
			history, err := report.History(ctx, tx, report.HistoryParams{
				HeadID: p.head.ID, TestbedID: p.report.TestbedID, SpecID: p.report.SpecID,
				Horizon: coreseries.NewHorizon(at, window), Limit: sampleSize(model), SeriesIDs: chunk,
			})
			if err != nil {
				return nil, err
			}
			for _, id := range chunk {
				out[id] = ruling{held, judge.Bound(model, history[id])}
			}
		}
	}
	return out, nil
}

// rules returns the thresholds of a branch and a testbed, and their models by id.
func rules(ctx context.Context, tx *store.Tx, branchID, testbedID string) ([]threshold.Threshold, map[string]threshold.Model, error) {
	thresholds, err := threshold.On(ctx, tx, branchID, testbedID)
	if err != nil {
		return nil, nil, err
	}
	var ids []string
	for _, t := range thresholds {
		if t.ModelID != nil {
			ids = append(ids, *t.ModelID)
		}
	}
	models, err := threshold.ModelsByID(ctx, tx, ids)
	return thresholds, models, err
}

package report

import (
	"context"
	"slices"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/judge"
	corereport "github.com/tachograph/tacho/internal/core/report"
	"github.com/tachograph/tacho/internal/server/report/results"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/threshold"
)

// writeResults judges what was parsed and writes it as the report's results, in the caller's transaction: new benchmarks, measures and
// series, metrics with their boundaries, alerts, and the report as processed. e is Finish, or Replace for a processed report whose metrics
// the caller has deleted. noise is what its runs have shown. It returns the report as written.
func writeResults(ctx context.Context, tx *store.Tx, r Report, parsed results.Parsed, noise []shown, e corereport.Event) (Report, error) {
	at, err := positionOf(ctx, tx, r)
	if err != nil {
		return Report{}, err
	}
	values, err := resolve(ctx, tx, r, parsed)
	if err != nil {
		return Report{}, err
	}
	byMeasure := map[string][]int64{}
	seen := make(map[int64]bool, len(values))
	for _, v := range values {
		if id := v.metric.SeriesID; !seen[id] {
			seen[id] = true
			byMeasure[v.measureID] = append(byMeasure[v.measureID], id)
		}
	}
	rulings, err := judgeAll(ctx, tx, at, byMeasure)
	if err != nil {
		return Report{}, err
	}
	if err := at.write(ctx, tx, values, rulings); err != nil {
		return Report{}, err
	}
	ids := make([]int64, len(values))
	for i, v := range values {
		ids[i] = v.metric.SeriesID
	}
	if err := keepNoise(ctx, tx, r, noise, ids); err != nil {
		return Report{}, err
	}
	return closeReport(ctx, tx, r, parsed, e, packSpans(spansOf(values)))
}

// closeReport says of a report that all of its results are there, and tells of its alerts. spans is what they say of lines, packed, or nil.
func closeReport(ctx context.Context, tx *store.Tx, rep Report, parsed results.Parsed, e corereport.Event, spans []byte) (Report, error) {
	rep.Error, rep.Recognised, rep.Problems, rep.Counts = "", parsed.Recognised, parsed.Problems, parsed.Counts()
	rep, err := applyResults(ctx, tx, rep, e, spans)
	if err != nil {
		return Report{}, err
	}
	return rep, threshold.TellRaised(ctx, tx, rep.ProjectID, rep.ID)
}

// write writes values as metrics, and the alerts of those that are outside of their boundary.
func (p position) write(ctx context.Context, tx *store.Tx, values []value, rulings map[int64]ruling) error {
	metrics := make([]Metric, len(values))
	for i, v := range values {
		metrics[i] = v.metric
		metrics[i].ReportSeq = p.report.Seq
		if ruling, judged := rulings[v.metric.SeriesID]; judged {
			metrics[i].ModelSeq = &ruling.Model.Seq
			metrics[i].Baseline, metrics[i].LowerLimit, metrics[i].UpperLimit = ruling.boundary.Baseline, ruling.boundary.Lower,
				ruling.boundary.Upper
		}
	}
	if err := InsertMetrics(ctx, tx, metrics); err != nil {
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

// alerts are those of the values that are outside of their boundary. On a head that was replaced while its job ran they are silenced
// from the start.
func (p position) alerts(values []value, metrics []Metric, rulings map[int64]ruling) []threshold.Alert {
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
			ThresholdID: ruling.Threshold.ID, ModelID: ruling.Model.ID, HeadID: p.head.ID,
			Limit: string(limit), Status: api.AlertStatus(status),
		})
	}
	return out
}

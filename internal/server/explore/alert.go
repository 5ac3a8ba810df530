package explore

import (
	"context"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/threshold"
)

// Alerts returns a page of the project's alerts, with how many there are in all.
func (s *Service) Alerts(ctx context.Context, actor access.Actor, ref string, f threshold.AlertFilter, page store.Page) (out []api.Alert,
	total int, err error) {
	switch f.Status {
	case "", api.AlertActive, api.AlertDismissed, api.AlertSilenced:
	default:
		return nil, 0, fault.Invalidf("status %.40q: want active, dismissed or silenced", f.Status)
	}
	err = s.door.View(ctx, actor, ref, func(tx *store.Tx, project project.Project) error {
		rows, n, err := threshold.ListAlerts(ctx, tx, project.ID, f, page)
		if err != nil {
			return err
		}
		total = n
		out, err = alerts(ctx, tx, project, rows)
		return err
	})
	return out, total, err
}

// Alert returns one alert of the project.
func (s *Service) Alert(ctx context.Context, actor access.Actor, ref string, id string) (out api.Alert, err error) {
	err = s.door.View(ctx, actor, ref, func(tx *store.Tx, project project.Project) error {
		out, err = oneAlert(ctx, tx, project, id)
		return err
	})
	return out, err
}

func oneAlert(ctx context.Context, tx *store.Tx, project project.Project, id string) (api.Alert, error) {
	row, err := threshold.FindAlert(ctx, tx, project.ID, id)
	if err != nil {
		return api.Alert{}, err
	}
	built, err := alerts(ctx, tx, project, []threshold.Alert{row})
	if err != nil {
		return api.Alert{}, err
	}
	return built[0], nil
}

// alerts builds the answers for rows, in their order.
func alerts(ctx context.Context, tx *store.Tx, project project.Project, rows []threshold.Alert) ([]api.Alert, error) {
	w := wanted{fullThresholds: true}
	metricIDs := make([]int64, len(rows))
	for i, a := range rows {
		metricIDs[i] = a.MetricID
		w.models, w.thresholds = append(w.models, a.ModelID), append(w.thresholds, a.ThresholdID)
	}
	metrics, err := report.MetricsByID(ctx, tx, metricIDs)
	if err != nil {
		return nil, err
	}
	seriesIDs := make([]int64, 0, len(metrics))
	for _, m := range metrics {
		seriesIDs = append(seriesIDs, m.SeriesID)
	}
	series, err := series.ByID(ctx, tx, seriesIDs)
	if err != nil {
		return nil, err
	}
	for _, s := range series {
		w.benchmarks = append(w.benchmarks, s.BenchmarkID)
	}
	c, err := load(ctx, tx, w)
	if err != nil {
		return nil, err
	}
	out := make([]api.Alert, len(rows))
	for i, a := range rows {
		m := metrics[a.MetricID]
		out[i] = c.alert(a, m, series[m.SeriesID])
	}
	return out, nil
}

func (c catalogue) alert(a threshold.Alert, m report.Metric, s series.Series) api.Alert {
	out := api.Alert{UUID: a.ID, Report: a.ReportID, Iteration: m.Iteration, Benchmark: c.benchmarks[s.BenchmarkID].Wire(), Metric: metric(m),
		Limit: a.Limit, Status: a.Status, Created: a.Created, Modified: a.Modified,
		Boundary: api.Boundary{Baseline: m.Baseline, LowerLimit: m.LowerLimit, UpperLimit: m.UpperLimit}}
	if t := c.threshold(a.ThresholdID, &a.ModelID, true); t != nil {
		out.Threshold = *t
	}
	return out
}

package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
)

// Run submits results, or a job that will make them, and returns the report. With an idempotency key a lost answer is asked for again
// and nothing is submitted twice; without one it is sent once.
func (c *Client) Run(ctx context.Context, in api.NewRun) (api.Report, error) {
	return send[api.Report](ctx, c, call{method: http.MethodPost, path: at("run"), body: in, repeat: in.IdempotencyKey != ""})
}

// CheckRun says where a run would go, or why Run would refuse it, before there are results; nothing is written. known is false for a server
// that cannot say: an older one, or one of another kind.
func (c *Client) CheckRun(ctx context.Context, in api.NewRun) (check api.RunCheck, known bool, err error) {
	check, err = send[api.RunCheck](ctx, c, call{method: http.MethodPost, path: at("run", "check"), body: in, repeat: true})
	if refused, ok := errors.AsType[*APIError](err); ok && !refused.answered &&
		(refused.Status == http.StatusNotFound || refused.Status == http.StatusMethodNotAllowed) {
		return check, false, nil
	}
	return check, true, err
}

// CreateReport submits results to a project that exists. It is repeated like Run.
func (c *Client) CreateReport(ctx context.Context, project string, in api.NewReport) (api.Report, error) {
	return send[api.Report](ctx, c, call{method: http.MethodPost, path: at("projects", project, "reports"), body: in,
		repeat: in.IdempotencyKey != ""})
}

// ReportQuery narrows a list of reports. Branch and testbed are UUIDs or slugs; times are the report's start.
type ReportQuery struct {
	Branch, Testbed    string
	StartTime, EndTime *time.Time
	Expand             bool // with results and alerts
}

// Reports returns a page of the project's reports, newest first.
func (c *Client) Reports(ctx context.Context, project string, q ReportQuery, p Page) ([]api.Report, int, error) {
	query := p.with("branch", q.Branch, "testbed", q.Testbed, "start_time", millis(q.StartTime), "end_time", millis(q.EndTime))
	if q.Expand {
		query.Set("expand", "true")
	}
	return list[api.Report](ctx, c, at("projects", project, "reports"), query)
}

// Report returns one report with results and alerts.
func (c *Client) Report(ctx context.Context, project, report string) (api.Report, error) {
	return get[api.Report](ctx, c, at("projects", project, "reports", report), nil)
}

// ReportWithSamples is Report with up to 256 samples of each metric. An older server leaves them out.
func (c *Client) ReportWithSamples(ctx context.Context, project, report string) (api.Report, error) {
	return get[api.Report](ctx, c, at("projects", project, "reports", report), url.Values{"samples": {"true"}})
}

// ReparseReport has a report's raw output read again, and returns the report as it is then.
func (c *Client) ReparseReport(ctx context.Context, project, report string) (api.Report, error) {
	return send[api.Report](ctx, c, call{method: http.MethodPost, path: at("projects", project, "reports", report, "reparse"),
		body: struct{}{}, repeat: true})
}

// DeleteReport deletes a report with its results and alerts.
func (c *Client) DeleteReport(ctx context.Context, project, report string) error {
	return c.remove(ctx, at("projects", project, "reports", report))
}

// ThresholdQuery narrows a list of thresholds, by UUIDs or slugs.
type ThresholdQuery struct{ Branch, Testbed, Measure string }

// Thresholds returns a page of the project's thresholds.
func (c *Client) Thresholds(ctx context.Context, project string, q ThresholdQuery, p Page) ([]api.Threshold, int, error) {
	return list[api.Threshold](ctx, c, at("projects", project, "thresholds"),
		p.with("branch", q.Branch, "testbed", q.Testbed, "measure", q.Measure))
}

// CreateThreshold makes a threshold for a branch, a testbed and a measure.
func (c *Client) CreateThreshold(ctx context.Context, project string, in api.NewThreshold) (api.Threshold, error) {
	return send[api.Threshold](ctx, c, call{method: http.MethodPost, path: at("projects", project, "thresholds"), body: in})
}

// Threshold returns one threshold.
func (c *Client) Threshold(ctx context.Context, project, threshold string) (api.Threshold, error) {
	return get[api.Threshold](ctx, c, at("projects", project, "thresholds", threshold), nil)
}

// UpdateThreshold replaces a threshold's model, or takes it away.
func (c *Client) UpdateThreshold(ctx context.Context, project, threshold string, in api.UpdateThreshold) (api.Threshold, error) {
	return send[api.Threshold](ctx, c, call{method: http.MethodPut, path: at("projects", project, "thresholds", threshold), body: in,
		repeat: true})
}

// DeleteThreshold deletes a threshold.
func (c *Client) DeleteThreshold(ctx context.Context, project, threshold string) error {
	return c.remove(ctx, at("projects", project, "thresholds", threshold))
}

// Alerts returns a page of the project's alerts, newest first; status may be empty for all.
func (c *Client) Alerts(ctx context.Context, project string, status api.AlertStatus, p Page) ([]api.Alert, int, error) {
	return list[api.Alert](ctx, c, at("projects", project, "alerts"), p.with("status", string(status)))
}

// Alert returns one alert.
func (c *Client) Alert(ctx context.Context, project, alert string) (api.Alert, error) {
	return get[api.Alert](ctx, c, at("projects", project, "alerts", alert), nil)
}

// SetAlertStatus dismisses an alert or makes it active again.
func (c *Client) SetAlertStatus(ctx context.Context, project, alert string, status api.AlertStatus) (api.Alert, error) {
	return send[api.Alert](ctx, c, call{method: http.MethodPatch, path: at("projects", project, "alerts", alert),
		body: api.UpdateAlert{Status: &status}})
}

// PerfQuery asks for lines: every combination of the four dimensions, which are UUIDs or slugs. Heads go with the branches and specs with
// the testbeds, by position; an empty one is the current head, or any spec.
type PerfQuery struct {
	Branches, Heads      []string
	Testbeds, Specs      []string
	Benchmarks, Measures []string
	StartTime, EndTime   *time.Time
}

func (q PerfQuery) values() url.Values {
	v := url.Values{}
	for name, list := range map[string][]string{
		"branches": q.Branches, "heads": q.Heads, "testbeds": q.Testbeds, "specs": q.Specs, "benchmarks": q.Benchmarks, "measures": q.Measures,
	} {
		if len(list) > 0 {
			v.Set(name, strings.Join(list, ","))
		}
	}
	for name, t := range map[string]*time.Time{"start_time": q.StartTime, "end_time": q.EndTime} {
		if t != nil {
			v.Set(name, millis(t))
		}
	}
	return v
}

// Perf returns the lines of a query that have points. One over the server's limits is refused, never cut. It is sent as columns by a server
// that knows them.
func (c *Client) Perf(ctx context.Context, project string, q PerfQuery) (api.Perf, error) {
	values := q.values()
	values.Set("shape", "columns")
	answer, err := get[perfAnswer](ctx, c, at("projects", project, "perf"), values)
	if err != nil || answer.columns == nil {
		return answer.points, err
	}
	perf, err := answer.columns.Perf()
	if err != nil {
		return api.Perf{}, fault.Wrap(fault.Unavailable, err, "%s: the answer to a perf query is not whole", c.base)
	}
	return perf, nil
}

// CompareQuery asks for a comparison. Base and head are branches, commits, versions or reports as the server reads them; an empty base is
// what the head came from.
type CompareQuery struct {
	Base, Head, Testbed string
	Measures            []string
	Effect              float64 // largest change that still counts as the same, as a part; 0: the server's default
	Samples             bool    // with values of each row
}

// Compare says what is known of the difference between two sides of a project. known is false for a server that cannot compare: an older
// one, or one of another kind.
func (c *Client) Compare(ctx context.Context, project string, q CompareQuery) (out api.Comparison, known bool, err error) {
	v := url.Values{}
	for name, value := range map[string]string{"base": q.Base, "head": q.Head, "testbed": q.Testbed,
		"measure": strings.Join(q.Measures, ",")} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if q.Effect != 0 {
		v.Set("effect", strconv.FormatFloat(q.Effect, 'g', -1, 64))
	}
	if q.Samples {
		v.Set("samples", "true")
	}
	out, err = get[api.Comparison](ctx, c, at("projects", project, "compare"), v)
	if refused, ok := errors.AsType[*APIError](err); ok && !refused.answered &&
		(refused.Status == http.StatusNotFound || refused.Status == http.StatusMethodNotAllowed) {
		return out, false, nil
	}
	return out, true, err
}

// PerfColumns returns what Perf does, as it was sent: a list for each field of a point.
func (c *Client) PerfColumns(ctx context.Context, project string, q PerfQuery) (api.PerfColumns, error) {
	values := q.values()
	values.Set("shape", "columns")
	return get[api.PerfColumns](ctx, c, at("projects", project, "perf"), values)
}

// perfAnswer is columns, or what a server sends that does not know them.
type perfAnswer struct {
	columns *api.PerfColumns
	points  api.Perf
}

// UnmarshalJSON goes by the member that only columns have.
func (p *perfAnswer) UnmarshalJSON(text []byte) error {
	var columns struct {
		Thresholds *json.RawMessage `json:"thresholds"`
	}
	if err := json.Unmarshal(text, &columns); err != nil {
		return err
	}
	if columns.Thresholds == nil {
		return json.Unmarshal(text, &p.points)
	}
	p.columns = new(api.PerfColumns)
	return json.Unmarshal(text, p.columns)
}

// Metric returns one metric with what places it and with its samples.
func (c *Client) Metric(ctx context.Context, project, metric string) (api.OneMetric, error) {
	return get[api.OneMetric](ctx, c, at("projects", project, "metrics", metric), nil)
}

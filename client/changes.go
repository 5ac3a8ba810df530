package client

import (
	"context"
	"net/http"
	"time"

	"github.com/tachograph/tacho/api"
)

// EventQuery narrows a list of events. Branch and testbed are UUIDs, slugs or names; State is a state, or open. Without Kind all are meant
// but those of thresholds.
type EventQuery struct {
	Branch, Testbed string
	Benchmark       string // pattern with * and ?: events with a change of such a benchmark
	Kind            api.EventKind
	State           string
	Gone            bool // only those that are no longer significant; otherwise only the others
	Since           *time.Time
	Newest          bool // the newest first, instead of the surest and largest
}

// Events returns a page of what happened to the project's numbers.
func (c *Client) Events(ctx context.Context, project string, q EventQuery, p Page) ([]api.Event, int, error) {
	query := p.with("branch", q.Branch, "testbed", q.Testbed, "benchmark", q.Benchmark, "kind", string(q.Kind), "state", q.State)
	if q.Gone {
		query.Set("gone", "true")
	}
	if q.Since != nil {
		query.Set("since", q.Since.Format(time.RFC3339Nano))
	}
	if q.Newest {
		query.Set("sort", "newest")
	}
	return list[api.Event](ctx, c, at("projects", project, "events"), query)
}

// Event returns one event with why it is one.
func (c *Client) Event(ctx context.Context, project, event string) (api.Event, error) {
	return get[api.Event](ctx, c, at("projects", project, "events", event), nil)
}

// UpdateEvent lets something happen to an event.
func (c *Client) UpdateEvent(ctx context.Context, project, event string, in api.UpdateEvent) (api.Event, error) {
	return send[api.Event](ctx, c, call{method: http.MethodPatch, path: at("projects", project, "events", event), body: in})
}

// CheckEvent has the versions before and after an event measured again, in turns, and returns the event as it is while that runs.
func (c *Client) CheckEvent(ctx context.Context, project, event string, in api.NewEventCheck) (api.Event, error) {
	return send[api.Event](ctx, c, call{method: http.MethodPost, path: at("projects", project, "events", event, "check"), body: in})
}

// UpdateEvents lets the same happen to several events.
func (c *Client) UpdateEvents(ctx context.Context, project string, in api.UpdateEvents) (api.UpdatedEvents, error) {
	return send[api.UpdatedEvents](ctx, c, call{method: http.MethodPatch, path: at("projects", project, "events"), body: in})
}

// MarkReport marks a report as bad: its results are left out of lines.
func (c *Client) MarkReport(ctx context.Context, project, report, reason string) (api.ReportMark, error) {
	return send[api.ReportMark](ctx, c, call{method: http.MethodPut, path: at("projects", project, "reports", report, "mark"),
		body: api.NewReportMark{Reason: reason}})
}

// UnmarkReport lets a report's results count again.
func (c *Client) UnmarkReport(ctx context.Context, project, report string) error {
	return c.remove(ctx, at("projects", project, "reports", report, "mark"))
}

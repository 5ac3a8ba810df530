package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/event"
)

type listEventsInput struct {
	ProjectPath
	PageInput
	Branch    string    `query:"branch" maxLength:"256" doc:"UUID, slug or name"`
	Testbed   string    `query:"testbed" maxLength:"1024" doc:"UUID, slug or name"`
	Benchmark string    `query:"benchmark" maxLength:"1024" doc:"pattern with * and ?: events with a change of such a benchmark"`
	Kind      string    `query:"kind" enum:"code,machine,threshold" doc:"absent: all but those of thresholds"`
	State     string    `query:"state" maxLength:"32" doc:"one of the states, or open: somebody may have to do something"`
	Gone      bool      `query:"gone" doc:"only those that are no longer significant; otherwise only the others"`
	Since     time.Time `query:"since" doc:"made at this time or later"`
}

type EventPath struct {
	ProjectPath
	Event string `path:"event" maxLength:"36" doc:"UUID"`
}

// eventsOutput is a page of events, and what their reader should know of how they were judged.
type eventsOutput struct {
	Total  int    `header:"X-Total-Count"`
	Notice string `header:"X-Tacho-Notice" doc:"the project's policy cannot be read, and the default holds; absent: it can"`
	Body   []api.Event
}

// newestFirst reads the order of events, which has a meaning here: no client of Bencher knows this list.
func newestFirst(sort string) (bool, error) {
	switch sort {
	case "", "score":
		return false, nil
	case "newest":
		return true, nil
	}
	return false, fault.Invalidf("sort %.40q: want score (the surest and largest first) or newest", sort)
}

func (a *API) registerEvents() {
	const all, one = "/v0/projects/{project}/events", "/v0/projects/{project}/events/{event}"
	register(a, operation{http.MethodGet, all, "list-events",
		"What happened to the numbers of the project, the surest and largest first, or by sort=newest", access.ViewProject, 0, 0},
		func(ctx context.Context, in *listEventsInput) (*eventsOutput, error) {
			newest, err := newestFirst(in.Sort)
			if err != nil {
				return nil, err
			}
			f := event.NamedFilter{Branch: in.Branch, Testbed: in.Testbed, Benchmark: in.Benchmark, Kind: event.Kind(in.Kind),
				State: in.State, Gone: in.Gone, Newest: newest}
			if !in.Since.IsZero() {
				f.Since = &in.Since
			}
			rows, total, err := a.cfg.Events.List(ctx, actorOf(ctx), in.Project, f, in.page(true))
			if err != nil {
				return nil, err
			}
			notice, err := a.cfg.Policies.Problem(ctx, actorOf(ctx), in.Project)
			return &eventsOutput{total, notice, rows}, err
		})
	register(a, operation{http.MethodPatch, all, "update-events", "Let the same happen to several events", access.EditProject, 0, 0},
		func(ctx context.Context, in *struct {
			ProjectPath
			Body api.UpdateEvents
		}) (*bodyOutput[api.UpdatedEvents], error) {
			return body(a.cfg.Events.UpdateMany(ctx, actorOf(ctx), in.Project, in.Body))
		})
	register(a, operation{http.MethodPatch, one, "update-event", "Acknowledge, accept, ignore, fix or reopen an event", access.EditProject,
		0, 0},
		func(ctx context.Context, in *struct {
			EventPath
			Body api.UpdateEvent
		}) (*bodyOutput[api.Event], error) {
			return body(a.cfg.Events.Update(ctx, actorOf(ctx), in.Project, in.Event, in.Body))
		})
	register(a, operation{http.MethodPost, one + "/check", "check-event",
		"Measure the versions before and after an event again, in turns, to check it", access.EditProject, http.StatusCreated, 0},
		func(ctx context.Context, in *struct {
			EventPath
			Body api.NewEventCheck
		}) (*bodyOutput[api.Event], error) {
			return body(a.cfg.Events.Check(ctx, actorOf(ctx), in.Project, in.Event, in.Body))
		})
	const mark = "/v0/projects/{project}/reports/{report}/mark"
	register(a, operation{http.MethodPut, mark, "mark-report", "Mark a report as bad: its results are left out of lines",
		access.EditProject, 0, 0}, func(ctx context.Context, in *struct {
		ReportPath
		Body api.NewReportMark
	}) (*bodyOutput[api.ReportMark], error) {
		return body(a.cfg.Events.Mark(ctx, actorOf(ctx), in.Project, in.Report, in.Body.Reason))
	})
	register(a, operation{http.MethodDelete, mark, "unmark-report", "Let a report's results count again", access.EditProject,
		http.StatusNoContent, 0},
		func(ctx context.Context, in *ReportPath) (*emptyOutput, error) {
			return &emptyOutput{}, a.cfg.Events.Unmark(ctx, actorOf(ctx), in.Project, in.Report)
		})
	register(a, operation{http.MethodGet, one, "get-event", "One event, with why it is one", access.ViewProject, 0, 0},
		func(ctx context.Context, in *EventPath) (*bodyOutput[api.Event], error) {
			return body(a.cfg.Events.Get(ctx, actorOf(ctx), in.Project, in.Event))
		})
}

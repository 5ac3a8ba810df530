package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/server/event"
)

type listEventsInput struct {
	ProjectPath
	PageInput
	Branch  string    `query:"branch" maxLength:"256" doc:"UUID, slug or name"`
	Testbed string    `query:"testbed" maxLength:"1024" doc:"UUID, slug or name"`
	Kind    string    `query:"kind" enum:"code,machine,threshold" doc:"absent: all but those of thresholds"`
	State   string    `query:"state" maxLength:"32" doc:"one of the states, or open: somebody may have to do something"`
	Gone    bool      `query:"gone" doc:"only those that are no longer significant; otherwise only the others"`
	Since   time.Time `query:"since" doc:"made at this time or later"`
}

type EventPath struct {
	ProjectPath
	Event string `path:"event" maxLength:"36" doc:"UUID"`
}

func (a *API) registerEvents() {
	const all, one = "/v0/projects/{project}/events", "/v0/projects/{project}/events/{event}"
	register(a, operation{http.MethodGet, all, "list-events",
		"What happened to the numbers of the project, the surest and largest first, or by sort=newest", access.ViewProject, 0, 0},
		func(ctx context.Context, in *listEventsInput) (*listOutput[api.Event], error) {
			f := event.NamedFilter{Branch: in.Branch, Testbed: in.Testbed, Kind: event.Kind(in.Kind), State: in.State, Gone: in.Gone,
				Newest: in.Sort == "newest"}
			if !in.Since.IsZero() {
				f.Since = &in.Since
			}
			return listed(a.cfg.Events.List(ctx, actorOf(ctx), in.Project, f, in.page(true)))
		})
	register(a, operation{http.MethodGet, one, "get-event", "One event, with why it is one", access.ViewProject, 0, 0},
		func(ctx context.Context, in *EventPath) (*bodyOutput[api.Event], error) {
			return body(a.cfg.Events.Get(ctx, actorOf(ctx), in.Project, in.Event))
		})
}

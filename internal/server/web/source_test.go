package web

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/event"
	"github.com/tachograph/tacho/internal/server/explore"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/threshold"
)

// canned is a source that knows one of everything, by path, and notes what it was asked.
type canned struct {
	answers map[string]any

	mu     sync.Mutex
	asked  []string // paths, and what was done
	drawn  explore.PictureQuery
	filter event.NamedFilter // of events
	most   map[string]int    // results asked for, by report
	actor  access.Actor      // of the last question
}

func answer[T any](c *canned, actor access.Actor, path string) (out T, total int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked, c.actor = append(c.asked, path), actor
	found, ok := c.answers[path]
	if !ok {
		return out, 0, fault.Missingf("%s does not exist", path)
	}
	raw, err := json.Marshal(found)
	if err != nil {
		return out, 0, err
	}
	var list []json.RawMessage
	_ = json.Unmarshal(raw, &list)
	return out, len(list), json.Unmarshal(raw, &out)
}

func one[T any](c *canned, actor access.Actor, path string) (T, error) {
	out, _, err := answer[T](c, actor, path)
	return out, err
}

func (c *canned) did(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, what)
}

func (c *canned) Projects(_ context.Context, a access.Actor, _ store.ListFilter) ([]api.Project, int, error) {
	return answer[[]api.Project](c, a, "/projects")
}

func (c *canned) Project(_ context.Context, a access.Actor, project string) (api.Project, error) {
	return one[api.Project](c, a, "/projects/"+project)
}

// in is the path of something in the one project.
func in(rest string) string { return "/projects/words/" + rest }

func (c *canned) Alerts(_ context.Context, a access.Actor, _ string, _ threshold.AlertFilter, _ store.Page) ([]api.Alert, int, error) {
	return answer[[]api.Alert](c, a, in("alerts"))
}

func (c *canned) Alert(_ context.Context, a access.Actor, _, id string) (api.Alert, error) {
	return one[api.Alert](c, a, in("alerts/"+id))
}

func (c *canned) SetAlertStatus(_ context.Context, a access.Actor, project, id string, status api.AlertStatus) error {
	c.did("alert " + project + " " + id + " " + string(status))
	if a.Kind != access.User {
		return fault.Unauthorizedf("nobody may do this without a name")
	}
	return nil
}

func (c *canned) Threshold(_ context.Context, a access.Actor, _, id string) (api.Threshold, error) {
	return one[api.Threshold](c, a, in("thresholds/"+id))
}

func (c *canned) Reports(_ context.Context, a access.Actor, _ string, _ store.Page) ([]api.Report, int, error) {
	return answer[[]api.Report](c, a, in("reports"))
}

func (c *canned) Report(_ context.Context, a access.Actor, _, id string, most int) (api.Report, error) {
	c.mu.Lock()
	if c.most == nil {
		c.most = map[string]int{}
	}
	c.most[id] = most
	c.mu.Unlock()
	return one[api.Report](c, a, in("reports/"+id))
}

func (c *canned) Picture(_ context.Context, a access.Actor, _ string, q explore.PictureQuery) (explore.Picture, error) {
	c.mu.Lock()
	c.drawn = q
	c.mu.Unlock()
	return one[explore.Picture](c, a, in("perf"))
}

func (c *canned) Plots(_ context.Context, a access.Actor, _ string, page store.Page) ([]api.Plot, int, error) {
	rows, total, err := answer[[]api.Plot](c, a, in("plots"))
	return rows[min(page.Offset, len(rows)):min(page.Offset+page.Limit, len(rows))], total, err
}

func (c *canned) KeepPlot(_ context.Context, _ access.Actor, project string, in api.NewPlot) error {
	text, err := json.Marshal(in)
	c.did("keep " + project + " " + string(text))
	return err
}

func (c *canned) MovePlot(_ context.Context, _ access.Actor, project, id string, index int) error {
	c.did(fmt.Sprint("move ", project, " ", id, " ", index))
	return nil
}

func (c *canned) DropPlot(_ context.Context, _ access.Actor, project, id string) error {
	c.did("drop " + project + " " + id)
	return nil
}

func (c *canned) Things(_ context.Context, a access.Actor, _ string, what Things, _ store.ListFilter) ([]Thing, int, error) {
	return answer[[]Thing](c, a, in(string(what)))
}

func (c *canned) Jobs(_ context.Context, a access.Actor, _ string, _ api.JobStatus, _ store.Page) ([]api.Job, int, error) {
	return answer[[]api.Job](c, a, in("jobs"))
}

func (c *canned) Job(_ context.Context, a access.Actor, _, id string) (api.Job, error) {
	return one[api.Job](c, a, in("jobs/"+id))
}

func (c *canned) ControlJob(_ context.Context, _ access.Actor, project, id string, status api.JobStatus) (api.Job, error) {
	c.did("job " + project + " " + id + " " + string(status))
	return api.Job{}, nil
}

func (c *canned) Runners(_ context.Context, a access.Actor, _ store.ListFilter) ([]api.Runner, int, error) {
	return answer[[]api.Runner](c, a, "/runners")
}

func (c *canned) Specs(_ context.Context, a access.Actor, _ store.ListFilter) ([]api.Spec, int, error) {
	return answer[[]api.Spec](c, a, "/specs")
}

func (c *canned) SignIn(_ context.Context, key, _ string) (account.Session, error) {
	if key != "right" {
		return account.Session{}, fault.Unauthorizedf("the key is not known")
	}
	return account.Session{Token: "token", Expires: now}, nil
}

func (c *canned) SignOut(_ context.Context, token string) error {
	c.did("sign out " + token)
	return nil
}

func (c *canned) Events(_ context.Context, a access.Actor, _ string, f event.NamedFilter, _ store.Page) ([]api.Event, int, error) {
	c.mu.Lock()
	c.filter = f
	c.mu.Unlock()
	all, total, err := answer[[]api.Event](c, a, in("events"))
	if f.Branch == "nowhere" {
		return nil, 0, fault.Missingf("branch %q does not exist", f.Branch)
	}
	if f.Kind != "" {
		all = slices.DeleteFunc(all, func(e api.Event) bool { return string(e.Kind) != string(f.Kind) })
		total = len(all)
	}
	return all, total, err
}

func (c *canned) Event(_ context.Context, a access.Actor, _, id string) (api.Event, error) {
	return one[api.Event](c, a, in("events/"+id))
}

func (c *canned) Sight(_ context.Context, a access.Actor, _, _, _, _ string, _ []string) (event.Sight, error) {
	return one[event.Sight](c, a, in("sight"))
}

func (c *canned) PolicyProblem(_ context.Context, a access.Actor, _ string) (string, error) {
	if _, has := c.answers[in("policy problem")]; !has {
		return "", nil
	}
	return one[string](c, a, in("policy problem"))
}

func (c *canned) Changes(_ context.Context, a access.Actor, _ string, _, _, _, _ []string) ([]event.LineChange, error) {
	return one[[]event.LineChange](c, a, in("changes"))
}

// Sparks are all alike.
func (c *canned) Sparks(_ context.Context, a access.Actor, _ string, queries []explore.SparkQuery) ([][]explore.Spark, error) {
	spark, err := one[explore.Spark](c, a, in("sparks"))
	out := make([][]explore.Spark, len(queries))
	for i, q := range queries {
		for range q.Lines {
			out[i] = append(out[i], spark)
		}
	}
	return out, err
}

func (c *canned) UpdateEvent(_ context.Context, _ access.Actor, project, id string, in api.UpdateEvent) error {
	text, err := json.Marshal(in)
	c.did("event " + project + " " + id + " " + string(text))
	return err
}

func (c *canned) UpdateEvents(_ context.Context, _ access.Actor, project string, in api.UpdateEvents) (out api.UpdatedEvents, err error) {
	text, err := json.Marshal(in)
	c.did("events " + project + " " + string(text))
	if slices.Contains(in.Events, "stubborn") {
		out.Events, out.Refused = make([]api.Event, len(in.Events)-1), []api.RefusedEvent{{UUID: "stubborn", Reason: "it is fixed"}}
	}
	return out, err
}

func (c *canned) CheckEvent(_ context.Context, _ access.Actor, project, id string, in api.NewEventCheck) error {
	text, err := json.Marshal(in)
	c.did("check " + project + " " + id + " " + string(text))
	return err
}

func (c *canned) Compare(_ context.Context, a access.Actor, _ string, q explore.CompareQuery) (api.Comparison, error) {
	if q.Head == "nobody" {
		return api.Comparison{}, fault.Missingf("%q is no branch and no commit of project %q", q.Head, "words")
	}
	return one[api.Comparison](c, a, in("compare"))
}

package web

import (
	"net/http"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	coreevent "github.com/tachograph/tacho/internal/core/event"
	"github.com/tachograph/tacho/internal/core/fault"
)

// acting is the form by which people act on events: on one, whose version they saw, or on those that they tick.
type acting struct {
	Action, Back, Version string
	Verbs                 []verbButton
	Until                 bool // one of the verbs takes the end of ignoring
}

type verbButton struct{ Verb, Text string }

// verbTexts are the buttons in the order in which they are shown.
var verbTexts = []verbButton{{string(api.AckEvent), "Acknowledge"}, {string(api.AcceptEvent), "Accept the new level"},
	{string(api.IgnoreEvent), "Ignore"}, {string(api.FixEvent), "Mark as fixed"}, {string(api.ReopenEvent), "Reopen"}}

// bulkVerbs are those for many events at once.
var bulkVerbs = []verbButton{{string(api.AckEvent), "Acknowledge"}, {string(api.AcceptEvent), "Accept"},
	{string(api.IgnoreEvent), "Ignore"}}

// verbsIn are the verbs that change something in a state.
func verbsIn(state api.EventState) []verbButton {
	var out []verbButton
	for _, v := range verbTexts {
		next, err := coreevent.Next("", coreevent.State(state), coreevent.Verb(v.Verb))
		if err == nil && next != coreevent.State(state) {
			out = append(out, v)
		}
	}
	return out
}

// actOn is nil for who may not act in the project, and where there is nothing to do. Whether they may is asked again when they do.
func actOn(r *http.Request, project api.Project, action string, verbs []verbButton) *acting {
	if len(verbs) == 0 || access.Authorize(reader(r), access.EditProject, access.Resource{ProjectID: project.UUID,
		OrganizationID: project.Organization, Name: project.Slug}) != nil {
		return nil
	}
	made := &acting{Action: action, Back: with(r), Verbs: verbs}
	for _, v := range verbs {
		made.Until = made.Until || v.Verb == string(api.IgnoreEvent)
	}
	return made
}

// asked reads what is to happen from a form.
func asked(r *http.Request) (in api.UpdateEvent, err error) {
	in.Verb, in.Reason = api.EventVerb(r.PostFormValue("verb")), r.PostFormValue("reason")
	if text := r.PostFormValue("until"); text != "" && in.Verb == api.IgnoreEvent { // the others do not look at the field
		day, err := time.Parse(time.DateOnly, text)
		if err != nil {
			return in, fault.Invalidf("until %.20q: want a day as in 2026-12-31", text)
		}
		in.Until = &day
	}
	return in, nil
}

// eventForms registers what people do about events.
func (p *Pages) eventForms() {
	p.handle("POST /projects/{project}/events", p.form(func(_ http.ResponseWriter, r *http.Request) error {
		in, err := asked(r)
		if err != nil {
			return err
		}
		chosen := r.PostForm["event"]
		if len(chosen) == 0 {
			return fault.Invalidf("no event is ticked: go back and tick those that are meant")
		}
		done, err := p.cfg.Source.UpdateEvents(r.Context(), reader(r), r.PathValue("project"), api.UpdateEvents{UpdateEvent: in, Events: chosen})
		if err != nil || len(done.Refused) == 0 {
			return err
		}
		return fault.Conflictf("changed %s; %d stayed as they are, the first because %s", plural(len(done.Events), "event", "events"),
			len(done.Refused), done.Refused[0].Reason)
	}))
	p.handle("POST /projects/{project}/events/{event}", p.form(func(_ http.ResponseWriter, r *http.Request) error {
		in, err := asked(r)
		if err != nil {
			return err
		}
		if in.Version, err = seenVersion(r.PostFormValue("version")); err != nil {
			return err
		}
		return p.cfg.Source.UpdateEvent(r.Context(), reader(r), r.PathValue("project"), r.PathValue("event"), in)
	}))
	p.handle("POST /projects/{project}/events/{event}/check", p.form(func(_ http.ResponseWriter, r *http.Request) error {
		in, err := askedCheck(r)
		if err != nil {
			return err
		}
		return p.cfg.Source.CheckEvent(r.Context(), reader(r), r.PathValue("project"), r.PathValue("event"), in)
	}))
}

// seenVersion is the version of an event that the reader of a form saw; 0: any.
func seenVersion(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	v, err := rangeEnd(text)
	if err != nil || *v < 1 {
		return 0, fault.Invalidf("version %.20q of the event is not a number", text)
	}
	return int64(*v), nil
}

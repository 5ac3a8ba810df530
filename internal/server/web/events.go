package web

import (
	"context"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	coreevent "github.com/tachograph/tacho/internal/core/event"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/unit"
	"github.com/tachograph/tacho/internal/server/chart"
	"github.com/tachograph/tacho/internal/server/event"
	"github.com/tachograph/tacho/internal/server/explore"
	"github.com/tachograph/tacho/internal/server/store"
)

// EventSource is what pages of events ask and do.
type EventSource interface {
	Events(ctx context.Context, actor access.Actor, project string, f event.NamedFilter, page store.Page) ([]api.Event, int, error)
	Event(ctx context.Context, actor access.Actor, project, id string) (api.Event, error)
	Sight(ctx context.Context, actor access.Actor, project, branch, testbed, measure string, benchmarks []string) (event.Sight, error)
	Changes(ctx context.Context, actor access.Actor, project string, branches, testbeds, benchmarks, measures []string) ([]event.LineChange,
		error)
	Sparks(ctx context.Context, actor access.Actor, project string, queries []explore.SparkQuery) ([][]explore.Spark, error)
	UpdateEvent(ctx context.Context, actor access.Actor, project, id string, in api.UpdateEvent) error
	PolicyProblem(ctx context.Context, actor access.Actor, project string) (string, error)
	UpdateEvents(ctx context.Context, actor access.Actor, project string, in api.UpdateEvents) (api.UpdatedEvents, error)
	CheckEvent(ctx context.Context, actor access.Actor, project, id string, in api.NewEventCheck) error
}

// Events is described in EventSource, like the methods below.
func (s Services) Events(ctx context.Context, actor access.Actor, project string, f event.NamedFilter, page store.Page) ([]api.Event, int,
	error) {
	return s.Happened.List(ctx, actor, project, f, page)
}

// Event is described in EventSource.
func (s Services) Event(ctx context.Context, actor access.Actor, project, id string) (api.Event, error) {
	return s.Happened.Get(ctx, actor, project, id)
}

// Sight is described in EventSource.
func (s Services) Sight(ctx context.Context, actor access.Actor, project, branch, testbed, measure string,
	benchmarks []string) (event.Sight, error) {
	return s.Happened.Sight(ctx, actor, project, branch, testbed, measure, benchmarks)
}

// Changes is described in EventSource.
func (s Services) Changes(ctx context.Context, actor access.Actor, project string, branches, testbeds, benchmarks,
	measures []string) ([]event.LineChange, error) {
	return s.Happened.Changes(ctx, actor, project, branches, testbeds, benchmarks, measures)
}

// Sparks is described in EventSource.
func (s Services) Sparks(ctx context.Context, actor access.Actor, project string, queries []explore.SparkQuery) ([][]explore.Spark, error) {
	return s.Explore.Sparks(ctx, actor, project, queries)
}

// PolicyProblem is described in EventSource.
func (s Services) PolicyProblem(ctx context.Context, actor access.Actor, project string) (string, error) {
	return s.Policies.Problem(ctx, actor, project)
}

// UpdateEvent is described in EventSource.
func (s Services) UpdateEvent(ctx context.Context, actor access.Actor, project, id string, in api.UpdateEvent) error {
	_, err := s.Happened.Update(ctx, actor, project, id, in)
	return err
}

// UpdateEvents is described in EventSource.
func (s Services) UpdateEvents(ctx context.Context, actor access.Actor, project string, in api.UpdateEvents) (api.UpdatedEvents, error) {
	return s.Happened.UpdateMany(ctx, actor, project, in)
}

// CheckEvent is described in EventSource.
func (s Services) CheckEvent(ctx context.Context, actor access.Actor, project, id string, in api.NewEventCheck) error {
	_, err := s.Happened.Check(ctx, actor, project, id, in)
	return err
}

// Around an event so many versions after its last one are drawn, of so many reports in all.
const (
	versionsAfter = 24
	reportsAround = 48
)

// listedEvent is an event in a list. Box is its check box, for who may act on it.
type listedEvent struct {
	UUID, Href, Benchmark, Measure, More         string
	Before, After, Effect, EffectClass, Interval string
	Branch, Testbed, Commits, Subject, Gone      string
	Kind, State                                  pill
	Spark                                        template.HTML
	When                                         moment
	Box                                          bool
}

func eventHref(project api.Project, uuid string) string {
	return "/projects/" + url.PathEscape(project.Slug) + "/events/" + url.PathEscape(uuid)
}

func eventsHref(project api.Project, pairs ...string) string {
	path := "/projects/" + url.PathEscape(project.Slug) + "/events"
	if len(pairs) == 0 {
		return path
	}
	return path + "?" + query(pairs...).Encode()
}

// listedEvents are events as they are listed, each with a small picture of its largest change.
func (p *Pages) listedEvents(r *http.Request, project api.Project, events []api.Event) ([]listedEvent, error) {
	rows := make([]listedEvent, len(events))
	queries := make([]explore.SparkQuery, 0, len(events))
	var of []int
	for i, e := range events {
		rows[i] = p.listedEvent(project, e)
		if len(e.Changes) > 0 {
			queries, of = append(queries, around(e, e.Changes[0].Spec, e.Changes[:1])), append(of, i)
		}
	}
	sparks, err := p.cfg.Source.Sparks(r.Context(), reader(r), project.UUID, queries)
	if err != nil {
		return nil, err
	}
	for n, i := range of {
		if n < len(sparks) && len(sparks[n]) > 0 {
			rows[i].Spark = sparkOf(events[i].Changes[0], sparks[n][0])
		}
	}
	return rows, nil
}

// around asks for what changes of an event look like, of one hardware spec.
func around(e api.Event, spec string, changes []api.EventChange) explore.SparkQuery {
	upTo := e.Last.Number + versionsAfter
	q := explore.SparkQuery{Head: e.Head, Testbed: e.Testbed.UUID, Spec: &spec, UpTo: &upTo, Reports: reportsAround}
	for _, c := range changes {
		q.Lines = append(q.Lines, explore.SparkLine{Benchmark: c.Benchmark.UUID, Measure: c.Measure.UUID})
	}
	return q
}

// placeOf is where the values of a change begin among those of a line.
func placeOf(c api.EventChange, s explore.Spark) int {
	i, _ := slices.BinarySearch(s.Numbers, c.Number)
	return i
}

func sparkOf(c api.EventChange, s explore.Spark) template.HTML {
	if len(s.Values) == 0 {
		return ""
	}
	title := fmt.Sprintf("%d values from version %d to %d", len(s.Values), s.Numbers[0], s.Numbers[len(s.Numbers)-1])
	//nolint:gosec // package chart escapes all text in it
	return template.HTML(chart.Spark{Title: title, Values: s.Values, Change: placeOf(c, s), Class: directionClass(c)}.SVG())
}

func (p *Pages) listedEvent(project api.Project, e api.Event) listedEvent {
	row := listedEvent{UUID: e.UUID, Href: eventHref(project, e.UUID), Branch: e.Branch.Name, Testbed: e.Testbed.Name,
		Commits: commitsText(e), Kind: kindPill(e.Kind), State: statePill(e), When: p.when(e.Created), Benchmark: "no change any more"}
	if c := e.First.Commit; c != nil && e.First.Number == e.Last.Number && e.Kind == api.CodeEvent {
		row.Subject = c.Subject
	}
	if e.Gone {
		row.Gone = "newer results do not show it any more"
	}
	if len(e.Changes) == 0 {
		if e.Kind == api.ThresholdEvent {
			row.Benchmark = plural(e.Alerts, "alert of a threshold", "alerts of thresholds")
		}
		return row
	}
	c := e.Changes[0]
	row.Benchmark, row.Measure = c.Benchmark.Name, c.Measure.Name
	row.Before, row.After = unit.Format(c.Before, c.Units), unit.Format(c.After, c.Units)
	row.Effect, row.Interval, row.EffectClass = effectText(c), intervalText(c), directionClass(c)
	if e.Total > 1 {
		row.More = "and " + strconv.Itoa(e.Total-1) + " more series"
	}
	return row
}

func kindPill(k api.EventKind) pill {
	switch k {
	case api.MachineEvent:
		return pill{"machine", "info"}
	case api.ThresholdEvent:
		return pill{"threshold", ""}
	}
	return pill{string(k), ""}
}

// statePill is red for what is surely worse, and green for what is surely better or done with.
func statePill(e api.Event) pill {
	s := e.State
	switch s {
	case api.EventConfirmed:
		switch {
		case e.Worse > 0:
			return pill{string(s), "bad"}
		case e.Better > 0:
			return pill{string(s), "good"}
		}
		return pill{string(s), "warn"}
	case api.EventSuspected, api.EventChecking, api.EventUndecided:
		return pill{string(s), "warn"}
	case api.EventAcknowledged:
		return pill{string(s), "info"}
	case api.EventAccepted, api.EventFixed, api.EventRefuted:
		return pill{string(s), "good"}
	}
	return pill{string(s), ""}
}

// directionClass is up for worse and down for better, as in change.
func directionClass(c api.EventChange) string {
	switch c.Direction {
	case "worse":
		return "up"
	case "better":
		return "down"
	}
	return ""
}

// rawScale is the scale of effects that are differences in the measure's units.
const rawScale = "raw"

// signed writes an effect on a scale: "+12 %", or "+3 ns".
func signed(v float64, scale, units string) string {
	sign := ""
	if v > 0 {
		sign = "+"
	}
	if scale == rawScale {
		return sign + unit.Format(v, units)
	}
	return sign + judge.Percent(v)
}

// effectText is a change's effect; "new" where there is no ratio.
func effectText(c api.EventChange) string {
	if c.Effect == nil {
		return "new level"
	}
	return signed(*c.Effect, c.Scale, c.Units)
}

func intervalText(c api.EventChange) string {
	switch {
	case c.Exact:
		return "exact"
	case c.Lower == nil || c.Upper == nil:
		return ""
	}
	return signed(*c.Lower, c.Scale, c.Units) + " … " + signed(*c.Upper, c.Scale, c.Units)
}

// gradeText is a grade and the runs of identical code that it is from; empty if there were none.
func gradeText(grade string, runs int) string {
	switch {
	case runs == 0:
		return ""
	case grade == "":
		return fmt.Sprintf("learning, n=%d", runs)
	}
	return fmt.Sprintf("grade %s, n=%d", grade, runs)
}

// detectableText says how small a lasting step would be found.
func detectableText(c api.EventChange) string {
	switch {
	case c.Exact:
		return "any"
	case c.Detectable == nil:
		return "–"
	case c.Scale == rawScale:
		return unit.Format(*c.Detectable, c.Units)
	}
	return judge.Percent(*c.Detectable)
}

func probabilityText(c api.EventChange) string {
	switch {
	case c.Exact:
		return "–"
	case c.P < 1e-6 || math.IsNaN(c.P):
		return "< 0.000001"
	}
	return strconv.FormatFloat(c.P, 'g', 2, 64)
}

// commitsText are the versions that an event may have come with.
func commitsText(e api.Event) string {
	if e.First.Number == e.Last.Number {
		return versionText(&e.Last.Version)
	}
	return versionText(&e.First.Version) + " … " + versionText(&e.Last.Version)
}

type inboxView struct {
	Filters                                              []link
	Branch, Testbed, Benchmark, Kind, State, ProjectHref string
	Branches, Testbeds                                   []string
	Kinds, States                                        []option
	Gone                                                 bool
	Problem                                              string // of the policy
	Unknown                                              string // what the filter names and nobody knows
	Rows                                                 []listedEvent
	Total                                                string
	Pages                                                pager
	Act                                                  *acting
}

// inbox is the list of events: the surest and largest first.
func (p *Pages) inbox(r *http.Request) (page, error) {
	project, err := p.loadProject(r)
	if err != nil {
		return page{}, err
	}
	q := r.URL.Query()
	view := inboxView{ProjectHref: "/projects/" + url.PathEscape(project.Slug), Benchmark: q.Get("benchmark"), Branch: q.Get("branch"),
		Testbed: q.Get("testbed"), Kind: q.Get("kind"), State: q.Get("state"),
		Gone: q.Get("gone") == "1"}
	if !q.Has("state") && !view.Gone {
		view.State = "open"
	}
	f := event.NamedFilter{Branch: view.Branch, Testbed: view.Testbed, Benchmark: view.Benchmark, Kind: event.Kind(view.Kind),
		State: view.State, Gone: view.Gone}
	events, total, err := p.cfg.Source.Events(r.Context(), reader(r), project.UUID, f, window(r))
	switch {
	case err != nil && fault.Is(err, fault.Missing) && f.Branch+f.Testbed != "": // of the filter: the project was found
		view.Unknown = fault.Message(err)
	case err != nil:
		return page{}, err
	}
	if view.Rows, err = p.listedEvents(r, project, events); err != nil {
		return page{}, err
	}
	if view.Problem, err = p.cfg.Source.PolicyProblem(r.Context(), reader(r), project.UUID); err != nil {
		return page{}, err
	}
	view.Kinds = options(view.Kind, option{Value: "", Text: "changes"}, option{Value: "code", Text: "code"},
		option{Value: "machine", Text: "machine"}, option{Value: "threshold", Text: "threshold"})
	view.States = options(view.State, option{Value: "open", Text: "open"}, option{Value: "", Text: "any state"})
	for _, s := range []api.EventState{api.EventSuspected, api.EventChecking, api.EventConfirmed, api.EventRefuted, api.EventUndecided,
		api.EventAcknowledged, api.EventAccepted, api.EventIgnored, api.EventFixed} {
		view.States = append(view.States, options(view.State, option{Value: string(s), Text: string(s)})...)
	}
	view.Pages, view.Total = pagesOf(r, total), plural(total, "event", "events")
	if view.Act = actOn(r, project, eventsHref(project), bulkVerbs); view.Act != nil {
		for i := range view.Rows {
			view.Rows[i].Box = true
		}
	}
	for _, list := range []struct {
		what Things
		into *[]string
	}{{Branches, &view.Branches}, {Testbeds, &view.Testbeds}} {
		things, _, err := p.cfg.Source.Things(r.Context(), reader(r), project.UUID, list.what, store.ListFilter{Page: store.Page{
			Limit: optionsPerChooser}})
		if err != nil {
			return page{}, err
		}
		*list.into = store.Map(things, func(t Thing) string { return t.Name })
	}
	return page{template: "events", title: "What changed", section: "projects", crumbs: projectCrumbs(project),
		tabs: projectTabs(project.Slug, "Changes"), scripts: []string{"inbox.js"}, view: view}, nil
}

// options ticks the one with the value that was chosen.
func options(chosen string, all ...option) []option {
	for i := range all {
		all[i].Checked = all[i].Value == chosen
	}
	return all
}

// stateSentence says how sure an event is and what became of it.
func stateSentence(e api.Event) string {
	switch e.State {
	case api.EventSuspected:
		switch n := len(e.Steps); {
		case n > 0 && e.Steps[n-1].Verb == string(coreevent.Withdraw):
			return "It is suspected again: it was confirmed, and later values took that back."
		case slices.ContainsFunc(e.Changes, func(c api.EventChange) bool { return c.Settled && c.Weak }):
			return "It is suspected: too few values show it in the noise of its series."
		}
		return "It is suspected: fewer than five values follow it, and nobody was told."
	case api.EventChecking:
		return "It is being checked by a rerun."
	case api.EventConfirmed:
		if e.Settled {
			return "It is confirmed: five or more values follow it."
		}
		return "It is confirmed by a rerun."
	case api.EventRefuted:
		if e.Settled {
			return "It was refuted: a rerun saw no difference between the versions. Five or more values have the new level all the same, so " +
				"look for a cause outside of these commits."
		}
		return "It was refuted: a rerun saw no difference between the versions."
	case api.EventUndecided:
		return "It is undecided: a rerun could not say."
	case api.EventAcknowledged:
		return "Somebody is on it."
	case api.EventAccepted:
		return "The new level was accepted."
	case api.EventIgnored:
		if e.Until != nil {
			return "It is ignored until " + e.Until.UTC().Format("2 Jan 2006 15:04") + " UTC."
		}
		return "It is ignored."
	case api.EventFixed:
		return "It was marked as fixed."
	}
	return ""
}

// eventSentence says what happened, how sure that is, and since when.
func eventSentence(e api.Event) string {
	var text strings.Builder
	where := fmt.Sprintf(" on %s, testbed %s", e.Branch.Name, e.Testbed.Name)
	switch {
	case e.Kind == api.ThresholdEvent:
		text.WriteString(plural(e.Alerts, "alert of a threshold", "alerts of thresholds") + where + " that no change explains")
	case e.Kind == api.MachineEvent:
		text.WriteString("The machine changed: " + movedText(e) + where)
	default:
		text.WriteString(strings.ToUpper(movedText(e)[:1]) + movedText(e)[1:] + where)
	}
	if len(e.Changes) > 0 {
		c := e.Changes[0]
		lead := ": "
		if e.Total > 1 {
			lead = "; the largest is "
		}
		fmt.Fprintf(&text, "%s%s, %s: %s", lead, c.Benchmark.Name, c.Measure.Name, effectText(c))
		if interval := intervalText(c); interval != "" && !c.Exact {
			text.WriteString(" (95 % interval " + interval + ")")
		}
	}
	text.WriteString(". ")
	if n := e.Last.Number - e.First.Number + 1; n > 1 {
		fmt.Fprintf(&text, "It came with one of %d versions, %s. ", n, commitsText(e))
	} else {
		fmt.Fprintf(&text, "It came with version %s. ", commitsText(e))
	}
	if e.Gone {
		text.WriteString("Newer or late results do not show it any more. ")
	}
	text.WriteString(stateSentence(e))
	return text.String()
}

// movedText says how many series changed, and which way.
func movedText(e api.Event) string {
	switch {
	case e.Worse > 0 && e.Worse == e.Total:
		return plural(e.Worse, "series became worse", "series became worse")
	case e.Better > 0 && e.Better == e.Total:
		return plural(e.Better, "series became better", "series became better")
	case e.Worse+e.Better == 0:
		return plural(e.Total, "series changed", "series changed")
	}
	return fmt.Sprintf("%d series changed (%d worse, %d better)", e.Total, e.Worse, e.Better)
}

type eventView struct {
	Kind, State  pill
	Sentence     string
	Tone         string
	Figure       *figure
	PlotHref     string
	Rows         []changeRow
	Shown        string // how many of the series, where not all
	Commits      []commitRow
	CommitsShown string // how many of the versions, where not all
	CommitsTold  bool   // of some, somebody said who wrote them
	RangeHref    string
	CompareHref  string
	Reasons      []string
	Steps        []stepRow
	Reason       string
	Act          *acting
	Check        *checking
	Checks       []checkView
}

// changeRow is a series of an event.
type changeRow struct {
	Benchmark, Measure, PlotHref, Before, After, Effect, EffectClass, Interval, N, P, Detectable, Grade, Notes string
	Sides                                                                                                      template.HTML
}

// commitRow is a version that an event may have come with, or a commit before it that was not measured: then Version is empty.
type commitRow struct{ Version, Hash, Href, Subject, Author, ReportHref string }

type stepRow struct {
	When                 moment
	Verb, Change, Reason string
}

// Of an event so many series are shown, and so many of the first with their values.
const (
	seriesShown  = 200
	seriesDotted = 60
	dotsOfSide   = 24
	commitsShown = 50

	rowsOfCommits = 100 // with those that were not measured
)

// event is the page of one event.
func (p *Pages) event(r *http.Request) (page, error) {
	project, err := p.loadProject(r)
	if err != nil {
		return page{}, err
	}
	e, err := p.cfg.Source.Event(r.Context(), reader(r), project.UUID, r.PathValue("event"))
	if err != nil {
		return page{}, err
	}
	view := eventView{Kind: kindPill(e.Kind), State: statePill(e), Sentence: eventSentence(e), Reason: e.Reason}
	if view.Tone = view.State.Tone; view.Tone == "info" {
		view.Tone = ""
	}
	if !coreevent.State(e.State).Open() || e.Gone {
		view.Tone = ""
	}
	if err := p.eventSeries(r, project, e, &view); err != nil {
		return page{}, err
	}
	versions := 0
	view.Commits, versions, view.RangeHref = commitRows(project, e)
	view.CommitsTold = slices.ContainsFunc(view.Commits, func(c commitRow) bool { return c.Subject+c.Author != "" })
	if e.Before != nil && e.Before.Report != "" && e.Last.Report != "" {
		view.CompareHref = compareHref(project, "report:"+e.Before.Report, "report:"+e.Last.Report)
	}
	if all := e.Last.Number - e.First.Number + 1; int64(versions) < all {
		view.CommitsShown = fmt.Sprintf("the first %s of %d", plural(versions, "version", "versions"), all)
	}
	view.Reasons = reasons(e)
	for _, s := range e.Steps {
		row := stepRow{When: p.when(s.Time), Verb: s.Verb, Change: string(s.To), Reason: s.Reason}
		if s.From != "" && s.From != s.To {
			row.Change = string(s.From) + " → " + string(s.To)
		}
		view.Steps = append(view.Steps, row)
	}
	if view.Act = actOn(r, project, eventHref(project, e.UUID), verbsIn(e.State)); view.Act != nil {
		view.Act.Version = strconv.FormatInt(e.Version, 10)
	}
	view.Check, view.Checks = checkForm(r, project, e), p.checkViews(project, e)
	title := "Change on " + e.Branch.Name
	if len(e.Changes) > 0 {
		title = e.Changes[0].Benchmark.Name + " " + effectText(e.Changes[0])
	}
	return page{template: "event", title: title, section: "projects",
		crumbs: projectCrumbs(project, link{eventsHref(project), "Changes", false}), tabs: projectTabs(project.Slug, "Changes"),
		scripts: []string{"plot.js"}, view: view}, nil
}

// eventSeries fills in the series of an event, the first with their values, and the picture of the largest.
func (p *Pages) eventSeries(r *http.Request, project api.Project, e api.Event, view *eventView) error {
	shown := e.Changes[:min(len(e.Changes), seriesShown)]
	if e.Total > len(shown) && len(shown) > 0 {
		view.Shown = fmt.Sprintf("the largest %d of %d; the API has more", len(shown), e.Total)
	}
	var queries []explore.SparkQuery // one for each hardware spec
	places := make([][2]int, len(shown))
	bySpec := map[string]int{}
	for i, c := range shown[:min(len(shown), seriesDotted)] {
		at, known := bySpec[c.Spec]
		if !known {
			at = len(queries)
			bySpec[c.Spec] = at
			queries = append(queries, around(e, c.Spec, nil))
		}
		places[i] = [2]int{at, len(queries[at].Lines)}
		queries[at].Lines = append(queries[at].Lines, explore.SparkLine{Benchmark: c.Benchmark.UUID, Measure: c.Measure.UUID})
	}
	sparks, err := p.cfg.Source.Sparks(r.Context(), reader(r), project.UUID, queries)
	if err != nil {
		return err
	}
	for i, c := range shown {
		row := changeRowOf(project, e, c)
		if at := places[i]; i < seriesDotted && at[0] < len(sparks) && at[1] < len(sparks[at[0]]) {
			row.Sides = sidesOf(c, sparks[at[0]][at[1]])
		}
		view.Rows = append(view.Rows, row)
	}
	if len(shown) == 0 {
		return nil
	}
	view.PlotHref = view.Rows[0].PlotHref
	view.Figure, err = p.eventFigure(r, project, e, shown[0])
	return err
}

// sidesOf are the values of a line near a change, of its two levels only: what lay before the one may have been another.
func sidesOf(c api.EventChange, s explore.Spark) template.HTML {
	at := placeOf(c, s)
	before, after := s.Values[:at], s.Values[at:]
	before, after = before[max(0, len(before)-min(c.NBefore, dotsOfSide)):], after[:min(len(after), c.NAfter, dotsOfSide)]
	if len(s.Values) == 0 {
		return ""
	}
	title := fmt.Sprintf("%d values before, above; %d after, below", len(before), len(after))
	//nolint:gosec // package chart escapes all text in it
	return template.HTML(chart.Sides{Title: title, Before: before, After: after, Class: directionClass(c)}.SVG())
}

func changeRowOf(project api.Project, e api.Event, c api.EventChange) changeRow {
	row := changeRow{Benchmark: c.Benchmark.Name, Measure: c.Measure.Name, Before: unit.Format(c.Before, c.Units),
		After: unit.Format(c.After, c.Units), Effect: effectText(c), EffectClass: directionClass(c), Interval: intervalText(c),
		N: fmt.Sprintf("%d → %d", c.NBefore, c.NAfter), P: probabilityText(c), Detectable: detectableText(c),
		Grade: gradeText(c.Grade, c.Identical),
		PlotHref: plotHref(project, api.Branch{UUID: e.Branch.UUID}, api.Testbed{UUID: e.Testbed.UUID}, api.Benchmark{UUID: c.Benchmark.UUID},
			api.Measure{UUID: c.Measure.UUID})}
	var notes []string
	if c.Gone {
		notes = append(notes, "not found any more")
	}
	if c.Weak {
		notes = append(notes, "too few values for its noise")
	}
	if !c.Settled {
		notes = append(notes, "few values follow")
	}
	row.Notes = strings.Join(notes, ", ")
	return row
}

// eventFigure draws the line of a change around it.
func (p *Pages) eventFigure(r *http.Request, project api.Project, e api.Event, c api.EventChange) (*figure, error) {
	from, to := float64(max(0, c.First-reportsAround)), float64(e.Last.Number+versionsAfter)
	s := selection{branches: []string{e.Branch.UUID}, testbeds: []string{e.Testbed.UUID}, benchmarks: []string{c.Benchmark.UUID},
		measures: []string{c.Measure.UUID}}
	opts := drawOptions{spread: true, from: &from, to: &to}
	picture, err := p.pictureOf(r, project, s, opts, chart.Columns)
	if err != nil || len(picture.Lines) == 0 {
		return nil, err
	}
	opts.from, opts.to, opts.focus = nil, nil, c.UUID // the axis ends where the line does
	opts.changes = []event.LineChange{{Event: e.UUID, Kind: event.Kind(e.Kind), State: e.State, Branch: e.Branch.UUID,
		Testbed: e.Testbed.UUID, EventChange: c}}
	charts := drawCharts(project, picture, opts)
	charts[0].Title = c.Benchmark.Name + ", " + c.Measure.Name
	return &charts[0], nil
}

// commitRows are the commits that an event may have come with, the oldest first: so many versions, and what was not measured between them;
// and where the repository's page shows all of them.
func commitRows(project api.Project, e api.Event) (rows []commitRow, versions int, all string) {
	repository := repositoryOf(project)
	told := func(c api.Commit) commitRow {
		return commitRow{Hash: shortHash(c.Hash), Href: repository.commit(c.Hash), Subject: c.Subject, Author: c.Author}
	}
	for _, v := range e.Suspects {
		if versions == commitsShown || len(rows) > rowsOfCommits {
			break
		}
		if v.Partial {
			rows = append(rows, commitRow{Hash: "…", Subject: "more commits, of which nothing is known"})
		}
		for _, c := range slices.Backward(v.Between) {
			rows = append(rows, told(c))
		}
		row := commitRow{}
		switch {
		case v.Commit != nil:
			row = told(*v.Commit)
		case v.Hash != nil:
			row.Hash, row.Href = shortHash(*v.Hash), repository.commit(*v.Hash)
		}
		row.Version = "#" + strconv.FormatInt(v.Number, 10)
		if v.Report != "" {
			row.ReportHref = reportHref(project, v.Report)
		}
		rows, versions = append(rows, row), versions+1
	}
	if e.Before != nil && e.Before.Hash != nil && e.Last.Hash != nil {
		all = repository.between(*e.Before.Hash, *e.Last.Hash)
	}
	return rows, versions, all
}

// reasons say why the event is one, of its largest change.
func reasons(e api.Event) []string {
	var out []string
	switch e.Kind {
	case api.MachineEvent:
		out = append(out, "No commit is blamed: most series of this testbed moved at one time while another testbed's did not.")
	case api.ThresholdEvent:
		out = append(out, "Alerts of thresholds are gathered here, one event for a measure and a limit. No change of a level explains them.")
	}
	if len(e.Changes) == 0 {
		return out
	}
	c := e.Changes[0]
	name := c.Benchmark.Name + ", " + c.Measure.Name
	out = append(out, fmt.Sprintf("%s: the level was %s over %s and is %s over %s, one value a version.", name, unit.Format(c.Before, c.Units),
		plural(c.NBefore, "value", "values"), unit.Format(c.After, c.Units), plural(c.NAfter, "value", "values")))
	if c.Exact {
		return append(out, "The measure is counted: the same program gives the same value, so any difference is a change and no test is needed.")
	}
	out = append(out, fmt.Sprintf("Welch's t of the two levels is %s; the probability of such a t anywhere in the series by chance is %s.",
		strconv.FormatFloat(c.T, 'f', 1, 64), strings.Replace(probabilityText(c), "< ", "below ", 1)))
	if c.Noise != nil {
		noise := judge.Percent(*c.Noise)
		if c.Scale == rawScale {
			noise = unit.Format(*c.Noise, c.Units)
		}
		out = append(out, "A value of this series scatters by "+noise+" (one standard deviation).")
	}
	if c.Detectable != nil {
		out = append(out, "From here on a lasting step of "+detectableText(c)+" would be found in four of five cases.")
	}
	switch {
	case c.Identical > 0 && c.Grade == "":
		out = append(out, plural(c.Identical, "run", "runs")+" of identical code say too little for a grade: it takes 10 that vary.")
	case c.Grade != "":
		out = append(out, fmt.Sprintf("By %d runs of identical code the series has grade %s.", c.Identical, c.Grade))
	}
	if c.Weak {
		out = append(out, "Too few values show it in the noise of this series, so nobody is told of it.")
	}
	if !c.Settled {
		out = append(out, "Fewer than five values follow, so it counts for half.")
	}
	if e.Total > 1 {
		out = append(out, fmt.Sprintf("%d series changed within the same versions; that they come together speaks for one cause.", e.Total))
	}
	return out
}

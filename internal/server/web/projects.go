package web

import (
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/unit"
	"github.com/tachograph/tacho/internal/server/chart"
	"github.com/tachograph/tacho/internal/server/event"
	"github.com/tachograph/tacho/internal/server/explore"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/threshold"
)

type projectsView struct {
	Search string
	Rows   []projectRow
	Pages  pager
}

type projectRow struct {
	Href, Name, Visibility string
	Modified               moment
}

func (p *Pages) projects(r *http.Request) (page, error) {
	search := r.URL.Query().Get("search")
	at := window(r)
	at.Desc = false // by name
	rows, total, err := p.cfg.Source.Projects(r.Context(), reader(r), store.ListFilter{Search: search, Page: at})
	if err != nil {
		return page{}, err
	}
	view := projectsView{Search: search, Pages: pagesOf(r, total)}
	for _, row := range rows {
		view.Rows = append(view.Rows, projectRow{"/projects/" + url.PathEscape(row.Slug), row.Name, string(row.Visibility), p.when(row.Modified)})
	}
	return page{template: "projects", title: "Projects", section: "projects", view: view}, nil
}

// overviewColumns is how finely a kept plot is drawn, in columns: 4 points in each at most. The page that explores has one for each pixel.
const overviewColumns = 200

// How many of each the front page of a project shows.
const (
	eventsInFront  = 20
	machineInFront = 5
	reportsInFront = 8
)

type projectView struct {
	Rows, Machine, Thresholds []listedEvent
	More, MachineMore         *link
	Alerts                    *link  // active ones
	Problem                   string // of the policy: what judges is not what somebody has set
	Calm                      string
	Sight                     string
	Lines                     *linesView
	Reports                   []reportRow
}

// linesView are the benchmarks of a project as small pictures.
type linesView struct {
	Title, Search string
	Rows          []lineRow
	Pages         pager
}

type lineRow struct {
	Href, Name, Newest, Visible string
	Spark                       template.HTML
}

// project is the front page: what changed, what could have been seen, the benchmarks, the newest reports.
func (p *Pages) project(r *http.Request) (page, error) {
	project, err := p.loadProject(r)
	if err != nil {
		return page{}, err
	}
	var view projectView
	total, err := p.whatChanged(r, project, &view)
	if err != nil {
		return page{}, err
	}
	if view.Problem, err = p.cfg.Source.PolicyProblem(r.Context(), reader(r), project.UUID); err != nil {
		return page{}, err
	}
	reports, _, err := p.cfg.Source.Reports(r.Context(), reader(r), project.UUID, newest(10))
	if err != nil {
		return page{}, err
	}
	for _, report := range reports[:min(len(reports), reportsInFront)] {
		view.Reports = append(view.Reports, p.reportRow(project, report))
	}
	if err := p.lines(r, project, reports, total, &view); err != nil {
		return page{}, err
	}
	return page{
		template: "project", title: project.Name, section: "projects",
		crumbs: []link{{"/projects", "Projects", false}}, tabs: projectTabs(project.Slug, "Overview"), view: view,
	}, nil
}

// whatChanged fills in the open events of a project and returns how many there are.
func (p *Pages) whatChanged(r *http.Request, project api.Project, view *projectView) (int, error) {
	all := 0
	for _, part := range []struct {
		kind event.Kind
		most int
		into *[]listedEvent
		more **link
	}{{event.Code, eventsInFront, &view.Rows, &view.More}, {event.Machine, machineInFront, &view.Machine, &view.MachineMore},
		{event.Threshold, machineInFront, &view.Thresholds, nil}} {
		events, total, err := p.cfg.Source.Events(r.Context(), reader(r), project.UUID, event.NamedFilter{Kind: part.kind, State: "open"},
			newest(part.most))
		if err != nil {
			return 0, err
		}
		if *part.into, err = p.listedEvents(r, project, events); err != nil {
			return 0, err
		}
		if part.more != nil && total > len(events) {
			*part.more = &link{Href: eventsHref(project, "kind", string(part.kind)), Text: fmt.Sprintf("all %d", total)}
		}
		all += total
	}
	_, active, err := p.cfg.Source.Alerts(r.Context(), reader(r), project.UUID, threshold.AlertFilter{Status: api.AlertActive}, newest(1))
	if active > 0 {
		view.Alerts = &link{Href: "/projects/" + url.PathEscape(project.Slug) + "/alerts?status=active",
			Text: plural(active, "alert of a threshold is active", "alerts of thresholds are active")}
	}
	return all, err
}

// lines fills in the benchmarks on the branch and testbed of the standard report, and what could have been seen there.
func (p *Pages) lines(r *http.Request, project api.Project, reports []api.Report, changed int, view *projectView) error {
	chosen, err := p.defaultSelection(r, project, reports)
	if err != nil || !chosen.complete() {
		if changed == 0 && len(reports) > 0 {
			view.Calm = "Nothing was judged: no report has results yet."
		}
		return err
	}
	report := reports[standardReport(reports)]
	search := r.URL.Query().Get("search")
	at := window(r)
	at.Desc = false // by name
	benchmarks, total, err := p.cfg.Source.Things(r.Context(), reader(r), project.UUID, Benchmarks, store.ListFilter{Search: search, Page: at})
	if err != nil {
		return err
	}
	measure := chosen.measureShown
	q := explore.SparkQuery{Head: report.Branch.Head.UUID, Testbed: report.Testbed.UUID}
	var ids []string
	for _, b := range benchmarks {
		ids = append(ids, b.UUID)
		q.Lines = append(q.Lines, explore.SparkLine{Benchmark: b.UUID, Measure: measure.UUID})
	}
	sight, err := p.cfg.Source.Sight(r.Context(), reader(r), project.UUID, report.Branch.UUID, report.Testbed.UUID, measure.UUID, ids)
	if err != nil {
		return err
	}
	view.Calm, view.Sight = calmText(changed), sightText(sight, report)
	sparks, err := p.cfg.Source.Sparks(r.Context(), reader(r), project.UUID, []explore.SparkQuery{q})
	if err != nil {
		return err
	}
	made := &linesView{Title: fmt.Sprintf("%s on %s, %s", measure.Name, report.Branch.Name, report.Testbed.Name), Search: search,
		Pages: pagesOf(r, total)}
	for i, b := range benchmarks {
		row := lineRow{Name: b.Name, Newest: "–", Visible: "–",
			Href: plotHref(project, report.Branch, report.Testbed, api.Benchmark{UUID: b.UUID}, measure)}
		if len(sparks) > 0 && i < len(sparks[0]) && len(sparks[0][i].Values) > 0 {
			s := sparks[0][i]
			n := len(s.Values)
			row.Newest = unit.Format(s.Values[n-1], measure.Units)
			//nolint:gosec // package chart escapes all text in it
			row.Spark = template.HTML(chart.Spark{Values: s.Values, Title: fmt.Sprintf("%d values from version %d to %d", n, s.Numbers[0],
				s.Numbers[n-1])}.SVG())
		}
		if v, known := sight.Detectable[b.UUID]; known {
			row.Visible = judge.Percent(v)
		} else if measure.Exact {
			row.Visible = "any"
		}
		made.Rows = append(made.Rows, row)
	}
	view.Lines = made
	return nil
}

func calmText(changed int) string {
	if changed > 0 {
		return ""
	}
	return "No change is open."
}

// sightText says what could have been seen on the branch and testbed of a report: silence must not be taken for more than it is.
func sightText(s event.Sight, report api.Report) string {
	where := fmt.Sprintf("%s, testbed %s", report.Branch.Name, report.Testbed.Name)
	if s.Lines == 0 {
		return "Nothing was judged yet on " + where + ": no series was looked at."
	}
	known := s.Lines - s.Exact - s.Learning
	if known == 0 && s.Exact == 0 {
		return fmt.Sprintf("Nothing was judged yet on %s: %s, with too few values to tell a change from noise.", where,
			plural(s.Learning, "series is still learning", "series are still learning"))
	}
	parts := []string{fmt.Sprintf("%s on %s", plural(s.Lines, "series is watched", "series are watched"), where)}
	if s.Half != nil {
		parts = append(parts, fmt.Sprintf("in half of %d a lasting step of %s would be found in four of five cases", known,
			judge.Percent(*s.Half)))
	}
	if s.Exact > 0 {
		parts = append(parts, plural(s.Exact, "is counted, so that any change of it is seen", "are counted, so that any change of them is seen"))
	}
	if s.Learning > 0 {
		parts = append(parts, plural(s.Learning, "is still learning", "are still learning")+" and would show nothing")
	}
	return strings.Join(parts, "; ") + "."
}

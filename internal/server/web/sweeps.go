package web

import (
	"cmp"
	"context"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	core "github.com/tachograph/tacho/internal/core/sweep"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/sweep"
	"github.com/tachograph/tacho/internal/standings"
)

// SweepSource is what pages of sweeps ask and do.
type SweepSource interface {
	Sweeps(ctx context.Context, actor access.Actor, project string, f sweep.Filter, page store.Page) ([]api.Sweep, int, error)
	SweepLedger(ctx context.Context, actor access.Actor, project, sweep string) (api.SweepLedger, error)
	SweepTasks(ctx context.Context, actor access.Actor, project, sweep string, f sweep.TaskFilter, page store.Page) ([]api.SweepTask, int,
		error)
	SweepStandings(ctx context.Context, actor access.Actor, project, sweep, measure string) (*standings.Report, error)
	StopSweep(ctx context.Context, actor access.Actor, project, sweep string, in api.UpdateSweep) error
}

// Sweeps is described in SweepSource, like the methods below.
func (s Services) Sweeps(ctx context.Context, actor access.Actor, project string, f sweep.Filter, page store.Page) ([]api.Sweep, int,
	error) {
	return s.AllSweeps.List(ctx, actor, project, f, page)
}

// SweepLedger is described in SweepSource.
func (s Services) SweepLedger(ctx context.Context, actor access.Actor, project, ref string) (api.SweepLedger, error) {
	return s.AllSweeps.Ledger(ctx, actor, project, ref)
}

// SweepTasks is described in SweepSource.
func (s Services) SweepTasks(ctx context.Context, actor access.Actor, project, ref string, f sweep.TaskFilter, page store.Page) (
	[]api.SweepTask, int, error) {
	return s.AllSweeps.Tasks(ctx, actor, project, ref, f, page)
}

// SweepStandings is described in SweepSource.
func (s Services) SweepStandings(ctx context.Context, actor access.Actor, project, ref, measure string) (*standings.Report, error) {
	return s.AllSweeps.Standings(ctx, actor, project, ref, measure)
}

// StopSweep is described in SweepSource.
func (s Services) StopSweep(ctx context.Context, actor access.Actor, project, ref string, in api.UpdateSweep) error {
	_, err := s.AllSweeps.Update(ctx, actor, project, ref, in)
	return err
}

// How much of a sweep its page shows.
const (
	sweepRefresh    = 15 // seconds until the page of one that goes on comes anew, without script
	failuresOfSweep = 50
	outputsOfSweep  = 5  // failures whose last lines are shown
	lastLines       = 12 // of each
)

func sweepHref(project api.Project, id string) string {
	return "/projects/" + url.PathEscape(project.Slug) + "/sweeps/" + url.PathEscape(id)
}

func (p *Pages) sweepForms() {
	p.handle("POST /projects/{project}/sweeps/{sweep}", p.form(func(_ http.ResponseWriter, r *http.Request) error {
		do := r.PostFormValue("status")
		if do != string(core.Stop) && do != string(core.StopNow) {
			return fault.Invalidf("status %.40q: a sweep can be ended early (stop) or stopped now (stop_now)", do)
		}
		return p.cfg.Source.StopSweep(r.Context(), reader(r), r.PathValue("project"), r.PathValue("sweep"),
			api.UpdateSweep{Do: do, Why: "on its page"})
	}))
}

type sweepsView struct {
	Rows  []sweepRow
	Pages pager
}

type sweepRow struct {
	Href, Name, Workloads, Progress, Spent string
	State                                  pill
	Clean                                  string
	Created                                moment
}

func (p *Pages) sweeps(r *http.Request) (page, error) {
	project, err := p.loadProject(r)
	if err != nil {
		return page{}, err
	}
	rows, total, err := p.cfg.Source.Sweeps(r.Context(), reader(r), project.UUID, sweep.Filter{}, window(r))
	if err != nil {
		return page{}, err
	}
	view := sweepsView{Pages: pagesOf(r, total)}
	for _, s := range rows {
		row := sweepRow{Href: sweepHref(project, s.ID), Name: s.Name, Workloads: strings.Join(s.Workloads, ", "), Progress: progress(s.Tasks),
			Spent: money(s), State: sweepState(s), Created: p.when(s.Created), Clean: "all gone"}
		if !s.Clean {
			row.Clean = plural(s.Machines, "may run", "may run")
		}
		view.Rows = append(view.Rows, row)
	}
	return page{template: "sweeps", title: "Sweeps", section: "projects", crumbs: projectCrumbs(project),
		tabs: projectTabs(project.Slug, "Sweeps"), view: view}, nil
}

func sweepState(s api.Sweep) pill {
	switch {
	case s.State != string(core.Ended):
		return pill{s.State, "info"}
	case s.Outcome == string(core.Completed):
		return pill{s.Outcome, "good"}
	case s.Outcome == string(core.Failed):
		return pill{s.Outcome, "bad"}
	}
	return pill{strings.ReplaceAll(s.Outcome, "_", " "), "warn"}
}

// progress is how far tasks are.
func progress(c api.SweepCounts) string {
	text := fmt.Sprintf("%d of %d done", c.Done, c.Total)
	for _, part := range []struct {
		n    int
		what string
	}{{c.Running, "running"}, {c.Pending, "waiting"}, {c.Failed, "failed or canceled"}, {c.Late, "late"}} {
		if part.n > 0 {
			text += fmt.Sprintf(", %d %s", part.n, part.what)
		}
	}
	return text
}

func money(s api.Sweep) string {
	if s.Budget == 0 {
		return core.Micros(s.Spent).Cents()
	}
	return core.Micros(s.Spent).Cents() + " of " + core.Micros(s.Budget).Cents()
}

type sweepView struct {
	State                                   pill
	Progress, Spent, Left, Watched, Note    string
	Suite, ReportHref, Archive, ArchiveText string
	Created                                 moment
	Acts                                    []button
	Pools                                   []sweepPool
	Failures                                []sweepFailure
	MoreFailures                            string
	Unwatched                               bool
	Measured                                bool
}

type sweepPool struct {
	Name, Type, Price, Skipped, Progress string
	Slots                                []sweepSlot
}

type sweepSlot struct {
	Ordinal                                        int
	State                                          pill
	Machine, Where, Phase, Cost, Progress, Trouble string
	Heard                                          moment
}

type sweepFailure struct{ Href, What, Reason, Error, Last string }

func (p *Pages) sweep(r *http.Request) (page, error) {
	project, err := p.loadProject(r)
	if err != nil {
		return page{}, err
	}
	ref := r.PathValue("sweep")
	rows, err := p.cfg.Source.SweepLedger(r.Context(), reader(r), project.UUID, ref)
	if err != nil {
		return page{}, err
	}
	view := p.sweepView(project, rows)
	failed, total, err := p.cfg.Source.SweepTasks(r.Context(), reader(r), project.UUID, ref, sweep.TaskFilter{Status: string(api.JobFailed)},
		store.Page{Limit: failuresOfSweep})
	if err != nil {
		return page{}, err
	}
	for i, t := range failed {
		f := sweepFailure{Href: jobHref(project, t.Job), What: fmt.Sprintf("%s, repeat %d", t.Workload, t.Repeat), Reason: string(t.Reason),
			Error: t.Error}
		if i < outputsOfSweep {
			job, err := p.cfg.Source.Job(r.Context(), reader(r), project.UUID, t.Job)
			if err != nil {
				return page{}, err
			}
			f.Last = lastOf(job)
		}
		view.Failures = append(view.Failures, f)
	}
	if total > len(failed) {
		view.MoreFailures = fmt.Sprintf("And %d more; the archive has all.", total-len(failed))
	}
	if acts(r) && rows.Sweep.State != string(core.Ended) {
		here := button{Action: sweepHref(project, rows.Sweep.ID), Back: with(r)}
		early, now := here, here
		early.Status, early.Text = string(core.Stop), "End early"
		now.Status, now.Text = string(core.StopNow), "Stop now"
		if rows.Sweep.State == string(core.Active) {
			view.Acts = append(view.Acts, early)
		}
		view.Acts = append(view.Acts, now)
	}
	made := page{template: "sweep", title: "Sweep " + rows.Sweep.Name, section: "projects",
		crumbs: projectCrumbs(project, link{"/projects/" + url.PathEscape(project.Slug) + "/sweeps", "Sweeps", false}),
		tabs:   projectTabs(project.Slug, "Sweeps"), view: view}
	if rows.Sweep.State != string(core.Ended) {
		made.refresh = sweepRefresh
	}
	return made, nil
}

// lastOf is the end of what a job printed.
func lastOf(job api.Job) string {
	if job.Output == nil {
		return ""
	}
	var text string
	for _, result := range job.Output.Results {
		for _, stream := range []*string{result.Stdout, result.Stderr} {
			if stream != nil {
				text += *stream
			}
		}
	}
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-lastLines):], "\n")
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

func (p *Pages) sweepView(project api.Project, rows api.SweepLedger) sweepView {
	s, now := rows.Sweep, p.cfg.Now()
	ended := s.State == string(core.Ended)
	view := sweepView{State: sweepState(s), Progress: progress(s.Tasks), Spent: money(s), Note: s.Note, Suite: s.Suite,
		ReportHref: sweepHref(project, s.ID) + "/report", Created: p.when(s.Created), Measured: s.Tasks.Done > 0,
		Archive:     "/v0/projects/" + url.PathEscape(project.Slug) + "/sweeps/" + url.PathEscape(s.ID) + "/archive",
		ArchiveText: "Archive of what its tasks left"}
	if !ended {
		view.ArchiveText = "Archive of what has ended so far"
		view.Left = "no time left"
		if left := s.Expires.Sub(now).Round(time.Minute); left > 0 {
			view.Left = strings.TrimSuffix(left.String(), "0s") + " left, until " + clock(s.Expires)
		}
	}
	switch {
	case ended && s.Clean:
		view.Watched = "All of its machines are gone."
	case s.Controller != nil && s.Controller.Until.After(now):
		view.Watched = "Looked after by " + s.Controller.Holder + "."
	default:
		view.Watched, view.Unwatched = "Nobody looks after this sweep; its machines end at "+clock(s.Expires)+".", true
	}
	machines := map[string][]api.SweepMachine{}
	for _, m := range rows.Machines {
		machines[m.Slot] = append(machines[m.Slot], m)
	}
	for _, one := range rows.Pools {
		pool := sweepPool{Name: one.Alias, Type: one.Provider + " " + one.Type, Progress: progress(one.Tasks),
			Price: core.Micros(one.Price.PerHour).String() + " an hour"}
		if one.Price.Source != "" || one.Price.Date != "" {
			pool.Price += " (" + strings.TrimSpace(one.Price.Source+" "+one.Price.Date) + ")"
		}
		if one.Skipped != nil {
			pool.Skipped = one.Skipped.Sentence
			if pool.Skipped == "" {
				pool.Skipped = one.Skipped.Reason
			}
		}
		for _, o := range one.Slots {
			pool.Slots = append(pool.Slots, p.sweepSlot(o, machines[o.UUID]))
		}
		view.Pools = append(view.Pools, pool)
	}
	return view
}

// sweepSlot is a slot with the machine that holds or held it last, and what all of its machines cost.
func (p *Pages) sweepSlot(o api.SweepSlot, machines []api.SweepMachine) sweepSlot {
	tone := map[string]string{string(core.SlotDone): "good", string(core.SlotHeld): "info", string(core.SlotGivenUp): "bad"}
	slot := sweepSlot{Ordinal: o.Ordinal, State: pill{strings.ReplaceAll(o.State, "_", " "), tone[o.State]}, Progress: progress(o.Tasks),
		Trouble: strings.TrimSpace(strings.ReplaceAll(o.Reason, "_", " ") + " " + o.Note)}
	var cost int64
	for _, m := range machines {
		cost += m.Cost
	}
	slot.Cost = core.Micros(cost).Cents()
	if len(machines) == 0 {
		return slot
	}
	m := machines[len(machines)-1]
	slot.Machine, slot.Where, slot.Heard = m.State, strings.TrimSpace(cmp.Or(m.Zone, m.Region)+" "+m.NativeID), p.whenPtr(m.Beat)
	slot.Phase = strings.TrimSpace(m.Phase + " " + m.Benchmark)
	if m.Suspect != "" {
		slot.Trouble = strings.TrimSpace(slot.Trouble + " suspect: " + m.Suspect)
	}
	if n := len(machines); n > 1 {
		slot.Machine += fmt.Sprintf(" (machine %d of this slot)", n)
	}
	return slot
}

type sweepReportView struct {
	Body     template.HTML
	Measures []link
	JSON     string
}

func (p *Pages) sweepReport(r *http.Request) (page, error) {
	project, err := p.loadProject(r)
	if err != nil {
		return page{}, err
	}
	ref := r.PathValue("sweep")
	report, err := p.cfg.Source.SweepStandings(r.Context(), reader(r), project.UUID, ref, r.URL.Query().Get("measure"))
	if err != nil {
		return page{}, err
	}
	view := sweepReportView{JSON: "/v0/projects/" + url.PathEscape(project.Slug) + "/sweeps/" + url.PathEscape(ref) + "/report"}
	if measure := r.URL.Query().Get("measure"); measure != "" {
		view.JSON += "?measure=" + url.QueryEscape(measure)
	}
	if view.Body, err = report.Body(); err != nil {
		return page{}, err
	}
	for _, name := range report.Measures {
		view.Measures = append(view.Measures, link{with(r, "measure", name), name, name == report.Measure})
	}
	return page{template: "sweepreport", title: report.Title, section: "projects", styles: []string{"standings.css"},
		crumbs: projectCrumbs(project, link{"/projects/" + url.PathEscape(project.Slug) + "/sweeps", "Sweeps", false},
			link{sweepHref(project, ref), "Sweep " + ref, false}),
		tabs: projectTabs(project.Slug, "Sweeps"), view: view}, nil
}

package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/tachograph/tacho/api"
)

type jobsView struct {
	Filters []link
	Rows    []jobRow
	Pages   pager
}

type jobRow struct {
	Href, Image, Spec, Runner, Reason, Waited, Ran string
	Created                                        moment
	Status                                         pill
}

func jobStatus(s api.JobStatus) pill {
	switch s {
	case api.JobProcessed:
		return pill{"processed", "good"}
	case api.JobFailed:
		return pill{"failed", "bad"}
	case api.JobCanceled:
		return pill{"canceled", "warn"}
	case api.JobPending:
		return pill{"pending", ""}
	}
	return pill{string(s), "info"}
}

func (p *Pages) jobs(r *http.Request) (page, error) {
	project, err := p.loadProject(r)
	if err != nil {
		return page{}, err
	}
	status := r.URL.Query().Get("status")
	rows, total, err := p.cfg.Source.Jobs(r.Context(), reader(r), project.UUID, api.JobStatus(status), window(r))
	if err != nil {
		return page{}, err
	}
	view := jobsView{Pages: pagesOf(r, total), Filters: filters(r.URL.Path, status, "", "pending", "running", "processed", "failed",
		"canceled")}
	for _, job := range rows {
		waited, ran := spans(job, p.cfg.Now())
		view.Rows = append(view.Rows, jobRow{
			Href: jobHref(project, job.UUID), Image: job.Image, Spec: job.Spec.Name, Runner: runnerName(job), Reason: string(job.Reason),
			Waited: waited, Ran: ran, Created: p.when(job.Created), Status: jobStatus(job.Status),
		})
	}
	return page{template: "jobs", title: "Jobs", section: "projects", crumbs: projectCrumbs(project), tabs: projectTabs(project.Slug, "Jobs"),
		view: view}, nil
}

func runnerName(job api.Job) string {
	if job.Runner == nil {
		return "–"
	}
	return job.RunnerName
}

// spans are how long the job waited for a runner and how long it has run, up to now if it still does.
func spans(job api.Job, now time.Time) (waited, ran string) {
	until, end := job.Claimed, job.Completed
	if until == nil && job.Status == api.JobPending {
		until = &now
	}
	if end == nil && (job.Status == api.JobRunning || job.Status == api.JobClaimed) {
		end = &now
	}
	from := job.Started
	if from == nil {
		from = job.Claimed
	}
	return between(&job.Created, until), between(from, end)
}

type jobView struct {
	Error, Note, Reason, Image, Digest, Spec, Runner, Part, Attempt, Waited, Ran, ReportHref, EventsHref, Log string
	Status                                                                                                    pill
	Created                                                                                                   moment
	Live                                                                                                      bool
	Streams                                                                                                   []streamView
	Files                                                                                                     []fileRow
	Events                                                                                                    []eventRow
	Host                                                                                                      []fact
	Act                                                                                                       *button
}

type streamView struct{ Title, Text string }

type fileRow struct{ Href, Name, Iteration, Size string }

type eventRow struct {
	When                  moment
	Event, Change, Detail string
}

func (p *Pages) job(r *http.Request) (page, error) {
	project, err := p.loadProject(r)
	if err != nil {
		return page{}, err
	}
	job, err := p.cfg.Source.Job(r.Context(), reader(r), project.UUID, r.PathValue("uuid"))
	if err != nil {
		return page{}, err
	}
	here := "/v0/projects/" + url.PathEscape(r.PathValue("project")) + "/jobs/" + url.PathEscape(r.PathValue("uuid"))
	view := p.jobView(project, job, here)
	view.Act = jobButton(r, project, job)
	made := page{
		template: "job", title: "Job " + job.Image, section: "projects",
		crumbs: projectCrumbs(project, link{"/projects/" + url.PathEscape(project.Slug) + "/jobs", "Jobs", false}),
		tabs:   projectTabs(project.Slug, "Jobs"), view: view,
	}
	if view.Live {
		made.scripts = []string{"job.js"}
	}
	return made, nil
}

func (p *Pages) jobView(project api.Project, job api.Job, here string) jobView {
	view := jobView{
		Error: job.Error, Reason: string(job.Reason), Image: job.Image, Digest: shortDigest(job.Digest), Spec: job.Spec.Name,
		Runner:  runnerName(job),
		Attempt: strconv.Itoa(job.Attempt), ReportHref: reportHref(project, job.Report), EventsHref: here + "/events",
		Status: jobStatus(job.Status), Created: p.when(job.Created), Host: hostFacts(job.Host),
	}
	view.Waited, view.Ran = spans(job, p.cfg.Now())
	switch job.Status {
	case api.JobPending, api.JobClaimed, api.JobRunning, api.JobCompleted:
		view.Live = true
	}
	if job.Parts > 1 {
		view.Part = fmt.Sprintf("job %d of %d of its report", job.Part, job.Parts)
	}
	view.Note = job.Phase
	if job.QueuePosition != nil {
		view.Note = "place " + strconv.Itoa(*job.QueuePosition) + " in the queue"
	}
	if job.Blocked != "" {
		view.Note += ": " + job.Blocked
	}
	if job.Output != nil {
		many := len(job.Output.Results) > 1
		for i, result := range job.Output.Results {
			suffix := ""
			if many {
				suffix = " of iteration " + strconv.Itoa(i+1)
			}
			for _, s := range []struct {
				name string
				text *string
			}{{"stdout", result.Stdout}, {"stderr", result.Stderr}} {
				if s.text == nil || *s.text == "" {
					continue
				}
				if view.Live {
					view.Log += *s.text
					continue
				}
				view.Streams = append(view.Streams, streamView{s.name + suffix, *s.text})
			}
		}
	}
	for _, a := range job.Outputs {
		name := string(a.Kind)
		if a.Path != "" {
			name = a.Path
		}
		if a.Truncated {
			name += " (cut at the limit)"
		}
		href := here + "/outputs/" + strconv.Itoa(a.Iteration) + "/" + string(a.Kind)
		if a.Path != "" {
			href += "?path=" + url.QueryEscape(a.Path)
		}
		view.Files = append(view.Files, fileRow{href, name, strconv.Itoa(a.Iteration + 1), size(a.SizeBytes)})
	}
	for _, e := range job.Events {
		change := string(e.To)
		if e.From != e.To && e.From != "" {
			change = string(e.From) + " → " + string(e.To)
		}
		detail := e.Detail
		if e.Reason != "" {
			detail = string(e.Reason) + " " + detail
		}
		view.Events = append(view.Events, eventRow{p.when(e.Time), e.Event, change, detail})
	}
	return view
}

package httpapi

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/explore"
	"github.com/tachograph/tacho/internal/server/report"
)

type listReportsInput struct {
	ProjectPath
	PageInput
	Branch    string `query:"branch" maxLength:"256" doc:"UUID, slug or name"`
	Testbed   string `query:"testbed" maxLength:"64" doc:"UUID, slug or name"`
	StartTime int64  `query:"start_time" minimum:"0" maximum:"253402300799999" doc:"Unix milliseconds: reports that began then or later"`
	EndTime   int64  `query:"end_time" minimum:"0" maximum:"253402300799999" doc:"Unix milliseconds: reports that began then or earlier"`
	Archived  bool   `query:"archived" doc:"only reports whose branch or testbed is archived; otherwise only the others"`
	Expand    bool   `query:"expand" doc:"with results and alerts"`
}

type getReportInput struct {
	ReportPath
	MaxResults int  `query:"max_results" minimum:"0" doc:"the first results (a benchmark in an iteration) and alerts, so many of each; 0: all"`
	Samples    bool `query:"samples" doc:"with the samples of each metric, 256 of them at most"`
}

type createReportInput struct {
	ProjectPath
	Preference
	Body api.NewReport
}

type reparseInput struct {
	ReportPath
	Preference
}

type ReportPath struct {
	ProjectPath
	Report string `path:"report" maxLength:"36" doc:"UUID"`
}

func (a *API) registerReports() {
	const all, one = "/v0/projects/{project}/reports", "/v0/projects/{project}/reports/{report}"
	registerStream[listReportsInput, []api.Report](a, operation{http.MethodGet, all, "list-reports",
		"The project's reports, newest first, without results unless expand is set", access.ViewProject, 0, 0},
		func(ctx context.Context, in *listReportsInput) (*streamed, error) {
			out := &streamed{status: http.StatusOK, list: true}
			out.write = func(ctx context.Context, w io.Writer) (err error) {
				if in.Expand {
					out.total, err = a.cfg.Explore.WriteReports(ctx, w, actorOf(ctx), in.Project, in.filter(), in.page(true))
					return err
				}
				rows, total, err := a.cfg.Explore.Reports(ctx, actorOf(ctx), in.Project, in.filter(), in.page(true))
				if err != nil {
					return err
				}
				out.total = total
				return writeJSON(w, rows)
			}
			return out, nil
		})
	registerChange(a, operation{http.MethodPost, all, "create-report", "Submit results to a project that exists", access.Submit,
		http.StatusCreated, limits.ReportBodyBytes},
		func(ctx context.Context, in *createReportInput) (*streamed, error) {
			actor := actorOf(ctx)
			in.Body.Results = resultsOf(ctx, in.Body.Results)
			taken, err := a.cfg.Reports.Create(ctx, in.Project, report.Request{Actor: actor, SourceIP: actor.SourceIP, New: runOf(in.Body)})
			in.Body.Results = nil
			if err != nil {
				return nil, err
			}
			return a.submitted(ctx, taken, in.Preference)
		})
	registerStream[getReportInput, api.Report](a, operation{http.MethodGet, one, "get-report", "One report with results and alerts",
		access.ViewProject, 0, 0},
		func(ctx context.Context, in *getReportInput) (*streamed, error) {
			return a.shown(in.Project, in.Report, explore.Showing{Results: in.MaxResults, Samples: in.Samples}), nil
		})
	registerChange(a, operation{http.MethodPost, one + "/reparse", "reparse-report",
		"Read the report's raw output again, judge it anew and replace its metrics and alerts", access.EditProject, http.StatusOK, 0},
		func(ctx context.Context, in *reparseInput) (*streamed, error) {
			if err := a.cfg.Reports.Reparse(ctx, actorOf(ctx), in.Project, in.Report); err != nil {
				return nil, err
			}
			return a.showChanged(ctx, in.Project, in.Report, in.Preference)
		})
	register(a, operation{http.MethodDelete, one, "delete-report", "Delete a report with its metrics and alerts; version numbers stay",
		access.EditProject, http.StatusNoContent, 0},
		func(ctx context.Context, in *ReportPath) (*emptyOutput, error) {
			return &emptyOutput{}, a.cfg.Reports.Delete(ctx, actorOf(ctx), in.Project, in.Report)
		})
}

// shown is a report that exists.
func (a *API) shown(project, id string, show explore.Showing) *streamed {
	return &streamed{status: http.StatusOK, write: func(ctx context.Context, w io.Writer) error {
		return a.cfg.Explore.WriteReport(ctx, w, actorOf(ctx), project, id, show)
	}}
}

func (in *listReportsInput) filter() explore.ReportFilter {
	return explore.ReportFilter{Branch: in.Branch, Testbed: in.Testbed,
		Filter: report.Filter{From: millis(in.StartTime), To: millis(in.EndTime), Archived: in.Archived}}
}

// millis is a time parameter; 0 is an absent one.
func millis(ms int64) *time.Time {
	if ms == 0 {
		return nil
	}
	t := time.UnixMilli(ms).UTC()
	return &t
}

// runOf is a report's body as the run that it is. Its project comes from the path.
func runOf(r api.NewReport) api.NewRun {
	return api.NewRun{IdempotencyKey: r.IdempotencyKey, Branch: r.Branch, Hash: r.Hash, Commits: r.Commits, StartPoint: r.StartPoint,
		Testbed: r.Testbed, Thresholds: r.Thresholds, StartTime: &r.StartTime, EndTime: &r.EndTime, Results: r.Results, Settings: r.Settings,
		Context: r.Context, Host: r.Host}
}

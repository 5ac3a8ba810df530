package jobs

import (
	"context"
	"fmt"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/show"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/fault"
)

// Detached says how to come back.
func Detached(project, job string) error {
	return cli.Fail(fault.ExitInterrupted, "detached; the job goes on. Follow it: tacho job watch %s %s   Stop it: tacho job cancel %s %s",
		project, job, project, job)
}

// Finish shows what an ended job left, and returns what its exit code says.
func Finish(ctx context.Context, env *cli.Env, srv *cli.Session, job api.Job, o show.Options) error {
	report, err := srv.Report(ctx, job.Project, job.Report)
	if job.Status == api.JobProcessed {
		if err != nil {
			return err
		}
		return o.Report(ctx, env, srv, report)
	}
	if err == nil && o.JSON {
		if err := cli.PrintJSON(env.Stdout, report); err != nil {
			return err
		}
	}
	project := job.Project
	if err == nil {
		project = report.Project.Slug
	}
	return jobFailure(project, job)
}

// jobFailure is the error of a job that was not processed.
func jobFailure(project string, job api.Job) error {
	text := "the job was canceled"
	if job.Status != api.JobCanceled {
		text = "the job failed"
		if job.Reason != api.ReasonNone {
			text += " (" + string(job.Reason) + ")"
		}
	}
	if job.Error != "" {
		text += ": " + term.Clean(job.Error)
	}
	code := cli.JobExit(job)
	if code == fault.ExitInfrastructure || code == fault.ExitServer || code == fault.ExitCanceled {
		text += fmt.Sprintf("; 'tacho job retry %s %s' puts it back in the queue", project, job.UUID)
	}
	return cli.Fail(code, "%s", text)
}

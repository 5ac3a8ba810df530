package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/jobs"
	"github.com/tachograph/tacho/internal/cli/show"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/mask"
)

// runRemote submits a job, follows it and shows its report.
func (f *runFlags) runRemote(ctx context.Context, env *cli.Env, in api.NewRun) error {
	if f.dryRun {
		for name, value := range in.Job.Env {
			if slices.Contains(in.Job.SecretEnv, name) || mask.LooksSecret(name, value) {
				in.Job.Env[name] = strings.Repeat("*", len(value))
			}
		}
		return cli.PrintJSON(env.Stdout, in)
	}
	srv, err := f.Open(ctx, env)
	if err != nil {
		return err
	}
	if srv.IsLocal() {
		return srv.Done(cli.Usage(
			"--image needs a server with runners: give --host, set TACHO_HOST or use 'tacho login' ('tacho server' starts one)"))
	}
	return srv.Done(f.submitJob(ctx, env, srv, in))
}

func (f *runFlags) submitJob(ctx context.Context, env *cli.Env, srv *cli.Session, in api.NewRun) error {
	live, stop := env.UntilInterrupted(ctx)
	defer stop()
	report, err := srv.Run(live, in)
	if errors.Is(err, cli.ErrInterrupted) {
		return cli.Fail(fault.ExitInterrupted, "interrupted while submitting; the job may be there already: "+
			"the same command with --idempotency-key %s returns it and submits nothing twice", in.IdempotencyKey)
	}
	if err != nil {
		return err
	}
	if report.Job == nil {
		return fault.New(fault.Unavailable, "%s made a report without a job; it does not know remote runs", srv.Base())
	}
	if !f.quiet && madeProject(report) {
		show.Visibility(env, srv, report.Project)
	}
	if report.Measurement == nil && (in.Job.Jobs != nil || in.Job.Base != nil) {
		fmt.Fprintf(env.Stderr, "tacho: %s is older and ran one job of one image: it does not know --jobs and --base-image\n", srv.Base())
	}
	project, id := report.Project.Slug, *report.Job
	if f.detach {
		return f.showDetached(env, srv, report)
	}
	if !f.quiet {
		fmt.Fprintf(env.Stderr, "tacho: job %s in project %s\n", id, project)
		if n := len(jobsOf(report)); n > 1 {
			fmt.Fprintf(env.Stderr, "tacho: the report waits for %d jobs%s\n", n, inTurns(in))
		}
	}
	ids := jobsOf(report)
	job, err := jobs.Follow(live, env, srv, project, ids, jobs.WatchOptions{Quiet: f.quiet, Json: f.format == "json"})
	if errors.Is(err, cli.ErrInterrupted) {
		return jobs.Detached(project, id)
	}
	if err != nil {
		return cli.ExitWith(cli.ExitCode(err), fmt.Errorf("%w; the job goes on: 'tacho job watch %s %s' follows it", err, project, id))
	}
	if job.Status == api.JobProcessed {
		job.Report = report.UUID // the last job may be the base's
	}
	if base := show.Base(report); base != "" && !f.quiet {
		fmt.Fprintf(env.Stderr, "tacho: base: %s\n", srv.Page("projects", project, "reports", base))
	}
	return jobs.Finish(ctx, env, srv, job, f.showing())
}

// jobsOf are the ids of the jobs of a report's measurement, in the order in which they run.
func jobsOf(report api.Report) (ids []string) {
	if report.Measurement == nil { // a server of before
		return []string{*report.Job}
	}
	for _, job := range report.Measurement.Jobs {
		ids = append(ids, job.UUID)
	}
	return ids
}

func inTurns(in api.NewRun) string {
	if in.Job.Base == nil {
		return ""
	}
	return fmt.Sprintf(": %s and %s in turns, on one machine", in.Job.Image, in.Job.Base.Image)
}

func (f *runFlags) showDetached(env *cli.Env, srv *cli.Session, report api.Report) error {
	if f.format == "json" {
		return cli.PrintJSON(env.Stdout, report)
	}
	fmt.Fprintf(env.Stdout, "job %s\nreport %s\n", *report.Job, srv.Page("projects", report.Project.Slug, "reports", report.UUID))
	follow, gate := "follow it", ""
	if f.errorOnAlert { // not asked for in silence: nobody waits for the alerts here
		follow, gate = "--error-on-alert waits for nothing here; ask for the alerts with", " --error-on-alert"
	}
	fmt.Fprintf(env.Stderr, "tacho: submitted; %s: tacho job watch %s %s%s\n", follow, report.Project.Slug, *report.Job, gate)
	return nil
}

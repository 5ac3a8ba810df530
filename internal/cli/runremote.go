package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/mask"
)

// errDetached ends following after Ctrl-C.
var errDetached = errors.New("interrupted")

// untilInterrupted returns a context that ends at the first Ctrl-C. From then on nobody listens, so that a second one ends the process.
func (e *Env) untilInterrupted(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals, stop := e.interrupts()
	go func() {
		select {
		case <-ctx.Done():
		case <-signals:
			stop()
			cancel(errDetached)
		}
	}()
	return ctx, func() { stop(); cancel(nil) }
}

// runRemote submits a job, follows it and shows its report.
func (f *runFlags) runRemote(ctx context.Context, env *Env, in api.NewRun) error {
	if f.dryRun {
		for name, value := range in.Job.Env {
			if slices.Contains(in.Job.SecretEnv, name) || mask.LooksSecret(name, value) {
				in.Job.Env[name] = strings.Repeat("*", len(value))
			}
		}
		return printJSON(env.Stdout, in)
	}
	srv, err := f.open(ctx, env)
	if err != nil {
		return err
	}
	if srv.embedded != nil {
		return srv.done(usage(
			"--image needs a server with runners: give --host, set TACHO_HOST or use 'tacho login' ('tacho server' starts one)"))
	}
	return srv.done(f.submitJob(ctx, env, srv, in))
}

func (f *runFlags) submitJob(ctx context.Context, env *Env, srv *session, in api.NewRun) error {
	live, stop := env.untilInterrupted(ctx)
	defer stop()
	report, err := srv.Run(live, in)
	if errors.Is(err, errDetached) {
		return failWith(fault.ExitInterrupted, "interrupted while submitting; the job may be there already: "+
			"the same command with --idempotency-key %s returns it and submits nothing twice", in.IdempotencyKey)
	}
	if err != nil {
		return err
	}
	if report.Job == nil {
		return fault.New(fault.Unavailable, "%s made a report without a job; it does not know remote runs", srv.Base())
	}
	if !f.quiet && madeProject(report) {
		sayVisibility(env, srv, report.Project)
	}
	project, id := report.Project.Slug, *report.Job
	if f.detach {
		return f.showDetached(env, srv, report)
	}
	if !f.quiet {
		fmt.Fprintf(env.Stderr, "tacho: job %s in project %s\n", id, project)
	}
	w := newWatcher(env, watchOptions{quiet: f.quiet, json: f.format == "json"})
	job, err := w.follow(live, srv, project, id)
	if errors.Is(err, errDetached) {
		return detached(project, id)
	}
	if err != nil {
		return &exitError{exitCode(err), fmt.Errorf("%w; the job goes on: 'tacho job watch %s %s' follows it", err, project, id)}
	}
	return f.finish(ctx, env, srv, job)
}

// detached says how to come back.
func detached(project, job string) error {
	return failWith(fault.ExitInterrupted, "detached; the job goes on. Follow it: tacho job watch %s %s   Stop it: tacho job cancel %s %s",
		project, job, project, job)
}

func (f *runFlags) showDetached(env *Env, srv *session, report api.Report) error {
	if f.format == "json" {
		return printJSON(env.Stdout, report)
	}
	fmt.Fprintf(env.Stdout, "job %s\nreport %s\n", *report.Job, srv.page("projects", report.Project.Slug, "reports", report.UUID))
	follow, gate := "follow it", ""
	if f.errorOnAlert { // not asked for in silence: nobody waits for the alerts here
		follow, gate = "--error-on-alert waits for nothing here; ask for the alerts with", " --error-on-alert"
	}
	fmt.Fprintf(env.Stderr, "tacho: submitted; %s: tacho job watch %s %s%s\n", follow, report.Project.Slug, *report.Job, gate)
	return nil
}

// finish shows what an ended job left, and returns what its exit code says.
func (f *runFlags) finish(ctx context.Context, env *Env, srv *session, job api.Job) error {
	report, err := srv.Report(ctx, job.Project, job.Report)
	if job.Status == api.JobProcessed {
		if err != nil {
			return err
		}
		return f.show(ctx, env, srv, report)
	}
	if err == nil && f.format == "json" {
		if err := printJSON(env.Stdout, report); err != nil {
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
	code := jobExit(job)
	if code == fault.ExitInfrastructure || code == fault.ExitServer || code == fault.ExitCanceled {
		text += fmt.Sprintf("; 'tacho job retry %s %s' puts it back in the queue", project, job.UUID)
	}
	return failWith(code, "%s", text)
}

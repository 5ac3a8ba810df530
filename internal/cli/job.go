package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/cli/term"
)

// newJobCommand is `tacho job`: the remote runs of a project.
func newJobCommand(env *Env) *cobra.Command {
	return family("job", "Look at remote runs, follow, cancel and retry them",
		newJobList(env), newJobView(env), newJobWatch(env), newJobLogs(env), newJobCancel(env), newJobRetry(env))
}

func newJobList(env *Env) *cobra.Command {
	var p pageFlags
	var status string
	cmd := asking(env, "list PROJECT", "List a project's jobs, newest first", cobra.ExactArgs(1),
		func(ctx context.Context, c *call, srv *session, args []string) error {
			list := func(ctx context.Context, page client.Page) ([]api.Job, int, error) {
				return srv.Jobs(ctx, args[0], api.JobStatus(status), page)
			}
			return listed(ctx, env, c, p, client.Page{}, list, func(jobs []api.Job) term.Table { return jobTable(jobs, env.Now()) })
		})
	cmd.Aliases = []string{"ls"}
	cmd.Example = "  tacho job list app\n  tacho job list app --status failed --json"
	p.flags(cmd)
	cmd.Flags().StringVar(&status, "status", "", "only pending, claimed, running, completed, processed, failed or canceled ones")
	return cmd
}

func jobTable(jobs []api.Job, now time.Time) term.Table {
	t := term.Table{Titles: []string{"job", "status", "image", "spec", "runner", "created", "took"}}
	for _, j := range jobs {
		t.Add(term.Text(j.UUID), term.Cell{Text: statusText(j), Colour: statusColour(j.Status)}, term.Text(j.Image), term.Text(j.Spec.Slug),
			term.Text(j.RunnerName),
			term.Text(stamp(&j.Created)), term.Text(took(j, now)))
	}
	return t
}

func statusText(j api.Job) string {
	text := string(j.Status)
	switch {
	case j.Reason != api.ReasonNone && (j.Status == api.JobFailed || j.Status == api.JobCanceled):
		text += " (" + string(j.Reason) + ")"
	case j.QueuePosition != nil:
		text += fmt.Sprintf(" (%d in queue)", *j.QueuePosition)
	}
	return text
}

func statusColour(s api.JobStatus) term.Colour {
	switch s {
	case api.JobProcessed:
		return term.Good
	case api.JobFailed:
		return term.Bad
	case api.JobCanceled:
		return term.Note
	}
	return term.Plain
}

// took is how long a job ran, up to now if it still does.
func took(j api.Job, now time.Time) string {
	if j.Started == nil {
		return ""
	}
	end := now
	if j.Completed != nil {
		end = *j.Completed
	}
	return end.Sub(*j.Started).Round(100 * time.Millisecond).String()
}

func newJobView(env *Env) *cobra.Command {
	cmd := asking(env, "view PROJECT JOB", "Show one job with its history", cobra.ExactArgs(2),
		func(ctx context.Context, c *call, srv *session, args []string) error {
			j, err := srv.Job(ctx, args[0], args[1])
			if err != nil {
				return err
			}
			if c.asJSON {
				return printJSON(env.Stdout, j)
			}
			return writeJob(env.out(), srv, args[0], j, env.Now())
		})
	cmd.Aliases = []string{"get"}
	cmd.Example = "  tacho job view app 01960000-0000-7000-8000-000000000001"
	return cmd
}

func writeJob(s *term.Screen, srv *session, project string, j api.Job, now time.Time) error {
	waited := ""
	if j.Claimed != nil {
		waited = j.Claimed.Sub(j.Created).Round(100 * time.Millisecond).String()
	}
	facts(s, "job", j.UUID, "status", statusText(j), "blocked", j.Blocked, "error", j.Error, "image", j.Image, "digest", j.Digest, "spec",
		j.Spec.Slug, "runner", j.RunnerName,
		"attempt", strconv.Itoa(j.Attempt), "timeout", (time.Duration(j.Timeout) * time.Second).String(), "iterations", strconv.Itoa(j.Iter),
		"created", stamp(&j.Created), "waited", waited, "took", took(j, now), "cancel asked", stamp(j.CancelAsked),
		"report", j.Report, "page", srv.page("projects", project, "jobs", j.UUID))
	if len(j.Events) > 0 {
		fmt.Fprintln(s.W)
		t := term.Table{Titles: []string{"when", "event", "change", ""}}
		for _, e := range j.Events {
			t.Add(term.Text(stamp(&e.Time)), term.Text(e.Event), term.Text(string(e.From)+" → "+string(e.To)),
				term.Text(strings.TrimSpace(string(e.Reason)+" "+e.Detail)))
		}
		if err := t.Write(s); err != nil {
			return err
		}
	}
	if len(j.Outputs) > 0 {
		fmt.Fprintln(s.W)
		t := term.Table{Titles: []string{"output", "iteration", "size", ""}, Right: []bool{false, true, true, false}}
		for _, o := range j.Outputs {
			note := ""
			if o.Truncated {
				note = "cut"
			}
			t.Add(term.Text(strings.TrimSpace(string(o.Kind)+" "+o.Path)), term.Text(strconv.Itoa(o.Iteration)),
				term.Text(strconv.FormatInt(o.SizeBytes, 10)), term.Text(note))
		}
		return t.Write(s)
	}
	return nil
}

func newJobWatch(env *Env) *cobra.Command {
	var f runFlags
	cmd := leaf("watch PROJECT JOB", "Follow a job live and show its report", exitsRun, func(cmd *cobra.Command, args []string) error {
		if f.asJSON {
			f.format = "json"
		}
		srv, err := f.open(cmd.Context(), env)
		if err != nil {
			return err
		}
		return srv.done(f.watch(cmd.Context(), env, srv, args[0], args[1]))
	})
	cmd.Args = cobra.ExactArgs(2)
	cmd.Long = "Follow a job: its states, its output as it comes, and at the end its report. Ctrl-C leaves the job running. Of a job that " +
		"has\nended the whole output is shown at once."
	cmd.Example = "  tacho job watch app 01960000-0000-7000-8000-000000000001 --error-on-alert"
	f.connection.flags(cmd)
	cmd.Flags().BoolVar(&f.errorOnAlert, "error-on-alert", false, errorOnAlertHelp)
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print the report as JSON; all else goes to stderr")
	cmd.Flags().BoolVarP(&f.quiet, "quiet", "q", false, "print the report and errors only")
	return cmd
}

func (f *runFlags) watch(ctx context.Context, env *Env, srv *session, project, id string) error {
	live, stop := env.untilInterrupted(ctx)
	defer stop()
	w := newWatcher(env, watchOptions{quiet: f.quiet, json: f.format == "json"})
	job, err := w.follow(live, srv, project, id)
	if errors.Is(err, errDetached) {
		return detached(project, id)
	}
	if err != nil {
		return err
	}
	return f.finish(ctx, env, srv, job)
}

func newJobLogs(env *Env) *cobra.Command {
	var iteration int
	var stream, file string
	cmd := asking(env, "logs PROJECT JOB", "Print a job's output: stored, or live while it runs", cobra.ExactArgs(2),
		func(ctx context.Context, _ *call, srv *session, args []string) error {
			switch stream {
			case "", string(api.ArtifactStdout), string(api.ArtifactStderr):
			default:
				return usage("--stream %q: want stdout or stderr", stream)
			}
			job, err := srv.Job(ctx, args[0], args[1])
			if err != nil {
				return err
			}
			switch job.Status {
			case api.JobProcessed, api.JobFailed, api.JobCanceled:
				return copyOutputs(ctx, env, srv, args[0], job, func(a api.JobArtifact) bool {
					if iteration >= 0 && a.Iteration != iteration {
						return false
					}
					if file != "" {
						return a.Kind == api.ArtifactFile && a.Path == file
					}
					return a.Kind != api.ArtifactFile && (stream == "" || string(a.Kind) == stream)
				})
			}
			if file != "" {
				return usage("--file %s: the job is %s; files are there when it has ended", file, job.Status)
			}
			live, stop := env.untilInterrupted(ctx)
			defer stop()
			w := newWatcher(env, watchOptions{outputOnly: true})
			switch stream {
			case "stdout":
				w.stderr = io.Discard
			case "stderr":
				w.stdout = io.Discard
			}
			_, err = w.follow(live, srv, args[0], args[1])
			if errors.Is(err, errDetached) {
				return detached(args[0], args[1])
			}
			return err
		})
	cmd.Long = "Print what a job wrote, stdout on stdout and stderr on stderr. While the job goes on its output is followed until it ends; " +
		"of an ended\njob the stored streams are printed whole, iteration by iteration. --file prints a file that was collected."
	cmd.Example = "  tacho job logs app 01960000-0000-7000-8000-000000000001 --stream stdout\n  tacho job logs app " +
		"01960000-0000-7000-8000-000000000001 --file /out/result.json > result.json"
	cmd.Flags().IntVar(&iteration, "iteration", -1, "only this iteration, from 0 (default all)")
	cmd.Flags().StringVar(&stream, "stream", "", "only stdout or stderr")
	cmd.Flags().StringVar(&file, "file", "", "path of a collected file")
	return cmd
}

// copyOutputs prints the stored outputs that are wanted. It is an error if there is none.
func copyOutputs(ctx context.Context, env *Env, srv *session, project string, job api.Job, wanted func(api.JobArtifact) bool) error {
	p := term.NewProgress(env.errs())
	stdout, stderr := p.Around(env.Stdout, env.out().Terminal), p.Around(env.Stderr, env.errs().Terminal)
	printed := 0
	for _, a := range job.Outputs {
		if !wanted(a) {
			continue
		}
		printed++
		body, err := srv.JobOutput(ctx, project, job.UUID, a.Iteration, a.Kind, a.Path)
		if err != nil {
			return err
		}
		to := stdout
		if a.Kind == api.ArtifactStderr {
			to = stderr
		}
		_, err = io.Copy(to, body)
		body.Close()
		if err != nil {
			return fmt.Errorf("print %s of iteration %d: %w", a.Kind, a.Iteration, err)
		}
		if a.Truncated {
			fmt.Fprintf(env.Stderr, "tacho: %s of iteration %d was cut at its limit\n", a.Kind, a.Iteration)
		}
	}
	if printed == 0 {
		return usage("job %s left no such output; 'tacho job view %s %s' lists what there is", job.UUID, project, job.UUID)
	}
	return nil
}

func newJobCancel(env *Env) *cobra.Command {
	return newJobChange(env, "cancel PROJECT JOB", "Cancel a job that has not ended", "cancel",
		func(ctx context.Context, srv *session, project, job string) (api.Job, error) {
			return srv.CancelJob(ctx, project, job)
		})
}

func newJobRetry(env *Env) *cobra.Command {
	return newJobChange(env, "retry PROJECT JOB", "Put a job that failed or was canceled back in the queue", "retry",
		func(ctx context.Context, srv *session, project, job string) (api.Job, error) {
			return srv.RetryJob(ctx, project, job)
		})
}

func newJobChange(env *Env, use, short, verb string, change func(ctx context.Context, srv *session, project, job string) (api.Job,
	error)) *cobra.Command {
	cmd := asking(env, use, short, cobra.ExactArgs(2), func(ctx context.Context, c *call, srv *session, args []string) error {
		j, err := change(ctx, srv, args[0], args[1])
		if err != nil {
			return err
		}
		if c.asJSON {
			return printJSON(env.Stdout, j)
		}
		_, err = fmt.Fprintf(env.Stdout, "job %s %s\n", j.UUID, stateLine(j))
		return err
	})
	cmd.Example = "  tacho job " + verb + " app 01960000-0000-7000-8000-000000000001"
	return cmd
}

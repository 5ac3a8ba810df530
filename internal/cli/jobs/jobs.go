// Package jobs is `tacho job`, and how a job is followed to its end: `tacho run --image` does the same after it has submitted one.
package jobs

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/show"
	"github.com/tachograph/tacho/internal/cli/term"
)

// Command is `tacho job`: the remote runs of a project.
func Command(env *cli.Env) *cobra.Command {
	return cli.Family("job", "Look at remote runs, follow, cancel and retry them",
		newJobList(env), newJobView(env), newJobWatch(env), newJobLogs(env), newJobCancel(env), newJobRetry(env))
}

func newJobList(env *cli.Env) *cobra.Command {
	var status string
	return cli.List[api.Job]{
		Use: "list PROJECT", Short: "List a project's jobs, newest first", Args: cobra.ExactArgs(1),
		Example: "  tacho job list app\n  tacho job list app --status failed --json",
		Flags: func(v *pflag.FlagSet, _ *client.Page) {
			v.StringVar(&status, "status", "", "only pending, claimed, running, completed, processed, failed or canceled ones")
		},
		Rows: func(ctx context.Context, srv *cli.Session, args []string, page client.Page) ([]api.Job, int, error) {
			return srv.Jobs(ctx, args[0], api.JobStatus(status), page)
		},
		Table: func(jobs []api.Job) term.Table { return jobTable(jobs, env.Now()) },
	}.Command(env)
}

func jobTable(jobs []api.Job, now time.Time) term.Table {
	t := term.Table{Titles: []string{"job", "status", "image", "spec", "runner", "created", "took"}}
	for _, j := range jobs {
		t.Add(term.Text(j.UUID), term.Cell{Text: statusText(j), Colour: statusColour(j.Status)}, term.Text(j.Image), term.Text(j.Spec.Slug),
			term.Text(j.RunnerName),
			term.Text(cli.Stamp(&j.Created)), term.Text(took(j, now)))
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

func newJobView(env *cli.Env) *cobra.Command {
	return cli.One[api.Job]{
		Use: "view PROJECT JOB", Short: "Show one job with its history", Args: cobra.ExactArgs(2), Aliases: []string{"get"},
		Example: "  tacho job view app 01960000-0000-7000-8000-000000000001",
		Ask: func(ctx context.Context, srv *cli.Session, args []string) (api.Job, error) {
			return srv.Job(ctx, args[0], args[1])
		},
		Print: func(srv *cli.Session, args []string, j api.Job) error {
			return writeJob(env.Out(), srv, args[0], j, env.Now())
		},
	}.Command(env)
}

func writeJob(s *term.Screen, srv *cli.Session, project string, j api.Job, now time.Time) error {
	waited := ""
	if j.Claimed != nil {
		waited = j.Claimed.Sub(j.Created).Round(100 * time.Millisecond).String()
	}
	cli.Facts(s, "job", j.UUID, "status", statusText(j), "blocked", j.Blocked, "error", j.Error, "image", j.Image, "digest", j.Digest, "spec",
		j.Spec.Slug, "runner", j.RunnerName,
		"attempt", strconv.Itoa(j.Attempt), "timeout", (time.Duration(j.Timeout) * time.Second).String(), "iterations", strconv.Itoa(j.Iter),
		"created", cli.Stamp(&j.Created), "waited", waited, "took", took(j, now), "cancel asked", cli.Stamp(j.CancelAsked),
		"report", j.Report, "page", srv.Page("projects", project, "jobs", j.UUID))
	if len(j.Events) > 0 {
		fmt.Fprintln(s.W)
		t := term.Table{Titles: []string{"when", "event", "change", ""}}
		for _, e := range j.Events {
			t.Add(term.Text(cli.Stamp(&e.Time)), term.Text(e.Event), term.Text(string(e.From)+" → "+string(e.To)),
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

func newJobWatch(env *cli.Env) *cobra.Command {
	var c cli.Connection
	var o show.Options
	cmd := cli.Leaf("watch PROJECT JOB", "Follow a job live and show its report", cli.ExitsRun, func(cmd *cobra.Command, args []string) error {
		srv, err := c.Open(cmd.Context(), env)
		if err != nil {
			return err
		}
		return srv.Done(watchJob(cmd.Context(), env, srv, args[0], args[1], o))
	})
	cmd.Args = cobra.ExactArgs(2)
	cmd.Long = "Follow a job: its states, its output as it comes, and at the end its report. Ctrl-C leaves the job running. Of a job that " +
		"has\nended the whole output is shown at once."
	cmd.Example = "  tacho job watch app 01960000-0000-7000-8000-000000000001 --error-on-alert"
	c.Flags(cmd)
	cmd.Flags().BoolVar(&o.ErrorOnAlert, "error-on-alert", false, show.ErrorOnAlertHelp)
	cmd.Flags().BoolVar(&o.JSON, "json", false, "print the report as JSON; all else goes to stderr")
	cmd.Flags().BoolVarP(&o.Quiet, "quiet", "q", false, "print the report and errors only")
	return cmd
}

func watchJob(ctx context.Context, env *cli.Env, srv *cli.Session, project, id string, o show.Options) error {
	live, stop := env.UntilInterrupted(ctx)
	defer stop()
	job, err := Follow(live, env, srv, project, []string{id}, WatchOptions{Quiet: o.Quiet, Json: o.JSON})
	if errors.Is(err, cli.ErrInterrupted) {
		return Detached(project, id)
	}
	if err != nil {
		return err
	}
	return Finish(ctx, env, srv, job, o)
}

func newJobCancel(env *cli.Env) *cobra.Command {
	return newJobChange(env, "cancel PROJECT JOB", "Cancel a job that has not ended", "cancel",
		func(ctx context.Context, srv *cli.Session, project, job string) (api.Job, error) {
			return srv.CancelJob(ctx, project, job)
		})
}

func newJobRetry(env *cli.Env) *cobra.Command {
	return newJobChange(env, "retry PROJECT JOB", "Put a job that failed or was canceled back in the queue", "retry",
		func(ctx context.Context, srv *cli.Session, project, job string) (api.Job, error) {
			return srv.RetryJob(ctx, project, job)
		})
}

func newJobChange(env *cli.Env, use, short, verb string, change func(ctx context.Context, srv *cli.Session, project, job string) (api.Job,
	error)) *cobra.Command {
	cmd := cli.Asking(env, use, short, cobra.ExactArgs(2), func(ctx context.Context, c *cli.Call, srv *cli.Session, args []string) error {
		j, err := change(ctx, srv, args[0], args[1])
		if err != nil {
			return err
		}
		if c.JSON {
			return cli.PrintJSON(env.Stdout, j)
		}
		_, err = fmt.Fprintf(env.Stdout, "job %s %s\n", j.UUID, stateLine(j))
		return err
	})
	cmd.Example = "  tacho job " + verb + " app 01960000-0000-7000-8000-000000000001"
	return cmd
}

package jobs

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/cli"
)

// errDelivered ends the following of a job that has delivered what its report cannot use before others have.
var errDelivered = errors.New("delivered")

// Follow shows the jobs of a measurement, one after the other in the order in which they run, until all have ended. It returns the one
// that says how the measurement ended: the first that failed or was canceled for a reason of its own, else the last.
func Follow(ctx context.Context, env *cli.Env, srv *cli.Session, project string, jobs []string, o WatchOptions) (api.Job, error) {
	var ended api.Job
	unread := map[string]int{} // a job of each report whose results had not been read when it was left
	look := func(i int, delivered, again bool) (api.Job, error) {
		w := newWatcher(env, o)
		if len(jobs) > 1 {
			w.which = fmt.Sprintf("job %d of %d: ", i+1, len(jobs))
		}
		if again { // its output was shown
			w.stdout, w.stderr = io.Discard, io.Discard
		}
		return w.follow(ctx, srv, project, jobs[i], delivered)
	}
	for i := range jobs {
		last, err := look(i, i < len(jobs)-1, false)
		if err != nil || failedItself(last) {
			return last, err
		}
		ended = last
		if delete(unread, last.Report); last.Status == api.JobCompleted {
			unread[last.Report] = i
		}
	}
	for _, i := range unread { // of the side that did not run last
		last, err := look(i, false, true)
		if err != nil || failedItself(last) {
			return last, err
		}
		if last.Reason == api.ReasonMeasurement {
			ended = last
		}
	}
	if ended.Reason != api.ReasonMeasurement {
		return ended, nil
	}
	for _, id := range jobs {
		job, err := srv.Job(ctx, project, id)
		if err != nil {
			return ended, err
		}
		if failedItself(job) {
			return job, nil
		}
	}
	return ended, nil
}

// failedItself reports whether a job failed or was canceled, and not because another one did.
func failedItself(job api.Job) bool {
	return (job.Status == api.JobFailed || job.Status == api.JobCanceled) && job.Reason != api.ReasonMeasurement
}

// follow shows a job until it has ended, or, with delivered, until all that it left is on the server, and returns it as it then is.
func (w *watcher) follow(ctx context.Context, srv *cli.Session, project, job string, delivered bool) (api.Job, error) {
	defer w.begin(ctx, srv)()
	var last api.Job
	err := srv.Follow(ctx, project, job, func(e client.Event) error {
		if e.Log != nil {
			return w.log(*e.Log)
		}
		last = *e.Job
		w.show(last)
		if delivered && last.Status == api.JobCompleted && last.Parts > 1 {
			return errDelivered
		}
		return nil
	})
	if errors.Is(err, errDelivered) {
		err = nil
	}
	return last, err
}

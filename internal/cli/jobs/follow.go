package jobs

import (
	"context"
	"errors"
	"fmt"

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
	for i, id := range jobs {
		w := newWatcher(env, o)
		if len(jobs) > 1 {
			w.which = fmt.Sprintf("job %d of %d: ", i+1, len(jobs))
		}
		last, err := w.follow(ctx, srv, project, id, i < len(jobs)-1)
		if err != nil {
			return last, err
		}
		switch {
		case last.Status != api.JobFailed && last.Status != api.JobCanceled:
			ended = last
		case last.Reason == api.ReasonMeasurement: // another one says why
			ended = last
		default:
			return last, nil
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
		if (job.Status == api.JobFailed || job.Status == api.JobCanceled) && job.Reason != api.ReasonMeasurement {
			return job, nil
		}
	}
	return ended, nil
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

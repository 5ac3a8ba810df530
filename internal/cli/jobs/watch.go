package jobs

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/term"
)

// WatchOptions say what of a job is shown.
type WatchOptions struct {
	Quiet      bool // nothing
	Json       bool // its output goes to stderr, because stdout is for JSON
	outputOnly bool // no states
}

// watcher shows a job while it goes on: its states on stderr, its output on both streams.
type watcher struct {
	env            *cli.Env
	options        WatchOptions
	progress       *term.Progress
	live           bool   // a line that is written over
	which          string // before each state: which job of several it is of
	stdout, stderr io.Writer

	mu    sync.Mutex // guards state and since, which a clock reads
	state string
	since time.Time // when the state began, by our clock: the server's may be another
}

func newWatcher(env *cli.Env, o WatchOptions) *watcher {
	errs, out := env.Errs(), env.Out()
	p := term.NewProgress(errs)
	w := &watcher{env: env, options: o, progress: p, live: errs.Terminal && !o.Quiet && !o.outputOnly}
	switch {
	case o.Quiet:
		w.stdout, w.stderr = io.Discard, io.Discard
	case o.Json:
		w.stdout, w.stderr = p.Around(env.Stderr, errs.Terminal), p.Around(env.Stderr, errs.Terminal)
	default:
		w.stdout, w.stderr = p.Around(env.Stdout, out.Terminal), p.Around(env.Stderr, errs.Terminal)
	}
	return w
}

// begin makes what the session says go around the line that is written over, and moves the clock in it on; end stops that.
func (w *watcher) begin(ctx context.Context, srv *cli.Session) (end func()) {
	plain := srv.Say
	srv.Say = w.progress.Say
	if !w.live {
		return func() { srv.Say = plain }
	}
	ctx, stop := context.WithCancel(ctx)
	var clock sync.WaitGroup
	clock.Go(func() { w.tick(ctx) })
	return func() {
		stop()
		clock.Wait()
		w.progress.Done()
		srv.Say = plain
	}
}

func (w *watcher) log(l api.JobLog) error {
	to := w.stdout
	if l.Stream == api.ArtifactStderr {
		to = w.stderr
	}
	if _, err := io.WriteString(to, l.Text); err != nil {
		return fmt.Errorf("write the job's output: %w", err)
	}
	return nil
}

// show tells a state that is new.
func (w *watcher) show(job api.Job) {
	state := w.which + stateLine(job)
	w.mu.Lock()
	same := state == w.state
	if !same {
		w.state, w.since = state, w.env.Now()
	}
	w.mu.Unlock()
	if same || w.options.Quiet || w.options.outputOnly {
		return
	}
	if w.live {
		w.draw()
		return
	}
	w.progress.Say("tacho: " + state)
}

// tick redraws the line each second, so that the time in it goes on.
func (w *watcher) tick(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			w.draw()
		}
	}
}

func (w *watcher) draw() {
	w.mu.Lock()
	state, elapsed := w.state, w.env.Now().Sub(w.since)
	w.mu.Unlock()
	if state != "" {
		w.progress.Show(fmt.Sprintf("%s · %s", state, elapsed.Round(time.Second)))
	}
}

// stateLine says where a job stands.
func stateLine(job api.Job) string {
	on := ""
	if job.Runner != nil {
		on = " on " + job.RunnerName
	}
	if job.CancelAsked != nil && (job.Status == api.JobClaimed || job.Status == api.JobRunning) {
		return "canceling" + on
	}
	var line string
	switch job.Status {
	case api.JobPending:
		line = "waiting for a runner with spec " + job.Spec.Slug
		if job.QueuePosition != nil {
			line += fmt.Sprintf(", position %d in the queue", *job.QueuePosition)
		}
		if job.Attempt > 0 {
			line += fmt.Sprintf(" (attempt %d", job.Attempt+1)
			if job.Reason != api.ReasonNone {
				line += " after " + string(job.Reason)
			}
			line += ")"
		}
		if job.Blocked != "" {
			line += ": " + job.Blocked
		}
		return line
	case api.JobClaimed, api.JobRunning:
		line = string(job.Status) + on
		if job.Status == api.JobClaimed && job.Runner != nil {
			line = "claimed by " + job.RunnerName
		}
		if job.Phase != "" && (job.Phase != "run" || job.Status == api.JobClaimed) {
			line += ": " + job.Phase
		}
		if job.Attempt > 1 {
			line += fmt.Sprintf(" (attempt %d)", job.Attempt)
		}
		return line
	case api.JobCompleted:
		if job.Parts > 1 {
			return "completed" + on + ", results are read when all jobs of the report have completed"
		}
		return "completed" + on + ", results are being read"
	}
	return strings.TrimSpace(string(job.Status) + on)
}

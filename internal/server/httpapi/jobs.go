package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/request"
)

type JobPath struct {
	ProjectPath
	Job string `path:"job" maxLength:"36" doc:"UUID"`
}

func (a *API) registerJobs() {
	register(a, operation{http.MethodGet, "/v0/projects/{project}/jobs", "list-jobs", "The project's jobs, newest first", access.ViewProject,
		0, 0},
		func(ctx context.Context, in *struct {
			ProjectPath
			PageInput
			Status string `query:"status" enum:"pending,claimed,running,completed,processed,failed,canceled"`
		}) (*listOutput[api.Job], error) {
			return listed(a.cfg.Queue.Jobs(ctx, actorOf(ctx), in.Project, api.JobStatus(in.Status), in.page(true)))
		})
	register(a, operation{http.MethodGet, "/v0/projects/{project}/jobs/{job}", "get-job", "One job with its output and history",
		access.ViewProject, 0, 0},
		func(ctx context.Context, in *JobPath) (*bodyOutput[api.Job], error) {
			return body(a.cfg.Queue.Job(ctx, actorOf(ctx), in.Project, in.Job))
		})
	register(a, operation{http.MethodPatch, "/v0/projects/{project}/jobs/{job}", "update-job",
		"Cancel a job (status canceled), or put one that failed or was canceled back in the queue (status pending)", access.ControlJob, 0, 0},
		func(ctx context.Context, in *struct {
			JobPath
			Body api.UpdateJob
		}) (*bodyOutput[api.Job], error) {
			return body(a.cfg.Queue.Control(ctx, actorOf(ctx), in.Project, in.Job, in.Body.Status))
		})
	a.serve(request.Route{
		Method: http.MethodGet, Path: "/v0/projects/{project}/jobs/{job}/events", ID: "follow-job",
		Summary: "A job's changes and output as server-sent events",
		Action:  access.ViewProject, Handle: a.jobEvents, Answers: []request.Answered{{Status: 200, Type: "text/event-stream",
			About: "Events status, log and end, or refused when the follower may not see the project any more; Last-Event-ID goes on behind the " +
				"event that it names"}},
	})
	a.serve(request.Route{
		Method: http.MethodGet, Path: "/v0/projects/{project}/jobs/{job}/outputs/{iteration}/{kind}", ID: "get-job-output",
		Summary: "One stored output of a job, whole",
		Action:  access.ViewProject, Query: []request.Query{{Name: "path", About: "of a file that the job was asked to collect"}},
		Handle:  a.jobOutput,
		Answers: []request.Answered{{Status: 200, Type: "text/plain", About: "The bytes as the job wrote them"}},
	})
}

// followers returns who follows, asked for anew: the key may be revoked since the stream began, the member gone.
func (a *API) follower(r *http.Request) (access.Actor, error) {
	actor := actorOf(r.Context())
	if bearer := request.Bearer(r); bearer != "" && actor.Kind != access.Local {
		return a.cfg.Accounts.Authenticate(r.Context(), bearer, request.SourceIP(r))
	}
	return actor, nil
}

// jobEvents streams a job's changes and output while its follower may see them, which is asked before each look. What is sent is read from
// the store after each change, so a slow reader misses nothing and one that comes back with Last-Event-ID goes on where it was.
func (a *API) jobEvents(w http.ResponseWriter, r *http.Request) {
	actor, project := actorOf(r.Context()), r.PathValue("project")
	if actor.Kind == access.Anonymous {
		leave, err := a.cfg.Guard.Stream(request.SourceIP(r))
		if err != nil {
			request.WriteError(w, r, a.log, err)
			return
		}
		defer leave()
	}
	id := r.PathValue("job")
	changed, unsubscribe := a.cfg.Queue.Subscribe(id) // before the first look, so that no change falls in between
	defer unsubscribe()
	followed, err := a.cfg.Queue.Brief(r.Context(), actor, project, id)
	if err != nil {
		request.WriteError(w, r, a.log, err)
		return
	}
	out := eventStream{w: w, control: http.NewResponseController(w)}
	_ = out.control.SetWriteDeadline(time.Time{})
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	epoch, after := lastEvent(r.Header.Get("Last-Event-ID"))
	last := ""
	timer := time.NewTimer(a.cfg.KeepAlive)
	defer timer.Stop()
	for {
		if epoch, after, err = a.sendLogs(r.Context(), &out, actor, project, id, epoch, after); err != nil {
			break
		}
		var brief, news []byte
		if brief, err = json.Marshal(followed); err != nil {
			break
		}
		seen := followed
		seen.Modified = time.Time{} // each line of output changes it, and is no news of the job
		if news, err = json.Marshal(seen); err != nil {
			break
		}
		if job.Ended(followed.Status) {
			_ = out.send(api.EventEnd, "", brief)
			return
		}
		if string(news) != last {
			last = string(news)
			if out.send(api.EventStatus, "", brief) != nil {
				return
			}
		}
		timer.Reset(a.cfg.KeepAlive)
		select {
		case <-r.Context().Done():
			return
		case _, open := <-changed:
			if !open {
				return // shutting down; the follower comes back
			}
		case <-timer.C:
			if out.comment() != nil {
				return
			}
		}
		if actor, err = a.follower(r); err != nil {
			break
		}
		if followed, err = a.cfg.Queue.Brief(r.Context(), actor, project, id); err != nil {
			break
		}
	}
	switch fault.Of(err) {
	case fault.Missing, fault.Unauthorized, fault.Forbidden:
		out.refuse(r.Context(), a.log, err)
		return
	}
	if err != nil && r.Context().Err() == nil {
		a.log.ErrorContext(r.Context(), "job events failed", "request", request.ID(r.Context()), "job", id, "error", err)
	}
}

// sendLogs sends the output behind (epoch, after) and returns the new place.
func (a *API) sendLogs(ctx context.Context, out *eventStream, actor access.Actor, project, id string, epoch, after int64) (int64, int64,
	error) {
	for {
		logs, err := a.cfg.Queue.Logs(ctx, actor, project, id, epoch, after)
		if err != nil || len(logs) == 0 {
			return epoch, after, err
		}
		for _, l := range logs {
			raw, err := json.Marshal(l)
			if err != nil {
				return epoch, after, err
			}
			if err := out.send(api.EventLog, fmt.Sprintf("%d.%d", l.Epoch, l.Seq), raw); err != nil {
				return epoch, after, err
			}
			epoch, after = l.Epoch, l.Seq
		}
	}
}

// lastEvent reads "epoch.seq"; anything else begins at the beginning.
func lastEvent(id string) (epoch, seq int64) {
	e, s, ok := strings.Cut(id, ".")
	if !ok {
		return 0, 0
	}
	epoch, err := strconv.ParseInt(e, 10, 64)
	if err != nil {
		return 0, 0
	}
	if seq, err = strconv.ParseInt(s, 10, 64); err != nil {
		return 0, 0
	}
	return epoch, seq
}

// eventStream writes server-sent events. Data is JSON, which has no line end in it.
type eventStream struct {
	w       io.Writer
	control *http.ResponseController
}

// eventTime is how long a reader may take for one event before it is given up.
const eventTime = 30 * time.Second

func (e *eventStream) send(event, id string, data []byte) error {
	_ = e.control.SetWriteDeadline(time.Now().Add(eventTime))
	line := "event: " + event + "\n"
	if id != "" {
		line = "id: " + id + "\n" + line
	}
	if _, err := fmt.Fprintf(e.w, "%sdata: %s\n\n", line, data); err != nil {
		return err
	}
	return e.control.Flush()
}

// refuse says why the stream ends.
func (e *eventStream) refuse(ctx context.Context, log *slog.Logger, err error) {
	if ctx.Err() != nil {
		return
	}
	_, said := request.Answer(ctx, log, err)
	if data, err := json.Marshal(said); err == nil {
		_ = e.send(api.EventRefused, "", data) // the reader is gone if this fails
	}
}

func (e *eventStream) comment() error {
	_ = e.control.SetWriteDeadline(time.Now().Add(eventTime))
	if _, err := io.WriteString(e.w, ": still here\n\n"); err != nil {
		return err
	}
	return e.control.Flush()
}

// jobOutput downloads one stored output, whole. It is served so that no browser runs it.
func (a *API) jobOutput(w http.ResponseWriter, r *http.Request) {
	iteration, err := strconv.Atoi(r.PathValue("iteration"))
	if err != nil {
		request.WriteError(w, r, a.log, fault.Invalidf("iteration %.20q: want a number from 0", r.PathValue("iteration")))
		return
	}
	rc, size, err := a.cfg.Queue.OpenOutput(r.Context(), actorOf(r.Context()), r.PathValue("project"), r.PathValue("job"), iteration,
		api.ArtifactKind(r.PathValue("kind")), r.URL.Query().Get("path"))
	if err != nil {
		request.WriteError(w, r, a.log, err)
		return
	}
	defer rc.Close()
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Content-Length", strconv.FormatInt(size, 10))
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(30 * time.Minute))
	// Too late for an answer: fewer bytes than Content-Length close the connection. Mostly the reader is gone.
	if _, err := io.Copy(w, rc); fault.Is(err, fault.Unavailable) {
		a.log.ErrorContext(r.Context(), "send output of a job", "job", r.PathValue("job"), "error", err)
	}
}

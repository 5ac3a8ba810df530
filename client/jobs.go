package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/tachograph/tacho/api"
)

// Jobs returns a page of the project's jobs, newest first; status may be empty for all.
func (c *Client) Jobs(ctx context.Context, project string, status api.JobStatus, p Page) ([]api.Job, int, error) {
	return list[api.Job](ctx, c, at("projects", project, "jobs"), p.with("status", string(status)))
}

// Job returns one job, with its history and, when it has ended, its output.
func (c *Client) Job(ctx context.Context, project, job string) (api.Job, error) {
	return get[api.Job](ctx, c, at("projects", project, "jobs", job), nil)
}

// CancelJob asks for a job to be stopped. A job that waits is canceled at once, a running one when its runner has stopped it.
func (c *Client) CancelJob(ctx context.Context, project, job string) (api.Job, error) {
	return c.setJobStatus(ctx, project, job, api.JobCanceled)
}

// RetryJob puts a job that failed or was canceled back in the queue.
func (c *Client) RetryJob(ctx context.Context, project, job string) (api.Job, error) {
	return c.setJobStatus(ctx, project, job, api.JobPending)
}

func (c *Client) setJobStatus(ctx context.Context, project, job string, status api.JobStatus) (api.Job, error) {
	return send[api.Job](ctx, c, call{method: http.MethodPatch, path: at("projects", project, "jobs", job),
		body: api.UpdateJob{Status: status}})
}

// JobOutput returns a stored stream or file of a job, whole. path is empty for the streams. The caller closes it.
func (c *Client) JobOutput(ctx context.Context, project, job string, iteration int, kind api.ArtifactKind, path string) (io.ReadCloser,
	error) {
	op := call{
		method: http.MethodGet, path: at("projects", project, "jobs", job, "outputs", strconv.Itoa(iteration), string(kind)), repeat: true,
		header: http.Header{"Accept": {"*/*"}},
	}
	if path != "" {
		op.query = url.Values{"path": {path}}
	}
	res, err := c.send(ctx, op)
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}

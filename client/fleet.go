package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/tachograph/tacho/api"
)

// Runners returns a page of the server's runners, by name.
func (c *Client) Runners(ctx context.Context, p Page) ([]api.Runner, int, error) {
	return list[api.Runner](ctx, c, at("runners"), p.query())
}

// CreateRunner registers a machine. Its key is in this answer and nowhere else.
func (c *Client) CreateRunner(ctx context.Context, in api.NewRunner) (api.RunnerKey, error) {
	return send[api.RunnerKey](ctx, c, call{method: http.MethodPost, path: at("runners"), body: in})
}

// Runner returns one runner by slug or UUID.
func (c *Client) Runner(ctx context.Context, runner string) (api.Runner, error) {
	return get[api.Runner](ctx, c, at("runners", runner), nil)
}

// UpdateRunner changes a runner's name, or archives it.
func (c *Client) UpdateRunner(ctx context.Context, runner string, in api.UpdateRunner) (api.Runner, error) {
	return send[api.Runner](ctx, c, call{method: http.MethodPatch, path: at("runners", runner), body: in})
}

// NewRunnerKey replaces a runner's key; the old one is refused from then on. form is "", "tacho" or "bencher".
func (c *Client) NewRunnerKey(ctx context.Context, runner, form string) (api.RunnerKey, error) {
	in := call{method: http.MethodPost, path: at("runners", runner, "key")}
	if form != "" {
		in.query = url.Values{"form": {form}}
	}
	return send[api.RunnerKey](ctx, c, in)
}

// RunnerSpecs returns a page of the specs that a runner offers.
func (c *Client) RunnerSpecs(ctx context.Context, runner string, p Page) ([]api.Spec, int, error) {
	return list[api.Spec](ctx, c, at("runners", runner, "specs"), p.query())
}

// AddRunnerSpec lets a runner take jobs of a spec.
func (c *Client) AddRunnerSpec(ctx context.Context, runner, spec string) error {
	_, err := c.do(ctx, call{method: http.MethodPost, path: at("runners", runner, "specs"), body: api.AddRunnerSpec{Spec: spec}}, nil)
	return err
}

// RemoveRunnerSpec takes a spec away from a runner.
func (c *Client) RemoveRunnerSpec(ctx context.Context, runner, spec string) error {
	return c.remove(ctx, at("runners", runner, "specs", spec))
}

// Specs returns a page of the server's hardware specs, by name.
func (c *Client) Specs(ctx context.Context, p Page) ([]api.Spec, int, error) {
	return list[api.Spec](ctx, c, at("specs"), p.query())
}

// CreateSpec makes a hardware spec.
func (c *Client) CreateSpec(ctx context.Context, in api.NewSpec) (api.Spec, error) {
	return send[api.Spec](ctx, c, call{method: http.MethodPost, path: at("specs"), body: in})
}

// Spec returns one spec by slug or UUID.
func (c *Client) Spec(ctx context.Context, spec string) (api.Spec, error) {
	return get[api.Spec](ctx, c, at("specs", spec), nil)
}

// UpdateSpec changes a spec's name, makes it the fallback, or archives it. Its resources never change.
func (c *Client) UpdateSpec(ctx context.Context, spec string, in api.UpdateSpec) (api.Spec, error) {
	return send[api.Spec](ctx, c, call{method: http.MethodPatch, path: at("specs", spec), body: in})
}

// DeleteSpec deletes a spec that no job used.
func (c *Client) DeleteSpec(ctx context.Context, spec string) error {
	return c.remove(ctx, at("specs", spec))
}

package client

import (
	"context"

	"github.com/tachograph/tacho/api"
)

// Noise returns a page of how much the project's series vary while their code stays the same. An empty testbed is any.
func (c *Client) Noise(ctx context.Context, project, testbed string, p Page) ([]api.SeriesNoise, int, error) {
	return list[api.SeriesNoise](ctx, c, at("projects", project, "noise"), p.with("testbed", testbed))
}

package client

import (
	"context"
	"net/http"

	"github.com/tachograph/tacho/api"
)

// Plots returns a page of the plots that the project keeps, in their order.
func (c *Client) Plots(ctx context.Context, project string, p Page) ([]api.Plot, int, error) {
	return list[api.Plot](ctx, c, at("projects", project, "plots"), p.query())
}

// CreatePlot keeps a plot.
func (c *Client) CreatePlot(ctx context.Context, project string, in api.NewPlot) (api.Plot, error) {
	return send[api.Plot](ctx, c, call{method: http.MethodPost, path: at("projects", project, "plots"), body: in})
}

// Plot returns one plot by UUID.
func (c *Client) Plot(ctx context.Context, project, plot string) (api.Plot, error) {
	return get[api.Plot](ctx, c, at("projects", project, "plots", plot), nil)
}

// PlotPatch changes a plot. Nil fields stay; ClearTitle takes the title away.
type PlotPatch struct {
	api.UpdatePlot
	ClearTitle bool
}

// UpdatePlot changes a plot.
func (c *Client) UpdatePlot(ctx context.Context, project, plot string, p PlotPatch) (api.Plot, error) {
	var body any = p.UpdatePlot
	if p.ClearTitle {
		body = struct { // absent and null mean different things
			api.UpdatePlot
			Title *string `json:"title"`
		}{UpdatePlot: p.UpdatePlot}
	}
	return send[api.Plot](ctx, c, call{method: http.MethodPatch, path: at("projects", project, "plots", plot), body: body})
}

// DeletePlot deletes a plot; what it shows stays.
func (c *Client) DeletePlot(ctx context.Context, project, plot string) error {
	return c.remove(ctx, at("projects", project, "plots", plot))
}

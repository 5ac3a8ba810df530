package client

import (
	"context"
	"net/http"

	"github.com/tachograph/tacho/api"
)

// Testbeds returns a page of the project's testbeds, by name.
func (c *Client) Testbeds(ctx context.Context, project string, p Page) ([]api.Testbed, int, error) {
	return list[api.Testbed](ctx, c, at("projects", project, "testbeds"), p.query())
}

// CreateTestbed makes a testbed.
func (c *Client) CreateTestbed(ctx context.Context, project string, in api.NewDimension) (api.Testbed, error) {
	return send[api.Testbed](ctx, c, call{method: http.MethodPost, path: at("projects", project, "testbeds"), body: in})
}

// Testbed returns a testbed by slug or UUID.
func (c *Client) Testbed(ctx context.Context, project, testbed string) (api.Testbed, error) {
	return get[api.Testbed](ctx, c, at("projects", project, "testbeds", testbed), nil)
}

// UpdateTestbed changes a testbed.
func (c *Client) UpdateTestbed(ctx context.Context, project, testbed string, in api.UpdateDimension) (api.Testbed, error) {
	return send[api.Testbed](ctx, c, call{method: http.MethodPatch, path: at("projects", project, "testbeds", testbed), body: in})
}

// DeleteTestbed deletes a testbed that nothing uses.
func (c *Client) DeleteTestbed(ctx context.Context, project, testbed string) error {
	return c.remove(ctx, at("projects", project, "testbeds", testbed))
}

// Benchmarks returns a page of the project's benchmarks, by name.
func (c *Client) Benchmarks(ctx context.Context, project string, p Page) ([]api.Benchmark, int, error) {
	return list[api.Benchmark](ctx, c, at("projects", project, "benchmarks"), p.query())
}

// CreateBenchmark makes a benchmark.
func (c *Client) CreateBenchmark(ctx context.Context, project string, in api.NewDimension) (api.Benchmark, error) {
	return send[api.Benchmark](ctx, c, call{method: http.MethodPost, path: at("projects", project, "benchmarks"), body: in})
}

// Benchmark returns a benchmark by slug or UUID.
func (c *Client) Benchmark(ctx context.Context, project, benchmark string) (api.Benchmark, error) {
	return get[api.Benchmark](ctx, c, at("projects", project, "benchmarks", benchmark), nil)
}

// UpdateBenchmark changes a benchmark.
func (c *Client) UpdateBenchmark(ctx context.Context, project, benchmark string, in api.UpdateDimension) (api.Benchmark, error) {
	return send[api.Benchmark](ctx, c, call{method: http.MethodPatch, path: at("projects", project, "benchmarks", benchmark), body: in})
}

// DeleteBenchmark deletes a benchmark that nothing uses.
func (c *Client) DeleteBenchmark(ctx context.Context, project, benchmark string) error {
	return c.remove(ctx, at("projects", project, "benchmarks", benchmark))
}

// Measures returns a page of the project's measures, by name.
func (c *Client) Measures(ctx context.Context, project string, p Page) ([]api.Measure, int, error) {
	return list[api.Measure](ctx, c, at("projects", project, "measures"), p.query())
}

// CreateMeasure makes a measure.
func (c *Client) CreateMeasure(ctx context.Context, project string, in api.NewMeasure) (api.Measure, error) {
	return send[api.Measure](ctx, c, call{method: http.MethodPost, path: at("projects", project, "measures"), body: in})
}

// Measure returns a measure by slug or UUID.
func (c *Client) Measure(ctx context.Context, project, measure string) (api.Measure, error) {
	return get[api.Measure](ctx, c, at("projects", project, "measures", measure), nil)
}

// UpdateMeasure changes a measure.
func (c *Client) UpdateMeasure(ctx context.Context, project, measure string, in api.UpdateDimension) (api.Measure, error) {
	return send[api.Measure](ctx, c, call{method: http.MethodPatch, path: at("projects", project, "measures", measure), body: in})
}

// DeleteMeasure deletes a measure that nothing uses.
func (c *Client) DeleteMeasure(ctx context.Context, project, measure string) error {
	return c.remove(ctx, at("projects", project, "measures", measure))
}

package httpapi

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/server/explore"
)

type perfInput struct {
	ProjectPath
	Branches   string `query:"branches" maxLength:"65536" doc:"comma-separated UUIDs or slugs"`
	Heads      string `query:"heads" maxLength:"65536" doc:"by position with the branches; an empty entry is the current head"`
	Testbeds   string `query:"testbeds" maxLength:"65536" doc:"comma-separated UUIDs or slugs"`
	Specs      string `query:"specs" maxLength:"65536" doc:"by position with the testbeds; an empty entry is any spec"`
	Benchmarks string `query:"benchmarks" maxLength:"65536" doc:"comma-separated UUIDs or slugs"`
	Measures   string `query:"measures" maxLength:"65536" doc:"comma-separated UUIDs or slugs"`
	StartTime  int64  `query:"start_time" minimum:"0" maximum:"253402300799999" doc:"Unix milliseconds: reports that began then or later"`
	Columns    int    `query:"columns" minimum:"0" maximum:"4096" doc:"width of the picture that the lines are for, in pixels: points that it would not show are left out; 0: all points"`
	Shape      string `query:"shape" enum:"points,columns" doc:"points: an object for each point, the default; columns: a list for each field, a tenth of the size"`
	EndTime    int64  `query:"end_time" minimum:"0" maximum:"253402300799999" doc:"Unix milliseconds: reports that began then or earlier"`
}

func (a *API) registerPerf() {
	registerStream[perfInput, api.Perf](a, operation{http.MethodGet, "/v0/projects/{project}/perf", "get-perf",
		"The points of every combination of branch, testbed, benchmark and measure that has any", access.ViewProject, 0, 0},
		func(ctx context.Context, in *perfInput) (*streamed, error) {
			q := explore.PerfQuery{
				Branches: commas(in.Branches), Heads: commas(in.Heads), Testbeds: commas(in.Testbeds), Specs: commas(in.Specs),
				Benchmarks: commas(in.Benchmarks), Measures: commas(in.Measures), From: millis(in.StartTime), To: millis(in.EndTime),
				Columns: in.Columns}
			return &streamed{status: http.StatusOK, write: func(ctx context.Context, w io.Writer) error {
				if in.Shape == "columns" {
					return a.cfg.Explore.WritePerfColumns(ctx, w, actorOf(ctx), in.Project, q)
				}
				return a.cfg.Explore.WritePerf(ctx, w, actorOf(ctx), in.Project, q)
			}}, nil
		})
	if a.huma == nil { // on demand there is no document to complete
		return
	}
	perf := a.OpenAPI().Paths["/v0/projects/{project}/perf"].Get.Responses["200"].Content["application/json"]
	perf.Schema = &huma.Schema{OneOf: []*huma.Schema{perf.Schema, a.content("", api.PerfColumns{})["application/json"].Schema}}
}

// commas splits a comma-separated parameter; entries may be empty, an empty parameter has none.
func commas(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

package httpapi

import (
	"context"
	"io"
	"mime"
	"net/http"
	"strconv"
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
	Accept     string `header:"Accept" doc:"application/vnd.tacho.columns+json is shape=columns; a shape that is named counts instead"`
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
			header := map[string]string{"Vary": "Accept"}
			columns := in.Shape == "columns"
			if in.Shape == "" && prefersColumns(in.Accept) {
				columns, header["Content-Type"] = true, api.PerfColumnsType
			}
			return &streamed{status: http.StatusOK, header: header, write: func(ctx context.Context, w io.Writer) error {
				if columns {
					return a.cfg.Explore.WritePerfColumns(ctx, w, actorOf(ctx), in.Project, q)
				}
				return a.cfg.Explore.WritePerf(ctx, w, actorOf(ctx), in.Project, q)
			}}, nil
		})
	if a.huma == nil { // on demand there is no document to complete
		return
	}
	content := a.OpenAPI().Paths["/v0/projects/{project}/perf"].Get.Responses["200"].Content
	perf, columns := content["application/json"], a.content("", api.PerfColumns{})["application/json"].Schema
	perf.Schema = &huma.Schema{OneOf: []*huma.Schema{perf.Schema, columns}}
	content[api.PerfColumnsType] = &huma.MediaType{Schema: columns}
}

// prefersColumns reports whether an Accept header (RFC 9110, 12.5.1) names columns, and no other kind of JSON with a higher weight.
func prefersColumns(accept string) bool {
	var columns, points float64
	for entry := range strings.SplitSeq(accept, ",") {
		kind, params, err := mime.ParseMediaType(entry)
		if err != nil {
			continue
		}
		weight := 1.0
		if q, ok := params["q"]; ok {
			if weight, err = strconv.ParseFloat(q, 64); err != nil || !(weight >= 0 && weight <= 1) {
				continue
			}
		}
		switch kind {
		case api.PerfColumnsType:
			columns = max(columns, weight)
		case "application/json", "application/*", "*/*":
			points = max(points, weight)
		}
	}
	return columns > 0 && columns >= points
}

// commas splits a comma-separated parameter; entries may be empty, an empty parameter has none.
func commas(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

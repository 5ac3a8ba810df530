package httpapi

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/server/explore"
)

// Preference is how much of an answer the sender of a change wants to read (RFC 7240).
type Preference struct {
	Prefer string `header:"Prefer" doc:"return=minimal: the answer has the ids alone, and the report is not read back" example:"return=minimal"`
}

// minimal reports whether ids are enough. Of a preference that is named twice the first counts; others mean nothing to us.
func (p Preference) minimal() bool {
	for wish := range strings.SplitSeq(p.Prefer, ",") {
		wish, _, _ = strings.Cut(wish, ";")
		name, value, _ := strings.Cut(wish, "=")
		if strings.EqualFold(strings.TrimSpace(name), "return") {
			return strings.EqualFold(strings.Trim(strings.TrimSpace(value), `"`), "minimal")
		}
	}
	return false
}

// showChanged is a report that its sender has just changed, or as much of it as the sender prefers.
func (a *API) showChanged(ctx context.Context, project, id string, prefer Preference) (*streamed, error) {
	receipt, err := a.cfg.Explore.Receipt(ctx, actorOf(ctx), project, id)
	if err != nil {
		return nil, err
	}
	out := a.shown(project, id, explore.Showing{Committed: true})
	out.header = map[string]string{"Location": "/v0/projects/" + url.PathEscape(receipt.Project) + "/reports/" + id}
	if prefer.minimal() {
		out.header["Preference-Applied"] = api.PreferMinimal
		out.write = func(_ context.Context, w io.Writer) error { return writeJSON(w, receipt) }
	}
	return out, nil
}

// registerChange is registerStream for a change whose answer is a report, or a receipt for who prefers that.
func registerChange[I any](a *API, op operation, handle func(context.Context, *I) (*streamed, error)) {
	if a.later(op.method, op.path, func(b *API) { registerChange(b, op, handle) }) {
		return
	}
	registerStream[I, api.Report](a, op, handle)
	if a.mute {
		return
	}
	responses := route(a.OpenAPI().Paths[op.path], op.method).Responses
	receipt := a.content("", api.ReportReceipt{})["application/json"].Schema
	text := func(about string) *huma.Param {
		return &huma.Param{Description: about, Schema: &huma.Schema{Type: huma.TypeString}}
	}
	for _, status := range []int{http.StatusOK, http.StatusCreated} {
		r, ok := responses[strconv.Itoa(status)]
		if !ok {
			continue
		}
		full := r.Content["application/json"].Schema
		r.Content = map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{OneOf: []*huma.Schema{full, receipt}}}}
		r.Headers = map[string]*huma.Param{
			"Preference-Applied": text("return=minimal, if that was preferred"), "Location": text("of the report"),
		}
	}
}

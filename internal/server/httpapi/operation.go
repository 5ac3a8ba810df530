package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/door"
	"github.com/tachograph/tacho/internal/server/request"
)

// operation describes a route.
type operation struct {
	method, path string
	id           string // operationId
	summary      string
	action       access.Action
	status       int   // of success; 0: 200
	maxBytes     int64 // of the body; 0: limits.JSONBodyBytes
}

// register adds a route whose use case must ask at the door.
func register[I, O any](a *API, op operation, handle func(context.Context, *I) (*O, error)) {
	if a.later(op.method, op.path, func(b *API) { register(b, op, handle) }) {
		return
	}
	limit := op.maxBytes
	if limit == 0 {
		limit = limits.JSONBodyBytes
	}
	described := op.describe()
	described.DefaultStatus, described.MaxBodyBytes, described.BodyReadTimeout = op.status, limit, -1 // admitted reads it, and sets the time
	described.Middlewares = huma.Middlewares{named(op.id), a.announced(limit), a.admitted(op.method, limit)}
	huma.Register(a.huma, described, func(ctx context.Context, in *I) (*O, error) {
		decoded(ctx)
		ctx = door.Watch(ctx)
		out, err := handle(ctx, in)
		if err == nil && !door.Asked(ctx) {
			err = fmt.Errorf("operation %s asked nobody", op.id)
		}
		if err != nil {
			return nil, answerTo(ctx, a.log, err)
		}
		return out, nil
	})
	responses := route(a.OpenAPI().Paths[op.path], op.method).Responses
	delete(responses, "422") // ours are 400
	if _, chooses := reflect.TypeFor[O]().FieldByName("Status"); chooses && op.status == http.StatusCreated {
		again := *responses["201"]
		again.Description = "It was there already: the idempotency key is known"
		responses["200"] = &again
	}
}

// named says in each answer, also in a refusal, which operation it is of.
func named(id string) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		ctx.SetHeader(api.OperationHeader, id)
		next(ctx)
	}
}

// announced refuses a body that says beforehand that it is too large, so that not a byte of it is read.
func (a *API) announced(limit int64) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		if n, err := strconv.ParseInt(ctx.Header("Content-Length"), 10, 64); err == nil && n > limit {
			// the caller is gone if this fails
			_ = huma.WriteErr(a.huma, ctx, http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has %d bytes, the limit is %d", n, limit))
			return
		}
		next(ctx)
	}
}

// serve adds a route that huma cannot serve, because it streams or upgrades. It stands in the document like the others; its handler
// authorizes, in this package by plainProject.
func (a *API) serve(r request.Route) {
	a.mux.HandleFunc(r.Method+" "+r.Path, r.Handle)
	if a.huma == nil {
		return
	}
	described := operation{method: r.Method, path: r.Path, id: r.ID, summary: r.Summary, action: r.Action}.describe()
	for _, segment := range strings.Split(r.Path, "/") {
		if name, ok := strings.CutPrefix(segment, "{"); ok {
			described.Parameters = append(described.Parameters, &huma.Param{Name: strings.TrimSuffix(name, "}"), In: "path", Required: true,
				Schema: &huma.Schema{Type: huma.TypeString}})
		}
	}
	for _, q := range r.Query {
		described.Parameters = append(described.Parameters, &huma.Param{Name: q.Name, Description: q.About, Required: q.Required, In: "query",
			Schema: &huma.Schema{Type: huma.TypeString}})
	}
	if r.Body != nil || r.BodyType != "" {
		described.RequestBody = &huma.RequestBody{Content: a.content(r.BodyType, r.Body)}
	}
	described.Responses = map[string]*huma.Response{}
	for _, answer := range r.Answers {
		response := &huma.Response{Description: answer.About}
		if answer.Body != nil || answer.Type != "" {
			response.Content = a.content(answer.Type, answer.Body)
		}
		described.Responses[strconv.Itoa(answer.Status)] = response
	}
	for _, status := range described.Errors {
		described.Responses[strconv.Itoa(status)] = &huma.Response{Description: http.StatusText(status), Content: a.content("", api.Error{})}
	}
	a.OpenAPI().AddOperation(&described)
}

// content describes a body: a value of a Go type as JSON, or a text of the given kind.
func (a *API) content(kind string, value any) map[string]*huma.MediaType {
	if value == nil {
		return map[string]*huma.MediaType{kind: {Schema: &huma.Schema{Type: huma.TypeString}}}
	}
	if kind == "" {
		kind = "application/json"
	}
	return map[string]*huma.MediaType{kind: {Schema: a.OpenAPI().Components.Schemas.Schema(reflect.TypeOf(value), true, "")}}
}

// describe is the operation as the document has it.
func (op operation) describe() huma.Operation {
	return huma.Operation{Method: op.method, Path: op.path, OperationID: op.id, Summary: op.summary, Tags: []string{tag(op.path)},
		Metadata: map[string]any{"action": op.action}, Errors: []int{400, 401, 403, 404, 409, 413, 429, 500, 503}}
}

// tag is the resource that a path is about: the word behind the first name, or the first word.
func tag(path string) string {
	segments := strings.Split(strings.TrimPrefix(path, "/v0/"), "/")
	if len(segments) > 2 {
		return segments[2]
	}
	return segments[0]
}

// route is the operation of a path that has the method.
func route(item *huma.PathItem, method string) *huma.Operation {
	return map[string]*huma.Operation{http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put,
		http.MethodPatch: item.Patch, http.MethodDelete: item.Delete}[method]
}

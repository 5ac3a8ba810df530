// Package httpapi is the REST interface under /v0: one file for each resource, one operation for each route, the OpenAPI 3.1 document made
// from them.
//
// An operation is decode → authorize → one call of a service → encode. Decoding and the document come from the types of package api.
// Authorization cannot be forgotten: a handler that succeeds without having asked core/access (through authorize or project) is
// answered with an internal error, and a test walks over all operations as a stranger.
//
// The middleware, from outside: request id, recover, log, CORS, authenticate. Errors are faults; their kind gives the status, and what
// has no kind is logged under the request id and not shown.
package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/request"
	"github.com/tachograph/tacho/internal/server/store"
)

// Config is what the operations need.
type Config struct {
	Store    *store.Store
	Accounts *account.Service
	Services

	Version, Commit string
	Log             *slog.Logger
}

// API is the http.Handler of /v0.
type API struct {
	cfg  Config
	mux  *http.ServeMux
	huma huma.API
	log  *slog.Logger
}

// New registers all operations. It panics when two routes collide, which a test finds.
func New(cfg Config) *API {
	useOurErrors()
	a := &API{cfg: cfg, mux: http.NewServeMux(), log: cfg.Log}
	settings := huma.DefaultConfig("Tachograph", cfg.Version)
	settings.CreateHooks = nil // no $schema in bodies
	settings.DocsPath = ""     // its page loads scripts from elsewhere
	settings.SchemasPath = ""
	settings.OpenAPIPath = "/openapi"
	settings.Info.Description = "Continuous benchmarking. The shapes are Bencher's v0 shapes wherever Bencher has the thing."
	settings.Info.License = &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"}
	settings.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"key": {Type: "http", Scheme: "bearer", Description: "tacho_user_… or tacho_run_…; runners send tacho_runner_…"}}
	settings.Security = []map[string][]string{{"key": {}}, {}}
	a.huma = humago.New(a.mux, settings)
	a.registerServer()
	a.registerProjects()
	a.registerOrganizations()
	a.registerKeys()
	a.registerDimensions()
	a.registerServices()
	return a
}

// Mux is where other edges under /v0 put their plain handlers; these are inside the same middleware.
func (a *API) Mux() *http.ServeMux { return a.mux }

// OpenAPI returns the document, for the copy in docs.
func (a *API) OpenAPI() *huma.OpenAPI { return a.huma.OpenAPI() }

// Handler is the operations inside their middleware.
func (a *API) Handler() http.Handler {
	var h http.Handler = a.mux
	for _, wrap := range []func(http.Handler) http.Handler{a.authenticate, a.cors, a.logged, a.recovered, a.identified} { // innermost first
		h = wrap(h)
	}
	return h
}

// operation describes a route.
type operation struct {
	method, path string
	id           string // operationId
	summary      string
	action       access.Action
	status       int   // of success; 0: 200
	maxBytes     int64 // of the body; 0: limits.JSONBodyBytes
}

// register adds a route whose handler must authorize.
func register[I, O any](a *API, op operation, handle func(context.Context, *I) (*O, error)) {
	limit := op.maxBytes
	if limit == 0 {
		limit = limits.JSONBodyBytes
	}
	huma.Register(a.huma, huma.Operation{
		Method: op.method, Path: op.path, OperationID: op.id, Summary: op.summary, DefaultStatus: op.status,
		MaxBodyBytes: limit, BodyReadTimeout: 2 * time.Minute, Metadata: map[string]any{"action": op.action},
		Errors: []int{400, 401, 403, 404, 409, 413, 500},
	}, func(ctx context.Context, in *I) (*O, error) {
		asked := &authorization{action: op.action}
		ctx = context.WithValue(ctx, authorizationKey{}, asked)
		out, err := handle(ctx, in)
		if err == nil && !asked.done {
			err = fmt.Errorf("operation %s did not authorize", op.id)
		}
		if err != nil {
			status, body := request.Answer(ctx, a.log, err)
			return nil, &answer{*body, status}
		}
		return out, nil
	})
}

type authorizationKey struct{}

// authorization is what one request still has to prove.
type authorization struct {
	action access.Action
	done   bool
}

// authorize asks core/access for the operation's action on resource.
func authorize(ctx context.Context, resource access.Resource) error {
	asked, ok := ctx.Value(authorizationKey{}).(*authorization)
	if !ok {
		return fmt.Errorf("authorize outside an operation")
	}
	if err := access.Authorize(actorOf(ctx), asked.action, resource); err != nil {
		return err
	}
	asked.done = true
	return nil
}

// actorOf is the request's actor.
func actorOf(ctx context.Context) access.Actor {
	actor, ok := request.ActorOf(ctx)
	if !ok {
		return access.Actor{Kind: access.Anonymous}
	}
	return actor
}

// project loads the project that ref names and authorizes the operation's action on it.
func (a *API) project(ctx context.Context, ref string) (store.Project, error) {
	var p store.Project
	err := a.cfg.Store.View(ctx, func(tx *store.Tx) error {
		var err error
		p, err = tx.ProjectByRef(ctx, ref)
		return err
	})
	if fault.Is(err, fault.Missing) {
		// The same answer as for a project that the actor may not see.
		return p, fault.Missingf("project %q does not exist, or these credentials may not see it", ref)
	}
	if err != nil {
		return p, err
	}
	return p, authorize(ctx, projectResource(p))
}

func projectResource(p store.Project) access.Resource {
	return access.Resource{ProjectID: p.ID, OrganizationID: p.OrganizationID, Public: p.Visibility == string(api.Public), Name: p.Slug}
}

// errorBody is api.Error under a name that leaves its method Error visible when it is embedded.
type errorBody = api.Error

// answer is api.Error with its status, as huma wants errors.
type answer struct {
	errorBody
	status int
}

func (e *answer) GetStatus() int { return e.status }

// useOurErrors gives huma's own refusals (a body that does not decode, a parameter out of range) our shape. Its hook is a variable of the
// package, so it is set once and to the same for every server in the process.
var useOurErrors = sync.OnceFunc(func() {
	huma.NewErrorWithContext = func(ctx huma.Context, status int, message string, errs ...error) huma.StatusError {
		id := ""
		if ctx != nil {
			id = request.ID(ctx.Context())
		}
		return refusal(id, status, message, errs)
	}
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return refusal("", status, message, errs)
	}
})

func refusal(id string, status int, message string, errs []error) *answer {
	if status == http.StatusUnprocessableEntity {
		status = http.StatusBadRequest
	}
	for i, err := range errs {
		if err == nil {
			continue
		}
		if i == 0 {
			message += ": " + err.Error()
		} else {
			message += "; " + err.Error()
		}
	}
	if status >= http.StatusInternalServerError {
		message = fault.Message(nil)
	}
	return &answer{api.Error{RequestID: id, ErrorCode: fault.FromStatus(status).Code(), Message: message}, status}
}

// identified gives each request an id; a caller may send its own if it is short and plain.
func (a *API) identified(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(api.RequestIDHeader)
		if !ident.IsUUID(id) {
			id = ident.NewUUID()
		}
		w.Header().Set(api.RequestIDHeader, id)
		next.ServeHTTP(w, r.WithContext(request.WithID(r.Context(), id)))
	})
}

func (a *API) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler { //nolint:errorlint // the documented sentinel of net/http
				panic(v)
			}
			a.log.ErrorContext(r.Context(), "handler panicked", "request", request.ID(r.Context()), "panic", v, "stack", string(debug.Stack()))
			request.WriteError(w, r, a.log, fmt.Errorf("panic: %v", v))
		}()
		next.ServeHTTP(w, r)
	})
}

func (a *API) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		next.ServeHTTP(w, r)
		a.log.DebugContext(r.Context(), "request", "request", request.ID(r.Context()), "method", r.Method, "path", r.URL.Path, "took", time.Since(begun))
	})
}

// cors lets pages of other origins read: credentials are keys in a header, which a browser does not add by itself.
func (a *API) cors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Expose-Headers", api.TotalCountHeader+", "+api.RequestIDHeader)
		h.Set("X-Content-Type-Options", "nosniff")
		if r.Method == http.MethodOptions {
			h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
			h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, "+api.RequestIDHeader)
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (a *API) authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, known := request.ActorOf(r.Context()); !known {
			actor, err := a.cfg.Accounts.Authenticate(r.Context(), request.Bearer(r), request.SourceIP(r))
			if err != nil {
				request.WriteError(w, r, a.log, err)
				return
			}
			r = r.WithContext(request.WithActor(r.Context(), actor))
		}
		next.ServeHTTP(w, r)
	})
}

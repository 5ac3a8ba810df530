// Package httpapi is the REST interface under /v0: one file for each resource, one operation for each route, the OpenAPI 3.1 document made
// from them.
//
// An operation is decode → one call of a use case, as the actor → encode. Decoding and the document come from the types of package api. Who
// may do what is asked inside, at the door; an operation in which nobody asked is answered with an internal error, and a test walks over
// all of them as a stranger.
//
// Around the operations stands package chain. What is the API's own: CORS, and to hold what the answer needs (package admit) until it is
// written. Operations admit their bodies by size before a byte is read. Errors are faults; their kind gives the status, and what has no
// kind is logged under the request id and not shown.
//
// It is an edge: the server root mounts it, and no room calls it.
package httpapi

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/admit"
	"github.com/tachograph/tacho/internal/server/request"
	"github.com/tachograph/tacho/internal/server/throttle"
)

// Config is what the operations need.
type Config struct {
	Accounts *account.Service
	Gates    admit.Gates
	Guard    *throttle.Guard // nil: nobody is counted
	Services

	Version, Commit string
	URL             string // the server's public URL; '': derived from each request
	Log             *slog.Logger
	// a silent stream of events says that it lives, and its follower's rights are asked again, so often; 0: limits.EventKeepAlive
	KeepAlive time.Duration
	Scratch   string          // folder for large answers while they are made; '': the system's
	OnDemand  bool            // an operation is registered at its first request: for a process that makes few of them
	Routes    []request.Route // of other edges that stand in the document
}

// API is the http.Handler of /v0.
type API struct {
	cfg  Config
	mux  *http.ServeMux
	huma huma.API // nil: operations are registered on demand
	mute bool     // nobody will read the document
	log  *slog.Logger
}

// New registers all operations. It panics when two routes collide, which a test finds.
func New(cfg Config) *API {
	useOurErrors()
	cfg.KeepAlive = cmp.Or(cfg.KeepAlive, limits.EventKeepAlive)
	a := &API{cfg: cfg, mux: http.NewServeMux(), log: cfg.Log}
	if !cfg.OnDemand {
		a.describe()
	}
	a.registerServer()
	a.registerProjects()
	a.registerOrganizations()
	a.registerKeys()
	a.registerDimensions()
	a.registerServices()
	for _, r := range cfg.Routes {
		a.serve(r)
	}
	return a
}

// later registers an operation at its first request, if that is wanted: describing seventy operations would be much of the time of a
// command that calls three.
func (a *API) later(method, path string, register func(*API)) bool {
	return a.together([]string{method + " " + path}, register)
}

// together is later for several operations that come one after the other and describe the same bodies.
func (a *API) together(patterns []string, register func(*API)) bool {
	if a.huma != nil {
		return false
	}
	alone := sync.OnceValue(func() http.Handler {
		b := &API{cfg: a.cfg, mux: http.NewServeMux(), log: a.log, mute: true}
		b.describe()
		register(b)
		return b.mux
	})
	for _, pattern := range patterns {
		a.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { alone().ServeHTTP(w, r) })
	}
	return true
}

// describe begins the document.
func (a *API) describe() {
	settings := huma.DefaultConfig("Tachograph", a.cfg.Version)
	settings.CreateHooks = nil // no $schema in bodies
	settings.DocsPath = ""     // its page loads scripts from elsewhere
	settings.SchemasPath = ""
	settings.OpenAPIPath = "/openapi"
	settings.Info.Description = "Continuous benchmarking. The shapes are Bencher's v0 shapes wherever Bencher has the thing."
	settings.Info.License = &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"}
	settings.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"key": {Type: "http", Scheme: "bearer",
		Description: "tacho_user_… or tacho_run_…; runners send tacho_runner_…; each also in Bencher's form, bencher_user_…"}}
	settings.Security = []map[string][]string{{"key": {}}, {}}
	a.huma = humago.New(a.mux, settings)
}

// OpenAPI returns the document, for the copy in docs.
func (a *API) OpenAPI() *huma.OpenAPI {
	if a.huma == nil {
		cfg := a.cfg
		cfg.OnDemand = false
		return New(cfg).OpenAPI()
	}
	return a.huma.OpenAPI()
}

// Handler is the operations. It stands inside of the chain, which has authenticated.
func (a *API) Handler() http.Handler { return a.cors(held(http.HandlerFunc(a.route))) }

// actorOf is the request's actor.
func actorOf(ctx context.Context) access.Actor {
	actor, ok := request.ActorOf(ctx)
	if !ok {
		return access.Actor{Kind: access.Anonymous}
	}
	return actor
}

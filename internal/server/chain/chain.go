// Package chain is the middleware over all edges of the server, in one order: request id, recover, log, limits, compress, and then, for the
// edges that do not read credentials in a way of their own, authenticate.
//
// A request is authenticated once: by the key in its Authorization header, or by a session's cookie. A cookie comes along by itself, so it
// counts for reading only, and for forms of pages, whose handler refuses what another site sent.
//
// The server root calls it, and no other room does.
package chain

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/request"
)

// Accounts knows who is asking.
type Accounts interface {
	Authenticate(ctx context.Context, bearer, sourceIP string) (access.Actor, error)
	BySession(ctx context.Context, token, sourceIP string) (access.Actor, bool, error)
}

// Chain wraps edges.
type Chain struct {
	Accounts Accounts
	Log      *slog.Logger
	Limits   func(http.Handler) http.Handler                         // what is asked of every caller before it is known; nil: nothing
	Refuse   func(w http.ResponseWriter, r *http.Request, err error) // answers in the way of the edge that was asked; nil: as JSON
	Open     func(r *http.Request) bool                              // an edge that authenticates by itself; nil: none does
	// a page's form, for which a session counts also when it changes something; nil: none is
	Forms func(r *http.Request) bool
	// an edge whose answers are compressed for callers that accept it; nil: none
	Compress func(r *http.Request) bool
}

// Wrap puts the chain around an edge.
func (c Chain) Wrap(edge http.Handler) http.Handler {
	if c.Refuse == nil {
		c.Refuse = func(w http.ResponseWriter, r *http.Request, err error) { request.WriteError(w, r, c.Log, err) }
	}
	if c.Limits == nil {
		c.Limits = func(next http.Handler) http.Handler { return next }
	}
	return c.identified(c.recovered(c.logged(c.Limits(c.compressed(c.authenticated(edge))))))
}

// identified gives each request an id; a caller may send its own if it is short and plain.
func (c Chain) identified(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(api.RequestIDHeader)
		if !ident.IsUUID(id) {
			id = ident.NewUUID()
		}
		w.Header().Set(api.RequestIDHeader, id)
		within(request.WithID(r.Context(), id), next, w, r)
	})
}

func (c Chain) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler { //nolint:errorlint // the documented sentinel of net/http
				panic(v)
			}
			c.Log.ErrorContext(r.Context(), "handler panicked", "request", request.ID(r.Context()), "panic", v, "stack", string(debug.Stack()))
			c.Refuse(w, r, fmt.Errorf("panic: %v", v))
		}()
		next.ServeHTTP(w, r)
	})
}

func (c Chain) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		next.ServeHTTP(w, r)
		c.Log.DebugContext(r.Context(), "request", "request", request.ID(r.Context()), "method", r.Method, "path", r.URL.Path, "route",
			r.Pattern, "took", time.Since(begun))
	})
}

// authenticated puts the actor into the context. Operations read their body before they ask at the door, so those who show no key may send
// little.
func (c Chain) authenticated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, known := request.ActorOf(r.Context()); known || c.Open != nil && c.Open(r) {
			next.ServeHTTP(w, r)
			return
		}
		actor, err := c.actor(r)
		if err != nil {
			c.Refuse(w, r, err)
			return
		}
		if actor.Kind == access.Anonymous {
			r.Body = http.MaxBytesReader(w, r.Body, limits.AnonymousBodyBytes)
		}
		within(request.WithActor(r.Context(), actor), next, w, r)
	})
}

func (c Chain) actor(r *http.Request) (access.Actor, error) {
	if r.Method == http.MethodOptions { // a browser's question of what it may send carries no credentials
		return access.Actor{Kind: access.Anonymous, SourceIP: request.SourceIP(r)}, nil
	}
	bearer := request.Bearer(r)
	token := request.Session(r)
	if bearer != "" || token == "" || !c.counts(r) {
		return c.Accounts.Authenticate(r.Context(), bearer, request.SourceIP(r))
	}
	actor, stands, err := c.Accounts.BySession(r.Context(), token, request.SourceIP(r))
	if err != nil || stands {
		return actor, err
	}
	return c.Accounts.Authenticate(r.Context(), "", request.SourceIP(r))
}

// counts says whether a session stands for the request's sender.
func (c Chain) counts(r *http.Request) bool {
	return r.Method == http.MethodGet || r.Method == http.MethodHead || c.Forms != nil && c.Forms(r)
}

// within serves r under another context and hands the route that was found back to r, for who counts and logs outside.
func within(ctx context.Context, next http.Handler, w http.ResponseWriter, r *http.Request) {
	inner := r.WithContext(ctx)
	next.ServeHTTP(w, inner)
	r.Pattern = inner.Pattern
}

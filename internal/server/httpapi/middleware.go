package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/request"
)

// identified gives each request an id; a caller may send its own if it is short and plain.
func (a *API) identified(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(api.RequestIDHeader)
		if !ident.IsUUID(id) {
			id = ident.NewUUID()
		}
		w.Header().Set(api.RequestIDHeader, id)
		within(request.WithID(r.Context(), id), next, w, r)
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
		a.log.DebugContext(r.Context(), "request", "request", request.ID(r.Context()), "method", r.Method, "path", r.URL.Path, "route",
			r.Pattern, "took", time.Since(begun))
	})
}

// within serves r under another context and hands the route that was found back to r, for who counts and logs outside.
func within(ctx context.Context, next http.Handler, w http.ResponseWriter, r *http.Request) {
	inner := r.WithContext(ctx)
	next.ServeHTTP(w, inner)
	r.Pattern = inner.Pattern
}

// route serves what the mux knows and answers everything else in our own shape.
func (a *API) route(w http.ResponseWriter, r *http.Request) {
	h, pattern := a.mux.Handler(r)
	if pattern != "" {
		a.mux.ServeHTTP(w, r)
		return
	}
	// The mux's own answer is text; its status and its Allow header are right.
	plain := &refused{header: w.Header()}
	h.ServeHTTP(plain, r)
	if plain.status == http.StatusMethodNotAllowed {
		request.WriteJSON(w, plain.status, &api.Error{RequestID: request.ID(r.Context()), ErrorCode: fault.Invalid.Code(),
			Message: fmt.Sprintf("%s is not a method of this path; it has %s", r.Method, w.Header().Get("Allow"))})
		return
	}
	request.WriteError(w, r, a.log, fault.Missingf("the path %.200q leads nowhere; GET /v0/server/spec lists those that do", r.URL.Path))
}

// refused takes the mux's answer and drops its text.
type refused struct {
	header http.Header
	status int
}

func (p *refused) Header() http.Header         { return p.header }
func (p *refused) Write(b []byte) (int, error) { return len(b), nil }
func (p *refused) WriteHeader(status int)      { p.status = status }

// cors lets pages of other origins read: credentials are keys in a header, which a browser does not add by itself.
func (a *API) cors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Expose-Headers", api.TotalCountHeader+", "+api.RequestIDHeader+
			", Location, Preference-Applied, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset")
		h.Set("X-Content-Type-Options", "nosniff")
		if r.Method == http.MethodOptions {
			h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
			h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Prefer, "+api.RequestIDHeader)
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// authenticate puts the actor into the context. Operations read their body before they authorize, so those who show no key may send little.
func (a *API) authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, known := request.ActorOf(r.Context()); known {
			next.ServeHTTP(w, r)
			return
		}
		actor, err := a.cfg.Accounts.Authenticate(r.Context(), request.Bearer(r), request.SourceIP(r))
		if err != nil {
			request.WriteError(w, r, a.log, err)
			return
		}
		if actor.Kind == access.Anonymous {
			r.Body = http.MaxBytesReader(w, r.Body, limits.AnonymousBodyBytes)
		}
		within(request.WithActor(r.Context(), actor), next, w, r)
	})
}

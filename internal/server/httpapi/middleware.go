package httpapi

import (
	"context"
	"fmt"
	"net/http"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/request"
)

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
		readable(w.Header())
		if r.Method == http.MethodOptions {
			w.Header().Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
			w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type, "+api.RequestIDHeader)
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func readable(h http.Header) {
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", api.TotalCountHeader+", "+api.RequestIDHeader+", "+api.NoticeHeader+
		", Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset")
	h.Set("X-Content-Type-Options", "nosniff")
}

// Refuse answers err in the API's way, for who turns requests away before they reach it.
func (a *API) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	readable(w.Header())
	request.WriteError(w, r, a.log, err)
}

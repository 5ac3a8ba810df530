package httpapi

import (
	"context"
	"net/http"
	"sync"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/server/door"
	"github.com/tachograph/tacho/internal/server/request"
)

func (a *API) registerServer() {
	register(a, operation{http.MethodGet, "/v0/server/version", "server-version", "The server's version", access.ViewServer, 0, 0},
		func(ctx context.Context, _ *struct{}) (*bodyOutput[api.ServerVersion], error) {
			return body(api.ServerVersion{Version: api.BencherVersion, Release: a.cfg.Version, Commit: a.cfg.Commit},
				door.Authorize(ctx, actorOf(ctx), access.ViewServer, access.Resource{}))
		})
	a.serve(request.Route{
		Method: http.MethodGet, Path: "/v0/server/config/console", ID: "server-console", Summary: "Where the pages are",
		Action: access.ViewServer,
		Answers: []request.Answered{{Status: 200, Type: "application/json", Body: api.ConsoleConfig{},
			About: "the address under which this request reached the server, unless one is configured"}},
		Handle: func(w http.ResponseWriter, r *http.Request) {
			request.WriteJSON(w, http.StatusOK, api.ConsoleConfig{URL: request.Base(r, a.cfg.URL)})
		},
	})
	document := sync.OnceValues(func() ([]byte, error) { return a.OpenAPI().MarshalJSON() }) // at the first request all operations are there
	a.serve(request.Route{
		Method: http.MethodGet, Path: "/v0/server/spec", ID: "server-spec", Summary: "This document: every path that the server has",
		Action:  access.ViewServer,
		Answers: []request.Answered{{Status: 200, Type: "application/openapi+json", Body: map[string]any{}, About: "OpenAPI 3.1"}},
		Handle: func(w http.ResponseWriter, r *http.Request) {
			text, err := document()
			if err != nil {
				request.WriteError(w, r, a.log, err)
				return
			}
			w.Header().Set("Content-Type", "application/openapi+json")
			_, _ = w.Write(text) // the reader is gone if this fails
		},
	})
}

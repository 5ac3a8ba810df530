package httpapi

import (
	"context"
	"net/http"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
)

func (a *API) registerServer() {
	register(a, operation{http.MethodGet, "/v0/server/version", "server-version", "The server's version", access.ViewServer, 0, 0},
		func(ctx context.Context, _ *struct{}) (*bodyOutput[api.ServerVersion], error) {
			return body(api.ServerVersion{Version: a.cfg.Version, Commit: a.cfg.Commit}, authorize(ctx, access.Resource{}))
		})
	a.mux.HandleFunc("GET /v0/server/spec", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/openapi.json", http.StatusTemporaryRedirect)
	})
}

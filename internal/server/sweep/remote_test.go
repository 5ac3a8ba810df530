package sweep_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/cloud/ledger"
	"github.com/tachograph/tacho/internal/cloud/ledger/ledgertest"
	"github.com/tachograph/tacho/internal/cloud/remote"
	"github.com/tachograph/tacho/internal/server/admit"
	"github.com/tachograph/tacho/internal/server/httpapi"
	"github.com/tachograph/tacho/internal/server/request"
)

// TestTheAPIIsALedger: a controller somewhere else finds the same ledger behind the API.
func TestTheAPIIsALedger(t *testing.T) {
	t.Parallel()
	ledgertest.Run(t, func(t *testing.T, d ledgertest.Draft) *ledgertest.Fixture {
		f := newFixture(t)
		edge := httpapi.New(httpapi.Config{Gates: admit.NewGates(), Log: slog.New(slog.DiscardHandler), Scratch: t.TempDir(),
			Services: httpapi.Services{Sweeps: f.sweeps}}).Handler()
		front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			edge.ServeHTTP(w, r.WithContext(request.WithActor(r.Context(), f.member)))
		}))
		t.Cleanup(front.Close)
		far := remote.New(client.New(client.Config{Base: front.URL}), "shop")
		return f.ledgerFixture(d, far, func(machine string) string { return far.Token(machine) })
	})
}

var _ ledger.Ledger = (*remote.Ledger)(nil)

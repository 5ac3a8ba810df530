package sweep

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/cloud/ledger"
	"github.com/tachograph/tacho/internal/cloud/remote"
)

// TestATokenIsBoughtWithTheControllersOwnEpoch: one that has lost the sweep is refused, whatever epoch the sweep has by now.
func TestATokenIsBoughtWithTheControllersOwnEpoch(t *testing.T) {
	t.Parallel()
	const own, current = 3, 4
	var intended []api.NewMachine
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		var answer any = api.Sweep{UUID: nightly, Controller: &api.SweepController{Epoch: current}}
		if strings.HasSuffix(r.URL.Path, "/machines") {
			var in api.NewMachine
			if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
				t.Error(err)
			}
			intended = append(intended, in)
			answer = api.IntendedMachine{Enroll: "tacho_once"}
		}
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	defer s.Close()
	rows := remote.New(client.New(client.Config{Base: s.URL}), "shop")
	token, err := userData(nightly, rows)(t.Context(), own, ledger.Machine{ID: "m1", Slot: "s1"})
	if err != nil || string(token) != "tacho_once" || len(intended) != 1 || intended[0].Epoch != own {
		t.Errorf("%q, %v: it said %+v", token, err, intended)
	}
}

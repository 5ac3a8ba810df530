package sweep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/clitest"
	"github.com/tachograph/tacho/internal/cloud/controller"
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

// TestASweepThatIsNotSeenAnyMoreMayRun: that is what the exit code says, whatever the server's refusal was.
func TestASweepThatIsNotSeenAnyMoreMayRun(t *testing.T) {
	t.Parallel()
	p := clitest.New(nil)
	l := lookout{attention: &attention{}, env: &p.Env, sweep: midway().Sweep, watch: newWatch(&p.Env)}
	err := l.end(t.Context(), nil, fmt.Errorf("%w: it was deleted", controller.ErrNoSweep))
	if cli.ExitCode(err) != exitMayRun || !strings.Contains(err.Error(), "tacho sweep nuke "+nightly) {
		t.Errorf("exit code %d: %v", cli.ExitCode(err), err)
	}
	refused := errors.New("the key is not good any more")
	if err := l.unseen(refused); cli.ExitCode(err) != exitMayRun || !strings.Contains(err.Error(), refused.Error()) {
		t.Errorf("exit code %d: %v", cli.ExitCode(err), err)
	}
}

// TestASignalIsHeardWhileACallHangs: a cloud or a server that does not answer keeps nobody.
func TestASignalIsHeardWhileACallHangs(t *testing.T) {
	t.Parallel()
	signals := make(chan os.Signal, 1)
	signals <- os.Interrupt
	if !unlessTold(t.Context(), signals, func(ctx context.Context) { <-ctx.Done() }) {
		t.Error("it was not heard")
	}
	if unlessTold(t.Context(), nil, func(context.Context) {}) {
		t.Error("nobody has said anything")
	}
}

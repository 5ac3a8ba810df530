package cli

import (
	"testing"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
)

func TestEveryReasonIsInTheTable(t *testing.T) {
	t.Parallel()
	for _, r := range []api.Reason{
		api.ReasonNone, api.ReasonBenchmarkExit, api.ReasonBenchmarkTimeout, api.ReasonNoResult, api.ReasonAdapter, api.ReasonOutOfMemory,
		api.ReasonLimit, api.ReasonImagePull,
		api.ReasonImageInvalid, api.ReasonSandbox, api.ReasonHostUnfit, api.ReasonRunnerLost, api.ReasonRunnerAborted, api.ReasonDeadline,
		api.ReasonCanceledByUser, api.ReasonServer,
	} {
		if _, known := ReasonExits[r]; !known {
			t.Errorf("reason %q has no exit code", r)
		}
	}
	if got := JobExit(api.Job{Status: api.JobFailed, Reason: "news"}); got != fault.ExitServer {
		t.Errorf("a reason of a newer server: exit code %d", got)
	}
}

package jobs

import (
	"testing"

	"github.com/tachograph/tacho/api"
)

func TestABlockedJobsLineSaysWhy(t *testing.T) {
	t.Parallel()
	job := api.Job{Status: api.JobPending, Spec: api.Spec{Slug: "metal"}, Attempt: 1, Reason: api.ReasonSandbox, QueuePosition: new(1),
		Blocked: "no runner may take it: box is drained"}
	const want = "waiting for a runner with spec metal, position 1 in the queue (attempt 2 after sandbox): no runner may take it: box is " +
		"drained"
	if got := stateLine(job); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

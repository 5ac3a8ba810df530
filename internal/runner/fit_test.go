package runner

import (
	"strings"
	"testing"

	"github.com/tachograph/tacho/api"
)

func TestASpecRunsOnlyWhereItsIsolationIsReached(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ has, asks, says string }{
		{"container", "container", ""},
		{"gvisor", "container", ""},
		{"gvisor", "gvisor", ""},
		{"container", "gvisor", "offers isolation container, the spec asks for gvisor (start the runner with --runtime runsc)"},
		{"gvisor", "microvm", "offers isolation gvisor, the spec asks for microvm"},
		{"", "container", "offers isolation none, the spec asks for container"},
	} {
		has := aMachine(nil).offer()
		has.levels = strings.Fields(row.has)
		f := fits(aJob("j1", func(j *api.ClaimedJob) { j.Spec.Isolation = row.asks }), has)
		switch {
		case row.says == "" && f != nil:
			t.Errorf("%s on %s: %v", row.asks, row.has, f)
		case row.says != "" && (f == nil || f.reason != api.ReasonHostUnfit || !strings.HasSuffix(f.sentence, row.says)):
			t.Errorf("%s on %s: want %q, got %v", row.asks, row.has, row.says, f)
		}
	}
}

package report

import (
	"strings"
	"testing"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
)

// TestTableIsExhaustive states, for each state and event, where the report goes, or what the refusal says.
func TestTableIsExhaustive(t *testing.T) {
	t.Parallel()
	const (
		P, X, F, D = api.ReportPending, api.ReportProcessed, api.ReportFailed, Deleted
		only       = "only a pending one takes results"
		again      = "only a processed one can be read again"
	)
	type to struct {
		state   api.ReportStatus
		refusal string
	}
	goes := func(s api.ReportStatus) to { return to{state: s} }
	refused := func(sentence string) to { return to{refusal: sentence} }
	want := map[api.ReportStatus]map[Event]to{
		P: {Finish: goes(X), Fail: goes(F), Reopen: goes(P), Replace: refused(again), Reread: refused(again),
			Remove: refused("cancel its job first"), Discard: goes(D)},
		X: {Finish: refused(only), Fail: refused("it cannot fail any more"), Reopen: refused("submit a new run instead"), Replace: goes(X),
			Reread: goes(P), Remove: goes(D), Discard: refused("does not take discard")},
		F: {Finish: refused(only), Fail: goes(F), Reopen: goes(P), Replace: refused(again), Reread: refused(again), Remove: goes(D),
			Discard: refused("does not take discard")},
		D: {Finish: refused(only), Fail: refused("does not take fail"), Reopen: refused("does not take reopen"), Replace: refused(again),
			Reread: refused(again), Remove: refused("does not take remove"), Discard: refused("does not take discard")},
	}
	for _, s := range States {
		for _, e := range Events {
			row, stated := want[s][e]
			got, err := Next("r1", s, e)
			switch {
			case !stated:
				t.Errorf("%s + %s is not stated here", s, e)
			case row.refusal == "" && (err != nil || got != row.state):
				t.Errorf("%s + %s = %s, %v; want %s", s, e, got, err, row.state)
			case row.refusal != "" && (!fault.Is(err, fault.Conflict) || got != s || !strings.Contains(fault.Message(err), row.refusal) ||
				!strings.Contains(fault.Message(err), "report r1")):
				t.Errorf("%s + %s = %s, %v; want a conflict with %q", s, e, got, err, row.refusal)
			}
		}
	}
}

func TestStatesAreReachedFromPending(t *testing.T) {
	t.Parallel()
	reached := map[api.ReportStatus]bool{api.ReportPending: true}
	for range States {
		for _, s := range States {
			for _, e := range Events {
				if next, err := Next("r", s, e); err == nil && reached[s] {
					reached[next] = true
				}
			}
		}
	}
	for _, s := range States {
		if !reached[s] {
			t.Errorf("nothing leads to %s", s)
		}
		if Closed(s) != (s == api.ReportProcessed || s == api.ReportFailed) {
			t.Errorf("Closed(%s) = %t", s, Closed(s))
		}
	}
}

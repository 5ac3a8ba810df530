package storetest

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/server/notify"
	"github.com/tachograph/tacho/internal/server/store"
)

// WantEvents checks what was committed since the last call, as a subscriber is told of it: of each event its kind, and as far as it has
// them the states before and after it and the reason, as in "report.closed pending processed".
func WantEvents(t testing.TB, s *store.Store, want ...string) {
	t.Helper()
	var got []string
	if err := notify.New(notify.Config{Store: s, Subscribers: []notify.Subscriber{{Name: "test",
		Deliver: func(_ context.Context, e notify.Event) error {
			words := []string{string(e.Kind), e.Body.From, e.Body.To, e.Body.Reason}
			got = append(got, strings.Join(strings.Fields(strings.Join(words, " ")), " "))
			return nil
		}}}}).Turn(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Join(want, "\n"), strings.Join(got, "\n")); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

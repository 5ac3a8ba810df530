package static_test

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/cloud/provider"
	"github.com/tachograph/tacho/internal/cloud/provider/providertest"
	"github.com/tachograph/tacho/internal/cloud/provider/static"
)

func newProvider(t *testing.T, dir string, out *bytes.Buffer, now func() time.Time) *static.Provider {
	t.Helper()
	p, err := static.New(static.Config{Dir: dir, Out: out, Now: now,
		Line: func(w provider.Want) string { return "tacho runner up --machine " + w.Token }})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestStaticIsAProvider(t *testing.T) {
	t.Parallel()
	providertest.Run(t, func(t *testing.T) *providertest.Fixture {
		var mu sync.Mutex
		now := time.Date(2026, 7, 22, 12, 0, 0, 0, time.UTC)
		clock := func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return now
		}
		return &providertest.Fixture{Provider: newProvider(t, t.TempDir(), &bytes.Buffer{}, clock), Type: "laptop", Now: clock,
			Expire: func() {
				mu.Lock()
				defer mu.Unlock()
				now = now.Add(time.Hour + time.Second)
			}}
	})
}

func TestALineIsPrintedOnce(t *testing.T) {
	t.Parallel()
	dir, out := t.TempDir(), &bytes.Buffer{}
	want := provider.Want{Token: "m1", Owner: "us", Sweep: "nightly", Type: "laptop", TTL: time.Hour, Expires: time.Now().Add(time.Hour)}
	for range 2 { // two processes, one after the other
		p := newProvider(t, dir, out, nil)
		for range 2 {
			if _, err := p.Create(t.Context(), want); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := out.String(); got != "tacho runner up --machine m1\n" {
		t.Errorf("printed %q", got)
	}
	p := newProvider(t, dir, out, nil)
	if err := p.Destroy(t.Context(), "", []provider.Ref{{Kind: provider.KindMachine, ID: "m1"}}); err != nil {
		t.Fatal(err)
	}
	ms, _, err := p.List(t.Context(), "", provider.Filter{Owner: "us"})
	if err != nil || len(ms) != 1 || ms[0].State != provider.Ended || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("let go: %+v, %v", ms, err)
	}
}

package throttle

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
)

// clock is one that a test moves.
type clock struct{ at time.Time }

func (c *clock) now() time.Time          { return c.at }
func (c *clock) advance(d time.Duration) { c.at = c.at.Add(d) }

func newClock() *clock { return &clock{time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)} }

func TestABucketGivesABurstAndThenItsRate(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := newBuckets(Rate{2, 3}, c.now)
	for i, want := range []struct {
		after time.Duration
		left  Left
	}{
		{0, Left{3, 2, 500 * time.Millisecond, 0}},
		{0, Left{3, 1, time.Second, 0}},
		{0, Left{3, 0, 1500 * time.Millisecond, 0}},
		{0, Left{3, 0, 1500 * time.Millisecond, 500 * time.Millisecond}},
		{400 * time.Millisecond, Left{3, 0, 1100 * time.Millisecond, 100 * time.Millisecond}}, // a refused try costs nothing
		{100 * time.Millisecond, Left{3, 0, 1500 * time.Millisecond, 0}},
		{time.Hour, Left{3, 2, 500 * time.Millisecond, 0}}, // no more than the burst is saved
	} {
		c.advance(want.after)
		if got := b.take("a"); got != want.left {
			t.Errorf("%d: %+v, want %+v", i, got, want.left)
		}
	}
	if got := b.take("b"); got.Remaining != 2 {
		t.Errorf("another caller has %+v", got)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := newBuckets(Rate{1, 3}, c.now)
	for i := range limits.ThrottleEntries + 100 {
		b.take(strconv.Itoa(i))
	}
	if len(b.full) != limits.ThrottleEntries || b.used.Len() != limits.ThrottleEntries {
		t.Errorf("%d and %d buckets", len(b.full), b.used.Len())
	}
	c.advance(time.Hour) // all are full, which is the same as none
	for i := range limits.ThrottleEntries {
		b.take("later" + strconv.Itoa(i%10))
	}
	for i := range 2 * limits.ThrottleEntries {
		b.take("last" + strconv.Itoa(i))
		c.advance(time.Hour)
	}
	if len(b.full) > 2 {
		t.Errorf("%d buckets of callers who are long gone", len(b.full))
	}
	s := newRecent(3)
	for i := range 10 {
		s.add(strconv.Itoa(i))
	}
	if len(s.place) != 3 || s.used.Len() != 3 || s.has("6") || !s.has("7") {
		t.Errorf("recent: %v", s.place)
	}
}

func TestAddressesAreCountedByWhatOneCustomerHas(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"2001:db8:1:2::1%eth0": "2001:db8:1:2::/64", "in-process": "in-process", "": "",
	} {
		if got := Address(source); got != want {
			t.Errorf("%q: %q, want %q", source, got, want)
		}
	}
}

// small is a guard whose limits are each 2, with one a second.
func small(c *clock) *Guard {
	cfg := Defaults()
	cfg.Now = c.now
	for limit := range cfg.Rates {
		cfg.Rates[limit] = Rate{1, 2}
	}
	cfg.WrongHints, cfg.StreamsOfAddress, cfg.Streams = Rate{1, 1}, 2, 3
	return New(cfg)
}

func newKey(t *testing.T, kind ident.KeyKind, seed string) string {
	t.Helper()
	key, err := ident.NewKey(kind, ident.TachoForm, strings.NewReader(strings.Repeat(seed, 64)))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func ask(t *testing.T, g *Guard, address, key, path string) (http.Header, error) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	r.RemoteAddr = address
	if key != "" {
		r.SetBasicAuth("x", key) // as registry clients do
	}
	h := http.Header{}
	return h, g.Request(r, "/token", h)
}

func TestRequestsAreCountedForWhoMakesThem(t *testing.T) {
	t.Parallel()
	c := newClock()
	g := small(c)
	run, runner := newKey(t, ident.KeyRun, "a"), newKey(t, ident.KeyRunner, "b")
	g.Right(run)
	g.Right(runner)
	const here, next = "192.0.2.1:1", "192.0.2.2:1"
	for i, step := range []struct {
		address, key, path string
		refused            bool
		remaining          string
	}{
		{here, "", "/", false, "1"},
		{here, newKey(t, ident.KeyUser, "c"), "/", false, "0"}, // a key that nobody knows is no way around
		{here, "", "/", true, "0"},
		{next, "", "/", false, "1"},
		{here, run, "/", false, "1"}, // a neighbour's flood is not the key's
		{next, run, "/", false, "0"}, // and a key is the same everywhere
		{here, run, "/", true, "0"},
		{here, runner, "/", false, "1"},
		{here, runner, "/", false, "0"},
		{here, runner, "/", true, "0"},
		{"[2001:db8::1]:1", "", "/", false, "1"},
		{"[2001:db8::2]:1", "", "/", false, "0"},
		{"[2001:db8::3]:1", "", "/", true, "0"},
	} {
		h, err := ask(t, g, step.address, step.key, step.path)
		if (err != nil) != step.refused || err != nil && (!fault.Is(err, fault.TooMany) || fault.RetryAfter(err) != time.Second) {
			t.Errorf("%d: %v", i, err)
		}
		if h.Get("RateLimit-Limit") != "2" || h.Get("RateLimit-Remaining") != step.remaining || h.Get("RateLimit-Reset") == "" {
			t.Errorf("%d: %v, want %s remaining", i, h, step.remaining)
		}
	}
	for limit, want := range map[Limit]int64{AddressRequests: 2, KeyRequests: 1, RunnerRequests: 1, ProjectRequests: 0} {
		if got := g.Hits(limit); got != want {
			t.Errorf("%s: %d hits, want %d", limit, got, want)
		}
	}
	c.advance(time.Second)
	if _, err := ask(t, g, here, "", "/"); err != nil {
		t.Errorf("a second later: %v", err)
	}
}

func TestRegistryTokensAreCountedByAddress(t *testing.T) {
	t.Parallel()
	g := small(newClock())
	var err error
	for i := range 3 {
		run := newKey(t, ident.KeyRun, string(rune('a'+i)))
		g.Right(run)
		_, err = ask(t, g, "192.0.2.1:1", run, "/token")
	}
	if !fault.Is(err, fault.TooMany) || g.Hits(TokenRequests) != 1 {
		t.Errorf("the third: %v, %d hits", err, g.Hits(TokenRequests))
	}
}

func TestAProjectIsCountedOverItsKeys(t *testing.T) {
	t.Parallel()
	g := small(newClock())
	for _, project := range []string{"p", "p", "q"} {
		if err := g.Project(project); err != nil {
			t.Errorf("%s below the limit: %v", project, err)
		}
	}
	if err := g.Project("p"); !fault.Is(err, fault.TooMany) || g.Hits(ProjectRequests) != 1 {
		t.Errorf("%v, %d hits", err, g.Hits(ProjectRequests))
	}
}

func TestWrongKeysAreCountedByAddressAndByHowTheyBegin(t *testing.T) {
	t.Parallel()
	g := small(newClock())
	a, b := newKey(t, ident.KeyUser, "a"), newKey(t, ident.KeyUser, "b")
	if err := g.Wrong("192.0.2.1", a); err != nil {
		t.Errorf("the first: %v", err)
	}
	if err := g.Wrong("192.0.2.1", a); !fault.Is(err, fault.TooMany) || fault.RetryAfter(err) == 0 {
		t.Errorf("the same again: %v", err)
	}
	if err := g.Wrong("192.0.2.1", b); !fault.Is(err, fault.TooMany) {
		t.Errorf("the third of the address: %v", err)
	}
	if err := g.Wrong("192.0.2.2", a); err != nil {
		t.Errorf("from elsewhere: %v", err)
	}
	if got := g.Hits(WrongKeys); got != 2 {
		t.Errorf("%d hits", got)
	}
}

func TestAKeyThatWasRevokedIsCountedForItsAddressAgain(t *testing.T) {
	t.Parallel()
	g := small(newClock())
	key := newKey(t, ident.KeyUser, "a")
	g.Right(key)
	if err := g.Wrong("192.0.2.1", key); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_, _ = ask(t, g, "192.0.2.1:1", key, "/")
	}
	if g.Hits(AddressRequests) != 1 || g.Hits(KeyRequests) != 0 {
		t.Errorf("%d of the address, %d of the key", g.Hits(AddressRequests), g.Hits(KeyRequests))
	}
}

func TestStreamsWithoutAKeyAreBoundedByAddressAndInTotal(t *testing.T) {
	t.Parallel()
	g := small(newClock())
	var leave []func()
	open := func(address string) error {
		l, err := g.Stream(address)
		if err == nil {
			leave = append(leave, l)
		}
		return err
	}
	for range 2 {
		if err := open("192.0.2.1"); err != nil {
			t.Fatalf("below the limit: %v", err)
		}
	}
	if err := open("192.0.2.1"); !fault.Is(err, fault.TooMany) {
		t.Errorf("the third of one address: %v", err)
	}
	if err := open("192.0.2.2"); err != nil {
		t.Errorf("another address: %v", err)
	}
	if err := open("192.0.2.3"); !fault.Is(err, fault.TooMany) {
		t.Errorf("over the total: %v", err)
	}
	leave[0]()
	leave[0]()
	if open("192.0.2.3") != nil || open("192.0.2.1") == nil {
		t.Error("one that left twice made room twice, or none")
	}
	for _, l := range leave {
		l()
	}
	if len(g.streams) != 0 || g.open != 0 {
		t.Errorf("left over: %v, %d", g.streams, g.open)
	}
}

func TestTheServersErrorLogIsWrittenAndBounded(t *testing.T) {
	t.Parallel()
	c := newClock()
	var out bytes.Buffer
	log := ErrorLog(slog.New(slog.NewTextHandler(&out, nil)), c.now)
	log.Printf("http: panic serving %s", "192.0.2.1:1")
	for i := range 1_000 {
		log.Printf("http: TLS handshake error %d", i)
	}
	if got := strings.Count(out.String(), "\n"); got != limits.ErrorLogBurst {
		t.Errorf("%d lines, want %d", got, limits.ErrorLogBurst)
	}
	if !strings.Contains(out.String(), `level=ERROR msg="http server" said="http: panic serving 192.0.2.1:1"`) ||
		!strings.Contains(out.String(), "level=WARN") {
		t.Errorf("levels: %s", &out)
	}
	out.Reset()
	c.advance(time.Hour)
	log.Print("later")
	if want := fmt.Sprintf("dropped=%d", 1_001-limits.ErrorLogBurst); !strings.Contains(out.String(), want) {
		t.Errorf("want %s in %s", want, &out)
	}
}

func TestConnectionsLeaveDescriptorsForTheRest(t *testing.T) {
	t.Parallel()
	for descriptors, want := range map[uint64]int{0: 16, 16: 16, 64: 16, 512: 352, 1_024: 736, 1 << 20: limits.ConnectionsMax,
		1<<64 - 1: limits.ConnectionsMax} {
		if got := connectionsFor(descriptors); got != want {
			t.Errorf("of %d descriptors %d connections, want %d", descriptors, got, want)
		}
	}
}

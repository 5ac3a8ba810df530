package server

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/registry"
	"github.com/tachograph/tacho/internal/server/throttle"
)

// strict is a server on which each caller has few requests, on a clock that stands.
func strict(t *testing.T, change func(*throttle.Config)) *Server {
	t.Helper()
	return quiet(t, func(c *Config) {
		at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
		bounds := throttle.Defaults()
		bounds.Now = func() time.Time { return at }
		change(&bounds)
		c.Throttle = &bounds
	})
}

func get(t *testing.T, s *Server, from, key, path string) *httptest.ResponseRecorder {
	t.Helper()
	return send(t, s, from, key, http.MethodGet, path, "")
}

func send(t *testing.T, s *Server, from, key, method, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.RemoteAddr = from + ":4711"
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

// hits reads a counter as a scraper does, which is not counted itself as a stranger's address would be.
func hits(t *testing.T, s *Server, limit throttle.Limit) string {
	t.Helper()
	for line := range strings.Lines(get(t, s, "203.0.113.99", "", "/metrics").Body.String()) {
		if value, ok := strings.CutPrefix(line, `tacho_limit_hits_total{limit="`+string(limit)+`"} `); ok {
			return strings.TrimSpace(value)
		}
	}
	return "not there"
}

func TestOneLimitOfAnAddressIsOverAllEdges(t *testing.T) {
	t.Parallel()
	s := strict(t, func(c *throttle.Config) { c.Rates[throttle.AddressRequests] = throttle.Rate{PerSecond: 0.1, Burst: 3} })
	key, err := s.FirstKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	paths := []string{"/v0/server/version", "/v2/", "/runners", registry.TokenPath}
	for _, path := range paths[:3] {
		if w := get(t, s, "192.0.2.1", "", path); w.Code == http.StatusTooManyRequests || w.Header().Get("RateLimit-Limit") != "3" {
			t.Errorf("%s below the limit: %d %v", path, w.Code, w.Header())
		}
	}
	for _, path := range paths {
		w := get(t, s, "192.0.2.1", "", path)
		if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "10" || w.Header().Get("RateLimit-Remaining") != "0" ||
			w.Header().Get("RateLimit-Reset") != "30" {
			t.Errorf("%s over the limit: %d %v %s", path, w.Code, w.Header(), w.Body)
		}
		if path == "/runners" {
			continue // a page: TestAPageThatIsRefusedIsAPage
		}
		var ours api.Error
		var oci struct{ Errors []struct{ Code string } }
		if json.Unmarshal(w.Body.Bytes(), &ours) != nil || json.Unmarshal(w.Body.Bytes(), &oci) != nil || ours.ErrorCode != "too_many" &&
			(len(oci.Errors) != 1 || oci.Errors[0].Code != "TOOMANYREQUESTS") {
			t.Errorf("%s: %s", path, w.Body)
		}
	}
	if got := hits(t, s, throttle.AddressRequests); got != "4" {
		t.Errorf("/metrics has %s hits", got)
	}
	if w := get(t, s, "192.0.2.2", "", "/v0/server/version"); w.Code != http.StatusOK {
		t.Errorf("a neighbour: %d", w.Code)
	}
	for range 5 {
		if w := get(t, s, "192.0.2.1", "", "/healthz"); w.Code != http.StatusOK {
			t.Errorf("the probe of the machine: %d", w.Code)
		}
		r := Local(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v0/projects", nil))
		w := httptest.NewRecorder()
		if s.Handler().ServeHTTP(w, r); w.Code != http.StatusOK || w.Header().Get("RateLimit-Limit") != "" {
			t.Errorf("the person at the keyboard: %d %v", w.Code, w.Header())
		}
	}
	// A key that was right once is not its address's matter any more.
	if w := get(t, s, "192.0.2.3", key, "/v0/projects"); w.Code != http.StatusOK {
		t.Fatalf("the key: %d", w.Code)
	}
	if w := get(t, s, "192.0.2.1", key, "/v0/projects"); w.Code != http.StatusOK {
		t.Errorf("a known key from the address that is over its limit: %d %s", w.Code, w.Body)
	}
}

// TestWhoGuessesKeysLocksNobodyOut: API and registry count alike, and a right key is right whatever a neighbour tried.
func TestWhoGuessesKeysLocksNobodyOut(t *testing.T) {
	t.Parallel()
	s := strict(t, func(c *throttle.Config) { c.Rates[throttle.WrongKeys] = throttle.Rate{PerSecond: 0.1, Burst: 4} })
	key, err := s.FirstKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, path := range []string{"/v0/projects", "/v2/", registry.TokenPath, "/v0/projects", "/v0/projects", "/v2/", registry.TokenPath} {
		guess, err := ident.NewKey(ident.KeyUser, ident.TachoForm, strings.NewReader(strings.Repeat(string(rune('a'+i)), 64)))
		if err != nil {
			t.Fatal(err)
		}
		want, after := http.StatusUnauthorized, ""
		if i >= 4 {
			want, after = http.StatusTooManyRequests, "10"
		}
		if w := get(t, s, "192.0.2.1", guess, path); w.Code != want || w.Header().Get("Retry-After") != after {
			t.Errorf("guess %d at %s: %d, want %d; Retry-After %q", i, path, w.Code, want, w.Header().Get("Retry-After"))
		}
	}
	for _, path := range []string{"/v0/projects", "/v2/", registry.TokenPath} {
		if w := get(t, s, "192.0.2.1", key, path); w.Code != http.StatusOK {
			t.Errorf("the right key from the same address at %s: %d %s", path, w.Code, w.Body)
		}
	}
	if got := hits(t, s, throttle.WrongKeys); got != "3" {
		t.Errorf("/metrics has %s hits", got)
	}
}

func TestWhatChangesAProjectIsCountedForItAndByStrangersIsNot(t *testing.T) {
	t.Parallel()
	s := strict(t, func(c *throttle.Config) { c.Rates[throttle.ProjectRequests] = throttle.Rate{PerSecond: 0.1, Burst: 3} })
	key, err := s.FirstKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if w := send(t, s, "192.0.2.1", key, http.MethodPost, "/v0/projects", `{"name":"shop"}`); w.Code != http.StatusCreated {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for range 5 {
		send(t, s, "192.0.2.2", "", http.MethodPost, "/v0/projects/shop/testbeds", `{"name":"lab"}`)
		send(t, s, "192.0.2.2", "", http.MethodPost, "/v0/run", `{"project":"shop","results":["{}"]}`)
	}
	const run = `{"project":"shop","branch":"main","testbed":"lab","results":["{\"b\":{\"latency\":{\"value\":1}}}"]}`
	for i, step := range []struct{ path, body string }{
		{"/v0/projects/shop/testbeds", `{"name":"one"}`}, {"/v0/run", run}, {"/v0/projects/shop/testbeds", `{"name":"two"}`},
		{"/v0/run", run}, {"/v0/projects/shop/testbeds", `{"name":"three"}`},
	} {
		want := http.StatusCreated
		if i >= 3 {
			want = http.StatusTooManyRequests
		}
		if w := send(t, s, "192.0.2.1", key, http.MethodPost, step.path, step.body); w.Code != want {
			t.Errorf("%d, %s: %d, want %d: %s", i, step.path, w.Code, want, w.Body)
		}
	}
	if w := get(t, s, "192.0.2.1", key, "/v0/projects/shop"); w.Code != http.StatusOK {
		t.Errorf("reading it: %d", w.Code)
	}
}

// TestHalfBodiesLockNobodyOut: many senders that never finish, over real sockets.
func TestHalfBodiesLockNobodyOut(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	bounds := throttle.Defaults()
	bounds.Connections, bounds.ConnectionsOfAddress = 12, 10
	w := startWith(t, t.TempDir(), l, func(c *Config) { c.Throttle = &bounds })
	for range 30 {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = io.WriteString(c, "POST /v0/run HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{") // the later ones are refused
	}
	from := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	client := &http.Client{Transport: &http.Transport{DialContext: from.DialContext}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+"/v0/server/version", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(req)
	if err != nil && strings.Contains(err.Error(), "assign requested address") {
		t.Skip("this system has no second loopback address")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("a neighbour: %d", res.StatusCode)
	}
	if got := w.server.guard.Hits(throttle.Connections); got != 20 { // they came before the neighbour
		t.Errorf("%d connections were refused, want 20", got)
	}
}

package request

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/tachograph/tacho/internal/core/fault"
)

func TestForwardingHeadersAreBelievedFromTrustedProxiesOnly(t *testing.T) {
	t.Parallel()
	trusted := []string{"10.0.0.0/8", "192.0.2.7", "2001:db8:1::/48"}
	for _, tc := range []struct {
		name, peer   string
		trusted      []string
		forwardedFor []string
		proto        []string
		wantIP       string
		wantBase     string
	}{
		{"nobody is trusted by default", "10.0.0.1:80", nil, []string{"198.51.100.1"}, []string{"https"}, "10.0.0.1", "http://tacho.example"},
		{"a stranger's word counts for nothing", "198.51.100.9:80", trusted, []string{"10.0.0.1"}, []string{"https"}, "198.51.100.9",
			"http://tacho.example"},
		{"a proxy's does", "10.0.0.1:80", trusted, []string{"198.51.100.1"}, []string{"https"}, "198.51.100.1", "https://tacho.example"},
		{"a single address", "192.0.2.7:80", trusted, []string{"198.51.100.1"}, nil, "198.51.100.1", "http://tacho.example"},
		{"its neighbour is none", "192.0.2.8:80", trusted, []string{"198.51.100.1"}, nil, "192.0.2.8", "http://tacho.example"},
		{"the rightmost that is no proxy, not what its sender claims", "10.0.0.1:80", trusted, []string{"203.0.113.1, 198.51.100.1, 10.9.9.9"},
			nil, "198.51.100.1", "http://tacho.example"},
		{"over several headers", "10.0.0.1:80", trusted, []string{"203.0.113.1", "198.51.100.1", "10.9.9.9"}, nil, "198.51.100.1",
			"http://tacho.example"},
		{"all of them proxies: the first", "10.0.0.1:80", trusted, []string{"10.1.1.1, 10.2.2.2"}, nil, "10.1.1.1", "http://tacho.example"},
		{"nonsense ends the chain", "10.0.0.1:80", trusted, []string{"198.51.100.1, <script>, 10.2.2.2"}, nil, "10.2.2.2",
			"http://tacho.example"},
		{"without the header", "10.0.0.1:80", trusted, nil, nil, "10.0.0.1", "http://tacho.example"},
		{"with a port", "10.0.0.1:80", trusted, []string{"198.51.100.1:4711"}, nil, "198.51.100.1", "http://tacho.example"},
		{"version 6", "[2001:db8:1::1]:80", trusted, []string{"[2001:db8:2::1]:80"}, []string{"http, https"}, "2001:db8:2::1",
			"https://tacho.example"},
		{"version 4 in version 6", "[::ffff:10.0.0.1]:80", trusted, []string{"::ffff:198.51.100.1"}, nil, "198.51.100.1", "http://tacho.example"},
		{"the last scheme is the nearest proxy's", "10.0.0.1:80", trusted, nil, []string{"https", "http"}, "10.0.0.1", "http://tacho.example"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			proxies, err := ParseProxies(tc.trusted)
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://tacho.example/", nil)
			r.RemoteAddr = tc.peer
			r.Header["X-Forwarded-For"], r.Header["X-Forwarded-Proto"] = tc.forwardedFor, tc.proto
			r = proxies.Located(r)
			if got := SourceIP(r); got != tc.wantIP || Source(r.Context()) != tc.wantIP {
				t.Errorf("source %q, want %q", got, tc.wantIP)
			}
			if got := Base(r, ""); got != tc.wantBase {
				t.Errorf("base %q, want %q", got, tc.wantBase)
			}
		})
	}
}

func TestWhatIsNotLocatedIsBelievedNothing(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://tacho.example/", nil)
	r.Header.Set("X-Forwarded-Proto", "https")
	if got := Base(r, ""); got != "http://tacho.example" {
		t.Errorf("base %q", got)
	}
}

func TestTrustedProxiesAreNetworksOrAddresses(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"proxy.example", "10.0.0.0/33", "", "10.0.0.1:80"} {
		if _, err := ParseProxies([]string{bad}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

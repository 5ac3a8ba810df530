package publicnet

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

func TestOnlyHostsOfThePublicInternetArePublic(t *testing.T) {
	t.Parallel()
	for want, all := range map[bool][]string{
		true: {
			"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0", "191.255.255.255",
			"192.0.1.0",
			"198.17.255.255", "198.20.0.0", "223.255.255.255", "::ffff:8.8.8.8", "2001:200::1", "2606:4700::1111", "2a00:1450:4001::1", "2003::1",
			"3ffe::1",
		},
		false: {
			"0.0.0.0", "0.1.2.3", "0.255.255.255", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.255", "169.254.169.254",
			"172.16.0.1", "172.31.255.255",
			"192.0.0.1", "192.0.0.255", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1",
			"224.0.0.1", "239.255.255.255",
			"240.0.0.1", "255.255.255.255",
			"::", "::1", "::7f00:1", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:0.0.0.0",
			"::ffff:0:127.0.0.1",
			"64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::808:808", "64:ff9b:1::1", "64:ff9b:1:ffff::10.0.0.1", "100::1",
			"2001::1", "2001:0:7f00:1::", "2001:2::1", "2001:10::1", "2001:20::1", "2001:1ff:ffff::", "2001:db8::1", "2002:7f00:1::1",
			"2002:808:808::1", "3fff::1", "3fff:fff::1",
			"4000::1", "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1", "feff::1", "ff02::1", "2606:4700::1111%eth0",
		},
	} {
		for _, address := range all {
			if got := Public(netip.MustParseAddr(address)); got != want {
				t.Errorf("Public(%s) = %v", address, got)
			}
		}
	}
	if Public(netip.Addr{}) {
		t.Error("no address is public")
	}
}

// TestEveryCarrierOfAnIPv4AddressIsRefused looks at all ways to write an IPv4 address that is guarded as one that is not.
func TestEveryCarrierOfAnIPv4AddressIsRefused(t *testing.T) {
	t.Parallel()
	for _, guarded := range []string{"127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.0.1"} {
		v4 := netip.MustParseAddr(guarded).As4()
		for _, form := range []struct {
			prefix string
			at     int
		}{{"::", 12}, {"::ffff:0:0", 12}, {"::ffff:0:0:0", 12}, {"64:ff9b::", 12}, {"64:ff9b:1::", 12}, {"2002::", 2}, {"2001::", 4}} {
			raw := netip.MustParseAddr(form.prefix).As16()
			copy(raw[form.at:], v4[:])
			if ip := netip.AddrFrom16(raw); Public(ip) {
				t.Errorf("%s, which carries %s, is taken for public", ip, guarded)
			}
		}
	}
}

// aNet knows hosts by name, and connects to the loopback server of each public address. What it dials is noted.
type aNet struct {
	names   map[string][]string
	servers map[string]string
	dialed  []string
}

func (a *aNet) net() *Net {
	return NewWith(func(_ context.Context, host string) ([]netip.Addr, error) {
		var out []netip.Addr
		for _, s := range a.names[host] {
			out = append(out, netip.MustParseAddr(s))
		}
		if out == nil {
			return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
		}
		return out, nil
	}, func(ctx context.Context, network, address string) (net.Conn, error) {
		a.dialed = append(a.dialed, address)
		at, ok := a.servers[address]
		if !ok {
			return nil, errors.New("nobody listens there")
		}
		return (&net.Dialer{}).DialContext(ctx, network, at)
	})
}

func answering(t *testing.T, h http.HandlerFunc) (hostPort string) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func get(t *testing.T, rt http.RoundTripper, address string) (int, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: rt}).Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

func TestAHostIsReachedAtItsPublicAddressesOnly(t *testing.T) {
	t.Parallel()
	at := answering(t, func(http.ResponseWriter, *http.Request) {})
	a := &aNet{
		names: map[string][]string{
			"good.example": {"8.8.8.8"}, "mixed.example": {"127.0.0.1", "::1", "9.9.9.9", "8.8.8.8"}, "inner.example": {"127.0.0.1", "fd00::1"},
			"mapped.example": {"::ffff:10.0.0.1"},
		},
		servers: map[string]string{"8.8.8.8:80": at},
	}
	n := a.net()
	t.Cleanup(n.CloseIdleConnections)
	for _, host := range []string{"good.example", "mixed.example"} {
		if status, err := get(t, n.Transport(), "http://"+host+"/"); err != nil || status != http.StatusOK {
			t.Errorf("%s: %d, %v", host, status, err)
		}
	}
	for _, host := range []string{"inner.example", "mapped.example", at, "localhost.", "[::1]", "127.0.0.2:1"} {
		if _, err := get(t, n.Transport(), "http://"+host+"/"); err == nil {
			t.Errorf("%s was reached", host)
		}
	}
	for _, address := range a.dialed {
		if ip := netip.MustParseAddrPort(address).Addr(); !Public(ip) {
			t.Errorf("dialed %s", address)
		}
	}
}

func TestATrustedHostMayBeAnywhereAndItsRedirectsMayNot(t *testing.T) {
	t.Parallel()
	secret := answering(t, func(http.ResponseWriter, *http.Request) { t.Error("the guarded server was asked") })
	public := answering(t, func(http.ResponseWriter, *http.Request) {})
	var to string
	trusted := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, to, http.StatusTemporaryRedirect)
		}
	})
	a := &aNet{names: map[string][]string{"cdn.example": {"8.8.8.8"}, "rebind.example": {"127.0.0.1"}},
		servers: map[string]string{"8.8.8.8:80": public}}
	n := a.net()
	t.Cleanup(n.CloseIdleConnections)
	if status, err := get(t, n.Transport(trusted), "http://"+trusted+"/"); err != nil || status != http.StatusOK {
		t.Fatalf("the trusted host itself: %d, %v", status, err)
	}
	to = "http://cdn.example/blob"
	if status, err := get(t, n.Transport(trusted), "http://"+trusted+"/away"); err != nil || status != http.StatusOK {
		t.Errorf("a redirect to a public host: %d, %v", status, err)
	}
	for _, to = range []string{"http://" + secret + "/", "http://rebind.example/", "http://[::1]:1/", "http://[::ffff:127.0.0.1]:1/"} {
		if _, err := get(t, n.Transport(trusted), "http://"+trusted+"/away"); !errors.Is(err, ErrNotPublic) {
			t.Errorf("a redirect to %s: %v", to, err)
		}
	}
}

func TestSameHost(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		host, address string
		want          bool
	}{
		{"ghcr.io", "https://ghcr.io/v2/", true},
		{"ghcr.io", "https://ghcr.io:443/v2/", true},
		{"GHCR.io:443", "https://ghcr.io/v2/", true},
		{"ghcr.io", "https://ghcr.io:8443/", false},
		{"ghcr.io", "https://ghcr.io.evil.example/", false},
		{"registry.lan:5000", "http://registry.lan:5000/", true},
		{"registry.lan:5000", "http://registry.lan:22/", false},
		{"registry.lan:5000", "http://registry.lan/", false},
		{"[::1]:5000", "http://[::1]:5000/", true},
		{"[::1]", "http://[::1]/", true},
		{"localhost", "http://localhost:80/", true},
		{"localhost:443", "http://localhost/", false},
	} {
		u, err := url.Parse(row.address)
		if err != nil {
			t.Fatal(err)
		}
		if got := SameHost(row.host, u); got != row.want {
			t.Errorf("SameHost(%q, %q) = %v", row.host, row.address, got)
		}
	}
}

// TestTheAddressIsLookedAtAgainBeforeTheConnect holds the check of the real dialer, which sees what the system is about to connect to.
func TestTheAddressIsLookedAtAgainBeforeTheConnect(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{"8.8.8.8:443": true, "127.0.0.1:80": false, "[::ffff:127.0.0.1]:80": false,
		"[fec0::1]:80": false, "nonsense": false} {
		if err := checked("tcp", address, nil); (err == nil) != want {
			t.Errorf("%s: %v", address, err)
		}
	}
}

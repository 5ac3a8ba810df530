// Package publicnet speaks HTTP with hosts that strangers named. It connects to public addresses only, so that nobody reaches through us
// what answers on this machine or in the networks around it: a name in a job, and every redirect after it, is a stranger's.
//
// The server asks other people's registries through it, and a runner pulls through it. It knows nothing of images. What an address is for
// is taken from IANA's special-purpose address registries (RFC 6890 and its updates).
package publicnet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"

	"github.com/tachograph/tacho/internal/core/limits"
)

// refusedNets are the parts of the two spaces below that are not for hosts of the public internet.
var refusedNets = prefixes(
	// IPv4
	"0.0.0.0/8",       // this host, on this network
	"10.0.0.0/8",      // private
	"100.64.0.0/10",   // shared by the customers of a carrier
	"127.0.0.0/8",     // loopback
	"169.254.0.0/16",  // link-local; clouds answer here with a machine's own credentials
	"172.16.0.0/12",   // private
	"192.0.0.0/24",    // protocol assignments
	"192.0.2.0/24",    // documentation
	"192.88.99.0/24",  // relays of 6to4
	"192.168.0.0/16",  // private
	"198.18.0.0/15",   // benchmarks of network devices
	"198.51.100.0/24", // documentation
	"203.0.113.0/24",  // documentation
	"224.0.0.0/4",     // multicast
	"240.0.0.0/4",     // reserved, and broadcast
	// IPv6, within 2000::/3
	"2001::/23",     // protocol assignments, among them Teredo (2001::/32), which carries an IPv4 address
	"2001:db8::/32", // documentation
	"2002::/16",     // 6to4, which carries an IPv4 address
	"3fff::/20",     // documentation
)

// unicast6 is all that IANA has given to hosts. Outside are loopback, ::a.b.c.d, NAT64 (64:ff9b::/96, 64:ff9b:1::/48), ULA, link-local,
// site-local and multicast.
var unicast6 = netip.MustParsePrefix("2000::/3")

func prefixes(all ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(all))
	for i, p := range all {
		out[i] = netip.MustParsePrefix(p)
	}
	return out
}

// Public reports whether an address belongs to a host of the public internet. An IPv4 address in IPv6 form (::ffff:a.b.c.d) is judged as
// what it is; one that is carried in another way is refused whatever it is.
func Public(ip netip.Addr) bool {
	ip = ip.Unmap()
	if !ip.IsValid() || ip.Zone() != "" || ip.Is6() && !unicast6.Contains(ip) {
		return false
	}
	return !slices.ContainsFunc(refusedNets, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// ErrNotPublic is why a connection was not made. It is for logs: the person who named the host learns no more than that it failed.
var ErrNotPublic = errors.New("the host has no public address")

// Net makes connections. It is safe for concurrent use.
type Net struct {
	lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	dial   func(ctx context.Context, network, address string) (net.Conn, error)

	guarded, trusted *http.Transport
}

// New makes one with this machine's resolver. Trusted hosts are spoken to through the proxy of the environment, others never: a proxy would
// hide the address from the check.
func New() *Net {
	dialer := &net.Dialer{Timeout: limits.ForeignDialTimeout, Control: checked}
	return NewWith(func(ctx context.Context, host string) ([]netip.Addr, error) {
		return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	}, dialer.DialContext)
}

// NewWith is New with another resolver and another way to connect to an address that has passed the check: for tests.
func NewWith(
	lookup func(ctx context.Context, host string) ([]netip.Addr, error),
	dial func(ctx context.Context, network, address string) (net.Conn, error),
) *Net {
	n := &Net{lookup: lookup, dial: dial}
	n.trusted = http.DefaultTransport.(*http.Transport).Clone()
	n.trusted.MaxResponseHeaderBytes = limits.ForeignHeaderBytes
	n.guarded = n.trusted.Clone()
	n.guarded.Proxy = nil
	n.guarded.DialContext = n.dialPublic
	return n
}

// checked looks at the address once more, just before the system connects.
func checked(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("parse %q: %w", address, err)
	}
	if !Public(at.Addr()) {
		return ErrNotPublic
	}
	return nil
}

// dialPublic resolves a host and connects to the first of its public addresses that answers. It connects to the address and not to the
// name, so the name cannot change its mind in between.
func (n *Net) dialPublic(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	var found []netip.Addr
	if ip, err := netip.ParseAddr(host); err == nil {
		found = []netip.Addr{ip}
	} else if found, err = n.lookup(ctx, host); err != nil {
		return nil, err
	}
	failed := ErrNotPublic
	for _, ip := range found {
		if !Public(ip) {
			continue
		}
		conn, err := n.dial(ctx, network, net.JoinHostPort(ip.Unmap().String(), port))
		if err == nil {
			return conn, nil
		}
		failed = err
		if ctx.Err() != nil {
			break
		}
	}
	return nil, failed
}

// Transport returns a round tripper that connects to public addresses only, except for the hosts that are trusted ("registry.lan:5000",
// "ghcr.io"): those may be anywhere. Each request is looked at by itself, so a redirect of a trusted host leads to public addresses and to
// trusted hosts only.
func (n *Net) Transport(trusted ...string) http.RoundTripper {
	return &transport{n, slices.Clone(trusted)}
}

// CloseIdleConnections closes connections that nobody uses.
func (n *Net) CloseIdleConnections() {
	n.guarded.CloseIdleConnections()
	n.trusted.CloseIdleConnections()
}

type transport struct {
	*Net
	hosts []string
}

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if slices.ContainsFunc(t.hosts, func(host string) bool { return SameHost(host, r.URL) }) {
		return t.trusted.RoundTrip(r)
	}
	return t.guarded.RoundTrip(r)
}

// SameHost reports whether host, with or without a port, is the one that u leads to. Without a port it is the one of u's scheme.
func SameHost(host string, u *url.URL) bool {
	port := u.Port()
	standard := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	if port == "" {
		port = standard
	}
	name, want, err := net.SplitHostPort(host)
	if err != nil {
		name, want = strings.Trim(host, "[]"), standard
	}
	return strings.EqualFold(name, u.Hostname()) && want == port
}

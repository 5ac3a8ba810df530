package request

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/tachograph/tacho/internal/core/fault"
)

// Proxies are the networks whose word on where a request came from is believed.
type Proxies []netip.Prefix

// ParseProxies reads networks (10.0.0.0/8) and single addresses.
func ParseProxies(texts []string) (Proxies, error) {
	var out Proxies
	for _, text := range texts {
		text = strings.TrimSpace(text)
		network, err := netip.ParsePrefix(text)
		if err != nil {
			one, oneErr := netip.ParseAddr(text)
			if oneErr != nil {
				return nil, fault.Invalidf("trusted-proxies: %.60q is neither an address nor a network such as 10.0.0.0/8", text)
			}
			one = one.Unmap().WithZone("")
			network = netip.PrefixFrom(one, one.BitLen())
		}
		out = append(out, network.Masked())
	}
	return out, nil
}

// Trust reports whether address is one of the proxies.
func (p Proxies) Trust(address netip.Addr) bool {
	for _, network := range p {
		if network.Contains(address) {
			return true
		}
	}
	return false
}

// origin is where a request came from, as far as that is believed.
type origin struct {
	address string
	https   bool
}

type originKey struct{}

// Located returns r with its origin in the context, for SourceIP and Base. It is the one place that reads forwarding headers, and reads
// them only from a trusted proxy: anybody can send them. Of X-Forwarded-For, to which each proxy adds at the right whom it heard, the
// rightmost address that is no proxy of ours counts; what is left of it is that sender's own claim.
func (p Proxies) Located(r *http.Request) *http.Request {
	found := origin{address: hostOf(r.RemoteAddr), https: r.TLS != nil}
	if peer, err := parseAddr(found.address); err == nil && p.Trust(peer) {
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		for i := len(hops) - 1; i >= 0; i-- {
			hop, err := parseAddr(hostOf(strings.TrimSpace(hops[i])))
			if err != nil {
				break // what is left of it is not to be trusted either
			}
			found.address = hop.String()
			if !p.Trust(hop) {
				break
			}
		}
		schemes := r.Header.Values("X-Forwarded-Proto")
		if len(schemes) > 0 {
			last := schemes[len(schemes)-1]
			found.https = strings.EqualFold(strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:]), "https")
		}
	}
	return r.WithContext(context.WithValue(r.Context(), originKey{}, found))
}

// SourceIP is the address that the request came from: the connection's, unless that is a trusted proxy's.
func SourceIP(r *http.Request) string {
	if found, ok := r.Context().Value(originKey{}).(origin); ok {
		return found.address
	}
	return hostOf(r.RemoteAddr)
}

// Source is SourceIP for who has the context only; empty outside a request.
func Source(ctx context.Context) string {
	found, _ := ctx.Value(originKey{}).(origin)
	return found.address
}

// Base is the server's URL as the sender of r sees it, without a slash at the end: public if the operator configured one.
func Base(r *http.Request, public string) string {
	if public != "" {
		return strings.TrimRight(public, "/")
	}
	if Secure(r) {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// Secure reports whether the sender of r speaks TLS, with us or with a proxy that is believed.
func Secure(r *http.Request) bool {
	if found, ok := r.Context().Value(originKey{}).(origin); ok {
		return found.https
	}
	return r.TLS != nil
}

// hostOf is an address without its port, if it has one.
func hostOf(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return strings.Trim(address, "[]")
}

func parseAddr(text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	return a.Unmap().WithZone(""), err
}

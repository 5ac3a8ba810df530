// Package upstream asks other people's registries what a tag points to, so that a job's image is pinned to a digest when it is submitted.
//
// It reads manifests and image configurations only; layers are the runner's business. Because the name comes from whoever submits a job, it
// connects to public addresses only, unless the operator has listed the registry.
package upstream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/imageref"
)

// AnyPublic in Config.Allowed lets images come from every registry with a public address.
const AnyPublic = "*"

// Config says which registries may be asked.
type Config struct {
	// Allowed are hosts ("ghcr.io", "registry.lan:5000") and AnyPublic. Empty: none. A listed host may have a private address, and one
	// on loopback is spoken to without TLS.
	Allowed []string
	Timeout time.Duration // of one look-up; 0: 20 s
}

// Registries resolves references. It is safe for concurrent use.
type Registries struct {
	cfg    Config
	public http.RoundTripper // refuses non-public addresses
	listed http.RoundTripper
}

// New makes a resolver.
func New(cfg Config) *Registries {
	if cfg.Timeout == 0 {
		cfg.Timeout = 20 * time.Second
	}
	listed := http.DefaultTransport.(*http.Transport).Clone()
	public := listed.Clone()
	public.DialContext = (&net.Dialer{Timeout: 10 * time.Second, Control: publicOnly}).DialContext
	public.Proxy = nil // a proxy would hide the address from the check
	return &Registries{cfg: cfg, public: public, listed: listed}
}

var errNotPublic = errors.New("the address is not public")

// publicOnly is called with the address that was resolved, just before the connection is made: a name cannot change its mind in between.
func publicOnly(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("parse %q: %w", address, err)
	}
	ip := at.Addr().Unmap()
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || netip.MustParsePrefix("100.64.0.0/10").Contains(ip) {
		return errNotPublic
	}
	return nil
}

// Platform is an operating system and an architecture in the OCI spelling: "linux", "amd64".
type Platform struct{ OS, Architecture string }

// Image is what a reference points to.
type Image struct {
	Digest    string
	Platforms []Platform // what the index lists, or the one of the image
}

// Resolve returns the digest and the platforms of ref. Errors are faults that name the image and the registry.
func (r *Registries) Resolve(ctx context.Context, ref imageref.Reference) (Image, error) {
	listed := slices.Contains(r.cfg.Allowed, ref.Registry)
	if !listed && !slices.Contains(r.cfg.Allowed, AnyPublic) {
		return Image{}, fault.Invalidf("image %q: this server takes no images from %s; push it to this server's registry, or have the operator add the host to 'registries'", ref, ref.Registry)
	}
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Timeout)
	defer cancel()
	roundTripper := r.public
	var named []name.Option
	if listed {
		roundTripper = r.listed
		if loopback(ref.Registry) {
			named = append(named, name.Insecure)
		}
	}
	parsed, err := name.ParseReference(ref.String(), named...)
	if err != nil {
		return Image{}, fault.Wrap(fault.Invalid, err, "image %q: the name is not understood", ref)
	}
	desc, err := remote.Get(parsed, remote.WithContext(ctx), remote.WithAuth(authn.Anonymous), remote.WithTransport(roundTripper))
	if err != nil {
		return Image{}, explain(err, ref)
	}
	platforms, err := platformsOf(desc)
	if err != nil {
		return Image{}, explain(err, ref)
	}
	return Image{Digest: desc.Digest.String(), Platforms: platforms}, nil
}

func platformsOf(desc *remote.Descriptor) ([]Platform, error) {
	if !desc.MediaType.IsIndex() {
		img, err := desc.Image()
		if err != nil {
			return nil, err
		}
		cfg, err := img.ConfigFile()
		if err != nil {
			return nil, err
		}
		return []Platform{{cfg.OS, cfg.Architecture}}, nil
	}
	index, err := desc.ImageIndex()
	if err != nil {
		return nil, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	var out []Platform
	for _, m := range manifest.Manifests {
		if p := m.Platform; p != nil && !isAttestation(m) {
			out = append(out, Platform{p.OS, p.Architecture})
		}
	}
	return out, nil
}

// isAttestation reports whether the entry is a signature or provenance that builders list beside the images, as platform unknown/unknown.
func isAttestation(m v1.Descriptor) bool { return m.Platform.OS == "unknown" }

func explain(err error, ref imageref.Reference) error {
	if answer, ok := errors.AsType[*transport.Error](err); ok {
		switch answer.StatusCode {
		case http.StatusNotFound:
			return fault.Wrap(fault.Missing, err, "image %q: %s does not have it", ref, ref.Registry)
		case http.StatusUnauthorized, http.StatusForbidden:
			return fault.Wrap(fault.Forbidden, err, "image %q: %s does not give it to everybody; push it to this server's registry instead", ref, ref.Registry)
		case http.StatusTooManyRequests:
			return fault.Wrap(fault.Unavailable, err, "image %q: %s asks us to wait; try again later", ref, ref.Registry)
		}
	}
	if errors.Is(err, errNotPublic) {
		return fault.Wrap(fault.Invalid, err, "image %q: %s has no public address; the operator can add it to 'registries'", ref, ref.Registry)
	}
	return fault.Wrap(fault.Unavailable, err, "image %q: %s could not be asked", ref, ref.Registry)
}

func loopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && ip.IsLoopback()
}

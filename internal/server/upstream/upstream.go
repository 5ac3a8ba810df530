// Package upstream asks other people's registries what a tag points to, so that a job's image is pinned to a digest when it is submitted.
//
// It reads manifests and image configurations only; layers are the runner's business. The name comes from whoever submits a job, so it
// connects to public addresses only, unless the operator has listed the registry, and reads no more than a bound of anything. It follows
// the OCI distribution specification 1.1 and the token authentication of Docker's registry, as an anonymous client.
//
// The server root calls it, for jobs whose image is elsewhere.
package upstream

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/imageref"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/publicnet"
)

// AnyPublic in Config.Allowed lets images come from every registry with a public address.
const AnyPublic = "*"

// Config says which registries may be asked.
type Config struct {
	// Allowed are hosts ("ghcr.io", "registry.lan:5000") and AnyPublic. Empty: none. A listed host may have a private address, and one
	// on loopback is spoken to without TLS.
	Allowed []string
	Timeout time.Duration  // of one look-up; 0: limits.ForeignLookupTimeout
	Net     *publicnet.Net // nil: this machine's
	Log     *slog.Logger   // gets the causes that people do not; nil: nobody
}

// Registries resolves references. It is safe for concurrent use.
type Registries struct {
	cfg  Config
	busy chan struct{} // holds a token for each look-up
}

// New makes a resolver.
func New(cfg Config) *Registries {
	if cfg.Timeout == 0 {
		cfg.Timeout = limits.ForeignLookupTimeout
	}
	if cfg.Net == nil {
		cfg.Net = publicnet.New()
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Registries{cfg: cfg, busy: make(chan struct{}, limits.ForeignLookups)}
}

// Platform is an operating system and an architecture in the OCI spelling: "linux", "amd64".
type Platform struct{ OS, Architecture string }

// Image is what a reference points to.
type Image struct {
	Digest    string
	Platforms []Platform // what the index lists, or the one of the image
	Listed    bool       // the operator named the registry, so that it may have an address that is not public
}

// Resolve returns the digest and the platforms of ref. Errors are faults that name the image and the registry.
func (r *Registries) Resolve(ctx context.Context, ref imageref.Reference) (Image, error) {
	listed := slices.Contains(r.cfg.Allowed, ref.Registry)
	if !listed && !slices.Contains(r.cfg.Allowed, AnyPublic) {
		return Image{}, fault.Invalidf("image %q: this server takes no images from %s; push it to this server's registry, or have the "+
			"operator add the host to 'registries'", ref, ref.Registry)
	}
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Timeout) // the wait for a place is part of it
	defer cancel()
	select {
	case r.busy <- struct{}{}:
		defer func() { <-r.busy }()
	case <-ctx.Done():
		return Image{}, fault.New(fault.Unavailable, "image %q: the server is looking up as many images as it can; try again later", ref)
	}
	c := r.client(ref, listed)
	found, err := c.image(ctx, ref.Version())
	if err != nil {
		r.cfg.Log.InfoContext(ctx, "image was not resolved", "image", ref.String(), "error", err)
		return Image{}, explain(err, ref)
	}
	found.Listed = listed
	return found, nil
}

// client is for one repository. Docker's own registry answers under another name, and keeps images without an owner in "library".
func (r *Registries) client(ref imageref.Reference, listed bool) *client {
	host, repository := ref.Registry, ref.Path
	var trusted []string
	if listed { // who is listed may send us to others that are
		trusted = r.cfg.Allowed
	}
	if host == "docker.io" || host == "index.docker.io" {
		host = "index.docker.io"
		if listed {
			trusted = append(slices.Clone(trusted), host)
		}
		if !strings.Contains(repository, "/") {
			repository = "library/" + repository
		}
	}
	scheme := "https"
	if listed && loopback(host) {
		scheme = "http"
	}
	return &client{
		base: scheme + "://" + host, repository: repository,
		http: &http.Client{Transport: r.cfg.Net.Transport(trusted...), CheckRedirect: fewRedirects},
	}
}

func fewRedirects(_ *http.Request, via []*http.Request) error {
	if len(via) > limits.ForeignRedirects {
		return errors.New("too many redirects")
	}
	return nil
}

// explain makes a fault of an error. What a host that could be talked to answered is told; why a host could not be talked to is not: nobody
// shall learn from it what listens where. It is in the log.
func explain(err error, ref imageref.Reference) error {
	if answer, ok := errors.AsType[*answerError](err); ok {
		switch answer.status {
		case http.StatusNotFound:
			return fault.Wrap(fault.Missing, err, "image %q: %s does not have it", ref, ref.Registry)
		case http.StatusUnauthorized, http.StatusForbidden:
			return fault.Wrap(fault.Forbidden, err, "image %q: %s requires a login; push it to this server's registry instead", ref, ref.Registry)
		case http.StatusTooManyRequests:
			return fault.Wrap(fault.Unavailable, err, "image %q: %s asks us to wait; try again later", ref, ref.Registry)
		}
	}
	if over, ok := errors.AsType[*tooLargeError](err); ok {
		return fault.Wrap(fault.Invalid, err, "image %q: its %s is over the limit of %d bytes", ref, over.what, over.limit)
	}
	return fault.Wrap(fault.Unavailable, err, "image %q: %s did not give it; check the name, or push it to this server's registry instead",
		ref, ref.Registry)
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

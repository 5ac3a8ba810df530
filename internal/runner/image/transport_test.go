package image

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/publicnet"
)

// elsewhere is a network in which every name has the addresses given, and what is public leads to the server at the given loopback address.
func elsewhere(to string, addresses ...string) *publicnet.Net {
	return publicnet.NewWith(func(context.Context, string) ([]netip.Addr, error) {
		var out []netip.Addr
		for _, a := range addresses {
			out = append(out, netip.MustParseAddr(a))
		}
		return out, nil
	}, func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, to)
	})
}

func listening(t *testing.T, h http.HandlerFunc) (hostPort string) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// between serves the registry at host, except for what change answers itself.
func between(t *testing.T, host string, change func(http.ResponseWriter, *http.Request) (done bool)) string {
	t.Helper()
	return listening(t, func(w http.ResponseWriter, r *http.Request) {
		if change(w, r) {
			return
		}
		req, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+host+r.URL.Path, http.NoBody)
		if err != nil {
			t.Error(err)
			return
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Error(err)
			return
		}
		defer resp.Body.Close()
		for k, v := range resp.Header {
			w.Header()[k] = v
		}
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
	})
}

func TestARedirectToAGuardedAddressIsNotFollowed(t *testing.T) {
	t.Parallel()
	host, push, _ := serve(t)
	push("p/app:v1", hello(t, runtime.GOARCH))
	guarded := listening(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("the guarded server was asked for %s", r.URL) })
	for _, what := range []string{"/manifests/", "/blobs/"} {
		redirecting := between(t, host, func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, what) {
				return false
			}
			http.Redirect(w, r, "http://"+guarded+r.URL.Path, http.StatusTemporaryRedirect)
			return true
		})
		for name, row := range map[string]struct {
			net *publicnet.Net
			src Source
		}{
			"the own server's registry": {publicnet.New(), Source{Registry: redirecting, Repository: "p/app", Version: "v1", Trusted: true}},
			"a foreign registry":        {elsewhere(redirecting, "8.8.8.8"), Source{Registry: "http://registry.example", Repository: "p/app", Version: "v1"}},
		} {
			s := open(t)
			s.net = row.net
			if _, err := s.Prepare(t.Context(), Params{Source: row.src}); !fault.Is(err, fault.Unavailable) {
				t.Errorf("%s redirects %s: %v", name, what, err)
			}
		}
	}
}

// foreignLayer is a layer whose descriptor says that its bytes are also elsewhere.
type foreignLayer struct {
	v1.Layer
	url string
}

func (l foreignLayer) Descriptor() (*v1.Descriptor, error) {
	digest, err := l.Digest()
	if err != nil {
		return nil, err
	}
	size, err := l.Size()
	return &v1.Descriptor{MediaType: types.DockerLayer, Digest: digest, Size: size, URLs: []string{l.url}}, err
}

func TestAddressesInAManifestAreGuardedToo(t *testing.T) {
	t.Parallel()
	guarded := listening(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("the guarded server was asked for %s", r.URL) })
	layers, err := hello(t, runtime.GOARCH).Layers()
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(empty.Image, foreignLayer{layers[0], "http://" + guarded + "/layer"})
	if err != nil {
		t.Fatal(err)
	}
	digest, err := layers[0].Digest()
	if err != nil {
		t.Fatal(err)
	}
	host, push, _ := serve(t)
	push("p/app:v1", img)
	without := between(t, host, func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, digest.String()) {
			http.NotFound(w, r)
			return true
		}
		return false
	})
	if _, err := open(t).Prepare(t.Context(), Params{Source: Source{Registry: without, Repository: "p/app", Version: "v1", Trusted: true}}); err == nil {
		t.Error("the image was prepared")
	}
}

func TestAForeignRegistryOnAGuardedAddressIsNotAsked(t *testing.T) {
	t.Parallel()
	host, push, _ := serve(t)
	push("p/app:v1", hello(t, runtime.GOARCH))
	closed := httptest.NewServer(registry.New())
	nobody := strings.TrimPrefix(closed.URL, "http://")
	closed.Close()
	var first string
	for _, row := range []struct {
		name     string
		net      *publicnet.Net
		registry string
	}{
		{"loopback", publicnet.New(), host},
		{"a name with a loopback address", elsewhere(host, "127.0.0.1"), "http://registry.example"},
		{"NAT64", elsewhere(host, "64:ff9b::7f00:1"), "http://registry.example"},
		{"refused", elsewhere(nobody, "8.8.8.8"), "http://registry.example"},
		{"not TLS", elsewhere(host, "8.8.8.8"), "https://registry.example"},
	} {
		s := open(t)
		s.net = row.net
		_, err := s.Prepare(t.Context(), Params{Source: Source{Registry: row.registry, Repository: "p/app", Version: "v1"}})
		if first == "" {
			first = fault.Message(err)
		}
		if !fault.Is(err, fault.Unavailable) || fault.Message(err) != first {
			t.Errorf("%s: %v\nwant %q: the sentence must not tell one from the other", row.name, err, first)
		}
	}
	s := open(t)
	s.net = elsewhere(host, "8.8.8.8")
	if _, err := s.Prepare(t.Context(), Params{Source: Source{Registry: "http://registry.example", Repository: "p/app", Version: "v1"}}); err != nil {
		t.Errorf("a public address: %v", err)
	}
}

func TestManifestsAndConfigurationsHaveABound(t *testing.T) {
	t.Parallel()
	const slack = 8 * limits.MiB // what lies in the sockets' buffers
	var sent atomic.Int64
	endless := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", string(types.OCIManifestSchema1))
		chunk := bytes.Repeat([]byte(" "), 64*limits.KiB)
		for r.Context().Err() == nil {
			n, err := w.Write(chunk)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	}
	host := listening(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/v2/":
		case strings.Contains(r.URL.Path, "/manifests/claims"):
			w.Header().Set("Content-Type", string(types.OCIManifestSchema1))
			_, _ = fmt.Fprintf(w, `{"schemaVersion":2,"config":{"digest":"sha256:%064d","size":%d},"layers":[]}`, 1, limits.GiB)
		default:
			endless(w, r)
		}
	})
	for _, version := range []string{"endless", "claims"} {
		_, err := open(t).Prepare(t.Context(), Params{Source: Source{Registry: host, Repository: "p/app", Version: version, Trusted: true}})
		if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), "limit") {
			t.Errorf("%s: %v", version, err)
		}
	}
	if n := sent.Load(); n > limits.ManifestBytes+slack {
		t.Errorf("the registry got rid of %d bytes", n)
	}
}

// TestATransferThatBreaksOffIsNotTheImagesFault: the archive that was cut is malformed, but another try may bring all of it.
func TestATransferThatBreaksOffIsNotTheImagesFault(t *testing.T) {
	t.Parallel()
	host, push, _ := serve(t)
	img := hello(t, runtime.GOARCH)
	push("p/app:v1", img)
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	digest, err := layers[0].Digest()
	if err != nil {
		t.Fatal(err)
	}
	size, err := layers[0].Size()
	if err != nil {
		t.Fatal(err)
	}
	for _, sent := range []int64{0, size / 2} {
		cut := between(t, host, func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, digest.String()) {
				return false
			}
			rc, err := layers[0].Compressed()
			if err != nil {
				t.Error(err)
				return true
			}
			defer rc.Close()
			w.Header().Set("Content-Length", fmt.Sprint(size))
			_, _ = io.CopyN(w, rc, sent)
			panic(http.ErrAbortHandler)
		})
		_, err := open(t).Prepare(t.Context(), Params{Source: Source{Registry: cut, Repository: "p/app", Version: "v1", Trusted: true}})
		if !fault.Is(err, fault.Unavailable) {
			t.Errorf("cut after %d of %d bytes: kind %v, %v", sent, size, fault.Of(err), err)
		}
	}
}

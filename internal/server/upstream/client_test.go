package upstream

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/imageref"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/publicnet"
)

// aRegistry is a registry with hand-made answers on loopback, by path.
func aRegistry(t *testing.T, answers map[string]http.HandlerFunc) (host string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if answer := answers[r.URL.Path]; answer != nil {
			answer(w, r)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func document(mediaType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		_, _ = io.WriteString(w, body)
	}
}

// endless sends zeros until nobody reads any more, and counts them.
func endless(sent *atomic.Int64) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", ociManifest)
		chunk := bytes.Repeat([]byte(" "), 64*limits.KiB)
		for r.Context().Err() == nil {
			n, err := w.Write(chunk)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	}
}

func resolve(t *testing.T, r *Registries, image string) (Image, error) {
	t.Helper()
	ref, err := imageref.Parse(image)
	if err != nil {
		t.Fatal(err)
	}
	return r.Resolve(t.Context(), ref)
}

const configBody = `{"os":"linux","architecture":"amd64","config":{"Env":["A=1"]}}`

func manifestOf(digest string, size int64) string {
	return fmt.Sprintf(`{"schemaVersion":2,"config":{"mediaType":"x","digest":%q,"size":%d},"layers":[]}`, digest, size)
}

func TestATokenIsFetchedFromWhereTheRegistrySays(t *testing.T) {
	t.Parallel()
	var host string
	asked := func(answer http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer t0ken" {
				w.Header().Add("WWW-Authenticate", `Basic realm="x"`)
				w.Header().Add("WWW-Authenticate", `Bearer realm="http://`+host+
					`/token?account=1",service="registry, \"ours\"",scope="repository:org/app:pull"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			answer(w, r)
		}
	}
	var tokens []string
	config := digestOf([]byte(configBody))
	manifest := manifestOf(config, int64(len(configBody)))
	host = aRegistry(t, map[string]http.HandlerFunc{
		"/v2/org/app/manifests/v1":    asked(document(ociManifest, manifest)),
		"/v2/org/app/blobs/" + config: asked(document("application/octet-stream", configBody)),
		"/v2/org/locked/manifests/v1": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
		"/v2/org/password/manifests/v1": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
		},
		"/token": func(w http.ResponseWriter, r *http.Request) {
			tokens = append(tokens, r.URL.RawQuery)
			_, _ = io.WriteString(w, `{"access_token":"t0ken"}`)
		},
	})
	r := New(Config{Allowed: []string{host}})
	got, err := resolve(t, r, host+"/org/app:v1")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Image{Digest: digestOf([]byte(manifest)), Platforms: []Platform{{"linux", "amd64"}}, Listed: true}, got); diff != "" {
		t.Errorf("image (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"account=1&scope=repository%3Aorg%2Fapp%3Apull&service=registry%2C+%22ours%22"}, tokens); diff != "" {
		t.Errorf("asked for tokens (-want +got):\n%s", diff)
	}
	for _, image := range []string{"/org/locked:v1", "/org/password:v1"} {
		if _, err := resolve(t, r, host+image); !fault.Is(err, fault.Forbidden) {
			t.Errorf("%s: %v, want a refusal that says it requires a login", image, err)
		}
	}
}

// TestNothingIsReadBeyondItsBound plays a registry that claims or sends more than anybody has.
func TestNothingIsReadBeyondItsBound(t *testing.T) {
	t.Parallel()
	const slack = 8 * limits.MiB // what lies in the sockets' buffers
	config := "sha256:" + strings.Repeat("a", 64)
	var entries strings.Builder
	for range limits.ForeignPlatforms + 1 {
		entries.WriteString(`,{}`)
	}
	for name, row := range map[string]struct {
		manifest http.HandlerFunc // nil: endless
		most     int64
		want     fault.Kind
		says     string
	}{
		"an endless manifest": {nil, limits.ManifestBytes + slack, fault.Invalid,
			"its manifest is over the limit of 4194304 bytes"},
		"a configuration that claims 1 GiB": {document(ociManifest, manifestOf(config, limits.GiB)), 0, fault.Invalid,
			"its configuration is over the limit of 1048576 bytes"},
		"an endless configuration, claimed small": {document(ociManifest, manifestOf(config, 100)), limits.ImageConfigBytes + slack,
			fault.Invalid, "its configuration is over the limit of 1048576 bytes"},
		"an index of too many entries": {document(ociIndex, `{"manifests":[{}`+entries.String()+`]}`), 0, fault.Unavailable,
			"did not give it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sent atomic.Int64
			if row.manifest == nil {
				row.manifest = endless(&sent)
			}
			host := aRegistry(t, map[string]http.HandlerFunc{"/v2/app/manifests/v1": row.manifest, "/v2/app/blobs/" + config: endless(&sent)})
			_, err := resolve(t, New(Config{Allowed: []string{host}}), host+"/app:v1")
			if !fault.Is(err, row.want) || !strings.Contains(fault.Message(err), row.says) {
				t.Errorf("error: %v, want kind %v and %q", err, row.want, row.says)
			}
			if n := sent.Load(); n > row.most {
				t.Errorf("the registry got rid of %d bytes, want at most %d", n, row.most)
			}
		})
	}
}

func TestWhatComesIsWhatItsDigestSays(t *testing.T) {
	t.Parallel()
	config := digestOf([]byte(configBody))
	manifest := manifestOf(config, int64(len(configBody)))
	other := digestOf([]byte("other"))
	host := aRegistry(t, map[string]http.HandlerFunc{
		"/v2/app/manifests/" + other: document(ociManifest, manifest),
		"/v2/app/manifests/v1":       document(ociManifest, manifest),
		"/v2/app/blobs/" + config:    document("x/y", configBody+" "),
	})
	r := New(Config{Allowed: []string{host}})
	for _, image := range []string{"/app@" + other, "/app:v1"} {
		if _, err := resolve(t, r, host+image); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "what came is") {
			t.Errorf("%s: %v", image, err)
		}
	}
}

func TestALookUpHasATotalTime(t *testing.T) {
	t.Parallel()
	host := aRegistry(t, map[string]http.HandlerFunc{"/v2/app/manifests/v1": func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil { // a byte now and then keeps all other limits quiet
			_, _ = io.WriteString(w, " ")
			_ = http.NewResponseController(w).Flush()
		}
	}})
	if _, err := resolve(t, New(Config{Allowed: []string{host}, Timeout: 20 * time.Millisecond}), host+"/app:v1"); !fault.Is(err,
		fault.Unavailable) {
		t.Errorf("error: %v", err)
	}
}

func TestFewLookUpsRunAtOnce(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}, 2*limits.ForeignLookups), make(chan struct{})
	host := aRegistry(t, map[string]http.HandlerFunc{"/v2/app/manifests/v1": func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-release
		http.NotFound(w, r)
	}})
	r := New(Config{Allowed: []string{host}, Timeout: time.Minute})
	var work sync.WaitGroup
	for range limits.ForeignLookups {
		work.Go(func() {
			if _, err := resolve(t, r, host+"/app:v1"); !fault.Is(err, fault.Missing) {
				t.Error(err)
			}
		})
	}
	for range limits.ForeignLookups {
		<-arrived
	}
	ref, err := imageref.Parse(host + "/app:v1")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Resolve(ctx, ref); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "as many images as it can") {
		t.Errorf("one more: %v", err)
	}
	close(release)
	work.Wait()
	if n := len(arrived); n != 0 {
		t.Errorf("%d more look-ups reached the registry", n)
	}
}

// strange is a network in which registry.example has a public address, and an evil one there answers as the row says.
func strange(addresses []string, dial func(ctx context.Context) (net.Conn, error)) *publicnet.Net {
	return publicnet.NewWith(func(_ context.Context, host string) ([]netip.Addr, error) {
		if host != "registry.example" || addresses == nil {
			return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
		}
		var out []netip.Addr
		for _, a := range addresses {
			out = append(out, netip.MustParseAddr(a))
		}
		return out, nil
	}, func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) })
}

// TestAllFailuresOfAForeignHostSoundTheSame: whoever names hosts must not learn which ports of which addresses answer, and how.
func TestAllFailuresOfAForeignHostSoundTheSame(t *testing.T) {
	t.Parallel()
	to := func(at string) func(context.Context) (net.Conn, error) {
		return func(ctx context.Context) (net.Conn, error) { return (&net.Dialer{}).DialContext(ctx, "tcp", at) }
	}
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(secure.Close)
	plain := aRegistry(t, nil)
	failing := func(err error) func(context.Context) (net.Conn, error) {
		return func(context.Context) (net.Conn, error) { return nil, err }
	}
	closing := func(context.Context) (net.Conn, error) {
		near, far := net.Pipe()
		return near, far.Close()
	}
	hanging := func(ctx context.Context) (net.Conn, error) {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	public := []string{"8.8.8.8"}
	var first string
	for _, row := range []struct {
		name string
		net  *publicnet.Net
	}{
		{"no such name", strange(nil, nil)},
		{"loopback", strange([]string{"127.0.0.1"}, to(plain))},
		{"private", strange([]string{"10.0.0.1", "fd00::1"}, to(plain))},
		{"link-local", strange([]string{"169.254.169.254"}, to(plain))},
		{"NAT64", strange([]string{"64:ff9b::7f00:1"}, to(plain))},
		{"refused", strange(public, failing(&net.OpError{Op: "dial", Err: errors.New("connection refused")}))},
		{"no route", strange(public, failing(&net.OpError{Op: "dial", Err: errors.New("no route to host")}))},
		{"time-out", strange(public, hanging)},
		{"closed", strange(public, closing)},
		{"not TLS", strange(public, to(plain))},
		{"a certificate of nobody", strange(public, to(strings.TrimPrefix(secure.URL, "https://")))},
		{"TLS alert", strange(public, failing(tls.AlertError(40)))},
	} {
		timeout := time.Minute
		if row.name == "time-out" {
			timeout = time.Millisecond
		}
		_, err := resolve(t, New(Config{Allowed: []string{AnyPublic}, Net: row.net, Timeout: timeout}), "registry.example/app:v1")
		if first == "" {
			first = fault.Message(err)
		}
		if !fault.Is(err, fault.Unavailable) || fault.Message(err) != first {
			t.Errorf("%s: kind %v, %q\nwant unavailable, %q", row.name, fault.Of(err), fault.Message(err), first)
		}
	}
}

func TestARedirectOfAListedHostLeadsToPublicAndListedHostsOnly(t *testing.T) {
	t.Parallel()
	guarded := aRegistry(t, map[string]http.HandlerFunc{"/v2/app/manifests/v1": func(http.ResponseWriter,
		*http.Request) {
		t.Error("the guarded host was asked")
	}})
	redirecting := func(to string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, to+r.URL.Path, http.StatusTemporaryRedirect)
		}
	}
	config := digestOf([]byte(configBody))
	manifest := manifestOf(config, int64(len(configBody)))
	friend := aRegistry(t, map[string]http.HandlerFunc{"/v2/app/manifests/v1": document(ociManifest, manifest), "/v2/app/blobs/" +
		config: document("x/y", configBody)})
	away := aRegistry(t, map[string]http.HandlerFunc{"/v2/app/manifests/v1": redirecting("http://" + guarded)})
	near := aRegistry(t, map[string]http.HandlerFunc{"/v2/app/manifests/v1": redirecting("http://" + friend), "/v2/app/blobs/" +
		config: redirecting("http://" + friend)})
	realm := aRegistry(t, map[string]http.HandlerFunc{"/v2/app/manifests/v1": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="http://`+guarded+`/v2/app/manifests/v1"`)
		w.WriteHeader(http.StatusUnauthorized)
	}})
	r := New(Config{Allowed: []string{AnyPublic, away, near, realm, friend}})
	if _, err := resolve(t, r, near+"/app:v1"); err != nil {
		t.Errorf("to another listed host: %v", err)
	}
	for _, host := range []string{away, realm} {
		if _, err := resolve(t, r, host+"/app:v1"); !errors.Is(err, publicnet.ErrNotPublic) || !fault.Is(err, fault.Unavailable) {
			t.Errorf("to a guarded host: %v", err)
		}
	}
}

func TestDockersOwnRegistryHasItsOwnNames(t *testing.T) {
	t.Parallel()
	for image, want := range map[string]string{
		"docker.io/alpine:3":           "https://index.docker.io/v2/library/alpine",
		"docker.io/org/app:3":          "https://index.docker.io/v2/org/app",
		"index.docker.io/alpine:3":     "https://index.docker.io/v2/library/alpine",
		"ghcr.io/app:3":                "https://ghcr.io/v2/app",
		"localhost/app:3":              "https://localhost/v2/app", // not listed
		"registry.example:5000/a/b:v1": "https://registry.example:5000/v2/a/b",
	} {
		ref, err := imageref.Parse(image)
		if err != nil {
			t.Fatal(err)
		}
		c := New(Config{Allowed: []string{AnyPublic}}).client(ref, false)
		if got := c.base + "/v2/" + c.repository; got != want {
			t.Errorf("%s: asks %s, want %s", image, got, want)
		}
	}
}

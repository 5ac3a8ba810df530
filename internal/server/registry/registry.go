package registry

import (
	"cmp"
	"crypto/rand"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/blob"
	"github.com/tachograph/tacho/internal/server/store"
)

// TokenPath is where the server root mounts Registry.TokenHandler; challenges name it.
const TokenPath = "/v0/auth/oci/token"

// Config is what an operator may choose. The zero value is good.
type Config struct {
	BaseURL      string       // the server's public URL, for challenges; '': derived from each request
	Service      string       // the "service" of challenges; '': "tacho"
	MaxBlobBytes int64        // largest blob; 0: limits.RegistryBlobBytes
	Random       io.Reader    // source of tokens; nil: crypto/rand
	Log          *slog.Logger // nil: slog.Default()
}

// Registry is the http.Handler of /v2/. It is safe for concurrent use and has no background work of its own.
type Registry struct {
	store  *store.Store
	blobs  blob.Store
	access Access

	baseURL      string
	service      string
	maxBlobBytes int64
	random       io.Reader
	log          *slog.Logger
}

// New returns the registry over a store, a blob store and the server's rules of access.
func New(cfg Config, st *store.Store, blobs blob.Store, access Access) *Registry {
	g := &Registry{
		store:        st,
		blobs:        blobs,
		access:       access,
		baseURL:      strings.TrimRight(cfg.BaseURL, "/"),
		service:      cmp.Or(cfg.Service, "tacho"),
		maxBlobBytes: cmp.Or(cfg.MaxBlobBytes, limits.RegistryBlobBytes),
		random:       cfg.Random,
		log:          cfg.Log,
	}
	if g.random == nil {
		g.random = rand.Reader
	}
	if g.log == nil {
		g.log = slog.Default()
	}
	return g
}

// operation is what one method does at one end point, and what it takes to be allowed to.
type operation struct {
	wants []Action
	run   func(g *Registry, w http.ResponseWriter, r *http.Request, p place, reference string) error
}

// operations is the specification's table of end points.
var operations = map[endpoint]map[string]operation{
	atBlob: {
		http.MethodHead:   {[]Action{Pull}, (*Registry).headBlob},
		http.MethodGet:    {[]Action{Pull}, (*Registry).getBlob},
		http.MethodDelete: {[]Action{Delete}, (*Registry).deleteBlob},
	},
	atUploads: {
		http.MethodPost: {[]Action{Push}, (*Registry).postUpload},
	},
	atUpload: {
		http.MethodGet:    {[]Action{Push}, (*Registry).getUpload},
		http.MethodPatch:  {[]Action{Push}, (*Registry).patchUpload},
		http.MethodPut:    {[]Action{Push}, (*Registry).putUpload},
		http.MethodDelete: {[]Action{Push}, (*Registry).deleteUpload},
	},
	atManifest: {
		http.MethodHead:   {[]Action{Pull}, (*Registry).getManifest},
		http.MethodGet:    {[]Action{Pull}, (*Registry).getManifest},
		http.MethodPut:    {[]Action{Push}, (*Registry).putManifest},
		http.MethodDelete: {[]Action{Delete}, (*Registry).deleteManifest},
	},
	atTags: {
		http.MethodGet: {[]Action{Pull}, (*Registry).listTags},
	},
	atReferrers: {
		http.MethodGet: {[]Action{Pull}, (*Registry).listReferrers},
	},
}

// ServeHTTP implements http.Handler.
func (g *Registry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Docker-Distribution-API-Version", "registry/2.0")
	// What people push is served from the same origin as the pages: no browser may take it for one.
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", "default-src 'none'; sandbox")

	t := parsePath(r.URL.Path)
	if t.endpoint == atBase {
		g.serveBase(w, r)
		return
	}
	methods, ok := operations[t.endpoint]
	if !ok {
		g.refuse(w, r, about(aboutRoute, fault.Missingf("this registry has nothing at that path")))
		return
	}
	op, ok := methods[r.Method]
	if !ok {
		g.notAllowed(w, r, slices.Sorted(maps.Keys(methods)))
		return
	}
	name, err := ParseName(t.name)
	if err != nil {
		g.refuse(w, r, about(aboutName, err))
		return
	}
	p, err := g.authorize(r, name, op.wants...)
	if err == nil {
		err = op.run(g, w, r, p, t.reference)
	}
	if fault.Is(err, fault.Unauthorized) {
		wants := op.wants
		if wants[0] == Push {
			wants = []Action{Pull, Push} // who pushes also looks what is there
		}
		g.challenge(w, r, err, name.String(), wants)
		return
	}
	if err != nil {
		g.refuse(w, r, err)
	}
}

// serveBase answers end-1: whether this is a registry and whether the credentials are good.
func (g *Registry) serveBase(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		g.notAllowed(w, r, []string{http.MethodGet, http.MethodHead})
		return
	}
	c, err := credentials(r)
	switch {
	case err != nil:
	case c.Anonymous():
		err = fault.Unauthorizedf("log in, or ask for an anonymous token to pull from public projects")
	case isAnonymousToken(c): // of a client that was sent to the token end point
	case isRegistryToken(c.Secret):
		_, err = g.tokenScopes(r.Context(), c.Secret)
	default:
		err = g.access.Login(r.Context(), c)
	}
	switch {
	case fault.Is(err, fault.Unauthorized):
		g.challenge(w, r, err, "", nil)
	case err != nil:
		g.refuse(w, r, err)
	default:
		writeJSON(w, http.StatusOK, "application/json", struct{}{})
	}
}

func (g *Registry) notAllowed(w http.ResponseWriter, r *http.Request, allowed []string) {
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	g.refuse(w, r, about(aboutRoute, fault.Invalidf("%s is not possible here; %s is", r.Method, strings.Join(allowed, ", "))))
}

// writeBody answers with a whole body. That the client has gone meanwhile is nobody's concern.
func writeBody(w http.ResponseWriter, status int, contentType string, body []byte) {
	header := w.Header()
	header.Set("Content-Type", contentType)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// writeEmpty answers without a body.
func writeEmpty(w http.ResponseWriter, status int) {
	if status != http.StatusNoContent {
		w.Header().Set("Content-Length", "0")
	}
	w.WriteHeader(status)
}

// parseDigest is blob.ParseDigest for what stands in a request. Digests of other algorithms are told apart from nonsense.
func parseDigest(s string) (blob.Digest, error) {
	if rest, isOther := strings.CutPrefix(s, "sha512:"); isOther && rest != "" {
		return "", about(aboutDigest, fault.Invalidf("digest: this registry keeps SHA-256 only; push with sha256 digests"))
	}
	d, err := blob.ParseDigest(s)
	return d, about(aboutDigest, err)
}

// isMissing reports whether err says that something is not there.
func isMissing(err error) bool { return fault.Is(err, fault.Missing) }

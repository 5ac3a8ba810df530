package registry_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/blob"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/registry"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/testdb"
)

// fixture is a registry over a real store and a real folder, with the projects "open" (public), "shut" (private) and "other" (public), on a
// clock that a test moves.
type fixture struct {
	t        testing.TB
	registry *registry.Registry
	server   *httptest.Server
	store    *store.Store
	blobs    *blob.Dir
	access   *fakeAccess
	clock    *clock
	database string
	cfg      registry.Config
	log      *bytes.Buffer
}

type clock struct{ us atomic.Int64 }

func (c *clock) now() time.Time          { return time.UnixMicro(c.us.Load()) }
func (c *clock) advance(d time.Duration) { c.us.Add(d.Microseconds()) }

// The keys that fakeAccess knows.
const (
	ownerKey  = "owner-key"  // may do all in every project and make new ones
	readerKey = "reader-key" // may pull from every project
	otherKey  = "other-key"  // may do all in the project "other"; elsewhere it is like anybody
)

// fakeAccess is registry.Access by fixed rules over the real store.
type fakeAccess struct {
	store        *store.Store
	organization string
	broken       atomic.Bool // answers with an internal error
	revoked      atomic.Bool // of the owner's key
	left         atomic.Bool // the owner has nothing to say in the projects any more
	asked        chan string // if it is there, has the project of each question
}

// secret is the key that credentials show, or that was shown for them.
func secret(c registry.Credentials) string {
	for _, key := range []string{ownerKey, readerKey, otherKey} {
		if c.KeyHash == ident.HashKey(key) {
			return key
		}
	}
	return c.Secret
}

func (a *fakeAccess) Login(_ context.Context, c registry.Credentials) error {
	if key := secret(c); !slices.Contains([]string{ownerKey, readerKey, otherKey}, key) || key == ownerKey && a.revoked.Load() {
		return fault.Unauthorizedf("the key is unknown")
	}
	return nil
}

func (a *fakeAccess) Authorize(
	ctx context.Context, c registry.Credentials, proj string, want []registry.Action,
) (registry.Grant, error) {
	if a.asked != nil {
		defer func() { a.asked <- proj }()
	}
	if a.broken.Load() {
		return registry.Grant{}, &os.PathError{Op: "open", Path: "/secret/place", Err: os.ErrPermission}
	}
	if !c.Anonymous() {
		if err := a.Login(ctx, c); err != nil {
			return registry.Grant{}, err
		}
	}
	key := secret(c)
	if a.left.Load() && key == ownerKey {
		key = ""
	}
	var p project.Project
	err := a.store.Tx(ctx, func(tx *store.Tx) (err error) {
		if err := tx.Lock(ctx, store.NewProjects); err != nil {
			return err
		}
		p, err = project.ByRef(ctx, tx, proj)
		if fault.Is(err, fault.Missing) && key == ownerKey && slices.Contains(want, registry.Push) {
			p, err = project.Insert(ctx, tx, project.Project{OrganizationID: a.organization, Name: proj, Slug: proj, Visibility: "public"})
		}
		return err
	})
	if err != nil {
		return registry.Grant{}, err
	}
	may := []registry.Action{}
	switch {
	case key == ownerKey, key == otherKey && p.Slug == "other":
		may = want
	case key == readerKey, p.Visibility == "public":
		may = append(may, registry.Pull)
	default:
		return registry.Grant{}, fault.Missingf("project %q does not exist", proj)
	}
	return registry.Grant{ProjectID: p.ID, Actions: may}, nil
}

func newFixture(t testing.TB, change ...func(*registry.Config)) *fixture {
	t.Helper()
	return openFixture(t, func(_ context.Context, cfg store.Config) (*store.Store, error) { return testdb.Open(t, cfg) }, change...)
}

func openFixture(t testing.TB, open func(context.Context, store.Config) (*store.Store, error), change ...func(*registry.Config)) *fixture {
	t.Helper()
	folder := t.TempDir()
	w := &fixture{t: t, clock: new(clock), database: filepath.Join(folder, "tacho.db"), log: new(bytes.Buffer)}
	w.clock.us.Store(time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC).UnixMicro())
	var err error
	if w.store, err = open(t.Context(), store.Config{Path: w.database, Now: w.clock.now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
	})
	w.access = &fakeAccess{store: w.store}
	err = w.store.Tx(t.Context(), func(tx *store.Tx) error {
		o, err := account.InsertOrganization(t.Context(), tx, "acme", "free")
		if err != nil {
			return err
		}
		w.access.organization = o.ID
		for slug, visibility := range map[string]string{"open": "public", "shut": "private", "other": "public"} {
			if _, err := project.Insert(t.Context(), tx, project.Project{OrganizationID: o.ID, Name: slug, Slug: slug,
				Visibility: visibility}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg := registry.Config{Log: slog.New(slog.NewTextHandler(w.log, nil))}
	for _, f := range change {
		f(&cfg)
	}
	w.cfg = cfg
	w.serve()
	return w
}

// serve starts the registry over the store and the folder as they are.
func (w *fixture) serve() {
	w.t.Helper()
	var err error
	if w.blobs, err = blob.OpenDir(filepath.Join(filepath.Dir(w.database), "blobs"), w.clock.now); err != nil {
		w.t.Fatal(err)
	}
	w.registry = registry.New(w.cfg, w.store, w.blobs, w.access)
	mux := http.NewServeMux()
	mux.Handle("/v2/", w.registry)
	mux.Handle(registry.TokenPath, w.registry.TokenHandler())
	w.server = httptest.NewServer(mux)
	w.t.Cleanup(w.server.Close)
}

// restart replaces the server by one that knows only what is on disk.
func (w *fixture) restart() {
	w.t.Helper()
	w.server.Close()
	w.serve()
}

func (w *fixture) host() string { return strings.TrimPrefix(w.server.URL, "http://") }

func (w *fixture) project(slug string) (p project.Project) {
	w.t.Helper()
	err := w.store.View(w.t.Context(), func(tx *store.Tx) (err error) {
		p, err = project.ByRef(w.t.Context(), tx, slug)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// exec changes the database behind the store's back, without foreign keys: for rows of other rooms.
func (w *fixture) exec(query string, args ...any) {
	w.t.Helper()
	db := testdb.Raw(w.t, w.database)
	defer db.Close()
	if _, err := db.ExecContext(w.t.Context(), query, args...); err != nil {
		w.t.Fatal(err)
	}
}

// query reads one row behind the store's back.
func (w *fixture) query(query string, into ...any) {
	w.t.Helper()
	db := testdb.Raw(w.t, w.database)
	defer db.Close()
	if err := db.QueryRowContext(w.t.Context(), query).Scan(into...); err != nil {
		w.t.Fatal(err)
	}
}

// insertJob makes a job that is running in epoch 3, and returns its id.
func (w *fixture) insertJob(projectID string) string {
	id := ident.NewUUID()
	w.exec(`insert into job (id, report_id, measurement_id, place, parts, side, in_turn, project_id, organization_id, source_ip, spec_id,
		image, digest, config, timeout_seconds, iterations, priority, state, epoch, queued, created, modified)
		values ($1, $1, $1, 0, 1, 'head', $4, $2, $3, '', '', '', '', '{}', 1, 1, 0, 'running', 3, 0, 0, 0)`,
		id, projectID, w.access.organization, false)
	return id
}

// request is one to the registry. Headers are given as "Name: value".
type request struct {
	method, path string
	body         []byte
	reader       io.Reader // instead of body: sent in chunks, without Content-Length
	header       []string
	key          string // Basic password; 'Bearer x' goes as it is
}

type answer struct {
	*http.Response
	body []byte
}

func (w *fixture) do(r request) answer {
	w.t.Helper()
	var body io.Reader = bytes.NewReader(r.body)
	if r.reader != nil {
		body = r.reader
	}
	path := r.path
	if !strings.HasPrefix(path, "http") {
		path = w.server.URL + path
	}
	req, err := http.NewRequestWithContext(w.t.Context(), r.method, path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, h := range r.header {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	switch {
	case strings.HasPrefix(r.key, "Bearer "):
		req.Header.Set("Authorization", r.key)
	case r.key != "":
		req.SetBasicAuth("someone", r.key)
	}
	res, err := w.server.Client().Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer{res, got}
}

// want sends a request as the owner and checks the status.
func (w *fixture) want(status int, r request) answer {
	w.t.Helper()
	if r.key == "" {
		r.key = ownerKey
	}
	a := w.do(r)
	if a.StatusCode != status {
		w.t.Fatalf("%s %s: want %d, got %d %s", r.method, r.path, status, a.StatusCode, a.body)
	}
	return a
}

// refused sends a request as the owner and checks status and OCI code.
func (w *fixture) refused(status int, code string, r request) answer {
	w.t.Helper()
	a := w.want(status, r)
	a.wantCode(w.t, code)
	return a
}

func (a answer) wantCode(t testing.TB, code string) {
	t.Helper()
	var body struct {
		Errors []struct{ Code, Message string }
	}
	if err := json.Unmarshal(a.body, &body); err != nil || len(body.Errors) != 1 {
		t.Fatalf("want one OCI error, got %q, %v", a.body, err)
	}
	if body.Errors[0].Code != code {
		t.Errorf("code: want %s, got %s (%s)", code, body.Errors[0].Code, body.Errors[0].Message)
	}
	if body.Errors[0].Message == "" {
		t.Error("the error has no sentence")
	}
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// pushBlob pushes in one request and returns the digest.
func (w *fixture) pushBlob(repository string, b []byte) string {
	w.t.Helper()
	w.want(http.StatusCreated, request{method: "POST", path: "/v2/" + repository + "/blobs/uploads/?digest=" + digestOf(b), body: b})
	return digestOf(b)
}

const (
	ociManifest = "application/vnd.oci.image.manifest.v1+json"
	ociIndex    = "application/vnd.oci.image.index.v1+json"
)

// descriptor is one in a manifest that a test writes.
func descriptor(mediaType string, b []byte) map[string]any {
	return map[string]any{"mediaType": mediaType, "digest": digestOf(b), "size": len(b)}
}

// object makes JSON of pairs.
func object(v map[string]any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// image returns a manifest with a config for the architecture and one layer, whose blobs it pushes.
func (w *fixture) image(repository, architecture string) []byte {
	w.t.Helper()
	config := object(map[string]any{"os": "linux", "architecture": architecture})
	layer := []byte("layer for " + architecture)
	w.pushBlob(repository, config)
	w.pushBlob(repository, layer)
	return object(map[string]any{
		"schemaVersion": 2, "mediaType": ociManifest,
		"config": descriptor("application/vnd.oci.image.config.v1+json", config),
		"layers": []any{descriptor("application/vnd.oci.image.layer.v1.tar", layer)},
	})
}

// pushManifest puts a manifest under a tag, or under its digest if reference is empty.
func (w *fixture) pushManifest(repository, reference, mediaType string, body []byte) string {
	w.t.Helper()
	if reference == "" {
		reference = digestOf(body)
	}
	w.want(http.StatusCreated, request{method: "PUT", path: "/v2/" + repository + "/manifests/" + reference, body: body,
		header: []string{"Content-Type: " + mediaType}})
	return digestOf(body)
}

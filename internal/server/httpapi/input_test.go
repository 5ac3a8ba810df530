package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/chain"
	"github.com/tachograph/tacho/internal/server/request"
)

func TestBadInputIsRefusedWithItsPlaceAndLeavesNothing(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	s.run(results(1))
	before := s.rows()
	const projects, measures, keys = "/v0/projects", "/v0/projects/shop/measures", "/v0/users/admin/keys"
	for _, tc := range []struct {
		name, method, path string
		body               any
		status             int
		says               string
	}{
		{"JSON that ends early", "POST", projects, `{"name":`, 400, "body"},
		{"JSON with something behind", "POST", projects, `{"name":"x"} {"name":"y"}`, 400, "body"},
		{"JSON that is no object", "POST", projects, `["x"]`, 400, "expected object"},
		{"no body", "POST", projects, nil, 400, "body"},
		{"null", "POST", projects, `null`, 400, "expected object"},
		{"JSON without end of nesting", "POST", projects, strings.Repeat("[", 100_000), 400, "body"},
		{"a number for a name", "POST", projects, `{"name":5}`, 400, "body.name: expected string"},
		{"no name", "POST", projects, `{}`, 400, "name"},
		{"an empty name", "POST", projects, `{"name":""}`, 400, "body.name"},
		{"a long name", "POST", projects, map[string]any{"name": strings.Repeat("x", 65)}, 400, "body.name"},
		{"a name long in bytes", "POST", projects, map[string]any{"name": strings.Repeat("ä", 33)}, 400, "66 bytes"},
		{"a control character", "POST", projects, map[string]any{"name": "a\x00b"}, 400, "U+0000"},
		{"a line end", "POST", projects, map[string]any{"name": "a\nb"}, 400, "U+000A"},
		{"space at the end", "POST", projects, map[string]any{"name": "a "}, 400, "white space"},
		{"a slug that is none", "POST", projects, map[string]any{"name": "a", "slug": "Not A Slug"}, 400, `"not-a-slug"`},
		{"a slug like a UUID", "POST", projects, map[string]any{"name": "a", "slug": ident.NewUUID()}, 400, "not a slug"},
		{"an address that runs", "POST", projects, map[string]any{"name": "a", "url": "javascript:alert(1)"}, 400, "http"},
		{"an address without host", "PATCH", projects + "/shop", map[string]any{"url": "https://"}, 400, "http"},
		{"an unknown visibility", "POST", projects, map[string]any{"name": "a", "visibility": "secret"}, 400, "body.visibility"},
		{"a plan that is none", "PATCH", "/v0/organizations/admin", map[string]any{"plan": "platinum"}, 400, "body.plan"},
		{"no plan", "PATCH", "/v0/organizations/admin", map[string]any{}, 400, "plan"},
		{"units with a control character", "POST", measures, map[string]any{"name": "a", "units": "\x1b[31m"}, 400, "units"},
		{"no units", "POST", measures, map[string]any{"name": "a"}, 400, "units"},
		{"a direction that is none", "POST", measures, map[string]any{"name": "a", "units": "b", "direction": "up"}, 400, "body.direction"},
		{"units too long, later", "PATCH", measures + "/latency", map[string]any{"units": strings.Repeat("x", 65)}, 400, "units"},
		{"units of a testbed", "PATCH", "/v0/projects/shop/testbeds/lab", map[string]any{"units": "ns"}, 400, "no units"},
		{"a long benchmark name", "POST", "/v0/projects/shop/benchmarks", map[string]any{"name": strings.Repeat("x", 1025)}, 400, "body.name"},
		{"a key's life of nothing", "POST", keys, map[string]any{"name": "a", "ttl": 0}, 400, "body.ttl"},
		{"a key's life of ages", "POST", keys, map[string]any{"name": "a", "ttl": 1 << 40}, 400, "ttl"},
		{"half a second of it", "POST", keys, `{"name":"a","ttl":0.5}`, 400, "body.ttl"},
		{"a page of nothing", "GET", projects + "?per_page=0", nil, 400, "query.per_page"},
		{"a page of too much", "GET", projects + "?per_page=256", nil, 400, "query.per_page"},
		{"a page of words", "GET", projects + "?per_page=many", nil, 400, "query.per_page"},
		{"a page before the first", "GET", projects + "?page=-1", nil, 400, "query.page"},
		{"a page far out", "GET", projects + "?page=99999999999999999999", nil, 400, "query.page"},
		{"a direction of a list", "GET", projects + "?direction=sideways", nil, 400, "query.direction"},
		{"a long search", "GET", projects + "?search=" + strings.Repeat("x", 257), nil, 400, "query.search"},
		{"archived, perhaps", "GET", "/v0/projects/shop/testbeds?archived=perhaps", nil, 400, "query.archived"},

		{"an unknown project", "GET", projects + "/nothing", nil, 404, `"nothing"`},
		{"an unknown id", "GET", projects + "/" + ident.NewUUID(), nil, 404, "does not exist"},
		{"an unknown measure", "GET", measures + "/nothing", nil, 404, `"nothing"`},
		{"an unknown measure's change", "PATCH", measures + "/nothing", map[string]any{"name": "x"}, 404, `"nothing"`},
		{"an unknown measure's end", "DELETE", measures + "/" + ident.NewUUID(), nil, 404, "does not exist"},
		{"an unknown key", "DELETE", keys + "/" + ident.NewUUID(), nil, 404, "key"},
		{"a key's name", "DELETE", keys + "/laptop", nil, 404, "key"},
		{"an unknown organization", "POST", "/v0/organizations/nothing/projects", map[string]any{"name": "a"}, 404, `"nothing"`},
		{"an unknown person", "GET", "/v0/users/nobody", nil, 404, `"nobody"`},
		{"a zero byte in the path", "GET", projects + "/%00", nil, 404, "does not exist"},
		{"SQL in the path", "GET", projects + "/'%20or%201=1%20--", nil, 404, "does not exist"},
		{"a path that leads nowhere", "GET", "/v0/nothing", nil, 404, "leads nowhere"},
		{"a method that a path has not", "PUT", projects, map[string]any{"name": "x"}, 405, "GET"},

		{"the same name twice", "POST", measures, map[string]any{"name": "Latency", "units": "x"}, 409, "already"},
		{"a measure with metrics", "DELETE", measures + "/latency", nil, 409, "delete these first"},
		{"a testbed with reports", "DELETE", "/v0/projects/shop/testbeds/lab", nil, 409, "delete these first"},
		{"a slug that is taken", "POST", projects, map[string]any{"name": "x", "slug": "shop"}, 409, `"shop"`},
	} {
		status, header, message := s.call(tc.method, tc.path, tc.body, nil)
		if status != tc.status || !strings.Contains(message, tc.says) {
			t.Errorf("%s: want %d that says %q, got %d %q", tc.name, tc.status, tc.says, status, message)
		}
		if len(message) > 2*limits.KiB {
			t.Errorf("%s: the message has %d bytes", tc.name, len(message))
		}
		if got := header.Get("Content-Type"); got != "application/json" {
			t.Errorf("%s: an error of type %q", tc.name, got)
		}
		if tc.status == http.StatusMethodNotAllowed && !strings.Contains(header.Get("Allow"), "POST") {
			t.Errorf("%s: Allow: %q", tc.name, header.Get("Allow"))
		}
	}
	if diff := cmp.Diff(before, s.rows()); diff != "" {
		t.Errorf("rows (-before +after):\n%s", diff)
	}
}

func TestNamesComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	for _, name := range []string{`<script>alert("1")</script>`, `'; drop table project; --`, "日本語", "a\u202eb", `\u0000`, "%s%n"} {
		var made, again api.Project
		status, header, message := s.call(http.MethodPost, "/v0/projects", map[string]any{"name": name, "no such field": 1}, &made)
		if status != http.StatusCreated || made.Name != name {
			t.Errorf("%q: %d %s %q", name, status, message, made.Name)
			continue
		}
		if header.Get("Content-Type") != "application/json" || header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%q: a browser may read this as a page: %v", name, header)
		}
		again = get[api.Project](s, "/v0/projects/"+made.Slug)
		if diff := cmp.Diff(made, again); diff != "" {
			t.Errorf("%q (-made +read):\n%s", name, diff)
		}
	}
}

func TestBadKeysAreUnauthorized(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	var revoked, good api.KeyCreated
	for _, k := range []*api.KeyCreated{&revoked, &good} {
		if status, _, message := s.call(http.MethodPost, "/v0/users/admin/keys", map[string]any{"name": "k", "ttl": 3600},
			k); status != http.StatusCreated {
			t.Fatalf("%d %s", status, message)
		}
	}
	if status, _, message := s.call(http.MethodDelete, "/v0/users/admin/keys/"+revoked.UUID, nil, nil); status != http.StatusNoContent {
		t.Fatalf("%d %s", status, message)
	}
	foreign, err := ident.NewKey(ident.KeyUser, ident.TachoForm, strings.NewReader(strings.Repeat("x", 32)))
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		key    string
		status int
	}{
		"good":    {good.Secret, 200},
		"revoked": {revoked.Secret, 401},
		"foreign": {foreign, 401},
		"cut":     {good.Secret[:30], 401},
		"typo":    {good.Secret[:len(good.Secret)-1] + "!", 401},
		"no key":  {"password", 401},
	} {
		// Also where nobody needs a key: a bad one is a mistake that its owner should hear of.
		for _, path := range []string{"/v0/users/admin/keys", "/v0/server/version", "/v0/nothing"} {
			want := tc.status
			if want == 200 && path == "/v0/nothing" {
				want = 404
			}
			status, _, message := s.callAs(tc.key, http.MethodGet, path, nil, nil)
			if status != want || strings.Contains(message, tc.key) {
				t.Errorf("%s key, GET %s: want %d, got %d %q", name, path, want, status, message)
			}
		}
	}
}

func TestBodyOverTheLimitIs413AndTheServerGoesOn(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	big := `{"name":"` + strings.Repeat("x", limits.JSONBodyBytes) + `"}`
	chunked := func(key string, size int64) int {
		t.Helper()
		// no length beforehand
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/v0/projects", io.LimitReader(endless{}, size))
		if err != nil {
			t.Fatal(err)
		}
		if key != "" {
			req.Header.Set("Authorization", "Bearer "+key)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var e api.Error
		if err := json.NewDecoder(res.Body).Decode(&e); err != nil || e.ErrorCode != "too_large" && res.StatusCode == 413 {
			t.Errorf("%d %+v (%v)", res.StatusCode, e, err)
		}
		return res.StatusCode
	}
	for range 3 {
		if status, _, message := s.call(http.MethodPost, "/v0/projects", big, nil); status != 413 ||
			!strings.Contains(message, fmt.Sprint(limits.JSONBodyBytes)) {
			t.Errorf("announced: %d %q", status, message)
		}
		if status := chunked(s.key, limits.JSONBodyBytes+1); status != 413 {
			t.Errorf("chunked: %d", status)
		}
		if status := chunked("", limits.AnonymousBodyBytes+1); status != 413 {
			t.Errorf("chunked, without a key: %d", status)
		}
		if status := chunked("", limits.AnonymousBodyBytes); status != 400 {
			t.Errorf("chunked, without a key, at the limit: %d", status)
		}
		get[api.ServerVersion](s, "/v0/server/version")
	}
}

// endless is as many x as are asked for.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// TestAnnouncedGigabyteIsRefusedUnread sends the head of a request only: the answer must not wait for the body.
func TestAnnouncedGigabyteIsRefusedUnread(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	for _, key := range []string{s.key, ""} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		head := "POST /v0/run HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1073741824\r\n"
		if key != "" {
			head += "Authorization: Bearer " + key + "\r\n"
		}
		if _, err := io.WriteString(conn, head+"\r\n"); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if res.StatusCode != 413 || !res.Close {
			t.Errorf("%d, connection closed: %v", res.StatusCode, res.Close)
		}
	}
}

func TestBodyOfAnotherTypeIsRefused(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	for kind, want := range map[string]int{"application/json; charset=utf-8": 201, "": 201, "text/plain": 415,
		"application/x-www-form-urlencoded": 415, "multipart/form-data": 415} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/v0/projects", strings.NewReader(`{"name":"x"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+s.key)
		if kind != "" {
			req.Header.Set("Content-Type", kind)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		var e api.Error
		if err := json.Unmarshal(text, &e); err != nil || res.StatusCode != want || want == 415 && e.Message == "" {
			t.Errorf("%q: want %d, got %d %s (%v)", kind, want, res.StatusCode, text, err)
		}
	}
}

// deskAPI is an API of its own, whose log can be read, for operations that the server does not have.
func deskAPI(t *testing.T) (*API, *bytes.Buffer) {
	t.Helper()
	s := newFixture(t)
	log := &bytes.Buffer{}
	return New(Config{Accounts: s.accounts, Version: "test", Log: slog.New(slog.NewTextHandler(log, nil)), Services: s.api.cfg.Services}), log
}

func serve(a *API, r *http.Request) (*httptest.ResponseRecorder, api.Error) {
	w := httptest.NewRecorder()
	chain.Chain{Accounts: a.cfg.Accounts, Log: a.log, Refuse: a.Refuse}.Wrap(a.Handler()).ServeHTTP(w, r)
	var e api.Error
	_ = json.Unmarshal(w.Body.Bytes(), &e) // not every answer is an error
	return w, e
}

func TestFailureInsideIsLoggedAndNotShown(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		handle func(context.Context, *struct{}) (*emptyOutput, error)
		logged string
	}{
		"an error without a kind": {func(ctx context.Context, _ *struct{}) (*emptyOutput, error) {
			return nil, fmt.Errorf("dial tcp 10.0.0.7: password hunter2 refused")
		}, "hunter2"},
		"a panic": {func(context.Context, *struct{}) (*emptyOutput, error) { panic("hunter2") }, "hunter2"},
		"a handler that forgets to authorize": {func(context.Context, *struct{}) (*emptyOutput, error) {
			return &emptyOutput{}, nil
		}, "asked nobody"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, log := deskAPI(t)
			register(a, operation{http.MethodGet, "/v0/broken", "broken", "Fails", access.ViewServer, 0, 0}, tc.handle)
			w, e := serve(a, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v0/broken", nil))
			if w.Code != 500 || e.ErrorCode != "internal" || strings.Contains(w.Body.String(), "hunter2") {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if e.RequestID == "" || e.RequestID != w.Header().Get(api.RequestIDHeader) || !strings.Contains(log.String(), e.RequestID) {
				t.Errorf("request id %q in the body, %q in the header; log:\n%s", e.RequestID, w.Header().Get(api.RequestIDHeader), log)
			}
			if !strings.Contains(log.String(), tc.logged) {
				t.Errorf("the log does not say why:\n%s", log)
			}
		})
	}
}

func TestRequestIDOfTheCallerIsKeptIfItIsOne(t *testing.T) {
	t.Parallel()
	a, _ := deskAPI(t)
	id := ident.NewUUID()
	for sent, kept := range map[string]bool{id: true, "": false, "x": false, "<script>": false, strings.Repeat("a", 5000): false} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v0/server/version", nil)
		r.Header.Set(api.RequestIDHeader, sent)
		w, _ := serve(a, r)
		if got := w.Header().Get(api.RequestIDHeader); (got == sent) != kept || !ident.IsUUID(got) {
			t.Errorf("sent %.40q, got %q", sent, got)
		}
	}
}

func TestActorInTheContextNeedsNoKey(t *testing.T) {
	t.Parallel()
	a, _ := deskAPI(t)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v0/projects", strings.NewReader(`{"name":"mine"}`))
	if w, _ := serve(a, r); w.Code != 401 {
		t.Errorf("without an actor: %d %s", w.Code, w.Body)
	}
	r = httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v0/projects", strings.NewReader(`{"name":"mine"}`))
	r = r.WithContext(request.WithActor(r.Context(), access.Actor{Kind: access.Local}))
	w, _ := serve(a, r)
	if w.Code != 201 {
		t.Errorf("as the person at the keyboard: %d %s", w.Code, w.Body)
	}
	if r.Pattern != "POST /v0/projects" {
		t.Errorf("who counts outside sees the route %q", r.Pattern)
	}
}

func TestPagesOfOtherOriginsMayRead(t *testing.T) {
	t.Parallel()
	a, _ := deskAPI(t)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodOptions, "/v0/projects", nil)
	r.Header.Set("Authorization", "Bearer broken") // a browser's question carries no credentials; these are not looked at
	w, _ := serve(a, r)
	if w.Code != 204 || !strings.Contains(w.Header().Get("Access-Control-Allow-Headers"), "Authorization") {
		t.Errorf("preflight: %d %v", w.Code, w.Header())
	}
	w, _ = serve(a, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v0/projects", nil))
	if w.Header().Get("Access-Control-Allow-Origin") != "*" ||
		!strings.Contains(w.Header().Get("Access-Control-Expose-Headers"), api.TotalCountHeader) ||
		w.Header().Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("GET: %v", w.Header())
	}
}

package registry_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/registry"
)

// token asks the token end point.
func (w *fixture) token(key string, scopes ...string) string {
	w.t.Helper()
	a := w.do(request{method: "GET", path: registry.TokenPath + "?" + url.Values{"service": {"tacho"}, "scope": scopes}.Encode(), key: key})
	return readToken(w.t, a, limits.RegistryTokenLife)
}

func readToken(t testing.TB, a answer, life time.Duration) string {
	t.Helper()
	var body struct {
		Token        string
		Access_token string
		Expires_in   int
		Issued_at    time.Time
	}
	if err := json.Unmarshal(a.body, &body); a.StatusCode != 200 || err != nil {
		t.Fatalf("token: %d %s, %v", a.StatusCode, a.body, err)
	}
	if body.Token != body.Access_token || body.Expires_in != int(life/time.Second) || body.Issued_at.IsZero() {
		t.Errorf("token answer: %s", a.body)
	}
	if kind, ok := ident.ParseKey(body.Token); body.Token != "anonymous" && (!ok || kind != ident.KeyPull) {
		t.Errorf("token %q is no pull key", body.Token)
	}
	if a.Header.Get("Cache-Control") != "no-store" {
		t.Error("the token may be cached")
	}
	return body.Token
}

func TestChallengeSendsToTheTokenEndPoint(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	realm := `Bearer realm="` + w.server.URL + registry.TokenPath + `",service="tacho"`
	digest := digestOf(nil)
	for _, c := range []struct{ method, path, want string }{
		{"GET", "/v2/", realm},
		{"GET", "/v2/shut/app/manifests/v1", realm + `,scope="repository:shut/app:pull"`},
		{"GET", "/v2/absent/manifests/v1", realm + `,scope="repository:absent:pull"`},
		{"HEAD", "/v2/shut/blobs/" + digest, realm + `,scope="repository:shut:pull"`},
		{"POST", "/v2/open/blobs/uploads/", realm + `,scope="repository:open:pull,push"`},
		{"PUT", "/v2/open/manifests/v1", realm + `,scope="repository:open:pull,push"`},
		{"DELETE", "/v2/open/manifests/v1", realm + `,scope="repository:open:delete"`},
	} {
		a := w.do(request{method: c.method, path: c.path})
		if a.StatusCode != 401 || a.Header.Get("WWW-Authenticate") != c.want {
			t.Errorf("%s %s: want 401 %s, got %d %s", c.method, c.path, c.want, a.StatusCode, a.Header.Get("WWW-Authenticate"))
		}
		if c.method != "HEAD" {
			a.wantCode(t, "UNAUTHORIZED")
		}
	}
}

func TestChallengeNamesThePublicURL(t *testing.T) {
	t.Parallel()
	w := newFixture(t, func(c *registry.Config) { c.BaseURL = "https://tacho.example/"; c.Service = "bench" })
	want := `Bearer realm="https://tacho.example/v0/auth/oci/token",service="bench"`
	if got := w.do(request{method: "GET", path: "/v2/"}).Header.Get("WWW-Authenticate"); got != want {
		t.Errorf("want %s, got %s", want, got)
	}
	w = newFixture(t)
	a := w.do(request{method: "GET", path: "/v2/", header: []string{"X-Forwarded-Proto: https"}})
	if got := a.Header.Get("WWW-Authenticate"); !strings.HasPrefix(got, `Bearer realm="http://127.0.0.1:`) {
		t.Errorf("a header that anybody can send was believed: %s", got)
	}
}

// What each sort of credentials may do, directly and by way of a token. 401 asks for (other) credentials, 403 refuses good ones.
func TestAccessMatrix(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	m := w.image("shut/app", "amd64")
	w.pushManifest("shut/app", "v1", ociManifest, m)
	w.pushManifest("open/app", "v1", ociManifest, w.image("open/app", "amd64"))
	w.pushManifest("other/app", "v1", ociManifest, w.image("other/app", "amd64"))
	direct := func(key string) func(string) string { return func(string) string { return key } }
	traded := func(key string) func(string) string {
		return func(scope string) string { return "Bearer " + w.token(key, scope) }
	}
	for _, c := range []struct {
		who                          string
		key                          func(scope string) string
		base                         int
		pullOpen, pushOpen, pullShut int
		pushOther, pullAbsent        int
	}{
		{"anonymous", direct(""), 401, 200, 401, 401, 401, 401},
		{"owner", direct(ownerKey), 200, 200, 202, 200, 202, 404},
		{"owner, bearer", direct("Bearer " + ownerKey), 200, 200, 202, 200, 202, 404},
		{"reader", direct(readerKey), 200, 200, 403, 200, 403, 404},
		{"other", direct(otherKey), 200, 200, 403, 404, 202, 404},
		{"unknown key", direct("wrong"), 401, 401, 401, 401, 401, 401},
		{"unknown token", direct("Bearer " + newKey(t)), 401, 401, 401, 401, 401, 401},
		{"anonymous token", traded(""), 200, 200, 401, 401, 401, 401},
		{"owner's token", traded(ownerKey), 200, 200, 202, 200, 202, 401},
		{"reader's token", traded(readerKey), 200, 200, 401, 200, 401, 401},
		{"other's token", traded(otherKey), 200, 200, 401, 401, 202, 401},
	} {
		t.Run(c.who, func(t *testing.T) {
			t.Parallel()
			for _, s := range []struct {
				want                int
				scope, method, path string
			}{
				{c.base, "", "GET", "/v2/"},
				{c.pullOpen, "repository:open/app:pull", "GET", "/v2/open/app/manifests/v1"},
				{c.pushOpen, "repository:open/app:pull,push", "POST", "/v2/open/app/blobs/uploads/"},
				{c.pullShut, "repository:shut/app:pull", "GET", "/v2/shut/app/manifests/v1"},
				{c.pushOther, "repository:other/app:pull,push", "POST", "/v2/other/app/blobs/uploads/"},
				{c.pullAbsent, "repository:absent/app:pull", "GET", "/v2/absent/app/manifests/v1"},
			} {
				if a := w.do(request{method: s.method, path: s.path, key: c.key(s.scope)}); a.StatusCode != s.want {
					t.Errorf("%s %s: want %d, got %d %s", s.method, s.path, s.want, a.StatusCode, a.body)
				}
			}
		})
	}
}

func newKey(t *testing.T) string {
	t.Helper()
	key, err := ident.NewKey(ident.KeyPull, ident.TachoForm, strings.NewReader(strings.Repeat("r", 32)))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestTokenOpensItsScopesOnly(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	digest := w.pushManifest("open/app", "v1", ociManifest, w.image("open/app", "amd64"))
	w.pushManifest("open/tool", "v1", ociManifest, w.image("open/tool", "amd64"))
	key := "Bearer " + w.token(ownerKey, "repository:open/app:pull")
	w.want(200, request{method: "GET", path: "/v2/open/app/manifests/v1", key: key})
	w.want(200, request{method: "GET", path: "/v2/" + w.project("open").ID + "/app/manifests/v1", key: key})
	for _, r := range []request{
		{method: "GET", path: "/v2/open/tool/manifests/v1"},
		{method: "GET", path: "/v2/open/manifests/v1"},
		{method: "DELETE", path: "/v2/open/app/manifests/" + digest},
		{method: "POST", path: "/v2/open/app/blobs/uploads/"},
	} {
		r.key = key
		a := w.want(401, r)
		if got := a.Header.Get("WWW-Authenticate"); !strings.Contains(got, `error="insufficient_scope"`) {
			t.Errorf("%s %s: the challenge does not ask for a wider scope: %s", r.method, r.path, got)
		}
	}
}

func TestTokenOfSeveralScopes(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	digest := w.pushBlob("open/app", []byte("base"))
	for what, key := range map[string]string{
		"several values": w.token(ownerKey, "repository:open/app:pull", "repository:other/app:pull,push"),
		"one value":      w.token(ownerKey, "repository:open/app:pull repository:other/app:pull,push"),
	} {
		a := w.do(request{method: "POST", path: "/v2/other/app" + begin + "?mount=" + digest + "&from=open/app", key: "Bearer " + key})
		if a.StatusCode != 201 {
			t.Errorf("%s: mount: %d %s", what, a.StatusCode, a.body)
		}
	}
	narrow := w.token(ownerKey, "repository:other/app:pull,push")
	if a := w.do(request{method: "POST", path: "/v2/other/app" + begin + "?mount=" + w.pushBlob("open/app", []byte("more")) +
		"&from=open/app", key: "Bearer " + narrow}); a.StatusCode != 202 {
		t.Errorf("mount without scope for the source: %d", a.StatusCode)
	}
	many := strings.Repeat("repository:open/app:pull ", limits.RegistryScopes+1)
	if a := w.do(request{method: "GET", path: registry.TokenPath + "?scope=" + url.QueryEscape(many), key: ownerKey}); a.StatusCode != 400 {
		t.Errorf("too many scopes: %d", a.StatusCode)
	}
}

func TestTokenExpires(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	w.pushManifest("shut", "v1", ociManifest, w.image("shut", "amd64"))
	key := "Bearer " + w.token(readerKey, "repository:shut:pull")
	w.clock.advance(limits.RegistryTokenLife - time.Second)
	w.want(200, request{method: "GET", path: "/v2/shut/manifests/v1", key: key})
	w.clock.advance(time.Second)
	w.want(401, request{method: "GET", path: "/v2/shut/manifests/v1", key: key})
	w.want(401, request{method: "GET", path: "/v2/", key: key})
}

func TestTokenEndPointRefusesWrongCredentials(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	for _, r := range []request{
		{method: "GET", path: registry.TokenPath, key: "wrong"},
		{method: "GET", path: registry.TokenPath, key: "Bearer " + newKey(t)},
		{method: "GET", path: registry.TokenPath, header: []string{"Authorization: Basic !!!"}},
		{method: "GET", path: registry.TokenPath, header: []string{"Authorization: Digest x"}},
		{method: "GET", path: registry.TokenPath, header: []string{"Authorization: Bearer "}},
		{method: "POST", path: registry.TokenPath, body: []byte("grant_type=password&username=u&password=wrong"),
			header: []string{"Content-Type: application/x-www-form-urlencoded"}},
		{method: "POST", path: registry.TokenPath, body: []byte("grant_type=password&username=u"),
			header: []string{"Content-Type: application/x-www-form-urlencoded"}},
	} {
		a := w.do(r)
		if a.StatusCode != 401 || !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), "Basic ") {
			t.Errorf("%s %v %s: want 401 with Basic, got %d %s", r.method, r.header, r.body, a.StatusCode, a.body)
		}
	}
	if a := w.do(request{method: "DELETE", path: registry.TokenPath}); a.StatusCode != 405 {
		t.Errorf("DELETE: %d", a.StatusCode)
	}
	if a := w.do(request{method: "POST", path: registry.TokenPath, body: []byte("grant_type=magic"),
		header: []string{"Content-Type: application/x-www-form-urlencoded"}}); a.StatusCode != 400 {
		t.Errorf("unknown grant: %d", a.StatusCode)
	}
	long := strings.Repeat("a", limits.RegistryTokenBodyBytes+1)
	if a := w.do(request{method: "POST", path: registry.TokenPath, body: []byte(long),
		header: []string{"Content-Type: application/x-www-form-urlencoded"}}); a.StatusCode != 400 {
		t.Errorf("long body: %d", a.StatusCode)
	}
}

func TestTokenByPost(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	for _, form := range []url.Values{
		{"grant_type": {"password"}, "username": {"u"}, "password": {ownerKey}, "scope": {"repository:open:pull,push"}, "service": {"tacho"}},
		{"grant_type": {"refresh_token"}, "refresh_token": {ownerKey}, "scope": {"repository:open:pull,push"}},
	} {
		a := w.do(request{method: "POST", path: registry.TokenPath, body: []byte(form.Encode()),
			header: []string{"Content-Type: application/x-www-form-urlencoded"}})
		key := "Bearer " + readToken(t, a, limits.RegistryTokenLife)
		w.want(202, request{method: "POST", path: "/v2/open/blobs/uploads/", key: key})
	}
}

// Whoever reads the image of a public project asks for a token first, and any stranger may ask as often as it likes.
func TestAnonymousTokenIsNotStoredAndOpensWhatIsPublic(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	w.pushManifest("open/app", "v1", ociManifest, w.image("open/app", "amd64"))
	scope := "repository:open/app:pull"
	for i := range limits.RegistryScopes - 1 {
		scope += fmt.Sprintf(" repository:open/app%d:pull,push", i)
	}
	key := w.token("", scope)
	var rows int
	if w.query(`select count(*) from registry_token`, &rows); rows != 0 {
		t.Errorf("an anonymous token wrote %d rows", rows)
	}
	for _, c := range []struct {
		want         int
		method, path string
	}{
		{200, "GET", "/v2/"}, {200, "GET", "/v2/open/app/manifests/v1"}, {401, "POST", "/v2/open/app/blobs/uploads/"},
		{401, "DELETE", "/v2/open/app/manifests/v1"}, {401, "GET", "/v2/shut/app/manifests/v1"},
	} {
		for _, r := range []request{{method: c.method, path: c.path, key: "Bearer " + key}, {method: c.method, path: c.path, key: key}} {
			if a := w.do(r); a.StatusCode != c.want {
				t.Errorf("%s %s with %.7s…: want %d, got %d %s", c.method, c.path, r.key, c.want, a.StatusCode, a.body)
			}
		}
	}
	a := w.do(request{method: "POST", path: "/v2/open/app/blobs/uploads/", key: "Bearer " + key})
	if got := a.Header.Get("WWW-Authenticate"); !strings.Contains(got, `error="insufficient_scope"`) {
		t.Errorf("the challenge does not ask for a wider scope: %s", got)
	}
	again := w.do(request{method: "GET", path: registry.TokenPath, key: key}) // a client may trade it for itself
	if readToken(t, again, limits.RegistryTokenLife) != key {
		t.Error("trading the token made another one")
	}
}

// "docker login" asks for a token without scope and tries it on the base.
func TestLoginGetsATokenThatOpensNothing(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	for _, scopes := range [][]string{nil, {"repository:shut:delete"}, {"registry:catalog:*"}, {"nonsense"}} {
		key := "Bearer " + w.token(readerKey, scopes...)
		w.want(200, request{method: "GET", path: "/v2/", key: key})
		w.want(401, request{method: "GET", path: "/v2/open/tags/list", key: key})
	}
}

func TestClaimTokenPullsFromOneProjectWhileItsJobRuns(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	digest := w.pushManifest("shut/app", "v1", ociManifest, w.image("shut/app", "amd64"))
	shut := w.project("shut")
	job := w.insertJob(shut.ID)
	mint := func(epoch int64) string {
		key, life, err := w.registry.MintPull(t.Context(), shut.ID, job, epoch)
		if err != nil || life != limits.PullTokenLife {
			t.Fatal(life, err)
		}
		return "Bearer " + key
	}
	key, stale := mint(3), mint(2)
	pull := func(key string) int {
		return w.do(request{method: "GET", path: "/v2/shut/app/manifests/" + digest, key: key}).StatusCode
	}
	if got := pull(key); got != 200 {
		t.Fatalf("the claim's token: %d", got)
	}
	if got := pull(strings.TrimPrefix(key, "Bearer ")); got != 200 { // as the password of Basic
		t.Errorf("the claim's token as a password: %d", got)
	}
	if got := pull(stale); got != 401 {
		t.Errorf("a token of another epoch: %d", got)
	}
	for _, r := range []request{
		{method: "POST", path: "/v2/shut/app/blobs/uploads/"},
		{method: "DELETE", path: "/v2/shut/app/manifests/" + digest},
		{method: "GET", path: "/v2/open/app/manifests/v1"},
	} {
		r.key = key
		if a := w.do(r); a.StatusCode != 401 {
			t.Errorf("%s %s: want 401, got %d", r.method, r.path, a.StatusCode)
		}
	}
	for _, c := range []struct {
		state string
		epoch int
		want  int
	}{
		{"claimed", 3, 200}, {"pending", 3, 401}, {"running", 4, 401}, {"completed", 3, 401}, {"processed", 3, 401},
		{"failed", 3, 401}, {"canceled", 3, 401}, {"running", 3, 200},
	} {
		w.exec(`update job set state = $1, epoch = $2 where id = $3`, c.state, c.epoch, job)
		if got := pull(key); got != c.want {
			t.Errorf("%s in epoch %d: want %d, got %d", c.state, c.epoch, c.want, got)
		}
	}

	// A token traded for itself lives no longer.
	w.clock.advance(limits.PullTokenLife - time.Minute)
	a := w.do(request{method: "GET", path: registry.TokenPath + "?scope=repository:open:pull,push", key: strings.TrimPrefix(key, "Bearer ")})
	if got := "Bearer " + readToken(t, a, time.Minute); got != key {
		t.Errorf("the token end point gave another token back")
	}
	fresh := mint(3) // refreshed while the lease lives
	w.clock.advance(time.Minute)
	if got := pull(key); got != 401 {
		t.Errorf("after its life: %d", got)
	}
	if got := pull(fresh); got != 200 {
		t.Errorf("refreshed: %d", got)
	}
	w.exec(`update project set deleted = 1 where id = $1`, shut.ID)
	if got := pull(fresh); got != 401 {
		t.Errorf("of a deleted project: %d", got)
	}
}

func TestMintPullForNothingIsMissing(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	if _, _, err := w.registry.MintPull(t.Context(), w.project("open").ID, "no-such-job", 1); fault.Of(err) != fault.Missing {
		t.Errorf("want missing, got %v", err)
	}
}

func TestErrorsShowNoInternals(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	w.access.broken.Store(true)
	for _, path := range []string{"/v2/open/manifests/v1", registry.TokenPath + "?scope=repository:open:pull"} {
		a := w.refused(http.StatusInternalServerError, "UNKNOWN", request{method: "GET", path: path})
		if strings.Contains(string(a.body), "secret") {
			t.Errorf("%s: %s", path, a.body)
		}
	}
	if !strings.Contains(w.log.String(), "/secret/place") {
		t.Errorf("the log does not have the cause: %s", w.log)
	}
	if strings.Contains(w.log.String(), ownerKey) {
		t.Errorf("the log has the key: %s", w.log)
	}
}

func TestTokensAreStoredAsHashesAndExpiredOnesGo(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	key := w.token(ownerKey, "repository:open:pull")
	count := func() (all, plain int) {
		w.query(`select count(*), count(case when hash = '`+key+`' then 1 end) from registry_token`, &all, &plain)
		return all, plain
	}
	if all, plain := count(); all != 1 || plain != 0 {
		t.Errorf("%d rows, %d with the token itself", all, plain)
	}
	w.clock.advance(limits.RegistryTokenLife)
	w.token(ownerKey)
	if all, _ := count(); all != 1 {
		t.Errorf("after the first has expired: %d rows", all)
	}
}

func TestTradedTokenSaysHowLongItStillLives(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	first := w.token(readerKey, "repository:shut:pull")
	w.clock.advance(100 * time.Second)
	a := w.do(request{method: "GET", path: registry.TokenPath, key: "Bearer " + first})
	if again := readToken(t, a, limits.RegistryTokenLife-100*time.Second); again != first {
		t.Error("trading a token made another one")
	}
	w.clock.advance(limits.RegistryTokenLife - 100*time.Second)
	w.want(401, request{method: "GET", path: registry.TokenPath, key: "Bearer " + first})
}

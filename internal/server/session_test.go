package server

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/server/web"
)

// A browser that signed in sees private projects and acts on pages; its session is no key for programs, and ends with the key it came from.
func TestAPageIsSeenByItsProjectsOwner(t *testing.T) {
	t.Parallel()
	w := start(t, t.TempDir())
	var user api.KeyCreated
	w.must(201, w.key, "POST", "/v0/users/admin/keys", api.NewKey{Name: "browser"}, &user)
	w.must(201, w.key, "POST", "/v0/projects", api.NewProject{Name: "shop", Visibility: api.Private}, nil)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	send := func(method, path string, form url.Values, header ...string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, w.url+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		if form != nil {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		res, err := browser.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return res.StatusCode, res.Header.Get("Location")
	}
	want := func(what string, status int, method, path string, form url.Values, header ...string) {
		t.Helper()
		if got, _ := send(method, path, form, header...); got != status {
			t.Errorf("%s: %s %s is %d, want %d", what, method, path, got, status)
		}
	}
	want("a stranger", 404, "GET", "/projects/shop", nil)
	want("a wrong key", 401, "POST", "/signin", url.Values{"key": {"tacho_user_wrong"}})
	want("the right key", 303, "POST", "/signin", url.Values{"key": {user.Secret}})
	want("signed in", 200, "GET", "/projects/shop", nil)
	want("signed in, what pages ask the API for", 200, "GET", "/v0/projects/shop", nil)
	want("nor by another method", 404, "DELETE", "/v0/projects/shop", nil)
	want("a form of another site", 403, "POST", "/signout", url.Values{}, "Origin", "https://evil.example")
	want("a form that names nothing", 404, "POST", "/projects/shop/jobs/none", url.Values{"status": {"canceled"}})
	w.must(204, w.key, "DELETE", "/v0/users/admin/keys/"+user.UUID, nil, nil)
	want("the key is revoked", 404, "GET", "/projects/shop", nil)
	want("and the rest is still there", 200, "GET", "/projects", nil)
	w.must(201, w.key, "POST", "/v0/users/admin/keys", api.NewKey{Name: "browser 2"}, &user)
	want("again", 303, "POST", "/signin", url.Values{"key": {user.Secret}})
	want("signed in again", 200, "GET", "/projects/shop", nil)
	kept := jar.Cookies(mustParse(t, w.url))
	want("signing out", 303, "POST", "/signout", url.Values{})
	jar.SetCookies(mustParse(t, w.url), kept)
	want("a session that was ended opens nothing, also if its cookie was kept", 404, "GET", "/projects/shop", nil)
}

// TestStrangersAreShownNothingOfAPrivateProject asks for every page and sends every form about a project, as nobody and as somebody else,
// and then as its owner, so that what the others did not get has no other reason.
func TestStrangersAreShownNothingOfAPrivateProject(t *testing.T) {
	t.Parallel()
	w := start(t, t.TempDir())
	const secret = "BenchmarkOfASecretThing"
	w.must(201, w.key, "POST", "/v0/projects", api.NewProject{Name: "shop", Visibility: api.Private}, nil)
	var report api.Report
	w.must(201, w.key, "POST", "/v0/run", api.NewRun{Project: "shop", Branch: "main", Testbed: "lab", Settings: &api.ReportSettings{
		Adapter: "json"}, Results: []string{`{"` + secret + `": {"latency": {"value": 1}}}`}}, &report)
	var kept api.Plot
	w.must(201, w.key, "POST", "/v0/projects/shop/plots", api.NewPlot{XAxis: api.PlotAxisVersion, Window: 86_400, Branches: []string{"main"},
		Testbeds: []string{"lab"}, Benchmarks: []string{secret}, Measures: []string{"latency"}}, &kept)
	w.push("shop/bench")
	w.must(201, w.key, "POST", "/v0/projects/shop/sweeps", api.NewSweep{ID: "1764360000", Repeats: 1, TTL: 3600,
		Workloads: []api.SweepWorkload{{Name: secret, Image: "bench:v1", Adapter: "json", Timeout: 60}},
		Pools: []api.NewPool{{Provider: "local", Type: "process", Arch: "amd64", VCPUs: 2, Hosts: 1,
			Price: api.SweepPrice{Known: true, Source: "free"}}}}, nil)
	key := func(name string) (made api.KeyCreated) {
		w.must(201, w.key, "POST", "/v0/users/admin/keys", api.NewKey{Name: name}, &made)
		return made
	}
	signedIn := func(secret string) *http.Client {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		browser := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		if secret != "" {
			res, err := browser.PostForm(w.url+"/signin", url.Values{"key": {secret}})
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
		}
		return browser
	}
	ask := func(browser *http.Client, method, path string) (int, string) {
		t.Helper()
		form := url.Values{"branch": {"main"}, "testbed": {"lab"}, "benchmark": {secret}, "measure": {"latency"}, "status": {"0"}}
		switch {
		case strings.Contains(path, "/alerts/"):
			form.Set("status", string(api.AlertDismissed))
		case strings.Contains(path, "/events"):
			form.Set("verb", string(api.AckEvent))
			form.Set("event", report.UUID)
		case strings.Contains(path, "/jobs/"):
			form.Set("status", string(api.JobCanceled))
		case strings.Contains(path, "/sweeps/"):
			form.Set("status", "stop")
		}
		r, err := http.NewRequestWithContext(t.Context(), method, w.url+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res, err := browser.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(body)
	}
	nobody, owner := signedIn(""), signedIn(key("browser").Secret)
	walked := 0
	for _, pattern := range web.Routes() {
		method, path, _ := strings.Cut(pattern, " ")
		if !strings.Contains(path, "{project}") || !strings.HasPrefix(path, "/projects/") {
			continue // Bencher's links lead to these
		}
		walked++
		id := report.UUID
		if strings.Contains(path, "plots/") {
			id = kept.UUID
		}
		path = strings.NewReplacer("{project}", "shop", "{uuid}", id, "{alert}", id, "{plot}", id, "{event}", id,
			"{sweep}", "1764360000").Replace(path)
		status, body := ask(nobody, method, path)
		if status != http.StatusNotFound || strings.Contains(body, secret) {
			t.Errorf("%s %s as nobody: %d, with what is secret: %t; want 404", method, path, status, strings.Contains(body, secret))
		}
		needsMore := strings.Contains(path, "/jobs/") || strings.Contains(path, "/alerts/") || strings.Contains(path, "/events/") ||
			method == http.MethodPost && strings.Contains(path, "/events") // there is none
		if status, body = ask(owner, method, path); status >= 400 && !needsMore {
			t.Errorf("%s %s as the owner: %d %.200s", method, path, status, body)
		}
	}
	if walked < 12 {
		t.Errorf("only %d pages and forms were walked", walked)
	}
	var plots []api.Plot
	w.must(200, w.key, "GET", "/v0/projects/shop/plots", nil, &plots)
	if len(plots) != 2 {
		t.Errorf("there are %d plots, want the first and the owner's", len(plots))
	}
}

func mustParse(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

package web

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/request"
)

// post sends a form as a browser does.
func post(t *testing.T, h http.Handler, path string, actor access.Actor, header http.Header, form url.Values) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(request.WithActor(t.Context(), actor), http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestFormsActForTheirReaderAndComeBack(t *testing.T) {
	t.Parallel()
	source := &canned{}
	h := New(Config{Now: time.Now, Log: slog.New(slog.DiscardHandler), Source: source})
	ann := access.Actor{Kind: access.User, AccountID: "ann"}
	for _, tc := range []struct {
		name, path string
		form       url.Values
		actor      access.Actor
		header     http.Header
		status     int
		to, did    string
	}{
		{"an alert is dismissed", "/projects/words/alerts/a", url.Values{"status": {"dismissed"}, "back": {"/projects/words/alerts?page=2"}},
			ann, nil,
			303, "/projects/words/alerts?page=2", "alert words a dismissed"},
		{"a job is canceled", "/projects/words/jobs/j", url.Values{"status": {"canceled"}}, ann, nil, 303, "/projects", "job words j canceled"},
		{"a job is put back", "/projects/words/jobs/j", url.Values{"status": {"pending"}, "back": {"/projects/words/jobs/j"}}, ann, nil, 303,
			"/projects/words/jobs/j", "job words j pending"},
		{"a job cannot be made what it has to become by itself", "/projects/words/jobs/j", url.Values{"status": {"processed"}}, ann, nil, 400,
			"", ""},
		{"nobody else is let act", "/projects/words/alerts/a", url.Values{"status": {"dismissed"}}, access.Actor{Kind: access.Anonymous}, nil,
			401, "", "alert words a dismissed"},
		{"another site's form does nothing", "/projects/words/jobs/j", url.Values{"status": {"canceled"}}, ann,
			http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403, "", ""},
		{"nor does one of an old browser on another site", "/signout", nil, ann, http.Header{"Sec-Fetch-Site": nil,
			"Origin": {"https://evil.example"}}, 403, "", ""},
		{"nobody is sent to another site", "/projects/words/jobs/j", url.Values{"status": {"canceled"}, "back": {"https://evil.example/"}},
			ann, nil, 303, "/projects", "job words j canceled"},
		{"nor by half an address", "/projects/words/jobs/j", url.Values{"status": {"canceled"}, "back": {"//evil.example/"}}, ann, nil, 303,
			"/projects", "job words j canceled"},
		{"nor by a backslash", "/projects/words/jobs/j", url.Values{"status": {"canceled"}, "back": {"/\\evil.example/"}}, ann, nil, 303,
			"/projects", "job words j canceled"},
		{"a plot is kept as it is drawn", "/projects/words/plots", url.Values{"branch": {"b"}, "testbed": {"t"}, "benchmark": {"x", "y"},
			"measure": {"m"}, "title": {"Speed"}, "x": {"time"}, "log": {"1"}, "limits": {"0"}, "back": {"/projects/words/plots"}}, ann, nil, 303,
			"/projects/words/plots", `keep words {"title":"Speed","lower_value":false,"upper_value":false,"lower_boundary":false,` +
				`"upper_boundary":false,"x_axis":"date_time","y_axis":"log","window":31536000,"branches":["b"],"testbeds":["t"],` +
				`"benchmarks":["x","y"],"measures":["m"]}`},
		{"or in the plain way", "/projects/words/plots", url.Values{"branch": {"b"}, "testbed": {"t"}, "benchmark": {"x"}, "measure": {"m"}},
			ann, nil, 303, "/projects", `keep words {"lower_value":false,"upper_value":false,"lower_boundary":true,"upper_boundary":true,` +
				`"x_axis":"version","window":31536000,"branches":["b"],"testbeds":["t"],"benchmarks":["x"],"measures":["m"]}`},
		{"a plot is moved", "/projects/words/plots/one", url.Values{"status": {"2"}}, ann, nil, 303, "/projects", "move words one 2"},
		{"a plot is deleted", "/projects/words/plots/one", url.Values{"status": {"delete"}}, ann, nil, 303, "/projects", "drop words one"},
		{"a plot is not sent anywhere else", "/projects/words/plots/one", url.Values{"status": {"up"}}, ann, nil, 400, "", ""},
		{"a plot is kept by no other site", "/projects/words/plots", url.Values{"branch": {"b"}}, ann,
			http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403, "", ""},
		{"a form has its size", "/signin", url.Values{"key": {strings.Repeat("x", limits.FormBytes)}}, access.Actor{}, nil, 400, "", ""},
	} {
		source.asked = nil
		w := post(t, h, tc.path, tc.actor, tc.header, tc.form)
		if w.Code != tc.status || w.Header().Get("Location") != tc.to {
			t.Errorf("%s: %d to %q, want %d to %q", tc.name, w.Code, w.Header().Get("Location"), tc.status, tc.to)
		}
		if want := []string{tc.did}; tc.did != "" && !slices.Equal(source.asked, want) || tc.did == "" && len(source.asked) > 0 {
			t.Errorf("%s: did %q, want %q", tc.name, source.asked, tc.did)
		}
	}
}

func TestSigningInGivesACookieThatScriptsDoNotSee(t *testing.T) {
	t.Parallel()
	source := &canned{}
	h := New(Config{Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler), Source: source})
	w := post(t, h, "/signin", access.Actor{Kind: access.Anonymous}, nil, url.Values{"key": {" right "}, "back": {"/projects/words"}})
	if got := w.Header().Get("Set-Cookie"); w.Code != 303 || w.Header().Get("Location") != "/projects/words" ||
		!strings.HasPrefix(got, "tacho=token; Path=/;") || !strings.Contains(got, "HttpOnly; SameSite=Lax") {
		t.Errorf("%d to %q with %q", w.Code, w.Header().Get("Location"), got)
	}
	w = post(t, h, "https://tacho.example/signin", access.Actor{Kind: access.Anonymous}, nil, url.Values{"key": {"right"}})
	if got := w.Header().Get("Set-Cookie"); !strings.HasPrefix(got, "__Host-tacho=token; Path=/;") || !strings.Contains(got, "; Secure") {
		t.Errorf("over TLS: %q", got)
	}
	if w = post(t, h, "/signin", access.Actor{Kind: access.Anonymous}, nil, url.Values{"key": {"wrong"}}); w.Code != 401 ||
		w.Header().Get("Set-Cookie") != "" {
		t.Errorf("a wrong key: %d %q", w.Code, w.Header().Get("Set-Cookie"))
	}
	w = post(t, h, "/signout", access.Actor{Kind: access.User}, http.Header{"Cookie": {"tacho=token"}}, nil)
	if got := w.Header().Get("Set-Cookie"); w.Code != 303 || !strings.Contains(got, "Max-Age=0") || !slices.Equal(source.asked,
		[]string{"sign out token"}) {
		t.Errorf("signing out: %d %q, %q", w.Code, got, source.asked)
	}
}

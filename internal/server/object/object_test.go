package object_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/object"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/testdb"
)

// shelf keeps objects in memory.
type shelf struct {
	mu   sync.Mutex
	have map[string]string
}

func (s *shelf) PutObject(_ context.Context, key string, body io.Reader, maxBytes int64) error {
	raw, err := io.ReadAll(io.LimitReader(body, maxBytes+1))
	if err != nil {
		return err
	}
	if int64(len(raw)) > maxBytes {
		return fault.TooLargef("more than %d bytes", maxBytes)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.have[key] = string(raw)
	return nil
}

func (s *shelf) SendObject(_ context.Context, key string, w io.Writer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, has := s.have[key]
	if !has {
		return fault.Missingf("object %q does not exist", key)
	}
	_, err := io.WriteString(w, text)
	return err
}

// fixture is a server of objects on a database, at a time that is moved by hand.
type fixture struct {
	t      *testing.T
	cfg    store.Config
	now    time.Time
	store  *store.Store
	signer *object.Signer
	shelf  *shelf
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, cfg: testdb.Config(t, store.Config{Path: filepath.Join(t.TempDir(), "tacho.db")}),
		now: time.Date(2026, 7, 22, 12, 0, 0, 0, time.UTC), shelf: &shelf{have: map[string]string{}}}
	f.open()
	t.Cleanup(f.close)
	return f
}

func (f *fixture) open() {
	f.t.Helper()
	s, err := testdb.Open(f.t, f.cfg)
	if err != nil {
		f.t.Fatal(err)
	}
	f.store = s
	f.signer = f.signerOf(s)
}

func (f *fixture) signerOf(s *store.Store) *object.Signer {
	now := func() time.Time { return f.now }
	return object.NewSigner(account.NewSigningKeys(s, rand.Reader, now), now)
}

func (f *fixture) close() {
	if err := f.store.Close(); err != nil {
		f.t.Error(err)
	}
}

const base = "https://tacho.example"

func (f *fixture) url(g object.Grant) string {
	f.t.Helper()
	address, err := f.signer.URL(f.t.Context(), base, g)
	if err != nil {
		f.t.Fatal(err)
	}
	return address
}

// put is an address for an archive of at most 10 bytes, good for an hour.
func (f *fixture) put() object.Grant {
	return object.Grant{Method: http.MethodPut, Key: "results/1/a.tar.gz", Type: "application/gzip", MaxBytes: 10,
		Expires: f.now.Add(time.Hour)}
}

// send sends a body, with the type of archives if none is named.
func (f *fixture) send(method, address, contentType, body string) (int, string) {
	f.t.Helper()
	r := httptest.NewRequestWithContext(f.t.Context(), method, address, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	object.Handler(f.signer, f.shelf, slog.New(slog.DiscardHandler)).ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestAnAddressAllowsWhatItWasMadeForAndNothingElse(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const gzip = "application/gzip"
	good := f.url(f.put())
	changed := func(name, value string) string {
		u, err := url.Parse(good)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		q.Set(name, value)
		u.RawQuery = q.Encode()
		return u.String()
	}
	other := f.put()
	other.Key = "results/2/a.tar.gz"
	unsized := f.put()
	unsized.Expires = f.now
	for _, row := range []struct {
		name, method, address, contentType, body string
		want                                     int
	}{
		{"what it was made for", "PUT", good, gzip, "archive", 200},
		{"the same again", "PUT", good, gzip, "archive", 200},
		{"as many bytes as allowed", "PUT", good, gzip, "0123456789", 200},
		{"one byte more", "PUT", good, gzip, "0123456789a", 413},
		{"another type", "PUT", good, "text/html", "archive", 403},
		{"another type, and the address says so", "PUT", changed("type", "text/html"), "text/html", "archive", 403},
		{"another method", "GET", good, "", "", 403},
		{"another key", "PUT", strings.Replace(good, "results/1/", "results/2/", 1), gzip, "archive", 403},
		{"a key above", "PUT", strings.Replace(good, "results/1/", "results/../1/", 1), gzip, "archive", 403},
		{"a larger size", "PUT", changed("most", "1000000"), gzip, "archive", 403},
		{"a size that is none", "PUT", changed("most", "-1"), gzip, "archive", 403},
		{"a later end", "PUT", changed("expires", fmt.Sprint(f.now.Add(2*time.Hour).Unix())), gzip, "archive", 403},
		{"no end", "PUT", changed("expires", ""), gzip, "archive", 403},
		{"another signature", "PUT", changed("sig", "AAAA"), gzip, "archive", 403},
		{"no signature", "PUT", changed("sig", ""), gzip, "archive", 403},
		{"a key of nobody", "PUT", changed("by", "01890000-0000-7000-8000-000000000000"), gzip, "archive", 403},
		{"a key that is no id", "PUT", changed("by", "x"), gzip, "archive", 403},
		{"an end that has come", "PUT", f.url(unsized), gzip, "archive", 403},
		{"the address of another object", "PUT", f.url(other), gzip, "archive", 200},
		{"removing it", "DELETE", good, gzip, "", 405},
	} {
		if got, said := f.send(row.method, row.address, row.contentType, row.body); got != row.want {
			t.Errorf("%s: %d %s, want %d", row.name, got, said, row.want)
		}
	}
	if got := f.shelf.have["results/1/a.tar.gz"]; got != "0123456789" {
		t.Errorf("stored %q; something refused was kept", got)
	}

	get := object.Grant{Method: http.MethodGet, Key: "results/1/a.tar.gz", Expires: f.now.Add(time.Hour)}
	if code, body := f.send("GET", f.url(get), "", ""); code != 200 || body != "0123456789" {
		t.Errorf("fetched %d %q", code, body)
	}
	if code, _ := f.send("PUT", f.url(get), gzip, "archive"); code != 403 {
		t.Errorf("an address to read was good to write: %d", code)
	}
	get.Key = "results/3/none.tar.gz"
	if code, _ := f.send("GET", f.url(get), "", ""); code != 404 {
		t.Errorf("an object that is not there: %d", code)
	}
}

func TestAnAddressEndsInTime(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	g := f.put()
	g.Expires = f.now.Add(365 * 24 * time.Hour)
	long, short := f.url(g), f.url(f.put())
	f.now = f.now.Add(59 * time.Minute)
	if code, said := f.send("PUT", short, "application/gzip", "x"); code != 200 {
		t.Errorf("in time: %d %s", code, said)
	}
	f.now = f.now.Add(time.Minute)
	if code, said := f.send("PUT", short, "application/gzip", "x"); code != 403 ||
		!strings.Contains(said, "was good until 2026-07-22T13:00:00Z") {
		t.Errorf("at its end: %d %s", code, said)
	}
	f.now = f.now.Add(limits.SignedMost)
	if code, _ := f.send("PUT", long, "application/gzip", "x"); code != 403 {
		t.Errorf("an address lived longer than any may: %d", code)
	}
}

func TestKeysAreReplacedAndOutliveARestart(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first := f.url(f.put())
	f.close()
	f.open()
	if code, said := f.send("PUT", first, "application/gzip", "x"); code != 200 {
		t.Errorf("after a restart: %d %s", code, said)
	}
	by := func(address string) string {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		return u.Query().Get("by")
	}
	if again := f.url(f.put()); by(again) != by(first) {
		t.Error("a restart made another key")
	}
	f.now = f.now.Add(limits.SigningKeyLife - time.Minute)
	last := f.url(f.put())
	f.now = f.now.Add(2 * time.Minute)
	next := f.url(f.put())
	if by(last) != by(first) || by(next) == by(first) {
		t.Errorf("keys %s, %s, %s: want a new one after %s", by(first), by(last), by(next), limits.SigningKeyLife)
	}
	if code, said := f.send("PUT", last, "application/gzip", "x"); code != 200 {
		t.Errorf("what the replaced key has signed: %d %s", code, said)
	}
	f.now = f.now.Add(2 * (limits.SigningKeyLife + limits.SignedMost))
	f.url(f.put())
	var keys int
	if err := f.store.View(t.Context(), func(tx *store.Tx) error {
		return tx.QueryRow(t.Context(), `select count(*) from signing_key`).Scan(&keys)
	}); err != nil || keys != 1 {
		t.Errorf("%d keys are left, %v; want those that may have signed something good", keys, err)
	}
}

func TestTwoServersSignForEachOther(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	other := f.signerOf(f.store)
	address, err := other.URL(t.Context(), base, f.put())
	if err != nil {
		t.Fatal(err)
	}
	if code, said := f.send("PUT", address, "application/gzip", "x"); code != 200 {
		t.Errorf("an address of the other server: %d %s", code, said)
	}
}

func TestWhatCannotBeSigned(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for name, change := range map[string]func(*object.Grant){
		"a key with a space":     func(g *object.Grant) { g.Key = "a b" },
		"no key":                 func(g *object.Grant) { g.Key = "" },
		"a key that is too long": func(g *object.Grant) { g.Key = string(bytes.Repeat([]byte("a"), limits.ObjectKeyBytes+1)) },
		"a type of two lines":    func(g *object.Grant) { g.Type = "a\nb" },
		"no type":                func(g *object.Grant) { g.Type = "" },
		"no size":                func(g *object.Grant) { g.MaxBytes = 0 },
		"another method":         func(g *object.Grant) { g.Method = http.MethodDelete },
	} {
		g := f.put()
		change(&g)
		if address, err := f.signer.URL(t.Context(), base, g); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %s, %v", name, address, err)
		}
	}
}

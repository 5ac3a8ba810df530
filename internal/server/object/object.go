// Package object is signed addresses of objects, /v0/objects/KEY: whoever has one may do what it says, and nothing else, until its time
// is over. So a machine without any key hands over its results, and a link to an archive works in a browser.
//
// An address is bound to method, key, media type, size and time by HMAC-SHA256 (RFC 2104) under a key of the database, which all servers
// on it share and a restart does not change. Keys are replaced once in limits.SigningKeyLife; the old one is good until all that it has
// signed is over.
//
// The package knows no rows: what an object is says the Keeper, which trusts that the signature was checked.
//
// Who calls it: the edges that hand out addresses, and the server root.
package object

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/request"
)

// Prefix is where signed addresses begin.
const Prefix = "/v0/objects/"

// Grant is what an address allows.
type Grant struct {
	Method   string // PUT or GET
	Key      string // letters, digits, '.', '_', '-' and '/'
	Type     string // media type of what is PUT; "" of a GET
	MaxBytes int64  // of what is PUT; 0 of a GET
	Expires  time.Time
}

// Keys are what signs. account.SigningKeys are.
type Keys interface {
	Current(ctx context.Context) (id string, secret []byte, err error)
	Find(ctx context.Context, id string) (secret []byte, known bool, err error)
}

// Signer makes addresses and checks them.
type Signer struct {
	keys Keys
	now  func() time.Time
}

// NewSigner returns a signer.
func NewSigner(keys Keys, now func() time.Time) *Signer { return &Signer{keys, now} }

// URL is an address below base, the server's own as its reader knows it, that allows g. It lives for limits.SignedMost at most.
func (s *Signer) URL(ctx context.Context, base string, g Grant) (string, error) {
	if err := g.check(); err != nil {
		return "", err
	}
	now := s.now()
	if most := now.Add(limits.SignedMost); g.Expires.After(most) {
		g.Expires = most
	}
	id, secret, err := s.keys.Current(ctx)
	if err != nil {
		return "", err
	}
	v := url.Values{"expires": {strconv.FormatInt(g.Expires.Unix(), 10)}, "by": {id}, "sig": {sign(secret, g)}}
	if g.Type != "" {
		v.Set("type", g.Type)
	}
	if g.MaxBytes > 0 {
		v.Set("most", strconv.FormatInt(g.MaxBytes, 10))
	}
	return strings.TrimRight(base, "/") + Prefix + g.Key + "?" + v.Encode(), nil
}

// errRefused is said of all that was not signed here, whatever is wrong with it.
var errRefused = fault.Forbiddenf("this address was not signed by this server, or not for this request: method, key and " +
	"Content-Type must be the ones that it was made for")

// Check returns what the address of a request allows, if it was signed here, for this method, key and media type, and its time is not over.
// Everything else is Forbidden; a body that says that it is larger is TooLarge.
func (s *Signer) Check(r *http.Request) (g Grant, err error) {
	q := r.URL.Query()
	seconds, err := strconv.ParseInt(q.Get("expires"), 10, 64)
	if err != nil || seconds < 0 || len(r.URL.RawQuery) > 4*limits.KiB {
		return g, errRefused
	}
	g = Grant{Method: r.Method, Key: strings.TrimPrefix(r.URL.Path, Prefix), Type: q.Get("type"), Expires: time.Unix(seconds, 0)}
	if most := q.Get("most"); most != "" {
		if g.MaxBytes, err = strconv.ParseInt(most, 10, 64); err != nil {
			return g, errRefused
		}
	}
	if g.check() != nil {
		return g, errRefused
	}
	secret, known, err := s.keys.Find(r.Context(), q.Get("by"))
	if err != nil {
		return g, err
	}
	if !known || !hmac.Equal([]byte(sign(secret, g)), []byte(q.Get("sig"))) {
		return g, errRefused
	}
	switch {
	case !s.now().Before(g.Expires):
		return g, fault.Forbiddenf("this address was good until %s; ask for a new one (a heartbeat's answer has it)",
			g.Expires.UTC().Format(time.RFC3339))
	case g.Method == http.MethodPut && r.Header.Get("Content-Type") != g.Type:
		return g, errRefused
	case r.ContentLength > g.MaxBytes && g.Method == http.MethodPut:
		return g, fault.TooLargef("object %s: %d bytes, this address is for %d at most", g.Key, r.ContentLength, g.MaxBytes)
	}
	return g, nil
}

// check refuses what is not signed in any case, so that the text that is signed can be read in one way only.
func (g Grant) check() error {
	plain := strings.Trim(g.Key, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-/") == ""
	put := g.Method == http.MethodPut && g.Type != "" && g.MaxBytes > 0
	get := g.Method == http.MethodGet && g.Type == "" && g.MaxBytes == 0
	if g.Key == "" || len(g.Key) > limits.ObjectKeyBytes || !plain || strings.ContainsAny(g.Type, "\r\n") || !put && !get {
		return fault.Invalidf("object %.100q: want PUT with type and size, or GET, of a key of letters, digits and ._-/", g.Key)
	}
	return nil
}

// sign is the signature of what is allowed. No part has a line end, so that no two grants are the same text.
func sign(secret []byte, g Grant) string {
	mac := hmac.New(sha256.New, secret)
	for _, part := range []string{"tacho object 1", g.Method, g.Key, g.Type, strconv.FormatInt(g.MaxBytes, 10),
		strconv.FormatInt(g.Expires.Unix(), 10)} {
		_, _ = io.WriteString(mac, part+"\n") // a hash takes everything
	}
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Keeper has the objects. Its methods are called for what was signed.
type Keeper interface {
	// PutObject stores a body. Over maxBytes it is TooLarge.
	PutObject(ctx context.Context, key string, body io.Reader, maxBytes int64) error
	// SendObject writes an object. Nothing is written before it is known to be there.
	SendObject(ctx context.Context, key string, w io.Writer) error
}

// Handler serves Prefix.
func Handler(s *Signer, k Keeper, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPut && r.Method != http.MethodGet {
			w.Header().Set("Allow", "GET, PUT")
			http.Error(w, "an object is PUT or fetched", http.StatusMethodNotAllowed)
			return
		}
		g, err := s.Check(r)
		if err == nil && g.Method == http.MethodPut {
			if err = k.PutObject(r.Context(), g.Key, r.Body, g.MaxBytes); err == nil {
				w.WriteHeader(http.StatusOK)
				return
			}
		}
		if err != nil {
			request.WriteError(w, r, log, err)
			return
		}
		out := &answer{w: w}
		if err := k.SendObject(r.Context(), g.Key, out); err != nil {
			if out.begun {
				panic(http.ErrAbortHandler) // whoever has a part must not take it for the whole
			}
			request.WriteError(w, r, log, err)
		}
	})
}

// answer sends its header with the first byte.
type answer struct {
	w     http.ResponseWriter
	begun bool
}

func (a *answer) Write(p []byte) (int, error) {
	if !a.begun {
		a.begun = true
		a.w.Header().Set("Content-Type", "application/gzip")
		a.w.Header().Set("Content-Disposition", "attachment")
		a.w.Header().Set("X-Content-Type-Options", "nosniff")
	}
	return a.w.Write(p)
}

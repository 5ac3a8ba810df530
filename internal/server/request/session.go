package request

import (
	"net/http"
	"time"
)

// Names of the cookie of a session. The first cannot be set by another host of the same domain, and needs TLS.
const (
	secureCookie = "__Host-tacho"
	plainCookie  = "tacho"
)

// Session returns the token of the request's session, empty if there is none.
func Session(r *http.Request) string {
	for _, name := range []string{secureCookie, plainCookie} {
		if c, err := r.Cookie(name); err == nil && c.Value != "" {
			return c.Value
		}
	}
	return ""
}

// SetSession gives the reader of r a session. An empty token takes it away.
func SetSession(w http.ResponseWriter, r *http.Request, token string, expires time.Time) {
	c := &http.Cookie{Name: plainCookie, Value: token, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Expires: expires}
	if Secure(r) {
		c.Name, c.Secure = secureCookie, true
	}
	if token == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

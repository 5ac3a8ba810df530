package registry

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/image"
	"github.com/tachograph/tacho/internal/server/store"
)

// TokenHandler answers TokenPath: it trades credentials for a short-lived token with the asked scopes, as far as they are allowed. GET has
// the parameters in the query and the key in Basic; POST has the parameters in the form, which may carry the key too: as the password of
// OAuth 2's password grant or, as containerd sends it, as a refresh token.
func (g *Registry) TokenHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, limits.RegistryTokenBodyBytes)
		if err := g.serveToken(w, r); err != nil {
			if fault.Is(err, fault.Unauthorized) {
				w.Header().Set("WWW-Authenticate", `Basic realm="tacho"`)
			}
			g.refuse(w, r, err)
		}
	})
}

func (g *Registry) serveToken(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		g.notAllowed(w, r, []string{http.MethodGet, http.MethodPost})
		return nil
	}
	if err := r.ParseForm(); err != nil {
		return about(aboutRequest, fault.Wrap(fault.Invalid, err, "the parameters could not be read"))
	}
	c, err := tokenCredentials(r)
	if err != nil {
		return err
	}
	var t token
	switch {
	case c.Anonymous() || isAnonymousToken(c):
		t, err = g.everybodysToken(r.Context(), r.Form["scope"])
	case isRegistryToken(c.Secret):
		t, err = g.sameToken(r.Context(), c.Secret)
	default:
		t, err = g.newToken(r.Context(), c, r.Form["scope"])
	}
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusOK, "application/json", map[string]any{
		"token": t.text, "access_token": t.text, "issued_at": t.now.Format(time.RFC3339), "expires_in": int(t.life / time.Second),
	})
	return nil
}

// token is one that is given out: good for life from now on.
type token struct {
	text string
	now  time.Time
	life time.Duration
}

// tokenCredentials finds the credentials in the header or in the form.
func tokenCredentials(r *http.Request) (Credentials, error) {
	c, err := credentials(r)
	if err != nil || !c.Anonymous() {
		return c, err
	}
	switch grant := r.PostForm.Get("grant_type"); grant {
	case "":
	case "password":
		c = Credentials{User: r.PostForm.Get("username"), Secret: r.PostForm.Get("password")}
	case "refresh_token":
		c = Credentials{Secret: r.PostForm.Get("refresh_token")}
	default:
		return c, about(aboutRequest, fault.Invalidf("grant_type %.50q: this server knows password and refresh_token", grant))
	}
	if !c.Anonymous() && c.Secret == "" {
		return c, fault.Unauthorizedf("the password is empty; it must be a key")
	}
	return c, nil
}

// sameToken gives a registry token back to the client that has it as its password and, as clients do, wants to trade it. It opens no
// more and lives no longer than before.
func (g *Registry) sameToken(ctx context.Context, text string) (token, error) {
	scopes, err := g.tokenScopes(ctx, text)
	if err != nil {
		return token{}, err
	}
	t := token{text: text}
	err = g.store.View(ctx, func(tx *store.Tx) error {
		t.now = tx.Now()
		return nil
	})
	t.life = scopes[0].Expires.Sub(t.now)
	for _, s := range scopes {
		t.life = min(t.life, s.Expires.Sub(t.now))
	}
	return t, err
}

// everybodysToken is the token of those who show no key. Nothing is looked up for it: each request with it is authorized like one without.
func (g *Registry) everybodysToken(ctx context.Context, scopes []string) (token, error) {
	if _, err := wantedScopes(scopes); err != nil {
		return token{}, err
	}
	t := token{text: anonymousToken, life: limits.RegistryTokenLife}
	err := g.store.View(ctx, func(tx *store.Tx) error {
		t.now = tx.Now()
		return nil
	})
	return t, err
}

func (g *Registry) newToken(ctx context.Context, c Credentials, scopes []string) (token, error) {
	if err := g.access.Login(ctx, c); err != nil {
		return token{}, err
	}
	rows, err := g.grants(ctx, c, scopes)
	if err != nil {
		return token{}, err
	}
	for i := range rows {
		rows[i].KeyHash = ident.HashKey(c.Secret)
	}
	return g.issue(ctx, rows, limits.RegistryTokenLife)
}

// grants turns the asked scopes ("repository:NAME:pull,push", several in one value or in several) into rows. What is not allowed is left
// out, as the token specification wants: the registry then says what was lacking.
func (g *Registry) grants(ctx context.Context, c Credentials, scopes []string) ([]image.Token, error) {
	words, err := wantedScopes(scopes)
	if err != nil {
		return nil, err
	}
	var rows []image.Token
	for _, word := range words {
		name, want, ok := parseScope(word)
		if !ok || len(want) == 0 {
			continue
		}
		grant, err := g.access.Authorize(ctx, c, name.Project, want)
		if fault.Is(err, fault.Missing) || fault.Is(err, fault.Forbidden) {
			continue
		}
		if err != nil {
			return nil, err
		}
		allowed := slices.DeleteFunc(want, func(a Action) bool { return !slices.Contains(grant.Actions, a) })
		if len(allowed) > 0 {
			rows = append(rows, image.Token{ProjectID: grant.ProjectID, Repository: name.Image, Actions: joinScope(allowed)})
		}
	}
	if len(rows) == 0 {
		rows = []image.Token{{}} // proves a login and opens nothing
	}
	return rows, nil
}

// wantedScopes are the single scopes that were asked for.
func wantedScopes(values []string) ([]string, error) {
	var words []string
	for _, value := range values {
		words = append(words, strings.Fields(value)...)
	}
	if len(words) > limits.RegistryScopes {
		return nil, about(aboutRequest, fault.Invalidf("%d scopes, the limit is %d", len(words), limits.RegistryScopes))
	}
	return words, nil
}

// parseScope reads "repository:NAME:ACTION,…". Scopes of other types and names that cannot exist are not ok.
func parseScope(word string) (name Name, want []Action, ok bool) {
	kind, rest, _ := strings.Cut(word, ":")
	colon := strings.LastIndexByte(rest, ':')
	if kind != "repository" || colon < 0 {
		return Name{}, nil, false
	}
	name, err := ParseName(rest[:colon])
	return name, splitActions(rest[colon+1:]), err == nil
}

// issue draws a token and stores its scopes. Only the hash of it stays here.
func (g *Registry) issue(ctx context.Context, rows []image.Token, life time.Duration) (token, error) {
	text, err := ident.NewKey(ident.KeyPull, ident.TachoForm, g.random)
	if err != nil {
		return token{}, fmt.Errorf("draw registry token: %w", err)
	}
	t := token{text: text, life: life}
	err = g.store.Tx(ctx, func(tx *store.Tx) error {
		t.now = tx.Now()
		if err := image.DeleteExpiredTokens(ctx, tx); err != nil {
			return err
		}
		for _, row := range rows {
			row.Hash, row.Expires = ident.HashKey(text), t.now.Add(life)
			if err := image.InsertToken(ctx, tx, row); err != nil {
				return err
			}
		}
		return nil
	})
	return t, err
}

// MintPull makes a token with which the runner of a claim pulls any image of one project. It ends with its life, or sooner with the claim:
// when the job is over or its lease has gone to another epoch. While the lease lives, a new one may be minted at any time; that it lives is
// for the caller to check. A job or project that does not exist is a Missing fault.
func (g *Registry) MintPull(ctx context.Context, projectID, jobID string, epoch int64) (text string, life time.Duration, err error) {
	t, err := g.issue(ctx, []image.Token{{
		ProjectID: projectID, Repository: everyRepository, Actions: string(Pull), JobID: jobID, Epoch: epoch,
	}}, limits.PullTokenLife)
	return t.text, t.life, err
}

package registry

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/store"
)

// TokenHandler answers TokenPath: it trades credentials for a short-lived token with the asked scopes, as far as they are allowed. GET has
// the parameters in the query, POST in the form, where OAuth 2's password grant may carry the key.
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
	c, err := credentials(r)
	if err != nil {
		return err
	}
	if c.Anonymous() && r.PostForm.Get("grant_type") == "password" {
		c = Credentials{User: r.PostForm.Get("username"), Secret: r.PostForm.Get("password")}
	}
	if !c.Anonymous() {
		if err := g.access.Login(r.Context(), c); err != nil {
			return err
		}
	}
	rows, err := g.grants(r.Context(), c, r.Form)
	if err != nil {
		return err
	}
	token, err := g.issue(r.Context(), rows, limits.RegistryTokenLife)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusOK, "application/json", map[string]any{
		"token": token, "access_token": token, "expires_in": int(limits.RegistryTokenLife / time.Second), "issued_at": time.Now().UTC().Format(time.RFC3339),
	})
	return nil
}

// grants turns the asked scopes into rows. What is not allowed is left out, as the token specification wants.
func (g *Registry) grants(ctx context.Context, c Credentials, form url.Values) ([]store.RegistryToken, error) {
	var words []string
	for _, value := range form["scope"] {
		words = append(words, strings.Fields(value)...)
	}
	if len(words) > limits.RegistryScopes {
		return nil, about(aboutRequest, fault.Invalidf("%d scopes, the limit is %d", len(words), limits.RegistryScopes))
	}
	var rows []store.RegistryToken
	for _, word := range words {
		kind, rest, _ := strings.Cut(word, ":")
		colon := strings.LastIndexByte(rest, ':')
		if kind != "repository" || colon < 0 {
			continue
		}
		name, err := ParseName(rest[:colon])
		if err != nil {
			continue
		}
		want := splitActions(rest[colon+1:])
		if c.Anonymous() { // nobody pushes without a name
			want = keepPull(want)
		}
		if len(want) == 0 {
			continue
		}
		grant, err := g.access.Authorize(ctx, c, name.Project, want)
		if fault.Is(err, fault.Missing) || fault.Is(err, fault.Forbidden) || err == nil && len(grant.Actions) == 0 {
			continue
		}
		if err != nil {
			return nil, err
		}
		rows = append(rows, store.RegistryToken{ProjectID: grant.ProjectID, Repository: name.Image, Actions: joinScope(grant.Actions)})
	}
	if len(rows) == 0 {
		rows = []store.RegistryToken{{}} // proves a login and opens nothing
	}
	return rows, nil
}

func keepPull(want []Action) []Action {
	for _, a := range want {
		if a == Pull {
			return []Action{Pull}
		}
	}
	return nil
}

// issue draws a token and stores its scopes.
func (g *Registry) issue(ctx context.Context, rows []store.RegistryToken, life time.Duration) (string, error) {
	token, err := ident.NewKey(ident.KeyPull, g.random)
	if err != nil {
		return "", err
	}
	err = g.store.Tx(ctx, func(tx *store.Tx) error {
		if err := tx.DeleteExpiredRegistryTokens(ctx); err != nil {
			return err
		}
		for _, row := range rows {
			row.Hash, row.Expires = ident.HashKey(token), tx.Now().Add(life)
			if err := tx.InsertRegistryToken(ctx, row); err != nil {
				return err
			}
		}
		return nil
	})
	return token, err
}

// MintPull makes a token with which the runner of a claim pulls any image of one project. It ends with its life, or sooner with the claim.
func (g *Registry) MintPull(ctx context.Context, projectID, jobID string, epoch int64) (token string, life time.Duration, err error) {
	token, err = g.issue(ctx, []store.RegistryToken{{
		ProjectID: projectID, Repository: everyRepository, Actions: joinScope([]Action{Pull}), JobID: jobID, Epoch: epoch,
	}}, limits.PullTokenLife)
	return token, limits.PullTokenLife, err
}

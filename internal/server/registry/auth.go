package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/image"
	"github.com/tachograph/tacho/internal/server/request"
	"github.com/tachograph/tacho/internal/server/store"
)

// Action is what can be done with a repository.
type Action string

// The actions, as they are spelt in scopes.
const (
	Pull   Action = "pull"
	Push   Action = "push"
	Delete Action = "delete"
)

// Credentials are what a request brought along. The zero value is anonymous.
type Credentials struct {
	User   string // of Basic; any, the secret alone decides
	Secret string // a key

	KeyHash string // instead of Secret: of a key that was shown before, when it was traded for a token (ident.HashKey)
}

// Anonymous reports whether there are no credentials.
func (c Credentials) Anonymous() bool { return c == Credentials{} }

// LogValue keeps the secret out of logs.
func (c Credentials) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// String keeps the secret out of messages.
func (c Credentials) String() string { return "[redacted]" }

// GoString keeps the secret out of %#v.
func (c Credentials) GoString() string { return "[redacted]" }

// Grant is what credentials may do in one project.
type Grant struct {
	ProjectID string
	Actions   []Action
}

// Access decides who may do what. The server root implements it.
type Access interface {
	// Login returns an Unauthorized fault unless the credentials are those of someone. It is not asked about anonymous ones.
	Login(ctx context.Context, c Credentials) error
	// Authorize resolves a project (slug or UUID) and returns which of the wanted actions the credentials allow there; none is no
	// error. If push is wanted, the project does not exist and the credentials may make it, it is made: also when two ask at once.
	// Faults: Unauthorized for credentials that are nobody's, Missing for a project that does not exist or must not be known to.
	Authorize(ctx context.Context, c Credentials, project string, want []Action) (Grant, error)
}

// everyRepository is the scope of a token that opens the whole project.
const everyRepository = "*"

// place is a repository that a request may work in.
type place struct {
	name      Name
	projectID string
}

// credentials reads the Authorization header. No header is anonymous, anything malformed is Unauthorized.
func credentials(r *http.Request) (Credentials, error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return Credentials{}, nil
	}
	scheme, value, _ := strings.Cut(header, " ")
	if strings.EqualFold(scheme, "bearer") {
		if value = strings.TrimSpace(value); value != "" {
			return Credentials{Secret: value}, nil
		}
	}
	if user, secret, ok := r.BasicAuth(); ok && secret != "" {
		return Credentials{User: user, Secret: secret}, nil
	}
	return Credentials{}, fault.Unauthorizedf("the Authorization header is neither Bearer with a token nor Basic with a key as the password")
}

// anonymousToken is what the token end point gives to those who show no key: it proves nothing and opens what is open to everybody, so it
// is one text for all of them and nowhere stored. A client sends it because it was given a token and not for what it says.
const anonymousToken = "anonymous"

// isAnonymousToken reports whether the credentials are the token that everybody gets.
func isAnonymousToken(c Credentials) bool { return c.Secret == anonymousToken }

// isRegistryToken reports whether the secret is one of our own tokens, which the store and not Access knows.
func isRegistryToken(secret string) bool {
	kind, ok := ident.ParseKey(secret)
	return ok && kind == ident.KeyPull
}

// authorize resolves the repository of a request, or says why it may not do all of want there.
func (g *Registry) authorize(r *http.Request, name Name, want ...Action) (place, error) {
	c, err := credentials(r)
	if err != nil {
		return place{}, err
	}
	if isRegistryToken(c.Secret) {
		return g.authorizeToken(r.Context(), c.Secret, name, want)
	}
	if isAnonymousToken(c) {
		p, err := g.authorizeAs(r.Context(), Credentials{}, name, want)
		if fault.Is(err, fault.Unauthorized) {
			err = &scopeError{err}
		}
		return p, err
	}
	return g.authorizeAs(r.Context(), c, name, want)
}

// authorizeAs is authorize for who shows a key or nothing.
func (g *Registry) authorizeAs(ctx context.Context, c Credentials, name Name, want []Action) (place, error) {
	if c.Anonymous() && !slices.Equal(want, []Action{Pull}) {
		// Even where anybody may push: the client has not been asked for its credentials yet.
		return place{}, fault.Unauthorizedf("repository %s: log in to %s", name, join(want))
	}
	grant, err := g.access.Authorize(ctx, c, name.Project, want)
	if err != nil {
		if c.Anonymous() && fault.Is(err, fault.Missing) {
			return place{}, fault.Unauthorizedf("repository %s: it does not exist, or a login is needed", name)
		}
		return place{}, about(aboutName, err)
	}
	if !includes(grant.Actions, want) {
		if c.Anonymous() {
			return place{}, fault.Unauthorizedf("repository %s: log in to %s", name, join(want))
		}
		return place{}, fault.Forbiddenf("repository %s: this key may not %s", name, join(want))
	}
	return place{name, grant.ProjectID}, nil
}

func (g *Registry) authorizeToken(ctx context.Context, token string, name Name, want []Action) (place, error) {
	scopes, err := g.scopes(ctx, token)
	if err != nil {
		return place{}, err
	}
	for _, s := range scopes {
		if s.ProjectID == "" || s.ProjectSlug != name.Project && s.ProjectID != name.Project {
			continue
		}
		if (s.Repository == everyRepository || s.Repository == name.Image) && includes(splitActions(s.Actions), want) {
			return g.authorizeScope(ctx, s, name, want)
		}
	}
	return place{}, &scopeError{fault.Unauthorizedf("repository %s: it does not exist, or this token may not %s there", name, join(want))}
}

// authorizeScope asks what the key that a token was traded from may do now: a token opens what it was given for, as long as its key would.
// The tokens of a job have none; the job's lease was looked at with the scope.
func (g *Registry) authorizeScope(ctx context.Context, s image.Scope, name Name, want []Action) (place, error) {
	if s.KeyHash == "" {
		return place{name, s.ProjectID}, nil
	}
	p, err := g.authorizeAs(ctx, Credentials{KeyHash: s.KeyHash}, name, want)
	if err == nil && p.projectID != s.ProjectID {
		err = about(aboutName, fault.Missingf("project %q does not exist any more", name.Project))
	}
	return p, err
}

// again authorizes a request a second time, after a body that may have taken long: what it brought is kept only if its sender may still
// push to the same project.
func (g *Registry) again(r *http.Request, p place) error {
	now, err := g.authorize(r, p.name, Push)
	if err == nil && now.projectID != p.projectID {
		err = about(aboutName, fault.Missingf("project %q does not exist any more", p.name.Project))
	}
	return err
}

// tokenScopes is scopes for who does nothing with a token but show it: its key must be somebody's still.
func (g *Registry) tokenScopes(ctx context.Context, token string) ([]image.Scope, error) {
	scopes, err := g.scopes(ctx, token)
	if err == nil && scopes[0].KeyHash != "" {
		err = g.access.Login(ctx, Credentials{KeyHash: scopes[0].KeyHash})
	}
	return scopes, err
}

// scopes returns what a token opens now. A token that opens nothing any more is Unauthorized.
func (g *Registry) scopes(ctx context.Context, token string) (scopes []image.Scope, err error) {
	err = g.store.View(ctx, func(tx *store.Tx) error {
		scopes, err = image.Scopes(ctx, tx, ident.HashKey(token))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look up registry token: %w", err)
	}
	if len(scopes) == 0 {
		return nil, fault.Unauthorizedf("the registry token is unknown, has expired, or its job is over; ask for a new one")
	}
	return scopes, nil
}

// scopeError is the refusal of a good token that does not reach far enough. Clients answer it by asking for a wider one.
type scopeError struct{ err error }

func (e *scopeError) Error() string { return e.err.Error() }
func (e *scopeError) Unwrap() error { return e.err }

// challenge sends the client to the token end point. want is what it lacked; none for the base.
func (g *Registry) challenge(w http.ResponseWriter, r *http.Request, err error, name string, want []Action) {
	value := fmt.Sprintf(`Bearer realm=%q,service=%q`, request.Base(r, g.baseURL)+TokenPath, g.service)
	if name != "" {
		value += fmt.Sprintf(`,scope="repository:%s:%s"`, name, joinScope(want))
	}
	if _, narrow := errors.AsType[*scopeError](err); narrow {
		value += `,error="insufficient_scope"`
	}
	w.Header().Set("WWW-Authenticate", value)
	g.refuse(w, r, err)
}

func includes(have, want []Action) bool {
	for _, a := range want {
		if !slices.Contains(have, a) {
			return false
		}
	}
	return true
}

// splitActions reads a comma-separated list. "*" is all actions; unknown ones are left out, since no one can grant them.
func splitActions(list string) []Action {
	var actions []Action
	for word := range strings.SplitSeq(list, ",") {
		switch a := Action(word); a {
		case Pull, Push, Delete:
			if !slices.Contains(actions, a) {
				actions = append(actions, a)
			}
		case "*":
			return []Action{Pull, Push, Delete}
		}
	}
	return actions
}

func joinScope(actions []Action) string { return joinWith(actions, ",") }
func join(actions []Action) string      { return joinWith(actions, " and ") }

func joinWith(actions []Action, sep string) string {
	words := make([]string, len(actions))
	for i, a := range actions {
		words[i] = string(a)
	}
	return strings.Join(words, sep)
}

package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/store"
)

type UserPath struct {
	User string `path:"user" maxLength:"64" doc:"slug or UUID"`
}

type KeyPath struct {
	Key string `path:"key" maxLength:"36" doc:"UUID"`
}

func (a *API) registerKeys() {
	register(a, operation{http.MethodGet, "/v0/users/{user}", "get-user", "One person", access.ViewAccount, 0, 0},
		func(ctx context.Context, in *UserPath) (*bodyOutput[api.User], error) {
			u, err := a.user(ctx, in.User)
			return body(u.Wire(), err)
		})
	register(a, operation{http.MethodGet, "/v0/users/{user}/keys", "list-user-keys", "A person's keys, newest first, without their secrets", access.ManageKeys, 0, 0},
		func(ctx context.Context, in *struct {
			UserPath
			PageInput
		}) (*listOutput[api.Key], error) {
			u, err := a.user(ctx, in.User)
			if err != nil {
				return nil, err
			}
			return a.listKeys(ctx, u.ID, in.page(true))
		})
	register(a, operation{http.MethodPost, "/v0/users/{user}/keys", "create-user-key", "Make a key that acts for a person; it is shown once", access.ManageKeys, http.StatusCreated, 0},
		func(ctx context.Context, in *struct {
			UserPath
			Body api.NewKey
		}) (*bodyOutput[api.KeyCreated], error) {
			u, err := a.user(ctx, in.User)
			if err != nil {
				return nil, err
			}
			return body(a.createKey(ctx, ident.KeyUser, u.ID, in.Body))
		})
	register(a, operation{http.MethodDelete, "/v0/users/{user}/keys/{key}", "revoke-user-key", "Revoke a person's key", access.ManageKeys, http.StatusNoContent, 0},
		func(ctx context.Context, in *struct {
			UserPath
			KeyPath
		}) (*emptyOutput, error) {
			u, err := a.user(ctx, in.User)
			if err != nil {
				return nil, err
			}
			return a.revokeKey(ctx, u.ID, in.Key)
		})
	register(a, operation{http.MethodGet, "/v0/projects/{project}/keys", "list-project-keys", "A project's run keys, newest first, without their secrets", access.ManageProject, 0, 0},
		func(ctx context.Context, in *struct {
			ProjectPath
			PageInput
		}) (*listOutput[api.Key], error) {
			p, err := a.project(ctx, in.Project)
			if err != nil {
				return nil, err
			}
			return a.listKeys(ctx, p.ID, in.page(true))
		})
	register(a, operation{http.MethodPost, "/v0/projects/{project}/keys", "create-project-key", "Make a key that submits to this project; it is shown once", access.ManageProject, http.StatusCreated, 0},
		func(ctx context.Context, in *struct {
			ProjectPath
			Body api.NewKey
		}) (*bodyOutput[api.KeyCreated], error) {
			p, err := a.project(ctx, in.Project)
			if err != nil {
				return nil, err
			}
			return body(a.createKey(ctx, ident.KeyRun, p.ID, in.Body))
		})
	register(a, operation{http.MethodDelete, "/v0/projects/{project}/keys/{key}", "revoke-project-key", "Revoke a project's run key", access.ManageProject, http.StatusNoContent, 0},
		func(ctx context.Context, in *struct {
			ProjectPath
			KeyPath
		}) (*emptyOutput, error) {
			p, err := a.project(ctx, in.Project)
			if err != nil {
				return nil, err
			}
			return a.revokeKey(ctx, p.ID, in.Key)
		})
}

// user loads a person and authorizes; strangers get the same refusal whether there is such a person or not.
func (a *API) user(ctx context.Context, ref string) (account.Account, error) {
	var u account.Account
	err := a.cfg.Store.View(ctx, func(tx *store.Tx) error {
		var err error
		u, err = account.ByRef(ctx, tx, ref)
		return err
	})
	if err != nil && !fault.Is(err, fault.Missing) {
		return u, err
	}
	if refused := authorize(ctx, access.Resource{AccountID: u.ID, Name: ref}); refused != nil {
		return account.Account{}, refused
	}
	return u, err
}

func (a *API) listKeys(ctx context.Context, owner string, page store.Page) (*listOutput[api.Key], error) {
	var out listOutput[api.Key]
	err := a.cfg.Store.View(ctx, func(tx *store.Tx) error {
		rows, total, err := account.ListKeys(ctx, tx, owner, page)
		out.Body, out.Total = wires(rows, account.Key.Wire), total
		return err
	})
	return &out, err
}

func (a *API) createKey(ctx context.Context, kind ident.KeyKind, owner string, in api.NewKey) (api.KeyCreated, error) {
	var ttl *time.Duration
	if in.TTL != nil {
		const longest = 100 * 365 * 24 * 3600 // s; a duration cannot hold 300 years
		if *in.TTL > longest {
			return api.KeyCreated{}, fault.Invalidf("ttl %d s: the longest is %d s; leave it out for a key that does not expire", *in.TTL, longest)
		}
		d := time.Duration(*in.TTL) * time.Second
		ttl = &d
	}
	secret, row, err := a.cfg.Accounts.NewKey(ctx, account.KeyParams{Kind: kind, Owner: owner, Name: in.Name, TTL: ttl, Form: ident.KeyForm(in.Form)})
	return api.KeyCreated{Key: row.Wire(), Secret: secret}, err
}

func (a *API) revokeKey(ctx context.Context, owner, key string) (*emptyOutput, error) {
	return &emptyOutput{}, a.cfg.Store.Tx(ctx, func(tx *store.Tx) error { return account.RevokeKey(ctx, tx, owner, key) })
}

package httpapi

import (
	"context"
	"net/http"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
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
			return body(a.cfg.Accounts.User(ctx, actorOf(ctx), in.User))
		})
	register(a, operation{http.MethodGet, "/v0/users/{user}/keys", "list-user-keys", "A person's keys, newest first, without their secrets",
		access.ManageKeys, 0, 0},
		func(ctx context.Context, in *struct {
			UserPath
			PageInput
		}) (*listOutput[api.Key], error) {
			return listed(a.cfg.Accounts.Keys(ctx, actorOf(ctx), in.User, in.page(true)))
		})
	register(a, operation{http.MethodPost, "/v0/users/{user}/keys", "create-user-key", "Make a key that acts for a person; it is shown once",
		access.ManageKeys, http.StatusCreated, 0},
		func(ctx context.Context, in *struct {
			UserPath
			Body api.NewKey
		}) (*bodyOutput[api.KeyCreated], error) {
			return body(a.cfg.Accounts.CreateKey(ctx, actorOf(ctx), in.User, in.Body))
		})
	register(a, operation{http.MethodDelete, "/v0/users/{user}/keys/{key}", "revoke-user-key", "Revoke a person's key", access.ManageKeys,
		http.StatusNoContent, 0},
		func(ctx context.Context, in *struct {
			UserPath
			KeyPath
		}) (*emptyOutput, error) {
			return &emptyOutput{}, a.cfg.Accounts.RevokeKey(ctx, actorOf(ctx), in.User, in.Key)
		})
	register(a, operation{http.MethodGet, "/v0/projects/{project}/keys", "list-project-keys",
		"A project's run keys, newest first, without their secrets", access.ManageProject, 0, 0},
		func(ctx context.Context, in *struct {
			ProjectPath
			PageInput
		}) (*listOutput[api.Key], error) {
			return listed(a.cfg.Projects.Keys(ctx, actorOf(ctx), in.Project, in.page(true)))
		})
	register(a, operation{http.MethodPost, "/v0/projects/{project}/keys", "create-project-key",
		"Make a key that submits to this project; it is shown once", access.ManageProject, http.StatusCreated, 0},
		func(ctx context.Context, in *struct {
			ProjectPath
			Body api.NewKey
		}) (*bodyOutput[api.KeyCreated], error) {
			return body(a.cfg.Projects.CreateKey(ctx, actorOf(ctx), in.Project, in.Body))
		})
	register(a, operation{http.MethodDelete, "/v0/projects/{project}/keys/{key}", "revoke-project-key", "Revoke a project's run key",
		access.ManageProject, http.StatusNoContent, 0},
		func(ctx context.Context, in *struct {
			ProjectPath
			KeyPath
		}) (*emptyOutput, error) {
			return &emptyOutput{}, a.cfg.Projects.RevokeKey(ctx, actorOf(ctx), in.Project, in.Key)
		})
}

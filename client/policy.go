package client

import (
	"context"
	"net/http"

	"github.com/tachograph/tacho/api"
)

// Policy returns how the lines of a project are judged.
func (c *Client) Policy(ctx context.Context, project string) (api.Policy, error) {
	return get[api.Policy](ctx, c, at("projects", project, "policy"), nil)
}

// SetPolicy replaces the policy of the version that in names. Another version is a Conflict fault.
func (c *Client) SetPolicy(ctx context.Context, project string, in api.SetPolicy) (api.Policy, error) {
	return send[api.Policy](ctx, c, call{method: http.MethodPut, path: at("projects", project, "policy"), body: in})
}

// CheckPolicy says what would become of the project's events if a policy was set. It changes nothing.
func (c *Client) CheckPolicy(ctx context.Context, project string, in api.CheckPolicy) (api.CheckedPolicy, error) {
	return send[api.CheckedPolicy](ctx, c, call{method: http.MethodPost, path: at("projects", project, "policy", "check"), body: in,
		repeat: true})
}

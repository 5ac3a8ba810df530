package account

import (
	"context"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/door"
	"github.com/tachograph/tacho/internal/server/store"
)

// Organizations returns a page of the actor's organizations, of all for an administrator, and how many there are.
func (s *Service) Organizations(ctx context.Context, actor access.Actor, page store.Page) (out []api.Organization, total int, err error) {
	if err := door.Authorize(ctx, actor, access.ViewServer, access.Resource{}); err != nil {
		return nil, 0, err
	}
	accountID := actor.AccountID
	switch {
	case actor.Kind == access.Local, actor.Kind == access.User && actor.Admin:
		accountID = "" // all
	case actor.Kind != access.User:
		return []api.Organization{}, 0, nil
	}
	err = s.store.View(ctx, func(tx *store.Tx) error {
		rows, n, err := ListOrganizations(ctx, tx, accountID, page)
		total, out = n, store.Map(rows, Organization.Wire)
		return err
	})
	return out, total, err
}

// Organization returns one organization.
func (s *Service) Organization(ctx context.Context, actor access.Actor, ref string) (api.Organization, error) {
	o, err := s.organization(ctx, actor, access.CreateProject, ref)
	return o.Wire(), err
}

func (s *Service) organization(ctx context.Context, actor access.Actor, action access.Action, ref string) (o Organization, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		o, err = OpenOrganization(ctx, tx, actor, action, ref)
		return err
	})
	return o, err
}

// OpenOrganization loads an organization and asks whether actor may do action with it. Who may not see it learns nothing.
func OpenOrganization(ctx context.Context, tx *store.Tx, actor access.Actor, action access.Action, ref string) (Organization, error) {
	o, err := OrganizationByRef(ctx, tx, ref)
	if err != nil && !fault.Is(err, fault.Missing) {
		return o, err
	}
	if refused := door.Authorize(ctx, actor, action, access.Resource{OrganizationID: o.ID, Name: ref}); refused != nil {
		return Organization{}, refused
	}
	return o, err
}

// SetPlan changes an organization's plan.
func (s *Service) SetPlan(ctx context.Context, actor access.Actor, ref string, plan api.Plan) (out api.Organization, err error) {
	o, err := s.organization(ctx, actor, access.ManageServer, ref)
	if err != nil {
		return out, err
	}
	err = s.store.Tx(ctx, func(tx *store.Tx) error {
		if err := SetPlan(ctx, tx, o.ID, string(plan)); err != nil {
			return err
		}
		o, err := OrganizationByRef(ctx, tx, o.ID)
		out = o.Wire()
		return err
	})
	return out, err
}

// User returns one person.
func (s *Service) User(ctx context.Context, actor access.Actor, ref string) (api.User, error) {
	u, err := s.user(ctx, actor, access.ViewAccount, ref)
	return u.Wire(), err
}

// user loads a person and asks; strangers get the same refusal whether there is such a person or not.
func (s *Service) user(ctx context.Context, actor access.Actor, action access.Action, ref string) (u Account, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		u, err = ByRef(ctx, tx, ref)
		return err
	})
	if err != nil && !fault.Is(err, fault.Missing) {
		return u, err
	}
	if refused := door.Authorize(ctx, actor, action, access.Resource{AccountID: u.ID, Name: ref}); refused != nil {
		return Account{}, refused
	}
	return u, err
}

// Keys returns a page of a person's keys, and how many there are.
func (s *Service) Keys(ctx context.Context, actor access.Actor, user string, page store.Page) (out []api.Key, total int, err error) {
	u, err := s.user(ctx, actor, access.ManageKeys, user)
	if err != nil {
		return nil, 0, err
	}
	return s.KeysOf(ctx, u.ID, page)
}

// KeysOf returns a page of the keys of an account or a project that its caller has found open.
func (s *Service) KeysOf(ctx context.Context, owner string, page store.Page) (out []api.Key, total int, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		rows, n, err := ListKeys(ctx, tx, owner, page)
		total, out = n, store.Map(rows, Key.Wire)
		return err
	})
	return out, total, err
}

// CreateKey makes a key that acts for a person.
func (s *Service) CreateKey(ctx context.Context, actor access.Actor, user string, in api.NewKey) (api.KeyCreated, error) {
	u, err := s.user(ctx, actor, access.ManageKeys, user)
	if err != nil {
		return api.KeyCreated{}, err
	}
	return s.CreateKeyOf(ctx, ident.KeyUser, u.ID, in)
}

// CreateKeyOf makes a key for an account or a project that its caller has found open.
func (s *Service) CreateKeyOf(ctx context.Context, kind ident.KeyKind, owner string, in api.NewKey) (api.KeyCreated, error) {
	var ttl *time.Duration
	if in.TTL != nil {
		const longest = 100 * 365 * 24 * 3600 // s; a duration cannot hold 300 years
		if *in.TTL > longest {
			return api.KeyCreated{}, fault.Invalidf("ttl %d s: the longest is %d s; leave it out for a key that does not expire", *in.TTL, longest)
		}
		d := time.Duration(*in.TTL) * time.Second
		ttl = &d
	}
	secret, row, err := s.NewKey(ctx, KeyParams{Kind: kind, Owner: owner, Name: in.Name, TTL: ttl, Form: ident.KeyForm(in.Form)})
	return api.KeyCreated{Key: row.Wire(), Secret: secret}, err
}

// RevokeKey ends a person's key.
func (s *Service) RevokeKey(ctx context.Context, actor access.Actor, user, key string) error {
	u, err := s.user(ctx, actor, access.ManageKeys, user)
	if err != nil {
		return err
	}
	return s.RevokeKeyOf(ctx, u.ID, key)
}

// RevokeKeyOf ends a key of an account or a project that its caller has found open.
func (s *Service) RevokeKeyOf(ctx context.Context, owner, key string) error {
	return s.store.Tx(ctx, func(tx *store.Tx) error { return RevokeKey(ctx, tx, owner, key) })
}

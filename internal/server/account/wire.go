package account

import "github.com/tachograph/tacho/api"

// What the rows of this room are on the wire.

// Wire is an organization's row.
func (o Organization) Wire() api.Organization {
	return api.Organization{UUID: o.ID, Name: o.Name, Slug: o.Slug, Plan: api.Plan(o.Plan), Created: o.Created, Modified: o.Modified}
}

// Wire is an account's row.
func (a Account) Wire() api.User {
	return api.User{UUID: a.ID, Name: a.Name, Slug: a.Slug, Admin: a.Admin, Created: a.Created}
}

// PubWire is what everybody may know of an account.
func (a Account) PubWire() api.PubUser {
	return api.PubUser{UUID: a.ID, Name: a.Name, Slug: a.Slug}
}

// Wire is a key's row, without its hash.
func (k Key) Wire() api.Key {
	return api.Key{UUID: k.ID, Name: k.Name, Hint: k.Hint, Created: k.Created, Expires: k.Expires, Revoked: k.Revoked, LastUsed: k.LastUsed}
}

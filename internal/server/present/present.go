// Package present turns rows of the store into the wire types of api: the mappings that several services and handlers share. It loads
// nothing.
package present

import (
	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/server/store"
)

// Project maps a project's row.
func Project(p store.Project) api.Project {
	claimed := p.Created
	return api.Project{
		UUID: p.ID, Organization: p.OrganizationID, Name: p.Name, Slug: p.Slug, URL: p.URL, Visibility: api.Visibility(p.Visibility),
		Created: p.Created, Modified: p.Modified, Claimed: &claimed,
	}
}

// Organization maps an organization's row.
func Organization(o store.Organization) api.Organization {
	return api.Organization{UUID: o.ID, Name: o.Name, Slug: o.Slug, Plan: api.Plan(o.Plan), Created: o.Created, Modified: o.Modified}
}

// User maps an account's row.
func User(a store.Account) api.User {
	return api.User{UUID: a.ID, Name: a.Name, Slug: a.Slug, Admin: a.Admin, Created: a.Created}
}

// PubUser maps what everybody may know of an account.
func PubUser(a store.Account) api.PubUser { return api.PubUser{UUID: a.ID, Name: a.Name, Slug: a.Slug} }

// Testbed maps a testbed's row with its spec.
func Testbed(t store.Testbed) api.Testbed {
	out := api.Testbed{UUID: t.ID, Project: t.ProjectID, Name: t.Name, Slug: t.Slug, Created: t.Created, Modified: t.Modified, Archived: t.Archived}
	if t.Spec != nil {
		spec := Spec(*t.Spec)
		out.Spec = &spec
	}
	return out
}

// Spec maps a spec's row.
func Spec(r store.Spec) api.Spec {
	return api.Spec{
		UUID: r.ID, Name: r.Name, Slug: r.Slug, OS: r.OS, Architecture: r.Architecture, Isolation: r.Isolation, CPU: r.CPU, Memory: r.MemoryBytes,
		Disk: r.DiskBytes, Network: r.Network, Fallback: r.Fallback, Created: r.Created, Modified: r.Modified, Archived: r.Archived,
	}
}

// Benchmark maps a benchmark's row.
func Benchmark(b store.Benchmark) api.Benchmark {
	return api.Benchmark{UUID: b.ID, Project: b.ProjectID, Name: b.Name, Slug: b.Slug, Created: b.Created, Modified: b.Modified, Archived: b.Archived}
}

// Measure maps a measure's row.
func Measure(m store.Measure) api.Measure {
	return api.Measure{
		UUID: m.ID, Project: m.ProjectID, Name: m.Name, Slug: m.Slug, Units: m.Units, Direction: api.Direction(m.Direction), Exact: m.Exact,
		Created: m.Created, Modified: m.Modified, Archived: m.Archived,
	}
}

// Key maps a key's row, without its hash.
func Key(k store.Key) api.Key {
	return api.Key{UUID: k.ID, Name: k.Name, Hint: k.Hint, Created: k.Created, Expires: k.Expires, Revoked: k.Revoked, LastUsed: k.LastUsed}
}

// All maps a list; the result is never nil.
func All[R, W any](rows []R, one func(R) W) []W {
	out := make([]W, len(rows))
	for i, r := range rows {
		out[i] = one(r)
	}
	return out
}

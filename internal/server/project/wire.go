package project

import "github.com/tachograph/tacho/api"

// What the rows of this room are on the wire.

// Wire is a project's row.
func (p Project) Wire() api.Project {
	claimed := p.Created
	return api.Project{
		UUID: p.ID, Organization: p.OrganizationID, Name: p.Name, Slug: p.Slug, URL: p.URL, Visibility: api.Visibility(p.Visibility),
		Created: p.Created, Modified: p.Modified, Claimed: &claimed,
	}
}

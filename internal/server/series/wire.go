package series

import "github.com/tachograph/tacho/api"

// What the rows of this room are on the wire.

// Wire is a testbed's row with its spec.
func (t Testbed) Wire() api.Testbed {
	out := api.Testbed{UUID: t.ID, Project: t.ProjectID, Name: t.Name, Slug: t.Slug, Created: t.Created, Modified: t.Modified,
		Archived: t.Archived}
	if t.Spec != nil {
		spec := t.Spec.Wire()
		out.Spec = &spec
	}
	return out
}

// Wire is a benchmark's row.
func (b Benchmark) Wire() api.Benchmark {
	return api.Benchmark{UUID: b.ID, Project: b.ProjectID, Name: b.Name, Slug: b.Slug, Created: b.Created, Modified: b.Modified,
		Archived: b.Archived}
}

// Wire is a measure's row.
func (m Measure) Wire() api.Measure {
	return api.Measure{
		UUID: m.ID, Project: m.ProjectID, Name: m.Name, Slug: m.Slug, Units: m.Units, Direction: api.Direction(m.Direction), Exact: m.Exact,
		Created: m.Created, Modified: m.Modified, Archived: m.Archived,
	}
}

// Wire is a version without its id.
func (v Version) Wire() api.Version { return api.Version{Number: v.Number, Hash: v.Hash} }

package fleet

import "github.com/tachograph/tacho/api"

// What the rows of this room are on the wire.

// Wire is a spec's row.
func (r Spec) Wire() api.Spec {
	return api.Spec{
		UUID: r.ID, Name: r.Name, Slug: r.Slug, OS: r.OS, Architecture: r.Architecture, Isolation: r.Isolation, CPU: r.CPU, Memory: r.MemoryBytes,
		Disk: r.DiskBytes, Network: r.Network, Fallback: r.Fallback, Created: r.Created, Modified: r.Modified, Archived: r.Archived,
	}
}

package registry

import (
	"context"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/store"
)

// Resolve returns the digest that a tag or digest of a project's repository ("" is the project's own) points to, and the platforms that the
// image was made for. What is not there is a Missing fault.
func (g *Registry) Resolve(ctx context.Context, project store.Project, repository, reference string) (digest string, platforms []Platform, err error) {
	p := place{Name{project.Slug, repository}, project.ID}
	m, err := g.manifest(ctx, p, reference)
	if fault.Is(err, fault.Missing) {
		return "", nil, fault.Missingf("image %s:%s is not in this server's registry", p.name, reference)
	}
	if err != nil {
		return "", nil, err
	}
	read, _, err := parseManifest(m.Body, m.MediaType)
	if err != nil {
		return "", nil, err
	}
	for _, child := range read.Manifests {
		if child.Platform != nil && child.Platform.OS != "unknown" { // builders list signatures and provenance so
			platforms = append(platforms, *child.Platform)
		}
	}
	if read.Config != nil {
		one, err := g.configPlatform(ctx, read.Config.Digest)
		if err != nil {
			return "", nil, err
		}
		if one.OS != "" {
			platforms = append(platforms, one)
		}
	}
	return m.Digest, platforms, nil
}

package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/blob"
	"github.com/tachograph/tacho/internal/server/image"
	"github.com/tachograph/tacho/internal/server/project"
)

// Resolve returns the digest that a tag or digest of a project's repository ("" is the project's own) points to, and the platforms that the
// image was made for: of an index those of its children, of an image that of its config. An artifact that is no image has none. What is
// not there is a Missing fault.
func (g *Registry) Resolve(ctx context.Context, project project.Project, repository, reference string) (digest string,
	platforms []Platform, err error) {
	p := place{Name{project.Slug, repository}, project.ID}
	m, err := g.manifest(ctx, p, reference)
	if fault.Is(err, fault.Missing) {
		return "", nil, fault.Missingf("image %s:%s is not in this server's registry; push it first", p.name, reference)
	}
	if err != nil {
		return "", nil, err
	}
	platforms, err = g.platforms(ctx, p, m, indexDepth)
	return m.Digest, platforms, err
}

// indexDepth is how many indexes inside an index are followed; builders make one.
const indexDepth = 2

func (g *Registry) platforms(ctx context.Context, p place, row image.Manifest, depth int) (platforms []Platform, err error) {
	m, _, err := parseManifest(row.Body, row.MediaType)
	if err != nil {
		return nil, fmt.Errorf("read manifest %s: %w", row.Digest, err)
	}
	add := func(found ...Platform) {
		for _, one := range found {
			// Builders list signatures and provenance as images for an unknown system.
			if one.OS != "" && one.OS != "unknown" && !slices.Contains(platforms, one) {
				platforms = append(platforms, one)
			}
		}
	}
	for _, child := range m.Manifests {
		if child.Platform != nil {
			add(*child.Platform)
			continue
		}
		if depth == 0 {
			continue
		}
		row, err := g.manifest(ctx, p, child.Digest)
		if isMissing(err) {
			continue // deleted after the index came
		}
		if err != nil {
			return nil, err
		}
		found, err := g.platforms(ctx, p, row, depth-1)
		if err != nil {
			return nil, err
		}
		add(found...)
	}
	if m.Config != nil && (m.Config.MediaType == ociConfig || m.Config.MediaType == dockerConfig) {
		one, err := g.configPlatform(ctx, blob.Digest(m.Config.Digest))
		if err != nil {
			return nil, err
		}
		add(one)
	}
	return platforms, nil
}

// configPlatform reads the platform of a single image from its config blob.
func (g *Registry) configPlatform(ctx context.Context, digest blob.Digest) (p Platform, err error) {
	body, _, err := g.blobs.Open(ctx, digest, 0, -1)
	if err != nil {
		return p, fmt.Errorf("read image config: %w", err)
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, limits.ManifestBytes)) // whole, so that a damaged one is told from one that is no JSON
	if err != nil {
		return p, fmt.Errorf("read image config: %w", err)
	}
	if err := json.Unmarshal(text, &p); err != nil {
		return p, fault.Wrap(fault.Invalid, err, "image: its config %s is not the JSON of an image configuration", digest)
	}
	return p, nil
}

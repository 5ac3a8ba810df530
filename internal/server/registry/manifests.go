package registry

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/image"
	"github.com/tachograph/tacho/internal/server/store"
)

// parseReference splits what stands after "manifests/" into a tag or a digest; the other one is ”.
func parseReference(reference string) (tag, digest string, err error) {
	if isTag(reference) {
		return reference, "", nil
	}
	if strings.Contains(reference, ":") {
		d, err := parseDigest(reference)
		return "", string(d), err
	}
	return "", "", fault.Invalidf("%.150q can be neither a tag nor a digest", reference)
}

// getManifest answers end-3, GET and HEAD.
func (g *Registry) getManifest(w http.ResponseWriter, r *http.Request, p place, reference string) error {
	m, err := g.manifest(r.Context(), p, reference)
	if err != nil {
		return err
	}
	header := w.Header()
	header.Set("Docker-Content-Digest", m.Digest)
	header.Set("Etag", `"`+m.Digest+`"`)
	writeBody(w, http.StatusOK, m.MediaType, m.Body) // the server leaves the body of a HEAD out
	return nil
}

// manifest finds one by tag or digest. A reference that could never be one is as unknown as one that is not there.
func (g *Registry) manifest(ctx context.Context, p place, reference string) (m image.Manifest, err error) {
	tag, digest, err := parseReference(reference)
	if err != nil {
		if _, isDigest := errors.AsType[*aboutError](err); isDigest {
			return m, err
		}
		return m, about(aboutManifest, fault.Missingf("manifest %.150q does not exist", reference))
	}
	err = g.store.View(ctx, func(tx *store.Tx) error {
		if tag != "" {
			if digest, err = image.FindTag(ctx, tx, p.projectID, p.name.Image, tag); err != nil {
				return err
			}
		}
		m, err = image.FindManifest(ctx, tx, p.projectID, p.name.Image, digest)
		return err
	})
	return m, about(aboutManifest, err)
}

// putManifest answers end-7: what the manifest names must be there, then it is stored and its tag set, in one transaction.
func (g *Registry) putManifest(w http.ResponseWriter, r *http.Request, p place, reference string) error {
	tag, asked, err := parseReference(reference)
	if err != nil {
		return about(aboutManifest, err)
	}
	body, err := readManifest(w, r)
	if err != nil {
		return about(aboutManifest, err)
	}
	if err := g.again(r, p); err != nil {
		return err
	}
	digest := digestOf(body)
	if asked != "" && asked != digest {
		return about(aboutDigest, fault.Invalidf("manifest: its digest is %s, not %s", digest, asked))
	}
	m, mediaType, err := parseManifest(body, r.Header.Get("Content-Type"))
	if err != nil {
		return about(aboutManifest, err)
	}
	row := image.Manifest{
		ProjectID: p.projectID, Repository: p.name.Image, Digest: digest, MediaType: mediaType, ArtifactType: m.artifactType(), Body: body,
	}
	if m.Subject != nil {
		row.Subject = m.Subject.Digest
		if len(m.Annotations) > 0 { // the list of referrers repeats them
			text, err := json.Marshal(m.Annotations)
			if err != nil {
				return err
			}
			row.Annotations = string(text)
		}
	}
	err = g.store.Tx(r.Context(), func(tx *store.Tx) error {
		if err := tx.Lock(r.Context(), store.ImagesOf(p.projectID)); err != nil {
			return err
		}
		references, err := present(r.Context(), tx, p, m)
		if err != nil {
			return about(aboutReference, err)
		}
		if err := image.PutManifest(r.Context(), tx, row, references); err != nil {
			return err
		}
		if tag == "" {
			return nil
		}
		return image.SetTag(r.Context(), tx, p.projectID, p.name.Image, tag, digest)
	})
	if err != nil {
		return err
	}
	header := w.Header()
	header.Set("Location", "/v2/"+p.name.String()+"/manifests/"+digest)
	header.Set("Docker-Content-Digest", digest)
	if m.Subject != nil {
		header.Set("OCI-Subject", m.Subject.Digest)
	}
	writeEmpty(w, http.StatusCreated)
	return nil
}

func readManifest(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	over := fault.TooLargef("manifest: it is over the limit of %d bytes", limits.ManifestBytes)
	if r.ContentLength > limits.ManifestBytes {
		return nil, over
	}
	body, err := io.ReadAll(io.LimitReader(newSteadyBody(w, r), limits.ManifestBytes+1))
	switch {
	case err != nil:
		return nil, fault.Wrap(fault.Canceled, err, "manifest: the request broke off before its end")
	case len(body) > limits.ManifestBytes:
		return nil, over
	}
	return body, nil
}

// present checks that everything that a manifest names is there, and returns the digests of the blobs among it. A subject need not be
// there yet.
func present(ctx context.Context, tx *store.Tx, p place, m manifest) (blobs []string, err error) {
	for _, d := range m.blobs() {
		size, err := image.BlobSize(ctx, tx, p.projectID, d.Digest)
		if isMissing(err) {
			return nil, fault.Missingf("manifest: it names the blob %s, which was not pushed to the project %s", d.Digest, p.name.Project)
		}
		if err != nil {
			return nil, err
		}
		if size != d.Size {
			return nil, fault.Invalidf("manifest: it says that the blob %s has %d bytes, it has %d", d.Digest, d.Size, size)
		}
		blobs = append(blobs, d.Digest)
	}
	for _, child := range m.Manifests {
		has, err := image.HasManifest(ctx, tx, p.projectID, p.name.Image, child.Digest)
		if err != nil {
			return nil, err
		}
		if !has {
			return nil, fault.Missingf("index: it names the manifest %s, which was not pushed to the repository %s", child.Digest, p.name)
		}
	}
	return blobs, nil
}

// deleteManifest answers end-9, of a tag alone or of a manifest with all its tags.
func (g *Registry) deleteManifest(w http.ResponseWriter, r *http.Request, p place, reference string) error {
	tag, digest, err := parseReference(reference)
	if err != nil {
		return about(aboutManifest, err)
	}
	err = g.store.Tx(r.Context(), func(tx *store.Tx) error {
		if err := tx.Lock(r.Context(), store.ImagesOf(p.projectID)); err != nil {
			return err
		}
		if tag != "" {
			return image.DeleteTag(r.Context(), tx, p.projectID, p.name.Image, tag)
		}
		return image.DeleteManifest(r.Context(), tx, p.projectID, p.name.Image, digest)
	})
	if err != nil {
		return about(aboutManifest, err)
	}
	writeEmpty(w, http.StatusAccepted)
	return nil
}

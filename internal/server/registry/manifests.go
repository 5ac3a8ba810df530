package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/blob"
	"github.com/tachograph/tacho/internal/server/store"
)

// The media types of manifests. Docker's old ones are read and served like OCI's.
const (
	ociManifest    = "application/vnd.oci.image.manifest.v1+json"
	ociIndex       = "application/vnd.oci.image.index.v1+json"
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// descriptor is what a manifest says of another thing.
type descriptor struct {
	MediaType    string            `json:"mediaType"`
	Digest       string            `json:"digest"`
	Size         int64             `json:"size"`
	ArtifactType string            `json:"artifactType,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	Platform     *Platform         `json:"platform,omitempty"`
}

// Platform is an operating system and an architecture, in the OCI spelling.
type Platform struct {
	OS           string `json:"os"`
	Architecture string `json:"architecture"`
}

// manifest is the part of an image manifest or an index that the registry reads.
type manifest struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"`
	ArtifactType  string            `json:"artifactType"`
	Config        *descriptor       `json:"config"`
	Layers        []descriptor      `json:"layers"`
	Manifests     []descriptor      `json:"manifests"`
	Subject       *descriptor       `json:"subject"`
	Annotations   map[string]string `json:"annotations"`
}

func digestOf(body []byte) string {
	sum := sha256.Sum256(body)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// getManifest answers end-3, GET and HEAD.
func (g *Registry) getManifest(w http.ResponseWriter, r *http.Request, p place, reference string) error {
	m, err := g.manifest(r.Context(), p, reference)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Docker-Content-Digest", m.Digest)
	h.Set("Etag", `"`+m.Digest+`"`)
	if r.Method == http.MethodHead {
		h.Set("Content-Type", m.MediaType)
		h.Set("Content-Length", strconv.Itoa(len(m.Body)))
		w.WriteHeader(http.StatusOK)
		return nil
	}
	writeBody(w, http.StatusOK, m.MediaType, m.Body)
	return nil
}

// manifest finds by tag or digest.
func (g *Registry) manifest(ctx context.Context, p place, reference string) (store.RegistryManifest, error) {
	var m store.RegistryManifest
	digest := reference
	if !isTag(reference) {
		d, err := parseDigest(reference)
		if err != nil {
			return m, err
		}
		digest = string(d)
	}
	err := g.store.View(ctx, func(tx *store.Tx) error {
		var err error
		if isTag(reference) {
			if digest, err = tx.RegistryTag(ctx, p.projectID, p.name.Image, reference); err != nil {
				return err
			}
		}
		m, err = tx.RegistryManifest(ctx, p.projectID, p.name.Image, digest)
		return err
	})
	return m, about(aboutManifest, err)
}

// putManifest answers end-7: what the manifest names must be there, then it is stored and its tag set, in one transaction.
func (g *Registry) putManifest(w http.ResponseWriter, r *http.Request, p place, reference string) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, io.NopCloser(newSteadyBody(w, r)), limits.ManifestBytes))
	if err != nil {
		if _, over := errors.AsType[*http.MaxBytesError](err); over {
			return about(aboutManifest, fault.TooLargef("manifest: it is over the limit of %d bytes", limits.ManifestBytes))
		}
		return about(aboutRequest, fault.Wrap(fault.Invalid, err, "manifest: the body could not be read"))
	}
	digest := digestOf(body)
	tag := reference
	if !isTag(reference) {
		tag = ""
		asked, err := parseDigest(reference)
		if err != nil {
			return err
		}
		if string(asked) != digest {
			return about(aboutDigest, fault.Invalidf("manifest: its digest is %s, not %s", digest, asked))
		}
	}
	m, mediaType, err := parseManifest(body, r.Header.Get("Content-Type"))
	if err != nil {
		return about(aboutManifest, err)
	}
	row := store.RegistryManifest{
		ProjectID: p.projectID, Repository: p.name.Image, Digest: digest, MediaType: mediaType, ArtifactType: artifactType(m), Size: int64(len(body)), Body: body,
	}
	if m.Subject != nil {
		row.Subject = m.Subject.Digest
	}
	if len(m.Annotations) > 0 {
		raw, err := json.Marshal(m.Annotations)
		if err != nil {
			return err
		}
		row.Annotations = string(raw)
	}
	err = g.store.Tx(r.Context(), func(tx *store.Tx) error {
		references, err := present(r.Context(), tx, p, m)
		if err != nil {
			return err
		}
		if err := tx.PutRegistryManifest(r.Context(), row, references); err != nil {
			return err
		}
		if tag == "" {
			return nil
		}
		return tx.SetRegistryTag(r.Context(), p.projectID, p.name.Image, tag, digest)
	})
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Location", "/v2/"+p.name.String()+"/manifests/"+digest)
	h.Set("Docker-Content-Digest", digest)
	if m.Subject != nil {
		h.Set("OCI-Subject", m.Subject.Digest)
	}
	writeEmpty(w, http.StatusCreated)
	return nil
}

// parseManifest reads a manifest and its media type: what the body says, else the header.
func parseManifest(body []byte, header string) (manifest, string, error) {
	var m manifest
	if err := json.Unmarshal(body, &m); err != nil {
		return m, "", fault.Wrap(fault.Invalid, err, "manifest: it is not the JSON of an image manifest or an index")
	}
	mediaType, _, err := mime.ParseMediaType(header)
	if err != nil {
		mediaType = ""
	}
	switch {
	case m.MediaType != "" && mediaType != "" && m.MediaType != mediaType:
		return m, "", fault.Invalidf("manifest: it says it is %.100q, the Content-Type says %.100q", m.MediaType, mediaType)
	case m.MediaType != "":
		mediaType = m.MediaType
	}
	switch mediaType {
	case ociManifest, dockerManifest:
		if m.Config == nil {
			return m, "", fault.Invalidf("manifest: it has no config")
		}
	case ociIndex, dockerList:
	default:
		return m, "", fault.Invalidf("manifest: media type %.100q is none that this registry keeps", mediaType)
	}
	if m.SchemaVersion != 2 {
		return m, "", fault.Invalidf("manifest: schema version %d, want 2", m.SchemaVersion)
	}
	if n := len(m.Layers) + len(m.Manifests); n > limits.RegistryManifestReferences {
		return m, "", fault.Invalidf("manifest: it names %d things, the limit is %d", n, limits.RegistryManifestReferences)
	}
	named := append(append([]descriptor{}, m.Layers...), m.Manifests...)
	for _, d := range []*descriptor{m.Config, m.Subject} {
		if d != nil {
			named = append(named, *d)
		}
	}
	for _, d := range named {
		if _, err := parseDigest(d.Digest); err != nil {
			return m, "", err
		}
	}
	return m, mediaType, nil
}

// artifactType is what referrers are filtered by: the manifest's own, else its config's media type.
func artifactType(m manifest) string {
	if m.ArtifactType == "" && m.Config != nil {
		return m.Config.MediaType
	}
	return m.ArtifactType
}

// foreignLayer reports whether a layer lies elsewhere by design and is not pushed.
func foreignLayer(mediaType string) bool {
	return mediaType == "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" ||
		mediaType == "application/vnd.oci.image.layer.nondistributable.v1.tar" || mediaType == "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
}

// present checks that the project has everything that a manifest names, and returns the blobs among it. A subject need not be there yet.
func present(ctx context.Context, tx *store.Tx, p place, m manifest) ([]string, error) {
	var blobs []string
	if m.Config != nil {
		blobs = append(blobs, m.Config.Digest)
	}
	for _, l := range m.Layers {
		if !foreignLayer(l.MediaType) {
			blobs = append(blobs, l.Digest)
		}
	}
	for _, digest := range blobs {
		if _, err := tx.RegistryBlob(ctx, p.projectID, digest); err != nil {
			if isMissing(err) {
				return nil, about(aboutReference, fault.Missingf("manifest: it names blob %s, which was not pushed to this project", digest))
			}
			return nil, err
		}
	}
	for _, child := range m.Manifests {
		has, err := tx.HasRegistryManifest(ctx, p.projectID, p.name.Image, child.Digest)
		if err != nil {
			return nil, err
		}
		if !has {
			return nil, about(aboutReference, fault.Missingf("index: it names manifest %s, which was not pushed to this repository", child.Digest))
		}
	}
	return blobs, nil
}

// deleteManifest answers end-9, of a tag or of a manifest with all its tags.
func (g *Registry) deleteManifest(w http.ResponseWriter, r *http.Request, p place, reference string) error {
	err := g.store.Tx(r.Context(), func(tx *store.Tx) error {
		if isTag(reference) {
			return tx.DeleteRegistryTag(r.Context(), p.projectID, p.name.Image, reference)
		}
		d, err := parseDigest(reference)
		if err != nil {
			return err
		}
		return tx.DeleteRegistryManifest(r.Context(), p.projectID, p.name.Image, string(d))
	})
	if err != nil {
		return about(aboutManifest, err)
	}
	writeEmpty(w, http.StatusAccepted)
	return nil
}

// configPlatform reads the platform of a single image from its config blob.
func (g *Registry) configPlatform(ctx context.Context, digest string) (Platform, error) {
	d, err := blob.ParseDigest(digest)
	if err != nil {
		return Platform{}, err
	}
	rc, _, err := g.blobs.Open(ctx, d, 0, -1)
	if err != nil {
		return Platform{}, err
	}
	defer rc.Close()
	var p Platform
	if err := json.NewDecoder(io.LimitReader(rc, limits.ManifestBytes)).Decode(&p); err != nil {
		return Platform{}, fault.Wrap(fault.Invalid, err, "image: its config is not the JSON of an image configuration")
	}
	return p, nil
}

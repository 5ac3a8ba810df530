package registry

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"mime"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

// The media types of manifests. Docker's old ones are read and served like OCI's.
const (
	ociManifest    = "application/vnd.oci.image.manifest.v1+json"
	ociIndex       = "application/vnd.oci.image.index.v1+json"
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// The media types of the configs that tell a platform. Those of other artifacts may be anything.
const (
	ociConfig    = "application/vnd.oci.image.config.v1+json"
	dockerConfig = "application/vnd.docker.container.image.v1+json"
)

// descriptor is what a manifest says of another thing.
type descriptor struct {
	MediaType    string            `json:"mediaType"`
	Digest       string            `json:"digest"`
	Size         int64             `json:"size"` // bytes
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

// parseManifest reads a manifest and its media type: what the body says, else the Content-Type header. A body that could be taken for an
// image by one reader and for an index by another is refused (CVE-2021-41190). Every error is an Invalid fault.
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
		if m.Manifests != nil {
			return m, "", fault.Invalidf("manifest: it is an image and has the field of an index, \"manifests\"")
		}
	case ociIndex, dockerList:
		if m.Config != nil || m.Layers != nil {
			return m, "", fault.Invalidf("manifest: it is an index and has a field of an image, \"config\" or \"layers\"")
		}
	default:
		return m, "", fault.Invalidf("manifest: unsupported media type %.100q; push an OCI or Docker image or index",
			mediaType)
	}
	if m.SchemaVersion != 2 {
		return m, "", fault.Invalidf("manifest: schema version %d, want 2", m.SchemaVersion)
	}
	return m, mediaType, checkDescriptors(m)
}

// checkDescriptors looks at everything that a manifest names, as far as that can be done without looking whether it is there.
func checkDescriptors(m manifest) error {
	if n := len(m.Layers) + len(m.Manifests); n > limits.RegistryManifestReferences {
		return fault.Invalidf("manifest: it names %d things, the limit is %d", n, limits.RegistryManifestReferences)
	}
	check := func(what string, d descriptor) error {
		if _, err := parseDigest(d.Digest); err != nil {
			return fault.Invalidf("manifest: %s: %s", what, fault.Message(err))
		}
		if d.Size < 0 {
			return fault.Invalidf("manifest: %s: its size is %d", what, d.Size)
		}
		return nil
	}
	for _, l := range m.Layers {
		if err := check("layer", l); err != nil {
			return err
		}
	}
	for _, c := range m.Manifests {
		if err := check("child", c); err != nil {
			return err
		}
	}
	if m.Config != nil {
		if err := check("config", *m.Config); err != nil {
			return err
		}
	}
	if m.Subject == nil {
		return nil
	}
	if err := check("subject", *m.Subject); err != nil {
		return err
	}
	size := 0
	for k, v := range m.Annotations {
		size += len(k) + len(v)
	}
	if size > limits.RegistryAnnotationsBytes {
		return fault.Invalidf("manifest: its annotations have %d bytes, the limit for one with a subject is %d; put them into a layer", size,
			limits.RegistryAnnotationsBytes)
	}
	return nil
}

// artifactType is what referrers are filtered by: the manifest's own, else its config's media type.
func (m manifest) artifactType() string {
	if m.ArtifactType == "" && m.Config != nil {
		return m.Config.MediaType
	}
	return m.ArtifactType
}

// blobs are the config and those layers that are pushed.
func (m manifest) blobs() []descriptor {
	var blobs []descriptor
	if m.Config != nil {
		blobs = append(blobs, *m.Config)
	}
	for _, l := range m.Layers {
		if !foreignLayer(l.MediaType) {
			blobs = append(blobs, l)
		}
	}
	return blobs
}

// foreignLayer reports whether a layer lies elsewhere by design and is not pushed.
func foreignLayer(mediaType string) bool {
	switch mediaType {
	case "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
		"application/vnd.oci.image.layer.nondistributable.v1.tar",
		"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
		"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd":
		return true
	}
	return false
}

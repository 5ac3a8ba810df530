package upstream

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
)

// client reads one repository of a registry, as anybody. Everything that it reads has a bound.
type client struct {
	base       string // "https://ghcr.io"
	repository string
	http       *http.Client
	token      string // bearer, once the registry has asked for one
}

// Media types of what a reference may point to: OCI image specification 1.1, and Docker's schema 2 before it.
const (
	ociIndex       = "application/vnd.oci.image.index.v1+json"
	ociManifest    = "application/vnd.oci.image.manifest.v1+json"
	dockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
)

// answerError is a status that is not a success.
type answerError struct {
	path   string
	status int
}

func (e *answerError) Error() string { return fmt.Sprintf("GET %s: %d", e.path, e.status) }

// tooLargeError says that something is over its bound.
type tooLargeError struct {
	what  string
	limit int64
}

func (e *tooLargeError) Error() string { return fmt.Sprintf("%s is over %d bytes", e.what, e.limit) }

// image finds the digest and the platforms of a tag or digest.
func (c *client) image(ctx context.Context, version string) (Image, error) {
	body, mediaType, err := c.read(ctx, readParams{
		what: "manifest", path: "manifests/" + version, limit: limits.ManifestBytes,
		accept: strings.Join([]string{ociIndex, ociManifest, dockerList, dockerManifest}, ", "),
	})
	if err != nil {
		return Image{}, err
	}
	digest := digestOf(body)
	if ident.IsDigest(version) && version != digest {
		return Image{}, fmt.Errorf("manifest %s: what came is %s", version, digest)
	}
	m, err := readManifest(body)
	if err != nil {
		return Image{}, fmt.Errorf("manifest %s: %w", digest, err)
	}
	if mediaType != ociIndex && mediaType != ociManifest && mediaType != dockerList && mediaType != dockerManifest {
		mediaType = m.mediaType // some registries serve everything as JSON
	}
	switch mediaType {
	case ociIndex, dockerList:
		return Image{Digest: digest, Platforms: m.platforms}, nil
	case ociManifest, dockerManifest:
		platform, err := c.platform(ctx, m.config)
		return Image{Digest: digest, Platforms: []Platform{platform}}, err
	}
	return Image{}, fmt.Errorf("manifest %s: media type %.100q is not one of an image", digest, mediaType)
}

// platform reads what an image was made for from its configuration.
func (c *client) platform(ctx context.Context, config descriptor) (Platform, error) {
	if !ident.IsDigest(config.Digest) {
		return Platform{}, fmt.Errorf("the configuration's digest %.100q is not one", config.Digest)
	}
	if config.Size > limits.ImageConfigBytes {
		return Platform{}, &tooLargeError{"configuration", limits.ImageConfigBytes}
	}
	body, _, err := c.read(ctx, readParams{what: "configuration", path: "blobs/" + config.Digest, limit: limits.ImageConfigBytes})
	if err != nil {
		return Platform{}, err
	}
	if got := digestOf(body); got != config.Digest {
		return Platform{}, fmt.Errorf("configuration %s: what came is %s", config.Digest, got)
	}
	var p struct {
		OS           string `json:"os"`
		Architecture string `json:"architecture"`
	}
	if err := json.Unmarshal(body, &p); err != nil {
		return Platform{}, fmt.Errorf("configuration %s: %w", config.Digest, err)
	}
	return Platform{p.OS, p.Architecture}, nil
}

// descriptor is what we look at of an OCI descriptor.
type descriptor struct {
	Digest   string    `json:"digest"`
	Size     int64     `json:"size"`
	Platform *Platform `json:"platform"`
}

// UnmarshalJSON reads {"os": …, "architecture": …}.
func (p *Platform) UnmarshalJSON(raw []byte) error {
	var in struct {
		OS           string `json:"os"`
		Architecture string `json:"architecture"`
	}
	err := json.Unmarshal(raw, &in)
	*p = Platform{in.OS, in.Architecture}
	return err
}

// manifest is what we look at of a manifest or an index.
type manifest struct {
	mediaType string
	config    descriptor
	platforms []Platform
}

// readManifest reads a document entry by entry: a few MiB of "{},{},{}" would be hundreds of MiB as a list.
func readManifest(body []byte) (m manifest, err error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	if err := expect(dec, '{'); err != nil {
		return m, err
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return m, err
		}
		switch key {
		case "mediaType":
			err = dec.Decode(&m.mediaType)
		case "config":
			err = dec.Decode(&m.config)
		case "manifests":
			m.platforms, err = readPlatforms(dec)
		default:
			var skipped json.RawMessage
			err = dec.Decode(&skipped)
		}
		if err != nil {
			return m, err
		}
	}
	return m, expect(dec, '}')
}

func readPlatforms(dec *json.Decoder) ([]Platform, error) {
	if err := expect(dec, '['); err != nil {
		return nil, err
	}
	var out []Platform
	for n := 0; dec.More(); n++ {
		if n == limits.ForeignPlatforms {
			return nil, fmt.Errorf("more than %d entries", limits.ForeignPlatforms)
		}
		var d descriptor
		if err := dec.Decode(&d); err != nil {
			return nil, err
		}
		if d.Platform != nil && d.Platform.OS != "unknown" { // signatures and provenance lie beside the images as unknown/unknown
			out = append(out, *d.Platform)
		}
	}
	return out, expect(dec, ']')
}

func expect(dec *json.Decoder, want json.Delim) error {
	got, err := dec.Token()
	if err == nil && got != want {
		err = fmt.Errorf("want %s, got %v", want, got)
	}
	return err
}

func digestOf(body []byte) string {
	sum := sha256.Sum256(body)
	return "sha256:" + hex.EncodeToString(sum[:])
}

type readParams struct {
	what, path, accept string
	limit              int64
}

// read returns a document of the repository and its media type. A registry that wants a token gets one and is asked once more.
func (c *client) read(ctx context.Context, p readParams) (body []byte, mediaType string, err error) {
	at := c.base + "/v2/" + c.repository + "/" + p.path
	for {
		resp, err := c.get(ctx, at, p.accept)
		if err != nil {
			return nil, "", err
		}
		if resp.StatusCode == http.StatusUnauthorized && c.token == "" {
			challenge := resp.Header.Values("WWW-Authenticate")
			if err := resp.Body.Close(); err != nil {
				return nil, "", err
			}
			if err := c.fetchToken(ctx, challenge); err != nil {
				return nil, "", err
			}
			continue
		}
		body, err := bounded(resp, p.what, p.limit)
		if err != nil {
			return nil, "", err
		}
		mediaType, _, _ = mime.ParseMediaType(resp.Header.Get("Content-Type")) // a bad one is no media type of ours
		return body, mediaType, nil
	}
}

func (c *client) get(ctx context.Context, at, accept string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, http.NoBody)
	if err != nil {
		return nil, err
	}
	if accept != "" {
		req.Header.Set("Accept", accept)
	}
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("User-Agent", "tacho")
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	return c.http.Do(req)
}

// bounded reads a whole body and closes it.
func bounded(resp *http.Response, what string, limit int64) (body []byte, err error) {
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if resp.StatusCode != http.StatusOK {
		return nil, &answerError{resp.Request.URL.Path, resp.StatusCode}
	}
	if resp.ContentLength > limit {
		return nil, &tooLargeError{what, limit}
	}
	body, err = io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	if int64(len(body)) > limit {
		return nil, &tooLargeError{what, limit}
	}
	return body, nil
}

// fetchToken gets a token for nobody in particular from the server that the registry names: Docker's token authentication.
func (c *client) fetchToken(ctx context.Context, challenges []string) error {
	var params map[string]string
	for _, challenge := range challenges {
		if scheme, rest, _ := strings.Cut(challenge, " "); strings.EqualFold(scheme, "Bearer") {
			params = authParams(rest)
			break
		}
	}
	at, err := url.Parse(params["realm"])
	if err != nil || at.Host == "" {
		return &answerError{c.repository, http.StatusUnauthorized} // it wants a password
	}
	query := at.Query()
	query.Set("scope", "repository:"+c.repository+":pull")
	if service := params["service"]; service != "" {
		query.Set("service", service)
	}
	at.RawQuery = query.Encode()
	resp, err := c.get(ctx, at.String(), "")
	if err != nil {
		return err
	}
	if resp.StatusCode == http.StatusNotFound { // not the image is missing
		resp.StatusCode = http.StatusBadGateway
	}
	body, err := bounded(resp, "token", limits.ForeignTokenBytes)
	if err != nil {
		return err
	}
	var answer struct {
		Token       string `json:"token"`
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("read token: %w", err)
	}
	if c.token = answer.Token; c.token == "" {
		c.token = answer.AccessToken
	}
	if c.token == "" {
		return &answerError{at.Path, http.StatusUnauthorized}
	}
	return nil
}

// authParams reads name="value" pairs of a challenge (RFC 9110, section 11.2). A value in quotes may hold commas.
func authParams(s string) map[string]string {
	out := map[string]string{}
	for s != "" {
		name, rest, ok := strings.Cut(s, "=")
		if !ok {
			break
		}
		name = strings.ToLower(strings.Trim(name, ", \t"))
		var value strings.Builder
		if quoted, isQuoted := strings.CutPrefix(rest, `"`); isQuoted {
			rest = ""
			for i := 0; i < len(quoted); i++ {
				if quoted[i] == '"' {
					rest = quoted[i+1:]
					break
				}
				if quoted[i] == '\\' && i+1 < len(quoted) {
					i++
				}
				value.WriteByte(quoted[i])
			}
		} else {
			plain, after, _ := strings.Cut(rest, ",")
			value.WriteString(strings.TrimSpace(plain))
			rest = after
		}
		out[name], s = value.String(), rest
	}
	return out
}

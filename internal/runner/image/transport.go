package image

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

// bounded is a round tripper for one registry: it bounds what the library below reads whole, and marks bodies that break off. Layers are
// bounded by their manifest.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body := &pulledBody{ReadCloser: resp.Body, left: -1}
	if !strings.Contains(asked(r).URL.Path, "/blobs/") {
		body.left = limits.ManifestBytes
	}
	resp.Body = body
	return resp, nil
}

// asked is the request that redirects began with.
func asked(r *http.Request) *http.Request {
	for r.Response != nil && r.Response.Request != nil {
		r = r.Response.Request
	}
	return r
}

type pulledBody struct {
	io.ReadCloser
	left int64 // bytes that may still come; negative: no bound
}

func (b *pulledBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left >= 0 {
		if b.left -= int64(n); b.left < 0 {
			return 0, fault.Invalidf("image: the registry sent a manifest over the limit of %d bytes", limits.ManifestBytes)
		}
	}
	if err != nil && err != io.EOF { //nolint:errorlint // as the contract of io.Reader has it
		err = &brokenError{err}
	}
	return n, err
}

// brokenError is a transfer that ended before its end. It is nothing that the image did.
type brokenError struct{ cause error }

func (e *brokenError) Error() string { return fmt.Sprintf("the transfer broke off: %v", e.cause) }
func (e *brokenError) Unwrap() error { return e.cause }

// checkConfig refuses an image whose configuration is too large, before it is read.
func checkConfig(img v1.Image) error {
	m, err := img.Manifest()
	if err != nil {
		return err
	}
	if m.Config.Size < 0 || m.Config.Size > limits.ImageConfigBytes { // without a size it would be read without an end
		return fault.Invalidf("image: its configuration has %d bytes, the limit is %d", m.Config.Size, limits.ImageConfigBytes)
	}
	return nil
}

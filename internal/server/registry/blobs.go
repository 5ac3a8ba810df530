package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/blob"
	"github.com/tachograph/tacho/internal/server/image"
	"github.com/tachograph/tacho/internal/server/store"
)

// headBlob answers end-2 (HEAD). A blob whose bytes were lost is unknown, so that the next push brings them again.
func (g *Registry) headBlob(w http.ResponseWriter, r *http.Request, p place, reference string) error {
	digest, err := g.visibleBlob(r.Context(), p, reference)
	if err != nil {
		return err
	}
	info, err := g.blobs.Stat(r.Context(), digest)
	if err != nil {
		return about(aboutBlob, err)
	}
	blobHeaders(w, digest)
	w.Header().Set("Content-Length", strconv.FormatInt(info.Size, 10))
	w.WriteHeader(http.StatusOK)
	return nil
}

// getBlob answers end-2 (GET), whole or one range.
func (g *Registry) getBlob(w http.ResponseWriter, r *http.Request, p place, reference string) error {
	digest, err := g.visibleBlob(r.Context(), p, reference)
	if err != nil {
		return err
	}
	part := byteRange{0, -1}
	status := http.StatusOK
	if header := r.Header.Get("Range"); header != "" {
		info, err := g.blobs.Stat(r.Context(), digest)
		if err != nil {
			return about(aboutBlob, err)
		}
		if asked, satisfiable, ok := parseRange(header, info.Size); ok {
			if !satisfiable {
				w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", info.Size))
				return about(aboutRange, fault.Invalidf("blob %s: the range lies outside its %d bytes", digest, info.Size))
			}
			part, status = asked, http.StatusPartialContent
		}
	}
	body, size, err := g.blobs.Open(r.Context(), digest, part.start, part.length)
	if err != nil {
		return about(aboutBlob, err)
	}
	defer body.Close()

	blobHeaders(w, digest)
	if status == http.StatusPartialContent {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", part.start, part.start+part.length-1, size))
	} else {
		part.length = size
	}
	w.Header().Set("Content-Length", strconv.FormatInt(part.length, 10))
	w.WriteHeader(status)
	if err := send(w, body); err != nil {
		// Too late for an answer: fewer bytes than Content-Length has told close the connection.
		if _, gone := errors.AsType[*goneError](err); !gone {
			g.log.ErrorContext(r.Context(), "read blob to send", slog.String("digest", string(digest)), slog.Any("error", err))
		}
	}
	return nil
}

// deleteBlob answers end-10: the project does not see the blob any more. The collector removes its bytes when no one does.
func (g *Registry) deleteBlob(w http.ResponseWriter, r *http.Request, p place, reference string) error {
	digest, err := parseDigest(reference)
	if err != nil {
		return err
	}
	err = g.store.Tx(r.Context(), func(tx *store.Tx) error {
		return image.DeleteBlob(r.Context(), tx, p.projectID, string(digest))
	})
	if err != nil {
		return about(aboutBlob, err)
	}
	writeEmpty(w, http.StatusAccepted)
	return nil
}

// visibleBlob returns the digest in a path if the project may see that blob.
func (g *Registry) visibleBlob(ctx context.Context, p place, reference string) (blob.Digest, error) {
	digest, err := parseDigest(reference)
	if err != nil {
		return "", err
	}
	err = g.store.View(ctx, func(tx *store.Tx) error {
		_, err := image.BlobSize(ctx, tx, p.projectID, string(digest))
		return err
	})
	return digest, about(aboutBlob, err)
}

func blobHeaders(w http.ResponseWriter, digest blob.Digest) {
	header := w.Header()
	header.Set("Accept-Ranges", "bytes")
	header.Set("Content-Type", "application/octet-stream")
	header.Set("Docker-Content-Digest", string(digest))
	header.Set("Etag", `"`+string(digest)+`"`)
}

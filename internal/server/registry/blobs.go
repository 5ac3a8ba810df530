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

// headBlob answers end-2 (HEAD).
func (g *Registry) headBlob(w http.ResponseWriter, r *http.Request, p place, reference string) error {
	digest, size, err := g.visibleBlob(r.Context(), p, reference)
	if err != nil {
		return err
	}
	blobHeaders(w, digest)
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	w.WriteHeader(http.StatusOK)
	return nil
}

// getBlob answers end-2 (GET), whole or one range. A range is not compared with the digest: its reader compares the whole that it puts
// together.
func (g *Registry) getBlob(w http.ResponseWriter, r *http.Request, p place, reference string) error {
	digest, size, err := g.visibleBlob(r.Context(), p, reference)
	if err != nil {
		return err
	}
	part := byteRange{0, -1}
	status := http.StatusOK
	if header := r.Header.Get("Range"); header != "" {
		if asked, satisfiable, ok := parseRange(header, size); ok {
			if !satisfiable {
				w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", size))
				return about(aboutRange, fault.Invalidf("blob %s: the range lies outside its %d bytes", digest, size))
			}
			part, status = asked, http.StatusPartialContent
		}
	}
	body, _, err := g.blobs.Open(r.Context(), digest, part.start, part.length)
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
		if err := tx.Lock(r.Context(), store.ImagesOf(p.projectID)); err != nil {
			return err
		}
		return image.DeleteBlob(r.Context(), tx, p.projectID, string(digest))
	})
	if err != nil {
		return about(aboutBlob, err)
	}
	writeEmpty(w, http.StatusAccepted)
	return nil
}

// visibleBlob returns the digest in a path and the blob's size in bytes, if the project may see that blob. One that has lost bytes is
// unknown, so that the next push brings them again.
func (g *Registry) visibleBlob(ctx context.Context, p place, reference string) (blob.Digest, int64, error) {
	digest, err := parseDigest(reference)
	if err != nil {
		return "", 0, err
	}
	var size int64
	err = g.store.View(ctx, func(tx *store.Tx) (err error) {
		size, err = image.BlobSize(ctx, tx, p.projectID, string(digest))
		return err
	})
	if err != nil {
		return "", 0, about(aboutBlob, err)
	}
	info, err := g.blobs.Stat(ctx, digest)
	if err == nil && info.Size != size {
		g.log.ErrorContext(ctx, "blob has lost bytes", slog.String("digest", string(digest)), slog.Int64("has", info.Size),
			slog.Int64("wants", size))
		err = fault.Missingf("blob %s: some of its bytes were lost; push it again", digest)
	}
	return digest, size, about(aboutBlob, err)
}

func blobHeaders(w http.ResponseWriter, digest blob.Digest) {
	header := w.Header()
	header.Set("Accept-Ranges", "bytes")
	header.Set("Content-Type", "application/octet-stream")
	header.Set("Docker-Content-Digest", string(digest))
	header.Set("Etag", `"`+string(digest)+`"`)
}

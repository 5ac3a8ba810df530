package registry

import (
	"context"
	"fmt"
	"net/http"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/blob"
	"github.com/tachograph/tacho/internal/server/image"
	"github.com/tachograph/tacho/internal/server/store"
)

// postUpload answers end-4a (begin a session), end-4b (?digest=: the whole blob at once) and end-11 (?mount=: a blob that another
// repository has). A mount that is not possible begins a session instead, without a word about what the other repository has.
func (g *Registry) postUpload(w http.ResponseWriter, r *http.Request, p place, _ string) error {
	query := r.URL.Query()
	if query.Has("mount") {
		digest, err := parseDigest(query.Get("mount"))
		if err != nil {
			return err
		}
		mounted, err := g.mount(r, p, digest, query.Get("from"))
		if err != nil {
			return err
		}
		if mounted {
			blobCreated(w, p, digest)
			return nil
		}
	}
	if !query.Has("digest") {
		id, err := g.beginUpload(r.Context(), p)
		if err != nil {
			return err
		}
		uploadAccepted(w, p, id, 0, http.StatusAccepted)
		return nil
	}

	digest, err := parseDigest(query.Get("digest"))
	if err != nil {
		return err
	}
	id, err := g.beginUpload(r.Context(), p)
	if err != nil {
		return err
	}
	if _, err = g.receive(w, r, id, 0); err == nil {
		err = g.again(r, p)
	}
	if err == nil {
		err = g.commitUpload(r.Context(), p, id, digest)
	}
	if err != nil {
		g.dropUpload(r.Context(), id) // its id was never told
		return err
	}
	blobCreated(w, p, digest)
	return nil
}

// getUpload answers end-13: how far the session has come.
func (g *Registry) getUpload(w http.ResponseWriter, r *http.Request, p place, id string) error {
	size, err := g.openUpload(r.Context(), p, id)
	if err != nil {
		return err
	}
	uploadAccepted(w, p, id, size, http.StatusNoContent)
	return nil
}

// patchUpload answers end-5: one piece more.
func (g *Registry) patchUpload(w http.ResponseWriter, r *http.Request, p place, id string) error {
	size, err := g.openUpload(r.Context(), p, id)
	if err != nil {
		return err
	}
	reached, err := g.receive(w, r, id, size)
	if err != nil {
		if reached >= 0 {
			uploadHeaders(w, p, id, reached)
		}
		return err
	}
	if err := g.again(r, p); err != nil {
		return err
	}
	uploadAccepted(w, p, id, reached, http.StatusAccepted)
	return nil
}

// putUpload answers end-6: the last piece, which may be empty, and the digest of it all.
func (g *Registry) putUpload(w http.ResponseWriter, r *http.Request, p place, id string) error {
	digest, err := parseDigest(r.URL.Query().Get("digest"))
	if err != nil {
		return err
	}
	size, err := g.openUpload(r.Context(), p, id)
	if err != nil {
		return err
	}
	if r.ContentLength != 0 {
		reached, err := g.receive(w, r, id, size)
		if err != nil {
			if reached >= 0 {
				uploadHeaders(w, p, id, reached)
			}
			return err
		}
	}
	if err := g.again(r, p); err != nil {
		return err
	}
	if err := g.commitUpload(r.Context(), p, id, digest); err != nil {
		return err
	}
	blobCreated(w, p, digest)
	return nil
}

// deleteUpload answers the cancellation of a session.
func (g *Registry) deleteUpload(w http.ResponseWriter, r *http.Request, p place, id string) error {
	if _, err := g.openUpload(r.Context(), p, id); err != nil {
		return err
	}
	if err := g.blobs.Abort(r.Context(), id); err != nil && !isMissing(err) {
		return about(aboutUpload, err)
	}
	if err := g.forgetUpload(r.Context(), id); err != nil {
		return err
	}
	writeEmpty(w, http.StatusNoContent)
	return nil
}

// mount lets the project see a blob that another of the client's repositories has. Refusals of any kind are "no": only trouble of our
// own is an error.
func (g *Registry) mount(r *http.Request, p place, digest blob.Digest, from string) (bool, error) {
	name, err := ParseName(from)
	if err != nil {
		return false, nil
	}
	source, err := g.authorize(r, name, Pull)
	switch kind := fault.Of(err); {
	case err == nil:
	case kind == fault.Internal || kind == fault.Unavailable || kind == fault.Canceled:
		return false, err
	default:
		return false, nil
	}
	err = g.store.Tx(r.Context(), func(tx *store.Tx) error {
		if err := tx.Lock(r.Context(), store.ImagesOf(source.projectID), store.ImagesOf(p.projectID)); err != nil {
			return err
		}
		size, err := image.BlobSize(r.Context(), tx, source.projectID, string(digest))
		if err != nil {
			return err
		}
		return image.PutBlob(r.Context(), tx, p.projectID, string(digest), size)
	})
	if isMissing(err) {
		return false, nil
	}
	return err == nil, err
}

// beginUpload opens a session that belongs to the repository.
func (g *Registry) beginUpload(ctx context.Context, p place) (string, error) {
	id, err := g.blobs.Begin(ctx)
	if err != nil {
		return "", about(aboutUpload, err)
	}
	err = g.store.Tx(ctx, func(tx *store.Tx) error {
		if err := tx.Lock(ctx, store.UploadsOf(p.projectID)); err != nil {
			return err
		}
		open, err := image.CountUploads(ctx, tx, p.projectID)
		if err != nil {
			return err
		}
		if open >= limits.RegistryUploadsPerProject {
			return fault.New(fault.TooMany, "project %s: %d uploads are open, which is the limit; finish or cancel some, or wait an hour",
				p.name.Project, open)
		}
		return image.InsertUpload(ctx, tx, id, p.projectID, p.name.Image)
	})
	if err != nil {
		g.dropUpload(ctx, id)
		return "", err
	}
	return id, nil
}

// openUpload returns the size of a session if it is this repository's.
func (g *Registry) openUpload(ctx context.Context, p place, id string) (int64, error) {
	err := g.store.View(ctx, func(tx *store.Tx) error {
		return image.CheckUpload(ctx, tx, id, p.projectID, p.name.Image)
	})
	if err != nil {
		return 0, about(aboutUpload, err)
	}
	size, err := g.blobs.UploadSize(ctx, id)
	return size, about(aboutUpload, err)
}

// receive appends the request's body to a session that has size bytes, and returns what it has then: also with an error, as far as
// that is known, else -1.
func (g *Registry) receive(w http.ResponseWriter, r *http.Request, id string, size int64) (int64, error) {
	bound := g.maxBlobBytes
	chunk, told := byteRange{}, false
	if header := r.Header.Get("Content-Range"); header != "" {
		if chunk, told = parseContentRange(header); !told {
			return size, about(aboutUpload, fault.Invalidf("upload %s: Content-Range must be FIRST-LAST, both in bytes and inclusive", id))
		}
		if chunk.start != size {
			return size, about(aboutChunk, fault.Conflictf("upload %s: the chunk begins at byte %d, but %d bytes have arrived; go on from there",
				id, chunk.start, size))
		}
		if r.ContentLength >= 0 && r.ContentLength != chunk.length {
			return size, about(aboutUpload, fault.Invalidf("upload %s: Content-Range tells %d bytes, Content-Length %d", id, chunk.length,
				r.ContentLength))
		}
		bound = min(bound, chunk.length+size)
	}
	if r.ContentLength > g.maxBlobBytes-size {
		return size, about(aboutUpload, fault.TooLargef("blob: more than the limit of %d bytes", g.maxBlobBytes))
	}
	reached, err := g.blobs.Append(r.Context(), id, size, newSteadyBody(w, r), bound)
	switch {
	case fault.Is(err, fault.TooLarge) && bound < g.maxBlobBytes:
		return reached, about(aboutUpload, fault.Invalidf("upload %s: the chunk is longer than the %d bytes of its Content-Range", id,
			chunk.length))
	case fault.Is(err, fault.TooLarge):
		return reached, about(aboutUpload, fault.TooLargef("blob: more than the limit of %d bytes", g.maxBlobBytes))
	case fault.Is(err, fault.Conflict):
		return -1, about(aboutChunk, err)
	case err != nil:
		return reached, about(aboutUpload, err)
	case told && reached != size+chunk.length:
		return reached, about(aboutUpload, fault.Invalidf("upload %s: %d bytes came of the %d that Content-Range told", id, reached-size,
			chunk.length))
	}
	return reached, nil
}

// commitUpload makes the session's bytes a blob that the project sees. After a crash between the two steps the blob is garbage and the
// client, who has no answer, pushes again.
func (g *Registry) commitUpload(ctx context.Context, p place, id string, digest blob.Digest) error {
	size, err := g.blobs.Commit(ctx, id, digest)
	if fault.Is(err, fault.Invalid) { // the session is over
		if forgetErr := g.forgetUpload(ctx, id); forgetErr != nil {
			return forgetErr
		}
		return about(aboutDigest, err)
	}
	if err != nil {
		return about(aboutUpload, err)
	}
	return g.store.Tx(ctx, func(tx *store.Tx) error {
		if err := tx.Lock(ctx, store.ImagesOf(p.projectID)); err != nil {
			return err
		}
		if err := image.DeleteUpload(ctx, tx, id); err != nil {
			return err
		}
		return image.PutBlob(ctx, tx, p.projectID, string(digest), size)
	})
}

func (g *Registry) forgetUpload(ctx context.Context, id string) error {
	err := g.store.Tx(ctx, func(tx *store.Tx) error { return image.DeleteUpload(ctx, tx, id) })
	if err != nil {
		return fmt.Errorf("forget upload %s: %w", id, err)
	}
	return nil
}

// dropUpload ends a session that nobody can go on with. What it cannot remove now, the collector finds.
func (g *Registry) dropUpload(ctx context.Context, id string) {
	ctx = context.WithoutCancel(ctx) // the client may be the one who has gone
	_ = g.blobs.Abort(ctx, id)
	_ = g.forgetUpload(ctx, id)
}

func blobCreated(w http.ResponseWriter, p place, digest blob.Digest) {
	w.Header().Set("Location", "/v2/"+p.name.String()+"/blobs/"+string(digest))
	w.Header().Set("Docker-Content-Digest", string(digest))
	writeEmpty(w, http.StatusCreated)
}

func uploadAccepted(w http.ResponseWriter, p place, id string, size int64, status int) {
	uploadHeaders(w, p, id, size)
	writeEmpty(w, status)
}

// uploadHeaders say where to go on and from which byte. The empty session has the range "0-0" by custom.
func uploadHeaders(w http.ResponseWriter, p place, id string, size int64) {
	w.Header().Set("Location", "/v2/"+p.name.String()+"/blobs/uploads/"+id)
	w.Header().Set("Docker-Upload-UUID", id)
	w.Header().Set("Range", fmt.Sprintf("0-%d", max(size-1, 0)))
}

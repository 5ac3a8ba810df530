package registry_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/image"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

// asking returns what sends a request of the owner past the network, and keeps the status of its answer.
func (w *fixture) asking(method, path, body, contentType string, status *int) func(context.Context) error {
	return func(ctx context.Context) error {
		r := httptest.NewRequestWithContext(ctx, method, "http://"+w.host()+path, strings.NewReader(body))
		r.SetBasicAuth("someone", ownerKey)
		if contentType != "" {
			r.Header.Set("Content-Type", contentType)
		}
		answer := httptest.NewRecorder()
		w.registry.ServeHTTP(answer, r)
		*status = answer.Code
		return nil
	}
}

// beforeItsOwn is the number of the commit of what a request does: its rights are asked in one of their own, and again after its body.
const beforeItsOwn = 2

func TestTwoUploadsAtOncePassNoLimit(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		w := openFixture(t, race.Open)
		p := w.project("open")
		storetest.Do(t, w.store, func(tx *store.Tx) error {
			for i := range limits.RegistryUploadsPerProject - 1 {
				if err := image.InsertUpload(t.Context(), tx, fmt.Sprint("u", i), p.ID, "app"); err != nil {
					return err
				}
			}
			return nil
		})
		var a, b int
		begin := func(status *int) func(context.Context) error {
			return w.asking(http.MethodPost, "/v2/open/app/blobs/uploads/", "", "", status)
		}
		race.Run(beforeItsOwn, begin(&a), begin(&b))
		if a != http.StatusAccepted || b != http.StatusTooManyRequests {
			t.Errorf("the last upload: %d, and the one too many: %d; want 202 and 429", a, b)
		}
	})
}

// TestABlobStaysForTheManifestThatNamesIt although nothing named it when the collector began.
func TestABlobStaysForTheManifestThatNamesIt(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		w := openFixture(t, race.Open)
		config := w.pushBlob("open/app", []byte("{}"))
		w.clock.advance(48 * time.Hour)
		manifest := fmt.Sprintf(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
			"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":%q,"size":2},"layers":[]}`, config)
		var status int
		of1, of2 := race.Run(beforeItsOwn+1, w.asking(http.MethodPut, "/v2/open/app/manifests/v1", manifest,
			"application/vnd.oci.image.manifest.v1+json", &status), func(ctx context.Context) error {
			_, err := w.registry.Collect(ctx, w.clock.now().Add(-24*time.Hour))
			return err
		})
		if of1 != nil || of2 != nil || status != http.StatusCreated {
			t.Fatalf("push: %d; collect: %v", status, of2)
		}
		storetest.Do(t, w.store, func(tx *store.Tx) error {
			_, err := image.BlobSize(t.Context(), tx, w.project("open").ID, config)
			if err != nil {
				t.Errorf("what the manifest names: %v", err)
			}
			return nil
		})
	})
}

// TestAMountedBlobStays although the collector takes it from the project that it came from.
func TestAMountedBlobStays(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		w := openFixture(t, race.Open)
		digest := w.pushBlob("open/app", []byte("layer"))
		w.clock.advance(48 * time.Hour)
		var status int
		_, of2 := race.Run(beforeItsOwn+1, w.asking(http.MethodPost, "/v2/other/app/blobs/uploads/?mount="+digest+"&from=open/app", "", "",
			&status), func(ctx context.Context) error {
			_, err := w.registry.Collect(ctx, w.clock.now().Add(-24*time.Hour))
			return err
		})
		if status != http.StatusCreated || of2 != nil {
			t.Fatalf("mount: %d; collect: %v", status, of2)
		}
		if answer := w.do(request{method: http.MethodGet, path: "/v2/other/app/blobs/" + digest}); answer.StatusCode != http.StatusOK {
			t.Errorf("the mounted blob: %d, want 200", answer.StatusCode)
		}
	})
}

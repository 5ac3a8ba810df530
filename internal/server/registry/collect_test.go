package registry_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/blob"
)

// put stores bytes as another room does, without a row of the registry.
func (w *fixture) put(text string) string {
	w.t.Helper()
	d, _, err := w.blobs.Put(w.t.Context(), bytes.NewReader([]byte(text)), 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(d)
}

func (w *fixture) has(digest string) bool {
	w.t.Helper()
	_, err := w.blobs.Stat(w.t.Context(), blob.Digest(digest))
	if err != nil && !fault.Is(err, fault.Missing) {
		w.t.Fatal(err)
	}
	return err == nil
}

func (w *fixture) collect(before time.Time) int {
	w.t.Helper()
	n, err := w.registry.Collect(w.t.Context(), before)
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

func TestCollectDeletesWhatNobodyNames(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	image := w.image("open/app", "amd64")
	kept := w.pushManifest("open/app", "v1", ociManifest, image)
	garbage := w.put("nobody's")
	unused := w.pushBlob("open/app", []byte("pushed, then given up"))
	inOther := w.pushBlob("other", []byte("used in open, unused in other"))
	output, input := w.put("output of a job"), w.put("input of a report")
	w.exec(`insert into job_output (job_id, epoch, iteration, kind, digest, size, created) values ('j', 1, 0, 'stdout', $1, 1, 0)`, output)
	w.exec(`insert into report_input (report_id, iteration, digest, size) values ('r', 0, $1, 1)`, input)

	if n := w.collect(w.clock.now()); n != 0 {
		t.Errorf("what is younger than an hour: %d deleted", n)
	}
	w.clock.advance(limits.RegistryKeepNew + time.Second)
	young := w.put("young garbage")
	if n := w.collect(w.clock.now()); n != 3 {
		t.Errorf("want 3 deleted, got %d", n)
	}
	for digest, want := range map[string]bool{garbage: false, unused: false, inOther: false, output: true, input: true, young: true} {
		if got := w.has(digest); got != want {
			t.Errorf("%s is there: want %v, got %v", digest, want, got)
		}
	}
	w.refused(404, "BLOB_UNKNOWN", request{method: "GET", path: "/v2/open/app/blobs/" + unused})
	w.want(200, request{method: "GET", path: "/v2/open/app/manifests/" + kept})
	w.want(200, request{method: "GET", path: "/v2/open/app/blobs/" + digestOf([]byte("layer for amd64"))})

	// A manifest takes its blobs along, and an owner that has gone takes its own.
	w.want(202, request{method: "DELETE", path: "/v2/open/app/manifests/" + kept})
	w.exec(`delete from job_output`)
	w.clock.advance(limits.RegistryKeepNew + time.Second)
	if n := w.collect(w.clock.now()); n != 4 { // config, layer, output, young
		t.Errorf("after the deletions: want 4 deleted, got %d", n)
	}
	if !w.has(input) {
		t.Error("the input of a report went with the image")
	}
}

func TestCollectSparesABlobThatWasPushedAgain(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	digest := w.pushBlob("open", []byte("again"))
	w.clock.advance(2 * limits.RegistryKeepNew)
	w.pushBlob("open", []byte("again"))
	if n := w.collect(w.clock.now()); n != 0 || !w.has(digest) {
		t.Errorf("%d deleted", n)
	}
	w.want(200, request{method: "HEAD", path: "/v2/open/blobs/" + digest})
}

func TestCollectSparesTheBytesThatAnotherProjectSees(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	for _, project := range []string{"open", "other"} {
		w.pushManifest(project, "v1", ociManifest, w.image(project, "amd64"))
	}
	w.want(202, request{method: "DELETE", path: "/v2/open/manifests/" +
		digestOf(w.want(200, request{method: "GET", path: "/v2/open/manifests/v1"}).body)})
	w.clock.advance(2 * limits.RegistryKeepNew)
	if n := w.collect(w.clock.now()); n != 0 {
		t.Errorf("%d deleted", n)
	}
	layer := digestOf([]byte("layer for amd64"))
	w.refused(404, "BLOB_UNKNOWN", request{method: "GET", path: "/v2/open/blobs/" + layer})
	w.want(200, request{method: "GET", path: "/v2/other/blobs/" + layer})
}

func TestCollectEndsUploadsThatNobodyTouches(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	left, used := w.beginUpload("open"), w.beginUpload("open")
	orphan, err := w.blobs.Begin(t.Context()) // a crash between the session and its row
	if err != nil {
		t.Fatal(err)
	}
	w.clock.advance(2 * limits.RegistryKeepNew)
	w.want(202, request{method: "PATCH", path: used, body: []byte("x")})
	w.collect(w.clock.now())
	w.refused(404, "BLOB_UPLOAD_UNKNOWN", request{method: "GET", path: left})
	w.want(201, request{method: "PUT", path: used + "?digest=" + digestOf([]byte("x"))})
	if _, err := w.blobs.UploadSize(t.Context(), orphan); fault.Of(err) != fault.Missing {
		t.Errorf("the session without a row: %v", err)
	}
	var rows int
	if w.query(`select count(*) from registry_upload`, &rows); rows != 0 {
		t.Errorf("%d rows are left", rows)
	}
}

// An upload that takes longer than the limit in one request is at work, not stale.
func TestCollectLeavesAnUploadAtWork(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	at := w.beginUpload("open")
	r, pipe := io.Pipe()
	done := make(chan answer)
	go func() { done <- w.do(request{method: "PATCH", path: at, reader: r, key: ownerKey}) }()
	// More than the network and both ends can hold, so that the session is being written to when this returns.
	if _, err := pipe.Write(bytes.Repeat([]byte("x"), 16<<20)); err != nil {
		t.Fatal(err)
	}
	w.clock.advance(2 * limits.RegistryKeepNew)
	w.collect(w.clock.now())
	pipe.Close()
	if a := <-done; a.StatusCode != 202 || a.Header.Get("Range") != "0-16777215" {
		t.Errorf("want 202, got %d %s %s", a.StatusCode, a.Header.Get("Range"), a.body)
	}
	w.want(204, request{method: "GET", path: at})
}

// A row that names something else than a digest means that what is to be kept is not known.
func TestCollectStopsBeforeItDeletesOnABrokenRow(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	garbage := w.put("nobody's")
	w.exec(`insert into report_input (report_id, iteration, digest, size) values ('r', 0, 'md5:abc', 1)`)
	w.clock.advance(2 * limits.RegistryKeepNew)
	if _, err := w.registry.Collect(t.Context(), w.clock.now()); err == nil {
		t.Error("no error")
	}
	if !w.has(garbage) {
		t.Error("it deleted all the same")
	}
}

func TestCollectWalksMoreThanOneBatch(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	w.exec(`insert into report_input (report_id, iteration, digest, size)
		with recursive n (i) as (select 0 union all select i + 1 from n where i < $1)
		select 'r', i, 'sha256:' || substr('`+strings.Repeat("0", 64)+`' || i, 1 + length(i || '')), 1 from n`, limits.RegistryCollectBatch+5)
	kept := w.put("kept: the row of the highest digest")
	w.exec(`insert into report_input (report_id, iteration, digest, size) values ('r', -1, $1, 1)`, kept)
	garbage := w.put("garbage")
	w.clock.advance(2 * limits.RegistryKeepNew)
	if n := w.collect(w.clock.now()); n != 1 || !w.has(kept) || w.has(garbage) {
		t.Errorf("%d deleted; kept %v, garbage %v", n, w.has(kept), w.has(garbage))
	}
}

func TestBrokenStorageIsAnInternalError(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	// A file stands where the sessions should be.
	uploads := filepath.Join(filepath.Dir(w.database), "blobs", "uploads")
	if err := errors.Join(os.Remove(uploads), os.WriteFile(uploads, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	w.refused(500, "UNKNOWN", request{method: "POST", path: "/v2/open" + begin})
	if err := errors.Join(os.Remove(uploads), os.Mkdir(uploads, 0o700)); err != nil {
		t.Fatal(err)
	}
	w.want(202, request{method: "POST", path: "/v2/open" + begin})
}

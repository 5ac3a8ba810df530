// Package blobtest is the specification of blob.Store as tests. Each driver's own tests call Run; new semantics land here first.
package blobtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/blob"
)

// Fixture is one empty store and what a test may do to it.
type Fixture struct {
	Store blob.Store
	// Advance moves the store's clock forward.
	Advance func(time.Duration)
	// Now is the store's clock.
	Now func() time.Time
	// Reopen returns the store as a new process would find it. The old one is not used any more.
	Reopen func() blob.Store
	// Damage replaces the stored bytes of a blob behind the store's back.
	Damage func(blob.Digest, []byte)
}

// Run checks that the stores made by open keep the contract of blob.Store.
func Run(t *testing.T, open func(t *testing.T) Fixture) {
	for name, test := range map[string]func(t *testing.T, f Fixture){
		"PutThenOpenGivesTheSameBytes":            putThenOpen,
		"PutTwiceIsOneBlobAndRenewsItsAge":        putTwice,
		"PutOverTheLimitKeepsNothing":             putOverLimit,
		"PutOfABrokenStreamKeepsNothing":          putBroken,
		"OpenServesRanges":                        openRanges,
		"DamagedBlobIsNeverReadToItsEnd":          damagedBlob,
		"PuttingADamagedBlobAgainHealsIt":         healedBlob,
		"OpenedBlobOutlivesItsDeletion":           openOutlivesDelete,
		"AbsentBlobIsMissing":                     absentIsMissing,
		"MalformedDigestIsRefused":                malformedDigest,
		"ListTellsEveryBlobInOrder":               listAll,
		"ListStopsAtAnError":                      listStops,
		"DeleteBeforeSparesTheYoung":              deleteBefore,
		"UploadInPiecesBecomesABlob":              uploadInPieces,
		"UploadIsInvisibleBeforeCommit":           uploadInvisible,
		"UploadAtAWrongOffsetIsAConflict":         uploadWrongOffset,
		"UploadOverTheLimitStaysAsItWas":          uploadOverLimit,
		"UploadGoesOnAfterABrokenStream":          uploadBroken,
		"UploadGoesOnAfterARestart":               uploadRestart,
		"CommitWithAnotherDigestEndsTheUpload":    commitMismatch,
		"EmptyUploadIsTheEmptyBlob":               emptyUpload,
		"AbortForgetsTheUpload":                   abort,
		"UnknownUploadIsMissing":                  unknownUpload,
		"OneUploadTakesOneCallAtATime":            uploadBusy,
		"StaleUploadsAreThoseNobodyTouched":       staleUploads,
		"ManyPutsOfTheSameAndOtherBlobsAtOnce":    putConcurrently,
		"CanceledContextStopsPut":                 canceledPut,
		"ExactlyTheLimitIsAllowed":                exactLimit,
		"DeletedBlobCanBePutAgain":                putAfterDelete,
		"PutWhileOthersDeleteEndsWithAWholeBlob":  putAgainstDelete,
		"ReadersNeverSeeAPartOfABlobBeingWritten": noPartialReads,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

const limit = 1 << 20

func digestOf(b []byte) blob.Digest {
	sum := sha256.Sum256(b)
	return blob.Digest("sha256:" + hex.EncodeToString(sum[:]))
}

// text returns n bytes that depend on seed.
func text(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func put(t *testing.T, s blob.Store, b []byte) blob.Digest {
	t.Helper()
	d, size, err := s.Put(t.Context(), bytes.NewReader(b), limit)
	if err != nil {
		t.Fatal(err)
	}
	if size != int64(len(b)) {
		t.Fatalf("size: want %d, got %d", len(b), size)
	}
	return d
}

func read(t *testing.T, s blob.Store, d blob.Digest, offset, length int64) []byte {
	t.Helper()
	r, _, err := s.Open(t.Context(), d, offset, length)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func begin(t *testing.T, s blob.Store) string {
	t.Helper()
	id, err := s.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func appendTo(t *testing.T, s blob.Store, id string, offset int64, b []byte) {
	t.Helper()
	size, err := s.Append(t.Context(), id, offset, bytes.NewReader(b), limit)
	if err != nil {
		t.Fatal(err)
	}
	if want := offset + int64(len(b)); size != want {
		t.Fatalf("size after append: want %d, got %d", want, size)
	}
}

func wantKind(t *testing.T, want fault.Kind, err error) {
	t.Helper()
	if err == nil || fault.Of(err) != want {
		t.Fatalf("want %v, got %v", want, err)
	}
}

func all(t *testing.T, s blob.Store) []blob.Digest {
	t.Helper()
	var got []blob.Digest
	if err := s.List(t.Context(), func(i blob.Info) error { got = append(got, i.Digest); return nil }); err != nil {
		t.Fatal(err)
	}
	return got
}

func putThenOpen(t *testing.T, f Fixture) {
	for i, n := range []int{0, 1, 255 << 10, 256 << 10, 300_001} {
		want := text(uint64(i), n)
		d := put(t, f.Store, want)
		if d != digestOf(want) {
			t.Errorf("digest of %d bytes: want %s, got %s", n, digestOf(want), d)
		}
		if got := read(t, f.Store, d, 0, -1); !bytes.Equal(want, got) {
			t.Errorf("%d bytes came back as %d others", n, len(got))
		}
		info, err := f.Store.Stat(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size != int64(n) || info.Digest != d {
			t.Errorf("stat: want %s of %d bytes, got %+v", d, n, info)
		}
	}
}

func putTwice(t *testing.T, f Fixture) {
	d := put(t, f.Store, []byte("twice"))
	first, err := f.Store.Stat(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	f.Advance(2 * time.Hour)
	put(t, f.Store, []byte("twice"))
	second, err := f.Store.Stat(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	if got := second.Modified.Sub(first.Modified); got < time.Hour {
		t.Errorf("the second put made the blob younger by %v, want 2h", got)
	}
	if diff := cmp.Diff([]blob.Digest{d}, all(t, f.Store)); diff != "" {
		t.Errorf("blobs (-want +got):\n%s", diff)
	}
}

func putOverLimit(t *testing.T, f Fixture) {
	_, _, err := f.Store.Put(t.Context(), bytes.NewReader(text(1, 1001)), 1000)
	wantKind(t, fault.TooLarge, err)
	if got := all(t, f.Store); len(got) != 0 {
		t.Errorf("kept %v", got)
	}
}

func exactLimit(t *testing.T, f Fixture) {
	if _, _, err := f.Store.Put(t.Context(), bytes.NewReader(text(1, 1000)), 1000); err != nil {
		t.Error(err)
	}
	id := begin(t, f.Store)
	if _, err := f.Store.Append(t.Context(), id, 0, bytes.NewReader(text(2, 1000)), 1000); err != nil {
		t.Error(err)
	}
}

func putBroken(t *testing.T, f Fixture) {
	r := io.MultiReader(bytes.NewReader(text(1, 1000)), iotest.ErrReader(errors.New("cable pulled")))
	_, _, err := f.Store.Put(t.Context(), r, limit)
	wantKind(t, fault.Canceled, err)
	if got := all(t, f.Store); len(got) != 0 {
		t.Errorf("kept %v", got)
	}
}

func canceledPut(t *testing.T, f Fixture) {
	ctx, cancel := context.WithCancel(t.Context())
	endless := readerFunc(func(p []byte) (int, error) { cancel(); return len(p), nil })
	_, _, err := f.Store.Put(ctx, endless, 1<<62)
	wantKind(t, fault.Canceled, err)
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func damagedBlob(t *testing.T, f Fixture) {
	for name, c := range map[string]struct{ stored, found []byte }{
		"one bit":   {text(1, 1000), flip(text(1, 1000), 999)},
		"first bit": {text(2, 1000), flip(text(2, 1000), 0)},
		"cut off":   {text(3, 1000), text(3, 999)},
		"longer":    {text(4, 1000), append(text(4, 1000), 0)},
		"emptied":   {text(5, 1000), nil},
		"large":     {text(6, limit), flip(text(6, limit), limit/2)},
	} {
		t.Run(name, func(t *testing.T) {
			d := put(t, f.Store, c.stored)
			f.Damage(d, c.found)
			r, _, err := f.Store.Open(t.Context(), d, 0, -1)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			var pieces io.Reader = r
			if len(c.found) < limit {
				pieces = iotest.OneByteReader(r)
			}
			got, err := io.ReadAll(pieces)
			if !errors.Is(err, blob.ErrDamaged) || fault.Of(err) != fault.Unavailable || !strings.Contains(fault.Message(err), d.Hex()) {
				t.Errorf("want a damaged blob that the sentence names, got %v", err)
			}
			if len(c.found) > 0 && len(got) >= len(c.found) {
				t.Errorf("all %d bytes were given before the error", len(got))
			}
			if n, again := r.Read(make([]byte, 1)); n != 0 || !errors.Is(again, blob.ErrDamaged) {
				t.Errorf("another read: got %d, %v", n, again)
			}
		})
	}
}

func flip(b []byte, i int) []byte {
	b[i] ^= 1
	return b
}

func healedBlob(t *testing.T, f Fixture) {
	b := text(1, 1000)
	d := put(t, f.Store, b)
	f.Damage(d, flip(text(1, 1000), 7))
	put(t, f.Store, b)
	if got := read(t, f.Store, d, 0, -1); !bytes.Equal(b, got) {
		t.Error("the blob is still damaged")
	}
}

func openRanges(t *testing.T, f Fixture) {
	b := text(1, 1000)
	d := put(t, f.Store, b)
	for _, c := range []struct {
		offset, length int64
		want           []byte // nil: Invalid
	}{
		{0, -1, b},
		{0, 1000, b},
		{0, 1, b[:1]},
		{999, 1, b[999:]},
		{500, -1, b[500:]},
		{500, 100, b[500:600]},
		{1000, -1, []byte{}},
		{1000, 0, []byte{}},
		{1001, -1, nil},
		{0, 1001, nil},
		{999, 2, nil},
		{-1, 1, nil},
		{1, 1<<63 - 1, nil},
	} {
		t.Run(fmt.Sprintf("%d+%d", c.offset, c.length), func(t *testing.T) {
			r, size, err := f.Store.Open(t.Context(), d, c.offset, c.length)
			if c.want == nil {
				wantKind(t, fault.Invalid, err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			got, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			if size != 1000 || !bytes.Equal(c.want, got) {
				t.Errorf("want %d bytes of 1000, got %d of %d", len(c.want), len(got), size)
			}
		})
	}
}

func openOutlivesDelete(t *testing.T, f Fixture) {
	b := text(1, 700_000)
	d := put(t, f.Store, b)
	r, _, err := f.Store.Open(t.Context(), d, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := f.Store.Delete(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(b, got) {
		t.Errorf("read %d bytes after the deletion, error %v", len(got), err)
	}
}

func absentIsMissing(t *testing.T, f Fixture) {
	d := digestOf([]byte("never put"))
	_, _, err := f.Store.Open(t.Context(), d, 0, -1)
	wantKind(t, fault.Missing, err)
	_, err = f.Store.Stat(t.Context(), d)
	wantKind(t, fault.Missing, err)
	wantKind(t, fault.Missing, f.Store.Delete(t.Context(), d))
	_, err = f.Store.DeleteBefore(t.Context(), d, f.Now())
	wantKind(t, fault.Missing, err)
}

func malformedDigest(t *testing.T, f Fixture) {
	good := string(digestOf(nil))
	for _, bad := range []string{
		"", "sha256:", good[:len(good)-1], good + "0", strings.ToUpper(good), "sha512:" + good[7:],
		"sha256:../../../../etc/passwd" + strings.Repeat("0", 42), good[7:],
	} {
		d := blob.Digest(bad)
		_, _, err := f.Store.Open(t.Context(), d, 0, -1)
		wantKind(t, fault.Invalid, err)
		_, err = f.Store.Stat(t.Context(), d)
		wantKind(t, fault.Invalid, err)
		wantKind(t, fault.Invalid, f.Store.Delete(t.Context(), d))
		_, err = f.Store.DeleteBefore(t.Context(), d, f.Now())
		wantKind(t, fault.Invalid, err)
		_, err = f.Store.Commit(t.Context(), begin(t, f.Store), d)
		wantKind(t, fault.Invalid, err)
	}
}

func listAll(t *testing.T, f Fixture) {
	var want []blob.Digest
	for i := range 300 {
		want = append(want, put(t, f.Store, text(uint64(i), 10+i)))
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, all(t, f.Store)); diff != "" {
		t.Errorf("blobs (-want +got):\n%s", diff)
	}
}

func listStops(t *testing.T, f Fixture) {
	for i := range 10 {
		put(t, f.Store, text(uint64(i), 10))
	}
	stop := errors.New("enough")
	calls := 0
	err := f.Store.List(t.Context(), func(blob.Info) error {
		calls++
		if calls == 3 {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) || calls != 3 {
		t.Errorf("want the callback's error after 3 calls, got %v after %d", err, calls)
	}
}

func deleteBefore(t *testing.T, f Fixture) {
	old, again := put(t, f.Store, []byte("old")), put(t, f.Store, []byte("again"))
	f.Advance(time.Hour)
	mark := f.Now()
	f.Advance(time.Second)
	put(t, f.Store, []byte("again"))
	for d, want := range map[blob.Digest]bool{old: true, again: false} {
		got, err := f.Store.DeleteBefore(t.Context(), d, mark)
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s deleted: want %v, got %v", d, want, got)
		}
	}
	if diff := cmp.Diff([]blob.Digest{again}, all(t, f.Store)); diff != "" {
		t.Errorf("blobs (-want +got):\n%s", diff)
	}
}

func uploadInPieces(t *testing.T, f Fixture) {
	b := text(3, 700_000)
	id := begin(t, f.Store)
	at := int64(0)
	for _, n := range []int{1, 0, 300_000, 7, 256 << 10} {
		appendTo(t, f.Store, id, at, b[at:at+int64(n)])
		at += int64(n)
		size, err := f.Store.UploadSize(t.Context(), id)
		if err != nil || size != at {
			t.Fatalf("upload size: want %d, got %d, %v", at, size, err)
		}
	}
	appendTo(t, f.Store, id, at, b[at:])
	size, err := f.Store.Commit(t.Context(), id, digestOf(b))
	if err != nil || size != int64(len(b)) {
		t.Fatalf("commit: want %d bytes, got %d, %v", len(b), size, err)
	}
	if got := read(t, f.Store, digestOf(b), 0, -1); !bytes.Equal(b, got) {
		t.Error("other bytes came back")
	}
	_, err = f.Store.UploadSize(t.Context(), id)
	wantKind(t, fault.Missing, err)
}

func uploadInvisible(t *testing.T, f Fixture) {
	b := text(3, 1000)
	id := begin(t, f.Store)
	appendTo(t, f.Store, id, 0, b)
	_, err := f.Store.Stat(t.Context(), digestOf(b))
	wantKind(t, fault.Missing, err)
	if got := all(t, f.Store); len(got) != 0 {
		t.Errorf("listed before commit: %v", got)
	}
}

func uploadWrongOffset(t *testing.T, f Fixture) {
	b := text(3, 1000)
	id := begin(t, f.Store)
	appendTo(t, f.Store, id, 0, b[:500])
	for _, offset := range []int64{0, 499, 501, -1} {
		size, err := f.Store.Append(t.Context(), id, offset, bytes.NewReader(b[500:]), limit)
		wantKind(t, fault.Conflict, err)
		if size != 500 {
			t.Errorf("size told with the conflict: want 500, got %d", size)
		}
	}
	appendTo(t, f.Store, id, 500, b[500:])
	if _, err := f.Store.Commit(t.Context(), id, digestOf(b)); err != nil {
		t.Error(err)
	}
}

func uploadOverLimit(t *testing.T, f Fixture) {
	b := text(3, 1000)
	id := begin(t, f.Store)
	appendTo(t, f.Store, id, 0, b[:500])
	size, err := f.Store.Append(t.Context(), id, 500, bytes.NewReader(b[500:]), 999)
	wantKind(t, fault.TooLarge, err)
	if size != 500 {
		t.Errorf("size: want 500, got %d", size)
	}
	appendTo(t, f.Store, id, 500, b[500:])
	if _, err := f.Store.Commit(t.Context(), id, digestOf(b)); err != nil {
		t.Error(err)
	}
}

func uploadBroken(t *testing.T, f Fixture) {
	b := text(3, 1000)
	id := begin(t, f.Store)
	r := io.MultiReader(bytes.NewReader(b[:600]), iotest.ErrReader(io.ErrUnexpectedEOF))
	size, err := f.Store.Append(t.Context(), id, 0, r, limit)
	wantKind(t, fault.Canceled, err)
	if size != 600 {
		t.Errorf("kept: want 600 bytes, got %d", size)
	}
	appendTo(t, f.Store, id, 600, b[600:])
	if _, err := f.Store.Commit(t.Context(), id, digestOf(b)); err != nil {
		t.Error(err)
	}
}

func uploadRestart(t *testing.T, f Fixture) {
	b := text(3, 1000)
	id := begin(t, f.Store)
	appendTo(t, f.Store, id, 0, b[:600])
	s := f.Reopen()
	size, err := s.UploadSize(t.Context(), id)
	if err != nil || size != 600 {
		t.Fatalf("after restart: want 600 bytes, got %d, %v", size, err)
	}
	appendTo(t, s, id, 600, b[600:])
	s = f.Reopen()
	if _, err := s.Commit(t.Context(), id, digestOf(b)); err != nil {
		t.Fatal(err)
	}
	if got := read(t, s, digestOf(b), 0, -1); !bytes.Equal(b, got) {
		t.Error("other bytes came back")
	}
}

func commitMismatch(t *testing.T, f Fixture) {
	b := text(3, 1000)
	id := begin(t, f.Store)
	appendTo(t, f.Store, id, 0, b)
	_, err := f.Store.Commit(t.Context(), id, digestOf(b[:999]))
	wantKind(t, fault.Invalid, err)
	_, err = f.Store.UploadSize(t.Context(), id)
	wantKind(t, fault.Missing, err)
	if got := all(t, f.Store); len(got) != 0 {
		t.Errorf("kept %v", got)
	}
}

func emptyUpload(t *testing.T, f Fixture) {
	id := begin(t, f.Store)
	if _, err := f.Store.Commit(t.Context(), id, digestOf(nil)); err != nil {
		t.Fatal(err)
	}
	if got := read(t, f.Store, digestOf(nil), 0, -1); len(got) != 0 {
		t.Errorf("the empty blob has %d bytes", len(got))
	}
}

func abort(t *testing.T, f Fixture) {
	id := begin(t, f.Store)
	appendTo(t, f.Store, id, 0, text(1, 10))
	if err := f.Store.Abort(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	_, err := f.Store.Append(t.Context(), id, 10, strings.NewReader("x"), limit)
	wantKind(t, fault.Missing, err)
	wantKind(t, fault.Missing, f.Store.Abort(t.Context(), id))
}

func unknownUpload(t *testing.T, f Fixture) {
	for _, id := range []string{"", ".", "..", "../sha256", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", strings.Repeat("A", 5000)} {
		_, err := f.Store.UploadSize(t.Context(), id)
		wantKind(t, fault.Missing, err)
		_, err = f.Store.Append(t.Context(), id, 0, strings.NewReader("x"), limit)
		wantKind(t, fault.Missing, err)
		_, err = f.Store.Commit(t.Context(), id, digestOf(nil))
		wantKind(t, fault.Missing, err)
		wantKind(t, fault.Missing, f.Store.Abort(t.Context(), id))
	}
}

func uploadBusy(t *testing.T, f Fixture) {
	id := begin(t, f.Store)
	r, w := io.Pipe()
	done := make(chan error)
	go func() {
		_, err := f.Store.Append(t.Context(), id, 0, r, limit)
		done <- err
	}()
	if _, err := w.Write([]byte("first")); err != nil { // returns when Append has read it
		t.Fatal(err)
	}
	_, err := f.Store.Append(t.Context(), id, 0, strings.NewReader("second"), limit)
	wantKind(t, fault.Conflict, err)
	_, err = f.Store.Commit(t.Context(), id, digestOf(nil))
	wantKind(t, fault.Conflict, err)
	wantKind(t, fault.Conflict, f.Store.Abort(t.Context(), id))
	w.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if _, err := f.Store.Commit(t.Context(), id, digestOf([]byte("first"))); err != nil {
		t.Error(err)
	}
}

func staleUploads(t *testing.T, f Fixture) {
	left, used := begin(t, f.Store), begin(t, f.Store)
	f.Advance(time.Hour)
	mark := f.Now()
	f.Advance(time.Second)
	appendTo(t, f.Store, used, 0, []byte("x"))
	got, err := f.Store.StaleUploads(t.Context(), mark, 10)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{left}, got); diff != "" {
		t.Errorf("stale (-want +got):\n%s", diff)
	}
	f.Advance(time.Hour)
	got, err = f.Store.StaleUploads(t.Context(), f.Now(), 1)
	if err != nil || len(got) != 1 {
		t.Errorf("stale with limit 1: got %v, %v", got, err)
	}
}

func putConcurrently(t *testing.T, f Fixture) {
	same := text(9, 400_000)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			own := text(uint64(100+i), 1000+i)
			for _, b := range [][]byte{same, own, same} {
				if _, _, err := f.Store.Put(t.Context(), bytes.NewReader(b), limit); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := all(t, f.Store); len(got) != 9 {
		t.Errorf("want 9 blobs, got %d", len(got))
	}
	if got := read(t, f.Store, digestOf(same), 0, -1); !bytes.Equal(same, got) {
		t.Error("other bytes came back")
	}
}

func putAfterDelete(t *testing.T, f Fixture) {
	d := put(t, f.Store, []byte("phoenix"))
	if err := f.Store.Delete(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	_, err := f.Store.Stat(t.Context(), d)
	wantKind(t, fault.Missing, err)
	put(t, f.Store, []byte("phoenix"))
	if got := string(read(t, f.Store, d, 0, -1)); got != "phoenix" {
		t.Errorf("got %q", got)
	}
}

func putAgainstDelete(t *testing.T, f Fixture) {
	b := text(5, 50_000)
	mark := f.Now().Add(time.Hour)
	f.Advance(2 * time.Hour) // every put below is younger than mark
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if deleted, _ := f.Store.DeleteBefore(t.Context(), digestOf(b), mark); deleted {
					t.Error("a blob younger than the mark was deleted")
					return
				}
			}
		}
	})
	for range 20 {
		put(t, f.Store, b)
		if got := read(t, f.Store, digestOf(b), 0, -1); !bytes.Equal(b, got) {
			t.Error("other bytes came back")
		}
	}
	close(stop)
	wg.Wait()
}

func noPartialReads(t *testing.T, f Fixture) {
	b := text(6, 500_000)
	r, w := io.Pipe()
	done := make(chan error)
	go func() {
		_, _, err := f.Store.Put(t.Context(), r, limit)
		done <- err
	}()
	for at := 0; at < len(b); at += 100_000 {
		if _, err := w.Write(b[at : at+100_000]); err != nil {
			t.Fatal(err)
		}
		if got := all(t, f.Store); len(got) != 0 {
			t.Fatalf("visible after %d bytes: %v", at, got)
		}
	}
	w.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := read(t, f.Store, digestOf(b), 0, -1); !bytes.Equal(b, got) {
		t.Error("other bytes came back")
	}
}

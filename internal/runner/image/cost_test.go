package image

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

// times is an item n times, each with a name of its own.
func times(n int, i item) []item {
	all := make([]item, n)
	for k := range all {
		all[k] = i
		all[k].name = fmt.Sprintf("%s%d", i.name, k)
	}
	return all
}

func TestEntriesCostWhatTheyTakeOnDisk(t *testing.T) {
	t.Parallel()
	const block = limits.ImageEntryBytes
	for name, row := range map[string]struct {
		items  []item
		blocks int64
	}{
		"folders":                    {times(10, dir("d")), 10},
		"empty files":                {times(10, file("f", "")), 10},
		"files of a byte":            {times(10, file("f", "x")), 10},
		"a file of a block":          {[]item{file("f", strings.Repeat("x", block))}, 1},
		"a file of a block and more": {[]item{file("f", strings.Repeat("x", block+1))}, 2},
		"symbolic links":             {times(10, symlink("l", "nowhere")), 10},
		"hard links":                 {append([]item{file("f", "")}, times(9, item{name: "h", kind: tar.TypeLink, link: "f"})...), 10},
		"folders that nobody named":  {[]item{file("a/b/c/d/f", "")}, 5},
		"whiteouts":                  {times(10, file(".wh.x", "")), 10},
	} {
		budget := NewBudget(row.blocks * block)
		if _, err := unpackAll(t, budget, layerOf(t, row.items...)); err != nil || budget.Bytes != 0 {
			t.Errorf("%s: %v, %d bytes are left of %d blocks", name, err, budget.Bytes, row.blocks)
		}
		if _, err := unpackAll(t, NewBudget(row.blocks*block-1), layerOf(t, row.items...)); !fault.Is(err, fault.TooLarge) {
			t.Errorf("%s: with a byte less: %v", name, err)
		}
	}
}

// TestAnImageOfFoldersIsBoundedAndCounted pulls one whose layer is small and whose folders are many.
func TestAnImageOfFoldersIsBoundedAndCounted(t *testing.T) {
	t.Parallel()
	host, push, _ := serve(t)
	const folders = 2_000
	push("p/folders:v1", imageOf(t, static.NewLayer(layerOf(t, times(folders, dir("d"))...), types.OCIUncompressedLayer)))
	src := Source{Registry: host, Repository: "p/folders", Version: "v1", Trusted: true}
	s := open(t)
	if _, err := s.Prepare(t.Context(), Params{Source: src, MaxBytes: folders*limits.ImageEntryBytes - 1}); !fault.Is(err, fault.TooLarge) {
		t.Errorf("on a disk that is too small: %v", err)
	}
	img, err := s.Prepare(t.Context(), Params{Source: src})
	if err != nil {
		t.Fatal(err)
	}
	if m, err := readMeta(filepath.Dir(img.RootFS)); err != nil || m.Bytes != folders*limits.ImageEntryBytes {
		t.Errorf("the store counts %d bytes, %v", m.Bytes, err)
	}
}

func pushTo(t *testing.T, at string, img v1.Image) {
	t.Helper()
	ref, err := name.ParseReference(at)
	if err == nil {
		err = remote.Write(ref, img)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func imageOf(t *testing.T, l v1.Layer) v1.Image {
	t.Helper()
	img, err := mutate.AppendLayers(empty.Image, l)
	if err != nil {
		t.Fatal(err)
	}
	img, err = mutate.ConfigFile(img, &v1.ConfigFile{OS: "linux", Architecture: runtime.GOARCH, RootFS: mustConfig(t, img).RootFS})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestOpaqueWhiteoutsHideLowerLayersWholly(t *testing.T) {
	t.Parallel()
	lower := []item{dir("d"), file("d/old", "1"), dir("d/sub"), file("d/sub/old", "1"), dir("d/sub/deep"), file("d/sub/deep/old", "1"), file("e", "1")}
	opaque := file("d/.wh..wh..opq", "")
	for name, row := range map[string]struct {
		upper []item
		want  []string
	}{
		"what this layer has below stays alone": {[]item{file("d/sub/new", "2"), opaque}, []string{"d/", "d/sub/", "d/sub/new=2", "e=1"}},
		"before and after":                      {[]item{file("d/a", "2"), opaque, file("d/sub/b", "2")}, []string{"d/", "d/a=2", "d/sub/", "d/sub/b=2", "e=1"}},
		"again":                                 {[]item{opaque, file("d/a", "2"), opaque}, []string{"d/", "d/a=2", "e=1"}},
		"below one": {
			[]item{opaque, file("d/sub/a", "2"), file("d/sub/.wh..wh..opq", "")}, []string{"d/", "d/sub/", "d/sub/a=2", "e=1"}},
		"above one": {
			[]item{file("d/sub/a", "2"), file("d/sub/.wh..wh..opq", ""), opaque}, []string{"d/", "d/sub/", "d/sub/a=2", "e=1"},
		},
		"of the whole image":   {[]item{file("d/a", "2"), file(".wh..wh..opq", "")}, []string{"d/", "d/a=2"}},
		"by way of a link":     {[]item{symlink("to", "d"), file("d/a", "2"), file("to/.wh..wh..opq", "")}, []string{"d/", "d/a=2", "e=1", "to->d"}},
		"of a link's own":      {[]item{symlink("d/sub", "../e"), opaque}, []string{"d/", "d/sub->../e", "e=1"}},
		"of what is a file":    {[]item{file("e/.wh..wh..opq", "")}, []string{"d/", "d/old=1", "d/sub/", "d/sub/deep/", "d/sub/deep/old=1", "d/sub/old=1", "e/"}},
		"of what is not there": {[]item{file("n/.wh..wh..opq", ""), file("n/a", "2"), opaque}, []string{"d/", "e=1", "n/", "n/a=2"}},
	} {
		at, err := unpackAll(t, NewBudget(0), layerOf(t, lower...), layerOf(t, row.upper...))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(row.want, tree(t, at)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestOpaqueWhiteoutsTakeLinearTime counts the names they look at, in layers made to have them look at all names again and again.
func TestOpaqueWhiteoutsTakeLinearTime(t *testing.T) {
	t.Parallel()
	const n = 500
	opaque := file("d/.wh..wh..opq", "")
	chain := []item{}
	for i := range limits.ImagePathDepth - 2 {
		at := strings.Repeat("d/", i+1)
		chain = append(chain, file(at+"f", ""), file(at+".wh..wh..opq", ""))
	}
	again := times(n, file("d/f", ""))
	for range n {
		again = append(again, opaque)
	}
	turns := []item{}
	for _, f := range times(n, file("d/f", "")) {
		turns = append(turns, f, opaque)
	}
	for name, items := range map[string][]item{"many of one folder": again, "by turns with files": turns, "of each folder of a path": chain} {
		root, err := os.OpenRoot(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		l := newLayer(Place{Root: root}, NewBudget(0))
		if err := l.unpack(t.Context(), bytes.NewReader(layerOf(t, items...))); err != nil {
			t.Fatal(err)
		}
		if l.looked > len(items) {
			t.Errorf("%s: %d entries looked at %d names", name, len(items), l.looked)
		}
	}
}

// TestUnpackingEndsBetweenEntries has a layer that is in memory already and a context that ends when some of it was read.
func TestUnpackingEndsBetweenEntries(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	at := t.TempDir()
	root, err := os.OpenRoot(at)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	read := &counting{r: bytes.NewReader(layerOf(t, times(100, dir("d"))...))}
	err = Unpack(ctx, Place{Root: root}, readerFunc(func(p []byte) (int, error) {
		n, err := read.Read(p)
		if read.n >= 10*512 {
			cancel(enough)
		}
		return n, err
	}), NewBudget(0), 0)
	if made := tree(t, at); !errors.Is(err, enough) || len(made) != 9 {
		t.Errorf("%v, and %d folders were made", err, len(made))
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// repeated is the same bytes without an end.
type repeated struct {
	b  []byte
	at int
}

func (r *repeated) Read(p []byte) (int, error) {
	n := copy(p, r.b[r.at:])
	r.at = (r.at + n) % len(r.b)
	return n, nil
}

func TestLayersWithoutAnEndAreStopped(t *testing.T) {
	t.Parallel()
	var headers bytes.Buffer
	w := tar.NewWriter(&headers)
	if err := w.WriteHeader(&tar.Header{Name: "x", Typeflag: tar.TypeReg, PAXRecords: map[string]string{"TACHO.x": strings.Repeat("x", 1000<<10)}}); err != nil {
		t.Fatal(err)
	}
	headers.Truncate(headers.Len() - 512) // extended headers alone, without the entry that they extend
	for name, r := range map[string]io.Reader{
		"headers":                &repeated{b: headers.Bytes()},
		"zeros behind its end":   io.MultiReader(bytes.NewReader(layerOf(t, file("a", "1"))), zeros{}),
		"zeros in front of them": zeros{},
	} {
		root, err := os.OpenRoot(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		read := &counting{r: r}
		if err := Unpack(t.Context(), Place{Root: root}, read, NewBudget(0), 1000); !fault.Is(err, fault.TooLarge) || read.n > smallLayer+2<<20 {
			t.Errorf("%s: %v after %d bytes", name, err, read.n)
		}
	}
}

// TestWhatAFileSystemCannotHoldIsTheImagesFault has entries that no runner can unpack: trying another one would not help.
func TestWhatAFileSystemCannotHoldIsTheImagesFault(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 300)
	for name, items := range map[string][]item{
		"a long name":               {file(long, "1")},
		"a long name of a folder":   {dir(long)},
		"a folder with a long name": {file(long+"/f", "1")},
		"a link without a target":   {symlink("l", "")},
		"a link to a long path":     {symlink("l", strings.Repeat("x/", 3000))},
		"no archive":                {},
	} {
		data := layerOf(t, items...)
		if len(items) == 0 {
			data = bytes.Repeat([]byte("no archive"), 100)
		}
		if _, err := unpackAll(t, NewBudget(0), data); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestABrokenTransferIsNotTheImagesFault has a registry whose answers end early, and one that keeps layers which are broken themselves.
func TestABrokenTransferIsNotTheImagesFault(t *testing.T) {
	t.Parallel()
	whole := layerOf(t, file("a", strings.Repeat("text ", 1000)))
	images := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	for what, row := range map[string]struct {
		layer v1.Layer
		cut   bool
		want  fault.Kind
	}{
		"a connection that breaks": {static.NewLayer(whole, types.OCIUncompressedLayer), true, fault.Unavailable},
		"a layer that is cut off":  {static.NewLayer(whole[:1000], types.OCIUncompressedLayer), false, fault.Invalid},
		"a layer that is no gzip":  {static.NewLayer([]byte("\x1f\x8b\x08 nothing"), types.OCILayer), false, fault.Invalid},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			digest, err := row.layer.Digest()
			if err != nil {
				t.Fatal(err)
			}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if row.cut && r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, digest.String()) {
					w.Header().Set("Content-Length", fmt.Sprint(len(whole)))
					_, _ = w.Write(whole[:2000])
					panic(http.ErrAbortHandler)
				}
				images.ServeHTTP(w, r)
			}))
			t.Cleanup(server.Close)
			host := strings.TrimPrefix(server.URL, "http://")
			repository := "p/" + strings.ReplaceAll(what, " ", "-")
			pushTo(t, host+"/"+repository+":v1", imageOf(t, row.layer))
			_, err = open(t).Prepare(t.Context(), Params{Source: Source{Registry: host, Repository: repository, Version: "v1", Trusted: true}})
			if !fault.Is(err, row.want) {
				t.Errorf("%v, want %v", err, row.want)
			}
		})
	}
}

package image

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

// item is one entry of a layer in a test.
type item struct {
	name, body, link string
	kind             byte
	mode             int64
}

func layerOf(t testing.TB, items ...item) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, i := range items {
		if i.kind == 0 {
			i.kind = tar.TypeReg
		}
		if i.mode == 0 {
			i.mode = 0o755
		}
		h := &tar.Header{Name: i.name, Typeflag: i.kind, Mode: i.mode, Linkname: i.link, Uid: os.Getuid(), Gid: os.Getgid()}
		if i.kind == tar.TypeReg {
			h.Size = int64(len(i.body))
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, i.body); i.kind == tar.TypeReg && err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func dir(name string) item             { return item{name: name, kind: tar.TypeDir} }
func file(name, body string) item      { return item{name: name, body: body} }
func symlink(name, target string) item { return item{name: name, link: target, kind: tar.TypeSymlink} }

// tree lists what is in a folder: "dir/", "file=body", "link->target".
func tree(t testing.TB, root string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == root {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		switch {
		case d.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(p)
			out = append(out, rel+"->"+target)
			return err
		case d.IsDir():
			out = append(out, rel+"/")
		default:
			body, err := os.ReadFile(p)
			out = append(out, rel+"="+string(body))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func unpackAll(t testing.TB, budget *Budget, layers ...[]byte) (string, error) {
	t.Helper()
	at := filepath.Join(t.TempDir(), "rootfs")
	if err := os.Mkdir(at, 0o755); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(at)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, l := range layers {
		if err := Unpack(t.Context(), Place{Root: root}, bytes.NewReader(l), budget, int64(len(l))); err != nil {
			return at, err
		}
	}
	return at, nil
}

func TestLayersLieOverEachOther(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		layers [][]item
		want   []string
	}{
		"files, folders and links": {
			[][]item{{dir("bin"), file("bin/a", "1"), symlink("sh", "bin/a"), {name: "hard", kind: tar.TypeLink, link: "bin/a"}}},
			[]string{"bin/", "bin/a=1", "hard=1", "sh->bin/a"},
		},
		"a later file replaces an earlier one, and a folder a file": {
			[][]item{{file("x", "old"), file("y", "file")}, {file("x", "new"), dir("y"), file("y/z", "in")}},
			[]string{"x=new", "y/", "y/z=in"},
		},
		"a file replaces a folder": {[][]item{{dir("d"), file("d/a", "1")}, {file("d", "f")}}, []string{"d=f"}},
		"a whiteout removes":       {[][]item{{dir("d"), file("d/a", "1"), file("d/b", "2")}, {file("d/.wh.a", "")}}, []string{"d/", "d/b=2"}},
		"an opaque whiteout removes what lay below, and only that": {
			[][]item{{dir("d"), file("d/old", "1"), dir("d/sub"), file("d/sub/x", "1")}, {dir("d"), file("d/new", "2"), file("d/.wh..wh..opq", "")}},
			[]string{"d/", "d/new=2"},
		},
		"missing folders are made":              {[][]item{{file("a/b/c", "1")}}, []string{"a/", "a/b/", "a/b/c=1"}},
		"names may begin with a slash or a dot": {[][]item{{file("/a", "1"), file("./b", "2"), dir("./")}}, []string{"a=1", "b=2"}},
		"absolute links stay inside the image":  {[][]item{{dir("run"), dir("var"), symlink("var/run", "/run")}, {file("var/run/pid", "1")}}, []string{"run/", "run/pid=1", "var/", "var/run->/run"}},
		"a link above the root is the root":     {[][]item{{symlink("up", "../../.."), file("up/x", "1")}}, []string{"up->../../..", "x=1"}},
		"devices and fifos are passed over":     {[][]item{{{name: "dev/null", kind: tar.TypeChar}, {name: "pipe", kind: tar.TypeFifo}, file("a", "1")}}, []string{"a=1", "dev/"}},
		"a link is replaced, not followed":      {[][]item{{file("target", "kept"), symlink("l", "target")}, {file("l", "own")}}, []string{"l=own", "target=kept"}},
		"a whiteout of nothing is no mistake":   {[][]item{{file(".wh.ghost", "")}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var layers [][]byte
			for _, items := range row.layers {
				layers = append(layers, layerOf(t, items...))
			}
			at, err := unpackAll(t, NewBudget(0), layers...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(row.want, tree(t, at)); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHostileLayersAreRefused(t *testing.T) {
	t.Parallel()
	many := make([]item, 200)
	for i := range many {
		many[i] = file("f"+strings.Repeat("x", i), "")
	}
	for name, row := range map[string]struct {
		items  []item
		budget *Budget
		want   string
	}{
		"a path that climbs out":            {[]item{file("../evil", "x")}, NewBudget(0), "leads outside the image"},
		"a path that climbs out later":      {[]item{file("a/../../evil", "x")}, NewBudget(0), "leads outside the image"},
		"a hard link out of it":             {[]item{{name: "l", kind: tar.TypeLink, link: "../../etc/passwd"}}, NewBudget(0), "leads outside the image"},
		"a hard link to what is not there":  {[]item{{name: "l", kind: tar.TypeLink, link: "nothing"}}, NewBudget(0), "no file of the image"},
		"more bytes than the disk":          {[]item{file("big", strings.Repeat("x", 5000))}, NewBudget(4096), "larger than the job's disk"},
		"more files than the limit":         {many, &Budget{Bytes: 1 << 30, Entries: 100}, "more than 1000000 files"},
		"links in a circle":                 {[]item{symlink("a", "b"), symlink("b", "a"), file("a/x", "1")}, NewBudget(0), "too many symbolic links"},
		"a path that is too deep":           {[]item{file(strings.Repeat("d/", limits.ImagePathDepth+1)+"x", "1")}, NewBudget(0), "folders deep"},
		"a whiteout of the folder above it": {[]item{file(".wh...", "")}, NewBudget(0), "is not a whiteout"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at, err := unpackAll(t, row.budget, layerOf(t, row.items...))
			if !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.TooLarge) || !strings.Contains(err.Error(), row.want) {
				t.Errorf("error = %v, want one with %q", err, row.want)
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(at), "evil")); !errors.Is(err, fs.ErrNotExist) {
				t.Error("something was written outside")
			}
		})
	}
}

// TestALayerThatExpandsIsStopped feeds 100 GiB of zeros, which never exist: the reader makes them.
func TestALayerThatExpandsIsStopped(t *testing.T) {
	t.Parallel()
	var head bytes.Buffer
	w := tar.NewWriter(&head)
	if err := w.WriteHeader(&tar.Header{Name: "bomb", Typeflag: tar.TypeReg, Mode: 0o644, Size: 100 << 30}); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	const disk = 8 << 20
	read := &counting{r: io.MultiReader(&head, zeros{})}
	err = Unpack(t.Context(), Place{Root: root}, read, NewBudget(disk), 100_000)
	if !fault.Is(err, fault.TooLarge) || read.n > disk+2<<20 {
		t.Errorf("error = %v after %d bytes", err, read.n)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type counting struct {
	r io.Reader
	n int64
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func TestSetuidIsDroppedAndStickyKept(t *testing.T) {
	t.Parallel()
	at, err := unpackAll(t, NewBudget(0), layerOf(t, item{name: "su", body: "x", mode: 0o6755}, item{name: "tmp", kind: tar.TypeDir, mode: 0o1777}))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{"su": 0o755, "tmp": fs.ModeDir | fs.ModeSticky | 0o777} {
		info, err := os.Stat(filepath.Join(at, name))
		if err != nil || info.Mode() != want {
			t.Errorf("%s has mode %v (%v), want %v", name, info.Mode(), err, want)
		}
	}
}

// FuzzUnpack feeds any bytes as a second layer over links that lead out: nothing outside may change, and the budget holds.
func FuzzUnpack(f *testing.F) {
	f.Add(layerOf(f, file("a", "1"), symlink("b", "/a"), file("b", "2"), dir("d"), file("d/.wh..wh..opq", "")))
	f.Add(layerOf(f, file("out/x", "1"), file("abs/x", "1"), item{name: "h", kind: tar.TypeLink, link: "out/secret"}))
	f.Add(layerOf(f, file(".wh.out", ""), dir("out"), file("out/secret", "overwritten")))
	f.Fuzz(func(t *testing.T, data []byte) {
		parent := t.TempDir()
		if err := os.WriteFile(filepath.Join(parent, "secret"), []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
		at := filepath.Join(parent, "rootfs")
		if err := os.Mkdir(at, 0o755); err != nil {
			t.Fatal(err)
		}
		root, err := os.OpenRoot(at)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		base := layerOf(t, symlink("out", ".."), symlink("abs", parent), dir("in"), file("in/x", "x"))
		budget := &Budget{Bytes: 1 << 20, Entries: 1000}
		if err := Unpack(t.Context(), Place{Root: root}, bytes.NewReader(base), budget, 0); err != nil {
			t.Fatal(err)
		}
		if err := Unpack(t.Context(), Place{Root: root}, bytes.NewReader(data), budget, int64(len(data))); err != nil {
			if fault.Of(err) == fault.Internal && !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist) && !strings.Contains(err.Error(), "of the image") {
				t.Logf("internal error: %v", err)
			}
		}
		entries, err := os.ReadDir(parent)
		if err != nil || len(entries) != 2 {
			t.Errorf("outside there are %v now (%v)", entries, err)
		}
		if body, err := os.ReadFile(filepath.Join(parent, "secret")); err != nil || string(body) != "secret" {
			t.Errorf("the file outside is %q now (%v)", body, err)
		}
		var sum int64
		_ = filepath.WalkDir(at, func(_ string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				if info, err := d.Info(); err == nil {
					sum += info.Size()
				}
			}
			return nil
		})
		if sum > 3<<20 { // hard links count more than once
			t.Errorf("%d bytes were written over a budget of 1 MiB", sum)
		}
	})
}

package sweep

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tachograph/tacho/internal/core/sweep"
)

type entry struct {
	name, text string
	kind       byte
}

// packed is an archive with its manifest, which change may falsify.
func packed(t testing.TB, entries []entry, change func(*sweep.Manifest)) []byte {
	t.Helper()
	var b bytes.Buffer
	compressed := gzip.NewWriter(&b)
	out := tar.NewWriter(compressed)
	m := sweep.Manifest{Sweep: "1"}
	add := func(e entry) {
		h := &tar.Header{Name: e.name, Typeflag: e.kind, Mode: 0o644, Size: int64(len(e.text))}
		if e.kind == tar.TypeSymlink || e.kind == tar.TypeLink {
			h.Linkname, h.Size = "/etc/passwd", 0
		}
		if err := out.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := io.WriteString(out, e.text); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, e := range entries {
		add(e)
		sum := sha256.Sum256([]byte(e.text))
		m.Files = append(m.Files, sweep.ManifestFile{Path: e.name, Size: int64(len(e.text)), SHA256: hex.EncodeToString(sum[:])})
	}
	if change != nil {
		change(&m)
	}
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if change == nil || m.Sweep != "" {
		add(entry{sweep.ManifestName, string(raw), tar.TypeReg})
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	if err := compressed.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// empty says that nothing is left in a folder.
func empty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestWhatIsFetchedIsWholeOrNotThere: nothing is written outside of the target, and nothing is left of an archive that is wrong.
func TestWhatIsFetchedIsWholeOrNotThere(t *testing.T) {
	t.Parallel()
	good := []entry{{"i-1-2/output.txt", "told", tar.TypeReg}, {"i-1-2/error.txt", "", tar.TypeReg}}
	many := make([]entry, 100_000)
	for i := range many {
		many[i] = entry{fmt.Sprint("f", i), "", tar.TypeReg}
	}
	half := packed(t, good, nil)
	for name, c := range map[string]struct {
		archive []byte
		want    string
	}{
		"good":           {packed(t, good, nil), ""},
		"above":          {packed(t, []entry{{"../evil", "x", tar.TypeReg}}, nil), `".." is no name`},
		"absolute":       {packed(t, []entry{{"/etc/evil", "x", tar.TypeReg}}, nil), `is no name in a path`},
		"a link":         {packed(t, []entry{{"evil", "", tar.TypeSymlink}}, nil), "links and special files are not unpacked"},
		"a hard link":    {packed(t, []entry{{"evil", "", tar.TypeLink}}, nil), "links and special files are not unpacked"},
		"a device":       {packed(t, []entry{{"evil", "", tar.TypeChar}}, nil), "links and special files are not unpacked"},
		"10⁵ files":      {packed(t, many, nil), "more than 60 files and folders"},
		"another digest": {packed(t, good, func(m *sweep.Manifest) { m.Files[0].SHA256 = "0" }), "is not what its manifest says"},
		"one missing":    {packed(t, good, func(m *sweep.Manifest) { m.Files[1].Path = "more" }), "is not in its manifest"},
		"no manifest":    {packed(t, good, func(m *sweep.Manifest) { m.Sweep = "" }), "it has no MANIFEST.json"},
		"cut off":        {half[:len(half)-20], "fetch it again"},
		"no archive":     {[]byte("<html>"), "fetch it again"},
		"nothing":        {nil, "fetch it again"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			inner := filepath.Join(dir, "inner")
			if err := os.Mkdir(inner, 0o755); err != nil {
				t.Fatal(err)
			}
			target := filepath.Join(inner, "out")
			err := unpack(bytes.NewReader(c.archive), target, sweep.FilesOf(2), create)
			if c.want == "" {
				text, read := os.ReadFile(filepath.Join(target, "i-1-2", "output.txt"))
				if err != nil || read != nil || string(text) != "told" {
					t.Errorf("%q, %v, %v", text, err, read)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("want %s, got %v", c.want, err)
			}
			empty(t, inner)
			if left, _ := os.ReadDir(dir); len(left) != 1 {
				t.Errorf("written outside: %v", left)
			}
		})
	}
}

// full is a disk that takes ten bytes.
type full struct{ io.WriteCloser }

func (f full) Write(p []byte) (int, error) {
	n, _ := f.WriteCloser.Write(p[:min(len(p), 10)])
	return n, &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
}

// TestAFullDiskLeavesNothing, and says so.
func TestAFullDiskLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	archive := packed(t, []entry{{"i-1-2/output.txt", strings.Repeat("x", 1000), tar.TypeReg}}, nil)
	err := unpack(bytes.NewReader(archive), filepath.Join(dir, "out"), 100, func(root *os.Root, name string) (io.WriteCloser, error) {
		f, err := create(root, name)
		return full{f}, err
	})
	if said := written("out", err); err == nil || !strings.Contains(said.Error(), "the disk is full, and nothing of it was kept") {
		t.Error(said)
	}
	empty(t, dir)
}

package image

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/tachograph/tacho/internal/core/fault"
)

// ownedLayer has a file of each owner, and one in a folder that the layer does not name.
func ownedLayer(t *testing.T, owners ...[2]int) []byte {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to give files to others")
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	put := func(name string, kind byte, owner [2]int) {
		header := &tar.Header{Name: name, Typeflag: kind, Linkname: "target", Mode: 0o755, Uid: owner[0], Gid: owner[1]}
		if err := w.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
	}
	for _, owner := range owners {
		name := fmt.Sprintf("%d-%d", owner[0], owner[1])
		put("file-"+name, tar.TypeReg, owner)
		put("link-"+name, tar.TypeSymlink, owner)
		put("folder-"+name, tar.TypeDir, owner)
		put("made/file-"+name, tar.TypeReg, owner)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// owner is who has a file on this host.
func owner(t *testing.T, file string) [2]uint32 {
	t.Helper()
	info, err := os.Lstat(file)
	if err != nil {
		t.Fatal(err)
	}
	stat := info.Sys().(*syscall.Stat_t)
	return [2]uint32{stat.Uid, stat.Gid}
}

func TestOwnersFollowTheOwnerOfRootsFiles(t *testing.T) {
	t.Parallel()
	const high = 2_130_706_432
	for name, row := range map[string]struct {
		rootID uint32
		inside [2]int
		want   [2]uint32
	}{
		"root":                               {high, [2]int{0, 0}, [2]uint32{high, high}},
		"somebody":                           {high, [2]int{1234, 77}, [2]uint32{high + 1234, high + 77}},
		"the last id that sandboxes have":    {high, [2]int{65_535, 65_535}, [2]uint32{high + 65_535, high + 65_535}},
		"one more is nobody":                 {high, [2]int{65_536, 0}, [2]uint32{high + 65_534, high}},
		"a group of them is nobody's":        {high, [2]int{0, 1<<31 - 1}, [2]uint32{high, high + 65_534}},
		"a range of the machine's":           {100_000, [2]int{3, 4}, [2]uint32{100_003, 100_004}},
		"no range: as it is":                 {0, [2]int{1234, 77}, [2]uint32{1234, 77}},
		"no range: one that is never mapped": {0, [2]int{70_000, 70_001}, [2]uint32{70_000, 70_001}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, at := ownedLayer(t, row.inside), t.TempDir()
			root, err := os.OpenRoot(at)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			if err := Unpack(t.Context(), Place{Root: root, RootID: row.rootID}, bytes.NewReader(data), NewBudget(0), 0); err != nil {
				t.Fatal(err)
			}
			for _, kind := range []string{"file-", "link-", "folder-", "made/file-"} {
				if got := owner(t, filepath.Join(at, fmt.Sprintf("%s%d-%d", kind, row.inside[0], row.inside[1]))); got != row.want {
					t.Errorf("%s belongs to %v, want %v", kind, got, row.want)
				}
			}
			if got := owner(t, filepath.Join(at, "made")); got != [2]uint32{row.rootID, row.rootID} {
				t.Errorf("a folder that no layer names belongs to %v", got)
			}
		})
	}
}

// TestAnImageIsUnpackedForEachOwnerOfRootsFiles opens one store as a machine does whose user namespaces begin elsewhere after a restart, or
// are gone.
func TestAnImageIsUnpackedForEachOwnerOfRootsFiles(t *testing.T) {
	t.Parallel()
	file, folder, dir := filepath.Join(t.TempDir(), "layer.tar"), t.TempDir(), t.TempDir()
	if err := os.WriteFile(file, ownedLayer(t, [2]int{5, 6}), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := tarball.LayerFromFile(file)
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(empty.Image, l)
	if err != nil {
		t.Fatal(err)
	}
	config := &v1.ConfigFile{OS: "linux", Architecture: runtime.GOARCH, RootFS: mustConfig(t, img).RootFS}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	p, err := layout.Write(folder, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.AppendImage(img); err != nil {
		t.Fatal(err)
	}
	for _, rootID := range []uint32{0, 100_000, 200_000, 0, 100_000} {
		s, err := Open(dir, rootID)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Prepare(t.Context(), Params{Source: Source{Local: folder}})
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string][2]uint32{".": {rootID, rootID}, "file-5-6": {rootID + 5, rootID + 6}} {
			if have := owner(t, filepath.Join(got.RootFS, name)); have != want {
				t.Errorf("root has id %d: %s belongs to %v, want %v", rootID, name, have, want)
			}
		}
		s.keep = 0
		if err := s.makeRoom(""); err != nil { // all others may go
			t.Fatal(err)
		}
		if _, err := os.Stat(got.RootFS); err != nil {
			t.Errorf("an image in use was removed: %v", err)
		}
		if kept, err := os.ReadDir(filepath.Join(dir, "images")); err != nil || len(kept) != 1 {
			t.Errorf("more than the image in use was kept: %v, %v", kept, err)
		}
		if err := got.Release(); err != nil {
			t.Error(err)
		}
	}
}

// TestUnknownOwnersAreRefused has numbers that no kernel has.
func TestUnknownOwnersAreRefused(t *testing.T) {
	t.Parallel()
	for _, rootID := range []uint32{0, 100_000} {
		root, err := os.OpenRoot(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		data := ownedLayer(t, [2]int{1 << 31, 0})
		if err := Unpack(t.Context(), Place{Root: root, RootID: rootID}, bytes.NewReader(data), NewBudget(0), 0); !fault.Is(err, fault.Invalid) {
			t.Errorf("root has id %d: %v", rootID, err)
		}
	}
}

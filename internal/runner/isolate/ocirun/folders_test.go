//go:build linux

package ocirun

import (
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/runner/isolate"
)

// TestAPlaceThatIsSwappedBeforeTheStartIsRefused plays somebody on the host who puts a link where the runtime is about to mount.
func TestAPlaceThatIsSwappedBeforeTheStartIsRefused(t *testing.T) {
	t.Parallel()
	for _, runtime := range []string{"", testRunsc()} {
		for _, place := range []string{"dev", "proc", "sys", "dev/shm"} {
			t.Run(runtime+" "+place, func(t *testing.T) {
				t.Parallel()
				d := works(runtime)(t)
				image := filepath.Join(t.TempDir(), "image")
				sleeper(t, image)
				s, err := d.Prepare(t.Context(), isolate.Task{
					ID: "swap" + strconv.FormatInt(time.Now().UnixNano(), 36), RootFS: image, Args: []string{"/sleep"},
					CPUs: 1, MemoryBytes: 128 << 20, DiskBytes: 32 << 20, PidsMax: 64, MaxWall: time.Hour,
				})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() {
					if err := s.Close(); err != nil {
						t.Error(err)
					}
				})
				host, at := t.TempDir(), filepath.Join(s.(*sandbox).merged(), place)
				if err := os.RemoveAll(at); err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink(host, at); err != nil {
					t.Fatal(err)
				}
				if err := s.Start(t.Context(), io.Discard, io.Discard); err == nil || fault.Is(err, fault.Invalid) {
					t.Errorf("it started, or the image was blamed: %v", err)
				}
				if made, err := os.ReadDir(host); err != nil || len(made) > 0 {
					t.Errorf("the host's folder holds %v, %v", made, err)
				}
			})
		}
	}
}

// TestPlacesBelowLinksOfTheImageAreRefused lays mounts that no sandbox has today: single files, and folders below others.
func TestPlacesBelowLinksOfTheImageAreRefused(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	ofFile := specs.Mount{Destination: "/etc/resolv.conf", Type: "bind", Source: file}
	for name, row := range map[string]struct {
		link, target string
		mount        specs.Mount
		want         fault.Kind // Internal: it is made
		isFile       bool
	}{
		"a file that is a link":          {"etc/resolv.conf", "/outside/resolv.conf", ofFile, fault.Internal, true},
		"a file that is missing":         {"other", "/outside", ofFile, fault.Internal, true},
		"a file below a link":            {"etc", "/outside", ofFile, fault.Invalid, true},
		"a folder below a link":          {"mnt", "/outside", specs.Mount{Destination: "/mnt/data", Type: "tmpfs"}, fault.Invalid, false},
		"a folder below folders to make": {"other", "/outside", specs.Mount{Destination: "/a/b/c", Type: "tmpfs"}, fault.Internal, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			outside := filepath.Join(dir, "outside")
			image := filepath.Join(dir, "image")
			for _, d := range []string{outside, filepath.Dir(filepath.Join(image, row.link))} {
				if err := os.MkdirAll(d, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Symlink(filepath.Join(dir, row.target), filepath.Join(image, row.link)); err != nil {
				t.Fatal(err)
			}
			root, err := os.OpenRoot(image)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			err = layPlace(tree{root, 0}, row.mount)
			if (err != nil) != (row.want != fault.Internal) || err != nil && !fault.Is(err, row.want) {
				t.Errorf("it was made: %v, want %v", err, row.want)
			}
			if err == nil {
				info, err := os.Lstat(filepath.Join(image, row.mount.Destination))
				if err != nil || info.Mode().IsRegular() != row.isFile || info.IsDir() == row.isFile {
					t.Errorf("there is %v, %v", info, err)
				}
			}
			if made, err := os.ReadDir(outside); err != nil || len(made) > 0 {
				t.Errorf("outside there are %v, %v", made, err)
			}
		})
	}
}

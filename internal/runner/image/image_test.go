package image

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/tachograph/tacho/internal/core/fault"
)

// hello is an image for an architecture with one file.
func hello(t *testing.T, arch string) v1.Image {
	t.Helper()
	file := filepath.Join(t.TempDir(), "layer.tar")
	if err := os.WriteFile(file, layerOf(t, dir("app"), item{name: "app/hello", body: "hello " + arch}), 0o600); err != nil {
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
	img, err = mutate.ConfigFile(img, &v1.ConfigFile{OS: "linux", Architecture: arch, Config: v1.Config{Entrypoint: []string{"/app/hello"}, Cmd: []string{"-v"}, Env: []string{"A=1"}, User: "7", WorkingDir: "/app"}, RootFS: mustConfig(t, img).RootFS})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func mustConfig(t *testing.T, img v1.Image) *v1.ConfigFile {
	t.Helper()
	cfg, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func open(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.TempDir(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func otherArch() string {
	if runtime.GOARCH == "arm64" {
		return "amd64"
	}
	return "arm64"
}

// serve pushes things to a registry on loopback.
func serve(t *testing.T) (host string, push func(string, v1.Image), pushIndex func(string, v1.ImageIndex)) {
	t.Helper()
	server := httptest.NewServer(registry.New())
	t.Cleanup(server.Close)
	host = strings.TrimPrefix(server.URL, "http://")
	ref := func(s string) name.Reference {
		r, err := name.ParseReference(host + "/" + s)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	return host, func(s string, img v1.Image) {
			if err := remote.Write(ref(s), img); err != nil {
				t.Fatal(err)
			}
		}, func(s string, index v1.ImageIndex) {
			if err := remote.WriteIndex(ref(s), index); err != nil {
				t.Fatal(err)
			}
		}
}

func TestPrepareUnpacksOnceAndKeeps(t *testing.T) {
	t.Parallel()
	host, push, _ := serve(t)
	push("p/app:v1", hello(t, runtime.GOARCH))
	s := open(t)
	src := Source{Registry: host, Repository: "p/app", Version: "v1", Trusted: true}
	var phases []string
	var all []*Image
	var mu sync.Mutex
	var work sync.WaitGroup
	for range 4 { // at the same time: one of them unpacks
		work.Go(func() {
			img, err := s.Prepare(t.Context(), Params{Source: src, Progress: func(phase, _ string) {
				mu.Lock()
				defer mu.Unlock()
				phases = append(phases, phase)
			}})
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, img)
		})
	}
	work.Wait()
	if n := strings.Count(strings.Join(phases, " "), "unpack"); n != 1 {
		t.Errorf("unpacked %d times", n)
	}
	want := Config{Entrypoint: []string{"/app/hello"}, Cmd: []string{"-v"}, Env: []string{"A=1"}, User: "7", WorkDir: "/app"}
	for _, img := range all {
		if diff := cmp.Diff(want, img.Config); diff != "" {
			t.Errorf("config (-want +got):\n%s", diff)
		}
		if body, err := os.ReadFile(filepath.Join(img.RootFS, "app/hello")); err != nil || string(body) != "hello "+runtime.GOARCH {
			t.Errorf("file: %q, %v", body, err)
		}
		if err := img.Release(); err != nil {
			t.Error(err)
		}
	}
}

func TestOnlyThisPlatformIsTaken(t *testing.T) {
	t.Parallel()
	host, push, pushIndex := serve(t)
	mine, other := hello(t, runtime.GOARCH), hello(t, otherArch())
	platform := func(arch string) v1.Descriptor {
		return v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}
	}
	pushIndex("p/both:v1", mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: other, Descriptor: platform(otherArch())}, mutate.IndexAddendum{Add: mine, Descriptor: platform(runtime.GOARCH)}))
	pushIndex("p/wrong:v1", mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: other, Descriptor: platform(otherArch())}))
	push("p/single:v1", other)
	s := open(t)
	img, err := s.Prepare(t.Context(), Params{Source: Source{Registry: host, Repository: "p/both", Version: "v1", Trusted: true}})
	if err != nil {
		t.Fatal(err)
	}
	if body, err := os.ReadFile(filepath.Join(img.RootFS, "app/hello")); err != nil || string(body) != "hello "+runtime.GOARCH {
		t.Errorf("got %q, %v", body, err)
	}
	for _, repository := range []string{"p/wrong", "p/single"} {
		_, err := s.Prepare(t.Context(), Params{Source: Source{Registry: host, Repository: repository, Version: "v1", Trusted: true}})
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "linux/"+otherArch()) {
			t.Errorf("%s: %v, want a refusal that names linux/%s", repository, err, otherArch())
		}
	}
}

func TestLocalImages(t *testing.T) {
	t.Parallel()
	img := hello(t, runtime.GOARCH)
	folder := t.TempDir()
	p, err := layout.Write(folder, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.AppendImage(img); err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(t.TempDir(), "app.tar")
	tag, err := name.NewTag("app:v1")
	if err != nil {
		t.Fatal(err)
	}
	if err := tarball.WriteToFile(archive, tag, img); err != nil {
		t.Fatal(err)
	}
	for _, local := range []string{folder, archive} {
		got, err := open(t).Prepare(t.Context(), Params{Source: Source{Local: local}})
		if err != nil {
			t.Errorf("%s: %v", local, err)
			continue
		}
		if _, err := os.Stat(filepath.Join(got.RootFS, "app/hello")); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"/no/such/image", t.TempDir()} {
		if _, err := open(t).Prepare(t.Context(), Params{Source: Source{Local: bad}}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestFailuresLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	host, push, _ := serve(t)
	push("p/app:v1", hello(t, runtime.GOARCH))
	s := open(t)
	src := Source{Registry: host, Repository: "p/app", Version: "v1", Trusted: true}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, row := range map[string]struct {
		ctx    context.Context
		params Params
		want   fault.Kind
	}{
		"a missing tag":       {t.Context(), Params{Source: Source{Registry: host, Repository: "p/app", Version: "v2", Trusted: true}}, fault.Missing},
		"a registry away":     {t.Context(), Params{Source: Source{Registry: "127.0.0.1:1", Repository: "p/app", Version: "v1", Trusted: true}}, fault.Unavailable},
		"a name that is none": {t.Context(), Params{Source: Source{Registry: host, Repository: "P//", Version: "v1", Trusted: true}}, fault.Invalid},
		"too large":           {t.Context(), Params{Source: src, MaxBytes: 3}, fault.TooLarge},
		"canceled":            {canceled, Params{Source: src}, fault.Internal},
	} {
		if _, err := s.Prepare(row.ctx, row.params); err == nil || fault.Of(err) != row.want && name != "canceled" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, d := range []string{"images", "partial"} {
		if left, _ := os.ReadDir(filepath.Join(s.dir, d)); len(left) > 0 {
			t.Errorf("%s is not empty", d)
		}
	}
}

func TestOpenRemovesWhatAKilledProcessLeft(t *testing.T) {
	t.Parallel()
	d := t.TempDir()
	if _, err := Open(d, 0); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(d, "partial/image-1/rootfs"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(d, 0); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(filepath.Join(d, "partial")); len(left) > 0 {
		t.Error("a half image is left")
	}
}

func TestCommandFollowsDockersRules(t *testing.T) {
	t.Parallel()
	c := Config{Entrypoint: []string{"/e"}, Cmd: []string{"c1", "c2"}}
	for name, row := range map[string]struct {
		config          Config
		entrypoint, cmd []string
		want            []string
	}{
		"the image's own":                  {c, nil, nil, []string{"/e", "c1", "c2"}},
		"cmd replaces cmd":                 {c, nil, []string{"x"}, []string{"/e", "x"}},
		"entrypoint drops the image's cmd": {c, []string{"/n"}, nil, []string{"/n"}},
		"both":                             {c, []string{"/n"}, []string{"x"}, []string{"/n", "x"}},
		"only cmd":                         {Config{Cmd: []string{"/c"}}, nil, nil, []string{"/c"}},
	} {
		got, err := Command(row.config, row.entrypoint, row.cmd)
		if diff := cmp.Diff(row.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", name, err, diff)
		}
	}
	if _, err := Command(Config{}, nil, nil); !fault.Is(err, fault.Invalid) {
		t.Errorf("no command: %v", err)
	}
}

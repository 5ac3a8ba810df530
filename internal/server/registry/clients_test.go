package registry_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Real clients, each with its own idea of the protocol.

func (w *fixture) reference(s string) name.Reference {
	w.t.Helper()
	ref, err := name.ParseReference(w.host()+"/"+s, name.Insecure)
	if err != nil {
		w.t.Fatal(err)
	}
	return ref
}

// randomImage is an OCI image for linux/amd64 with layers of random bytes.
func randomImage(t *testing.T, layers int) v1.Image {
	t.Helper()
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	for range layers {
		layer, err := random.Layer(50_000, types.OCILayer)
		if err == nil {
			img, err = mutate.AppendLayers(img, layer)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", "amd64"
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	return img
}

func digest(t *testing.T, thing interface{ Digest() (v1.Hash, error) }) string {
	t.Helper()
	h, err := thing.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return h.String()
}

var owner = remote.WithAuth(authn.FromConfig(authn.AuthConfig{Username: "someone", Password: ownerKey}))

func TestGoContainerRegistryPushesAndPulls(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	img := randomImage(t, 3)
	ref := w.reference("shut/app:v1")
	if err := remote.Write(ref, img, owner); err != nil {
		t.Fatal(err)
	}
	back, err := remote.Image(ref, owner)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := digest(t, back), digest(t, img); got != want {
		t.Errorf("want %s, got %s", want, got)
	}
	layers, err := back.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range layers {
		rc, err := l.Uncompressed() // its digests are checked while it is read
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, rc); err != nil {
			t.Error(err)
		}
		rc.Close()
	}
	if _, err := remote.Image(ref); err == nil {
		t.Error("a private image was pulled by nobody")
	}

	index, err := random.Index(1000, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(w.reference("open/many:v1"), index, owner); err != nil {
		t.Fatal(err)
	}
	got, err := remote.Index(w.reference("open/many@"+digest(t, index)), remote.WithAuth(authn.Anonymous))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := digest(t, got), digest(t, index); got != want {
		t.Errorf("index: want %s, got %s", want, got)
	}
	tags, err := remote.List(w.reference("open/many:v1").Context())
	if err != nil || fmt.Sprint(tags) != "[v1]" {
		t.Errorf("tags: %v, %v", tags, err)
	}
	if err := remote.Delete(ref, owner); err != nil {
		t.Errorf("delete: %v", err)
	}
}

// What a runner does with the token of its claim.
func TestGoContainerRegistryPullsWithAClaimToken(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	img := randomImage(t, 1)
	ref := w.reference("shut/app:v1")
	if err := remote.Write(ref, img, owner); err != nil {
		t.Fatal(err)
	}
	shut := w.project("shut")
	token, _, err := w.registry.MintPull(t.Context(), shut.ID, w.insertJob(shut.ID), 3)
	if err != nil {
		t.Fatal(err)
	}
	for what, auth := range map[string]authn.AuthConfig{
		"as it is":    {RegistryToken: token},
		"as password": {Username: "runner", Password: token},
	} {
		back, err := remote.Image(ref, remote.WithAuth(authn.FromConfig(auth)))
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if got, want := digest(t, back), digest(t, img); got != want {
			t.Errorf("%s: want %s, got %s", what, want, got)
		}
		if err := remote.Write(ref, randomImage(t, 1), remote.WithAuth(authn.FromConfig(auth))); err == nil {
			t.Errorf("%s: the token of a claim can push", what)
		}
	}
}

// tool finds a program or skips the test.
func tool(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("%s is not on the PATH; install the package %s", program, program)
	}
	return path
}

func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.WaitDelay = 10 * time.Second // for a helper process of it that keeps the output open
	home := t.TempDir()
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_RUNTIME_DIR="+home, "TMPDIR="+home)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(program), strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// writeLayout writes an image as an OCI layout with the tag v1 into a folder.
func writeLayout(t *testing.T, folder string, img v1.Image) string {
	t.Helper()
	path, err := layout.Write(folder, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := path.AppendImage(img, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": "v1"})); err != nil {
		t.Fatal(err)
	}
	return folder
}

func layoutDigest(t *testing.T, folder string) string {
	t.Helper()
	path, err := layout.FromPath(folder)
	if err != nil {
		t.Fatal(err)
	}
	index, err := path.ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	m, err := index.IndexManifest()
	if err != nil || len(m.Manifests) != 1 {
		t.Fatalf("layout %s: %v, %v", folder, m, err)
	}
	return m.Manifests[0].Digest.String()
}

func TestSkopeoCopiesThereAndBackToTheSameDigest(t *testing.T) {
	t.Parallel()
	skopeo := tool(t, "skopeo")
	w := newFixture(t)
	img := randomImage(t, 3)
	from, back := writeLayout(t, t.TempDir(), img), t.TempDir()
	ref := "docker://" + w.host() + "/skopeo/bench/app:v1" // a project that the push makes
	run(t, skopeo, "--insecure-policy", "copy", "--dest-tls-verify=false", "--dest-creds=someone:"+ownerKey, "oci:"+from+":v1", ref)
	run(t, skopeo, "--insecure-policy", "copy", "--src-tls-verify=false", ref, "oci:"+back+":v1") // public, so without credentials
	if got, want := layoutDigest(t, back), digest(t, img); got != want {
		t.Errorf("want %s, got %s", want, got)
	}
	if got := run(t, skopeo, "inspect", "--tls-verify=false", "--format={{.Digest}} {{.RepoTags}} {{.Architecture}}", ref); got != digest(t,
		img)+" [v1] amd64" {
		t.Errorf("inspect: %s", got)
	}
	// From project to project, by mounting.
	other := "docker://" + w.host() + "/other/app:v2"
	run(t, skopeo, "--insecure-policy", "copy", "--src-tls-verify=false", "--dest-tls-verify=false", "--src-creds=someone:"+ownerKey,
		"--dest-creds=someone:"+ownerKey, ref, other)
	if got := run(t, skopeo, "inspect", "--tls-verify=false", "--format={{.Digest}}", other); got != digest(t, img) {
		t.Errorf("copied inside: want %s, got %s", digest(t, img), got)
	}
	run(t, skopeo, "delete", "--tls-verify=false", "--creds=someone:"+ownerKey, ref)
	if w.log.Len() > 0 {
		t.Errorf("the registry logged:\n%s", w.log)
	}
}

func TestPodmanLogsInPushesAndPullsTheSameImage(t *testing.T) {
	t.Parallel()
	podman := tool(t, "podman")
	w := newFixture(t)
	folder, err := os.MkdirTemp("", "podman") // podman refuses run folders of more than 50 characters
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(folder); err != nil {
			t.Error(err)
		}
	})
	auth := filepath.Join(folder, "auth.json")
	podmanDo := func(args ...string) string {
		return run(t, podman, append([]string{
			"--root", filepath.Join(folder, "root"), "--runroot", filepath.Join(folder, "run"), "--storage-driver", "vfs",
			"--cgroup-manager", "cgroupfs", "--events-backend", "none",
		}, args...)...)
	}
	policy := filepath.Join(folder, "policy.json")
	if err := os.WriteFile(policy, []byte(`{"default":[{"type":"insecureAcceptAnything"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	image := podmanDo("pull", "--quiet", "--signature-policy", policy, "oci:"+
		writeLayout(t, filepath.Join(folder, "layout"), randomImage(t, 2))+":v1")
	ref := w.host() + "/shut/podman:v1"
	podmanDo("login", "--authfile", auth, "--tls-verify=false", "-u", "someone", "-p", ownerKey, w.host())
	podmanDo("push", "--authfile", auth, "--tls-verify=false", "--signature-policy", policy, "--digestfile", filepath.Join(folder, "digest"),
		image, ref)
	podmanDo("rmi", image)
	again := podmanDo("pull", "--quiet", "--authfile", auth, "--tls-verify=false", "--signature-policy", policy, ref)
	if again != image {
		t.Errorf("image: want %s, got %s", image, again)
	}
	pushed, err := os.ReadFile(filepath.Join(folder, "digest"))
	if err != nil {
		t.Fatal(err)
	}
	if got := w.want(200, request{method: "HEAD",
		path: "/v2/shut/podman/manifests/v1"}).Header.Get("Docker-Content-Digest"); got != string(pushed) {
		t.Errorf("digest: want %s, got %s", pushed, got)
	}
	if w.log.Len() > 0 {
		t.Errorf("the registry logged:\n%s", w.log)
	}
}

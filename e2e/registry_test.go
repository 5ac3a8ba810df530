package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tachograph/tacho/internal/imagepack"
)

// layoutImage writes an OCI layout with one image and returns its folder and the image's digest.
func layoutImage(t *testing.T) (folder, digest string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "hello")
	if err := os.WriteFile(file, bytes.Repeat([]byte("hello "), 100_000), 0o755); err != nil {
		t.Fatal(err)
	}
	img, err := imagepack.Build(imagepack.Spec{Files: []imagepack.File{{Source: file, Target: "/hello"}}, Entrypoint: []string{"/hello"},
		Architecture: "amd64"})
	if err != nil {
		t.Fatal(err)
	}
	parent, err := os.MkdirTemp("", "tacho-layout-") // podman wants lower case, which t.TempDir is not
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(parent) })
	folder = filepath.Join(parent, "layout")
	if digest, err = imagepack.WriteLayout(img, folder); err != nil {
		t.Fatal(err)
	}
	return folder, digest
}

func run(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append(os.Environ(), env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, errs.String())
	}
	return strings.TrimSpace(out.String())
}

// authFile is a Docker configuration with the admin's key for the server's registry.
func authFile(t *testing.T, w *world) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "auth.json")
	raw, err := json.Marshal(map[string]any{"auths": map[string]any{w.listen: map[string]string{"auth": basic("tacho", w.key)}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestSkopeoCopiesInAndBackWithTheSameDigest(t *testing.T) {
	t.Parallel()
	skopeo := needProgram(t, "skopeo")
	w := newWorld(t)
	layout, digest := layoutImage(t)
	auth := authFile(t, w)
	remote := "docker://" + w.listen + "/copied/app:v1"
	run(t, nil, skopeo, "copy", "--insecure-policy", "--dest-authfile", auth, "--dest-tls-verify=false", "oci:"+layout, remote)
	if got := run(t, nil, skopeo, "inspect", "--authfile", auth, "--tls-verify=false", "--format", "{{.Digest}}", remote); got != digest {
		t.Errorf("the registry has %s, pushed was %s", got, digest)
	}
	back := filepath.Join(t.TempDir(), "back")
	run(t, nil, skopeo, "copy", "--insecure-policy", "--src-authfile", auth, "--src-tls-verify=false", remote, "oci:"+back)
	if got := indexDigest(t, back); got != digest {
		t.Errorf("%s came back, pushed was %s", got, digest)
	}
}

func TestPodmanPushesAndPulls(t *testing.T) {
	needContainers(t)
	podman := needProgram(t, "podman")
	w := newWorld(t)
	layout, _ := layoutImage(t)
	auth := authFile(t, w)
	storage := []string{"--root", filepath.Join(t.TempDir(), "root"), "--runroot", filepath.Join(t.TempDir(), "run"), "--storage-driver",
		"vfs", "--cgroup-manager", "cgroupfs"}
	do := func(args ...string) string {
		return run(t, nil, podman, append(storage[:len(storage):len(storage)], args...)...)
	}
	id := do("pull", "--quiet", "oci:"+layout)
	remote := w.listen + "/podman/app:v1"
	do("push", "--authfile", auth, "--tls-verify=false", id, remote)
	do("rmi", "--force", id)
	if got := do("pull", "--quiet", "--authfile", auth, "--tls-verify=false", remote); got != id {
		t.Errorf("podman pulled image %s, pushed was %s", got, id)
	}
}

func TestStrangersDoNotPush(t *testing.T) {
	t.Parallel()
	skopeo := needProgram(t, "skopeo")
	w := newWorld(t)
	layout, _ := layoutImage(t)
	cmd := exec.CommandContext(t.Context(), skopeo, "copy", "--insecure-policy", "--dest-no-creds", "--dest-tls-verify=false", "oci:"+layout,
		"docker://"+w.listen+"/stolen/app:v1")
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Errorf("skopeo pushed without credentials:\n%s", out)
	}
	if w.get("/v0/projects/stolen", nil) {
		t.Error("the refused push made a project")
	}
}

// indexDigest is the digest of the one manifest of an OCI layout.
func indexDigest(t *testing.T, layout string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(layout, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var index struct {
		Manifests []struct{ Digest string }
	}
	if err := json.Unmarshal(raw, &index); err != nil || len(index.Manifests) != 1 {
		t.Fatalf("index.json: %v, %s", err, raw)
	}
	return index.Manifests[0].Digest
}

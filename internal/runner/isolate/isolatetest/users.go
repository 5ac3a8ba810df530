//go:build linux

package isolatetest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/runner/isolate"
)

// inNamespace skips where the sandboxes have no user namespace because the kernel gives none, and fails where it does.
func (t *bench) inNamespace() {
	t.Helper()
	if t.caps.RootID != 0 {
		return
	}
	cmd := exec.Command(filepath.Join(t.image, "probe"), "exit", "0")
	ids := []syscall.SysProcIDMap{{HostID: 1 << 20, Size: limits.SandboxIDs}}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER, UidMappings: ids, GidMappings: ids}
	if err := cmd.Run(); err != nil {
		t.Skipf("the kernel gives no user namespace: %v; the driver says: %q", err, t.caps.Notes)
	}
	t.Fatalf("the kernel gives user namespaces, and the driver has none: %q", t.caps.Notes)
}

// shift gives the files of an image to the ids that they have on this host.
func shift(image string, rootID uint32) error {
	return filepath.WalkDir(image, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		owner := info.Sys().(*syscall.Stat_t)
		return os.Lchown(path, int(owner.Uid+rootID), int(owner.Gid+rootID))
	})
}

// rootIsNotTheHostsRoot looks at the sandbox's processes and files from outside.
func rootIsNotTheHostsRoot(t *bench) {
	t.inNamespace()
	for user, id := range map[string]uint32{"": 0, "bench": 1234} {
		tk := t.task("stubborn")
		tk.User, tk.Args = user, append(tk.Args, tk.ID)
		got := 0
		t.run(tk, func(s isolate.Sandbox, o *output) {
			o.await(t)
			for pid := range processesOf(t.T, tk.ID) {
				if isOurs(pid) {
					continue // a keeper
				}
				got++
				want := fmt.Sprintf("Uid:\t%[1]d\t%[1]d\t%[1]d\t%[1]d\n", t.caps.RootID+id)
				if status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)); err != nil || !strings.Contains(string(status), want) {
					t.Errorf("user %q: a process is not %q: %v\n%s", user, want, err, status)
				}
			}
			s.Kill(0)
		})
		if got == 0 {
			t.Errorf("user %q: no process was seen", user)
		}
		tk = t.task("leave")
		tk.User = user
		_, s := t.ran(tk, nil)
		f, _, err := s.Open("/tmp/file")
		if err != nil {
			t.Fatal(err)
		}
		info, err := f.(fs.File).Stat()
		if err != nil {
			t.Fatal(err)
		}
		if owner := info.Sys().(*syscall.Stat_t); owner.Uid != t.caps.RootID+id {
			t.Errorf("user %q: on the host its file belongs to %d, want %d", user, owner.Uid, t.caps.RootID+id)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

// filesKeepTheirOwners has files of the image that only their owners may read.
func filesKeepTheirOwners(t *bench) {
	image := t.imageWithout()
	var paths []string
	var want strings.Builder
	const last = limits.SandboxIDs - 1
	for name, owner := range map[string][2]uint32{"root": {0, 0}, "bench": {1234, 77}, "last": {last, last}} {
		t.put(filepath.Join(image, name), t.caps.RootID+owner[0], t.caps.RootID+owner[1])
		paths = append(paths, "/"+name)
		fmt.Fprintf(&want, "/%s %d %d\n", name, owner[0], owner[1])
		if name == "bench" {
			want.WriteString("read ok\n")
		} else {
			want.WriteString("read permission denied\n")
		}
	}
	tk := t.task(append([]string{"owners"}, paths...)...)
	tk.RootFS, tk.User = image, "bench"
	if got := t.run(tk, nil); got.stdout != want.String() {
		t.Errorf("got %q %q, want %q", got.stdout, got.stderr, want.String())
	}
}

// filesOfTheHostAreNobodys puts files of the host's own users where the sandbox sees them.
func filesOfTheHostAreNobodys(t *bench) {
	t.inNamespace()
	image := t.imageWithout()
	args, want := []string{"owners"}, ""
	for name, id := range map[string]uint32{
		"of-root": 0, "of-a-user": 1000, "before-the-first": t.caps.RootID - 1, "after-the-last": t.caps.RootID + limits.SandboxIDs,
	} {
		t.put(filepath.Join(image, name), id, id)
		args = append(args, "/"+name)
		want += fmt.Sprintf("/%s 65534 65534\nread permission denied\n", name)
	}
	for _, user := range []string{"", "65534:65534", "1000:1000"} {
		tk := t.task(args...)
		tk.RootFS, tk.User = image, user
		if got := t.run(tk, nil); got.stdout != want {
			t.Errorf("user %q: got %q %q, want %q", user, got.stdout, got.stderr, want)
		}
	}
}

// put makes a file that its owner alone may read.
func (t *bench) put(file string, uid, gid uint32) {
	t.Helper()
	if err := errors.Join(os.WriteFile(file, []byte("secret"), 0o600), os.Lchown(file, int(uid), int(gid))); err != nil {
		t.Fatal(err)
	}
}

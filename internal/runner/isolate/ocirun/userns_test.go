//go:build linux

package ocirun

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/host"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/runner/isolate"
	"github.com/tachograph/tacho/internal/runner/isolate/tiny"
)

func TestTheIDsOfSandboxesAreOfARangeOfRootsOrHigh(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		uids, gids string
		want       uint32
	}{
		"no files":                        {"", "", unusedIDs},
		"one range":                       {"root:100000:65536\n", "root:100000:65536\n", 100_000},
		"by number":                       {"0:100000:65536\n", "root:100000:65536", 100_000},
		"a larger one":                    {"root:1000000:1000000000\n", "root:1000000:1000000000\n", 1_000_000},
		"of another user":                 {"lxd:100000:65536\n", "root:100000:65536\n", unusedIDs},
		"only one kind":                   {"root:100000:65536\n", "", unusedIDs},
		"different starts":                {"root:100000:65536\n", "root:200000:65536\n", unusedIDs},
		"one too small":                   {"root:100000:65536\n", "root:100000:65535\n", unusedIDs},
		"the second of several":           {"me:1:1\nroot:1000:1\nroot:300000:65536\n", "root:300000:70000\nroot:1000:1\n", 300_000},
		"among the host's own users":      {"root:1000:100000\n", "root:1000:100000\n", unusedIDs},
		"from root on":                    {"root:0:4294967295\n", "root:0:4294967295\n", unusedIDs},
		"the last that there is room for": {"root:4294901759:65536\n", "root:4294901759:65536\n", 4_294_901_759},
		"beyond the last id":              {"root:4294901760:65536\n", "root:4294901760:65536\n", unusedIDs},
		"lines that are none":             {"root:100000\n\nroot:x:65536\n#\n", "root:100000:65536\n", unusedIDs},
		"a line that is none before one that is it": {"root:x:65536\nroot:100000:65536\n", "root:100000:65536\n", 100_000},
	} {
		etc := fstest.MapFS{}
		for file, text := range map[string]string{"subuid": row.uids, "subgid": row.gids} {
			if text != "" {
				etc[file] = &fstest.MapFile{Data: []byte(text)}
			}
		}
		if got := rangeStart(etc); got != row.want {
			t.Errorf("%s: %d, want %d", name, got, row.want)
		}
	}
}

// shim makes a runtime that does something to the container's configuration before the real one reads it: $config is its file.
func shim(t *testing.T, script string) string {
	t.Helper()
	works("runc")(t)
	real, err := exec.LookPath("runc")
	if err != nil {
		t.Skip(err)
	}
	file := filepath.Join(t.TempDir(), "runc")
	text := `#!/bin/sh
case "$*" in *' create '*)
	config=$(echo "$*" | sed 's/.*--bundle \([^ ]*\) .*/\1/')/config.json
	` + script + `
esac
exec ` + real + ` "$@"
`
	if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return file
}

// withoutUserNamespaces refuses them as runc does where the kernel gives none.
const withoutUserNamespaces = `if grep -q '"type":"user"' "$config"; then
		echo 'runc create failed: unable to start container process: unshare user namespace: no space left on device' >&2
		exit 1
	fi`

// leavesThemOut makes the container without the user namespace that was asked for.
const leavesThemOut = `sed -i 's/,{"type":"user"}//; s/"[ug]idMappings":\[[^]]*\],//g' "$config"`

// groupsElsewhere gives the container's groups other ids of the host than its users.
const groupsElsewhere = `sed -i 's/\("gidMappings":\[{"containerID":0,"hostID":\)[0-9]*/\1300000/' "$config"`

func newDriver(t *testing.T, runtime string) *Driver {
	t.Helper()
	d, err := New(Config{Runtime: runtime, Dir: openFolder(t), Keeper: testKeeper})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// smallTask runs in a folder that is not there yet.
func smallTask(t *testing.T) isolate.Task {
	return isolate.Task{
		ID: "users" + strconv.FormatInt(time.Now().UnixNano(), 36), RootFS: filepath.Join(openFolder(t), "image"),
		CPUs: 1, MemoryBytes: 128 << 20, DiskBytes: 32 << 20, PidsMax: 64, MaxWall: time.Hour,
	}
}

func owner(t *testing.T, file string) uint32 {
	t.Helper()
	info, err := os.Lstat(file)
	if err != nil {
		t.Fatal(err)
	}
	stat := info.Sys().(*syscall.Stat_t)
	if stat.Uid != stat.Gid {
		t.Errorf("%s belongs to user %d and group %d", file, stat.Uid, stat.Gid)
	}
	return stat.Uid
}

// TestWithoutUserNamespacesItGoesOnAndSaysSo has machines on which they do not work, each for a reason of its own.
func TestWithoutUserNamespacesItGoesOnAndSaysSo(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		runtime string // what its shim does; "" is the real one
		change  func(t *testing.T, d *Driver)
		say     string
	}{
		"the kernel gives none":             {withoutUserNamespaces, nil, "unshare user namespace: no space left on device"},
		"the runtime leaves them out":       {leavesThemOut, nil, "made its uid_map"},
		"the runtime maps groups elsewhere": {groupsElsewhere, nil, "made its gid_map"},
		"the folder is closed to the root":  {"", closeFolder, "run chmod o+x on it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDriver(t, shim(t, row.runtime))
			if row.change != nil {
				row.change(t, d)
			}
			c, err := d.Probe(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			said := slices.ContainsFunc(c.Notes, func(note string) bool {
				return strings.HasPrefix(note, "no user namespace (") && strings.Contains(note, row.say) && !strings.Contains(note, "\n")
			})
			if c.RootID != 0 || c.Level != host.Container || !said {
				t.Fatalf("root has id %d, level %s, notes %q, want one that says %q", c.RootID, c.Level, c.Notes, row.say)
			}
			task := smallTask(t)
			if err := d.runOwn(t.Context(), tiny.Proof(runtime.GOARCH), task); err != nil { // as root it writes into a folder of root's
				t.Errorf("a job does not run: %v", err)
			}
			if found, err := filepath.Glob(d.dir + "/*try*"); err != nil || len(found) > 0 || len(left(d, "")) > 0 {
				t.Errorf("left behind: %v, %v, %v", found, left(d, ""), err)
			}
		})
	}
}

// TestAKernelWithoutUserNamespacesRunsJobs has a machine of its own, as far as the kernel goes: a user namespace below which it makes no
// others.
func TestAKernelWithoutUserNamespacesRunsJobs(t *testing.T) {
	t.Parallel()
	if d := works("runc")(t).(*Driver); d.rootID == 0 {
		t.Skip("this is such a machine: the suite is played on one")
	}
	task, err := json.Marshal(smallTask(t))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], wordWithin, openFolder(t), string(task))
	same := []syscall.SysProcIDMap{{Size: math.MaxUint32 - 1}} // all but the last, so that the runtime sees that it is in a namespace
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS, UidMappings: same, GidMappings: same, GidMappingsEnableSetgroups: true,
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, errs.String())
	}
	if !strings.HasPrefix(out.String(), "root has id 0, [no user namespace (") || !strings.HasSuffix(out.String(), "it ran\n") {
		t.Errorf("it said %q", out.String())
	}
	t.Log(out.String())
}

// withoutNamespaces ends its own kernel's making of user namespaces and runs a task.
func withoutNamespaces(dir, task string) error {
	var tk isolate.Task
	if err := json.Unmarshal([]byte(task), &tk); err != nil {
		return err
	}
	if err := os.WriteFile("/proc/sys/user/max_user_namespaces", []byte("0"), 0); err != nil {
		return err
	}
	d, err := New(Config{Runtime: "runc", Dir: dir, Keeper: testKeeper})
	if err != nil {
		return err
	}
	c, err := d.Probe(context.Background())
	if err != nil {
		return err
	}
	fmt.Printf("root has id %d, %s\n", c.RootID, c.Notes)
	if err := d.runOwn(context.Background(), tiny.Proof(runtime.GOARCH), tk); err != nil {
		return err
	}
	fmt.Println("it ran")
	return nil
}

func closeFolder(t *testing.T, d *Driver) { chmod(t, filepath.Dir(d.dir), 0o700) }

func chmod(t *testing.T, file string, mode fs.FileMode) {
	t.Helper()
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
}

// TestARuntimeThatChangesIsNotBelieved has one that makes user namespaces while it is probed, and later leaves them out.
func TestARuntimeThatChangesIsNotBelieved(t *testing.T) {
	t.Parallel()
	switched := filepath.Join(t.TempDir(), "switched")
	d := newDriver(t, shim(t, "[ ! -e "+switched+" ] || "+leavesThemOut))
	if c, err := d.Probe(t.Context()); err != nil || c.RootID == 0 {
		t.Fatalf("%+v, %v", c, err)
	}
	if err := os.WriteFile(switched, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	task := smallTask(t)
	sleeper(t, task.RootFS)
	task.Args = []string{"/sleep"}
	s, err := d.Prepare(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = s.Start(t.Context(), &out, io.Discard)
	if err == nil || fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "made its uid_map") {
		t.Errorf("it started, or the image was blamed: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if out.Len() > 0 || len(left(d, task.ID)) > 0 {
		t.Errorf("the command said %q; left behind: %v", out.String(), left(d, task.ID))
	}
}

// TestWhatIsMadeInASandboxBelongsToItsRoot has an image that lacks every folder that a sandbox needs.
func TestWhatIsMadeInASandboxBelongsToItsRoot(t *testing.T) {
	t.Parallel()
	d := works("")(t).(*Driver)
	task := smallTask(t)
	if err := os.Mkdir(task.RootFS, 0o755); err != nil {
		t.Fatal(err)
	}
	task.Args, task.WorkDir = []string{"/none"}, "/new/folder"
	s, err := d.Prepare(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	dir := s.(*sandbox).dir
	for _, place := range []string{
		"disk/upper", "disk/work", "rootfs", "rootfs/dev", "rootfs/dev/pts", "rootfs/dev/shm", "rootfs/proc", "rootfs/sys", "rootfs/new",
		"rootfs/new/folder",
	} {
		if got := owner(t, filepath.Join(dir, place)); got != d.rootID {
			t.Errorf("%s belongs to %d, want %d", place, got, d.rootID)
		}
	}
}

// TestPlacesOfFilesBelongToTheSandboxesRoot lays a mount that no sandbox has today: a single file.
func TestPlacesOfFilesBelongToTheSandboxesRoot(t *testing.T) {
	t.Parallel()
	works("")(t) // as root
	image := t.TempDir()
	root, err := os.OpenRoot(image)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := layPlace(tree{root, 100_000}, specs.Mount{Destination: "/etc/name", Type: "bind", Source: "/proc/version"}); err != nil {
		t.Fatal(err)
	}
	for _, place := range []string{"etc", "etc/name"} {
		if got := owner(t, filepath.Join(image, place)); got != 100_000 {
			t.Errorf("%s belongs to %d", place, got)
		}
	}
}

// TestTheFolderThatIsClosedIsNamed has folders that others may not pass through, also behind a link.
func TestTheFolderThatIsClosedIsNamed(t *testing.T) {
	t.Parallel()
	top := openFolder(t)
	inner := filepath.Join(top, "closed", "inner")
	if err := errors.Join(os.MkdirAll(inner, 0o755), os.Symlink(inner, filepath.Join(top, "link"))); err != nil {
		t.Fatal(err)
	}
	check := func(dir, want string) {
		t.Helper()
		if got, err := closedFolder(dir); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", dir, got, err, want)
		}
	}
	check(inner, "")
	check("/", "")
	chmod(t, inner, 0o700)
	check(inner, inner)
	chmod(t, filepath.Dir(inner), 0o750)
	check(inner, filepath.Dir(inner))
	check(filepath.Join(top, "link"), filepath.Dir(inner))
	check(top, "")
}

// TestFoldersOfOursAreOpened has folders as a service with a strict umask made them.
func TestFoldersOfOursAreOpened(t *testing.T) {
	t.Parallel()
	works("")(t)
	dir := filepath.Join(openFolder(t), "isolate")
	if err := os.MkdirAll(filepath.Join(dir, "sandboxes"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{Dir: dir, Keeper: testKeeper}); err != nil {
		t.Fatal(err)
	}
	if closed, err := closedFolder(filepath.Join(dir, "sandboxes")); err != nil || closed != "" {
		t.Errorf("%q is closed, %v", closed, err)
	}
}

// BenchmarkStart is what a sandbox costs from its preparation to its removal, with a user namespace and without one.
func BenchmarkStart(b *testing.B) {
	for _, with := range []bool{true, false} {
		b.Run(fmt.Sprintf("namespace=%t", with), func(b *testing.B) {
			dir := b.TempDir()
			if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
				b.Fatal(err)
			}
			d, err := New(Config{Dir: dir, Keeper: testKeeper})
			if fault.Is(err, fault.Unavailable) {
				b.Skip(err)
			}
			if err != nil {
				b.Fatal(err)
			}
			if !with {
				d.rootID = 0
			} else if c, err := d.Probe(b.Context()); err != nil || c.RootID == 0 {
				b.Skipf("no user namespace: %v, %v", c.Notes, err)
			}
			task := isolate.Task{CPUs: 1, MemoryBytes: limits.ProofMemory, DiskBytes: limits.ProofDisk, PidsMax: 64, MaxWall: time.Hour}
			for n := 0; b.Loop(); n++ {
				task.RootFS = filepath.Join(dir, "image"+strconv.Itoa(n))
				if err := d.runOwn(b.Context(), tiny.Nothing(runtime.GOARCH), task); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

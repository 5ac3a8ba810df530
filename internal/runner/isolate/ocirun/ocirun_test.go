//go:build linux

package ocirun

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/host"
	"github.com/tachograph/tacho/internal/runner/isolate"
	"github.com/tachograph/tacho/internal/runner/isolate/isolatetest"
)

// works makes drivers of a runtime, or skips where it cannot work.
func works(runtime string) func(*testing.T) isolate.Driver {
	return func(t *testing.T) isolate.Driver {
		t.Helper()
		d, err := New(Config{Runtime: runtime, Dir: openFolder(t), Keeper: testKeeper})
		if err == nil {
			_, err = d.Probe(t.Context())
		}
		if fault.Is(err, fault.Unavailable) {
			t.Skip(fault.Message(err))
		}
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
}

// openFolder is a temporary folder that root of a sandbox may pass through.
func openFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// left looks for control groups, folders and loop devices of a sandbox; without an id, for folders of any sandbox.
func left(d isolate.Driver, id string) (found []string) {
	dir := d.(*Driver).dir
	patterns := []string{dir + "/sandboxes/*" + id, dir + "/state/*" + id}
	if id != "" {
		patterns = append(patterns, "/sys/fs/cgroup/*/tacho-"+id, "/sys/fs/cgroup/*/*/tacho-"+id, "/sys/fs/cgroup/*/*/*/tacho-"+id, "/sys/fs/cgroup/tacho-"+id)
	}
	for _, pattern := range patterns {
		more, _ := filepath.Glob(pattern) // the pattern is good
		found = append(found, more...)
	}
	disks, _ := filepath.Glob("/sys/block/loop*/loop/backing_file")
	for _, disk := range disks {
		if file, err := os.ReadFile(disk); err == nil && id != "" && strings.Contains(string(file), "/"+id+"/") {
			found = append(found, disk)
		}
	}
	return found
}

// TestRunc also plays the runtime that TACHO_TEST_RUNTIME names instead.
func TestRunc(t *testing.T) {
	isolatetest.Run(t, works(os.Getenv("TACHO_TEST_RUNTIME")), isolatetest.Options{Level: host.Container, Left: left, Runner: runnerProcess})
}

// testRunsc is gVisor's runtime, from where TACHO_TEST_RUNSC says or from the search path.
func testRunsc() string {
	if path := os.Getenv("TACHO_TEST_RUNSC"); path != "" {
		return path
	}
	return gvisorName
}

func TestGVisor(t *testing.T) {
	isolatetest.Run(t, works(testRunsc()), isolatetest.Options{
		Level: host.GVisor, Left: left, Runner: runnerProcess,
		Refusal: map[string]string{"unshare": "invalid argument", "sysctl": "permission denied", "sys": "no such file or directory"},
		Skip: map[string]string{
			"A code above 128 is no signal":   "runsc tells a signal by an exit code above 128, so both look the same",
			"Root inside is not root outside": "its root is one of gVisor's kernel; we give runsc no user namespace",
			"Files of the host are nobody's":  "its root is one of gVisor's kernel; we give runsc no user namespace",
		},
	})
}

func TestARuntimeIsWhatItIsCalled(t *testing.T) {
	t.Parallel()
	for runtime, want := range map[string]fault.Kind{"podman": fault.Invalid, "/usr/bin/runsc-next": fault.Invalid, "/no/such/runsc": fault.Unavailable} {
		if _, err := New(Config{Runtime: runtime, Dir: openFolder(t), Keeper: testKeeper}); !fault.Is(err, want) {
			t.Errorf("%s: %v, want %v", runtime, err, want)
		}
	}
}

func TestParseCPUs(t *testing.T) {
	t.Parallel()
	got, err := parseCPUs("0-2,5,7-8")
	if diff := cmp.Diff([]int{0, 1, 2, 5, 7, 8}, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	for _, bad := range []string{"", "a", "3-1", "1-", "0-99999999"} {
		if got, err := parseCPUs(bad); err == nil {
			t.Errorf("parseCPUs(%q) = %v", bad, got)
		}
	}
}

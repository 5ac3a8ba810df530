//go:build linux

package ocirun

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestGroupsAreBelowOrBesideTheRunners(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, dir := range []string{"memory/box/runner", "pids", "cpuset", "system.slice/runner.service"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	in := func(dir string) string { return filepath.Join(root, dir) }
	older := placeGroups(root, map[string]string{"memory": in("memory/box/runner"), "pids": in("pids/not/seen/here")}, false, "j")
	if diff := cmp.Diff(groups{"memory": in("memory/box/runner/tacho-j"), "pids": in("pids/tacho-j"), "cpuset": in("cpuset/tacho-j")}, older); diff != "" {
		t.Errorf("older hierarchies (-want +got):\n%s", diff)
	}
	for own, want := range map[string]string{"system.slice/runner.service": "system.slice/tacho-j", "": "tacho-j", "not/seen/here": "tacho-j"} {
		got := placeGroups(root, map[string]string{"": in(own)}, true, "j")
		if diff := cmp.Diff(groups{"": in(want)}, got); diff != "" {
			t.Errorf("one hierarchy, from %q (-want +got):\n%s", own, diff)
		}
	}
}

// TestDelegationAsksForWhatIsMissing plays the kernel's files: there is no unified hierarchy with controllers on every host.
func TestDelegationAsksForWhatIsMissing(t *testing.T) {
	t.Parallel()
	for has, want := range map[string]string{"cpuset memory pids": "cpuset ", "cpu io memory pids": "+cpuset"} {
		dir := t.TempDir()
		file := filepath.Join(dir, "cgroup.subtree_control")
		if err := os.WriteFile(file, []byte(has), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := delegate(dir); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(file); err != nil || !strings.HasPrefix(string(got), want) {
			t.Errorf("%q became %q, %v, want %q first", has, got, err, want)
		}
	}
	if err := delegate(t.TempDir()); err == nil {
		t.Error("a folder that is no control group delegates")
	}
}

func TestAGroupWithoutItsFilesHoldsNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("memory pids cpuset"), 0o644); err != nil {
		t.Fatal(err)
	}
	g := groups{"": filepath.Join(dir, "tacho-j")}
	if err := g.make(groupLimits{memoryBytes: 1 << 20, pids: 1, cpus: "0"}); err == nil || !strings.Contains(err.Error(), "memory.max") {
		t.Errorf("limits that cannot be set: %v", err)
	}
	if err := g.end(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(g[""]); !os.IsNotExist(err) {
		t.Errorf("left: %v", err)
	}
}

// TestACommandStartsInAUnifiedGroup needs a unified hierarchy, with or without controllers.
func TestACommandStartsInAUnifiedGroup(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp(unifiedMount(), "tacho-test-")
	if err != nil {
		t.Skipf("no unified hierarchy of control groups that we may write: %v", err)
	}
	g := groups{"": dir}
	t.Cleanup(func() {
		if err := g.end(); err != nil {
			t.Error(err)
		}
		if err := g.end(); err != nil {
			t.Errorf("again: %v", err)
		}
	})
	cmd := exec.Command("/bin/sleep", "1000")
	if err := g.start(cmd); err != nil {
		t.Fatal(err)
	}
	where, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(cmd.Process.Pid), "cgroup"))
	if err != nil || !strings.Contains(string(where), "0::/"+filepath.Base(dir)+"\n") {
		t.Errorf("it is in %s, %v", where, err)
	}
	g.kill()
	if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("it ended: %v", err)
	}
}

// unifiedMount is where the unified hierarchy is.
func unifiedMount() string {
	if unified() {
		return cgroupRoot
	}
	return filepath.Join(cgroupRoot, "unified")
}

func TestAThreadLeavesTheGroupsItForkedIn(t *testing.T) {
	t.Parallel()
	if unified() {
		t.Skip("single threads enter a group on older hierarchies only")
	}
	own := cgroupsOf(os.Getpid())
	dir, err := os.MkdirTemp(filepath.Join(cgroupRoot, "pids"), "tacho-test-")
	if err != nil {
		t.Skipf("no control groups that we may write: %v", err)
	}
	g := groups{"pids": dir}
	t.Cleanup(func() {
		if err := g.end(); err != nil {
			t.Error(err)
		}
	})
	cmd := exec.Command("/bin/sleep", "1000")
	if err := g.start(cmd); err != nil {
		t.Fatal(err)
	}
	in, err := os.ReadFile(filepath.Join(dir, "tasks"))
	if err != nil || strings.TrimSpace(string(in)) != strconv.Itoa(cmd.Process.Pid) {
		t.Errorf("in the group: %q, %v, want the command %d alone", in, err, cmd.Process.Pid)
	}
	if diff := cmp.Diff(own["pids"], cgroupsOf(unix.Getpid())["pids"]); diff != "" {
		t.Errorf("we moved (-want +got):\n%s", diff)
	}
	g.kill()
	if err := cmd.Wait(); err == nil {
		t.Error("it ended by itself")
	}
}

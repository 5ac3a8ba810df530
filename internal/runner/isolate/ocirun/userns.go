//go:build linux

package ocirun

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/runner/isolate"
	"github.com/tachograph/tacho/internal/runner/isolate/tiny"
)

// A sandbox has a user namespace: its ids are a range of the host's that owns nothing else there. Root of the sandbox, should it get out,
// is nobody on the host. gVisor's sandboxes get none from us: their root is one of gVisor's own kernel.

// unusedIDs is where the ids of sandboxes begin on a host that has no range for root. By systemd's list nothing uses the ids from
// 1879048192 to 2147352575; higher ones soon are negative to programs that take an id for a signed number.
const unusedIDs = 2_130_706_432 // 0x7f000000

// rangeStart is the host's id of the sandboxes' root: where root's range begins that /etc/subuid and /etc/subgid both have, else unusedIDs.
func rangeStart(etc fs.FS) uint32 {
	groups := rangesOfRoot(etc, "subgid")
	for _, start := range rangesOfRoot(etc, "subuid") {
		if slices.Contains(groups, start) {
			return start
		}
	}
	return unusedIDs
}

// rangesOfRoot are the starts of root's ranges in a file like /etc/subuid that are large enough. One among the ids that hosts give to
// their own users would share files with them, and is left out.
func rangesOfRoot(etc fs.FS, file string) (starts []uint32) {
	raw, err := fs.ReadFile(etc, file)
	if err != nil {
		return nil // many hosts have no such file
	}
	for line := range strings.Lines(string(raw)) {
		words := strings.Split(strings.TrimSpace(line), ":")
		if len(words) != 3 || words[0] != "root" && words[0] != "0" {
			continue
		}
		start, err := strconv.ParseUint(words[1], 10, 32)
		count, err2 := strconv.ParseUint(words[2], 10, 32)
		if err != nil || err2 != nil || count < limits.SandboxIDs {
			continue
		}
		if start >= limits.SandboxIDs && start <= math.MaxUint32-limits.SandboxIDs {
			starts = append(starts, uint32(start))
		}
	}
	return starts
}

// mapIDs gives the container a user namespace.
func mapIDs(linux *specs.Linux, rootID uint32) {
	linux.Namespaces = append(linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
	ids := []specs.LinuxIDMapping{{ContainerID: 0, HostID: rootID, Size: limits.SandboxIDs}}
	linux.UIDMappings, linux.GIDMappings = ids, ids
}

// checkIDs compares what the runtime made with what it was asked for, before the command begins: a runtime that leaves the user namespace
// out would give the command the host's ids.
func (s *sandbox) checkIDs() error {
	if s.driver.rootID == 0 {
		return nil
	}
	want := []string{"0", strconv.FormatUint(uint64(s.driver.rootID), 10), strconv.Itoa(limits.SandboxIDs)}
	for _, file := range []string{"uid_map", "gid_map"} {
		raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(s.pid), file))
		if err != nil {
			return fmt.Errorf("read the ids of sandbox %s: %w", s.id, err)
		}
		if got := strings.Fields(string(raw)); !slices.Equal(got, want) {
			return fmt.Errorf("sandbox %s was not started: %s made its %s %q instead of %q", s.id, s.driver.name, file, got, want)
		}
	}
	return nil
}

// tryUserNamespace runs a program of ours in a sandbox as a job's has it. Its error says why sandboxes have no user namespace here.
func (d *Driver) tryUserNamespace(ctx context.Context) error {
	folder, err := closedFolder(d.dir)
	if err != nil {
		return err
	}
	if folder != "" {
		return fmt.Errorf("other users may not pass through the folder %s; run chmod o+x on it, or give another --state-dir", folder)
	}
	image := filepath.Join(d.dir, "try")
	if err := os.RemoveAll(image); err != nil { // of a process that was killed
		return err
	}
	return errors.Join(d.runOwn(ctx, tiny.Proof(runtime.GOARCH), isolate.Task{
		RootFS: image, CPUs: 1, MemoryBytes: limits.ProofMemory, DiskBytes: limits.ProofDisk, PidsMax: limits.SandboxProcesses,
		MaxWall: limits.ProofTimeout,
	}), os.RemoveAll(image))
}

// closedFolder is the first folder on the way to dir that others may not pass through, "" if they may reach it: the runtime opens a
// container's files as the user that is root there.
func closedFolder(dir string) (string, error) {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", err
	}
	for _, folder := range append(above(dir), dir) {
		info, err := os.Stat(filepath.Join("/", folder))
		if err != nil {
			return "", err
		}
		if info.Mode()&0o001 == 0 {
			return filepath.Join("/", folder), nil
		}
	}
	return "", nil
}

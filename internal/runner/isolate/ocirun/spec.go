//go:build linux

package ocirun

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/runner/isolate"
)

// shmBytes is the size of /dev/shm, as most container engines have it.
const shmBytes = 64 << 20

// spec is the runtime's configuration of a task.
func (s *sandbox) spec(t isolate.Task, uid, gid uint32) (*specs.Spec, error) {
	cpus, err := pickCPUs(t.CPUs)
	if err != nil {
		return nil, err
	}
	pids := int64(t.PidsMax)
	resources := &specs.LinuxResources{
		Devices: []specs.LinuxDeviceCgroup{{Allow: false, Access: "rwm"}},
		CPU:     &specs.LinuxCPU{Cpus: cpus},
		Memory:  &specs.LinuxMemory{Limit: &t.MemoryBytes},
		Pids:    &specs.LinuxPids{Limit: &pids},
	}
	if unified() || swapLimit() {
		resources.Memory.Swap = &t.MemoryBytes // memory and swap together: no swap
	}
	namespaces := []specs.LinuxNamespace{
		{Type: specs.PIDNamespace}, {Type: specs.MountNamespace}, {Type: specs.IPCNamespace}, {Type: specs.UTSNamespace}, {Type: specs.CgroupNamespace},
		{Type: specs.NetworkNamespace},
	}
	spec := &specs.Spec{
		Version: "1.0.2",
		Process: &specs.Process{
			User: specs.User{UID: uid, GID: gid}, Args: t.Args, Env: environment(t.Env), Cwd: t.WorkDir, // layOut resolves it
			Capabilities: &specs.LinuxCapabilities{}, NoNewPrivileges: true,
			Rlimits: []specs.POSIXRlimit{{Type: "RLIMIT_CORE"}}, // the host's kernel would write the file, or start the host's program for it
		},
		Root:     &specs.Root{Path: s.merged()},
		Hostname: "benchmark",
		Mounts:   mounts(),
		Linux: &specs.Linux{
			Namespaces: namespaces, Resources: resources, CgroupsPath: "tacho-" + s.id, Seccomp: filter(),
			MaskedPaths: []string{
				"/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi",
				"/sys/firmware", "/sys/devices/virtual/powercap",
			},
			ReadonlyPaths: []string{"/proc/asound", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"},
		},
	}
	if s.driver.rootID != 0 {
		mapIDs(spec.Linux, s.driver.rootID)
	}
	return spec, nil
}

// environment is the task's, with a search path if it has none.
func environment(env []string) []string {
	for _, e := range env {
		if strings.HasPrefix(e, "PATH=") {
			return env
		}
	}
	return append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, env...)
}

func mounts() []specs.Mount {
	return []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "strictatime", "mode=755", "size=65536k"}},
		{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}},
		{Destination: "/dev/shm", Type: "tmpfs", Source: "shm", Options: []string{"nosuid", "noexec", "nodev", "mode=1777", fmt.Sprintf("size=%d", shmBytes)}},
		{Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", "ro"}},
	}
}

// pickCPUs chooses n of the processors that we may use, from the end: the first ones take the host's interrupts.
func pickCPUs(n int) (string, error) {
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "", fmt.Errorf("read which CPUs may be used: %w", err)
	}
	var allowed []int
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, "Cpus_allowed_list:"); ok {
			if allowed, err = parseCPUs(strings.TrimSpace(rest)); err != nil {
				return "", err
			}
		}
	}
	if len(allowed) < n {
		return "", fault.New(fault.Unavailable, "the job needs %d CPUs, this runner may use %d", n, len(allowed))
	}
	words := make([]string, n)
	for i, cpu := range allowed[len(allowed)-n:] {
		words[i] = strconv.Itoa(cpu)
	}
	return strings.Join(words, ","), nil
}

// parseCPUs reads the kernel's list format, "0-3,8".
func parseCPUs(list string) ([]int, error) {
	var out []int
	for part := range strings.SplitSeq(list, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		a, err := strconv.Atoi(first)
		if err != nil {
			return nil, fmt.Errorf("read CPU list %q: %w", list, err)
		}
		b, err := strconv.Atoi(last)
		if err != nil || b < a || b > 1<<16 {
			return nil, fmt.Errorf("read CPU list %q", list)
		}
		for cpu := a; cpu <= b; cpu++ {
			out = append(out, cpu)
		}
	}
	return out, nil
}

// lookupUser reads an image's user: empty is root; names are looked up in the image's own files, never in the host's.
func lookupUser(rootfs, user string) (uid, gid uint32, err error) {
	if user == "" {
		return 0, 0, nil
	}
	name, group, hasGroup := strings.Cut(user, ":")
	root, err := os.OpenRoot(rootfs)
	if err != nil {
		return 0, 0, err
	}
	defer root.Close()
	uid, gid, err = account(root, name)
	if err != nil || !hasGroup {
		return uid, gid, err
	}
	if n, ok := id(group); ok {
		return uid, n, nil
	}
	row, err := lookup(root, "etc/group", group)
	if err != nil {
		return 0, 0, err
	}
	n, ok := id(row[2])
	if !ok {
		return 0, 0, fault.Invalidf("image: group %q has no number", group)
	}
	return uid, n, nil
}

func account(root *os.Root, name string) (uid, gid uint32, err error) {
	if n, ok := id(name); ok {
		return n, 0, nil
	}
	row, err := lookup(root, "etc/passwd", name)
	if err != nil {
		return 0, 0, err
	}
	u, ok := id(row[2])
	g, ok2 := id(row[3])
	if !ok || !ok2 {
		return 0, 0, fault.Invalidf("image: user %q has no number", name)
	}
	return u, g, nil
}

func id(s string) (uint32, bool) {
	n, err := strconv.ParseUint(s, 10, 31)
	return uint32(n), err == nil
}

// accountBytes is how much of an image's /etc/passwd or /etc/group is read; the longest real ones have some hundred rows.
const accountBytes = 1 << 20

// lookup finds the row of a name in a file like /etc/passwd, which may be a link in the image.
func lookup(root *os.Root, file, name string) ([]string, error) {
	var raw []byte
	at, err := resolve(root, file, false)
	if err == nil {
		var f *os.File
		if f, err = root.OpenFile(at, os.O_RDONLY|unix.O_NONBLOCK, 0); err == nil {
			raw, err = io.ReadAll(io.LimitReader(f, accountBytes))
			err = errors.Join(err, f.Close())
		}
	}
	if err == nil {
		for line := range strings.Lines(string(raw)) {
			if row := strings.Split(strings.TrimSpace(line), ":"); len(row) >= 4 && row[0] == name {
				return row, nil
			}
		}
	}
	return nil, fault.Invalidf("image: it wants to run as %q, who is not in its /%s", name, file)
}

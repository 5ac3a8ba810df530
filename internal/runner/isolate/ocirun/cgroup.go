//go:build linux

package ocirun

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// cgroupRoot is where the system mounts control groups.
const cgroupRoot = "/sys/fs/cgroup"

// controllers are what a sandbox is limited by.
var controllers = []string{"memory", "pids", "cpuset"}

// groups are the control groups of one sandbox, by controller: one folder for each hierarchy, or a single one, "", where there is only one
// hierarchy.
type groups map[string]string

// unified reports whether this host has one hierarchy of control groups for all controllers.
func unified() bool {
	_, err := os.Stat(filepath.Join(cgroupRoot, "cgroup.controllers"))
	return err == nil
}

func swapLimit() bool {
	_, err := os.Stat(filepath.Join(cgroupRoot, "memory", "memory.memsw.limit_in_bytes"))
	return err == nil
}

// placeGroups says where the groups of a sandbox are to be: below this process's own, so that what limits the runner limits its jobs too,
// or beside it where there is one hierarchy, in which a group has either processes or limited children. own are this process's groups; the
// root of a hierarchy stands for one that cannot be seen from here.
func placeGroups(root string, own map[string]string, oneHierarchy bool, id string) groups {
	seen := func(dir, otherwise string) string {
		if info, err := os.Stat(dir); dir == "" || err != nil || !info.IsDir() {
			return otherwise
		}
		return dir
	}
	name := "tacho-" + id
	if oneHierarchy {
		parent := root
		if dir := seen(own[""], root); dir != root {
			parent = filepath.Dir(dir)
		}
		return groups{"": filepath.Join(parent, name)}
	}
	g := groups{}
	for _, controller := range controllers {
		g[controller] = filepath.Join(seen(own[controller], filepath.Join(root, controller)), name)
	}
	return g
}

// runtimeGroups says where runc and crun put a sandbox that names no absolute group: into each hierarchy, below this process's own group,
// or beside it where there is one hierarchy.
func runtimeGroups(root string, oneHierarchy bool, id string) groups {
	if oneHierarchy {
		return placeGroups(root, cgroupsOf(os.Getpid()), true, id)
	}
	raw, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil
	}
	g := groups{}
	for line := range strings.Lines(string(raw)) {
		if parts := strings.SplitN(strings.TrimSpace(line), ":", 3); len(parts) == 3 {
			hierarchy := cmp.Or(strings.TrimPrefix(parts[1], "name="), "unified")
			g[hierarchy] = filepath.Join(root, hierarchy, parts[2], "tacho-"+id)
		}
	}
	return g
}

// groupLimits are what a sandbox's groups are held to.
type groupLimits struct {
	memoryBytes int64
	pids        int
	cpus        string // as the kernel lists them
	swap        bool   // the kernel can limit it on its older hierarchies
}

// make makes the groups with their limits. A limit that cannot be set is an error: a runner that cannot hold a benchmark must not run it.
func (g groups) make(l groupLimits) error {
	memory, pids := strconv.FormatInt(l.memoryBytes, 10), strconv.Itoa(l.pids)
	settings := map[string][][2]string{
		"memory": {{"memory.limit_in_bytes", memory}},
		"pids":   {{"pids.max", pids}},
		"cpuset": {{"cpuset.cpus", l.cpus}},
		"":       {{"memory.max", memory}, {"memory.swap.max", "0"}, {"memory.oom.group", "1"}, {"pids.max", pids}, {"cpuset.cpus", l.cpus}},
	}
	if l.swap {
		settings["memory"] = append(settings["memory"], [2]string{"memory.memsw.limit_in_bytes", memory})
	}
	for controller, dir := range g {
		switch controller {
		case "":
			if err := delegate(filepath.Dir(dir)); err != nil {
				return err
			}
		case "cpuset": // it has no memory nodes until it is told
			mems, err := os.ReadFile(filepath.Join(filepath.Dir(dir), "cpuset.mems"))
			if err != nil {
				return fmt.Errorf("read memory nodes: %w", err)
			}
			settings[controller] = append(settings[controller], [2]string{"cpuset.mems", strings.TrimSpace(string(mems))})
		}
		if err := os.Mkdir(dir, 0o755); err != nil {
			return fmt.Errorf("make control group: %w", err)
		}
		for _, s := range settings[controller] {
			err := setGroup(dir, s[0], s[1])
			if errors.Is(err, fs.ErrNotExist) && (s[0] == "memory.swap.max" || s[0] == "memory.oom.group") {
				continue // no swap to limit; a kernel before 4.19, where Close ends what is left
			}
			if err != nil {
				return fmt.Errorf("limit %s: %w", s[0], err)
			}
		}
	}
	return nil
}

// delegate lets the groups below dir limit what we limit.
func delegate(dir string) error {
	raw, err := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control"))
	if err != nil {
		return fmt.Errorf("read what control groups may limit: %w", err)
	}
	for _, controller := range controllers {
		if slices.Contains(strings.Fields(string(raw)), controller) {
			continue
		}
		if err := setGroup(dir, "cgroup.subtree_control", "+"+controller); err != nil {
			return fmt.Errorf("let control groups in %s limit %s: %w", dir, controller, err)
		}
	}
	return nil
}

// setGroup writes one of a group's files. It makes none: in a control group's folder only the kernel does.
func setGroup(dir, file, value string) error {
	f, err := os.OpenFile(filepath.Join(dir, file), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}

// start starts a command inside the groups, with all that it starts. On a unified hierarchy the kernel puts it there; on the older ones,
// where single threads may be in a group, it inherits the groups of the thread that forks it, which ends with the call.
func (g groups) start(cmd *exec.Cmd) error {
	if dir, ok := g[""]; ok {
		f, err := os.Open(dir)
		if err != nil {
			return err
		}
		defer f.Close()
		cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(f.Fd())}
		return cmd.Start()
	}
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: a thread that could not leave the groups must not go on
		home, thread := cgroupsOf(unix.Gettid()), strconv.Itoa(unix.Gettid())
		var err error
		for _, dir := range g {
			err = errors.Join(err, setGroup(dir, "tasks", thread))
		}
		if err == nil {
			err = cmd.Start()
		}
		for controller := range g {
			_ = setGroup(home[controller], "tasks", thread) // where home is not to be seen, the thread's end empties the group
		}
		done <- err
	}()
	return <-done
}

// kill kills what is in the groups, whatever forks meanwhile.
func (g groups) kill() {
	for _, dir := range g {
		if setGroup(dir, "cgroup.kill", "1") == nil { // a unified hierarchy since Linux 5.14
			continue
		}
		for range 100 {
			raw, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
			pids := strings.Fields(string(raw))
			if err != nil || len(pids) == 0 {
				break
			}
			for _, word := range pids {
				// A thread of ours, or of the process that we keep a sandbox for, may still be on its way out of the groups.
				if pid, err := strconv.Atoi(word); err == nil && pid > 1 && pid != os.Getpid() && pid != os.Getppid() {
					_ = syscall.Kill(pid, syscall.SIGKILL)
				}
			}
			time.Sleep(time.Millisecond) // the dying are listed until the kernel has buried them
		}
	}
}

// end kills what is left in the groups and removes them. Groups that are not there are no error.
func (g groups) end() error {
	g.kill()
	var all error
	for _, dir := range g {
		err := os.Remove(dir)
		for range 200 {
			if err == nil || errors.Is(err, fs.ErrNotExist) {
				break
			}
			time.Sleep(10 * time.Millisecond) // as in kill
			g.kill()
			err = os.Remove(dir)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			all = errors.Join(all, fmt.Errorf("remove control group: %w", err))
		}
	}
	return all
}

// write notes the groups in a file, for whoever must remove them when this process is gone.
func (g groups) write(file string) error {
	raw, err := json.Marshal(g)
	if err != nil {
		return err
	}
	return os.WriteFile(file, raw, 0o600)
}

// readGroups reads what write wrote. A missing file is a sandbox without groups of ours.
func readGroups(file string) (groups, error) {
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var g groups
	if err == nil {
		err = json.Unmarshal(raw, &g)
	}
	if err != nil {
		return nil, fmt.Errorf("read control groups of a sandbox: %w", err)
	}
	return g, nil
}

// cgroupsOf returns the control group folders of a process or thread by controller; "" is the unified one.
func cgroupsOf(pid int) map[string]string {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return nil
	}
	out := map[string]string{}
	for line := range strings.Lines(string(raw)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		for controller := range strings.SplitSeq(parts[1], ",") {
			out[controller] = filepath.Join(cgroupRoot, controller, parts[2])
		}
	}
	return out
}

// oomKills reads how often the kernel killed for memory in the groups.
func (g groups) oomKills() int {
	for controller, file := range map[string]string{"memory": "memory.oom_control", "": "memory.events"} {
		dir, ok := g[controller]
		if !ok {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(raw)) {
			if rest, ok := strings.CutPrefix(line, "oom_kill "); ok {
				if n, err := strconv.Atoi(strings.TrimSpace(rest)); err == nil && n > 0 {
					return n
				}
			}
		}
	}
	return 0
}

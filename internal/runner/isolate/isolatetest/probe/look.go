//go:build linux

package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// look says what the command can see and do.
func look(word, arg string) {
	switch word {
	case "where":
		wd, err := os.Getwd()
		must(err)
		fmt.Println("cwd", wd)
		env := os.Environ()
		slices.Sort(env)
		fmt.Println("env", strings.Join(env, "|"))
	case "who":
		fmt.Println("uid", os.Getuid(), "gid", os.Getgid())
	case "dial":
		dial(arg)
	case "alone":
		before, err := os.ReadDir("/tmp")
		must(err)
		must(os.WriteFile("/tmp/file", nil, 0o644))
		time.Sleep(500 * time.Millisecond) // both are there now
		all, err := filepath.Glob("/proc/[0-9]*")
		must(err)
		fmt.Println("files", len(before), "processes", len(all))
	case "apart":
		apart(arg)
	case "look":
		attempts()
	case "leave":
		must(os.WriteFile("/tmp/file", []byte("kept"), 0o644))
		fmt.Println("left")
	case "link":
		link(arg)
	case "spoil":
		must(os.WriteFile("/etc/passwd", []byte("spoiled"), 0o600))
		must(os.Rename("/etc/group", "/etc/gone"))
		must(os.Remove("/mnt"))
		must(os.Chmod("/probe", 0o700))
		must(os.WriteFile("/new", nil, 0o644))
		fmt.Println("spoiled")
	default:
		must(fmt.Errorf("unknown word %s", word))
	}
}

// owners says who has each file, and whether it can be read.
func owners(files []string) {
	for _, file := range files {
		var info syscall.Stat_t
		must(syscall.Lstat(file, &info))
		fmt.Println(file, info.Uid, info.Gid)
		_, err := os.ReadFile(file)
		say("read", err)
	}
}

// apart says that the sandbox's own /dev and /proc are there and that a folder of the host is not.
func apart(host string) {
	null, err := os.Stat("/dev/null")
	must(err)
	_, err = os.Stat("/proc/self/exe")
	must(err)
	if _, err := os.Stat(filepath.Join(host, "kept")); err == nil || null.Mode()&os.ModeCharDevice == 0 {
		must(fmt.Errorf("%s: %v, /dev/null: %s", host, err, null.Mode()))
	}
	fmt.Println("apart")
}

func dial(address string) {
	c, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		fmt.Println("network refused")
		return
	}
	text, err := io.ReadAll(c)
	must(err)
	fmt.Println("network", string(text))
}

func attempts() {
	fmt.Println("cpus", runtime.NumCPU())
	fmt.Println("pid", os.Getpid())
	ifs, err := net.Interfaces()
	must(err)
	names := []string{}
	for _, i := range ifs {
		if i.Flags&net.FlagUp != 0 {
			names = append(names, i.Name)
		}
	}
	fmt.Println("interfaces up", names)
	fmt.Println("sockets", sockets())
	var core syscall.Rlimit
	must(syscall.Getrlimit(syscall.RLIMIT_CORE, &core))
	fmt.Println("core", core.Cur, core.Max)
	fmt.Println("groups", groups())
	say("mount", syscall.Mount("none", "/mnt", "tmpfs", 0, ""))
	say("unshare", syscall.Unshare(syscall.CLONE_NEWUSER))
	say("ptrace", syscall.PtraceAttach(1))
	say("sysctl", os.WriteFile("/proc/sys/kernel/hostname", []byte("x"), 0o644))
	say("sys", os.WriteFile("/sys/kernel/mm/ksm/run", []byte("0"), 0o644))
	say("write", os.WriteFile("/tmp/file", []byte("kept"), 0o644))
	_, err = os.ReadFile("/proc/1/root/etc/shadow")
	fmt.Println("host file", err != nil)
}

// sockets are the address families of which it can make a socket of any type, also where the family's number has more bits than the kernel
// reads.
func sockets() []int {
	found := []int{}
	for family := range 256 {
		for _, number := range []uint64{uint64(family), 1<<32 | uint64(family)} {
			for kind := 1; kind <= 10; kind++ {
				fd, _, no := syscall.RawSyscall(syscall.SYS_SOCKET, uintptr(number), uintptr(kind), 0)
				if no == 0 {
					must(syscall.Close(int(fd)))
					found = append(found, family)
				}
			}
		}
	}
	return slices.Compact(found)
}

// groups are the control groups that it sees itself in.
func groups() []string {
	raw, err := os.ReadFile("/proc/self/cgroup")
	must(err)
	found := []string{}
	for line := range strings.Lines(string(raw)) {
		if parts := strings.SplitN(strings.TrimSpace(line), ":", 3); len(parts) == 3 {
			found = append(found, parts[2])
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// link leaves links to a file of its own and to one that is outside.
func link(outside string) {
	must(os.WriteFile("/tmp/file", []byte("kept"), 0o644))
	for name, target := range map[string]string{
		"absolute": "/tmp/file", "relative": "file", "folder": "/tmp", "twice": "/tmp/absolute", "above": "../../../../tmp/file",
		"out": outside, "up": "../../../../../../../.." + outside, "root": "/proc/self/root", "dangling": "/nothing", "loop": "loop",
	} {
		must(os.Symlink(target, "/tmp/"+name))
	}
	must(syscall.Mkfifo("/tmp/fifo", 0o644))
}

// crash dies of a fault that nothing handles. A signal that the first process of a sandbox sends itself would be ignored.
func crash() {
	var none [4]uint64 // struct sigaction: the default action
	if _, _, no := syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(syscall.SIGSEGV), uintptr(unsafe.Pointer(&none)), 0, 8, 0, 0); no != 0 {
		must(no)
	}
	var nowhere *int
	*nowhere = 1
}

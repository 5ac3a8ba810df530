//go:build linux

package ocirun

import (
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// denied are system calls that a benchmark has no business with: they change the machine, look at other processes, load code into the
// kernel, or have been a way out of containers. All others are allowed; without capabilities most of these fail anyway, and the filter is
// the second fence.
var denied = []string{
	// the machine and its time
	"acct", "adjtimex", "clock_adjtime", "clock_adjtime64", "clock_settime", "clock_settime64", "settimeofday", "stime", "reboot", "swapon", "swapoff", "sethostname", "setdomainname",
	"vhangup", "iopl", "ioperm", "syslog", "quotactl", "quotactl_fd", "nfsservctl", "lookup_dcookie",
	// code in the kernel
	"init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "bpf", "perf_event_open", "userfaultfd",
	"io_uring_setup", "io_uring_enter", "io_uring_register",
	// other processes
	"ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd", "process_madvise",
	// mounts and namespaces
	"mount", "umount", "umount2", "pivot_root", "chroot", "setns", "unshare", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr",
	"open_by_handle_at", "name_to_handle_at", "fanotify_init",
	// keys of the host
	"add_key", "keyctl", "request_key",
}

// families are the kinds of sockets that a benchmark may make: local ones, IPv4, IPv6 and the kernel's own information. All of them belong
// to the sandbox's network namespace. Others do not, as AF_VSOCK, which reaches the hypervisor and other machines of the host, or are ways
// into the kernel that no benchmark needs, as AF_ALG.
var families = []uint64{unix.AF_UNIX, unix.AF_INET, unix.AF_INET6, unix.AF_NETLINK}

// otherFamilies refuses all families that are not allowed, as a kernel does that does not know them. A filter compares all 64 bits of an
// argument, of which the kernel reads 32: what has more bits is larger than all that is allowed.
func otherFamilies() []specs.LinuxSyscall {
	unknown := uint(unix.EAFNOSUPPORT)
	refuse := func(than uint64, op specs.LinuxSeccompOperator) specs.LinuxSyscall {
		return specs.LinuxSyscall{
			Names: []string{"socket", "socketpair"}, Action: specs.ActErrno, ErrnoRet: &unknown,
			Args: []specs.LinuxSeccompArg{{Index: 0, Value: than, Op: op}},
		}
	}
	last := slices.Max(families)
	rules := []specs.LinuxSyscall{refuse(last, specs.OpGreaterThan)}
	for family := range last {
		if !slices.Contains(families, family) {
			rules = append(rules, refuse(family, specs.OpEqualTo))
		}
	}
	return rules
}

// filter is the system call filter.
func filter() *specs.LinuxSeccomp {
	perm, noSys := uint(unix.EPERM), uint(unix.ENOSYS)
	return &specs.LinuxSeccomp{
		DefaultAction: specs.ActAllow,
		Architectures: []specs.Arch{specs.ArchX86_64, specs.ArchX86, specs.ArchX32, specs.ArchAARCH64, specs.ArchARM},
		Syscalls: append(otherFamilies(), []specs.LinuxSyscall{
			{Names: denied, Action: specs.ActErrno, ErrnoRet: &perm},
			// A new user namespace would give all capabilities in it. clone3 hides its flags from filters; without it libraries use clone.
			{Names: []string{"clone"}, Action: specs.ActErrno, ErrnoRet: &perm, Args: []specs.LinuxSeccompArg{
				{Index: 0, Value: unix.CLONE_NEWUSER, ValueTwo: unix.CLONE_NEWUSER, Op: specs.OpMaskedEqual},
			}},
			{Names: []string{"clone3"}, Action: specs.ActErrno, ErrnoRet: &noSys},
			// The old way to sockets of 32-bit programs hides the family in memory; their libraries know the new one.
			{Names: []string{"socketcall"}, Action: specs.ActErrno, ErrnoRet: &noSys},
		}...),
	}
}

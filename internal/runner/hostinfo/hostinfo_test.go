package hostinfo

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
)

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

func TestReadSaysWhatTheHostIs(t *testing.T) {
	t.Parallel()
	got := Read(fstest.MapFS{
		"proc/sys/kernel/osrelease": file("6.1.0-9\n"),
		"proc/cpuinfo": file("processor\t: 0\nmodel name\t: EPYC 7B13\nmicrocode\t: 0xa\nphysical id\t: 0\ncore id\t\t: 0\nflags\t\t: fpu hypervisor sse\n\n" +
			"processor\t: 1\nmodel name\t: EPYC 7B13\nphysical id\t: 0\ncore id\t\t: 0\n"),
		"proc/meminfo":                                         file("MemTotal:       2048 kB\nMemFree: 1 kB\n"),
		"proc/loadavg":                                         file("0.52 0.1 0.1 1/2 3\n"),
		"proc/pressure/cpu":                                    file("some avg10=1.25 avg60=0.00 avg300=0.00 total=1\n"),
		"sys/devices/system/cpu/smt/active":                    file("1\n"),
		"sys/fs/cgroup/cgroup.controllers":                     file("cpu memory\n"),
		"sys/class/dmi/id/sys_vendor":                          file("QEMU\n"),
		"sys/devices/system/cpu/cpufreq/boost":                 file("0\n"),
		"sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": file("performance\n"),
	})
	want := api.HostFacts{
		Kernel: "6.1.0-9", CPUModel: "EPYC 7B13", Microcode: "0xa", CPUs: ptr(2), Cores: ptr(1), SMT: ptr(true), Turbo: ptr(false), Governor: "performance",
		MemoryBytes: ptr(int64(2048 * 1024)), Load1: ptr(0.52), PressureCPU: ptr(1.25), CgroupVersion: "v2", Virtualization: "vm (QEMU)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
}

func TestWhatCannotBeReadIsAbsent(t *testing.T) {
	t.Parallel()
	for name, fsys := range map[string]fstest.MapFS{"nothing": {}, "nonsense": {"proc/cpuinfo": file("::"), "proc/meminfo": file("MemTotal: x"), "proc/loadavg": file("a"), "proc/pressure/cpu": file("avg10=")}} {
		if diff := cmp.Diff(api.HostFacts{}, Read(fsys)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestStolenTime(t *testing.T) {
	t.Parallel()
	before, ok := ReadCPUTime(fstest.MapFS{"proc/stat": file("cpu  100 0 0 900 0 0 0 10 5 5\ncpu0 1\n")})
	after, ok2 := ReadCPUTime(fstest.MapFS{"proc/stat": file("cpu  150 0 0 940 0 0 0 20 9 9\n")})
	if !ok || !ok2 {
		t.Fatal("could not read")
	}
	if got := Stolen(before, after); got == nil || *got != 0.1 {
		t.Errorf("Stolen = %v, want 0.1", got)
	}
	if got := Stolen(after, before); got != nil {
		t.Errorf("Stolen backwards = %v, want nil", *got)
	}
	if _, ok := ReadCPUTime(fstest.MapFS{"proc/stat": file("intr 1 2\n")}); ok {
		t.Error("read processor time where there is none")
	}
}

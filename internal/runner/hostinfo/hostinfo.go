// Package hostinfo reads what a host is: processor, kernel, governor, memory, load, pressure. The facts travel with every result, so
// that a shift can be told from a change of machine.
//
// A value that cannot be read is absent, never zero. Read takes the root of the file system, so tests use a folder of fixtures.
package hostinfo

import (
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/tachograph/tacho/api"
)

// Read returns the facts below root (os.DirFS("/") for the real host), without name, operating system and architecture, which are not
// files.
func Read(root fs.FS) api.HostFacts {
	var f api.HostFacts
	text := func(file string) string {
		b, err := fs.ReadFile(root, file)
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(b))
	}
	f.Kernel = text("proc/sys/kernel/osrelease")
	f.ClockSource = text("sys/devices/system/clocksource/clocksource0/current_clocksource")
	f.Governor = text("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
	cpu(&f, text("proc/cpuinfo"))
	switch text("sys/devices/system/cpu/smt/active") {
	case "1":
		f.SMT = ptr(true)
	case "0":
		f.SMT = ptr(false)
	}
	switch text("sys/devices/system/cpu/intel_pstate/no_turbo") {
	case "1":
		f.Turbo = ptr(false)
	case "0":
		f.Turbo = ptr(true)
	default:
		switch text("sys/devices/system/cpu/cpufreq/boost") {
		case "1":
			f.Turbo = ptr(true)
		case "0":
			f.Turbo = ptr(false)
		}
	}
	for line := range strings.Lines(text("proc/meminfo")) {
		if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			if kb, err := strconv.ParseInt(strings.Fields(rest + " x")[0], 10, 64); err == nil {
				f.MemoryBytes = ptr(kb * 1024)
			}
		}
	}
	if words := strings.Fields(text("proc/loadavg")); len(words) > 0 {
		if v, err := strconv.ParseFloat(words[0], 64); err == nil {
			f.Load1 = &v
		}
	}
	f.PressureCPU = pressure(text("proc/pressure/cpu"))
	f.CgroupVersion = cgroups(root)
	if vendor := text("sys/class/dmi/id/sys_vendor"); f.Virtualization != "" && vendor != "" {
		f.Virtualization += " (" + vendor + ")"
	}
	return f
}

func ptr[T any](v T) *T { return &v }

// cpu reads /proc/cpuinfo: x86 has model name, core id and flags; ARM has only numbers.
func cpu(f *api.HostFacts, info string) {
	logical := 0
	cores := map[string]bool{}
	socket, sawCore := "", false
	for line := range strings.Lines(info) {
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		value = strings.TrimSpace(value)
		switch strings.TrimSpace(key) {
		case "processor":
			logical++
		case "model name":
			f.CPUModel = value
		case "microcode":
			f.Microcode = value
		case "physical id":
			socket = value
		case "core id":
			cores[socket+"/"+value], sawCore = true, true
		case "flags":
			if strings.Contains(" "+value+" ", " hypervisor ") {
				f.Virtualization = "vm"
			}
		}
	}
	if logical > 0 {
		f.CPUs = &logical
	}
	if sawCore {
		f.Cores = ptr(len(cores))
	}
}

// pressure is the share of time in the last ten seconds, in percent, in which some task waited for a processor.
func pressure(psi string) *float64 {
	for word := range strings.FieldsSeq(psi) {
		if rest, ok := strings.CutPrefix(word, "avg10="); ok {
			if v, err := strconv.ParseFloat(rest, 64); err == nil {
				return &v
			}
		}
	}
	return nil
}

func cgroups(root fs.FS) string {
	if _, err := fs.Stat(root, "sys/fs/cgroup/cgroup.controllers"); err == nil {
		return "v2"
	}
	if _, err := fs.Stat(root, path.Join("sys/fs/cgroup", "unified")); err == nil {
		return "hybrid"
	}
	if _, err := fs.Stat(root, "sys/fs/cgroup/memory"); err == nil {
		return "v1"
	}
	return ""
}

// CPUTime is a reading of /proc/stat: what all processors did since the start, in ticks.
type CPUTime struct{ Total, Stolen uint64 }

// ReadCPUTime reads it; ok is false where it cannot.
func ReadCPUTime(root fs.FS) (t CPUTime, ok bool) {
	b, err := fs.ReadFile(root, "proc/stat")
	if err != nil {
		return t, false
	}
	line, _, _ := strings.Cut(string(b), "\n")
	words := strings.Fields(line)
	if len(words) < 9 || words[0] != "cpu" {
		return t, false
	}
	for i, w := range words[1:9] { // guest time, behind these, is counted in user time already
		n, err := strconv.ParseUint(w, 10, 64)
		if err != nil {
			return CPUTime{}, false
		}
		t.Total += n
		if i == 7 {
			t.Stolen = n
		}
	}
	return t, true
}

// Stolen is the share of processor time between two readings that the hypervisor gave to others; nil when nothing passed.
func Stolen(before, after CPUTime) *float64 {
	if after.Total <= before.Total || after.Stolen < before.Stolen {
		return nil
	}
	return ptr(float64(after.Stolen-before.Stolen) / float64(after.Total-before.Total))
}

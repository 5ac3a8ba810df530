package runner

import (
	"os"
	"runtime"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/host"
	"github.com/tachograph/tacho/internal/runner/hostinfo"
)

// ThisMachine is what a machine of a sweep finds out about itself. The number of CPUs is what this process may use, as for jobs.
func ThisMachine() api.MachineFacts {
	f := hostinfo.Read(os.DirFS("/"))
	out := api.MachineFacts{Arch: host.OCIArchitecture(runtime.GOARCH), CPUs: runtime.NumCPU(), CPU: f.CPUModel, Microcode: f.Microcode,
		Kernel: f.Kernel}
	if f.Cores != nil {
		out.Cores = *f.Cores
	}
	if f.MemoryBytes != nil {
		out.Memory = *f.MemoryBytes
	}
	return out
}

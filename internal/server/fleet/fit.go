package fleet

import (
	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/host"
)

// Misfits returns why a runner that says this of itself cannot run the spec's jobs. What it does not say is not held against it: the runner
// looks again before it runs a job, and knows its processors and its memory best.
func (s Spec) Misfits(says api.RunnerMeta) []string {
	return host.Misfits(
		host.Spec{OS: s.OS, Architecture: s.Architecture, Isolation: host.Isolation(s.Isolation), CPUs: s.CPU, Memory: s.MemoryBytes,
			Disk: s.DiskBytes, Network: s.Network},
		host.Machine{OS: says.OS, Architecture: says.Arch, Isolations: says.Isolation, Network: says.Network})
}

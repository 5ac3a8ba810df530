//go:build !linux

package runner

import (
	"log/slog"
	"runtime"

	"github.com/tachograph/tacho/internal/core/fault"
)

// Keep refuses: there are no sandboxes to keep.
func Keep([]string) error {
	return fault.New(fault.Unavailable, "this machine runs %s: there are no sandboxes to keep", runtime.GOOS)
}

// openMachine refuses: no isolation driver works outside Linux.
func openMachine(string, MachineConfig, *slog.Logger) (machine, func(), error) {
	return nil, nil, fault.New(fault.Unavailable, "this machine runs %s: benchmark images run on Linux; use a Linux machine, or a Linux VM on this one", runtime.GOOS)
}

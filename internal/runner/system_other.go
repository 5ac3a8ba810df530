package runner

import (
	"log/slog"
	"runtime"

	"github.com/tachograph/tacho/internal/core/fault"
)

// openMachine refuses: this build has no isolation driver for the platform.
func openMachine(string, MachineConfig, *slog.Logger) (machine, func(), error) {
	return nil, nil, fault.New(fault.Unavailable, "this build of tacho has no isolation driver for %s/%s: it cannot run benchmark images", runtime.GOOS, runtime.GOARCH)
}

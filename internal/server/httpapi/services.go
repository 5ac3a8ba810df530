package httpapi

import (
	"github.com/tachograph/tacho/internal/server/event"
	"github.com/tachograph/tacho/internal/server/explore"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/plot"
	"github.com/tachograph/tacho/internal/server/policy"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/sweep"
	"github.com/tachograph/tacho/internal/server/threshold"
)

// Services are the use cases behind the operations.
type Services struct {
	Projects   *project.Service
	Branches   *series.Branches
	Testbeds   *series.Testbeds
	Benchmarks *series.Benchmarks
	Measures   *series.Measures
	Thresholds *threshold.Service
	Reports    *report.Service
	Plots      *plot.Service
	Explore    *explore.Service
	Events     *event.Service
	Policies   *policy.Service
	Queue      *job.Service
	Fleet      *fleet.Service
	Sweeps     *sweep.Service
}

// registerServices registers the operations of the services.
func (a *API) registerServices() {
	a.registerRun()
	a.registerReports()
	a.registerBranches()
	a.registerThresholds()
	a.registerAlerts()
	a.registerEvents()
	a.registerPolicy()
	a.registerNoise()
	a.registerPlots()
	a.registerPerf()
	a.registerCompare()
	a.registerMetrics()
	a.registerJobs()
	a.registerRunners()
	a.registerSpecs()
	a.registerSweeps()
	a.registerSweepLedger()
	a.registerMachines()
}

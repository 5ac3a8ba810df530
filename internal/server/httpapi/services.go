package httpapi

import (
	"github.com/tachograph/tacho/internal/server/explore"
	"github.com/tachograph/tacho/internal/server/intake"
)

// Services are the use cases behind the operations on reports and jobs.
type Services struct {
	Intake  *intake.Service
	Explore *explore.Service
}

// registerServices registers the operations of the services.
func (a *API) registerServices() {
	a.registerRun()
	a.registerReports()
	a.registerBranches()
	a.registerThresholds()
	a.registerAlerts()
	a.registerPerf()
	a.registerMetrics()
}

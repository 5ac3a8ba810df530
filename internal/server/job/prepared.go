package job

import (
	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/project"
)

// PrepareParams are what a job is prepared from.
type PrepareParams struct {
	Project       project.Project
	Organization  account.Organization
	Actor         access.Actor
	SourceIP      string
	TestbedSpecID *string
	Job           api.NewJob
}

// Prepared is a job that has passed every check and waits for its report.
type Prepared struct {
	Spec fleet.Spec
	Row  Job // without its report
	// Notes are remarks for the submitter, such as a timeout that was shortened.
	Notes []string
}

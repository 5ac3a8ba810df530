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
	SlotID        *string // only the runner that was started for this place of a sweep may take it

	// What the caller has found before, for many jobs that have it in common; nil: it is looked up. The spec may be one that is yet to be
	// made.
	Spec  *fleet.Spec
	Image *Image
}

// Runs is what the jobs of one side of a measurement run. Config is JSON.
type Runs struct{ Image, Digest, Config string }

// Prepared is a measurement that has passed every check and waits for its reports.
type Prepared struct {
	Spec   fleet.Spec
	Row    Job // what all of its jobs have in common
	Head   Runs
	Base   *Runs
	Rounds int // jobs of each side
	// Notes are remarks for the submitter, such as a timeout that was shortened.
	Notes []string
}

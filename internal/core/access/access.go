// Package access decides who may do what: one function, Authorize, over one table.
//
// Every route of the server passes through it. An actor is who the credentials speak for; a resource is what is touched, with the facts
// that the decision needs (whose project, how visible). The package knows no store and no HTTP: the edge authenticates and loads, then
// asks here.
package access

import (
	"github.com/tachograph/tacho/internal/core/fault"
)

// Kind is what sort of credentials an actor came with.
type Kind string

// The kinds of actors.
const (
	Anonymous Kind = "anonymous"
	User      Kind = "user"   // a person, by user key
	RunKey    Kind = "run"    // a program that submits to one project and reads it; keys of CI leak, so it changes nothing else
	Runner    Kind = "runner" // a machine
	Local     Kind = "local"  // the person at the keyboard of an embedded store; may do all
)

// Actor is who asks.
type Actor struct {
	Kind          Kind
	AccountID     string            // User
	Admin         bool              // User: may do all
	Organizations map[string]string // User: organization id → role (member, leader)
	ProjectID     string            // RunKey
	RunnerID      string            // Runner
	SourceIP      string            // for limits on those who have no name
}

// Action is what is asked for.
type Action string

// The actions. A new route names one of these or adds one with its row in the table.
const (
	ViewServer    Action = "server.view"    // version, health, OpenAPI
	ManageServer  Action = "server.manage"  // runners, specs, other people
	CreateProject Action = "project.create" // in an organization
	ViewProject   Action = "project.view"
	EditProject   Action = "project.edit" // branches, testbeds, benchmarks, measures, thresholds, alerts, reports and images that are there
	ManageProject Action = "project.manage"
	DeleteProject Action = "project.delete"
	Submit        Action = "project.submit" // reports, jobs, image pushes
	ControlJob    Action = "job.control"    // cancel, retry
	RunSweep      Action = "sweep.run"      // start and stop sweeps, and make and remove their machines: it costs money
	EnrollMachine Action = "machine.enroll" // what a machine of a sweep says before it has a key; its token is looked at
	ViewFleet     Action = "fleet.view"     // specs and runners by name and liveness
	ServeJobs     Action = "runner.serve"   // claim, channel, upload: the runner itself
	ViewAccount   Action = "account.view"   // the person itself
	ManageKeys    Action = "account.keys"
)

// Resource is what is touched. Fields that an action does not look at stay empty.
type Resource struct {
	ProjectID      string
	OrganizationID string
	Public         bool
	RunnerID       string
	AccountID      string
	Name           string // for the sentence
}

// rule says whether an actor that is neither admin nor local may do the action.
type rule func(Actor, Resource) bool

var table = map[Action]rule{
	ViewServer:    anyone,
	ManageServer:  nobody,
	CreateProject: func(a Actor, r Resource) bool { return a.Kind == User && member(a, r) },
	ViewProject:   func(a Actor, r Resource) bool { return r.Public || insider(a, r) },
	EditProject:   person,
	ManageProject: leader,
	DeleteProject: leader,
	Submit:        insider,
	ControlJob:    person,
	RunSweep:      person,
	EnrollMachine: anyone,
	ViewFleet:     anyone,
	ServeJobs: func(a Actor, r Resource) bool {
		return a.Kind == Runner && a.RunnerID != "" && a.RunnerID == r.RunnerID
	},
	ViewAccount: self,
	ManageKeys:  self,
}

func anyone(Actor, Resource) bool { return true }
func nobody(Actor, Resource) bool { return false }

func member(a Actor, r Resource) bool {
	_, ok := a.Organizations[r.OrganizationID]
	return ok && r.OrganizationID != ""
}

func insider(a Actor, r Resource) bool {
	switch a.Kind {
	case User:
		return member(a, r)
	case RunKey:
		return a.ProjectID != "" && a.ProjectID == r.ProjectID
	}
	return false
}

// person is a member who speaks for itself, not by a key that a machine was given.
func person(a Actor, r Resource) bool { return a.Kind == User && member(a, r) }

func leader(a Actor, r Resource) bool {
	return a.Kind == User && r.OrganizationID != "" && a.Organizations[r.OrganizationID] == "leader"
}

func self(a Actor, r Resource) bool {
	return a.Kind == User && a.AccountID != "" && a.AccountID == r.AccountID
}

// Authorize returns nil if actor may do action on resource. Otherwise the fault says as much as the actor may know: what it may not
// even see is missing, an anonymous actor is asked for credentials, everybody else is forbidden. An action without a row is refused.
func Authorize(actor Actor, action Action, resource Resource) error {
	rule, known := table[action]
	if known && (actor.Kind == Local || actor.Kind == User && actor.Admin || rule(actor, resource)) {
		return nil
	}
	if resource.ProjectID != "" && !resource.Public && !insider(actor, resource) {
		return fault.Missingf("project %q does not exist, or these credentials may not see it", resource.Name)
	}
	if actor.Kind == Anonymous {
		return fault.Unauthorizedf("%s needs credentials: send 'Authorization: Bearer <key>', or set TACHO_KEY", action)
	}
	return fault.Forbiddenf("%s on %q is not allowed for these credentials", action, resource.Name)
}

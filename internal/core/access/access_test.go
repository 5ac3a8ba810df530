package access

import (
	"testing"

	"github.com/tachograph/tacho/internal/core/fault"
)

func TestAuthorize(t *testing.T) {
	t.Parallel()
	var (
		nobodyKnown = Actor{Kind: Anonymous}
		admin       = Actor{Kind: User, AccountID: "root", Admin: true}
		insiderU    = Actor{Kind: User, AccountID: "ann", Organizations: map[string]string{"org": "member"}}
		leaderU     = Actor{Kind: User, AccountID: "lea", Organizations: map[string]string{"org": "leader"}}
		stranger    = Actor{Kind: User, AccountID: "eve", Organizations: map[string]string{"other": "leader"}}
		runKey      = Actor{Kind: RunKey, ProjectID: "p"}
		foreignKey  = Actor{Kind: RunKey, ProjectID: "q"}
		machine     = Actor{Kind: Runner, RunnerID: "r1"}
		local       = Actor{Kind: Local}

		open   = Resource{ProjectID: "p", OrganizationID: "org", Public: true, Name: "p"}
		closed = Resource{ProjectID: "p", OrganizationID: "org", Name: "p"}
	)
	const ok = fault.Kind(-1)
	for _, row := range []struct {
		name     string
		actor    Actor
		action   Action
		resource Resource
		want     fault.Kind
	}{
		{"anyone reads a public project", nobodyKnown, ViewProject, open, ok},
		{"a private project does not exist for strangers", stranger, ViewProject, closed, fault.Missing},
		{"nor for the unknown, who learn nothing by writing", nobodyKnown, Submit, closed, fault.Missing},
		{"the unknown are asked for credentials on a public one", nobodyKnown, Submit, open, fault.Unauthorized},
		{"strangers may not write to a public one", stranger, Submit, open, fault.Forbidden},
		{"members submit", insiderU, Submit, closed, ok},
		{"members do not delete", insiderU, DeleteProject, closed, fault.Forbidden},
		{"leaders do", leaderU, DeleteProject, closed, ok},
		{"a run key submits to its project", runKey, Submit, closed, ok},
		{"a run key reads its project", runKey, ViewProject, closed, ok},
		{"a run key edits and deletes nothing in it", runKey, EditProject, closed, fault.Forbidden},
		{"nor cancels its jobs, which may be anybody's", runKey, ControlJob, open, fault.Forbidden},
		{"a run key deletes no project", runKey, DeleteProject, closed, fault.Forbidden},
		{"a run key makes no project", runKey, CreateProject, closed, fault.Forbidden},
		{"members edit", insiderU, EditProject, closed, ok},
		{"members cancel jobs", insiderU, ControlJob, closed, ok},
		{"members run sweeps", insiderU, RunSweep, closed, ok},
		{"a run key does not: they cost money", runKey, RunSweep, closed, fault.Forbidden},
		{"a machine that has no key yet shows its token", nobodyKnown, EnrollMachine, Resource{}, ok},
		{"a run key does not manage it", runKey, ManageProject, closed, fault.Forbidden},
		{"another project's key sees nothing", foreignKey, ViewProject, closed, fault.Missing},
		{"and cannot submit", foreignKey, Submit, open, fault.Forbidden},
		{"a runner serves its own jobs", machine, ServeJobs, Resource{RunnerID: "r1"}, ok},
		{"and nobody else's", machine, ServeJobs, Resource{RunnerID: "r2"}, fault.Forbidden},
		{"a runner is not a member", machine, Submit, open, fault.Forbidden},
		{"a runner without an id serves nothing", Actor{Kind: Runner}, ServeJobs, Resource{}, fault.Forbidden},
		{"only admins manage the server", leaderU, ManageServer, Resource{}, fault.Forbidden},
		{"admins do all", admin, ManageServer, Resource{}, ok},
		{"admins see private projects", admin, DeleteProject, closed, ok},
		{"the person at the keyboard does all", local, ManageServer, Resource{}, ok},
		{"keys belong to the person", insiderU, ManageKeys, Resource{AccountID: "ann"}, ok},
		{"not to another", stranger, ManageKeys, Resource{AccountID: "ann"}, fault.Forbidden},
		{"an unknown action is refused even to admins", admin, Action("nothing"), Resource{}, fault.Forbidden},
		{"an account id of nobody matches nobody", Actor{Kind: User}, ManageKeys, Resource{}, fault.Forbidden},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got := ok
			if err := Authorize(row.actor, row.action, row.resource); err != nil {
				got = fault.Of(err)
			}
			if got != row.want {
				t.Errorf("Authorize = %v, want %v", got, row.want)
			}
		})
	}
}

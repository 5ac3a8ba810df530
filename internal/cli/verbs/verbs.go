// Package verbs lists the commands of tacho. A new one is made in a folder of its family and named here.
package verbs

import (
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/account"
	"github.com/tachograph/tacho/internal/cli/admin"
	"github.com/tachograph/tacho/internal/cli/compare"
	"github.com/tachograph/tacho/internal/cli/jobs"
	"github.com/tachograph/tacho/internal/cli/look"
	"github.com/tachograph/tacho/internal/cli/run"
	"github.com/tachograph/tacho/internal/cli/runner"
	"github.com/tachograph/tacho/internal/cli/server"
	"github.com/tachograph/tacho/internal/cli/sweep"
)

// All are the commands of tacho in the order of its help.
var All = cli.Commands{
	{Name: "run", Group: cli.GroupMeasure, Make: run.Command},
	{Name: "calibrate", Group: cli.GroupMeasure, Make: run.Calibrate},
	{Name: "job", Group: cli.GroupMeasure, Make: jobs.Command},
	{Name: "sweep", Group: cli.GroupMeasure, Make: sweep.Command},
	{Name: "suite", Group: cli.GroupMeasure, Make: sweep.Suites},
	{Name: "adapters", Group: cli.GroupMeasure, Make: look.Adapters},
	{Name: "report", Group: cli.GroupLook, Make: look.Reports},
	{Name: "compare", Group: cli.GroupLook, Make: compare.Command},
	{Name: "perf", Group: cli.GroupLook, Make: look.Perf},
	{Name: "detect", Group: cli.GroupLook, Make: look.Detect},
	{Name: "alert", Group: cli.GroupLook, Make: look.Alerts},
	{Name: "explain", Group: cli.GroupLook, Make: look.Explain},
	{Name: "policy", Group: cli.GroupLook, Make: look.Policies},
	{Name: "noise", Group: cli.GroupLook, Make: look.Noise},
	{Name: "threshold", Group: cli.GroupLook, Make: admin.Thresholds},
	{Name: "plot", Group: cli.GroupLook, Make: admin.Plots},
	{Name: "project", Group: cli.GroupLook, Make: admin.Projects},
	{Name: "server", Group: cli.GroupOperate, Make: server.Command},
	{Name: "runner", Group: cli.GroupOperate, Make: runner.Command},
	{Name: "image", Group: cli.GroupOperate, Make: admin.Images},
	{Name: "spec", Group: cli.GroupOperate, Make: runner.Specs},
	{Name: "key", Group: cli.GroupOperate, Make: account.Keys},
	{Name: "login", Group: cli.GroupOperate, Make: account.Login},
	{Name: "logout", Group: cli.GroupOperate, Make: account.Logout},
}

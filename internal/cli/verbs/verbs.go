// Package verbs lists the commands of tacho. A new one is made in a folder of its family and named here.
package verbs

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/account"
	"github.com/tachograph/tacho/internal/cli/admin"
	"github.com/tachograph/tacho/internal/cli/compare"
	"github.com/tachograph/tacho/internal/cli/jobs"
	"github.com/tachograph/tacho/internal/cli/look"
	"github.com/tachograph/tacho/internal/cli/run"
	"github.com/tachograph/tacho/internal/cli/runner"
	"github.com/tachograph/tacho/internal/cli/server"
)

// All are the commands of tacho in the order of its help.
func All(env *cli.Env) []*cobra.Command {
	return slices.Concat(
		cli.Grouped(cli.GroupMeasure, run.Command(env), jobs.Command(env), look.Adapters(env)),
		cli.Grouped(cli.GroupLook, look.Reports(env), compare.Command(env), look.Perf(env), look.Detect(env), look.Alerts(env),
			admin.Thresholds(env), admin.Plots(env), admin.Projects(env)),
		cli.Grouped(cli.GroupOperate, server.Command(env), runner.Command(env), admin.Images(env), runner.Specs(env), account.Keys(env),
			account.Login(env), account.Logout(env)),
	)
}

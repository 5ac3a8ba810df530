// Package runner is `tacho runner` and `tacho spec`: the daemon and the single run on this machine, and the server's runners with the
// hardware that they offer.
package runner

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/runner"
)

// Command is `tacho runner`: up and run work on this machine, the others look after the server's runners.
func Command(env *cli.Env) *cobra.Command {
	cmd := cli.Family("runner", "Run benchmark jobs on this machine, and look after the machines that do", newRunnerUp(env), newRunnerRun(env),
		newRunnerKeep())
	cmd.AddCommand(fleetCommands(env)...)
	return cmd
}

// keeperWords lead this program to newRunnerKeep's command.
var keeperWords = []string{"runner", "keep", "--"}

// newRunnerKeep is the process that a runner starts beside each sandbox.
func newRunnerKeep() *cobra.Command {
	cmd := cli.Leaf("keep DIR ID", "End a sandbox whose runner has died; started by the runner itself", cli.ExitsLocal,
		func(_ *cobra.Command, args []string) error {
			if err := runner.Keep(args); err != nil {
				return cli.ExitWith(fault.ExitUsage, err)
			}
			return nil
		})
	cmd.Hidden = true
	cmd.Long = `End and remove a sandbox when the runner that made it has died. The runner starts this process beside each sandbox; there
is nothing to do by hand. A sandbox that could not be removed is left to the next start of the runner.`
	cmd.Example = `  tacho runner keep -- /var/lib/tacho/runner/isolate JOB-1-0`
	return cmd
}

// defaultRunnerState is /var/lib/tacho/runner for root, else below the user's state folder.
func defaultRunnerState(env *cli.Env) string {
	if os.Geteuid() == 0 {
		return "/var/lib/tacho/runner"
	}
	if dir := env.Getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "tacho", "runner")
	}
	return filepath.Join(env.Getenv("HOME"), ".local", "state", "tacho", "runner")
}

package sweep

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cloud/ledger"
	"github.com/tachograph/tacho/internal/cloud/provider"
	"github.com/tachograph/tacho/internal/cloud/provider/local"
	"github.com/tachograph/tacho/internal/cloud/provider/static"
	"github.com/tachograph/tacho/internal/cloud/remote"
)

// machinesVariable names the folder of local and static machines.
const machinesVariable = "TACHO_MACHINES"

// machineFolder is where this user's local and static machines are kept: for root /var/lib/tacho/machines, through which the root of a
// sandbox can pass, else below the user's state folder.
func machineFolder(env *cli.Env) string {
	if dir := env.Getenv(machinesVariable); dir != "" {
		return env.Path(dir)
	}
	if os.Geteuid() == 0 {
		return "/var/lib/tacho/machines"
	}
	if dir := env.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "tacho", "machines")
	}
	return filepath.Join(env.Getenv("HOME"), ".local", "state", "tacho", "machines")
}

// installation is the tag tacho:owner of what is made for a server: its address without the scheme. What a sweep without a server makes is
// this machine's. The names of the loopback are one.
func installation(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "this-machine"
	}
	host := strings.ToLower(u.Host)
	if name := strings.ToLower(u.Hostname()); name == "localhost" || name == "::1" {
		host = strings.TrimSuffix(net.JoinHostPort("127.0.0.1", u.Port()), ":")
	}
	return host + strings.TrimRight(u.Path, "/")
}

// makers are the providers whose machines this process can make. Machines reach the server at an address; say prints a line for people.
func makers(env *cli.Env, address string, say func(string)) (map[string]provider.Provider, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	dir := machineFolder(env)
	out := map[string]provider.Provider{}
	lines, err := static.New(static.Config{Dir: filepath.Join(dir, "static"), Out: sayWriter(say),
		Line: func(w provider.Want) string {
			return fmt.Sprintf("on a %s: TACHO_ENROLL_TOKEN=%s tacho runner up --enroll --host %s --instance-type %s", w.Type, w.UserData,
				address, w.Type)
		}})
	if err != nil {
		return nil, err
	}
	out["static"] = lines
	here := filepath.Join(dir, "local")
	processes, err := local.New(local.Config{Dir: here, Guard: []string{self, "sweep", guardName}, Env: withoutKeys(env.Environ()),
		Command: func(w provider.Want) []string {
			own := filepath.Join(here, w.Token)
			return []string{self, "runner", "up", "--enroll", "--host", address, "--token-file", filepath.Join(own, local.UserData),
				"--instance-type", w.Type, "--state-dir", filepath.Join(own, local.Disk), "--turns", filepath.Join(here, "turns")}
		}})
	if err == nil { // it needs Linux; a pool of it is refused elsewhere
		out["local"] = processes
	}
	return out, nil
}

type sayWriter func(string)

func (s sayWriter) Write(b []byte) (int, error) {
	s(strings.TrimRight(string(b), "\n"))
	return len(b), nil
}

// withoutKeys is an environment without the keys of whoever started this process: a machine has its own.
func withoutKeys(environ []string) []string {
	out := []string{}
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		secret := name == "TACHO_RUNNER_KEY" || name == "BENCHER_RUNNER_KEY"
		for _, known := range cli.KeyVariables {
			secret = secret || name == known
		}
		if !secret {
			out = append(out, entry)
		}
	}
	return out
}

// guardName is the hidden command that a local machine's guard is.
const guardName = "guard"

func newGuard(env *cli.Env) *cobra.Command {
	cmd := cli.Leaf(guardName+" DIR TTL", "Start a local machine and end it in time; started by the provider itself", cli.ExitsLocal,
		func(_ *cobra.Command, args []string) error {
			ttl, err := time.ParseDuration(args[1])
			if err != nil || ttl <= 0 {
				return cli.Usage("TTL %q: write a time above zero, as in 3h", args[1])
			}
			return local.Watch(args[0], ttl, env.Stdout)
		})
	cmd.Args, cmd.Hidden = cobra.ExactArgs(2), true
	cmd.Long = `Start the machine of a folder as a process group and end it when its time is over, whatever becomes of anything else. The
provider local starts this process for each of its machines; there is nothing to do by hand.`
	cmd.Example = "  tacho sweep guard /var/lib/tacho/machines/local/TOKEN 3h"
	return cmd
}

// userData is what a machine is started with: the token that its runner's key is bought with. A controller that did not write the machine
// down itself repeats the intent, and gets another: with its own epoch, so that one which has lost the sweep takes no machine's token away.
func userData(sweepID string, rows *remote.Ledger) func(context.Context, int64, ledger.Machine) ([]byte, error) {
	return func(ctx context.Context, epoch int64, m ledger.Machine) ([]byte, error) {
		if token := rows.Token(m.ID); token != "" {
			return []byte(token), nil
		}
		if _, err := rows.Intend(ctx, sweepID, epoch, ledger.Intent{Token: m.ID, Slot: m.Slot, Region: m.Region, Zone: m.Zone,
			Market: m.Market}); err != nil {
			return nil, err
		}
		return []byte(rows.Token(m.ID)), nil
	}
}

// newHolder is the name of a controller: readable, and unique to this process.
func newHolder() string {
	host, err := os.Hostname()
	if err != nil {
		host = "somewhere"
	}
	return fmt.Sprintf("%.60s:%d:%s", host, os.Getpid(), rand.Text()[:6])
}

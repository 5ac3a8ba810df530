package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

// A benchmark may have run for an hour when the server is found to be away. Its results are then a request in a file, with its idempotency key,
// so that sending it again cannot record them twice.

// mayBeTaken says whether a request that failed so may succeed when it is sent again. What the server refuses for what it holds would be refused
// again.
func mayBeTaken(failed error) bool {
	if failed == nil {
		return false
	}
	switch exitCode(failed) {
	case fault.ExitNetwork, fault.ExitServer, fault.ExitRefused, fault.ExitInterrupted:
		return true
	}
	return false
}

// keepUnsent writes a request that no server took to a file in the working directory, and says how to send it.
func keepUnsent(env *Env, in api.NewRun, c *connection) {
	name := "tacho-unsent-" + in.IdempotencyKey + ".json"
	raw, err := json.MarshalIndent(in, "", " ")
	if err == nil {
		err = os.WriteFile(env.path(name), append(raw, '\n'), 0o600)
	}
	if err != nil {
		fmt.Fprintf(env.Stderr, "tacho: the results could not be kept in a file: %v\n", bareFileError(err))
		return
	}
	again := "tacho run --resend " + name
	if host := env.setting(c.host, "HOST"); host != "" { // that of a login is known without it
		again = "tacho run --host " + host + " --resend " + name
	}
	fmt.Fprintf(env.Stderr, "tacho: the results are kept in %s; send them with: %s\n", name, term.Clean(again))
}

// resendFlags may stand beside --resend: they say how to reach the server and what to print, and nothing about the run.
var resendFlags = []string{"resend", "host", "key-file", "key", "token", "attempts", "format", "json", "quiet", "error-on-alert", "err", "dry-run"}

// checkResend refuses flags and words that would change what is in the file.
func (f *runFlags) checkResend(cmd *cobra.Command, args []string) error {
	if f.resend == "" {
		return nil
	}
	if len(args) > 0 {
		return usage("--resend sends results that are there; leave the command out")
	}
	var err error
	cmd.Flags().Visit(func(flag *pflag.Flag) {
		if err == nil && !slices.Contains(resendFlags, flag.Name) {
			err = usage("--%s: a run that is sent again stays as it was; leave the flag out", flag.Name)
		}
	})
	return err
}

// sendAgain sends the request in a file that keepUnsent or --dry-run wrote.
func (f *runFlags) sendAgain(ctx context.Context, env *Env) error {
	text, err := readFile(env, f.resend, limits.ReportBodyBytes)
	if err != nil {
		return usage("--resend %s: %v", f.resend, err)
	}
	var in api.NewRun
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		return usage("--resend %s: it is not a run that tacho kept: %v", f.resend, err)
	}
	switch {
	case in.Job != nil:
		return usage("--resend %s: it is a job and has no results; submit it with --image", f.resend)
	case len(in.Results) == 0 || in.IdempotencyKey == "":
		return usage("--resend %s: it is not a run that tacho kept: it has no results or no idempotency key", f.resend)
	}
	if f.dryRun {
		return printJSON(env.Stdout, in)
	}
	srv, err := f.open(ctx, env)
	if err != nil {
		return err
	}
	return srv.done(f.submit(ctx, env, srv, in))
}

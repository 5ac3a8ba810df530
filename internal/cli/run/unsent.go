package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/gitctx"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/limits"
)

// A benchmark may have run for an hour when its results are refused, cannot be read, or find the server away. They are then a request in a
// file, with its idempotency key, so that sending it again cannot record them twice, and can be changed as it is sent.

// keepUnsent writes a request that was not taken to a file, and says how to send it.
func (f *runFlags) keepUnsent(env *cli.Env, in api.NewRun) {
	size := 0
	for _, text := range in.Results {
		size += len(text)
	}
	if size > limits.ReportBodyBytes {
		var outputs []io.Reader
		for _, text := range in.Results {
			outputs = append(outputs, strings.NewReader(text))
		}
		keepOutputs(env, in.IdempotencyKey, outputs...)
		return
	}
	name, err := keepFile(env, "tacho-unsent-"+in.IdempotencyKey+".json", func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", " ")
		return enc.Encode(in)
	})
	if err != nil {
		fmt.Fprintf(env.Stderr, "tacho: the results could not be kept in a file: %v\n", err)
		return
	}
	again := "tacho run --resend " + name
	if host := env.Setting(f.Host, "HOST"); host != "" { // that of a login is known without it
		again = "tacho run --host " + host + " --resend " + name
	}
	fmt.Fprintf(env.Stderr, "tacho: the results are kept in %s; send them with: %s\n", term.Clean(name), term.Clean(again))
	fmt.Fprintln(env.Stderr, "tacho: flags given with it replace what was refused, as in --adapter, --project or --branch")
}

// keepOutputs writes outputs that are too large for one report to files, as they are.
func keepOutputs(env *cli.Env, key string, outputs ...io.Reader) {
	for i, output := range outputs {
		name, err := keepFile(env, fmt.Sprintf("tacho-output-%s-%d.txt", key, i), func(w io.Writer) error {
			_, err := io.Copy(w, output)
			return err
		})
		if err != nil {
			fmt.Fprintf(env.Stderr, "tacho: output %d could not be kept in a file: %v\n", i, err)
			continue
		}
		fmt.Fprintf(env.Stderr, "tacho: output %d is kept in %s\n", i, term.Clean(name))
	}
}

// keepFile writes a file for its owner only: into the working directory or, where that cannot be, into the folder for temporary files. It
// returns the name by which a person in the working directory finds it.
func keepFile(env *cli.Env, name string, write func(io.Writer) error) (string, error) {
	var failed error
	for _, file := range []string{name, filepath.Join(os.TempDir(), name)} {
		f, err := os.OpenFile(env.Path(file), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			if err = errors.Join(write(f), f.Close()); err == nil {
				return file, nil
			}
			_ = os.Remove(env.Path(file)) // half of it helps nobody
		}
		failed = errors.Join(failed, err)
	}
	return "", failed
}

// resendFlags may stand beside --resend: they say how to reach the server and what to print.
var resendFlags = []string{"resend", "host", "key-file", "key", "token", "attempts", "format", "json", "quiet", "error-on-alert", "err",
	"dry-run"}

// replacements change a kept run, by flag. Thresholds and start points are replaced whole: their flags belong together.
var replacements = map[string]func(kept *api.NewRun, now api.NewRun){
	"project":                      func(kept *api.NewRun, now api.NewRun) { kept.Project = now.Project },
	"visibility":                   func(kept *api.NewRun, now api.NewRun) { kept.Visibility = now.Visibility },
	"branch":                       replaceBranch,
	"hash":                         func(kept *api.NewRun, now api.NewRun) { kept.Hash = now.Hash },
	"no-commits":                   func(kept *api.NewRun, _ api.NewRun) { kept.Commits = nil },
	"testbed":                      func(kept *api.NewRun, now api.NewRun) { kept.Testbed = now.Testbed },
	"spec-reset":                   func(kept *api.NewRun, now api.NewRun) { kept.SpecReset = now.SpecReset },
	"idempotency-key":              func(kept *api.NewRun, now api.NewRun) { kept.IdempotencyKey = now.IdempotencyKey },
	"backdate":                     func(kept *api.NewRun, now api.NewRun) { kept.StartTime, kept.EndTime = now.StartTime, now.EndTime },
	"adapter":                      func(kept *api.NewRun, now api.NewRun) { kept.Settings.Adapter = now.Settings.Adapter },
	"average":                      func(kept *api.NewRun, now api.NewRun) { kept.Settings.Average = now.Settings.Average },
	"fold":                         func(kept *api.NewRun, now api.NewRun) { kept.Settings.Fold = now.Settings.Fold },
	"map":                          func(kept *api.NewRun, now api.NewRun) { kept.Settings.Mapping = now.Settings.Mapping },
	"start-point":                  replaceStart,
	"no-start-point":               replaceStart,
	"start-point-hash":             replaceStart,
	"start-point-max-versions":     replaceStart,
	"start-point-clone-thresholds": replaceStart,
	"start-point-reset":            replaceStart,
	"threshold-measure":            replaceThresholds,
	"threshold-test":               replaceThresholds,
	"threshold-min-sample-size":    replaceThresholds,
	"threshold-max-sample-size":    replaceThresholds,
	"threshold-window":             replaceThresholds,
	"threshold-lower-boundary":     replaceThresholds,
	"threshold-upper-boundary":     replaceThresholds,
	"thresholds-reset":             replaceThresholds,
}

// replaceBranch also drops the start point that git had for the branch of then.
func replaceBranch(kept *api.NewRun, now api.NewRun) {
	if start := kept.StartPoint; start != nil && start.Detected != nil && kept.Branch != now.Branch {
		kept.StartPoint = nil
	}
	kept.Branch = now.Branch
}

func replaceStart(kept *api.NewRun, now api.NewRun) { kept.StartPoint = now.StartPoint }

func replaceThresholds(kept *api.NewRun, now api.NewRun) { kept.Thresholds = now.Thresholds }

// checkResend refuses flags and words that would measure again.
func (f *runFlags) checkResend(args []string) error {
	if f.resend == "" {
		return nil
	}
	if len(args) > 0 {
		return cli.Usage("--resend sends results that are there; leave the command out")
	}
	for _, name := range slices.Sorted(maps.Keys(f.given)) {
		if _, replaces := replacements[name]; !replaces && !slices.Contains(resendFlags, name) {
			return cli.Usage("--%s is about how a run is measured, and --resend sends one that was; leave the flag out", name)
		}
	}
	return nil
}

// sendAgain sends the request in a file that keepUnsent or --dry-run wrote, with what flags replace of it.
func (f *runFlags) sendAgain(ctx context.Context, env *cli.Env) error {
	text, err := cli.ReadFile(env, f.resend, 2*limits.ReportBodyBytes) // results in JSON are a little longer
	if err != nil {
		return cli.Usage("--resend %s: %v", f.resend, err)
	}
	var in api.NewRun
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		return cli.Usage("--resend %s: it is not a run that tacho kept: %v", f.resend, err)
	}
	switch {
	case in.Job != nil:
		return cli.Usage("--resend %s: it is a job and has no results; submit it with --image", f.resend)
	case len(in.Results) == 0 || in.IdempotencyKey == "":
		return cli.Usage("--resend %s: it is not a run that tacho kept: it has no results or no idempotency key", f.resend)
	}
	if err := f.replace(env, &in); err != nil {
		return err
	}
	if f.dryRun {
		return cli.PrintJSON(env.Stdout, in)
	}
	report, srv, err := f.send(ctx, env, nil, in)
	if err != nil {
		return err
	}
	return srv.Done(f.showing().Report(ctx, env, srv, report))
}

// replace puts what the command line gives into a kept run. Variables are of this shell, not of that run, and change nothing.
func (f *runFlags) replace(env *cli.Env, kept *api.NewRun) error {
	bare := *env
	bare.Getenv = func(string) string { return "" }
	now, err := f.newRun(&bare, gitctx.Context{Branch: kept.Branch})
	if err != nil {
		return err
	}
	if kept.Settings == nil {
		kept.Settings = &api.ReportSettings{}
	}
	if now.Settings == nil {
		now.Settings = &api.ReportSettings{}
	}
	for _, name := range slices.Sorted(maps.Keys(f.given)) { // branch comes before start-point
		if change, replaces := replacements[name]; replaces {
			change(kept, now)
		}
	}
	if *kept.Settings == (api.ReportSettings{}) {
		kept.Settings = nil
	}
	return nil
}

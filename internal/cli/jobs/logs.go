package jobs

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/term"
)

func newJobLogs(env *cli.Env) *cobra.Command {
	var iteration int
	var stream, file string
	cmd := cli.Asking(env, "logs PROJECT JOB", "Print a job's output: stored, or live while it runs", cobra.ExactArgs(2),
		func(ctx context.Context, _ *cli.Call, srv *cli.Session, args []string) error {
			switch stream {
			case "", string(api.ArtifactStdout), string(api.ArtifactStderr):
			default:
				return cli.Usage("--stream %q: want stdout or stderr", stream)
			}
			job, err := srv.Job(ctx, args[0], args[1])
			if err != nil {
				return err
			}
			switch job.Status {
			case api.JobProcessed, api.JobFailed, api.JobCanceled:
				return copyOutputs(ctx, env, srv, args[0], job, func(a api.JobArtifact) bool {
					if iteration >= 0 && a.Iteration != iteration {
						return false
					}
					if file != "" {
						return a.Kind == api.ArtifactFile && a.Path == file
					}
					return a.Kind != api.ArtifactFile && (stream == "" || string(a.Kind) == stream)
				})
			}
			if file != "" {
				return cli.Usage("--file %s: the job is %s; files are there when it has ended", file, job.Status)
			}
			live, stop := env.UntilInterrupted(ctx)
			defer stop()
			w := newWatcher(env, WatchOptions{outputOnly: true})
			switch stream {
			case "stdout":
				w.stderr = io.Discard
			case "stderr":
				w.stdout = io.Discard
			}
			_, err = w.follow(live, srv, args[0], args[1], false)
			if errors.Is(err, cli.ErrInterrupted) {
				return Detached(args[0], args[1])
			}
			return err
		})
	cmd.Long = "Print what a job wrote, stdout on stdout and stderr on stderr. While the job goes on its output is followed until it ends; " +
		"of an ended\njob the stored streams are printed whole, iteration by iteration. --file prints a file that was collected."
	cmd.Example = "  tacho job logs app 01960000-0000-7000-8000-000000000001 --stream stdout\n  tacho job logs app " +
		"01960000-0000-7000-8000-000000000001 --file /out/result.json > result.json"
	cmd.Flags().IntVar(&iteration, "iteration", -1, "only this iteration, from 0 (default all)")
	cmd.Flags().StringVar(&stream, "stream", "", "only stdout or stderr")
	cmd.Flags().StringVar(&file, "file", "", "path of a collected file")
	return cmd
}

// copyOutputs prints the stored outputs that are wanted. It fails if the job has none of them.
func copyOutputs(ctx context.Context, env *cli.Env, srv *cli.Session, project string, job api.Job,
	wanted func(api.JobArtifact) bool) error {
	p := term.NewProgress(env.Errs())
	stdout, stderr := p.Around(env.Stdout, env.Out().Terminal), p.Around(env.Stderr, env.Errs().Terminal)
	printed := 0
	for _, a := range job.Outputs {
		if !wanted(a) {
			continue
		}
		printed++
		body, err := srv.JobOutput(ctx, project, job.UUID, a.Iteration, a.Kind, a.Path)
		if err != nil {
			return err
		}
		to := stdout
		if a.Kind == api.ArtifactStderr {
			to = stderr
		}
		_, err = io.Copy(to, body)
		body.Close()
		if err != nil {
			return fmt.Errorf("print %s of iteration %d: %w", a.Kind, a.Iteration, err)
		}
		if a.Truncated {
			fmt.Fprintf(env.Stderr, "tacho: %s of iteration %d was cut at its limit\n", a.Kind, a.Iteration)
		}
	}
	if printed == 0 {
		return cli.Usage("job %s left no such output; 'tacho job view %s %s' lists what there is", job.UUID, project, job.UUID)
	}
	return nil
}

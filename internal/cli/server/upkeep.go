package server

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/cli/value"
	"github.com/tachograph/tacho/internal/core/fault"
	servers "github.com/tachograph/tacho/internal/server"
	"github.com/tachograph/tacho/internal/server/upkeep"
)

// upkeepCommand makes a command that works on a server's data folder, on the server's own machine. do prints for people and returns what
// --json prints.
func upkeepCommand(env *cli.Env, use, short, long, example string,
	do func(ctx context.Context, cfg servers.Config, show *upkeepProgress) (any, error)) *cobra.Command {
	var file string
	var asJSON bool
	cmd := cli.Leaf(use, short, []int{fault.ExitOK, fault.ExitInternal, fault.ExitUsage, fault.ExitServer, fault.ExitRefused,
		fault.ExitInterrupted},
		func(cmd *cobra.Command, _ []string) error {
			cfg, _, err := loadServer(env, cmd.Flags(), file)
			if err != nil {
				return cli.ExitWith(fault.ExitUsage, err)
			}
			ctx, stop := env.UntilInterrupted(cmd.Context())
			defer stop()
			show := &upkeepProgress{line: term.NewProgress(env.Errs()), out: env, quiet: asJSON}
			out, err := do(ctx, cfg, show)
			show.line.Done()
			if ctx.Err() != nil && err != nil {
				return cli.Fail(fault.ExitInterrupted, "interrupted")
			}
			if asJSON && out != nil {
				if printed := cli.PrintJSON(env.Stdout, out); err == nil {
					err = printed
				}
			}
			return err
		})
	cmd.Args, cmd.Long, cmd.Example = cobra.NoArgs, long, example
	cmd.Flags().String("data", "", "the server's data folder ($TACHO_DATA; default: tacho in the user's data folder)")
	cmd.Flags().String("database", "", databaseHelp)
	cmd.Flags().StringVar(&file, "config", "", configHelp)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

const databaseHelp = "the server's PostgreSQL database, if it has one ($TACHO_DATABASE)"

// upkeepProgress shows how far the work is.
type upkeepProgress struct {
	line  *term.Progress
	out   *cli.Env
	quiet bool
}

func (p *upkeepProgress) blobs(what string) func(done, total int) {
	return func(done, total int) {
		if done%100 == 0 || done == total {
			p.line.Show(fmt.Sprintf("%s: %d of %s", what, done, cli.Counted(total, "blob", "blobs")))
		}
	}
}

func (p *upkeepProgress) say(format string, args ...any) {
	p.line.Done()
	if !p.quiet {
		fmt.Fprintf(p.out.Stdout, format+"\n", args...)
	}
}

func newCheckCommand(env *cli.Env) *cobra.Command {
	return upkeepCommand(env, "check", "Read a data folder or a backup whole, and say what is damaged",
		`Read a server's data folder whole, or a backup: the database's pages and references, and every blob against its digest.

With --database only the blobs are read that its rows name: PostgreSQL checks its own pages (pg_amcheck).
A server may run on the folder meanwhile. Exit code 8 says that something is damaged; each thing is named.`,
		"  tacho server check\n  tacho server check --data /backup/tacho --json",
		func(ctx context.Context, cfg servers.Config, show *upkeepProgress) (any, error) {
			out, err := servers.Check(ctx, cfg, show.blobs("checked"))
			if err != nil {
				return nil, err
			}
			for _, p := range out.Problems {
				show.say("%s: %s", term.Clean(p.Thing), term.Clean(p.Reason))
			}
			size := value.Bytes(out.Bytes)
			whole := fmt.Sprintf("%s of %s, schema %d, %d without a row", cli.Counted(out.Blobs, "blob", "blobs"), size.String(), out.Schema,
				out.Garbage)
			if len(out.Problems) > 0 {
				return out, cli.Fail(fault.ExitServer, "%s is damaged: %s (%s); 'tacho server restore' brings a backup back", term.Clean(cfg.Data),
					cli.Counted(len(out.Problems), "problem", "problems"), whole)
			}
			show.say("%s is whole: %s", term.Clean(cfg.Data), whole)
			return out, nil
		})
}

func newBackupCommand(env *cli.Env) *cobra.Command {
	var to string
	cmd := upkeepCommand(env, "backup --to FOLDER", "Copy a data folder while its server runs",
		`Copy a server's data folder, in one consistent state, while the server runs or not.

The folder is new, empty or has an earlier backup: then what it has already is not copied again. It holds one whole backup at each moment,
also when this command is interrupted. Whatever was acknowledged before the command began is in it.

With --database only the blobs are copied: the database has its own tools. Run it, then pg_dump, then run it again, so that the copy has
what the dump names.`,
		"  tacho server backup --to /backup/tacho\n  tacho server backup --data /var/lib/tacho --to /mnt/disk2/tacho --json",
		func(ctx context.Context, cfg servers.Config, show *upkeepProgress) (any, error) {
			if to == "" {
				return nil, cli.Usage("--to is missing: name the folder of the backup, such as --to /backup/tacho")
			}
			if cfg.Database != "" {
				return copyBlobs(ctx, cfg, to, show)
			}
			m, err := upkeep.Backup(ctx, upkeep.BackupParams{Data: cfg.Data, To: to, Version: cfg.Version, Now: nowOf(cfg),
				Progress: show.blobs("copied")})
			if err != nil {
				return nil, err
			}
			size := value.Bytes(m.Bytes)
			show.say("%s is a backup of %s: the database and %s of %s", term.Clean(to), term.Clean(cfg.Data), cli.Counted(m.Blobs, "blob", "blobs"),
				size.String())
			return m, nil
		})
	cmd.Flags().StringVar(&to, "to", "", "folder of the backup")
	return cmd
}

// copyBlobs is the backup of a server whose database is elsewhere, as far as it is ours.
func copyBlobs(ctx context.Context, cfg servers.Config, to string, show *upkeepProgress) (any, error) {
	count, bytes, err := servers.CopyBlobs(ctx, cfg, upkeep.BackupParams{Data: cfg.Data, To: to, Version: cfg.Version, Now: nowOf(cfg),
		Progress: show.blobs("copied")})
	if err != nil {
		return nil, err
	}
	size := value.Bytes(bytes)
	show.say("%s has %s of %s. The database is not in it: dump it now with pg_dump, then run this command again", term.Clean(to),
		cli.Counted(count, "blob", "blobs"), size.String())
	return map[string]any{"blobs": count, "bytes": bytes}, nil
}

func nowOf(cfg servers.Config) time.Time {
	if cfg.Now == nil {
		return time.Now()
	}
	return cfg.Now()
}

func newRestoreCommand(env *cli.Env) *cobra.Command {
	var from string
	cmd := upkeepCommand(env, "restore --from FOLDER", "Bring a backup back as a data folder",
		`Bring a backup back as a server's data folder, which must be empty or not there.

Every byte is compared with its digest before the folder gets its name; a backup that is damaged leaves nothing behind. Keys are as they
were when the backup was made.`,
		"  tacho server restore --from /backup/tacho --data /var/lib/tacho",
		func(ctx context.Context, cfg servers.Config, show *upkeepProgress) (any, error) {
			if from == "" {
				return nil, cli.Usage("--from is missing: name the folder of the backup, such as --from /backup/tacho")
			}
			if cfg.Database != "" {
				return nil, cli.Usage("--database: a PostgreSQL database is brought back with pg_restore; copy the folder blobs of the backup to " +
					"the data folder, and see with 'tacho server check' that nothing is missing")
			}
			m, err := upkeep.Restore(ctx, from, cfg.Data, show.blobs("restored"))
			if err != nil {
				return nil, err
			}
			show.say("%s is the backup of %s, with %s; 'tacho server --data %s' serves it", term.Clean(cfg.Data), m.Created.Format(time.RFC3339),
				cli.Counted(m.Blobs, "blob", "blobs"), term.Clean(cfg.Data))
			return m, nil
		})
	cmd.Flags().StringVar(&from, "from", "", "folder of the backup")
	return cmd
}

func newCollectCommand(env *cli.Env) *cobra.Command {
	cmd := upkeepCommand(env, "gc", "Remove what nobody needs any more from a stopped server's data folder",
		`Remove from a data folder what its server would remove at its start and every six hours: projects that were deleted before their grace,
outputs that have outlived their retention, and blobs that no row names. For a server that is stopped; one that runs does it itself.`,
		"  tacho server gc --data /var/lib/tacho",
		func(ctx context.Context, cfg servers.Config, show *upkeepProgress) (any, error) {
			out, err := servers.Collect(ctx, cfg)
			if err != nil {
				return nil, err
			}
			show.say("removed %s and %s that had outlived their retention", cli.Counted(out.Blobs, "blob", "blobs"),
				cli.Counted(int(out.Rows), "output", "outputs"))
			if out.Busy {
				show.say("a backup or a check reads the folder, so blobs stay for the next time")
			}
			return out, nil
		})
	return cmd
}

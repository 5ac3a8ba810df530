package server

import (
	"cmp"
	"context"
	"fmt"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/term"
	servers "github.com/tachograph/tacho/internal/server"
)

func newMoveCommand(env *cli.Env) *cobra.Command {
	var to string
	var dry bool
	cmd := upkeepCommand(env, "move --to ADDRESS", "Move the database of a stopped server's data folder to PostgreSQL",
		`Move what a stopped server keeps in the database of its data folder to an empty PostgreSQL database, for several servers that share it.

All rows are copied in one transaction, read back and compared before it ends. Then the folder with its objects belongs to the new database,
and the old file is kept beside it as tacho.db.moved: no server uses it, and it may be deleted. When the move is interrupted, run the same
command again. Until it has ended, the server can go on with the folder as before.

The password is better in ~/.pgpass, PGPASSWORD or TACHO_DATABASE than in --to. Make a backup first.`,
		"  createdb --owner tacho tacho\n"+
			"  tacho server move --data /srv/tacho --to postgres://tacho@db.example.org/tacho --dry-run\n"+
			"  tacho server move --data /srv/tacho --to postgres://tacho@db.example.org/tacho",
		func(ctx context.Context, cfg servers.Config, show *upkeepProgress) (any, error) {
			address := cmp.Or(to, cfg.Database)
			switch {
			case address == "":
				return nil, cli.Usage("--to is missing: give the address of an empty database, such as --to postgres://tacho@db.example.org/tacho")
			case cfg.Database != "" && cfg.Database != address:
				return nil, cli.Usage("--to and the database of the settings (--database, TACHO_DATABASE) are different; leave one of them out")
			}
			if u, err := url.Parse(to); err == nil {
				if _, set := u.User.Password(); set || u.Query().Has("password") {
					fmt.Fprintln(env.Stderr, "tacho: the password in --to can be read by every user of this machine, in its list of processes; give "+
						"it in PGPASSWORD, in ~/.pgpass or in TACHO_DATABASE")
				}
			}
			cfg.Database = ""
			out, err := servers.Move(ctx, cfg, servers.MoveParams{To: address, DryRun: dry, Progress: show.rows})
			if err != nil {
				return nil, err
			}
			show.moved(cfg.Data, out)
			return out, nil
		})
	cmd.Flags().StringVar(&to, "to", "", "address of the empty PostgreSQL database (default: $TACHO_DATABASE)")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only look whether it could be moved, and how many rows there are")
	return cmd
}

func (p *upkeepProgress) rows(step string, done, total int64) {
	p.line.Show(fmt.Sprintf("%s: %d of %s", step, done, cli.Counted(int(total), "row", "rows")))
}

func (p *upkeepProgress) moved(data string, out servers.Moved) {
	what := fmt.Sprintf("%s in %s", cli.Counted(int(out.Rows), "row", "rows"), cli.Counted(len(out.Tables), "table", "tables"))
	data, to := term.Clean(data), term.Clean(out.To)
	switch {
	case out.DryRun && out.There:
		p.say("%s has all of %s already: %s; without --dry-run the folder will be given to it", to, data, what)
	case out.DryRun:
		p.say("%s can be moved to %s: %s", data, to, what)
	default:
		p.say("%s was moved to %s: %s, compared one by one. Start its servers with --database or TACHO_DATABASE; %s is no longer used",
			data, to, what, term.Clean(out.Kept))
	}
}

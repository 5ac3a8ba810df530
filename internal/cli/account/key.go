package account

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/cli/value"
)

// keyOwner are the flags that say whose keys are meant.
type keyOwner struct{ user, project string }

func (o *keyOwner) flags(v *pflag.FlagSet) {
	v.StringVar(&o.project, "project", "", "keys that submit to this project")
	v.StringVar(&o.user, "user", "", "keys that act for this person")
}

func (o *keyOwner) owner() (client.KeyOwner, error) {
	switch {
	case (o.user == "") == (o.project == ""):
		return client.KeyOwner{},
			cli.Usage("say whose key: --project SLUG for one that submits to a project, or --user SLUG for one that acts for a person")
	case o.user != "":
		return client.OfUser(o.user), nil
	}
	return client.OfProject(o.project), nil
}

// Keys is `tacho key`.
func Keys(env *cli.Env) *cobra.Command {
	return cli.Family("key", "Make, list and revoke API keys", newKeyCreate(env), newKeyList(env), newKeyRevoke(env))
}

func newKeyCreate(env *cli.Env) *cobra.Command {
	var o keyOwner
	var life string
	var bencher bool
	cmd := cli.Asking(env, "create NAME", "Make a key; it is shown once", cobra.ExactArgs(1),
		func(ctx context.Context, c *cli.Call, srv *cli.Session, args []string) error {
			owner, err := o.owner()
			if err != nil {
				return err
			}
			in := api.NewKey{Name: args[0], Form: value.KeyForm(bencher)}
			if life != "" {
				if err := value.Window(&in.TTL)(life); err != nil {
					return cli.Usage("--ttl %q: %v", life, err)
				}
			}
			made, err := srv.CreateKey(ctx, owner, in)
			if err != nil {
				return err
			}
			if c.JSON {
				return cli.PrintJSON(env.Stdout, made)
			}
			until := "until it is revoked"
			if made.Expires != nil {
				until = "until " + cli.Stamp(made.Expires)
			}
			fmt.Fprintf(env.Stderr, "tacho: key %s (%s), good %s, is shown once:\n", made.UUID, term.Clean(made.Name), until)
			_, err = fmt.Fprintln(env.Stdout, made.Secret)
			return err
		})
	cmd.Aliases = []string{"add"}
	cmd.Example = "  tacho key create ci --project app --ttl 8760h"
	o.flags(cmd.Flags())
	value.BencherFlag(cmd, &bencher)
	cmd.Flags().StringVar(&life, "ttl", "", "how long it is good: seconds, or 720h (default: until it is revoked)")
	return cmd
}

func newKeyList(env *cli.Env) *cobra.Command {
	var o keyOwner
	return cli.List[api.Key]{
		Use: "list", Short: "List keys, newest first, without their secrets", Args: cobra.NoArgs,
		Example: "  tacho key list --project app",
		Flags:   func(v *pflag.FlagSet, _ *client.Page) { o.flags(v) },
		Rows: func(ctx context.Context, srv *cli.Session, _ []string, page client.Page) ([]api.Key, int, error) {
			owner, err := o.owner()
			if err != nil {
				return nil, 0, err
			}
			return srv.Keys(ctx, owner, page)
		},
		Table: func(rows []api.Key) term.Table {
			t := term.Table{Titles: []string{"key", "name", "begins", "created", "last used", "state"}}
			for _, k := range rows {
				t.Add(term.Text(k.UUID), term.Text(k.Name), term.Text(k.Hint), term.Text(cli.Stamp(&k.Created)),
					term.Text(cli.Stamp(k.LastUsed)), keyState(k, env.Now()))
			}
			return t
		},
	}.Command(env)
}

func keyState(k api.Key, now time.Time) term.Cell {
	switch {
	case k.Revoked != nil:
		return term.Cell{Text: "revoked", Colour: term.Faint}
	case k.Expires != nil && !k.Expires.After(now):
		return term.Cell{Text: "expired", Colour: term.Faint}
	case k.Expires != nil:
		return term.Cell{Text: "good until " + cli.Stamp(k.Expires), Colour: term.Good}
	}
	return term.Cell{Text: "good", Colour: term.Good}
}

func newKeyRevoke(env *cli.Env) *cobra.Command {
	var o keyOwner
	cmd := cli.Asking(env, "revoke KEY", "Revoke the key with this UUID; it is refused from then on", cobra.ExactArgs(1),
		func(ctx context.Context, c *cli.Call, srv *cli.Session, args []string) error {
			owner, err := o.owner()
			if err != nil {
				return err
			}
			if err := srv.RevokeKey(ctx, owner, args[0]); err != nil {
				return err
			}
			if c.JSON {
				return cli.PrintJSON(env.Stdout, map[string]string{"revoked": args[0]})
			}
			_, err = fmt.Fprintf(env.Stdout, "key %s revoked\n", args[0])
			return err
		})
	cmd.Example = "  tacho key revoke 01960000-0000-7000-8000-000000000001 --project app"
	o.flags(cmd.Flags())
	return cmd
}

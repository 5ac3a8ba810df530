package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
)

// call is what commands that ask a server have in common.
type call struct {
	connection
	asJSON bool
}

func (c *call) flags(cmd *cobra.Command) {
	c.connection.flags(cmd)
	cmd.Flags().BoolVar(&c.asJSON, "json", false, "print JSON, as the API answers")
}

// with opens the connection for do and closes it behind.
func (c *call) with(ctx context.Context, env *Env, do func(*session) error) error {
	srv, err := c.open(ctx, env)
	if err != nil {
		return err
	}
	return srv.done(do(srv))
}

// asking makes a command that asks a server.
func asking(env *Env, use, short string, args cobra.PositionalArgs,
	do func(ctx context.Context, c *call, srv *session, args []string) error) *cobra.Command {
	var c call
	cmd := leaf(use, short, exitsCall, func(cmd *cobra.Command, args []string) error {
		return c.with(cmd.Context(), env, func(srv *session) error { return do(cmd.Context(), &c, srv, args) })
	})
	cmd.Args = args
	c.flags(cmd)
	return cmd
}

// pageFlags say which rows of a list are shown.
type pageFlags struct {
	page, perPage int
	all           bool
}

func (p *pageFlags) flags(cmd *cobra.Command) {
	v := cmd.Flags()
	v.IntVar(&p.page, "page", 1, "page of the list")
	v.IntVar(&p.perPage, "per-page", 20, fmt.Sprintf("rows of a page, at most %d", limits.PageMax))
	v.BoolVar(&p.all, "all", false, "all rows")
}

// listed prints a list: the rows as JSON, or as a table, with a word on stderr when there are more.
func listed[T any](ctx context.Context, env *Env, c *call, p pageFlags, from client.Page,
	list func(context.Context, client.Page) ([]T, int, error), table func([]T) term.Table) error {
	if p.page < 1 || p.perPage < 1 || p.perPage > limits.PageMax {
		return usage("--page %d --per-page %d: want 1 or more, and at most %d rows", p.page, p.perPage, limits.PageMax)
	}
	var rows []T
	var total int
	var err error
	if p.all {
		rows, err = client.All(ctx, from, list)
		total = len(rows)
	} else {
		from.Number, from.PerPage = p.page, p.perPage
		rows, total, err = list(ctx, from)
	}
	if err != nil {
		return err
	}
	if c.asJSON {
		if rows == nil {
			rows = []T{}
		}
		return printJSON(env.Stdout, rows)
	}
	t := table(rows)
	if err := t.Write(env.out()); err != nil {
		return err
	}
	if total > len(rows) {
		fmt.Fprintf(env.Stderr, "tacho: %d of %d; --page, --per-page and --all show others\n", len(rows), total)
	}
	return nil
}

// facts prints what is known of one thing, a line for each name that has a value.
func facts(s *term.Screen, pairs ...string) {
	width := 0
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			width = max(width, len(pairs[i]))
		}
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			fmt.Fprintf(s.W, "%s  %s\n", s.Paint(term.Title, fmt.Sprintf("%-*s", width, pairs[i])), term.Clean(pairs[i+1]))
		}
	}
}

// stamp is a time for people who read logs: UTC, to the second. Empty for none.
func stamp(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// resolve returns the UUID of a branch, testbed, benchmark or measure that a person names by UUID, slug or name. Names are looked up in the
// list, because a path holds slugs and UUIDs only.
func resolve[T any](ctx context.Context, what, ref string, list func(context.Context, client.Page) ([]T, int, error),
	id func(T) (uuid, name, slug string)) (string, error) {
	if ident.IsUUID(ref) {
		return ref, nil
	}
	for _, page := range []client.Page{{Name: ref}, {Search: ref, PerPage: limits.PageMax}} {
		rows, _, err := list(ctx, page)
		if err != nil {
			return "", err
		}
		for _, row := range rows {
			if uuid, name, slug := id(row); name == ref || slug == ref {
				return uuid, nil
			}
		}
	}
	return "", usage("%s %q does not exist in this project", what, ref)
}

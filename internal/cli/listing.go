package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/limits"
)

// Counted is a number with its noun: 1 alert, 2 alerts.
func Counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
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

// List is a command that prints the rows of a list: as JSON or as a table, a page of them or all.
type List[T any] struct {
	Use, Short, Example string
	Args                cobra.PositionalArgs
	Whole               bool                                            // the list is short: print all of it, without flags of pages
	Flags               func(flags *pflag.FlagSet, filter *client.Page) // flags that choose rows; may be nil
	Rows                func(ctx context.Context, srv *Session, args []string, page client.Page) (rows []T, total int, err error)
	Table               func(rows []T) term.Table
}

// Command makes the command.
func (l List[T]) Command(env *Env) *cobra.Command {
	p := pageFlags{page: 1, perPage: 1, all: true}
	var filter client.Page
	cmd := Asking(env, l.Use, l.Short, l.Args, func(ctx context.Context, c *Call, srv *Session, args []string) error {
		return l.print(ctx, env, c, srv, args, p, filter)
	})
	cmd.Aliases, cmd.Example = []string{"ls"}, l.Example
	if !l.Whole {
		p.flags(cmd)
	}
	if l.Flags != nil {
		l.Flags(cmd.Flags(), &filter)
	}
	return cmd
}

func (l List[T]) print(ctx context.Context, env *Env, c *Call, srv *Session, args []string, p pageFlags, from client.Page) (err error) {
	if p.page < 1 || p.perPage < 1 || p.perPage > limits.PageMax {
		return Usage("--page %d --per-page %d: want 1 or more, and at most %d rows", p.page, p.perPage, limits.PageMax)
	}
	var rows []T
	var total int
	if p.all {
		rows, err = client.All(ctx, from, func(ctx context.Context, page client.Page) ([]T, int, error) {
			return l.Rows(ctx, srv, args, page)
		})
		total = len(rows)
	} else {
		from.Number, from.PerPage = p.page, p.perPage
		rows, total, err = l.Rows(ctx, srv, args, from)
	}
	if err != nil {
		return err
	}
	if c.JSON {
		if rows == nil {
			rows = []T{}
		}
		return PrintJSON(env.Stdout, rows)
	}
	t := l.Table(rows)
	if err := t.Write(env.Out()); err != nil {
		return err
	}
	if total > len(rows) {
		fmt.Fprintf(env.Stderr, "tacho: %d of %d; --page, --per-page and --all show others\n", len(rows), total)
	}
	return nil
}

// One is a command that asks the server for one thing, or changes it, and prints it: as JSON, or as Print does for people.
type One[T any] struct {
	Use, Short, Long, Example string
	Aliases                   []string
	Args                      cobra.PositionalArgs
	Flags                     func(*pflag.FlagSet) // may be nil
	Ask                       func(ctx context.Context, srv *Session, args []string) (T, error)
	Print                     func(srv *Session, args []string, thing T) error
}

// Command makes the command.
func (o One[T]) Command(env *Env) *cobra.Command {
	cmd := Asking(env, o.Use, o.Short, o.Args, func(ctx context.Context, c *Call, srv *Session, args []string) error {
		thing, err := o.Ask(ctx, srv, args)
		if err != nil {
			return err
		}
		if c.JSON {
			return PrintJSON(env.Stdout, thing)
		}
		return o.Print(srv, args, thing)
	})
	cmd.Aliases, cmd.Long, cmd.Example = o.Aliases, o.Long, o.Example
	if o.Flags != nil {
		o.Flags(cmd.Flags())
	}
	return cmd
}

// Facts prints what is known of one thing, a line for each name that has a value.
func Facts(s *term.Screen, pairs ...string) {
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

// Stamp is a time for people who read logs: UTC, to the second. Empty for none.
func Stamp(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

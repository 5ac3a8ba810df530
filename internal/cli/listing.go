package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/limits"
)

func Counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// PageFlags say which rows of a list are shown.
type PageFlags struct {
	Page, PerPage int
	All           bool
}

func (p *PageFlags) Flags(cmd *cobra.Command) {
	v := cmd.Flags()
	v.IntVar(&p.Page, "page", 1, "page of the list")
	v.IntVar(&p.PerPage, "per-page", 20, fmt.Sprintf("rows of a page, at most %d", limits.PageMax))
	v.BoolVar(&p.All, "all", false, "all rows")
}

// Listed prints a list: the rows as JSON, or as a table, with a word on stderr when there are more.
func Listed[T any](ctx context.Context, env *Env, c *Call, p PageFlags, from client.Page,
	list func(context.Context, client.Page) ([]T, int, error), table func([]T) term.Table) error {
	if p.Page < 1 || p.PerPage < 1 || p.PerPage > limits.PageMax {
		return Usage("--page %d --per-page %d: want 1 or more, and at most %d rows", p.Page, p.PerPage, limits.PageMax)
	}
	var rows []T
	var total int
	var err error
	if p.All {
		rows, err = client.All(ctx, from, list)
		total = len(rows)
	} else {
		from.Number, from.PerPage = p.Page, p.PerPage
		rows, total, err = list(ctx, from)
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
	t := table(rows)
	if err := t.Write(env.Out()); err != nil {
		return err
	}
	if total > len(rows) {
		fmt.Fprintf(env.Stderr, "tacho: %d of %d; --page, --per-page and --all show others\n", len(rows), total)
	}
	return nil
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

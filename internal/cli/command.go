package cli

import (
	"context"

	"github.com/spf13/cobra"
)

// Call is what commands that ask a server have in common.
type Call struct {
	Connection
	JSON bool
}

func (c *Call) flags(cmd *cobra.Command) {
	c.Connection.Flags(cmd)
	cmd.Flags().BoolVar(&c.JSON, "json", false, "print JSON, as the API answers")
}

// With opens the connection for do and closes it behind.
func (c *Call) With(ctx context.Context, env *Env, do func(*Session) error) error {
	srv, err := c.Open(ctx, env)
	if err != nil {
		return err
	}
	return srv.Done(do(srv))
}

// Asking makes a command that asks a server.
func Asking(env *Env, use, short string, args cobra.PositionalArgs,
	do func(ctx context.Context, c *Call, srv *Session, args []string) error) *cobra.Command {
	var c Call
	cmd := Leaf(use, short, ExitsCall, func(cmd *cobra.Command, args []string) error {
		return c.With(cmd.Context(), env, func(srv *Session) error { return do(cmd.Context(), &c, srv, args) })
	})
	cmd.Args = args
	c.flags(cmd)
	return cmd
}

// Leaf makes a command that calls run and whose help lists codes.
func Leaf(use, short string, codes []int, run func(*cobra.Command, []string) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, RunE: run, Annotations: map[string]string{exits: exitHelp(codes)}}
}

// Family makes a command that only has children.
func Family(use, short string, children ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short}
	cmd.AddCommand(children...)
	needsChild(cmd)
	return cmd
}

// needsChild makes a command that only has children say so. cobra would print its help and end with 0.
func needsChild(cmd *cobra.Command) {
	cmd.Args = cobra.NoArgs
	cmd.RunE = func(c *cobra.Command, _ []string) error {
		return Usage("'%s' needs one of its commands; see '%s --help'", c.CommandPath(), c.CommandPath())
	}
}

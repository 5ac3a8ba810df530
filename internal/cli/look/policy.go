package look

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/show"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/policy"
)

// Policies is `tacho policy`.
func Policies(env *cli.Env) *cobra.Command {
	return cli.Family("policy", "Say how lines are judged, and try it on history", newPolicyView(env), newPolicySet(env), newPolicyCheck(env),
		newPolicyDefault(env))
}

func newPolicyDefault(env *cli.Env) *cobra.Command {
	cmd := cli.Leaf("show-default", "Print what holds without a policy, as a file to begin with", cli.ExitsLocal,
		func(*cobra.Command, []string) error {
			_, err := io.WriteString(env.Stdout, policy.Default)
			return err
		})
	cmd.Args = cobra.NoArgs
	cmd.Example = "  tacho policy show-default > tacho.yaml"
	return cmd
}

func newPolicyView(env *cli.Env) *cobra.Command {
	return cli.One[api.Policy]{
		Use: "view PROJECT", Short: "Print the policy of a project", Args: cobra.ExactArgs(1), Aliases: []string{"get"},
		Example: "  tacho policy view app > tacho.yaml",
		Ask: func(ctx context.Context, srv *cli.Session, args []string) (api.Policy, error) {
			return srv.Policy(ctx, args[0])
		},
		Print: func(_ *cli.Session, _ []string, p api.Policy) error {
			if p.Problem != "" {
				fmt.Fprintf(env.Stderr, "tacho: %s\n", term.Clean(p.Problem))
			}
			printNotices(env, "policy", p)
			_, err := io.WriteString(env.Stdout, cleanLines(p.Text))
			return err
		},
	}.Command(env)
}

func printNotices(env *cli.Env, name string, p api.Policy) {
	for _, n := range p.Notices {
		fmt.Fprintf(env.Stderr, "tacho: %s:%d:%d: %s\n", name, n.Line, n.Column, term.Clean(n.Text))
	}
}

// cleanLines is a text of several lines without other control characters.
func cleanLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = term.Clean(strings.ReplaceAll(lines[i], "\t", "    "))
	}
	return strings.Join(lines, "\n")
}

func newPolicySet(env *cli.Env) *cobra.Command {
	cmd := cli.Asking(env, "set PROJECT FILE", "Replace the policy of a project; - is the standard input", cobra.ExactArgs(2),
		func(ctx context.Context, c *cli.Call, srv *cli.Session, args []string) error {
			text, _, err := readPolicy(env, args[1])
			if err != nil {
				return err
			}
			was, err := srv.Policy(ctx, args[0])
			if err != nil {
				return err
			}
			now, err := srv.SetPolicy(ctx, args[0], api.SetPolicy{Text: text, Version: was.Version})
			if err != nil {
				return err
			}
			if c.JSON {
				return cli.PrintJSON(env.Stdout, now)
			}
			printNotices(env, args[1], now)
			_, err = fmt.Fprintf(env.Stdout, "policy of %s, version %d\n", term.Clean(args[0]), now.Version)
			return err
		})
	cmd.Example = "  tacho policy check app tacho.yaml && tacho policy set app tacho.yaml"
	return cmd
}

// readPolicy reads a file. What is wrong with it is printed with line and caret, and ends in a code of its own.
func readPolicy(env *cli.Env, name string) (string, policy.Policy, error) {
	in := env.Stdin
	if name != "-" {
		file, err := os.Open(env.Path(name))
		if err != nil {
			return "", policy.Policy{}, cli.Usage("%s: %v", name, cli.BareFileError(err))
		}
		defer file.Close()
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, limits.PolicyBytes+1))
	if err != nil {
		return "", policy.Policy{}, cli.Usage("%s: %v", name, cli.BareFileError(err))
	}
	p, err := policy.Parse(text)
	if mistakes, wrong := errors.AsType[policy.Mistakes](err); wrong {
		fmt.Fprintln(env.Stderr, cleanLines(mistakes.Describe(name)))
		return "", p, cli.ExitWith(fault.ExitPolicyInvalid, nil)
	}
	return string(text), p, err
}

func newPolicyCheck(env *cli.Env) *cobra.Command {
	var branches []string
	cmd := cli.Asking(env, "check PROJECT [FILE]", "Try a policy on history: which events would appear and vanish", cobra.RangeArgs(1, 2),
		func(ctx context.Context, c *cli.Call, srv *cli.Session, args []string) error {
			name := policy.FileName
			if len(args) == 2 {
				name = args[1]
			}
			text, _, err := readPolicy(env, name)
			if err != nil {
				return err
			}
			out, err := srv.CheckPolicy(ctx, args[0], api.CheckPolicy{Text: text, Branches: branches})
			if err != nil {
				return err
			}
			if c.JSON {
				err = cli.PrintJSON(env.Stdout, out)
			} else {
				printNotices(env, name, api.Policy{Notices: out.Notices})
				err = writeChecked(env.Out(), out)
			}
			if err == nil && len(out.Appear)+len(out.Vanish)+len(out.Differ) > 0 {
				return cli.ExitWith(fault.ExitPolicyDiffers, nil)
			}
			return err
		})
	cmd.Long = `Have the server look at the history of a project by the policy of FILE (tacho.yaml), as it would if the policy was set,
and print which events would appear, vanish or be judged in another way, and rules that match or decide nothing.
Nothing is changed.

"told" says that people are told of such an event while it is new. Events that they would be told of at once are marked "now". Alerts of
thresholds are not looked at.

Exit code 14: FILE cannot be read. 15: there is a difference.`
	cmd.Example = "  tacho policy check app\n  tacho policy check app new.yaml --branch main"
	cmd.Flags().StringArrayVar(&branches, "branch", nil, "name, slug or UUID (repeatable; default: all)")
	return cmd
}

func judgedAs(v api.CheckedVerdict) string {
	told := "not told"
	switch {
	case v.Told && len(v.Notify) > 0:
		told = "told to " + strings.Join(v.Notify, ", ")
	case v.Told:
		told = "told"
	}
	kind := ""
	if v.Kind == api.MachineEvent {
		kind = "machine, "
	}
	return fmt.Sprintf("%s%s, %s, %s", kind, cli.Counted(v.Changes, "change", "changes"), v.Severity, told)
}

func writeChecked(s *term.Screen, c api.CheckedPolicy) error {
	t := term.Table{Titles: []string{"", "where", "versions", "effect", "", "largest"}, Right: []bool{false, false, false, true}}
	for _, part := range []struct {
		what   string
		events []api.CheckedEvent
	}{{"appears", c.Appear}, {"vanishes", c.Vanish}, {"differs", c.Differ}} {
		for _, e := range part.events {
			versions, effect := fmt.Sprint(e.First), "new"
			if e.Last != e.First {
				versions = fmt.Sprintf("%d..%d", e.First, e.Last)
			}
			if e.Effect != nil {
				effect = show.Percent(1 + *e.Effect)
			}
			verdict := judgedAs(e.CheckedVerdict)
			if e.Notice {
				verdict += " now"
			}
			if e.Was != nil {
				verdict += " (was " + judgedAs(*e.Was) + ")"
			}
			t.Add(term.Text(part.what), term.Text(e.Branch.Name+" on "+e.Testbed.Name), term.Text(versions), term.Text(effect),
				term.Text(verdict), term.Text(e.Benchmark+" "+e.Measure))
		}
	}
	if len(c.Appear)+len(c.Vanish)+len(c.Differ) > 0 {
		if err := t.Write(s); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(s.W, "%s looked at: %d appear, %d vanish, %d differ, %d stay as they are\n",
		cli.Counted(c.Lines, "line", "lines"), len(c.Appear), len(c.Vanish), len(c.Differ), c.Same)
	return err
}

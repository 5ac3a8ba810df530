package look

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/show"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/cli/value"
	"github.com/tachograph/tacho/internal/core/change"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/policy"
	"github.com/tachograph/tacho/internal/core/stats"
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

type checkFlags struct {
	branches []string
	since    string
}

func newPolicyCheck(env *cli.Env) *cobra.Command {
	var f checkFlags
	cmd := cli.Asking(env, "check PROJECT [FILE]", "Replay history: which events would appear and vanish", cobra.RangeArgs(1, 2),
		func(ctx context.Context, c *cli.Call, srv *cli.Session, args []string) error {
			name := policy.FileName
			if len(args) == 2 {
				name = args[1]
			}
			_, after, err := readPolicy(env, name)
			if err != nil {
				return err
			}
			was, err := srv.Policy(ctx, args[0])
			if err != nil {
				return err
			}
			before, err := policy.Parse([]byte(was.Text))
			if err != nil {
				return cli.Fail(fault.ExitServer, "the policy of the project is of another version of tacho and cannot be replayed")
			}
			h, err := f.histories(ctx, env, srv, args[0])
			if err != nil {
				return err
			}
			return checkPolicy(env, c.JSON, name, before, after, h)
		})
	cmd.Long = `Replay the history of a project with its policy and with that of FILE (tacho.yaml), and print which events would appear,
vanish or stay, and rules that match or decide nothing. Nothing is changed.

The lines are those of --branch, with what the branch started from. Machine events are not told apart, and lines of
several hardware specs on one testbed are one.

Exit code 14: FILE cannot be read. 15: there is a difference.`
	cmd.Example = "  tacho policy check app\n  tacho policy check app new.yaml --branch main --since 2026-01-01"
	v := cmd.Flags()
	v.StringArrayVar(&f.branches, "branch", nil, "name, slug or UUID (repeatable; default: main or master, or the only one)")
	v.StringVar(&f.since, "since", "", "only reports from then on: Unix seconds, 2026-03-04 or 2026-03-04T12:00:00Z")
	return cmd
}

// histories reads the lines of the branches in pieces that the server answers at once.
func (f *checkFlags) histories(ctx context.Context, env *cli.Env, srv *cli.Session, project string) ([]policy.History, error) {
	q := perfFlags{branches: f.branches, format: "json"}
	if len(q.branches) == 0 {
		all, err := client.All(ctx, client.Page{}, func(ctx context.Context, p client.Page) ([]api.Branch, int, error) {
			return srv.Branches(ctx, project, p)
		})
		if err != nil {
			return nil, err
		}
		for _, b := range all {
			if len(all) == 1 || b.Name == "main" || b.Name == "master" {
				q.branches = append(q.branches, b.UUID)
			}
		}
		if len(q.branches) == 0 {
			return nil, cli.Usage("the project has %s, and none is main; name some with --branch", cli.Counted(len(all), "branch", "branches"))
		}
	}
	whole, err := q.query(ctx, srv.Client, project)
	if err != nil {
		return nil, err
	}
	if f.since != "" {
		t, err := value.ParseTime(f.since)
		if err != nil {
			return nil, cli.Usage("--since %q: %v", f.since, err)
		}
		whole.StartTime = &t
	}
	progress := term.NewProgress(env.Errs())
	defer progress.Done()
	var out []policy.History
	values := 0
	for _, branch := range whole.Branches {
		for _, testbed := range whole.Testbeds {
			for measures := range slices.Chunk(whole.Measures, limits.PerfSeriesMax) {
				for benchmarks := range slices.Chunk(whole.Benchmarks, max(1, limits.PerfSeriesMax/len(measures))) {
					progress.Show(fmt.Sprintf("reading history: %d lines, %d values", len(out), values))
					perf, err := srv.PerfColumns(ctx, project, client.PerfQuery{Branches: []string{branch}, Testbeds: []string{testbed},
						Benchmarks: benchmarks, Measures: measures, StartTime: whole.StartTime})
					if err != nil {
						return nil, err
					}
					for _, g := range perf.Results {
						for _, l := range g.Lines {
							h, err := historyOf(g, l)
							if err != nil {
								return nil, err
							}
							out, values = append(out, h), values+len(h.Values)
						}
					}
					if values > limits.PolicyCheckValues {
						return nil, cli.Usage("more than %d values to replay; narrow them with --branch or --since", limits.PolicyCheckValues)
					}
				}
			}
		}
	}
	return out, nil
}

// historyOf makes one value for each version: of a report the median of its iterations, of several reports change.Average.
func historyOf(g api.PerfGroup, l api.PerfLine) (policy.History, error) {
	h := policy.History{Place: g.Branch.Name + " on " + g.Testbed.Name, Line: policy.Line{
		Branch: policy.Named{Name: g.Branch.Name, Slug: g.Branch.Slug}, Testbed: policy.Named{Name: g.Testbed.Name, Slug: g.Testbed.Slug},
		Benchmark: policy.Named{Name: l.Benchmark.Name, Slug: l.Benchmark.Slug},
		Measure:   policy.Named{Name: l.Measure.Name, Slug: l.Measure.Slug}, Units: l.Measure.Units, Exact: l.Measure.Exact}}
	p := l.Points
	if len(p.Value) != len(p.Report) {
		return h, fmt.Errorf("line of %s: %d values in %d reports", l.Benchmark.Name, len(p.Value), len(p.Report))
	}
	var iterations, means []float64
	for i, r := range p.Report {
		if r < 0 || r >= len(g.Reports.Number) {
			return h, fmt.Errorf("line of %s: no report %d", l.Benchmark.Name, r)
		}
		if v := p.Value[i]; !math.IsNaN(v) && !math.IsInf(v, 0) {
			iterations = append(iterations, v)
		}
		if i+1 < len(p.Report) && p.Report[i+1] == r {
			continue
		}
		if len(iterations) > 0 {
			means, iterations = append(means, stats.Median(iterations)), nil
		}
		if i+1 < len(p.Report) && p.Report[i+1] >= 0 && p.Report[i+1] < len(g.Reports.Number) &&
			g.Reports.Number[p.Report[i+1]] == g.Reports.Number[r] {
			continue
		}
		if len(means) > 0 {
			h.Numbers, h.Values, means = append(h.Numbers, g.Reports.Number[r]), append(h.Values, change.Average(means)), nil
		}
	}
	return h, nil
}

// checked is what `tacho policy check --json` prints.
type checked struct {
	Lines   int                `json:"lines"`
	Appear  []checkedEvent     `json:"appear"`
	Vanish  []checkedEvent     `json:"vanish"`
	Stay    []checkedEvent     `json:"stay"`
	Notices []api.PolicyNotice `json:"notices"`
}

type checkedEvent struct {
	Place    string   `json:"place"`
	First    int64    `json:"first"`
	Last     int64    `json:"last"`
	Changes  int      `json:"changes"`
	Effect   float64  `json:"effect"` // the largest, as a share of the level before
	Severity string   `json:"severity"`
	Told     bool     `json:"told"`
	Members  []string `json:"members"`
	Was      string   `json:"was,omitempty"` // of one that stays otherwise: what it is now
}

func eventOf(e policy.Event, h []policy.History) checkedEvent {
	out := checkedEvent{Place: e.Place, First: e.First, Last: e.Last, Changes: len(e.Members), Effect: e.Largest(),
		Severity: string(e.Severity), Told: e.Told}
	for _, m := range e.Members {
		out.Members = append(out.Members, h[m.History].Benchmark.Name+" "+h[m.History].Measure.Name)
	}
	return out
}

func (e checkedEvent) verdict() string {
	told := "not told"
	if e.Told {
		told = "told"
	}
	return fmt.Sprintf("%s, %s, %s", cli.Counted(e.Changes, "change", "changes"), e.Severity, told)
}

// checkPolicy replays both policies and prints what differs.
func checkPolicy(env *cli.Env, asJSON bool, name string, before, after policy.Policy, h []policy.History) error {
	was, err := before.Replay(h)
	if err != nil {
		return err
	}
	is, err := after.Replay(h)
	if err != nil {
		return err
	}
	d := policy.Compare(was, is)
	out := checked{Lines: len(h), Appear: []checkedEvent{}, Vanish: []checkedEvent{}, Stay: []checkedEvent{}, Notices: []api.PolicyNotice{}}
	for _, e := range d.Appear {
		out.Appear = append(out.Appear, eventOf(e, h))
	}
	for _, e := range d.Vanish {
		out.Vanish = append(out.Vanish, eventOf(e, h))
	}
	for _, k := range d.Stay {
		e := eventOf(k.After, h)
		if !k.Same() {
			e.Was = eventOf(k.Before, h).verdict()
		}
		out.Stay = append(out.Stay, e)
	}
	lines := make([]policy.Line, len(h))
	for i := range h {
		lines[i] = h[i].Line
	}
	for _, n := range slices.Concat(after.Unreached(), after.Unmatched(lines)) {
		out.Notices = append(out.Notices, api.PolicyNotice{Line: n.At.Line, Column: n.At.Column, Text: n.Text})
	}
	if asJSON {
		err = cli.PrintJSON(env.Stdout, out)
	} else {
		printNotices(env, name, api.Policy{Notices: out.Notices})
		err = out.write(env.Out())
	}
	if err == nil && !d.Same() {
		return cli.ExitWith(fault.ExitPolicyDiffers, nil)
	}
	return err
}

func (c checked) write(s *term.Screen) error {
	t := term.Table{Titles: []string{"", "where", "versions", "effect", "", "largest"}, Right: []bool{false, false, false, true}}
	add := func(what string, e checkedEvent) {
		versions := fmt.Sprint(e.First)
		if e.Last != e.First {
			versions = fmt.Sprintf("%d..%d", e.First, e.Last)
		}
		verdict := e.verdict()
		if e.Was != "" {
			verdict += " (was " + e.Was + ")"
		}
		t.Add(term.Text(what), term.Text(e.Place), term.Text(versions), term.Text(show.Percent(1+e.Effect)), term.Text(verdict),
			term.Text(e.Members[0]))
	}
	same := 0
	for _, e := range c.Appear {
		add("appears", e)
	}
	for _, e := range c.Vanish {
		add("vanishes", e)
	}
	for _, e := range c.Stay {
		if e.Was != "" {
			add("differs", e)
		} else {
			same++
		}
	}
	if len(c.Appear)+len(c.Vanish)+len(c.Stay) > same {
		if err := t.Write(s); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(s.W, "%s replayed: %d appear, %d vanish, %d differ, %d stay as they are\n", cli.Counted(c.Lines, "line", "lines"),
		len(c.Appear), len(c.Vanish), len(c.Stay)-same, same)
	return err
}

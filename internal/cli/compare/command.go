package compare

import (
	"context"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/run/grades"
	"github.com/tachograph/tacho/internal/cli/value"
	"github.com/tachograph/tacho/internal/core/adapter"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/limits"
)

type flags struct {
	cli.Connection
	project, testbed                string
	measures                        []string
	old, new                        []string
	adapter, mapping, effect, noise string
	asJSON, markdown, asCSV, asHTML bool
	all                             bool
}

// Command is `tacho compare`.
func Command(env *cli.Env) *cobra.Command {
	var f flags
	codes := append(slices.Clone(cli.ExitsCall), fault.ExitAlert, fault.ExitNothingJudged, fault.ExitUndecided)
	cmd := cli.Leaf("compare [OLD] NEW", "Compare two outputs of a tool, branches, commits or reports, and say how small a change could "+
		"have been seen", codes, func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), env, args) })
	cmd.Long = `Compare the outputs of one tool from before and after a change, or what a server (without --host: the store of this
machine) has of two branches, commits or reports. Nothing is run or stored, and files need no server.

A name that is a file is a file. Otherwise it is a branch, a commit or how one begins (7 digits), a version as main@42, main@latest,
main@latest~3 or @latest~3 (three versions with results before the newest; without a name of the default branch), or a report's UUID.
branch:, commit: and report: before it say which. A branch as OLD is its history: each line is compared with its reports since its last
change. NEW alone is compared with where its branch left the one that it came from, or else with what was before it on its own. From
fewer than five such reports nothing is said, and reports of fewer than three days or hosts of NEW are at most suspicious: measure
again, or in turns (tacho run --ab). Only one testbed, spec and kind of host is compared, and what is left out is counted.

Each file is one run of the benchmark, and runs are what is counted: iterations of one process agree better with each other than with
the next process's. Give several files a side, separated by commas or with --old and --new. One file a side is compared by its
iterations, and the result holds for these two processes only. From 20 rows on, intervals are widened by what the rows show that the
two processes differ by beyond their iterations. Tools that start several processes (JMH's forks, pyperf, hyperfine)
have them in one file.

A change is claimed when it is 1 % at least and, over all rows together, at most 5 % of such claims are false (Benjamini and Hochberg).
"same" means that the change is surely within --effect. Where neither is shown there is "~", and beside it the smallest change that
would have been seen in 80 % of cases. Exact counts are compared without a test.

With --noise each benchmark has its grade (see 'tacho calibrate'), and with few runs a side what could have been seen is known from
there. No change is claimed because of it: with one file a side it widens intervals, otherwise verdicts rest on the two sides alone.

Exit code 3 says that something is worse, 12 that nothing is worse and no timed row could be decided or one is suspicious, 11 that
nothing was judged, 0 everything else.`
	cmd.Example = "  tacho compare old.txt new.txt\n" +
		"  tacho compare --noise noise.json old1.txt,old2.txt new1.txt,new2.txt\n" +
		"  tacho compare old1.txt,old2.txt,old3.txt new1.txt,new2.txt,new3.txt\n" +
		"  tacho compare --old old1.txt --old old2.txt --new new1.txt --new new2.txt --markdown\n" +
		"  go test -bench . -count 10 | tacho compare old.txt -\n" +
		"  tacho compare feature\n  tacho compare main feature\n  tacho compare @latest~3 @latest --measure latency\n" +
		"  tacho compare abc1234 def5678 --project app --testbed lab"
	cmd.Args = cobra.ArbitraryArgs
	f.Connection.Flags(cmd)
	v := cmd.Flags()
	v.StringVar(&f.project, "project", "", "slug or UUID (default $TACHO_PROJECT, or the one that 'tacho run' takes here)")
	v.StringVar(&f.testbed, "testbed", "", "of branches, commits and reports (default $TACHO_TESTBED, or that of NEW's newest report)")
	v.StringArrayVar(&f.measures, "measure", nil, "only this measure of branches, commits and reports (repeatable)")
	v.StringArrayVar(&f.old, "old", nil, "a file of the old side; may be repeated")
	v.StringArrayVar(&f.new, "new", nil, "a file of the new side; may be repeated")
	v.StringVar(&f.adapter, "adapter", "magic", "the tool whose output it is; magic recognises it")
	v.StringVar(&f.mapping, "map", "", "for CSV and JSON: which columns have names and values, see 'tacho adapters --help'")
	v.StringVar(&f.effect, "effect", "2%", `the largest change that still counts as "same"`)
	v.StringVar(&f.noise, "noise", "", "file of 'tacho calibrate --json': show each benchmark's grade, and what could have been seen by it")
	v.BoolVar(&f.all, "all", false, "show all rows, also those beyond 30 that have not changed")
	v.BoolVar(&f.asJSON, "json", false, "print JSON")
	v.BoolVar(&f.markdown, "markdown", false, "print a table in Markdown")
	v.BoolVar(&f.asCSV, "csv", false, "print CSV, one line for each benchmark and measure")
	v.BoolVar(&f.asHTML, "html", false, "print a page of HTML that needs nothing else")
	cmd.MarkFlagsMutuallyExclusive("json", "markdown", "csv", "html")
	return cmd
}

func (f *flags) run(ctx context.Context, env *cli.Env, args []string) error {
	sides, ok, err := f.sides(env, args)
	if err != nil {
		return err
	}
	if ok {
		if f.noise != "" {
			return cli.Usage("--noise is for files that are compared, not for branches, commits and reports")
		}
		effect, err := value.ParsePart(f.effect)
		if err != nil {
			return cli.Usage("--effect %q: %v", f.effect, err)
		}
		return f.compareStored(ctx, env, sides, effect)
	}
	before, after, err := f.files(env, args)
	if err != nil {
		return err
	}
	effect, err := value.ParsePart(f.effect)
	if err != nil {
		return cli.Usage("--effect %q: %v", f.effect, err)
	}
	tool, err := adapter.ParseName(f.adapter)
	if err != nil {
		return cli.Usage("%s", fault.Message(err))
	}
	opts := adapter.Options{Mapping: f.mapping}
	olds, err := readSide(env, before, tool, opts)
	if err != nil {
		return err
	}
	news, err := readSide(env, after, tool, opts)
	if err != nil {
		return err
	}
	if err := sameTool(append(olds[:len(olds):len(olds)], news...)); err != nil {
		return err
	}
	rows, err := pair(olds, news)
	if err != nil {
		return err
	}
	policy := judge.Policy{Effect: effect}
	noise, err := f.known(env, rows)
	if err != nil {
		return err
	}
	compared := judge.Compare(rows.rows, policy)
	grade(noise, rows, compared)
	v := newView(before, after, rows, compared, policy)
	v.noise = noise
	v.tool = string(olds[0].results.Adapter)
	v.problems(olds, news)
	if err := f.write(env, v); err != nil {
		return err
	}
	return exitOf(v.verdict)
}

// known is the noise of --noise, nil without it. It tells rows by how much processes of identical code differ.
func (f *flags) known(env *cli.Env, p pairing) (*grades.Known, error) {
	if f.noise == "" {
		return nil, nil
	}
	text, err := cli.ReadFile(env, f.noise, limits.JSONBodyBytes)
	if err != nil {
		return nil, cli.Usage("--noise %s: %v", f.noise, err)
	}
	known, err := grades.Read(text)
	if err != nil {
		return nil, cli.Usage("--noise %s: %v", f.noise, err)
	}
	found := 0
	for i, row := range p.rows {
		if n, is := known.Of(row.Benchmark, row.Measure.Name); is {
			p.rows[i].Noise = n.Processes()
			found++
		}
	}
	if found == 0 {
		return nil, cli.Usage("--noise %s: it has none of the benchmarks that are compared", f.noise)
	}
	return known, nil
}

// grade gives the rows the grades that are known.
func grade(known *grades.Known, p pairing, cs judge.Comparisons) {
	if known == nil {
		return
	}
	for i, row := range p.rows {
		if n, is := known.Of(row.Benchmark, row.Measure.Name); is {
			cs.Rows[i] = cs.Rows[i].WithNoise(n, known.Usual)
		}
	}
}

func (f *flags) write(env *cli.Env, v *view) error {
	switch {
	case f.asJSON:
		return cli.PrintJSON(env.Stdout, v.document())
	case f.markdown:
		return written(env.Stdout, v.markdown(f.all))
	case f.asCSV:
		return v.writeCSV(env.Stdout)
	case f.asHTML:
		return v.writePage(env.Stdout)
	}
	return v.writeText(env.Out(), f.all)
}

func written(w io.Writer, text string) error {
	_, err := io.WriteString(w, text)
	return err
}

// files are the names of both sides, from arguments or flags.
func (f *flags) files(env *cli.Env, args []string) (before, after []string, err error) {
	flagged := len(f.old)+len(f.new) > 0
	switch {
	case flagged && len(args) > 0:
		return nil, nil, cli.Usage("give the files as OLD NEW or by --old and --new, not both; %q is one too many", args[0])
	case flagged && (len(f.old) == 0 || len(f.new) == 0):
		return nil, nil, cli.Usage("--old and --new: give one of each at least")
	case flagged:
		before, after = f.old, f.new
	case len(args) == 2:
		before, after = names(env, args[0]), names(env, args[1])
	case len(args) == 1:
		return nil, nil, cli.Usage("only OLD is given; add NEW, as in 'tacho compare old.txt new.txt'")
	case len(args) == 0:
		return nil, nil, cli.Usage("OLD and NEW are missing, as in 'tacho compare old.txt new.txt'")
	default:
		return nil, nil, cli.Usage("%d files are given, and it cannot be told which are old: join those of a side by commas, or use --old and "+
			"--new", len(args))
	}
	stdin := 0
	for _, name := range append(before[:len(before):len(before)], after...) {
		if name == stdinName {
			stdin++
		}
	}
	if stdin > 1 {
		return nil, nil, cli.Usage("- stands for the standard input and can be given once")
	}
	return before, after, nil
}

// names are the files of an argument: commas part them, unless a file has that very name.
func names(env *cli.Env, arg string) []string {
	if _, err := os.Stat(env.Path(arg)); err == nil || !strings.Contains(arg, ",") {
		return []string{arg}
	}
	return strings.Split(arg, ",")
}

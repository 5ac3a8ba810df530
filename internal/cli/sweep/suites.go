package sweep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/run/local"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/adapter"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/suite"
	"github.com/tachograph/tacho/suites"
)

func newSuiteList(env *cli.Env) *cobra.Command {
	var asJSON bool
	cmd := cli.Leaf("list", "List the suites that are built in, and those of this folder", cli.ExitsLocal, func(*cobra.Command,
		[]string) error {
		names := suites.Names()
		if entries, err := os.ReadDir(env.Path("suites")); err == nil {
			for _, e := range entries {
				if suite.IsName(e.Name()) && isFile(env, filepath.Join("suites", e.Name(), suite.FileName)) {
					names = append(names, e.Name())
				}
			}
		}
		slices.Sort(names)
		out := []api.Suite{}
		table := term.Table{Titles: []string{"suite", "from", "workloads", "about"}, Right: make([]bool, 4)}
		for _, name := range slices.Compact(names) {
			s, err := findSuite(env, name, ".")
			if err != nil { // one that is broken hides none of the others
				table.Add(term.Text(name), term.Text(s.source), term.Text("it cannot be read; 'tacho suite show "+name+"' says why"))
				continue
			}
			out = append(out, wireSuite(s))
			table.Add(term.Text(name), term.Text(s.source), term.Text(strings.Join(workloadNames(s.Workloads), ", ")), term.Text(s.About))
		}
		if asJSON {
			return cli.PrintJSON(env.Stdout, out)
		}
		return table.Write(env.Out())
	})
	cmd.Args = cobra.NoArgs
	cmd.Example = "  tacho suite list\n  tacho suite list --json"
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func workloadNames(workloads []suite.Workload) (out []string) {
	for _, w := range workloads {
		out = append(out, w.Name)
	}
	return out
}

func wireSuite(s found) api.Suite {
	out := api.Suite{Name: s.Name, About: s.About, Source: s.source, Params: []api.SuiteParam{}, Workloads: wireWorkloads(s.Workloads),
		Expected: append([]string{}, s.Expected.Benchmarks...), Missing: string(s.Expected.Missing)}
	for _, p := range s.Params {
		out.Params = append(out.Params, api.SuiteParam{Name: p.Name, About: p.About, Required: p.Required, Default: p.Default,
			Enum: p.Enum})
	}
	return out
}

func newSuiteShow(env *cli.Env) *cobra.Command {
	var asJSON bool
	var to string
	cmd := cli.Leaf("show NAME", "Say what a suite runs and which parameters it has", cli.ExitsLocal, func(_ *cobra.Command,
		args []string) error {
		s, err := openSuite(env, args[0], ".")
		switch {
		case err != nil:
			return err
		case to != "":
			return writeRecipe(env, s, args[0], to)
		case asJSON:
			return cli.PrintJSON(env.Stdout, wireSuite(s))
		}
		return printSuite(env, s)
	})
	cmd.Args = cobra.ExactArgs(1)
	cmd.Long = `Say what a suite runs and which parameters it has. NAME is built in, a folder below suites, or a path.

--write puts the files of one that is built in into a folder, to build its image from or to change.`
	cmd.Example = "  tacho suite show ruby-bench\n  tacho suite show ruby-bench --write ./ruby-bench"
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().StringVar(&to, "write", "", "write its files into this new `folder`")
	cmd.ValidArgsFunction = completeSuites
	return cmd
}

func completeSuites(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return suites.Names(), cobra.ShellCompDirectiveDefault
}

// writeRecipe copies the files of a suite that is built in.
func writeRecipe(env *cli.Env, s found, name, to string) error {
	if s.source != "built in" {
		return cli.Usage("%s is a file already: %s", name, s.source)
	}
	folder, err := suites.Recipe(name)
	if err != nil {
		return err
	}
	if err := os.CopyFS(env.Path(to), folder); err != nil {
		return cli.Usage("--write %s: %v; name a folder that is new", to, cli.BareFileError(err))
	}
	return fs.WalkDir(folder, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			fmt.Fprintln(env.Stdout, filepath.Join(to, path))
		}
		return err
	})
}

func printSuite(env *cli.Env, s found) error {
	out := env.Stdout
	fmt.Fprintf(out, "%s (%s): %s\n", term.Clean(s.Name), term.Clean(s.source), term.Clean(cmp.Or(s.About, "no description")))
	if len(s.Params) > 0 {
		fmt.Fprintln(out)
		table := term.Table{Titles: []string{"parameter", "value", "about"}, Right: make([]bool, 3)}
		for _, p := range s.Params {
			value := p.Default
			switch {
			case p.Required:
				value = "required"
			case len(p.Enum) > 0:
				value += " (of " + strings.Join(p.Enum, ", ") + ")"
			case value == "":
				value = "empty"
			}
			table.Add(term.Text(p.Name), term.Text(value), term.Text(p.About))
		}
		if err := table.Write(env.Out()); err != nil {
			return err
		}
	}
	fmt.Fprintln(out)
	table := term.Table{Titles: []string{"workload", "expected", "at most", "adapter", "command"}, Right: make([]bool, 5)}
	for _, w := range s.Workloads {
		expect := "-"
		if w.Expect > 0 {
			expect = suite.Short(w.Expect)
		}
		table.Add(term.Text(w.Name), term.Text(expect), term.Text(suite.Short(w.Timeout)), term.Text(cmp.Or(w.Adapter, "by its output")),
			term.Text(strings.Join(w.Cmd, " ")))
	}
	if err := table.Write(env.Out()); err != nil {
		return err
	}
	if s.Recipe != nil {
		fmt.Fprintf(out, "\nThe image is built from its %s.\n", term.Clean(s.Recipe.Containerfile))
	} else {
		fmt.Fprintf(out, "\nThe image is %s.\n", term.Clean(s.Image))
	}
	if n := len(s.Expected.Benchmarks); n > 0 {
		fmt.Fprintf(out, "A complete result has %s: %s.\n", cli.Counted(n, "benchmark", "benchmarks"),
			term.Clean(strings.Join(s.Expected.Benchmarks, ", ")))
	}
	return nil
}

type checkFlags struct {
	params   []string
	workload string
	json     bool
}

func newSuiteCheck(env *cli.Env) *cobra.Command {
	var f checkFlags
	codes := append(slices.Clone(cli.ExitsLocal), fault.ExitBenchmarkFailed, fault.ExitTimedOut, fault.ExitInterrupted)
	cmd := cli.Leaf("check NAME", "Run each workload once on this machine, and compare its result with what is expected", codes,
		func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), env, args[0]) })
	cmd.Args = cobra.ExactArgs(1)
	cmd.Long = `Run each workload of a suite once on this machine, in an empty folder and without its image, and say whether a
sweep would take the result: whether the adapter reads it, its assertions hold and the expected benchmarks are
there. Programs that the image has must be on PATH. Nothing is recorded.`
	cmd.Example = "  tacho suite check ./suites/mine\n  tacho suite check tacho-suite --param seconds=1"
	cmd.Flags().StringArrayVar(&f.params, "param", nil, "a parameter of the suite, as `NAME=VALUE`")
	cmd.Flags().StringVar(&f.workload, "workload", "", "only this one")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON")
	cmd.ValidArgsFunction = completeSuites
	return cmd
}

func (f *checkFlags) run(ctx context.Context, env *cli.Env, name string) error {
	s, err := openSuite(env, name, ".")
	if err != nil {
		return err
	}
	given, err := readParams(f.params)
	if err != nil {
		return err
	}
	values, err := s.Values(given)
	if err != nil {
		return cli.Usage("%s", fault.Message(err))
	}
	workloads, err := s.Resolve(given)
	if err != nil {
		return cli.Usage("%s", fault.Message(err))
	}
	if f.workload != "" {
		workloads = slices.DeleteFunc(workloads, func(w suite.Workload) bool { return w.Name != f.workload })
		if len(workloads) == 0 {
			return cli.Usage("suite %s has no workload %q; it has %s", s.Name, f.workload, strings.Join(workloadNames(s.Workloads), ", "))
		}
	}
	var first error
	results := []api.SuiteCheck{}
	for _, w := range workloads {
		c, err := check(ctx, env, w, s.ExpectedWith(values))
		if cli.ExitCode(err) == fault.ExitInterrupted && err != nil {
			return err
		}
		if err != nil && first == nil {
			first = err
		}
		results = append(results, c)
		if f.json {
			continue
		}
		verdict := "ok"
		if !c.OK {
			verdict = "not ok: " + c.Because
		}
		fmt.Fprintf(env.Stdout, "%s: %s, %s in %.1f s\n", term.Clean(w.Name), term.Clean(verdict),
			cli.Counted(len(c.Benchmarks), "benchmark", "benchmarks"), c.Seconds)
	}
	if f.json {
		if err := cli.PrintJSON(env.Stdout, results); err != nil {
			return err
		}
	}
	if first != nil {
		return cli.ExitWith(cli.ExitCode(first), nil)
	}
	return nil
}

// check runs a workload once. The error is why a sweep would not take its result.
func check(ctx context.Context, env *cli.Env, w suite.Workload, expected suite.Expected) (out api.SuiteCheck, err error) {
	out = api.SuiteCheck{Workload: w.Name, Benchmarks: []string{}, Missing: []string{}}
	defer func() {
		if out.OK = err == nil; err != nil {
			out.Because, _ = cli.Sentence(err)
		}
	}()
	if len(w.Cmd) == 0 {
		return out, cli.Usage("workload %s has no command; it is its image's, and is not run without it", w.Name)
	}
	dir, err := os.MkdirTemp("", "tacho-suite-")
	if err != nil {
		return out, err
	}
	defer os.RemoveAll(dir)
	environ := os.Environ()
	for _, key := range slices.Sorted(maps.Keys(w.Env)) {
		environ = append(environ, key+"="+w.Env[key])
	}
	signals, stop := env.Signals()
	defer stop()
	ended := local.Command{Argv: w.Cmd, Text: strings.Join(w.Cmd, " "), Dir: dir, Environ: environ, Stdout: io.Discard, Stderr: env.Stderr,
		Timeout: w.Timeout, Most: limits.JobOutputBytes}.Run(ctx, signals)
	out.Seconds = ended.Wall.Round(time.Millisecond).Seconds()
	output := []byte(ended.Stdout)
	if len(w.Files) > 0 {
		text, err := cli.ReadFile(env, filepath.Join(dir, filepath.FromSlash(w.Files[0])), limits.JobOutputBytes)
		if err != nil && ended.Failure == nil {
			return out, cli.Fail(fault.ExitBenchmarkFailed, "it left no %s: %v", w.Files[0], err)
		}
		output = []byte(text)
	}
	results, readable := adapter.Parse(adapter.Name(cmp.Or(w.Adapter, string(adapter.Magic))), output, adapter.Options{})
	for _, b := range results.Benchmarks {
		out.Benchmarks = append(out.Benchmarks, b.Name)
	}
	missing := expected.Check(out.Benchmarks)
	out.Missing = append(out.Missing, missing.Missing...)
	var refused *suite.Refused
	switch wrong := w.CheckOutput(output); {
	case ended.Failure != nil:
		return out, ended.Failure
	case readable != nil:
		return out, cli.Fail(fault.ExitBenchmarkFailed, "its output cannot be read: %s", fault.Message(readable))
	case errors.As(wrong, &refused):
		return out, cli.Fail(fault.ExitBenchmarkFailed, "%s", refused.Sentence)
	case len(missing.Missing) > 0 && expected.Missing != suite.Ignore:
		return out, cli.Fail(fault.ExitBenchmarkFailed, "%s", missing)
	}
	return out, nil
}

package look

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/adapter"
	"github.com/tachograph/tacho/internal/core/fault"
)

// Adapters is `tacho adapters`.
func Adapters(env *cli.Env) *cobra.Command {
	var asJSON bool
	cmd := cli.Leaf("adapters [NAME]", "List the tools whose output is read", cli.ExitsLocal, func(_ *cobra.Command, args []string) error {
		entries := adapter.Catalogue()
		if len(args) == 1 {
			name, err := adapter.ParseName(args[0])
			if err != nil {
				return cli.Usage("%s", fault.Message(err))
			}
			if name == adapter.Magic {
				return cli.Usage("magic is no tool: it recognises the others by their output")
			}
			of := adapter.ToolsOf(name)
			entries = slices.DeleteFunc(entries, func(e adapter.Entry) bool { return !slices.Contains(of, e.Name) })
		}
		if asJSON {
			return cli.PrintJSON(env.Stdout, entries)
		}
		if len(entries) == 1 {
			return describeAdapter(env.Stdout, entries[0])
		}
		table := term.Table{Titles: []string{"adapter", "reads", "example"}, Right: make([]bool, 3)}
		for _, e := range entries {
			table.Add(term.Text(string(e.Name)), term.Text(e.Tool), term.Text(e.Example))
		}
		if err := table.Write(env.Out()); err != nil {
			return err
		}
		if len(args) == 1 {
			const format = "\n--adapter %s reads each of these %d. 'tacho adapters NAME' says what one yields.\n"
			_, err := fmt.Fprintf(env.Stdout, format, args[0], len(entries))
			return err
		}
		_, err := fmt.Fprintf(env.Stdout,
			"\n%d tools. 'tacho adapters NAME' says what one yields; without --adapter, tacho run recognises the tool by its output.\n",
			len(entries))
		return err
	})
	cmd.Args = cobra.MaximumNArgs(1)
	cmd.Long = `List the tools whose output is read, what each yields and an example. A language stands for all
of its tools: c_sharp, cpp, dart, go, java, js, python, ruby, rust and shell.

The output of other programs is read by a mapping, from CSV or JSON:

  --map name=COLUMN,param=COLUMN,value=COLUMN:UNIT:DIRECTION:MEASURE

name is the benchmark (more than one: joined), param a parameter, value a metric. Unit, direction (lower, higher) and
measure may be left out. A column is a name of the header, or #3 without a header; of JSON it is a
path such as results[].seconds, where [] is each element.`
	cmd.Example = "  tacho adapters\n  tacho adapters cpp_google\n  tacho adapters rust\n  tacho adapters --json\n  tacho run --file " +
		"load.csv --map name=endpoint,value=p99:ms:lower"
	cmd.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return adapterNames(), cobra.ShellCompDirectiveNoFileComp
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func adapterNames() (names []string) {
	for _, n := range append(adapter.Names(), adapter.Languages()...) {
		names = append(names, string(n))
	}
	return names
}

func describeAdapter(out io.Writer, e adapter.Entry) error {
	rows := [][2]string{{"adapter", string(e.Name)}, {"reads", e.Tool}}
	for i, m := range e.Measures {
		label := ""
		if i == 0 {
			label = "yields"
		}
		rows = append(rows, [2]string{label, m})
	}
	samples := e.Samples
	if samples == "" {
		samples = "none: the tool prints none"
	}
	rows = append(rows, [2]string{"samples", samples})
	if e.Parameters != "" {
		rows = append(rows, [2]string{"parameters", e.Parameters})
	}
	if len(e.Averages) > 0 {
		words := make([]string, len(e.Averages))
		for i, a := range e.Averages {
			words[i] = string(a)
		}
		rows = append(rows, [2]string{"--average", strings.Join(words, ", ")})
	}
	rows = append(rows, [2]string{"example", e.Example})
	for _, r := range rows {
		if _, err := fmt.Fprintf(out, "%-10s  %s\n", r[0], r[1]); err != nil {
			return err
		}
	}
	return nil
}

package look

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/change"
	"github.com/tachograph/tacho/internal/core/unit"
)

// detectFlags are those of `tacho detect`.
type detectFlags struct {
	json, batch, sorted         bool
	minEffect, strictness, unit string
	better                      string
}

// strictnesses are the values of --strictness.
var strictnesses = map[string]change.Strictness{"normal": change.Normal, "high": change.High}

// Detect is `tacho detect`.
func Detect(env *cli.Env) *cobra.Command {
	var f detectFlags
	cmd := cli.Leaf("detect [FILE]", "Find where a series changes", cli.ExitsLocal, func(_ *cobra.Command, args []string) error {
		return f.run(env, args)
	})
	cmd.Args = cobra.MaximumNArgs(1)
	cmd.Long = `Find where the level of a series changes, with the commits, the size and the certainty of each change. Where no
change is shown, it says how small a step would have been found.

FILE is CSV with the columns value and, if there are any, commit and time; or lines of JSON with these keys; or a
number on each line. Values are oldest first. Several rows of one commit count as one value, their mean on the
logarithmic scale. - is the standard input.

--batch reads lines {"id":…,"values":[…]} from the standard input and answers each with a line.

A change is told from five values after it on; before that it is suspected. In JSON, "change_points" has the
former and "suspected" the latter.`
	cmd.Example = "  tacho detect history.csv\n  tacho detect --better lower --unit ms --min-effect 2% history.csv\n" +
		"  tacho detect --json - <history.jsonl\n  tacho detect --json --batch <all.jsonl"
	flags := cmd.Flags()
	flags.BoolVar(&f.json, "json", false, "print JSON")
	flags.BoolVar(&f.batch, "batch", false, "read a series on each line of the standard input; with --json")
	flags.BoolVar(&f.sorted, "sort", false, "put rows in the order of their times first")
	flags.StringVar(&f.minEffect, "min-effect", "0%", "smallest change that counts, as a share of the level before it")
	flags.StringVar(&f.strictness, "strictness", "normal", "normal, or high: fewer false alarms, and small steps later")
	flags.StringVar(&f.unit, "unit", "", "unit of the values, such as ns or MB/s")
	flags.StringVar(&f.better, "better", "", "lower or higher: says of each change whether it is better or worse")
	fixed := func(flag string, values ...string) {
		err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
		if err != nil {
			panic(err) // no such flag
		}
	}
	fixed("strictness", "normal", "high")
	fixed("better", "lower", "higher")
	fixed("min-effect", "1%", "2%", "5%")
	cmd.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return []string{"csv", "jsonl"}, cobra.ShellCompDirectiveFilterFileExt
	}
	return cmd
}

func (f *detectFlags) run(env *cli.Env, args []string) error {
	params, err := f.params()
	if err != nil {
		return err
	}
	switch {
	case f.batch && !f.json:
		return cli.Usage("--batch prints JSON only; add --json")
	case f.batch && len(args) > 0:
		return cli.Usage("--batch reads the standard input; use <%s instead of the argument", args[0])
	case f.batch:
		return detectBatch(env.Stdin, env.Stdout, params)
	case len(args) == 0:
		return cli.Usage("a FILE is needed, or - for the standard input")
	}
	name, in := args[0], env.Stdin
	if name == "-" {
		name = "standard input"
	} else {
		file, err := os.Open(env.Path(name))
		if err != nil {
			return cli.Usage("%s: %v", name, cli.BareFileError(err))
		}
		defer file.Close()
		in = file
	}
	s, err := readSeries(in, name, f.sorted)
	if err != nil {
		return err
	}
	found, err := change.Detect(s.values, params)
	if err != nil {
		return err
	}
	answer := detection("", s, found)
	if f.json {
		return cli.PrintJSON(env.Stdout, answer)
	}
	return f.write(env.Out(), s, answer)
}

// params are those of detection.
func (f *detectFlags) params() (p change.Params, err error) {
	share, percent := strings.CutSuffix(strings.TrimSpace(f.minEffect), "%")
	p.MinEffect, err = strconv.ParseFloat(strings.TrimSpace(share), 64)
	if err != nil || !(p.MinEffect >= 0) {
		return p, cli.Usage("--min-effect %q: write a share such as 2%% or 0.02", f.minEffect)
	}
	if percent {
		p.MinEffect /= 100
	}
	known := false
	if p.Strictness, known = strictnesses[f.strictness]; !known {
		return p, cli.Usage("--strictness %q: use normal or high", f.strictness)
	}
	if f.better != "" && f.better != "lower" && f.better != "higher" {
		return p, cli.Usage("--better %q: use lower or higher", f.better)
	}
	return p, nil
}

// detectBatch answers each line of in with one.
func detectBatch(in io.Reader, out io.Writer, params change.Params) error {
	to := bufio.NewWriter(out)
	write := json.NewEncoder(to)
	err := eachOfBatch(in, "standard input", func(id string, s fileSeries) error {
		found, err := change.Detect(s.values, params)
		if err != nil {
			return err
		}
		return write.Encode(detection(id, s, found))
	})
	if flushed := to.Flush(); err == nil {
		err = flushed
	}
	return err
}

// detection is found as it is printed.
func detection(id string, s fileSeries, found change.Result) api.Detection {
	d := api.Detection{
		ID: id, Values: found.Values, Scale: found.Scale.String(), Noise: found.Noise, Regime: found.Regime, Learning: found.Learning,
		ChangePoints: []api.DetectedChange{}, Suspected: []api.DetectedChange{}, Suspended: []api.DetectedChange{},
		Modes: []api.DetectedModes{}, Missing: append([]int{}, found.Missing...),
	}
	for _, c := range found.Changes {
		out := api.DetectedChange{
			Index: c.Index, First: c.First, Last: c.Last, Effect: c.Effect, Lower: c.Lower, Upper: c.Upper,
			Before: c.Before, After: c.After, NBefore: c.NBefore, NAfter: c.NAfter, T: c.T, P: c.P,
		}
		if s.commits != nil {
			out.Commit, out.Commits = s.commits[c.Index], &[2]string{s.commits[c.First-1], s.commits[c.Last]}
		}
		switch {
		case c.Switch:
			d.Suspended = append(d.Suspended, out)
		case !c.Settled:
			d.Suspected = append(d.Suspected, out)
		default:
			d.ChangePoints = append(d.ChangePoints, out)
		}
	}
	for _, m := range found.Modes {
		d.Modes = append(d.Modes, api.DetectedModes{
			Switches: m.Switches, Low: m.Low, High: m.High, ShareBefore: m.ShareBefore, ShareNow: m.ShareNow})
	}
	if v := found.Suspicion; v != nil {
		d.Suspicion = &api.DetectedOutside{Index: v.Index, Lower: v.Lower, Upper: v.Upper}
	}
	if found.Detectable > 0 {
		d.Detectable = &found.Detectable
	}
	return d
}

// write prints d for people.
func (f *detectFlags) write(out *term.Screen, s fileSeries, d api.Detection) error {
	t := term.Table{Titles: []string{"commits", "change", "95 % interval", "before", "after", "values", "p", ""},
		Right: []bool{false, true, false, true, true, true, true, false}}
	add := func(changes []api.DetectedChange, note string) {
		for _, c := range changes {
			word, colour := f.word(c.Effect)
			t.Add(term.Text(s.between(c)), term.Cell{Text: f.effect(d.Scale, c.Effect), Colour: colour},
				term.Text(f.effect(d.Scale, c.Lower)+" … "+f.effect(d.Scale, c.Upper)),
				term.Text(unit.Format(c.Before, f.unit)), term.Text(unit.Format(c.After, f.unit)),
				term.Text(fmt.Sprintf("%d → %d", c.NBefore, c.NAfter)), term.Text(certainty(c.P)),
				term.Text(strings.TrimPrefix(word+note, ", ")))
		}
	}
	add(d.ChangePoints, "")
	add(d.Suspended, ", may be one more switch between the modes")
	add(d.Suspected, ", suspected: fewer than 5 values follow")
	if len(t.Rows) > 0 {
		if err := t.Write(out); err != nil {
			return err
		}
	}
	for _, sentence := range f.sentences(s, d) {
		if _, err := fmt.Fprintln(out.W, term.Clean(sentence)); err != nil {
			return err
		}
	}
	return nil
}

// sentences are what is said besides the changes.
func (f *detectFlags) sentences(s fileSeries, d api.Detection) (all []string) {
	say := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	for _, m := range d.Modes {
		say("two modes, %s and %s: %d switches between %s and %s are no changes; %.0f %% → %.0f %% of values in the higher one",
			unit.Format(m.Low, f.unit), unit.Format(m.High, f.unit), len(m.Switches), s.name(m.Switches[0]),
			s.name(m.Switches[len(m.Switches)-1]), 100*m.ShareBefore, 100*m.ShareNow)
	}
	if n := len(d.Missing); n > 0 {
		say("zeros among positive values left out as failed runs: %d; first at %s", n, s.name(d.Missing[0]))
	}
	changes := len(d.ChangePoints) + len(d.Suspended) + len(d.Suspected)
	where := fmt.Sprintf("in %d values", d.Values)
	if changes > 0 {
		where = fmt.Sprintf("in the %d values from %s on", d.Values-d.Regime, s.name(d.Regime))
	}
	switch {
	case d.Values < 12:
		say("learning: %d values; changes are looked for from 12 on", d.Values)
	case d.Noise == 0:
		say("no change: all %d values are equal", d.Values)
	case d.Learning:
		say("learning: %d values in the current regime; its newest value is judged from 10 on", d.Values-d.Regime)
	case d.Detectable != nil:
		say("no %schange shown %s; could have seen a lasting step of %s (in four of five cases, 20 values after it)",
			map[bool]string{true: "other "}[changes > 0], where, strings.TrimPrefix(f.effect(d.Scale, *d.Detectable), "+"))
	}
	if v := d.Suspicion; v != nil {
		say("the newest value, %s, is outside of %s … %s: run it again before you believe it", unit.Format(s.values[v.Index], f.unit),
			unit.Format(v.Lower, f.unit), unit.Format(v.Upper, f.unit))
	}
	return all
}

// between is where a change is, as git log takes it: after one commit and up to another. Without commits it is positions.
func (s fileSeries) between(c api.DetectedChange) string {
	return s.name(c.First-1) + ".." + s.name(c.Last)
}

// name is a value's commit, or its number from 0.
func (s fileSeries) name(position int) string {
	if s.commits == nil || s.commits[position] == "" {
		return strconv.Itoa(position)
	}
	return s.commits[position]
}

// effect writes a change with its sign: a percentage, a factor where that is large, or a difference.
func (f *detectFlags) effect(scale string, e float64) string {
	switch {
	case scale == change.Raw.String() && e < 0:
		return "−" + unit.Format(-e, f.unit)
	case scale == change.Raw.String():
		return "+" + unit.Format(e, f.unit)
	case e >= 9:
		return "×" + strconv.FormatFloat(1+e, 'g', 4, 64)
	}
	sign, size := "+", 100*e
	if e < 0 {
		sign, size = "−", -size
	}
	if size < 9.95 {
		return fmt.Sprintf("%s%.2g %%", sign, size)
	}
	return fmt.Sprintf("%s%.0f %%", sign, size)
}

// word says whether a change is better or worse, if the direction was given.
func (f *detectFlags) word(effect float64) (string, term.Colour) {
	switch {
	case f.better == "":
		return "", term.Plain
	case effect > 0 == (f.better == "higher"):
		return "better", term.Good
	}
	return "worse", term.Bad
}

// certainty writes a p-value.
func certainty(p float64) string {
	if p < 1e-12 {
		return "< 1e-12"
	}
	return strconv.FormatFloat(p, 'g', 2, 64)
}

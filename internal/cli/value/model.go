package value

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli"
)

// Models are lists that belong together by position: the first test is for the first measure. "_" leaves a place empty.
type Models struct {
	Measures, Tests, Minimum, Maximum, Window, Lower, Upper []string
	reset                                                   bool
}

// Flags defines the flags.
func (t *Models) Flags(cmd *cobra.Command) {
	v := cmd.Flags()
	v.StringArrayVar(&t.Measures, "threshold-measure", nil,
		"set a threshold for this measure (repeatable; the others below go with it by position)")
	v.StringArrayVar(&t.Tests, "threshold-test", nil, "its test: percentage or t_test")
	v.StringArrayVar(&t.Minimum, "threshold-min-sample-size", nil, "values that it needs, or _")
	v.StringArrayVar(&t.Maximum, "threshold-max-sample-size", nil, "newest values that it looks at, or _")
	v.StringArrayVar(&t.Window, "threshold-window", nil, "how far it looks back: seconds, or 720h, or _")
	v.StringArrayVar(&t.Lower, "threshold-lower-boundary", nil, "lower boundary of the test, or _")
	v.StringArrayVar(&t.Upper, "threshold-upper-boundary", nil, "upper boundary of the test, or _")
	v.BoolVar(&t.reset, "thresholds-reset", false, "remove the models of all other thresholds of this branch and testbed")
}

// All builds the thresholds of a run; nil if no flag asks for any.
func (t *Models) All() (*api.ReportThresholds, error) {
	for name, list := range map[string][]string{
		"test": t.Tests, "min-sample-size": t.Minimum, "max-sample-size": t.Maximum, "window": t.Window, "lower-boundary": t.Lower,
		"upper-boundary": t.Upper,
	} {
		if len(list) > len(t.Measures) {
			return nil, cli.Usage("--threshold-%s is given %s, --threshold-measure %s; they go together by position", name, times(len(list)),
				times(len(t.Measures)))
		}
	}
	if len(t.Measures) == 0 && !t.reset {
		return nil, nil
	}
	out := &api.ReportThresholds{}
	if t.reset {
		out.Reset = &t.reset
	}
	for i, measure := range t.Measures {
		if _, twice := out.Models[measure]; twice {
			return nil, cli.Usage("--threshold-measure %s is given twice", measure)
		}
		model, err := t.One(i)
		if err != nil {
			return nil, err
		}
		if out.Models == nil {
			out.Models = map[string]api.Model{}
		}
		out.Models[measure] = model
	}
	return out, nil
}

func times(n int) string { return cli.Counted(n, "time", "times") }

// One builds the i-th model.
func (t *Models) One(i int) (m api.Model, err error) {
	if m.Test = place(t.Tests, i); m.Test == "" {
		return m, cli.Usage("--threshold-measure %s has no --threshold-test; give percentage or t_test", t.Measures[i])
	}
	for _, field := range []struct {
		flag string
		list []string
		set  func(string) error
	}{
		{"min-sample-size", t.Minimum, integer(&m.MinSampleSize)},
		{"max-sample-size", t.Maximum, integer(&m.MaxSampleSize)},
		{"window", t.Window, Window(&m.Window)},
		{"lower-boundary", t.Lower, number(&m.LowerBoundary)},
		{"upper-boundary", t.Upper, number(&m.UpperBoundary)},
	} {
		if text := place(field.list, i); text != "" {
			if err := field.set(text); err != nil {
				return m, cli.Usage("--threshold-%s %q: %v", field.flag, text, err)
			}
		}
	}
	return m, nil
}

// place is the i-th entry of a positional list, empty if it is missing or elided.
func place(list []string, i int) string {
	if i >= len(list) || list[i] == "_" {
		return ""
	}
	return list[i]
}

func integer(to **int) func(string) error {
	return func(s string) error {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return fmt.Errorf("want a whole number from 1")
		}
		*to = &n
		return nil
	}
}

func number(to **float64) func(string) error {
	return func(s string) error {
		x, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return fmt.Errorf("want a number")
		}
		*to = &x
		return nil
	}
}

// Window reads seconds, or a time as in 720h, into to.
func Window(to **int64) func(string) error {
	return func(s string) error {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			d, derr := time.ParseDuration(s)
			n, err = int64(d/time.Second), derr
		}
		if err != nil || n < 1 {
			return fmt.Errorf("want seconds, or a time like 720h")
		}
		*to = &n
		return nil
	}
}

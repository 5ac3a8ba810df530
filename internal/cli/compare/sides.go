package compare

import (
	"bytes"
	"fmt"
	"io"
	"slices"

	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/show"
	"github.com/tachograph/tacho/internal/core/adapter"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/unit"
)

// file is the output of one run of a benchmark.
type file struct {
	name    string
	results adapter.Results
}

// stdinName stands for the standard input.
const stdinName = "-"

// readSide reads the files of one side. Each is one run, so that none may be given twice.
func readSide(env *cli.Env, names []string, tool adapter.Name, opts adapter.Options) (files []file, err error) {
	if len(names) > limits.CompareFiles {
		return nil, cli.Usage("%d files on one side, the limit is %d", len(names), limits.CompareFiles)
	}
	total := 0
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return nil, cli.Usage("%s is given twice on one side: each file is one run", name)
		}
		text, err := readFile(env, name)
		if err != nil {
			return nil, cli.Usage("%s: %s", name, fault.Message(asFault(err)))
		}
		if len(bytes.TrimSpace([]byte(text))) == 0 {
			return nil, cli.Usage("%s is empty", name)
		}
		if total += len(text); total > limits.CompareBytes {
			return nil, cli.Usage("the files of one side have more than %d bytes together", limits.CompareBytes)
		}
		results, err := adapter.Parse(tool, []byte(text), opts)
		if err != nil {
			return nil, cli.Usage("%s: %s", name, fault.Message(err))
		}
		files = append(files, file{name, results})
	}
	return files, nil
}

func readFile(env *cli.Env, name string) (string, error) {
	if name != stdinName {
		return cli.ReadFile(env, name, limits.ReportBodyBytes)
	}
	text, err := io.ReadAll(io.LimitReader(env.Stdin, limits.ReportBodyBytes+1))
	if err == nil && len(text) > limits.ReportBodyBytes {
		err = fault.TooLargef("it has more than %d bytes", limits.ReportBodyBytes)
	}
	return string(text), err
}

// asFault is err as one whose sentence may be shown: those of files are.
func asFault(err error) error {
	if fault.Of(err) == fault.Internal {
		return fault.Invalidf("%v", err)
	}
	return err
}

// sameTool refuses files of two tools: their numbers are not of the same thing, even where names agree.
func sameTool(files []file) error {
	for _, f := range files[1:] {
		if first := files[0]; f.results.Adapter != first.results.Adapter {
			return cli.Usage("%s is %s output and %s is %s output: only files of one tool can be compared; if one was not recognised, "+
				"use --adapter", first.name, first.results.Adapter, f.name, f.results.Adapter)
		}
	}
	return nil
}

// pairing is what both sides have, and what one lacks.
type pairing struct {
	rows             []judge.Row
	onlyOld, onlyNew []string // benchmarks
	remarks          []string
}

type key struct{ benchmark, measure string }

// pair puts the sides together by benchmark and measure, in the order of the old files.
func pair(before, after []file) (out pairing, err error) {
	old, new := collect(before), collect(after)
	for _, s := range []*side{old, new} {
		for _, k := range s.order {
			row := judge.Row{Benchmark: k.benchmark, Measure: *s.measures[k], Old: old.runs[k], New: new.runs[k]}
			a, b := old.measures[k], new.measures[k]
			switch {
			case a != nil && b != nil && s == new: // it has its row
			case a != nil && b != nil && a.Units != b.Units:
				out.remarks = append(out.remarks, fmt.Sprintf("%s %s is in %s on the old side and in %s on the new one: not compared", k.benchmark,
					k.measure, a.Units, b.Units))
			case a != nil && b != nil:
				if a.Direction != b.Direction {
					out.remarks = append(out.remarks, fmt.Sprintf("%s %s is better %s on the old side and %s on the new one: judged as %s",
						k.benchmark, k.measure, a.Direction, b.Direction, b.Direction))
					row.Measure.Direction = b.Direction
				}
				out.rows = append(out.rows, row)
			case s == old && !new.benchmarks[k.benchmark] && !slices.Contains(out.onlyOld, k.benchmark):
				out.onlyOld = append(out.onlyOld, k.benchmark)
			case s == new && !old.benchmarks[k.benchmark] && !slices.Contains(out.onlyNew, k.benchmark):
				out.onlyNew = append(out.onlyNew, k.benchmark)
			}
		}
	}
	if len(out.rows) == 0 && len(out.remarks) == 0 {
		return out, cli.Usage("no benchmark is on both sides: the old one has %s, the new one %s", show.Some(out.onlyOld), show.Some(out.onlyNew))
	}
	return out, nil
}

// side is what the files of one side hold.
type side struct {
	order      []key
	measures   map[key]*unit.Measure
	runs       map[key]judge.Side
	benchmarks map[string]bool
}

func collect(files []file) *side {
	s := &side{measures: map[key]*unit.Measure{}, runs: map[key]judge.Side{}, benchmarks: map[string]bool{}}
	for i, f := range files {
		for _, b := range f.results.Benchmarks {
			s.benchmarks[b.Name] = true
			for _, m := range b.Metrics {
				k := key{b.Name, m.Measure.Name}
				if s.measures[k] == nil {
					s.measures[k] = m.Measure
					s.order = append(s.order, k)
				}
				s.runs[k] = append(s.runs[k], processes(i, m)...)
			}
		}
	}
	return s
}

// processes are those that a metric's samples are of: one for a file, unless the tool says that there were several.
func processes(file int, m adapter.Metric) (out judge.Side) {
	if len(m.Samples) == 0 {
		return judge.Side{{Name: fmt.Sprint(file), Values: []float64{m.Value}}}
	}
	if len(m.Processes) < 2 {
		return judge.Side{{Name: fmt.Sprint(file), Values: m.Samples}}
	}
	at := 0
	for i, n := range m.Processes {
		if n > 0 {
			out = append(out, judge.Process{Name: fmt.Sprintf("%d/%d", file, i), Values: m.Samples[at : at+n]})
		}
		at += n
	}
	return out
}

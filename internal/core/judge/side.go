package judge

import (
	"math"
	"slices"

	"github.com/tachograph/tacho/internal/core/stats"
)

// Process is one run of a program that measured a benchmark, with its values in the order in which they were measured.
type Process struct {
	Name   string // the same in all rows of a comparison for the same run: a file, a fork
	Host   string // empty: not known
	Values []float64
}

// Side is what was measured of one version.
type Side []Process

// Level is what counts as one independent measurement. Iterations of one process share its memory layout, its compiled code and its host,
// so they agree better with each other than with the next process's: a test on iterations calls identical code different in half of all
// cases (Kalibera and Jones, ISMM 2013).
type Level string

// The levels.
const (
	ByIteration Level = "iteration" // each side is one process: what is found holds for these two
	ByProcess   Level = "process"
	ByReport    Level = "report" // a process that is a report with all of its iterations
	ByHost      Level = "host"
)

// unit is one independent measurement.
type unit struct {
	name   string
	mean   float64
	values []float64
}

// levelOf is the highest level that is replicated: hosts if both sides have two at least, else processes, else iterations.
func levelOf(a, b Side) Level {
	switch {
	case a.hosts() > 1 && b.hosts() > 1:
		return ByHost
	case len(a) > 1 || len(b) > 1:
		return ByProcess
	}
	return ByIteration
}

// level is levelOf the row's finite values. A report is a unit also where there is only one: what it measured in its iterations has a day
// and a host in common.
func (r Row) level(before, after Side) Level {
	level := levelOf(before, after)
	if r.Reports && level != ByHost {
		return ByReport
	}
	return level
}

// hosts counts them; 0 when the host of a process is not known.
func (s Side) hosts() int {
	var names []string
	for _, p := range s {
		if p.Host == "" {
			return 0
		}
		if !slices.Contains(names, p.Host) {
			names = append(names, p.Host)
		}
	}
	return len(names)
}

// units are the measurements at a level; a host's mean is that of its processes' means.
func (s Side) units(level Level) (out []unit) {
	switch level {
	case ByIteration:
		for _, p := range s {
			for i := range p.Values {
				out = append(out, unit{mean: p.Values[i], values: p.Values[i : i+1]})
			}
		}
	case ByProcess, ByReport:
		for _, p := range s {
			out = append(out, unit{p.Name, stats.Mean(p.Values), p.Values})
		}
	case ByHost:
		means := map[string][]float64{}
		values := map[string][]float64{}
		var names []string
		for _, p := range s {
			if means[p.Host] == nil {
				names = append(names, p.Host)
			}
			means[p.Host] = append(means[p.Host], stats.Mean(p.Values))
			values[p.Host] = append(values[p.Host], p.Values...)
		}
		for _, name := range names {
			out = append(out, unit{name, stats.Mean(means[name]), values[name]})
		}
	}
	return out
}

// finite is the side without values that are not finite and without processes that have no other, and how many values were left out.
func (s Side) finite() (out Side, left int) {
	for _, p := range s {
		kept := p.Values
		if slices.ContainsFunc(kept, odd) {
			kept = slices.DeleteFunc(slices.Clone(kept), odd)
		}
		left += len(p.Values) - len(kept)
		if len(kept) > 0 {
			out = append(out, Process{p.Name, p.Host, kept})
		}
	}
	return out, left
}

func odd(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }

// all are the values of the side, process after process.
func (s Side) all() (out []float64) {
	if len(s) == 1 {
		return s[0].Values
	}
	for _, p := range s {
		out = append(out, p.Values...)
	}
	return out
}

func means(units []unit) []float64 {
	out := make([]float64, len(units))
	for i, u := range units {
		out[i] = u.mean
	}
	return out
}

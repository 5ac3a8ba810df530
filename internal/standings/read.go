package standings

import (
	"cmp"
	"maps"
	"slices"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/suite"
)

// Of makes the report of what a server knows of a sweep.
func Of(m api.SweepMeasurements) (*Report, error) { return Build(Read(m)) }

// Read is a sweep as a server tells it.
func Read(m api.SweepMeasurements) Sweep {
	s := Sweep{Title: m.Title, Suite: m.Suite, Measure: m.Measure, Measures: m.Measures, Unit: m.Unit, Higher: m.Higher,
		Started: m.Started, Facts: m.Facts, Notes: m.Notes}
	if m.Ended != nil {
		s.Ended = *m.Ended
	}
	if m.Expected != nil {
		s.Expected = suite.Expected{Benchmarks: m.Expected.Benchmarks, Missing: cmp.Or(suite.Missing(m.Expected.Missing), suite.Require)}
	}
	for _, t := range m.Types {
		s.Types = append(s.Types, Type{Name: t.Name, CPU: t.CPU, Price: t.Price, Wanted: t.Wanted, Skipped: t.Skipped, Suspect: t.Suspect})
	}
	for _, p := range m.Processes {
		for _, b := range slices.Sorted(maps.Keys(p.Values)) {
			s.Processes = append(s.Processes, Process{Type: p.Type, Machine: p.Machine, Workload: p.Workload, Repeat: p.Repeat,
				Place: p.Place, Benchmark: b, Value: p.Values[b]})
		}
	}
	return s
}

package sweep

import (
	"context"
	"slices"
	"strings"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/suite"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/store"
)

// checkAssertions refuses assertions that could never be held against an output. Errors are Invalid faults.
func checkAssertions(w api.SweepWorkload) error {
	if len(w.Assert) > limits.SuiteAssertions {
		return fault.Invalidf("workload %q: %d assertions, the limit is %d", w.Name, len(w.Assert), limits.SuiteAssertions)
	}
	for _, a := range w.Assert {
		path, isPath := strings.CutPrefix(a.Field, "json:")
		switch {
		case a.Field != "description" && a.Field != "output" && (!isPath || path == ""):
			return fault.Invalidf("workload %q: assert looks at description, output or json:PATH, not at %.40q", w.Name, a.Field)
		case a.Field == "description" && !suite.Describes(w.Adapter):
			return fault.Invalidf("workload %q: outputs of adapter %s have no description; assert output or json:PATH", w.Name, w.Adapter)
		case a.Contains == "" && a.NotContains == "" && a.Equals == "":
			return fault.Invalidf("workload %q: the assertion on %.40q asks for nothing; add contains, not_contains or equals", w.Name, a.Field)
		}
		for _, text := range []string{a.Field, a.Contains, a.NotContains, a.Equals} {
			if len(text) > limits.SuiteTextBytes {
				return fault.Invalidf("workload %q: a text of an assertion has %d bytes, the limit is %d", w.Name, len(text),
					limits.SuiteTextBytes)
			}
		}
	}
	return nil
}

// checkExpected refuses expectations of results that no report could fulfil. Errors are Invalid faults.
func checkExpected(e *api.SweepExpected) error {
	switch {
	case e == nil:
		return nil
	case len(e.Benchmarks) > limits.SuiteBenchmarks:
		return fault.Invalidf("expected: %d benchmarks, the limit is %d", len(e.Benchmarks), limits.SuiteBenchmarks)
	case !slices.Contains([]suite.Missing{"", suite.Require, suite.Penalise, suite.Ignore}, suite.Missing(e.Missing)):
		return fault.Invalidf("expected: missing is %.20q, want require, penalise or ignore", e.Missing)
	}
	for _, b := range e.Benchmarks {
		if b == "" || len(b) > limits.BenchmarkNameBytes {
			return fault.Invalidf("expected: a benchmark has between 1 and %d bytes", limits.BenchmarkNameBytes)
		}
	}
	return nil
}

// Reading says how the outputs of a task are read, and what they must say before anything of them is stored. A job that is no task is
// read like others.
func (s *Service) Reading(ctx context.Context, jobID string) (r job.Reading, err error) {
	var w api.SweepWorkload
	found := false
	if err := s.Store.View(ctx, func(tx *store.Tx) (err error) {
		w, found, err = workloadOf(ctx, tx, jobID)
		return err
	}); err != nil || !found {
		return r, err
	}
	if len(w.Files) > 0 {
		r.File = w.Files[0]
	}
	if len(w.Assert) > 0 {
		r.Check = coreOf(w).CheckOutput
	}
	return r, nil
}

// workloadOf is the workload that a job is a process of, if it is a task.
func workloadOf(ctx context.Context, tx *store.Tx, jobID string) (w api.SweepWorkload, found bool, err error) {
	t, found, err := taskOf(ctx, tx, jobID)
	if err != nil || !found {
		return w, false, err
	}
	of, err := ByID(ctx, tx, t.SweepID)
	if err != nil {
		return w, false, err
	}
	i := slices.IndexFunc(of.Plan.Workloads, func(w api.SweepWorkload) bool { return w.Name == t.Workload })
	if i < 0 {
		return w, false, fault.New(fault.Internal, "sweep %s has no workload %q", of.ID, t.Workload)
	}
	return of.Plan.Workloads[i], true, nil
}

// coreOf is what a workload asks of its output.
func coreOf(w api.SweepWorkload) suite.Workload {
	return suite.Workload{Name: w.Name, Adapter: w.Adapter, Files: w.Files, Assert: store.Map(w.Assert,
		func(a api.SweepAssertion) suite.Assertion {
			return suite.Assertion{Field: a.Field, Contains: a.Contains, NotContains: a.NotContains, Equals: a.Equals}
		})}
}

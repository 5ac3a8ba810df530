// Package sweep is the pure half of sweeps: one workload on many kinds of machine.
//
// A configuration (Config) names kinds of machines and what to run on them. Its matrix becomes a Plan: pools (machines that are alike:
// provider, regions, instance type, market), slots (one machine's place in a pool) and tasks (a workload and a repeat on a slot). Every
// slot has the same tasks, in a random order of its own, so that a fast machine does not do the tasks of a slow one: the machine is the
// unit of every claim. A task becomes a job with a slot; there is no second scheduler.
//
// Money is Micros, whole micro-dollars, and a machine costs at most its price until it expires, so a plan's worst case is a bound and not
// a guess. What no price is known for stops a plan unless its ceiling is named.
//
// The package has no I/O and no clock. The ledger of machines and their states, with the rule that keeps a sweep within its budget, is
// here too; package suite has suites and workloads.
package sweep

package store

import (
	"context"
	"fmt"
	"slices"
)

// The names that transactions lock. They stand in one place because their order counts: whoever needs several of one kind takes them in one
// call, which sorts them, and of several kinds in the order in which they stand here; then come the rows of Tx.ForUpdate, a job before its
// report, both before a runner. Transactions that wait for each other all the same are found by PostgreSQL after a second, and one of them
// is repeated.
const (
	NewAccounts = "accounts" // the first account, and keys that the server makes by itself
	NewProjects = "projects" // looking whether a project is there and making it
	Specs       = "specs"    // which are there, archived, and which one is the fallback
	Events      = "events"   // giving new events to their subscribers, in the order in which they were written
)

// InProject is what stands in a project: dimensions, slugs, heads, versions, series, thresholds and reports.
func InProject(id string) string { return "project " + id }

// LinesOf is what is known of a head's lines, on all testbeds, and the events that their changes make.
func LinesOf(headID string) string { return "lines of " + headID }

// ImagesOf is what a project's manifests, tags and blobs say of each other.
func ImagesOf(projectID string) string { return "images " + projectID }

// UploadsOf is how many uploads a project has open.
func UploadsOf(projectID string) string { return "uploads " + projectID }

// JobsOf is how many jobs an organization or an address has in flight.
func JobsOf(kind, id string) string { return "jobs of " + kind + " " + id }

// SweepOf are the rows of a sweep: its pools, slots and machines. Jobs are none of them.
func SweepOf(id string) string { return "sweep " + id }

// ResultsOf is what a report has of metrics that nobody sees yet, or any more.
func ResultsOf(reportSeq int64) string { return fmt.Sprintf("results of report %d", reportSeq) }

// Lock waits until no other transaction holds one of the names, and holds them until this one ends. It costs nothing where there is one
// writer. What was read before it may be out of date after it.
func (tx *Tx) Lock(ctx context.Context, names ...string) error {
	names = slices.Clone(names)
	slices.Sort(names) // in one order everywhere, or two could wait for each other
	for _, name := range slices.Compact(names) {
		if err := tx.dialect.lock(ctx, tx.q.querier, name); err != nil {
			return fmt.Errorf("wait for %s: %w", name, err)
		}
	}
	return nil
}

// ForUpdate is what stands behind a select of rows that are to be changed: others that would change them wait until this transaction ends.
// Rows that name them can be made meanwhile. of is the table's alias.
func (tx *Tx) ForUpdate(of string) string { return tx.dialect.forUpdate(of) }

// SkipLocked is ForUpdate for whoever takes any row that nobody else has in hand.
func (tx *Tx) SkipLocked(of string) string {
	if s := tx.dialect.forUpdate(of); s != "" {
		return s + " skip locked"
	}
	return ""
}

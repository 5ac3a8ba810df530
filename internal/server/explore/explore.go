// Package explore answers what people look at: reports with their results and alerts, branches, thresholds, perf lines, single metrics.
// It also makes the small edits of these things that need no more than a row.
//
// Every answer is built from a fixed number of queries, whatever the number of rows: the rows are loaded first, then everything that they
// name in bulk, then the answer is put together in memory. Nothing is cut in silence: what is over a limit is refused with the limit.
//
// It does not make reports (intake), judge (ingest) or authorize (the edges, which hand in the project that the actor may see).
package explore

import (
	"github.com/tachograph/tacho/internal/server/store"
)

// Service reads and edits. It is safe for concurrent use.
type Service struct {
	store *store.Store
}

// New returns the service over a database.
func New(s *store.Store) *Service { return &Service{store: s} }

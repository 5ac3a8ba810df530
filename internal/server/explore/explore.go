// Package explore answers what people look at: reports with their results and alerts, branches, thresholds, perf lines, single metrics.
// It also makes the small edits of these things that need no more than a row.
//
// Every answer is built from a fixed number of queries for each limits.ReadChunk rows: the rows are loaded first, then everything that they
// name in bulk. Nothing is cut in silence: what is over a limit is refused with the limit.
//
// What may hold many metrics (reports with results, lines) is written as JSON piece by piece, so that memory holds one chunk of an answer
// whatever its size. The methods that begin with Write count first, in SQL, and pass the gate for large answers with what that says; their
// results are the JSON of what the methods without Write return.
//
// It does not make reports (intake), judge (ingest) or authorize (the edges, which hand in the project that the actor may see).
package explore

import (
	"github.com/tachograph/tacho/internal/server/admit"
	"github.com/tachograph/tacho/internal/server/store"
)

// Service reads and edits. It is safe for concurrent use.
type Service struct {
	store *store.Store
	gate  *admit.Gate
}

// New returns the service over a database. Large answers pass the gate while they are written; nil: no bound.
func New(s *store.Store, gate *admit.Gate) *Service { return &Service{store: s, gate: gate} }

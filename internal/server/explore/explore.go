// Package explore answers what people look at that several nouns are joined for: reports with their results and alerts, lines, single
// metrics. It reads only; what is changed, and what one noun can answer by itself, is in the room of that noun.
//
// Every answer is built from a fixed number of queries for each limits.ReadChunk rows: the rows are loaded first, then everything that they
// name in bulk. Nothing is cut in silence: what is over a limit is refused with the limit.
//
// What may hold many metrics (reports with results, lines) is written as JSON piece by piece, so that memory holds one chunk of an answer
// whatever its size. The methods that begin with Write count first, in SQL, and pass the gate for large answers with what that says; their
// results are the JSON of what the methods without Write return.
//
// The edges call it.
package explore

import (
	"github.com/tachograph/tacho/internal/server/admit"
	"github.com/tachograph/tacho/internal/server/project"
)

// Service reads. It is safe for concurrent use.
type Service struct {
	door *project.Door
	gate *admit.Gate
}

// New returns the service behind the door of projects. Large answers pass the gate while they are written; nil: no bound.
func New(door *project.Door, gate *admit.Gate) *Service { return &Service{door: door, gate: gate} }

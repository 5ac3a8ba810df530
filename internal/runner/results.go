package runner

import (
	"io"

	"github.com/tachograph/tacho/api"
)

// results is where outputs wait until the server has them; the spool implements it.
type results interface {
	// begin makes the entry of a claim. A leftover of the same claim is replaced.
	begin(job string, epoch int64) (entry, error)
	// leftovers returns what earlier processes left, oldest first.
	leftovers() ([]leftover, error)
}

// entry is the place of one claim's outputs and result.
type entry interface {
	// create opens a new output for writing; it is part of the entry when finish names it.
	create(kind api.ArtifactKind, iteration int, path string) (io.WriteCloser, error)
	// finish writes the result durably, or replaces it; after a crash at any moment the entry has either the old or the new one.
	finish(r record) error
	// open reads a stored output.
	open(o output) (io.ReadCloser, error)
	remove() error
}

// record is a finished result.
type record struct {
	Terminal api.Message `json:"terminal"`
	Outputs  []output    `json:"outputs,omitempty"`
}

// output is one stored stream or file.
type output struct {
	Iteration int              `json:"iteration"`
	Kind      api.ArtifactKind `json:"kind"`
	Path      string           `json:"path,omitempty"`
	Size      int64            `json:"size"`
	Truncated bool             `json:"truncated,omitempty"`
}

// leftover is an entry of an earlier process. Without a record the process died while the job ran.
type leftover struct {
	job    string
	epoch  int64
	entry  entry
	record *record
}

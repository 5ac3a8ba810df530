package adapter

import (
	"slices"
)

// Entry is what an adapter's users want to know of it.
type Entry struct {
	Name       Name      `json:"name"`
	Aliases    []Name    `json:"aliases,omitempty"`
	Tool       string    `json:"tool"`
	Measures   []string  `json:"measures" doc:"with units and directions"`
	Samples    string    `json:"samples,omitempty" doc:"which raw samples are kept; absent: the tool prints none"`
	Parameters string    `json:"parameters,omitempty" doc:"what of its parameters is part of a benchmark's name"`
	Averages   []Average `json:"averages,omitempty" doc:"what --average can choose"`
	Example    string    `json:"example"`
}

// Catalogue lists the adapters in the order in which their family stands in the table.
func Catalogue() []Entry {
	out := make([]Entry, len(tools))
	for i, t := range tools {
		out[i] = Entry{t.name, slices.Clone(t.aliases), t.about, slices.Clone(t.measures), t.samples, t.parameters, slices.Clone(t.averages), t.example}
	}
	return out
}

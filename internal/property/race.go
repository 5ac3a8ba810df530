//go:build race

package property

import "flag"

// cases of a property under the race detector, which costs ten times the time and looks for something else: what runs beside what, not
// which values there are. The run without it draws all.
const cases = 20

// Few reports whether this run looks at what runs beside what: tests that walk over many cases themselves take some of them then.
const Few = true

func init() {
	if err := flag.Set("rapid.checks", "20"); err != nil { // -rapid.checks on the command line is read later, and wins
		panic(err)
	}
}

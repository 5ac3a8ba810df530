// Package suites holds the suites that tacho knows by name: a folder each, with suite.yaml and the recipe of its image. No benchmark code
// of others is in it; recipes fetch it, at a pinned commit.
//
// tacho-suite is our own: four small kernels with knobs to fail, hang, be bimodal or have an effect of a known size, for tests and demos.
package suites

import (
	"embed"
	"io/fs"
	"slices"

	"github.com/tachograph/tacho/internal/core/suite"
)

//go:embed */suite.yaml */Containerfile ruby-bench/run-suite
var files embed.FS

// Names are the suites that are built in, in order.
func Names() (out []string) {
	folders, err := fs.Glob(files, "*/"+suite.FileName)
	if err != nil {
		panic(err) // the pattern is ours
	}
	for _, f := range folders {
		out = append(out, f[:len(f)-len("/"+suite.FileName)])
	}
	slices.Sort(out)
	return out
}

// Find returns the text of a suite's file. ok is false for a name that is not built in.
func Find(name string) (text []byte, ok bool) {
	text, err := files.ReadFile(name + "/" + suite.FileName)
	return text, err == nil
}

// Recipe is the folder in which a suite's image is built. Its files are those of the suite.
func Recipe(name string) (fs.FS, error) { return fs.Sub(files, name) }

package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersionCommand(env *Env) *cobra.Command {
	var asJSON bool
	cmd := Leaf("version", "Print version and commit", ExitsLocal, func(*cobra.Command, []string) error {
		v := env.Build()
		if asJSON {
			return PrintJSON(env.Stdout, v)
		}
		_, err := fmt.Fprintf(env.Stdout, "tacho %s", v.Version)
		if v.Commit != "" {
			fmt.Fprintf(env.Stdout, " (commit %s)", v.Commit)
		}
		fmt.Fprintf(env.Stdout, " %s %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
		return err
	})
	cmd.Args = cobra.NoArgs
	cmd.Example = "  tacho version\n  tacho version --json"
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// Build is what 'tacho version --json' prints.
type Build struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
}

// Build is what the build was told, or what the go command wrote into it.
func (e *Env) Build() Build {
	v := Build{Version: e.Version, Commit: e.Commit}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if v.Version == "" {
		v.Version = info.Main.Version
	}
	dirty := ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			if e.Commit == "" {
				v.Commit = s.Value
			}
		case "vcs.modified":
			if s.Value == "true" {
				dirty = "+dirty"
			}
		}
	}
	if v.Commit != "" {
		v.Commit += dirty
	}
	return v
}

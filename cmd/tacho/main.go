// Command tacho is all of Tachograph: command line, API server, dashboard, OCI registry and runner daemon.
package main

import (
	"os"

	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/server"
	"github.com/tachograph/tacho/internal/cli/verbs"
)

// Set by the linker.
var version, commit string

func main() {
	env := cli.NewEnv(version, commit)
	env.Embedded, env.Serving, env.Host = server.Embedded(env), server.Serving(env), server.ThisHost
	os.Exit(cli.Main(os.Args[1:], env, verbs.All))
}

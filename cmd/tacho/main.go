// Command tacho is all of Tachograph: command line, API server, dashboard, OCI registry and runner daemon.
package main

import (
	"os"

	"github.com/tachograph/tacho/internal/cli"
)

// Set by the linker.
var version, commit string

func main() {
	env := cli.NewEnv(version, commit)
	env.Embedded, env.Host = cli.EmbeddedServer(env), cli.ThisHost
	os.Exit(cli.Main(os.Args[1:], env))
}

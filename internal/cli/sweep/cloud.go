package sweep

import (
	"cmp"
	"io"
	"path/filepath"
	"strings"

	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cloud/provider"
	"github.com/tachograph/tacho/internal/cloud/provider/local"
	"github.com/tachograph/tacho/internal/cloud/provider/static"
	"github.com/tachograph/tacho/internal/core/ident"
)

// fleet is the machines of an installation, as they are found by their tags alone: without its server, and without any state but what
// providers of this machine have in their folder.
type fleet struct {
	dir   string // of local and static machines
	owner string // the tag that all machines of the installation carry
}

// ownerFlag is which installation's machines are meant, on a command line: that of the server which it would talk to, which is not asked.
type ownerFlag struct {
	cli.Connection
	owner string
}

const ownerHelp = "the installation: `value` of the tag tacho:owner (default $TACHO_OWNER, else that of --host)"

// ownerOf is the tag that machines are made, looked for and removed with: that of --owner, of $TACHO_OWNER, or else that of the server that
// a command line would talk to; it is not asked. All commands have it from here: what is made under one tag is not found under another.
func ownerOf(env *cli.Env, flag string, c cli.Connection) (string, error) {
	owner := cmp.Or(flag, env.Getenv("TACHO_OWNER"))
	if owner == "" {
		address, err := c.Address(env)
		if err != nil {
			return "", err
		}
		owner = installation(address)
	}
	return owner, ident.CheckName("owner", owner, 256)
}

// fleet is the machines that a command line means.
func (f *ownerFlag) fleet(env *cli.Env) (fleet, error) {
	owner, err := ownerOf(env, f.owner, f.Connection)
	return fleet{dir: machineFolder(env), owner: owner}, err
}

// built are the providers that this program has, in the order in which they are listed.
var built = []string{"local", "static"}

// open returns a provider to list and to remove machines: what makes them has more to say (makers).
func (f fleet) open(name string) (provider.Provider, error) {
	dir := filepath.Join(f.dir, name)
	switch name {
	case "local":
		return local.New(local.Config{Dir: dir})
	case "static":
		return static.New(static.Config{Dir: dir, Out: io.Discard, Line: func(provider.Want) string { return "" }})
	}
	return nil, cli.Usage("provider %.40q: this tacho has %s", name, strings.Join(built, " and "))
}

// opened are the provider of a flag, or all.
func (f fleet) opened(flag string) (out []provider.Provider, err error) {
	names := built
	if flag != "" {
		names = []string{flag}
	}
	for _, name := range names {
		p, err := f.open(name)
		if err != nil {
			if flag == "" && name == "local" { // this system has none, so there is nothing to find
				continue
			}
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// Package account is the commands about keys: login and logout, which keep a server's key for this person, and key, which makes and revokes
// those of the server.
package account

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/cli"
	screen "github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
)

// defaultServer is where `tacho server` listens when nothing is configured.
const defaultServer = "http://127.0.0.1:6610"

// Login is `tacho login`.
func Login(env *cli.Env) *cobra.Command {
	var c cli.Connection
	var list bool
	cmd := cli.Leaf("login", "Keep a server's address and key for later commands", cli.ExitsCall, func(cmd *cobra.Command, _ []string) error {
		if list {
			return listLogins(env)
		}
		return logIn(cmd.Context(), env, &c)
	})
	cmd.Args = cobra.NoArgs
	cmd.Long = `Check a server's address and an API key with one request, and keep them for later commands.

What --host and --key-file do not say is asked for; where nobody can be asked, the key is read from stdin. The file is
tacho/logins.json in your config folder, readable for you only. Each server has its own key. The last one logged in to is the server of
commands that name none; --host chooses another, and --host local the store of this machine. TACHO_HOST and TACHO_KEY win over a login.

A server prints its administrator's key when it first starts; on its machine 'tacho server admin-key' makes another.`
	cmd.Example = "  tacho login\n  tacho login --host https://bench.example.org --key-file admin.key\n  tacho login --host " +
		"https://bench.example.org <admin.key\n  tacho login --list"
	c.Flags(cmd)
	cmd.Flags().BoolVar(&list, "list", false, "list the servers that you are logged in to")
	return cmd
}

// Logout is `tacho logout`.
func Logout(env *cli.Env) *cobra.Command {
	var host string
	var all bool
	cmd := cli.Leaf("logout", "Forget a server's key", cli.ExitsLocal, func(*cobra.Command, []string) error { return logout(env, host, all) })
	cmd.Args = cobra.NoArgs
	cmd.Long = "Forget the key that 'tacho login' keeps of a server. The key itself stays good: 'tacho key revoke' ends it."
	cmd.Example = "  tacho logout\n  tacho logout --host https://bench.example.org\n  tacho logout --all"
	cmd.Flags().StringVar(&host, "host", "", "server's address (default: the one of commands that name none)")
	cmd.Flags().BoolVar(&all, "all", false, "forget all servers")
	return cmd
}

func logIn(ctx context.Context, env *cli.Env, c *cli.Connection) error {
	if c.OnCommandLine != "" {
		return cli.Usage(cli.KeyOnCommandLine)
	}
	known, err := cli.ReadLogins(env)
	if err != nil {
		return err
	}
	in := bufio.NewReader(env.Stdin)
	address, err := askHost(env, c, in)
	if err != nil {
		return err
	}
	key, err := askKey(env, c)
	if err != nil {
		return err
	}
	if kind, ok := ident.ParseKey(key); ok && kind == ident.KeyRunner {
		return cli.Usage("this is a runner's key, which 'tacho runner up' uses; log in with a key that begins with tacho_user_ or tacho_run_")
	}
	if _, _, err := c.Dial(env, address, key).Projects(ctx, client.Page{PerPage: 1}); err != nil {
		if fault.Is(err, fault.Unauthorized) {
			text, _ := cli.Sentence(err)
			return cli.Fail(fault.ExitRefused, "%s does not take the key: %s; nothing was kept", address, text)
		}
		return err
	}
	known.Default = cli.LoginName(address)
	known.Servers[known.Default] = cli.Login{Key: key}
	if err := known.Write(env); err != nil {
		return fmt.Errorf("keep the login: %w", err)
	}
	fmt.Fprintf(env.Stdout, "logged in to %s; commands without --host use it from now on\n", screen.Clean(known.Default))
	fmt.Fprintf(env.Stderr, "tacho: the key is in %s\n", screen.Clean(cli.LoginsFile(env)))
	sayWhatWins(env, known.Default)
	return nil
}

// askHost is --host or, at a terminal, what is typed.
func askHost(env *cli.Env, c *cli.Connection, in *bufio.Reader) (string, error) {
	address := env.Setting(c.Host, "HOST")
	if address == "" {
		if !screen.IsTerminal(env.Stdin) {
			return "", cli.Usage("--host is missing: give the server's address, as in %s", defaultServer)
		}
		fmt.Fprintf(env.Stderr, "server [%s]: ", defaultServer)
		line, err := in.ReadString('\n')
		if err != nil {
			return "", cli.Usage("no address was given")
		}
		address = cmp.Or(strings.TrimSpace(line), defaultServer)
	}
	return strings.TrimRight(address, "/"), client.CheckBase(address)
}

// askKey reads the key from --key-file, from the keyboard without showing it, or from stdin.
func askKey(env *cli.Env, c *cli.Connection) (key string, err error) {
	switch {
	case c.KeyFile != "":
		if key, err = cli.ReadSmall(env, c.KeyFile); err != nil {
			return "", cli.Usage("--key-file %s: %v", c.KeyFile, err)
		}
	case screen.IsTerminal(env.Stdin):
		fmt.Fprint(env.Stderr, "API key (it is not shown): ")
		typed, err := term.ReadPassword(int(env.Stdin.(*os.File).Fd()))
		fmt.Fprintln(env.Stderr)
		if err != nil {
			return "", cli.Usage("no key was given")
		}
		key = string(typed)
	default:
		if key, err = cli.ReadAll(env.Stdin, limits.JSONBodyBytes); err != nil {
			return "", fmt.Errorf("read the key from stdin: %w", err)
		}
	}
	if key, err = cli.CheckKey(key); err == nil && key == "" {
		err = cli.Usage("the key is missing: type it, give --key-file, or put it on stdin; the server printed it when it first started, " +
			"and 'tacho server admin-key' on its machine makes another")
	}
	return key, err
}

// sayWhatWins warns of what a person who just logged in does not expect.
func sayWhatWins(env *cli.Env, address string) {
	if host := env.Setting("", "HOST"); host != "" && cli.LoginName(host) != address {
		fmt.Fprintf(env.Stderr, "tacho: TACHO_HOST (or BENCHER_HOST) is set to %s and wins over this login\n", screen.Clean(host))
	}
	if env.Lookup(cli.KeyVariables...) != "" {
		fmt.Fprintln(env.Stderr, "tacho: TACHO_KEY (or an alias of it) is set and wins over this login's key")
	}
	if u, err := url.Parse(address); err == nil && u.Scheme == "http" && !isLoopback(u.Hostname()) {
		fmt.Fprintln(env.Stderr, "tacho: the address is http, so the key travels unencrypted; use https outside of a trusted network")
	}
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func listLogins(env *cli.Env) error {
	known, err := cli.ReadLogins(env)
	if err != nil {
		return err
	}
	t := screen.Table{Titles: []string{"server", "key", "used by commands that name none"}}
	var addresses []string
	for address := range known.Servers {
		addresses = append(addresses, address)
	}
	slices.Sort(addresses)
	for _, address := range addresses {
		isDefault := ""
		if address == known.Default {
			isDefault = "yes"
		}
		t.Add(screen.Text(address), screen.Text(cmp.Or(ident.KeyHint(known.Servers[address].Key), "…")), screen.Text(isDefault))
	}
	return t.Write(env.Out())
}

func logout(env *cli.Env, host string, all bool) error {
	if all {
		if err := (cli.Logins{}).Write(env); err != nil {
			return err
		}
		_, err := fmt.Fprintln(env.Stdout, "logged out of all servers; commands without --host use the store of this machine")
		return err
	}
	known, err := cli.ReadLogins(env)
	if err != nil {
		return err
	}
	address := known.Default
	if host != "" {
		address = cli.LoginName(host)
	}
	if _, in := known.Servers[address]; !in {
		if address == "" {
			return cli.Usage("no server is the default; --host names the one to log out of, 'tacho login --list' lists them")
		}
		return cli.Usage("%s: not logged in; 'tacho login --list' lists the servers", address)
	}
	delete(known.Servers, address)
	wasDefault := known.Default == address
	if wasDefault {
		known.Default = ""
	}
	if err := known.Write(env); err != nil {
		return fmt.Errorf("forget the login: %w", err)
	}
	fmt.Fprintf(env.Stdout, "logged out of %s\n", screen.Clean(address))
	if wasDefault {
		fmt.Fprintln(env.Stderr, "tacho: commands without --host use the store of this machine from now on")
	}
	return nil
}

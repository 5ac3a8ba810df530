package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/limits"
)

const (
	hostHelp = "server's address, or local for the store of this machine (default $TACHO_HOST, then 'tacho login', then local)"
	keyHelp  = "file with the API key (default $TACHO_KEY, then 'tacho login')"

	// thisMachine is the address that means no server, also for a person who is logged in to one.
	thisMachine = "local"

	// KeyOnCommandLine is what a command says of --key and --token.
	KeyOnCommandLine = "a key on the command line can be read by every process of this machine; use 'tacho login', set TACHO_KEY or give " +
		"--key-file"
)

// KeyVariables are the variables that may hold the API key, strongest first.
var KeyVariables = []string{"TACHO_KEY", "TACHO_API_KEY", "BENCHER_API_KEY", "BENCHER_API_TOKEN"}

// Connection are the flags that say which server a command talks to.
type Connection struct {
	Host, KeyFile, OnCommandLine string
	Attempts                     int
}

// Flags defines the flags.
func (c *Connection) Flags(cmd *cobra.Command) { c.FlagsWith(cmd, "key-file") }

// FlagsWith defines the flags where --key-file has another meaning: keyFile is the name of ours.
func (c *Connection) FlagsWith(cmd *cobra.Command, keyFile string) {
	f := cmd.Flags()
	f.StringVar(&c.Host, "host", "", hostHelp)
	f.StringVar(&c.KeyFile, keyFile, "", keyHelp)
	f.IntVar(&c.Attempts, "attempts", limits.ClientTries, "tries of a request while the server cannot be reached")
	for _, name := range []string{"key", "token"} {
		f.StringVar(&c.OnCommandLine, name, "", "refused: every process of the machine can read it")
		_ = f.MarkHidden(name)
	}
}

// Session is an open connection.
type Session struct {
	*client.Client
	embedded *Embedded    // nil: a server elsewhere
	Say      func(string) // tells that a request is tried again; whoever draws on the terminal puts its own here
}

// IsLocal says whether this is the store of this machine.
func (s *Session) IsLocal() bool { return s.embedded != nil }

// Page is the address of a page of the server, empty for the store of this machine, which has none.
func (s *Session) Page(path ...string) string {
	if s.embedded != nil {
		return ""
	}
	return s.Base() + "/" + strings.Join(path, "/")
}

// Reached is the address at which machines reach the server.
func (s *Session) Reached() string {
	if s.embedded != nil {
		return s.embedded.URL
	}
	return s.Base()
}

// Close gives free what is open here.
func (s *Session) Close() error {
	if s.embedded == nil {
		return nil
	}
	return s.embedded.Close()
}

// Rest lets other commands have the store of this machine while a benchmark runs.
func (s *Session) Rest(ctx context.Context) error {
	if s.embedded == nil {
		return nil
	}
	return s.embedded.Rest(ctx)
}

// Wake goes on after rest, with another session where this one is of no use any more.
func (c *Connection) Wake(ctx context.Context, env *Env, s *Session) (*Session, error) {
	if s.embedded == nil {
		return s, nil
	}
	same, err := s.embedded.Wake(ctx)
	if err != nil {
		return nil, s.Done(fmt.Errorf("open the store of this machine: %w", err))
	}
	if same {
		return s, nil
	}
	if err := s.Done(nil); err != nil {
		return nil, err
	}
	return c.Open(ctx, env)
}

// Done closes the connection and returns err, or what went wrong in closing.
func (s *Session) Done(err error) error {
	if closing := s.Close(); err == nil && closing != nil {
		return fmt.Errorf("close the store of this machine: %w", closing)
	}
	return err
}

// Check finds what is wrong with the flags without connecting, before a benchmark runs for an hour.
func (c *Connection) Check(env *Env) error {
	if c.OnCommandLine != "" {
		return Usage(KeyOnCommandLine)
	}
	if c.Attempts < 1 {
		return Usage("--attempts %d: want 1 or more", c.Attempts)
	}
	base, err := c.Address(env)
	if err != nil {
		return err
	}
	if base != "" {
		if err := client.CheckBase(base); err != nil {
			return err
		}
		_, err := c.Key(env, base)
		return err
	}
	if env.Embedded == nil {
		return Usage("--host is missing: give the server's address, as in https://bench.example.org, set TACHO_HOST, or use 'tacho login'")
	}
	return nil
}

// Address is the server that the flag, a variable or the last login names; empty: the store of this machine.
func (c *Connection) Address(env *Env) (string, error) {
	base := env.Setting(c.Host, "HOST")
	if base == "" {
		known, err := ReadLogins(env)
		if err != nil {
			return "", err
		}
		base = known.Default
	}
	if base == thisMachine {
		return "", nil
	}
	return base, nil
}

// Open connects to --host, or opens the store of this machine.
func (c *Connection) Open(ctx context.Context, env *Env) (*Session, error) {
	if err := c.Check(env); err != nil {
		return nil, err
	}
	address, err := c.Address(env)
	if err != nil {
		return nil, err
	}
	if address != "" {
		key, err := c.Key(env, address)
		if err != nil {
			return nil, err
		}
		return c.Dial(env, address, key), nil
	}
	machine, err := env.Embedded(ctx)
	if err != nil {
		return nil, fmt.Errorf("open the store of this machine: %w", err)
	}
	srv := c.dial(env, client.Config{Base: "http://this-machine.invalid", Transport: machine.Transport})
	srv.embedded = &machine
	return srv, nil
}

// Serve is Open for a command that machines must reach. Where Open would open the store of this machine, a server of it listens on loopback
// until the session is closed.
func (c *Connection) Serve(ctx context.Context, env *Env) (*Session, error) {
	if !c.IsEmbedded(env) || env.Serving == nil {
		return c.Open(ctx, env)
	}
	if err := c.Check(env); err != nil {
		return nil, err
	}
	machine, err := env.Serving(ctx)
	if err != nil {
		return nil, fmt.Errorf("open the store of this machine: %w", err)
	}
	srv := c.dial(env, client.Config{Base: "http://this-machine.invalid", Transport: machine.Transport})
	srv.embedded = &machine
	return srv, nil
}

// Dial is a session with the server at an address, whatever flags, variables and logins say. Nothing is sent yet.
func (c *Connection) Dial(env *Env, address, key string) *Session {
	return c.dial(env, client.Config{Base: address, Key: key})
}

func (c *Connection) dial(env *Env, cfg client.Config) *Session {
	srv := &Session{Say: func(line string) { fmt.Fprintln(env.Stderr, line) }}
	cfg.UserAgent, cfg.Tries, cfg.Wait = "tacho/"+env.Build().Version, c.Attempts, env.Wait
	cfg.OnRetry = func(r client.Retry) {
		text, _ := Sentence(r.Err)
		srv.Say(fmt.Sprintf("tacho: %s; trying again in %s", text, r.Pause.Round(100*time.Millisecond)))
	}
	noticed := map[string]bool{} // of several pages of one list
	cfg.OnNotice = func(text string) {
		if !noticed[text] {
			noticed[text] = true
			srv.Say("tacho: " + term.Clean(text))
		}
	}
	srv.Client = client.New(cfg)
	return srv
}

// IsEmbedded says whether open would use the store of this machine.
func (c *Connection) IsEmbedded(env *Env) bool {
	base, err := c.Address(env)
	return err == nil && base == ""
}

// Key is the API key for a server: of --key-file, of the environment, or of the login to this server and no other.
func (c *Connection) Key(env *Env, address string) (string, error) {
	if c.KeyFile != "" {
		text, err := ReadSmall(env, c.KeyFile)
		if err != nil {
			return "", Usage("--key-file %s: %v", c.KeyFile, err)
		}
		return CheckKey(text)
	}
	if key := env.Lookup(KeyVariables...); key != "" {
		return CheckKey(key)
	}
	known, err := ReadLogins(env)
	if err != nil {
		return "", err
	}
	in, _ := known.of(address)
	return in.Key, nil
}

// CheckKey takes the white space around a key away, and refuses what no key has.
func CheckKey(key string) (string, error) {
	if key = strings.TrimSpace(key); strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return "", Usage("the API key holds a space or a character that no key has: it is one word, tacho_user_… or tacho_run_…")
	}
	return key, nil
}

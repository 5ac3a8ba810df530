package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

const (
	hostHelp = "server's address, or local for the store of this machine (default $TACHO_HOST, then 'tacho login', then local)"
	keyHelp  = "file with the API key (default $TACHO_KEY, then 'tacho login')"

	// thisMachine is the address that means no server, also for a person who is logged in to one.
	thisMachine = "local"

	keyOnCommandLine = "a key on the command line can be read by every process of this machine; use 'tacho login', set TACHO_KEY or give " +
		"--key-file"
)

// keyVariables are the variables that may hold the API key, strongest first.
var keyVariables = []string{"TACHO_KEY", "TACHO_API_KEY", "BENCHER_API_KEY", "BENCHER_API_TOKEN"}

// connection are the flags that say which server a command talks to.
type connection struct {
	host, keyFile, onCommandLine string
	attempts                     int
}

func (c *connection) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&c.host, "host", "", hostHelp)
	f.StringVar(&c.keyFile, "key-file", "", keyHelp)
	f.IntVar(&c.attempts, "attempts", limits.ClientTries, "tries of a request while the server cannot be reached")
	for _, name := range []string{"key", "token"} {
		f.StringVar(&c.onCommandLine, name, "", "refused: every process of the machine can read it")
		_ = f.MarkHidden(name)
	}
}

// session is an open connection.
type session struct {
	*client.Client
	embedded *Embedded    // nil: a server elsewhere
	say      func(string) // tells that a request is tried again; whoever draws on the terminal puts its own here
}

// page is the address of a page of the server, empty for the store of this machine, which has none.
func (s *session) page(path ...string) string {
	if s.embedded != nil {
		return ""
	}
	return s.Base() + "/" + strings.Join(path, "/")
}

// close gives free what is open here.
func (s *session) close() error {
	if s.embedded == nil {
		return nil
	}
	return s.embedded.Close()
}

// rest lets other commands have the store of this machine while a benchmark runs.
func (s *session) rest(ctx context.Context) error {
	if s.embedded == nil {
		return nil
	}
	return s.embedded.Rest(ctx)
}

// wake goes on after rest, with another session where this one is of no use any more.
func (c *connection) wake(ctx context.Context, env *Env, s *session) (*session, error) {
	if s.embedded == nil {
		return s, nil
	}
	same, err := s.embedded.Wake(ctx)
	if err != nil {
		return nil, s.done(fmt.Errorf("open the store of this machine: %w", err))
	}
	if same {
		return s, nil
	}
	if err := s.done(nil); err != nil {
		return nil, err
	}
	return c.open(ctx, env)
}

// done closes the connection and returns err, or what went wrong in closing.
func (s *session) done(err error) error {
	if closing := s.close(); err == nil && closing != nil {
		return fmt.Errorf("close the store of this machine: %w", closing)
	}
	return err
}

// check finds what is wrong with the flags without connecting, before a benchmark runs for an hour.
func (c *connection) check(env *Env) error {
	if c.onCommandLine != "" {
		return usage(keyOnCommandLine)
	}
	if c.attempts < 1 {
		return usage("--attempts %d: want 1 or more", c.attempts)
	}
	base, err := c.address(env)
	if err != nil {
		return err
	}
	if base != "" {
		if err := client.CheckBase(base); err != nil {
			return err
		}
		_, err := c.key(env, base)
		return err
	}
	if env.Embedded == nil {
		return usage("--host is missing: give the server's address, as in https://bench.example.org, set TACHO_HOST, or use 'tacho login'")
	}
	return nil
}

// address is the server that the flag, a variable or the last login names; empty: the store of this machine.
func (c *connection) address(env *Env) (string, error) {
	base := env.setting(c.host, "HOST")
	if base == "" {
		known, err := readLogins(env)
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

// open connects to --host, or opens the store of this machine.
func (c *connection) open(ctx context.Context, env *Env) (*session, error) {
	if err := c.check(env); err != nil {
		return nil, err
	}
	srv := &session{say: func(line string) { fmt.Fprintln(env.Stderr, line) }}
	cfg := client.Config{
		UserAgent: "tacho/" + env.version().Version, Tries: c.attempts, Wait: env.Wait,
		OnRetry: func(r client.Retry) {
			text, _ := sentence(r.Err)
			srv.say(fmt.Sprintf("tacho: %s; trying again in %s", text, r.Pause.Round(100*time.Millisecond)))
		},
	}
	var err error
	if cfg.Base, err = c.address(env); err != nil {
		return nil, err
	}
	if cfg.Base != "" {
		if cfg.Key, err = c.key(env, cfg.Base); err != nil {
			return nil, err
		}
		srv.Client = client.New(cfg)
		return srv, nil
	}
	machine, err := env.Embedded(ctx)
	if err != nil {
		return nil, fmt.Errorf("open the store of this machine: %w", err)
	}
	cfg.Base, cfg.Transport = "http://this-machine.invalid", machine.Transport
	srv.Client, srv.embedded = client.New(cfg), &machine
	return srv, nil
}

// isEmbedded says whether open would use the store of this machine.
func (c *connection) isEmbedded(env *Env) bool {
	base, err := c.address(env)
	return err == nil && base == ""
}

// key is the API key for a server: of --key-file, of the environment, or of the login to this server and no other.
func (c *connection) key(env *Env, address string) (string, error) {
	if c.keyFile != "" {
		text, err := readSmall(env, c.keyFile)
		if err != nil {
			return "", usage("--key-file %s: %v", c.keyFile, err)
		}
		return checkKey(text)
	}
	if key := env.lookup(keyVariables...); key != "" {
		return checkKey(key)
	}
	known, err := readLogins(env)
	if err != nil {
		return "", err
	}
	in, _ := known.of(address)
	return in.Key, nil
}

// checkKey takes the white space around a key away, and refuses what no key has.
func checkKey(key string) (string, error) {
	if key = strings.TrimSpace(key); strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return "", usage("the API key holds a space or a character that no key has: it is one word, tacho_user_… or tacho_run_…")
	}
	return key, nil
}

// path resolves a file's name against the working directory.
func (e *Env) path(name string) string {
	if e.Dir == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(e.Dir, name)
}

// readSmall reads a file of settings.
func readSmall(env *Env, name string) (string, error) {
	return readFile(env, name, limits.JSONBodyBytes)
}

// readFile reads a whole file of at most most bytes.
func readFile(env *Env, name string, most int64) (string, error) {
	f, err := os.Open(env.path(name))
	if err != nil {
		return "", bareFileError(err)
	}
	defer f.Close()
	return readAll(f, most)
}

func readAll(r io.Reader, most int64) (string, error) {
	b, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return "", bareFileError(err)
	}
	if int64(len(b)) > most {
		return "", fault.TooLargef("it has more than %d bytes", most)
	}
	return string(b), nil
}

// bareFileError takes away "open /path:", which the sentence around says already.
func bareFileError(err error) error {
	if p, ok := err.(*os.PathError); ok { //nolint:errorlint // os.Open's own error, not wrapped
		return p.Err
	}
	return err
}

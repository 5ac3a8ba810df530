package cli

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/ident"
)

// Env is everything that commands take from the process. Use NewEnv and change what differs.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	Environ        func() []string // what a benchmark command inherits
	Dir            string          // working directory; empty: the process's
	OS             string          // as runtime.GOOS
	Now            func() time.Time
	Wait           func(context.Context, time.Duration) error // pause between two tries; nil: the clock
	NewUUID        func() string                              // for idempotency keys

	// Interrupts delivers Ctrl-C and SIGTERM until stop is called; from then on they end the process.
	Interrupts func() (signals <-chan os.Signal, stop func())

	// Embedded opens the server of this machine in this process. nil: it has none, and commands need --host.
	Embedded func(ctx context.Context) (Embedded, error)

	// Host reads what this machine is, for results that are measured here; nil: not known.
	Host func(ctx context.Context) *api.HostFacts

	Version, Commit string
}

// Embedded is a server in this process, open until Close, which may be called twice. Transport calls it as the local actor. Between Rest
// and Wake other commands have its store; Wake answers false when it must be opened anew.
type Embedded struct {
	Transport http.RoundTripper
	Rest      func(context.Context) error
	Wake      func(context.Context) (bool, error)
	Close     func() error
}

// NewEnv returns the process's own environment.
func NewEnv(version, commit string) Env {
	return Env{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv, Environ: os.Environ, OS: runtime.GOOS, Now: time.Now,
		NewUUID: ident.NewUUID, Interrupts: interrupts, Version: version, Commit: commit,
	}
}

func interrupts() (<-chan os.Signal, func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	return signals, func() { signal.Stop(signals) }
}

// lookup returns the first of the variables that is not empty. Bencher's names stand behind ours.
func (e *Env) lookup(names ...string) string {
	for _, name := range names {
		if v := e.Getenv(name); v != "" {
			return v
		}
	}
	return ""
}

// setting is a flag's value, or that of the variable TACHO_<name> or BENCHER_<name>.
func (e *Env) setting(flag, name string) string {
	if flag != "" {
		return flag
	}
	return e.lookup("TACHO_"+name, "BENCHER_"+name)
}

func (e *Env) out() *term.Screen  { return term.New(e.Stdout, e.Getenv) }
func (e *Env) errs() *term.Screen { return term.New(e.Stderr, e.Getenv) }

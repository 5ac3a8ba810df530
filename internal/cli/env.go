package cli

import (
	"context"
	"errors"
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

	// Serving is Embedded for a command that machines must reach: the server of this machine listens on loopback until Close. nil: none.
	Serving func(ctx context.Context) (Embedded, error)

	// Host reads what this machine is, for results that are measured here; nil: not known.
	Host func(ctx context.Context) *api.HostFacts

	Version, Commit string
}

// Embedded is a server in this process, open until Close, which may be called twice. Transport calls it as the local actor. Between Rest
// and Wake other commands have its store; Wake answers false when it must be opened anew.
type Embedded struct {
	Transport http.RoundTripper
	URL       string // of Serving: where it listens
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
	wanted := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // a terminal that closes; nohup has it ignored
		wanted = append(wanted, syscall.SIGHUP)
	}
	signal.Notify(signals, wanted...)
	return signals, func() { signal.Stop(signals) }
}

// Lookup returns the first of the variables that is not empty. Ours come before Bencher's.
func (e *Env) Lookup(names ...string) string {
	for _, name := range names {
		if v := e.Getenv(name); v != "" {
			return v
		}
	}
	return ""
}

// Setting is a flag's value, or that of the variable TACHO_<name> or BENCHER_<name>.
func (e *Env) Setting(flag, name string) string {
	if flag != "" {
		return flag
	}
	return e.Lookup("TACHO_"+name, "BENCHER_"+name)
}

// Out is stdout, with what is known of its terminal.
func (e *Env) Out() *term.Screen { return term.New(e.Stdout, e.Getenv) }

// Errs is stderr, with what is known of its terminal.
func (e *Env) Errs() *term.Screen { return term.New(e.Stderr, e.Getenv) }

// Signals is Interrupts, or one that never comes.
func (e *Env) Signals() (<-chan os.Signal, func()) {
	if e.Interrupts == nil {
		return nil, func() {}
	}
	return e.Interrupts()
}

// ErrInterrupted ends following after Ctrl-C.
var ErrInterrupted = errors.New("interrupted")

// UntilInterrupted returns a context that ends at the first Ctrl-C. From then on nobody listens, so that a second one ends the process.
func (e *Env) UntilInterrupted(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals, stop := e.Signals()
	go func() {
		select {
		case <-ctx.Done():
		case <-signals:
			stop()
			cancel(ErrInterrupted)
		}
	}()
	return ctx, func() { stop(); cancel(nil) }
}

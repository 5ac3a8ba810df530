// Package clitest runs command lines as cmd/tacho does, in a process made up for a test: its variables, clock and input are the test's, and
// what it prints is kept.
package clitest

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/cli"
)

// Process is a process that a test looks into.
type Process struct {
	cli.Env
	OutText, ErrText bytes.Buffer // of the last command line
	Vars             map[string]string
	Commands         cli.Commands
}

// New returns a process on Linux in which commands work; TACHO_HOST and TACHO_KEY in Vars lead them to a server.
func New(commands cli.Commands) *Process {
	p := &Process{Commands: commands, Vars: map[string]string{}}
	p.Env = cli.Env{
		Stdin: strings.NewReader(""), Stdout: &p.OutText, Stderr: &p.ErrText, OS: "linux", Version: "v1.2.3", Commit: "0123456789abcdef",
		Getenv: func(name string) string { return p.Vars[name] }, Environ: func() []string { return nil },
		Now:     func() time.Time { return time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC) },
		NewUUID: func() string { return "01960000-0000-7000-8000-000000000001" },
	}
	return p
}

// Tacho runs a command line and returns its exit code.
func (p *Process) Tacho(t *testing.T, args ...string) (code int) {
	t.Helper()
	p.OutText.Reset()
	p.ErrText.Reset()
	return cli.Run(t.Context(), args, &p.Env, p.Commands)
}

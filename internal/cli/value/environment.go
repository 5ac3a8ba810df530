package value

import (
	"strings"

	"github.com/tachograph/tacho/internal/cli"
)

// Environment collects the environment of a job's command. A name without a value is passed on from our own, which Getenv reads.
type Environment struct {
	Getenv func(name string) string
	Vars   map[string]string // nil: none so far
}

// Set takes NAME=VALUE or NAME; where says which option or line has it.
func (e *Environment) Set(where, entry string) error {
	name, value, given := strings.Cut(entry, "=")
	if name = strings.TrimSpace(name); name == "" || strings.ContainsAny(name, " \t\x00") {
		return cli.Usage("%s: %q is not NAME=VALUE or NAME", where, entry)
	}
	if !given {
		if value = e.Getenv(name); value == "" {
			return cli.Usage("%s: %s is not set here; give %s=VALUE", where, name, name)
		}
	}
	if e.Vars == nil {
		e.Vars = map[string]string{}
	}
	e.Vars[name] = value
	return nil
}

// Pass takes the entries of --env, and passes on those names of --secret-env that are not set yet.
func (e *Environment) Pass(entries, secret []string) error {
	for _, entry := range entries {
		if err := e.Set("--env", entry); err != nil {
			return err
		}
	}
	for _, name := range secret {
		if _, given := e.Vars[name]; given {
			continue
		}
		if strings.Contains(name, "=") {
			return cli.Usage("--secret-env takes a name alone, so that the value is in no list of processes; set the variable, " +
				"or use --env-file")
		}
		if err := e.Set("--secret-env", name); err != nil {
			return err
		}
	}
	return nil
}

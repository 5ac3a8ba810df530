// Package sweep has the commands about sweeps and suites. Some need no server: they read a configuration, say what it comes to, and try a
// suite on this machine. The others make a sweep on a server, or on one in this process, and look after its machines: this process has
// the sweep's controller and the credentials of providers, the server has its ledger, its tasks and its results.
//
// What machines are made with and found by is an installation (cloud.go). It needs no server, so that nuke works when everything else is
// lost.
package sweep

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/strict"
	"github.com/tachograph/tacho/internal/core/suite"
	"github.com/tachograph/tacho/internal/core/sweep"
	"github.com/tachograph/tacho/suites"
)

// Command is `tacho sweep`.
func Command(env *cli.Env) *cobra.Command {
	return cli.Family("sweep", "Run one workload on many kinds of machine", newPlan(env), newRun(env), newStatus(env), newResume(env),
		newStop(env), newNuke(env), newDoctor(env), newTypes(env), newFetch(env), newReport(env), newGuard(env))
}

// Suites is `tacho suite`.
func Suites(env *cli.Env) *cobra.Command {
	return cli.Family("suite", "Look at what sweeps run, and try it here", newSuiteList(env), newSuiteShow(env), newSuiteCheck(env))
}

// readConfig reads a sweep's configuration. What is wrong with it is printed with line and caret.
func readConfig(env *cli.Env, name string) (sweep.Config, error) {
	text, err := readText(env, name, limits.SweepBytes)
	if err != nil {
		return sweep.Config{}, err
	}
	c, err := sweep.ParseConfig(text)
	return c, told(env, name, err)
}

// readText reads a file, or the standard input as -. One byte more than it may have is kept, so that its reader says so.
func readText(env *cli.Env, name string, most int64) ([]byte, error) {
	if name == "-" {
		text, err := cli.ReadAll(env.Stdin, 16*most)
		return []byte(text), err
	}
	text, err := cli.ReadFile(env, name, 16*most)
	if err != nil {
		return nil, cli.Usage("%s: %v", name, err)
	}
	return []byte(text), nil
}

// told prints mistakes of a file, and ends with the code for wrong input.
func told(env *cli.Env, name string, err error) error {
	mistakes, wrong := errors.AsType[strict.Mistakes](err)
	if !wrong {
		return err
	}
	lines := strings.Split(mistakes.Describe(name), "\n")
	for i := range lines {
		lines[i] = term.Clean(strings.ReplaceAll(lines[i], "\t", "    "))
	}
	fmt.Fprintln(env.Stderr, strings.Join(lines, "\n"))
	return cli.ExitWith(fault.ExitUsage, nil)
}

// found is a suite and where it was.
type found struct {
	suite.Suite
	source string
}

// openSuite finds a suite, and prints what is wrong with its file.
func openSuite(env *cli.Env, name, base string) (found, error) {
	s, err := findSuite(env, name, base)
	return s, told(env, s.source, err)
}

// findSuite finds a suite: a path, or a name in the folder suites beside base, or a name that is built in. Mistakes of its file come with
// its source.
func findSuite(env *cli.Env, name, base string) (found, error) {
	path := name
	isPath := strings.ContainsAny(name, `/\`) || strings.HasSuffix(name, ".yaml")
	if !isPath {
		path = filepath.Join(base, "suites", name, suite.FileName)
	} else if !strings.HasSuffix(name, ".yaml") {
		path = filepath.Join(name, suite.FileName)
	}
	text, err := cli.ReadFile(env, path, 16*limits.SuiteBytes)
	switch builtIn, known := suites.Find(name); {
	case err == nil:
		s, err := suite.Parse([]byte(text))
		return found{s, path}, err
	case isPath || !errors.Is(err, fs.ErrNotExist):
		return found{}, cli.Usage("%s: %v", path, err)
	case known && suite.IsName(name):
		s, err := suite.Parse(builtIn)
		return found{s, "built in"}, err
	}
	return found{}, cli.Usage("no suite %q; built in are %s, and others are files suites/NAME/%s or a path", name,
		strings.Join(suites.Names(), ", "),
		suite.FileName)
}

// readParams reads name=value.
func readParams(given []string) (map[string]string, error) {
	out := map[string]string{}
	for _, one := range given {
		name, value, ok := strings.Cut(one, "=")
		if !ok || name == "" {
			return nil, cli.Usage("--param %q: write NAME=VALUE", one)
		}
		if _, twice := out[name]; twice {
			return nil, cli.Usage("--param %s is given twice", name)
		}
		out[name] = value
	}
	return out, nil
}

// pairs are names and values in order, for people.
func pairs(values map[string]string) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if values[name] != "" {
			out = append(out, name+" "+values[name])
		}
	}
	return strings.Join(out, ", ")
}

// isFile says whether there is a file of this name.
func isFile(env *cli.Env, name string) bool {
	info, err := os.Stat(env.Path(name))
	return err == nil && !info.IsDir()
}

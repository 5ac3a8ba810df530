// Command mutants makes small wrong changes to the code, one at a time, and counts how many of them the tests notice.
//
// A wrong change that no test notices is a guard that nobody holds. Two sources: known.txt, the changes that once survived, each of which
// must be noticed; and a sample drawn by a seed from all places where a comparison, a condition, a constant or a statement can be changed.
// The work tree is never touched: each change goes to the compiler by an overlay. The package's own tests run first; only if they pass are
// the packages asked that import it. A change that does not compile is drawn anew. Exit code 1 if less than -least of the changes were
// noticed, or one of known.txt was not.
//
//	go run ./scripts/mutants -each 6 ./internal/server/job ./internal/core/...
//	go run ./scripts/mutants -base main~5 -each 20     # only in what was changed since
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// guarded are the packages whose rate is kept when none are named: those in which a wrong result or a lost one is made.
var guarded = []string{
	"./internal/core/...", "./internal/server/job", "./internal/server/report/...", "./internal/server/store",
	"./internal/server/registry", "./internal/runner",
}

func main() {
	each := flag.Int("each", 4, "changes drawn from each package")
	seed := flag.Uint64("seed", 1, "seed of the draw")
	least := flag.Float64("least", 0.9, "part of the changes that must be noticed")
	base := flag.String("base", "", "only lines changed since this revision")
	known := flag.String("known", "scripts/mutants/known.txt", "changes that must be noticed; empty for none of them")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ok, err := run(ctx, params{each: *each, seed: *seed, least: *least, base: *base, known: *known, patterns: flag.Args()})
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

type params struct {
	each        int
	seed        uint64
	least       float64
	base, known string
	patterns    []string
}

// outcome is what the tests made of a change.
type outcome string

const (
	noticed  outcome = "noticed"
	survived outcome = "SURVIVED"
	invalid  outcome = "does not compile"
)

func run(ctx context.Context, p params) (ok bool, err error) {
	module, err := load(ctx)
	if err != nil {
		return false, err
	}
	b := bench{module: module, dir: "", ctx: ctx}
	if b.dir, err = os.MkdirTemp("", "mutants-"); err != nil {
		return false, err
	}
	defer os.RemoveAll(b.dir)

	ok = true
	if p.known != "" {
		list, err := readKnown(p.known)
		if err != nil {
			return false, err
		}
		for _, m := range list {
			got, err := b.try(m)
			if err != nil {
				return false, err
			}
			b.say(m, got)
			ok = ok && got == noticed
		}
	}
	patterns := p.patterns
	if len(patterns) == 0 {
		patterns = guarded
	}
	chosen, err := match(ctx, patterns)
	if err != nil {
		return false, err
	}
	changed, err := changedLines(ctx, p.base)
	if err != nil {
		return false, err
	}
	var all, caught int
	for _, path := range chosen {
		pkg := module[path]
		if pkg == nil || len(pkg.GoFiles) == 0 {
			continue
		}
		places, err := find(pkg, changed)
		if err != nil {
			return false, err
		}
		draw := rand.New(rand.NewPCG(p.seed, 0))
		draw.Shuffle(len(places), func(i, j int) { places[i], places[j] = places[j], places[i] })
		tried := 0
		for _, m := range places {
			if tried == p.each {
				break
			}
			got, err := b.try(m)
			if err != nil {
				return false, err
			}
			if got == invalid {
				continue
			}
			tried++
			all++
			if got == noticed {
				caught++
			}
			b.say(m, got)
		}
	}
	if all > 0 {
		fmt.Printf("%d of %d drawn changes were noticed (%.0f %%), at least %.0f %% wanted\n",
			caught, all, 100*float64(caught)/float64(all), 100*p.least)
		ok = ok && float64(caught) >= p.least*float64(all)
	}
	return ok, nil
}

// bench tries changes by an overlay in dir.
type bench struct {
	ctx    context.Context
	module map[string]*pkg
	dir    string
}

func (b *bench) say(m mutant, got outcome) {
	fmt.Printf("%-9s %s:%d: %s\n", got, m.file, m.line, m.what)
}

// try runs the tests over the change: the package's own, then those of the packages that import it.
func (b *bench) try(m mutant) (outcome, error) {
	text, err := os.ReadFile(m.file)
	if err != nil {
		return "", err
	}
	if m.end > len(text) || string(text[m.start:m.end]) != m.from {
		return "", fmt.Errorf("%s changed while its mutants were tried", m.file)
	}
	mutated := filepath.Join(b.dir, "mutant.go")
	if err := os.WriteFile(mutated, []byte(string(text[:m.start])+m.to+string(text[m.end:])), 0o600); err != nil {
		return "", err
	}
	absolute, err := filepath.Abs(m.file)
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(b.dir, "overlay.json")
	raw, err := json.Marshal(map[string]map[string]string{"Replace": {absolute: mutated}})
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(overlay, raw, 0o600); err != nil {
		return "", err
	}
	path := m.pkg
	if b.module[path] == nil {
		return "", fmt.Errorf("%s is in no package of this module", m.file)
	}
	if out, err := b.goCommand(time.Minute*5, "build", "-overlay", overlay, path); err != nil {
		if b.ctx.Err() != nil {
			return "", b.ctx.Err()
		}
		_ = out
		return invalid, nil
	}
	for _, tests := range [][]string{{path}, b.importers(path)} {
		if len(tests) == 0 {
			continue
		}
		args := append([]string{"test", "-overlay", overlay, "-vet=off", "-failfast", "-timeout", "3m"}, tests...)
		if _, err := b.goCommand(10*time.Minute, args...); err != nil {
			if b.ctx.Err() != nil {
				return "", b.ctx.Err()
			}
			return noticed, nil
		}
	}
	return survived, nil
}

func (b *bench) goCommand(limit time.Duration, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(b.ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", args...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// importers are the packages with tests that import path, directly or not. The stories over the real binary are left out: they take
// minutes and are built from source that an overlay does not reach.
func (b *bench) importers(path string) []string {
	var out []string
	for other, p := range b.module {
		if other != path && len(p.TestGoFiles)+len(p.XTestGoFiles) > 0 && slices.Contains(p.Deps, path) &&
			!strings.HasSuffix(other, "/e2e") && !strings.Contains(other, "/bench") {
			out = append(out, other)
		}
	}
	slices.Sort(out)
	return out
}

// pkg is what go list says of a package.
type pkg struct {
	ImportPath, Dir                    string
	GoFiles, TestGoFiles, XTestGoFiles []string
	Deps, TestImports, XTestImports    []string
}

// load lists the packages of this module by import path.
func load(ctx context.Context) (map[string]*pkg, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-json=ImportPath,Dir,GoFiles,TestGoFiles,XTestGoFiles,Deps,TestImports,XTestImports",
		"./...").Output()
	if err != nil {
		return nil, listError(err)
	}
	all := map[string]*pkg{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var p pkg
		if err := dec.Decode(&p); err != nil {
			return nil, err
		}
		all[p.ImportPath] = &p
	}
	for _, p := range all { // what a test alone imports counts too
		for _, i := range slices.Concat(p.TestImports, p.XTestImports) {
			if q := all[i]; q != nil {
				p.Deps = append(append(p.Deps, i), q.Deps...)
			}
		}
	}
	return all, nil
}

func match(ctx context.Context, patterns []string) ([]string, error) {
	out, err := exec.CommandContext(ctx, "go", append([]string{"list"}, patterns...)...).Output()
	if err != nil {
		return nil, listError(err)
	}
	return strings.Fields(string(out)), nil
}

func listError(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Errorf("go list: %s", strings.TrimSpace(string(exit.Stderr)))
	}
	return err
}

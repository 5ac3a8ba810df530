// Command platforms checks that a package and all that it imports compile for other platforms, without making code for them: what a
// platform lacks shows in the types. It takes a tenth of the time that builds take of a machine that has built nothing yet.
//
//	go run ./scripts/platforms ./cmd/tacho linux/arm64 darwin/arm64 windows/amd64
package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: platforms PACKAGE GOOS/GOARCH…")
		os.Exit(2)
	}
	failed := false
	for _, platform := range os.Args[2:] {
		problems, err := check(os.Args[1], platform)
		if err != nil {
			fmt.Fprintln(os.Stderr, "platforms:", err)
			os.Exit(2)
		}
		for _, p := range problems {
			fmt.Fprintf(os.Stderr, "%s: %s\n", platform, p)
		}
		if len(problems) > 0 {
			failed = true
			continue
		}
		fmt.Println("types hold on", platform)
	}
	if failed {
		os.Exit(1)
	}
}

// check returns what does not compile of a package and its imports.
func check(pattern, platform string) ([]string, error) {
	system, arch, ok := strings.Cut(platform, "/")
	if !ok {
		return nil, fmt.Errorf("%q is no GOOS/GOARCH", platform)
	}
	roots, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports | packages.NeedDeps |
			packages.NeedTypes | packages.NeedSyntax | packages.NeedTypesSizes | packages.NeedModule,
		Env: append(os.Environ(), "GOOS="+system, "GOARCH="+arch, "CGO_ENABLED=0"),
	}, pattern)
	if err != nil {
		return nil, err
	}
	if len(roots) == 0 {
		return nil, fmt.Errorf("%s names no package", pattern)
	}
	var problems []string
	packages.Visit(roots, nil, func(p *packages.Package) {
		for _, e := range p.Errors {
			problems = append(problems, e.Error())
		}
	})
	slices.Sort(problems)
	return problems, nil
}

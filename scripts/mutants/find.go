package main

import (
	"bufio"
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// mutant is one wrong change: the bytes [start, end) of file, which are from, become to.
type mutant struct {
	pkg, file, from, to, what string
	line, start, end          int
}

// swapped is the wrong operator for each right one.
var swapped = map[token.Token]string{
	token.EQL: "!=", token.NEQ: "==", token.LSS: "<=", token.LEQ: "<", token.GTR: ">=", token.GEQ: ">",
	token.LAND: "||", token.LOR: "&&", token.ADD: "-", token.SUB: "+", token.MUL: "/", token.QUO: "*",
}

// find returns all changes of a package's files, in order of place; with changed not nil only those on these lines.
//
// Left out are changes that say nothing about the tests: what only writes logs, and `err != nil`, of which the one change is noticed by
// everything and the other needs a failing disk.
func find(p *pkg, changed map[string]map[int]bool) ([]mutant, error) {
	here, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	var out []mutant
	for _, name := range p.GoFiles {
		path, err := filepath.Rel(here, filepath.Join(p.Dir, name))
		if err != nil {
			return nil, err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(string(text), "// Code generated") {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, text, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		add := func(from, to token.Pos, with, what string) {
			start, end := set.Position(from).Offset, set.Position(to).Offset
			line := set.Position(from).Line
			if changed != nil && !changed[path][line] {
				return
			}
			out = append(out, mutant{
				pkg: p.ImportPath, file: path, line: line, start: start, end: end, from: string(text[start:end]), to: with, what: what,
			})
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Body == nil || f.Name.Name == "String" {
				continue
			}
			ast.Inspect(f.Body, func(n ast.Node) bool { return inspect(n, text, set, add) })
		}
	}
	return out, nil
}

// inspect adds the changes of one node; false leaves its inside out.
func inspect(n ast.Node, text []byte, set *token.FileSet, add func(from, to token.Pos, with, what string)) bool {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		if plumbing(n) {
			return false
		}
		if with, ok := swapped[n.Op]; ok && !isString(n.X) && !isString(n.Y) {
			add(n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), with, n.Op.String()+" becomes "+with)
		}
	case *ast.IfStmt:
		if b, ok := n.Cond.(*ast.BinaryExpr); ok && plumbing(b) {
			return true
		}
		cond := source(text, set, n.Cond)
		add(n.Cond.Pos(), n.Cond.End(), "false && ("+cond+")", "never: if "+short(cond))
		add(n.Cond.Pos(), n.Cond.End(), "true || ("+cond+")", "always: if "+short(cond))
	case *ast.ExprStmt:
		if call, ok := n.X.(*ast.CallExpr); ok && !idle(source(text, set, call.Fun)) {
			add(n.Pos(), n.End(), "", "without "+short(source(text, set, n)))
		}
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			add(n.Pos(), n.End(), "", "without "+short(source(text, set, n)))
		}
	case *ast.IncDecStmt:
		add(n.Pos(), n.End(), "", "without "+short(source(text, set, n)))
	case *ast.BasicLit:
		if n.Kind == token.INT {
			if v, err := strconv.ParseInt(n.Value, 0, 64); err == nil {
				add(n.Pos(), n.End(), strconv.FormatInt(v+1, 10), n.Value+" becomes "+strconv.FormatInt(v+1, 10))
			}
		}
	case *ast.Ident:
		switch n.Name {
		case "true":
			add(n.Pos(), n.End(), "false", "true becomes false")
		case "false":
			add(n.Pos(), n.End(), "true", "false becomes true")
		}
	case *ast.CallExpr:
		return !idle(source(text, set, n.Fun))
	}
	return true
}

func plumbing(b *ast.BinaryExpr) bool {
	x, ok := b.X.(*ast.Ident)
	y, nilled := b.Y.(*ast.Ident)
	return ok && nilled && y.Name == "nil" && strings.HasPrefix(strings.ToLower(x.Name), "err")
}

// idle reports whether a call changes nothing that a test should look at.
func idle(function string) bool {
	name := function[strings.LastIndexByte(function, '.')+1:]
	return strings.Contains(function, "Log.") || strings.Contains(function, "slog.") || strings.HasPrefix(function, "fault.") ||
		slices.Contains([]string{"Lock", "Unlock", "RLock", "RUnlock", "Helper", "panic", "Errorf", "make", "Grow"}, name)
}

func isString(e ast.Expr) bool {
	lit, ok := e.(*ast.BasicLit)
	return ok && lit.Kind == token.STRING
}

func source(text []byte, set *token.FileSet, n ast.Node) string {
	return string(text[set.Position(n.Pos()).Offset:set.Position(n.End()).Offset])
}

func short(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 90 {
		return s[:90] + "…"
	}
	return s
}

// changedLines are the lines of the work tree that were added or changed since base, by file; nil without one.
func changedLines(ctx context.Context, base string) (map[string]map[int]bool, error) {
	if base == "" {
		return nil, nil
	}
	out, err := exec.CommandContext(ctx, "git", "diff", "-U0", "--relative", base, "--", "*.go").Output()
	if err != nil {
		return nil, fmt.Errorf("git diff %s: %w", base, err)
	}
	changed := map[string]map[int]bool{}
	var lines map[int]bool
	for line := range strings.Lines(string(out)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "+++ b/"); ok {
			lines = map[int]bool{}
			changed[name] = lines
		}
		if _, after, ok := strings.Cut(line, " +"); ok && strings.HasPrefix(line, "@@") && lines != nil {
			where, _, _ := strings.Cut(after, " ")
			first, count, several := strings.Cut(where, ",")
			from, _ := strconv.Atoi(first)
			n := 1
			if several {
				n, _ = strconv.Atoi(count)
			}
			for i := range n {
				lines[from+i] = true
			}
		}
	}
	return changed, nil
}

// readKnown reads changes of four lines each: a file, what it has (once), what it becomes, and why that is wrong. Blank lines part them,
// lines that begin with # are comments, and ⏎ in a text is a line break with the white space around it.
func readKnown(path string) ([]mutant, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []mutant
	var block []string
	module, err := exec.Command("go", "list", "-m").Output()
	if err != nil {
		return nil, listError(err)
	}
	flush := func(at int) error {
		if len(block) == 0 {
			return nil
		}
		if len(block) != 4 {
			return fmt.Errorf("%s:%d: a change has four lines: file, what it has, what it becomes, why; this has %d", path, at, len(block))
		}
		text, err := os.ReadFile(block[0])
		if err != nil {
			return fmt.Errorf("%s:%d: %w", path, at, err)
		}
		if n := strings.Count(string(text), block[1]); n != 1 {
			return fmt.Errorf("%s:%d: %s has %q %d times, want once: follow the code", path, at, block[0], block[1], n)
		}
		start := strings.Index(string(text), block[1])
		out = append(out, mutant{
			pkg:  strings.TrimSpace(string(module)) + "/" + filepath.ToSlash(filepath.Dir(block[0])),
			file: block[0], from: block[1], to: block[2], what: block[3], start: start, end: start + len(block[1]),
			line: 1 + strings.Count(string(text[:start]), "\n"),
		})
		block = nil
		return nil
	}
	scan := bufio.NewScanner(f)
	at := 0
	for scan.Scan() {
		at++
		line := strings.TrimSpace(scan.Text())
		switch {
		case strings.HasPrefix(line, "#"):
		case line == "":
			if err := flush(at); err != nil {
				return nil, err
			}
		case line == "(nothing)":
			block = append(block, "")
		default:
			block = append(block, line)
		}
	}
	if err := flush(at); err != nil {
		return nil, err
	}
	return out, scan.Err()
}

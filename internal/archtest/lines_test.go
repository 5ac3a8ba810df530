package archtest

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// columns is how long a line may be, in characters: what fits beside another on a wide screen.
const columns = 140

// stillLong are folders whose lines are not wrapped yet. A folder leaves the list with its last long line, and none is added.
var stillLong = []string{"internal/core/adapter", "internal/runner"}

func TestLinesFitOnAScreen(t *testing.T) {
	t.Parallel()
	left := map[string]int{}
	for _, name := range goFiles(t) {
		text, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range longLines(t, name, text) {
			folder := ""
			for _, f := range stillLong {
				if under(path.Dir(name), f) {
					folder = f
				}
			}
			if left[folder]++; folder == "" {
				t.Errorf("%s:%d has more than %d columns", name, line, columns)
			}
		}
	}
	for _, f := range stillLong {
		if left[f] == 0 {
			t.Errorf("%s has no long lines any more: take it out of stillLong", f)
		}
	}
}

func TestOnlyTagsAreExcusedFromTheLengthOfLines(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a ", columns)
	for want, text := range map[int]string{
		1: "// " + long, 2: "\nvar s = `" + long + "`", 3: "\n\nvar s = \"" + long + "\"", 0: "\ntype t struct {\n\ta string `doc:\"" + long +
			"\"`\n}",
	} {
		got := 0
		for _, line := range longLines(t, "x.go", []byte("package x; "+text+"\n")) {
			got = line
		}
		if got != want {
			t.Errorf("long at line %d, want %d (0: nowhere): %.40s", got, want, text)
		}
	}
}

// goFiles are the tree's own files; what tests read as data is not ours to wrap.
func goFiles(t *testing.T) (files []string) {
	t.Helper()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		name := d.Name()
		switch {
		case err != nil:
			return err
		case d.IsDir() && file != root && (name == "testdata" || strings.HasPrefix(name, ".")):
			return fs.SkipDir
		case !d.IsDir() && filepath.Ext(name) == ".go":
			relative, err := filepath.Rel(root, file)
			files = append(files, filepath.ToSlash(relative))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 300 {
		t.Fatalf("only %d files", len(files))
	}
	return files
}

// longLines are the numbers of the lines that are too long, but for those on which a struct tag ends: a tag cannot be broken.
func longLines(t *testing.T, name string, text []byte) (numbers []int) {
	t.Helper()
	number := 0
	var tagged map[int]bool // read when it is needed
	for line := range bytes.Lines(text) {
		number++
		if utf8.RuneCount(bytes.TrimRight(line, "\n")) <= columns {
			continue
		}
		if tagged == nil {
			tagged = tagLines(t, name, text)
		}
		if !tagged[number] {
			numbers = append(numbers, number)
		}
	}
	return numbers
}

func tagLines(t *testing.T, name string, text []byte) map[int]bool {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, text, 0)
	if err != nil {
		t.Fatal(err)
	}
	lines := map[int]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if field, ok := n.(*ast.Field); ok && field.Tag != nil {
			lines[set.Position(field.Tag.Pos()).Line] = true
		}
		return true
	})
	return lines
}

package adapter

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEachAdapterDescribesItself(t *testing.T) {
	t.Parallel()
	seen := map[Name]bool{}
	for _, e := range Catalogue() {
		if e.Tool == "" || e.Example == "" || len(e.Measures) == 0 || !strings.Contains(e.Example, "tacho run") {
			t.Errorf("adapter %s does not describe itself: %+v", e.Name, e)
		}
		for _, n := range append([]Name{e.Name}, e.Aliases...) {
			if seen[n] {
				t.Errorf("two adapters are called %s", n)
			}
			seen[n] = true
			if got, err := ParseName(string(n)); err != nil || got != e.Name {
				t.Errorf("ParseName(%q) = %q, %v", n, got, err)
			}
		}
	}
	// The names that clients of Bencher use.
	for n := range strings.FieldsSeq(`json rust_bench rust_criterion rust_iai rust_gungraun rust_iai_callgrind cpp_google cpp_catch2 go_bench java_jmh c_sharp_dot_net js_benchmark js_time js_vitest python_asv python_pytest
		ruby_benchmark shell_hyperfine dart_benchmark_harness`) {
		if !seen[Name(n)] {
			t.Errorf("there is no adapter %s", n)
		}
	}
}

// The parts of docs/adapters.md that are made from the table and from the comments of the tools' files.
const (
	docFile      = "../../../docs/adapters.md"
	tableBegin   = "<!-- table -->\n"
	tableEnd     = "<!-- end of table -->\n"
	differsBegin = "<!-- differences -->\n"
	differsEnd   = "<!-- end of differences -->\n"
)

// TestTheDocumentIsInTheTree compares docs/adapters.md with the table; -update rewrites it.
func TestTheDocumentIsInTheTree(t *testing.T) {
	t.Parallel()
	was := string(readFile(t, docFile))
	now := between(t, between(t, was, tableBegin, tableEnd, documentedTable()), differsBegin, differsEnd, documentedDifferences(t))
	if *update && now != was {
		if err := os.WriteFile(docFile, []byte(now), 0o644); err != nil {
			t.Fatal(err)
		}
		was = now
	}
	if diff := cmp.Diff(was, now); diff != "" {
		t.Errorf("%s is not what the code says; go test ./internal/core/adapter -update rewrites it:\n%.2000s", docFile, diff)
	}
}

// between puts text between two marks.
func between(t *testing.T, doc, begin, end, text string) string {
	t.Helper()
	before, rest, ok := strings.Cut(doc, begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no %q or %q", docFile, begin, end)
	}
	return before + begin + text + end + after
}

func documentedTable() string {
	var b strings.Builder
	b.WriteString("\n| adapter | reads | measures (unit, better) | samples | parameters | `--average` |\n|---|---|---|---|---|---|\n")
	cell := func(s string) string { return strings.ReplaceAll(strings.ReplaceAll(s, "|", "\\|"), "<", "&lt;") }
	for _, e := range Catalogue() {
		names := "`" + string(e.Name) + "`"
		for _, a := range e.Aliases {
			names += ", `" + string(a) + "`"
		}
		averages := make([]string, len(e.Averages))
		for i, a := range e.Averages {
			averages[i] = string(a)
		}
		samples, parameters := e.Samples, e.Parameters
		if samples == "" {
			samples = "–"
		}
		if parameters == "" {
			parameters = "–"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", names, cell(e.Tool), cell(strings.Join(e.Measures, "; ")), cell(samples), cell(parameters), strings.Join(averages, ", "))
	}
	b.WriteString("\n")
	return b.String()
}

var unlike = regexp.MustCompile(`(?s)Unlike Bencher, (.*?)\.\n`)

// documentedDifferences are the sentences about Bencher in the tools' files.
func documentedDifferences(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	var b strings.Builder
	b.WriteString("\n")
	named := regexp.MustCompile(`name:\s+"?([A-Za-z0-9_]+)"?,`)
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		source := string(readFile(t, f))
		for _, m := range unlike.FindAllStringSubmatch(source, -1) {
			name := "?"
			if n := named.FindStringSubmatch(source); n != nil {
				name = map[string]string{"JSON": "json", "GoBench": "go_bench", "Hyperfine": "shell_hyperfine"}[n[1]]
				if name == "" {
					name = n[1]
				}
			}
			fmt.Fprintf(&b, "- `%s`: %s.\n", name, strings.Join(strings.Fields(strings.ReplaceAll(m[1], "//", " ")), " "))
		}
	}
	b.WriteString("\n")
	return b.String()
}

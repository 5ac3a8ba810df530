package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/tachograph/tacho/"

type pkg struct {
	ImportPath string
	Dir        string
	Doc        string
	GoFiles    []string
	Imports    []string
}

// name is the import path inside the module: "internal/core/job".
func (p pkg) name() string { return strings.TrimPrefix(p.ImportPath, module) }

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Dir,Doc,GoFiles,Imports", "./...")
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), "GOOS=linux", "CGO_ENABLED=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	var pkgs []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
	if len(pkgs) < 10 {
		t.Fatalf("go list found only %d packages", len(pkgs))
	}
	return pkgs
}

func under(name string, roots ...string) bool {
	return slices.ContainsFunc(roots, func(root string) bool { return name == root || strings.HasPrefix(name, root+"/") })
}

// Rooms of the house. A package that is in none of them may import what it likes of the rooms below cmd, and nobody checks it, so there
// should be few.
var (
	core = []string{"internal/core"}
	// nouns are the rooms of the server, each with its rows, its SQL and what is asked of them, in the order in which they stand: one may
	// import those before it.
	nouns = []string{"internal/server/notify", "internal/server/fleet", "internal/server/account", "internal/server/project",
		"internal/server/series", "internal/server/threshold", "internal/server/plot", "internal/server/image",
		"internal/server/job", "internal/server/report"}
	services = []string{"internal/server/explore"}
	edges    = []string{"internal/server/httpapi", "internal/server/hub", "internal/server/registry", "internal/server/web"}
)

// rules say what a room may not import and why. from and to are package roots inside the module, or library paths.
var rules = []struct {
	from []string
	not  []string
	why  string
}{
	{[]string{"api"}, []string{"internal", "client", "cmd", "net/http", "os", "context"}, "wire types know nothing of us"},
	{core, []string{
		"internal/server", "internal/runner", "internal/cli", "internal/config", "client", "cmd",
		"net", "net/http", "os", "os/exec", "context", "log", "log/slog", "database/sql",
	}, "the core is pure: no I/O, no context, no logging"},
	{nouns, []string{"net/http", "github.com/spf13/cobra", "github.com/danielgtaylor/huma/v2", "internal/cli", "internal/runner"},
		"a noun's room is rows and use cases: HTTP stands at the edges"},
	{services, []string{"net/http", "github.com/spf13/cobra", "github.com/danielgtaylor/huma/v2", "internal/cli", "internal/runner"},
		"a service is a use case: HTTP and SQL stand at the edges"},
	{[]string{"internal/server/report/results"}, []string{"internal/server"}, "results are read without the database"},
	{[]string{"internal/server/store"}, []string{"net/http", "internal/server/blob", "internal/cli", "internal/runner"},
		"the store is the database and nothing else"},
	{[]string{"internal/server"}, []string{"internal/runner", "internal/cli"}, "the server runs without a runner and without a terminal"},
	{[]string{"internal/runner"}, []string{"internal/server", "internal/cli"},
		"a runner is another machine: it knows the protocol, not the server"},
	{[]string{"internal/publicnet"}, []string{"internal/server", "internal/runner", "internal/cli", "client"},
		"server and runner meet in it, so it knows neither"},
	{[]string{"client"}, []string{"internal/server", "internal/runner", "internal/cli"}, "the client knows the wire only"},
	{[]string{"internal/cli"}, []string{"internal/server/store", "database/sql"}, "the CLI goes through the API, in-process or not"},
}

func TestImportsPointInward(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, rule := range rules {
			if !under(p.name(), rule.from...) {
				continue
			}
			for _, imp := range p.Imports {
				if under(strings.TrimPrefix(imp, module), rule.not...) && !under(strings.TrimPrefix(imp, module), rule.from...) {
					t.Errorf("%s imports %s: %s", p.name(), imp, rule.why)
				}
			}
		}
		for _, edge := range edges {
			if !under(p.name(), edge) {
				continue
			}
			for _, imp := range p.Imports {
				if other := strings.TrimPrefix(imp, module); under(other, edges...) && !under(other, edge) {
					t.Errorf("%s imports %s: edges don't know each other", p.name(), imp)
				}
			}
		}
	}
}

// TestNounsStandInOrder keeps cycles of meaning out: what is below is not told of what is above it.
func TestNounsStandInOrder(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		own := slices.Index(nouns, p.name())
		if own < 0 {
			continue
		}
		for _, imp := range p.Imports {
			name := strings.TrimPrefix(imp, module)
			if other := slices.Index(nouns, name); other > own {
				t.Errorf("%s imports %s, which stands above it", p.name(), name)
			}
			if under(name, services...) || under(name, edges...) {
				t.Errorf("%s imports %s: a room is told by events, not by who uses it", p.name(), name)
			}
		}
	}
}

// TestStatementsStandInTheRoomOfTheirNoun looks at the text: SQL is run by the store and by the rooms of nouns, beside the scan that reads
// it.
func TestStatementsStandInTheRoomOfTheirNoun(t *testing.T) {
	t.Parallel()
	runs := regexp.MustCompile(`\b[a-zA-Z]*[tT]x\.(Exec|Query|QueryRow|Prepare)\(`)
	found := 0
	for _, p := range packages(t) {
		for _, file := range p.GoFiles {
			text, err := os.ReadFile(filepath.Join(p.Dir, file))
			if err != nil {
				t.Fatal(err)
			}
			if !runs.Match(text) {
				continue
			}
			found++
			if !slices.Contains(nouns, p.name()) && !under(p.name(), "internal/server/store", "internal/server/explore") {
				t.Errorf("%s/%s runs SQL: the statement belongs to the room of its noun", p.name(), file)
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d files run SQL: the pattern has grown old", found)
	}
}

// TestExploreOnlyReads looks at the text: a use case that changes something is its noun's.
func TestExploreOnlyReads(t *testing.T) {
	t.Parallel()
	writes := regexp.MustCompile(`\b(Exec|Change|GoOn|Lock|ForUpdate|Tx)\(`)
	for _, p := range packages(t) {
		if !under(p.name(), "internal/server/explore") {
			continue
		}
		for _, file := range p.GoFiles {
			text, err := os.ReadFile(filepath.Join(p.Dir, file))
			if err != nil {
				t.Fatal(err)
			}
			if found := writes.Find(text); found != nil {
				t.Errorf("%s/%s calls %s): a change belongs to the room of its noun", p.name(), file, found)
			}
		}
	}
}

// owners lists, for each heavy library, the only packages that may import it. Adding one here is a decision; say why in the commit.
var owners = map[string][]string{
	"modernc.org/sqlite":                     {"internal/server/store", "internal/server/store/powercut"},
	"modernc.org/libc":                       {"internal/server/store/powercut"},
	"github.com/pressly/goose":               {"internal/server/store"},
	"github.com/jackc/pgx":                   {"internal/server/store"},
	"github.com/danielgtaylor/huma":          {"internal/server/httpapi"},
	"github.com/coder/websocket":             {"internal/server/hub", "internal/runner"},
	"github.com/spf13/cobra":                 {"internal/cli", "internal/cli/..."},
	"github.com/goccy/go-yaml":               {"internal/config"},
	"github.com/prometheus/client_golang":    {"internal/server/metrics"},
	"github.com/google/go-containerregistry": {"internal/runner/image", "internal/imagepack"},
	"github.com/opencontainers/runtime-spec": {"internal/runner/isolate/ocirun"},
	"gonum.org/v1/gonum":                     {"internal/core/stats"},
	"github.com/google/uuid":                 {"internal/core/ident"},
	"golang.org/x/perf":                      {"internal/core/adapter"},
	"github.com/klauspost/compress":          {"internal/server/chain"},
}

// belongs says whether a package is in a list, in which "x/..." stands for all below x.
func belongs(name string, list []string) bool {
	return slices.ContainsFunc(list, func(one string) bool {
		root, below := strings.CutSuffix(one, "/...")
		return name == one || below && strings.HasPrefix(name, root+"/")
	})
}

func TestEachHeavyLibraryHasItsOwner(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, imp := range p.Imports {
			if strings.HasPrefix(imp, module) || !strings.Contains(strings.Split(imp, "/")[0], ".") {
				continue
			}
			for lib, allowed := range owners {
				if under(imp, lib) && !belongs(p.name(), allowed) {
					t.Errorf("%s imports %s, which belongs to %s", p.name(), imp, strings.Join(allowed, ", "))
				}
			}
		}
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if p.Doc == "" && len(p.GoFiles) > 0 {
			t.Errorf("%s has no package comment", p.name())
		}
	}
}

func TestNoPackageIsABucket(t *testing.T) {
	t.Parallel()
	bucket := regexp.MustCompile(`(^|/)(util|utils|common|helper|helpers|misc|shared|base|models|types)$`)
	for _, p := range packages(t) {
		if bucket.MatchString(p.name()) {
			t.Errorf("%s is named after nothing", p.name())
		}
	}
}

// TestCoreReadsNoClock looks at the text: time is an argument in the core.
func TestCoreReadsNoClock(t *testing.T) {
	t.Parallel()
	clock := regexp.MustCompile(`\btime\.(Now|Since|Until|Sleep|After|NewTimer|NewTicker|Tick)\(|` +
		`\brand\.(Int|Intn|IntN|Float64|Perm|Shuffle|Uint64)\(`)
	for _, p := range packages(t) {
		if !under(p.name(), core...) {
			continue
		}
		for _, file := range p.GoFiles {
			text, err := os.ReadFile(filepath.Join(p.Dir, file))
			if err != nil {
				t.Fatal(err)
			}
			if found := clock.Find(text); found != nil {
				t.Errorf("%s/%s calls %s): pass the time or the source of randomness in", p.name(), file, found)
			}
		}
	}
}

// TestPropertiesAreNotThinned looks at the text of tests: -short draws a fifth of rapid's cases unless internal/property asks for all.
func TestPropertiesAreNotThinned(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		tests, err := filepath.Glob(filepath.Join(p.Dir, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range tests {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if p.name() != "internal/archtest" && bytes.Contains(text, []byte("rapid.Check(")) {
				t.Errorf("%s calls rapid.Check: call property.Check, which draws all cases also under -short", file)
			}
		}
	}
}

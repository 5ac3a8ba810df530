package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
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

// Kinds of rooms.
var (
	core = []string{"internal/core"}
	// nouns are the rooms of the server, each with its rows, its SQL and what is asked of them, in the order in which they stand: one may
	// import those before it.
	nouns = []string{"internal/server/notify", "internal/server/fleet", "internal/server/account", "internal/server/project",
		"internal/server/series", "internal/server/threshold", "internal/server/plot", "internal/server/image",
		"internal/server/job", "internal/server/report", "internal/server/policy", "internal/server/event",
		"internal/server/sweep"}
	services = []string{"internal/server/explore"}
)

// rules say which parts of the standard library a room does without, and why. What it may import of ours is in the table.
var rules = []struct {
	from []string
	not  []string
	why  string
}{
	{[]string{"api"}, []string{"net/http", "os", "context"}, "wire types are values"},
	{core, []string{"net", "net/http", "os", "os/exec", "context", "log", "log/slog", "database/sql"},
		"the core is pure: no I/O, no context, no logging"},
	{nouns, []string{"net/http"}, "a noun's room is rows and use cases: HTTP stands at the edges"},
	{services, []string{"net/http"}, "a service is a use case: HTTP stands at the edges"},
	{[]string{"internal/server/store", "internal/server/upkeep"}, []string{"net/http"}, "HTTP stands at the edges"},
	{[]string{"internal/cli", "client"}, []string{"database/sql"}, "the command line goes through the API, in this process or not"},
}

// stricttest is in the core's folder and of its tests alone: it reads golden files.
const stricttest = "internal/core/strict/stricttest"

func TestRoomsDoWithoutWhatIsNotTheirs(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if slices.Contains(p.Imports, module+stricttest) {
			t.Errorf("%s imports %s, which is for tests", p.name(), stricttest)
		}
		for _, rule := range rules {
			if p.name() == stricttest || !under(p.name(), rule.from...) {
				continue
			}
			for _, imp := range p.Imports {
				if under(imp, rule.not...) {
					t.Errorf("%s imports %s: %s", p.name(), imp, rule.why)
				}
			}
		}
	}
}

// TestStatementsStandInTheRoomOfTheirNoun looks at the text: SQL is run by the store and by the rooms of nouns, beside the scan that reads
// it, or by a room below one of these.
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
			if !under(p.name(), nouns...) && !under(p.name(), "internal/server/store", "internal/server/explore") {
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

// owners lists, for each library, the only packages that may import it, but for tests. Adding one here is a decision; say why in the
// commit.
var owners = map[string][]string{
	"modernc.org/sqlite":                     {"internal/server/store", "internal/server/store/powercut"},
	"modernc.org/libc":                       {"internal/server/store/powercut"},
	"github.com/pressly/goose":               {"internal/server/store"},
	"github.com/jackc/pgx":                   {"internal/server/store"},
	"github.com/danielgtaylor/huma":          {"internal/server/httpapi"},
	"github.com/coder/websocket":             {"internal/server/hub", "internal/runner"},
	"github.com/spf13/cobra":                 {"internal/cli/..."},
	"github.com/goccy/go-yaml":               {"internal/config", "internal/core/strict"},
	"github.com/prometheus/client_golang":    {"internal/server/metrics"},
	"github.com/google/go-containerregistry": {"internal/runner/image", "internal/imagepack"},
	"github.com/opencontainers/runtime-spec": {"internal/runner/isolate/ocirun"},
	"gonum.org/v1/gonum":                     {"internal/core/stats"},
	"github.com/google/uuid":                 {"internal/core/ident"},
	"golang.org/x/perf":                      {"internal/core/adapter"},
	"github.com/klauspost/compress":          {"internal/server/chain"},
	"github.com/spf13/pflag":                 {"internal/cli/..."},
	"github.com/google/go-cmp": {"internal/runner/isolate/isolatetest", "internal/server/blob/blobtest",
		"internal/server/store/storetest", stricttest},
	"golang.org/x/mod":   {"internal/server/store"},
	"golang.org/x/tools": {"scripts/platforms"},
	"golang.org/x/sys":   {"internal/runner/...", "internal/server/filelock", "internal/server/store"},
	"golang.org/x/term":  {"internal/cli/..."},
	"pgregory.net/rapid": {"internal/property"},
}

// belongs says whether a package is in a list, in which "x/..." stands for x and all below it.
func belongs(name string, list []string) bool {
	return slices.ContainsFunc(list, func(one string) bool {
		root, below := strings.CutSuffix(one, "/...")
		return name == root || below && under(name, root)
	})
}

func TestEachLibraryHasItsOwner(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, imp := range p.Imports {
			if strings.HasPrefix(imp, module) || !strings.Contains(strings.Split(imp, "/")[0], ".") {
				continue
			}
			owned := false
			for lib, allowed := range owners {
				owned = owned || under(imp, lib)
				if under(imp, lib) && !belongs(p.name(), allowed) {
					t.Errorf("%s imports %s, which belongs to %s", p.name(), imp, strings.Join(allowed, ", "))
				}
			}
			if !owned {
				t.Errorf("%s imports %s, which has no owner yet", p.name(), imp)
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

// TestEachRoomOfTheServerSaysWhoCallsIt looks at the text: who reads a room knows from its package comment for whom it is.
func TestEachRoomOfTheServerSaysWhoCallsIt(t *testing.T) {
	t.Parallel()
	calls := regexp.MustCompile(`(?i)\b(who calls it|calls? (it|them)|called by|may call|mounts it|mounts a Registry|edges call)\b`)
	found := 0
	for _, p := range packages(t) {
		if !under(p.name(), "internal/server") || p.name() == "internal/server" || under(p.name(), "internal/server/store") ||
			strings.HasSuffix(p.name(), "test") || strings.HasSuffix(p.name(), "migration") {
			continue
		}
		found++
		if doc := packageComment(t, p); !calls.MatchString(strings.ReplaceAll(doc, "\n", " ")) {
			t.Errorf("the package comment of %s does not say who may call it", p.name())
		}
	}
	if found < 20 {
		t.Errorf("only %d rooms: the test has grown old", found)
	}
}

// packageComment is the whole comment over a package's name.
func packageComment(t *testing.T, p pkg) string {
	t.Helper()
	var out strings.Builder
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString(file.Doc.Text())
	}
	return out.String()
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

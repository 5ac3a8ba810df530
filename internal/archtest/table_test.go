package archtest

import (
	"slices"
	"strings"
	"testing"
)

// row says what the packages of a room may import of this module. A name ends in "/..." where everything below it is meant too.
type row struct {
	room string
	may  []string
}

const allCore = "internal/core/..."

// table is the rooms of ARCHITECTURE.md: what a row does not name may not be imported, and a package that is in no row is a room that the
// map lacks. Of the rows that name a package the most exact one holds. Adding to a row is a decision: say why in the commit.
var table = slices.Concat([]row{
	{"api", nil},
	{"client", []string{"api", "internal/core/fault", "internal/core/limits"}},
	{"cmd/tacho", []string{"internal/cli", "internal/cli/server", "internal/cli/verbs"}},

	// The core: from each other downwards. Wire types are for what is the table of a wire type's states, and for the protocol.
	{allCore, []string{allCore}},
	{"internal/core/adapter/read", []string{"internal/core/fault", "internal/core/limits"}}, // it knows no tool and no unit
	{"internal/core/channel", []string{allCore, "api"}},
	{"internal/core/judge/wire", []string{allCore, "api"}},
	{"internal/core/job", []string{allCore, "api"}},
	{"internal/core/measurement", []string{allCore, "api"}},
	{"internal/core/report", []string{allCore, "api"}},

	// The command line: only cli/server knows the server, only cli/runner the runner.
	{"internal/cli", []string{"api", "client", allCore, "internal/cli/term"}},
	{"internal/cli/...", []string{"api", "client", allCore, "internal/cli", "internal/cli/show", "internal/cli/term",
		"internal/cli/value"}},
	{"internal/cli/term", nil},
	{"internal/cli/gitctx", []string{allCore}},
	{"internal/cli/compare", []string{"api", "client", allCore, "internal/cli", "internal/cli/here", "internal/cli/run/grades",
		"internal/cli/show", "internal/cli/term", "internal/cli/value"}},
	{"internal/cli/here", []string{"api", allCore, "internal/cli", "internal/cli/gitctx"}},
	{"internal/cli/admin", []string{"api", "client", allCore, "internal/cli", "internal/cli/show", "internal/cli/term",
		"internal/cli/value", "internal/imagepack"}},
	{"internal/cli/run", []string{"api", "client", allCore, "internal/cli", "internal/cli/gitctx", "internal/cli/here", "internal/cli/jobs",
		"internal/cli/run/ab", "internal/cli/run/checkout", "internal/cli/run/grades", "internal/cli/run/local", "internal/cli/show",
		"internal/cli/term", "internal/cli/value"}},
	{"internal/cli/run/checkout", []string{allCore, "internal/cli", "internal/cli/show", "internal/server/filelock"}}, // locks only
	{"internal/cli/runner", []string{"api", "client", allCore, "internal/cli", "internal/cli/term", "internal/cli/value",
		"internal/runner"}},
	{"internal/cli/server", []string{"api", "client", allCore, "internal/cli", "internal/cli/term", "internal/cli/value", "internal/config",
		"internal/runner/hostinfo", "internal/server", "internal/server/upkeep"}},
	{"internal/cli/sweep", []string{"api", "client", allCore, "internal/cli", "internal/cli/here", "internal/cli/run/local",
		"internal/cli/show", "internal/cli/term", "internal/cli/value", "internal/cloud/...", "internal/imagepack",
		"internal/standings", "suites"}},
	{"internal/cli/verbs", []string{"internal/cli/..."}},

	// The runner is another machine: it knows the protocol, not the server.
	{"internal/runner/...", []string{"api", allCore, "internal/runner/...", "internal/publicnet"}},

	// Sweeps: the machines of clouds. The ledger is an interface, so that none of this knows the server.
	{"internal/cloud/...", []string{allCore, "internal/cloud/..."}},
	{"internal/cloud/remote", []string{"api", "client", allCore, "internal/cloud/ledger"}}, // the ledger of a server

	{"internal/config", []string{"internal/core/fault"}},
	{"internal/imagepack", []string{"internal/core/fault"}},
	{"internal/publicnet", []string{"internal/core/limits"}},
	{"internal/property", nil},

	// The server. Its root builds all of it and is imported by the command line and by a measurement of it.
	{"internal/server", []string{"api", allCore, "internal/server/..."}},
	{"internal/server/store", []string{allCore}},
	{"internal/server/store/powercut", nil},
	{"internal/server/store/testdb", []string{"internal/server/store"}},
	{"internal/server/store/storetest", append([]string{"api", allCore, "internal/server/store/..."}, nouns...)},
	{"internal/server/report/results", []string{"api", allCore}}, // without the database
	{"internal/server/report/history", []string{allCore, "internal/server/series", "internal/server/store"}},

	// Services stand on nouns and do not know each other.
	{"internal/server/explore", append([]string{"api", allCore, "internal/server/store", "internal/server/admit",
		"internal/server/report/history"}, nouns...)},
	{"internal/server/upkeep", []string{allCore, "internal/server/blob", "internal/server/filelock", "internal/server/image",
		"internal/server/store"}},

	// Edges translate, and do not know each other. The runner channel knows jobs only, the registry images and who may have them.
	{"internal/server/httpapi", slices.Concat([]string{"api", allCore, "internal/cloud/ledger", "internal/server/store",
		"internal/server/door"}, forEdges, services,
		nouns)},
	{"internal/server/web", slices.Concat([]string{"api", allCore, "internal/server/store", "internal/server/chart",
		"internal/standings"}, forEdges, services,
		nouns)},
	{"internal/server/hub", []string{"api", allCore, "internal/server/job", "internal/server/request"}},
	{"internal/server/registry", []string{allCore, "internal/server/blob", "internal/server/image", "internal/server/project",
		"internal/server/request", "internal/server/store"}},
	{"internal/server/former", []string{"api", allCore, "internal/server/object", "internal/server/request", "internal/server/sweep"}},
	{"internal/server/object", []string{allCore, "internal/server/request"}},
	{"internal/server/chain", []string{"api", allCore, "internal/server/request"}},
	{"internal/server/throttle", []string{allCore, "internal/server/request"}},
	{"internal/server/request", []string{"api", allCore}},

	{"internal/server/admit", []string{allCore}},
	{"internal/server/blob", []string{allCore, "internal/server/filelock"}},
	{"internal/server/blob/blobtest", []string{allCore, "internal/server/blob"}},
	{"internal/server/chart", nil},
	{"internal/standings", []string{"api", allCore, "internal/server/chart"}}, // for pages and for the command line
	{"internal/server/door", []string{"internal/core/access"}},
	{"internal/server/filelock", nil},
	{"internal/server/metrics", nil},
	{"internal/server/upstream", []string{allCore, "internal/publicnet"}},

	// What is beside the program: it goes in by the doors that users have.
	{"bench/abuse", []string{"api"}},
	{"bench/accuracy/...", []string{"internal/core/change", "internal/core/judge", "internal/core/paired", "internal/core/stats",
		"internal/core/unit", "bench/accuracy/baseline"}}, // measures the core itself
	{"bench/planted", []string{"api", "client", "internal/core/change", "internal/core/event",
		"internal/core/policy", "bench/accuracy/baseline"}}, // the core, or a server
	{"bench/same", nil},
	{"bench/beside", nil}, // both binaries are strangers to it
	{"bench/idle", []string{"api", "internal/config", "internal/imagepack", "internal/server"}},
	{"e2e", nil},
	{"examples/...", nil},
	{"suites", []string{"internal/core/suite"}},
	{"suites/tacho-suite", nil}, // a workload knows nothing of who runs it
	{"internal/archtest", nil},
	{"scripts/...", nil},
}, nounRows())

// forEdges is what edges have of a request beside use cases.
var forEdges = []string{"internal/server/admit", "internal/server/request", "internal/server/throttle"}

// nounRows are the rows of the nouns: each may import those that stand before it, the database, and where it asks who may.
func nounRows() (rows []row) {
	also := map[string][]string{
		"internal/server/image": {"internal/server/blob"},
		"internal/server/job":   {"internal/server/blob"},
		"internal/server/event": {"internal/server/report/history"},
		"internal/server/sweep": {"internal/cloud/ledger", "internal/server/report/results", "internal/standings"},
		"internal/server/report": {"internal/server/admit", "internal/server/blob", "internal/server/report/history",
			"internal/server/report/results"},
	}
	for i, noun := range nouns {
		rows = append(rows, row{noun, slices.Concat([]string{"api", allCore, "internal/server/store", "internal/server/door"}, nouns[:i],
			also[noun])})
	}
	return rows
}

// rowOf is the most exact row that names a package; false if none does.
func rowOf(name string) (found row, ok bool) {
	for _, r := range table {
		if belongs(name, []string{r.room}) && (!ok || r.room == name || len(r.room) > len(found.room) && found.room != name) {
			found, ok = r, true
		}
	}
	return found, ok
}

func TestEachPackageImportsWhatItsRowAllows(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, p := range packages(t) {
		r, ok := rowOf(p.name())
		if !ok {
			t.Errorf("%s is in no row of the table: add its room, here and to ARCHITECTURE.md", p.name())
			continue
		}
		used[r.room] = true
		for _, imp := range p.Imports {
			if name, ours := strings.CutPrefix(imp, module); ours && !belongs(name, r.may) {
				t.Errorf("%s imports %s, which the row of %s does not allow", p.name(), name, r.room)
			}
		}
	}
	for _, r := range table {
		if !used[r.room] {
			t.Errorf("the row of %s is of no package any more", r.room)
		}
	}
}

func TestAToolBoxIsOfItsRoomOnly(t *testing.T) {
	t.Parallel()
	boxes := map[string]string{"internal/core/adapter/read": "internal/core/adapter"}
	used := map[string]bool{}
	for _, p := range packages(t) {
		for _, imp := range p.Imports {
			box := strings.TrimPrefix(imp, module)
			owner, ok := boxes[box]
			if !ok {
				continue
			}
			if used[box] = true; p.name() != owner {
				t.Errorf("%s imports %s, which only %s may call", p.name(), box, owner)
			}
		}
	}
	for box, owner := range boxes {
		if !used[box] {
			t.Errorf("%s does not import %s any more", owner, box)
		}
	}
}

func TestTheMostExactRowHolds(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"internal/core/unit": allCore, "internal/core/job": "internal/core/job", "internal/cli": "internal/cli",
		"internal/cli/look": "internal/cli/...", "internal/cli/run/local": "internal/cli/...", "internal/runner": "internal/runner/...",
		"internal/server/report/results": "internal/server/report/results", "internal/server/new": "", "internal/clients": "",
	} {
		if got, _ := rowOf(name); got.room != want {
			t.Errorf("%s: want the row of %q, got %q", name, want, got.room)
		}
	}
}

package series

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/property"
)

func TestNextHeadTable(t *testing.T) {
	t.Parallel()
	main, mainA, mainB, dev := &Start{BranchID: "main"}, &Start{"main", "a"}, &Start{"main", "b"}, &Start{BranchID: "dev"}
	head := func(start *Start) *Current { return &Current{BranchID: "pr", Start: start} }
	for _, tc := range []struct {
		name    string
		current *Current
		wish    Wish
		want    Move
	}{
		{"a new branch without start point begins empty", nil, Wish{}, Fresh},
		{"a new branch with start point copies", nil, Wish{Start: main}, Copy},
		{"a new branch with reset and start point copies", nil, Wish{Start: main, Reset: true}, Copy},
		{"nothing asked keeps", head(nil), Wish{}, Keep},
		{"nothing asked keeps a copied head", head(mainA), Wish{}, Keep},
		{"reset alone begins empty", head(mainA), Wish{Reset: true}, Fresh},
		{"reset with start point copies although nothing changed", head(mainA), Wish{Start: mainA, Reset: true}, Copy},
		{"the same start commit keeps", head(mainA), Wish{Start: mainA}, Keep},
		{"the same start branch without commit keeps", head(mainA), Wish{Start: main}, Keep},
		{"another start commit copies", head(mainA), Wish{Start: mainB}, Copy},
		{"a first start commit copies", head(main), Wish{Start: mainA}, Copy},
		{"another start branch copies", head(mainA), Wish{Start: dev}, Copy},
		{"a start point on a head that began empty copies", head(nil), Wish{Start: main}, Copy},
		{"a new branch begins with a detected start point", nil, Wish{Start: main, Detected: true}, Copy},
		{"a detected start point ends no history", head(nil), Wish{Start: main, Detected: true}, Keep},
		{"a detected start point ends no history that began elsewhere", head(mainA), Wish{Start: dev, Detected: true}, Keep},
		{"starting from itself keeps", head(nil), Wish{Start: &Start{BranchID: "pr"}}, Keep},
		{"starting from itself at a commit copies", head(nil), Wish{Start: &Start{"pr", "a"}}, Copy},
		{"starting from itself with reset copies", head(nil), Wish{Start: &Start{BranchID: "pr"}, Reset: true}, Copy},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := NextHead(tc.current, tc.wish); got != tc.want {
				t.Errorf("want %s, got %s", tc.want, got)
			}
		})
	}
}

func TestAskingAgainForWhatIsThereKeepsTheHead(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		start := &Start{BranchID: rapid.SampledFrom([]string{"main", "dev"}).Draw(t, "branch"),
			Hash: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "hash")}
		if got := NextHead(&Current{BranchID: "pr", Start: start}, Wish{Start: start}); got != Keep {
			t.Errorf("want keep, got %s", got)
		}
	})
}

func TestVersionsAreNumberedFromZero(t *testing.T) {
	t.Parallel()
	seven := int64(7)
	if got := NextNumber(nil); got != 0 {
		t.Errorf("first: want 0, got %d", got)
	}
	if got := NextNumber(&seven); got != 8 {
		t.Errorf("after 7: want 8, got %d", got)
	}
}

func TestHorizonSeesOnlyWhatCameBefore(t *testing.T) {
	t.Parallel()
	own := Point{Version: 5, Start: 50_000_000, Report: 9}
	for _, tc := range []struct {
		name   string
		window int64
		p      Point
		want   bool
	}{
		{"an older report", 0, Point{Version: 4, Start: 40_000_000, Report: 8}, true},
		{"an earlier run of the same version", 0, Point{Version: 5, Start: 49_000_000, Report: 8}, true},
		{"a later version, although it ran earlier", 0, Point{Version: 6, Start: 40_000_000, Report: 8}, false},
		{"an earlier version that ran later", 0, Point{Version: 4, Start: 50_000_001, Report: 8}, false},
		{"another iteration of the same report", 0, Point{Version: 5, Start: 50_000_000, Report: 9, Iteration: 1}, false},
		{"the edge of the window", 10, Point{Version: 4, Start: 40_000_000, Report: 8}, true},
		{"just outside the window", 10, Point{Version: 4, Start: 39_999_999, Report: 8}, false},
		{"a window longer than time", 1 << 62, Point{Version: 4, Start: -1 << 60, Report: 8}, true},
	} {
		if got := NewHorizon(own, tc.window).Sees(tc.p); got != tc.want {
			t.Errorf("%s: want %t, got %t", tc.name, tc.want, got)
		}
	}
}

func TestBranchIsNeverMadeUp(t *testing.T) {
	t.Parallel()
	for _, context := range []map[string]string{nil, {}, {"bencher.dev/v0/branch/ref/name": "HEAD"}, {"bencher.dev/v0/branch/ref/name": " "},
		{"bencher.dev/v0/branch/hash": strings.Repeat("a", 40)}} {
		got, err := Branch("", context)
		if got != "" || !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "--branch") {
			t.Errorf("context %v: want an invalid fault that names --branch, got %q, %v", context, got, err)
		}
	}
}

func TestOriginOfASubmission(t *testing.T) {
	t.Parallel()
	hash := strings.Repeat("ab", 20)
	context := map[string]string{
		"bencher.dev/v0/repo/name":       "My Repo",
		"bencher.dev/v0/branch/ref/name": "feature/x",
		"tachograph.dev/v0/branch/hash":  strings.ToUpper(hash),
		"bencher.dev/v0/testbed/os":      "Linux",
	}
	type origin struct{ Branch, Hash, Testbed, Project, Name, Err string }
	resolve := func(branch, hash, testbed, project, image string, context map[string]string) origin {
		var o origin
		var errs [4]error
		o.Branch, errs[0] = Branch(branch, context)
		o.Hash, errs[1] = Hash(hash, context)
		o.Testbed, errs[2] = Testbed(testbed, context)
		o.Project, o.Name, errs[3] = Project(project, image, context)
		for _, err := range errs {
			if err != nil {
				o.Err += fault.Of(err).Code() + ";"
			}
		}
		return o
	}
	for _, tc := range []struct {
		name string
		got  origin
		want origin
	}{
		{"all from the context", resolve("", "", "", "", "", context),
			origin{Branch: "feature/x", Hash: hash, Testbed: "Linux", Project: "my-repo", Name: "My Repo"}},
		{"fields win over the context", resolve("main", strings.Repeat("c", 64), "lab 1", "p", "other/app:v1", context),
			origin{Branch: "main", Hash: strings.Repeat("c", 64), Testbed: "lab 1", Project: "p", Name: "p"}},
		{"the image's project wins over the repository", resolve("main", "", "", "", "shop/app:v1", context),
			origin{Branch: "main", Hash: hash, Testbed: "Linux", Project: "shop", Name: "shop"}},
		{"an image elsewhere names no project", resolve("main", "", "", "", "ghcr.io/org/app:v1", nil),
			origin{Branch: "main", Testbed: "localhost", Err: "invalid;"}},
		{"a short hash is refused", resolve("main", "abc1234", "", "p", "", nil),
			origin{Branch: "main", Testbed: "localhost", Project: "p", Name: "p", Err: "invalid;"}},
		{"a project that is no slug is refused", resolve("main", "", "", "My Project", "", nil),
			origin{Branch: "main", Testbed: "localhost", Err: "invalid;"}},
		{"a branch that git refuses is refused", resolve("a..b", "", "", "p", "", nil),
			origin{Branch: "a..b", Testbed: "localhost", Project: "p", Name: "p", Err: "invalid;"}},
	} {
		if diff := cmp.Diff(tc.want, tc.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

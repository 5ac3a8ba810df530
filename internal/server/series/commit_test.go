package series_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

// line is commits c0 … of n, the newest first, as a report tells of them.
func line(n int) (commits []series.Commit) {
	for i := n - 1; i >= 0; i-- {
		c := series.Commit{Hash: fmt.Sprint("c", i), Author: "Ada", Subject: fmt.Sprint("change ", i)}
		if i > 0 {
			c.Parent = fmt.Sprint("c", i-1)
		}
		commits = append(commits, c)
	}
	return commits
}

func TestWhatIsKnownOfACommitStays(t *testing.T) {
	t.Parallel()
	s, clock := storetest.Open(t)
	g := storetest.NewGround(t, s, 1, 1)
	other := storetest.NewProject(t, s, project.Project{Name: "Other", Slug: "other", OrganizationID: storetest.Home(t, s, "other").ID})
	at := clock.Now().Add(-time.Hour)
	keep := func(commits ...series.Commit) {
		t.Helper()
		g.Tx(func(tx *store.Tx) error { return series.KeepCommits(t.Context(), tx, g.Project, commits) })
	}
	keep()
	keep(series.Commit{Hash: "a", Subject: "first"}, series.Commit{Hash: "b", Author: "Bob"})
	keep(series.Commit{Hash: "a", Author: "Ada", Subject: "another", Parent: "b", Time: &at}, series.Commit{Hash: "a", Author: "Eve"})
	keep(series.Commit{Hash: "a", Author: "Eve", Parent: "e"})
	want := map[string]series.Commit{"a": {Hash: "a", Author: "Ada", Subject: "first", Parent: "b", Time: &at},
		"b": {Hash: "b", Author: "Bob"}}
	g.Tx(func(tx *store.Tx) error {
		got, err := series.CommitsOf(t.Context(), tx, g.Project, []string{"a", "b", "nobody"})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if err != nil {
			return err
		}
		got, err = series.CommitsOf(t.Context(), tx, other.ID, []string{"a"})
		if len(got) > 0 {
			t.Errorf("another project knows %v", got)
		}
		return err
	})
}

func TestBetweenVersionsLieTheCommitsThatWereNotMeasured(t *testing.T) {
	t.Parallel()
	s, _ := storetest.Open(t)
	g := storetest.NewGround(t, s, 1, 1)
	_, main := g.Branch("main")
	_, topic := g.Branch("topic")
	g.Tx(func(tx *store.Tx) error {
		for _, hash := range []string{"c1", "c2", "c5", "c9", ""} {
			if _, err := series.EnsureVersion(t.Context(), tx, g.Project, main.ID, hash); err != nil {
				return err
			}
		}
		if _, err := series.EnsureVersion(t.Context(), tx, g.Project, topic.ID, "c4"); err != nil { // on another branch
			return err
		}
		return series.KeepCommits(t.Context(), tx, g.Project, line(10)[:8]) // c0 and c1 are not known
	})
	check := func(what string, most int, want map[int64]string) {
		t.Helper()
		g.Tx(func(tx *store.Tx) error {
			versions, err := series.VersionsBetween(t.Context(), tx, main.ID, 0, 99, 99)
			if err != nil {
				return err
			}
			gaps, err := series.Gaps(t.Context(), tx, g.Project, main.ID, versions, most)
			got := map[int64]string{}
			for number, gap := range gaps {
				for _, c := range gap.Commits {
					got[number] += c.Hash + " "
				}
				if gap.Partial {
					got[number] += "…"
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got)\n%s", what, diff)
			}
			return err
		})
	}
	check("all", 50, map[int64]string{2: "c4 c3 ", 3: "c8 c7 c6 "})
	check("two at most", 2, map[int64]string{2: "c4 c3 ", 3: "c8 c7 …"})

	g.Tx(func(tx *store.Tx) error { // the branch is rebuilt on commits of which little is known, and one is its own parent
		for _, hash := range []string{"x2", "loop"} {
			if _, err := series.EnsureVersion(t.Context(), tx, g.Project, main.ID, hash); err != nil {
				return err
			}
		}
		return series.KeepCommits(t.Context(), tx, g.Project, []series.Commit{{Hash: "x2", Parent: "x1"}, {Hash: "x1", Parent: "x0"},
			{Hash: "loop", Parent: "loop1"}, {Hash: "loop1", Parent: "loop1"}})
	})
	check("rebuilt", 2, map[int64]string{2: "c4 c3 ", 3: "c8 c7 …", 5: "x1 …", 6: "loop1 loop1 …"})
}

func TestCommitsAreFoundByIndex(t *testing.T) {
	t.Parallel()
	storetest.ReadsByIndex(t, map[string]string{"commits": series.CommitsOfQuery(store.Places(1, 3), 4),
		"measured": series.MeasuredQuery(store.Places(1, 3), 4)})
}

func TestABranchSaysWhatItsNewestCommitIsAbout(t *testing.T) {
	t.Parallel()
	s, _ := storetest.Open(t)
	g := storetest.NewGround(t, s, 1, 1)
	_, main := g.Branch("main")
	g.Tx(func(tx *store.Tx) error {
		for _, hash := range []string{"c1", "c2"} {
			if _, err := series.EnsureVersion(t.Context(), tx, g.Project, main.ID, hash); err != nil {
				return err
			}
		}
		return series.KeepCommits(t.Context(), tx, g.Project, line(3))
	})
	branches := series.NewBranches(project.NewDoor(s, nil), nil)
	local := access.Actor{Kind: access.Local}
	one, err := branches.Get(t.Context(), local, g.Project, "main", "")
	if err != nil || one.Head.Commit == nil || one.Head.Commit.Subject != "change 2" {
		t.Errorf("alone: %+v, %v", one.Head, err)
	}
	all, _, err := branches.List(t.Context(), local, g.Project, store.ListFilter{Page: store.Page{Limit: 9}})
	if err != nil || len(all) != 1 || all[0].Head.Commit == nil || all[0].Head.Commit.Author != "Ada" {
		t.Errorf("in a list: %+v, %v", all, err)
	}
}

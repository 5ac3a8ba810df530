package report_test

import (
	"strings"
	"testing"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
)

// unnamed is a run that names no project, from a repository called shop.
func unnamed(url, root, folder string) api.NewRun {
	r := run("main", 1)
	r.Project = ""
	r.Context = map[string]string{"bencher.dev/v0/repo/name": "shop", "tachograph.dev/v0/repo/url": url, "bencher.dev/v0/repo/hash": root,
		"tachograph.dev/v0/repo/folder": folder}
	return r
}

func TestRepositoriesOfOneNameHaveProjectsOfTheirOwnInAMachinesStore(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	as := h.leader
	h.leader = access.Actor{Kind: access.Local}
	h.must(run("main", 1)) // of a store from before, or a project that somebody named
	first := h.must(unnamed("h/ours/shop", "r", "/a"))
	if first.Project.Slug != "shop" || len(first.Warnings) != 0 {
		t.Errorf("the first repository: want the project of its name, got %s, %q", first.Project.Slug, first.Warnings)
	}
	second := h.must(unnamed("h/theirs/shop", "q", "/b"))
	if second.Project.UUID == first.Project.UUID || !strings.HasPrefix(second.Project.Slug, "shop-") || len(second.Warnings) != 1 ||
		!strings.Contains(second.Warnings[0], second.Project.Slug) {
		t.Errorf("the second: want a project with a suffix that is said, got %s, %q", second.Project.Slug, second.Warnings)
	}
	for name, tc := range map[string]struct {
		run  api.NewRun
		want api.Report
	}{
		"the first again":            {unnamed("h/ours/shop", "", ""), first},
		"the second again":           {unnamed("h/theirs/shop", "q", "/b"), second},
		"the second, moved":          {unnamed("i/theirs/shop", "q", "/b"), second},
		"a project that is named":    {run("main", 1), first},
		"a run that says too little": {unnamed("", "", ""), first},
	} {
		if got := h.must(tc.run); got.Project.UUID != tc.want.Project.UUID || len(got.Warnings) != 0 {
			t.Errorf("%s: want %s, got %s, %q", name, tc.want.Project.Slug, got.Project.Slug, got.Warnings)
		}
	}
	h.leader = as
	if got := h.must(unnamed("h/third/shop", "x", "/c")); got.Project.UUID != first.Project.UUID {
		t.Errorf("on a server a name is a name: want %s, got %s", first.Project.Slug, got.Project.Slug)
	}
}

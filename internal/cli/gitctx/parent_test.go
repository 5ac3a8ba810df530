package gitctx

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestABranchCameFromWhatGitOrCISay(t *testing.T) {
	t.Parallel()
	const refs = "for-each-ref --format=%(refname) %(objectname) refs/heads/"
	older := merge
	work := Context{Branch: "topic", Hash: head, Root: "/src/app"}
	change := func(f func(*Context)) Context {
		c := work
		f(&c)
		return c
	}
	git := func(pairs ...string) map[string]string { return with(map[string]string{}, pairs...) }
	usual := refs + "main refs/remotes/origin/main refs/heads/master refs/remotes/origin/master refs/heads/trunk refs/remotes/origin/trunk"
	mainHere := []string{
		usual, "refs/heads/main\nrefs/remotes/origin/main",
		refs + "main refs/remotes/origin/main", "refs/heads/main\nrefs/remotes/origin/main",
		"merge-base " + head + " refs/heads/main refs/remotes/origin/main", local,
		"rev-list --first-parent -n 255 " + local, local + "\n" + older,
	}
	for name, row := range map[string]struct {
		found Context
		git   map[string]string
		want  Parent
	}{
		"the default branch that origin names": {work, git(append(mainHere, "symbolic-ref --quiet refs/remotes/origin/HEAD",
			"refs/remotes/origin/main")...),
			Parent{"main", []string{local, older}}},
		"a usual name, where no origin says": {work, git(mainHere...), Parent{"main", []string{local, older}}},
		"master, where there is no main": {work, git(usual, "refs/heads/main/a\nrefs/remotes/origin/trunk\nrefs/heads/master",
			refs+"master refs/remotes/origin/master", "refs/heads/master", "merge-base "+head+" refs/heads/master", older),
			Parent{"master", []string{older}}},
		"the configured name, before usual ones": {work, git(append(mainHere, "config init.defaultBranch", "dev",
			refs+"dev refs/remotes/origin/dev "+strings.TrimPrefix(usual, refs[:len(refs)-len("refs/heads/")]),
			"refs/heads/main\nrefs/heads/dev", refs+"dev refs/remotes/origin/dev", "refs/heads/dev",
			"merge-base "+head+" refs/heads/dev", older)...), Parent{"dev", []string{older}}},
		"the branch that it tracks": {work, git(append(mainHere, "for-each-ref --format=%(upstream) refs/heads/topic",
			"refs/remotes/origin/release/1",
			refs+"release/1 refs/remotes/origin/release/1", "refs/remotes/origin/release/1", "merge-base "+head+" refs/remotes/origin/release/1",
			older)...),
			Parent{"release/1", []string{older}}},
		"not the branch that it is pushed to": {work, git(append(mainHere, "for-each-ref --format=%(upstream) refs/heads/topic",
			"refs/remotes/origin/topic")...),
			Parent{"main", []string{local, older}}},
		"the default branch itself":         {change(func(c *Context) { c.Branch = "main" }), git(mainHere...), Parent{}},
		"no branch":                         {change(func(c *Context) { c.Branch = "" }), git(mainHere...), Parent{}},
		"a tag":                             {change(func(c *Context) { c.Tag = "v1" }), git(mainHere...), Parent{}},
		"no git program":                    {work, nil, Parent{}},
		"a folder of branches is no branch": {work, git(usual, "refs/heads/main/a"), Parent{}},
		"where a pull request goes": {change(func(c *Context) { c.Base, c.Default = "release/1", "main" }), git(append(mainHere,
			refs+"release/1 refs/remotes/origin/release/1", "refs/remotes/origin/release/1", "merge-base "+head+" refs/remotes/origin/release/1",
			older)...),
			Parent{"release/1", []string{older}}},
		"a pull request in a shallow checkout": {change(func(c *Context) { c.Base, c.BaseHash = "main", older }), nil,
			Parent{"main", []string{older}}},
		"a pull request of a merge": {change(func(c *Context) { c.Base, c.Hash = "main", "" }),
			git(refs+"main refs/remotes/origin/main", "refs/remotes/origin/main",
				"merge-base HEAD refs/remotes/origin/main", older), Parent{"main", []string{older}}},
		"a pushed branch, by CI": {change(func(c *Context) { c.Default, c.Root = "main", "" }), nil, Parent{Branch: "main"}},
		"a fork's main": {change(func(c *Context) { c.Branch, c.Base, c.Root = "pull/7/main", "main", "" }), nil,
			Parent{Branch: "main"}},
	} {
		if diff := cmp.Diff(row.want, row.found.FindParent(source(nil, nil, row.git))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestGitsFilesSayWhereABranchCameFrom(t *testing.T) {
	t.Parallel()
	const rest = "rev-list --first-parent -n 255 "
	origin := "[remote \"origin\"]\n\turl = https://example.org/o/app\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n"
	tracks := func(remote, merge string) string {
		return "[branch \"topic\"]\n\tremote = " + remote + "\n\tmerge = " + merge + "\n"
	}
	files := func(config string, pairs ...string) map[string]string {
		f := map[string]string{"/src/app/.git/HEAD": "ref: refs/heads/topic", "/src/app/.git/refs/heads/topic": head,
			"/src/app/.git/config": config}
		for i := 0; i < len(pairs); i += 2 {
			f["/src/app/.git/"+pairs[i]] = pairs[i+1]
		}
		return f
	}
	found := Context{Branch: "topic", Hash: head, Root: "/src/app"}
	for name, row := range map[string]struct {
		files map[string]string
		git   []string // what git is asked, and what it says
		want  Parent
	}{
		"origin's HEAD, without a commit of its own": {files(origin, "refs/remotes/origin/HEAD", "ref: refs/remotes/origin/main\n",
			"packed-refs", head+" refs/remotes/origin/main\n"), []string{rest + head, head + "\n" + merge}, Parent{"main", []string{head, merge}}},
		"with commits of its own": {files(origin, "refs/remotes/origin/HEAD", "ref: refs/remotes/origin/main\n",
			"packed-refs", local+" refs/remotes/origin/main\n"),
			[]string{"merge-base " + head + " refs/remotes/origin/main", merge, rest + merge, merge}, Parent{"main", []string{merge}}},
		"a usual name": {files("", "refs/heads/master", head), []string{"config init.defaultBranch", "", rest + head, head},
			Parent{"master", []string{head}}},
		"the branch that it tracks": {files(origin+tracks("origin", "refs/heads/release/1"), "refs/remotes/origin/release/1", head),
			[]string{rest + head, head}, Parent{"release/1", []string{head}}},
		"a branch of this repository": {files(tracks(".", "refs/heads/dev"), "refs/heads/dev", head), []string{rest + head, head},
			Parent{"dev", []string{head}}},
		"not the branch that it is pushed to": {files(origin+tracks("origin", "refs/heads/topic"),
			"refs/remotes/origin/HEAD", "ref: refs/remotes/origin/topic"), nil, Parent{}},
		"not a pull request that is checked out": {files(origin+tracks("origin", "refs/pull/7/head"), "refs/remotes/origin/HEAD",
			"ref: refs/remotes/origin/topic"), nil, Parent{}},
		"not a branch of somebody else's": {files(origin+tracks("https://example.org/x/app", "refs/heads/main"), "refs/remotes/origin/HEAD",
			"ref: refs/remotes/origin/topic"), nil, Parent{}},
		"one branch alone is fetched": {files("[remote \"origin\"]\nfetch = +refs/heads/dev:refs/remotes/origin/dev\n"+
			tracks("origin", "refs/heads/dev"), "refs/remotes/origin/dev", head), []string{rest + head, head}, Parent{"dev", []string{head}}},
	} {
		said, asked := with(map[string]string{}, row.git...), 0
		s := source(nil, row.files, said)
		inner := s.Git
		s.Git = func(args ...string) (string, error) {
			asked++
			return inner(args...)
		}
		if diff := cmp.Diff(row.want, found.FindParent(s)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if asked != len(said) {
			t.Errorf("%s: git was asked %d times, want %d", name, asked, len(said))
		}
	}
}

func TestCISystemsNameTheDefaultBranch(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ vars, files map[string]string }{
		"GitHub": {map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "push", "GITHUB_REF_NAME": "topic",
			"GITHUB_EVENT_PATH": "/event.json"},
			map[string]string{"/event.json": `{"repository": {"default_branch": "dev"}}`}},
		"GitLab":    {map[string]string{"GITLAB_CI": "true", "CI_COMMIT_BRANCH": "topic", "CI_DEFAULT_BRANCH": "dev"}, nil},
		"Buildkite": {map[string]string{"BUILDKITE": "true", "BUILDKITE_BRANCH": "topic", "BUILDKITE_PIPELINE_DEFAULT_BRANCH": "dev"}, nil},
	} {
		s := source(row.vars, row.files, nil)
		if got := Detect(s).FindParent(s); got.Branch != "dev" {
			t.Errorf("%s: want dev, got %q", name, got.Branch)
		}
	}
}

package gitctx

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/fault"
)

func TestGitFoldersOfEveryKind(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		files, git map[string]string
		want       Context
		branchErr  string
	}{
		"a branch": {
			files: map[string]string{"/src/app/.git/HEAD": "ref: refs/heads/topic/x\n", "/src/app/.git/refs/heads/topic/x": head + "\n"},
			git:   map[string]string{"status --porcelain --untracked-files=no": " M a.go"},
			want:  Context{Root: "/src/app", Branch: "topic/x", BranchFrom: "git", Hash: head, HashFrom: "git", Repository: "app", Dirty: true},
		},
		"a packed branch, remote by https": {
			files: map[string]string{"/src/app/sub/.git/HEAD": "ref: refs/heads/main",
				"/src/app/sub/.git/packed-refs": "# pack-refs with: peeled\n" + merge + " refs/heads/main2\n" + head + " refs/heads/main\n^" + local +
					"\n",
				"/src/app/sub/.git/config": "[core]\n\turl = no\n[remote \"upstream\"]\n\turl = https://x/other\n[remote \"origin\"]\n\tfetch = " +
					"+x\n\tURL = https://example.org/org/tool.git/\n"},
			want: Context{Root: "/src/app/sub", Branch: "main", BranchFrom: "git", Hash: head, HashFrom: "git", Repository: "tool"},
		},
		"a work tree": {
			files: map[string]string{"/src/app/.git": "gitdir: /src/main/.git/worktrees/app\n",
				"/src/main/.git/worktrees/app/HEAD":      "ref: refs/heads/topic",
				"/src/main/.git/worktrees/app/commondir": "../..\n", "/src/main/.git/refs/heads/topic": head,
				"/src/main/.git/config": "[remote \"origin\"]\nurl = git@h:o/r.git"},
			want: Context{Root: "/src/app", Branch: "topic", BranchFrom: "git", Hash: head, HashFrom: "git", Repository: "r"},
		},
		"a submodule": {
			files:     map[string]string{"/src/app/.git": "gitdir: ../.git/modules/app", "/src/.git/modules/app/HEAD": head},
			want:      Context{Root: "/src/app", Hash: head, HashFrom: "git", Repository: "app", Detached: true},
			branchErr: "HEAD is detached; give --branch",
		},
		"no commit yet": {
			files: map[string]string{"/src/app/.git/HEAD": "ref: refs/heads/main"},
			want:  Context{Root: "/src/app", Branch: "main", BranchFrom: "git", Repository: "app"},
		},
		"reftable, read by git": {
			files: map[string]string{"/src/app/.git/HEAD": "ref: refs/heads/.invalid"},
			git:   map[string]string{"rev-parse HEAD": head, "symbolic-ref --quiet --short HEAD": "main"},
			want:  Context{Root: "/src/app", Branch: "main", BranchFrom: "git", Hash: head, HashFrom: "git", Repository: "app"},
		},
		"reftable without git": {
			files: map[string]string{"/src/app/.git/HEAD": "ref: refs/heads/.invalid"},
			want: Context{Notes: []string{"git's references are in a format that only the git program reads, and it does not run here; give " +
				"--branch and --hash"}},
			branchErr: "this folder is in no git repository; give --branch",
		},
		"a broken HEAD": {
			files:     map[string]string{"/src/app/.git/HEAD": "garbage"},
			want:      Context{Notes: []string{"git's HEAD is neither a reference nor a commit; give --branch and --hash"}},
			branchErr: "this folder is in no git repository; give --branch",
		},
		"no repository": {branchErr: "this folder is in no git repository; give --branch"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := Detect(source(nil, row.files, row.git))
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			_, err := got.NeedBranch()
			if row.branchErr == "" && err != nil || row.branchErr != "" &&
				(err == nil || err.Error() != row.branchErr || fault.Of(err) != fault.Invalid) {
				t.Errorf("NeedBranch: %v, want %q", err, row.branchErr)
			}
		})
	}
}

func TestATagSaysThatItIsNoBranch(t *testing.T) {
	t.Parallel()
	_, err := Context{CI: "GitLab CI", Tag: "v1"}.NeedBranch()
	if want := `GitLab CI builds the tag "v1", which is no branch; give --branch`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestDescribeSaysWhereThingsComeFrom(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]Context{
		"no git repository and no CI system": {},
		"branch main, commit aaaaaaaaaaaa with uncommitted changes": {Branch: "main", BranchFrom: "git", Hash: head, HashFrom: "git",
			Dirty: true},
		"X, pull request 7 from a fork, branch pull/7/main (VARIABLE)": {CI: "X", Pull: "7", Fork: true, Branch: "pull/7/main",
			BranchFrom: "VARIABLE"},
	} {
		if got := c.Describe(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestMapUsesTheKeysThatTheServerReads(t *testing.T) {
	t.Parallel()
	got := Context{Repository: "app", Branch: "main", Hash: head, CI: "X", Link: "l", Pull: "7", Base: "b", Dirty: true}.Map()
	want := map[string]string{
		"bencher.dev/v0/repo/name": "app", "bencher.dev/v0/branch/ref/name": "main", "bencher.dev/v0/branch/ref": "refs/heads/main",
		"bencher.dev/v0/branch/hash": head,
		"tachograph.dev/v0/ci/name":  "X", "tachograph.dev/v0/ci/link": "l", "tachograph.dev/v0/ci/pull_request": "7",
		"tachograph.dev/v0/branch/base": "b", "tachograph.dev/v0/branch/dirty": "true",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if empty := (Context{}).Map(); len(empty) != 0 {
		t.Errorf("empty context: %v", empty)
	}
}

func TestRepositoryNames(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"git@host:org/repo.git": "repo", "https://host/org/repo": "repo", "org/repo": "repo", "host:repo": "repo", "/src/app": "app", "": "",
		"/": "", ".git": "",
	} {
		if got := repositoryName(address); got != want {
			t.Errorf("%q: got %q, want %q", address, got, want)
		}
	}
	if got := bareAddress("ssh://git@h/o/r.git"); got != strings.TrimPrefix(bareAddress("https://h/o/r/"), "") {
		t.Errorf("addresses of one repository differ: %q", got)
	}
}

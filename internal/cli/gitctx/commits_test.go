package gitctx

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/series"
)

// onDisk is this machine, seen from a folder, without the git program.
func onDisk(dir string) Source {
	return Source{
		Dir: filepath.ToSlash(dir), Getenv: func(string) string { return "" }, ReadFile: os.ReadFile,
		Open: func(name string) (File, error) { return os.Open(name) },
		List: func(folder string) (names []string, err error) {
			files, err := os.ReadDir(folder)
			for _, f := range files {
				names = append(names, f.Name())
			}
			return names, err
		},
	}
}

// program runs the real git in a folder.
func program(t *testing.T, dir string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git")
	}
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_COMMITTER_NAME=C", "GIT_COMMITTER_EMAIL=c@x",
		"GIT_AUTHOR_NAME=C", "GIT_AUTHOR_EMAIL=c@x")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// manyCommits makes a repository with a merge and messages of all kinds; newest is at HEAD.
func manyCommits(t *testing.T, n int) (dir string) {
	t.Helper()
	dir = t.TempDir()
	program(t, dir, "init", "-q", "-b", "main")
	for i := range n {
		message := fmt.Sprintf("speed up the %dth loop\n\nBecause it was slow.\n%s", i, strings.Repeat("the same text of each commit\n", 40))
		if i == 2 {
			message = "a subject\nof two lines\n\nand a body"
		}
		program(t, dir, "commit", "-q", "--allow-empty", "--author", fmt.Sprintf("Ada %d <ada@example.org>", i),
			"--date", fmt.Sprintf("%d +0230", 1700000000+i), "-m", message)
	}
	return dir
}

// said is what the real git says of a line of commits.
func said(t *testing.T, dir string, most int) (out []series.Commit) {
	t.Helper()
	text := program(t, dir, "log", "--first-parent", fmt.Sprintf("-%d", most), "--format=%H%x00%P%x00%an%x00%at%x00%s")
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\x00")
		var seconds int64
		if _, err := fmt.Sscan(f[3], &seconds); err != nil {
			t.Fatal(err)
		}
		at := time.Unix(seconds, 0).UTC()
		parent, _, _ := strings.Cut(f[1], " ")
		out = append(out, series.Commit{Hash: f[0], Parent: parent, Author: f[2], Subject: f[4], Time: &at})
	}
	return out
}

func TestCommitsAreReadFromFilesAsGitReadsThem(t *testing.T) {
	t.Parallel()
	dir := manyCommits(t, limits.ReportCommits+7)
	program(t, dir, "checkout", "-q", "-b", "side", "HEAD~3")
	program(t, dir, "commit", "-q", "--allow-empty", "--author", "Bob <b@x>", "-m", "of the side")
	program(t, dir, "checkout", "-q", "main")
	program(t, dir, "merge", "-q", "--no-ff", "-m", "Merge side", "side")
	check := func(what, dir string, most int) {
		t.Helper()
		want := said(t, dir, most)
		s := onDisk(dir)
		got := Detect(s).Commits(s, want[0].Hash)
		if diff := cmp.Diff(want, got); diff != "" || len(got) == 0 {
			t.Errorf("%s: %d commits (-want +got):\n%s", what, len(got), diff)
		}
	}
	check("one file each", dir, limits.ReportCommits)
	program(t, dir, "-c", "pack.depth=50", "repack", "-q", "-a", "-d", "-f", "--depth=50", "--window=100")
	if packs, _ := filepath.Glob(filepath.Join(dir, ".git/objects/pack/*.idx")); len(packs) != 1 {
		t.Fatalf("packs: %v", packs)
	}
	if verified := program(t, dir, "verify-pack", "-v", program(t, dir, "rev-parse", "--git-path", "objects/pack")+"/"+
		packName(t, dir)); !strings.Contains(verified, "chain length = 1") {
		t.Fatal("the pack has no deltas, so they are not tried")
	}
	check("packed, as changes of each other", dir, limits.ReportCommits)
	program(t, dir, "commit", "-q", "--allow-empty", "--author", "Eve <e@x>", "-m", "newer than the pack")
	check("both", dir, limits.ReportCommits)

	borrowed := filepath.Join(t.TempDir(), "borrowed")
	program(t, dir, "clone", "-q", "--shared", dir, borrowed)
	check("objects of another repository", borrowed, limits.ReportCommits)
	shallow := filepath.Join(t.TempDir(), "shallow")
	program(t, dir, "clone", "-q", "--depth=2", "file://"+dir, shallow)
	s := onDisk(shallow)
	head := program(t, shallow, "rev-parse", "HEAD")
	if got := Detect(s).Commits(s, head); len(got) != 2 || got[1].Parent == "" {
		t.Errorf("a shallow checkout of two: want both, and that the second has a parent, got %+v", got)
	}
	tree := filepath.Join(t.TempDir(), "tree")
	program(t, dir, "worktree", "add", "-q", "--detach", tree, "HEAD~1")
	check("a work tree", tree, limits.ReportCommits)

	if got := Detect(s).Commits(s, strings.Repeat("0", 40)); got != nil {
		t.Errorf("a commit that is not here: %v", got)
	}
}

func packName(t *testing.T, dir string) string {
	t.Helper()
	packs, _ := filepath.Glob(filepath.Join(dir, ".git/objects/pack/*.idx"))
	return filepath.Base(packs[0])
}

func TestCommitsOfARepositoryOfLongHashes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git")
	}
	program(t, dir, "init", "-q", "--object-format=sha256")
	program(t, dir, "commit", "-q", "--allow-empty", "--author", "Ada <a@x>", "-m", "first")
	program(t, dir, "commit", "-q", "--allow-empty", "--author", "Ada <a@x>", "-m", "second")
	program(t, dir, "gc", "-q")
	s := onDisk(dir)
	if diff := cmp.Diff(said(t, dir, 9), Detect(s).Commits(s, program(t, dir, "rev-parse", "HEAD"))); diff != "" {
		t.Error(diff)
	}
}

// TestAHostileCommitIsCut: what a commit says is on one line, short, and without what a terminal or a reader falls for.
func TestAHostileCommitIsCut(t *testing.T) {
	t.Parallel()
	dir := manyCommits(t, 1)
	hash := strings.Repeat("d", 40)
	write := func(text string) {
		t.Helper()
		var packed bytes.Buffer
		z := zlib.NewWriter(&packed)
		fmt.Fprintf(z, "commit %d\x00%s", len(text), text)
		_ = z.Close()
		folder := filepath.Join(dir, ".git/objects", hash[:2])
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, hash[2:]), packed.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := onDisk(dir)
	at := Detect(s)
	write("tree x\nauthor \x1b[31mEve\u202e <b> <e@x> 99999999999999 +0000\n\n<script>\x1b]0;x\a\xff" + strings.Repeat("long ", 3<<18))
	got := at.Commits(s, hash)
	if len(got) != 1 || got[0].Time != nil || got[0].Author != "[31mEve" || len(got[0].Subject) > limits.CommitSubjectBytes ||
		!strings.HasPrefix(got[0].Subject, "<script> ]0;x \uFFFDlong long") || !strings.HasSuffix(got[0].Subject, "…") {
		t.Errorf("want name and subject cleaned and cut, and no time, got %+v", got)
	}
	for what, text := range map[string]string{"nothing": "", "no message": "tree x\nauthor A <a> 1 +0000\n", "no address": "author A\n\nx",
		"a parent that is none": "parent ../../etc\n\nx", "itself": "parent " + hash + "\n\nx"} {
		write(text)
		if got := at.Commits(s, hash); len(got) > limits.ReportCommits || len(got) == 0 || got[0].Hash != hash {
			t.Errorf("%s: %+v", what, got)
		}
	}
}

// FuzzPack reads packs that are no packs: nothing but an error may come of them.
func FuzzPack(f *testing.F) {
	f.Add([]byte(indexMagic), []byte("PACK"))
	f.Add(append([]byte(indexMagic), bytes.Repeat([]byte{0, 0, 0, 1}, 256+8)...), bytes.Repeat([]byte{0x9f, 0x6f, 1}, 30))
	f.Add(append([]byte(indexMagic), bytes.Repeat([]byte{0, 0, 0, 1}, 256+8)...), bytes.Repeat([]byte{0x7f}, 90))
	f.Fuzz(func(_ *testing.T, index, data []byte) {
		s := Source{
			List: func(string) ([]string, error) { return []string{"p.idx"}, nil },
			Open: func(name string) (File, error) {
				switch filepath.Ext(name) {
				case ".idx":
					return closed{bytes.NewReader(index)}, nil
				case ".pack":
					return closed{bytes.NewReader(data)}, nil
				}
				return nil, os.ErrNotExist
			},
		}
		o := openObjects(s, "/x")
		defer o.close()
		_, _ = o.commit(strings.Repeat("00000001", 5))
		_, _ = o.commit(strings.Repeat("a", 40))
		for at := range min(int64(len(data)), 64) {
			if o.packs[0].open(20) == nil {
				_, _, _ = o.packed(o.packs[0], at, 0)
			}
		}
		_, _ = applyDelta(index, data)
	})
}

type closed struct{ *bytes.Reader }

func (closed) Close() error { return nil }

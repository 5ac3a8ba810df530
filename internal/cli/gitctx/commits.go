package gitctx

import (
	"strings"
	"time"

	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/series"
)

// Commits returns what git's files say of a commit and of those before it on the line of first parents, the newest first, at most
// limits.ReportCommits. It starts no program. A commit that is not here, as behind the end of a shallow checkout, ends the line; none is
// returned where the first is not here.
func (c Context) Commits(s Source, hash string) []series.Commit {
	if c.Root == "" || !ident.IsGitHash(hash) {
		return nil
	}
	here, err := openRepo(s)
	if err != nil || here.objects == "" {
		return nil
	}
	objects := openObjects(s, here.objects)
	defer objects.close()
	var out []series.Commit
	for hash != "" && len(out) < limits.ReportCommits {
		text, err := objects.commit(hash)
		if err != nil {
			break
		}
		commit := readCommit(hash, text).Cleaned()
		out, hash = append(out, commit), commit.Parent
	}
	return out
}

// readCommit reads the text of a commit.
func readCommit(hash string, text []byte) series.Commit {
	values, message := header(text)
	out := series.Commit{Hash: hash, Subject: subject(message)}
	if ident.IsGitHash(values["parent"]) {
		out.Parent = values["parent"]
	}
	var seconds int64
	var known bool
	if out.Author, seconds, known = signature(values["author"]); known {
		at := time.Unix(seconds, 0).UTC()
		out.Time = &at
	}
	return out
}

// subject is the first paragraph of a message, as git shows it: on one line.
func subject(message string) string {
	var lines []string
	for line := range strings.Lines(message) {
		line = strings.TrimSpace(line)
		if line == "" && len(lines) > 0 {
			break
		}
		if line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, " ")
}

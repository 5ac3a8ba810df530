package gitctx

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/url"
	"path"
	"strings"

	"github.com/tachograph/tacho/internal/core/ident"
)

// Keys of the context that tell repositories apart.
const (
	keyURL    = "tachograph.dev/v0/repo/url"
	keyRoot   = "bencher.dev/v0/repo/hash"
	keyFolder = "tachograph.dev/v0/repo/folder"
)

// Identity returns entries of a report's context that say which repository it comes from: the address of its origin without credentials,
// its first commit, and a fingerprint of its folder, whose name is nobody's business. It asks git for the first commit, which it must walk
// for.
func (c Context) Identity(s Source) map[string]string {
	m := map[string]string{}
	folder := s.Dir
	if c.Root != "" {
		folder = c.Root
		repo, err := openRepo(s)
		if err == nil {
			set(m, keyURL, repositoryAddress(repo.remote))
		}
		set(m, keyRoot, firstCommit(s, repo))
	}
	if folder != "" {
		sum := sha256.Sum256([]byte(folder))
		set(m, keyFolder, hex.EncodeToString(sum[:16]))
	}
	return m
}

func set(m map[string]string, key, value string) {
	if value != "" {
		m[key] = value
	}
}

// firstCommit is the commit that the main line begins with; empty in a shallow checkout, whose oldest is only where it was cut.
func firstCommit(s Source, here repo) string {
	if here.hash == "" || s.isShallow(here) {
		return ""
	}
	out, err := s.git("rev-list", "--max-parents=0", "--first-parent", "HEAD")
	if err != nil || !ident.IsGitHash(out) {
		return ""
	}
	return out
}

// isShallow says whether history was cut: git notes where in a file.
func (s Source) isShallow(here repo) bool {
	if here.common != "" {
		if cut, err := s.read(path.Join(here.common, "shallow")); err == nil || errors.Is(err, fs.ErrNotExist) {
			return cut != ""
		}
	}
	shallow, err := s.git("rev-parse", "--is-shallow-repository")
	return err != nil || shallow != "false"
}

// repositoryAddress is host/path of a remote's address, the same for all ways to reach it; empty for a folder of this machine. User names,
// passwords and ports are left out.
func repositoryAddress(address string) string {
	if !strings.Contains(address, "://") { // git@host:org/repo
		host, path, ok := strings.Cut(address, ":")
		if !ok || strings.Contains(host, "/") || len(host) < 2 { // a path, or a drive
			return ""
		}
		address = "ssh://" + host + "/" + strings.TrimLeft(path, "/")
	}
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return ""
	}
	path := strings.TrimSuffix(strings.Trim(u.Path, "/"), ".git")
	if path == "" {
		return ""
	}
	return strings.ToLower(u.Hostname()) + "/" + path
}

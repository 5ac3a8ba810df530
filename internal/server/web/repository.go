package web

import (
	"net/url"
	"strings"

	"github.com/tachograph/tacho/api"
)

// repository is the page of a project's repository, where its address is one whose links are known.
type repository struct{ base, commits, compare string }

// repositoryOf reads the address of a project. Forges are told by their host's name; any other address gives no links.
func repositoryOf(project api.Project) repository {
	if project.URL == nil {
		return repository{}
	}
	u, err := url.Parse(*project.URL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
		return repository{}
	}
	path := strings.TrimSuffix(strings.Trim(u.Path, "/"), ".git")
	host := strings.ToLower(u.Hostname())
	if strings.Count(path, "/") < 1 {
		return repository{}
	}
	has := func(names ...string) bool {
		for _, name := range names {
			if strings.Contains(host, name) {
				return true
			}
		}
		return false
	}
	base := (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/" + path}).String()
	switch {
	case has("gitlab"):
		return repository{base, "/-/commit/", "/-/compare/"}
	case has("github", "codeberg", "gitea", "forgejo"):
		return repository{base, "/commit/", "/compare/"}
	case has("bitbucket"):
		return repository{base, "/commits/", ""}
	}
	return repository{}
}

// commit is where a commit is shown; empty if that is not known.
func (r repository) commit(hash string) string {
	if r.base == "" {
		return ""
	}
	return r.base + r.commits + url.PathEscape(hash)
}

// between is where the commits after one and up to another are shown; empty if that is not known.
func (r repository) between(after, upTo string) string {
	if r.compare == "" {
		return ""
	}
	return r.base + r.compare + url.PathEscape(after) + "..." + url.PathEscape(upTo)
}

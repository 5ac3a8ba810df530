package registry

import (
	"regexp"
	"strings"
	"sync"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
)

// Name is a repository's name.
type Name struct {
	Project string // slug or UUID
	Image   string // the rest, '' for the project's own repository; the store's column "repository"
}

func (n Name) String() string {
	if n.Image == "" {
		return n.Project
	}
	return n.Project + "/" + n.Image
}

// imageGrammar is the distribution specification's grammar of repository names.
var imageGrammar = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
})

// ParseName splits "project" or "project/image/…", or returns an Invalid fault that says what is wrong with it.
func ParseName(s string) (Name, error) {
	if len(s) > limits.RegistryRepositoryBytes {
		return Name{}, fault.Invalidf("repository name: %d bytes are over the limit of %d", len(s), limits.RegistryRepositoryBytes)
	}
	project, image, more := strings.Cut(s, "/")
	if !ident.IsSlug(project) && !ident.IsUUID(project) || project != strings.ToLower(project) {
		return Name{}, fault.Invalidf("repository %q: its first part must be a project's slug: lower-case letters, digits and single hyphens", s)
	}
	if more && !imageGrammar().MatchString(image) {
		return Name{}, fault.Invalidf("repository %q: %q is not a valid image name; use lower-case letters and digits, joined by . _ - and /", s,
			image)
	}
	return Name{Project: project, Image: image}, nil
}

var tagGrammar = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`) })

// isTag reports whether s can be a tag: 1 to 128 letters, digits, _ . and -, the first one none of the last two.
func isTag(s string) bool { return tagGrammar().MatchString(s) }

// endpoint is what a path under /v2/ leads to.
type endpoint int

const (
	atNothing   endpoint = iota
	atBase               // /v2/
	atBlob               // /v2/NAME/blobs/DIGEST
	atUploads            // /v2/NAME/blobs/uploads/
	atUpload             // /v2/NAME/blobs/uploads/ID
	atManifest           // /v2/NAME/manifests/TAG-OR-DIGEST
	atTags               // /v2/NAME/tags/list
	atReferrers          // /v2/NAME/referrers/DIGEST
)

// target is a parsed path. name and reference are as they stand in the path and not checked.
type target struct {
	endpoint  endpoint
	name      string
	reference string
}

// parsePath says what a URL path leads to. Repository names have slashes in them and may even contain "manifests", so the path is read from
// its end: the last words say what it is, all before them is the name. A path that leads nowhere is atNothing.
func parsePath(path string) target {
	rest, ok := strings.CutPrefix(path, "/v2")
	if !ok {
		return target{}
	}
	if rest == "" || rest == "/" {
		return target{endpoint: atBase}
	}
	words := strings.Split(strings.TrimPrefix(rest, "/"), "/")
	if rest[0] != '/' {
		return target{}
	}
	word := func(fromEnd int) string {
		if fromEnd > len(words) {
			return ""
		}
		return words[len(words)-fromEnd]
	}
	named := func(e endpoint, suffix int, reference string) target {
		if len(words) <= suffix {
			return target{}
		}
		return target{endpoint: e, name: strings.Join(words[:len(words)-suffix], "/"), reference: reference}
	}
	last := word(1)
	switch {
	case word(2) == "tags" && last == "list":
		return named(atTags, 2, "")
	case word(3) == "blobs" && word(2) == "uploads" && last == "":
		return named(atUploads, 3, "")
	case word(3) == "blobs" && word(2) == "uploads":
		return named(atUpload, 3, last)
	case word(2) == "blobs" && last == "uploads":
		return named(atUploads, 2, "")
	case last == "":
		return target{}
	case word(2) == "blobs":
		return named(atBlob, 2, last)
	case word(2) == "manifests":
		return named(atManifest, 2, last)
	case word(2) == "referrers":
		return named(atReferrers, 2, last)
	}
	return target{}
}

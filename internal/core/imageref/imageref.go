// Package imageref reads how people name images: "app:v1", "project/app@sha256:…", "registry.example.org/org/bench:v1".
//
// A name without a registry means this server's own registry and not a public one: that is where a job's image is expected. The first
// segment is a registry if it has a dot, a colon or is "localhost" (the rule that Docker made). The package does no look-ups.
package imageref

import (
	"regexp"
	"strings"
	"sync"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
)

// Reference is an image's name taken apart.
type Reference struct {
	Registry string // "host" or "host:port"; empty: this server's own
	Path     string // "org/bench"
	Tag      string // "latest" when neither tag nor digest is given
	Digest   string // "sha256:…"; wins over the tag
}

// Made at their first use: most commands name no image.
var (
	pathForm = made(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`) // OCI distribution 1.1, <name>
	tagForm  = made(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)                                      // the same, <reference> as a tag
	hostForm = made(`^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?)(:[0-9]{1,5})?$`)
)

func made(form string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(form) })
}

const longest = 512 // bytes; registries refuse names over 255

// Parse takes s apart. A malformed name is an Invalid fault that says which part is wrong.
func Parse(s string) (Reference, error) {
	if s == "" || len(s) > longest {
		return Reference{}, fault.Invalidf("image %.80q: a name has 1 to %d bytes", s, longest)
	}
	var r Reference
	rest := s
	if name, digest, ok := strings.Cut(rest, "@"); ok {
		if !ident.IsDigest(digest) {
			return Reference{}, fault.Invalidf("image %q: the digest is not sha256: and 64 hex digits", s)
		}
		rest, r.Digest = name, digest
	}
	if first, path, ok := strings.Cut(rest, "/"); ok && (strings.ContainsAny(first, ".:") || first == "localhost") {
		if !hostForm().MatchString(first) {
			return Reference{}, fault.Invalidf("image %q: %q is not a registry's host name", s, first)
		}
		r.Registry, rest = strings.ToLower(first), path
	}
	if path, tag, ok := strings.Cut(rest, ":"); ok {
		if !tagForm().MatchString(tag) {
			return Reference{}, fault.Invalidf("image %q: %q is not a tag", s, tag)
		}
		rest, r.Tag = path, tag
	}
	if !pathForm().MatchString(rest) {
		return Reference{}, fault.Invalidf("image %q: %q is not a repository name (lower-case letters, digits, '.', '_', '-', '/')", s, rest)
	}
	r.Path = rest
	if r.Tag == "" && r.Digest == "" {
		r.Tag = "latest"
	}
	return r, nil
}

// Version returns the digest if there is one, else the tag.
func (r Reference) Version() string {
	if r.Digest != "" {
		return r.Digest
	}
	return r.Tag
}

func (r Reference) String() string {
	s := r.Path
	if r.Registry != "" {
		s = r.Registry + "/" + s
	}
	if r.Tag != "" {
		s += ":" + r.Tag
	}
	if r.Digest != "" {
		s += "@" + r.Digest
	}
	return s
}

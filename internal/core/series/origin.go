package series

import (
	"strconv"
	"strings"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/imageref"
	"github.com/tachograph/tacho/internal/core/limits"
)

// Keys of a submission's context that place it. They are Bencher's, so that its clients are understood; the same keys under another
// domain ("tachograph.dev/v0/…") are read when Bencher's are absent.
const (
	ContextRepository  = "repo/name"           // the repository's name
	ContextBranch      = "branch/ref/name"     // the branch's short name
	ContextHash        = "branch/hash"         // the commit
	ContextDirty       = "branch/dirty"        // "true": there were uncommitted changes
	ContextOS          = "testbed/os"          // the operating system's name
	ContextFingerprint = "testbed/fingerprint" // a stable number of the machine
)

const (
	bencherDomain = "bencher.dev/v0/"
	ownDomain     = "tachograph.dev/v0/"
)

// LocalTestbed is the testbed of results from a machine that did not say what it is.
const LocalTestbed = "localhost"

// ContextValue returns the context's value for one of the keys above, "" if it is absent.
func ContextValue(context map[string]string, key string) string {
	if v := strings.TrimSpace(context[bencherDomain+key]); v != "" {
		return v
	}
	return strings.TrimSpace(context[ownDomain+key])
}

// Keys of a calibration's context, under our own domain.
const (
	ContextIdentical = ownDomain + "run/identical" // "true": all iterations are runs of the same code
	ContextUnits     = ownDomain + "run/units"     // a side of the comparisons that are usually made: what grades are for
)

// Identical reports whether a submission's context says that all of its iterations are runs of the same code, and for how many units a side
// its sender wants grades; 0: it does not say.
func Identical(context map[string]string) (units int, is bool) {
	units, err := strconv.Atoi(context[ContextUnits])
	if err != nil || units < 2 || units > limits.CalibrateUnits {
		units = 0
	}
	return units, context[ContextIdentical] == "true"
}

// Dirty reports whether a submission's context says that the work tree had uncommitted changes: then its results are not the commit's.
func Dirty(context map[string]string) bool { return ContextValue(context, ContextDirty) == "true" }

// Branch returns the name or UUID of the branch that a submission goes to: what it names, else its context's git branch. Without either,
// or on a detached HEAD, it is an Invalid fault that says how to give one; there is no default.
func Branch(named string, context map[string]string) (string, error) {
	if named != "" {
		if ident.IsUUID(named) {
			return named, nil
		}
		return named, ident.CheckBranchName(named)
	}
	ref := ContextValue(context, ContextBranch)
	if ref == "" || ref == "HEAD" {
		return "", fault.Invalidf("branch: the run names none and its context has no git branch (a detached HEAD has none); " +
			"give it with --branch NAME or the field \"branch\"")
	}
	return ref, ident.CheckBranchName(ref)
}

// Hash returns the commit of a submission in lower case: what it names, else its context's. "" if it has none. What is not a full git
// object name is an Invalid fault, never ignored.
func Hash(named string, context map[string]string) (string, error) {
	where, hash := "hash", strings.ToLower(strings.TrimSpace(named))
	if hash == "" {
		where, hash = "hash of the context", strings.ToLower(ContextValue(context, ContextHash))
	}
	if hash == "" {
		return "", nil
	}
	if err := CheckHash(where, hash); err != nil {
		return "", err
	}
	return hash, nil
}

// CheckHash returns an Invalid fault unless hash is a full git object name. what says whose hash it is.
func CheckHash(what, hash string) error {
	if ident.IsGitHash(hash) {
		return nil
	}
	const most = 80
	if len(hash) > most {
		hash = hash[:most] + "…"
	}
	return fault.Invalidf("%s %q: want a full git object name, 40 or 64 hexadecimal digits ('git rev-parse HEAD' prints it)", what, hash)
}

// Testbed returns the name or UUID of the testbed of results that were measured where the client ran: what it names, else the context's
// operating system, else LocalTestbed.
func Testbed(named string, context map[string]string) (string, error) {
	name := named
	if name == "" {
		name = ContextValue(context, ContextOS)
	}
	if name == "" {
		return LocalTestbed, nil
	}
	if ident.IsUUID(name) {
		return name, nil
	}
	return name, ident.CheckName("testbed", name, limits.ResourceNameBytes)
}

// Project returns the slug or UUID of the project that a submission goes to, and the name that a new project gets: what it names, else
// the project in its image's repository ("project/app:v1"), else the context's repository. Without any it is an Invalid fault.
func Project(named, image string, context map[string]string) (ref, name string, err error) {
	switch {
	case ident.IsUUID(named):
		return named, "", nil
	case named != "":
		if !ident.IsSlug(named) {
			return "", "", fault.Invalidf("project %q: want a slug (lower-case letters, digits, single hyphens, at most %d) or a UUID; %q would do",
				shorten(named), limits.SlugBytes, ident.Slugify(named))
		}
		return named, named, nil
	}
	if p := imageProject(image); p != "" {
		return p, p, nil
	}
	repository := ContextValue(context, ContextRepository)
	if slug := ident.Slugify(repository); slug != "" {
		return slug, shorten(repository), nil
	}
	return "", "", fault.Invalidf("project: the run names none, and neither its image nor its context says which; " +
		"give it with --project SLUG or the field \"project\"")
}

// imageProject returns the project of an image in this server's registry, "" for one elsewhere or without a project. A malformed name
// has none here; whoever resolves the image says what is wrong with it.
func imageProject(image string) string {
	ref, err := imageref.Parse(image)
	if err != nil || ref.Registry != "" {
		return ""
	}
	first, _, inFolder := strings.Cut(ref.Path, "/")
	if !inFolder || !ident.IsSlug(first) {
		return ""
	}
	return first
}

// shorten cuts a name to what a resource may be called, at a character's edge.
func shorten(name string) string {
	if len(name) <= limits.ResourceNameBytes {
		return name
	}
	return strings.TrimSpace(strings.ToValidUTF8(name[:limits.ResourceNameBytes], ""))
}

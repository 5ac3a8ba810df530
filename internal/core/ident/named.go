package ident

import "github.com/tachograph/tacho/internal/core/fault"

// CheckNew checks the name and the optional slug of a thing that is to be made.
func CheckNew(what, name, slug string, nameBytes int) error {
	if err := CheckName(what, name, nameBytes); err != nil {
		return err
	}
	if slug != "" && !IsSlug(slug) {
		return fault.Invalidf("%s %q: %q is not a slug; one is lower-case letters, digits and single hyphens, for example %q", what, name, slug,
			Slugify(slug))
	}
	return nil
}

// CheckPatch checks a name and a slug that may be absent.
func CheckPatch(what string, name, slug *string, nameBytes int) error {
	if name != nil {
		if err := CheckName(what, *name, nameBytes); err != nil {
			return err
		}
	}
	if slug != nil && !IsSlug(*slug) {
		return fault.Invalidf("%s: %q is not a slug; one is lower-case letters, digits and single hyphens", what, *slug)
	}
	return nil
}

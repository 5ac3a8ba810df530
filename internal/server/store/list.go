package store

import (
	"fmt"
	"strings"

	"github.com/tachograph/tacho/internal/core/ident"
)

// ListFilter narrows a list of named things. Empty fields do not.
type ListFilter struct {
	Name     string // exactly
	Search   string // in name or slug, without regard to the case of ASCII letters, or the whole UUID
	Archived bool   // only archived ones; otherwise only the others
	Page     Page
}

// where is the filter as a condition that begins with " and", behind the arguments that are there already.
func (f ListFilter) where(args []any) (string, []any) {
	condition := " and archived is null"
	if f.Archived {
		condition = " and archived is not null"
	}
	if f.Name != "" {
		args = append(args, f.Name)
		condition += fmt.Sprintf(" and name = $%d", len(args))
	}
	if f.Search != "" {
		args = append(args, likePattern(f.Search), f.Search)
		condition += fmt.Sprintf(` and (lower(name) like lower($%[1]d) escape '\' or slug like lower($%[1]d) escape '\' or id = lower($%[2]d))`, len(args)-1, len(args))
	}
	return condition, args
}

// likePattern makes a search text a pattern for "lower(x) like lower(…) escape '\'"; "" stays "". The database folds both sides: what it
// calls lower case is its own affair, and a text must always find itself.
func likePattern(search string) string {
	if search == "" {
		return ""
	}
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(search) + "%"
}

// places returns "($from, …)" for n parameters.
func places(from, n int) string {
	var b strings.Builder
	b.WriteByte('(')
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "$%d", from+i)
	}
	b.WriteByte(')')
	return b.String()
}

// slugFor is the slug that a thing of this name gets when nobody chose one. The id stands in for a name that has no letter to keep, and tells
// a name that is the text of a UUID from that UUID.
func slugFor(name, id string) string {
	slug := ident.Slugify(name)
	if slug == "" || ident.IsUUID(slug) {
		return ident.SlugWithSuffix(slug, id)
	}
	return slug
}

// byRef is the condition and the argument that find a thing by UUID or slug. It is never both, or a slug that looks like a UUID would shadow
// the thing with this id.
func byRef(ref string) (condition, value string) {
	if ident.IsUUID(ref) {
		return "id = $1", strings.ToLower(ref)
	}
	return "slug = $1", ref
}

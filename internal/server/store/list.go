package store

import (
	"fmt"
	"strings"
)

// ListFilter narrows a list of named things. Empty fields do not.
type ListFilter struct {
	Name     string // exactly
	Search   string // in name or slug, without regard to case, or the whole UUID
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
		condition += fmt.Sprintf(` and (lower(name) like $%[1]d escape '\' or slug like $%[1]d escape '\' or id = $%[2]d)`, len(args)-1, len(args))
	}
	return condition, args
}

// likePattern makes a search text a pattern for "lower(x) like … escape '\'"; "" stays "".
func likePattern(search string) string {
	if search == "" {
		return ""
	}
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(strings.ToLower(search)) + "%"
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

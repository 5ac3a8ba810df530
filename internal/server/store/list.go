package store

import (
	"context"
	"database/sql"
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	"github.com/tachograph/tacho/internal/core/ident"
)

// Page is a window of an ordered list. Limit ≤ 0 means limits.PageDefault at the edge; the store takes it as it is.
type Page struct {
	Limit  int
	Offset int
	Desc   bool
}

// ListFilter narrows a list of named things. Empty fields do not.
type ListFilter struct {
	Name     string // exactly
	Search   string // in name or slug, without regard to the case of ASCII letters, or the whole UUID
	Archived bool   // only archived ones; otherwise only the others
	Page     Page
}

// Where is the filter as a condition that begins with " and", behind the arguments that are there already.
func (f ListFilter) Where(args []any) (string, []any) {
	condition := " and archived is null"
	if f.Archived {
		condition = " and archived is not null"
	}
	if f.Name != "" {
		args = append(args, f.Name)
		condition += fmt.Sprintf(" and name = $%d", len(args))
	}
	if f.Search != "" {
		args = append(args, LikePattern(f.Search), f.Search)
		condition += fmt.Sprintf(` and (lower(name) like lower($%[1]d) escape '\' or slug like lower($%[1]d) escape '\' or id = lower($%[2]d))`,
			len(args)-1, len(args))
	}
	return condition, args
}

// LikePattern makes a search text a pattern for "lower(x) like lower(…) escape '\'"; "" stays "". The database folds both sides: what it
// calls lower case is its own affair, and a text must always find itself.
func LikePattern(search string) string {
	if search == "" {
		return ""
	}
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(search) + "%"
}

// Places returns "($from, …)" for n parameters. What is compared with an empty list is in it on no database, nor is it "not in" it.
func Places(from, n int) string {
	if n == 0 {
		return noneOf
	}
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

// noneOf is an empty list: "in ()" is no SQL but SQLite's own.
const noneOf = "(null)"

// SlugFor is the slug that a thing of this name gets when nobody chose one. The id stands in for a name that has no letter to keep, and
// tells a name that is the text of a UUID from that UUID.
func SlugFor(name, id string) string {
	slug := ident.Slugify(name)
	if slug == "" || ident.IsUUID(slug) {
		return ident.SlugWithSuffix(slug, id)
	}
	return slug
}

// InsertUnder inserts a row that has a slug. insert leaves the row out if its name or slug is taken ("on conflict do nothing", which also
// waits for another writer of the same). A slug that was made, and not asked for, gets a suffix then. there says whether the row is.
func InsertUnder(slug *string, made bool, id string, insert func() (sql.Result, error)) (there bool, err error) {
	for try := 0; ; try++ {
		res, err := insert()
		if err != nil {
			return false, err
		}
		if n, err := res.RowsAffected(); err != nil || n == 1 || !made || try > 0 {
			return n == 1, err
		}
		*slug = ident.SlugWithSuffix(*slug, id)
	}
}

// ByRef is the condition and the argument that find a thing by UUID or slug. It is never both, or a slug that looks like a UUID would
// shadow the thing with this id.
func ByRef(ref string) (condition, value string) {
	if ident.IsUUID(ref) {
		return "id = $1", strings.ToLower(ref)
	}
	return "slug = $1", ref
}

// Direction is the SQL word for a page's order.
func Direction(p Page) string {
	if p.Desc {
		return " desc"
	}
	return ""
}

// IDsPerQuery is how many ids one query names; SQLite's own bound is 32,766 parameters, smaller statements are prepared faster.
const IDsPerQuery = 500

// InChunks calls query with at most IDsPerQuery distinct ids at a time, as "(…)" of placeholders from $1 on and their values. The last id
// is
// repeated up to a round number of them, so that there are few different statements.
func InChunks[ID comparable](ids []ID, query func(in string, args []any) error) error {
	seen := make(map[ID]bool, len(ids))
	args := make([]any, 0, min(len(ids), IDsPerQuery))
	flush := func() error {
		if len(args) == 0 {
			return nil
		}
		for len(args) < roundSize(len(args)) {
			args = append(args, args[len(args)-1])
		}
		err := query(Places(1, len(args)), args)
		args = args[:0]
		return err
	}
	for _, id := range ids {
		if seen[id] {
			continue
		}
		seen[id] = true
		if args = append(args, id); len(args) == IDsPerQuery {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// roundSize is the next power of two, up to IDsPerQuery.
func roundSize(n int) int {
	return min(1<<bits.Len(uint(n-1)), IDsPerQuery) //nolint:gosec // n is a small number of ids
}

// ByID runs a query that ends in "in " for the ids and returns its rows keyed by key. Ids without a row are absent.
func ByID[T any, ID comparable](ctx context.Context, tx *Tx, ids []ID, query string, scan func(*sql.Rows) (T, error),
	key func(T) ID) (map[ID]T, error) {
	out := make(map[ID]T, len(ids))
	err := InChunks(ids, func(in string, args []any) error {
		rows, err := tx.Query(ctx, query+in, args...)
		found, err := Collect(rows, err, scan)
		for _, row := range found {
			out[key(row)] = row
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("load rows by id: %w", err)
	}
	return out, nil
}

// Integers writes numbers as a list for SQL. They are ours, so that nothing can be smuggled in, and a list of thousands needs no
// parameters. An empty one is as with Places.
func Integers(ids []int64) string {
	if len(ids) == 0 {
		return noneOf
	}
	var b strings.Builder
	b.WriteByte('(')
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatInt(id, 10))
	}
	b.WriteByte(')')
	return b.String()
}

// Patch gathers the columns of a row that are edited.
type Patch struct {
	columns []string
	args    []any
}

// Set gives a column a value.
func (p *Patch) Set(column string, value any) {
	p.args = append(p.args, value)
	p.columns = append(p.columns, fmt.Sprintf("%s = $%d", column, len(p.args)))
}

// Apply writes the columns to the row of a table with this id, if it meets the condition, which begins with " and" unless it is empty.
func (p *Patch) Apply(ctx context.Context, tx *Tx, table, id, condition string) (sql.Result, error) {
	args := append(p.args, id)
	return tx.Exec(ctx, fmt.Sprintf("update %s set %s where id = $%d%s", table, strings.Join(p.columns, ", "), len(args), condition), args...)
}

// Map maps a list of rows; the result is never nil, so that JSON has [] and not null.
func Map[R, W any](rows []R, one func(R) W) []W {
	out := make([]W, len(rows))
	for i, r := range rows {
		out[i] = one(r)
	}
	return out
}

// PageOf reads a page of the rows that from selects (" from … where …", with its arguments), in an order that has the page's direction in
// it ("name%s, id"), and counts all of them. what names the rows in errors.
func PageOf[T any](
	ctx context.Context, tx *Tx, what, columns, from string, args []any, order string, page Page, scan func(*sql.Rows) (T, error),
) (out []T, total int, err error) {
	n := len(args)
	query := `select ` + columns + from + ` order by ` + strings.ReplaceAll(order, "%s",
		Direction(page)) + fmt.Sprintf(` limit $%d offset $%d`, n+1, n+2)
	rows, err := tx.Query(ctx, query, append(args[:n:n], page.Limit, page.Offset)...)
	if out, err = Collect(rows, err, scan); err != nil {
		return nil, 0, fmt.Errorf("list %s: %w", what, err)
	}
	if len(out) > 0 && len(out) < page.Limit { // it is the last page
		return out, page.Offset + len(out), nil
	}
	if err := tx.QueryRow(ctx, `select count(*)`+from, args...).Scan(&total); err != nil {
		return nil, 0, fmt.Errorf("count %s: %w", what, err)
	}
	return out, total, nil
}

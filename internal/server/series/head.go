package series

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/series"
	"github.com/tachograph/tacho/internal/server/notify"
	"github.com/tachograph/tacho/internal/server/store"
)

// Head is one incarnation of a branch. The start fields say whose versions its history begins with; all three are set or none.
// Inherits says that the branch takes over the thresholds of its start point. A head that is aside is no part of the branch's life: see
// InsertAside.
type Head struct {
	ID             string
	BranchID       string
	StartBranchID  *string
	StartHeadID    *string
	StartVersionID *string
	Inherits       bool
	Created        time.Time
	Replaced       *time.Time
	Aside          bool
}

// Version is a point in the history of one or more heads. Heads that share it do not share what is measured on it later.
type Version struct {
	ID        string
	ProjectID string
	Number    int64
	Hash      *string
}

const headColumns = `h.id, h.branch_id, h.start_branch_id, h.start_head_id, h.start_version_id, h.inherits, h.created, h.replaced,
	h.aside`

func scanHead(rows *sql.Rows) (Head, error) {
	var h Head
	var created int64
	var replaced *int64
	err := rows.Scan(&h.ID, &h.BranchID, &h.StartBranchID, &h.StartHeadID, &h.StartVersionID, &h.Inherits, &created, &replaced, &h.Aside)
	h.Created, h.Replaced = store.TimeOf(created), store.TimePtr(replaced)
	return h, err
}

const versionColumns = `v.id, v.project_id, v.number, v.hash`

func scanVersion(row interface{ Scan(...any) error }) (Version, error) {
	var v Version
	err := row.Scan(&v.ID, &v.ProjectID, &v.Number, &v.Hash)
	return v, err
}

func scanVersions(rows *sql.Rows) (Version, error) { return scanVersion(rows) }

func insertHead(ctx context.Context, tx *store.Tx, h Head) error {
	_, err := tx.Exec(ctx, `insert into head (id, branch_id, start_branch_id, start_head_id, start_version_id, inherits, created,
		replaced, aside) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, h.ID, h.BranchID, h.StartBranchID, h.StartHeadID, h.StartVersionID,
		h.Inherits, store.Micros(h.Created), store.MicrosPtr(h.Replaced), h.Aside)
	if err != nil {
		return fmt.Errorf("insert head of branch %s: %w", h.BranchID, err)
	}
	if _, err := tx.Exec(ctx, `insert into head_lineage (head_id, ancestor_id, low, high) values ($1, $1, 0, $2)`, h.ID,
		int64(math.MaxInt64)); err != nil {
		return fmt.Errorf("insert lineage of head %s: %w", h.ID, err)
	}
	return nil
}

// InsertAside makes a head beside a branch, for results that say something about versions of the branch and must not become a part of its
// history: no line, limit, alert or comparison by commit has them. It has no versions; the reports on it name those of the branch.
func InsertAside(ctx context.Context, tx *store.Tx, branchID string) (Head, error) {
	now := tx.Now()
	h := Head{ID: ident.NewUUID(), BranchID: branchID, Created: now, Replaced: &now, Aside: true}
	return h, insertHead(ctx, tx, h)
}

// NotAside is a condition that leaves out reports r that are on a head beside its branch.
const NotAside = ` and not exists (select 1 from head beside where beside.id = r.head_id and beside.aside)`

// ReplaceHead gives the branch a new, empty head. The old one is marked as replaced and its alerts are silenced, dismissed ones too:
// nobody can act on them any more (the table in core/judge).
func ReplaceHead(ctx context.Context, tx *store.Tx, b Branch) (Branch, Head, error) {
	h := Head{ID: ident.NewUUID(), BranchID: b.ID, Inherits: true, Created: tx.Now()}
	if err := insertHead(ctx, tx, h); err != nil {
		return Branch{}, Head{}, err
	}
	now := store.Micros(tx.Now())
	var silenced int64
	for _, q := range []struct {
		query string
		args  []any
	}{
		{`update head set replaced = $1 where id = $2`, []any{now, b.HeadID}},
		{`update branch set head_id = $1, modified = $2 where id = $3`, []any{h.ID, now, b.ID}},
		{`update alert set status = 'silenced', modified = $1 where head_id = $2 and status <> 'silenced'`, []any{now, b.HeadID}},
	} {
		res, err := tx.Exec(ctx, q.query, q.args...)
		if err == nil {
			silenced, err = res.RowsAffected() // of the last one
		}
		if err != nil {
			return Branch{}, Head{}, fmt.Errorf("replace head of branch %s: %w", b.ID, err)
		}
	}
	if silenced > 0 {
		if err := notify.Write(ctx, tx, notify.Event{Kind: notify.AlertChanged, ProjectID: b.ProjectID, Subject: b.HeadID,
			Body: notify.Body{Head: b.HeadID, To: "silenced", Alerts: int(silenced)}}); err != nil {
			return Branch{}, Head{}, err
		}
	}
	b.HeadID, b.Modified = h.ID, tx.Now()
	return b, h, nil
}

// StartAt makes the newest at most maxVersions versions of from that are not newer than start the history of an empty head, and remembers
// start as its start point. Versions are shared, not copied: however long a history is, a start costs a row for each head that it leads
// through.
//
// What is measured on a shared version belongs to the head that it was measured on and to heads that start from it, never the other way
// round: see OfLineage. An ancestor that has none of the shared versions can add nothing and is left out, so that a branch which starts
// from itself with each run does not grow a lineage without end.
func StartAt(ctx context.Context, tx *store.Tx, h Head, from Head, start Version, maxVersions int) (Head, error) {
	oldest := max(0, start.Number-int64(maxVersions)+1) // the numbers of a history have no gaps
	_, err := tx.Exec(ctx, `insert into head_lineage (head_id, ancestor_id, low, high)
		select $1, l.ancestor_id, case when l.low < $3 then $3 else l.low end, case when l.high > $4 then $4 else l.high end
		from head_lineage l where l.head_id = $2 and l.high >= $3`, h.ID, from.ID, oldest, start.Number)
	if err != nil {
		return Head{}, fmt.Errorf("share versions of head %s: %w", from.ID, err)
	}
	if _, err := tx.Exec(ctx, `update head_lineage set low = $1 where head_id = $2 and ancestor_id = $2`, start.Number+1, h.ID); err != nil {
		return Head{}, fmt.Errorf("share versions of head %s: %w", from.ID, err)
	}
	h.StartBranchID, h.StartHeadID, h.StartVersionID = &from.BranchID, &from.ID, &start.ID
	_, err = tx.Exec(ctx, `update head set start_branch_id = $1, start_head_id = $2, start_version_id = $3 where id = $4`,
		h.StartBranchID, h.StartHeadID, h.StartVersionID, h.ID)
	if err != nil {
		return Head{}, fmt.Errorf("set start point of head %s: %w", h.ID, err)
	}
	return h, nil
}

// Stretch is a part of a head's history: the versions of one head, itself or an ancestor, numbered from Low to High.
type Stretch struct {
	HeadID    string
	Low, High int64
}

// Stretches are the parts of a head's history, oldest first. No number is in two of them; a head may have several.
func Stretches(ctx context.Context, tx *store.Tx, headID string) ([]Stretch, error) {
	rows, err := tx.Query(ctx, `select ancestor_id, low, high from head_lineage where head_id = $1 and low <= high order by low`, headID)
	out, err := store.Collect(rows, err, func(rows *sql.Rows) (s Stretch, err error) { return s, rows.Scan(&s.HeadID, &s.Low, &s.High) })
	if err != nil {
		return nil, fmt.Errorf("find what head %s started from: %w", headID, err)
	}
	return apart(out), nil
}

// apart cuts stretches that lie within others out of these. After handOver a head has versions of its own from before those that it shares,
// and none between them.
func apart(all []Stretch) []Stretch {
	for i := 1; i < len(all); i++ {
		outer, inner := &all[i-1], all[i]
		if outer.High < inner.Low {
			continue
		}
		rest := Stretch{HeadID: outer.HeadID, Low: inner.High, High: outer.High}
		outer.High = inner.Low - 1
		if rest.Low == rest.High {
			continue
		}
		rest.Low++
		at, _ := slices.BinarySearchFunc(all[i+1:], rest, func(a, b Stretch) int { return cmp.Compare(a.Low, b.Low) })
		all = slices.Insert(all, i+1+at, rest)
	}
	return slices.DeleteFunc(all, func(s Stretch) bool { return s.Low > s.High })
}

// handOver gives the versions of a branch's heads to the heads that share them, before the branch is deleted.
func handOver(ctx context.Context, tx *store.Tx, branchID string) error {
	for _, step := range []string{
		`insert into head_version (head_id, version_id, number) select l.head_id, hv.version_id, hv.number from head h
			join head_lineage l on l.ancestor_id = h.id join head d on d.id = l.head_id and d.branch_id <> h.branch_id
			join head_version hv on hv.head_id = h.id and hv.number between l.low and l.high where h.branch_id = $1`,
		`update head_lineage set low = (select min(hv.number) from head_version hv where hv.head_id = head_lineage.head_id)
			where head_id = ancestor_id and low > (select min(hv.number) from head_version hv where hv.head_id = head_lineage.head_id)
			and head_id in (select l.head_id from head h join head_lineage l on l.ancestor_id = h.id where h.branch_id = $1)`,
	} {
		if _, err := tx.Exec(ctx, step, branchID); err != nil {
			return fmt.Errorf("hand over the versions of branch %s: %w", branchID, err)
		}
	}
	return nil
}

// SetInherits says whether the head's branch takes over the thresholds of its start point.
func SetInherits(ctx context.Context, tx *store.Tx, h Head, inherits bool) (Head, error) {
	h.Inherits = inherits
	res, err := tx.Exec(ctx, `update head set inherits = $1 where id = $2`, inherits, h.ID)
	return h, store.ExactlyOne(res, err, "head", h.ID)
}

// HeadsByID returns the heads with these ids, keyed by id.
func HeadsByID(ctx context.Context, tx *store.Tx, ids []string) (map[string]Head, error) {
	return store.ByID(ctx, tx, ids, `select `+headColumns+` from head h where h.id in `, scanHead, func(h Head) string { return h.ID })
}

// HeadByID returns one head.
func HeadByID(ctx context.Context, tx *store.Tx, id string) (Head, error) {
	found, err := HeadsByID(ctx, tx, []string{id})
	if err != nil {
		return Head{}, err
	}
	h, ok := found[id]
	if !ok {
		err = store.OneRow(sql.ErrNoRows, "head", id)
	}
	return h, err
}

// VersionsByID returns the versions with these ids, keyed by id.
func VersionsByID(ctx context.Context, tx *store.Tx, ids []string) (map[string]Version, error) {
	return store.ByID(ctx, tx, ids, `select `+versionColumns+` from version v where v.id in `, scanVersions,
		func(v Version) string { return v.ID })
}

const versionsBetweenQuery = `select ` + versionColumns + ` from head_version hv join version v on v.id = hv.version_id
	where hv.head_id = $1 and hv.number between $2 and $3 order by hv.number limit $4`

// VersionsBetween returns the versions of a head numbered from low to high, the oldest first, at most limit.
func VersionsBetween(ctx context.Context, tx *store.Tx, headID string, low, high int64, limit int) ([]Version, error) {
	stretches, err := Stretches(ctx, tx, headID)
	if err != nil {
		return nil, err
	}
	out := []Version{}
	for _, s := range stretches {
		if from, to := max(low, s.Low), min(high, s.High); from <= to && len(out) < limit {
			rows, err := tx.Query(ctx, versionsBetweenQuery, s.HeadID, from, to, limit-len(out))
			found, err := store.Collect(rows, err, scanVersions)
			if err != nil {
				return nil, fmt.Errorf("find versions %d to %d of head %s: %w", low, high, headID, err)
			}
			out = append(out, found...)
		}
	}
	return out, nil
}

// VersionsAt returns the versions of a head with these numbers, keyed by number. Numbers that it does not have are absent.
func VersionsAt(ctx context.Context, tx *store.Tx, headID string, numbers []int64) (map[int64]Version, error) {
	rows, err := tx.Query(ctx, `select `+versionColumns+` from head_lineage l
		join head_version hv on hv.head_id = l.ancestor_id and hv.number between l.low and l.high
		join version v on v.id = hv.version_id where l.head_id = $1 and hv.number in `+store.Integers(numbers)+`
		order by case when l.ancestor_id = l.head_id then 1 else 0 end`, headID)
	found, err := store.Collect(rows, err, scanVersions)
	if err != nil {
		return nil, fmt.Errorf("find versions of head %s: %w", headID, err)
	}
	out := make(map[int64]Version, len(found))
	for _, v := range found {
		out[v.Number] = v
	}
	return out, nil
}

// byHashQuery begins with the commit, which few versions have: "cross join" keeps SQLite from going through all versions of the head.
const byHashQuery = `select ` + versionColumns + ` from version v cross join head_version hv cross join head_lineage l
	where v.project_id = $2 and v.hash = $3 and hv.version_id = v.id
	and l.head_id = $1 and l.ancestor_id = hv.head_id and hv.number between l.low and l.high
	order by v.number desc limit 1`

// VersionByHash returns the newest version of a head with this commit; found is false if it has none.
func VersionByHash(ctx context.Context, tx *store.Tx, projectID, headID, hash string) (v Version, found bool, err error) {
	v, err = scanVersion(tx.QueryRow(ctx, byHashQuery, headID, projectID, hash))
	return store.FoundRow(v, err, "find version "+hash)
}

// Commits returns up to limit of the project's commits that begin with prefix, in order.
func Commits(ctx context.Context, tx *store.Tx, projectID, prefix string, limit int) ([]string, error) {
	rows, err := tx.Query(ctx, commitsQuery, projectID, prefix, prefix+"g", limit) // g follows all digits of a commit
	out, err := store.Collect(rows, err, store.ScanText)
	if err != nil {
		return nil, fmt.Errorf("find commits %s: %w", prefix, err)
	}
	return out, nil
}

const commitsQuery = `select distinct v.hash from version v where v.project_id = $1 and v.hash >= $2 and v.hash < $3
	order by v.hash limit $4`

// VersionsOfCommit returns up to limit of the project's versions with a commit: several heads may have one each.
func VersionsOfCommit(ctx context.Context, tx *store.Tx, projectID, hash string, limit int) ([]Version, error) {
	rows, err := tx.Query(ctx, `select `+versionColumns+` from version v where v.project_id = $1 and v.hash = $2 order by v.id desc limit $3`,
		projectID, hash, limit)
	out, err := store.Collect(rows, err, scanVersions)
	if err != nil {
		return nil, fmt.Errorf("find versions of %s: %w", hash, err)
	}
	return out, nil
}

// NewestVersion returns the version of a head with the highest number; found is false for a head without versions.
func NewestVersion(ctx context.Context, tx *store.Tx, headID string) (v Version, found bool, err error) {
	newest, err := NewestVersions(ctx, tx, []string{headID})
	v, found = newest[headID]
	return v, found, err
}

// newestQuery finds the newest version of each stretch of heads' histories.
const newestQuery = `select l.head_id, ` + versionColumns + ` from head_lineage l
	join head_version hv on hv.head_id = l.ancestor_id
		and hv.number = (select max(n.number) from head_version n where n.head_id = l.ancestor_id and n.number between l.low and l.high)
	join version v on v.id = hv.version_id where l.head_id in `

// NewestVersions returns the newest version of each of the heads, keyed by head. Heads without versions are absent.
func NewestVersions(ctx context.Context, tx *store.Tx, headIDs []string) (map[string]Version, error) {
	out := make(map[string]Version, len(headIDs))
	err := store.InChunks(headIDs, func(in string, args []any) error {
		rows, err := tx.Query(ctx, newestQuery+in, args...)
		_, err = store.Collect(rows, err, func(rows *sql.Rows) (v Version, err error) {
			var head string
			err = rows.Scan(&head, &v.ID, &v.ProjectID, &v.Number, &v.Hash)
			if had, met := out[head]; err == nil && (!met || had.Number < v.Number) {
				out[head] = v
			}
			return v, err
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find newest versions: %w", err)
	}
	return out, nil
}

// EnsureVersion returns the head's version for a commit: the one that it has, else a new one. Without a hash it is always a new one.
func EnsureVersion(ctx context.Context, tx *store.Tx, projectID, headID, hash string) (Version, error) {
	if hash != "" {
		if v, found, err := VersionByHash(ctx, tx, projectID, headID, hash); err != nil || found {
			return v, err
		}
	}
	newest, found, err := NewestVersion(ctx, tx, headID)
	if err != nil {
		return Version{}, err
	}
	v := Version{ID: ident.NewUUID(), ProjectID: projectID, Number: series.NextNumber(nil)}
	if found {
		v.Number = series.NextNumber(&newest.Number)
	}
	if hash != "" {
		v.Hash = &hash
	}
	if _, err := tx.Exec(ctx, `insert into version (id, project_id, number, hash) values ($1, $2, $3, $4)`,
		v.ID, v.ProjectID, v.Number, v.Hash); err != nil {
		return Version{}, fmt.Errorf("insert version %d: %w", v.Number, err)
	}
	if _, err := tx.Exec(ctx, `insert into head_version (head_id, version_id, number) values ($1, $2, $3)`,
		headID, v.ID, v.Number); err != nil {
		return Version{}, fmt.Errorf("insert version %d of head %s: %w", v.Number, headID, err)
	}
	return v, nil
}

// OfLineage keeps the reports r that are history of the head that is parameter n: its own, and those of the heads that it leads back to.
// Another branch that measured one of the shared versions is not its history.
func OfLineage(n int) string {
	return fmt.Sprintf(` and exists (select 1 from head_lineage l where l.head_id = $%d and l.ancestor_id = r.head_id)`, n)
}

package series

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/tachograph/tacho/api"
	coreseries "github.com/tachograph/tacho/internal/core/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// Commit is what is known of a commit of a project.
type Commit = coreseries.Commit

const commitColumns = `c.hash, c.parent, c.author, c.subject, c.time`

func scanCommit(rows *sql.Rows) (c Commit, err error) {
	var at *int64
	err = rows.Scan(&c.Hash, &c.Parent, &c.Author, &c.Subject, &at)
	c.Time = store.TimePtr(at)
	return c, err
}

// commitsOfQuery asks for commits of the project that is parameter n.
func commitsOfQuery(in string, n int) string {
	return fmt.Sprintf(`select `+commitColumns+` from git_commit c where c.project_id = $%d and c.hash in %s`, n, in)
}

// CommitsOf returns what is known of a project's commits with these hashes, keyed by hash. Commits that nobody told of are absent.
func CommitsOf(ctx context.Context, tx *store.Tx, projectID string, hashes []string) (map[string]Commit, error) {
	out := make(map[string]Commit, len(hashes))
	err := store.InChunks(hashes, func(in string, args []any) error {
		rows, err := tx.Query(ctx, commitsOfQuery(in, len(args)+1), append(args, projectID)...)
		found, err := store.Collect(rows, err, scanCommit)
		for _, c := range found {
			out[c.Hash] = c
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find commits: %w", err)
	}
	return out, nil
}

// KeepCommits writes what a report says of commits, which are cleaned. What is known stays: whoever comes later fills gaps only, so that
// the same again changes nothing.
func KeepCommits(ctx context.Context, tx *store.Tx, projectID string, commits []Commit) error {
	hashes := make([]string, len(commits))
	for i, c := range commits {
		hashes[i] = c.Hash
	}
	known, err := CommitsOf(ctx, tx, projectID, hashes)
	if err != nil {
		return err
	}
	for _, c := range commits {
		is, has := known[c.Hash]
		if has {
			var changed bool
			if c, changed = is.Fill(c); !changed {
				continue
			}
		}
		if _, err := tx.Exec(ctx, `insert into git_commit (project_id, hash, parent, author, subject, time) values ($1, $2, $3, $4, $5, $6)
			on conflict (project_id, hash) do update set parent = excluded.parent, author = excluded.author, subject = excluded.subject,
			time = excluded.time`, projectID, c.Hash, c.Parent, c.Author, c.Subject, store.MicrosPtr(c.Time)); err != nil {
			return fmt.Errorf("keep commit %s: %w", c.Hash, err)
		}
		known[c.Hash] = c
	}
	return nil
}

// Gap is what lies between a version and the one before it on its head.
type Gap struct {
	Commits []Commit // that are known and were not measured on the head, the newest first
	Partial bool     // there are more, of which nothing is known
}

// measuredQuery asks for the numbers of those of a head's commits that were measured.
func measuredQuery(in string, n int) string {
	return fmt.Sprintf(`select v.hash, hv.number from version v cross join head_version hv cross join head_lineage l
		where v.project_id = $%d and v.hash in %s and hv.version_id = v.id
		and l.head_id = $%d and l.ancestor_id = hv.head_id and hv.number between l.low and l.high`, n, in, n+1)
}

// Gaps returns what lies between each of a head's versions and what was measured on the head before it, going from commit to first parent,
// most commits at most. The result is keyed by version number; versions without a gap, or of which nothing is known, are absent.
func Gaps(ctx context.Context, tx *store.Tx, projectID, headID string, versions []Version, most int) (map[int64]Gap, error) {
	type walk struct {
		number int64
		next   string // commit that is to be looked up
	}
	var walks []walk
	var hashes []string
	for _, v := range versions {
		if v.Hash != nil {
			hashes = append(hashes, *v.Hash)
		}
	}
	known, err := CommitsOf(ctx, tx, projectID, hashes)
	if err != nil {
		return nil, err
	}
	for _, v := range versions {
		if v.Hash != nil && known[*v.Hash].Parent != "" {
			walks = append(walks, walk{v.Number, known[*v.Hash].Parent})
		}
	}
	out := map[int64]Gap{}
	for range most + 1 { // one more, to see whether a version comes next
		hashes = hashes[:0]
		for _, w := range walks {
			hashes = append(hashes, w.next)
		}
		measured, err := measuredBefore(ctx, tx, projectID, headID, hashes)
		if err != nil {
			return nil, err
		}
		if known, err = CommitsOf(ctx, tx, projectID, hashes); err != nil {
			return nil, err
		}
		on := walks[:0]
		for _, w := range walks {
			if number, was := measured[w.next]; was && number < w.number {
				continue
			}
			gap := out[w.number]
			c, told := known[w.next]
			if gap.Partial = !told || len(gap.Commits) == most; !gap.Partial {
				gap.Commits = append(gap.Commits, c)
				if c.Parent != "" {
					on = append(on, walk{w.number, c.Parent})
				}
			}
			out[w.number] = gap
		}
		if walks = on; len(walks) == 0 {
			break
		}
	}
	return out, nil
}

// measuredBefore returns the lowest number that each of these commits has in a head's history. Commits that were not measured are absent.
func measuredBefore(ctx context.Context, tx *store.Tx, projectID, headID string, hashes []string) (map[string]int64, error) {
	out := map[string]int64{}
	err := store.InChunks(hashes, func(in string, args []any) error {
		rows, err := tx.Query(ctx, measuredQuery(in, len(args)+1), append(args, projectID, headID)...)
		_, err = store.Collect(rows, err, func(rows *sql.Rows) (hash string, err error) {
			var number int64
			err = rows.Scan(&hash, &number)
			if is, has := out[hash]; !has || number < is {
				out[hash] = number
			}
			return hash, err
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find measured commits of head %s: %w", headID, err)
	}
	return out, nil
}

func commitWire(c Commit) api.Commit {
	return api.Commit{Hash: c.Hash, Parent: c.Parent, Author: c.Author, Subject: c.Subject, Time: c.Time}
}

// CommitWire is what is known of a commit on the wire, nil if that is nothing.
func CommitWire(known map[string]Commit, hash *string) *api.Commit {
	if hash == nil {
		return nil
	}
	c, told := known[*hash]
	if !told {
		return nil
	}
	out := commitWire(c)
	return &out
}

// Wire is the commits of a gap on the wire.
func (g Gap) Wire() []api.Commit { return store.Map(g.Commits, commitWire) }

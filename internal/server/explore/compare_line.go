package explore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// numbered is a row with the number of its version.
type numbered[T any] struct {
	row    T
	number int64
}

// newestReportsQuery walks the versions of a stretch from the newest down.
var newestReportsQuery = `select r.seq, hv.number from head_version hv
		join report r on r.version_id = hv.version_id and r.testbed_id = $1
		where hv.head_id = $2 and hv.number between $3 and $4 and r.status = 'processed'` + series.OfLineage(6) + `
		order by hv.number desc, r.start_time desc, r.seq desc limit $5`

// newestReports returns up to limit reports of a head's history on a testbed, up to version number upTo, the newest first.
func newestReports(ctx context.Context, tx *store.Tx, headID, testbedID string, upTo int64, limit int) ([]numbered[int64], error) {
	out, err := backwards[int64](ctx, tx, newestReportsQuery, headID, testbedID, upTo, limit)
	if err != nil {
		return nil, fmt.Errorf("find the newest reports: %w", err)
	}
	return out, nil
}

var measuredVersionsQuery = `select hv.version_id, hv.number from head_version hv
		where hv.head_id = $2 and hv.number between $3 and $4 and exists (select 1 from report r where r.version_id = hv.version_id
			and ($1 = '' or r.testbed_id = $1) and r.status = 'processed'` + series.OfLineage(6) + `)
		order by hv.number desc limit $5`

// measuredVersions returns up to limit versions of a head's history that have results on a testbed, or on any if that is empty, the newest
// first.
func measuredVersions(ctx context.Context, tx *store.Tx, headID, testbedID string, upTo int64, limit int) ([]numbered[string], error) {
	out, err := backwards[string](ctx, tx, measuredVersionsQuery, headID, testbedID, upTo, limit)
	if err != nil {
		return nil, fmt.Errorf("find the newest versions with results: %w", err)
	}
	return out, nil
}

// backwards runs a query for each stretch of a head's history, newest first, until it has limit rows.
func backwards[T any](ctx context.Context, tx *store.Tx, query, headID, testbedID string, upTo int64, limit int) ([]numbered[T], error) {
	stretches, err := series.Stretches(ctx, tx, headID)
	if err != nil {
		return nil, err
	}
	var out []numbered[T]
	for _, s := range slices.Backward(stretches) {
		if s.Low > upTo || len(out) >= limit {
			continue
		}
		rows, err := tx.Query(ctx, query, testbedID, s.HeadID, s.Low, min(s.High, upTo), limit-len(out), headID)
		found, err := store.Collect(rows, err, func(rows *sql.Rows) (n numbered[T], err error) { return n, rows.Scan(&n.row, &n.number) })
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

// versionReportsQuery finds the reports of versions; of a head's history alone where argument n+2 names one.
func versionReportsQuery(in string, n int) string {
	return fmt.Sprintf(`select r.seq from report r where r.version_id in %s and r.status = 'processed' and ($%d = '' or r.testbed_id = $%[2]d)
		and ($%d = '' or exists (select 1 from head_lineage l where l.head_id = $%[3]d and l.ancestor_id = r.head_id))`+
		series.NotAside+`
		order by r.start_time desc, r.seq desc limit $%d`, in, n+1, n+2, n+3)
}

// versionReports returns up to limit reports of versions, the newest first, on a testbed or on any if that is empty: of a head's history,
// or of any head if that is empty.
func versionReports(ctx context.Context, tx *store.Tx, versionIDs []string, headID, testbedID string, limit int) ([]int64, error) {
	var out []int64
	err := store.InChunks(versionIDs, func(in string, args []any) error {
		rows, err := tx.Query(ctx, versionReportsQuery(in, len(args)), append(args, testbedID, headID, limit)...)
		found, err := store.Collect(rows, err, func(rows *sql.Rows) (seq int64, err error) { return seq, rows.Scan(&seq) })
		out = append(out, found...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find reports of versions: %w", err)
	}
	return out[:min(limit, len(out))], nil
}

// reportsByTestbed counts the reports of versions by testbed: of a head's history, or of any head if that is empty.
func reportsByTestbed(ctx context.Context, tx *store.Tx, versionIDs []string, headID string) (map[string]int, error) {
	type count struct {
		testbed string
		n       int
	}
	out := map[string]int{}
	err := store.InChunks(versionIDs, func(in string, args []any) error {
		n := len(args)
		rows, err := tx.Query(ctx, fmt.Sprintf(`select r.testbed_id, count(*) from report r where r.version_id in %s and r.status = 'processed'
			and ($%d = '' or exists (select 1 from head_lineage l where l.head_id = $%[2]d and l.ancestor_id = r.head_id))`+
			series.NotAside+` group by r.testbed_id`, in, n+1), append(args, headID)...)
		found, err := store.Collect(rows, err, func(rows *sql.Rows) (c count, err error) { return c, rows.Scan(&c.testbed, &c.n) })
		for _, c := range found {
			out[c.testbed] += c.n
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count reports by testbed: %w", err)
	}
	return out, nil
}

package series

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/tachograph/tacho/internal/server/store"
)

// Series is a line of points: a benchmark and a measure on a testbed. The branch comes in through the version of each report.
type Series struct {
	ID          int64
	TestbedID   string
	BenchmarkID string
	MeasureID   string
}

// Key is a series on a known testbed.
type Key struct {
	BenchmarkID string
	MeasureID   string
}

const seriesColumns = `s.id, s.testbed_id, s.benchmark_id, s.measure_id`

func scanSeries(rows *sql.Rows) (Series, error) {
	var s Series
	err := rows.Scan(&s.ID, &s.TestbedID, &s.BenchmarkID, &s.MeasureID)
	return s, err
}

// findSeriesQuery asks for the series of benchmarks on the testbed that is argument n. coalesce keeps the planner off the index of
// testbeds, by which it would read all series of the testbed for each few benchmarks.
func findSeriesQuery(in string, n int) string {
	return fmt.Sprintf(`select `+seriesColumns+` from series s where s.benchmark_id in %s and coalesce(s.testbed_id, '') = $%d`, in, n)
}

// Find returns the ids of those of the testbed's series with these keys that exist.
func Find(ctx context.Context, tx *store.Tx, testbedID string, keys []Key) (map[Key]int64, error) {
	benchmarks := make([]string, len(keys))
	for i, k := range keys {
		benchmarks[i] = k.BenchmarkID
	}
	out := make(map[Key]int64, len(keys))
	err := store.InChunks(benchmarks, func(in string, args []any) error {
		rows, err := tx.Query(ctx, findSeriesQuery(in, len(args)+1), append(args, testbedID)...)
		found, err := store.Collect(rows, err, scanSeries)
		for _, s := range found {
			out[Key{s.BenchmarkID, s.MeasureID}] = s.ID
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find series: %w", err)
	}
	return out, nil
}

// Ensure returns the ids of the testbed's series with these keys and makes those that are new. Keys may repeat.
func Ensure(ctx context.Context, tx *store.Tx, testbedID string, keys []Key) (map[Key]int64, error) {
	out, err := Find(ctx, tx, testbedID, keys)
	if err != nil {
		return nil, err
	}
	insert, err := tx.Prepare(ctx, `insert into series (testbed_id, benchmark_id, measure_id) values ($1, $2, $3) returning id`)
	if err != nil {
		return nil, fmt.Errorf("prepare series: %w", err)
	}
	defer insert.Close()
	for _, k := range keys {
		if _, has := out[k]; has {
			continue
		}
		var id int64
		if err := insert.QueryRowContext(ctx, testbedID, k.BenchmarkID, k.MeasureID).Scan(&id); err != nil {
			return nil, fmt.Errorf("insert series: %w", err)
		}
		out[k] = id
	}
	return out, nil
}

// ByID returns the series with these ids, keyed by id.
func ByID(ctx context.Context, tx *store.Tx, ids []int64) (map[int64]Series, error) {
	return store.ByID(ctx, tx, ids, `select `+seriesColumns+` from series s where s.id in `, scanSeries, func(s Series) int64 { return s.ID })
}

// Of returns the series of one testbed and measure for these benchmarks, keyed by benchmark. Benchmarks that were never measured
// so are absent.
func Of(ctx context.Context, tx *store.Tx, testbedID, measureID string, benchmarkIDs []string) (map[string]Series, error) {
	out := make(map[string]Series, len(benchmarkIDs))
	err := store.InChunks(benchmarkIDs, func(in string, args []any) error {
		n := len(args)
		rows, err := tx.Query(ctx, `select `+seriesColumns+` from series s where s.benchmark_id in `+in+
			fmt.Sprintf(` and s.measure_id = $%d and s.testbed_id = $%d`, n+1, n+2), append(args, measureID, testbedID)...)
		found, err := store.Collect(rows, err, scanSeries)
		for _, s := range found {
			out[s.BenchmarkID] = s
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find series: %w", err)
	}
	return out, nil
}

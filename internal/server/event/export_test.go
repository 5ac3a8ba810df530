package event

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// Rows sets how many rows one transaction of a look writes.
func (s *Service) Rows(n int) { s.rows = n }

// Alerts sets how many alerts one transaction makes a part of events.
func (s *Service) Alerts(n int) { s.alerts = n }

// The statements, for the tests of how they are read.
var (
	MeasuredQuery = measuredQuery
	BandsQuery    = bandsQuery + `(1)`
	BlockQuery    = blockQuery
	KeptQuery     = keptQuery + `k.series_id in (1)`
)

// KeptIsTrue compares what is kept of lines with what their metrics say.
func KeptIsTrue(ctx context.Context, tx *store.Tx) error {
	rows, err := tx.Query(ctx, `select head_id, testbed_id, spec_id, series_id, packed from line_values`)
	found, err := store.Collect(rows, err, func(rows *sql.Rows) (p packedValues, err error) {
		return p, rows.Scan(&p.HeadID, &p.TestbedID, &p.SpecID, &p.SeriesID, &p.packed)
	})
	if err != nil {
		return err
	}
	for _, p := range found {
		k, err := unpackKept(p.packed)
		if err != nil {
			return err
		}
		if len(k.values.numbers) == 0 {
			continue
		}
		stretches, err := series.Stretches(ctx, tx, p.HeadID)
		if err != nil {
			return err
		}
		reports, err := reportsAfter(ctx, tx, report.Line{HeadID: p.HeadID, TestbedID: p.TestbedID}, stretches, -1)
		if err != nil {
			return err
		}
		all, err := readValues(ctx, tx, []int64{p.SeriesID}, reports)
		if err != nil {
			return err
		}
		first, last := k.values.numbers[0], k.values.numbers[len(k.values.numbers)-1]
		want := all[p.SeriesID].after(k.from - 1).before(last + 1)
		if !slices.Equal(want.numbers, k.values.numbers) || !slices.Equal(want.values, k.values.values) {
			return fmt.Errorf("series %d from %d: versions %v to %v with %v are kept; measured are %v with %v", p.SeriesID, k.from, first, last,
				k.values, want.numbers, want.values)
		}
	}
	return nil
}

package report

import (
	"context"

	"github.com/tachograph/tacho/internal/core/adapter"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/unit"
	"github.com/tachograph/tacho/internal/server/report/results"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// value is one parsed metric with the rows that it belongs to.
type value struct {
	measureID    string
	ignoreAlerts bool
	metric       Metric // without id, report and boundary
}

// resolve finds or makes the benchmarks, measures and series of what was parsed and returns its values in the order of the tool.
func resolve(ctx context.Context, tx *store.Tx, r Report, parsed results.Parsed) ([]value, error) {
	names, wanted := named(parsed)
	benchmarks, err := series.EnsureBenchmarks(ctx, tx, r.ProjectID, names)
	if err != nil {
		return nil, err
	}
	measures, err := series.EnsureMeasures(ctx, tx, r.ProjectID, wanted)
	if err != nil {
		return nil, err
	}
	var keys []series.Key
	var values []value
	for i, iteration := range parsed.Iterations {
		for _, b := range iteration.Benchmarks {
			if err := checkMeasures(&b, measures); err != nil {
				return nil, err
			}
			for _, m := range b.Metrics {
				measure := measures[m.Measure.Name]
				keys = append(keys, series.Key{BenchmarkID: benchmarks[b.Name].ID, MeasureID: measure.ID})
				values = append(values, value{measure.ID, b.IgnoreAlerts, Metric{
					Iteration: i, Value: m.Value, Lower: m.Lower, Upper: m.Upper, Samples: m.Samples}})
			}
		}
	}
	ids, err := series.Ensure(ctx, tx, r.TestbedID, keys)
	if err != nil {
		return nil, err
	}
	for i, k := range keys {
		values[i].metric.SeriesID = ids[k]
	}
	return values, nil
}

// named are the benchmarks and measures of results, each once.
func named(parsed results.Parsed) (names []string, wanted []series.Measure) {
	seenName, seenMeasure := map[string]bool{}, map[string]bool{}
	for _, iteration := range parsed.Iterations {
		for _, b := range iteration.Benchmarks {
			if !seenName[b.Name] {
				seenName[b.Name] = true
				names = append(names, b.Name)
			}
			for _, m := range b.Metrics {
				if !seenMeasure[m.Measure.Name] {
					seenMeasure[m.Measure.Name] = true
					wanted = append(wanted, measureRow(m.Measure))
				}
			}
		}
	}
	return names, wanted
}

// checkMeasures refuses two names of a benchmark that are one measure.
func checkMeasures(b *adapter.Benchmark, measures map[string]series.Measure) error {
	once := make(map[string]string, len(b.Metrics)) // measure id → the name that it was met under
	for _, m := range b.Metrics {
		measure := measures[m.Measure.Name]
		if other, twice := once[measure.ID]; twice {
			return fault.Invalidf("benchmark %.100q: %q and %q are the same measure %q", b.Name, other, m.Measure.Name, measure.Name)
		}
		once[measure.ID] = m.Measure.Name
	}
	return nil
}

// measureRow returns a measure as a new row of it would be.
func measureRow(m *unit.Measure) series.Measure {
	row := series.Measure{Name: m.Name, Slug: m.Slug, Units: m.Units, Direction: string(m.Direction), Exact: m.Exact}
	if row.Units == "" {
		row.Units = unit.Generic
	}
	if row.Direction == "" {
		row.Direction = string(unit.Unknown)
	}
	return row
}

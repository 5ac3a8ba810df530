package event

import (
	"context"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// checksWire are the checks of an event on the wire, the newest first.
func checksWire(ctx context.Context, tx *store.Tx, eventID string) ([]api.EventCheck, error) {
	rows, err := checksOf(ctx, tx, eventID)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	lines := make([][]CheckLine, len(rows))
	var versionIDs, benchmarkIDs, measureIDs []string
	var seriesIDs []int64
	for i, c := range rows {
		versionIDs = append(versionIDs, c.BeforeVersion, c.AfterVersion)
		if lines[i], err = checkLines(ctx, tx, c.ID); err != nil {
			return nil, err
		}
		for _, l := range lines[i] {
			seriesIDs = append(seriesIDs, l.SeriesID)
		}
	}
	versions, err := series.VersionsByID(ctx, tx, versionIDs)
	if err != nil {
		return nil, err
	}
	of, err := series.ByID(ctx, tx, seriesIDs)
	if err != nil {
		return nil, err
	}
	for _, s := range of {
		benchmarkIDs, measureIDs = append(benchmarkIDs, s.BenchmarkID), append(measureIDs, s.MeasureID)
	}
	benchmarks, err := series.BenchmarksByID(ctx, tx, benchmarkIDs)
	if err != nil {
		return nil, err
	}
	measures, err := series.MeasuresByID(ctx, tx, measureIDs)
	if err != nil {
		return nil, err
	}
	out := make([]api.EventCheck, len(rows))
	for i, c := range rows {
		out[i] = api.EventCheck{UUID: c.ID, Outcome: c.Outcome, Sentence: c.Sentence, Pairs: c.Pairs,
			Before: api.EventVersion{Version: versions[c.BeforeVersion].Wire(), Report: c.BeforeReport},
			After:  api.EventVersion{Version: versions[c.AfterVersion].Wire(), Report: c.AfterReport},
			Lines:  []api.EventCheckLine{}, Created: c.Created, Ended: c.Ended}
		if c.AccountID != nil {
			out[i].Account = *c.AccountID
		}
		for _, l := range lines[i] {
			s := of[l.SeriesID]
			b, m := benchmarks[s.BenchmarkID], measures[s.MeasureID]
			wire := l.wire()
			wire.Benchmark = api.EventThing{UUID: b.ID, Name: b.Name, Slug: b.Slug}
			wire.Measure, wire.Units = api.EventThing{UUID: m.ID, Name: m.Name, Slug: m.Slug}, m.Units
			if c.Outcome == api.CheckFailed {
				wire.Outcome = api.CheckFailed
			}
			out[i].Lines = append(out[i].Lines, wire)
		}
	}
	return out, nil
}

// wire is a line without its names.
func (l CheckLine) wire() api.EventCheckLine {
	return api.EventCheckLine{Exact: l.Exact, Outcome: l.Outcome, Suspected: l.suspected(), Within: l.suspicion().Within(), Pairs: l.Pairs,
		Before: l.SeenBefore, After: l.SeenAfter, Effect: less1(l.Ratio), Lower: less1(l.Low), Upper: less1(l.High), P: l.P,
		Detectable: l.Detectable}
}

// less1 is a ratio as an effect: a share of the level before. nil stays nil.
func less1(ratio *float64) *float64 {
	if ratio == nil {
		return nil
	}
	effect := *ratio - 1
	return &effect
}

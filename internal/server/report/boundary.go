package report

import (
	"context"
	"slices"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/limits"
	coreseries "github.com/tachograph/tacho/internal/core/series"
	"github.com/tachograph/tacho/internal/server/report/history"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/threshold"
)

// position is where a report is in the history of its branch.
type position struct {
	report  Report
	head    series.Head
	version series.Version
}

func positionOf(ctx context.Context, tx *store.Tx, report Report) (position, error) {
	head, err := series.HeadByID(ctx, tx, report.HeadID)
	if err != nil {
		return position{}, err
	}
	versions, err := series.VersionsByID(ctx, tx, []string{report.VersionID})
	if err != nil {
		return position{}, err
	}
	version, found := versions[report.VersionID]
	if !found {
		return position{}, fault.Missingf("version %q does not exist", report.VersionID)
	}
	return position{report, head, version}, nil
}

// ruling is what a series is held against in this report.
type ruling struct {
	*threshold.Rule
	boundary judge.Boundary
}

// seriesPerLook bounds the history that is in memory at once.
const seriesPerLook = 256

// judgeAll draws the boundary of each series that a threshold with a model speaks of, keyed by series. All iterations of a series are
// held against the same boundary: none of them is history of another. Where people accepted a change, its sample begins there. On a head
// beside its branch nothing is judged.
func judgeAll(ctx context.Context, tx *store.Tx, p position, byMeasure map[string][]int64) (map[int64]ruling, error) {
	if p.head.Aside {
		return nil, nil
	}
	rules, err := threshold.Rules(ctx, tx, p.head.BranchID, p.report.TestbedID)
	if err != nil {
		return nil, err
	}
	if len(rules) == 0 {
		return nil, nil
	}
	accepted, err := history.Accepted(ctx, tx, p.head.ID, p.report.SpecID, p.version.Number)
	if err != nil {
		return nil, err
	}
	at := coreseries.Point{Version: p.version.Number, Start: ident.Micros(p.report.StartTime), Report: p.report.Seq}
	out := map[int64]ruling{}
	for _, rule := range rules {
		ids := byMeasure[rule.Threshold.MeasureID]
		if len(ids) == 0 {
			continue
		}
		model := rule.Model.Judge()
		var window int64
		if rule.Model.WindowSeconds != nil {
			window = *rule.Model.WindowSeconds
		}
		for chunk := range slices.Chunk(ids, seriesPerLook) {
			before, err := history.Values(ctx, tx, history.Params{
				HeadID: p.head.ID, TestbedID: p.report.TestbedID, SpecID: p.report.SpecID,
				Horizon: coreseries.NewHorizon(at, window), Limit: sampleSize(model), SeriesIDs: chunk, From: accepted,
			})
			if err != nil {
				return nil, err
			}
			for _, id := range chunk {
				out[id] = ruling{&rule, judge.Bound(model, before[id])}
			}
		}
	}
	return out, nil
}

// sampleSize is how many earlier values a model looks at.
func sampleSize(m judge.Model) int {
	if m.MaxSampleSize != nil {
		return *m.MaxSampleSize
	}
	return limits.HistoryDefault
}

package report

import (
	"context"
	"slices"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/limits"
	coreseries "github.com/tachograph/tacho/internal/core/series"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/threshold"
)

// position is where a report stands in the history of its branch.
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

// rule is a threshold with the model that it has.
type rule struct {
	threshold threshold.Threshold
	model     threshold.Model
}

// ruling is what a series is held against in this report.
type ruling struct {
	*rule
	boundary judge.Boundary
}

// seriesPerLook bounds the history that is in memory at once.
const seriesPerLook = 256

// judgeAll draws the boundary of each series that a threshold with a model speaks of, keyed by series. All iterations of a series are
// held against the same boundary: none of them is history of another.
func judgeAll(ctx context.Context, tx *store.Tx, p position, byMeasure map[string][]int64) (map[int64]ruling, error) {
	thresholds, models, err := rules(ctx, tx, p.head.BranchID, p.report.TestbedID)
	if err != nil {
		return nil, err
	}
	at := coreseries.Point{Version: p.version.Number, Start: ident.Micros(p.report.StartTime), Report: p.report.Seq}
	out := map[int64]ruling{}
	for _, t := range thresholds {
		ids := byMeasure[t.MeasureID]
		if t.ModelID == nil || len(ids) == 0 {
			continue
		}
		row := models[*t.ModelID]
		model := row.Judge()
		var window int64
		if row.WindowSeconds != nil {
			window = *row.WindowSeconds
		}
		held := &rule{t, row}
		for chunk := range slices.Chunk(ids, seriesPerLook) {
			history, err := History(ctx, tx, HistoryParams{
				HeadID: p.head.ID, TestbedID: p.report.TestbedID, SpecID: p.report.SpecID,
				Horizon: coreseries.NewHorizon(at, window), Limit: sampleSize(model), SeriesIDs: chunk,
			})
			if err != nil {
				return nil, err
			}
			for _, id := range chunk {
				out[id] = ruling{held, judge.Bound(model, history[id])}
			}
		}
	}
	return out, nil
}

// rules returns the thresholds of a branch and a testbed, and their models by id.
func rules(ctx context.Context, tx *store.Tx, branchID, testbedID string) ([]threshold.Threshold, map[string]threshold.Model, error) {
	thresholds, err := threshold.On(ctx, tx, branchID, testbedID)
	if err != nil {
		return nil, nil, err
	}
	var ids []string
	for _, t := range thresholds {
		if t.ModelID != nil {
			ids = append(ids, *t.ModelID)
		}
	}
	models, err := threshold.ModelsByID(ctx, tx, ids)
	return thresholds, models, err
}

// sampleSize is how many earlier values a model looks at.
func sampleSize(m judge.Model) int {
	if m.MaxSampleSize != nil {
		return *m.MaxSampleSize
	}
	return limits.HistoryDefault
}

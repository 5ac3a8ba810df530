package explore

import (
	"cmp"
	"context"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/judge/wire"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// Noise returns a page of what runs of identical code have shown of the project's series, and of how many they have. A testbed is a UUID,
// slug or name; an empty one is any.
func (s *Service) Noise(ctx context.Context, actor access.Actor, ref, testbed string, page store.Page) (out []api.SeriesNoise, total int,
	err error) {
	err = s.door.View(ctx, actor, ref, func(tx *store.Tx, p project.Project) error {
		testbedID := ""
		if testbed != "" {
			t, err := series.TestbedByRef(ctx, tx, p.ID, testbed)
			if err != nil {
				return err
			}
			testbedID = t.ID
		}
		rows, n, err := report.ListNoise(ctx, tx, p.ID, testbedID, page)
		if err != nil {
			return err
		}
		total = n
		out, err = noise(ctx, tx, rows)
		return err
	})
	return out, total, err
}

func noise(ctx context.Context, tx *store.Tx, rows []report.Noise) ([]api.SeriesNoise, error) {
	ids, reportIDs := make([]int64, len(rows)), make([]string, len(rows))
	for i, n := range rows {
		ids[i], reportIDs[i] = n.SeriesID, n.ReportID
	}
	of, err := series.ByID(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	var w wanted
	for _, s := range of {
		w.benchmarks, w.measures = append(w.benchmarks, s.BenchmarkID), append(w.measures, s.MeasureID)
		w.testbeds = append(w.testbeds, s.TestbedID)
	}
	c, err := load(ctx, tx, w)
	if err != nil {
		return nil, err
	}
	begun, err := report.StartTimes(ctx, tx, reportIDs)
	if err != nil {
		return nil, err
	}
	out := make([]api.SeriesNoise, len(rows))
	for i, n := range rows {
		s := of[n.SeriesID]
		b, m, t := c.benchmarks[s.BenchmarkID], c.measures[s.MeasureID], c.testbeds[s.TestbedID]
		out[i] = api.SeriesNoise{Testbed: api.EventThing{UUID: t.ID, Name: t.Name, Slug: t.Slug},
			Benchmark: api.EventThing{UUID: b.ID, Name: b.Name, Slug: b.Slug}, Measure: api.EventThing{UUID: m.ID, Name: m.Name, Slug: m.Slug},
			Units: m.Units, Report: n.ReportID, Measured: begun[n.ReportID], N: n.Units, Samples: n.Values, Typical: wire.Number(n.Typical),
			SD: wire.Number(n.SD), Usual: n.Usual, Detectable: wire.Number(n.Detectable(n.Usual)), Exact: n.Exact,
			Grade: cmp.Or(string(n.Grade()), "learning"), Remarks: orEmpty(n.Remarks())}
	}
	return out, nil
}

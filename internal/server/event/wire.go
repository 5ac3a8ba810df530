package event

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/tachograph/tacho/api"
	coreevent "github.com/tachograph/tacho/internal/core/event"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/threshold"
)

// What the rows of this room are on the wire.

// stateAt is the state of an event at the transaction's time; see stateNow.
func (e Event) stateAt(tx *store.Tx) coreevent.State {
	switch {
	case e.State != coreevent.Ignored || e.Until == nil || e.Until.After(tx.Now()):
		return e.State
	case e.Settled:
		return coreevent.Confirmed
	}
	return coreevent.Suspected
}

// answers are events with their largest changes, at most so many of each, in the order of the rows.
func answers(ctx context.Context, tx *store.Tx, rows []Event, most int) ([]api.Event, error) {
	var ids, branchIDs, testbedIDs, measureIDs []string
	numbers := map[string][]int64{} // of each head
	for _, e := range rows {
		ids, branchIDs, testbedIDs = append(ids, e.ID), append(branchIDs, e.BranchID), append(testbedIDs, e.TestbedID)
		at := append(numbers[e.HeadID], e.First, e.Last)
		if e.Before != nil {
			at = append(at, *e.Before)
		}
		numbers[e.HeadID] = at
		if e.MeasureID != nil {
			measureIDs = append(measureIDs, *e.MeasureID)
		}
	}
	branches, err := series.BranchesByID(ctx, tx, branchIDs)
	if err != nil {
		return nil, err
	}
	testbeds, err := series.TestbedsByID(ctx, tx, testbedIDs)
	if err != nil {
		return nil, err
	}
	measures, err := series.MeasuresByID(ctx, tx, measureIDs)
	if err != nil {
		return nil, err
	}
	versions := map[string]map[int64]series.Version{}
	var hashes []string
	for head, at := range numbers {
		if versions[head], err = series.VersionsAt(ctx, tx, head, at); err != nil {
			return nil, err
		}
		for _, v := range versions[head] {
			if v.Hash != nil {
				hashes = append(hashes, *v.Hash)
			}
		}
	}
	commits, err := commitsOf(ctx, tx, rows, hashes)
	if err != nil {
		return nil, err
	}
	changes, err := changesOf(ctx, tx, ids, most)
	if err != nil {
		return nil, err
	}
	alerts, _, err := threshold.CountOfEvents(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	out := make([]api.Event, len(rows))
	for i, e := range rows {
		branch, testbed := branches[e.BranchID], testbeds[e.TestbedID]
		version := func(number int64) api.EventVersion {
			v, known := versions[e.HeadID][number]
			if !known {
				v.Number = number
			}
			return api.EventVersion{Version: v.Wire(), Commit: series.CommitWire(commits, v.Hash)}
		}
		out[i] = api.Event{UUID: e.ID, Project: e.ProjectID, Kind: api.EventKind(e.Kind), State: api.EventState(e.stateAt(tx)),
			Gone: !e.Significant, Version: e.Version, Branch: api.EventThing{UUID: branch.ID, Name: branch.Name, Slug: branch.Slug},
			Head: e.HeadID, Testbed: api.EventThing{UUID: testbed.ID, Name: testbed.Name, Slug: testbed.Slug},
			First: version(e.First), Last: version(e.Last), Score: e.Score, Settled: e.Settled, Worse: e.Worse, Better: e.Better,
			Total: e.Changes, Severity: string(e.Severity),
			Alerts: alerts[e.ID], Changes: changes[e.ID], Reason: e.Reason, Until: e.Until, Created: e.Created,
			Modified: e.Modified}
		if e.Before != nil {
			before := version(*e.Before)
			out[i].Before = &before
		}
		if e.MeasureID != nil && e.Side != nil {
			m := measures[*e.MeasureID]
			out[i].Measure, out[i].Limit = &api.EventThing{UUID: m.ID, Name: m.Name, Slug: m.Slug}, *e.Side
		}
		if out[i].Changes == nil {
			out[i].Changes = []api.EventChange{}
		}
	}
	return out, nil
}

// commitsOf is what is known of commits of the project that events are of.
func commitsOf(ctx context.Context, tx *store.Tx, events []Event, hashes []string) (map[string]series.Commit, error) {
	if len(events) == 0 {
		return nil, nil
	}
	return series.CommitsOf(ctx, tx, events[0].ProjectID, hashes)
}

// suspects are the versions that an event may have come with, each with the commits before it that were not measured.
func suspects(ctx context.Context, tx *store.Tx, e Event, versions []series.Version, reports map[int64]string) ([]api.EventVersion, error) {
	if len(versions) == 0 {
		return nil, nil
	}
	most := min(limits.EventCommits, max(1, limits.EventSuspects/len(versions))) // an answer has an end
	gaps, err := series.Gaps(ctx, tx, e.ProjectID, e.HeadID, versions, most)
	if err != nil {
		return nil, err
	}
	var hashes []string
	for _, v := range versions {
		if v.Hash != nil {
			hashes = append(hashes, *v.Hash)
		}
	}
	known, err := series.CommitsOf(ctx, tx, e.ProjectID, hashes)
	if err != nil {
		return nil, err
	}
	return store.Map(versions, func(v series.Version) api.EventVersion {
		gap := gaps[v.Number]
		return api.EventVersion{Version: v.Wire(), Report: reports[v.Number], Commit: series.CommitWire(known, v.Hash),
			Between: gap.Wire(), Partial: gap.Partial}
	}), nil
}

// changesOf are the changes of events on the wire, keyed by event.
func changesOf(ctx context.Context, tx *store.Tx, eventIDs []string, most int) (map[string][]api.EventChange, error) {
	points, err := pointsOfEvents(ctx, tx, eventIDs, most)
	if err != nil {
		return nil, err
	}
	var ids []int64
	var all []Point
	for _, list := range points {
		for _, p := range list {
			ids, all = append(ids, p.SeriesID), append(all, p)
		}
	}
	lines, err := series.ByID(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	var benchmarkIDs, measureIDs []string
	for _, s := range lines {
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
	known, err := knownOf(ctx, tx, all)
	if err != nil {
		return nil, err
	}
	noise, err := report.NoiseOf(ctx, tx, slices.Collect(maps.Keys(lines)))
	if err != nil {
		return nil, err
	}
	out := make(map[string][]api.EventChange, len(points))
	for id, list := range points {
		for _, p := range list {
			s := lines[p.SeriesID]
			change := p.wire(benchmarks[s.BenchmarkID], measures[s.MeasureID])
			k := known[lineKey{p.HeadID, p.TestbedID, p.SpecID, p.SeriesID}]
			change.Noise, change.Detectable = k.Noise, k.Detectable
			if n, has := noise[p.SeriesID]; has {
				change.Grade, change.Identical = string(n.Grade()), n.Units
			}
			out[id] = append(out[id], change)
		}
	}
	return out, nil
}

// directions are the words for Point.Worse.
var directions = map[int]string{1: "worse", -1: "better", 0: "unknown"}

func (p Point) wire(benchmark series.Benchmark, measure series.Measure) api.EventChange {
	return api.EventChange{UUID: p.ID, Benchmark: api.EventThing{UUID: benchmark.ID, Name: benchmark.Name, Slug: benchmark.Slug},
		Measure: api.EventThing{UUID: measure.ID, Name: measure.Name, Slug: measure.Slug}, Units: measure.Units, Spec: p.SpecID,
		Direction: directions[p.Worse], Gone: !p.Significant, Settled: p.Settled, Weak: p.Weak, Exact: p.Scale == exactScale,
		Number: p.Number, First: p.First, Last: p.Last, Before: p.Before, After: p.After, NBefore: p.NBefore, NAfter: p.NAfter,
		Effect: p.Effect, Lower: p.Low, Upper: p.High, Scale: p.Scale, T: p.T, P: p.P, Score: p.Score}
}

func (s Step) wire() api.EventStep {
	out := api.EventStep{Time: s.Time, Verb: string(s.Verb), From: api.EventState(s.From), To: api.EventState(s.To), Reason: s.Reason}
	if s.AccountID != nil {
		out.Account = *s.AccountID
	}
	return out
}

// whole is one event with all that there is to say of it.
func whole(ctx context.Context, tx *store.Tx, e Event) (out api.Event, err error) {
	all, err := answers(ctx, tx, []Event{e}, limits.EventChanges)
	if err != nil {
		return out, err
	}
	out = all[0]
	from := e.First
	if e.Before != nil {
		from = *e.Before
	}
	versions, err := series.VersionsBetween(ctx, tx, e.HeadID, from, e.Last, 1+limits.EventSuspects)
	if err != nil {
		return out, err
	}
	ids := make([]string, len(versions))
	for i, v := range versions {
		ids[i] = v.ID
	}
	reports, err := reportsAt(ctx, tx, e, ids)
	if err != nil {
		return out, fmt.Errorf("find reports around event %s: %w", e.ID, err)
	}
	versions = slices.DeleteFunc(versions, func(v series.Version) bool { return v.Number < e.First })
	if out.Suspects, err = suspects(ctx, tx, e, versions, reports); err != nil {
		return out, err
	}
	out.First.Report, out.Last.Report = reports[e.First], reports[e.Last]
	if out.Before != nil {
		out.Before.Report = reports[out.Before.Number]
	}
	rows, err := steps(ctx, tx, e.ID)
	if err != nil {
		return out, err
	}
	out.Steps = store.Map(rows, Step.wire)
	out.Checks, err = checksWire(ctx, tx, e.ID)
	return out, err
}

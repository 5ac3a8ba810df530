package event

import (
	"context"
	"math"
	"slices"

	coreevent "github.com/tachograph/tacho/internal/core/event"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/threshold"
)

// folding are alerts that are still to be made a part of events: those that belong to none, and then those of events that may not explain
// them any more, from the newest on.
type folding struct {
	again  []string // events
	below  int64    // of the first of them: the metrics of alerts that are left are below it
	atOnce int      // alerts of one transaction
}

// begin notes whose alerts may belong to another event by now, if changes are others than before (again): what was not explained may be
// now, and the other way round. These are the thresholds' own events, and those that are no longer significant, which explain nothing any
// more.
func (f folding) begin(ctx context.Context, tx *store.Tx, at report.Line, again bool) (folding, error) {
	if !again {
		return f, nil
	}
	own, err := ofThresholds(ctx, tx, at)
	if err != nil {
		return f, err
	}
	all, err := ofHead(ctx, tx, at.HeadID)
	if err != nil {
		return f, err
	}
	var ids []string
	for _, e := range append(all, own...) {
		if e.TestbedID == at.TestbedID && (e.Kind == Threshold || !e.Significant) {
			ids = append(ids, e.ID)
		}
	}
	_, active, err := threshold.CountOfEvents(ctx, tx, ids)
	f.again, f.below = slices.DeleteFunc(ids, func(id string) bool { return active[id] == 0 }), math.MaxInt64
	return f, err
}

// next takes alerts, and returns what is left after them. done says that nothing is.
func (f folding) next(ctx context.Context, tx *store.Tx, at report.Line) (alerts []threshold.Unfolded, left folding, done bool, err error) {
	if alerts, err = threshold.UnfoldedAlerts(ctx, tx, at.HeadID, at.TestbedID, f.atOnce); err != nil {
		return nil, f, false, err
	}
	for len(f.again) > 0 && len(alerts) < f.atOnce {
		room := f.atOnce - len(alerts)
		more, err := threshold.AlertsOfEvent(ctx, tx, f.again[0], at.TestbedID, f.below, room)
		if err != nil {
			return nil, f, false, err
		}
		alerts = append(alerts, more...)
		if len(more) < room {
			f.again, f.below = f.again[1:], math.MaxInt64
		} else {
			f.below = more[len(more)-1].MetricID
		}
	}
	return alerts, f, len(alerts) < f.atOnce, nil
}

// foldAlerts makes alerts of thresholds a part of the events that explain them: a change of their line, to the side that they are on, at
// their version or before. The others of a head, testbed, measure and side are one event of that threshold, which is no longer significant
// when none of them is active. It takes a part of them and returns what is left.
func foldAlerts(ctx context.Context, tx *store.Tx, projectID string, at report.Line, f folding) (left folding, done bool, err error) {
	alerts, left, done, err := f.next(ctx, tx, at)
	if err != nil {
		return f, false, err
	}
	return left, done, foldSome(ctx, tx, projectID, at, alerts)
}

// foldSome is foldAlerts of these alerts.
func foldSome(ctx context.Context, tx *store.Tx, projectID string, at report.Line, alerts []threshold.Unfolded) error {
	own, err := ofThresholds(ctx, tx, at)
	if err != nil {
		return err
	}
	if len(alerts) == 0 {
		return retire(ctx, tx, own)
	}
	metricIDs := make([]int64, len(alerts))
	for i, a := range alerts {
		metricIDs[i] = a.MetricID
	}
	metrics, err := report.MetricsByID(ctx, tx, metricIDs)
	if err != nil {
		return err
	}
	points, err := pointsOfHead(ctx, tx, at.HeadID)
	if err != nil {
		return err
	}
	lines := map[int64][]Point{}
	for _, p := range points {
		if p.TestbedID == at.TestbedID && p.Significant && p.EventID != nil {
			lines[p.SeriesID] = append(lines[p.SeriesID], p)
		}
	}
	parts := map[string][]string{} // alerts by event
	type group struct{ measure, side string }
	rest := map[group][]threshold.Unfolded{}
	for _, a := range alerts {
		if id := explains(lines[metrics[a.MetricID].SeriesID], a); id != "" {
			parts[id] = append(parts[id], a.ID)
		} else {
			key := group{a.MeasureID, a.Limit}
			rest[key] = append(rest[key], a)
		}
	}
	for id, ids := range parts {
		if err := threshold.Fold(ctx, tx, ids, id); err != nil {
			return err
		}
	}
	for key, list := range rest {
		e, there := Event{}, false
		for _, o := range own {
			if *o.MeasureID == key.measure && *o.Side == key.side {
				e, there = o, true
			}
		}
		if e, err = keepThreshold(ctx, tx, projectID, at, e, there, list); err != nil {
			return err
		}
		var ids []string
		for _, a := range list {
			if a.EventID == nil || *a.EventID != e.ID {
				ids = append(ids, a.ID)
			}
		}
		if err := threshold.Fold(ctx, tx, ids, e.ID); err != nil {
			return err
		}
	}
	if own, err = ofThresholds(ctx, tx, at); err != nil {
		return err
	}
	return retire(ctx, tx, own)
}

// explains returns the event of the newest change of a line that explains an alert, or "".
func explains(points []Point, a threshold.Unfolded) string {
	best := -1
	for i, p := range points {
		if p.First <= a.Version && (p.After > p.Before) == (a.Limit == "upper") && (best < 0 || p.Number > points[best].Number) {
			best = i
		}
	}
	if best < 0 {
		return ""
	}
	return *points[best].EventID
}

// keepThreshold makes or widens the event of a threshold's alerts.
func keepThreshold(ctx context.Context, tx *store.Tx, projectID string, at report.Line, e Event, there bool,
	alerts []threshold.Unfolded) (Event, error) {
	was := e
	if !there {
		head, err := series.HeadByID(ctx, tx, at.HeadID)
		if err != nil {
			return e, err
		}
		e = Event{ProjectID: projectID, BranchID: head.BranchID, HeadID: at.HeadID, TestbedID: at.TestbedID, Kind: Threshold,
			MeasureID: &alerts[0].MeasureID, Side: &alerts[0].Limit, State: coreevent.Suspected, First: alerts[0].Version, Last: alerts[0].Version}
	}
	e.Significant = true
	for _, a := range alerts {
		e.First, e.Last = min(e.First, a.Version), max(e.Last, a.Version)
	}
	if !there {
		return insert(ctx, tx, e)
	}
	if e == was {
		return e, nil
	}
	return update(ctx, tx, e, true)
}

// retire lets the events of thresholds go that have no active alert, or says that they are back.
func retire(ctx context.Context, tx *store.Tx, own []Event) error {
	var ids []string
	for _, e := range own {
		ids = append(ids, e.ID)
	}
	_, active, err := threshold.CountOfEvents(ctx, tx, ids)
	if err != nil {
		return err
	}
	for _, e := range own {
		if is := active[e.ID] > 0; is != e.Significant {
			e.Significant = is
			if _, err := update(ctx, tx, e, true); err != nil {
				return err
			}
		}
	}
	return nil
}

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
// their version or before, unless people accepted its level and the alert is beyond it, or the change is over and the alert came after it.
// The others of a head, testbed, measure and side are an event of that threshold, which is no longer significant when none of them is
// active; see homes for which, where people have decided about one. It takes a part of them and returns what is left.
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
	metrics, err := metricsOf(ctx, tx, alerts)
	if err != nil {
		return err
	}
	points, err := pointsOfHead(ctx, tx, at.HeadID)
	if err != nil {
		return err
	}
	points = slices.DeleteFunc(points, func(p Point) bool { return p.TestbedID != at.TestbedID || !p.Significant || p.EventID == nil })
	lines := map[int64][]Point{}
	for _, p := range points {
		lines[p.SeriesID] = append(lines[p.SeriesID], p)
	}
	events, err := eventsOf(ctx, tx, points)
	if err != nil {
		return err
	}
	acceptable, err := acceptedChanges(ctx, tx, points, events)
	if err != nil {
		return err
	}
	parts := map[string][]string{} // alerts by event
	type group struct{ measure, side string }
	rest := map[group][]threshold.Unfolded{}
	for _, a := range alerts {
		m := metrics[a.MetricID]
		p, explained := explains(lines[m.SeriesID], a)
		if explained {
			level, is := acceptable[p.ID]
			explained = (!is || level.covers(a, m.Value)) && !events[*p.EventID].overBefore(a.Version)
		}
		if explained {
			parts[*p.EventID] = append(parts[*p.EventID], a.ID)
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
		homes, err := homesOf(ctx, tx, own, key.measure, key.side)
		if err != nil {
			return err
		}
		for e, part := range homes.share(tx, list, metrics) {
			kept, err := keepThreshold(ctx, tx, projectID, at, e, part)
			if err != nil {
				return err
			}
			var ids []string
			for _, a := range part {
				if a.EventID == nil || *a.EventID != kept.ID {
					ids = append(ids, a.ID)
				}
			}
			if err := threshold.Fold(ctx, tx, ids, kept.ID); err != nil {
				return err
			}
		}
	}
	if own, err = ofThresholds(ctx, tx, at); err != nil {
		return err
	}
	return retire(ctx, tx, own)
}

// explains returns the newest change of a line that explains an alert.
func explains(points []Point, a threshold.Unfolded) (p Point, is bool) {
	best := -1
	for i, p := range points {
		if p.First <= a.Version && (p.After > p.Before) == (a.Limit == "upper") && (best < 0 || p.Number > points[best].Number) {
			best = i
		}
	}
	if best < 0 {
		return Point{}, false
	}
	return points[best], true
}

// overBefore says whether what happened was fixed, or refuted, and ended before a version: that is something else.
func (e Event) overBefore(version int64) bool {
	return (e.State == coreevent.Fixed || e.State == coreevent.Refuted) && version > e.Last
}

// keepThreshold makes or widens the event of a threshold's alerts; nil: there is none yet. What people have decided about is widened in
// silence: nobody who has seen it has to look again. One whose time of being ignored is over is open again.
func keepThreshold(ctx context.Context, tx *store.Tx, projectID string, at report.Line, there *Event,
	alerts []threshold.Unfolded) (Event, error) {
	if there == nil {
		head, err := series.HeadByID(ctx, tx, at.HeadID)
		if err != nil {
			return Event{}, err
		}
		e := Event{ProjectID: projectID, BranchID: head.BranchID, HeadID: at.HeadID, TestbedID: at.TestbedID, Kind: Threshold,
			MeasureID: &alerts[0].MeasureID, Side: &alerts[0].Limit, State: coreevent.Suspected, Significant: true, First: alerts[0].Version,
			Last: alerts[0].Version}
		e.widen(alerts)
		return insert(ctx, tx, e)
	}
	e := *there
	if slices.ContainsFunc(alerts, func(a threshold.Unfolded) bool { return a.EventID == nil || *a.EventID != e.ID }) {
		var err error
		if e, err = expire(ctx, tx, e); err != nil {
			return e, err
		}
	}
	was := e
	e.Significant = true
	e.widen(alerts)
	if e == was {
		return e, nil
	}
	return update(ctx, tx, e, e.State.Open())
}

// widen lets an event reach to the versions of alerts.
func (e *Event) widen(alerts []threshold.Unfolded) {
	for _, a := range alerts {
		e.First, e.Last = min(e.First, a.Version), max(e.Last, a.Version)
	}
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

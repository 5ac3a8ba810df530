package event

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/tachograph/tacho/internal/core/change"
	coreevent "github.com/tachograph/tacho/internal/core/event"
	"github.com/tachograph/tacho/internal/core/policy"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/threshold"
)

// homes are the events of a threshold, by measure and side, that its alerts may be a part of. There are several if people have decided
// about one and an alert came that the decision does not cover.
type homes struct {
	own      []Event // the newest first
	accepted map[string]map[levelKey]accepted
}

// levelKey says of which line a level is.
type levelKey struct {
	spec   string
	series int64
}

// accepted is a level that people accepted: after a change, or that of the newest alert of the line at that time.
type accepted struct {
	number int64     // version up to which each alert is a part of it; −1: none
	values []float64 // of the level
	noise  float64   // standard deviation of the line as a share of its level; 0: not known
}

// homesOf returns the events of own that are of a measure and a side, with what was accepted of them.
func homesOf(ctx context.Context, tx *store.Tx, own []Event, measure, side string) (h homes, err error) {
	h.accepted = map[string]map[levelKey]accepted{}
	for _, e := range slices.Backward(own) {
		if *e.MeasureID != measure || *e.Side != side {
			continue
		}
		h.own = append(h.own, e)
		if e.State == coreevent.Accepted {
			if h.accepted[e.ID], err = levelsOf(ctx, tx, e); err != nil {
				return h, err
			}
		}
	}
	return h, nil
}

// levelsOf returns the levels that were accepted with an event of a threshold.
func levelsOf(ctx context.Context, tx *store.Tx, e Event) (map[levelKey]accepted, error) {
	out := map[levelKey]accepted{}
	rows, err := tx.Query(ctx, `select l.spec_id, l.series_id, l.number, coalesce(k.noise, 0), coalesce(k.low, 0) from accepted_level l
		left join line k on k.head_id = l.head_id and k.testbed_id = $2 and k.spec_id = l.spec_id and k.series_id = l.series_id
		where l.event_id = $1 order by l.spec_id, l.series_id`, e.ID, e.TestbedID)
	_, err = store.Collect(rows, err, func(rows *sql.Rows) (k levelKey, err error) {
		var a accepted
		var low float64
		err = rows.Scan(&k.spec, &k.series, &a.number, &a.noise, &low)
		if low <= 0 { // nothing says that it is a share
			a.noise = 0
		}
		out[k] = a
		return k, err
	})
	if err != nil {
		return nil, fmt.Errorf("find what was accepted with event %s: %w", e.ID, err)
	}
	if len(out) == 0 {
		return out, nil
	}
	numbers := map[int64]bool{}
	for _, a := range out {
		numbers[a.number] = true
	}
	alerts, err := threshold.AlertsAt(ctx, tx, e.ID, e.TestbedID, slices.Sorted(maps.Keys(numbers)))
	if err != nil {
		return nil, err
	}
	metrics, err := metricsOf(ctx, tx, alerts)
	if err != nil {
		return nil, err
	}
	for _, alert := range alerts {
		m := metrics[alert.MetricID]
		k := levelKey{alert.SpecID, m.SeriesID}
		if a, is := out[k]; is && a.number == alert.Version {
			a.values = append(a.values, m.Value)
			out[k] = a
		}
	}
	return out, nil
}

func metricsOf(ctx context.Context, tx *store.Tx, alerts []threshold.Unfolded) (map[int64]report.Metric, error) {
	ids := make([]int64, len(alerts))
	for i, a := range alerts {
		ids[i] = a.MetricID
	}
	return report.MetricsByID(ctx, tx, ids)
}

// acceptedChanges are the levels after changes of these events that people accepted, by change.
func acceptedChanges(ctx context.Context, tx *store.Tx, points []Point, events map[string]Event) (map[string]accepted, error) {
	lines, err := knownOf(ctx, tx, slices.DeleteFunc(slices.Clone(points), func(p Point) bool {
		return events[*p.EventID].State != coreevent.Accepted
	}))
	if err != nil {
		return nil, err
	}
	out := map[string]accepted{}
	for _, p := range points {
		if events[*p.EventID].State != coreevent.Accepted {
			continue
		}
		level := accepted{number: -1, values: []float64{p.After}}
		line := lines[lineKey{p.HeadID, p.TestbedID, p.SpecID, p.SeriesID}]
		if p.Scale == change.Log.String() && line.Noise != nil {
			level.noise = *line.Noise
		}
		out[p.ID] = level
	}
	return out, nil
}

// covers says whether a level that was accepted covers an alert: it is of that version or before, or its value is about the accepted one or
// nearer to the limit. About is within 1 %, the size from which on people are told of changes, and within what is expected of the line's
// noise.
func (a accepted) covers(alert threshold.Unfolded, value float64) bool {
	if alert.Version <= a.number {
		return true
	}
	about := max(policy.ToldFrom, expected*a.noise)
	for _, v := range a.values {
		margin := about * max(v, -v)
		if alert.Limit == "upper" && value <= v+margin || alert.Limit == "lower" && value >= v-margin {
			return true
		}
	}
	return false
}

// share says which alerts are a part of which event; nil is a new one.
func (h homes) share(tx *store.Tx, alerts []threshold.Unfolded, metrics map[int64]report.Metric) iter.Seq2[*Event, []threshold.Unfolded] {
	parts := map[*Event][]threshold.Unfolded{}
	for _, a := range alerts {
		e := h.of(tx, a, metrics[a.MetricID])
		parts[e] = append(parts[e], a)
	}
	order := []*Event{nil}
	for i := range h.own {
		order = append(order, &h.own[i])
	}
	return func(yield func(*Event, []threshold.Unfolded) bool) {
		for _, e := range order {
			if len(parts[e]) > 0 && !yield(e, parts[e]) {
				return
			}
		}
	}
}

// of is the event that an alert is a part of; nil: a new one. An alert stays where it is. What an accepted level covers, and what is late
// for an event that is over, says nothing new. Anything else somebody must see: in the event that is open, unless people have said of one
// that they do not want to hear of it for now.
func (h homes) of(tx *store.Tx, a threshold.Unfolded, m report.Metric) *Event {
	if a.EventID != nil {
		if i := slices.IndexFunc(h.own, func(e Event) bool { return e.ID == *a.EventID }); i >= 0 {
			return &h.own[i]
		}
	}
	var open, ignored *Event
	for i := range h.own {
		e := &h.own[i]
		switch state := e.stateAt(tx); {
		case state.Open():
			if open == nil {
				open = e
			}
		case state == coreevent.Ignored:
			if ignored == nil {
				ignored = e
			}
		case state == coreevent.Accepted:
			if level, has := h.accepted[e.ID][levelKey{a.SpecID, m.SeriesID}]; has && level.covers(a, m.Value) {
				return e
			}
		case !e.overBefore(a.Version):
			return e
		}
	}
	if open != nil {
		return open
	}
	return ignored
}

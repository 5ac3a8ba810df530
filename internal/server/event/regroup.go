package event

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	coreevent "github.com/tachograph/tacho/internal/core/event"
	"github.com/tachograph/tacho/internal/core/policy"
	"github.com/tachograph/tacho/internal/server/notify"
	rules "github.com/tachograph/tacho/internal/server/policy"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

const (
	sidesOfMachine = 5  // versions that another testbed must have measured before and after a change to say that it had none
	newsUntil      = 30 // values after a change: one that is found later, as after an upgrade, is told to nobody
)

// regroup makes the events of a head of its changes, on all testbeds: one testbed says what another one's changes are. What is not found
// any more stays, as no longer significant.
func regroup(ctx context.Context, tx *store.Tx, projectID, headID string) error {
	points, err := pointsOfHead(ctx, tx, headID)
	if err != nil {
		return err
	}
	p, err := rules.Of(ctx, tx, projectID)
	if err != nil {
		return err
	}
	lines, err := countLines(ctx, tx, headID)
	if err != nil {
		return err
	}
	g, err := groupingOf(ctx, tx, projectID, headID, points, lines, p)
	if err != nil {
		return err
	}
	before, err := ofHead(ctx, tx, headID)
	if err != nil {
		return err
	}
	now, gone, err := g.events(ctx, tx, before)
	if err != nil {
		return err
	}
	for _, e := range now {
		row := e.is
		if e.was != nil {
			row, err = renew(ctx, tx, *e.was, e.is)
		} else if row, err = insert(ctx, tx, e.is); err == nil {
			row, err = settle(ctx, tx, row)
		}
		if err != nil {
			return err
		}
		if told, names := g.tells(e.item); told && g.fresh(e.item) {
			if err := tellOnce(ctx, tx, row, coreevent.Suspected, names); err != nil {
				return err
			}
		}
		for _, m := range e.item.Members {
			if g.of[m] != row.ID {
				if err := setEvent(ctx, tx, m, row.ID); err != nil {
					return err
				}
			}
		}
	}
	for _, e := range gone {
		e.Significant, e.Settled = false, false
		if e, err = update(ctx, tx, e, true); err != nil {
			return err
		}
		if _, err := settle(ctx, tx, e); err != nil {
			return err
		}
	}
	return followChanges(ctx, tx, headID)
}

// grouping is what events of a head are made of.
type grouping struct {
	projectID string
	head      series.Head
	points    map[string]Point            // significant ones
	spans     map[string][]coreevent.Span // of each testbed
	of        map[string]string           // the event that a change had
	lines     map[string]int              // of each testbed
	rules     judged
}

// groupingOf puts together what a head's events are made of: all of its changes, how many lines it has on each testbed, and the policy.
func groupingOf(ctx context.Context, tx *store.Tx, projectID, headID string, points []Point, lines map[string]int,
	p policy.Policy) (g grouping, err error) {
	g = grouping{projectID: projectID, points: map[string]Point{}, spans: map[string][]coreevent.Span{}, of: map[string]string{}, lines: lines}
	if g.head, err = series.HeadByID(ctx, tx, headID); err != nil {
		return g, err
	}
	var ids []int64
	for _, p := range points {
		if p.EventID != nil {
			g.of[p.ID] = *p.EventID
		}
		if !p.Significant {
			continue
		}
		g.points[p.ID] = p
		g.spans[p.TestbedID] = append(g.spans[p.TestbedID], coreevent.Span{ID: p.ID, Line: p.SpecID + " " + strconv.FormatInt(p.SeriesID, 10),
			First: p.First, Last: p.Last, Weight: p.Score})
		ids = append(ids, p.SeriesID)
	}
	slices.Sort(ids)
	g.rules, err = judgedBy(ctx, tx, p, headID, slices.Compact(ids))
	return g, err
}

// regrouped is an event as a look finds it.
type regrouped struct {
	is   Event  // as a new one
	was  *Event // its row; nil: it is new
	item coreevent.Item
}

// events are those that the changes make, in the order of testbed and time, and those of before, which are the head's, that no change makes
// any more. It writes nothing.
func (g grouping) events(ctx context.Context, tx *store.Tx, before []Event) (now []regrouped, gone []Event, err error) {
	rows := map[string]*Event{}
	for i := range before {
		rows[before[i].ID] = &before[i]
	}
	found := map[string]bool{}
	for _, testbed := range slices.Sorted(maps.Keys(g.spans)) {
		items := coreevent.Group(g.spans[testbed])
		ids := coreevent.Match(items, g.of)
		for i, item := range items {
			e, err := g.event(ctx, tx, testbed, item)
			if err != nil {
				return nil, nil, err
			}
			row := rows[ids[i]]
			if row != nil {
				found[row.ID] = true
			}
			now = append(now, regrouped{e, row, item})
		}
	}
	for _, e := range before {
		if e.Significant && !found[e.ID] {
			gone = append(gone, e)
		}
	}
	return now, gone, nil
}

// event is what an item says, as a new event.
func (g grouping) event(ctx context.Context, tx *store.Tx, testbed string, item coreevent.Item) (Event, error) {
	e := Event{ProjectID: g.projectID, BranchID: g.head.BranchID, HeadID: g.head.ID, TestbedID: testbed, Kind: Code,
		State: coreevent.Suspected, Significant: true, First: item.First, Last: item.Last, Changes: len(item.Members)}
	var scores []float64
	for _, m := range item.Members {
		p := g.points[m]
		scores = append(scores, p.Score)
		e.Severity = policy.Worst(e.Severity, g.rules.setting(p.SeriesID).Severity)
		e.Settled = e.Settled || p.Settled && !p.Weak
		switch p.Worse {
		case 1:
			e.Worse++
		case -1:
			e.Better++
		}
	}
	if before := e.First - 1; before >= 0 { // the values of some member begin to be others after it, so it was measured
		e.Before = &before
	}
	e.Score = coreevent.Total(scores)
	machine, err := g.ofMachine(ctx, tx, testbed, item)
	if machine {
		e.Kind = Machine
	}
	return e, err
}

// ofMachine says whether the testbed changed, and not the code.
func (g grouping) ofMachine(ctx context.Context, tx *store.Tx, testbed string, item coreevent.Item) (bool, error) {
	here := coreevent.Around{Active: g.lines[testbed], Moved: len(item.Members)}
	if !coreevent.OfMachine(here, []coreevent.Around{{Active: math.MaxInt32}}) {
		return false, nil // whatever others did
	}
	var others []coreevent.Around
	for other, lines := range g.lines {
		if other == testbed {
			continue
		}
		covers, err := measuredAround(ctx, tx, report.Line{HeadID: g.head.ID, TestbedID: other}, item.First, item.Last)
		if err != nil {
			return false, err
		}
		if !covers {
			continue
		}
		around := coreevent.Around{Active: lines}
		for _, s := range g.spans[other] {
			if s.First <= item.Last && s.Last >= item.First {
				around.Moved++
			}
		}
		others = append(others, around)
	}
	return coreevent.OfMachine(here, others), nil
}

// witnessed is how many versions back new results of a testbed say something about another one's events.
const witnessed = 64

// bearsWitness says whether what a testbed measured from version oldest on may show that an event of another testbed is that machine's
// doing: where many lines moved there and none does here.
func bearsWitness(ctx context.Context, tx *store.Tx, at report.Line, oldest int64) (may bool, err error) {
	err = tx.QueryRow(ctx, `select exists (select 1 from change_event e where e.head_id = $1 and e.testbed_id <> $2 and e.significant
		and e.kind <> 'threshold' and e.changes >= $3 and e.last >= $4)`, at.HeadID, at.TestbedID, coreevent.LeastMoved, oldest-witnessed).
		Scan(&may)
	return may, err
}

// measuredAround says whether a testbed has measured enough versions on both sides of a place to show a change there.
func measuredAround(ctx context.Context, tx *store.Tx, at report.Line, first, last int64) (bool, error) {
	stretches, err := series.Stretches(ctx, tx, at.HeadID)
	if err != nil {
		return false, err
	}
	before, after := 0, 0
	for _, s := range stretches {
		for _, side := range []struct {
			n         *int
			low, high int64
		}{{&before, s.Low, min(s.High, first-1)}, {&after, max(s.Low, last), s.High}} {
			if side.low > side.high || *side.n >= sidesOfMachine {
				continue
			}
			var n int
			if err := tx.QueryRow(ctx, `select count(*) from (select distinct hv.number from head_version hv
				join report r on r.version_id = hv.version_id and r.testbed_id = $1
				where hv.head_id = $2 and hv.number between $3 and $4`+countsQuery+series.OfLineage(5)+` limit $6) as few`, at.TestbedID, s.HeadID,
				side.low, side.high, at.HeadID, sidesOfMachine).Scan(&n); err != nil {
				return false, fmt.Errorf("count versions of testbed %s: %w", at.TestbedID, err)
			}
			*side.n += n
		}
	}
	return before >= sidesOfMachine && after >= sidesOfMachine, nil
}

// fresh says whether an item's change is one of these days.
func (g grouping) fresh(item coreevent.Item) bool {
	return slices.ContainsFunc(item.Members, func(m string) bool { return g.points[m].NAfter <= newsUntil })
}

// tells says whether the policy has people told of an item, and whom by name; no names: everybody who listens.
func (g grouping) tells(item coreevent.Item) (told bool, names []string) {
	everybody := false
	for _, m := range item.Members {
		s := g.rules.setting(g.points[m].SeriesID)
		if g.points[m].tells(s) {
			told, everybody, names = true, everybody || s.Notify == nil, append(names, s.Notify...)
		}
	}
	if everybody {
		return told, nil
	}
	slices.Sort(names)
	return told, slices.Compact(names)
}

// renew writes over an event's row what a look says of it now, if that is something else. What people decided stays.
func renew(ctx context.Context, tx *store.Tx, row, now Event) (Event, error) {
	was := row
	row.Kind, row.Significant, row.Settled, row.First, row.Last, row.Score = now.Kind, true, now.Settled, now.First, now.Last, now.Score
	row.Severity = now.Severity
	row.Changes, row.Worse, row.Better = now.Changes, now.Worse, now.Better
	if (row.Before == nil) != (now.Before == nil) || row.Before != nil && *row.Before != *now.Before {
		row.Before = now.Before
	}
	if row != was {
		score := row
		score.Score, score.Worse, score.Better = was.Score, was.Worse, was.Better
		var err error
		if row, err = update(ctx, tx, row, score != was); err != nil {
			return row, err
		}
	}
	return settle(ctx, tx, row)
}

// settle confirms an event that enough values follow: the series itself says that it is one. When it does not say so any more, because
// later values show a line that wanders or no change at all, it takes its word back, and tells those who were told. What a rerun has
// confirmed or refuted stays: the values that made it suspected are still there, and say nothing against the rerun.
func settle(ctx context.Context, tx *store.Tx, e Event) (Event, error) {
	switch {
	case e.Settled && (e.State == coreevent.Suspected || e.State == coreevent.Undecided):
		return apply(ctx, tx, e, coreevent.Confirm, nil, "")
	case !e.Settled && e.State == coreevent.Confirmed:
		if confirmed, err := byRerun(ctx, tx, e.ID); err != nil || confirmed {
			return e, err
		}
		e, err := apply(ctx, tx, e, coreevent.Withdraw, nil, "")
		if err != nil {
			return e, err
		}
		return takeBack(ctx, tx, e, coreevent.Confirmed)
	}
	return e, nil
}

// takeBack tells those who were told of an event that it is not confirmed any more. If it is again, that is news.
func takeBack(ctx context.Context, tx *store.Tx, e Event, from coreevent.State) (Event, error) {
	if e.Told == nil {
		return e, nil
	}
	told := e // who was told hears of it
	e.Told, e.ToldNames = nil, ""
	e, err := update(ctx, tx, e, false)
	if err != nil {
		return e, err
	}
	return e, tell(ctx, tx, told, notify.ChangeWithdrawn, from)
}

// apply lets something happen to an event: it writes the state that the table in core/event says, and the step.
func apply(ctx context.Context, tx *store.Tx, e Event, verb coreevent.Verb, by *string, reason string) (Event, error) {
	from := e.State
	var err error
	if e.State, err = coreevent.Next(e.ID, from, verb); err != nil {
		return e, err
	}
	if e, err = update(ctx, tx, e, true); err != nil {
		return e, err
	}
	return e, addStep(ctx, tx, e.ID, Step{Verb: verb, From: from, To: e.State, AccountID: by, Reason: reason})
}

// tellOnce tells of a confirmed event (notify), once unless that was taken back. names are whom the policy names, and from is the state
// that it was confirmed in.
func tellOnce(ctx context.Context, tx *store.Tx, e Event, from coreevent.State, names []string) error {
	if e.State != coreevent.Confirmed || e.Told != nil {
		return nil
	}
	now := tx.Now()
	e.Told, e.ToldNames = &now, strings.Join(names, "\n") // no name has a line break: a policy's text has no other control characters
	if _, err := update(ctx, tx, e, false); err != nil {
		return err
	}
	return tell(ctx, tx, e, notify.ChangeConfirmed, from)
}

// tell writes a notice of an event.
func tell(ctx context.Context, tx *store.Tx, e Event, kind notify.Kind, from coreevent.State) error {
	body := notify.Body{Event: e.ID, Head: e.HeadID, Reason: string(e.Kind), From: string(from), To: string(e.State)}
	if e.ToldNames != "" {
		body.Names = strings.Split(e.ToldNames, "\n")
	}
	return notify.Write(ctx, tx, notify.Event{Kind: kind, ProjectID: e.ProjectID, Subject: e.ID, Body: body})
}

package event

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	coreevent "github.com/tachograph/tacho/internal/core/event"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/store"
)

// verbs are those of people, by their name on the wire.
var verbs = func() map[api.EventVerb]coreevent.Verb {
	out := map[api.EventVerb]coreevent.Verb{}
	for _, v := range coreevent.ByPeople {
		out[api.EventVerb(v)] = v
	}
	return out
}()

// checkVerb refuses what makes no sense for any event.
func checkVerb(asked api.UpdateEvent) error {
	verb, known := verbs[asked.Verb]
	switch {
	case !known:
		return fault.Invalidf("verb %.40q: want one of %v", asked.Verb, coreevent.ByPeople)
	case len(asked.Reason) > limits.EventReasonBytes:
		return fault.Invalidf("reason: %d bytes, the limit is %d", len(asked.Reason), limits.EventReasonBytes)
	case verb == coreevent.Ignore && strings.TrimSpace(asked.Reason) == "":
		return fault.Invalidf("reason: ignoring an event needs one, so that others can tell why nobody acted on it")
	case asked.Until != nil && verb != coreevent.Ignore:
		return fault.Invalidf("until: only ignoring ends by itself; %s does not", verb)
	}
	return nil
}

// Update lets something happen to an event, as the table in core/event allows; what it does not is a Conflict.
func (s *Service) Update(ctx context.Context, actor access.Actor, ref, id string, asked api.UpdateEvent) (out api.Event, err error) {
	if err := checkVerb(asked); err != nil {
		return out, err
	}
	err = s.door.Change(ctx, actor, access.EditProject, ref, func(tx *store.Tx, p project.Project) error {
		e, err := find(ctx, tx, p.ID, id)
		if err != nil {
			return err
		}
		if err := tx.Lock(ctx, store.LinesOf(e.HeadID)); err != nil {
			return err
		}
		if e, err = find(ctx, tx, p.ID, id); err != nil { // as it is now that nobody else changes it
			return err
		}
		if asked.Version != 0 && asked.Version != e.Version {
			return fault.Conflictf("event %s: version %d was seen, it is at %d by now; look at it again", e.ID, asked.Version, e.Version)
		}
		if e, err = do(ctx, tx, e, actor, asked); err != nil {
			return err
		}
		out, err = whole(ctx, tx, e)
		return err
	})
	return out, err
}

// do lets a person do something about an event that the transaction holds.
func do(ctx context.Context, tx *store.Tx, e Event, actor access.Actor, asked api.UpdateEvent) (Event, error) {
	if asked.Until != nil && !asked.Until.After(tx.Now()) {
		return e, fault.Invalidf("until: %s is over", asked.Until.UTC().Format("2006-01-02 15:04 MST"))
	}
	e, err := expire(ctx, tx, e)
	if err != nil {
		return e, err
	}
	var by *string
	if actor.AccountID != "" {
		by = &actor.AccountID
	}
	verb := verbs[asked.Verb]
	e.Reason, e.Until = asked.Reason, asked.Until
	if e, err = apply(ctx, tx, e, verb, by, asked.Reason); err != nil {
		return e, err
	}
	switch verb {
	case coreevent.Reopen:
		if err := forgetLevels(ctx, tx, e.ID); err != nil {
			return e, err
		}
		return settle(ctx, tx, e)
	case coreevent.Accept:
		return e, acceptLevels(ctx, tx, e)
	}
	return e, nil
}

// expire opens an event again whose time of being ignored is over.
func expire(ctx context.Context, tx *store.Tx, e Event) (Event, error) {
	if e.State != coreevent.Ignored || e.Until == nil || e.Until.After(tx.Now()) {
		return e, nil
	}
	e.Reason, e.Until = "", nil
	e, err := apply(ctx, tx, e, coreevent.Expire, nil, "")
	if err != nil {
		return e, err
	}
	return settle(ctx, tx, e)
}

// UpdateMany lets the same happen to all events that meet what is asked for, in one transaction. Those whose state does not take it are
// named and stay as they are. Unless they are named, events that are no longer significant are not meant.
func (s *Service) UpdateMany(ctx context.Context, actor access.Actor, ref string, asked api.UpdateEvents) (out api.UpdatedEvents,
	err error) {
	if err := checkVerb(asked.UpdateEvent); err != nil {
		return out, err
	}
	switch {
	case asked.Version != 0:
		return out, fault.Invalidf("version: only of one event")
	case len(asked.Events) == 0 && asked.Commits == "" && asked.Benchmark == "":
		return out, fault.Invalidf("nothing says which events are meant: name events, commits or a pattern of benchmarks")
	case len(asked.Events) > limits.EventsAtOnce:
		return out, fault.Invalidf("events: %d are named, the limit is %d", len(asked.Events), limits.EventsAtOnce)
	}
	err = s.door.Change(ctx, actor, access.EditProject, ref, func(tx *store.Tx, p project.Project) error {
		out = api.UpdatedEvents{Refused: []api.RefusedEvent{}}
		chosen, err := choose(ctx, tx, p.ID, asked)
		if err != nil {
			return err
		}
		var names, ids []string
		for _, e := range chosen {
			names, ids = append(names, store.LinesOf(e.HeadID)), append(ids, e.ID)
		}
		if err := tx.Lock(ctx, names...); err != nil {
			return err
		}
		now, err := store.ByID(ctx, tx, ids, `select `+eventColumns+` from change_event e where e.id in `, scanEvents,
			func(e Event) string { return e.ID })
		if err != nil {
			return err
		}
		var done []Event
		for _, id := range ids {
			e, there := now[id]
			if !there {
				continue
			}
			if asked.DryRun {
				if _, err = coreevent.Next(e.ID, e.stateAt(tx), verbs[asked.Verb]); err == nil {
					done = append(done, e)
				}
			} else if e, err = do(ctx, tx, e, actor, asked.UpdateEvent); err == nil {
				done = append(done, e)
			}
			if fault.Is(err, fault.Conflict) {
				out.Refused = append(out.Refused, api.RefusedEvent{UUID: id, Reason: err.Error()})
			} else if err != nil {
				return err
			}
		}
		out.Events, err = answers(ctx, tx, done, limits.EventListChanges)
		return err
	})
	return out, err
}

// choose finds the events that are meant.
func choose(ctx context.Context, tx *store.Tx, projectID string, asked api.UpdateEvents) ([]Event, error) {
	var err error
	f := Filter{}
	if f.BranchID, f.TestbedID, err = place(ctx, tx, projectID, asked.Branch, asked.Testbed); err != nil {
		return nil, err
	}
	var all []Event
	if len(asked.Events) > 0 {
		for _, id := range asked.Events {
			e, err := find(ctx, tx, projectID, id)
			if err != nil {
				return nil, err
			}
			if !slices.ContainsFunc(all, func(had Event) bool { return had.ID == e.ID }) && (f.BranchID == "" || f.BranchID == e.BranchID) &&
				(f.TestbedID == "" || f.TestbedID == e.TestbedID) {
				all = append(all, e)
			}
		}
	} else {
		var total int
		if all, total, err = list(ctx, tx, projectID, f, store.Page{Limit: limits.EventsAtOnce, Desc: true}); err != nil {
			return nil, err
		}
		if total > len(all) {
			return nil, fault.Invalidf("%d events are to be looked through, the limit is %d; name a branch and a testbed", total,
				limits.EventsAtOnce)
		}
	}
	if asked.Commits != "" {
		if all, err = byCommits(ctx, tx, all, asked.Commits); err != nil {
			return nil, err
		}
	}
	if asked.Benchmark != "" {
		all, err = byBenchmark(ctx, tx, all, asked.Benchmark)
	}
	return all, err
}

// byCommits keeps the events that may have come with one of the commits. One that no head of an event has is an Invalid fault.
func byCommits(ctx context.Context, tx *store.Tx, all []Event, commits string) ([]Event, error) {
	from, to, isRange := strings.Cut(commits, "..")
	if !isRange {
		from, to = "", commits
	}
	heads := map[string][2]int64{} // the first and the last number that is meant
	met := [2]bool{from == "", false}
	for _, e := range all {
		if _, done := heads[e.HeadID]; done {
			continue
		}
		last, found, err := numberOf(ctx, tx, e.HeadID, to)
		if err != nil {
			return nil, err
		}
		met[1] = met[1] || found
		first := last
		if isRange && from != "" {
			n, has, err := numberOf(ctx, tx, e.HeadID, from)
			if err != nil {
				return nil, err
			}
			met[0], found, first = met[0] || has, found && has, n+1
		} else if isRange {
			first = 0
		}
		if !found {
			first, last = 0, -1
		}
		heads[e.HeadID] = [2]int64{first, last}
	}
	for i, commit := range []string{from, to} {
		if !met[i] && len(all) > 0 {
			return nil, fault.Invalidf("commit %.50q is not among the versions of a branch that has events", commit)
		}
	}
	return slices.DeleteFunc(all, func(e Event) bool {
		at := heads[e.HeadID]
		return at[0] > at[1] || e.Last < at[0] || e.First > at[1]
	}), nil
}

// hashDigits is how many digits of a hash name a commit, at least.
const hashDigits = 7

// numberOf returns the number of a head's version whose hash is or begins with a text. Several are an Invalid fault.
func numberOf(ctx context.Context, tx *store.Tx, headID, hash string) (number int64, found bool, err error) {
	hash = strings.ToLower(hash)
	if len(hash) < hashDigits || strings.Trim(hash, "0123456789abcdef") != "" {
		return 0, false, fault.Invalidf("commit %.50q: want a hash, or its first %d digits or more", hash, hashDigits)
	}
	rows, err := tx.Query(ctx, `select hv.number from head_lineage l
		join head_version hv on hv.head_id = l.ancestor_id and hv.number between l.low and l.high
		join version v on v.id = hv.version_id where l.head_id = $1 and v.hash >= $2 and v.hash < $3 order by hv.number limit 2`, headID, hash,
		hash+"g")
	numbers, err := store.Collect(rows, err, func(rows *sql.Rows) (n int64, err error) { return n, rows.Scan(&n) })
	switch {
	case err != nil:
		return 0, false, fmt.Errorf("find commit %s: %w", hash, err)
	case len(numbers) == 0:
		return 0, false, nil
	case len(numbers) > 1:
		return 0, false, fault.Invalidf("commit %.50q: several versions have such a hash; give more digits", hash)
	}
	return numbers[0], true, nil
}

// byBenchmark keeps the events all of whose changes are of benchmarks that a pattern fits.
func byBenchmark(ctx context.Context, tx *store.Tx, all []Event, pattern string) ([]Event, error) {
	ids := make([]string, len(all))
	for i, e := range all {
		ids[i] = e.ID
	}
	fits := map[string]bool{}
	if err := store.InChunks(ids, func(in string, args []any) error {
		rows, err := tx.Query(ctx, `select distinct p.event_id, b.name from change_point p join series s on s.id = p.series_id
			join benchmark b on b.id = s.benchmark_id where p.significant and p.event_id in `+in, args...)
		_, err = store.Collect(rows, err, func(rows *sql.Rows) (id string, err error) {
			var name string
			err = rows.Scan(&id, &name)
			fit, met := fits[id]
			fits[id] = (fit || !met) && coreevent.Fits(pattern, name)
			return id, err
		})
		return err
	}); err != nil {
		return nil, fmt.Errorf("find benchmarks of events: %w", err)
	}
	return slices.DeleteFunc(all, func(e Event) bool { return !fits[e.ID] }), nil
}

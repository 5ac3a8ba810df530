package event

import (
	"context"
	"math"
	"slices"

	"github.com/tachograph/tacho/internal/core/change"
	coreevent "github.com/tachograph/tacho/internal/core/event"
	"github.com/tachograph/tacho/internal/core/policy"
	"github.com/tachograph/tacho/internal/core/stats"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

const (
	examinedEvery = 32      // versions, where nothing speaks for a change
	expected      = 2.5     // standard deviations of a value about its level
	smallest      = 12      // values that change.Detect needs to say something
	shownAfter    = 2       // own versions that a change among a head's own versions has after it, at least
	keptFrom      = 5       // own versions of a head from which on its lines are kept: branches that live shorter are cheap to look at
	levelOf       = 60      // newest values of a regime that its level is told from
	valuesAtOnce  = 500_000 // in memory
)

// own says which versions are a head's own.
type own []series.Stretch

func (o own) has(number int64) bool {
	return slices.ContainsFunc(o, func(s series.Stretch) bool { return s.Low <= number && number <= s.High })
}

// examine finds what is new on the lines that the news are of.
func (k *look) examine(ctx context.Context, tx *store.Tx) error {
	stretches, err := series.Stretches(ctx, tx, k.at.HeadID)
	if err != nil {
		return err
	}
	var mine own
	for _, s := range stretches {
		if s.HeadID == k.at.HeadID {
			mine = append(mine, s)
		}
	}
	k.ownFrom, k.keeps = ownFrom(k.at.HeadID, stretches)
	var fresh []int64
	for _, n := range k.news {
		if n.ReportSeq == nil {
			k.anew = true
		} else {
			fresh = append(fresh, *n.ReportSeq)
		}
	}
	var news []measured
	if k.anew {
		news, err = reportsAfter(ctx, tx, k.at, stretches, -1)
	} else {
		news, err = reportsNamed(ctx, tx, fresh)
	}
	if err != nil {
		return err
	}
	bySpec := map[string][]measured{}
	k.oldest = math.MaxInt64
	for _, r := range news {
		k.oldest = min(k.oldest, r.number)
		bySpec[r.spec] = append(bySpec[r.spec], r)
	}
	for spec, reports := range bySpec {
		if err := k.examineSpec(ctx, tx, spec, reports, stretches, mine); err != nil {
			return err
		}
	}
	if k.anew {
		return k.vanished(ctx, tx)
	}
	return nil
}

// vanished finds lines that have no results any more, and their changes.
func (k *look) vanished(ctx context.Context, tx *store.Tx) error {
	all, err := pointsOfHead(ctx, tx, k.at.HeadID)
	if err != nil {
		return err
	}
	for _, p := range all {
		if p.Significant && p.TestbedID == k.at.TestbedID && !k.examined[lineKey{p.HeadID, p.TestbedID, p.SpecID, p.SeriesID}] {
			p.Significant = false
			k.points = append(k.points, p)
		}
	}
	lines, err := linesAt(ctx, tx, k.at)
	if err != nil {
		return err
	}
	for _, l := range lines {
		if !k.examined[l.lineKey] {
			k.gone = append(k.gone, l.lineKey)
		}
	}
	return nil
}

// examineSpec finds what is new on the lines of one hardware spec. news are reports that were closed, or, when all is looked at anew, all
// reports.
func (k *look) examineSpec(ctx context.Context, tx *store.Tx, spec string, news []measured, stretches []series.Stretch, mine own) error {
	key := lineKey{HeadID: k.at.HeadID, TestbedID: k.at.TestbedID, SpecID: spec}
	var ids []int64
	var err error
	if k.anew {
		seqs := make([]int64, len(news))
		for i, r := range news {
			seqs[i] = r.seq
		}
		ids, err = report.SeriesIn(ctx, tx, seqs)
	} else {
		var odd []oddLine
		ids, odd, err = loud(ctx, tx, key, news, k.news)
		k.odd = append(k.odd, odd...)
	}
	if err != nil || len(ids) == 0 {
		return err
	}
	known, err := linesOf(ctx, tx, key, ids)
	if err != nil {
		return err
	}
	var had map[int64]bool
	if k.keeps && !k.anew {
		if ids, had, err = k.readOn(ctx, tx, key, ids, known, news, stretches, mine); err != nil || len(ids) == 0 {
			return err
		}
	}
	from := int64(math.MaxInt64)
	for _, id := range ids {
		l, kept := known[id]
		if !kept || k.anew {
			from = -1
			break
		}
		from = min(from, l.Frozen)
	}
	all, err := reportsAfter(ctx, tx, k.at, stretches, from)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(r measured) bool { return r.spec != spec })
	owned := 0
	for i, r := range all {
		if mine.has(r.number) && (i == 0 || all[i-1].number != r.number) {
			owned++
		}
	}
	for chunk := range slices.Chunk(ids, max(1, valuesAtOnce/max(1, len(all)))) {
		read, err := readValues(ctx, tx, chunk, all)
		if err != nil {
			return err
		}
		if err := k.examineLines(ctx, tx, key, lines{ids: chunk, known: known, had: had, values: read, own: mine, owned: owned}); err != nil {
			return err
		}
	}
	return nil
}

// readOn examines those of the lines of which so much is kept that only the newest reports are to be read. It returns the others, and of
// which of these something is kept.
func (k *look) readOn(ctx context.Context, tx *store.Tx, key lineKey, ids []int64, known map[int64]Line, news []measured,
	stretches []series.Stretch, mine own) (rest []int64, had map[int64]bool, err error) {
	oldest, tip, frozen := int64(math.MaxInt64), int64(-1), int64(math.MaxInt64)
	for _, r := range news {
		oldest, tip = min(oldest, r.number), max(tip, r.number)
	}
	for _, l := range known {
		tip, frozen = max(tip, l.Seen), min(frozen, l.Frozen)
	}
	last := len(stretches) - 1
	newest, from, err := newestReports(ctx, tx, k.at, stretches[last], tip)
	if err != nil {
		return nil, nil, err
	}
	before, err := reportsAfter(ctx, tx, k.at, stretches[:last], frozen)
	if err != nil {
		return nil, nil, err
	}
	reports := slices.DeleteFunc(append(before, newest...), func(r measured) bool { return r.spec != key.SpecID })
	had = map[int64]bool{}
	for chunk := range slices.Chunk(ids, keptAtOnce) {
		keeps, err := keptOf(ctx, tx, key, chunk)
		if err != nil {
			return nil, nil, err
		}
		var on []int64
		first := int64(math.MaxInt64) // version that is to be read
		for _, id := range chunk {
			was, is := keeps[id]
			_, isKnown := known[id]
			had[id] = is
			if at := was.next(oldest); is && isKnown && was.from == k.ownFrom && at >= from {
				on, first = append(on, id), min(first, at)
			} else {
				rest = append(rest, id)
			}
		}
		read, err := readValues(ctx, tx, on, slices.DeleteFunc(slices.Clone(reports), func(r measured) bool {
			return r.number >= k.ownFrom && r.number < first
		}))
		if err != nil {
			return nil, nil, err
		}
		for _, id := range on {
			at := keeps[id].next(oldest)
			read[id] = read[id].before(k.ownFrom).and(keeps[id].values.before(at), read[id].after(at-1))
		}
		if err := k.examineLines(ctx, tx, key, lines{ids: on, known: known, had: had, values: read, own: mine, owned: keptFrom}); err != nil {
			return nil, nil, err
		}
	}
	return rest, had, nil
}

// lines are lines of one hardware spec with all that they are examined by.
type lines struct {
	ids    []int64 // series
	known  map[int64]Line
	had    map[int64]bool // something is kept of their values
	values map[int64]values
	own    own
	owned  int // how many of the versions that were measured are the head's own
}

// examineLines finds the changes of lines.
func (k *look) examineLines(ctx context.Context, tx *store.Tx, key lineKey, of lines) error {
	if len(of.ids) == 0 {
		return nil
	}
	rules, err := judgedBy(ctx, tx, k.policy, k.at.HeadID, of.ids)
	if err != nil {
		return err
	}
	before, err := pointsOfLines(ctx, tx, key, of.ids)
	if err != nil {
		return err
	}
	for _, id := range of.ids {
		l, isKnown := of.known[id]
		if !isKnown {
			l = Line{lineKey: key, Frozen: -1}
			l.SeriesID = id
		}
		if k.anew {
			l.Frozen = -1
		}
		e := examination{line: l, measure: rules.measure(id), setting: rules.setting(id), values: of.values[id].after(l.Frozen),
			before: before[id], own: of.own, projectID: k.projectID}
		switch noisy := e.setting.Test == policy.Change; {
		case e.setting.Test == policy.Exact:
			err = e.counted()
		case noisy && (of.owned >= shownAfter || len(e.before) > 0):
			err = e.timed()
		case noisy:
			continue
		default:
			e.untested()
		}
		if err != nil {
			return err
		}
		k.points = append(k.points, e.changed...)
		k.examined[e.line.lineKey] = true
		if isKnown || of.owned >= keptFrom && (e.setting.Test != policy.Change || len(e.values.values) >= smallest) {
			if n := len(e.values.numbers); n > 0 {
				e.line.Seen = e.values.numbers[n-1]
			}
			k.lines = append(k.lines, e.line)
			k.keep(e.line, of.values[id], of.had[id])
		}
	}
	return nil
}

// examination is one line while its changes are found.
type examination struct {
	projectID string
	line      Line
	measure   series.Measure
	setting   policy.Setting
	values    values
	before    []Point // as they are in the database
	own       own
	changed   []Point
}

// timed finds changes of what is measured with noise.
func (e *examination) timed() error {
	s, err := change.Resume(e.setting.Params(), change.Frozen{}, e.values.values)
	if err != nil {
		return err
	}
	r, n := s.Result(), len(e.values.values)
	e.compare(places(policy.Noisy(r)))

	open := r.Learning || r.Suspicion != nil || slices.ContainsFunc(r.Changes, func(c change.Change) bool { return !c.Settled })
	e.line.Low, e.line.High, e.line.Detectable, e.line.Noise = nil, nil, nil, nil
	if r.Detectable > 0 {
		e.line.Detectable = &r.Detectable
	}
	if n > 0 {
		e.line.Noise = &r.Noise
		newest := e.values.numbers[n-1]
		e.line.Due = newest + examinedEvery - (newest+e.line.SeriesID)%examinedEvery // each line has its own turn
	}
	if !open && n > 0 {
		level := stats.Median(slices.Clone(e.values.values[max(r.Regime, n-levelOf):]))
		low, high := level-expected*r.Noise, level+expected*r.Noise
		if r.Scale == change.Log {
			low, high = level*math.Exp(-expected*r.Noise), level*math.Exp(expected*r.Noise)
		}
		e.line.Low, e.line.High = &low, &high
	}
	if f := s.Frozen().Values; f > 0 {
		e.line.Frozen = e.values.numbers[f-1]
	}
	return nil
}

// counted finds changes of what is counted: two values are equal or they are not.
func (e *examination) counted() error {
	accepted := -1
	if e.line.Accepted != nil {
		if i := e.values.at(*e.line.Accepted); i < len(e.values.numbers) && e.values.numbers[i] == *e.line.Accepted {
			accepted = i
		}
	}
	found, err := policy.Counted(e.values.values, e.setting.MinEffect, accepted)
	if err != nil {
		return err
	}
	e.compare(places(found))
	n := len(e.values.values)
	e.line.Due = math.MaxInt64
	if n > 0 {
		newest := e.values.values[n-1]
		e.line.Low, e.line.High = &newest, &newest
	}
	return nil
}

// untested finds no change: the policy looks for none on this line. It is quiet until that changes.
func (e *examination) untested() {
	e.compare(nil, nil)
	low, high := -math.MaxFloat64, math.MaxFloat64
	e.line.Due, e.line.Low, e.line.High, e.line.Detectable, e.line.Noise = math.MaxInt64, &low, &high, nil, nil
}

// compare keeps the changes that are new, and those that are not as they were. changes say where found are.
func (e *examination) compare(changes []change.Change, found []Point) {
	numbers := e.values.numbers
	var ours []change.Change
	var kept []Point
	for i, c := range changes {
		if !e.own.has(numbers[c.Index]) {
			continue
		}
		p := found[i]
		p.ProjectID, p.HeadID, p.TestbedID, p.SpecID, p.SeriesID = e.projectID, e.line.HeadID, e.line.TestbedID, e.line.SpecID, e.line.SeriesID
		p.Number, p.First, p.Last, p.Significant = numbers[c.Index], numbers[c.First], numbers[c.Last], true
		if c.First > 0 { // versions in between that nobody measured may be it, too
			p.First = numbers[c.First-1] + 1
		}
		p.Worse = worse(p, e.measure.Direction)
		p.Score = coreevent.Effect{Before: p.Before, After: p.After, P: p.P, Settled: p.Settled && !p.Weak}.Score()
		ours, kept = append(ours, c), append(kept, p)
	}
	// First those that were significant, then those that were not any more: what comes back is what it was.
	for _, significant := range []bool{true, false} {
		var earlier []change.Change
		var rows []Point
		for _, p := range e.before {
			if p.Significant == significant && p.Number > e.line.Frozen {
				earlier, rows = append(earlier, e.asChange(p)), append(rows, p)
			}
		}
		var left []change.Change
		var places []int
		for i, p := range kept {
			if p.ID == "" {
				left, places = append(left, ours[i]), append(places, i)
			}
		}
		for i, j := range change.Same(earlier, left) {
			if j < 0 {
				if rows[i].Significant {
					rows[i].Significant = false
					e.changed = append(e.changed, rows[i])
				}
				continue
			}
			p := &kept[places[j]]
			p.ID, p.EventID = rows[i].ID, rows[i].EventID
			if !same(*p, rows[i]) {
				e.changed = append(e.changed, *p)
			}
		}
	}
	for _, p := range kept {
		if p.ID == "" {
			e.changed = append(e.changed, p)
		}
	}
}

// asChange is a row with positions among the values of today.
func (e *examination) asChange(p Point) change.Change {
	last := max(len(e.values.numbers)-1, 0)
	c := change.Change{Index: min(e.values.at(p.Number), last), First: min(e.values.at(p.First), last), Last: min(e.values.at(p.Last), last)}
	if c.Scale = change.Raw; p.Scale == change.Log.String() {
		c.Scale = change.Log
	}
	c.Effect = p.After - p.Before
	if p.Scale != exactScale && p.Effect != nil {
		c.Effect = *p.Effect
	}
	return c
}

// worse says whether a change is for the worse, given which direction is better.
func worse(p Point, better string) int {
	up := p.After > p.Before
	switch {
	case better == "lower" && up || better == "higher" && !up:
		return 1
	case better == "lower" || better == "higher":
		return -1
	}
	return 0
}

// same says whether two rows of a change say the same.
func same(a, b Point) bool {
	equal := func(x, y *float64) bool { return x == y || x != nil && y != nil && *x == *y }
	if !equal(a.Effect, b.Effect) || !equal(a.Low, b.Low) || !equal(a.High, b.High) {
		return false
	}
	a.Effect, a.Low, a.High, a.EventID = b.Effect, b.Low, b.High, b.EventID
	return a == b
}

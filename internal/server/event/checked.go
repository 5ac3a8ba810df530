package event

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/tachograph/tacho/api"
	coreevent "github.com/tachograph/tacho/internal/core/event"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/measurement"
	"github.com/tachograph/tacho/internal/core/paired"
	corepolicy "github.com/tachograph/tacho/internal/core/policy"
	"github.com/tachograph/tacho/internal/core/unit"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/policy"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/report/history"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// Checked ends the check that waits for a report, if there is one and its measurement is over: the report was closed or deleted. To say so
// again does nothing.
func (s *Service) Checked(ctx context.Context, reportID string) error {
	var c Check
	var waits bool
	if err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		c, waits, err = checkOfReport(ctx, tx, reportID)
		return err
	}); err != nil || !waits {
		return err
	}
	return s.endCheck(ctx, c)
}

// EndChecks ends all checks whose measurement is over, for those of which nobody heard. One that fails keeps no other from it.
func (s *Service) EndChecks(ctx context.Context) error {
	var open []Check
	if err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		open, err = openChecks(ctx, tx)
		return err
	}); err != nil {
		return err
	}
	var failed []error
	for _, c := range open {
		if err := s.endCheck(ctx, c); err != nil {
			failed = append(failed, fmt.Errorf("end check %s: %w", c.ID, err))
		}
	}
	return errors.Join(failed...)
}

// endCheck judges a check whose reports are both there, or gives it up if there will be no results of one. All of it is one transaction:
// of two servers the second finds that it has ended. Jobs that nobody waits for any more are canceled.
func (s *Service) endCheck(ctx context.Context, open Check) error {
	var left string // a job of a measurement that was given up
	if err := s.store.Tx(ctx, func(tx *store.Tx) error {
		left = ""
		e, err := eventOfCheck(ctx, tx, open)
		if err != nil {
			return err
		}
		if err := tx.Lock(ctx, store.LinesOf(e.HeadID)); err != nil {
			return err
		}
		if e, err = eventOfCheck(ctx, tx, open); err != nil {
			return err
		}
		c, err := checkByID(ctx, tx, open.ID)
		if err != nil || c.Ended != nil {
			return err
		}
		m, waiting, err := readMeasured(ctx, tx, c)
		if err != nil || waiting {
			return err
		}
		if m.failed != "" {
			left = m.job
			return fail(ctx, tx, e, c, m.failed)
		}
		return m.judge(ctx, tx, e, c)
	}); err != nil {
		return err
	}
	if left == "" {
		return nil
	}
	if err := s.queue.Cancel(ctx, left); err != nil && !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Missing) { // all have ended
		return fmt.Errorf("cancel what is left of check %s: %w", open.ID, err)
	}
	return nil
}

func eventOfCheck(ctx context.Context, tx *store.Tx, c Check) (Event, error) {
	e, err := scanEvent(tx.QueryRow(ctx, `select `+eventColumns+` from change_event e where e.id = $1`, c.EventID))
	return e, store.OneRow(err, "event", c.EventID)
}

// measuredAgain is what the measurement of a check left.
type measuredAgain struct {
	failed  string           // why there are no results
	job     string           // one of its jobs
	reports [2]report.Report // before, after
	jobs    []job.Job        // in the order in which they ran
}

// readMeasured reads what a check waits for, and says whether it still has to wait.
func readMeasured(ctx context.Context, tx *store.Tx, c Check) (m measuredAgain, waiting bool, err error) {
	if m.jobs, err = job.OfMeasurement(ctx, tx, c.MeasurementID); err != nil {
		return m, false, err
	}
	if len(m.jobs) > 0 {
		m.job = m.jobs[0].ID
	}
	for i, id := range []string{c.BeforeReport, c.AfterReport} {
		r, err := report.ByID(ctx, tx, id)
		switch {
		case fault.Is(err, fault.Missing):
			m.failed = cmp.Or(m.failed, "a report of the rerun was deleted")
		case err != nil:
			return m, false, err
		case r.Status == api.ReportFailed:
			m.failed = cmp.Or(m.failed, r.Error, "it has no results")
		case r.Status != api.ReportProcessed:
			waiting = true
		}
		m.reports[i] = r
	}
	return m, waiting && m.failed == "", nil
}

// fail ends a check without results. The event is suspected again, or what it was if more was known: values or an earlier rerun said so.
func fail(ctx context.Context, tx *store.Tx, e Event, c Check, why string) error {
	c.Outcome, c.Sentence = api.CheckFailed, cut("the rerun has no results: "+why)
	if err := endCheck(ctx, tx, c, nil); err != nil {
		return err
	}
	checking := e.State == coreevent.Checking
	e, err := apply(ctx, tx, e, coreevent.Fail, nil, c.Sentence)
	if err != nil || !checking {
		return err
	}
	back, known := map[coreevent.State]coreevent.Verb{coreevent.Confirmed: coreevent.Confirm, coreevent.Refuted: coreevent.Refute,
		coreevent.Undecided: coreevent.Doubt}[c.From]
	if known {
		if e, err = apply(ctx, tx, e, back, nil, "as before the rerun"); err != nil {
			return err
		}
	}
	_, err = settle(ctx, tx, e)
	return err
}

// cut keeps a sentence within what a reason may be.
func cut(text string) string {
	if runes := []rune(text); len(runes) > sentenceRunes {
		return string(runes[:sentenceRunes]) + "…"
	}
	return text
}

const sentenceRunes = 500

// outcomes are what a check says of a line or an event, by the verb.
var outcomes = map[coreevent.Verb]api.CheckOutcome{coreevent.Confirm: api.CheckConfirmed, coreevent.Refute: api.CheckRefuted,
	coreevent.Doubt: api.CheckUndecided}

// judge says what the results of a check say of its lines and of the event. Who is told of a confirmed change is told now, and who was told
// of one that is refuted hears that.
func (m measuredAgain) judge(ctx context.Context, tx *store.Tx, e Event, c Check) error {
	lines, err := checkLines(ctx, tx, c.ID)
	if err != nil {
		return err
	}
	pairs, err := m.pairs(ctx, tx, lines)
	if err != nil {
		return err
	}
	reruns := make([]coreevent.Rerun, len(lines))
	for i, l := range lines {
		reruns[i] = coreevent.Rerun{Suspicion: l.suspicion(), Pairs: pairs[l.SeriesID]}
	}
	verb, seen := coreevent.Judge(c.Pairs, reruns)
	for i := range lines {
		lines[i].take(seen[i])
	}
	if err := keepNull(ctx, tx, c, lines, pairs); err != nil {
		return err
	}
	c.Outcome = outcomes[verb]
	if c.Sentence, err = sentenceOf(ctx, tx, c, lines); err != nil {
		return err
	}
	if err := endCheck(ctx, tx, c, lines); err != nil {
		return err
	}
	from := e.State
	if e, err = apply(ctx, tx, e, verb, nil, c.Sentence); err != nil {
		return err
	}
	switch verb {
	case coreevent.Confirm:
		told, names, err := worthTelling(ctx, tx, e, lines)
		if err != nil || !told {
			return err
		}
		return tellOnce(ctx, tx, e, from, names)
	case coreevent.Refute:
		if e.State == coreevent.Refuted {
			_, err = takeBack(ctx, tx, e, from)
		}
		return err
	}
	_, err = settle(ctx, tx, e)
	return err
}

// keepNull writes what the runs of lines that a check has refuted say of their noise: the same code, as far as anybody can tell, measured
// twice as often as there are pairs. That the two sides may differ by as much as the check could not see makes it a little larger, not
// smaller. It goes with the report after the event. Nothing else that a check measures is of identical code.
func keepNull(ctx context.Context, tx *store.Tx, c Check, lines []CheckLine, pairs map[int64][][2]float64) error {
	var ids []int64
	for _, l := range lines {
		if l.Outcome == api.CheckRefuted {
			ids = append(ids, l.SeriesID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	of, err := series.ByID(ctx, tx, ids)
	if err != nil {
		return err
	}
	measureIDs := make([]string, len(ids))
	for i, id := range ids {
		measureIDs[i] = of[id].MeasureID
	}
	measures, err := series.MeasuresByID(ctx, tx, measureIDs)
	if err != nil {
		return err
	}
	rows := make([]report.Noise, len(ids))
	for i, id := range ids {
		var runs judge.Side
		for n, pair := range pairs[id] {
			for side, v := range pair {
				runs = append(runs, judge.Process{Name: fmt.Sprint(2*n + side), Values: []float64{v}})
			}
		}
		m := measures[measureIDs[i]]
		rows[i] = report.Noise{SeriesID: id, ReportID: c.AfterReport, Noise: judge.NoiseOf(unit.Measure{Name: m.Name, Slug: m.Slug,
			Units: m.Units, Direction: unit.Direction(m.Direction), Exact: m.Exact}, runs)}
	}
	return report.AddNoise(ctx, tx, rows)
}

// take writes into a line what was seen of it.
func (l *CheckLine) take(s coreevent.Seen) {
	known := func(v float64) *float64 {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
		return &v
	}
	l.Outcome, l.Pairs = outcomes[s.Verb], s.Pairs
	if s.Pairs == 0 {
		return
	}
	l.SeenBefore, l.SeenAfter = known(s.A), known(s.B)
	if s.NoRatio {
		return
	}
	l.Ratio = known(s.Ratio)
	if s.Exact {
		return
	}
	l.Low, l.High, l.P, l.Detectable = known(s.Lower), known(s.Upper), known(s.P), known(s.Detectable)
}

// pairs are the values of lines in the order of the pairs, keyed by series: of each job the geometric mean of its iterations, or the mean
// where they have none; NaN where it has no value.
func (m measuredAgain) pairs(ctx context.Context, tx *store.Tx, lines []CheckLine) (map[int64][][2]float64, error) {
	type run struct{ pair, side int }
	runs := make(map[string]run, len(m.jobs))
	for i, j := range m.jobs { // neighbours are a pair
		at := run{pair: i / 2}
		if measurement.Side(j.Side) == measurement.Head {
			at.side = 1
		}
		runs[j.ID] = at
	}
	ids, seqs := make([]int64, len(lines)), make([]int64, len(m.reports))
	of := map[int64]report.Report{}
	for i, r := range m.reports {
		seqs[i], of[r.Seq] = r.Seq, r
	}
	values := map[int64][][2][]float64{}
	for i, l := range lines {
		ids[i], values[l.SeriesID] = l.SeriesID, make([][2][]float64, (len(m.jobs)+1)/2)
	}
	if err := history.Each(ctx, tx, ids, seqs, func(id, seq int64, iteration int, value float64) {
		r, ours := of[seq]
		if !ours || iteration >= len(r.Counts) {
			return
		}
		if at, known := runs[r.Counts[iteration].Job]; known {
			values[id][at.pair][at.side] = append(values[id][at.pair][at.side], value)
		}
	}); err != nil {
		return nil, err
	}
	out := make(map[int64][][2]float64, len(values))
	for id, list := range values {
		for _, pair := range list {
			out[id] = append(out[id], [2]float64{paired.Typical(pair[0]), paired.Typical(pair[1])})
		}
	}
	return out, nil
}

// worthTelling says whether the policy has people told of a line that a rerun has confirmed, and whom; no names: everybody.
func worthTelling(ctx context.Context, tx *store.Tx, e Event, lines []CheckLine) (told bool, names []string, err error) {
	var ids []int64
	for _, l := range lines {
		ids = append(ids, l.SeriesID)
	}
	p, err := policy.Of(ctx, tx, e.ProjectID)
	if err != nil {
		return false, nil, err
	}
	rules, err := judgedBy(ctx, tx, p, e.HeadID, ids)
	if err != nil {
		return false, nil, err
	}
	everybody := false
	for _, l := range lines {
		s := rules.setting(l.SeriesID)
		found := corepolicy.Found{Before: l.Before, After: l.After, Effect: less1(l.Ratio)}
		if l.Outcome == api.CheckConfirmed && s.Tells(found.Share()) {
			told, everybody, names = true, everybody || s.Notify == nil, append(names, s.Notify...)
		}
	}
	if everybody {
		return told, nil, nil
	}
	slices.Sort(names)
	return told, slices.Compact(names), nil
}

// sentenceOf says for people what a check has shown: of the largest of the lines that decide, and how many there are.
func sentenceOf(ctx context.Context, tx *store.Tx, c Check, lines []CheckLine) (string, error) {
	n, first := 0, -1
	for i, l := range lines {
		if l.Outcome == c.Outcome {
			if n++; first < 0 {
				first = i
			}
		}
	}
	if first < 0 {
		return fmt.Sprintf("%d pairs in turns: no line to judge", c.Pairs), nil
	}
	l := lines[first]
	name, err := nameOf(ctx, tx, l.SeriesID)
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf("%d pairs in turns: %s %s", l.Pairs, name, l.said())
	if len(lines) > 1 {
		text += fmt.Sprintf("; %s: %d of %d lines", c.Outcome, n, len(lines))
	}
	return cut(text), nil
}

// nameOf names a line for people.
func nameOf(ctx context.Context, tx *store.Tx, seriesID int64) (string, error) {
	found, err := series.ByID(ctx, tx, []int64{seriesID})
	if err != nil {
		return "", err
	}
	s := found[seriesID]
	benchmarks, err := series.BenchmarksByID(ctx, tx, []string{s.BenchmarkID})
	if err != nil {
		return "", err
	}
	measures, err := series.MeasuresByID(ctx, tx, []string{s.MeasureID})
	return benchmarks[s.BenchmarkID].Name + ", " + measures[s.MeasureID].Name, err
}

// said is what a rerun saw of a line.
func (l CheckLine) said() string {
	switch {
	case l.Pairs == 0:
		return "has no values on both sides"
	case l.SeenBefore != nil && l.SeenAfter != nil && *l.SeenBefore == *l.SeenAfter && l.Low == nil:
		return "is equal"
	case l.Ratio == nil || l.Low == nil || l.High == nil:
		if l.Ratio != nil {
			return "is " + signedPercent(*l.Ratio-1) + ", and no chance has a part in it"
		}
		return "has values without a ratio"
	}
	text := fmt.Sprintf("is %s [%s, %s]", signedPercent(*l.Ratio-1), signedPercent(*l.Low-1), signedPercent(*l.High-1))
	if suspected := l.suspected(); suspected != nil {
		text += ", suspected " + signedPercent(*suspected)
	}
	if l.Detectable != nil {
		text += ", could have seen " + judge.Percent(*l.Detectable)
	}
	return text
}

// suspected is the effect that is checked; nil where it has no ratio.
func (l CheckLine) suspected() *float64 {
	if !(l.Before > 0 && l.After > 0) {
		return nil
	}
	effect := l.After/l.Before - 1
	return &effect
}

func signedPercent(part float64) string {
	if part > 0 {
		return "+" + judge.Percent(part)
	}
	return judge.Percent(part)
}

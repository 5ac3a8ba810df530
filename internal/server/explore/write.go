package explore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/tachograph/tacho/internal/core/access"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/admit"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// Showing says how a report is shown.
type Showing struct {
	Committed bool // the caller has just made it: then it waits for its turn at the gate and is never refused
	Results   int  // the first results and alerts, up to so many of each; 0: all
	Samples   bool // each metric with its samples, thinned evenly to limits.SamplesShown
}

var errEnough = errors.New("enough")

// upTo returns f for the first n calls, after which it ends the loop; 0: for all.
func upTo[T any](n int, f func(T) error) func(T) error {
	if n == 0 {
		return f
	}
	seen := 0
	return func(v T) error {
		if seen++; seen > n {
			return errEnough
		}
		return f(v)
	}
}

// WriteReport writes one report of the project with results and alerts.
func (s *Service) WriteReport(ctx context.Context, w io.Writer, actor access.Actor, ref string, id string, show Showing) error {
	var row report.Report
	n := 0
	if err := s.door.View(ctx, actor, ref, func(tx *store.Tx, project project.Project) (err error) {
		if row, err = projectReport(ctx, tx, project, id); err == nil {
			n, err = countMetrics(ctx, tx, []report.Report{row})
		}
		return err
	}); err != nil {
		return err
	}
	enter := s.gate.Enter
	if show.Committed {
		enter = s.gate.Await
	}
	if show.Results > 0 {
		n = min(n, show.Results)
	}
	cost := answerCost(n)
	if show.Samples {
		cost += int64(min(n, limits.ReadChunk)) * limits.SamplesShown * limits.SampleCost
	}
	pass, err := enter(ctx, cost)
	if err != nil {
		return err
	}
	defer pass.Leave()
	return s.door.View(ctx, actor, ref, func(tx *store.Tx, project project.Project) error {
		row, err := projectReport(ctx, tx, project, id)
		if err != nil {
			return err
		}
		built, err := single(ctx, tx, project, row)
		if err != nil {
			return err
		}
		return writeReport(ctx, w, tx, row, built, show)
	})
}

// WriteReports writes a page of the project's reports with results and alerts, and returns how many there are in all.
func (s *Service) WriteReports(ctx context.Context, w io.Writer, actor access.Actor, ref string, f ReportFilter,
	page store.Page) (total int, err error) {
	n := 0
	if err := s.door.View(ctx, actor, ref, func(tx *store.Tx, project project.Project) error {
		rows, _, err := listed(ctx, tx, project, f, page)
		if err != nil {
			return err
		}
		n, err = countMetrics(ctx, tx, rows)
		return err
	}); err != nil {
		return 0, err
	}
	pass, err := s.gate.Enter(ctx, answerCost(n))
	if err != nil {
		return 0, err
	}
	defer pass.Leave()
	err = s.door.View(ctx, actor, ref, func(tx *store.Tx, project project.Project) error {
		rows, all, err := listed(ctx, tx, project, f, page)
		if err != nil {
			return err
		}
		total = all
		built, err := reports(ctx, tx, project, rows)
		if err != nil {
			return err
		}
		list := newList(w)
		for i, row := range rows {
			list.next()
			if list.err == nil {
				list.err = writeReport(ctx, w, tx, row, built[i], Showing{})
			}
		}
		return list.end()
	})
	return total, err
}

// enterPerf checks a query and passes the gate with what its longest line costs.
func (s *Service) enterPerf(ctx context.Context, actor access.Actor, ref string, q PerfQuery) (*admit.Pass, error) {
	n := 0
	if err := s.door.View(ctx, actor, ref, func(tx *store.Tx, project project.Project) error {
		if err := q.check(); err != nil {
			return err
		}
		d, err := findDimensions(ctx, tx, project, q)
		if err == nil {
			n, err = countLongest(ctx, tx, d)
		}
		return err
	}); err != nil {
		return nil, err
	}
	return s.gate.Enter(ctx, lineCost(n))
}

func writeReport(ctx context.Context, w io.Writer, tx *store.Tx, row report.Report, head api.Report, show Showing) error {
	return splice(w, head, filling{
		"results": func() error {
			iterations := newList(w)
			var results *list
			iteration := 0
			err := eachResult(ctx, tx, row, show.Samples, upTo(show.Results, func(r api.ReportResult) error {
				if results == nil || iteration != r.Iteration {
					if results != nil {
						if err := results.end(); err != nil {
							return err
						}
					}
					iterations.next()
					results, iteration = newList(w), r.Iteration
				}
				return results.add(r)
			}))
			if errors.Is(err, errEnough) {
				err = nil
			}
			if err == nil && results != nil {
				err = results.end()
			}
			if err != nil {
				return err
			}
			return iterations.end()
		},
		"alerts": func() error {
			alerts := newList(w)
			err := eachAlert(ctx, tx, row, upTo(show.Results, func(a api.Alert) error { return alerts.add(a) }))
			if err != nil && !errors.Is(err, errEnough) {
				return err
			}
			return alerts.end()
		},
	})
}

// answerCost is what writing n metrics may hold in memory, in bytes: a chunk of them. What every request costs anyhow is 0.
func answerCost(n int) int64 {
	if n <= limits.CheapReadMetrics {
		return 0
	}
	return int64(min(n, limits.ReadChunk)) * limits.AnswerMetricCost
}

// lineCost is the same for lines of up to n points, each of which is in memory while it is put in order.
func lineCost(n int) int64 {
	if n <= limits.CheapReadMetrics {
		return 0
	}
	return answerCost(n) + int64(n)*limits.PointCost
}

// countLongest is how many metrics the longest line of a query has at most, or how many reports may be looked at for it.
func countLongest(ctx context.Context, tx *store.Tx, d dimensions) (longest int, err error) {
	ids := make([]string, len(d.benchmarks))
	for i, b := range d.benchmarks {
		ids[i] = b.ID
	}
	for _, t := range d.testbeds {
		for _, m := range d.measures {
			series, err := series.Of(ctx, tx, t.ID, m.ID, ids)
			if err != nil {
				return 0, err
			}
			for _, s := range series {
				n, err := CountSeriesMetrics(ctx, tx, s.ID)
				if err != nil {
					return 0, err
				}
				longest = max(longest, n)
			}
		}
		for _, b := range d.branches {
			n, err := CountLineReports(ctx, tx, b.Head.UUID, t.ID)
			if err != nil {
				return 0, err
			}
			longest = max(longest, n)
		}
	}
	return longest, nil
}

// encode is v as the edges write JSON, without the newline at its end.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// filling are members of an object that write their own values.
type filling map[string]func() error

// splice writes v, an object, but for the members in fill.
func splice(w io.Writer, v any, fill filling) error {
	text, err := encode(v)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if _, err := d.Token(); err != nil {
		return err
	}
	written := 0
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		write := fill[name.(string)] //nolint:forcetypeassert // the name of a member
		if write == nil {
			continue
		}
		end := int(d.InputOffset())
		if _, err := w.Write(text[written : end-len(value)]); err != nil {
			return err
		}
		if err := write(); err != nil {
			return err
		}
		written = end
	}
	_, err = w.Write(text[written:])
	return err
}

// list writes a JSON array. Its first error stays.
type list struct {
	w    io.Writer
	some bool
	err  error
}

func newList(w io.Writer) *list {
	l := &list{w: w}
	l.text("[")
	return l
}

func (l *list) text(s string) {
	if l.err == nil {
		_, l.err = io.WriteString(l.w, s)
	}
}

// next makes room for an element that the caller writes.
func (l *list) next() {
	if l.some {
		l.text(",")
	}
	l.some = true
}

func (l *list) add(v any) error {
	l.next()
	text, err := encode(v)
	if err != nil {
		return err
	}
	if l.err == nil {
		_, l.err = l.w.Write(text)
	}
	return l.err
}

func (l *list) end() error {
	l.text("]")
	return l.err
}

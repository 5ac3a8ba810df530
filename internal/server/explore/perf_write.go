package explore

import (
	"context"
	"io"
	"slices"
	"strconv"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/threshold"
)

// perfWriter writes lines as JSON. Thresholds, and what points have of their reports, are encoded once.
type perfWriter struct {
	ctx context.Context
	tx  *store.Tx
	d   dimensions
	w   io.Writer
	b   []byte // not yet written
	err error  // of writing, which ends all of it

	thresholds map[int64]judgedBy // by model
	table      []text             // of thresholds, in the order in which they were met

	of        *lineReports // whose fragments there are
	fragments []byte
	ends      []int // of each report's two fragments
}

// text is an encoded value.
type text = []byte

// judgedBy is the threshold of a model.
type judgedBy struct {
	text text // empty: it is gone
	row  int  // of the table; -1: it is gone
}

// bufferBytes are gathered before they are written.
const bufferBytes = 32 * limits.KiB

func (s *Service) writeLines(ctx context.Context, w io.Writer, actor access.Actor, ref string, q PerfQuery,
	write func(*perfWriter, project.Project) error) error {
	pass, err := s.enterPerf(ctx, actor, ref, q)
	if err != nil {
		return err
	}
	defer pass.Leave()
	return s.door.View(ctx, actor, ref, func(tx *store.Tx, project project.Project) error {
		d, err := findDimensions(ctx, tx, project, q)
		if err != nil {
			return err
		}
		return write(&perfWriter{ctx: ctx, tx: tx, d: d, w: w, thresholds: map[int64]judgedBy{}}, project)
	})
}

// WritePerf writes the lines of a query as api.Perf, which is Bencher's shape.
func (s *Service) WritePerf(ctx context.Context, w io.Writer, actor access.Actor, ref string, q PerfQuery) error {
	return s.writeLines(ctx, w, actor, ref, q, func(p *perfWriter, project project.Project) error {
		head := api.Perf{Project: project.Wire(), StartTime: q.From, EndTime: q.To, Results: []api.PerfSeries{}}
		return splice(w, head, filling{"results": func() error {
			list := newList(w)
			err := eachLine(ctx, p.tx, p.d, q, func(l line) error {
				if list.next(); list.err != nil {
					return list.err
				}
				about := api.PerfSeries{Branch: p.d.branches[l.branch], Testbed: p.d.testbeds[l.testbed].Wire(),
					Benchmark: p.d.benchmarks[l.benchmark].Wire(), Measure: p.d.measures[l.measure].Wire(), Metrics: []api.PerfMetric{}}
				return splice(w, about, filling{"metrics": func() error { return p.objects(l) }})
			})
			if err != nil {
				return err
			}
			return list.end()
		}})
	})
}

// WritePerfColumns writes the lines of a query as api.PerfColumns, those that have metrics, their points in the order of version number,
// start time and iteration. A query for more than limits.PerfSeriesMax combinations or limits.PerfPointsMax points is an Invalid fault:
// nothing is left out.
func (s *Service) WritePerfColumns(ctx context.Context, w io.Writer, actor access.Actor, ref string, q PerfQuery) error {
	return s.writeLines(ctx, w, actor, ref, q, func(p *perfWriter, project project.Project) error {
		head := api.PerfColumns{Project: project.Wire(), StartTime: q.From, EndTime: q.To, Results: []api.PerfGroup{},
			Thresholds: []api.Threshold{}}
		return splice(w, head, filling{"results": func() error {
			groups := newList(w)
			var lines *list
			end := func() error {
				if lines == nil {
					return nil
				}
				lines.text("]}")
				return lines.err
			}
			err := eachLine(ctx, p.tx, p.d, q, func(l line) error {
				if lines == nil || p.of != l.lineReports {
					if err := end(); err != nil {
						return err
					}
					if groups.next(); groups.err != nil {
						return groups.err
					}
					if err := p.group(l); err != nil {
						return err
					}
					lines = newList(w)
				}
				if lines.next(); lines.err != nil {
					return lines.err
				}
				return p.columns(l)
			})
			if err == nil {
				err = end()
			}
			if err != nil {
				return err
			}
			return groups.end()
		}, "thresholds": func() error {
			p.b = appendList(p.b, "", p.table, func(b []byte, one *text) []byte { return append(b, *one...) })
			return p.flush()
		}})
	})
}

func (p *perfWriter) flush() error {
	if p.err == nil {
		_, p.err = p.w.Write(p.b)
	}
	p.b = p.b[:0]
	return p.err
}

// spill writes b, the buffer, if it is large, and returns what is left of it.
func (p *perfWriter) spill(b []byte) []byte {
	if p.b = b; len(b) >= bufferBytes {
		_ = p.flush() // who ends the line returns the error
	}
	return p.b
}

// meet loads the thresholds that judged points of a line, as far as they are not known.
func (p *perfWriter) meet(points []point) error {
	var w wanted
	last := int64(unjudged)
	for _, v := range points {
		if v.model == last || v.model == unjudged {
			continue
		}
		last = v.model
		if _, known := p.thresholds[v.model]; !known {
			p.thresholds[v.model] = judgedBy{row: -1}
			w.judged = append(w.judged, v.model)
		}
	}
	if len(w.judged) == 0 {
		return nil
	}
	c, err := load(p.ctx, p.tx, w)
	if err != nil {
		return err
	}
	for _, model := range w.judged {
		t := c.modelThreshold(&model)
		if t == nil {
			continue
		}
		text, err := encode(t)
		if err != nil {
			return err
		}
		p.thresholds[model] = judgedBy{text, len(p.table)}
		p.table = append(p.table, text)
	}
	return nil
}

// alerts are those of the points, by metric.
func (p *perfWriter) alerts(points []point) (map[int64]threshold.Alert, error) {
	var ids []int64
	for _, v := range points {
		if v.outside() {
			ids = append(ids, v.id)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return threshold.AlertsByMetric(p.ctx, p.tx, ids)
}

// objects writes the points of a line as api.PerfMetric.
func (p *perfWriter) objects(l line) error {
	if err := p.meet(l.points); err != nil {
		return err
	}
	if err := p.fragment(l.lineReports); err != nil {
		return err
	}
	p.b = append(p.b, '[')
	some := false
	for chunk := range slices.Chunk(l.points, limits.ReadChunk) {
		alerts, err := p.alerts(chunk)
		if err != nil {
			return err
		}
		for i := range chunk {
			if some {
				p.b = append(p.b, ',')
			}
			some = true
			if err := p.object(&chunk[i], alerts); err != nil {
				return err
			}
		}
		if len(p.b) >= bufferBytes {
			if err := p.flush(); err != nil {
				return err
			}
		}
	}
	p.b = append(p.b, ']')
	return p.flush()
}

func (p *perfWriter) object(v *point, alerts map[int64]threshold.Alert) error {
	before, middle, after := 0, p.ends[2*v.report], p.ends[2*v.report+1]
	if v.report > 0 {
		before = p.ends[2*v.report-1]
	}
	b := append(p.b, p.fragments[before:middle]...)
	b = strconv.AppendInt(b, int64(v.iteration), 10)
	b = append(b, p.fragments[middle:after]...)
	b = appendMetricUUID(b, v.id)
	b = appendNumber(append(b, `,"value":`...), v.value)
	b = appendOptional(b, `,"lower_value":`, v.lower)
	b = append(appendOptional(b, `,"upper_value":`, v.upper), '}')
	if v.model != unjudged {
		if t := p.thresholds[v.model]; len(t.text) > 0 {
			b = append(append(b, `,"threshold":`...), t.text...)
		}
		b = append(b, `,"boundary":{`...)
		begin := len(b)
		b = appendOptional(b, `,"baseline":`, v.baseline)
		b = appendOptional(b, `,"lower_limit":`, v.lowerLimit)
		b = appendOptional(b, `,"upper_limit":`, v.upperLimit)
		if len(b) > begin {
			b = append(b[:begin], b[begin+1:]...) // the first has no comma
		}
		b = append(b, '}')
	}
	if a, has := alerts[v.id]; has {
		text, err := encode(perfAlert(a))
		if err != nil {
			return err
		}
		b = append(append(b, `,"alert":`...), text...)
	}
	p.b = append(b, '}')
	return nil
}

// fragment encodes what the points of a line have of their reports: what stands before the iteration, and what stands after it.
func (p *perfWriter) fragment(r *lineReports) error {
	if p.of == r {
		return nil
	}
	p.of, p.fragments, p.ends = r, p.fragments[:0], p.ends[:0]
	b := p.fragments
	for _, one := range r.reports {
		b = append(append(append(b, `{"report":"`...), one.ID...), `","iteration":`...)
		p.ends = append(p.ends, len(b))
		b = appendTime(append(b, `,"start_time":`...), one.StartTime)
		b = appendTime(append(b, `,"end_time":`...), one.EndTime)
		b = strconv.AppendInt(append(b, `,"version":{"number":`...), one.Number, 10)
		if one.Hash != nil {
			hash, err := encode(*one.Hash)
			if err != nil {
				return err
			}
			b = append(append(b, `,"hash":`...), hash...)
		}
		b = append(b, `},"metric":{"uuid":`...)
		p.ends = append(p.ends, len(b))
	}
	p.fragments = b
	return nil
}

// group begins an api.PerfGroup, up to its lines.
func (p *perfWriter) group(l line) (err error) {
	p.of = l.lineReports
	about, err := encode(struct {
		Branch  api.Branch  `json:"branch"`
		Testbed api.Testbed `json:"testbed"`
	}{p.d.branches[l.branch], p.d.testbeds[l.testbed].Wire()})
	if err != nil {
		return err
	}
	b := append(append(p.b, about[:len(about)-1]...), `,"reports":{`...)
	b = appendList(b, `"uuid":`, l.reports, func(b []byte, r *LineReport) []byte { return append(append(append(b, '"'), r.ID...), '"') })
	b = appendList(b, `,"start_time":`, l.reports, func(b []byte, r *LineReport) []byte { return appendTime(b, r.StartTime) })
	b = appendList(b, `,"end_time":`, l.reports, func(b []byte, r *LineReport) []byte { return appendTime(b, r.EndTime) })
	b = appendList(b, `,"number":`, l.reports, func(b []byte, r *LineReport) []byte { return strconv.AppendInt(b, r.Number, 10) })
	b = appendList(b, `,"hash":`, l.reports, func(b []byte, r *LineReport) []byte {
		if r.Hash == nil {
			return append(b, "null"...)
		}
		hash, encodeErr := encode(*r.Hash)
		if encodeErr != nil {
			err = encodeErr
		}
		return append(b, hash...)
	})
	if err != nil {
		return err
	}
	p.b = append(b, `},"lines":`...)
	return p.flush()
}

// columns writes a line as api.PerfLine.
func (p *perfWriter) columns(l line) error {
	if err := p.meet(l.points); err != nil {
		return err
	}
	about, err := encode(struct {
		Benchmark api.Benchmark `json:"benchmark"`
		Measure   api.Measure   `json:"measure"`
	}{p.d.benchmarks[l.benchmark].Wire(), p.d.measures[l.measure].Wire()})
	if err != nil {
		return err
	}
	b := append(append(p.b, about[:len(about)-1]...), `,"points":{`...)
	b = p.spill(appendList(b, `"report":`, l.points, func(b []byte, v *point) []byte { return strconv.AppendInt(b, int64(v.report), 10) }))
	if slices.ContainsFunc(l.points, func(v point) bool { return v.iteration != 0 }) {
		b = p.spill(appendList(b, `,"iteration":`, l.points, func(b []byte, v *point) []byte {
			return strconv.AppendInt(b, int64(v.iteration), 10)
		}))
	}
	b = p.spill(appendList(b, `,"uuid":`, l.points, func(b []byte, v *point) []byte { return appendMetricUUID(b, v.id) }))
	b = appendList(b, `,"value":`, l.points, func(b []byte, v *point) []byte { return appendNumber(b, v.value) })
	b = p.spill(appendColumn(b, `,"lower_value":`, l.points, func(v *point) float64 { return v.lower }))
	b = appendColumn(b, `,"upper_value":`, l.points, func(v *point) float64 { return v.upper })
	if slices.ContainsFunc(l.points, func(v point) bool { return v.model != unjudged }) {
		last, row := int64(unjudged), 0
		b = p.spill(appendList(b, `,"threshold":`, l.points, func(b []byte, v *point) []byte {
			if v.model == unjudged {
				return append(b, "null"...)
			}
			if v.model != last {
				last, row = v.model, p.thresholds[v.model].row
			}
			return strconv.AppendInt(b, int64(row), 10)
		}))
		b = p.spill(appendColumn(b, `,"baseline":`, l.points, func(v *point) float64 { return v.baseline }))
		b = appendColumn(b, `,"lower_limit":`, l.points, func(v *point) float64 { return v.lowerLimit })
		b = p.spill(appendColumn(b, `,"upper_limit":`, l.points, func(v *point) float64 { return v.upperLimit }))
	}
	p.b = b
	if err := p.pointAlerts(l.points); err != nil {
		return err
	}
	p.b = append(p.b, `}}`...)
	return p.flush()
}

// pointAlerts writes the alerts of a line, if it has any.
func (p *perfWriter) pointAlerts(points []point) error {
	var outside []int
	for i, v := range points {
		if v.outside() {
			outside = append(outside, i)
		}
	}
	before := `,"alerts":[`
	for chunk := range slices.Chunk(outside, limits.ReadChunk) {
		ids := make([]int64, len(chunk))
		for j, i := range chunk {
			ids[j] = points[i].id
		}
		alerts, err := threshold.AlertsByMetric(p.ctx, p.tx, ids)
		if err != nil {
			return err
		}
		for _, i := range chunk {
			a, has := alerts[points[i].id]
			if !has {
				continue
			}
			text, err := encode(api.PerfPointAlert{Point: i, Alert: *perfAlert(a)})
			if err != nil {
				return err
			}
			p.b = append(append(p.b, before...), text...)
			before = ","
		}
	}
	if before == "," {
		p.b = append(p.b, ']')
	}
	return nil
}

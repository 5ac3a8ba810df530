package adapter

import (
	"slices"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/unit"
)

// requestLog gathers the requests of a log that has a line for each of them: samples of some measures by benchmark, and how many failed. A
// log may have millions, so a request costs no allocation but its samples.
type requestLog struct {
	measures []*unit.Measure
	keys     nameTable
	order    []*requestRow // by place in keys
	last     *requestRow
	lastKey  []byte
	n        int
}

type requestRow struct {
	name              string
	samples           [][]float64     // for each of the log's measures
	thin              []read.Thinning // of these
	failed            int
	requests, refused int    // where the tool's reader counts them itself
	why               string // of the first that failed
	line              int
}

func newRequestLog(measures ...*unit.Measure) *requestLog {
	return &requestLog{measures: measures}
}

// row is the benchmark of a key; name is called when it is new.
func (l *requestLog) row(key []byte, name func() string) (*requestRow, error) {
	if l.last != nil && string(l.lastKey) == string(key) {
		return l.last, nil
	}
	place, isNew := l.keys.addBytes(key)
	if isNew {
		if len(l.order) >= limits.BenchmarksPerIteration {
			return nil, tooManyBenchmarks()
		}
		l.order = append(l.order, &requestRow{name: name(), samples: make([][]float64, len(l.measures)),
			thin: make([]read.Thinning, len(l.measures))})
	}
	r := l.order[place]
	l.last, l.lastKey = r, append(l.lastKey[:0], key...)
	return r, nil
}

// fail counts a request that failed.
func (r *requestRow) fail(why []byte, line int) {
	if r.failed++; r.failed == 1 {
		r.why, r.line = shorten(string(why), limits.ProblemBytes), line
	}
}

// take adds a request's values, in the order of the log's measures; those that are absent are left out.
func (r *requestRow) take(values ...read.Opt) {
	for i, v := range values {
		if v.OK && read.Finite(v.Value) {
			r.thin[i].Add(&r.samples[i], v.Value)
		}
	}
}

// report adds all to the gathering: each measure's median, or mean, with the samples, and the failures as a metric and a problem.
func (l *requestLog) report(g *gathering, opts Options) {
	for _, r := range l.order {
		if i := slices.IndexFunc(r.thin, func(t read.Thinning) bool { return t.Left() }); i >= 0 {
			g.problem(r.name, 0, "%s", r.thin[i].Text())
		}
		for i, samples := range r.samples {
			var m Metric
			switch len(samples) {
			case 0:
				continue
			case 1: // is the value
				m = Metric{Measure: l.measures[i], Value: samples[0]}
			default:
				m = summarize(l.measures[i], samples, opts.Average)
			}
			g.metric(r.name, m, 0)
		}
		if r.failed == 0 {
			continue
		}
		g.problem(r.name, r.line, "%d requests failed, the first with %q", r.failed, r.why)
		g.value(r.name, requestsFailed, float64(r.failed), r.line)
	}
}

package api

import (
	"fmt"
	"time"
)

// PerfColumns answers GET …/perf?shape=columns: what Perf says, as a list for each field of a point instead of an object for each point.
// It is about a tenth of the size. What many points share is said once: reports and thresholds are tables, which points name
// by row, from 0.
type PerfColumns struct {
	Project    Project     `json:"project"`
	StartTime  *time.Time  `json:"start_time,omitempty"`
	EndTime    *time.Time  `json:"end_time,omitempty"`
	Results    []PerfGroup `json:"results"`
	Thresholds []Threshold `json:"thresholds" doc:"that judged any of the points, each with the model that did"`
}

// PerfGroup are the lines of a branch and a testbed, which have their reports in common.
type PerfGroup struct {
	Branch  Branch      `json:"branch"`
	Testbed Testbed     `json:"testbed"`
	Reports PerfReports `json:"reports"`
	Lines   []PerfLine  `json:"lines"`
}

// PerfLine is one line. All lists of its points have the same length, but those that are absent.
type PerfLine struct {
	Benchmark Benchmark  `json:"benchmark"`
	Measure   Measure    `json:"measure"`
	Points    PerfPoints `json:"points"`
}

// PerfPoints are the points of a line, in the order of version, start time and iteration. A list is absent where no point has such a
// value.
type PerfPoints struct {
	Report     []int            `json:"report" doc:"row of the table of reports"`
	Iteration  []int            `json:"iteration,omitempty" doc:"absent: all 0"`
	UUID       []string         `json:"uuid" doc:"of the metric"`
	Value      []float64        `json:"value"`
	LowerValue []*float64       `json:"lower_value,omitempty" nullable:"true"`
	UpperValue []*float64       `json:"upper_value,omitempty" nullable:"true"`
	Threshold  []*int           `json:"threshold,omitempty" nullable:"true" doc:"row of thresholds; -1: judged by one that is gone"`
	Baseline   []*float64       `json:"baseline,omitempty" nullable:"true"`
	LowerLimit []*float64       `json:"lower_limit,omitempty" nullable:"true"`
	UpperLimit []*float64       `json:"upper_limit,omitempty" nullable:"true"`
	Alerts     []PerfPointAlert `json:"alerts,omitempty"`
}

// PerfPointAlert is an alert of a point.
type PerfPointAlert struct {
	Point int       `json:"point" doc:"which of the points"`
	Alert PerfAlert `json:"alert"`
}

// PerfReports are the reports of a branch and a testbed, in the order of their points.
type PerfReports struct {
	UUID      []string    `json:"uuid"`
	StartTime []time.Time `json:"start_time"`
	EndTime   []time.Time `json:"end_time"`
	Number    []int64     `json:"number" doc:"of the version"`
	Hash      []*string   `json:"hash" nullable:"true" doc:"of the version, null if it is not known"`
}

// Perf returns the same as objects, one for each point. Lists that do not fit each other are an error.
func (c PerfColumns) Perf() (Perf, error) {
	out := Perf{Project: c.Project, StartTime: c.StartTime, EndTime: c.EndTime, Results: []PerfSeries{}}
	for _, g := range c.Results {
		r := g.Reports
		if n := len(r.UUID); len(r.StartTime) != n || len(r.EndTime) != n || len(r.Number) != n || len(r.Hash) != n {
			return Perf{}, fmt.Errorf("branch %s: the lists of its %d reports differ in length", g.Branch.Name, n)
		}
		for _, l := range g.Lines {
			points, err := c.points(r, l.Points)
			if err != nil {
				return Perf{}, fmt.Errorf("line of %s: %w", l.Benchmark.Name, err)
			}
			out.Results = append(out.Results, PerfSeries{Branch: g.Branch, Testbed: g.Testbed, Benchmark: l.Benchmark, Measure: l.Measure,
				Metrics: points})
		}
	}
	return out, nil
}

func (c PerfColumns) points(reports PerfReports, p PerfPoints) ([]PerfMetric, error) {
	n := len(p.Report)
	fits := func(length int) bool { return length == n || length == 0 }
	if len(p.UUID) != n || len(p.Value) != n || !fits(len(p.Iteration)) || !fits(len(p.LowerValue)) || !fits(len(p.UpperValue)) ||
		!fits(len(p.Threshold)) || !fits(len(p.Baseline)) || !fits(len(p.LowerLimit)) || !fits(len(p.UpperLimit)) {
		return nil, fmt.Errorf("the lists of its %d points differ in length", n)
	}
	optional := func(list []*float64, i int) *float64 {
		if len(list) == 0 {
			return nil
		}
		return list[i]
	}
	out := make([]PerfMetric, n)
	for i, r := range p.Report {
		if r < 0 || r >= len(reports.UUID) {
			return nil, fmt.Errorf("point %d: no report %d", i, r)
		}
		m := &out[i]
		*m = PerfMetric{Report: reports.UUID[r], StartTime: reports.StartTime[r], EndTime: reports.EndTime[r],
			Version: Version{Number: reports.Number[r], Hash: reports.Hash[r]},
			Metric: Metric{UUID: p.UUID[i], Value: p.Value[i], LowerValue: optional(p.LowerValue, i),
				UpperValue: optional(p.UpperValue, i)}}
		if len(p.Iteration) > 0 {
			m.Iteration = p.Iteration[i]
		}
		if len(p.Threshold) == 0 || p.Threshold[i] == nil {
			continue
		}
		m.Boundary = &Boundary{Baseline: optional(p.Baseline, i), LowerLimit: optional(p.LowerLimit, i), UpperLimit: optional(p.UpperLimit, i)}
		switch t := *p.Threshold[i]; {
		case t >= len(c.Thresholds) || t < -1:
			return nil, fmt.Errorf("point %d: no threshold %d", i, t)
		case t >= 0:
			m.Threshold = &c.Thresholds[t]
		}
	}
	for _, a := range p.Alerts {
		if a.Point < 0 || a.Point >= n {
			return nil, fmt.Errorf("an alert of no point: %d", a.Point)
		}
		out[a.Point].Alert = &a.Alert
	}
	return out, nil
}

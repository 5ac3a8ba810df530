package adapter

import (
	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/unit"
)

// cargo criterion --message-format json writes one message on a line: {"reason": "benchmark-complete", "id", "iteration_count": [n, …],
// "measured_values": [total, …], "unit", "throughput": [{"per_iteration", "unit"}], "typical", "mean", "median", "slope": {"estimate",
// "lower_bound", "upper_bound", "unit"}}, and {"reason": "group-complete", …}.
//
// Identity is the id. The value is the typical estimate, which criterion itself prints, or the mean or the median, between its bounds;
// each measured value divided by its iterations is a sample. Throughput follows from the chosen estimate and its bounds. A custom
// measurement keeps its unit, and is a cost: criterion calls its rise a regression. Its throughput has no unit in the message and is left
// out.
var cargoCriterionTool = tool{
	name: "cargo_criterion", about: "cargo criterion --message-format json", example: `tacho run "cargo criterion --message-format json"`,
	measures: []string{"Latency (ns, lower)", "Bandwidth (MB/s, higher)", "Elements per Second (elem/s, higher)", "a custom measurement in its unit"}, samples: "each measured value, for one iteration",
	signs:   []sign{{jsonForm, []string{"reason=benchmark-complete", "measured_values[]"}, 100, `"reason": "benchmark-complete"`}},
	needles: []string{`"reason":"benchmark-complete"`}, hit: func(line []byte) int {
		if len(line) > 0 && line[0] == '{' {
			return 100
		}
		return 0
	}, trace: `lines with "reason": "benchmark-complete"`,
	lines: true, parse: parseCargoCriterion, averages: []Average{AverageMean, AverageMedian},
}

// criterionMessage is one message.
type criterionMessage struct {
	reason, id, unit      string
	counts, values        []float64
	typical, mean, median criterionEstimate
	throughput            []criterionThroughput
}

type criterionEstimate struct{ estimate, lower, upper read.Opt }

type criterionThroughput struct {
	perIteration read.Opt
	unit         string
}

func parseCargoCriterion(s *read.Scanner, opts Options) (Results, error) {
	var g gathering
	in := read.ScanBytes(nil)
	n := 0
	for line := range s.Lines() {
		if len(line) == 0 || line[0] != '{' {
			continue
		}
		var m criterionMessage
		in.Reset(line)
		if err := in.Object(func(key []byte) error { return m.member(in, key) }); err != nil {
			g.problem(m.id, s.Line(), "the message cannot be read: %v", err)
			continue
		}
		if m.reason != "benchmark-complete" {
			continue
		}
		n++
		m.add(&g, opts, s.Line())
	}
	return g.results(opts, `%d messages "benchmark-complete"`, n)
}

func (m *criterionMessage) member(s *read.Scanner, key []byte) error {
	switch string(key) {
	case "reason":
		return s.Str(&m.reason)
	case "id":
		return s.Str(&m.id)
	case "unit":
		return s.Str(&m.unit)
	case "iteration_count":
		return s.Nums(&m.counts)
	case "measured_values":
		return s.Nums(&m.values)
	case "typical":
		return m.typical.read(s)
	case "mean":
		return m.mean.read(s)
	case "median":
		return m.median.read(s)
	case "throughput":
		return s.Each(func() error {
			var t criterionThroughput
			err := s.Members(func(key []byte) error {
				switch string(key) {
				case "per_iteration":
					return s.Opt(&t.perIteration)
				case "unit":
					return s.Str(&t.unit)
				}
				return s.Skip()
			})
			m.throughput = append(m.throughput, t)
			return err
		})
	}
	return s.Skip()
}

func (e *criterionEstimate) read(s *read.Scanner) error {
	return s.Members(func(key []byte) error {
		switch string(key) {
		case "estimate":
			return s.Opt(&e.estimate)
		case "lower_bound":
			return s.Opt(&e.lower)
		case "upper_bound":
			return s.Opt(&e.upper)
		}
		return s.Skip()
	})
}

func (m *criterionMessage) add(g *gathering, opts Options, line int) {
	name := read.OneLine(m.id)
	chosen := m.typical
	switch {
	case opts.Average == AverageMedian && m.median.estimate.OK:
		chosen = m.median
	case (opts.Average == AverageMean || !chosen.estimate.OK) && m.mean.estimate.OK:
		chosen = m.mean
	}
	if !chosen.estimate.OK {
		g.problem(name, line, "it has no estimate")
		return
	}
	measure, scale := criterionTime(m.unit)
	factor, _ := scale(m.unit)
	out := Metric{Measure: measure, Value: chosen.estimate.Value * factor, Lower: chosen.lower.Times(factor).Pointer(),
		Upper: chosen.upper.Times(factor).Pointer()}
	if len(m.values) != len(m.counts) { // one that is no number is left out, and those behind it would have the iterations of another
		g.problem(name, line, "%d measured values and %d counts of iterations: its samples are left out", len(m.values), len(m.counts))
		m.values = nil
	}
	for i, v := range m.values {
		if m.counts[i] > 0 {
			out.Samples = append(out.Samples, v/m.counts[i]*factor)
		}
	}
	name = g.again(name)
	g.metric(name, out, line)
	if measure != unit.Latency || out.Value <= 0 {
		return
	}
	for _, t := range m.throughput {
		if !t.perIteration.OK {
			continue
		}
		measure, each := elementsPerSecond, t.perIteration.Value*1e9
		if t.unit == "bytes" {
			measure, each = unit.Bandwidth, t.perIteration.Value*1e3
		}
		rate := Metric{Measure: measure, Value: each / out.Value}
		if out.Lower != nil && out.Upper != nil && *out.Lower > 0 && *out.Upper > 0 {
			low, high := each / *out.Upper, each / *out.Lower
			rate.Lower, rate.Upper = &low, &high
		}
		g.metric(name, rate, line)
	}
}

package adapter

import (
	"strings"

	"github.com/tachograph/tacho/internal/core/stats"
	"github.com/tachograph/tacho/internal/core/unit"
)

// timing is what JavaScript's benchmark libraries say of one benchmark, in their own unit of time.
type timing struct {
	mean, deviation, median, least, largest opt
	hz, rme                                 opt // operations each second, and the relative margin of error in percent
	points                                  []jmhPoint
	samples                                 []float64
	thin                                    thinning // of the samples
}

// member reads a member that the libraries have in common.
func (t *timing) member(s *scanner, key []byte) error {
	switch string(key) {
	case "mean", "avg":
		return s.opt(&t.mean)
	case "sd", "deviation":
		return s.opt(&t.deviation)
	case "median":
		return s.opt(&t.median)
	case "min":
		return s.opt(&t.least)
	case "max":
		return s.opt(&t.largest)
	case "hz":
		return s.opt(&t.hz)
	case "rme":
		return s.opt(&t.rme)
	case "samples":
		return t.readSamples(s)
	case "p25", "p50", "p75", "p90", "p95", "p99", "p995", "p999":
		name := s.keep(key)
		if len(name) == 4 {
			name = name[:3] + "." + name[3:]
		}
		var v opt
		if err := s.opt(&v); err != nil || !v.ok {
			return err
		}
		if name == "p50" && !t.median.ok {
			t.median = v
		}
		t.points = append(t.points, jmhPoint{name, v.v})
		return nil
	}
	return s.skip()
}

// readSamples reads a list of samples. The libraries keep each call's, which may be millions, and some sort them.
func (t *timing) readSamples(s *scanner) error { return s.thin(&t.samples, &t.thin) }

// add adds latency, its distribution and throughput; nanos is the unit of time.
func (t *timing) add(g *gathering, name string, nanos float64, average Average, line int) error {
	if !t.mean.ok {
		g.problem(name, line, "it has no mean: it failed or did not run")
		return nil
	}
	if average == AverageMedian && !t.median.ok {
		if len(t.samples) == 0 {
			g.problem(name, line, "it has no median; the value is its mean")
		} else {
			t.median = opt{stats.Median(t.samples), true}
		}
	}
	latency := Metric{Measure: unit.Latency, Value: t.mean.v * nanos}
	if t.deviation.ok {
		latency = spread(unit.Latency, t.mean.v*nanos, t.deviation.v*nanos)
	}
	if average == AverageMedian && t.median.ok {
		latency = Metric{Measure: unit.Latency, Value: t.median.v * nanos, Lower: t.least.times(nanos).pointer(), Upper: t.largest.times(nanos).pointer()}
	}
	if t.thin.left() {
		g.problem(name, line, "%s; the statistics are of all", t.thin.text())
	}
	latency.Samples = scaleAll(t.samples, nanos)
	if err := g.metric(name, latency, line); err != nil {
		return err
	}
	if t.hz.ok {
		throughput := Metric{Measure: unit.Throughput, Value: t.hz.v}
		if t.rme.ok {
			throughput = spread(unit.Throughput, t.hz.v, t.hz.v*t.rme.v/100)
		}
		if err := g.metric(name, throughput, line); err != nil {
			return err
		}
	}
	if err := g.optional(name, line, []optional{{latencyAt("min"), t.least.times(nanos)}, {latencyAt("max"), t.largest.times(nanos)}}); err != nil {
		return err
	}
	for _, p := range t.points {
		if err := g.value(name, latencyAt(p.name), p.value*nanos, line); err != nil {
			return err
		}
	}
	return nil
}

// joinNames joins what is there of the parts of a name.
func joinNames(by string, parts ...string) string {
	var room [4]string
	kept := room[:0]
	for _, p := range parts {
		if p = oneLine(p); p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, by)
}

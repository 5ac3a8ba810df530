package adapter

import (
	"strings"

	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/stats"
	"github.com/tachograph/tacho/internal/core/unit"
)

// timing is what JavaScript's benchmark libraries say of one benchmark, in their own unit of time.
type timing struct {
	mean, deviation, median, least, largest opt
	hz, rme                                 opt // operations each second, and the relative margin of error in percent
	points                                  []jmhPoint
	samples                                 []float64
	seen, every                             int // how many samples there were, and which of them are kept: each, or every second, fourth …
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
		name := string(key)
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

// readSamples reads a list of samples. The libraries keep each call's, which may be millions, and some sort them: of more than a metric may have, every second is kept, or every fourth and so on, from the whole of the list.
func (t *timing) readSamples(s *scanner) error {
	t.every = max(1, t.every)
	return s.each(func() error {
		var o opt
		if err := s.opt(&o); err != nil || !o.ok {
			return err
		}
		if t.seen++; (t.seen-1)%t.every != 0 {
			return nil
		}
		if len(t.samples) == limits.SamplesPerMetric {
			half := t.samples[:0]
			for i := 0; i < len(t.samples); i += 2 {
				half = append(half, t.samples[i])
			}
			t.samples = half
			if t.every *= 2; (t.seen-1)%t.every != 0 {
				return nil
			}
		}
		t.samples = append(t.samples, o.v)
		return nil
	})
}

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
	if t.every > 1 {
		g.problem(name, line, "%d samples, the limit is %d: one of %d is kept; the statistics are of all", t.seen, limits.SamplesPerMetric, t.every)
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

// records calls read for each object of a list that a script wrote: the list itself, or one that is a member of an object around it.
func (s *scanner) records(read func(line int) error) error {
	element := func() error {
		if s.peek() != '{' {
			return s.skip()
		}
		line, _ := s.position()
		return read(line)
	}
	if s.peek() == '[' {
		return s.array(element)
	}
	return s.object(func([]byte) error { return s.each(element) })
}

// joinNames joins what is there of the parts of a name.
func joinNames(by string, parts ...string) string {
	kept := parts[:0]
	for _, p := range parts {
		if p = oneLine(p); p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, by)
}

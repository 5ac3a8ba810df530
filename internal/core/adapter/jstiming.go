package adapter

import (
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/stats"
	"github.com/tachograph/tacho/internal/core/unit"
)

// timing is what JavaScript's benchmark libraries say of one benchmark, in their own unit of time.
type timing struct {
	mean, deviation, median, least, largest read.Opt
	hz, rme                                 read.Opt // operations each second, and the relative margin of error in percent
	points                                  []jmhPoint
	samples                                 []float64
	thin                                    read.Thinning // of the samples
}

// member reads a member that the libraries have in common.
func (t *timing) member(s *read.Scanner, key []byte) error {
	switch string(key) {
	case "mean", "avg":
		return s.Opt(&t.mean)
	case "sd", "deviation":
		return s.Opt(&t.deviation)
	case "median":
		return s.Opt(&t.median)
	case "min":
		return s.Opt(&t.least)
	case "max":
		return s.Opt(&t.largest)
	case "hz":
		return s.Opt(&t.hz)
	case "rme":
		return s.Opt(&t.rme)
	case "samples":
		return t.readSamples(s)
	case "p25", "p50", "p75", "p90", "p95", "p99", "p995", "p999":
		name := s.Keep(key)
		if len(name) == 4 {
			name = name[:3] + "." + name[3:]
		}
		var v read.Opt
		if err := s.Opt(&v); err != nil || !v.OK {
			return err
		}
		if name == "p50" && !t.median.OK {
			t.median = v
		}
		t.points = append(t.points, jmhPoint{name, v.Value})
		return nil
	}
	return s.Skip()
}

// readSamples reads a list of samples. The libraries keep each call's, which may be millions, and some sort them.
func (t *timing) readSamples(s *read.Scanner) error { return s.Thin(&t.samples, &t.thin) }

// add adds latency, its distribution and throughput; nanos is the unit of time.
func (t *timing) add(g *gathering, name string, nanos float64, average Average, line int) {
	if !t.mean.OK {
		g.problem(name, line, "it has no mean: it failed or did not run")
		return
	}
	if average == AverageMedian && !t.median.OK {
		if len(t.samples) == 0 {
			g.problem(name, line, "it has no median; the value is its mean")
		} else {
			t.median = read.Opt{Value: stats.Median(t.samples), OK: true}
		}
	}
	latency := Metric{Measure: unit.Latency, Value: t.mean.Value * nanos}
	if t.deviation.OK {
		latency = spread(unit.Latency, t.mean.Value*nanos, t.deviation.Value*nanos)
	}
	if average == AverageMedian && t.median.OK {
		latency = Metric{Measure: unit.Latency, Value: t.median.Value * nanos, Lower: t.least.Times(nanos).Pointer(),
			Upper: t.largest.Times(nanos).Pointer()}
	}
	if t.thin.Left() {
		g.problem(name, line, "%s; the statistics are of all", t.thin.Text())
	}
	latency.Samples = scaleAll(t.samples, nanos)
	g.metric(name, latency, line)
	if t.hz.OK {
		throughput := Metric{Measure: unit.Throughput, Value: t.hz.Value}
		if t.rme.OK {
			throughput = spread(unit.Throughput, t.hz.Value, t.hz.Value*t.rme.Value/100)
		}
		g.metric(name, throughput, line)
	}
	g.optional(name, line, []optional{{latencyAt("min"), t.least.Times(nanos)},
		{latencyAt("max"), t.largest.Times(nanos)}})
	for _, p := range t.points {
		g.value(name, latencyAt(p.name), p.value*nanos, line)
	}
}

// joinNames joins what is there of the parts of a name.
func joinNames(by string, parts ...string) string {
	var room [4]string
	kept := room[:0]
	for _, p := range parts {
		if p = read.OneLine(p); p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, by)
}

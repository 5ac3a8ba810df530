package adapter

import (
	"strconv"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/unit"
)

// The Bencher Metric Format is {"<benchmark>": {"<measure>": {"value": n, "lower_value"?: n, "upper_value"?: n}}}. Ours also reads
// "samples": [n, …], "units": "…" and "direction": "lower" | "higher" in the metric; other members are skipped, as Bencher does, and
// null is as if the member were not there. A built-in measure in other units is converted to its own.
//
// Its producers are programs, so it is strict where text adapters are lenient: what a report cannot hold is an error that says where. A
// name that occurs twice is one, because taking either would lose the other.

var bmfTool = tool{
	name: JSON, about: "Bencher Metric Format", example: "tacho run --adapter json ./benchmark-that-prints-json",
	measures: []string{"any measure that the document names (its own units and direction, or those of the built-in measure)"},
	samples:  `"samples" of a metric, where it has them`,
	signs:    []sign{{jsonForm, []string{"*.*.value"}, 60, `an object of benchmarks, measures and "value"`}},
	parse:    parseBMF,
}

// bmf reads one document.
type bmf struct {
	*read.Scanner
	out      Results
	measures bmfMeasures
	metrics  int
	ends     read.Slab[float64]
	room     read.Slab[Metric]
	last     int // how many metrics the benchmark before had
}

// bmfMeasures are measures by their names in the document: most benchmarks have the same few, which need no map.
type bmfMeasures struct {
	few [8]struct {
		name    string
		measure *unit.Measure
	}
	n    int
	many map[string]*unit.Measure // from the ninth on
}

func (b *bmfMeasures) find(name []byte) *unit.Measure {
	for i := range b.few[:b.n] {
		if b.few[i].name == string(name) {
			return b.few[i].measure
		}
	}
	return b.many[string(name)]
}

func (b *bmfMeasures) add(name string, m *unit.Measure) {
	if b.n < len(b.few) {
		b.few[b.n].name, b.few[b.n].measure = name, m
		b.n++
		return
	}
	if b.many == nil {
		b.many = map[string]*unit.Measure{}
	}
	b.many[name] = m
}

func parseBMF(s *read.Scanner, _ Options) (Results, error) {
	p := bmf{Scanner: s, last: 1, ends: read.Slab[float64]{First: 4}, room: read.Slab[Metric]{First: 4}}
	store := gatherStores.Get().(*gatherStore)
	seen := &store.names
	err := p.Object(func(key []byte) error {
		if len(seen.names) >= limits.BenchmarksPerIteration {
			return tooManyBenchmarks()
		}
		raw := p.Scanner.Keep(key)
		name, _ := cutIgnore(raw)
		if err := checkName("benchmark", name, limits.BenchmarkNameBytes); err != nil {
			return p.Fail("%s", fault.Message(err))
		}
		if _, isNew := seen.add(name); !isNew {
			return p.Fail("benchmark %.100q stands in the input twice", name)
		}
		return p.benchmark(raw, name)
	})
	if store.names.few() {
		store.clear()
		gatherStores.Put(store)
	}
	if err != nil {
		return Results{}, err
	}
	p.out.distinct = true
	var room [96]byte
	reason := strconv.AppendInt(append(room[:0], "an object of "...), int64(len(p.out.Benchmarks)), 10)
	reason = strconv.AppendInt(append(reason, " benchmarks and "...), int64(p.metrics), 10)
	p.out.Reason = s.Keep(append(reason, ` metrics with a "value"`...))
	return p.out, nil
}

// benchmark reads one benchmark's measures. Raw is its name with the ignore suffix, which settle takes off.
func (p *bmf) benchmark(raw, name string) error {
	if p.Peek() != '{' {
		return p.Fail("benchmark %.100q: want an object of measures, found %s", name, p.Found())
	}
	b := Benchmark{Name: raw, Metrics: p.room.Take(p.last)}
	seen := nameSet{}
	if err := p.Object(func(key []byte) error {
		if p.metrics++; p.metrics > limits.MetricsPerReport {
			return tooManyMetrics()
		}
		measure, err := p.measure(name, key)
		if err != nil {
			return err
		}
		if !seen.add(identity(measure)) {
			return p.Fail("benchmark %.100q: measure %.100q stands there twice", name, measure.Name)
		}
		m, err := p.metric(name, measure)
		b.Metrics = append(b.Metrics, m)
		return err
	}); err != nil {
		return err
	}
	if p.last = len(b.Metrics); len(b.Metrics) == 0 {
		p.out.problem(Problem{Benchmark: name, Message: "it has no measure"})
		return nil
	}
	if p.out.Benchmarks == nil {
		p.out.Benchmarks = make([]Benchmark, 0, 4)
	}
	p.out.Benchmarks = append(p.out.Benchmarks, b)
	return nil
}

// measure is the built-in measure of that name or slug, or a new one.
func (p *bmf) measure(benchmark string, key []byte) (*unit.Measure, error) {
	if m := p.measures.find(key); m != nil {
		return m, nil
	}
	m, known := unit.KnownMeasure(p.Scanner.Keep(key))
	if !known {
		m = &unit.Measure{Name: p.Scanner.Keep(key), Units: unit.Generic, Direction: unit.Unknown}
	}
	if err := checkMeasure(m); err != nil {
		return m, p.Fail("benchmark %.100q: %s", benchmark, fault.Message(err))
	}
	p.measures.add(p.Scanner.Keep(key), m)
	return m, nil
}

// metric reads one metric object.
func (p *bmf) metric(benchmark string, measure *unit.Measure) (Metric, error) {
	m := Metric{Measure: measure}
	if p.Peek() != '{' {
		return m, p.Fail("benchmark %.100q, measure %.100q: want an object with a value, found %s", benchmark, measure.Name, p.Found())
	}
	var met [members]bool
	err := p.Object(func(key []byte) error {
		which := memberOf(key)
		if which == otherMember {
			return p.Skip()
		}
		if met[which] {
			return p.Fail("%q stands there twice", key)
		}
		met[which] = true
		if which != valueMember && p.Absent() {
			return nil
		}
		return p.member(&m, which)
	})
	if err == nil && !met[valueMember] {
		err = p.Fail("there is no value")
	}
	if err == nil && m.Measure.Units != measure.Units && measure.Slug != "" {
		err = p.convert(&m, measure)
	}
	if err != nil {
		return m, inMetric(err, benchmark, measure.Name)
	}
	return m, nil
}

// convert brings a metric of a built-in measure that is given in other units to the measure's: all its values are compared with each other.
func (p *bmf) convert(m *Metric, measure *unit.Measure) error {
	given, factor, ok := unit.Short(m.Measure.Units), 1.0, false
	switch measure.Units {
	case unit.Nanoseconds:
		factor, ok = nanosPer(given)
	case unit.Seconds:
		factor, ok = nanosPer(given)
		factor /= 1e9
	case unit.Bytes:
		factor, ok = byteFactor(given)
	default:
		ok = given == unit.Short(measure.Units)
	}
	if !ok {
		return p.Fail("the built-in measure is in %s, and %.100q cannot be converted to them; give the measure another name", measure.Units,
			m.Measure.Units)
	}
	own := *measure
	own.Direction = m.Measure.Direction
	m.Measure = &own
	m.Value *= factor
	for _, end := range []*float64{m.Lower, m.Upper} {
		if end != nil {
			*end *= factor
		}
	}
	scaleAll(m.Samples, factor)
	return nil
}

// The members of a metric that are read; the others are skipped.
const (
	otherMember = iota
	valueMember
	lowerMember
	upperMember
	samplesMember
	unitsMember
	directionMember
	members // how many there are
)

func memberOf(key []byte) int {
	switch string(key) {
	case "value":
		return valueMember
	case "lower_value":
		return lowerMember
	case "upper_value":
		return upperMember
	case "samples":
		return samplesMember
	case "units":
		return unitsMember
	case "direction":
		return directionMember
	}
	return otherMember
}

// member reads one member of a metric.
func (p *bmf) member(m *Metric, which int) error {
	switch which {
	case samplesMember:
		return p.Samples(&m.Samples)
	case unitsMember:
		text, err := p.Text()
		if err != nil {
			return err
		}
		if err := checkName("units", text, limits.ResourceNameBytes); err != nil {
			return p.Fail("%s", fault.Message(err))
		}
		own := *m.Measure
		own.Units = text
		m.Measure = &own
		return nil
	case directionMember:
		text, err := p.Text()
		if err != nil {
			return err
		}
		own := *m.Measure
		if own.Direction, err = unit.ParseDirection(text); err != nil {
			return p.Fail("%s", fault.Message(err))
		}
		m.Measure = &own
		return nil
	}
	v, err := p.Number()
	switch which {
	case valueMember:
		m.Value = v
	case lowerMember:
		m.Lower = p.keep(v)
	case upperMember:
		m.Upper = p.keep(v)
	}
	return err
}

// keep is a place for a number.
func (p *bmf) keep(v float64) *float64 { return &append(p.ends.Take(1), v)[0] }

// inMetric says in which metric an error is.
func inMetric(err error, benchmark, measure string) error {
	return fault.New(fault.Of(err), "benchmark %.100q, measure %.100q: %s", benchmark, measure, fault.Message(err))
}

package adapter

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/unit"
)

// gathering collects values by benchmark and measure in the order of their first appearance: what comes again is a further sample.
//
// Tools add what they read and ask for results at the end. An addition that is too much is an error that stays: nothing is added after it,
// and results returns it, as a bufio.Scanner does.
type gathering struct {
	err     error
	store   *gatherStore // nil: nothing was gathered yet
	out     Results
	metrics int
	last    *gathered
	renamed bool           // names may not be distinct any more
	times   map[string]int // how often a name was asked for again, or since the last banner
	banners bool           // there are some
}

// gatherStore is where benchmarks are gathered. One that stayed small is used again for the next input: most outputs have a few benchmarks,
// and making room for them would cost as much as reading them. What results gives away is never of a store that is used again.
type gatherStore struct {
	order []*gathered
	names nameTable // of order

	made  read.Rows[gathered]
	room  read.Slab[Metric]
	given read.Slab[given]

	texts read.Texts // names with parameters that came last, of other inputs too
}

// gatherStores are those that wait for the next input. They hold nothing of an earlier one.
var gatherStores = sync.Pool{New: func() any { return &gatherStore{} }}

// Up to which sizes a store is used again.
const (
	storeBenchmarks = 128
	storeMetrics    = read.SlabItems
)

// small reports whether the store is used again.
func (st *gatherStore) small() bool {
	return st.names.few() && st.room.Size() <= storeMetrics && st.given.Size() <= storeMetrics
}

// clear forgets everything.
func (st *gatherStore) clear() {
	clear(st.order)
	st.order = st.order[:0]
	st.names.clear()
	st.made.Clear()
	st.room.Clear()
	st.given.Clear()
}

type gathered struct {
	name    string
	metrics []Metric // Value, Lower and Upper of a metric with one value stay as they were given
	given   []given  // for each of them
}

// given is how often a metric was given, and whether with samples.
type given struct {
	times   int32
	samples bool
	thin    read.Thinning
}

// at finds or makes the benchmark and the place of its measure; nil, with err set, where there may be no more.
func (g *gathering) at(name string, m *unit.Measure) (*gathered, int) {
	b := g.last
	if b == nil || b.name != name {
		g.begin()
		place, isNew := g.store.names.add(name)
		if isNew {
			if len(g.store.order) >= limits.BenchmarksPerIteration {
				g.err = tooManyBenchmarks()
				return nil, 0
			}
			g.store.order = append(g.store.order, g.newGathered(name))
		}
		b = g.store.order[place]
	}
	g.last = b
	for i := range b.metrics {
		if own := b.metrics[i].Measure; own == m || own.Name == m.Name {
			return b, i
		}
	}
	if g.metrics++; g.metrics > limits.MetricsPerReport {
		g.err = tooManyMetrics()
		return nil, 0
	}
	n := len(b.metrics)
	if n == cap(b.metrics) || n == cap(b.given) {
		b.metrics, b.given = g.store.room.Grow(b.metrics), g.store.given.Grow(b.given)
	}
	b.metrics, b.given = b.metrics[:n+1], b.given[:n+1] // nobody had them before
	b.metrics[n].Measure = m
	return b, n
}

// begin takes a store.
func (g *gathering) begin() {
	if g.store == nil {
		g.store = gatherStores.Get().(*gatherStore)
	}
}

// withParameters is the function of that name, without its cost for names of the outputs before.
func (g *gathering) withParameters(name string, ps []read.Parameter) string {
	var sorted [8]read.Parameter
	if !inOrder(ps) {
		if ps = byName(sorted[:0], ps); !inOrder(ps) {
			return withParameters(name, ps)
		}
	}
	var room [128]byte
	out := append(room[:0], name...)
	before := " {"
	for _, p := range ps {
		out = append(append(append(append(out, before...), p.Name...), '='), p.Value...)
		before = ","
	}
	g.begin()
	return g.store.texts.Keep(append(out, '}'))
}

// joined is the name, a blank and another one, without its cost for names of the outputs before.
func (g *gathering) joined(name, other string) string {
	var room [128]byte
	g.begin()
	return g.store.texts.Keep(append(append(append(room[:0], name...), ' '), other...))
}

// again is the name of a result of which nothing says that it repeats an earlier one of that name: the second is "name #2". Where a tool's
// results do repeat, as those of -count, they are samples of one name instead.
func (g *gathering) again(name string) string {
	if g.err != nil || !g.banners && !g.has(name) {
		return name
	}
	if g.times == nil {
		g.times = map[string]int{}
	}
	if g.times[name]++; g.banners && g.times[name] == 1 {
		return name
	}
	for {
		g.times[name] = max(2, g.times[name])
		numbered := name + " #" + strconv.Itoa(g.times[name])
		if g.times[numbered] == 0 && (g.banners || !g.has(numbered)) {
			g.times[numbered] = 1
			return numbered
		}
		g.times[name]++
	}
}

// has reports whether there is a benchmark of that name.
func (g *gathering) has(name string) bool { return g.store != nil && g.store.names.has(name) }

// named says that a banner has named what follows: results of the same banner repeat each other.
func (g *gathering) named() {
	clear(g.times)
	g.banners = true
}

// newGathered makes a benchmark with room for as many metrics as the one before it has: a tool's benchmarks are alike.
func (g *gathering) newGathered(name string) *gathered {
	b := g.store.made.Next()
	b.name = name
	if g.last != nil {
		n := len(g.last.metrics)
		b.metrics, b.given = g.store.room.Take(n), g.store.given.Take(n)
	}
	return b
}

// value adds one value of a measure. With a second one of the same, both are samples. A number that is not finite is a Problem.
func (g *gathering) value(name string, m *unit.Measure, v float64, line int) {
	g.metric(name, Metric{Measure: m, Value: v}, line)
}

// metric adds a value with its spread or its samples.
func (g *gathering) metric(name string, m Metric, line int) {
	if g.err != nil {
		return
	}
	if !read.Finite(m.Value) || len(m.Samples) > 0 && slices.ContainsFunc(m.Samples, func(v float64) bool { return !read.Finite(v) }) {
		g.out.problem(Problem{Benchmark: name, Message: fmt.Sprintf("measure %q: %v is not a finite number", m.Measure.Name, m.Value), Line: line})
		return
	}
	b, i := g.at(name, m.Measure)
	if b == nil {
		return
	}
	to := &b.metrics[i]
	b.given[i].times++
	if b.given[i].times == 1 {
		*to = m
		b.given[i].samples = len(m.Samples) > 0
		return
	}
	if b.given[i].times == 2 && !b.given[i].samples {
		to.Samples = []float64{to.Value}
	}
	thin := &b.given[i].thin
	if thin.Seen == 0 {
		thin.Seen = int32(len(to.Samples))
	}
	if len(m.Samples) == 0 {
		thin.Add(&to.Samples, m.Value)
	}
	for _, v := range m.Samples {
		thin.Add(&to.Samples, v)
	}
}

// optional is a value that may be absent.
type optional struct {
	measure *unit.Measure
	value   read.Opt
}

// optional adds those values that are there.
func (g *gathering) optional(name string, line int, values []optional) {
	for _, o := range values {
		if o.value.OK {
			g.value(name, o.measure, o.value.Value, line)
		}
	}
}

// tooManyRuns is a fault where a tool's rows, which are kept until all are read, are more than there may be benchmarks.
func tooManyRuns(n int) error {
	if n > limits.BenchmarksPerIteration {
		return tooManyBenchmarks()
	}
	return nil
}

// problem adds a problem.
func (g *gathering) problem(name string, line int, format string, args ...any) {
	g.out.problem(Problem{Benchmark: name, Message: fmt.Sprintf(format, args...), Line: line})
}

// results are the benchmarks in the order of their first appearance, or the error of the first addition that was too much. What came once
// is as it was given; what came more often is summarized.
func (g *gathering) results(opts Options, reason string, args ...any) (Results, error) {
	if g.err != nil {
		return Results{}, g.err
	}
	g.out.distinct = !g.renamed
	g.out.Reason = g.sentence(reason, args...)
	st := g.store
	if st == nil {
		return g.out, nil
	}
	if len(st.order) == 0 { // it was taken for names only
		g.store = nil
		gatherStores.Put(st)
		return g.out, nil
	}
	small := st.small()
	var own []Metric // those of a store that is used again are copied, all to one place
	if small {
		own = make([]Metric, 0, g.metrics)
	}
	g.out.Benchmarks = make([]Benchmark, 0, len(st.order))
	for _, b := range st.order {
		if i := slices.IndexFunc(b.given, func(one given) bool { return one.thin.Left() }); i >= 0 {
			g.problem(b.name, 0, "%s", b.given[i].thin.Text())
		}
		for i, m := range b.metrics {
			if b.given[i].times > 1 {
				b.metrics[i] = summarize(m.Measure, m.Samples, opts.Average)
			}
		}
		metrics := b.metrics
		if small {
			begin := len(own)
			own = append(own, metrics...)
			metrics = own[begin:len(own):len(own)]
		}
		g.out.Benchmarks = append(g.out.Benchmarks, Benchmark{Name: b.name, Metrics: metrics})
	}
	g.store, g.last = nil, nil
	if small {
		st.clear()
		gatherStores.Put(st)
	}
	return g.out, nil
}

// sentence is fmt.Sprintf, without its cost where a number is all that is put in.
func (g *gathering) sentence(format string, args ...any) string {
	before, after, found := strings.Cut(format, "%d")
	if found && len(args) == 1 && strings.IndexByte(before, '%') < 0 && strings.IndexByte(after, '%') < 0 {
		if n, ok := args[0].(int); ok {
			var room [128]byte
			g.begin()
			return g.store.texts.Keep(append(strconv.AppendInt(append(room[:0], before...), int64(n), 10), after...))
		}
	}
	return fmt.Sprintf(format, args...)
}

// withParameters is a name and its parameters, in braces and sorted: "make {threads=4}". A parameter with neither name nor value is left
// out. A value that could be taken for two is quoted: {a="1,b=2"}.
func withParameters(name string, ps []read.Parameter) string {
	if inOrder(ps) {
		length := len(name) + len(" {}")
		for _, p := range ps {
			length += len(p.Name) + len(p.Value) + len("=,")
		}
		var out strings.Builder
		out.Grow(length)
		out.WriteString(name)
		before := " {"
		for _, p := range ps {
			out.WriteString(before)
			out.WriteString(p.Name)
			out.WriteByte('=')
			out.WriteString(p.Value)
			before = ","
		}
		out.WriteByte('}')
		return out.String()
	}
	var room [8]string
	shown := room[:0]
	for _, p := range ps {
		if strings.Contains(p.Value, ",") && strings.Contains(p.Value, "=") {
			p.Value = strconv.Quote(p.Value)
		}
		switch {
		case p.Name != "":
			shown = append(shown, p.Name+"="+p.Value)
		case p.Value != "":
			shown = append(shown, p.Value)
		}
	}
	if len(shown) == 0 {
		return name
	}
	if len(shown) == 1 {
		return name + " {" + shown[0] + "}"
	}
	slices.Sort(shown)
	return name + " {" + strings.Join(shown, ",") + "}"
}

// byName are the parameters by their names, where there is room for them; else as they are.
func byName(room, ps []read.Parameter) []read.Parameter {
	if len(ps) > cap(room) {
		return ps
	}
	for _, p := range ps {
		at := len(room)
		for at > 0 && room[at-1].Name > p.Name {
			at--
		}
		room = slices.Insert(room, at, p)
	}
	return room
}

// inOrder reports whether the parameters, as most, need neither sorting nor quotes.
func inOrder(ps []read.Parameter) bool {
	for i, p := range ps {
		if p.Name == "" || strings.IndexByte(p.Value, ',') >= 0 || i > 0 && (ps[i-1].Name >= p.Name || strings.HasPrefix(p.Name, ps[i-1].Name)) {
			return false
		}
	}
	return len(ps) > 0
}

// nanosPer is how many nanoseconds a unit of time has, as tools write units.
func nanosPer(u string) (float64, bool) {
	if len(u) > len("milliseconds") || u == "M" || u == "H" { // millions, henries: of one letter minutes and hours are small
		return 0, false
	}
	small := u
	for i := range len(u) {
		if c := u[i]; c >= 'A' && c <= 'Z' || c >= 0x80 {
			small = strings.ToLower(u)
			break
		}
	}
	switch small {
	case "ps", "picoseconds":
		return 1e-3, true
	case "ns", "nsec", "nanos", "nanosecond", "nanoseconds":
		return 1, true
	case "us", "µs", "μs", "usec", "micros", "microsecond", "microseconds":
		return 1e3, true
	case "ms", "msec", "millis", "millisecond", "milliseconds":
		return 1e6, true
	case "s", "sec", "secs", "second", "seconds":
		return 1e9, true
	case "m", "min", "mins", "minute", "minutes":
		return 60e9, true
	case "h", "hr", "hour", "hours":
		return 3600e9, true
	}
	return 0, false
}

// nanoseconds reads "1.23ms", "1m2.5s", "1,234.5 us": numbers with units of time, added up.
func nanoseconds(text []byte) (float64, bool) {
	total, parts := 0.0, 0
	for len(text) > 0 {
		end := 0
		for end < len(text) && (read.IsDigit(text[end]) || text[end] == '.' || text[end] == ',' ||
			end == 0 && (text[end] == '-' || text[end] == '+')) {
			end++
		}
		v, ok := read.GroupedNumber(text[:end], ',')
		if !ok {
			return 0, false
		}
		for end < len(text) && text[end] == ' ' {
			end++
		}
		begin := end
		for end < len(text) && !read.IsDigit(text[end]) && text[end] != ' ' {
			end++
		}
		factor, ok := nanosPer(string(text[begin:end]))
		if !ok {
			return 0, false
		}
		for end < len(text) && text[end] == ' ' {
			end++
		}
		total += v * factor
		parts++
		text = text[end:]
	}
	return total, parts > 0 && !math.IsInf(total, 0)
}

// latencyAt is the measure of a point of the distribution of latency, such as "p99", "min" or "max".
func latencyAt(point string) *unit.Measure {
	if m := latencyPoints[point]; m != nil {
		return m
	}
	return newLatencyPoint(point)
}

// percentileOf is the measure of a percentile, such as "99" or "99.9".
func percentileOf(point string) *unit.Measure {
	if m := percentiles[point]; m != nil {
		return m
	}
	return latencyAt("p" + point)
}

// percentile is the measure of a percentile by its number.
func percentile(p float64) *unit.Measure {
	var room [32]byte
	point := strconv.AppendFloat(room[:0], p, 'f', -1, 64)
	if m := percentiles[string(point)]; m != nil {
		return m
	}
	return latencyAt("p" + string(point))
}

// percentiles are those of latencyPoints.
var percentiles = func() map[string]*unit.Measure {
	out := map[string]*unit.Measure{}
	for point, m := range latencyPoints {
		if number, ok := strings.CutPrefix(point, "p"); ok {
			out[number] = m
		}
	}
	return out
}()

// latencyPoints are those that tools print, made once.
var latencyPoints = func() map[string]*unit.Measure {
	out := map[string]*unit.Measure{}
	for _, point := range strings.Fields("min max average p25 p50 p55 p66 p75 p80 p90 p95 p98 p99 p99.9 p99.90 p99.99 p99.999 p100 p0") {
		out[point] = newLatencyPoint(point)
	}
	return out
}()

func newLatencyPoint(point string) *unit.Measure {
	slug := []byte("latency-" + strings.ToLower(point))
	for i, c := range slug {
		if c == '.' || c == ' ' {
			slug[i] = '-'
		}
	}
	return &unit.Measure{Name: "Latency " + point, Slug: string(slug), Units: unit.Nanoseconds, Direction: unit.Lower}
}

// builtIn is the built-in measure of that slug, which must be there.
func builtIn(slug string) *unit.Measure {
	m, ok := unit.KnownMeasure(slug)
	if !ok {
		panic("no built-in measure " + slug)
	}
	return m
}

// spread makes a metric of a middle and what lies on both sides of it.
func spread(m *unit.Measure, middle, deviation float64) Metric {
	ends := &[2]float64{middle - deviation, middle + deviation}
	return Metric{Measure: m, Value: middle, Lower: &ends[0], Upper: &ends[1]}
}

// scaleAll multiplies each in place.
func scaleAll(values []float64, factor float64) []float64 {
	for i := range values {
		values[i] *= factor
	}
	return values
}

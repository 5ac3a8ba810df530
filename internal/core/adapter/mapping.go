package adapter

import (
	"strings"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/unit"
)

// A mapping says where names and values stand in a table or a JSON document that no tool of this package writes:
//
//	name=endpoint,param=size,value=p99:ms:lower,value=rps:req/s:higher:Requests
//
// Its words are column names of CSV, or #3 for the third column of a table without a header, and paths of JSON: results[].name, where []
// is each element of an array. name may come more than once, the parts are joined by "/"; param is a parameter in braces; value is a
// metric, with its unit, its direction and the measure's name behind colons, each of which may be left out: a time is Latency then, a rate
// Throughput, and anything else is called as the column. Several values that would have one name are called as their columns.

// mapping is a mapping taken apart.
type mapping struct {
	names, params []string
	values        []mappedValue
}

type mappedValue struct {
	source  string
	titled  bool          // the measure's name was given
	measure *unit.Measure // its own
	factor  float64
}

// parseMapping reads a mapping. Errors are Invalid faults that name the word.
func parseMapping(text string) (mapping, error) {
	var m mapping
	if len(text) > limits.MappingBytes {
		return m, fault.TooLargef("mapping: %d bytes, the limit is %d", len(text), limits.MappingBytes)
	}
	for part := range strings.SplitSeq(text, ",") {
		kind, word, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok || word == "" {
			return m, fault.Invalidf("mapping: %.60q is not understood; want name=…, param=… or value=…, as in name=endpoint,value=p99:ms:lower", part)
		}
		switch kind {
		case "name":
			m.names = append(m.names, word)
		case "param":
			m.params = append(m.params, word)
		case "value":
			v, err := parseMappedValue(word)
			if err != nil {
				return m, err
			}
			m.values = append(m.values, v)
		default:
			return m, fault.Invalidf("mapping: %.60q: there is name, param and value", kind)
		}
	}
	if len(m.values) == 0 {
		return m, fault.Invalidf("mapping: it has no value; add value=COLUMN, or value=COLUMN:UNIT:lower")
	}
	return m, m.tellApart()
}

// tellApart gives values of one measure the names of their columns, or their whole paths. Two that are still the same are an Invalid fault.
func (m *mapping) tellApart() error {
	count := func() map[string]int {
		out := map[string]int{}
		for _, v := range m.values {
			out[identity(v.measure)]++
		}
		return out
	}
	for _, title := range []func(source string) string{lastPart, func(source string) string { return source }} {
		seen := count()
		for i := range m.values {
			if v := &m.values[i]; seen[identity(v.measure)] > 1 && !v.titled {
				v.measure.Name, v.measure.Slug = title(v.source), ""
				if err := checkMeasure(v.measure); err != nil {
					return fault.Invalidf("mapping: value=%.60s: %s", v.source, fault.Message(err))
				}
			}
		}
	}
	seen := count()
	for _, v := range m.values {
		if seen[identity(v.measure)] > 1 {
			return fault.Invalidf("mapping: two values are called %s; give each a name, as in value=%.60s:UNIT:DIRECTION:NAME", v.measure.Name, v.source)
		}
	}
	return nil
}

// lastPart is the last member of a path; a column, "p99.9", is none.
func lastPart(source string) string {
	if !strings.Contains(source, "[]") {
		return source
	}
	return source[strings.LastIndexAny(source, ".]")+1:]
}

func parseMappedValue(word string) (mappedValue, error) {
	parts := strings.Split(word, ":")
	if len(parts) > 4 {
		return mappedValue{}, fault.Invalidf("mapping: value=%.60s has too many colons; it is value=COLUMN:UNIT:DIRECTION:MEASURE", word)
	}
	parts = append(parts, "", "", "")
	direction, err := unit.ParseDirection(parts[2])
	if err != nil {
		return mappedValue{}, fault.Invalidf("mapping: value=%.60s: the direction %.20q is not lower or higher", word, parts[2])
	}
	title := parts[3]
	if title == "" && parts[1] == "" {
		title = lastPart(parts[0])
	}
	v := mappedValue{source: parts[0], titled: parts[3] != ""}
	v.measure, v.factor = measureOf(title, parts[1], direction)
	if err := checkMeasure(v.measure); err != nil {
		return v, fault.Invalidf("mapping: value=%.60s: %s", word, fault.Message(err))
	}
	return v, nil
}

// What a mapping makes measures of: a copy of these.
var (
	mappedSize         = &unit.Measure{Name: "Size", Slug: "size", Units: unit.Bytes, Direction: unit.Lower}
	mappedPercentage   = &unit.Measure{Name: "Percentage", Units: unit.Percentage, Direction: unit.Unknown}
	mappedValueMeasure = counter("Value")
)

// measureOf is the measure of a value of which a unit and perhaps a title and a direction are known, and the factor to the measure's unit.
func measureOf(title, u string, direction unit.Direction) (*unit.Measure, float64) {
	m, factor := (*unit.Measure)(nil), 1.0
	rate, perSecond := strings.CutSuffix(u, "/s")
	if !perSecond {
		rate, perSecond = strings.CutSuffix(u, "/sec")
	}
	if nanos, ok := nanosPer(strings.TrimSuffix(strings.TrimSuffix(u, "/op"), "/iter")); ok {
		m, factor = unit.Latency, nanos
	} else if f, ok := byteFactor(u); ok || u == "bytes" {
		m, factor = mappedSize, max(f, 1)
	} else if f, ok := byteFactor(rate); ok && perSecond && rate != "b" { // bits
		m, factor = unit.Bandwidth, f*1e-6
	} else if perSecond && (rate == "ops" || rate == "op" || rate == "req" || rate == "requests" || rate == "runs" || rate == "iter") {
		m = unit.Throughput
	} else if u == "%" || u == "percent" || u == "Percent" {
		m = mappedPercentage
	} else if u == "" {
		m = mappedValueMeasure
	} else {
		m = unit.Guess(u)
	}
	own := *m
	if title != "" && title != m.Name {
		own.Name, own.Slug = title, ""
	}
	if direction != unit.Unknown {
		own.Direction = direction
	}
	return &own, factor
}

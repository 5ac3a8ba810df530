package adapter

import (
	"bytes"
	"strings"

	"github.com/tachograph/tacho/internal/core/unit"
)

// OpenMetrics and Prometheus's text format have lines "# TYPE name gauge", "# UNIT name seconds", "# HELP name …", and samples "name{label="value",…} 1.5 [time stamp] [# exemplar]"; OpenMetrics ends with "# EOF".
//
// Identity is the sample's name with its labels in braces; a series that comes again gives samples. The measure follows from the unit, which the name ends with: durations, sizes, counts, ratios; the format knows no direction, so durations and sizes are taken as better lower and
// nothing else is judged. NaN is no value: a problem, as in every adapter.
var openMetricsTool = tool{
	name: "openmetrics", about: "OpenMetrics and Prometheus text", example: `tacho run --file metrics.txt --adapter openmetrics`,
	measures: []string{"Duration (s, lower)", "Size (B, lower)", "Count", "Ratio", "Value"}, samples: "each line of the same series", parameters: "labels, in braces",
	needles: []string{"# TYPE "}, hit: func(line []byte) int {
		if words := bytes.Fields(line); len(words) == 4 && string(words[0]) == "#" && openMetricTypes[string(words[3])] {
			return 60
		}
		return 0
	}, trace: `a line "# TYPE name type"`,
	parse: parseOpenMetrics, averages: []Average{AverageMean, AverageMedian},
}

var openMetricTypes = map[string]bool{
	"gauge": true, "counter": true, "histogram": true, "summary": true, "untyped": true, "unknown": true, "info": true, "stateset": true, "gaugehistogram": true,
}

func parseOpenMetrics(s *scanner, opts Options) (Results, error) {
	var g gathering
	n, ended := 0, false
	units := map[string]string{} // that were declared
	for line := range s.lines() {
		text := bytes.TrimSpace(line)
		if len(text) == 0 || ended {
			continue
		}
		if text[0] == '#' {
			words := bytes.Fields(text)
			if len(words) == 4 && string(words[1]) == "UNIT" && len(units) < maxAggregates {
				units[string(words[2])] = string(words[3])
			}
			ended = len(words) == 2 && string(words[1]) == "EOF"
			continue
		}
		name, labels, value, ok := readOpenMetric(text)
		if !ok {
			if len(g.out.Problems) < 10 {
				g.problem("", s.lineNumber, "it is no sample: %s", shorten(string(text), 80))
			}
			continue
		}
		n++
		m := openMetricMeasure(name, units)
		if err := g.value(withParameters(name, labels), m, value, s.lineNumber); err != nil {
			return Results{}, err
		}
	}
	return g.results(opts, "%d samples of OpenMetrics", n), nil
}

// readOpenMetric reads name{label="value"} value.
func readOpenMetric(line []byte) (name string, labels []parameter, value float64, ok bool) {
	end := 0
	for end < len(line) && (line[end] == '_' || line[end] == ':' || isDigit(line[end]) || line[end]|0x20 >= 'a' && line[end]|0x20 <= 'z') {
		end++
	}
	if end == 0 || isDigit(line[0]) {
		return "", nil, 0, false
	}
	name = string(line[:end])
	rest := line[end:]
	if len(rest) > 0 && rest[0] == '{' {
		if labels, rest, ok = readLabels(rest[1:]); !ok {
			return "", nil, 0, false
		}
	}
	word, _ := nextWord(rest)
	value, ok = number(word)
	return name, labels, value, ok
}

// readLabels reads name="value",…} with its escapes.
func readLabels(rest []byte) (labels []parameter, after []byte, ok bool) {
	for {
		rest = bytes.TrimLeft(rest, " ,")
		if len(rest) == 0 {
			return nil, nil, false
		}
		if rest[0] == '}' {
			return labels, rest[1:], true
		}
		name, value, found := bytes.Cut(rest, []byte(`="`))
		if !found || len(labels) >= 64 {
			return nil, nil, false
		}
		var text []byte
		at := 0
		for ; at < len(value) && value[at] != '"'; at++ {
			if value[at] == '\\' && at+1 < len(value) {
				at++
				if value[at] == 'n' {
					text = append(text, ' ')
					continue
				}
			}
			text = append(text, value[at])
		}
		if at >= len(value) {
			return nil, nil, false
		}
		labels = append(labels, parameter{strings.TrimSpace(string(name)), oneLine(string(text))})
		rest = value[at+1:]
	}
}

// openMetricMeasure is the measure of a series, by its unit.
func openMetricMeasure(name string, units map[string]string) *unit.Measure {
	base := name
	for _, suffix := range []string{"_total", "_sum", "_created", "_min", "_max", "_avg"} {
		base = strings.TrimSuffix(base, suffix)
	}
	u := units[base]
	if u == "" {
		u = base[strings.LastIndexByte(base, '_')+1:]
	}
	switch {
	case strings.HasSuffix(name, "_count"), strings.HasSuffix(name, "_bucket"):
		return counter("Count")
	case u == "seconds":
		return &unit.Measure{Name: "Duration", Slug: "duration", Units: unit.Seconds, Direction: unit.Lower}
	case u == "bytes":
		return &unit.Measure{Name: "Size", Slug: "size", Units: unit.Bytes, Direction: unit.Lower}
	case u == "ratio":
		return counter("Ratio")
	case strings.HasSuffix(name, "_total"):
		return counter("Count")
	}
	return counter("Value")
}

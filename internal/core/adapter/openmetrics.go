package adapter

import (
	"bytes"
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/unit"
)

// OpenMetrics and Prometheus's text format have lines "# TYPE name gauge", "# UNIT name seconds", "# HELP name …", and samples
// "name{label="value",…} 1.5 [time stamp] [# exemplar]", or, with a name that is not of letters, "{"na.me","la.bel"="value"} 1.5";
// OpenMetrics ends with "# EOF". Behind the value nothing else may stand: a log has lines that begin with a word and a number.
//
// Identity is the sample's name with its labels in braces; a series that comes again gives samples. The measure follows from the unit,
// which the name ends with: durations, sizes, counts, ratios; the format knows no direction, so durations and sizes are taken as better
// lower and nothing else is judged. A point in time, such as process_start_time_seconds, is no duration, and when a counter was created is
// no measurement at all. NaN is no value: a problem, as in every adapter.
var openMetricsTool = tool{
	name: "openmetrics", about: "OpenMetrics and Prometheus text", example: `tacho run --file metrics.txt --adapter openmetrics`,
	measures: []string{"Duration (s, lower)", "Size (B, lower)", "Count", "Ratio", "Value"}, samples: "each line of the same series", parameters: "labels, in braces",
	needles: []string{"# TYPE "}, hit: func(line []byte) int {
		var room [16][]byte
		if words := read.Words(room[:0], line); len(words) == 4 && string(words[0]) == "#" && openMetricTypes[string(words[3])] {
			return 60
		}
		return 0
	}, trace: `a line "# TYPE name type"`,
	parse: parseOpenMetrics, averages: []Average{AverageMean, AverageMedian},
}

var openMetricTypes = map[string]bool{
	"gauge": true, "counter": true, "histogram": true, "summary": true, "untyped": true, "unknown": true, "info": true, "stateset": true, "gaugehistogram": true,
}

func parseOpenMetrics(s *read.Scanner, opts Options) (Results, error) {
	var g gathering
	n, ended := 0, false
	units := map[string]string{} // that were declared
	families := map[string]bool{}
	for line := range s.Lines() {
		text := bytes.TrimSpace(line)
		if len(text) == 0 || ended && text[0] != '#' {
			continue
		}
		if text[0] == '#' {
			var room [16][]byte
			words := read.Words(room[:0], text)
			kind := ""
			if len(words) > 1 {
				kind = string(words[1])
			}
			switch {
			case kind == "EOF" && len(words) == 2:
				ended = true
			case len(words) == 4 && kind == "UNIT" && len(units) < maxAggregates:
				units[string(words[2])] = string(words[3])
				ended = false
			case len(words) == 4 && kind == "TYPE" && len(families) < maxAggregates:
				families[string(words[2])] = true
				ended = false // another scrape begins
			}
			continue
		}
		name, labels, value, ok := readOpenMetric(text)
		if !ok {
			if len(g.out.Problems) < 10 {
				g.problem("", s.Line(), "it is no sample: %s", shorten(string(text), 80))
			}
			continue
		}
		if of, ok := strings.CutSuffix(name, "_created"); ok && (families[of] || families[of+"_total"]) {
			continue
		}
		n++
		m, factor := openMetricMeasure(name, value, units)
		g.value(withParameters(name, labels), m, value*factor, s.Line())
	}
	return g.results(opts, "%d samples of OpenMetrics", n)
}

// readOpenMetric reads name{label="value"} value, with a time stamp and an exemplar behind it.
func readOpenMetric(line []byte) (name string, labels []read.Parameter, value float64, ok bool) {
	end := 0
	for end < len(line) && (line[end] == '_' || line[end] == ':' || read.IsDigit(line[end]) ||
		line[end]|0x20 >= 'a' && line[end]|0x20 <= 'z') {
		end++
	}
	if end > 0 && read.IsDigit(line[0]) {
		return "", nil, 0, false
	}
	name = string(line[:end])
	rest := read.TrimIndent(line[end:])
	if len(rest) > 0 && rest[0] == '{' {
		if labels, rest, ok = readLabels(rest[1:], &name); !ok {
			return "", nil, 0, false
		}
	}
	word, rest := read.NextWord(rest)
	if value, ok = read.Number(word); !ok || name == "" {
		return "", nil, 0, false
	}
	if stamp, after := read.NextWord(rest); len(stamp) > 0 && stamp[0] != '#' {
		if _, ok := read.Number(stamp); !ok {
			return "", nil, 0, false
		}
		rest = after
	}
	after, _ := read.NextWord(rest)
	return name, labels, value, len(after) == 0 || after[0] == '#'
}

// readLabels reads name="value",…} with its escapes. A text without a value is the metric's name.
func readLabels(rest []byte, metric *string) (labels []read.Parameter, after []byte, ok bool) {
	for {
		rest = bytes.TrimLeft(rest, " \t,")
		if len(rest) == 0 || len(labels) > 64 {
			return nil, nil, false
		}
		if rest[0] == '}' {
			return labels, rest[1:], true
		}
		var name string
		if rest[0] == '"' {
			if name, rest, ok = readQuoted(rest); !ok {
				return nil, nil, false
			}
		} else {
			end := bytes.IndexAny(rest, "=,}\" \t")
			if end <= 0 {
				return nil, nil, false
			}
			name, rest = string(rest[:end]), rest[end:]
		}
		rest = read.TrimIndent(rest)
		if len(rest) == 0 || rest[0] != '=' {
			if *metric != "" {
				return nil, nil, false
			}
			*metric = name
			continue
		}
		var value string
		if value, rest, ok = readQuoted(read.TrimIndent(rest[1:])); !ok {
			return nil, nil, false
		}
		labels = append(labels, read.Parameter{Name: name, Value: value})
	}
}

// readQuoted reads a text in double quotes; a line end in it is a space.
func readQuoted(in []byte) (text string, rest []byte, ok bool) {
	if len(in) == 0 || in[0] != '"' {
		return "", nil, false
	}
	var out []byte
	for at := 1; at < len(in); at++ {
		switch c := in[at]; {
		case c == '"':
			return read.OneLine(string(out)), in[at+1:], true
		case c == '\\' && at+1 < len(in):
			if at++; in[at] == 'n' {
				out = append(out, ' ')
			} else {
				out = append(out, in[at])
			}
		default:
			out = append(out, c)
		}
	}
	return "", nil, false
}

// openMetricTimes are units of time that should not be in a name, but are; the base unit is the second.
var openMetricTimes = map[string]float64{"seconds": 1, "milliseconds": 1e-3, "microseconds": 1e-6, "nanoseconds": 1e-9, "minutes": 60, "hours": 3600}

// openMetricMeasure is the measure of a series, by its unit, and the factor to the measure's unit.
func openMetricMeasure(name string, value float64, units map[string]string) (*unit.Measure, float64) {
	base := name
	for _, suffix := range []string{"_total", "_sum", "_gsum", "_min", "_max", "_avg"} {
		base = strings.TrimSuffix(base, suffix)
	}
	u := units[base]
	if u == "" {
		u = base[strings.LastIndexByte(base, '_')+1:]
	}
	const sinceLong = 1e9 // seconds: no program measures 31 years, but Unix time is such a number
	seconds, timed := openMetricTimes[u]
	switch {
	case strings.HasSuffix(name, "_count"), strings.HasSuffix(name, "_gcount"), strings.HasSuffix(name, "_bucket"):
		return counter("Count"), 1
	case strings.HasSuffix(name, "_timestamp_seconds"), strings.HasSuffix(name, "_time_seconds") && value >= sinceLong:
		return counter("Value"), 1
	case timed:
		return &unit.Measure{Name: "Duration", Slug: "duration", Units: unit.Seconds, Direction: unit.Lower}, seconds
	case u == "bytes":
		return &unit.Measure{Name: "Size", Slug: "size", Units: unit.Bytes, Direction: unit.Lower}, 1
	case u == "ratio":
		return counter("Ratio"), 1
	case strings.HasSuffix(name, "_total"):
		return counter("Count"), 1
	}
	return counter("Value"), 1
}

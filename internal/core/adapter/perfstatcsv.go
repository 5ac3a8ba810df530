package adapter

import (
	"bytes"
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
)

// csv reads a row of -x with any separator that perf's users choose: comma, semicolon, tab or |.
func (b *perfBlock) csv(line []byte) (r perfRow, ok bool) {
	for _, separator := range []byte{',', ';', '\t', '|'} {
		if n := bytes.Count(line, []byte{separator}); n < 3 || n > 30 {
			continue
		}
		var room [32][]byte // as many separators as above, and one
		parts, rest := room[:0], line
		for at := bytes.IndexByte(rest, separator); at >= 0; at = bytes.IndexByte(rest, separator) {
			parts = append(parts, rest[:at])
			rest = rest[at+1:]
		}
		if r, ok = b.fields(append(parts, rest), separator); ok {
			return r, true
		}
	}
	return perfRow{}, false
}

func (b *perfBlock) fields(fields [][]byte, separator byte) (r perfRow, ok bool) {
	value := func(i int) bool {
		return i < len(fields) && (bytes.HasPrefix(fields[i], []byte("<not ")) || perfDecimal(bytes.TrimSpace(fields[i])).OK)
	}
	if seconds, ok := perfTime(bytes.TrimSpace(fields[0])); ok && len(fields) > 5 { // -I: the time comes first
		r.at = read.Opt{Value: seconds, OK: true}
		fields = fields[1:]
	}
	if string(bytes.TrimSpace(fields[0])) == "summary" {
		r.summary = true
		fields = fields[1:]
	}
	if name, ok := perfPart(fields[0]); ok {
		r.of = []read.Parameter{perfOf(name, b.keep(fields[0]))}
		fields = fields[1:]
		if name != "cpu" && name != "thread" && len(fields) > 2 && read.IsDigits(fields[0]) &&
			(value(1) || len(fields[1]) == 0 && len(fields[2]) == 0) {
			fields = fields[1:] // the number of CPUs that are counted together
		}
	}
	if len(fields) > 0 && len(fields[0]) == 0 { // further metrics of the row before
		empty := 0
		for len(fields) > 0 && len(fields[0]) == 0 {
			fields = fields[1:]
			empty++
		}
		if empty < 3 || len(fields) != 2 || !value(0) {
			return r, false
		}
		r.metrics = perfMetric(perfDecimal(fields[0]), b.keep(fields[1]), "")
		return r, len(r.metrics) > 0
	}
	if len(fields) < 5 || !value(0) {
		return r, false
	}
	r.unit, r.event = b.keep(fields[1]), b.keep(fields[2])
	rest := fields[3:]
	for strings.Count(r.event, "/")%2 == 1 && len(rest) > 2 { // "cpu/event=0x3c,umask=0x1/"
		r.event += string(separator) + string(rest[0])
		rest = rest[1:]
	}
	if r.event == "" || read.IsDigit(r.event[0]) || read.IsDigit((r.unit + " ")[0]) {
		return r, false
	}
	if len(rest) > 2 && !perfDecimal(rest[0]).OK && perfDecimal(rest[1]).OK && perfDecimal(rest[2]).OK {
		if len(rest[0]) > 0 {
			r.of = append(r.of, read.Parameter{Name: "cgroup", Value: read.OneLine(string(rest[0]))})
		}
		rest = rest[1:]
	}
	if bytes.HasSuffix(rest[0], []byte("%")) {
		r.percent = perfDecimal(rest[0])
		rest = rest[1:]
	}
	if len(rest) < 2 || !read.IsDigits(rest[0]) || !perfShare(rest[1]) {
		return r, false
	}
	if bytes.HasPrefix(fields[0], []byte("<not ")) {
		r.missing = string(fields[0])
		return r, true
	}
	r.value = perfDecimal(fields[0])
	if base, _, _ := strings.Cut(r.event, ":"); r.unit == "" && (base == "task-clock" || base == "cpu-clock") && bytes.ContainsAny(fields[0], ".,") {
		r.unit = "msec" // before version 4.17
	}
	if len(rest) >= 4 {
		pmu, _ := perfPMU(r.event)
		r.metrics = perfMetric(perfDecimal(rest[2]), b.keep(rest[3]), pmu)
	}
	return r, true
}

// perfShare reports whether the text is a percentage of the time as CSV has it, "100.00".
func perfShare(text []byte) bool {
	at := bytes.IndexAny(text, ".,")
	v := perfDecimal(text)
	return at > 0 && len(text)-at == 3 && v.OK && v.Value <= 100
}

// json reads an object of -j. It is not read as JSON, which it is not in every version and locale: "pcnt-running" : 100,00, }.
func (b *perfBlock) json(line []byte) (r perfRow, ok bool) {
	var metric read.Opt
	metricUnit := ""
	for key, text := range perfMembers(line) {
		switch string(key) {
		case "interval":
			r.at = perfDecimal(text)
		case "counter-value":
			if bytes.HasPrefix(text, []byte("<not ")) {
				r.missing = string(text)
			} else {
				r.value = perfDecimal(text)
			}
		case "unit":
			r.unit = b.keep(text)
		case "event":
			r.event = b.keep(text)
		case "variance":
			r.percent = perfDecimal(text)
		case "metric-value":
			metric = perfDecimal(text)
		case "metric-unit":
			metricUnit = b.keep(text)
		case "cpu", "core", "die", "socket", "node", "cluster", "cache", "thread", "cgroup":
			if len(text) > 0 {
				r.of = append(r.of, perfOf(b.keep(key), b.keep(text)))
			}
		}
	}
	pmu, _ := perfPMU(r.event)
	r.metrics = perfMetric(metric, metricUnit, pmu)
	if r.event == "" {
		r.unit = ""
		return r, len(r.metrics) > 0
	}
	return r, r.missing != "" || r.value.OK
}

// perfMembers are the names and values of an object in one line, without their quotes.
func perfMembers(line []byte) func(yield func(key, value []byte) bool) {
	return func(yield func(_, _ []byte) bool) {
		for {
			_, rest, ok := bytes.Cut(line, []byte(`"`))
			key, rest, ok2 := bytes.Cut(rest, []byte(`"`))
			if !ok || !ok2 {
				return
			}
			value := bytes.TrimLeft(rest, " :")
			if text, quoted := bytes.CutPrefix(value, []byte(`"`)); quoted {
				value, line, _ = bytes.Cut(text, []byte(`"`))
			} else {
				end := bytes.IndexByte(value, '"')
				if end < 0 {
					end = len(value)
				}
				value, line = bytes.TrimRight(value[:end], ", }"), value[end:]
			}
			if !yield(key, value) {
				return
			}
		}
	}
}

package adapter

import (
	"bytes"
	"strings"

	"github.com/tachograph/tacho/internal/core/unit"
)

// redis-benchmark --csv prints a header "test","rps","avg_latency_ms",… and a row for each command; before version 6.2 rows of name and rate without a header. Its text has "====== SET ======", a distribution and a summary for each, with -q one line:
// "SET: 90909.09 requests per second, p50=0.031 msec".
//
// Identity is the command as it is printed. The value of latency is the average, which only the newer formats have.
var redisBenchmarkTool = tool{
	name: "redis_benchmark", about: "redis-benchmark, text, -q or --csv", example: `tacho run "redis-benchmark -t set,get --csv"`,
	measures: []string{"Throughput (ops/s, higher)", "Latency (ns, lower)", "Latency min, p50, p95, p99, max (ns, lower)"},
	signs:    []sign{{csvForm, []string{"test", "rps", "avg_latency_ms"}, 100, "the columns of redis-benchmark"}},
	needles:  []string{" requests per second"}, hit: hitRedis, trace: `a line "… requests per second" of redis-benchmark`,
	parse: parseRedisBenchmark,
}

func hitRedis(line []byte) int {
	if _, ok := after(line, "throughput summary: "); ok {
		return 95
	}
	if name, _, ok := redisQuiet(line); ok && name != "" {
		return 90
	}
	return 0
}

// redisQuiet reads "SET: 90909.09 requests per second, p50=0.031 msec".
func redisQuiet(line []byte) (name string, values []optional, ok bool) {
	before, rest, ok := bytes.Cut(line, []byte(" requests per second"))
	if !ok {
		return "", nil, false
	}
	at := bytes.LastIndex(before, []byte(": "))
	if at <= 0 {
		return "", nil, false
	}
	name = oneLine(string(before[:at]))
	rate := firstNumber(before[at+2:])
	values = []optional{{unit.Throughput, rate}}
	if _, p50, found := bytes.Cut(rest, []byte("p50=")); found {
		values = append(values, optional{latencyAt("p50"), firstNumber(p50).times(1e6)})
	}
	return name, values, rate.ok && name != "throughput summary"
}

func parseRedisBenchmark(s *scanner, opts Options) (Results, error) {
	var g gathering
	n := 0
	var header []string
	name, summary := "", 0 // lines since "latency summary (msec):", which stand below the names of columns
	for line := range s.lines() {
		var values []optional
		text := bytes.TrimSpace(line)
		switch rest, ok := after(line, "throughput summary: "); {
		case ok:
			values = []optional{{unit.Throughput, firstNumber(rest)}}
			n++
		case bytes.HasPrefix(text, []byte("====== ")) && bytes.HasSuffix(text, []byte(" ======")):
			name, summary = oneLine(strings.Trim(string(text), "= ")), 0
		case bytes.HasPrefix(text, []byte("latency summary (msec):")):
			summary = 1
		case summary == 1:
			header, summary = strings.Fields(string(text)), 2
		case summary == 2:
			for i, w := range bytes.Fields(text) {
				if i < len(header) {
					values = append(values, optional{redisLatency(header[i]), firstNumber(w).times(1e6)})
				}
			}
			summary = 0
		case len(text) > 0 && text[0] == '"':
			fields := splitRow(nil, text, ',')
			if string(fields[0]) == "test" {
				header = header[:0]
				for _, f := range fields {
					header = append(header, string(f))
				}
				continue
			}
			name = oneLine(string(fields[0]))
			n++
			values = redisRow(header, fields)
		default:
			if quiet, found, ok := redisQuiet(line); ok {
				name, values = quiet, found
				n++
			}
		}
		if len(values) == 0 {
			continue
		}
		if name == "" {
			name = "redis-benchmark"
		}
		if err := g.optional(name, s.lineNumber, values); err != nil {
			return Results{}, err
		}
	}
	return g.results(opts, "%d commands of redis-benchmark", n), nil
}

func redisRow(header []string, fields [][]byte) (values []optional) {
	if len(header) == 0 {
		header = []string{"test", "rps"}
	}
	for i, f := range fields {
		switch {
		case i == 0 || i >= len(header):
		case header[i] == "rps":
			values = append(values, optional{unit.Throughput, firstNumber(f)})
		default:
			if point, ok := strings.CutSuffix(header[i], "_latency_ms"); ok {
				values = append(values, optional{redisLatency(point), firstNumber(f).times(1e6)})
			}
		}
	}
	return values
}

func redisLatency(point string) unit.Measure {
	if point == "avg" {
		return unit.Latency
	}
	return latencyAt(point)
}

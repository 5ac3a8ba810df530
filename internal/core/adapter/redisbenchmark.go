package adapter

import (
	"bytes"
	"math"
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/unit"
)

// redis-benchmark --csv prints a header "test","rps","avg_latency_ms",… and a row for each command; before version 6.2 rows of name and
// rate without a header. Its text has "====== SET ======", the load, a distribution and a summary for each, before version 6.2 without the
// summary and with the rate on a line of its own; with -q one line: "SET: 90909.09 requests per second, p50=0.031 msec".
//
// Identity is the command as it is printed, with clients, payload, threads, cluster and a keep-alive of 0 in braces where they are
// printed, which is in the text, behind the name of a banner line. The value of latency is the average, which only the newer formats have.
// An error of the server is a problem, and so is the rate of a run that took less than a millisecond, which is printed as inf.
var redisBenchmarkTool = tool{
	name: "redis_benchmark", about: "redis-benchmark, text, -q or --csv", example: `tacho run "redis-benchmark -t set,get --csv"`,
	measures: []string{"Throughput (ops/s, higher)", "Latency (ns, lower)", "Latency min, p50, p95, p99, max (ns, lower)"}, parameters: "clients, payload, threads, cluster and keep-alive, in braces, where they are printed",
	signs:   []sign{{csvForm, []string{"test", "rps", "avg_latency_ms"}, 100, "the columns of redis-benchmark"}},
	needles: []string{" requests per second"}, hit: hitRedis, trace: `a line "… requests per second" of redis-benchmark`,
	parse: parseRedisBenchmark,
}

func hitRedis(line []byte) int {
	if _, ok := after(line, "throughput summary: "); ok {
		return 100
	}
	if _, values, ok := redisQuiet(nil, nil, line); ok {
		if len(values) > 1 {
			return 90
		}
		return 60 // any server could say so
	}
	return 0
}

// redisQuiet reads "SET: 90909.09 requests per second, p50=0.031 msec".
func redisQuiet(s *read.Scanner, values []optional, line []byte) (name string, _ []optional, ok bool) {
	before, rest, ok := bytes.Cut(line, []byte(" requests per second"))
	if !ok {
		return "", nil, false
	}
	at := bytes.LastIndex(before, []byte(": "))
	if at <= 0 || !redisNumber(before[at+2:]) {
		return "", nil, false
	}
	name = read.OneLine(read.Kept(s, before[:at]))
	rate := read.Opt{}
	rate.Value, rate.OK = read.Number(before[at+2:])
	values = append(values, optional{unit.Throughput, rate})
	if _, p50, found := bytes.Cut(rest, []byte("p50=")); found {
		values = append(values, optional{latencyAt("p50"), firstNumber(p50).Times(1e6)})
	}
	return name, values, rate.OK && name != "throughput summary"
}

// redisNumber reports whether the text is one number, or the inf or nan of a run that took no time.
func redisNumber(text []byte) bool {
	v, ok := read.Number(text)
	return ok && v >= 0 || ok && math.IsNaN(v)
}

func parseRedisBenchmark(s *read.Scanner, opts Options) (Results, error) {
	var g gathering
	n := 0
	var header []string
	var params []read.Parameter
	title, name, called := "", "", "" // called: the name with all that tells it apart
	summary := 0                      // lines since "latency summary (msec):", which stand below the names of columns
	for line := range s.Lines() {
		var room [8]optional
		var values []optional
		text := bytes.TrimSpace(line)
		full := ""
		switch rest, ok := after(line, "throughput summary: "); {
		case len(text) == 0:
		case ok:
			rate, _ := read.NextWord(rest)
			v, ok := read.Number(rate)
			values = append(room[:0], optional{unit.Throughput, read.Opt{Value: v, OK: ok}})
			n++
		case bytes.HasPrefix(text, []byte("====== ")) && bytes.HasSuffix(text, []byte(" ======")):
			name, called, summary, params = read.OneLine(s.Keep(bytes.Trim(text, "= "))), "", 0, nil
		case bytes.HasPrefix(text, []byte("latency summary (msec):")):
			summary = 1
		case summary == 1:
			header, summary = strings.Fields(s.Keep(text)), 2
		case summary == 2:
			var words [16][]byte
			values = room[:0]
			for i, w := range read.Words(words[:0], text) {
				if i < len(header) {
					values = append(values, optional{redisLatency(header[i]), firstNumber(w).Times(1e6)})
				}
			}
			summary = 0
		case text[0] == '"':
			var cells [16][]byte
			row := read.SplitRow(cells[:0], text, ',')
			if string(row[0]) == "test" {
				header = header[:0]
				for _, f := range row {
					header = append(header, s.Keep(f))
				}
				continue
			}
			if values = redisRow(room[:0], header, row); len(values) > 0 {
				full = g.again(titled(title, read.OneLine(s.Keep(row[0]))))
				n++
			}
		case bytes.HasPrefix(line, []byte("Error from server")), bytes.HasPrefix(line, []byte("Error: ")), bytes.HasPrefix(line, []byte("Could not connect to Redis")):
			g.problem(name, s.Line(), "%s", text)
		default:
			if b, ok := banner(line); ok {
				title = b
				g.named()
			} else if p, ok := redisParameter(s, text); ok && name != "" && len(params) < 10 {
				params = append(params, p)
			} else if rate, ok := bytes.CutSuffix(text, []byte(" requests per second")); ok && name != "" && oneNumber(rate) { // before version 6.2
				values = append(room[:0], optional{unit.Throughput, firstNumber(rate)})
				n++
			} else if quiet, found, ok := redisQuiet(s, room[:0], line); ok {
				full, values = g.again(titled(title, quiet)), found
				n++
			}
		}
		if len(values) == 0 {
			continue
		}
		switch {
		case full != "":
		case name == "":
			full = titled(title, "redis-benchmark")
		default:
			if called == "" {
				called = g.again(g.withParameters(titled(title, name), params))
			}
			full = called
		}
		for i, v := range values {
			if v.value.OK && !read.Finite(v.value.Value) {
				g.problem(full, s.Line(), "%s is printed as %v: it took less than a millisecond", v.measure.Name, v.value.Value)
				values[i].value.OK = false
			}
		}
		g.optional(full, s.Line(), values)
	}
	return g.results(opts, "%d commands of redis-benchmark", n)
}

// redisParameter reads "50 parallel clients", "3 bytes payload" and "threads: 4".
func redisParameter(s *read.Scanner, text []byte) (p read.Parameter, ok bool) {
	if v, ok := bytes.CutSuffix(text, []byte(" parallel clients")); ok && read.IsDigits(v) {
		return read.Parameter{Name: "clients", Value: s.Keep(v)}, true
	}
	if v, ok := bytes.CutSuffix(text, []byte(" bytes payload")); ok && read.IsDigits(v) {
		return read.Parameter{Name: "payload", Value: s.Keep(v)}, true
	}
	if v, ok := bytes.CutPrefix(text, []byte("threads: ")); ok && read.IsDigits(v) {
		return read.Parameter{Name: "threads", Value: s.Keep(v)}, true
	}
	if v, ok := bytes.CutPrefix(text, []byte("cluster mode: yes (")); ok { // "3 masters", "3 primary"
		return read.Parameter{Name: "cluster", Value: read.OneLine(string(bytes.TrimSuffix(v, []byte(")"))))}, true
	}
	if string(text) == "keep alive: 0" { // 1 is usual
		return read.Parameter{Name: "keep-alive", Value: "0"}, true
	}
	return read.Parameter{}, false
}

// oneNumber reports whether the text is one number and nothing else.
func oneNumber(text []byte) bool {
	v, ok := read.Number(text)
	return ok && read.Finite(v)
}

// redisRow reads a row below a header. One that has not a number in each of its columns is another program's.
func redisRow(values []optional, header []string, fields [][]byte) []optional {
	if len(header) == 0 { // before version 6.2
		header = []string{"test", "rps"}
	}
	if len(fields) != len(header) {
		return nil
	}
	for i, f := range fields[1:] {
		v, ok := read.Number(f)
		if !ok {
			return nil
		}
		if header[i+1] == "rps" {
			values = append(values, optional{unit.Throughput, read.Opt{Value: v, OK: true}})
		} else if point, ok := strings.CutSuffix(header[i+1], "_latency_ms"); ok {
			values = append(values, optional{redisLatency(point), read.Opt{Value: v * 1e6, OK: true}})
		}
	}
	return values
}

func redisLatency(point string) *unit.Measure {
	if point == "avg" {
		return unit.Latency
	}
	return latencyAt(point)
}

package adapter

import (
	"bytes"
	"math"
	"slices"
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/unit"
)

// wrk prints "Running 5s test @ http://host/", "  2 threads and 10 connections", rows of latency and of requests for each thread, with
// --latency the distribution, "1400 requests in 2.08s, 529.10KB read", "Requests/sec:" and "Transfer/sec:"; "Socket errors:" and "Non-2xx
// or 3xx responses:" where there were any. wrk2 prints the same, with the distribution of HdrHistogram and its whole spectrum in
// milliseconds; with -U a second time without its correction for requests that began late.
//
// Identity is the address with threads and connections in braces, behind the name of a banner line. Latency is the average with its
// standard deviation. Failed requests are a metric and a problem: their times are among the others. Of the spectrum the whole percents are
// taken, and the mean and the largest: it has more digits than the rows. A run without an answer prints zeros, which are no times.
var (
	wrkTool = tool{
		name: "wrk", about: "wrk", example: `tacho run "wrk -t2 -c10 -d10s --latency http://localhost:8080/"`,
		measures: []string{"Latency (ns, lower)", "Latency max, p50 … p99 (ns, lower)", "Throughput (ops/s, higher)", "Throughput per Thread (ops/s, higher)", "Bandwidth (MB/s, higher)", "Requests", "Failed Requests (lower)"}, parameters: "threads and connections, in braces",
		needles: []string{" threads and "}, hit: hitWrk, trace: `"threads and … connections" of wrk`,
		parse: parseWrk,
	}
	wrk2Tool = tool{
		name: "wrk2", about: "wrk2", example: `tacho run "wrk2 -t2 -c10 -d10s -R1000 --latency http://localhost:8080/"`,
		measures: []string{"as wrk, with Latency p10 … p95, p99.9, p99.99, p99.999, and uncorrected with -U"}, parameters: "threads and connections, in braces",
		needles: []string{"Latency Distribution (HdrHistogram", "  Thread calibration: mean lat.: "}, hit: func([]byte) int { return 100 }, trace: `"HdrHistogram" or "Thread calibration" of wrk2`,
		parse: parseWrk,
	}
)

func hitWrk(line []byte) int {
	if bytes.HasSuffix(bytes.TrimRight(line, " "), []byte(" connections")) {
		return 90
	}
	return 0
}

var perThread = &unit.Measure{Name: "Throughput per Thread", Slug: "throughput-per-thread", Units: unit.OpsPerSecond, Direction: unit.Higher}

// wrkRun is one run.
type wrkRun struct {
	title, address, threads, connections string
	line                                 int
	metrics                              []Metric
	answered                             read.Opt
	spectrum                             bool   // its rows follow
	of                                   string // "" or " uncorrected"
	failed                               float64
	failures                             []string

	s *read.Scanner
}

// wrkPoints bounds the points of a run's distribution.
const wrkPoints = 100

func parseWrk(s *read.Scanner, opts Options) (Results, error) {
	var g gathering
	n, title := 0, ""
	var r wrkRun
	flush := func() {
		if r.address == "" {
			return
		}
		n++
		r.add(&g)
		r = wrkRun{}
	}
	for line := range s.Lines() {
		if b, ok := banner(line); ok {
			title = b
		} else if why, ok := bytes.CutPrefix(line, []byte("unable to connect to ")); ok {
			g.problem(title, s.Line(), "unable to connect to %s", why)
		} else if rest, ok := bytes.CutPrefix(line, []byte("Running ")); ok && bytes.Contains(rest, []byte(" test @ ")) {
			flush()
			_, address, _ := bytes.Cut(rest, []byte(" test @ "))
			r = wrkRun{title: title, address: read.OneLine(s.Keep(address)), line: s.Line(), s: s}
		} else if r.address != "" && r.read(line) {
			flush()
		}
	}
	flush()
	return g.results(opts, "%d runs of wrk", n)
}

// set adds a metric, or replaces it: the spectrum has again, with more digits, what the rows have.
func (r *wrkRun) set(m Metric) {
	if r.of != "" {
		own := *m.Measure
		own.Name += r.of
		own.Slug += strings.ReplaceAll(r.of, " ", "-")
		m.Measure = &own
	}
	if i := slices.IndexFunc(r.metrics, func(other Metric) bool { return other.Measure.Name == m.Measure.Name }); i >= 0 {
		r.metrics[i] = m
	} else if len(r.metrics) < wrkPoints {
		if r.metrics == nil {
			r.metrics = make([]Metric, 0, 12)
		}
		r.metrics = append(r.metrics, m)
	}
}

// read takes a line of a run; the last one ends it.
func (r *wrkRun) read(line []byte) (last bool) {
	var room [16][]byte
	words := read.Words(room[:0], line)
	if len(words) < 2 {
		return false
	}
	switch first := string(words[0]); {
	case len(words) == 5 && string(words[1]) == "threads" && string(words[4]) == "connections":
		r.threads, r.connections = r.s.Keep(words[0]), r.s.Keep(words[3])
	case first == "Latency" && string(words[1]) == "Distribution":
		r.spectrum = false
		if r.of = ""; bytes.Contains(line, []byte("Uncorrected")) {
			r.of = " uncorrected"
		}
	case first == "Latency" && len(words) == 5:
		average, ok := nanoseconds(words[1])
		deviation, ok2 := nanoseconds(words[2])
		if ok && ok2 {
			r.set(spread(unit.Latency, average, deviation))
		}
		if largest, ok := nanoseconds(words[3]); ok {
			r.set(Metric{Measure: latencyAt("max"), Value: largest})
		}
	case first == "Req/Sec" && len(words) == 5:
		average, ok := prefixed(words[1])
		deviation, ok2 := prefixed(words[2])
		if ok && ok2 {
			r.set(spread(perThread, average, deviation))
		}
	case first == "Detailed" && string(words[1]) == "Percentile":
		r.spectrum = true
	case r.spectrum && first == "#[Mean" && len(words) == 6:
		value, ok := read.Number(bytes.TrimRight(words[2], ","))
		deviation, ok2 := read.Number(bytes.TrimRight(words[5], "]"))
		if ok && ok2 {
			r.set(spread(unit.Latency, value*1e6, deviation*1e6))
		}
	case r.spectrum && first == "#[Max" && len(words) > 2:
		if value, ok := read.Number(bytes.TrimRight(words[2], ",")); ok {
			r.set(Metric{Measure: latencyAt("max"), Value: value * 1e6})
		}
	case r.spectrum && len(words) == 4:
		value, ok := read.Number(words[0])
		part, ok2 := read.Number(words[1])
		if p := math.Round(part*1e6) / 1e4; ok && ok2 && p > 0 && p < 100 && p == math.Trunc(p) {
			r.set(Metric{Measure: percentile(p), Value: value * 1e6})
		}
	case len(words) == 2 && bytes.HasSuffix(words[0], []byte("%")):
		p, ok := read.Number(words[0][:len(words[0])-1])
		v, ok2 := nanoseconds(words[1])
		if ok && ok2 && p < 100 { // the hundredth is the largest
			r.set(Metric{Measure: percentile(p), Value: v})
		}
	case len(words) == 6 && string(words[1]) == "requests" && string(words[2]) == "in":
		r.of = ""
		if r.answered = firstNumber(words[0]); r.answered.OK {
			r.set(Metric{Measure: requests, Value: r.answered.Value})
		}
	case first == "Requests/sec:":
		r.of = ""
		if v := firstNumber(words[1]); v.OK {
			r.set(Metric{Measure: unit.Throughput, Value: v.Value})
		}
	case first == "Transfer/sec:":
		if v, ok := bytesOf(words[1]); ok {
			r.set(Metric{Measure: unit.Bandwidth, Value: v / 1e6})
		}
		return true
	case bytes.HasPrefix(bytes.TrimSpace(line), []byte("Socket errors:")), bytes.HasPrefix(bytes.TrimSpace(line), []byte("Non-2xx or 3xx responses:")):
		if len(r.failures) > 2 {
			break
		}
		r.failures = append(r.failures, read.OneLine(string(line)))
		for _, w := range words {
			if v, ok := read.Number(bytes.TrimRight(w, ",")); ok && read.IsDigit(w[0]) {
				r.failed += v
			}
		}
	}
	return false
}

func (r *wrkRun) add(g *gathering) {
	name := g.withParameters(titled(r.title, r.address), []read.Parameter{{Name: "threads", Value: r.threads},
		{Name: "connections", Value: r.connections}})
	for _, f := range r.failures {
		g.problem(name, r.line, "%s", f)
	}
	if r.failed > 0 {
		g.value(name, requestsFailed, r.failed, r.line)
	}
	switch {
	case r.answered.OK && r.answered.Value == 0:
		g.problem(name, r.line, "not a single request was answered") // the zeros beside it are none
		return
	case !slices.ContainsFunc(r.metrics, func(m Metric) bool { return m.Measure == unit.Latency }):
		g.problem(name, r.line, "it has no latency")
	}
	for _, m := range r.metrics {
		g.metric(name, m, r.line)
	}
}

// prefixed reads "13.95k": a number with a prefix of thousands, as wrk writes rates.
func prefixed(text []byte) (float64, bool) {
	factor := 1.0
	if n := len(text); n > 0 {
		switch text[n-1] {
		case 'k':
			factor = 1e3
		case 'M':
			factor = 1e6
		case 'G':
			factor = 1e9
		case 'T':
			factor = 1e12
		case 'P':
			factor = 1e15
		}
		if factor > 1 {
			text = text[:n-1]
		}
	}
	v, ok := read.Number(text)
	return v * factor, ok && read.Finite(v)
}

// bytesOf reads "78.52MB": what wrk calls MB are 1024 times 1024.
func bytesOf(text []byte) (float64, bool) {
	end := len(text)
	for end > 0 && !read.IsDigit(text[end-1]) {
		end--
	}
	v, ok := read.Number(text[:end])
	factor, known := wrkSizes[string(text[end:])]
	return v * factor, ok && known
}

var wrkSizes = map[string]float64{"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}

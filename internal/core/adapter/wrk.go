package adapter

import (
	"bytes"
	"strings"

	"github.com/tachograph/tacho/internal/core/unit"
)

// wrk prints "Running 5s test @ http://host/", "  2 threads and 10 connections", rows of latency and requests for each thread, with --latency the distribution, "Requests/sec:" and "Transfer/sec:"; "Socket errors:" and "Non-2xx or 3xx
// responses:" where there were any. wrk2 prints the same, with the distribution of HdrHistogram and its whole spectrum.
//
// Identity is the address with threads and connections in braces. Latency is the average with its standard deviation. Failed requests are a metric and a problem: their times are among the others.
var (
	wrkTool = tool{
		name: "wrk", about: "wrk", example: `tacho run "wrk -t2 -c10 -d10s --latency http://localhost:8080/"`,
		measures: []string{"Latency (ns, lower)", "Latency max, p50 … p99 (ns, lower)", "Throughput (ops/s, higher)", "Bandwidth (MB/s, higher)", "Failed Requests (lower)"}, parameters: "threads and connections, in braces",
		needles: []string{" threads and "}, hit: hitWrk, trace: `"threads and … connections" of wrk`,
		parse: parseWrk,
	}
	wrk2Tool = tool{
		name: "wrk2", about: "wrk2", example: `tacho run "wrk2 -t2 -c10 -d10s -R1000 --latency http://localhost:8080/"`,
		measures: []string{"as wrk, with Latency p99.9, p99.99, p99.999 and p100"}, parameters: "threads and connections, in braces",
		needles: []string{"Latency Distribution (HdrHistogram"}, hit: func([]byte) int { return 100 }, trace: `"Latency Distribution (HdrHistogram" of wrk2`,
		parse: parseWrk,
	}
)

func hitWrk(line []byte) int {
	if bytes.HasSuffix(bytes.TrimRight(line, " "), []byte(" connections")) {
		return 90
	}
	return 0
}

// wrkRun is one run.
type wrkRun struct {
	address, threads, connections string
	line                          int
	latency                       Metric
	seen                          bool
	others                        []optional
	failed                        float64
	failures                      []string
}

func parseWrk(s *scanner, opts Options) (Results, error) {
	var g gathering
	n := 0
	var r wrkRun
	flush := func() error {
		if r.address == "" {
			return nil
		}
		n++
		return r.add(&g)
	}
	for line := range s.lines() {
		if rest, ok := after(line, "Running "); ok && bytes.Contains(rest, []byte(" test @ ")) {
			if err := flush(); err != nil {
				return Results{}, err
			}
			_, address, _ := strings.Cut(string(rest), " test @ ")
			r = wrkRun{address: oneLine(address), line: s.lineNumber}
			continue
		}
		r.read(line)
	}
	if err := flush(); err != nil {
		return Results{}, err
	}
	return g.results(opts, "%d runs of wrk", n), nil
}

func (r *wrkRun) read(line []byte) {
	words := bytes.Fields(line)
	switch {
	case len(words) == 5 && string(words[1]) == "threads" && string(words[4]) == "connections":
		r.threads, r.connections = string(words[0]), string(words[3])
	case len(words) == 5 && string(words[0]) == "Latency":
		average, ok := nanoseconds(words[1])
		deviation, ok2 := nanoseconds(words[2])
		largest, ok3 := nanoseconds(words[3])
		if ok && ok2 {
			r.latency, r.seen = spread(unit.Latency, average, deviation), true
		}
		r.others = append(r.others, optional{latencyAt("max"), opt{largest, ok3}})
	case len(words) == 2 && bytes.HasSuffix(words[0], []byte("%")):
		p, ok := number(words[0][:len(words[0])-1])
		v, ok2 := nanoseconds(words[1])
		if ok && ok2 {
			r.others = append(r.others, optional{latencyAt("p" + shortFloat(p)), opt{v, true}})
		}
	case len(words) == 2 && string(words[0]) == "Requests/sec:":
		r.others = append(r.others, optional{unit.Throughput, firstNumber(words[1])})
	case len(words) == 2 && string(words[0]) == "Transfer/sec:":
		if v, ok := bytesOf(words[1]); ok {
			r.others = append(r.others, optional{unit.Bandwidth, opt{v / 1e6, true}})
		}
	case bytes.HasPrefix(bytes.TrimSpace(line), []byte("Socket errors:")), bytes.HasPrefix(bytes.TrimSpace(line), []byte("Non-2xx or 3xx responses:")):
		r.failures = append(r.failures, oneLine(string(line)))
		for _, w := range words {
			if v, ok := number(bytes.TrimRight(w, ",")); ok && isDigit(w[0]) {
				r.failed += v
			}
		}
	}
}

func (r *wrkRun) add(g *gathering) error {
	name := withParameters(r.address, []parameter{{"threads", r.threads}, {"connections", r.connections}})
	for _, f := range r.failures {
		g.problem(name, r.line, "%s", f)
	}
	if !r.seen {
		g.problem(name, r.line, "it has no latency")
		return nil
	}
	if err := g.metric(name, r.latency, r.line); err != nil {
		return err
	}
	if r.failed > 0 {
		r.others = append(r.others, optional{requestsFailed, opt{r.failed, true}})
	}
	seen := map[string]bool{}
	for _, o := range r.others { // the whole spectrum of wrk2 has percentiles again
		if seen[o.measure.Name] {
			continue
		}
		seen[o.measure.Name] = true
		if err := g.optional(name, r.line, []optional{o}); err != nil {
			return err
		}
	}
	return nil
}

// bytesOf reads "78.52MB": what wrk calls MB are 1024 times 1024.
func bytesOf(text []byte) (float64, bool) {
	end := len(text)
	for end > 0 && !isDigit(text[end-1]) {
		end--
	}
	v, ok := number(text[:end])
	factor, known := map[string]float64{"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}[string(text[end:])]
	return v * factor, ok && known
}

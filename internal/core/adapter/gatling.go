package adapter

import (
	"bytes"

	"github.com/tachograph/tacho/internal/core/unit"
)

// Gatling's simulation.log, up to version 3.10 a text, has tab-separated records: "RUN	class	id	start		version", "REQUEST	groups	name	start	end	OK|KO	message", USER, GROUP and ERROR; times are milliseconds since 1970. Later versions write it in binary; their results are read from
// js/stats.json: {"name", "stats": {"meanResponseTime": {"total", "ok", "ko"}, …}, "contents": {…}}.
//
// Identity is the groups and the request's name. Each request that succeeded is a sample; the value is their median. Those that failed are counted, and a problem.
var gatlingTool = tool{
	name: "gatling", about: "Gatling, simulation.log (text) or js/stats.json", example: `tacho run --file target/gatling/run/simulation.log "mvn gatling:test"`,
	measures: []string{"Latency (ns, lower)", "Failed Requests (lower)", "Latency min, max, p50 … (ns, lower; stats.json)", "Throughput (ops/s, higher; stats.json)"}, samples: "each request, in simulation.log",
	signs:   []sign{{jsonForm, []string{"stats.numberOfRequests.total", "stats.meanResponseTime.ok", "contents"}, 100, `"stats" and "contents" of Gatling`}},
	needles: []string{"REQUEST\t"}, hit: func(line []byte) int {
		if _, _, _, ok := readGatling(line); ok {
			return 100
		}
		return 0
	}, trace: "records REQUEST of Gatling",
	parse: parseGatling, averages: []Average{AverageMean, AverageMedian},
}

// readGatling reads a record of a request.
func readGatling(line []byte) (name string, millis float64, failed []byte, ok bool) {
	fields := bytes.SplitN(line, []byte("\t"), 7)
	if len(fields) < 6 || string(fields[0]) != "REQUEST" {
		return "", 0, nil, false
	}
	begin, ok1 := number(fields[3])
	end, ok2 := number(fields[4])
	name = joinNames(" / ", string(bytes.ReplaceAll(fields[1], []byte(","), []byte(" / "))), string(fields[2]))
	switch string(fields[5]) {
	case "OK":
	case "KO":
		failed = []byte("KO")
		if len(fields) > 6 {
			failed = bytes.TrimSpace(fields[6])
		}
	default:
		return "", 0, nil, false
	}
	return name, end - begin, failed, ok1 && ok2 && end >= begin
}

func parseGatling(s *scanner, opts Options) (Results, error) {
	var g gathering
	if s.peek() == '{' {
		n := 0
		err := g.gatlingStats(s, "", &n, opts)
		return g.results(opts, `"stats" of Gatling, %d of them`, n), err
	}
	tally := newFailures()
	n := 0
	for line := range s.lines() {
		name, millis, failed, ok := readGatling(line)
		if !ok {
			continue
		}
		n++
		if failed != nil {
			tally.add(name, string(failed), s.lineNumber)
			continue
		}
		if err := g.value(name, unit.Latency, millis*1e6, s.lineNumber); err != nil {
			return Results{}, err
		}
	}
	if err := tally.report(&g); err != nil {
		return Results{}, err
	}
	return g.results(opts, "%d records REQUEST of Gatling", n), nil
}

// gatlingStats reads one node of stats.json and those below it.
func (g *gathering) gatlingStats(s *scanner, path string, n *int, opts Options) error {
	line, _ := s.position()
	var name, kind string
	values := map[string]opt{}
	children := path
	return firstError(s.members(func(key []byte) error {
		switch string(key) {
		case "type":
			return s.str(&kind)
		case "name":
			err := s.str(&name)
			if kind != "GROUP" || name != "All Requests" && name != "Global Information" {
				children = joinNames(" / ", path, name)
			}
			return err
		case "stats":
			return s.members(func(key []byte) error {
				what := string(key)
				return s.members(func(key []byte) error {
					var o opt
					err := s.opt(&o)
					values[what+"."+string(key)] = o
					return err
				})
			})
		case "contents":
			return s.members(func([]byte) error { return g.gatlingStats(s, children, n, opts) })
		}
		return s.skip()
	}), func() error {
		full := joinNames(" / ", path, name)
		if full == "" {
			return nil
		}
		*n++
		if ko := values["numberOfRequests.ko"]; ko.v > 0 {
			g.problem(full, line, "%v of %v requests failed", ko.v, values["numberOfRequests.total"].v)
		}
		central := "meanResponseTime.ok"
		if opts.Average == AverageMedian {
			central = "percentiles1.ok"
		}
		return g.optional(full, line, []optional{
			{unit.Latency, values[central].times(1e6)}, {latencyAt("min"), values["minResponseTime.ok"].times(1e6)}, {latencyAt("max"), values["maxResponseTime.ok"].times(1e6)},
			{latencyDeviation, values["standardDeviation.ok"].times(1e6)}, {unit.Throughput, values["meanNumberOfRequestsPerSecond.ok"]}, {requestsFailed, values["numberOfRequests.ko"]},
			{latencyAt("p50"), values["percentiles1.ok"].times(1e6)}, {latencyAt("p75"), values["percentiles2.ok"].times(1e6)},
			{latencyAt("p95"), values["percentiles3.ok"].times(1e6)}, {latencyAt("p99"), values["percentiles4.ok"].times(1e6)},
		})
	})
}

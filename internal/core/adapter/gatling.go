package adapter

import (
	"bytes"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/unit"
)

// Gatling's simulation.log, up to version 3.10 a text, has tab-separated records: "RUN	class	id	start		version",
// "REQUEST	groups	name	start	end	OK|KO	message", "GROUP	groups	start	end	cumulated	OK|KO", USER and "ERROR	message	time"; times are
// milliseconds since 1970. Before version 3.4 the user's number stands before the groups, in version 2 the scenario before that, and
// before 2.2 there are four times. Later versions write it in binary (gatlingbinary.go). At its end a run prints totals
// (gatlingconsole.go). The report has js/stats.json: {"name", "stats": {"meanResponseTime": {"total", "ok", "ko"}, …}, "contents":
// {…}}, and js/global_stats.json, which is "stats" alone with the name.
//
// Identity is the groups and the request's name. Each request that succeeded is a sample; the value is their median. Those that failed are
// counted, and a problem. A group has measures of its own: its duration, and the sum of its requests' times. Of stats.json the percentiles
// are those that Gatling is configured with, 50, 75, 95 and 99 if nobody changed them: it does not write which.
var gatlingTool = tool{
	name: "gatling", about: "Gatling, simulation.log, js/stats.json or the printed totals", example: `tacho run --file target/gatling/run/simulation.log "mvn gatling:test"`,
	measures: []string{"Latency (ns, lower)", "Failed Requests (lower)", "Group Duration, Group Response Time (ns, lower)", "Latency min, max, p50 … and deviation (ns, lower; stats.json, printed)", "Throughput (ops/s, higher; stats.json, printed)"}, samples: "each request and group, in simulation.log",
	signs: []sign{
		{jsonForm, []string{"stats.numberOfRequests.total", "stats.meanResponseTime.ok", "contents"}, 100, `"stats" and "contents" of Gatling`},
		{jsonForm, []string{"numberOfRequests.total", "meanResponseTime.ok", "percentiles1.ok"}, 100, `the global statistics of Gatling`},
	},
	needles: append([]string{"REQUEST\t", "> request count  "}, gatlingNeedles...), hit: hitGatling, trace: "records of Gatling",
	parse: parseGatling, averages: []Average{AverageMean, AverageMedian},
}

var (
	groupDuration = phase("Group Duration", "group-duration")
	groupResponse = phase("Group Response Time", "group-response-time")
)

// gatlingRecord is a record of a request or of a group.
type gatlingRecord struct {
	groups, name []byte
	group        bool
	millis, sum  float64 // the sum is a group's
	failed       bool
	message      []byte
}

// gatlingFields is one more than the longest record has.
const gatlingFields = 12

// readGatling reads a record of a request or a group, by its end: what stands before the name differs from version to version.
func readGatling(line []byte) (r gatlingRecord, ok bool) {
	what, rest, _ := bytes.Cut(line, []byte("\t"))
	if r.group = string(what) == "GROUP"; !r.group && string(what) != "REQUEST" {
		return r, false
	}
	var fields [gatlingFields][]byte
	n, status := 0, 0
	for n < gatlingFields && status == 0 {
		field, more, tab := bytes.Cut(rest, []byte("\t"))
		if fields[n] = field; n > 2 && (string(field) == "OK" || string(field) == "KO") {
			if before := fields[n-1]; len(before) > 0 && read.IsDigit(before[0]) { // a name may be OK
				status = n
			}
		}
		n++
		if rest = more; !tab {
			break
		}
	}
	times := 2 // before the status
	if r.group {
		times = 3
	}
	if status < times+1 && !(r.group && status == times) {
		return r, false
	}
	begin, ok1 := read.Number(fields[status-times])
	end, ok2 := read.Number(fields[status-times+1])
	at := status - times - 1 // the name, or the groups
	if early := status - 4; !r.group && early > 0 && begin > 1e11 {
		first, ok3 := read.Number(fields[early])
		second, ok4 := read.Number(fields[early+1])
		if ok3 && ok4 && first > 1e11 && second >= first && begin >= second { // begun to send, sent, begun to receive, received
			begin, at = first, early-1
		}
	}
	if at < 0 || !ok1 || !ok2 || end < begin || !read.Finite(end) {
		return r, false
	}
	r.millis = end - begin
	if r.group {
		if r.sum, ok = read.Number(fields[status-1]); !ok {
			return r, false
		}
		r.groups = fields[at]
	} else {
		r.name = fields[at]
		if at > 0 {
			r.groups = fields[at-1]
		}
	}
	if r.failed = string(fields[status]) == "KO"; r.failed {
		r.message, _, _ = bytes.Cut(rest, []byte("\t"))
		if r.message = bytes.TrimSpace(r.message); len(r.message) == 0 {
			r.message = fields[status]
		}
	}
	return r, true
}

// full is the benchmark's name.
func (r gatlingRecord) full() string {
	return joinNames(" / ", string(bytes.ReplaceAll(r.groups, []byte(","), []byte(" / "))), string(r.name))
}

func hitGatling(line []byte) int {
	if r, ok := readGatling(line); ok && !r.group {
		return 100
	}
	if bytes.HasPrefix(line, []byte("> request count ")) {
		return 90
	}
	if bytes.Contains(line, []byte("REQUEST\t")) || bytes.Contains(line, []byte("> request count")) {
		return 0
	}
	return 95 // a binary log has no lines, so only a part may be here of what has the needle
}

func parseGatling(s *read.Scanner, opts Options) (Results, error) {
	var g gathering
	if s.Ensure(1); read.HasPrefix(s.Window(), "\x00") {
		return gatlingBinaryLog(s, opts)
	}
	if s.Peek() == '{' {
		n := 0
		err := g.gatlingStats(s, "", &n, opts)
		if err != nil {
			return Results{}, err
		}
		return g.results(opts, `"stats" of Gatling, %d of them`, n)
	}
	log := newRequestLog(unit.Latency, groupDuration, groupResponse)
	var key []byte
	var console gatlingConsole
	totals := 0
	for line := range s.Lines() {
		if b, ok := banner(line); ok || bytes.HasPrefix(line, []byte("---- Global Information ")) {
			console.flush(&g, opts)
			if ok {
				console.title = b
			}
			continue
		}
		if len(line) > 0 && line[0] == '>' {
			if console.read(line, s.Line()) {
				totals++
			}
			continue
		}
		if len(line) == 0 || line[0] != 'R' && line[0] != 'G' && line[0] != 'E' {
			continue
		}
		if rest, ok := bytes.CutPrefix(line, []byte("ERROR\t")); ok {
			if message, at, ok := bytes.Cut(rest, []byte("\t")); ok && oneNumber(bytes.TrimSpace(at)) {
				g.problem("", s.Line(), "%s", message)
			}
			continue
		}
		record, ok := readGatling(line)
		if !ok {
			continue
		}
		key = append(append(append(key[:0], record.groups...), '\t'), record.name...)
		r, err := log.row(key, record.full)
		if err != nil {
			return Results{}, err
		}
		switch {
		case record.group && !record.failed:
			r.take(read.Opt{}, read.Opt{Value: record.millis * 1e6, OK: true}, read.Opt{Value: record.sum * 1e6, OK: true})
		case record.group: // one of its requests failed, and is counted
		case record.failed:
			log.n++
			r.fail(record.message, s.Line())
		default:
			log.n++
			r.take(read.Opt{Value: record.millis * 1e6, OK: true})
		}
	}
	console.flush(&g, opts)
	if log.n == 0 && totals > 0 {
		return g.results(opts, "%d rows of what Gatling prints", totals)
	}
	log.report(&g, opts)
	return g.results(opts, "%d records REQUEST of Gatling", log.n)
}

// gatlingValues bounds the values of a node, of which there are some forty.
const gatlingValues = 1_000

// gatlingStats reads one node of stats.json and those below it.
func (g *gathering) gatlingStats(s *read.Scanner, path string, n *int, opts Options) error {
	line, _ := s.Position()
	var name, kind string
	values := map[string]read.Opt{}
	value := func(key []byte) error {
		what := string(key)
		return s.Members(func(key []byte) error {
			var o read.Opt
			err := s.Opt(&o)
			if len(values) < gatlingValues {
				values[what+"."+string(key)] = o
			}
			return err
		})
	}
	children := path
	return firstError(s.Members(func(key []byte) error {
		switch string(key) {
		case "type":
			return s.Str(&kind)
		case "name":
			err := s.Str(&name)
			if kind != "GROUP" || name != "All Requests" && name != "Global Information" {
				children = joinNames(" / ", path, name)
			}
			return err
		case "stats":
			return s.Members(value)
		case "contents":
			return s.Members(func([]byte) error { return g.gatlingStats(s, children, n, opts) })
		}
		return value(key) // as in global_stats.json
	}), func() error {
		full := joinNames(" / ", path, name)
		if full == "" {
			return nil
		}
		*n++
		if ko := values["numberOfRequests.ko"]; ko.Value > 0 {
			g.problem(full, line, "%v of %v requests failed", ko.Value, values["numberOfRequests.total"].Value)
		}
		if ok := values["numberOfRequests.ok"]; ok.OK && ok.Value == 0 { // the zeros beside it are no times
			g.optional(full, line, []optional{{requestsFailed, values["numberOfRequests.ko"]}})
			return nil
		}
		central := "meanResponseTime.ok"
		if opts.Average == AverageMedian {
			central = "percentiles1.ok"
		}
		g.optional(full, line, []optional{
			{unit.Latency, values[central].Times(1e6)}, {latencyAt("min"), values["minResponseTime.ok"].Times(1e6)},
			{latencyAt("max"), values["maxResponseTime.ok"].Times(1e6)},
			{latencyDeviation, values["standardDeviation.ok"].Times(1e6)},
			{unit.Throughput, values["meanNumberOfRequestsPerSecond.ok"]}, {requestsFailed, values["numberOfRequests.ko"]},
			{latencyAt("p50"), values["percentiles1.ok"].Times(1e6)}, {latencyAt("p75"), values["percentiles2.ok"].Times(1e6)},
			{latencyAt("p95"), values["percentiles3.ok"].Times(1e6)}, {latencyAt("p99"), values["percentiles4.ok"].Times(1e6)},
		})
		return nil
	})
}

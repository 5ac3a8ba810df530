package adapter

import (
	"bytes"
	"slices"
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/unit"
)

// vegeta report prints rows "Latencies     [min, mean, 50, 90, 95, 99, max]  161.683µs, …", and below "Error Set:" a line for each
// error; with -type=json an object {"latencies": {"mean", "50th", …}, "requests", "rate", "throughput", "success", "status_codes",
// "errors"}, times in nanoseconds. With -every it prints reports one after the other. Requests as vegeta encode writes them, and plots,
// are read too (vegetaencode.go).
//
// vegeta does not print what it attacked, so the name is "vegeta", or that of a banner line "=== name ==="; reports of one name are
// numbered, as nothing says that they are of one target; those of a banner that comes again are samples. The value of latency is the
// mean, or the median. Requests with a status that is no success are a metric and a problem,
// with the ratio of failures and the errors beside it; their times are among the others. A report of no request prints zeros, which are no
// times.
var vegetaTool = tool{
	name: "vegeta", about: "vegeta report, text, -type=json or hdrplot; vegeta encode, JSON or CSV", example: `tacho run "echo GET http://localhost:8080/ | vegeta attack -duration 10s | vegeta report"`,
	measures: []string{"Latency (ns, lower)", "Latency min, max, p50 … p99 (ns, lower)", "Throughput (ops/s, higher)", "Failed Requests (lower)", "Failure Ratio (%, lower)", "Requests", "Response Size, Request Size (B)"},
	samples:  "each request, of vegeta encode",
	signs: []sign{
		{jsonForm, []string{"latencies.mean", "bytes_in.total", "status_codes"}, 100, `"latencies", "bytes_in" and "status_codes" of vegeta`},
		{jsonForm, []string{"attack", "seq", "code", "latency", "bytes_in", "bytes_out"}, 100, `"attack", "seq" and "latency" of vegeta encode`},
	},
	needles: []string{"Latencies     [", "Value(ms)  Percentile  TotalCount"}, hit: hitVegeta, trace: `a line "Latencies [min, mean, …]", or the header of a plot`,
	parse: parseVegeta, averages: []Average{AverageMean, AverageMedian},
}

var requestSize = &unit.Measure{Name: "Request Size", Slug: "request-size", Units: unit.Bytes, Direction: unit.Unknown}

// vegetaReport is one report.
type vegetaReport struct {
	name                                   string
	line                                   int
	latencies                              []optional
	requests, throughput, success, in, out read.Opt
	failed                                 read.Opt
	statuses                               []string // those that are no success
	errors                                 []string
	listing                                bool // of errors
}

// vegetaErrors bounds the errors, statuses and latencies of a report.
const vegetaErrors = 100

func hitVegeta(line []byte) int {
	if bytes.HasPrefix(line, []byte("Value(ms)")) {
		return 90 // others could print such a plot
	}
	return 100
}

func parseVegeta(s *read.Scanner, opts Options) (Results, error) {
	var g gathering
	if s.Peek() == '{' {
		if encodedVegeta(s) {
			return vegetaEncodedJSON(s, opts)
		}
		n := 0
		for s.Peek() == '{' {
			n++
			line, _ := s.Position()
			r := vegetaReport{name: g.again("vegeta"), line: line}
			if err := r.json(s); err != nil && n > 1 {
				break // what follows the reports is for others to judge
			} else if err != nil {
				return Results{}, err
			}
			r.center(opts.Average)
			r.add(&g)
		}
		return g.results(opts, `"latencies" of vegeta, %d reports`, n)
	}
	n, name, plotted, plot := 0, "vegeta", "", false // plotted: the name of the plot
	log := newVegetaLog()
	var r vegetaReport
	flush := func() {
		last := r
		r = vegetaReport{}
		if last.name == "" {
			return
		}
		n++
		last.center(opts.Average)
		last.add(&g)
	}
	for line := range s.Lines() {
		b, isBanner := banner(line)
		if isBanner {
			name = b
			g.named()
		}
		label, keys, values, isRow := vegetaRow(line)
		if isBanner || isRow && label == "Requests" {
			flush()
		}
		switch {
		case isBanner:
			plot = false
		case bytes.HasPrefix(line, []byte("Value(ms) ")):
			plot = true
			plotted = g.again(name)
			n++
		case plot:
			point, nanos, count, ok := vegetaPlotRow(line)
			if plot = ok; point == "" || count == 0 && point != "max" {
				break
			}
			g.value(plotted, latencyAt(point), nanos, s.Line())
			if point != "max" {
				break
			}
			g.value(plotted, requests, count, s.Line())
		case isRow && r.name == "":
			if label == "Requests" || label == "Latencies" { // the first row, and that by which a report is known
				r = vegetaReport{name: g.again(name), line: s.Line()}
				r.row(label, keys, values)
			}
		case isRow:
			r.row(label, keys, values)
		case bytes.HasPrefix(line, []byte("Error Set:")):
			r.listing = true
		case len(bytes.TrimSpace(line)) == 0:
			r.listing = false
		case r.listing && len(r.errors) < vegetaErrors:
			r.errors = append(r.errors, string(line))
		default:
			if v, ok := vegetaCSVRow(line); ok {
				if err := v.add(log, &g, s.Line()); err != nil {
					return Results{}, err
				}
			}
		}
	}
	flush()
	log.report(&g, opts)
	if log.n > 0 {
		return g.results(opts, "%d requests of vegeta", log.n)
	}
	return g.results(opts, "%d reports of vegeta", n)
}

// center puts the median in the place of the mean, if it is asked for.
func (r *vegetaReport) center(average Average) {
	at := slices.IndexFunc(r.latencies, func(o optional) bool { return o.measure == unit.Latency })
	median := slices.IndexFunc(r.latencies, func(o optional) bool { return o.measure == latencyAt("p50") })
	if average == AverageMedian && at >= 0 && median >= 0 && r.latencies[median].value.OK {
		r.latencies[at].value = r.latencies[median].value
	}
}

// encodedVegeta reports whether what begins here is a request of vegeta encode and no report.
func encodedVegeta(s *read.Scanner) bool {
	s.Ensure(vegetaBegins)
	window := s.Window()
	line, _, _ := bytes.Cut(window[:min(len(window), vegetaBegins)], []byte("\n"))
	return bytes.Contains(line, []byte(`"latency"`)) && !bytes.Contains(line, []byte(`"latencies"`))
}

// vegetaBegins is how far the member "latency" stands in a request: before its body.
const vegetaBegins = 1024

// vegetaRow reads "Label  [a, b]  1, 2".
func vegetaRow(line []byte) (label string, keys, values []string, ok bool) {
	if len(line) == 0 || line[0] < 'A' || line[0] > 'Z' {
		return "", nil, nil, false
	}
	before, rest, ok := bytes.Cut(line, []byte(" ["))
	if !ok {
		return "", nil, nil, false
	}
	switch label = string(bytes.TrimSpace(before)); label {
	case "Requests", "Duration", "Latencies", "Bytes In", "Bytes Out", "Success", "Status Codes":
	default:
		return "", nil, nil, false
	}
	inside, rest, ok := bytes.Cut(rest, []byte("]"))
	text := strings.TrimSpace(string(rest))
	if label == "Status Codes" { // "0:3  200:497"
		return label, nil, strings.Fields(text), ok
	}
	return label, strings.Split(string(inside), ", "), strings.Split(text, ", "), ok
}

func (r *vegetaReport) row(label string, keys, values []string) {
	if label == "Status Codes" {
		r.failed.OK = true
		for _, v := range values {
			code, count, _ := strings.Cut(v, ":")
			r.status(code, firstNumber([]byte(count)))
		}
		return
	}
	for i, key := range keys[:min(len(keys), len(values))] {
		text := []byte(values[i])
		switch label + " " + key {
		case "Requests total":
			r.requests = firstNumber(text)
		case "Requests throughput":
			r.throughput = firstNumber(text)
		case "Bytes In mean":
			r.in = firstNumber(text)
		case "Bytes Out mean":
			r.out = firstNumber(text)
		case "Success ratio":
			r.success = firstNumber(text).Times(0.01)
		default:
			if label == "Latencies" {
				v, ok := nanoseconds(text)
				r.latency(key, read.Opt{Value: v, OK: ok})
			}
		}
	}
}

func (r *vegetaReport) latency(key string, v read.Opt) {
	var m *unit.Measure
	switch point := strings.TrimSuffix(key, "th"); point {
	case "mean":
		m = unit.Latency
	case "min", "max":
		m = latencyAt(point)
	case "total":
		return
	default:
		m = latencyAt("p" + point)
	}
	if len(r.latencies) < vegetaErrors {
		r.latencies = append(r.latencies, optional{m, v})
	}
}

// status takes how many requests had a status; 0 is that there was no answer.
func (r *vegetaReport) status(code string, count read.Opt) {
	r.failed.OK = true
	if len(code) == 3 && (code[0] == '2' || code[0] == '3') || !count.OK {
		return
	}
	r.failed.Value += count.Value
	if len(r.statuses) < vegetaErrors {
		r.statuses = append(r.statuses, code+": "+shortFloat(count.Value))
	}
}

func (r *vegetaReport) json(s *read.Scanner) error {
	mean := func(to *read.Opt) error {
		return s.Members(func(key []byte) error {
			if string(key) == "mean" {
				return s.Opt(to)
			}
			return s.Skip()
		})
	}
	return s.Object(func(key []byte) error {
		switch string(key) {
		case "latencies":
			return s.Members(func(key []byte) error {
				name := s.Keep(key)
				var v read.Opt
				err := s.Opt(&v)
				r.latency(name, v)
				return err
			})
		case "requests":
			return s.Opt(&r.requests)
		case "throughput":
			return s.Opt(&r.throughput)
		case "success":
			return s.Opt(&r.success)
		case "bytes_in":
			return mean(&r.in)
		case "bytes_out":
			return mean(&r.out)
		case "status_codes":
			return s.Members(func(key []byte) error {
				code := s.Keep(key)
				var count read.Opt
				err := s.Opt(&count)
				r.status(code, count)
				return err
			})
		case "errors":
			return s.Each(func() error {
				var text string
				err := s.Str(&text)
				if len(r.errors) < vegetaErrors {
					r.errors = append(r.errors, text)
				}
				return err
			})
		}
		return s.Skip()
	})
}

func (r *vegetaReport) add(g *gathering) {
	switch {
	case r.failed.Value > 0:
		g.problem(r.name, r.line, "requests failed, by status: %s", strings.Join(r.statuses, ", "))
	case r.success.OK && r.success.Value < 1:
		g.problem(r.name, r.line, "only %s%% of the requests succeeded", shortFloat(r.success.Value*100))
	}
	for _, e := range r.errors {
		g.problem(r.name, r.line, "%s", e)
	}
	if r.requests.OK && r.requests.Value == 0 {
		g.problem(r.name, r.line, "there was not a single request")
		return
	}
	g.optional(r.name, r.line, r.latencies)
	g.optional(r.name, r.line, []optional{
		{unit.Throughput, r.throughput}, {requests, r.requests}, {requestsFailed, r.failed}, {failureRatio, r.failures()},
		{responseSize, r.in}, {requestSize, read.Opt{Value: r.out.Value, OK: r.out.OK && r.out.Value > 0}},
	})
}

// failures is the ratio of failures in percent: of the counts, which have all digits, or what success leaves.
func (r *vegetaReport) failures() read.Opt {
	if r.failed.OK && r.requests.Value > 0 {
		return read.Opt{Value: r.failed.Value / r.requests.Value * 100, OK: true}
	}
	return read.Opt{Value: (1 - r.success.Value) * 100, OK: r.success.OK}
}

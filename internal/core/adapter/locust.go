package adapter

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/unit"
)

// locust --csv PREFIX writes PREFIX_stats.csv: a row for each request and one "Aggregated", with counts, median, average, least and
// largest time in milliseconds, rates and percentiles. PREFIX_stats_history.csv has a row for each interval, with totals so far in columns
// that begin "Total"; its percentiles are of the last ten seconds. --json prints a list of requests with their histogram of whole
// milliseconds. PREFIX_failures.csv and PREFIX_exceptions.csv have no times.
//
// Identity is the request's type and name, "GET /". The value of latency is the average, or the median. Requests that failed are a metric
// and a problem: their times are among the others. Of the history the last row of each name counts; its rates are moving averages that
// begin at zero, so the rate is that of the totals between the first row and the last. Of the histogram percentiles are taken as locust
// takes them.
var locustTool = tool{
	name: "locust", about: "locust --csv, the file _stats.csv or _stats_history.csv, or --json", example: `tacho run --file run_stats.csv "locust --headless -u 10 -t 30s --csv run"`,
	measures: []string{"Latency (ns, lower)", "Latency min, max, p50 … p99.99 (ns, lower)", "Throughput (ops/s, higher)", "Failed Requests (lower)", "Requests", "Response Size (B)"},
	signs: []sign{
		{csvForm, []string{"Type", "Name", "Request Count", "Failure Count", "Average Response Time"}, 100, "the columns of locust"},
		{csvForm, []string{"Type", "Name", "Total Request Count", "Total Average Response Time"}, 100, "the columns of locust's history"},
		{csvForm, []string{"Method", "Name", "Error", "Occurrences"}, 100, "the columns of locust's failures"},
		{csvForm, []string{"Count", "Message", "Traceback", "Nodes"}, 100, "the columns of locust's exceptions"},
		{jsonForm, []string{"[].num_requests", "[].num_none_requests", "[].response_times", "[].total_response_time"}, 100, `"num_requests" and "response_times" of locust`},
	},
	parse: parseLocust, averages: []Average{AverageMean, AverageMedian},
}

func parseLocust(s *read.Scanner, opts Options) (Results, error) {
	if c := s.Peek(); c == '[' {
		return locustJSON(s, opts)
	}
	t := locustTable(s)
	switch {
	case t == nil:
		return Results{}, s.Fail("locust: there is no table with Name, Request Count and Average Response Time")
	case t.Column("Request Count") >= 0:
	case t.Column("Total Request Count") >= 0:
		return locustHistory(t, opts)
	default:
		return Results{}, s.Fail("locust: this is its file of failures or exceptions, which has no times; want the file that ends in _stats.csv")
	}
	var g gathering
	n := 0
	values := make([]optional, 0, 24)
	for t.Next() {
		n++
		name := joinNames(" ", t.Scanner.Keep(t.Field(t.Column("Type"))), t.Scanner.Keep(t.Field(t.Column("Name"))))
		count := firstNumber(t.Field(t.Column("Request Count")))
		failed := firstNumber(t.Field(t.Column("Failure Count")))
		if failed.Value > 0 {
			g.problem(name, t.Line, "%v of %v requests failed", failed.Value, count.Value)
		}
		if count.Value == 0 {
			g.problem(name, t.Line, "there was not a single request")
			continue
		}
		central := "Average Response Time"
		if opts.Average == AverageMedian {
			central = "Median Response Time"
		}
		values = append(values[:0], []optional{
			{unit.Latency, firstNumber(t.Field(t.Column(central))).Times(1e6)},
			{latencyAt("min"), firstNumber(t.Field(t.Column("Min Response Time"))).Times(1e6)},
			{latencyAt("max"), firstNumber(t.Field(t.Column("Max Response Time"))).Times(1e6)},
			{unit.Throughput, firstNumber(t.Field(t.Column("Requests/s")))}, {requests, count}, {requestsFailed, failed},
			{responseSize, firstNumber(t.Field(t.Column("Average Content Size")))},
		}...)
		for i, c := range t.Columns {
			if p, ok := strings.CutSuffix(c, "%"); ok && p != "100" {
				values = append(values, optional{percentileOf(p), firstNumber(t.Field(i)).Times(1e6)})
			}
		}
		g.optional(g.again(name), t.Line, values)
	}
	return g.results(opts, "%d rows of locust", n)
}

// locustTable is the first of locust's tables; nil if the text has none.
func locustTable(s *read.Scanner) *read.Table {
	for {
		t := s.Table()
		if t == nil {
			return nil
		}
		for _, columns := range [][]string{{"Name", "Request Count", "Average Response Time"}, {"Name", "Total Request Count", "Total Average Response Time"}, {"Name", "Error", "Occurrences"}, {"Count", "Message", "Traceback"}} {
			if !slices.ContainsFunc(columns, func(c string) bool { return t.Column(c) < 0 }) {
				return t
			}
		}
	}
}

// locustLast is the last row of a name in the history, or a request of --json.
type locustLast struct {
	name                                        string
	count, failed, average, median, least, most read.Opt
	size, rate                                  read.Opt
	begun, first                                read.Opt // the time of the first row and its count
	line                                        int
}

// locustHistory reads the rows of intervals.
func locustHistory(t *read.Table, opts Options) (Results, error) {
	var order []*locustLast
	byName := map[string]*locustLast{}
	n := 0
	for t.Next() {
		n++
		name := joinNames(" ", t.Scanner.Keep(t.Field(t.Column("Type"))), t.Scanner.Keep(t.Field(t.Column("Name"))))
		last := byName[name]
		if last == nil {
			last = &locustLast{name: name}
			byName[name] = last
			if order = append(order, last); len(order) > limits.BenchmarksPerIteration {
				return Results{}, tooManyBenchmarks()
			}
		}
		total := func(column string) read.Opt { return firstNumber(t.Field(t.Column("Total " + column))) }
		last.line, last.count, last.failed = t.Line, total("Request Count"), total("Failure Count")
		last.average, last.median, last.least, last.most = total("Average Response Time"), total("Median Response Time"), total("Min Response Time"), total("Max Response Time")
		last.size = total("Average Content Size")
		switch now := firstNumber(t.Field(t.Column("Timestamp"))); {
		case !last.begun.OK:
			last.begun, last.first = now, last.count
		case now.Value > last.begun.Value:
			last.rate = read.Opt{Value: (last.count.Value - last.first.Value) / (now.Value - last.begun.Value),
				OK: last.count.Value >= last.first.Value}
		}
	}
	var g gathering
	for _, last := range order {
		last.add(&g, opts, nil)
	}
	return g.results(opts, "%d rows of locust's history", n)
}

// add adds the totals of a name, and points of the distribution of its times.
func (last *locustLast) add(g *gathering, opts Options, points []optional) {
	if last.failed.Value > 0 {
		g.problem(last.name, last.line, "%v of %v requests failed", last.failed.Value, last.count.Value)
	}
	if last.count.Value == 0 {
		g.problem(last.name, last.line, "there was not a single request")
		return
	}
	central := last.average
	if opts.Average == AverageMedian {
		central = last.median
	}
	g.optional(last.name, last.line, append([]optional{
		{unit.Latency, central.Times(1e6)}, {latencyAt("min"), last.least.Times(1e6)}, {latencyAt("max"), last.most.Times(1e6)},
		{unit.Throughput, last.rate}, {requests, last.count}, {requestsFailed, last.failed}, {responseSize, last.size},
	}, points...))
}

// locustJSON reads what --json prints.
func locustJSON(s *read.Scanner, opts Options) (Results, error) {
	var g gathering
	type entry struct {
		locustLast
		begin, end read.Opt
		times      []locustCount
	}
	var entries []entry
	err := s.Array(func() error {
		if s.Peek() != '{' {
			return s.Skip()
		}
		var e entry
		var name, method string
		var none, total, length read.Opt
		e.line, _ = s.Position()
		err := s.Object(func(key []byte) error {
			switch string(key) {
			case "name":
				return s.Str(&name)
			case "method":
				return s.Str(&method)
			case "num_requests":
				return s.Opt(&e.count)
			case "num_none_requests":
				return s.Opt(&none)
			case "num_failures":
				return s.Opt(&e.failed)
			case "total_response_time":
				return s.Opt(&total)
			case "total_content_length":
				return s.Opt(&length)
			case "min_response_time":
				return s.Opt(&e.least)
			case "max_response_time":
				return s.Opt(&e.most)
			case "start_time":
				return s.Opt(&e.begin)
			case "last_request_timestamp":
				return s.Opt(&e.end)
			case "response_times":
				return s.Members(func(key []byte) error {
					millis, ok := read.Number(key)
					var n read.Opt
					if err := s.Opt(&n); err != nil || !ok || !n.OK || !read.Finite(millis) {
						return err
					}
					e.times = append(e.times, locustCount{millis, n.Value})
					return read.TooMany(len(e.times))
				})
			}
			return s.Skip()
		})
		e.name = joinNames(" ", method, name)
		if timed := e.count.Value - none.Value; timed > 0 {
			e.average = total.Times(1 / timed)
		}
		if e.count.Value > 0 {
			e.size = length.Times(1 / e.count.Value)
		}
		entries = append(entries, e)
		return firstError(err, func() error { return tooManyRuns(len(entries)) })
	})
	if err != nil {
		return Results{}, err
	}
	begin, end := read.Opt{}, read.Opt{} // of the run
	for _, e := range entries {
		if e.begin.OK && (!begin.OK || e.begin.Value < begin.Value) {
			begin = e.begin
		}
		if e.end.OK && (!end.OK || e.end.Value > end.Value) {
			end = e.end
		}
	}
	for _, e := range entries {
		e.median = locustPercentile(e.times, e.count.Value, 0.5)
		if begin.OK && end.OK {
			e.rate = read.Opt{Value: e.count.Value / max(1, end.Value-begin.Value), OK: true}
		}
		points := make([]optional, len(locustPoints))
		for i, p := range locustPoints {
			points[i] = optional{locustMeasures[i], locustPercentile(e.times, e.count.Value, p/100).Times(1e6)}
		}
		e.add(&g, opts, points)
	}
	return g.results(opts, "%d requests of locust", len(entries))
}

// locustPoints are the percentiles that are made of the counts, and locustMeasures what they are.
var (
	locustPoints   = []float64{50, 66, 75, 80, 90, 95, 98, 99, 99.9, 99.99}
	locustMeasures = func() (out []*unit.Measure) {
		for _, p := range locustPoints {
			out = append(out, latencyAt("p"+shortFloat(p)))
		}
		return out
	}()
)

// locustCount is how many requests took so many milliseconds.
type locustCount struct{ millis, n float64 }

// locustPercentile is the time that a part of the requests did not exceed: the largest with as many above it.
func locustPercentile(times []locustCount, count, part float64) read.Opt {
	slices.SortFunc(times, func(a, b locustCount) int { return cmp.Compare(b.millis, a.millis) })
	seen, want := 0.0, math.Trunc(count*part)
	for _, t := range times {
		if seen += t.n; count-seen <= want {
			return read.Opt{Value: t.millis, OK: true}
		}
	}
	return read.Opt{}
}

package adapter

import (
	"strings"

	"github.com/tachograph/tacho/internal/core/unit"
)

// locust --csv PREFIX writes PREFIX_stats.csv: a row for each request and one "Aggregated", with counts, median, average, least and largest time in milliseconds, rates and percentiles.
//
// Identity is the request's type and name, "GET /". The value of latency is the average, or the median. Requests that failed are a metric and a problem: their times are among the others.
var locustTool = tool{
	name: "locust", about: "locust --csv, the file _stats.csv", example: `tacho run --file run_stats.csv "locust --headless -u 10 -t 30s --csv run"`,
	measures: []string{"Latency (ns, lower)", "Latency min, max, p50 … p99.99 (ns, lower)", "Throughput (ops/s, higher)", "Failed Requests (lower)", "Requests", "Response Size (B)"},
	signs:    []sign{{csvForm, []string{"Type", "Name", "Request Count", "Failure Count", "Average Response Time"}, 100, "the columns of locust"}},
	parse:    parseLocust, averages: []Average{AverageMean, AverageMedian},
}

func parseLocust(s *scanner, opts Options) (Results, error) {
	t := s.newTable("Name", "Request Count", "Average Response Time")
	if t == nil {
		return Results{}, s.fail("locust: there is no table with Name, Request Count and Average Response Time")
	}
	var g gathering
	n := 0
	for t.next() {
		n++
		name := joinNames(" ", string(t.field(t.column("Type"))), string(t.field(t.column("Name"))))
		count := firstNumber(t.field(t.column("Request Count")))
		failed := firstNumber(t.field(t.column("Failure Count")))
		if failed.v > 0 {
			g.problem(name, t.line, "%v of %v requests failed", failed.v, count.v)
		}
		if count.v == 0 {
			g.problem(name, t.line, "there was not a single request")
			continue
		}
		central := "Average Response Time"
		if opts.Average == AverageMedian {
			central = "Median Response Time"
		}
		values := []optional{
			{unit.Latency, firstNumber(t.field(t.column(central))).times(1e6)},
			{latencyAt("min"), firstNumber(t.field(t.column("Min Response Time"))).times(1e6)}, {latencyAt("max"), firstNumber(t.field(t.column("Max Response Time"))).times(1e6)},
			{unit.Throughput, firstNumber(t.field(t.column("Requests/s")))}, {requests, count}, {requestsFailed, failed}, {responseSize, firstNumber(t.field(t.column("Average Content Size")))},
		}
		for i, c := range t.columns {
			if p, ok := strings.CutSuffix(c, "%"); ok && p != "100" {
				values = append(values, optional{latencyAt("p" + p), firstNumber(t.field(i)).times(1e6)})
			}
		}
		if err := g.optional(name, t.line, values); err != nil {
			return Results{}, err
		}
	}
	return g.results(opts, "%d rows of locust", n), nil
}

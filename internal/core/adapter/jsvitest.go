package adapter

// vitest bench --outputJson writes {"files": [{"filepath", "groups": [{"fullName", "benchmarks": [{"name", "rank", "rme", "samples", "hz", "mean", "sd", "median",
// "min", "max", "p75", "p99", "p995", "p999"}]}]}]}; times are milliseconds, and "samples" is empty unless they are asked for.
//
// Identity is the group's full name, which begins with the file, and the benchmark's. The value of latency is the mean and its standard deviation, or the
// median between least and largest; of throughput hz with its margin of error.
//
// Unlike Bencher, percentiles and samples are kept.
var jsVitestTool = tool{
	name: "js_vitest", about: "vitest bench --outputJson", example: `tacho run --file bench.json "npx vitest bench --run --outputJson bench.json"`,
	measures: []string{"Latency (ns, lower)", "Throughput (ops/s, higher)", "Latency min, max, p75, p99, p99.5, p99.9 (ns, lower)"},
	samples:  "each call, with benchmark.includeSamples",
	signs:    []sign{{jsonForm, []string{"files[].groups[].benchmarks[].hz"}, 100, `"files", "groups" and "benchmarks" with "hz"`}},
	parse:    parseVitest, averages: []Average{AverageMean, AverageMedian},
}

func parseVitest(s *scanner, opts Options) (Results, error) {
	var g gathering
	n := 0
	group := func() error {
		var full string
		return s.members(func(key []byte) error {
			switch string(key) {
			case "fullName":
				return s.str(&full)
			case "benchmarks":
				return s.each(func() error {
					n++
					line, _ := s.position()
					var name string
					var t timing
					if err := s.members(func(key []byte) error {
						if string(key) == "name" {
							return s.str(&name)
						}
						return t.member(s, key)
					}); err != nil {
						return err
					}
					return t.add(&g, joinNames(" > ", full, name), 1e6, opts.Average, line)
				})
			}
			return s.skip()
		})
	}
	err := s.object(func(key []byte) error {
		if string(key) != "files" {
			return s.skip()
		}
		return s.each(func() error {
			return s.members(func(key []byte) error {
				if string(key) == "groups" {
					return s.each(group)
				}
				return s.skip()
			})
		})
	})
	if err != nil {
		return Results{}, err
	}
	return g.results(opts, `"files" and "groups" with %d "benchmarks"`, n), nil
}

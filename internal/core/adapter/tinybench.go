package adapter

// tinybench gives its results to the script, which writes them as JSON: a list of {"name", "result": {…}}, or the results with their names in them. Version 2
// has flat statistics in milliseconds, later ones nest them under "latency" and "throughput". Both are read, at the top or in a member of an object around.
//
// Identity is the task's name. Each call is a sample where "samples" was kept. A task that failed has an "error" or the state "errored".
var tinybenchTool = tool{
	name: "tinybench", about: "tinybench results as JSON", example: `tacho run "node bench.mjs"  # console.log(JSON.stringify(bench.tasks.map(t => ({name: t.name, result: t.result}))))`,
	measures: []string{"Latency (ns, lower)", "Throughput (ops/s, higher)", "Latency min, max, p50 … p99.9 (ns, lower)"},
	samples:  "each call, where the script kept them",
	signs: []sign{
		{jsonForm, []string{"[].result.latency.mean", "[].result.throughput.mean"}, 95, `"result" with "latency" and "throughput"`},
		{jsonForm, []string{"*[].result.latency.mean", "*[].result.throughput.mean"}, 95, `"result" with "latency" and "throughput"`},
		{jsonForm, []string{"*[].latency.mean", "*[].throughput.mean", "*[].name"}, 90, `"latency" and "throughput" of named tasks`},
		{jsonForm, []string{"*[].result.hz", "*[].result.period", "*[].result.rme"}, 90, `"result" with "hz", "period" and "rme"`},
		{jsonForm, []string{"*[].hz", "*[].period", "*[].rme", "*[].name"}, 80, `"hz", "period" and "rme" of named tasks`},
	},
	parse: parseTinybench, averages: []Average{AverageMean, AverageMedian},
}

// tinyTask is one task.
type tinyTask struct {
	name, state, failed string
	flat, latency       timing
	throughput          timing
}

func parseTinybench(s *scanner, opts Options) (Results, error) {
	var g gathering
	n := 0
	err := s.records(func(line int) error {
		n++
		var t tinyTask
		if err := s.object(func(key []byte) error { return t.member(s, key) }); err != nil {
			return err
		}
		return t.add(&g, opts, line)
	})
	if err != nil {
		return Results{}, err
	}
	return g.results(opts, `statistics of %d tasks with "latency" and "throughput", or "hz"`, n), nil
}

func (t *tinyTask) member(s *scanner, key []byte) error {
	switch string(key) {
	case "name":
		return s.str(&t.name)
	case "state":
		return s.str(&t.state)
	case "result":
		return s.members(func(key []byte) error { return t.member(s, key) })
	case "error":
		if s.peek() != '{' {
			return s.str(&t.failed)
		}
		t.failed = "an error"
		return s.members(func(key []byte) error {
			if string(key) == "message" {
				return s.str(&t.failed)
			}
			return s.skip()
		})
	case "latency":
		return s.members(func(key []byte) error { return t.latency.member(s, key) })
	case "throughput":
		return s.members(func(key []byte) error { return t.throughput.member(s, key) })
	}
	return t.flat.member(s, key)
}

func (t *tinyTask) add(g *gathering, opts Options, line int) error {
	name := oneLine(t.name)
	switch {
	case t.failed != "":
		g.problem(name, line, "it failed: %s", t.failed)
		return nil
	case t.state == "errored" || t.state == "aborted":
		g.problem(name, line, "its state is %q", t.state)
		return nil
	}
	stats := t.flat
	if t.latency.mean.ok {
		stats = t.latency
		stats.hz, stats.rme = t.throughput.mean, t.throughput.rme
	}
	return stats.add(g, name, 1e6, opts.Average, line)
}

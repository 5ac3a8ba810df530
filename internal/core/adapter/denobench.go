package adapter

import "path"

// deno bench --json writes {"version", "runtime", "cpu", "benches": [{"origin", "group", "name", "baseline", "results": [{"ok": {"n", "min", "max", "avg", "p75", "p99",
// "p995", "p999"}} or {"failed": …}]}]}; times are nanoseconds.
//
// Identity is the file's name, the group and the name. The value is the average; deno prints no samples.
var denoBenchTool = tool{
	name: "deno_bench", about: "deno bench --json", example: `tacho run "deno bench --json"`,
	measures: []string{"Latency (ns, lower)", "Latency min, max, p75, p99, p99.5, p99.9 (ns, lower)"},
	signs:    []sign{{jsonForm, []string{"runtime", "benches[].origin", "benches[].name"}, 100, `"benches" with "origin"`}},
	parse:    parseDeno,
}

func parseDeno(s *scanner, opts Options) (Results, error) {
	var g gathering
	n := 0
	bench := func() error {
		n++
		line, _ := s.position()
		var origin, group, name string
		var timings []timing
		failed := ""
		if err := s.members(func(key []byte) error {
			switch string(key) {
			case "origin":
				return s.str(&origin)
			case "group":
				return s.str(&group)
			case "name":
				return s.str(&name)
			case "results":
				return s.each(func() error {
					return s.members(func(key []byte) error {
						switch string(key) {
						case "ok":
							var t timing
							err := s.members(func(key []byte) error { return t.member(s, key) })
							timings = append(timings, t)
							return err
						case "failed":
							failed = "an error"
							return s.members(func(key []byte) error {
								if string(key) == "message" {
									return s.str(&failed)
								}
								return s.skip()
							})
						}
						return s.skip()
					})
				})
			}
			return s.skip()
		}); err != nil {
			return err
		}
		full := joinNames(" > ", path.Base(origin), group, name)
		if failed != "" {
			g.problem(full, line, "it failed: %s", failed)
		}
		for _, t := range timings {
			if err := t.add(&g, full, 1, opts.Average, line); err != nil {
				return err
			}
		}
		return nil
	}
	if err := s.object(func(key []byte) error {
		if string(key) == "benches" {
			return s.each(bench)
		}
		return s.skip()
	}); err != nil {
		return Results{}, err
	}
	return g.results(opts, `%d "benches" with "origin"`, n), nil
}

package adapter

import (
	"bytes"
	"strings"

	"github.com/tachograph/tacho/internal/core/unit"
)

// vegeta report prints rows "Latencies     [min, mean, 50, 90, 95, 99, max]  161.683µs, …"; with -type=json an object {"latencies": {"mean", "50th", …}, "requests", "rate", "throughput", "success", "status_codes", "errors"}, times in nanoseconds.
//
// vegeta does not print what it attacked, so the name is "vegeta", or that of a banner line "=== name ===". The value of latency is the mean. A success below 1 is a problem; its errors too.
var vegetaTool = tool{
	name: "vegeta", about: "vegeta report, text or -type=json", example: `tacho run "echo GET http://localhost:8080/ | vegeta attack -duration 10s | vegeta report"`,
	measures: []string{"Latency (ns, lower)", "Latency min, max, p50 … p99 (ns, lower)", "Throughput (ops/s, higher)", "Failure Ratio (%, lower)", "Requests"},
	signs:    []sign{{jsonForm, []string{"latencies.mean", "bytes_in.total", "status_codes"}, 100, `"latencies", "bytes_in" and "status_codes" of vegeta`}},
	needles:  []string{"Latencies     ["}, hit: func([]byte) int { return 100 }, trace: `a line "Latencies [min, mean, …]"`,
	parse: parseVegeta,
}

func parseVegeta(s *scanner, opts Options) (Results, error) {
	var g gathering
	if s.peek() == '{' {
		line, _ := s.position()
		err := vegetaJSON(s, &g, line)
		return g.results(opts, `"latencies" of vegeta`), err
	}
	n, name := 0, "vegeta"
	for line := range s.lines() {
		if b, ok := banner(line); ok {
			name = b
			continue
		}
		label, keys, values, ok := vegetaRow(line)
		if !ok {
			continue
		}
		if label == "Latencies" {
			n++
		}
		if err := g.vegeta(name, label, keys, values, s.lineNumber); err != nil {
			return Results{}, err
		}
	}
	return g.results(opts, "%d reports of vegeta", n), nil
}

// vegetaRow reads "Label  [a, b]  1, 2".
func vegetaRow(line []byte) (label string, keys, values []string, ok bool) {
	before, rest, ok := bytes.Cut(line, []byte("["))
	if !ok {
		return "", nil, nil, false
	}
	inside, rest, ok := bytes.Cut(rest, []byte("]"))
	label = strings.TrimSpace(string(before))
	return label, strings.Split(string(inside), ", "), strings.Split(strings.TrimSpace(string(rest)), ", "), ok
}

func (g *gathering) vegeta(name, label string, keys, values []string, line int) error {
	for i, key := range keys {
		if i >= len(values) {
			break
		}
		text := []byte(values[i])
		var o optional
		switch label {
		case "Latencies":
			v, ok := nanoseconds(text)
			o = optional{vegetaLatency(key), opt{v, ok}}
		case "Requests":
			switch key {
			case "total":
				o = optional{requests, firstNumber(text)}
			case "throughput":
				o = optional{unit.Throughput, firstNumber(text)}
			}
		case "Success":
			ratio := firstNumber(text)
			o = optional{failureRatio, opt{100 - ratio.v, ratio.ok}}
			if ratio.ok && ratio.v < 100 {
				g.problem(name, line, "only %s of the requests succeeded", text)
			}
		}
		if o.measure.Name == "" {
			continue
		}
		if err := g.optional(name, line, []optional{o}); err != nil {
			return err
		}
	}
	return nil
}

func vegetaLatency(key string) unit.Measure {
	switch key = strings.TrimSuffix(key, "th"); key {
	case "mean":
		return unit.Latency
	case "min", "max":
		return latencyAt(key)
	case "total":
		return unit.Measure{}
	}
	return latencyAt("p" + key)
}

func vegetaJSON(s *scanner, g *gathering, line int) error {
	const name = "vegeta"
	return s.object(func(key []byte) error {
		var o opt
		switch string(key) {
		case "latencies":
			return s.members(func(key []byte) error {
				m := vegetaLatency(string(key))
				var o opt
				if err := s.opt(&o); err != nil || m.Name == "" {
					return err
				}
				return g.optional(name, line, []optional{{m, o}})
			})
		case "requests":
			if err := s.opt(&o); err != nil {
				return err
			}
			return g.optional(name, line, []optional{{requests, o}})
		case "throughput":
			if err := s.opt(&o); err != nil {
				return err
			}
			return g.optional(name, line, []optional{{unit.Throughput, o}})
		case "success":
			if err := s.opt(&o); err != nil {
				return err
			}
			if o.ok && o.v < 1 {
				g.problem(name, line, "only %v of the requests succeeded", o.v)
			}
			return g.optional(name, line, []optional{{failureRatio, opt{(1 - o.v) * 100, o.ok}}})
		case "errors":
			return s.each(func() error {
				var text string
				err := s.str(&text)
				g.problem(name, line, "%s", text)
				return err
			})
		}
		return s.skip()
	})
}

package adapter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/unit"
)

// hyperfine --export-json writes {"results": [{"command", "mean", "stddev", "median", "user", "system", "min", "max", "times",
// "memory_usage_byte", "exit_codes", "parameters"}]}, times in seconds. "times" can be absent in old exports, and "exit_codes" holds null
// for a run that a signal ended.
type hyperfineResult struct {
	Command    string            `json:"command"`
	Mean       *float64          `json:"mean"`
	StdDev     *float64          `json:"stddev"`
	Median     *float64          `json:"median"`
	User       *float64          `json:"user"`
	System     *float64          `json:"system"`
	Min        *float64          `json:"min"`
	Max        *float64          `json:"max"`
	Times      []float64         `json:"times"`
	Memory     []float64         `json:"memory_usage_byte"`
	ExitCodes  []*int            `json:"exit_codes"`
	Parameters map[string]string `json:"parameters"`
}

func scoreHyperfine(input []byte) (int, string) {
	trimmed := bytes.TrimSpace(input)
	if len(trimmed) == 0 || trimmed[0] != '{' {
		return 0, ""
	}
	s := &scanner{in: trimmed}
	keys := map[string]bool{}
	_ = s.object(func(top string) error {
		if top != "results" || s.peek() != '[' {
			return s.skip()
		}
		return s.array(func() error {
			if s.peek() != '{' {
				return errEnough
			}
			if err := s.object(func(key string) error { keys[key] = true; return s.skip() }); err != nil {
				return err
			}
			return errEnough
		})
	})
	if keys["command"] && keys["mean"] && keys["stddev"] {
		return 100, `"results" with command, mean and stddev`
	}
	return 0, ""
}

func parseHyperfine(input []byte, opts Options) (Results, error) {
	var doc struct {
		Results []hyperfineResult `json:"results"`
	}
	if err := json.Unmarshal(input, &doc); err != nil {
		return Results{}, fault.Wrap(fault.Invalid, err, "shell_hyperfine: the output is not the JSON that hyperfine exports: %v", err)
	}
	var out Results
	seen := map[string]bool{}
	for i, r := range doc.Results {
		name := hyperfineName(r)
		switch {
		case name == "":
			out.Problems = append(out.Problems, Problem{Message: fmt.Sprintf("result %d has no command", i+1)})
			continue
		case r.Mean == nil || seen[name]:
			message := "it has no mean"
			if r.Mean != nil {
				message = "the same command and parameters stand there twice; the first is kept"
			}
			out.Problems = append(out.Problems, Problem{Benchmark: name, Message: message})
			continue
		}
		seen[name] = true
		if p, failed := hyperfineFailures(name, r.ExitCodes); failed {
			out.Problems = append(out.Problems, p)
		}
		out.Benchmarks = append(out.Benchmarks, Benchmark{Name: name, Metrics: hyperfineMetrics(r, opts)})
	}
	return out, nil
}

// hyperfineName is the command with the parameters that its text does not show.
func hyperfineName(r hyperfineResult) string {
	var missing []string
	for k, v := range r.Parameters {
		if !strings.Contains(r.Command, v) {
			missing = append(missing, k+"="+v)
		}
	}
	if len(missing) == 0 {
		return r.Command
	}
	slices.Sort(missing)
	return r.Command + " {" + strings.Join(missing, ",") + "}"
}

func hyperfineFailures(name string, codes []*int) (Problem, bool) {
	bad, last := 0, "a signal"
	for _, c := range codes {
		if c == nil || *c != 0 {
			bad++
			if c != nil {
				last = fmt.Sprintf("exit code %d", *c)
			}
		}
	}
	if bad == 0 {
		return Problem{}, false
	}
	return Problem{Benchmark: name, Message: fmt.Sprintf("%d of %d runs failed, the last with %s", bad, len(codes), last)}, true
}

func hyperfineMetrics(r hyperfineResult, opts Options) []Metric {
	const nanos = 1e9
	scale := func(v *float64, by float64) *float64 {
		if v == nil {
			return nil
		}
		scaled := *v * by
		return &scaled
	}
	latency := Metric{Measure: unit.Latency, Value: *r.Mean * nanos}
	if r.StdDev != nil {
		low, high := (*r.Mean-*r.StdDev)*nanos, (*r.Mean+*r.StdDev)*nanos
		latency.Lower, latency.Upper = &low, &high
	}
	if opts.Average == AverageMedian && r.Median != nil {
		latency.Value, latency.Lower, latency.Upper = *r.Median*nanos, scale(r.Min, nanos), scale(r.Max, nanos)
	}
	for _, t := range r.Times {
		latency.Samples = append(latency.Samples, t*nanos)
	}
	out := []Metric{latency}
	if r.User != nil {
		out = append(out, Metric{Measure: unit.UserTime, Value: *r.User * nanos})
	}
	if r.System != nil {
		out = append(out, Metric{Measure: unit.SystemTime, Value: *r.System * nanos})
	}
	if len(r.Memory) > 0 {
		out = append(out, summarize(unit.PeakMemory, r.Memory, opts.Average))
	}
	return out
}

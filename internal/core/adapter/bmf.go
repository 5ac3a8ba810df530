package adapter

import (
	"bytes"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/unit"
)

// The Bencher Metric Format is {"<benchmark>": {"<measure>": {"value": n, "lower_value"?: n, "upper_value"?: n}}}. Ours also reads
// "samples": [n, …], "units": "…" and "direction": "lower" | "higher" in the metric; other members are passed over, as Bencher does.
// A name that occurs twice is an error: taking one of them would lose the other.

// scoreBMF looks at the first benchmark only.
func scoreBMF(input []byte) (int, string) {
	trimmed := bytes.TrimSpace(input)
	if len(trimmed) == 0 || trimmed[0] != '{' {
		return 0, ""
	}
	s := &scanner{in: trimmed}
	found := false
	_ = s.object(func(string) error {
		err := s.object(func(string) error {
			return s.object(func(key string) error {
				found = found || key == "value"
				if found {
					return errEnough
				}
				return s.skip()
			})
		})
		if err != nil {
			return err
		}
		return errEnough
	})
	if !found {
		return 0, ""
	}
	return 100, `an object of benchmarks, measures and "value"`
}

var errEnough = fault.Invalidf("seen enough")

func parseBMF(input []byte, _ Options) (Results, error) {
	s := &scanner{in: input}
	var out Results
	seen := map[string]bool{}
	metrics := 0
	err := s.object(func(name string) error {
		if seen[name] {
			return s.fail("benchmark %.100q stands in the input twice", name)
		}
		if len(seen) >= limits.BenchmarksPerIteration {
			return fault.TooLargef("json: more than %d benchmarks in one iteration", limits.BenchmarksPerIteration)
		}
		seen[name] = true
		b := Benchmark{Name: name}
		if err := s.object(func(measure string) error {
			for _, m := range b.Metrics {
				if m.Measure.Name == measure || m.Measure.Slug == measure {
					return s.fail("benchmark %.100q: measure %.100q stands there twice", name, measure)
				}
			}
			if metrics++; metrics > limits.MetricsPerReport {
				return fault.TooLargef("json: more than %d metrics", limits.MetricsPerReport)
			}
			m, err := s.metric(name, measure)
			b.Metrics = append(b.Metrics, m)
			return err
		}); err != nil {
			return err
		}
		if len(b.Metrics) == 0 {
			out.Problems = append(out.Problems, Problem{Benchmark: name, Message: "it has no measure"})
			return nil
		}
		out.Benchmarks = append(out.Benchmarks, b)
		return nil
	})
	if err != nil {
		return Results{}, err
	}
	if s.peek() != 0 {
		return Results{}, s.fail("JSON: something follows the document: %s", s.found())
	}
	return out, nil
}

// metric reads one metric object.
func (s *scanner) metric(benchmark, measure string) (Metric, error) {
	m := Metric{Measure: unit.Measure{Name: measure, Units: unit.Generic, Direction: unit.Unknown}}
	if known, ok := unit.KnownMeasure(measure); ok {
		m.Measure = known
	}
	if measure == "" || len(measure) > limits.ResourceNameBytes {
		return m, s.fail("benchmark %.100q: the measure's name %.80q has %d bytes, want 1 to %d", benchmark, measure, len(measure), limits.ResourceNameBytes)
	}
	if s.peek() != '{' {
		return m, s.fail("benchmark %.100q, measure %.100q: want an object with a value, found %s", benchmark, measure, s.found())
	}
	hasValue := false
	err := s.object(func(key string) error {
		var err error
		switch key {
		case "value":
			hasValue = true
			m.Value, err = s.number()
		case "lower_value", "upper_value":
			if s.peek() == 'n' { // null: as if it were not there
				return s.skip()
			}
			var v float64
			v, err = s.number()
			if key == "lower_value" {
				m.Lower = &v
			} else {
				m.Upper = &v
			}
		case "samples":
			err = s.array(func() error {
				if len(m.Samples) >= limits.SamplesPerMetric {
					return fault.TooLargef("benchmark %.100q, measure %.100q: more than %d samples", benchmark, measure, limits.SamplesPerMetric)
				}
				v, err := s.number()
				m.Samples = append(m.Samples, v)
				return err
			})
		case "units":
			m.Measure.Units, err = s.text()
		case "direction":
			var text string
			if text, err = s.text(); err == nil {
				m.Measure.Direction, err = unit.ParseDirection(text)
			}
		default:
			return s.skip()
		}
		return err
	})
	if err != nil {
		return m, inMetric(err, benchmark, measure)
	}
	if !hasValue {
		return m, s.fail("benchmark %.100q, measure %.100q: there is no value", benchmark, measure)
	}
	return m, nil
}

// inMetric says in which metric an error is, unless it says so already.
func inMetric(err error, benchmark, measure string) error {
	f, ok := err.(*fault.Error) //nolint:errorlint // made a few lines above
	if !ok || bytes.HasPrefix([]byte(f.Message), []byte("benchmark ")) {
		return err
	}
	return fault.New(f.Kind, "benchmark %.100q, measure %.100q: %s", benchmark, measure, f.Message)
}

package adapter

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/unit"
)

func TestBMFReadsBenchersMembersAndOurs(t *testing.T) {
	t.Parallel()
	got := parse(t, JSON, `{
 "a b": {"latency": {"value": 1.5, "lower_value": 1, "upper_value": 2e0, "extra": {"x": [true, false, null, "y", -1]}}},
 "c": {"p99": {"value": -0, "samples": [3, 1, 2], "units": "milliseconds (ms)", "direction": "lower"}, "Throughput": {"value": 7, "samples": null, "lower_value": null, "units": null}},
 "d": {}
}`)
	want := []Benchmark{
		{Name: "a b", Metrics: []Metric{{Measure: unit.Latency, Value: 1.5, Lower: ptr(1), Upper: ptr(2)}}},
		{Name: "c", Metrics: []Metric{
			{Measure: &unit.Measure{Name: "p99", Units: "milliseconds (ms)", Direction: unit.Lower}, Value: 0, Samples: []float64{3, 1, 2}},
			{Measure: unit.Throughput, Value: 7},
		}},
	}
	if diff := cmp.Diff(want, got.Benchmarks); diff != "" {
		t.Errorf("benchmarks (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Problem{{Benchmark: "d", Message: "it has no measure"}}, got.Problems); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if want := `json: an object of 2 benchmarks and 3 metrics with a "value"`; got.Reason != want {
		t.Errorf("Reason = %q, want %q", got.Reason, want)
	}
}

func TestBMFBringsBuiltInMeasuresToTheirUnits(t *testing.T) {
	t.Parallel()
	got := parse(t, JSON, `{"b": {
 "latency": {"units": "milliseconds (ms)", "value": 1.5, "lower_value": 1, "samples": [1, 2], "upper_value": 2},
 "build-time": {"value": 90, "units": "ms", "direction": "unknown"},
 "peak-memory": {"value": 3, "units": "KiB"},
 "throughput": {"value": 4, "units": "ops/s"}
}}`)
	slower := *unit.BuildTime
	slower.Direction = unit.Unknown
	want := []Metric{
		{Measure: unit.Latency, Value: 1.5e6, Lower: ptr(1e6), Upper: ptr(2e6), Samples: []float64{1e6, 2e6}},
		{Measure: &slower, Value: 0.09}, {Measure: unit.PeakMemory, Value: 3072}, {Measure: unit.Throughput, Value: 4},
	}
	if diff := cmp.Diff(want, got.Benchmarks[0].Metrics, cmpopts.EquateApprox(1e-12, 0)); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}

// TestBadBMFSaysWhatAndWhere has a row for each way in which a document comes broken.
func TestBadBMFSaysWhatAndWhere(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"a":`, limits.JSONDepth+5)
	for name, row := range map[string]struct{ input, want string }{
		"NaN":                   {`{"b":{"latency":{"value":NaN}}}`, `benchmark "b", measure "Latency": JSON: want a number, found "NaN}}}" (line 1, column 26)`},
		"infinity":              {`{"b":{"latency":{"value":-Infinity}}}`, `benchmark "b", measure "Latency": JSON: want a number`},
		"out of range":          {`{"b":{"latency":{"value":1e999}}}`, `JSON: the number 1e999 is out of range (line 1, column 26)`},
		"text as value":         {`{"b":{"latency":{"value":"1"}}}`, `want a number, found "\"1\"}}}"`},
		"null as value":         {`{"b":{"latency":{"value":null}}}`, `want a number`},
		"no value":              {`{"b":{"latency":{"lower_value":1}}}`, `benchmark "b", measure "Latency": there is no value`},
		"value twice":           {`{"b":{"latency":{"value":1,"value":2}}}`, `measure "Latency": "value" stands there twice`},
		"a bound that is text":  {`{"b":{"latency":{"value":1,"lower_value":"x"}}}`, `want a number`},
		"samples are no array":  {`{"b":{"latency":{"value":1,"samples":3}}}`, `want '[', found "3}}}"`},
		"a sample is NaN":       {`{"b":{"latency":{"value":1,"samples":[1,NaN]}}}`, `measure "Latency": JSON: want a number`},
		"units of another kind": {`{"b":{"latency":{"value":1,"units":"bytes"}}}`, `measure "Latency": the built-in measure is in nanoseconds (ns), and "bytes" cannot be converted to them; give the measure another name`},
		"unknown direction":     {`{"b":{"l":{"value":1,"direction":"up"}}}`, `direction "up": want lower, higher or unknown`},
		"units too long":        {`{"b":{"l":{"value":1,"units":"` + strings.Repeat("u", 65) + `"}}}`, `65 bytes long, the limit is 64`},
		"metric no object":      {`{"b":{"latency":3}}`, `benchmark "b", measure "Latency": want an object with a value, found "3}}"`},
		"benchmark no object":   {`{"b":[]}`, `benchmark "b": want an object of measures, found "[]}"`},
		"benchmark twice":       {`{"b":{"l":{"value":1}},"b":{"l":{"value":2}}}`, `benchmark "b" stands in the input twice (line 1, column`},
		"twice but for ignore":  {`{"b":{"l":{"value":1}},"b-tacho-ignore":{"l":{"value":2}}}`, `benchmark "b" stands in the input twice`},
		"measure twice":         {`{"b":{"l":{"value":1},"l":{"value":2}}}`, `benchmark "b": measure "l" stands there twice`},
		"measure by two names":  {`{"b":{"latency":{"value":1},"LATENCY":{"value":2}}}`, `benchmark "b": measure "Latency" stands there twice`},
		"empty name":            {`{"":{"l":{"value":1}}}`, `benchmark: the name is empty (line 1, column`},
		"empty measure":         {`{"b":{"":{"value":1}}}`, `benchmark "b": measure: the name is empty`},
		"long name":             {`{"` + strings.Repeat("x", 2000) + `":{"l":{"value":1}}}`, `the name is 2000 bytes long, the limit is 1024`},
		"long measure":          {`{"b":{"` + strings.Repeat("x", 65) + `":{"value":1}}}`, `the name is 65 bytes long, the limit is 64`},
		"control character":     {`{"a\u0000":{"l":{"value":1}}}`, `benchmark "a\x00": the name holds the control character U+0000`},
		"space at the end":      {`{"a ":{"l":{"value":1}}}`, `begins or ends with white space`},
		"lone surrogate":        {`{"a\ud800":{"l":{"value":1}}}`, `not valid UTF-8`},
		"not UTF-8":             {"{\"a\xff\":{\"l\":{\"value\":1}}}", `not valid UTF-8`},
		"array":                 {`[1]`, `JSON: want '{', found "[1]"`},
		"cut off":               {"{\"b\":{\n\"l\":{\"value\":1", `JSON: want ',' or '}', found the end of the input (line 2, column 15)`},
		"something behind":      {`{"b":{"l":{"value":1}}} x`, `something follows the document`},
		"a zero byte behind":    {"{\"b\":{\"l\":{\"value\":1}}}\x00", `something follows the document`},
		"trailing comma":        {`{"b":{"l":{"value":1},}}`, `want a name in double quotes, found "}}"`},
		"too deep":              {`{"b":{"l":{"value":1,"x":` + deep, `nested more than 64 deep`},
		"leading zero":          {`{"b":{"l":{"value":01}}}`, `want a number`},
		"an unknown word":       {`{"b":{"l":{"value":1,"x":nope}}}`, `want a value, found "nope}}}"`},
		"no benchmark":          {`{}`, `json: the output holds no benchmark result (it begins "{}")`},
		"only empty benchmarks": {`{"b":{}}`, `holds no benchmark result; b: it has no measure`},
		"nothing":               {``, `want '{', found the end of the input`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refuses(t, JSON, row.input, row.want)
		})
	}
}

// TestAMillionBenchmarksAreRefusedWithoutEatingMemory counts what the parser allocates: it must stop at the limit.
func TestAMillionBenchmarksAreRefusedWithoutEatingMemory(t *testing.T) { // not parallel: it reads the allocation counter
	var b bytes.Buffer
	b.WriteByte('{')
	for i := range 1_000_000 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"b%d":{"l":{"value":1}}`, i)
	}
	b.WriteByte('}')
	for _, name := range []Name{JSON, Magic} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Parse(name, b.Bytes(), Options{})
		runtime.ReadMemStats(&after)
		if !fault.Is(err, fault.TooLarge) || !strings.Contains(err.Error(), "100000 benchmarks, the limit") {
			t.Errorf("error = %v, want a too-large fault that names the limit", err)
		}
		if spent := after.TotalAlloc - before.TotalAlloc; spent > 200*limits.MiB {
			t.Errorf("%s allocated %d MiB", name, spent/limits.MiB)
		}
	}
}

func TestManyMeasuresOfOneBenchmarkAreBounded(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(`{"b":{"m":{"value":1}`)
	for i := range limits.MetricsPerReport {
		fmt.Fprintf(&b, `,"m%d":{"value":1}`, i)
	}
	b.WriteString("}}")
	refuses(t, JSON, b.String(), "400000 metrics, the limit")
}

func TestTooManySamplesAreRefused(t *testing.T) {
	t.Parallel()
	refuses(t, JSON, `{"b":{"l":{"value":1,"samples":[1`+strings.Repeat(",1", limits.SamplesPerMetric)+`]}}}`, `benchmark "b", measure "l": more than 100000 samples`)
}

package wire

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/unit"
)

// TestAComparisonComesBackAsItWas: what the wire says of each row and geomean is what people are shown of it here.
func TestAComparisonComesBackAsItWas(t *testing.T) {
	t.Parallel()
	side := func(values ...float64) (s judge.Side) {
		for _, v := range values {
			s = append(s, judge.Process{Values: []float64{v, v * 1.001}})
		}
		return s
	}
	rows := []judge.Row{
		{Benchmark: "worse", Measure: *unit.Latency, Old: side(100, 101, 99, 100.5), New: side(150, 151, 149, 150.5)},
		{Benchmark: "undecided", Measure: *unit.Latency, Old: side(100, 130, 80), New: side(101, 90, 140)},
		{Benchmark: "exact", Measure: *unit.FileSize, Old: judge.Side{{Values: []float64{5}}}, New: judge.Side{{Values: []float64{6}}}},
		{Benchmark: "zero", Measure: *unit.Latency, Old: side(0, 0, 1), New: side(0, 2, 1)},
		{Benchmark: "no data", Measure: *unit.Latency, Old: side(1)},
	}
	cs := judge.Compare(rows, judge.Policy{})
	past := judge.AgainstHistories([]judge.Past{{Benchmark: "past", Measure: *unit.Latency, Base: []judge.Reported{{Value: 1}, {Value: 2},
		{Value: 1}, {Value: 2}, {Value: 1.5}}, Head: []judge.Reported{{Value: 40}}}}, judge.Policy{})
	rows = append(rows, judge.Row{Benchmark: "past", Measure: *unit.Latency})
	cs.Rows = append(cs.Rows, past.Rows...)
	for i, want := range cs.Rows {
		text, err := json.Marshal(Row(rows[i].Benchmark, rows[i].Measure, want, judge.Policy{}))
		if err != nil {
			t.Fatal(err)
		}
		var row api.ComparisonRow
		if err := json.Unmarshal(text, &row); err != nil {
			t.Fatal(err)
		}
		got := Comparison(row)
		want.DifferenceLower, want.DifferenceUpper = math.NaN(), math.NaN() // people are not shown them
		if diff := cmp.Diff(want, got, cmpopts.EquateNaNs(), cmpopts.IgnoreUnexported(judge.Comparison{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", rows[i].Benchmark, diff)
		}
		if got.Because(judge.Policy{}) != row.Reason || want.Because(judge.Policy{}) != row.Reason {
			t.Errorf("%s: %q and %q", rows[i].Benchmark, got.Because(judge.Policy{}), row.Reason)
		}
	}
	for _, want := range cs.Geomeans {
		if diff := cmp.Diff(want, Geomean(Mean(want)), cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", want.Measure, diff)
		}
	}
	if got := Row("b", *unit.Latency, cs.Rows[4], judge.Policy{}); got.Ratio != nil || got.Interval != nil || got.Verdict != "undecided" {
		t.Errorf("a row without data: %+v", got)
	}
}

package value

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/core/fault"
)

func TestThresholdListsGoTogetherByPosition(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		in   Models
		want *api.ReportThresholds
		err  string
	}{
		"none":  {},
		"reset": {in: Models{reset: true}, want: &api.ReportThresholds{Reset: new(true)}},
		"two, with gaps": {
			in: Models{Measures: []string{"latency", "throughput"}, Tests: []string{"t_test", "percentage"}, Minimum: []string{"_", "5"},
				Maximum: []string{"64"},
				Window:  []string{"720h", "60"}, Lower: []string{"_", "0.1"}, Upper: []string{"0.99"}},
			want: &api.ReportThresholds{Models: map[string]api.Model{
				"latency":    {Test: "t_test", MaxSampleSize: new(64), Window: new(int64(2592000)), UpperBoundary: new(0.99)},
				"throughput": {Test: "percentage", MinSampleSize: new(5), Window: new(int64(60)), LowerBoundary: new(0.1)},
			}},
		},
		"a test too many": {in: Models{Measures: []string{"a"}, Tests: []string{"t_test", "t_test"}},
			err: "--threshold-test is given 2 times, --threshold-measure 1 time"},
		"no test": {in: Models{Measures: []string{"a"}, Tests: []string{"_"}}, err: "has no --threshold-test"},
		"a measure twice": {in: Models{Measures: []string{"a", "a"}, Tests: []string{"t_test", "t_test"}},
			err: "--threshold-measure a is given twice"},
		"not a number": {in: Models{Measures: []string{"a"}, Tests: []string{"t_test"}, Upper: []string{"high"}},
			err: `--threshold-upper-boundary "high": want a number`},
		"not a size": {in: Models{Measures: []string{"a"}, Tests: []string{"t_test"}, Minimum: []string{"0"}},
			err: "want a whole number from 1"},
		"not a window": {in: Models{Measures: []string{"a"}, Tests: []string{"t_test"}, Window: []string{"long"}},
			err: "want seconds, or a time like 720h"},
		"a negative window": {in: Models{Measures: []string{"a"}, Tests: []string{"t_test"}, Window: []string{"-5"}},
			err: "want seconds"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := row.in.All()
			if row.err != "" {
				if err == nil || !strings.Contains(err.Error(), row.err) || cli.ExitCode(err) != fault.ExitUsage {
					t.Fatalf("err = %v, want %q", err, row.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(row.want, got, cmp.Comparer(func(struct{}, struct{}) bool { return true })); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

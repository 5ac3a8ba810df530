package judge

import (
	"math"
	"strings"
	"testing"

	"github.com/tachograph/tacho/internal/core/fault"
)

func TestTestsAreReadByNameAndAlias(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Test{"percentage": Percentage, "t_test": TTest, "t": TTest} {
		if got, err := ParseTest(text); err != nil || got != want {
			t.Errorf("ParseTest(%q) = %q, %v, want %q", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"static": "not supported by this server yet; use percentage or t_test", "z": "not supported", "z_score": "not supported",
		"log_normal": "not supported", "iqr": "not supported", "delta_iqr": "not supported",
		"": "not known; use percentage or t_test", "T": "not known", "student": "not known",
	} {
		if _, err := ParseTest(text); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), want) {
			t.Errorf("ParseTest(%q) = %v, want an invalid fault with %q", text, err, want)
		}
	}
}

func TestValidModels(t *testing.T) {
	t.Parallel()
	for _, m := range []Model{
		both(Percentage, 0), both(Percentage, 3), both(TTest, 0.5), both(TTest, 0.99999),
		{Test: TTest, UpperBoundary: ptr(0.99), MinSampleSize: ptr(2), MaxSampleSize: ptr(2)},
		{Test: Percentage, LowerBoundary: ptr(0.1), MinSampleSize: ptr(1), MaxSampleSize: ptr(64), WindowSeconds: ptr(int64(1))},
	} {
		if err := m.Validate(); err != nil {
			t.Errorf("Validate(%+v) = %v", m, err)
		}
	}
}

func TestInvalidModelsSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	for want, m := range map[string]Model{
		"a lower or an upper boundary is needed":                        {Test: Percentage},
		"the lower boundary is -0.1; it must be a fraction of the mean": both(Percentage, -0.1),
		"model percentage: the lower boundary is not a number":          both(Percentage, math.NaN()),
		"model t_test: the lower boundary is not a number":              both(TTest, math.Inf(1)),
		"the lower boundary is 0.49; it is a confidence from 0.5":       both(TTest, 0.49),
		"the upper boundary is 1; it is a confidence from 0.5":          {Test: TTest, UpperBoundary: ptr(1.0)},
		`test "static" is not supported by this server yet`:             both("static", 1),
		`test "" is not known`:                                          both("", 1),
		`test "t": write t_test`:                                        both("t", 0.9),
		"the minimum sample size is 1, the test needs 2":                {Test: TTest, UpperBoundary: ptr(0.9), MinSampleSize: ptr(1)},
		"the largest sample size is 0, the test needs 1":                {Test: Percentage, UpperBoundary: ptr(0.9), MaxSampleSize: ptr(0)},
		"minimum sample size 5 exceeds the maximum 4": {Test: Percentage, UpperBoundary: ptr(0.9), MinSampleSize: ptr(5),
			MaxSampleSize: ptr(4)},
		"model percentage: the window is 0 s, want at least 1 s": {Test: Percentage, UpperBoundary: ptr(0.9), WindowSeconds: ptr(int64(0))},
	} {
		if err := m.Validate(); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), want) {
			t.Errorf("Validate(%+v) = %v, want an invalid fault with %q", m, err, want)
		}
	}
}

package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli/gitctx"
	"github.com/tachograph/tacho/internal/core/fault"
)

func TestThresholdListsGoTogetherByPosition(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		in   thresholdFlags
		want *api.ReportThresholds
		err  string
	}{
		"none":  {},
		"reset": {in: thresholdFlags{reset: true}, want: &api.ReportThresholds{Reset: ptr(true)}},
		"two, with gaps": {
			in: thresholdFlags{measures: []string{"latency", "throughput"}, tests: []string{"t_test", "percentage"}, minimum: []string{"_", "5"},
				maximum: []string{"64"},
				window:  []string{"720h", "60"}, lower: []string{"_", "0.1"}, upper: []string{"0.99"}},
			want: &api.ReportThresholds{Models: map[string]api.Model{
				"latency":    {Test: "t_test", MaxSampleSize: ptr(64), Window: ptr(int64(2592000)), UpperBoundary: ptr(0.99)},
				"throughput": {Test: "percentage", MinSampleSize: ptr(5), Window: ptr(int64(60)), LowerBoundary: ptr(0.1)},
			}},
		},
		"a test too many": {in: thresholdFlags{measures: []string{"a"}, tests: []string{"t_test", "t_test"}},
			err: "--threshold-test is given 2 times, --threshold-measure 1 time"},
		"no test": {in: thresholdFlags{measures: []string{"a"}, tests: []string{"_"}}, err: "has no --threshold-test"},
		"a measure twice": {in: thresholdFlags{measures: []string{"a", "a"}, tests: []string{"t_test", "t_test"}},
			err: "--threshold-measure a is given twice"},
		"not a number": {in: thresholdFlags{measures: []string{"a"}, tests: []string{"t_test"}, upper: []string{"high"}},
			err: `--threshold-upper-boundary "high": want a number`},
		"not a size": {in: thresholdFlags{measures: []string{"a"}, tests: []string{"t_test"}, minimum: []string{"0"}},
			err: "want a whole number from 1"},
		"not a window": {in: thresholdFlags{measures: []string{"a"}, tests: []string{"t_test"}, window: []string{"long"}},
			err: "want seconds, or a time like 720h"},
		"a negative window": {in: thresholdFlags{measures: []string{"a"}, tests: []string{"t_test"}, window: []string{"-5"}},
			err: "want seconds"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := row.in.models()
			if row.err != "" {
				if err == nil || !strings.Contains(err.Error(), row.err) || exitCode(err) != fault.ExitUsage {
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

func TestTheBranchIsNeverGuessed(t *testing.T) {
	t.Parallel()
	hash := strings.Repeat("a", 40)
	for name, row := range map[string]struct {
		flags runFlags
		vars  map[string]string
		found gitctx.Context
		want  string // branch
		err   string
	}{
		"flag": {flags: runFlags{branch: "f"}, vars: map[string]string{"TACHO_BRANCH": "v"},
			found: gitctx.Context{Branch: "g"}, want: "f"},
		"variable": {vars: map[string]string{"TACHO_BRANCH": "v", "BENCHER_BRANCH": "b"},
			found: gitctx.Context{Branch: "g"}, want: "v"},
		"Bencher's variable":            {vars: map[string]string{"BENCHER_BRANCH": "b"}, found: gitctx.Context{Branch: "g"}, want: "b"},
		"git":                           {found: gitctx.Context{Branch: "g"}, want: "g"},
		"detached":                      {found: gitctx.Context{Root: "/x", Detached: true, Hash: hash}, err: "HEAD is detached; give --branch"},
		"CI without a branch":           {found: gitctx.Context{CI: "X"}, err: "X does not say a branch; give --branch"},
		"nothing, this machine's store": {want: "local"},
		"nothing, a server": {vars: map[string]string{"TACHO_HOST": "http://x"},
			err: "this folder is in no git repository; give --branch"},
		"nothing, a job": {flags: runFlags{image: "a:1"}, err: "this folder is in no git repository; give --branch"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			for k, v := range row.vars {
				w.vars[k] = v
			}
			w.Dir = "/src/app"
			in, err := row.flags.newRun(&w.Env, row.found)
			if row.err != "" {
				if err == nil || err.Error() != row.err || exitCode(err) != fault.ExitUsage {
					t.Fatalf("err = %v, want %q", err, row.err)
				}
				return
			}
			if err != nil || in.Branch != row.want {
				t.Errorf("branch %q, %v, want %q", in.Branch, err, row.want)
			}
			if in.IdempotencyKey == "" || in.Context["bencher.dev/v0/repo/name"] != "app" {
				t.Errorf("key %q, context %v", in.IdempotencyKey, in.Context)
			}
		})
	}
}

func TestStartPointsNeedABranch(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		flags runFlags
		want  *api.StartPoint
		bad   bool
	}{
		"none":  {},
		"reset": {flags: runFlags{startPointReset: true}, want: &api.StartPoint{Reset: ptr(true)}},
		"all": {flags: runFlags{startPoint: "main", startPointHash: "h", startPointMax: 9, startPointClone: choice{true, true}},
			want: &api.StartPoint{Branch: "main", Hash: "h", MaxVersions: ptr(9), CloneThresholds: ptr(true)}},
		"no name":  {flags: runFlags{startPointClone: choice{true, true}}, bad: true},
		"not to":   {flags: runFlags{startPointClone: choice{true, false}}, want: &api.StartPoint{CloneThresholds: ptr(false)}},
		"too many": {flags: runFlags{startPoint: "main", startPointMax: 65_536}, bad: true},
	} {
		got, err := row.flags.newStartPoint()
		if (err != nil) != row.bad || cmp.Diff(row.want, got, cmp.Comparer(func(struct{}, struct{}) bool { return true })) != "" && !row.bad {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestThePreviousReportsSpreadDecidesWhatIsClaimed(t *testing.T) {
	t.Parallel()
	one := past{}.with(api.Metric{Value: 100})
	two := one.with(api.Metric{Value: 110})
	wide := past{}.with(api.Metric{Value: 100, LowerValue: ptr(90.0), UpperValue: ptr(110.0)})
	if two.n != 2 || two.mean != 105 || two.lower != 100 || two.upper != 110 {
		t.Errorf("two values: %+v", two)
	}
	for name, row := range map[string]struct {
		p    past
		m    api.Metric
		want bool
	}{
		"single values say nothing of a spread": {one, api.Metric{Value: 100}, false},
		"a spread on one side only":             {wide, api.Metric{Value: 105}, false},
		"spreads that meet":                     {wide, api.Metric{Value: 115, LowerValue: ptr(109.0), UpperValue: ptr(120.0)}, true},
		"spreads apart":                         {wide, api.Metric{Value: 120, LowerValue: ptr(111.0), UpperValue: ptr(130.0)}, false},
		"several values are a spread":           {two, api.Metric{Value: 99, LowerValue: ptr(95.0), UpperValue: ptr(101.0)}, true},
	} {
		if got := row.p.overlaps(row.m); got != row.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestKeysWithSpacesAreRefusedBeforeTheyAreSent(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.vars["TACHO_HOST"], w.vars["TACHO_KEY"] = "http://127.0.0.1:1", "two words"
	if code := w.tacho(t, "project", "list"); code != fault.ExitUsage || strings.Contains(w.stderr.String(), "two words") {
		t.Errorf("exit code %d, %q", code, w.stderr.String())
	}
}

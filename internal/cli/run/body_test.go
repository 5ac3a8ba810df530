package run

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/clitest"
	"github.com/tachograph/tacho/internal/cli/gitctx"
	"github.com/tachograph/tacho/internal/cli/value"
	"github.com/tachograph/tacho/internal/core/fault"
)

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
			w := clitest.New(nil)
			for k, v := range row.vars {
				w.Vars[k] = v
			}
			w.Dir = "/src/app"
			in, err := row.flags.newRun(&w.Env, row.found)
			if row.err != "" {
				if err == nil || err.Error() != row.err || cli.ExitCode(err) != fault.ExitUsage {
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
		"reset": {flags: runFlags{startPointReset: true}, want: &api.StartPoint{Reset: new(true)}},
		"all": {flags: runFlags{startPoint: "main", startPointHash: "h", startPointMax: 9,
			startPointClone: value.Choice{Given: true, Value: true}},
			want: &api.StartPoint{Branch: "main", Hash: "h", MaxVersions: new(9), CloneThresholds: new(true)}},
		"no name": {flags: runFlags{startPointClone: value.Choice{Given: true, Value: true}}, bad: true},
		"not to": {flags: runFlags{startPointClone: value.Choice{Given: true, Value: false}},
			want: &api.StartPoint{CloneThresholds: new(false)}},
		"too many": {flags: runFlags{startPoint: "main", startPointMax: 65_536}, bad: true},
	} {
		got, err := row.flags.newStartPoint()
		if (err != nil) != row.bad || cmp.Diff(row.want, got, cmp.Comparer(func(struct{}, struct{}) bool { return true })) != "" && !row.bad {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli/gitctx"
	"github.com/tachograph/tacho/internal/core/adapter"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/unit"
)

// localBranch is the branch of results in this machine's own store that come from no git repository: there is no other to confuse it with.
const localBranch = "local"

// newRun builds the request from flags, variables and what was detected, without results and job.
func (f *runFlags) newRun(env *Env, found gitctx.Context) (api.NewRun, error) {
	in := api.NewRun{
		Project: env.setting(f.project, "PROJECT"), Branch: env.setting(f.branch, "BRANCH"), Hash: env.setting(f.hash, "HASH"),
		Testbed: env.setting(f.testbed, "TESTBED"), IdempotencyKey: f.idempotencyKey, Context: found.Map(),
		Visibility: api.Visibility(f.visibility),
	}
	if in.IdempotencyKey == "" {
		in.IdempotencyKey = env.NewUUID()
	}
	if in.Hash == "" {
		in.Hash = found.Hash
	}
	if in.Branch == "" {
		var err error
		if in.Branch, err = found.NeedBranch(); err != nil {
			if !f.isEmbedded(env) || found.Root != "" || found.CI != "" || f.image != "" {
				return in, usage("%v", err)
			}
			in.Branch = localBranch
		}
	}
	maps.Copy(in.Context, f.place(env, found))
	if f.specReset {
		in.SpecReset = &f.specReset
	}
	var err error
	if in.StartPoint, err = f.newStartPoint(); err != nil {
		return in, err
	}
	if in.Thresholds, err = f.thresholds.models(); err != nil {
		return in, err
	}
	if s := (api.ReportSettings{Adapter: env.setting(f.adapter, "ADAPTER"), Average: f.average, Fold: f.fold,
		Mapping: f.mapping}); s != (api.ReportSettings{}) {
		in.Settings = &s
	}
	if f.backdate != "" {
		at, err := parseTime(f.backdate)
		if err != nil {
			return in, usage("--backdate %q: %v", f.backdate, err)
		}
		in.StartTime, in.EndTime = &at, &at
	}
	return in, nil
}

// place is the part of the context that does not come from git.
func (f *runFlags) place(env *Env, found gitctx.Context) map[string]string {
	m := map[string]string{}
	if name, known := map[string]string{"linux": "Linux", "darwin": "macOS", "windows": "Windows"}[env.OS]; known && f.image == "" {
		m["bencher.dev/v0/testbed/os"] = name
	}
	if found.Repository == "" { // then a project gets the name of the folder
		dir := env.Dir
		if dir == "" {
			dir, _ = os.Getwd()
		}
		if name := filepath.Base(dir); name != "." && name != string(filepath.Separator) {
			m["bencher.dev/v0/repo/name"] = name
		}
	}
	return m
}

func (f *runFlags) newStartPoint() (*api.StartPoint, error) {
	if f.startPoint == "" {
		if f.startPointHash != "" || f.startPointMax != 0 || f.startPointClone.is(true) {
			return nil, usage("--start-point-hash, --start-point-max-versions and --start-point-clone-thresholds need --start-point")
		}
		if !f.startPointReset && !f.startPointClone.set {
			return nil, nil
		}
	}
	p := &api.StartPoint{Branch: f.startPoint, Hash: f.startPointHash}
	if f.startPointMax != 0 {
		if f.startPointMax < 1 || f.startPointMax > limits.StartPointMax {
			return nil, usage("--start-point-max-versions %d: want 1 to %d", f.startPointMax, limits.StartPointMax)
		}
		p.MaxVersions = &f.startPointMax
	}
	if f.startPointClone.set {
		p.CloneThresholds = &f.startPointClone.value
	}
	if f.startPointReset {
		p.Reset = &f.startPointReset
	}
	return p, nil
}

// startFromParent makes the branch start from the one that it came from, when no flag says where it starts. It is for the branch that was
// detected: of one that a flag names, git knows nothing.
func (f *runFlags) startFromParent(found gitctx.Context, source gitctx.Source, in *api.NewRun) {
	if f.noStartPoint || f.startPoint != "" || f.startPointReset || in.Branch != found.Branch {
		return
	}
	parent := found.FindParent(source)
	if parent.Branch == "" {
		return
	}
	if in.StartPoint == nil {
		in.StartPoint = &api.StartPoint{}
	}
	yes := true
	in.StartPoint.Branch, in.StartPoint.Commits, in.StartPoint.Detected = parent.Branch, parent.Commits, &yes
}

// identify says which repository results for the store of this machine come from, where no project is named: two of one name are two
// projects.
func (f *runFlags) identify(env *Env, found gitctx.Context, source gitctx.Source, in *api.NewRun) {
	if f.isEmbedded(env) && in.Project == "" {
		maps.Copy(in.Context, found.Identity(source))
	}
}

// parseTime reads Unix seconds or RFC 3339.
func parseTime(s string) (time.Time, error) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n >= 0 {
		return time.Unix(n, 0).UTC(), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("want Unix seconds, 2026-03-04 or 2026-03-04T12:00:00Z")
}

// thresholdFlags are lists that belong together by position: the first test is for the first measure. "_" leaves a place empty.
type thresholdFlags struct {
	measures, tests, minimum, maximum, window, lower, upper []string
	reset                                                   bool
}

func (t *thresholdFlags) flags(cmd *cobra.Command) {
	v := cmd.Flags()
	v.StringArrayVar(&t.measures, "threshold-measure", nil,
		"set a threshold for this measure (repeatable; the others below go with it by position)")
	v.StringArrayVar(&t.tests, "threshold-test", nil, "its test: percentage or t_test")
	v.StringArrayVar(&t.minimum, "threshold-min-sample-size", nil, "values that it needs, or _")
	v.StringArrayVar(&t.maximum, "threshold-max-sample-size", nil, "newest values that it looks at, or _")
	v.StringArrayVar(&t.window, "threshold-window", nil, "how far it looks back: seconds, or 720h, or _")
	v.StringArrayVar(&t.lower, "threshold-lower-boundary", nil, "lower boundary of the test, or _")
	v.StringArrayVar(&t.upper, "threshold-upper-boundary", nil, "upper boundary of the test, or _")
	v.BoolVar(&t.reset, "thresholds-reset", false, "remove the models of all other thresholds of this branch and testbed")
}

// models builds the thresholds of a run; nil if no flag asks for any.
func (t *thresholdFlags) models() (*api.ReportThresholds, error) {
	for name, list := range map[string][]string{
		"test": t.tests, "min-sample-size": t.minimum, "max-sample-size": t.maximum, "window": t.window, "lower-boundary": t.lower,
		"upper-boundary": t.upper,
	} {
		if len(list) > len(t.measures) {
			return nil, usage("--threshold-%s is given %s, --threshold-measure %s; they go together by position", name, times(len(list)),
				times(len(t.measures)))
		}
	}
	if len(t.measures) == 0 && !t.reset {
		return nil, nil
	}
	out := &api.ReportThresholds{}
	if t.reset {
		out.Reset = &t.reset
	}
	for i, measure := range t.measures {
		if _, twice := out.Models[measure]; twice {
			return nil, usage("--threshold-measure %s is given twice", measure)
		}
		model, err := t.model(i)
		if err != nil {
			return nil, err
		}
		if out.Models == nil {
			out.Models = map[string]api.Model{}
		}
		out.Models[measure] = model
	}
	return out, nil
}

func times(n int) string { return counted(n, "time", "times") }

// model builds the i-th model.
func (t *thresholdFlags) model(i int) (m api.Model, err error) {
	if m.Test = place(t.tests, i); m.Test == "" {
		return m, usage("--threshold-measure %s has no --threshold-test; give percentage or t_test", t.measures[i])
	}
	for _, field := range []struct {
		flag string
		list []string
		set  func(string) error
	}{
		{"min-sample-size", t.minimum, integer(&m.MinSampleSize)},
		{"max-sample-size", t.maximum, integer(&m.MaxSampleSize)},
		{"window", t.window, window(&m.Window)},
		{"lower-boundary", t.lower, number(&m.LowerBoundary)},
		{"upper-boundary", t.upper, number(&m.UpperBoundary)},
	} {
		if text := place(field.list, i); text != "" {
			if err := field.set(text); err != nil {
				return m, usage("--threshold-%s %q: %v", field.flag, text, err)
			}
		}
	}
	return m, nil
}

// place is the i-th entry of a positional list, empty if it is missing or elided.
func place(list []string, i int) string {
	if i >= len(list) || list[i] == "_" {
		return ""
	}
	return list[i]
}

func integer(to **int) func(string) error {
	return func(s string) error {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return fmt.Errorf("want a whole number from 1")
		}
		*to = &n
		return nil
	}
}

func number(to **float64) func(string) error {
	return func(s string) error {
		x, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return fmt.Errorf("want a number")
		}
		*to = &x
		return nil
	}
}

func window(to **int64) func(string) error {
	return func(s string) error {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			d, derr := time.ParseDuration(s)
			n, err = int64(d/time.Second), derr
		}
		if err != nil || n < 1 {
			return fmt.Errorf("want seconds, or a time like 720h")
		}
		*to = &n
		return nil
	}
}

// newJob builds the job of a remote run. args are words of the image's command.
func (f *runFlags) newJob(env *Env, args []string) (*api.NewJob, error) {
	job := &api.NewJob{Image: f.image, Spec: f.spec, Entrypoint: f.entrypoint, Cmd: append(append([]string(nil), f.cmd...), args...)}
	vars, err := f.jobEnv(env)
	if err != nil {
		return nil, err
	}
	job.Env, job.SecretEnv = vars, f.secretEnv
	if f.timeout > 0 {
		seconds := int64((time.Duration(f.timeout) + time.Second - 1) / time.Second)
		job.Timeout = &seconds
	}
	if job.FilePaths = f.files; len(f.fileSizes) > 0 {
		yes := true
		job.FilePaths, job.FileSize = f.fileSizes, &yes
	}
	if f.buildTime {
		job.BuildTime = &f.buildTime
	}
	if f.iter > 1 {
		job.Iter = &f.iter
	}
	if f.allowFailure {
		job.AllowFailure = &f.allowFailure
	}
	if f.backdate != "" {
		at, err := parseTime(f.backdate)
		if err != nil {
			return nil, usage("--backdate %q: %v", f.backdate, err)
		}
		job.Backdate = &at
	}
	return job, nil
}

const secretEnvHelp = "NAME of a variable whose value never appears in outputs; passed on from here unless --env or --env-file sets it " +
	"(repeatable)"

// jobEnv reads --env-file, then --env, which wins. A name without a value is passed on from our environment.
func (f *runFlags) jobEnv(env *Env) (map[string]string, error) {
	vars := map[string]string{}
	set := func(where, entry string) error {
		name, value, given := strings.Cut(entry, "=")
		if name = strings.TrimSpace(name); name == "" || strings.ContainsAny(name, " \t\x00") {
			return usage("%s: %q is not NAME=VALUE or NAME", where, entry)
		}
		if !given {
			if value = env.Getenv(name); value == "" {
				return usage("%s: %s is not set here; give %s=VALUE", where, name, name)
			}
		}
		vars[name] = value
		return nil
	}
	for _, file := range f.envs {
		text, err := readSmall(env, file)
		if err != nil {
			return nil, usage("--env-file %s: %v", file, err)
		}
		for i, line := range strings.Split(text, "\n") {
			line = strings.TrimSuffix(line, "\r")
			if trimmed := strings.TrimSpace(line); trimmed == "" || strings.HasPrefix(trimmed, "#") {
				continue
			}
			if err := set(fmt.Sprintf("--env-file %s, line %d", file, i+1), line); err != nil {
				return nil, err
			}
		}
	}
	for _, entry := range f.variables {
		if err := set("--env", entry); err != nil {
			return nil, err
		}
	}
	for _, name := range f.secretEnv {
		if _, given := vars[name]; given {
			continue
		}
		if strings.Contains(name, "=") {
			return nil, usage("--secret-env takes a name alone, so that the value is in no list of processes; set the variable, or use --env-file")
		}
		if err := set("--secret-env", name); err != nil {
			return nil, err
		}
	}
	if len(vars) == 0 {
		return nil, nil
	}
	return vars, nil
}

// ownResults are what --build-time and --file-size measured in one iteration, as Bencher Metric Format.
func (f *runFlags) ownResults(env *Env, command string, wall time.Duration) (string, error) {
	type value struct {
		Value float64 `json:"value"`
	}
	results := map[string]map[string]value{}
	if f.buildTime {
		results[command] = map[string]value{unit.BuildTime.Slug: {wall.Seconds()}}
	}
	for _, name := range f.fileSizes {
		info, err := os.Stat(env.path(name))
		if err != nil {
			return "", usage("--file-size %s: %v", name, bareFileError(err))
		}
		benchmark := filepath.Base(name)
		if results[benchmark] == nil {
			results[benchmark] = map[string]value{}
		}
		results[benchmark][unit.FileSize.Slug] = value{float64(info.Size())}
	}
	text, err := json.Marshal(results)
	return string(text), err
}

// ownSettings are the settings of such results.
func ownSettings(s *api.ReportSettings) *api.ReportSettings {
	out := api.ReportSettings{Adapter: string(adapter.JSON)}
	if s != nil {
		out.Average, out.Fold = s.Average, s.Fold
	}
	return &out
}

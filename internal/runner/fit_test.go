package runner

import (
	"strings"
	"testing"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/limits"
)

func TestASpecRunsOnlyWhereItsIsolationIsReached(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ has, asks, says string }{
		{"container", "container", ""},
		{"gvisor", "container", ""},
		{"gvisor", "gvisor", ""},
		{"container", "gvisor", "offers isolation container, the spec asks for gvisor (start the runner with --runtime runsc)"},
		{"gvisor", "microvm", "offers isolation gvisor, the spec asks for microvm"},
		{"", "container", "offers isolation none, the spec asks for container"},
	} {
		has := aMachine(nil).offer()
		has.levels = strings.Fields(row.has)
		f := fits(aJob("j1", func(j *api.ClaimedJob) { j.Spec.Isolation = row.asks }), has)
		switch {
		case row.says == "" && f != nil:
			t.Errorf("%s on %s: %v", row.asks, row.has, f)
		case row.says != "" && (f == nil || f.reason != api.ReasonHostUnfit || !strings.HasSuffix(f.sentence, row.says)):
			t.Errorf("%s on %s: want %q, got %v", row.asks, row.has, row.says, f)
		}
	}
}

func TestAJobIsBoundedWhateverTheServerLetPass(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", limits.ArgBytes+1)
	for name, row := range map[string]struct {
		set  func(*api.JobConfig)
		says string // "": it is taken
	}{
		"a plain job":              {func(*api.JobConfig) {}, ""},
		"the longest word":         {func(c *api.JobConfig) { c.Cmd = []string{long[1:]} }, ""},
		"a longer word":            {func(c *api.JobConfig) { c.Cmd = []string{long} }, "a word of the command"},
		"a longer entrypoint":      {func(c *api.JobConfig) { c.Entrypoint = []string{long} }, "a word of the command"},
		"a NUL":                    {func(c *api.JobConfig) { c.Cmd = []string{"a\x00b"} }, "a word of the command"},
		"too many words":           {func(c *api.JobConfig) { c.Cmd = make([]string, limits.CmdWords+1) }, "more words"},
		"an entry without a name":  {func(c *api.JobConfig) { c.Env = map[string]string{"": "v"} }, "environment entry"},
		"a name with an equals":    {func(c *api.JobConfig) { c.Env = map[string]string{"a=b": "v"} }, "environment entry"},
		"a value with a NUL":       {func(c *api.JobConfig) { c.Env = map[string]string{"A": "\x00"} }, "environment entry"},
		"a long entry":             {func(c *api.JobConfig) { c.Env = map[string]string{"A": long[1:]} }, "environment entry"},
		"the longest entry":        {func(c *api.JobConfig) { c.Env = map[string]string{"A": long[2:]} }, ""},
		"a file":                   {func(c *api.JobConfig) { c.FilePaths = []string{"/out.json"} }, ""},
		"a file without a name":    {func(c *api.JobConfig) { c.FilePaths = []string{""} }, "cannot be collected"},
		"a file with a NUL":        {func(c *api.JobConfig) { c.FilePaths = []string{"/a\x00"} }, "cannot be collected"},
		"a file with a long name":  {func(c *api.JobConfig) { c.FilePaths = []string{strings.Repeat("x", limits.ImagePathBytes+1)} }, "cannot"},
		"the file that is our own": {func(c *api.JobConfig) { c.FilePaths = []string{MeasuresPath + "/."} }, "cannot be collected"},
		"too many iterations":      {func(c *api.JobConfig) { c.Iter = limits.IterationsPerJob + 1 }, "iterations"},
	} {
		f := bounded(aJob("j1", func(j *api.ClaimedJob) { row.set(&j.Config) }))
		switch {
		case row.says == "" && f != nil:
			t.Errorf("%s: %v", name, f)
		case row.says != "" && (f == nil || f.reason != api.ReasonLimit || !strings.Contains(f.sentence, row.says)):
			t.Errorf("%s: want %q, got %v", name, row.says, f)
		}
	}
}

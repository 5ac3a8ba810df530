package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tachograph/tacho/api"
)

// TestMisbehavingBenchmarksEndWithTheirReason runs real containers that break every rule; each job ends with its own reason, the runner
// goes on with the next one, and what was printed before is kept.
func TestMisbehavingBenchmarksEndWithTheirReason(t *testing.T) {
	needContainers(t)
	w := newWorld(t)
	if status := w.post("/v0/specs", api.NewSpec{Name: "small", Architecture: architecture(t, w), CPU: 1, Memory: 96 << 20, Disk: 64 << 20},
		nil); status != http.StatusCreated {
		t.Fatalf("create spec: status %d", status)
	}
	startRunner := w.newRunner("box")
	if status := w.post("/v0/runners/box/specs", api.AddRunnerSpec{Spec: "small"}, nil); status != http.StatusCreated {
		t.Fatalf("add spec: status %d", status)
	}
	w.pushEmit("bad/emit:v1")
	startRunner()

	timeout := int64(10)
	for _, row := range []struct {
		word    string
		status  api.JobStatus
		reasons []api.Reason
		output  string
	}{
		{"flood", api.JobFailed, []api.Reason{api.ReasonLimit}, "xxx"},
		{"fork", api.JobFailed, []api.Reason{api.ReasonBenchmarkTimeout, api.ReasonOutOfMemory}, ""}, // whichever limit it meets first
		{"eat", api.JobFailed, []api.Reason{api.ReasonOutOfMemory}, ""},
		{"stubborn", api.JobFailed, []api.Reason{api.ReasonBenchmarkTimeout}, "I stay"},
		{"silent", api.JobFailed, []api.Reason{api.ReasonNoResult}, ""},
		{"partial", api.JobFailed, []api.Reason{api.ReasonBenchmarkExit}, "partial"},
		{"1", api.JobProcessed, []api.Reason{api.ReasonNone}, "emit"},
	} {
		t.Run(row.word, func(t *testing.T) {
			w.t = t
			var report api.Report
			if status := w.post("/v0/run", api.NewRun{
				Project: "bad", Branch: "main", Settings: &api.ReportSettings{Adapter: "json"},
				Job: &api.NewJob{Image: "emit:v1", Spec: "small", Cmd: []string{row.word}, Timeout: &timeout},
			}, &report); status != http.StatusCreated || report.Job == nil {
				t.Fatalf("submit: status %d, report %+v", status, report)
			}
			var job api.Job
			until(t, "the job to end", func() bool {
				return w.get("/v0/projects/bad/jobs/"+*report.Job, &job) && ended(job.Status)
			})
			if job.Status != row.status || !slices.Contains(row.reasons, job.Reason) {
				t.Errorf("job ended %s (%s: %s), want %s (%s)", job.Status, job.Reason, job.Error, row.status, row.reasons)
			}
			if row.output != "" && (job.Output == nil || !strings.Contains(fmt.Sprint(texts(job.Output)), row.output)) {
				t.Errorf("the output has no %q", row.output)
			}
		})
	}
}

func texts(out *api.JobOutput) []string {
	var all []string
	for _, r := range out.Results {
		if r.Stdout != nil {
			all = append(all, *r.Stdout)
		}
	}
	return all
}

// architecture is that of the default spec, which describes this host.
func architecture(t *testing.T, w *world) string {
	t.Helper()
	var spec api.Spec
	if !w.get("/v0/specs/default", &spec) {
		t.Fatal("the server made no default spec")
	}
	return spec.Architecture
}

// TestWhatCannotRunIsSaidAtSubmit checks the refusals that must come at once and leave nothing behind.
func TestWhatCannotRunIsSaidAtSubmit(t *testing.T) {
	w := newWorld(t)
	w.pushEmit("early/emit:v1")
	if status := w.post("/v0/specs", api.NewSpec{Name: "lonely", Architecture: architecture(t, w), CPU: 1, Memory: 1 << 30, Disk: 1 << 30},
		nil); status != http.StatusCreated {
		t.Fatalf("create spec: status %d", status)
	}
	for name, job := range map[string]api.NewJob{
		"a missing image":                 {Image: "nothing:v1"},
		"a missing tag":                   {Image: "emit:v2"},
		"a digest that is not there":      {Image: "emit@sha256:" + strings.Repeat("0", 64)},
		"a spec that does not exist":      {Image: "emit:v1", Spec: "imaginary"},
		"a spec that no runner has":       {Image: "emit:v1", Spec: "lonely"},
		"an image name that is no name":   {Image: "../../etc/passwd"},
		"a registry on a private address": {Image: "127.0.0.1:1/x/y:v1"},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			status := w.post("/v0/run", api.NewRun{Project: "early", Branch: "main", Job: &job}, nil)
			if status < 400 || status >= 500 {
				t.Errorf("status %d, want a refusal", status)
			}
			var reports []api.Report
			if !w.get("/v0/projects/early/reports", &reports) || len(reports) != 0 {
				t.Errorf("%d reports were left behind", len(reports))
			}
		})
	}
}

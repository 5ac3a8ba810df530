package run_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli/clitest"
	"github.com/tachograph/tacho/internal/cli/verbs"
	"github.com/tachograph/tacho/internal/core/fault"
)

// TestTheRunOfAComparisonEndsWithItsOwnReport: the last job is the base's, and the results of the run's own image may be read, or refused,
// after that.
func TestTheRunOfAComparisonEndsWithItsOwnReport(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		ends  api.JobStatus // of the head's last job
		why   api.Reason
		code  int
		wants string
	}{
		"read":    {api.JobProcessed, "", 0, ""},
		"refused": {api.JobFailed, api.ReasonNoResult, fault.ExitBenchmarkFailed, "the job failed (no_result)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const own, other = "own-report", "other-report"
			jobs := map[string]*struct {
				report string
				states []api.JobStatus // as they are seen, one for each look; the last stays
			}{
				"b1": {other, []api.JobStatus{api.JobCompleted}}, "h1": {own, []api.JobStatus{api.JobCompleted}},
				"h2": {own, []api.JobStatus{api.JobCompleted, row.ends}}, "b2": {other, []api.JobStatus{api.JobProcessed}},
			}
			report := api.Report{UUID: own, Project: api.Project{Slug: "app"}, Job: new("h1"), Status: api.ReportPending,
				Measurement: &api.Measurement{UUID: "m"}}
			for _, id := range []string{"b1", "h1", "h2", "b2"} {
				report.Measurement.Jobs = append(report.Measurement.Jobs, api.MeasurementJob{UUID: id, Report: jobs[id].report})
			}
			var mu sync.Mutex
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				if id, ok := strings.CutPrefix(r.URL.Path, "/v0/projects/app/jobs/"); ok {
					id, _, follows := strings.Cut(id, "/")
					job := jobs[id]
					now := api.Job{UUID: id, Project: "app", Report: job.report, Status: job.states[0], Parts: 2}
					if now.Status == api.JobFailed {
						now.Reason = row.why
					}
					if len(job.states) > 1 {
						job.states = job.states[1:]
					}
					if !follows {
						_ = json.NewEncoder(w).Encode(now)
						return
					}
					_, _ = w.Write([]byte(state(now.Status, func(j *api.Job) { *j = now })))
					return
				}
				if r.URL.Path == "/v0/run" {
					w.WriteHeader(http.StatusCreated)
				}
				_ = json.NewEncoder(w).Encode(report)
			}))
			t.Cleanup(server.Close)
			p := clitest.New(verbs.All)
			p.Vars["TACHO_HOST"], p.Vars["TACHO_KEY"] = server.URL, "tacho_user_x"
			p.Dir = t.TempDir()
			code := p.Tacho(t, append(runImage, "--base-image", "bench:v0", "--base-branch", "main", "--jobs", "2")...)
			if code != row.code || !strings.Contains(p.ErrText.String(), row.wants) {
				t.Errorf("exit code %d, want %d: %s", code, row.code, p.ErrText.String())
			}
			if len(jobs["h2"].states) != 1 {
				t.Error("nobody waited for the head's results")
			}
		})
	}
}

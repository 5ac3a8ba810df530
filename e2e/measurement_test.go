package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tachograph/tacho/api"
)

// TestTwoImagesAreMeasuredInTurnsOnOneMachine: two runners wait, and one of them runs both sides, each with a report where it belongs.
func TestTwoImagesAreMeasuredInTurnsOnOneMachine(t *testing.T) {
	needContainers(t)
	w := newWorld(t)
	for _, name := range []string{"left", "right"} {
		w.newRunner(name)()
	}
	w.pushEmit("turns/emit:main")
	w.pushEmit("turns/emit:topic")
	out, code := w.tacho("run", "--project", "turns", "--branch", "topic", "--adapter", "json", "--image", "emit:topic",
		"--base-image", "emit:main", "--base-branch", "main", "--base-hash", strings.Repeat("b", 40),
		"--jobs", "2", "--cmd", "50", "--cmd", "1000", "--json", "--quiet")
	var head, base api.Report
	if err := json.Unmarshal([]byte(out), &head); code != 0 || err != nil || head.Measurement == nil {
		t.Fatalf("exit code %d, %v: %s", code, err, out)
	}
	if shown := w.must("report", "view", "turns", head.UUID); !strings.Contains(shown, "compared with main") {
		t.Errorf("it is not compared with its base: %s", shown)
	}
	var order []string
	runners := map[string]bool{}
	for _, job := range head.Measurement.Jobs {
		order = append(order, string(job.Side))
		if job.Status != api.JobProcessed || job.Runner == nil {
			t.Fatalf("job %s is %s", job.UUID, job.Status)
		}
		runners[*job.Runner] = true
		if job.Side == api.SideBase && base.UUID == "" && !w.get("/v0/projects/turns/reports/"+job.Report, &base) {
			t.Fatal("the base has no report")
		}
	}
	if got := strings.Join(order, " "); got != "head base base head" && got != "base head head base" {
		t.Errorf("order: %s", got)
	}
	if len(runners) != 1 {
		t.Errorf("machines: %v, want one", runners)
	}
	for _, report := range []api.Report{head, base} {
		if report.Status != api.ReportProcessed || len(report.Results) != 2 || strings.Contains(fmt.Sprint(report.Warnings), "machines") {
			t.Errorf("report on %s: %s, %d iterations, %q", report.Branch.Name, report.Status, len(report.Results), report.Warnings)
		}
	}
	if head.Branch.Name != "topic" || base.Branch.Name != "main" {
		t.Errorf("head on %s, base on %s", head.Branch.Name, base.Branch.Name)
	}
}

// TestAReportOfSeveralJobsIsFollowedToItsEnd: the command line shows one job after the other, and the report when all are there.
func TestAReportOfSeveralJobsIsFollowedToItsEnd(t *testing.T) {
	needContainers(t)
	w := newWorld(t)
	w.newRunner("box")()
	w.pushEmit("several/emit:v1")
	out, code := w.tacho("run", "--project", "several", "--branch", "main", "--adapter", "json", "--image", "emit:v1", "--jobs", "3",
		"--cmd", "50", "--cmd", "1000")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, out)
	}
	var reports []api.Report
	if !w.get("/v0/projects/several/reports", &reports) || len(reports) != 1 {
		t.Fatalf("%d reports", len(reports))
	}
	jobs := map[string]bool{}
	for _, count := range reports[0].Counts.Results {
		jobs[count.Job] = true
	}
	if len(jobs) != 3 || reports[0].Status != api.ReportProcessed {
		t.Errorf("the report is %s with results of %d jobs, want 3", reports[0].Status, len(jobs))
	}
}

// TestAJobThatFailsEndsTheRunThatWaitsForSeveral: the command line ends with the reason of the one that failed, whichever it was.
func TestAJobThatFailsEndsTheRunThatWaitsForSeveral(t *testing.T) {
	needContainers(t)
	w := newWorld(t)
	for _, name := range []string{"left", "right"} {
		w.newRunner(name)()
	}
	w.pushEmit("failing/emit:v1")
	out, code := w.tacho("run", "--project", "failing", "--branch", "main", "--adapter", "json", "--image", "emit:v1", "--jobs", "4",
		"--cmd", "partial")
	if code != 4 {
		t.Errorf("exit code %d, want 4: %s", code, out)
	}
	var jobs []api.Job
	until(t, "the end of all jobs", func() bool {
		w.get("/v0/projects/failing/jobs", &jobs)
		return len(jobs) == 4 && !slices.ContainsFunc(jobs, func(j api.Job) bool { return !ended(j.Status) })
	})
	if !slices.ContainsFunc(jobs, func(j api.Job) bool { return j.Reason == api.ReasonMeasurement }) {
		t.Error("no job ended because of another")
	}
}

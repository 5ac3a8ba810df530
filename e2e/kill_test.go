package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tachograph/tacho/api"
)

// TestEachJobEndsExactlyOnceUnderKill submits jobs while server and runner are killed with kill -9 at random points. Each job must end
// processed, by exactly one claim's results. TACHO_E2E_JOBS sets the number of jobs (default 12), TACHO_E2E_SEED the random points.
func TestEachJobEndsExactlyOnceUnderKill(t *testing.T) {
	needContainers(t)
	jobs := number(t, "TACHO_E2E_JOBS", 12)
	seed := number(t, "TACHO_E2E_SEED", int(time.Now().UnixNano()%1_000_000))
	t.Logf("TACHO_E2E_SEED=%d", seed)
	random := rand.New(rand.NewPCG(uint64(seed), 1))

	w := newWorld(t)
	startRunner := w.newRunner("box")
	w.pushEmit("killed/emit:v1")
	runner := startRunner()

	ids := make([]string, jobs)
	for i := range ids {
		value := strconv.Itoa(1000 + i)
		run := api.NewRun{
			Project: "killed", Branch: "main", Hash: fmt.Sprintf("%040x", i), IdempotencyKey: uuid.NewString(),
			Settings: &api.ReportSettings{Adapter: "json"},
			Job:      &api.NewJob{Image: "emit:v1", Cmd: []string{"50", value}},
		}
		var report api.Report
		until(t, "submit", func() bool { // a retry with the same key after a kill is the point
			switch status := w.post("/v0/run", run, &report); status {
			case http.StatusCreated, http.StatusOK:
				return true
			case 0:
				return false
			default:
				t.Fatalf("submit %d: status %d", i, status)
				return false
			}
		})
		if report.Job == nil {
			t.Fatalf("report %s has no job", report.UUID)
		}
		ids[i] = *report.Job
		if i > 0 && i%(jobs/6+1) == 0 {
			w.server.kill()
			w.startServer()
		}
	}
	// All are submitted; now both are killed by turns while the queue drains.
	kills := 0
	for left := jobs; left > 0; {
		time.Sleep(time.Duration(300+random.IntN(2500)) * time.Millisecond) // the random points in the lives of two other processes
		if random.IntN(2) == 0 {
			w.server.kill()
			w.startServer()
		} else {
			runner.kill()
			runner = startRunner()
		}
		kills++
		left = 0
		for _, id := range ids {
			var job api.Job
			if !w.get("/v0/projects/killed/jobs/"+id, &job) || !ended(job.Status) {
				left++
			}
		}
		if kills >= jobs/2+4 { // enough; let it drain
			break
		}
	}
	for i, id := range ids {
		var job api.Job
		until(t, "job "+strconv.Itoa(i)+" to end", func() bool {
			return w.get("/v0/projects/killed/jobs/"+id, &job) && ended(job.Status)
		})
		checkProcessedOnce(t, w, i, job)
	}
	t.Logf("%d jobs, %d kills", jobs, kills)
	until(t, "the last runner to start", func() bool { return strings.Contains(runner.out.String(), "runner starts") })
	if code := runner.stop(t); code != 0 {
		t.Errorf("the runner ended with %d after SIGTERM, want 0", code)
	}
	if code := w.server.stop(t); code != 0 {
		t.Errorf("the server ended with %d after SIGTERM, want 0", code)
	}
}

func checkProcessedOnce(t *testing.T, w *world, i int, job api.Job) {
	t.Helper()
	if job.Status != api.JobProcessed {
		t.Errorf("job %d ended %s (%s: %s), want processed", i, job.Status, job.Reason, job.Error)
		return
	}
	processed := 0
	for _, e := range job.Events {
		if e.To == api.JobProcessed && e.From != api.JobProcessed {
			processed++
		}
	}
	if processed != 1 {
		t.Errorf("job %d was processed %d times", i, processed)
	}
	var report api.Report
	if !w.get("/v0/projects/killed/reports/"+job.Report, &report) {
		t.Errorf("report of job %d is not there", i)
		return
	}
	if len(report.Results) != 1 || len(report.Results[0]) != 1 || len(report.Results[0][0].Measures) != 1 {
		t.Errorf("report of job %d has results %+v, want one metric", i, report.Results)
		return
	}
	if got, want := report.Results[0][0].Measures[0].Metric.Value, float64(1000+i); got != want {
		t.Errorf("job %d gave %v, want %v", i, got, want)
	}
}

func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

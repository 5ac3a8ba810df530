package e2e

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/server/store/testdb"
)

// newServers starts servers on one PostgreSQL database and one data folder. The first one's key is that of all.
func newServers(t *testing.T, n int) []*world {
	t.Helper()
	return serversOn(t, testdb.PostgresConfig(t).URL, n)
}

func serversOn(t *testing.T, address string, n int) []*world {
	t.Helper()
	database, data := "TACHO_DATABASE="+address, filepath.Join(t.TempDir(), "data")
	all := make([]*world, n)
	for i := range all {
		w := &world{t: t, data: data, listen: freePort(t)}
		w.url = "http://" + w.listen
		w.startServer(database)
		all[i] = w
	}
	until(t, "the admin key", func() bool { all[0].key = keyLine.FindString(all[0].server.out.String()); return all[0].key != "" })
	for _, w := range all[1:] {
		if key := keyLine.FindString(w.server.out.String()); key != "" {
			t.Errorf("another server shows a key of its own: %s", key)
		}
		w.key = all[0].key
	}
	return all
}

// follow reads a job's events until one holds the text, and returns what came.
func (w *world) follow(project, job, text string) (seen string, found bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url+"/v0/projects/"+project+"/jobs/"+job+"/events", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	var b strings.Builder
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		b.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), text) {
			return b.String(), true
		}
	}
	return b.String(), false
}

// TestThreeServersAreOne: a job that is submitted at the first is run by a runner at the second and followed at the third, and canceled
// there. A server that is killed takes nothing with it.
func TestThreeServersAreOne(t *testing.T) {
	needContainers(t)
	all := newServers(t, 3)
	a, b, c := all[0], all[1], all[2]
	a.pushEmit("live/emit:v1")
	b.newRunner("box")()
	submit := func(w *world, words ...string) (report api.Report, job string) {
		t.Helper()
		if status := w.post("/v0/run", api.NewRun{Project: "live", Branch: "main", Settings: &api.ReportSettings{Adapter: "json"},
			Job: &api.NewJob{Image: "emit:v1", Cmd: words}}, &report); status != http.StatusCreated || report.Job == nil {
			t.Fatalf("submit: status %d", status)
		}
		return report, *report.Job
	}

	_, stubborn := submit(a, "stubborn")
	if seen, found := c.follow("live", stubborn, "I stay"); !found {
		t.Fatalf("its output is not seen at the third server: %s", seen)
	}
	c.must("job", "cancel", "live", stubborn)
	state := func(w *world, id string) (job api.Job) {
		w.get("/v0/projects/live/jobs/"+id, &job)
		return job
	}
	until(t, "the end of the canceled job", func() bool { return state(a, stubborn).Status == api.JobCanceled })

	a.server.kill()
	_, id := submit(c, "50", "1000")
	until(t, "the results of a job, at the third server", func() bool { return ended(state(c, id).Status) })
	if job := state(b, id); job.Status != api.JobProcessed {
		t.Errorf("the job is %s: %v", job.Status, job.Error)
	}
}

// TestEachJobEndsExactlyOnceWhateverDies submits jobs at three servers on one PostgreSQL, while servers, runner and PostgreSQL are killed
// with kill -9 at random points. TACHO_E2E_JOBS sets the number of jobs (default 12), TACHO_E2E_SEED the random points.
func TestEachJobEndsExactlyOnceWhateverDies(t *testing.T) {
	needContainers(t)
	jobs := number(t, "TACHO_E2E_JOBS", 12)
	seed := number(t, "TACHO_E2E_SEED", int(time.Now().UnixNano()%1_000_000))
	t.Logf("TACHO_E2E_SEED=%d", seed)
	random := rand.New(rand.NewPCG(uint64(seed), 2))
	address, crash := testdb.Crashing(t)
	all := serversOn(t, address, 3)
	startRunner := all[1].newRunner("box")
	all[0].pushEmit("killed/emit:v1")
	runner := startRunner()
	killed := map[string]int{}
	kill := func() {
		switch what := random.IntN(5); what {
		case 0:
			crash()
			killed["PostgreSQL"]++
		case 1:
			runner.kill()
			runner = startRunner()
			killed["runner"]++
		default:
			w := all[what-2]
			w.server.kill()
			w.startServer("TACHO_DATABASE=" + address)
			killed["server"]++
		}
	}
	reports := make([]api.Report, jobs)
	for i := range reports {
		run := api.NewRun{
			Project: "killed", Branch: "main", Hash: fmt.Sprintf("%040x", i), IdempotencyKey: uuid.NewString(),
			Settings: &api.ReportSettings{Adapter: "json"},
			Job:      &api.NewJob{Image: "emit:v1", Cmd: []string{"50", strconv.Itoa(1000 + i)}},
		}
		until(t, "submit", func() bool { // the same key again, at any of them
			switch status := all[random.IntN(3)].post("/v0/run", run, &reports[i]); status {
			case http.StatusCreated, http.StatusOK:
				return true
			case 0, http.StatusServiceUnavailable, http.StatusInternalServerError: // it, or the database, was killed under the request
				return false
			default:
				t.Fatalf("submit %d: status %d", i, status)
				return false
			}
		})
		if reports[i].Job == nil {
			t.Fatalf("report %s has no job", reports[i].UUID)
		}
		if i > 0 && i%(jobs/6+1) == 0 {
			kill()
		}
	}
	for range jobs/2 + 4 {
		time.Sleep(time.Duration(300+random.IntN(2000)) * time.Millisecond) // the random points in the lives of other processes
		kill()
	}
	for i, report := range reports {
		w := all[i%3]
		var job api.Job
		until(t, "job "+strconv.Itoa(i)+" to end", func() bool {
			return w.get("/v0/projects/killed/jobs/"+*report.Job, &job) && ended(job.Status)
		})
		checkProcessedOnce(t, w, i, job)
	}
	t.Logf("%d jobs, killed: %v", jobs, killed)
}
